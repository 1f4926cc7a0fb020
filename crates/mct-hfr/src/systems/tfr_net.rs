//! TFR-Net: intra- and inter-modal attention, with a reconstruction of missing features over time.
//!
//! Yuan et al., "Transformer-based Feature Reconstruction Network for Robust Multimodal Sentiment
//! Analysis" (ACM MM 2021). The reconstruction attends over channels, each of which is a vector over
//! time; the original code transposes into the batch axis instead, so that its samples see each
//! other, and the public code of MCT-HFR has it as it is here. Time is padded with zeros to the
//! maximal length, since it is the width of those units. Fusion reads the reinforced sequences, not
//! the reconstruction. Pooling and classifier are those of all systems. `layers` of a view holds the
//! reinforced sequences, concatenated along channels.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::config::{Interface, ModelConfig, Term};
use crate::nn::attention::{AttentionUnit, Encoder};
use crate::nn::classifier::Classifier;
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::pooling::Pooling;
use crate::nn::unimodal::{self, UnimodalEncoder};
use crate::objectives::lfi::imagination_loss;
use crate::objectives::losses::Losses;
use crate::systems::mult::{cross_modal, reinforce};
use crate::systems::network::{Network, Sample, Steps, View};

/// Layers of each attention over channels.
const CHANNEL_LAYERS: usize = 2;

#[derive(Module, Debug)]
pub struct TfrNet {
    unimodal: Vec<UnimodalEncoder>,
    intra: Vec<Encoder>,
    cross: Vec<Vec<Encoder>>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
    temporal: Vec<ChannelAttention>,
    generator: Vec<Linear>,
}

/// Attention over channels.
#[derive(Module, Debug)]
struct ChannelAttention {
    layers: Vec<AttentionUnit>,
    #[module(skip)]
    max_steps: usize,
}

/// Heads of an attention over vectors of this many time steps: the most, up to 5, that divide it.
fn channel_heads(max_steps: usize) -> usize {
    (1..=5)
        .rev()
        .find(|heads| max_steps.is_multiple_of(*heads))
        .unwrap_or(1)
}

impl ChannelAttention {
    fn new(config: &ModelConfig, max_steps: usize, device: &Device) -> Self {
        let heads = channel_heads(max_steps);
        let unit = |_| AttentionUnit::with_width(config, max_steps, heads, device);
        Self {
            layers: (0..CHANNEL_LAYERS).map(unit).collect(),
            max_steps,
        }
    }

    /// `[batch, time, channels]` to the same.
    fn forward(&self, sequence: Tensor<3>, mask: &PaddingMask, mode: &mut Mode) -> Tensor<3> {
        if self.max_steps < 3 {
            // The layer norm of a vector over a single step would make it a constant, over two a sign.
            return sequence;
        }
        let [batch, time, channels] = sequence.dims();
        let valid = sequence * mask.valid.clone();
        let mut x = match self.max_steps - time {
            0 => valid,
            padding => {
                let padding = Tensor::zeros([batch, padding, channels], &valid.device());
                Tensor::cat(vec![valid, padding], 1)
            }
        };
        x = x.swap_dims(1, 2);
        for layer in &self.layers {
            x = layer.forward(x.clone(), x, None, mode);
        }
        x.swap_dims(1, 2).narrow(1, 0, time)
    }
}

impl TfrNet {
    fn reconstruct(
        &self,
        view: &View,
        m: usize,
        masks: &[PaddingMask],
        mode: &mut Mode,
    ) -> Tensor<3> {
        let reinforced = view.layers[0][m].clone();
        let refined = self.temporal[m].forward(reinforced, &masks[m], mode);
        linear(&self.generator[m], refined, mode)
    }
}

impl Network for TfrNet {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let width = modalities * config.d;
        let intra = |_| Encoder::new(config, config.layers, config.d, device);
        let joint = modalities * Pooling::pooled_width(config, width);
        let shapes = || interface.modalities.iter();
        let max_steps = |name: &str| config.max_steps(name);
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            intra: (0..modalities).map(intra).collect(),
            cross: cross_modal(config, modalities, device),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, width, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.outputs(), device),
            temporal: shapes()
                .map(|shape| ChannelAttention::new(config, max_steps(&shape.name), device))
                .collect(),
            generator: shapes()
                .map(|shape| LinearConfig::new(width, shape.features).init(device))
                .collect(),
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let (mut reinforced, mut pooled) = (vec![], vec![]);
        for (m, sequence) in embedded.iter().enumerate() {
            let intra = self.intra[m].self_attention(sequence.clone(), &masks[m], mode);
            let mut versions = vec![intra];
            versions.extend(reinforce(&self.cross[m], &embedded, m, masks, mode));
            let versions = Tensor::cat(versions, 2);
            pooled.push(self.pooling[m].forward(versions.clone(), &masks[m], mode));
            reinforced.push(versions);
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
        steps: &Steps<'_>,
        mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        Some(self.reconstruct(view, m, steps.masks, mode))
    }

    fn auxiliary(&self, losses: &mut Losses, view: &View, sample: &Sample<'_>, mode: &mut Mode) {
        let reconstruction = imagination_loss(sample.batch, &sample.complete, |m| {
            self.reconstruct(view, m, &sample.masks, mode)
        });
        if let Some(reconstruction) = reconstruction {
            losses.add(Term::Reconstruction, reconstruction);
        }
    }

    fn first_layer(&self) -> &'static [&'static str] {
        &["intra.*.layers.0.", "cross.*.*.layers.0."]
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::config::Config;

    /// Layer norm over a single step would make any vector a constant.
    #[test]
    fn of_a_single_step_the_attention_over_channels_keeps_what_it_is_given() {
        let device = Device::flex();
        let config = Config::preset("paper").unwrap().model;
        let attention = ChannelAttention::new(&config, 1, &device);
        let values = vec![0.5f32, -2.0, 3.0, 0.25];
        let data = TensorData::new(values.clone(), [2, 1, 2]);
        let mask = PaddingMask::new(Tensor::ones([2, 1, 1], &device), vec![1, 1]);
        let sequence = Tensor::from_data(data, &device);
        let found = attention.forward(sequence, &mask, &mut Mode::Evaluation);
        assert_eq!(found.into_data().try_to_vec::<f32>().unwrap(), values);
    }
}
