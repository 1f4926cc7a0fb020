//! MCT-HFR as a whole (figure 1), with its loss (eq. 18), and the ablations without LFI or GFA.
//!
//! Chen and Zhang, "Modality-Collaborative Transformer with Hybrid Feature Reconstruction for Robust
//! Emotion Recognition" (2023). `layers` of a view holds `E_m` after each MRAU and, where there is
//! one, after the final norm.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use crate::config::{Interface, ModelConfig, QueriesKind, Term};
use crate::nn::classifier::Classifier;
use crate::nn::mode::Mode;
use crate::nn::mrau::{HyperModality, Mrau};
use crate::nn::padding::PaddingMask;
use crate::nn::pooling::Pooling;
use crate::nn::unimodal::{self, UnimodalEncoder};
use crate::objectives::gfa::{Predictor, distillation};
use crate::objectives::lfi::{Decoder, imagination_loss};
use crate::objectives::losses::Losses;
use crate::systems::network::{Network, Sample, Steps, View};

#[derive(Module, Debug)]
pub struct MctHfr {
    unimodal: Vec<UnimodalEncoder>,
    layers: Vec<Mrau>,
    final_norms: Option<Vec<LayerNorm>>,
    pooling: Vec<Pooling>,
    classifier: Classifier,
    lfi: Option<Vec<Decoder>>,
    gfa: Option<Predictor>,
    #[module(skip)]
    config: ModelConfig,
    #[module(skip)]
    max_steps: Vec<usize>,
}

impl MctHfr {
    /// What the decoder of modality `m` imagines from `view`, `[batch, time, features]`.
    fn decode(
        &self,
        decoder: &Decoder,
        view: &View,
        m: usize,
        steps: &Steps<'_>,
        mode: &mut Mode,
    ) -> Tensor<3> {
        let embedded = view.embedded[m].clone();
        let mut reinforced = view.layers.last().unwrap_or(&view.embedded)[m].clone();
        let queries = match self.config.queries {
            QueriesKind::Embedded => embedded,
            QueriesKind::Convolved => {
                let (scale, dropout) = (self.config.d as f64, self.config.dropout.embedding);
                let scale = scale.sqrt();
                reinforced = mode.dropout(reinforced.mul_scalar(scale), dropout);
                mode.dropout(view.convolved[m].clone().mul_scalar(scale), dropout)
            }
            QueriesKind::Positions => {
                let [_, time, d_model] = embedded.dims();
                let positions = self.unimodal[m].positions(time, d_model, &embedded.device());
                let missing = steps.missing[m].clone();
                let seen = missing.clone().neg() + 1.0;
                embedded * seen + positions * missing
            }
        };
        let (mask, source_mask) = (&steps.masks[m], &steps.fused_masks[m]);
        decoder.forward(queries, reinforced, mask, source_mask, mode)
    }
}

impl Network for MctHfr {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let joint = modalities * Pooling::pooled_width(config, config.d);
        let norm = |_| LayerNormConfig::new(config.d).init(device);
        let shapes = || interface.modalities.iter();
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers)
                .map(|_| Mrau::new(config, interface, device))
                .collect(),
            final_norms: config
                .final_norm
                .then(|| (0..modalities).map(norm).collect()),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, config.d, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.outputs(), device),
            lfi: config.system.has_lfi().then(|| {
                shapes()
                    .map(|shape| Decoder::new(config, shape.features, device))
                    .collect()
            }),
            gfa: config
                .has_predictor()
                .then(|| Predictor::new(config.predictor, joint, device)),
            config: config.clone(),
            max_steps: shapes()
                .map(|shape| config.max_steps(&shape.name))
                .collect(),
        }
    }

    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let device = embedded[0].device();
        let hyper = HyperModality::new(&self.config, masks, &self.max_steps, &device);
        let mut sequences = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            sequences = layer.forward(sequences, &hyper, mode);
            layers.push(sequences.clone());
        }
        if let Some(norms) = &self.final_norms {
            let pairs = norms.iter().zip(sequences);
            sequences = pairs.map(|(norm, x)| norm.forward(x)).collect();
            // The decoders read the normalised sequence.
            layers.push(sequences.clone());
        }
        let per_modality = self.pooling.iter().zip(sequences).zip(masks);
        let pooled: Vec<Tensor<2>> = per_modality
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

    fn attention(
        &self,
        features: Vec<Tensor<3>>,
        masks: &[PaddingMask],
        layer: usize,
    ) -> Option<Tensor<4>> {
        let mut mode = Mode::Evaluation;
        let (_, mut sequences) = unimodal::encode(&self.unimodal, features, &mut mode);
        let device = sequences[0].device();
        let hyper = HyperModality::new(&self.config, masks, &self.max_steps, &device);
        let asked = self.layers.get(layer)?;
        for below in &self.layers[..layer] {
            sequences = below.forward(sequences, &hyper, &mut mode);
        }
        Some(asked.attention(&sequences, &hyper))
    }

    fn imagine(
        &self,
        view: &View,
        m: usize,
        steps: &Steps<'_>,
        mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        let decoder = &self.lfi.as_ref()?[m];
        Some(self.decode(decoder, view, m, steps, mode))
    }

    fn auxiliary(&self, losses: &mut Losses, view: &View, sample: &Sample<'_>, mode: &mut Mode) {
        if self.config.system.has_gfa() {
            let complete = self.view(sample.complete.clone(), &sample.masks, mode);
            let supervised = sample.supervision.loss(complete.logits.clone());
            let (distance, symmetric) = (self.config.distance, self.config.gfa_symmetric);
            let distance = match &self.gfa {
                Some(predictor) => {
                    let (joint, target) = (view.joint(), complete.joint());
                    predictor.alignment(joint, target, distance, symmetric, mode)
                }
                None => {
                    let (outputs, target) = (view.logits.clone(), complete.logits);
                    distillation(outputs, target, self.config.task, symmetric)
                }
            };
            // Eq. 17 is the sum of both.
            losses.add(Term::Complete, supervised);
            losses.add(Term::Distance, distance);
        }
        if let Some(decoders) = &self.lfi {
            let steps = Steps {
                missing: &sample.batch.missing,
                masks: &sample.masks,
                fused_masks: &sample.masks,
            };
            let imagination = imagination_loss(sample.batch, &sample.complete, |m| {
                self.decode(&decoders[m], view, m, &steps, mode)
            });
            if let Some(imagination) = imagination {
                losses.add(Term::Imagination, imagination);
            }
        }
    }
}
