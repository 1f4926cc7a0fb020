//! From the joint vector to class scores (eq. 11).

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor};

use crate::config::{ClassifierKind, ModelConfig};
use crate::nn::linear::linear;
use crate::nn::mode::Mode;

#[derive(Module, Debug)]
pub struct Classifier {
    /// Batch norm and hidden layer of the released code; the paper's recipe is one layer.
    norm: Option<BatchNorm>,
    hidden: Option<Linear>,
    output: Linear,
    #[module(skip)]
    dropout: f64,
}

impl Classifier {
    /// For joint vectors of width `d_joint`.
    pub fn new(config: &ModelConfig, d_joint: usize, classes: usize, device: &Device) -> Self {
        let released = config.classifier == ClassifierKind::Released;
        let layer = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        let last = if released { config.d } else { d_joint };
        Self {
            norm: released.then(|| BatchNormConfig::new(d_joint).init(device)),
            hidden: released.then(|| layer(d_joint, config.d)),
            output: layer(last, classes),
            dropout: config.dropout.classifier,
        }
    }

    /// `[batch, d_joint]` to logits `[batch, classes]`.
    pub fn forward(&self, joint: Tensor<2>, mode: &mut Mode) -> Tensor<2> {
        let joint = match &self.norm {
            Some(norm) => norm.forward(joint),
            None => joint,
        };
        let joint = match &self.hidden {
            Some(hidden) => leaky_relu(linear(hidden, joint, mode), 0.01),
            None => joint,
        };
        let joint = mode.dropout(joint, self.dropout);
        linear(&self.output, joint, mode)
    }
}
