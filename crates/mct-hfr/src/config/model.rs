//! Settings of the model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use mct_corpus::Task;

use crate::config::steps::MaxSteps;
use crate::config::system::System;

/// Settings of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub system: System,
    /// What is predicted; old configs do not say that it is the class.
    #[serde(default)]
    pub task: Task,
    /// `d_model`, the width of every sequence after the convolution; even, and a multiple of `heads`.
    pub d: usize,
    /// Attention heads.
    pub heads: usize,
    /// Stacked layers of the fusion, `N`.
    pub layers: usize,
    /// Pairs of self- and cross-attention per LFI decoder.
    pub decoder_layers: usize,
    /// `gamma_b` of eq. 6.
    pub balance: bool,
    /// `gamma_e` of eq. 6.
    pub extrapolation: bool,
    /// Standardise features with the mean and standard deviation of the training set.
    pub standardize: bool,
    /// Scale the convolved input by `sqrt(d)` (released code).
    pub scaled_input: bool,
    /// A residual around each layer (released code).
    pub outer_residual: bool,
    /// A layer norm after the last layer (released code, Table 4).
    pub final_norm: bool,
    pub pooling: PoolingKind,
    pub classifier: ClassifierKind,
    pub distance: Distance,
    /// GFA in both directions with stop-gradient on the targets (released code).
    pub gfa_symmetric: bool,
    pub dropout: Dropout,
    /// By modality name; `other` serves the names that are not listed.
    pub modality: BTreeMap<String, ModalityConfig>,
}

/// Settings of one modality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModalityConfig {
    /// Kernel of the convolution in time steps, odd.
    pub kernel: usize,
    /// `T_m^max` in time steps: longer sequences are truncated.
    pub max_steps: MaxSteps,
}

/// Dropout probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    pub embedding: f64,
    pub attention: f64,
    pub feed_forward: f64,
    pub residual: f64,
    pub classifier: f64,
}

/// How a sequence is pooled to a vector (section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolingKind {
    /// The paper's attention pooling.
    Attention,
    /// The released code's.
    GatedGru,
}

/// What maps the joint vector to classes (eq. 11), or to intensities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassifierKind {
    /// One linear layer.
    Linear,
    /// Batch norm and a hidden layer (released code).
    Released,
}

/// Distance of GFA (section 6.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    Cmd,
    SmoothL1,
    Cosine,
    Jsd,
}

impl ModelConfig {
    /// Settings of the modality of this name.
    pub fn modality(&self, name: &str) -> ModalityConfig {
        let other = ModalityConfig {
            kernel: 1,
            max_steps: MaxSteps::Most(100),
        };
        let named = self.modality.get(name);
        *named
            .or_else(|| self.modality.get("other"))
            .unwrap_or(&other)
    }

    /// `T_m^max` of the modality of this name, in time steps.
    pub fn max_steps(&self, name: &str) -> usize {
        self.modality(name).max_steps.steps()
    }
}
