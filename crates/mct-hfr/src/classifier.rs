//! From the joint vector to class scores (eq. 11 and 12).

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{leaky_relu, log_softmax};
use burn::tensor::{Device, Tensor};

use crate::config::{ClassifierKind, ModelConfig};
use crate::noise::Mode;

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
    pub fn new(config: &ModelConfig, size: usize, classes: usize, device: &Device) -> Self {
        let released = config.classifier == ClassifierKind::Released;
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        let last = if released { config.d } else { size };
        Self {
            norm: released.then(|| BatchNormConfig::new(size).init(device)),
            hidden: released.then(|| linear(size, config.d)),
            output: linear(last, classes),
            dropout: config.dropout.classifier,
        }
    }

    /// `[batch, size]` to logits `[batch, classes]`.
    pub fn forward(&self, joint: Tensor<2>, mode: &mut Mode) -> Tensor<2> {
        let joint = match &self.norm {
            Some(norm) => norm.forward(joint),
            None => joint,
        };
        let joint = match &self.hidden {
            Some(hidden) => leaky_relu(hidden.forward(joint), 0.01),
            None => joint,
        };
        self.output.forward(mode.dropout(joint, self.dropout))
    }
}

/// Mean cross entropy (eq. 12) of logits `[batch, classes]` against one-hot `targets`.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let batch = logits.dims()[0];
    let log_likelihood = (log_softmax(logits, 1) * targets).sum();
    log_likelihood.div_scalar(-(batch as f64))
}
