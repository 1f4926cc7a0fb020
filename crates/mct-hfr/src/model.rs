//! A model of any of the compared systems: what all of them have in common.
//!
//! Features are standardised and missing steps replaced here; a [`Network`] of [`systems`](crate::systems)
//! sees the result, with and without the missing steps.

use std::sync::{Mutex, PoisonError};

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use mct_corpus::Task;

use crate::config::{ClassWeights, Interface, ModelConfig, TrainingConfig};
use crate::data::{Batch, FeatureStatistics, Input, LabelStatistics};
use crate::error::{Error, Result};
use crate::nn::mode::Mode;
use crate::nn::padding::{PaddingMask, next_samples};
use crate::nn::parameters::{self, Values};
use crate::objectives::lfi::imagination_loss;
use crate::objectives::losses::Losses;
use crate::objectives::supervision::{Kind, Supervision};
use crate::systems::{AnyNetwork, Network, Sample, Steps, View};

#[derive(Module, Debug)]
pub struct Model {
    inputs: Vec<Input>,
    network: AnyNetwork,
    /// Shares of the classes in the training set, `[classes]`, or its mean intensities, `[targets]`: what is
    /// predicted of an utterance of which nothing is seen. `None` in checkpoints of older versions.
    prior: Option<Param<Tensor<1>>>,
    /// Standard deviations of the intensities in the training set, `[targets]`: the network's outputs are
    /// in these units around the prior. `None` for classes.
    deviation: Option<Param<Tensor<1>>>,
    #[module(skip)]
    config: ModelConfig,
    #[module(skip)]
    outputs: usize,
}

/// Initial values come from the one random generator that a process has for the CPU device.
static INITIALISATION: Mutex<()> = Mutex::new(());

