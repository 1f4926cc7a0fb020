//! One attention unit: projections, multi-head attention, residual, layer norm and feed-forward.
//!
//! The MRAU (eq. 5-10) has one such unit a modality; LFI's self- and cross-attention (eq. 1, 2 and
//! 13) are the same unit with other keys and values. Post-norm, as in eq. 9-10.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{Dropout, ModelConfig};
use crate::noise::Mode;

#[derive(Module, Debug)]
pub struct AttentionUnit {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm_attention: LayerNorm,
    feed_forward_inner: Linear,
    feed_forward_outer: Linear,
    norm_feed_forward: LayerNorm,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    dropout: Dropout,
}

impl AttentionUnit {
    pub fn new(config: &ModelConfig, device: &Device) -> Self {
        let d = config.d;
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        let norm = || LayerNormConfig::new(d).init(device);
        Self {
            query: linear(d, d),
            key: linear(d, d),
            value: linear(d, d),
            output: linear(d, d),
            norm_attention: norm(),
            feed_forward_inner: linear(d, 4 * d),
            feed_forward_outer: linear(4 * d, d),
            norm_feed_forward: norm(),
            heads: config.heads,
            dropout: config.dropout.clone(),
        }
    }

    /// `Q`, scaled by `1 / sqrt(d_k)`: `[batch, steps, d]` to `[batch, heads, steps, d_k]`.
    pub fn queries(&self, x: Tensor<3>) -> Tensor<4> {
        let d_k = x.dims()[2] / self.heads;
        let queries = self.query.forward(x);
        self.split(queries.mul_scalar((d_k as f64).powf(-0.5)))
    }

    /// `K` before it is split: `[batch, steps, d]`.
    pub fn keys(&self, x: Tensor<3>) -> Tensor<3> {
        self.key.forward(x)
    }

    /// `V`: `[batch, steps, d]` to `[batch, heads, steps, d_k]`.
    pub fn values(&self, x: Tensor<3>) -> Tensor<4> {
        self.split(self.value.forward(x))
    }

    /// `[batch, steps, d]` to `[batch, heads, steps, d_k]`.
    pub fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, steps, d] = x.dims();
        x.reshape([batch, steps, self.heads, d / self.heads])
            .swap_dims(1, 2)
    }

    /// From the attention's context `[batch, heads, steps, d_k]` and the unit's input
    /// `[batch, steps, d]` to its output (eq. 9 from the layer norm on, and eq. 10).
    pub fn finish(&self, context: Tensor<4>, input: Tensor<3>, mode: &mut Mode) -> Tensor<3> {
        let shape = input.dims();
        let context = context.swap_dims(1, 2).reshape(shape);
        let attended = mode.dropout(self.output.forward(context), self.dropout.residual);
        let h = self.norm_attention.forward(attended + input);
        let inner = relu(self.feed_forward_inner.forward(h.clone()));
        let inner = mode.dropout(inner, self.dropout.feed_forward);
        let outer = mode.dropout(
            self.feed_forward_outer.forward(inner),
            self.dropout.residual,
        );
        self.norm_feed_forward.forward(outer + h)
    }

    /// Vanilla attention (eq. 1 and 2): `target` is reinforced from `source`.
    pub fn forward(
        &self,
        target: Tensor<3>,
        source: Tensor<3>,
        padding: &Tensor<4>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let keys = self.split(self.keys(source.clone()));
        let (queries, values) = (self.queries(target.clone()), self.values(source));
        let dropout = self.dropout.attention;
        let context = attend(queries, keys, values, padding, dropout, mode);
        self.finish(context, target, mode)
    }
}

/// `softmax(Q K^T + padding) V`, with `Q` already scaled: all `[batch, heads, steps, d_k]`.
pub fn attend(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    padding: &Tensor<4>,
    dropout: f64,
    mode: &mut Mode,
) -> Tensor<4> {
    let scores = queries.matmul(keys.swap_dims(2, 3)) + padding.clone();
    let weights = mode.dropout(softmax(scores, 3), dropout);
    weights.matmul(values)
}

/// What is added to the scores of padded keys: far below any score, so that their weight is
/// exactly 0, and finite, so that no gradient is NaN.
const PADDED: f32 = -1e9;

/// `[batch, 1, 1, steps]`: 0 at the first `lengths[b]` steps of each sample, -1e9 after.
pub fn padding_bias(lengths: &[usize], steps: usize, device: &Device) -> Tensor<4> {
    let bias: Vec<f32> = lengths
        .iter()
        .flat_map(|length| (0..steps).map(move |t| if t < *length { 0.0 } else { PADDED }))
        .collect();
    Tensor::from_data(TensorData::new(bias, [lengths.len(), 1, 1, steps]), device)
}
