//! What a model takes and gives.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a model takes and gives: fixed by the corpus it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    pub modalities: Vec<InputShape>,
    pub classes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputShape {
    /// The modality.
    pub name: String,
    /// Features per time step.
    pub features: usize,
}

impl Interface {
    /// The modality named `text`, which some systems treat in a way of its own.
    pub fn text(&self) -> Option<usize> {
        self.modalities.iter().position(|m| m.name == "text")
    }

    pub fn of(corpus: &mct_corpus::Corpus) -> Self {
        Self {
            modalities: corpus
                .modalities
                .iter()
                .map(|modality| InputShape {
                    name: modality.name.clone(),
                    features: modality.dim,
                })
                .collect(),
            classes: corpus.metadata.classes.clone(),
        }
    }

    /// Refuses a corpus with other modalities, feature sizes or classes.
    ///
    /// # Errors
    /// Says what differs.
    pub fn require(&self, corpus: &mct_corpus::Corpus) -> Result<()> {
        self.require_features(corpus)?;
        let found = &corpus.metadata.classes;
        if *found != self.classes {
            let (found, expected) = (found.join(", "), self.classes.join(", "));
            return Err(Error::invalid(&corpus.source, "classes", found, expected));
        }
        Ok(())
    }

    /// Refuses a corpus with other modalities or feature sizes. That is enough to predict.
    ///
    /// # Errors
    /// Says what differs.
    pub fn require_features(&self, corpus: &mct_corpus::Corpus) -> Result<()> {
        let found = Self::of(corpus);
        if found.modalities == self.modalities {
            return Ok(());
        }
        let (found, expected) = (found.describe_modalities(), self.describe_modalities());
        let field = "modalities (features)";
        Err(Error::invalid(&corpus.source, field, found, expected))
    }

    fn describe_modalities(&self) -> String {
        let shapes = self.modalities.iter();
        let shapes: Vec<String> = shapes
            .map(|m| format!("{} ({})", m.name, m.features))
            .collect();
        shapes.join(", ")
    }
}
