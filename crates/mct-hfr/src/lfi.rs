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
use crate::noise::Mode;
use crate::smooth_l1::smooth_l1;

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
        padding: &Tensor<4>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let mut x = embedded;
        for layer in &self.layers {
            x = layer.self_attention.forward(x.clone(), x, padding, mode);
            x = layer
                .cross_attention
                .forward(x, reinforced.clone(), padding, mode);
        }
        if let Some(norm) = &self.final_norm {
            x = norm.forward(x);
        }
        self.generator.forward(x)
    }
}

/// The loss of one modality (eq. 15): mean smooth L1 over the features of the `count` missing steps
/// of the batch, marked in `missing` (`[batch, steps, 1]`).
pub fn imagination_loss(
    complete: Tensor<3>,
    imagined: Tensor<3>,
    missing: Tensor<3>,
    count: usize,
) -> Tensor<1> {
    let values = count * complete.dims()[2];
    let loss = smooth_l1((complete - imagined) * missing).sum();
    // The small constant of the released code, so that no missing step means no loss.
    loss.div_scalar(values as f64 + 1e-4)
}
