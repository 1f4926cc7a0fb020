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
    /// What a missing step is replaced by, after standardisation: `[features]`, or `[positions * features]`, one
    /// for each position and the last one for all behind it.
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
            let count = values.len();
            let tensor = Tensor::<1>::from_data(TensorData::new(values, [count]), device);
            Param::from_tensor(tensor).set_require_grad(false)
        };
        let ones = vec![1.0; shape.features];
        let zeros = vec![0.0; shape.features];
        let mean = statistics.map_or(zeros.clone(), |s| s.mean.clone());
        let deviation = statistics.map_or(ones, |s| s.deviation.clone());
        let replacement = match statistics.and_then(|s| s.unknown.as_ref()) {
            None => zeros.repeat(shape.unknown_positions.unwrap_or(1)),
            Some(unknown) if !config.standardize => unknown.clone(),
            Some(unknown) => unknown
                .iter()
                .zip(mean.iter().zip(&deviation).cycle())
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
        let [_, time, features] = complete.dims();
        let replacement = self.replacement.val();
        let positions = replacement.dims()[0] / features;
        let replacement = replacement.reshape([1, positions, features]);
        let replacement = match positions {
            1 => replacement,
            _ if time <= positions => replacement.narrow(1, 0, time),
            _ => {
                let last = replacement.clone().narrow(1, positions - 1, 1);
                Tensor::cat(vec![replacement, last.repeat_dim(1, time - positions)], 1)
            }
        };
        complete * (missing.clone().neg() + 1.0) + missing * replacement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_missing_step_is_replaced_by_what_stands_at_its_position() {
        let device = Device::flex();
        let shape = InputShape {
            name: "text".into(),
            features: 2,
            extractor: None,
            unknown_positions: Some(3),
        };
        let statistics = FeatureStatistics {
            mean: vec![1.0, 0.0],
            deviation: vec![2.0, 1.0],
            unknown: Some(vec![1.0, 10.0, 3.0, 20.0, 5.0, 30.0]),
        };
        let mut config = Config::preset("demo").unwrap().model;
        config.standardize = true;
        let input = Input::new(&config, &shape, Some(&statistics), &device);
        let masked = |missing: &[f32]| -> Vec<f32> {
            let time = missing.len();
            let complete = Tensor::<3>::ones([1, time, 2], &device) * 7.0;
            let missing = TensorData::new(missing.to_vec(), [1, time, 1]);
            let x = input.mask(complete, Tensor::from_data(missing, &device));
            x.into_data().try_to_vec_as::<f32>().unwrap()
        };
        // Standardised: (1 - 1) / 2, (3 - 1) / 2, (5 - 1) / 2; the last one for all that follow.
        assert_eq!(masked(&[1.0, 0.0]), [0.0, 10.0, 7.0, 7.0]);
        assert_eq!(
            masked(&[0.0, 1.0, 1.0, 0.0, 1.0]),
            [7.0, 7.0, 1.0, 20.0, 2.0, 30.0, 7.0, 7.0, 2.0, 30.0]
        );
    }
}
