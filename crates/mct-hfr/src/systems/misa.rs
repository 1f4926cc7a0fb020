//! MISA: per modality one vector in a subspace that all modalities share and one in a subspace of its
//! own.
//!
//! Hazarika et al., "MISA: Modality-Invariant and -Specific Representations for Multimodal Sentiment
//! Analysis" (ACM MM 2020). As there, text is the mean of its features, and every other modality goes
//! through a stack of two bidirectional LSTMs; the public code of MCT-HFR takes means that divide by
//! the true length but count padding in, which is wrong and not done here. Widths follow the model's
//! `d`; the default loss weights are the original's. There is no convolution. `layers` of a view holds
//! the projected, the private and the shared vectors, as sequences of one step; `pooled` the fused
//! ones, first private, then shared.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};

use crate::config::{Distance, Interface, ModelConfig, Term};
use crate::nn::attention::AttentionUnit;
use crate::nn::linear::linear;
use crate::nn::lstm::StackedLstm;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::nn::steps::steps;
use crate::objectives::gfa::distance_between;
use crate::objectives::losses::Losses;
use crate::systems::network::{Network, Sample, View};

#[derive(Module, Debug)]
pub struct Misa {
    recurrent: Vec<StackedLstm>,
    projection: Vec<Projection>,
    private: Vec<Linear>,
    shared: Linear,
    reconstruct: Vec<Linear>,
    fusion: AttentionUnit,
    hidden: Linear,
    output: Linear,
    #[module(skip)]
    text: Option<usize>,
    #[module(skip)]
    dropout: f64,
}

/// To the common width: linear, ReLU and layer norm.
#[derive(Module, Debug)]
struct Projection {
    linear: Linear,
    norm: LayerNorm,
}

/// The vectors of one view before fusion, per modality `[batch, d_model]`.
struct Subspaces {
    projected: Vec<Tensor<2>>,
    private: Vec<Tensor<2>>,
    shared: Vec<Tensor<2>>,
}

impl Subspaces {
    /// As sequences of one step, which is how a view keeps them.
    fn into_layers(self) -> Vec<Vec<Tensor<3>>> {
        [self.projected, self.private, self.shared]
            .into_iter()
            .map(|vectors| vectors.into_iter().map(|x| x.unsqueeze_dim(1)).collect())
            .collect()
    }

    fn from_layers(layers: &[Vec<Tensor<3>>]) -> Self {
        let vectors = |index: usize| -> Vec<Tensor<2>> {
            let tokens = layers[index].iter();
            tokens.map(|token| token.clone().squeeze_dim(1)).collect()
        };
        Self {
            projected: vectors(0),
            private: vectors(1),
            shared: vectors(2),
        }
    }
}

impl Misa {
    fn subspaces(
        &self,
        features: &[Tensor<3>],
        masks: &[PaddingMask],
        mode: &mut Mode,
    ) -> Subspaces {
        let mut recurrent = self.recurrent.iter();
        let (mut projected, mut private, mut shared) = (vec![], vec![], vec![]);
        for (m, x) in features.iter().enumerate() {
            let encoder = match self.text {
                Some(text) if text == m => None,
                _ => recurrent.next(),
            };
            let vector = match encoder {
                None => masks[m].mean(x.clone()),
                Some(encoder) => encoder.forward(x, &masks[m], mode),
            };
            let projection = &self.projection[m];
            let vector = projection
                .norm
                .forward(relu(linear(&projection.linear, vector, mode)));
            private.push(sigmoid(linear(&self.private[m], vector.clone(), mode)));
            shared.push(sigmoid(linear(&self.shared, vector.clone(), mode)));
            projected.push(vector);
        }
        Subspaces {
            projected,
            private,
            shared,
        }
    }
}

