//! Corpora of unaligned multimodal sequences. Knows files and numbers, no tensors.
//!
//! The way of the data starts here: an importer ([`import`]) or the generator of the synthetic
//! corpus ([`demo`]) makes a [`Corpus`], [`container`] keeps it in one file, [`fold`] splits it by
//! session or speaker, [`missing`] says which steps are missing, and [`limit`] computes the best
//! accuracy that any model can reach on a synthetic corpus.

#[cfg(not(target_arch = "wasm32"))]
pub mod atomic;
pub mod bins;
mod check;
pub mod container;
mod corpus;
pub mod counter;
pub mod demo;
mod error;
pub mod fold;
pub mod formula;
pub mod import;
pub mod info;
pub mod limit;
#[cfg(not(target_arch = "wasm32"))]
mod mapped;
mod metadata;
pub mod missing;
mod modality;
pub mod process;
#[cfg(not(target_arch = "wasm32"))]
pub mod regular;

pub use corpus::Corpus;
pub use error::{CorpusError, Finding, Result};
pub use metadata::{Cells, Column, Metadata, Sex, Side, Speaker, Target, Task, Utterance};
pub use modality::{Modality, ModalityBuilder, Precision};
