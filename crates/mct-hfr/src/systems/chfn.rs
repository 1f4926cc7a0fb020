//! CHFN: word representations that the nonverbal context shifts.
//!
//! Guo et al., "Dynamically Adjust Word Representations Using Unaligned Multimodal Information" (ACM MM
//! 2022); no code of its authors is public. Nonverbal modalities are concatenated along time; each layer
//! attends to them from the words and adds the result, never longer than `SHIFT` times the word's own
//! vector. `SHIFT` is 0.5 or 1 in the two re-implementations of the MCT-HFR authors; the newer one is
//! used. Positions count each modality by itself, as everywhere here, not the joint sequence. Pooling
//! and classifier are those of all systems. `layers` of a view holds the words.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use crate::config::{Interface, ModelConfig};
use crate::nn::attention::AttentionUnit;
use crate::nn::classifier::Classifier;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::pooling::Pooling;
use crate::nn::unimodal::{self, UnimodalEncoder};
use crate::systems::network::{Network, View};

/// The longest shift, relative to the length of the word's vector.
const SHIFT: f64 = 0.5;

#[derive(Module, Debug)]
pub struct Chfn {
    unimodal: Vec<UnimodalEncoder>,
    layers: Vec<AttentionUnit>,
    norm: LayerNorm,
    pooling: Vec<Pooling>,
    classifier: Classifier,
    #[module(skip)]
    words: usize,
}

/// Euclidean norm of each step's vector: `[batch, time, d_model]` to `[batch, time, 1]`.
fn norm_of_steps(x: &Tensor<3>) -> Tensor<3> {
    // The epsilon keeps the gradient of a zero vector finite.
    (x.clone().square().sum_dim(2) + 1e-12).sqrt()
}

impl Network for Chfn {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let joint = Pooling::pooled_width(config, config.d);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers)
                .map(|_| AttentionUnit::new(config, device))
                .collect(),
            norm: LayerNormConfig::new(config.d).init(device),
            pooling: vec![Pooling::new(config, config.d, device)],
            classifier: Classifier::new(config, joint, interface.outputs(), device),
            words: interface.text().unwrap_or(interface.modalities.len() - 1),
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let nonverbal = (0..embedded.len()).filter(|m| *m != self.words);
        let context_masks: Vec<&PaddingMask> = nonverbal.clone().map(|m| &masks[m]).collect();
        let context_mask = PaddingMask::concat(&context_masks);
        let context = Tensor::cat(nonverbal.map(|m| embedded[m].clone()).collect(), 1);
        let mut x = embedded[self.words].clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let shift = layer.forward(x.clone(), context.clone(), Some(&context_mask), mode);
            let scale = norm_of_steps(&x).mul_scalar(SHIFT) / (norm_of_steps(&shift) + 1e-6);
            x = x + shift * scale.clamp_max(1.0);
            layers.push(vec![x.clone()]);
        }
        let words = self.norm.forward(x);
        let pooled = self.pooling[0].forward(words, &masks[self.words], mode);
        View {
            logits: self.classifier.forward(pooled.clone(), mode),
            convolved,
            embedded,
            layers,
            pooled: vec![pooled],
        }
    }
}
