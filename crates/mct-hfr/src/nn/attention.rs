//! Attention units: projections, multi-head attention, residual, layer norm and feed-forward.
//!
//! The MRAU (eq. 5-10) has one unit per modality; LFI's self- and cross-attention (eq. 1, 2 and 13) and
//! the compared systems use the same unit with other keys and values. Post-norm, as in eq. 9-10.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::softmax::biased_softmax;

/// Multi-head attention with its four projections.
#[derive(Module, Debug)]
pub struct MultiHeadAttention {
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

impl MultiHeadAttention {
    /// For sequences of width `d_model`, a multiple of `heads`.
    pub fn new(config: &ModelConfig, d_model: usize, heads: usize, device: &Device) -> Self {
        let projection = || LinearConfig::new(d_model, d_model).init(device);
        Self {
            query: projection(),
            key: projection(),
            value: projection(),
            output: projection(),
            heads,
            attention_dropout: config.dropout.attention,
            residual_dropout: config.dropout.residual,
        }
    }

    /// `Q`, scaled by `1 / sqrt(d_k)`: `[batch, time, d_model]` to `[batch, heads, time, d_k]`.
    pub fn queries(&self, x: Tensor<3>, mode: &mut Mode) -> Tensor<4> {
        let d_k = x.dims()[2] / self.heads;
        let queries = linear(&self.query, x, mode);
        self.split_heads(queries.mul_scalar((d_k as f64).powf(-0.5)))
    }

    /// `K` before it is split into heads: `[batch, time, d_model]`.
    pub fn keys(&self, x: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        linear(&self.key, x, mode)
    }

    /// `V`: `[batch, time, d_model]` to `[batch, heads, time, d_k]`.
    pub fn values(&self, x: Tensor<3>, mode: &mut Mode) -> Tensor<4> {
        self.split_heads(linear(&self.value, x, mode))
    }

    /// `[batch, time, d_model]` to `[batch, heads, time, d_k]`.
    pub fn split_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, time, d_model] = x.dims();
        x.reshape([batch, time, self.heads, d_model / self.heads])
            .swap_dims(1, 2)
    }

    /// The contexts of the heads `[batch, heads, time, d_k]`, concatenated and projected:
    /// `[batch, time, d_model]`.
    pub fn merge_heads(&self, context: Tensor<4>, mode: &mut Mode) -> Tensor<3> {
        let [batch, heads, time, d_k] = context.dims();
        let context = context.swap_dims(1, 2).reshape([batch, time, heads * d_k]);
        let output = linear(&self.output, context, mode);
        mode.dropout(output, self.residual_dropout)
    }

    /// `softmax(Q K^T + bias) V`, with `Q` already scaled: queries `[batch, heads, queries, d_k]`, keys
    /// and values `[batch, heads, keys, d_k]`, bias `[batch, 1, 1, keys]`, to
    /// `[batch, heads, queries, d_k]`.
    pub fn attend(
        &self,
        queries: Tensor<4>,
        keys: Tensor<4>,
        values: Tensor<4>,
        bias: Option<&Tensor<4>>,
        mode: &mut Mode,
    ) -> Tensor<4> {
        let [batch, heads, n_queries, d_k] = queries.dims();
        let n_keys = keys.dims()[2];
        // Q K^T, and the weighted sum of V.
        let macs = 2 * batch * heads * n_queries * n_keys * d_k;
        mode.count_activations(&self.query.weight, macs);
        let weights = attention_weights(queries, keys, bias);
        mode.dropout(weights, self.attention_dropout).matmul(values)
    }

    /// `target` attends to `source`, whose padding mask is `source_mask` (`None`: all steps are valid).
    /// Shapes `[batch, time, d_model]`; the result is as long as `target`.
    pub fn forward(
        &self,
        target: Tensor<3>,
        source: Tensor<3>,
        source_mask: Option<&PaddingMask>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let keys = self.split_heads(self.keys(source.clone(), mode));
        let (queries, values) = (self.queries(target, mode), self.values(source, mode));
        let bias = source_mask.map(|mask| &mask.bias);
        let context = self.attend(queries, keys, values, bias, mode);
        self.merge_heads(context, mode)
    }
}

