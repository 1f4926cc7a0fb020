//! Local Feature Imagination (eq. 13 to 15): decoders that imagine the missing steps.
//!
//! Eq. 13 writes the decoder's input as `X_m`; what enters here is its embedding `H_m` (eq. 4).
//! Without positions the queries of all missing steps would be alike, and the decoder could not
//! know which step to imagine. The paper's Table 4 fits two such layers (`decoder_layers`).

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::attention::AttentionUnit;
use crate::config::ModelConfig;
use crate::linear::at_each_step;
use crate::model::Sample;
use crate::noise::Mode;
use crate::smooth_l1::smooth_l1;
use crate::steps::Steps;

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
        let layer = |_| DecoderLayer {
            self_attention: AttentionUnit::new(config, device),
            cross_attention: AttentionUnit::new(config, device),
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

    /// `D_m = CAU(E_m, SAU(X_m))` (eq. 13): from the embedded incomplete input and the reinforced
    /// sequence, both `[batch, steps, d]`, to imagined features `[batch, steps, features]`.
    pub fn forward(
        &self,
        embedded: Tensor<3>,
        reinforced: Tensor<3>,
        steps: &Steps,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let mut x = embedded;
        for layer in &self.layers {
            let (own, cross) = (&layer.self_attention, &layer.cross_attention);
            x = own.forward(x.clone(), x, Some(steps), mode);
            x = cross.forward(x, reinforced.clone(), Some(steps), mode);
        }
        if let Some(norm) = &self.final_norm {
            x = norm.forward(x);
        }
        at_each_step(&self.generator, x)
    }
}

/// The sum over the modalities of eq. 15: mean smooth L1 over the features of the missing steps of
/// the batch. `imagine` gives a modality's imagined features, `[batch, steps, features]`; it is not
/// asked for those of which nothing is missing. `None` when nothing at all is.
pub fn imagination_loss(
    sample: &Sample<'_>,
    mut imagine: impl FnMut(usize) -> Tensor<3>,
) -> Option<Tensor<1>> {
    let mut sum: Option<Tensor<1>> = None;
    for (m, count) in sample.batch.missing_counts.iter().enumerate() {
        if *count == 0 {
            continue;
        }
        let complete = sample.complete[m].clone();
        let values = count * complete.dims()[2];
        let missing = sample.batch.missing[m].clone();
        let loss = smooth_l1((complete - imagine(m)) * missing).sum();
        // The small constant of the released code, so that no missing step means no loss.
        let loss = loss.div_scalar(values as f64 + 1e-4);
        sum = Some(match sum {
            None => loss,
            Some(sum) => sum + loss,
        });
    }
    sum
}
