//! What enters a model: standardised features, and what stands for a missing step.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{InputShape, ModelConfig};

/// The features of one modality before any network. Nothing here is trained.
#[derive(Module, Debug)]
pub struct Input {
    /// Mean and standard deviation of the training features, `[features]`.
    mean: Option<Param<Tensor<1>>>,
    deviation: Option<Param<Tensor<1>>>,
    /// What stands for a missing step, after standardisation, `[features]`.
    replacement: Param<Tensor<1>>,
}

/// What the training corpus says of one modality's features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureStatistics {
    pub mean: Vec<f32>,
    pub deviation: Vec<f32>,
    /// The corpus's vector for a missing step, before standardisation.
    pub unknown: Option<Vec<f32>>,
}

impl Input {
    pub fn new(
        config: &ModelConfig,
        shape: &InputShape,
        statistics: Option<&FeatureStatistics>,
        device: &Device,
    ) -> Self {
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
            mean: config.standardize.then(|| fixed(mean)),
            deviation: config.standardize.then(|| fixed(deviation)),
            replacement: fixed(replacement),
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
}
