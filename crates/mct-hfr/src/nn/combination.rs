//! A weighted sum of versions of the same sequence, as PMR and EMT-DLFR fuse their hubs.
//!
//! `softmax_m(u^T tanh(W mean_t(Z_m) + b))` weighs the versions. PMR's paper feeds the whole flattened
//! sequence to `W`, which ties the weights to one padded length; the mean over the valid steps does
//! not. The public code of MCT-HFR sums instead, since its `W` and `u` are never initialised.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;

#[derive(Module, Debug)]
pub struct Combination {
    projection: Linear,
    context: Param<Tensor<1>>,
}

impl Combination {
    /// For sequences of width `d_model`.
    pub fn new(d_model: usize, device: &Device) -> Self {
        let bound = (d_model as f64).powf(-0.5);
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            projection: LinearConfig::new(d_model, d_model).init(device),
            context: uniform.init([d_model], device),
        }
    }

    /// The versions, each `[batch, time, d_model]`, fused into one (`None`: all steps are valid).
    pub fn forward(
        &self,
        versions: Vec<Tensor<3>>,
        mask: Option<&PaddingMask>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let mut scores = Vec::with_capacity(versions.len());
        for version in &versions {
            let [batch, time, d_model] = version.dims();
            let mean = match mask {
                Some(mask) => mask.mean(version.clone()),
                None => version.clone().mean_dim(1).reshape([batch, d_model]),
            };
            // The mean and the weighted sum over time, and the product with the context.
            let macs = batch * (2 * time * d_model + d_model);
            mode.count_activations(&self.context, macs);
            let projected = linear(&self.projection, mean, mode).tanh();
            scores.push((projected * self.context.val().unsqueeze()).sum_dim(1));
        }
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