/// `softmax(Q K^T + bias)`, with `Q` already scaled: how much each query attends to each key,
/// `[batch, heads, queries, keys]`.
pub fn attention_weights(
    queries: Tensor<4>,
    keys: Tensor<4>,
    bias: Option<&Tensor<4>>,
) -> Tensor<4> {
    biased_softmax(queries.matmul(keys.swap_dims(2, 3)), bias)
}

/// Two linear layers with a ReLU between them, four times as wide inside.
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
    /// For sequences of width `d_model`.
    pub fn new(config: &ModelConfig, d_model: usize, device: &Device) -> Self {
        Self {
            inner: LinearConfig::new(d_model, 4 * d_model).init(device),
            outer: LinearConfig::new(4 * d_model, d_model).init(device),
            inner_dropout: config.dropout.feed_forward,
            residual_dropout: config.dropout.residual,
        }
    }

    /// `[batch, time, d_model]` to the same.
    pub fn forward(&self, x: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let inner = relu(linear(&self.inner, x, mode));
        let inner = mode.dropout(inner, self.inner_dropout);
        let outer = linear(&self.outer, inner, mode);
        mode.dropout(outer, self.residual_dropout)
    }
}

/// Attention and feed-forward, each with its residual and layer norm.
#[derive(Module, Debug)]
pub struct AttentionUnit {
    pub attention: MultiHeadAttention,
    norm_attention: LayerNorm,
    feed_forward: FeedForward,
    norm_feed_forward: LayerNorm,
}

impl AttentionUnit {
    /// Of the model's width and heads.
    pub fn new(config: &ModelConfig, device: &Device) -> Self {
        Self::with_width(config, config.d, config.heads, device)
    }

    /// For sequences of width `d_model`, a multiple of `heads`.
    pub fn with_width(config: &ModelConfig, d_model: usize, heads: usize, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(d_model).init(device);
        Self {
            attention: MultiHeadAttention::new(config, d_model, heads, device),
            norm_attention: norm(),
            feed_forward: FeedForward::new(config, d_model, device),
            norm_feed_forward: norm(),
        }
    }

    /// From the attention's output and the unit's input, both `[batch, time, d_model]`, to the unit's
    /// output (eq. 9 from the layer norm on, and eq. 10).
    pub fn finish(&self, attended: Tensor<3>, input: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let h = self.norm_attention.forward(attended + input);
        let outer = self.feed_forward.forward(h.clone(), mode);
        self.norm_feed_forward.forward(outer + h)
    }

    /// Vanilla attention (eq. 1 and 2): `target` is reinforced from `source`, whose padding mask is
    /// `source_mask` (`None`: all steps are valid). Shapes `[batch, time, d_model]`.
    pub fn forward(
        &self,
        target: Tensor<3>,
        source: Tensor<3>,
        source_mask: Option<&PaddingMask>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let attended = self
            .attention
            .forward(target.clone(), source, source_mask, mode);
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
    /// `layers` units for sequences of width `d_model`, with the model's heads.
    pub fn new(config: &ModelConfig, layers: usize, d_model: usize, device: &Device) -> Self {
        let unit = |_| AttentionUnit::with_width(config, d_model, config.heads, device);
        let norm = || LayerNormConfig::new(d_model).init(device);
        Self {
            layers: (0..layers).map(unit).collect(),
            norm: config.final_norm.then(norm),
        }
    }

    /// Self-attention: every layer attends to the output of the layer before it.
    pub fn self_attention(&self, x: Tensor<3>, mask: &PaddingMask, mode: &mut Mode) -> Tensor<3> {
        let mut x = x;
        for layer in &self.layers {
            x = layer.forward(x.clone(), x, Some(mask), mode);
        }
        self.finish(x)
    }

    /// Cross-modal attention: every layer attends to the same `source`, as in MulT.
    pub fn cross_attention(
        &self,
        target: Tensor<3>,
        source: &Tensor<3>,
        source_mask: &PaddingMask,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let mut x = target;
        for layer in &self.layers {
            x = layer.forward(x, source.clone(), Some(source_mask), mode);
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
