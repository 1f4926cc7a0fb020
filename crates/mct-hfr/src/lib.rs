//! MCT-HFR: the Modality-Collaborative Transformer with Hybrid Feature Reconstruction, on burn.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | settings, presets, the list of systems |
//! | [`data`] | from utterances to padded batches, standardised and masked |
//! | [`nn`] | blocks: attention, MRAU (eq. 5-10), unimodal encoders (eq. 3-4), pooling |
//! | [`objectives`] | cross entropy (eq. 12), LFI (eq. 13-15), GFA (eq. 16-17) |
//! | [`systems`] | MCT-HFR (eq. 18) and the baselines, one file each |
//! | [`model`] | a model of any system |
//! | [`training`] | the training loop, its events, checkpoints, AdamW |
//! | [`evaluation`] | predictions under missing steps, looking into one utterance, Table 4 |
//! | [`device`] | compute devices and their known-answer test |
#![recursion_limit = "256"]

pub mod config;
pub mod data;
pub mod device;
pub mod error;
pub mod evaluation;
pub mod model;
pub mod nn;
pub mod objectives;
pub mod systems;
pub mod training;

pub use error::{Error, Result};
