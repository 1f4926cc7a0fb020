//! PMR: a message hub of all modalities, which reinforces each of them and is reinforced by them.
//!
//! Lv et al., "Progressive Modality Reinforcement for Human Multimodal Emotion Recognition from
//! Unaligned Multimodal Sequences" (CVPR 2021); no code of its authors is public. Where sources
//! differ: which side the gate multiplies (the same thing under another name); whether a unit has a
//! residual around its attention, which only one re-implementation has, and without which four layers
//! of post-norm units hardly train, so it is here; whether the last hub is used: the original
//! classifies it together with the modalities, and so does this. Pooling and classifier are those of
//! all systems. `layers` of a view holds the modalities and then the hub.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::attention::{FeedForward, MultiHead};
use crate::classifier::Classifier;
use crate::config::{Interface, ModelConfig};
use crate::linear::at_each_step;
use crate::model::{Network, View};
use crate::noise::Mode;
use crate::pooling::Pooling;
use crate::steps::Steps;
use crate::systems::combination::Combination;
use crate::unimodal::{self, UnimodalEncoder};

#[derive(Module, Debug)]
pub struct Pmr {
    unimodal: Vec<UnimodalEncoder>,
    layers: Vec<Layer>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
}

#[derive(Module, Debug)]
struct Layer {
    /// From the hub to each modality, and back.
    modality: Vec<Reinforcement>,
    hub: Vec<Reinforcement>,
    combine: Combination,
}

/// A modality reinforcement unit: self- and cross-attention with a gate between them.
#[derive(Module, Debug)]
struct Reinforcement {
    self_attention: MultiHead,
    cross_attention: MultiHead,
    gate_self: Linear,
    gate_cross: Linear,
    norm_attention: LayerNorm,
    feed_forward: FeedForward,
    norm_feed_forward: LayerNorm,
}

impl Reinforcement {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let d = config.d;
        let attention = || MultiHead::new(config, d, config.heads, device);
        let norm = || LayerNormConfig::new(d).init(device);
        Self {
            self_attention: attention(),
            cross_attention: attention(),
            gate_self: LinearConfig::new(d, d).with_bias(false).init(device),
            gate_cross: LinearConfig::new(d, d).init(device),
            norm_attention: norm(),
            feed_forward: FeedForward::new(config, d, device),
            norm_feed_forward: norm(),
        }
    }

    /// `target` reinforced from `source`, both `[batch, steps, d]` with their real steps.
    fn forward(
        &self,
        (target, target_steps): (Tensor<3>, &Steps),
        (source, source_steps): (Tensor<3>, &Steps),
        mode: &mut Mode,
    ) -> Tensor<3> {
        let same = || target.clone();
        let own = self
            .self_attention
            .forward(same(), same(), Some(target_steps), mode);
        let other = self
            .cross_attention
            .forward(same(), source, Some(source_steps), mode);
        let gate = at_each_step(&self.gate_self, own.clone())
            + at_each_step(&self.gate_cross, other.clone());
        // gate * other + (1 - gate) * own
        let mixed = own.clone() + sigmoid(gate) * (other - own);
        let h = self.norm_attention.forward(target + mixed);
        let outer = self.feed_forward.forward(h.clone(), mode);
        self.norm_feed_forward.forward(outer + h)
    }
}

impl Pmr {
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let units = || {
            (0..modalities)
                .map(|_| Reinforcement::new(config, device))
                .collect()
        };
        let layer = |_| Layer {
            modality: units(),
            hub: units(),
            combine: Combination::new(config.d, device),
        };
        let joint = (modalities + 1) * Pooling::pooled_size(config, config.d);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers).map(layer).collect(),
            pooling: (0..=modalities)
                .map(|_| Pooling::new(config, config.d, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
        }
    }
}

impl Network for Pmr {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let hub_steps = Steps::joined(&steps.iter().collect::<Vec<_>>());
        let mut hub = Tensor::cat(embedded.clone(), 1);
        let mut sequences = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let mut messages = Vec::with_capacity(sequences.len());
            for (m, sequence) in sequences.iter_mut().enumerate() {
                let own = (sequence.clone(), &steps[m]);
                let all = (hub.clone(), &hub_steps);
                *sequence = layer.modality[m].forward(own, all.clone(), mode);
                let own = (sequence.clone(), &steps[m]);
                messages.push(layer.hub[m].forward(all, own, mode));
            }
            hub = layer.combine.forward(messages, Some(&hub_steps));
            let mut stage = sequences.clone();
            stage.push(hub.clone());
            layers.push(stage);
        }
        sequences.push(hub);
        let parts = self.pooling.iter().zip(sequences);
        let steps = steps.iter().chain([&hub_steps]);
        let pooled: Vec<Tensor<2>> = parts
            .zip(steps)
            .map(|((pooling, sequence), steps)| pooling.forward(sequence, steps, mode))
            .collect();
        let joint = Tensor::cat(pooled.clone(), 1);
        View {
            logits: self.classifier.forward(joint, mode),
            convolved,
            embedded,
            layers,
            pooled,
        }
    }
}
