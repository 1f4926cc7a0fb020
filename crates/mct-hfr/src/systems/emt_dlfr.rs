//! EMT-DLFR: a global token a modality exchanges messages with the local sequences, and features are
//! restored on two levels.
//!
//! Sun et al., "Efficient Multimodal Transformer with Dual-Level Feature Restoration for Robust
//! Multimodal Sentiment Analysis" (IEEE Transactions on Affective Computing, 2023). Low level: missing
//! features are reconstructed from the local sequences. High level: pooled vectors of the incomplete
//! and of the complete view attract each other with stopped gradients, as in SimSiam. Where sources
//! differ: units are post-norm with a plain feed-forward and not shared, which is what Table 4 of the
//! MCT-HFR paper counts (the original is pre-norm, gated, and shares one unit); global tokens start as
//! the means of the embedded sequences, since the features have no utterance vector; attraction takes
//! the pooled vectors, where one re-implementation takes the first frame. `layers` of a view holds the
//! local sequences and then the global tokens.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::attention::{FeedForward, MultiHead};
use crate::classifier::{Classifier, cross_entropy};
use crate::config::{Distance, Interface, ModelConfig, TrainingConfig};
use crate::event::Term;
use crate::gfa::between;
use crate::lfi::imagination_loss;
use crate::linear::at_each_step;
use crate::model::{Losses, Network, Sample, View};
use crate::noise::Mode;
use crate::pooling::Pooling;
use crate::steps::Steps;
use crate::systems::combination::Combination;
use crate::unimodal::{self, UnimodalEncoder};

/// Weights of the restoration of both levels in the loss.
const ATTRACTION: f64 = 1.0;
const RECONSTRUCTION: f64 = 1.0;

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
    /// Local sequences from the global tokens, and back.
    local: Vec<Promotion>,
    global: Vec<Promotion>,
    combine: Combination,
}

/// One direction of a mutual promotion unit.
#[derive(Module, Debug)]
struct Promotion {
    cross_attention: MultiHead,
    norm_cross: LayerNorm,
    self_attention: MultiHead,
    norm_self: LayerNorm,
    feed_forward: FeedForward,
    norm_feed_forward: LayerNorm,
}

impl Promotion {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let attention = || MultiHead::new(config, config.d, config.heads, device);
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

    /// `target` promoted by `context`, each with its real steps (`None`: all of them).
    fn forward(
        &self,
        (target, target_steps): (Tensor<3>, Option<&Steps>),
        (context, context_steps): (Tensor<3>, Option<&Steps>),
        mode: &mut Mode,
    ) -> Tensor<3> {
        let cross = self
            .cross_attention
            .forward(target.clone(), context, context_steps, mode);
        let x = self.norm_cross.forward(target + cross);
        let own = self
            .self_attention
            .forward(x.clone(), x.clone(), target_steps, mode);
        let x = self.norm_self.forward(x + own);
        let outer = self.feed_forward.forward(x.clone(), mode);
        self.norm_feed_forward.forward(outer + x)
    }
}

/// Projector and predictor of one vector.
#[derive(Module, Debug)]
struct Attraction {
    projector: Linear,
    inner: Linear,
    outer: Linear,
}

/// Zero mean and unit variance over the batch: batch norm in training, without a shift and scale.
/// It is never used in evaluation.
fn standardised(x: Tensor<2>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(0);
    let variance = centred.clone().square().mean_dim(0);
    centred / (variance + 1e-5).sqrt()
}