/// `mean((A^T B)^2)` of two batches of vectors `[batch, d_model]`, centred over the batch and scaled to
/// length 1 (with a stop-gradient on the lengths): 0 where the subspaces are orthogonal.
fn difference(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
    let unit = |x: &Tensor<2>| {
        let centred = x.clone() - x.clone().mean_dim(0);
        let length = centred.clone().detach().square().sum_dim(1).sqrt() + 1e-6;
        centred / length
    };
    unit(a).transpose().matmul(unit(b)).square().mean()
}

/// All pairs of different vectors, each once.
fn pairs(vectors: &[Tensor<2>]) -> impl Iterator<Item = (&Tensor<2>, &Tensor<2>)> {
    let firsts = vectors.iter().enumerate();
    firsts.flat_map(|(i, a)| vectors[i + 1..].iter().map(move |b| (a, b)))
}

/// The sum of terms `[1]`.
fn sum(terms: impl Iterator<Item = Tensor<1>>) -> Tensor<1> {
    Tensor::cat(terms.collect(), 0).sum()
}

impl Network for Misa {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let (d_model, modalities) = (config.d, interface.modalities.len());
        let layer = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        let per_modality = || (0..modalities).map(|_| layer(d_model, d_model)).collect();
        let shapes = || interface.modalities.iter().enumerate();
        let text = interface.text();
        let joint = 2 * modalities * d_model;
        Self {
            recurrent: shapes()
                .filter(|(m, _)| Some(*m) != text)
                .map(|(_, shape)| StackedLstm::new(shape.features, d_model, device))
                .collect(),
            projection: shapes()
                .map(|(m, shape)| Projection {
                    linear: layer(
                        if Some(m) == text {
                            shape.features
                        } else {
                            4 * d_model
                        },
                        d_model,
                    ),
                    norm: LayerNormConfig::new(d_model).init(device),
                })
                .collect(),
            private: per_modality(),
            shared: layer(d_model, d_model),
            reconstruct: per_modality(),
            fusion: AttentionUnit::new(config, device),
            hidden: layer(joint, joint / 2),
            output: layer(joint / 2, interface.outputs()),
            text,
            dropout: config.dropout.classifier,
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let layers = self.subspaces(&features, masks, mode).into_layers();
        let tokens: Vec<Tensor<3>> = layers[1..].concat();
        let count = tokens.len();
        let tokens = Tensor::cat(tokens, 1);
        let fused = self.fusion.forward(tokens.clone(), tokens, None, mode);
        let [batch, _, d_model] = fused.dims();
        let joint = fused.clone().reshape([batch, count * d_model]);
        let hidden = linear(&self.hidden, joint, mode);
        let hidden = relu(mode.dropout(hidden, self.dropout));
        View {
            convolved: Vec::new(),
            embedded: Vec::new(),
            layers,
            pooled: steps(fused),
            logits: linear(&self.output, hidden, mode),
        }
    }

    fn auxiliary(&self, losses: &mut Losses, view: &View, _sample: &Sample<'_>, mode: &mut Mode) {
        let Subspaces {
            projected,
            private,
            shared,
        } = Subspaces::from_layers(&view.layers);
        let modalities = projected.len();
        let across = private.iter().zip(&shared);
        let orthogonal = across.chain(pairs(&private));
        let different = sum(orthogonal.map(|(a, b)| difference(a, b)));
        let similar =
            pairs(&shared).map(|(a, b)| distance_between(a.clone(), b.clone(), Distance::Cmd));
        let count = modalities * (modalities - 1) / 2;
        let similar = sum(similar).div_scalar(count as f64);
        let restored = (0..modalities).map(|m| {
            let both = private[m].clone() + shared[m].clone();
            let restored = linear(&self.reconstruct[m], both, mode);
            (restored - projected[m].clone()).square().mean()
        });
        let restored = sum(restored).div_scalar(modalities as f64);
        losses.add(Term::Difference, different);
        losses.add(Term::Similarity, similar);
        losses.add(Term::Reconstruction, restored);
    }

    fn first_layer(&self) -> &'static [&'static str] {
        &["fusion."]
    }
}
