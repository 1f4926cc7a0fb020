//! TFR-Net: intra- and inter-modal attention, with a reconstruction of missing features over time.
//!
//! Yuan et al., "Transformer-based Feature Reconstruction Network for Robust Multimodal Sentiment
//! Analysis" (ACM MM 2021). The reconstruction attends over channels, each of which is a vector over
//! time; the original code transposes into the batch axis instead, so that its samples see each
//! other, and the public code of MCT-HFR has it as it is here. Time is padded with zeros to the
//! maximal length, since it is the width of those units. Fusion reads the reinforced sequences, not
//! the reconstruction. Pooling and classifier are those of all systems. `layers` of a view holds the
//! reinforced sequences.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::attention::{AttentionUnit, Encoder};
use crate::classifier::Classifier;
use crate::config::{Interface, ModelConfig, TrainingConfig};
use crate::event::Term;
use crate::lfi::imagination_loss;
use crate::linear::at_each_step;
use crate::model::{Losses, Network, Sample, View};
use crate::noise::Mode;
use crate::pooling::Pooling;
use crate::steps::Steps;
use crate::systems::mult::{cross_modal, reinforce};
use crate::unimodal::{self, UnimodalEncoder};

/// Layers of each attention over channels.
pub const TEMPORAL_LAYERS: usize = 2;

/// Weight of the reconstruction in the loss.
const RECONSTRUCTION: f64 = 1.0;

#[derive(Module, Debug)]
pub struct TfrNet {
    unimodal: Vec<UnimodalEncoder>,
    intra: Vec<Encoder>,
    cross: Vec<Vec<Encoder>>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
    temporal: Vec<Temporal>,
    generator: Vec<Linear>,
}

/// Attention over channels.
#[derive(Module, Debug)]
struct Temporal {
    layers: Vec<AttentionUnit>,
    #[module(skip)]
    max_steps: usize,
}

/// Heads of an attention over vectors of this many steps: the most, up to 5, that divide it.
pub fn temporal_heads(max_steps: usize) -> usize {
    (1..=5)
        .rev()
        .find(|heads| max_steps.is_multiple_of(*heads))
        .unwrap_or(1)
}

impl Temporal {
    fn new(config: &ModelConfig, max_steps: usize, device: &Device) -> Self {
        let heads = temporal_heads(max_steps);
        let unit = |_| AttentionUnit::of_size(config, max_steps, heads, device);
        Self {
            layers: (0..TEMPORAL_LAYERS).map(unit).collect(),
            max_steps,
        }
    }

    /// `[batch, steps, channels]` to the same.
    fn forward(&self, sequence: Tensor<3>, steps: &Steps, mode: &mut Mode) -> Tensor<3> {
        let [batch, length, channels] = sequence.dims();
        let real = sequence * steps.valid.clone();
        let rest = [batch, self.max_steps - length, channels];
        let mut x = match rest[1] {
            0 => real,
            _ => {
                let rest = Tensor::zeros(rest, &real.device());
                Tensor::cat(vec![real, rest], 1)
            }
        };
        x = x.swap_dims(1, 2);
        for layer in &self.layers {
            x = layer.forward(x.clone(), x, None, mode);
        }
        x.swap_dims(1, 2).narrow(1, 0, length)
    }
}

impl TfrNet {
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let size = modalities * config.d;
        let intra = |_| Encoder::new(config, config.layers, config.d, device);
        let joint = modalities * Pooling::pooled_size(config, size);
        let shapes = || interface.modalities.iter();
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            intra: (0..modalities).map(intra).collect(),
            cross: cross_modal(config, modalities, device),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, size, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
            temporal: shapes()
                .map(|shape| Temporal::new(config, config.modality(&shape.name).max_steps, device))
                .collect(),
            generator: shapes()
                .map(|shape| LinearConfig::new(size, shape.features).init(device))
                .collect(),
        }
    }

    fn reconstruct(&self, view: &View, m: usize, steps: &[Steps], mode: &mut Mode) -> Tensor<3> {
        let reinforced = view.layers[0][m].clone();
        let refined = self.temporal[m].forward(reinforced, &steps[m], mode);
        at_each_step(&self.generator[m], refined)
    }
}

impl Network for TfrNet {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let (mut reinforced, mut pooled) = (vec![], vec![]);
        for (m, own) in embedded.iter().enumerate() {
            let mut versions = vec![self.intra[m].reinforce_itself(own.clone(), &steps[m], mode)];
            versions.extend(reinforce(&self.cross[m], &embedded, m, steps, mode));
            let together = Tensor::cat(versions, 2);
            pooled.push(self.pooling[m].forward(together.clone(), &steps[m], mode));
            reinforced.push(together);
        }
        let joint = Tensor::cat(pooled.clone(), 1);
        View {
            logits: self.classifier.forward(joint, mode),
            convolved,
            embedded,
            layers: vec![reinforced],
            pooled,
        }
    }

    fn imagine(
        &self,
        view: &View,
        m: usize,
        steps: &[Steps],
        mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        Some(self.reconstruct(view, m, steps, mode))
    }

    fn auxiliary(
        &self,
        losses: &mut Losses,
        view: &View,
        sample: &Sample<'_>,
        _training: &TrainingConfig,
        mode: &mut Mode,
    ) {
        let reconstruction =
            imagination_loss(sample, |m| self.reconstruct(view, m, &sample.steps, mode));
        if let Some(reconstruction) = reconstruction {
            losses.add(Term::Reconstruction, reconstruction, RECONSTRUCTION);
        }
    }
}
