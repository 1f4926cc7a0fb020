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
    /// Positions of eq. 4; old configs have the paper's.
    #[serde(default)]
    pub positions: PositionsKind,
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
    /// What GFA draws together; old configs have the paper's.
    #[serde(default)]
    pub alignment: Alignment,
    /// Of the joint vectors that GFA draws together.
    pub distance: Distance,
    /// GFA in both directions with stop-gradient on the targets (released code).
    pub gfa_symmetric: bool,
    /// GFA's `FC` of eq. 17; old configs have the paper's.
    #[serde(default)]
    pub predictor: PredictorKind,
    /// What LFI's decoders start from (eq. 13); old configs have the embedded input.
    #[serde(default)]
    pub queries: QueriesKind,
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
    /// Attention dropout of this modality's queries in the MRAU, where it is not that of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_dropout: Option<f64>,
}

/// Dropout probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    pub embedding: f64,
    pub attention: f64,
    pub feed_forward: f64,
    pub residual: f64,
    /// Of what a layer adds to its outer residual (released code).
    #[serde(default)]
    pub outer: f64,
    pub classifier: f64,
}

/// Sinusoidal positions (eq. 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionsKind {
    /// Sine and cosine by turns, from 0 (Vaswani et al., 2017).
    #[default]
    Interleaved,
    /// Half sines and half cosines, from 1, and none where the input is zero: at padded steps, and at missing steps
    /// of a modality without an unknown vector (released code).
    Concatenated,
}

/// What LFI's decoders start from (`X_m` of eq. 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueriesKind {
    /// The embedded incomplete input `H_m` (eq. 4).
    #[default]
    Embedded,
    /// The convolved incomplete input without positions; it and the decoders' keys and values are scaled
    /// by `sqrt(d)` (released code).
    Convolved,
    /// Positions alone at missing steps, `H_m` elsewhere.
    Positions,
}

/// `FC` of eq. 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PredictorKind {
    /// Two layers of the joint vector's width.
    #[default]
    Full,
    /// Half as wide inside, with batch norm (released code).
    Bottleneck,
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
    /// As in eq. 16, without factors of scale.
    Cmd,
    /// As its authors define it (Zellinger et al., 2017): of activations that are bounded, here by a
    /// hyperbolic tangent, and divided by the width of their interval to the power of the order.
    CmdBounded,
    SmoothL1,
    Cosine,
    Jsd,
}

/// What GFA draws together (eq. 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// The joint vectors, by a distance of theirs.
    #[default]
    JointVectors,
    /// What is predicted: the Kullback-Leibler divergence of the incomplete view's classes from the
    /// complete view's, which is the teacher (Hinton et al., 2015; of both from each other where GFA is
    /// symmetric: Liang et al., 2021), or the smooth L1 loss between their intensities.
    Predictions,
}

impl ModelConfig {
    /// Whether the system has the `FC` of eq. 17: GFA of joint vectors.
    pub fn has_predictor(&self) -> bool {
        self.system.has_gfa() && self.alignment == Alignment::JointVectors
    }

    /// Settings of the modality of this name.
    pub fn modality(&self, name: &str) -> ModalityConfig {
        let other = ModalityConfig {
            kernel: 1,
            max_steps: MaxSteps::Most(100),
            attention_dropout: None,
        };
        let named = self.modality.get(name);
        *named
            .or_else(|| self.modality.get("other"))
            .unwrap_or(&other)
    }

    /// Whether training uses batch statistics, so that a batch of one cannot be trained on.
    pub fn needs_batches(&self) -> bool {
        let in_predictor = self.has_predictor() && self.predictor == PredictorKind::Bottleneck;
        // MISA has a classifier of its own.
        let in_classifier = self.classifier == ClassifierKind::Released;
        in_predictor || in_classifier && self.system != System::Misa
    }

    /// `T_m^max` of the modality of this name, in time steps.
    pub fn max_steps(&self, name: &str) -> usize {
        self.modality(name).max_steps.steps()
    }
}
