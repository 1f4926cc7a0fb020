//! MCT-HFR as a whole (figure 1), with its loss (eq. 18), and the ablations without LFI or GFA.
//!
//! Chen and Zhang, "Modality-Collaborative Transformer with Hybrid Feature Reconstruction for Robust
//! Emotion Recognition" (2023). `layers` of a view holds `E_m` after each MRAU and, where there is
//! one, after the final norm.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use crate::classifier::{Classifier, cross_entropy};
use crate::config::{Interface, ModelConfig, TrainingConfig};
use crate::event::Term;
use crate::gfa::Predictor;
use crate::lfi::{Decoder, imagination_loss};
use crate::model::{Losses, Network, Sample, View};
use crate::mrau::{HyperModality, Mrau};
use crate::noise::Mode;
use crate::pooling::Pooling;
use crate::steps::Steps;
use crate::unimodal::{self, UnimodalEncoder};

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
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let modalities = interface.modalities.len();
        let joint = modalities * Pooling::pooled_size(config, config.d);
        let norm = |_| LayerNormConfig::new(config.d).init(device);
        let shapes = || interface.modalities.iter();
        Self {
            unimodal: unimodal::encoders(config, interface, device),
            layers: (0..config.layers)
                .map(|_| Mrau::new(config, modalities, device))
                .collect(),
            final_norms: config
                .final_norm
                .then(|| (0..modalities).map(norm).collect()),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, config.d, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
            lfi: config.system.has_lfi().then(|| {
                shapes()
                    .map(|shape| Decoder::new(config, shape.features, device))
                    .collect()
            }),
            gfa: config
                .system
                .has_gfa()
                .then(|| Predictor::new(joint, device)),
            config: config.clone(),
            max_steps: shapes()
                .map(|shape| config.modality(&shape.name).max_steps)
                .collect(),
        }
    }
}

impl Network for MctHfr {
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View {
        let (convolved, embedded) = unimodal::encode(&self.unimodal, features, mode);
        let device = embedded[0].device();
        let hyper = HyperModality::new(&self.config, steps, &self.max_steps, &device);
        let mut sequences = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            sequences = layer.forward(sequences, &hyper, mode);
            layers.push(sequences.clone());
        }
        if let Some(norms) = &self.final_norms {
            let pairs = norms.iter().zip(sequences);
            sequences = pairs.map(|(norm, x)| norm.forward(x)).collect();
            // What the decoders read is the normalised sequence.
            layers.push(sequences.clone());
        }
        let parts = self.pooling.iter().zip(sequences).zip(steps);
        let pooled: Vec<Tensor<2>> = parts
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

    fn attention(
        &self,
        features: Vec<Tensor<3>>,
        steps: &[Steps],
        layer: usize,
    ) -> Option<Tensor<4>> {
        let mut mode = Mode::Evaluation;
        let (_, mut sequences) = unimodal::encode(&self.unimodal, features, &mut mode);
        let device = sequences[0].device();
        let hyper = HyperModality::new(&self.config, steps, &self.max_steps, &device);
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
        steps: &[Steps],
        mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        let decoder = &self.lfi.as_ref()?[m];
        let reinforced = view.layers.last().unwrap_or(&view.embedded)[m].clone();
        Some(decoder.forward(view.embedded[m].clone(), reinforced, &steps[m], mode))
    }

    fn auxiliary(
        &self,
        losses: &mut Losses,
        view: &View,
        sample: &Sample<'_>,
        training: &TrainingConfig,
        mode: &mut Mode,
    ) {
        if let Some(predictor) = &self.gfa {
            let whole = self.view(sample.complete.clone(), &sample.steps, mode);
            let supervised = cross_entropy(whole.logits.clone(), sample.batch.targets.clone());
            let (distance, symmetric) = (self.config.distance, self.config.gfa_symmetric);
            let distance = predictor.alignment(view.joint(), whole.joint(), distance, symmetric);
            // Eq. 17 is the sum of both.
            losses.add(Term::Complete, supervised, training.alpha);
            losses.add(Term::Distance, distance, training.alpha);
        }
        if let Some(decoders) = &self.lfi {
            let reinforced = view.layers.last().unwrap_or(&view.embedded);
            let imagination = imagination_loss(sample, |m| {
                let (embedded, reinforced) = (view.embedded[m].clone(), reinforced[m].clone());
                decoders[m].forward(embedded, reinforced, &sample.steps[m], mode)
            });
            if let Some(imagination) = imagination {
                losses.add(Term::Imagination, imagination, training.beta);
            }
        }
    }
}
