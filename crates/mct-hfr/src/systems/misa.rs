//! MISA: each modality as one vector, in a subspace that all share and in one of its own.
//!
//! Hazarika et al., "MISA: Modality-Invariant and -Specific Representations for Multimodal Sentiment
//! Analysis" (ACM MM 2020). As there, text is the mean of its features, and every other modality goes
//! through a stack of two bidirectional LSTMs; the public code of MCT-HFR takes means that divide by
//! the true length but count padding in, which is wrong and not done here. Widths follow the model's
//! `d`; loss weights are the original's. There is no convolution. `layers` of a view holds
//! the projected, the private and the shared vectors, as sequences of one step; `pooled` the fused
//! ones, first private, then shared.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};

use crate::attention::AttentionUnit;
use crate::config::{Distance, Interface, ModelConfig, TrainingConfig};
use crate::event::Term;
use crate::gfa::between;
use crate::model::{Losses, Network, Sample, View};
use crate::noise::Mode;
use crate::steps::Steps;

/// Weights of the losses.
const DIFFERENCE: f64 = 0.3;
const SIMILARITY: f64 = 1.0;
const RECONSTRUCTION: f64 = 1.0;

#[derive(Module, Debug)]
pub struct Misa {
    recurrent: Vec<Recurrent>,
    projection: Vec<Projection>,
    private: Vec<Linear>,
    shared: Linear,
    reconstruct: Vec<Linear>,
    fusion: AttentionUnit,
    hidden: Linear,
    output: Linear,
    #[module(skip)]
    text: Option<usize>,
    #[module(skip)]
    dropout: f64,
}

/// To the common size: linear, ReLU and layer norm.
#[derive(Module, Debug)]
struct Projection {
    linear: Linear,
    norm: LayerNorm,
}

impl Misa {
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let (d, modalities) = (config.d, interface.modalities.len());
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        let each = || (0..modalities).map(|_| linear(d, d)).collect();
        let shapes = || interface.modalities.iter().enumerate();
        let text = interface.text();
        let joint = 2 * modalities * d;
        Self {
            recurrent: shapes()
                .filter(|(m, _)| Some(*m) != text)
                .map(|(_, shape)| Recurrent::new(shape.features, d, device))
                .collect(),
            projection: shapes()
                .map(|(m, shape)| Projection {
                    linear: linear(
                        if Some(m) == text {
                            shape.features
                        } else {
                            4 * d
                        },
                        d,
                    ),
                    norm: LayerNormConfig::new(d).init(device),
                })
                .collect(),
            private: each(),
            shared: linear(d, d),
            reconstruct: each(),
            fusion: AttentionUnit::new(config, device),
            hidden: linear(joint, joint / 2),
            output: linear(joint / 2, interface.classes.len()),
            text,
            dropout: config.dropout.classifier,
        }
    }

    /// The vectors of one view before fusion: the projected, the private and the shared one of each
    /// modality, `[batch, 1, d]`.
    fn subspaces(&self, features: &[Tensor<3>], steps: &[Steps]) -> Vec<Vec<Tensor<3>>> {
        let mut recurrent = self.recurrent.iter();
        let (mut projected, mut private, mut shared) = (vec![], vec![], vec![]);
        for (m, x) in features.iter().enumerate() {
            let own = match self.text {
                Some(text) if text == m => None,
                _ => recurrent.next(),
            };
            let vector = match own {
                None => steps[m].mean(x.clone()),
                Some(recurrent) => recurrent.forward(x, &steps[m]),
            };
            let Projection { linear, norm } = &self.projection[m];
            let vector = norm.forward(relu(linear.forward(vector)));
            let token = |x: Tensor<2>| x.unsqueeze_dim::<3>(1);
            private.push(token(sigmoid(self.private[m].forward(vector.clone()))));
            shared.push(token(sigmoid(self.shared.forward(vector.clone()))));
            projected.push(token(vector));
        }
        vec![projected, private, shared]
    }
}

/// `mean((A^T B)^2)` of two batches of vectors `[batch, d]`, centred over the batch and of length 1
/// (the lengths are held still): 0 where the subspaces are orthogonal.
fn difference(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
    let unit = |x: &Tensor<2>| {
        let centred = x.clone() - x.clone().mean_dim(0);
        let length = centred.clone().detach().square().sum_dim(1).sqrt() + 1e-6;
        centred / length
    };
    unit(a).transpose().matmul(unit(b)).square().mean()
}

/// All pairs of different vectors, each once.
fn pairs(vectors: &[Tensor<2>]) -> impl Iterator<Item = (&Tensor<2>, &Tensor<2>)> {
    let firsts = vectors.iter().enumerate();
    firsts.flat_map(|(i, a)| vectors[i + 1..].iter().map(move |b| (a, b)))
}

/// The sum of terms `[1]`.
fn sum(terms: impl Iterator<Item = Tensor<1>>) -> Tensor<1> {
    Tensor::cat(terms.collect(), 0).sum()
}

