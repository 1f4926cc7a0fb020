//! What a model takes and gives.

use mct_corpus::{Corpus, Metadata, Target, Task};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a model takes and gives: fixed by the corpus it was made for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    pub modalities: Vec<InputShape>,
    /// What it tells apart; empty for a regression.
    pub classes: Vec<String>,
    /// What it predicts in a regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputShape {
    /// The modality.
    pub name: String,
    /// Features per time step.
    pub features: usize,
    /// What made them of recordings, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extractor: Option<String>,
    /// Positions at which a missing step is replaced by a vector of its own; `None` where one serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_positions: Option<usize>,
}

impl InputShape {
    /// Whether a model that was trained on features of shape `own` can take these; features of an unknown
    /// origin are taken at their word.
    fn fits(&self, own: &Self) -> bool {
        let made = self.extractor.as_ref().zip(own.extractor.as_ref());
        let same = made.is_none_or(|(found, expected)| found == expected);
        (&self.name, self.features) == (&own.name, own.features) && same
    }
}

impl Interface {
    /// The modality named `text`, which some systems treat in a way of its own.
    pub fn text(&self) -> Option<usize> {
        self.modalities.iter().position(|m| m.name == "text")
    }

    /// The number of outputs: logits of the classes, or intensities.
    pub fn outputs(&self) -> usize {
        self.classes.len() + self.targets.len()
    }

    /// What it predicts.
    pub const fn task(&self) -> Task {
        if self.targets.is_empty() {
            Task::Classification
        } else {
            Task::Regression
        }
    }

    pub fn of(corpus: &Corpus, task: Task) -> Self {
        let metadata = &corpus.metadata;
        let (classes, targets) = match task {
            Task::Classification => (metadata.classes.clone(), Vec::new()),
            Task::Regression => (Vec::new(), metadata.targets.clone()),
        };
        Self {
            modalities: corpus
                .modalities
                .iter()
                .map(|modality| InputShape {
                    name: modality.name.clone(),
                    features: modality.dim,
                    extractor: modality.extractor.clone(),
                    unknown_positions: modality
                        .unknown
                        .as_ref()
                        .map(|rows| rows.len() / modality.dim)
                        .filter(|positions| *positions > 1),
                })
                .collect(),
            classes,
            targets,
        }
    }

    /// Refuses a corpus with other modalities, feature sizes, classes or targets.
    ///
    /// # Errors
    /// Says what differs.
    pub fn require(&self, corpus: &Corpus) -> Result<()> {
        self.require_features(corpus)?;
        let own = Self::of(corpus, self.task());
        if (&own.classes, &own.targets) == (&self.classes, &self.targets) {
            return Ok(());
        }
        let field = match self.task() {
            Task::Classification => "classes",
            Task::Regression => "targets (range)",
        };
        let (found, expected) = (own.describe_outputs(), self.describe_outputs());
        let found = if found.is_empty() { "none" } else { &found };
        Err(Error::invalid(&corpus.source, field, found, expected))
    }

    /// The corpus with its labels as the model counts them: classes and targets are found by their names.
    ///
    /// # Errors
    /// When the corpus has other modalities or feature sizes, classes that the model does not know, or lacks
    /// a target.
    pub fn fit(&self, corpus: &Corpus) -> Result<Corpus> {
        let mut fitted = corpus.clone();
        // The process of a synthetic corpus goes by the order of its classes.
        if corpus.metadata.process.is_none() && self.knows_labels_of(corpus) {
            match self.task() {
                Task::Classification => self.renumber(&mut fitted),
                Task::Regression => self.choose_targets(&mut fitted),
            }
        }
        self.require(&fitted)?;
        Ok(fitted)
    }

    /// Whether the corpus has labels that the model knows.
    pub fn knows_labels_of(&self, corpus: &Corpus) -> bool {
        let Metadata {
            classes, targets, ..
        } = &corpus.metadata;
        let known = |label: &usize| self.classes.contains(&classes[*label]);
        let rated = |(value, target): (&Option<f32>, &Target)| {
            value.is_some() && self.targets.contains(target)
        };
        corpus.utterances.iter().any(|utterance| match self.task() {
            Task::Classification => utterance.label.as_ref().is_some_and(known),
            Task::Regression => utterance.targets.iter().zip(targets).any(rated),
        })
    }

    /// Numbers the classes as the model does, where it knows all that occur.
    fn renumber(&self, corpus: &mut Corpus) {
        let classes = &corpus.metadata.classes;
        let place = |name: &String| self.classes.iter().position(|own| own == name);
        let places: Vec<Option<usize>> = classes.iter().map(place).collect();
        let mut labels = corpus
            .utterances
            .iter()
            .filter_map(|utterance| utterance.label);
        if labels.all(|label| places[label].is_some()) {
            for utterance in &mut corpus.utterances {
                utterance.label = utterance.label.and_then(|label| places[label]);
            }
            corpus.metadata.classes.clone_from(&self.classes);
        }
    }

    /// Keeps the targets of the model in their order, where the corpus has all of them.
    fn choose_targets(&self, corpus: &mut Corpus) {
        let targets = &corpus.metadata.targets;
        let place = |target: &Target| targets.iter().position(|own| own == target);
        let places: Option<Vec<usize>> = self.targets.iter().map(place).collect();
        if let Some(places) = places {
            for utterance in &mut corpus.utterances {
                utterance.targets = places
                    .iter()
                    .map(|place| utterance.targets[*place])
                    .collect();
            }
            corpus.metadata.targets.clone_from(&self.targets);
        }
    }

    /// Refuses a corpus with other modalities or feature sizes, or features that another extractor made. That
    /// is enough to predict.
    ///
    /// # Errors
    /// Says what differs.
    pub fn require_features(&self, corpus: &Corpus) -> Result<()> {
        let found = Self::of(corpus, Task::default());
        let pairs = found.modalities.iter().zip(&self.modalities);
        let fits = |(found, own): (&InputShape, &InputShape)| found.fits(own);
        if found.modalities.len() == self.modalities.len() && pairs.into_iter().all(fits) {
            return Ok(());
        }
        let (found, expected) = (found.describe_modalities(), self.describe_modalities());
        let field = "modalities (features)";
        Err(Error::invalid(&corpus.source, field, found, expected))
    }

    /// Its modalities with their features, for messages.
    pub fn describe_modalities(&self) -> String {
        let shapes = self.modalities.iter();
        let shapes: Vec<String> = shapes
            .map(|m| match &m.extractor {
                Some(extractor) => format!("{} ({} by {extractor})", m.name, m.features),
                None => format!("{} ({})", m.name, m.features),
            })
            .collect();
        shapes.join(", ")
    }

    fn describe_outputs(&self) -> String {
        let targets = self.targets.iter().map(|target| {
            let [low, high] = target.range;
            format!("{} ({low} to {high})", target.name)
        });
        let classes = self.classes.iter().cloned();
        classes.chain(targets).collect::<Vec<_>>().join(", ")
    }
}
