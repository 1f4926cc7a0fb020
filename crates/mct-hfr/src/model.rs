//! MCT-HFR as a whole (figure 1), and its loss (eq. 18).

use std::sync::Mutex;

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use crate::attention::padding_bias;
use crate::batch::Batch;
use crate::classifier::{Classifier, cross_entropy};
use crate::config::{ClassifierKind, Interface, ModelConfig, PoolingKind, TrainingConfig};
use crate::gfa::Predictor;
use crate::lfi::{Decoder, imagination_loss};
use crate::mrau::{HyperModality, Mrau};
use crate::noise::Mode;
use crate::parameters;
use crate::pooling::Pooling;
use crate::unimodal::{FeatureStatistics, UnimodalEncoder};

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

/// One view of a batch on its way through the network. Padded steps hold no meaning.
#[derive(Debug, Clone)]
pub struct View {
    /// `X'_m` (eq. 3): `[batch, steps, d]`.
    pub convolved: Vec<Tensor<3>>,
    /// `H_m` (eq. 4): `[batch, steps, d]`.
    pub embedded: Vec<Tensor<3>>,
    /// `E_m` after each layer: `[batch, steps, d]`.
    pub layers: Vec<Vec<Tensor<3>>>,
    /// `h_m`: `[batch, size]`.
    pub pooled: Vec<Tensor<2>>,
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
}

impl View {
    /// `h`, the modalities' vectors side by side: `[batch, size of all]`.
    pub fn joint(&self) -> Tensor<2> {
        Tensor::cat(self.pooled.clone(), 1)
    }
}

/// The terms of eq. 18, each `[1]`.
#[derive(Debug, Clone)]
pub struct Losses {
    pub total: Tensor<1>,
    /// Cross entropy of the incomplete view (eq. 12).
    pub classification: Tensor<1>,
    /// Cross entropy of the complete view and the distance, both of eq. 17.
    pub complete: Option<Tensor<1>>,
    pub distance: Option<Tensor<1>>,
    /// Eq. 15.
    pub imagination: Option<Tensor<1>>,
}

/// What padding and lengths mean for one batch; shared by its views.
struct Frame {
    hyper: HyperModality,
    padding: Vec<Tensor<4>>,
}

/// Initial values come from the one random generator that a process has for the CPU device.
static INITIALISATION: Mutex<()> = Mutex::new(());

impl MctHfr {
    /// A model whose initial values depend on `seed` alone: they are drawn on the CPU and then
    /// moved to `device`. With an autodiff device the model can be trained.
    pub fn new(
        config: &ModelConfig,
        interface: &Interface,
        statistics: &[FeatureStatistics],
        seed: u64,
        device: &Device,
    ) -> Self {
        let cpu = Device::flex().autodiff();
        let model = {
            let _one_at_a_time = INITIALISATION
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            cpu.seed(seed);
            let model = Self::build(config, interface, statistics, &cpu);
            // burn draws a value when it is first looked at: here, and not after the lock.
            parameters::shapes(&model);
            model
        };
        if device.is_autodiff() {
            model.fork(device)
        } else {
            model.valid().fork(device)
        }
    }

    fn build(
        config: &ModelConfig,
        interface: &Interface,
        statistics: &[FeatureStatistics],
        device: &Device,
    ) -> Self {
        let modalities = interface.modalities.len();
        let pooled = match config.pooling {
            PoolingKind::Attention => config.d,
            PoolingKind::GatedGru => config.d / 2,
        };
        let joint = modalities * pooled;
        let norm = |_| LayerNormConfig::new(config.d).init(device);
        let shapes = || interface.modalities.iter();
        Self {
            unimodal: shapes()
                .enumerate()
                .map(|(m, shape)| UnimodalEncoder::new(config, shape, statistics.get(m), device))
                .collect(),
            layers: (0..config.layers)
                .map(|_| Mrau::new(config, modalities, device))
                .collect(),
            final_norms: config
                .final_norm
                .then(|| (0..modalities).map(norm).collect()),
            pooling: (0..modalities)
                .map(|_| Pooling::new(config, device))
                .collect(),
            classifier: Classifier::new(config, joint, interface.classes.len(), device),
            lfi: config.lfi.then(|| {
                shapes()
                    .map(|shape| Decoder::new(config, shape.features, device))
                    .collect()
            }),
            gfa: config.gfa.then(|| Predictor::new(joint, device)),
            config: config.clone(),
            max_steps: shapes()
                .map(|shape| config.modality(&shape.name).max_steps)
                .collect(),
        }
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The complete features as the network sees them, `[batch, steps, features]` a modality.
    pub fn prepare(&self, batch: &Batch) -> Vec<Tensor<3>> {
        let parts = self.unimodal.iter().zip(&batch.features).zip(&batch.valid);
        parts
            .map(|((encoder, features), valid)| encoder.prepare(features.clone(), valid.clone()))
            .collect()
    }

    fn frame(&self, batch: &Batch) -> Frame {
        let device = batch.targets.device();
        let padded: Vec<usize> = batch.features.iter().map(|x| x.dims()[1]).collect();
        let lengths = batch.lengths.iter().zip(&padded);
        Frame {
            hyper: HyperModality::new(
                &self.config,
                &batch.lengths,
                &padded,
                &self.max_steps,
                &device,
            ),
            padding: lengths
                .map(|(lengths, steps)| padding_bias(lengths, *steps, &device))
                .collect(),
        }
    }

    fn ablate(&self, batch: &Batch, complete: &[Tensor<3>]) -> Vec<Tensor<3>> {
        let parts = self.unimodal.iter().zip(complete).zip(&batch.missing);
        parts
            .map(|((encoder, complete), missing)| encoder.ablate(complete.clone(), missing.clone()))
            .collect()
    }

    fn view(&self, inputs: Vec<Tensor<3>>, batch: &Batch, frame: &Frame, mode: &mut Mode) -> View {
        let encoders = self.unimodal.iter();
        let convolved: Vec<Tensor<3>> = encoders
            .zip(inputs)
            .map(|(encoder, input)| encoder.convolve(input))
            .collect();
        let embedded: Vec<Tensor<3>> = (self.unimodal.iter().zip(&convolved))
            .map(|(encoder, convolved)| encoder.embed(convolved.clone(), mode))
            .collect();
        let mut sequences = embedded.clone();
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            sequences = layer.forward(sequences, &frame.hyper, mode);
            layers.push(sequences.clone());
        }
        if let Some(norms) = &self.final_norms {
            let pairs = norms.iter().zip(sequences);
            sequences = pairs.map(|(norm, x)| norm.forward(x)).collect();
        }
        let mut pooled = Vec::with_capacity(sequences.len());
        for (m, sequence) in sequences.iter().enumerate() {
            let (padding, lengths) = (&frame.padding[m], &batch.lengths[m]);
            pooled.push(self.pooling[m].forward(sequence.clone(), padding, lengths, mode));
        }
        let logits = self
            .classifier
            .forward(Tensor::cat(pooled.clone(), 1), mode);
        if self.final_norms.is_some() {
            // What the decoders read is the normalised sequence.
            layers.push(sequences);
        }
        View {
            convolved,
            embedded,
            layers,
            pooled,
            logits,
        }
    }

