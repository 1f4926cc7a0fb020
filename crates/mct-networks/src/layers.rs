//! Layers with the names and shapes that PyTorch gives their weights.

use burn::tensor::activation::sigmoid;
use burn::tensor::module::{attention, conv2d, layer_norm};
use burn::tensor::ops::{AttentionModuleOptions, ConvOptions};
use burn::tensor::{Tensor, TensorData};

use crate::weights::{Weights, WeightsError};

/// A linear layer.
#[derive(Debug)]
pub struct Linear {
    /// `[input, output]`
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Linear {
    pub fn load(
        weights: &Weights,
        name: &str,
        input: usize,
        output: usize,
    ) -> Result<Self, WeightsError> {
        let values = weights.values(&format!("{name}.weight"), &[output, input])?;
        Ok(Self {
            weight: weights.upload(transposed(values, output, input), [input, output]),
            bias: weights.tensor(&format!("{name}.bias"), [output])?,
        })
    }

    /// With a weight `[input, output]`.
    pub const fn of(weight: Tensor<2>, bias: Tensor<1>) -> Self {
        Self { weight, bias }
    }

    /// The width of the output.
    pub fn width(&self) -> usize {
        self.weight.dims()[1]
    }

    /// `[rows, input]` to `[rows, output]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.clone()) + self.bias.clone().unsqueeze()
    }
}

/// `[rows, columns]` to `[columns, rows]`.
pub fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut all = Vec::with_capacity(values.len());
    for column in 0..columns {
        all.extend((0..rows).map(|row| values[row * columns + column]));
    }
    all
}

/// Layer normalisation of the last axis.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl LayerNorm {
    pub fn load(
        weights: &Weights,
        name: &str,
        width: usize,
        epsilon: f64,
    ) -> Result<Self, WeightsError> {
        // Checkpoints that came from TensorFlow say gamma and beta.
        let old = weights.shape(&format!("{name}.gamma")).is_some();
        let names = if old {
            ["gamma", "beta"]
        } else {
            ["weight", "bias"]
        };
        Ok(Self {
            weight: weights.tensor(&format!("{name}.{}", names[0]), [width])?,
            bias: weights.tensor(&format!("{name}.{}", names[1]), [width])?,
            epsilon,
        })
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        layer_norm(
            x,
            self.weight.clone(),
            Some(self.bias.clone()),
            self.epsilon,
        )
    }
}

/// A convolution over time without padding, as a product of matrices: in rows that are steps, what a
/// kernel covers is in one piece. burn's own takes twice as long.
#[derive(Debug)]
pub struct Conv1d {
    /// `[kernel * input, output]`
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    kernel: usize,
    stride: usize,
}

impl Conv1d {
    /// With a weight `[output, input, kernel]`.
    pub fn load(
        weights: &Weights,
        name: &str,
        shape: [usize; 3],
        stride: usize,
        with_bias: bool,
    ) -> Result<Self, WeightsError> {
        let [output, input, kernel] = shape;
        let stored = weights.values(&format!("{name}.weight"), &shape)?;
        let mut turned = Vec::with_capacity(stored.len());
        for tap in 0..kernel {
            for channel in 0..input {
                let own = (0..output).map(|out| stored[(out * input + channel) * kernel + tap]);
                turned.extend(own);
            }
        }
        let bias = || weights.tensor(&format!("{name}.bias"), [output]);
        Ok(Self {
            weight: weights.upload(turned, [kernel * input, output]),
            bias: with_bias.then(bias).transpose()?,
            kernel,
            stride,
        })
    }

    /// Steps of the output.
    pub const fn steps(&self, time: usize) -> usize {
        match time.checked_sub(self.kernel) {
            Some(rest) => rest / self.stride + 1,
            None => 0,
        }
    }

    /// `[time, input]` to `[steps, output]`; at least one step.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [time, input] = x.dims();
        let steps = self.steps(time);
        // A row is what `stride` steps hold: the kernel covers some whole rows and the beginning of another.
        let rows = time.div_ceil(self.stride);
        let missing = rows * self.stride - time;
        let x = match missing {
            0 => x,
            _ => Tensor::cat(
                vec![x.clone(), Tensor::zeros([missing, input], &x.device())],
                0,
            ),
        };
        let x = x.reshape([rows, self.stride * input]);
        let mut taken = 0;
        let mut sum: Option<Tensor<2>> = None;
        while taken < self.kernel {
            let taps = self.stride.min(self.kernel - taken);
            let own = x.clone().narrow(0, taken / self.stride, steps);
            let own = own.narrow(1, 0, taps * input);
            let weight = self.weight.clone().narrow(0, taken * input, taps * input);
            let product = own.matmul(weight);
            sum = Some(match sum {
                None => product,
                Some(sum) => sum + product,
            });
            taken += taps;
        }
        let y = sum.unwrap_or(x);
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }
}

