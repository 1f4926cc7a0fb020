//! What the views call a class: a class of the corpus, or a bin of the intensities of a target.

use mct_corpus::{Metadata, Target, Task, Utterance};
use mct_hfr::config::Interface;
use mct_scores::intensity::TargetBins;

/// The classes, or the bins of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Categories {
    pub names: Vec<String>,
    /// For each class of the corpus its place among `names`: a model may know more classes, or count them
    /// in another order.
    places: Vec<Option<usize>>,
    /// For each target of the model its place among those of the corpus.
    rated: Vec<Option<usize>>,
    /// In a regression: which of the targets, and its bins.
    target: Option<(usize, Target)>,
}

impl Categories {
    /// What a model predicts on a corpus; of several targets, number `target`.
    pub fn of_model(metadata: &Metadata, interface: &Interface, target: usize) -> Self {
        Self::new(metadata, &interface.classes, &interface.targets, target)
    }

    /// What a corpus is labelled with: its classes, where it has any.
    pub fn of_corpus(metadata: &Metadata, target: usize) -> Self {
        let targets: &[Target] = if metadata.classes.is_empty() {
            &metadata.targets
        } else {
            &[]
        };
        Self::new(metadata, &metadata.classes, targets, target)
    }

    fn new(metadata: &Metadata, classes: &[String], targets: &[Target], target: usize) -> Self {
        let index = target.min(targets.len().saturating_sub(1));
        let place = |name: &String| classes.iter().position(|class| class == name);
        let rated = |target: &Target| metadata.targets.iter().position(|own| own == target);
        let chosen = targets.get(index);
        Self {
            names: chosen.map_or_else(|| classes.to_vec(), |target| TargetBins::of(target).names()),
            places: metadata.classes.iter().map(place).collect(),
            rated: targets.iter().map(rated).collect(),
            target: chosen.map(|target| (index, target.clone())),
        }
    }

    pub const fn task(&self) -> Task {
        match self.target {
            None => Task::Classification,
            Some(_) => Task::Regression,
        }
    }

    /// In a regression: which of the targets.
    pub fn target(&self) -> Option<(usize, &Target)> {
        self.target.as_ref().map(|(index, target)| (*index, target))
    }

    /// The bin of an intensity.
    pub fn bin(&self, value: f32) -> usize {
        let bins = self
            .target
            .as_ref()
            .map(|(_, target)| TargetBins::of(target));
        bins.map_or(0, |bins| bins.bin(value))
    }

    /// The true class or bin of an utterance; `None` where it has no label, or one that the model does not
    /// know.
    pub fn label(&self, utterance: &Utterance) -> Option<usize> {
        match &self.target {
            None => *self.places.get(utterance.label?)?,
            Some((index, _)) => Some(self.bin(self.rating(utterance, *index)?)),
        }
    }

    /// The true intensity of an utterance, of target number `target` of the model.
    pub fn rating(&self, utterance: &Utterance, target: usize) -> Option<f32> {
        let place = (*self.rated.get(target)?)?;
        *utterance.targets.get(place)?
    }

    /// The label as a text: the class, or the intensity itself; empty where there is none.
    pub fn text(&self, utterance: &Utterance) -> String {
        match &self.target {
            None => self
                .label(utterance)
                .map_or_else(String::new, |label| self.names[label].clone()),
            Some((index, _)) => {
                let value = self.rating(utterance, *index);
                value.map_or_else(String::new, |value| format!("{value:.2}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_model_finds_the_labels_of_another_corpus_by_their_names() {
        let target = |name: &str| Target {
            name: name.to_owned(),
            range: [-3.0, 3.0],
        };
        let metadata = Metadata {
            classes: names(&["sad", "bored", "happy"]),
            targets: vec![target("arousal"), target("valence")],
            ..Metadata::default()
        };
        let utterance = |label| Utterance {
            label: Some(label),
            targets: vec![Some(1.0), Some(2.0)],
            ..Utterance::default()
        };
        let interface = Interface {
            modalities: Vec::new(),
            classes: names(&["happy", "sad"]),
            targets: Vec::new(),
        };
        let categories = Categories::of_model(&metadata, &interface, 0);
        let labels = [0, 1, 2].map(|label| categories.label(&utterance(label)));
        assert_eq!(labels, [Some(1), None, Some(0)]);
        assert_eq!(categories.text(&utterance(2)), "happy");
        let interface = Interface {
            classes: Vec::new(),
            targets: vec![target("valence"), target("dominance")],
            ..interface
        };
        let categories = Categories::of_model(&metadata, &interface, 0);
        assert_eq!(categories.rating(&utterance(0), 0), Some(2.0));
        assert_eq!(categories.rating(&utterance(0), 1), None);
        assert_eq!(
            categories.names[categories.label(&utterance(0)).unwrap()],
            "2"
        );
    }
}
