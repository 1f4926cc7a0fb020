//! EMT-DLFR: one global token per modality exchanges messages with the local sequences, and features
//! are restored on two levels.
//!
//! Sun et al., "Efficient Multimodal Transformer with Dual-Level Feature Restoration for Robust
//! Multimodal Sentiment Analysis" (IEEE Transactions on Affective Computing, 2023). Low level: missing
//! features are reconstructed from the local sequences. High level: pooled vectors of the incomplete
//! and of the complete view attract each other with stop-gradient on the targets, as in SimSiam. Where
//! sources differ: units are post-norm with a plain feed-forward and not shared, which is what Table 4
//! of the MCT-HFR paper counts (the original is pre-norm, gated, and shares one unit); global tokens
//! start as the means of the embedded sequences, since the features have no utterance vector; attraction
//! takes the pooled vectors, where one re-implementation takes the first frame. `layers` of a view holds
//! the local sequences and then the global tokens.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::config::{Distance, Interface, ModelConfig, Term};
use crate::nn::attention::{FeedForward, MultiHeadAttention};
use crate::nn::classifier::Classifier;
use crate::nn::combination::Combination;
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::pooling::Pooling;
use crate::nn::unimodal::{self, UnimodalEncoder};
use crate::objectives::gfa::distance_between;
use crate::objectives::lfi::imagination_loss;
use crate::objectives::losses::Losses;
use crate::systems::network::{Network, Sample, Steps, View};

#[derive(Module, Debug)]
pub struct EmtDlfr {
    unimodal: Vec<UnimodalEncoder>,
    layers: Vec<Layer>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
    generator: Vec<Linear>,
    attraction: Vec<Attraction>,
}

#[derive(Module, Debug)]
struct Layer {
    /// Local sequences from the global tokens.
    local: Vec<Promotion>,
    /// Global tokens from the local sequences.
    global: Vec<Promotion>,
    combine: Combination,
}

/// One direction of a mutual promotion unit.
#[derive(Module, Debug)]
struct Promotion {
    cross_attention: MultiHeadAttention,
    norm_cross: LayerNorm,
    self_attention: MultiHeadAttention,
    norm_self: LayerNorm,
    feed_forward: FeedForward,
    norm_feed_forward: LayerNorm,
}

impl Promotion {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let attention = || MultiHeadAttention::new(config, config.d, config.heads, device);
        let norm = || LayerNormConfig::new(config.d).init(device);
        Self {
            cross_attention: attention(),
            norm_cross: norm(),
            self_attention: attention(),
            norm_self: norm(),
            feed_forward: FeedForward::new(config, config.d, device),
            norm_feed_forward: norm(),
        }
    }

    /// `target` promoted by `context`, both `[batch, time, d_model]` with their padding masks (`None`:
    /// all steps are valid); as long as `target`.
    fn forward(
        &self,
        (target, target_mask): (Tensor<3>, Option<&PaddingMask>),
        (context, context_mask): (Tensor<3>, Option<&PaddingMask>),
        mode: &mut Mode,
    ) -> Tensor<3> {
        let cross = self
            .cross_attention
            .forward(target.clone(), context, context_mask, mode);
        let x = self.norm_cross.forward(target + cross);
        let intra = self
            .self_attention
            .forward(x.clone(), x.clone(), target_mask, mode);
        let x = self.norm_self.forward(x + intra);
        let outer = self.feed_forward.forward(x.clone(), mode);
        self.norm_feed_forward.forward(outer + x)
    }
}

/// Projector and predictor of one pooled vector.
#[derive(Module, Debug)]
struct Attraction {
    projector: Linear,
    inner: Linear,
    outer: Linear,
}

/// Zero mean and unit variance over the batch: batch norm in training, without affine parameters. It is
/// never used in evaluation.
fn standardised(x: Tensor<2>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(0);
    let variance = centred.clone().square().mean_dim(0);
    centred / (variance + 1e-5).sqrt()
}

impl Attraction {
    fn new(width: usize, device: &Device) -> Self {
        let layer = |d_in, d_out| LinearConfig::new(d_in, d_out);
        Self {
            projector: layer(width, width).init(device),
            inner: layer(width, width / 2).with_bias(false).init(device),
            outer: layer(width / 2, width).init(device),
        }
    }

