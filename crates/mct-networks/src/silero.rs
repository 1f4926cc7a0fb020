//! Silero VAD at 16 kHz: a small network that tells speech from other sound. Its states are features.

use std::path::Path;

use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};

use burn::tensor::module::conv1d;
use burn::tensor::ops::ConvOptions;

use crate::layers::{Linear, Lstm, values};
use crate::weights::{Weights, WeightsError};

/// Samples of a step: 32 ms.
pub const STEP: usize = 512;
/// Samples before a step that are read with it.
const CONTEXT: usize = 64;
/// Samples at the end that are mirrored behind it.
const MIRRORED: usize = 64;
/// The width of a state.
pub const WIDTH: usize = 128;
const FREQUENCIES: usize = 129;

/// The network.
#[derive(Debug)]
pub struct Silero {
    /// The short-time Fourier transform as a convolution: real parts, then imaginary ones.
    transform: Conv,
    encoder: [Conv; 4],
    lstm: Lstm,
    decoder: Linear,
    device: Device,
}

/// A convolution of a few steps: too short for anything but burn's own.
#[derive(Debug)]
struct Conv {
    weight: Tensor<3>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<1>,
}

impl Conv {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        conv1d(x, weight, bias, self.options.clone())
    }
}

impl Silero {
    /// Opens `silero_vad_16k.safetensors`.
    ///
    /// # Errors
    /// When the file cannot be read or does not fit.
    pub fn open(path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let weights = Weights::open(path, device)?;
        let conv = |name: &str, output, input, stride| -> Result<Conv, WeightsError> {
            Ok(Conv {
                weight: weights.tensor(&format!("{name}.weight"), [output, input, 3])?,
                bias: Some(weights.tensor(&format!("{name}.bias"), [output])?),
                options: ConvOptions::new([stride], [1], [1], 1),
            })
        };
        let decoder: Tensor<3> = weights.tensor("final_conv.weight", [1, WIDTH, 1])?;
        Ok(Self {
            transform: Conv {
                weight: weights.tensor("stft_conv.weight", [2 * FREQUENCIES, 1, 256])?,
                bias: None,
                options: ConvOptions::new([128], [0], [1], 1),
            },
            encoder: [
                conv("conv1", 128, FREQUENCIES, 1)?,
                conv("conv2", 64, 128, 2)?,
                conv("conv3", 64, 64, 2)?,
                conv("conv4", WIDTH, 64, 1)?,
            ],
            lstm: Lstm::load(&weights, "lstm_cell", "", WIDTH, WIDTH)?,
            decoder: Linear::of(
                decoder.reshape([WIDTH, 1]),
                weights.tensor("final_conv.bias", [1])?,
            ),
            device: device.clone(),
        })
    }

    /// States `[steps, 128]` of samples at 16 kHz; the last step is filled up with silence.
    fn states(&self, samples: &[f32]) -> Tensor<2> {
        let steps = samples.len().div_ceil(STEP);
        let at = |index: isize| {
            let index = usize::try_from(index).ok();
            index.and_then(|index| samples.get(index)).copied()
        };
        let width = CONTEXT + STEP;
        let mut rows = Vec::with_capacity(steps * (width + MIRRORED));
        for step in 0..steps {
            let start = (step * STEP) as isize - CONTEXT as isize;
            let row = (start..start + width as isize).map(|index| at(index).unwrap_or(0.0));
            rows.extend(row);
            let end = rows.len() - 1;
            for back in 1..=MIRRORED {
                rows.push(rows[end - back]);
            }
        }
        let rows = burn::tensor::TensorData::new(rows, [steps, 1, width + MIRRORED]);
        let spectrum = self
            .transform
            .forward(Tensor::from_data(rows, &self.device));
        let part = |which| spectrum.clone().narrow(1, which * FREQUENCIES, FREQUENCIES);
        let (real, imaginary) = (part(0), part(1));
        let mut x = (real.clone() * real + imaginary.clone() * imaginary).sqrt();
        for layer in &self.encoder {
            x = relu(layer.forward(x));
        }
        self.lstm.forward(x.reshape([steps, WIDTH]))
    }

    /// Features `[steps, 128]` at 31.25 Hz, row by row: the states of the LSTM.
    pub fn extract(&self, samples: &[f32]) -> Vec<f32> {
        match samples.is_empty() {
            true => Vec::new(),
            false => values(self.states(samples)),
        }
    }

    /// The probability of speech in each step.
    pub fn speech(&self, samples: &[f32]) -> Vec<f32> {
        if samples.is_empty() {
            return Vec::new();
        }
        values(sigmoid(self.decoder.forward(relu(self.states(samples)))))
    }
}
