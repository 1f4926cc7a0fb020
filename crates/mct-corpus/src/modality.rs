//! One modality of all utterances: a ragged matrix of feature steps.

use std::ops::Deref;
use std::sync::Arc;

use half::f16;

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

/// One modality of all utterances: their steps concatenated along time, `[total steps, dim]`, with
/// offsets.
#[derive(Clone)]
pub struct Modality {
    pub name: String,
    /// Features per step.
    pub dim: usize,
    /// Steps per second, where known.
    pub rate_hz: Option<f32>,
    /// What a missing step is replaced by (a text corpus's `[UNK]` vector); zeros where `None`.
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
