//! What enters a model: standardised features, with missing steps replaced.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{InputShape, ModelConfig};
use crate::data::statistics::FeatureStatistics;

/// The features of one modality before any network. Nothing here is trained.
#[derive(Module, Debug)]
pub struct Input {
    /// Mean of the training features, `[features]`.
    mean: Option<Param<Tensor<1>>>,
    /// Their standard deviation, `[features]`.
    deviation: Option<Param<Tensor<1>>>,
    /// What a missing step is replaced by, after standardisation, `[features]`.
    replacement: Param<Tensor<1>>,
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
    /// padding. `features` and the result `[batch, time, features]`, `valid` `[batch, time, 1]`.
    pub fn prepare(&self, features: Tensor<3>, valid: Tensor<3>) -> Tensor<3> {
        match (&self.mean, &self.deviation) {
            (Some(mean), Some(deviation)) => {
                (features - mean.val().unsqueeze()) / deviation.val().unsqueeze() * valid
            }
            _ => features,
        }
    }

    /// `X` (section 3.1) from the prepared complete features `[batch, time, features]` and `missing`
    /// `[batch, time, 1]`, 1 at missing steps.
    pub fn mask(&self, complete: Tensor<3>, missing: Tensor<3>) -> Tensor<3> {
        let replacement = self.replacement.val().unsqueeze::<3>();
        complete * (missing.clone().neg() + 1.0) + missing * replacement
    }
}
