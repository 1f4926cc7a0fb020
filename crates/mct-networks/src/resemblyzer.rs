//! The voice encoder of Resemblyzer: three LSTMs on mel bands, trained to tell speakers apart. A network of
//! the voice's style, not of emotion.

use std::path::Path;

use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use crate::layers::{Linear, Lstm, values};
use crate::weights::{Weights, WeightsError};

/// Mel bands of a step: energies of 25 ms every 10 ms, not their logarithm.
pub const BANDS: usize = 40;
/// The width of a state.
pub const WIDTH: usize = 256;

/// The network.
#[derive(Debug)]
pub struct Resemblyzer {
    layers: [Lstm; 3],
    linear: Linear,
    device: Device,
}

impl Resemblyzer {
    /// Opens `pretrained.pt`.
    ///
    /// # Errors
    /// When the file cannot be read or does not fit.
    pub fn open(path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let weights = Weights::open(path, device)?;
        let layer = |suffix, input| Lstm::load(&weights, "lstm", suffix, input, WIDTH);
        Ok(Self {
            layers: [
                layer("_l0", BANDS)?,
                layer("_l1", WIDTH)?,
                layer("_l2", WIDTH)?,
            ],
            linear: Linear::load(&weights, "linear", WIDTH, WIDTH)?,
            device: device.clone(),
        })
    }

    fn states(&self, mel: &[f32]) -> Tensor<2> {
        let steps = mel.len() / BANDS;
        let mut x = Tensor::from_data(TensorData::new(mel.to_vec(), [steps, BANDS]), &self.device);
        for layer in &self.layers {
            x = layer.forward(x);
        }
        x
    }

    /// States `[steps / every, 256]` row by row: those of the last layer at each step that ends a group of
    /// `every`.
    pub fn extract(&self, mel: &[f32], every: usize) -> Vec<f32> {
        if mel.len() < BANDS {
            return Vec::new();
        }
        let states = values(self.states(mel));
        let kept = states.chunks_exact(WIDTH).skip(every - 1).step_by(every);
        kept.flatten().copied().collect()
    }

    /// The embedding of the speaker, of length 1.
    pub fn embedding(&self, mel: &[f32]) -> Vec<f32> {
        if mel.len() < BANDS {
            return Vec::new();
        }
        let states = self.states(mel);
        let last = states.dims()[0] - 1;
        let mut raw = values(relu(self.linear.forward(states.narrow(0, last, 1))));
        let norm = raw.iter().map(|v| v * v).sum::<f32>().sqrt();
        raw.iter_mut().for_each(|v| *v /= norm);
        raw
    }
}
