//! A corpus in memory: utterances, and for each modality one ragged matrix of feature steps.

use std::ops::Deref;
use std::sync::Arc;

use half::f16;
use serde::{Deserialize, Serialize};

use crate::demo::Process;
use crate::error::Finding;

/// How a person of the corpus is marked; decides test and validation in leave-one-session-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sex {
    #[serde(rename = "F")]
    Female,
    #[serde(rename = "M")]
    Male,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaker {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
}

/// What the corpus says of itself, kept in the header of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub title: String,
    /// Under which terms the data may be used.
    pub licence: String,
    /// Numbers from a synthetic corpus are labelled so wherever they are shown.
    pub synthetic: bool,
    /// Class names; a label is an index into them.
    pub classes: Vec<String>,
    pub speakers: Vec<Speaker>,
    /// Session names; empty where the corpus has no sessions.
    pub sessions: Vec<String>,
    /// The generative process of a demo corpus, from which its exact limit follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// The sides of a split that came with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Train,
    Validation,
    Test,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    pub id: String,
    /// Index into [`Metadata::classes`].
    pub label: usize,
    /// Index into [`Metadata::speakers`].
    pub speaker: usize,
    /// Index into [`Metadata::sessions`]; `None` where the corpus has none.
    pub session: Option<usize>,
    pub duration_secs: f32,
    pub transcript: Option<String>,
    pub side: Option<Side>,
}

/// Bytes that are owned or mapped; cloning shares them.
#[derive(Clone)]
pub(crate) enum Bytes {
    Owned(Arc<[u8]>),
    #[cfg(not(target_arch = "wasm32"))]
    Mapped(Arc<memmap2::Mmap>),
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(map) => map,
        }
    }
}

/// How feature values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    F32,
    F16,
}

impl Precision {
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// One modality of all utterances: the steps end to end, `[total steps, dim]`, with offsets.
#[derive(Clone)]
pub struct Modality {
    pub name: String,
    /// Features a step.
    pub dim: usize,
    /// Steps a second, where known.
    pub rate_hz: Option<f32>,
    /// What stands for a missing step (a text corpus's `[UNK]` vector); zeros where `None`.
    pub unknown: Option<Vec<f32>>,
    pub precision: Precision,
    /// Step offsets, one more than there are utterances.
    pub(crate) offsets: Vec<usize>,
    pub(crate) bytes: Bytes,
    /// Where the values start in `bytes`.
    pub(crate) start: usize,
}

impl std::fmt::Debug for Modality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modality")
            .field("name", &self.name)
            .field("dim", &self.dim)
            .field("steps", &self.offsets.last())
            .finish_non_exhaustive()
    }
}

impl Modality {
    /// Steps of utterance `index`.
    pub fn steps(&self, index: usize) -> usize {
        self.offsets[index + 1] - self.offsets[index]
    }

    /// Steps of all utterances.
    pub fn total_steps(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// The first `max_steps` steps of utterance `index`, row by row, appended to `out`.
    pub fn read(&self, index: usize, max_steps: usize, out: &mut Vec<f32>) {
        let first = self.offsets[index];
        let last = self.offsets[index + 1].min(first.saturating_add(max_steps));
        let width = self.dim * self.precision.bytes();
        let bytes = &self.bytes[self.start + first * width..self.start + last * width];
        match self.precision {
            Precision::F32 => out.extend(
                bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b)),
            ),
            Precision::F16 => out.extend(
                bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|b| f16::from_le_bytes(*b).to_f32()),
            ),
        }
    }

    /// All steps of utterance `index`, `[steps, dim]` row by row.
    pub fn values(&self, index: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.steps(index) * self.dim);
        self.read(index, usize::MAX, &mut out);
        out
    }

    pub(crate) fn value_bytes(&self) -> &[u8] {
        let length = self.total_steps() * self.dim * self.precision.bytes();
        &self.bytes[self.start..self.start + length]
    }
}

/// Collects a modality utterance by utterance.
pub struct ModalityBuilder {
    name: String,
    dim: usize,
    rate_hz: Option<f32>,
    unknown: Option<Vec<f32>>,
    precision: Precision,
    offsets: Vec<usize>,
    bytes: Vec<u8>,
}

impl ModalityBuilder {
    pub fn new(name: impl Into<String>, dim: usize, precision: Precision) -> Self {
        Self {
            name: name.into(),
            dim,
            rate_hz: None,
            unknown: None,
            precision,
            offsets: vec![0],
            bytes: Vec::new(),
        }
    }

    pub fn rate_hz(mut self, rate: Option<f32>) -> Self {
        self.rate_hz = rate;
        self
    }

    pub fn unknown(mut self, unknown: Option<Vec<f32>>) -> Self {
        self.unknown = unknown;
        self
    }

    /// Appends the steps of the next utterance, `[steps, dim]` row by row.
    pub fn push(&mut self, values: &[f32]) {
        debug_assert_eq!(values.len() % self.dim.max(1), 0, "whole steps only");
        let before = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(before + values.len() / self.dim.max(1));
        match self.precision {
            Precision::F32 => self
                .bytes
                .extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Precision::F16 => self
                .bytes
                .extend(values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes())),
        }
    }

    pub fn build(self) -> Modality {
        Modality {
            name: self.name,
            dim: self.dim,
            rate_hz: self.rate_hz,
            unknown: self.unknown,
            precision: self.precision,
            offsets: self.offsets,
            bytes: Bytes::Owned(self.bytes.into()),
            start: 0,
        }
    }
}

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
        let corpus = Self {
            metadata,
            utterances,
            modalities,
            source: source.into(),
        };
        let findings = crate::check::structure(&corpus);
        if findings.is_empty() {
            Ok(corpus)
        } else {
            Err(findings)
        }
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