    /// The incomplete view: what the model predicts from.
    pub fn incomplete(&self, batch: &Batch, mode: &mut Mode) -> View {
        let inputs = self.ablate(batch, &self.prepare(batch));
        self.view(inputs, batch, &self.frame(batch), mode)
    }

    /// The complete view of the same batch.
    pub fn complete(&self, batch: &Batch, mode: &mut Mode) -> View {
        self.view(self.prepare(batch), batch, &self.frame(batch), mode)
    }

    /// `D_m` (eq. 13) from an incomplete view, `[batch, steps, features]` a modality; `None` for a
    /// model without LFI.
    pub fn imagine(&self, view: &View, batch: &Batch, mode: &mut Mode) -> Option<Vec<Tensor<3>>> {
        let frame = self.frame(batch);
        let decoders = self.lfi.as_ref()?;
        let imagined = (0..decoders.len()).map(|m| {
            let reinforced = view.layers.last().map_or_else(
                || view.embedded[m].clone(),
                |sequences| sequences[m].clone(),
            );
            let embedded = view.embedded[m].clone();
            decoders[m].forward(embedded, reinforced, &frame.padding[m], mode)
        });
        Some(imagined.collect())
    }

    /// The loss of eq. 18. Without `auxiliary` only the classification term.
    pub fn losses(
        &self,
        batch: &Batch,
        training: &TrainingConfig,
        auxiliary: bool,
        mode: &mut Mode,
    ) -> Losses {
        let complete = self.prepare(batch);
        let frame = self.frame(batch);
        let view = self.view(self.ablate(batch, &complete), batch, &frame, mode);
        let classification = cross_entropy(view.logits.clone(), batch.targets.clone());
        let mut losses = Losses {
            total: classification.clone(),
            classification,
            complete: None,
            distance: None,
            imagination: None,
        };
        if let (Some(predictor), true) = (&self.gfa, auxiliary) {
            let whole = self.view(complete.clone(), batch, &frame, mode);
            let supervised = cross_entropy(whole.logits.clone(), batch.targets.clone());
            let (distance, symmetric) = (self.config.distance, self.config.gfa_symmetric);
            let distance = predictor.alignment(view.joint(), whole.joint(), distance, symmetric);
            let alignment = supervised.clone() + distance.clone(); // eq. 17
            losses.total = losses.total + alignment.mul_scalar(training.alpha);
            losses.complete = Some(supervised);
            losses.distance = Some(distance);
        }
        let any_missing = batch.missing_counts.iter().any(|count| *count > 0);
        if let (Some(decoders), true, true) = (&self.lfi, auxiliary, any_missing) {
            let mut imagination = None;
            for (m, decoder) in decoders.iter().enumerate() {
                let count = batch.missing_counts[m];
                if count == 0 {
                    continue;
                }
                let reinforced = view.layers.last().map_or(&view.embedded, |layers| layers);
                let imagined = decoder.forward(
                    view.embedded[m].clone(),
                    reinforced[m].clone(),
                    &frame.padding[m],
                    mode,
                );
                let missing = batch.missing[m].clone();
                let loss = imagination_loss(complete[m].clone(), imagined, missing, count);
                imagination = Some(match imagination {
                    None => loss,
                    Some(sum) => sum + loss,
                });
            }
            if let Some(imagination) = imagination {
                losses.total = losses.total + imagination.clone().mul_scalar(training.beta);
                losses.imagination = Some(imagination);
            }
        }
        losses
    }

    /// Whether training uses batch statistics, so that a batch of one cannot be trained on.
    pub fn needs_batches(&self) -> bool {
        self.config.classifier == ClassifierKind::Released
    }
}
