//! Pooling of a reinforced sequence into one vector (section 4.2).

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::config::{ModelConfig, PoolingKind};
use crate::gated_gru::GatedGru;
use crate::noise::Mode;
use crate::steps::Steps;

#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "burn's modules cannot be boxed; there are a handful, and smaller on 32 bits"
)]
pub enum Pooling {
    Attention(AttentionPooling),
    /// The released code's choice in place of the paper's.
    GatedGru(GatedGru),
}

impl Pooling {
    /// For sequences of `size` channels.
    pub fn new(config: &ModelConfig, size: usize, device: &Device) -> Self {
        match config.pooling {
            PoolingKind::Attention => Self::Attention(AttentionPooling::new(size, device)),
            PoolingKind::GatedGru => Self::GatedGru(GatedGru::new(config, size, device)),
        }
    }

    /// Channels of what a sequence of `size` channels is pooled to.
    pub fn pooled_size(config: &ModelConfig, size: usize) -> usize {
        match config.pooling {
            PoolingKind::Attention => size,
            PoolingKind::GatedGru => size / 2,
        }
    }

    /// `[batch, steps, size]` to `[batch, pooled size]`.
    pub fn forward(&self, sequence: Tensor<3>, steps: &Steps, mode: &mut Mode) -> Tensor<2> {
        match self {
            Self::Attention(pooling) => pooling.forward(sequence, steps),
            Self::GatedGru(pooling) => pooling.forward(sequence, steps, mode),
        }
    }
}

/// Attention pooling (Mirsamadi et al., 2017): `sum_t softmax_t(u . y_t) y_t`, padding masked.
#[derive(Module, Debug)]
pub struct AttentionPooling {
    context: Param<Tensor<1>>,
}

impl AttentionPooling {
    fn new(d: usize, device: &Device) -> Self {
        let bound = (d as f64).powf(-0.5);
        let initializer = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            context: initializer.init([d], device),
        }
    }

    fn forward(&self, sequence: Tensor<3>, padded: &Steps) -> Tensor<2> {
        let [batch, steps, d] = sequence.dims();
        let scores = (sequence.clone() * self.context.val().unsqueeze()).sum_dim(2);
        let bias = padded.bias.clone().reshape([batch, steps, 1]);
        let weights = softmax(scores + bias, 1);
        (sequence * weights).sum_dim(1).reshape([batch, d])
    }
}
