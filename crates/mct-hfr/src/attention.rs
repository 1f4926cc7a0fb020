//! Attention units: projections, multi-head attention, residual, layer norm and feed-forward.
//!
//! The MRAU (eq. 5-10) has one unit a modality; LFI's self- and cross-attention (eq. 1, 2 and 13) and
//! the compared systems use the same unit with other keys and values. Post-norm, as in eq. 9-10.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::linear::at_each_step;
use crate::noise::Mode;
use crate::softmax::biased_softmax;
use crate::steps::Steps;

/// Multi-head attention with its four projections.
#[derive(Module, Debug)]
pub struct MultiHead {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    attention_dropout: f64,
    #[module(skip)]
    residual_dropout: f64,
}

impl MultiHead {
    /// For sequences of `size` channels, a multiple of `heads`.
    pub fn new(config: &ModelConfig, size: usize, heads: usize, device: &Device) -> Self {
        let linear = || LinearConfig::new(size, size).init(device);
        Self {
            query: linear(),
            key: linear(),
            value: linear(),
            output: linear(),
            heads,
            attention_dropout: config.dropout.attention,
            residual_dropout: config.dropout.residual,
        }
    }

    /// `Q`, scaled by `1 / sqrt(d_k)`: `[batch, steps, size]` to `[batch, heads, steps, d_k]`.
    pub fn queries(&self, x: Tensor<3>) -> Tensor<4> {
        let d_k = x.dims()[2] / self.heads;
        let queries = at_each_step(&self.query, x);
        self.split(queries.mul_scalar((d_k as f64).powf(-0.5)))
    }

    /// `K` before it is split: `[batch, steps, size]`.
    pub fn keys(&self, x: Tensor<3>) -> Tensor<3> {
        at_each_step(&self.key, x)
    }

    /// `V`: `[batch, steps, size]` to `[batch, heads, steps, d_k]`.
    pub fn values(&self, x: Tensor<3>) -> Tensor<4> {
        self.split(at_each_step(&self.value, x))
    }

    /// `[batch, steps, size]` to `[batch, heads, steps, d_k]`.
    pub fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, steps, size] = x.dims();
        x.reshape([batch, steps, self.heads, size / self.heads])
            .swap_dims(1, 2)
    }

    /// The heads' contexts `[batch, heads, steps, d_k]` put together: `[batch, steps, size]`.
    pub fn join(&self, context: Tensor<4>, mode: &mut Mode) -> Tensor<3> {
        let [batch, heads, steps, d_k] = context.dims();
        let context = context.swap_dims(1, 2).reshape([batch, steps, heads * d_k]);
        mode.dropout(at_each_step(&self.output, context), self.residual_dropout)
    }

    /// What `target` finds in `source`, whose padding `steps` marks (`None`: all steps are real).
    pub fn forward(
        &self,
        target: Tensor<3>,
        source: Tensor<3>,
        steps: Option<&Steps>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let keys = self.split(self.keys(source.clone()));
        let (queries, values) = (self.queries(target), self.values(source));
        let bias = steps.map(|steps| &steps.bias);
        let context = attend(queries, keys, values, bias, self.attention_dropout, mode);
        self.join(context, mode)
    }
}

/// `softmax(Q K^T + bias) V`, with `Q` already scaled: all `[batch, heads, steps, d_k]`.
pub fn attend(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    bias: Option<&Tensor<4>>,
    dropout: f64,
    mode: &mut Mode,
) -> Tensor<4> {
    let weights = mode.dropout(weights(queries, keys, bias), dropout);
    weights.matmul(values)
}

