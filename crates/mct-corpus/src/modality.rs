//! One modality of all utterances: a ragged matrix of feature steps.
//!
//! What is missing by nature (a clip without a face, a frame in which none was found) has no value:
//! an utterance may have 0 steps, and single steps may be marked as missing.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::sync::Arc;

use half::f16;
use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::mapped::Mapped;

/// Bytes that are owned or mapped; cloning shares them.
#[derive(Clone)]
pub(crate) enum Bytes {
    Owned(Arc<Vec<u8>>),
    #[cfg(not(target_arch = "wasm32"))]
    Mapped(Arc<Mapped>),
}

impl Bytes {
    /// Whether nobody has changed what they are mapped from.
    pub fn is_unchanged(&self) -> bool {
        match self {
            Self::Owned(_) => true,
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(mapped) => mapped.is_unchanged(),
        }
    }

    /// The bytes of `range`; zeros where a mapped file has been cut off, which
    /// [`is_unchanged`](Self::is_unchanged) says then.
    pub fn part(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        match self {
            Self::Owned(bytes) => Cow::Borrowed(&bytes[range]),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Mapped(mapped) => Cow::Owned(mapped.read(range)),
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(Arc::new(bytes))
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What a missing step is replaced by (a text corpus's `[UNK]`), `[positions, dim]` row by row: at each position,
    /// and behind the last one by that; zeros where `None`.
    pub unknown: Option<Vec<f32>>,
    /// What made the features of recordings, where that is known.
    pub extractor: Option<String>,
    pub precision: Precision,
    /// Step offsets, one more than there are utterances.
    pub(crate) offsets: Vec<usize>,
    pub(crate) bytes: Bytes,
    /// Where the values start in `bytes`.
    pub(crate) start: usize,
    /// Which steps are missing by nature; `None` where none is.
    pub(crate) missing: Option<StepMask>,
}

/// For every step of all utterances a byte, 1 where it is missing by nature.
#[derive(Clone)]
pub(crate) struct StepMask {
    pub(crate) bytes: Bytes,
    /// Where the mask starts in `bytes`.
    pub(crate) start: usize,
}

impl StepMask {
    /// The mask in `range` of `bytes`; that of a mapped file is copied, since it is small and looked at often.
    pub fn over(bytes: &Bytes, range: Range<usize>) -> Self {
        match bytes {
            Bytes::Owned(_) => Self {
                bytes: bytes.clone(),
                start: range.start,
            },
            #[cfg(not(target_arch = "wasm32"))]
            Bytes::Mapped(mapped) => Self {
                bytes: mapped.read(range).into(),
                start: 0,
            },
        }
    }
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

    /// For each step of utterance `index` 1 where it is missing by nature; empty where all steps of the
    /// modality are there. The values of such steps are 0 and mean nothing.
    pub fn missing(&self, index: usize) -> &[u8] {
        let steps = self.offsets[index]..self.offsets[index + 1];
        let mask = self.missing.as_ref();
        mask.map_or(&[], |mask| {
            &mask.bytes[mask.start + steps.start..mask.start + steps.end]
        })
    }

    /// Whether step `step` of utterance `index` is missing by nature.
    pub fn is_missing(&self, index: usize, step: usize) -> bool {
        let flags = self.missing(index);
        flags.get(step).is_some_and(|missing| *missing != 0)
    }

    /// Steps of utterance `index` that are missing by nature.
    pub fn missing_steps(&self, index: usize) -> usize {
        let flags = self.missing(index).iter();
        flags.filter(|missing| **missing != 0).count()
    }

    /// The first `max_steps` steps of utterance `index`, row by row, appended to `out`.
    pub fn read(&self, index: usize, max_steps: usize, out: &mut Vec<f32>) {
        let first = self.offsets[index];
        let last = self.offsets[index + 1].min(first.saturating_add(max_steps));
        let width = self.dim * self.precision.bytes();
        let range = self.start + first * width..self.start + last * width;
        let bytes = self.bytes.part(range);
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

    pub(crate) fn mask_bytes(&self) -> Option<&[u8]> {
        let mask = self.missing.as_ref()?;
        Some(&mask.bytes[mask.start..mask.start + self.total_steps()])
    }
}

/// Collects a modality utterance by utterance.
pub struct ModalityBuilder {
    name: String,
    dim: usize,
    rate_hz: Option<f32>,
    unknown: Option<Vec<f32>>,
    extractor: Option<String>,
    precision: Precision,
    offsets: Vec<usize>,
    bytes: Vec<u8>,
    /// A byte for every step so far, once one was missing.
    missing: Option<Vec<u8>>,
}

impl ModalityBuilder {
    pub fn new(name: impl Into<String>, dim: usize, precision: Precision) -> Self {
        Self {
            name: name.into(),
            dim,
            rate_hz: None,
            unknown: None,
            extractor: None,
            precision,
            offsets: vec![0],
            bytes: Vec::new(),
            missing: None,
        }
    }

    pub fn rate_hz(mut self, rate: Option<f32>) -> Self {
        self.rate_hz = rate;
        self
    }

    pub fn extractor(mut self, extractor: Option<String>) -> Self {
        self.extractor = extractor;
        self
    }

    pub(crate) fn set_rate_hz(&mut self, rate: Option<f32>) {
        self.rate_hz = rate;
    }

    pub fn unknown(mut self, unknown: Option<Vec<f32>>) -> Self {
        self.unknown = unknown;
        self
    }

    /// Appends the steps of the next utterance, `[steps, dim]` row by row; without any the modality is
    /// missing in it.
    pub fn push(&mut self, values: &[f32]) {
        self.push_masked(values, &[]);
    }

    /// Appends the steps of the next utterance, of which those marked in `missing` are missing by
    /// nature; an empty mask marks none. Their values should be 0.
    pub fn push_masked(&mut self, values: &[f32], missing: &[bool]) {
        debug_assert_eq!(values.len() % self.dim.max(1), 0, "whole steps only");
        let before = self.offsets.last().copied().unwrap_or(0);
        let after = before + values.len() / self.dim.max(1);
        self.offsets.push(after);
        if self.missing.is_none() && missing.contains(&true) {
            self.missing = Some(vec![0; before]);
        }
        if let Some(mask) = &mut self.missing {
            mask.extend(missing.iter().map(|missing| u8::from(*missing)));
            mask.resize(after, 0);
        }
        match self.precision {
            Precision::F32 => self
                .bytes
                .extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Precision::F16 => self
                .bytes
                .extend(values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes())),
        }
    }

    pub fn build(mut self) -> Modality {
        let bytes = std::mem::take(&mut self.bytes);
        self.build_over(bytes.into())
    }

    /// Bytes of values that have not been drained.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn buffered(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of the values since the last call.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn drain(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The modality over `bytes`: everything that was drained.
    pub(crate) fn build_over(self, bytes: Bytes) -> Modality {
        Modality {
            name: self.name,
            dim: self.dim,
            rate_hz: self.rate_hz,
            unknown: self.unknown,
            extractor: self.extractor,
            precision: self.precision,
            offsets: self.offsets,
            bytes,
            start: 0,
            missing: self.missing.map(|mask| StepMask {
                bytes: mask.into(),
                start: 0,
            }),
        }
    }
}
