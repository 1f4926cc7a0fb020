//! Unimodal encoding (eq. 3 and 4): a convolution over time, and sinusoidal positions.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::Module;
use burn::nn::PaddingConfig1d;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{InputShape, Interface, ModelConfig, PositionsKind};
use crate::nn::mode::Mode;

/// The encoder of one modality.
#[derive(Module, Debug)]
pub struct UnimodalEncoder {
    /// Without bias (the recipe that reproduces Table 4): a missing step without neighbours stays zero.
    conv: Conv1d,
    #[module(skip)]
    positions: Positions,
    /// Whether a step without features has no position.
    #[module(skip)]
    seen_only: bool,
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
            positions: Positions::new(config.positions, config.d),
            seen_only: config.positions == PositionsKind::Concatenated,
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
        let mut positions = self.positions(time, d_model, &convolved.device());
        if self.seen_only {
            // As the released code does: padded and missing steps are those whose first channel is 0.
            let seen = convolved.clone().narrow(2, 0, 1).not_equal_elem(0.0);
            positions = positions * seen.float();
        }
        let scaled = if self.scale == 1.0 {
            convolved
        } else {
            convolved.mul_scalar(self.scale)
        };
        mode.dropout(scaled + positions, self.dropout)
    }

    /// The positions of the first `time` steps, `[1, time, d_model]`.
    pub fn positions(&self, time: usize, d_model: usize, device: &Device) -> Tensor<3> {
        let positions = self.positions.first(time);
        Tensor::from_data(TensorData::new(positions, [1, time, d_model]), device)
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

/// Sinusoidal position embeddings, made as far as sequences are long: a config may allow any length.
#[derive(Debug, Clone)]
struct Positions {
    kind: PositionsKind,
    d_model: usize,
    /// `[steps, d_model]` row by row.
    made: Arc<Mutex<Vec<f32>>>,
}

impl Positions {
    fn new(kind: PositionsKind, d_model: usize) -> Self {
        Self {
            kind,
            d_model,
            made: Arc::default(),
        }
    }

    /// Of the first `steps` steps.
    fn first(&self, steps: usize) -> Vec<f32> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let known = made.len() / self.d_model;
        if known < steps {
            made.extend(sinusoids(self.kind, known..steps, self.d_model));
        }
        made[..steps * self.d_model].to_vec()
    }
}

/// Sinusoidal position embeddings of some steps, `[time, d_model]` row by row.
fn sinusoids(kind: PositionsKind, steps: Range<usize>, d_model: usize) -> Vec<f32> {
    const LONGEST: f64 = 10_000.0;
    let half = d_model / 2;
    let value = |t: usize, channel: usize| match kind {
        PositionsKind::Interleaved => {
            let exponent = (channel / 2 * 2) as f64 / d_model as f64;
            wave(t as f64 / LONGEST.powf(exponent), channel.is_multiple_of(2))
        }
        PositionsKind::Concatenated => {
            let exponent = (channel % half) as f64 / (half - 1).max(1) as f64;
            wave((t + 1) as f64 / LONGEST.powf(exponent), channel < half)
        }
    };
    let rows = steps.flat_map(|t| (0..d_model).map(move |channel| value(t, channel) as f32));
    rows.collect()
}

fn wave(angle: f64, is_sine: bool) -> f64 {
    if is_sine { angle.sin() } else { angle.cos() }
}
