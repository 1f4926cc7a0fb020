//! A weighted sum of versions of the same sequence, as PMR and EMT-DLFR put their hubs together.
//!
//! `softmax_m(u^T tanh(W mean_t(Z_m) + b))` weighs the versions. PMR's paper feeds the whole flattened
//! sequence to `W`, which ties the weights to one padded length; the mean over the real steps does
//! not. The public code of MCT-HFR sums instead, since its `W` and `u` are never initialised.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::steps::Steps;

#[derive(Module, Debug)]
pub struct Combination {
    projection: Linear,
    context: Param<Tensor<1>>,
}

impl Combination {
    /// For sequences of `d` channels.
    pub fn new(d: usize, device: &Device) -> Self {
        let bound = (d as f64).powf(-0.5);
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            projection: LinearConfig::new(d, d).init(device),
            context: uniform.init([d], device),
        }
    }

    /// The versions, each `[batch, steps, d]`, as one (`None`: all steps are real).
    pub fn forward(&self, versions: Vec<Tensor<3>>, steps: Option<&Steps>) -> Tensor<3> {
        let score = |version: &Tensor<3>| -> Tensor<2> {
            let [batch, _, d] = version.dims();
            let mean = match steps {
                Some(steps) => steps.mean(version.clone()),
                None => version.clone().mean_dim(1).reshape([batch, d]),
            };
            let projected = self.projection.forward(mean).tanh();
            (projected * self.context.val().unsqueeze()).sum_dim(1)
        };
        let scores = versions.iter().map(score).collect();
        let weights = softmax(Tensor::cat(scores, 1), 1);
        let mut sum: Option<Tensor<3>> = None;
        for (m, version) in versions.into_iter().enumerate() {
            let weighted = version * weights.clone().narrow(1, m, 1).unsqueeze_dim(2);
            sum = Some(match sum {
                None => weighted,
                Some(sum) => sum + weighted,
            });
        }
        sum.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &self.context.device()))
    }
}