impl Attraction {
    fn new(size: usize, device: &Device) -> Self {
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out);
        Self {
            projector: linear(size, size).init(device),
            inner: linear(size, size / 2).with_bias(false).init(device),
            outer: linear(size / 2, size).init(device),
        }
    }

    /// The projected vector, and what is predicted from it of the other view's.
    fn project(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let projected = standardised(self.projector.forward(x));
        let inner = relu(standardised(self.inner.forward(projected.clone())));
        (projected, self.outer.forward(inner))
    }

    /// One minus the cosine similarity, from both sides with the targets held still.
    fn forward(&self, incomplete: Tensor<2>, complete: Tensor<2>) -> Tensor<1> {
        let (incomplete, from_incomplete) = self.project(incomplete);
        let (complete, from_complete) = self.project(complete);
        let forth = between(from_incomplete, complete.detach(), Distance::Cosine);
        let back = between(from_complete, incomplete.detach(), Distance::Cosine);
        (forth + back).mul_scalar(0.5)
    }
}

impl EmtDlfr {
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let (d, modalities) = (config.d, interface.modalities.len());
        let units = || {
            (0..modalities)
                .map(|_| Promotion::new(config, device))
                .collect()
        };
        let layer = |_| Layer {
            local: units(),
            global: units(),
            combine: Combination::new(d, device),
        };
        let pooled = Pooling::pooled_size(config, d);
        let joint = modalities * (pooled + d);
        let shapes = interface.modalities.iter();
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers).map(layer).collect(),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, d, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
            generator: shapes
                .map(|shape| LinearConfig::new(d, shape.features).init(device))
                .collect(),
            attraction: (0..modalities)
                .map(|_| pooled)
                .chain([modalities * d])
                .map(|size| Attraction::new(size, device))
                .collect(),
        }
    }

    fn reconstruct(&self, view: &View, m: usize) -> Tensor<3> {
        let local = view
            .layers
            .last()
            .map_or(&view.embedded[m], |stage| &stage[m]);
        at_each_step(&self.generator[m], local.clone())
    }
}

impl Network for EmtDlfr {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let means = embedded.iter().zip(steps);
        let means = means.map(|(x, steps)| steps.mean(x.clone()).unsqueeze_dim(1));
        let mut global: Tensor<3> = Tensor::cat(means.collect(), 1);
        let mut locals = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let mut messages = Vec::with_capacity(locals.len());
            for (m, local) in locals.iter_mut().enumerate() {
                let own = (local.clone(), Some(&steps[m]));
                let tokens = (global.clone(), None);
                *local = layer.local[m].forward(own.clone(), tokens.clone(), mode);
                messages.push(layer.global[m].forward(tokens, own, mode));
            }
            global = layer.combine.forward(messages, None);
            let mut stage = locals.clone();
            stage.push(global.clone());
            layers.push(stage);
        }
        let parts = self.pooling.iter().zip(locals).zip(steps);
        let mut pooled: Vec<Tensor<2>> = parts
            .map(|((pooling, sequence), steps)| pooling.forward(sequence, steps, mode))
            .collect();
        let [batch, tokens, d] = global.dims();
        pooled.push(global.reshape([batch, tokens * d]));
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
        _steps: &[Steps],
        _mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        Some(self.reconstruct(view, m))
    }

    fn auxiliary(
        &self,
        losses: &mut Losses,
        view: &View,
        sample: &Sample<'_>,
        _training: &TrainingConfig,
        mode: &mut Mode,
    ) {
        let whole = self.view(sample.complete.clone(), &sample.steps, mode);
        let supervised = cross_entropy(whole.logits, sample.batch.targets.clone());
        losses.add(Term::Complete, supervised, ATTRACTION);
        let pairs = view.pooled.iter().zip(whole.pooled);
        let distances = self.attraction.iter().zip(pairs);
        let distances: Vec<Tensor<1>> = distances
            .map(|(attraction, (incomplete, complete))| {
                attraction.forward(incomplete.clone(), complete)
            })
            .collect();
        let attraction = Tensor::cat(distances, 0).sum();
        losses.add(Term::Attraction, attraction, ATTRACTION);
        if let Some(loss) = imagination_loss(sample, |m| self.reconstruct(view, m)) {
            losses.add(Term::Reconstruction, loss, RECONSTRUCTION);
        }
    }
}