    /// The projected vector, and the prediction of the other view's: both `[batch, width]`.
    fn project(&self, x: Tensor<2>, mode: &mut Mode) -> (Tensor<2>, Tensor<2>) {
        let projected = standardised(linear(&self.projector, x, mode));
        let inner = relu(standardised(linear(&self.inner, projected.clone(), mode)));
        let predicted = linear(&self.outer, inner, mode);
        (projected, predicted)
    }

    /// One minus the cosine similarity, `[1]`: mean of both directions with stop-gradient on the targets.
    fn forward(&self, incomplete: Tensor<2>, complete: Tensor<2>, mode: &mut Mode) -> Tensor<1> {
        let (incomplete, from_incomplete) = self.project(incomplete, mode);
        let (complete, from_complete) = self.project(complete, mode);
        let forth = distance_between(from_incomplete, complete.detach(), Distance::Cosine);
        let back = distance_between(from_complete, incomplete.detach(), Distance::Cosine);
        (forth + back).mul_scalar(0.5)
    }
}

impl EmtDlfr {
    fn reconstruct(&self, view: &View, m: usize, mode: &mut Mode) -> Tensor<3> {
        let last = view.layers.last();
        let local = last.map_or(&view.embedded[m], |sequences| &sequences[m]);
        linear(&self.generator[m], local.clone(), mode)
    }
}

impl Network for EmtDlfr {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let (d_model, modalities) = (config.d, interface.modalities.len());
        let units = || {
            (0..modalities)
                .map(|_| Promotion::new(config, device))
                .collect()
        };
        let layer = |_| Layer {
            local: units(),
            global: units(),
            combine: Combination::new(d_model, device),
        };
        let pooled = Pooling::pooled_width(config, d_model);
        let joint = modalities * (pooled + d_model);
        let shapes = interface.modalities.iter();
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers).map(layer).collect(),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, d_model, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.outputs(), device),
            generator: shapes
                .map(|shape| LinearConfig::new(d_model, shape.features).init(device))
                .collect(),
            attraction: (0..modalities)
                .map(|_| pooled)
                .chain([modalities * d_model])
                .map(|width| Attraction::new(width, device))
                .collect(),
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let means = embedded.iter().zip(masks);
        let means = means.map(|(x, mask)| mask.mean(x.clone()).unsqueeze_dim(1));
        let mut global: Tensor<3> = Tensor::cat(means.collect(), 1);
        let mut locals = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let mut messages = Vec::with_capacity(locals.len());
            for (m, local) in locals.iter_mut().enumerate() {
                let sequence = (local.clone(), Some(&masks[m]));
                let tokens = (global.clone(), None);
                *local = layer.local[m].forward(sequence.clone(), tokens.clone(), mode);
                messages.push(layer.global[m].forward(tokens, sequence, mode));
            }
            global = layer.combine.forward(messages, None, mode);
            let mut after = locals.clone();
            after.push(global.clone());
            layers.push(after);
        }
        let per_modality = self.pooling.iter().zip(locals).zip(masks);
        let mut pooled: Vec<Tensor<2>> = per_modality
            .map(|((pooling, sequence), mask)| pooling.forward(sequence, mask, mode))
            .collect();
        let [batch, tokens, d_model] = global.dims();
        pooled.push(global.reshape([batch, tokens * d_model]));
        let joint = Tensor::cat(pooled.clone(), 1);
        View {
            logits: self.classifier.forward(joint, mode),
            convolved,
            embedded,
            layers,
            pooled,
        }
    }

    fn imagine(
        &self,
        view: &View,
        m: usize,
        _steps: &Steps<'_>,
        mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        Some(self.reconstruct(view, m, mode))
    }

    fn auxiliary(&self, losses: &mut Losses, view: &View, sample: &Sample<'_>, mode: &mut Mode) {
        let complete = self.view(sample.complete.clone(), &sample.masks, mode);
        losses.add(Term::Complete, sample.supervision.loss(complete.logits));
        let pairs = view.pooled.iter().zip(complete.pooled);
        let distances = self.attraction.iter().zip(pairs);
        let distances: Vec<Tensor<1>> = distances
            .map(|(attraction, (incomplete, complete))| {
                attraction.forward(incomplete.clone(), complete, mode)
            })
            .collect();
        losses.add(Term::Attraction, Tensor::cat(distances, 0).sum());
        let reconstruction = imagination_loss(sample.batch, &sample.complete, |m| {
            self.reconstruct(view, m, mode)
        });
        if let Some(reconstruction) = reconstruction {
            losses.add(Term::Reconstruction, reconstruction);
        }
    }
}