/// `softmax(Q K^T + bias)`: how much each query attends to each key, `[batch, heads, queries, keys]`.
pub fn weights(queries: Tensor<4>, keys: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<4> {
    biased_softmax(queries.matmul(keys.swap_dims(2, 3)), bias)
}

/// Two layers with a ReLU between them, four times as wide inside.
#[derive(Module, Debug)]
pub struct FeedForward {
    inner: Linear,
    outer: Linear,
    #[module(skip)]
    inner_dropout: f64,
    #[module(skip)]
    residual_dropout: f64,
}

impl FeedForward {
    pub fn new(config: &ModelConfig, size: usize, device: &Device) -> Self {
        Self {
            inner: LinearConfig::new(size, 4 * size).init(device),
            outer: LinearConfig::new(4 * size, size).init(device),
            inner_dropout: config.dropout.feed_forward,
            residual_dropout: config.dropout.residual,
        }
    }

    /// `[batch, steps, size]` to the same.
    pub fn forward(&self, x: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let inner = mode.dropout(relu(at_each_step(&self.inner, x)), self.inner_dropout);
        mode.dropout(at_each_step(&self.outer, inner), self.residual_dropout)
    }
}

/// Attention and feed-forward, each with its residual and layer norm.
#[derive(Module, Debug)]
pub struct AttentionUnit {
    pub attention: MultiHead,
    norm_attention: LayerNorm,
    feed_forward: FeedForward,
    norm_feed_forward: LayerNorm,
}

impl AttentionUnit {
    /// For sequences of the model's channels, with its heads.
    pub fn new(config: &ModelConfig, device: &Device) -> Self {
        Self::of_size(config, config.d, config.heads, device)
    }

    /// For sequences of `size` channels, a multiple of `heads`.
    pub fn of_size(config: &ModelConfig, size: usize, heads: usize, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(size).init(device);
        Self {
            attention: MultiHead::new(config, size, heads, device),
            norm_attention: norm(),
            feed_forward: FeedForward::new(config, size, device),
            norm_feed_forward: norm(),
        }
    }

    /// From what attention has found and the unit's input, both `[batch, steps, size]`, to its
    /// output (eq. 9 from the layer norm on, and eq. 10).
    pub fn finish(&self, attended: Tensor<3>, input: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let h = self.norm_attention.forward(attended + input);
        let outer = self.feed_forward.forward(h.clone(), mode);
        self.norm_feed_forward.forward(outer + h)
    }

    /// Vanilla attention (eq. 1 and 2): `target` is reinforced from `source`, whose padding `steps`
    /// marks (`None`: all steps are real).
    pub fn forward(
        &self,
        target: Tensor<3>,
        source: Tensor<3>,
        steps: Option<&Steps>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let attended = self.attention.forward(target.clone(), source, steps, mode);
        self.finish(attended, target, mode)
    }
}

/// A stack of attention units.
#[derive(Module, Debug)]
pub struct Encoder {
    layers: Vec<AttentionUnit>,
    norm: Option<LayerNorm>,
}

impl Encoder {
    /// `layers` units for sequences of `size` channels, with the model's heads.
    pub fn new(config: &ModelConfig, layers: usize, size: usize, device: &Device) -> Self {
        let unit = |_| AttentionUnit::of_size(config, size, config.heads, device);
        let norm = || LayerNormConfig::new(size).init(device);
        Self {
            layers: (0..layers).map(unit).collect(),
            norm: config.final_norm.then(norm),
        }
    }

    /// Every layer attends to the layer before it.
    pub fn reinforce_itself(&self, x: Tensor<3>, steps: &Steps, mode: &mut Mode) -> Tensor<3> {
        let mut x = x;
        for layer in &self.layers {
            x = layer.forward(x.clone(), x, Some(steps), mode);
        }
        self.finish(x)
    }

    /// Every layer attends to the same `source`, as in MulT.
    pub fn reinforce_from(
        &self,
        target: Tensor<3>,
        source: &Tensor<3>,
        steps: &Steps,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let mut x = target;
        for layer in &self.layers {
            x = layer.forward(x, source.clone(), Some(steps), mode);
        }
        self.finish(x)
    }

    fn finish(&self, x: Tensor<3>) -> Tensor<3> {
        match &self.norm {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }
}
