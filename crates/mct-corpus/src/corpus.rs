//! A corpus in memory: utterances, and for each modality one ragged matrix of feature steps.

use crate::check::structure;
use crate::error::{CorpusError, Finding};
use crate::metadata::{Column, Metadata, Utterance};
use crate::modality::Modality;

/// A corpus whose structure has been checked: labels, speakers, sessions and offsets are in range.
///
/// A modality that an utterance does not have has 0 steps in it.
#[derive(Debug, Clone)]
pub struct Corpus {
    pub metadata: Metadata,
    pub utterances: Vec<Utterance>,
    pub modalities: Vec<Modality>,
    pub columns: Vec<Column>,
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
            columns: Vec::new(),
            source: source.into(),
        })
    }

    /// With further columns.
    ///
    /// # Errors
    /// Every finding: a name twice, cells that are not one for each utterance.
    pub fn with_columns(mut self, columns: Vec<Column>) -> Result<Self, Vec<Finding>> {
        let findings = crate::check::columns(&columns, self.len());
        if !findings.is_empty() {
            return Err(findings);
        }
        self.columns = columns;
        Ok(self)
    }

    pub fn len(&self) -> usize {
        self.utterances.len()
    }

    pub fn is_empty(&self) -> bool {
        self.utterances.is_empty()
    }

    /// Refuses features whose file was written to since it was opened, as far as they are read from it as
    /// they are needed.
    ///
    /// # Errors
    /// Names the file.
    pub fn require_unchanged(&self) -> Result<(), CorpusError> {
        let changed = |modality: &Modality| !modality.bytes.is_unchanged();
        if self.modalities.iter().any(changed) {
            let found = "written to since it was opened";
            let expected = "the file as it was (start again)";
            return Err(CorpusError::invalid(&self.source, "file", found, expected));
        }
        Ok(())
    }

    /// Steps of each modality of an utterance.
    pub fn steps(&self, index: usize) -> Vec<usize> {
        let modalities = self.modalities.iter();
        modalities.map(|modality| modality.steps(index)).collect()
    }

    pub fn class_count(&self) -> usize {
        self.metadata.classes.len()
    }

    /// The name of the speaker of utterance `index`.
    pub fn speaker(&self, index: usize) -> Option<&str> {
        let speaker = self.utterances[index].speaker?;
        Some(&self.metadata.speakers[speaker].name)
    }

    /// Whether no modality of utterance `index` has a step that is not missing by nature.
    pub fn is_all_missing(&self, index: usize) -> bool {
        let all = |modality: &Modality| modality.missing_steps(index) == modality.steps(index);
        self.modalities.iter().all(all)
    }
}
