//! MCT-HFR: the Modality-Collaborative Transformer with Hybrid Feature Reconstruction, on burn.
//!
//! The paper's parts, one file each: [`unimodal`] (eq. 3-4), [`mrau`] (eq. 5-10), [`pooling`],
//! [`classifier`] (eq. 11-12), [`lfi`] (eq. 13-15), [`gfa`] (eq. 16-17), [`systems::mct`] (the whole,
//! and the loss of eq. 18). The baselines are beside it in [`systems`], all of them behind [`model`].
//! Around them: [`config`], [`batch`], [`train`], [`checkpoint`], [`evaluate`], [`metrics`] (eq. 19),
//! [`complexity`] (Table 4) and [`device`].
#![recursion_limit = "256"]

pub mod attention;
pub mod average;
pub mod batch;
pub mod checkpoint;
pub mod choice;
pub mod classifier;
pub mod complexity;
pub mod config;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod gated_gru;
pub mod gfa;
pub mod input;
pub mod inspect;
pub mod lfi;
mod linear;
pub mod metrics;
pub mod model;
pub mod mrau;
pub mod noise;
pub mod optimizer;
pub mod parameters;
pub mod pooling;
pub mod self_test;
pub mod smooth_l1;
pub mod softmax;
mod softmax_rows;
pub mod state;
pub mod steps;
pub mod systems;
pub mod train;
pub mod unimodal;

pub use error::{Error, Result};