impl Model {
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
                .unwrap_or_else(PoisonError::into_inner);
            cpu.seed(seed);
            let model = Self::uninitialised(config, interface, statistics, &cpu);
            // Here, and not after the lock.
            parameters::initialise(&model);
            model
        };
        if device.is_autodiff() {
            model.fork(device)
        } else {
            model.valid().fork(device)
        }
    }

    /// Refuses a model with more than 2^31 parameters, of which none is made for it.
    ///
    /// # Errors
    /// Says how many there would be.
    pub fn require_size(config: &ModelConfig, interface: &Interface) -> Result<()> {
        const MOST: usize = 1 << 31;
        let model = Self::uninitialised(config, interface, &[], &Device::flex());
        let shapes = parameters::shapes(&model).into_values();
        let size = |shape: Vec<usize>| shape.into_iter().fold(1, usize::saturating_mul);
        let total = shapes.map(size).fold(0, usize::saturating_add);
        if total > MOST {
            let expected = format!("{MOST} or fewer");
            return Err(Error::invalid("config", "parameters", total, expected));
        }
        Ok(())
    }

    /// A model whose parameters have shapes and, until they are first looked at, no values.
    pub(crate) fn uninitialised(
        config: &ModelConfig,
        interface: &Interface,
        statistics: &[FeatureStatistics],
        device: &Device,
    ) -> Self {
        let shapes = interface.modalities.iter().enumerate();
        Self {
            inputs: shapes
                .map(|(m, shape)| Input::new(config, shape, statistics.get(m), device))
                .collect(),
            network: AnyNetwork::new(config, interface, device),
            prior: None,
            deviation: None,
            config: config.clone(),
            outputs: interface.outputs(),
        }
    }

    /// With what is known of the labels of the training set.
    pub(crate) fn with_labels(mut self, labels: &LabelStatistics, device: &Device) -> Self {
        let constant = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [values.len()]);
            Param::from_tensor(Tensor::from_data(data, device)).set_require_grad(false)
        };
        self.prior = Some(constant(&labels.prior));
        self.deviation = labels.deviation.as_deref().map(constant);
        self
    }

    /// With these weights of the network, by name; what is known of features and labels stays, and a parameter whose
    /// name `is_optional` as it is where there is no value for it.
    ///
    /// # Errors
    /// When other names or shapes differ: all of them are listed.
    pub(crate) fn with_network(
        mut self,
        values: &Values,
        is_optional: impl Fn(&str) -> bool,
        source: &str,
        device: &Device,
    ) -> Result<Self> {
        self.network = parameters::assign_some(self.network, values, is_optional, source, device)?;
        Ok(self)
    }

    /// Without a prior: as a checkpoint of an older version.
    pub(crate) fn without_prior(mut self) -> Self {
        self.prior = None;
        self
    }

    /// Class probabilities `[batch, classes]` from the logits of a view of `batch`, or intensities
    /// `[batch, targets]`; the prior where nothing of an utterance is seen, so that the view is of no
    /// utterance in particular. `complete`: whether it is the complete view.
    pub fn predictions(&self, logits: Tensor<2>, batch: &Batch, complete: bool) -> Tensor<2> {
        let predicted = match (&self.prior, &self.deviation) {
            (Some(mean), Some(deviation)) => {
                logits * deviation.val().unsqueeze::<2>() + mean.val().unsqueeze::<2>()
            }
            _ if self.config.task == Task::Regression => logits,
            _ => softmax(logits, 1),
        };
        let observed = if complete {
            &batch.present
        } else {
            &batch.observed
        };
        match (&self.prior, observed) {
            (Some(prior), Some(observed)) => {
                let unseen = observed.clone().neg() + 1.0;
                predicted * observed.clone() + prior.val().unsqueeze::<2>() * unseen
            }
            _ => predicted,
        }
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The number of classes that it tells apart, or of intensities that it predicts.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub(crate) fn network(&self) -> &dyn Network {
        self.network.as_network()
    }

    /// The complete features as the network sees them, per modality `[batch, time, features]`. Steps
    /// that are missing by nature are replaced as missing steps are.
    pub fn prepare(&self, batch: &Batch) -> Vec<Tensor<3>> {
        let per_modality = self.inputs.iter().enumerate();
        per_modality
            .map(|(m, input)| {
                let complete = input.prepare(batch.features[m].clone(), batch.valid[m].clone());
                match &batch.absent[m] {
                    None => complete,
                    Some(absent) => input.mask(complete, absent.clone()),
                }
            })
            .collect()
    }

    /// `complete` with the missing steps of the batch replaced.
    fn mask(&self, batch: &Batch, complete: &[Tensor<3>]) -> Vec<Tensor<3>> {
        let per_modality = self.inputs.iter().zip(complete).zip(&batch.missing);
        per_modality
            .map(|((input, complete), missing)| input.mask(complete.clone(), missing.clone()))
            .collect()
    }

    /// The incomplete view: what the model predicts from.
    pub fn incomplete(&self, batch: &Batch, mode: &mut Mode) -> View {
        let features = self.mask(batch, &self.prepare(batch));
        self.network().view(features, &batch.padding_masks(), mode)
    }

    /// The complete view of the same batch.
    pub fn complete(&self, batch: &Batch, mode: &mut Mode) -> View {
        let features = self.prepare(batch);
        self.network().view(features, &batch.padding_masks(), mode)
    }

    /// What the system reconstructs from an incomplete view (`D_m` of eq. 13 for MCT-HFR), per modality
    /// `[batch, time, features]`; `None` for a system that reconstructs nothing.
    pub fn imagine(&self, view: &View, batch: &Batch, mode: &mut Mode) -> Option<Vec<Tensor<3>>> {
        let (network, masks) = (self.network(), batch.padding_masks());
        let steps = Steps {
            missing: &batch.missing,
            masks: &masks,
            fused_masks: &masks,
        };
        (0..masks.len())
            .map(|m| network.imagine(view, m, &steps, mode))
            .collect()
    }

    /// LFI's loss on `batch` (eq. 15), and the same where the decoders read the reinforced sequences `E_m` of
    /// the next utterance instead, each `[1]`: as far as the second is above the first, they use `E_m`.
    /// `None` for a system without LFI, for a single utterance, and where nothing is missing.
    pub fn imagination(&self, view: &View, batch: &Batch) -> Option<[Tensor<1>; 2]> {
        if !self.config.system.has_lfi() || batch.labels.len() < 2 {
            return None;
        }
        let (network, masks) = (self.network(), batch.padding_masks());
        let complete = self.prepare(batch);
        let loss = |view: &View, fused_masks: &[PaddingMask]| {
            let steps = Steps {
                missing: &batch.missing,
                masks: &masks,
                fused_masks,
            };
            imagination_loss(batch, &complete, |m| {
                let imagined = network.imagine(view, m, &steps, &mut Mode::Evaluation);
                imagined.unwrap_or_else(|| complete[m].zeros_like())
            })
        };
        let own = loss(view, &masks)?;
        let mut of_next = view.clone();
        for sequence in of_next.layers.last_mut().unwrap_or(&mut of_next.embedded) {
            *sequence = next_samples(sequence.clone());
        }
        let next: Vec<PaddingMask> = masks.iter().map(PaddingMask::next).collect();
        Some([own, loss(&of_next, &next)?])
    }

    /// Attention over the hyper-modality from the incomplete view, see [`Network::attention`].
    pub fn attention(&self, batch: &Batch, layer: usize) -> Option<Tensor<4>> {
        let features = self.mask(batch, &self.prepare(batch));
        self.network()
            .attention(features, &batch.padding_masks(), layer)
    }

    /// What the outputs for `batch` are held against, without label smoothing.
    pub fn supervision(&self, batch: &Batch, training: &TrainingConfig) -> Supervision {
        let targets = batch.targets.clone();
        let (targets, kind) = match (self.config.task, &self.prior, &self.deviation) {
            (Task::Classification, ..) => (targets, Kind::CrossEntropy),
            (Task::Regression, Some(mean), Some(deviation)) => {
                let centred = targets - mean.val().unsqueeze::<2>();
                let standardised = centred / deviation.val().unsqueeze::<2>();
                (standardised, Kind::Regression(training.regression_loss))
            }
            (Task::Regression, ..) => (targets, Kind::Regression(training.regression_loss)),
        };
        let balanced = training.class_weights == ClassWeights::Balanced;
        let class_weights = match &self.prior {
            Some(shares) if balanced && kind == Kind::CrossEntropy => {
                let shares = shares.val();
                // A class that training has not seen weighs 1.
                let unseen = shares.clone().equal_elem(0.0).float();
                let even = 1.0 / self.outputs as f64;
                Some((shares + unseen.mul_scalar(even)).recip().mul_scalar(even))
            }
            _ => None,
        };
        Supervision {
            targets,
            rated: batch.rated.clone(),
            class_weights,
            smoothing: 0.0,
            kind,
        }
    }

    /// The loss (eq. 18 for MCT-HFR). Without `auxiliary` only the supervised term.
    pub fn losses(
        &self,
        batch: &Batch,
        training: &TrainingConfig,
        auxiliary: bool,
        mode: &mut Mode,
    ) -> Losses {
        let complete = self.prepare(batch);
        let mut supervision = self.supervision(batch, training);
        supervision.smoothing = training.label_smoothing;
        let sample = Sample {
            incomplete: self.mask(batch, &complete),
            masks: batch.padding_masks(),
            complete,
            batch,
            supervision,
        };
        let network = self.network();
        let view = network.view(sample.incomplete.clone(), &sample.masks, mode);
        let supervised = sample.supervision.loss(view.logits.clone());
        let weights = training.weights(self.config.system);
        let mut losses = Losses::new(sample.supervision.term(), supervised, weights);
        if auxiliary {
            network.auxiliary(&mut losses, &view, &sample, mode);
        }
        losses
    }

    /// Whether training uses batch statistics, so that a batch of one cannot be trained on.
    pub fn needs_batches(&self) -> bool {
        self.config.needs_batches()
    }
}