impl Network for Misa {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let subspaces = self.subspaces(&features, steps);
        let tokens: Vec<Tensor<3>> = subspaces[1..].concat();
        let count = tokens.len();
        let tokens = Tensor::cat(tokens, 1);
        let fused = self.fusion.forward(tokens.clone(), tokens, None, mode);
        let [batch, _, d] = fused.dims();
        let hidden = self
            .hidden
            .forward(fused.clone().reshape([batch, count * d]));
        let hidden = relu(mode.dropout(hidden, self.dropout));
        let token = |t| fused.clone().narrow(1, t, 1).reshape([batch, d]);
        View {
            convolved: Vec::new(),
            embedded: Vec::new(),
            layers: subspaces,
            pooled: (0..count).map(token).collect(),
            logits: self.output.forward(hidden),
        }
    }

    fn auxiliary(
        &self,
        losses: &mut Losses,
        view: &View,
        _sample: &Sample<'_>,
        _training: &TrainingConfig,
        _mode: &mut Mode,
    ) {
        let vectors = |stage: usize| -> Vec<Tensor<2>> {
            let tokens = view.layers[stage].iter();
            tokens.map(|token| token.clone().squeeze_dim(1)).collect()
        };
        let (projected, private, shared) = (vectors(0), vectors(1), vectors(2));
        let modalities = projected.len();
        let across = private.iter().zip(&shared);
        let orthogonal = across.chain(pairs(&private));
        let different = sum(orthogonal.map(|(a, b)| difference(a, b)));
        let similar = pairs(&shared).map(|(a, b)| between(a.clone(), b.clone(), Distance::Cmd));
        let count = modalities * (modalities - 1) / 2;
        let similar = sum(similar).div_scalar(count as f64);
        let restored = (0..modalities).map(|m| {
            let both = private[m].clone() + shared[m].clone();
            let restored = self.reconstruct[m].forward(both);
            (restored - projected[m].clone()).square().mean()
        });
        let restored = sum(restored).div_scalar(modalities as f64);
        losses.add(Term::Difference, different, DIFFERENCE);
        losses.add(Term::Similarity, similar, SIMILARITY);
        losses.add(Term::Reconstruction, restored, RECONSTRUCTION);
    }
}

/// Two bidirectional LSTMs with a layer norm between them; their final states side by side.
#[derive(Module, Debug)]
struct Recurrent {
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

impl Recurrent {
    fn new(features: usize, hidden: usize, device: &Device) -> Self {
        let layer = |input| Bidirectional {
            forward: Lstm::new(input, hidden, device),
            backward: Lstm::new(input, hidden, device),
        };
        Self {
            layers: vec![layer(features), layer(2 * hidden)],
            norm: LayerNormConfig::new(2 * hidden).init(device),
        }
    }

    /// `[batch, steps, features]` to `[batch, 4 * hidden]`.
    fn forward(&self, features: &Tensor<3>, steps: &Steps) -> Tensor<2> {
        // Sequences are lists of steps: cutting steps out of one tensor would, on the way back, cost
        // a gradient of the whole sequence for each of them.
        let [batch, length, size] = features.dims();
        let step = |x: &Tensor<3>, t| x.clone().narrow(1, t, 1);
        let mut sequence: Vec<Tensor<2>> = (0..length)
            .map(|t| step(features, t).reshape([batch, size]))
            .collect();
        let valid: Vec<Tensor<2>> = (0..length)
            .map(|t| step(&steps.valid, t).reshape([batch, 1]))
            .collect();
        let mut finals = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let (forward, last) = layer.forward.run(&sequence, &valid, false);
            let (backward, first) = layer.backward.run(&sequence, &valid, true);
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

    /// Hidden states at each step, and the final one: each `[batch, hidden]`. In the padding the state
    /// stays what it was, so that the backward direction starts at the last real step of each sample.
    fn run(
        &self,
        sequence: &[Tensor<2>],
        valid: &[Tensor<2>],
        backwards: bool,
    ) -> (Vec<Tensor<2>>, Tensor<2>) {
        let hidden = self.hidden_weight.val().dims()[0];
        let (batch, device) = (valid[0].dims()[0], valid[0].device());
        let bias = self.bias.val().unsqueeze::<2>();
        let (input_weight, hidden_weight) = (self.input_weight.val(), self.hidden_weight.val());
        let mut state: Tensor<2> = Tensor::zeros([batch, hidden], &device);
        let mut cell = state.clone();
        let mut outputs = vec![state.clone(); sequence.len()];
        for place in 0..sequence.len() {
            let t = if backwards {
                sequence.len() - 1 - place
            } else {
                place
            };
            let gates = sequence[t].clone().matmul(input_weight.clone())
                + state.clone().matmul(hidden_weight.clone())
                + bias.clone();
            let gate = |index: usize| gates.clone().narrow(1, index * hidden, hidden);
            let kept = sigmoid(gate(1)) * cell.clone();
            let new_cell = kept + sigmoid(gate(0)) * gate(2).tanh();
            let new_state = sigmoid(gate(3)) * new_cell.clone().tanh();
            let hold =
                |old: Tensor<2>, new: Tensor<2>| old.clone() + (new - old) * valid[t].clone();
            cell = hold(cell, new_cell);
            state = hold(state, new_state);
            outputs[t] = state.clone();
        }
        (outputs, state)
    }
}
