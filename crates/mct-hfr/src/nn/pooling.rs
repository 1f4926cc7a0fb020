//! Pooling of a reinforced sequence into one vector (section 4.2).

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::config::{ModelConfig, PoolingKind};
use crate::nn::gated_gru::GatedGru;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;

#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "burn's modules cannot be boxed; there are a handful, and smaller on 32 bits"
)]
pub enum Pooling {
    Attention(AttentionPooling),
    /// The released code's choice instead of the paper's.
    GatedGru(GatedGru),
}

impl Pooling {
    /// For sequences of width `d_model`.
    pub fn new(config: &ModelConfig, d_model: usize, device: &Device) -> Self {
        match config.pooling {
            PoolingKind::Attention => Self::Attention(AttentionPooling::new(d_model, device)),
            PoolingKind::GatedGru => Self::GatedGru(GatedGru::new(config, d_model, device)),
        }
    }

    /// Width of the vector that a sequence of width `d_model` is pooled to.
    pub fn pooled_width(config: &ModelConfig, d_model: usize) -> usize {
        match config.pooling {
            PoolingKind::Attention => d_model,
            PoolingKind::GatedGru => d_model / 2,
        }
    }

    /// `[batch, time, d_model]` to `[batch, pooled width]`.
    pub fn forward(&self, sequence: Tensor<3>, mask: &PaddingMask, mode: &mut Mode) -> Tensor<2> {
        match self {
            Self::Attention(pooling) => pooling.forward(sequence, mask, mode),
            Self::GatedGru(pooling) => pooling.forward(sequence, mask, mode),
        }
    }
}

/// Attention pooling (Mirsamadi et al., 2017): `sum_t softmax_t(u . y_t) y_t`, padding masked.
#[derive(Module, Debug)]
pub struct AttentionPooling {
    context: Param<Tensor<1>>,
}

impl AttentionPooling {
    fn new(d_model: usize, device: &Device) -> Self {
        let bound = (d_model as f64).powf(-0.5);
        let initializer = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            context: initializer.init([d_model], device),
        }
    }

    fn forward(&self, sequence: Tensor<3>, mask: &PaddingMask, mode: &mut Mode) -> Tensor<2> {
        let [batch, time, d_model] = sequence.dims();
        // The scores, and the weighted sum.
        mode.count_activations(&self.context, 2 * batch * time * d_model);
        let scores = (sequence.clone() * self.context.val().unsqueeze()).sum_dim(2);
        let bias = mask.bias.clone().reshape([batch, time, 1]);
        let weights = softmax(scores + bias, 1);
        (sequence * weights).sum_dim(1).reshape([batch, d_model])
    }
}
