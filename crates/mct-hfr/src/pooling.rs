//! Pooling of a reinforced sequence into one vector (section 4.2).

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::config::{ModelConfig, PoolingKind};
use crate::gated_gru::GatedGru;
use crate::noise::Mode;

#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "burn's modules cannot be boxed; there are three"
)]
pub enum Pooling {
    Attention(AttentionPooling),
    /// The released code's choice in place of the paper's.
    GatedGru(GatedGru),
}

impl Pooling {
    pub fn new(config: &ModelConfig, device: &Device) -> Self {
        match config.pooling {
            PoolingKind::Attention => Self::Attention(AttentionPooling::new(config.d, device)),
            PoolingKind::GatedGru => Self::GatedGru(GatedGru::new(config, device)),
        }
    }

    /// `[batch, steps, d]` to `[batch, size]`; `padding` as [`crate::attention::padding_bias`]
    /// makes it, `lengths` the true steps of each sample.
    pub fn forward(
        &self,
        sequence: Tensor<3>,
        padding: &Tensor<4>,
        lengths: &[usize],
        mode: &mut Mode,
    ) -> Tensor<2> {
        match self {
            Self::Attention(pooling) => pooling.forward(sequence, padding),
            Self::GatedGru(pooling) => pooling.forward(sequence, padding, lengths, mode),
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

    fn forward(&self, sequence: Tensor<3>, padding: &Tensor<4>) -> Tensor<2> {
        let [batch, steps, d] = sequence.dims();
        let scores = (sequence.clone() * self.context.val().unsqueeze()).sum_dim(2);
        let padding = padding.clone().reshape([batch, steps, 1]);
        let weights = softmax(scores + padding, 1);
        (sequence * weights).sum_dim(1).reshape([batch, d])
    }
}
