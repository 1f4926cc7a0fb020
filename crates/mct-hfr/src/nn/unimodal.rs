//! Unimodal encoding (eq. 3 and 4): a convolution over time, and sinusoidal positions.

use burn::module::Module;
use burn::nn::PaddingConfig1d;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{InputShape, Interface, ModelConfig};
use crate::nn::mode::Mode;

/// The encoder of one modality.
#[derive(Module, Debug)]
pub struct UnimodalEncoder {
    /// Without bias (the recipe that reproduces Table 4): a missing step without neighbours stays zero.
    conv: Conv1d,
    #[module(skip)]
    positions: Vec<f32>,
    #[module(skip)]
    scale: f64,
    #[module(skip)]
    dropout: f64,
}

impl UnimodalEncoder {
    pub fn new(config: &ModelConfig, shape: &InputShape, device: &Device) -> Self {
        let modality = config.modality(&shape.name);
        Self {
            conv: Conv1dConfig::new(shape.features, config.d, modality.kernel)
                .with_bias(false)
                .with_padding(PaddingConfig1d::Same)
                .init(device),
            positions: sinusoids(modality.max_steps.steps(), config.d),
            scale: if config.scaled_input {
                (config.d as f64).sqrt()
            } else {
                1.0
            },
            dropout: config.dropout.embedding,
        }
    }

    /// `X'` (eq. 3): `[batch, time, features]` to `[batch, time, d_model]`.
    pub fn convolve(&self, features: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let [batch, time, _] = features.dims();
        mode.count_weight(&self.conv.weight, batch * time);
        self.conv.forward(features.swap_dims(1, 2)).swap_dims(1, 2)
    }

    /// `H` (eq. 4): `[batch, time, d_model]` to the same.
    pub fn embed(&self, convolved: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let [_, time, d_model] = convolved.dims();
        let positions = self.positions[..time * d_model].to_vec();
        let positions = TensorData::new(positions, [1, time, d_model]);
        let positions = Tensor::from_data(positions, &convolved.device());
        let scaled = if self.scale == 1.0 {
            convolved
        } else {
            convolved.mul_scalar(self.scale)
        };
        mode.dropout(scaled + positions, self.dropout)
    }
}

/// One encoder per modality.
pub fn encoders(
    config: &ModelConfig,
    interface: &Interface,
    device: &Device,
) -> Vec<UnimodalEncoder> {
    let shapes = interface.modalities.iter();
    shapes
        .map(|shape| UnimodalEncoder::new(config, shape, device))
        .collect()
}

/// `X'_m` and `H_m` per modality, `[batch, time, d_model]`, from its features
/// `[batch, time, features]`.
pub fn encode(
    encoders: &[UnimodalEncoder],
    features: Vec<Tensor<3>>,
    mode: &mut Mode,
) -> (Vec<Tensor<3>>, Vec<Tensor<3>>) {
    let pairs = encoders.iter().zip(features);
    let convolved: Vec<Tensor<3>> = pairs
        .map(|(encoder, features)| encoder.convolve(features, mode))
        .collect();
    let pairs = encoders.iter().zip(&convolved);
    let embedded = pairs
        .map(|(encoder, convolved)| encoder.embed(convolved.clone(), mode))
        .collect();
    (convolved, embedded)
}

/// Sinusoidal position embeddings (Vaswani et al., 2017), `[time, d_model]` row by row: sine at even
/// channels, cosine at odd ones.
fn sinusoids(steps: usize, d_model: usize) -> Vec<f32> {
    let mut table = Vec::with_capacity(steps * d_model);
    for t in 0..steps {
        for channel in 0..d_model {
            let exponent = (channel / 2 * 2) as f64 / d_model as f64;
            let angle = t as f64 / 10_000f64.powf(exponent);
            let value = if channel % 2 == 0 {
                angle.sin()
            } else {
                angle.cos()
            };
            table.push(value as f32);
        }
    }
    table
}
