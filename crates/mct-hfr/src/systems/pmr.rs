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

use crate::config::{Interface, ModelConfig};
use crate::nn::attention::{FeedForward, MultiHeadAttention};
use crate::nn::classifier::Classifier;
use crate::nn::combination::Combination;
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::pooling::Pooling;
use crate::nn::unimodal::{self, UnimodalEncoder};
use crate::systems::network::{Network, View};

#[derive(Module, Debug)]
pub struct Pmr {
    unimodal: Vec<UnimodalEncoder>,
    layers: Vec<Layer>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
}

#[derive(Module, Debug)]
struct Layer {
    /// From the hub to each modality.
    modality: Vec<Reinforcement>,
    /// From each modality to the hub.
    hub: Vec<Reinforcement>,
    combine: Combination,
}

/// A modality reinforcement unit: self- and cross-attention with a gate between them.
#[derive(Module, Debug)]
struct Reinforcement {
    self_attention: MultiHeadAttention,
    cross_attention: MultiHeadAttention,
    gate_self: Linear,
    gate_cross: Linear,
    norm_attention: LayerNorm,
    feed_forward: FeedForward,
    norm_feed_forward: LayerNorm,
}

impl Reinforcement {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let d_model = config.d;
        let attention = || MultiHeadAttention::new(config, d_model, config.heads, device);
        let norm = || LayerNormConfig::new(d_model).init(device);
        let gate = || LinearConfig::new(d_model, d_model);
        Self {
            self_attention: attention(),
            cross_attention: attention(),
            gate_self: gate().with_bias(false).init(device),
            gate_cross: gate().init(device),
            norm_attention: norm(),
            feed_forward: FeedForward::new(config, d_model, device),
            norm_feed_forward: norm(),
        }
    }

    /// `target` reinforced from `source`, both `[batch, time, d_model]` with their padding masks; as
    /// long as `target`.
    fn forward(
        &self,
        (target, target_mask): (Tensor<3>, &PaddingMask),
        (source, source_mask): (Tensor<3>, &PaddingMask),
        mode: &mut Mode,
    ) -> Tensor<3> {
        let queries = || target.clone();
        let intra = self
            .self_attention
            .forward(queries(), queries(), Some(target_mask), mode);
        let cross = self
            .cross_attention
            .forward(queries(), source, Some(source_mask), mode);
        let gate = linear(&self.gate_self, intra.clone(), mode)
            + linear(&self.gate_cross, cross.clone(), mode);
        // gate * cross + (1 - gate) * intra
        let mixed = intra.clone() + sigmoid(gate) * (cross - intra);
        let h = self.norm_attention.forward(target + mixed);
        let outer = self.feed_forward.forward(h.clone(), mode);
        self.norm_feed_forward.forward(outer + h)
    }
}

impl Network for Pmr {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
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
        let joint = (modalities + 1) * Pooling::pooled_width(config, config.d);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers).map(layer).collect(),
            pooling: (0..=modalities)
                .map(|_| Pooling::new(config, config.d, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.outputs(), device),
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let hub_mask = PaddingMask::concat(&masks.iter().collect::<Vec<_>>());
        let mut hub = Tensor::cat(embedded.clone(), 1);
        let mut sequences = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let mut messages = Vec::with_capacity(sequences.len());
            for (m, sequence) in sequences.iter_mut().enumerate() {
                let (target, all) = ((sequence.clone(), &masks[m]), (hub.clone(), &hub_mask));
                *sequence = layer.modality[m].forward(target, all.clone(), mode);
                let source = (sequence.clone(), &masks[m]);
                messages.push(layer.hub[m].forward(all, source, mode));
            }
            hub = layer.combine.forward(messages, Some(&hub_mask), mode);
            let mut after = sequences.clone();
            after.push(hub.clone());
            layers.push(after);
        }
        sequences.push(hub);
        let masks = masks.iter().chain([&hub_mask]);
        let pooled: Vec<Tensor<2>> = (self.pooling.iter().zip(sequences))
            .zip(masks)
            .map(|((pooling, sequence), mask)| pooling.forward(sequence, mask, mode))
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