/// A convolution of pictures.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
}

impl Conv2d {
    pub const fn new(weight: Tensor<4>, bias: Option<Tensor<1>>, options: ConvOptions<2>) -> Self {
        Self {
            weight,
            bias,
            options,
        }
    }

    /// `[batch, input, height, width]` to `[batch, output, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv2d(
            x,
            self.weight.clone(),
            self.bias.clone(),
            self.options.clone(),
        )
    }
}

/// One layer of an LSTM in one direction, from a state of zeros. Its gates are in PyTorch's order: input,
/// forget, cell, output.
#[derive(Debug)]
pub struct Lstm {
    /// `[input, 4 * hidden]`
    input_weight: Tensor<2>,
    /// `[hidden, 4 * hidden]`
    hidden_weight: Tensor<2>,
    bias: Tensor<1>,
    hidden: usize,
}

impl Lstm {
    /// `suffix` follows the names of the weights: `_l0` for the first layer of a `torch.nn.LSTM`.
    pub fn load(
        weights: &Weights,
        name: &str,
        suffix: &str,
        input: usize,
        hidden: usize,
    ) -> Result<Self, WeightsError> {
        let gates = 4 * hidden;
        let turned = |which: &str, width: usize| -> Result<Tensor<2>, WeightsError> {
            let layer = format!("{name}.weight_{which}{suffix}");
            let values = weights.values(&layer, &[gates, width])?;
            Ok(weights.upload(transposed(values, gates, width), [width, gates]))
        };
        let bias = |which: &str| weights.tensor(&format!("{name}.bias_{which}{suffix}"), [gates]);
        Ok(Self {
            input_weight: turned("ih", input)?,
            hidden_weight: turned("hh", hidden)?,
            bias: bias("ih")? + bias("hh")?,
            hidden,
        })
    }

    /// Hidden states `[time, hidden]` from `[time, input]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [time, _] = x.dims();
        let device = x.device();
        // What does not depend on the state is one product for all steps.
        let inputs = x.matmul(self.input_weight.clone()) + self.bias.clone().unsqueeze();
        let mut state: Tensor<2> = Tensor::zeros([1, self.hidden], &device);
        let mut cell = state.clone();
        let mut states = Vec::with_capacity(time);
        for t in 0..time {
            let gates =
                inputs.clone().narrow(0, t, 1) + state.clone().matmul(self.hidden_weight.clone());
            let gate = |index: usize| gates.clone().narrow(1, index * self.hidden, self.hidden);
            cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * gate(2).tanh();
            state = sigmoid(gate(3)) * cell.clone().tanh();
            states.push(state.clone());
        }
        Tensor::cat(states, 0)
    }
}

/// The projections of multi-head self-attention.
#[derive(Debug)]
pub struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl SelfAttention {
    /// With the names of the projections to queries, keys, values and of the output.
    pub fn load(
        weights: &Weights,
        names: [&str; 4],
        width: usize,
        heads: usize,
    ) -> Result<Self, WeightsError> {
        let [query, key, value, output] = names;
        let linear = |name| Linear::load(weights, name, width, width);
        Ok(Self {
            query: linear(query)?,
            key: linear(key)?,
            value: linear(value)?,
            output: linear(output)?,
            heads,
        })
    }

    /// `[time, width]` to the same, with `bias` `[1, heads, time, time]` added to the scores.
    pub fn forward(&self, x: &Tensor<2>, bias: Option<Tensor<4>>) -> Tensor<2> {
        let [time, width] = x.dims();
        let heads = |layer: &Linear| {
            let shape = [1, time, self.heads, width / self.heads];
            layer.forward(x.clone()).reshape(shape).swap_dims(1, 2)
        };
        let attended = attention(
            heads(&self.query),
            heads(&self.key),
            heads(&self.value),
            None,
            bias,
            AttentionModuleOptions::default(),
        );
        self.output
            .forward(attended.swap_dims(1, 2).reshape([time, width]))
    }
}

/// The values of a tensor, row by row.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data: TensorData = tensor.into_data();
    // Every backend computes in single precision here.
    data.try_to_vec_as::<f32>().unwrap_or_default()
}
