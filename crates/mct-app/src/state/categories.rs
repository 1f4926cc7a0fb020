//! What the views call a class: a class of the corpus, or a bin of the intensities of a target.

use mct_corpus::{Metadata, Target, Task, Utterance};
use mct_hfr::config::Interface;
use mct_scores::intensity::TargetBins;

/// The classes, or the bins of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Categories {
    pub names: Vec<String>,
    /// In a regression: which of the targets, and its bins.
    target: Option<(usize, Target)>,
}

impl Categories {
    /// What a model predicts; of several targets, number `target`.
    pub fn of_model(interface: &Interface, target: usize) -> Self {
        Self::new(&interface.classes, &interface.targets, target)
    }

    /// What a corpus is labelled with: its classes, where it has any.
    pub fn of_corpus(metadata: &Metadata, target: usize) -> Self {
        let targets: &[Target] = if metadata.classes.is_empty() {
            &metadata.targets
        } else {
            &[]
        };
        Self::new(&metadata.classes, targets, target)
    }

    fn new(classes: &[String], targets: &[Target], target: usize) -> Self {
        let index = target.min(targets.len().saturating_sub(1));
        match targets.get(index) {
            None => Self {
                names: classes.to_vec(),
                target: None,
            },
            Some(target) => Self {
                names: TargetBins::of(target).names(),
                target: Some((index, target.clone())),
            },
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

    /// The true class or bin of an utterance; `None` where it has no label.
    pub fn label(&self, utterance: &Utterance) -> Option<usize> {
        match &self.target {
            None => utterance.label.filter(|label| *label < self.names.len()),
            Some((index, _)) => Some(self.bin((*utterance.targets.get(*index)?)?)),
        }
    }

    /// The label as a text: the class, or the intensity itself; empty where there is none.
    pub fn text(&self, utterance: &Utterance) -> String {
        match &self.target {
            None => self
                .label(utterance)
                .map_or_else(String::new, |label| self.names[label].clone()),
            Some((index, _)) => {
                let value = utterance.targets.get(*index).copied().flatten();
                value.map_or_else(String::new, |value| format!("{value:.2}"))
            }
        }
    }
}
