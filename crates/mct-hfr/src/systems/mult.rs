//! MulT: every modality is reinforced from each other one by a stack of cross-modal attention.
//!
//! Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language Sequences" (ACL 2019). As
//! there, a cross-modal stack always attends to the embedded source, which is not refreshed, and a
//! self-attention stack over time ("memory") puts the reinforced versions of a modality together.
//! Where sources differ: the original is pre-norm with a mask of the future and without a padding
//! mask, and reads the last step, which its left-padded data need; here, as in the comparison of the
//! MCT-HFR paper, units are post-norm, padding is masked, and pooling and classifier are those of all
//! systems. `layers` of a view holds the reinforced versions side by side, then the memories.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::attention::Encoder;
use crate::classifier::Classifier;
use crate::config::{Interface, ModelConfig};
use crate::model::{Network, View};
use crate::noise::Mode;
use crate::pooling::Pooling;
use crate::steps::Steps;
use crate::unimodal::{self, UnimodalEncoder};

/// Layers of each self-attention stack (the public code of MCT-HFR).
pub const MEMORY_LAYERS: usize = 2;

#[derive(Module, Debug)]
pub struct Mult {
    unimodal: Vec<UnimodalEncoder>,
    cross: Vec<Vec<Encoder>>,
    memory: Vec<Encoder>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
}

/// Cross-modal stacks, a target and a source: `[target][source, without the target]`.
pub fn cross_modal(config: &ModelConfig, modalities: usize, device: &Device) -> Vec<Vec<Encoder>> {
    let stack = |_| Encoder::new(config, config.layers, config.d, device);
    (0..modalities)
        .map(|_| (1..modalities).map(stack).collect())
        .collect()
}

/// Modality `target` reinforced from each of the others.
pub fn reinforce(
    stacks: &[Encoder],
    embedded: &[Tensor<3>],
    target: usize,
    steps: &[Steps],
    mode: &mut Mode,
) -> Vec<Tensor<3>> {
    let sources = (0..embedded.len()).filter(|source| *source != target);
    let pairs = stacks.iter().zip(sources);
    pairs
        .map(|(stack, source)| {
            let (from, steps) = (&embedded[source], &steps[source]);
            stack.reinforce_from(embedded[target].clone(), from, steps, mode)
        })
        .collect()
}

impl Mult {
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let size = (modalities - 1) * config.d;
        let memory = |_| Encoder::new(config, MEMORY_LAYERS, size, device);
        let joint = modalities * Pooling::pooled_size(config, size);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            cross: cross_modal(config, modalities, device),
            memory: (0..modalities).map(memory).collect(),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, size, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
        }
    }
}

impl Network for Mult {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let (mut reinforced, mut memories, mut pooled) = (vec![], vec![], vec![]);
        for m in 0..embedded.len() {
            let versions = reinforce(&self.cross[m], &embedded, m, steps, mode);
            let together = Tensor::cat(versions, 2);
            let memory = self.memory[m].reinforce_itself(together.clone(), &steps[m], mode);
            pooled.push(self.pooling[m].forward(memory.clone(), &steps[m], mode));
            reinforced.push(together);
            memories.push(memory);
        }
        let joint = Tensor::cat(pooled.clone(), 1);
        View {
            logits: self.classifier.forward(joint, mode),
            convolved,
            embedded,
            layers: vec![reinforced, memories],
            pooled,
        }
    }
}
