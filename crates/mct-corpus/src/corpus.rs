//! A corpus in memory: utterances, and for each modality one ragged matrix of feature steps.

use crate::check::structure;
use crate::error::Finding;
use crate::metadata::{Metadata, Utterance};
use crate::modality::Modality;

/// A corpus whose structure has been checked: labels, speakers, sessions and offsets are in range,
/// no sequence is empty.
#[derive(Debug, Clone)]
pub struct Corpus {
    pub metadata: Metadata,
    pub utterances: Vec<Utterance>,
    pub modalities: Vec<Modality>,
    /// The file it came from, for messages.
    pub source: String,
}

impl Corpus {
    /// Puts a corpus together and checks it.
    ///
    /// # Errors
    /// Every finding, in the order of the fields; `source` is the name used in messages.
    pub fn new(
        source: impl Into<String>,
        metadata: Metadata,
        utterances: Vec<Utterance>,
        modalities: Vec<Modality>,
    ) -> Result<Self, Vec<Finding>> {
        let findings = structure(&metadata, &utterances, &modalities);
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Self {
            metadata,
            utterances,
            modalities,
            source: source.into(),
        })
    }

    pub fn len(&self) -> usize {
        self.utterances.len()
    }

    pub fn is_empty(&self) -> bool {
        self.utterances.is_empty()
    }

    pub fn class_count(&self) -> usize {
        self.metadata.classes.len()
    }
}
