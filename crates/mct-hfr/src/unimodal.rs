//! Unimodal encoding (eq. 3 and 4): a convolution over time, and sinusoidal positions.

use burn::module::{Module, Param};
use burn::nn::PaddingConfig1d;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{InputShape, ModelConfig};
use crate::noise::Mode;

/// The encoder of one modality.
#[derive(Module, Debug)]
pub struct UnimodalEncoder {
    /// No bias (the recipe that reproduces Table 4): a missing step without neighbours stays zero.
    conv: Conv1d,
    /// Mean and standard deviation of the training features, `[features]`; not trained.
    mean: Option<Param<Tensor<1>>>,
    deviation: Option<Param<Tensor<1>>>,
    /// What stands for a missing step, after standardisation, `[features]`; not trained.
    replacement: Param<Tensor<1>>,
    #[module(skip)]
    positions: Vec<f32>,
    #[module(skip)]
    scale: f64,
    #[module(skip)]
    dropout: f64,
}

/// What the training corpus says of one modality's features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureStatistics {
    pub mean: Vec<f32>,
    pub deviation: Vec<f32>,
    /// The corpus's vector for a missing step, before standardisation.
    pub unknown: Option<Vec<f32>>,
}

impl UnimodalEncoder {
    pub fn new(
        config: &ModelConfig,
        shape: &InputShape,
        statistics: Option<&FeatureStatistics>,
        device: &Device,
    ) -> Self {
        let modality = config.modality(&shape.name);
        let fixed = |values: Vec<f32>| {
            let tensor = Tensor::<1>::from_data(TensorData::new(values, [shape.features]), device);
            Param::from_tensor(tensor).set_require_grad(false)
        };
        let ones = vec![1.0; shape.features];
        let zeros = vec![0.0; shape.features];
        let mean = statistics.map_or(zeros.clone(), |s| s.mean.clone());
        let deviation = statistics.map_or(ones, |s| s.deviation.clone());
        let replacement = match statistics.and_then(|s| s.unknown.as_ref()) {
            None => zeros,
            Some(unknown) if !config.standardize => unknown.clone(),
            Some(unknown) => unknown
                .iter()
                .zip(mean.iter().zip(&deviation))
                .map(|(value, (mean, deviation))| (value - mean) / deviation)
                .collect(),
        };
        Self {
            conv: Conv1dConfig::new(shape.features, config.d, modality.kernel)
                .with_bias(false)
                .with_padding(PaddingConfig1d::Same)
                .init(device),
            mean: config.standardize.then(|| fixed(mean)),
            deviation: config.standardize.then(|| fixed(deviation)),
            replacement: fixed(replacement),
            positions: sinusoids(modality.max_steps, config.d),
            scale: if config.scaled_input {
                (config.d as f64).sqrt()
            } else {
                1.0
            },
            dropout: config.dropout.embedding,
        }
    }

    /// Complete features as the network sees them: standardised where so configured, zero at
    /// padding. `features` and the result `[batch, steps, features]`, `valid` `[batch, steps, 1]`.
    pub fn prepare(&self, features: Tensor<3>, valid: Tensor<3>) -> Tensor<3> {
        match (&self.mean, &self.deviation) {
            (Some(mean), Some(deviation)) => {
                (features - mean.val().unsqueeze()) / deviation.val().unsqueeze() * valid
            }
            _ => features,
        }
    }

    /// `X` from the complete features and the missing steps `[batch, steps, 1]` (section 3.1, with
    /// 1 marking a missing step).
    pub fn ablate(&self, complete: Tensor<3>, missing: Tensor<3>) -> Tensor<3> {
        let replacement = self.replacement.val().unsqueeze::<3>();
        complete * (missing.clone().neg() + 1.0) + missing * replacement
    }

    /// `X'` (eq. 3): `[batch, steps, features]` to `[batch, steps, d]`.
    pub fn convolve(&self, features: Tensor<3>) -> Tensor<3> {
        self.conv.forward(features.swap_dims(1, 2)).swap_dims(1, 2)
    }

    /// `H` (eq. 4): `[batch, steps, d]`.
    pub fn embed(&self, convolved: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let [_, steps, d] = convolved.dims();
        let positions = TensorData::new(self.positions[..steps * d].to_vec(), [1, steps, d]);
        let positions = Tensor::from_data(positions, &convolved.device());
        let scaled = if self.scale == 1.0 {
            convolved
        } else {
            convolved.mul_scalar(self.scale)
        };
        mode.dropout(scaled + positions, self.dropout)
    }
}

/// Sinusoidal position embeddings (Vaswani et al., 2017), `[steps, d]` row by row: sine at even
/// channels, cosine at odd ones.
fn sinusoids(steps: usize, d: usize) -> Vec<f32> {
    let mut table = Vec::with_capacity(steps * d);
    for t in 0..steps {
        for channel in 0..d {
            let exponent = (channel / 2 * 2) as f64 / d as f64;
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
