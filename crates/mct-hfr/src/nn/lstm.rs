//! The recurrent encoder of MISA: a stack of two bidirectional LSTMs.
//!
//! burn-nn's `BiLstm` was tried: a quarter slower in training, and without a padding mask (see
//! [`gated_gru`](super::gated_gru)).

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;

/// Two bidirectional LSTMs with a layer norm between them; their final states concatenated.
#[derive(Module, Debug)]
pub struct StackedLstm {
    layers: Vec<Bidirectional>,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Bidirectional {
    forward: Lstm,
    backward: Lstm,
}

/// One direction of one layer. Its gates are in PyTorch's order: input, forget, cell, output.
#[derive(Module, Debug)]
struct Lstm {
    input_weight: Param<Tensor<2>>,
    hidden_weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl StackedLstm {
    /// For sequences of `features`, with states of width `hidden`.
    pub fn new(features: usize, hidden: usize, device: &Device) -> Self {
        let layer = |input| Bidirectional {
            forward: Lstm::new(input, hidden, device),
            backward: Lstm::new(input, hidden, device),
        };
        Self {
            layers: vec![layer(features), layer(2 * hidden)],
            norm: LayerNormConfig::new(2 * hidden).init(device),
        }
    }

    /// `[batch, time, features]` to `[batch, 4 * hidden]`.
    pub fn forward(&self, features: &Tensor<3>, mask: &PaddingMask, mode: &mut Mode) -> Tensor<2> {
        // Sequences are lists of steps: slicing steps out of one tensor would, in the backward pass,
        // cost a gradient of the whole sequence per step.
        let [batch, time, width] = features.dims();
        let step = |x: &Tensor<3>, t| x.clone().narrow(1, t, 1);
        let mut sequence: Vec<Tensor<2>> = (0..time)
            .map(|t| step(features, t).reshape([batch, width]))
            .collect();
        let valid: Vec<Tensor<2>> = (0..time)
            .map(|t| step(&mask.valid, t).reshape([batch, 1]))
            .collect();
        let mut finals = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let (forward, last) = layer.forward.run(&sequence, &valid, false, mode);
            let (backward, first) = layer.backward.run(&sequence, &valid, true, mode);
            finals.extend([last, first]);
            if index + 1 < self.layers.len() {
                let both = forward.into_iter().zip(backward);
                sequence = both
                    .map(|(a, b)| self.norm.forward(Tensor::cat(vec![a, b], 1)))
                    .collect();
            }
        }
        Tensor::cat(finals, 1)
    }
}

impl Lstm {
    fn new(input: usize, hidden: usize, device: &Device) -> Self {
        let bound = (hidden as f64).powf(-0.5);
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            input_weight: uniform.init([input, 4 * hidden], device),
            hidden_weight: uniform.init([hidden, 4 * hidden], device),
            bias: uniform.init([4 * hidden], device),
        }
    }

    /// Hidden states at each step, and the final one, each `[batch, hidden]`, from steps
    /// `[batch, input]` with `valid` `[batch, 1]`. At padding the state is carried over, so that the
    /// backward direction starts at the last valid step of each sample.
    fn run(
        &self,
        sequence: &[Tensor<2>],
        valid: &[Tensor<2>],
        backwards: bool,
        mode: &mut Mode,
    ) -> (Vec<Tensor<2>>, Tensor<2>) {
        let hidden = self.hidden_weight.val().dims()[0];
        let (batch, device) = (valid[0].dims()[0], valid[0].device());
        mode.count_weight(&self.input_weight, batch * sequence.len());
        mode.count_weight(&self.hidden_weight, batch * sequence.len());
        let bias = self.bias.val().unsqueeze::<2>();
        let (input_weight, hidden_weight) = (self.input_weight.val(), self.hidden_weight.val());
        let mut state: Tensor<2> = Tensor::zeros([batch, hidden], &device);
        let mut cell = state.clone();
        let mut outputs = vec![state.clone(); sequence.len()];
        for index in 0..sequence.len() {
            let t = if backwards {
                sequence.len() - 1 - index
            } else {
                index
            };
            let gates = sequence[t].clone().matmul(input_weight.clone())
                + state.clone().matmul(hidden_weight.clone())
                + bias.clone();
            let gate = |index: usize| gates.clone().narrow(1, index * hidden, hidden);
            let kept = sigmoid(gate(1)) * cell.clone();
            let new_cell = kept + sigmoid(gate(0)) * gate(2).tanh();
            let new_state = sigmoid(gate(3)) * new_cell.clone().tanh();
            let carry_over =
                |old: Tensor<2>, new: Tensor<2>| old.clone() + (new - old) * valid[t].clone();
            cell = carry_over(cell, new_cell);
            state = carry_over(state, new_state);
            outputs[t] = state.clone();
        }
        (outputs, state)
    }
}
