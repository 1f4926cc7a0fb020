//! MulT: every modality is reinforced from each other one by a stack of cross-modal attention.
//!
//! Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language Sequences" (ACL 2019). As
//! there, a cross-modal stack always attends to the embedded source, which is not refreshed, and a
//! self-attention stack over time ("memory") fuses the reinforced versions of a modality, concatenated
//! along channels. Where sources differ: the original is pre-norm with a mask of the future and without
//! a padding mask, and reads the last step, which its left-padded data need; here, as in the comparison
//! of the MCT-HFR paper, units are post-norm, padding is masked, and pooling and classifier are those of
//! all systems. `layers` of a view holds the concatenated versions, then the memories.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::config::{Interface, ModelConfig};
use crate::nn::attention::Encoder;
use crate::nn::classifier::Classifier;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::pooling::Pooling;
use crate::nn::unimodal::{self, UnimodalEncoder};
use crate::systems::network::{Network, View};

/// Layers of each self-attention stack (the public code of MCT-HFR).
const MEMORY_LAYERS: usize = 2;

#[derive(Module, Debug)]
pub struct Mult {
    unimodal: Vec<UnimodalEncoder>,
    cross: Vec<Vec<Encoder>>,
    memory: Vec<Encoder>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
}

/// Cross-modal stacks, one per target and source: `[target][source, without the target]`.
pub(super) fn cross_modal(
    config: &ModelConfig,
    modalities: usize,
    device: &Device,
) -> Vec<Vec<Encoder>> {
    let stack = |_| Encoder::new(config, config.layers, config.d, device);
    (0..modalities)
        .map(|_| (1..modalities).map(stack).collect())
        .collect()
}

/// Modality `target` reinforced from each other one: per source `[batch, time of the target, d_model]`.
pub(super) fn reinforce(
    stacks: &[Encoder],
    embedded: &[Tensor<3>],
    target: usize,
    masks: &[PaddingMask],
    mode: &mut Mode,
) -> Vec<Tensor<3>> {
    let sources = (0..embedded.len()).filter(|source| *source != target);
    let pairs = stacks.iter().zip(sources);
    pairs
        .map(|(stack, source)| {
            let (sequence, mask) = (&embedded[source], &masks[source]);
            stack.cross_attention(embedded[target].clone(), sequence, mask, mode)
        })
        .collect()
}

impl Network for Mult {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let width = (modalities - 1) * config.d;
        let memory = |_| Encoder::new(config, MEMORY_LAYERS, width, device);
        let joint = modalities * Pooling::pooled_width(config, width);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            cross: cross_modal(config, modalities, device),
            memory: (0..modalities).map(memory).collect(),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, width, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.outputs(), device),
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let (mut concatenated, mut memories, mut pooled) = (vec![], vec![], vec![]);
        for m in 0..embedded.len() {
            let versions = reinforce(&self.cross[m], &embedded, m, masks, mode);
            let versions = Tensor::cat(versions, 2);
            let memory = self.memory[m].self_attention(versions.clone(), &masks[m], mode);
            pooled.push(self.pooling[m].forward(memory.clone(), &masks[m], mode));
            concatenated.push(versions);
            memories.push(memory);
        }
        let joint = Tensor::cat(pooled.clone(), 1);
        View {
            logits: self.classifier.forward(joint, mode),
            convolved,
            embedded,
            layers: vec![concatenated, memories],
            pooled,
        }
    }

    fn first_layer(&self) -> &'static [&'static str] {
        &["cross.*.*.layers.0."]
    }
}
