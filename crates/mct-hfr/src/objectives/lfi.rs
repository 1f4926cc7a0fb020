//! Local Feature Imagination (eq. 13 to 15): decoders that reconstruct the missing steps.
//!
//! Eq. 13 writes the decoder's input as `X_m`; here it is the embedding `H_m` (eq. 4) of the incomplete
//! input, or what `queries` of the config says. Without positions the queries of all missing steps are
//! alike, and the decoder cannot know which step to imagine. The paper's Table 4 fits two such layers
//! (`decoder_layers`). As in the released code the decoders have no attention dropout.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::data::Batch;
use crate::nn::attention::AttentionUnit;
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::objectives::smooth_l1::smooth_l1;

/// The decoder of one modality.
#[derive(Module, Debug)]
pub struct Decoder {
    layers: Vec<DecoderLayer>,
    final_norm: Option<LayerNorm>,
    /// Back to the modality's own features.
    generator: Linear,
}

#[derive(Module, Debug)]
pub struct DecoderLayer {
    self_attention: AttentionUnit,
    cross_attention: AttentionUnit,
}

impl Decoder {
    pub fn new(config: &ModelConfig, features: usize, device: &Device) -> Self {
        let mut of_unit = config.clone();
        of_unit.dropout.attention = 0.0;
        let layer = |_| DecoderLayer {
            self_attention: AttentionUnit::new(&of_unit, device),
            cross_attention: AttentionUnit::new(&of_unit, device),
        };
        Self {
            layers: (0..config.decoder_layers).map(layer).collect(),
            final_norm: config
                .final_norm
                .then(|| LayerNormConfig::new(config.d).init(device)),
            generator: LinearConfig::new(config.d, features)
                .with_bias(false)
                .init(device),
        }
    }

    /// `D_m = CAU(E_m, SAU(X_m))` (eq. 13): from the queries, with their padding mask, and the reinforced
    /// sequence `E_m`, with its own, both `[batch, time, d_model]`, to imagined features
    /// `[batch, time, features]`.
    pub fn forward(
        &self,
        queries: Tensor<3>,
        reinforced: Tensor<3>,
        mask: &PaddingMask,
        source_mask: &PaddingMask,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let mut x = queries;
        for layer in &self.layers {
            x = layer.self_attention.forward(x.clone(), x, Some(mask), mode);
            x = layer
                .cross_attention
                .forward(x, reinforced.clone(), Some(source_mask), mode);
        }
        if let Some(norm) = &self.final_norm {
            x = norm.forward(x);
        }
        linear(&self.generator, x, mode)
    }
}

/// The sum over the modalities of eq. 15, `[1]`: mean smooth L1 over the features of the missing steps
/// of the batch.
///
/// `complete` are the targets and `imagine(m)` gives the imagined features of modality `m`, all
/// `[batch, time, features]`; it is not called for a modality without missing steps. `None` when
/// nothing at all is missing.
pub fn imagination_loss(
    batch: &Batch,
    complete: &[Tensor<3>],
    mut imagine: impl FnMut(usize) -> Tensor<3>,
) -> Option<Tensor<1>> {
    let mut sum: Option<Tensor<1>> = None;
    for (m, count) in batch.missing_counts.iter().enumerate() {
        if *count == 0 {
            continue;
        }
        let target = complete[m].clone();
        let values = count * target.dims()[2];
        let missing = batch.missing[m].clone();
        let loss = smooth_l1((target - imagine(m)) * missing).sum();
        // The released code's small constant, so that no missing step means no loss.
        let loss = loss.div_scalar(values as f64 + 1e-4);
        sum = Some(match sum {
            None => loss,
            Some(sum) => sum + loss,
        });
    }
    sum
}
