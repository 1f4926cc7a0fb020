//! Gated-GRU pooling, the released code's choice in place of the paper's attention pooling: a
//! two-layer bidirectional GRU, a sigmoid gate over time, and the maximum over time.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Initializer, Linear, LinearConfig, PaddingConfig1d};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::noise::Mode;
use crate::steps::Steps;

#[derive(Module, Debug)]
pub struct GatedGru {
    gru: Vec<Bidirectional>,
    gate: Conv1d,
    project: Linear,
    #[module(skip)]
    dropout: f64,
}

impl GatedGru {
    /// For sequences of `d` channels.
    pub fn new(config: &ModelConfig, d: usize, device: &Device) -> Self {
        Self {
            gru: (0..2)
                .map(|_| Bidirectional::new(d, d / 2, device))
                .collect(),
            gate: Conv1dConfig::new(d, 1, 3)
                .with_padding(PaddingConfig1d::Same)
                .init(device),
            project: LinearConfig::new(2 * d, d / 2).init(device),
            dropout: config.dropout.embedding,
        }
    }

    /// `[batch, steps, d]` to `[batch, d / 2]`.
    pub fn forward(&self, sequence: Tensor<3>, padded: &Steps, mode: &mut Mode) -> Tensor<2> {
        let [batch, steps, _] = sequence.dims();
        let mut hidden = sequence.clone();
        for layer in &self.gru {
            hidden = layer.forward(hidden, &padded.valid);
        }
        let gate = self
            .gate
            .forward(hidden.clone().swap_dims(1, 2))
            .swap_dims(1, 2);
        let gated = hidden.tanh() * sigmoid(gate);
        let representation = self
            .project
            .forward(Tensor::cat(vec![sequence, gated], 2))
            .tanh();
        let masked = representation + padded.bias.clone().reshape([batch, steps, 1]);
        let size = masked.dims()[2];
        mode.dropout(masked.max_dim(1).reshape([batch, size]), self.dropout)
    }
}

#[derive(Module, Debug)]
struct Bidirectional {
    forward: Gru,
    backward: Gru,
}

impl Bidirectional {
    fn new(input: usize, hidden: usize, device: &Device) -> Self {
        Self {
            forward: Gru::new(input, hidden, device),
            backward: Gru::new(input, hidden, device),
        }
    }

    fn forward(&self, input: Tensor<3>, valid: &Tensor<3>) -> Tensor<3> {
        let steps = input.dims()[1];
        let forward = self.forward.run(input.clone(), valid, 0..steps);
        let backward = self.backward.run(input, valid, (0..steps).rev());
        Tensor::cat(vec![forward, backward], 2)
    }
}

/// One direction of one layer. Its gates are in PyTorch's order: reset, update, new.
#[derive(Module, Debug)]
struct Gru {
    input_weight: Param<Tensor<2>>,
    input_bias: Param<Tensor<1>>,
    hidden_weight: Param<Tensor<2>>,
    hidden_bias: Param<Tensor<1>>,
}

impl Gru {
    fn new(input: usize, hidden: usize, device: &Device) -> Self {
        let bound = (hidden as f64).powf(-0.5);
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            input_weight: uniform.init([input, 3 * hidden], device),
            input_bias: uniform.init([3 * hidden], device),
            hidden_weight: uniform.init([hidden, 3 * hidden], device),
            hidden_bias: uniform.init([3 * hidden], device),
        }
    }

    /// Runs over the steps in the given order. The state is held at zero in the padding, so that
    /// the backward direction starts at the last real step of each sample.
    fn run(
        &self,
        input: Tensor<3>,
        valid: &Tensor<3>,
        order: impl Iterator<Item = usize>,
    ) -> Tensor<3> {
        let [batch, steps, _] = input.dims();
        let hidden = self.hidden_weight.val().dims()[0];
        let device = input.device();
        let weight = self.input_weight.val().unsqueeze::<3>();
        let from_input = input.matmul(weight) + self.input_bias.val().unsqueeze();
        let hidden_bias = self.hidden_bias.val().unsqueeze::<2>();
        let mut state: Tensor<2> = Tensor::zeros([batch, hidden], &device);
        let mut outputs: Vec<Option<Tensor<3>>> = vec![None; steps];
        for t in order {
            let x = from_input
                .clone()
                .narrow(1, t, 1)
                .reshape([batch, 3 * hidden]);
            let h = state.clone().matmul(self.hidden_weight.val()) + hidden_bias.clone();
            let part =
                |tensor: &Tensor<2>, gate: usize| tensor.clone().narrow(1, gate * hidden, hidden);
            let reset = sigmoid(part(&x, 0) + part(&h, 0));
            let update = sigmoid(part(&x, 1) + part(&h, 1));
            let new = (part(&x, 2) + reset * part(&h, 2)).tanh();
            let valid = valid.clone().narrow(1, t, 1).reshape([batch, 1]);
            state = (new.clone() + update * (state - new)) * valid;
            outputs[t] = Some(state.clone().reshape([batch, 1, hidden]));
        }
        Tensor::cat(outputs.into_iter().flatten().collect(), 1)
    }
}
