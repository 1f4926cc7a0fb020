//! CHFN: word representations that the nonverbal context shifts.
//!
//! Guo et al., "Dynamically Adjust Word Representations Using Unaligned Multimodal Information" (ACM MM
//! 2022); no code of its authors is public. Nonverbal modalities are put end to end; each layer
//! attends to them from the words and adds the result, never longer than `SHIFT` times the word's
//! own vector. `SHIFT` is 0.5 or 1 in the two re-implementations of the MCT-HFR authors; the newer one
//! is taken. Positions count each modality by itself, as everywhere here, not the joint sequence.
//! Pooling and classifier are those of all systems. `layers` of a view holds the words.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use crate::attention::AttentionUnit;
use crate::classifier::Classifier;
use crate::config::{Interface, ModelConfig};
use crate::model::{Network, View};
use crate::noise::Mode;
use crate::pooling::Pooling;
use crate::steps::Steps;
use crate::unimodal::{self, UnimodalEncoder};

/// The longest shift, as a share of the word's vector.
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

impl Chfn {
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let joint = Pooling::pooled_size(config, config.d);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers)
                .map(|_| AttentionUnit::new(config, device))
                .collect(),
            norm: LayerNormConfig::new(config.d).init(device),
            pooling: vec![Pooling::new(config, config.d, device)],
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
            words: interface.text().unwrap_or(interface.modalities.len() - 1),
        }
    }
}

/// Length of each step's vector: `[batch, steps, d]` to `[batch, steps, 1]`.
fn length(x: &Tensor<3>) -> Tensor<3> {
    // The epsilon keeps the gradient of a zero vector finite.
    (x.clone().square().sum_dim(2) + 1e-12).sqrt()
}

impl Network for Chfn {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let nonverbal = (0..embedded.len()).filter(|m| *m != self.words);
        let context_steps: Vec<&Steps> = nonverbal.clone().map(|m| &steps[m]).collect();
        let context_steps = Steps::joined(&context_steps);
        let context = Tensor::cat(nonverbal.map(|m| embedded[m].clone()).collect(), 1);
        let mut x = embedded[self.words].clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let shift = layer.forward(x.clone(), context.clone(), Some(&context_steps), mode);
            let share = length(&x).mul_scalar(SHIFT) / (length(&shift) + 1e-6);
            x = x + shift * share.clamp_max(1.0);
            layers.push(vec![x.clone()]);
        }
        let words = self.norm.forward(x);
        let pooled = self.pooling[0].forward(words, &steps[self.words], mode);
        View {
            logits: self.classifier.forward(pooled.clone(), mode),
            convolved,
            embedded,
            layers,
            pooled: vec![pooled],
        }
    }
}
