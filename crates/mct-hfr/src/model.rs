//! A model of any of the compared systems: what all of them have in common.
//!
//! Features are standardised and missing steps replaced here; a [`Network`] of `systems/` sees what
//! is left, with and without the missing steps.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::batch::Batch;
use crate::classifier::cross_entropy;
use crate::config::{ClassifierKind, Interface, ModelConfig, System, TrainingConfig};
use crate::event::Term;
use crate::input::{FeatureStatistics, Input};
use crate::noise::Mode;
use crate::parameters;
use crate::steps::Steps;
use crate::systems::chfn::Chfn;
use crate::systems::emt_dlfr::EmtDlfr;
use crate::systems::mct::MctHfr;
use crate::systems::misa::Misa;
use crate::systems::mult::Mult;
use crate::systems::pmr::Pmr;
use crate::systems::tfr_net::TfrNet;

#[derive(Module, Debug)]
pub struct Model {
    inputs: Vec<Input>,
    network: Kind,
    #[module(skip)]
    config: ModelConfig,
}

#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "burn's modules cannot be boxed; there is one"
)]
enum Kind {
    Mct(MctHfr),
    Mult(Mult),
    Misa(Misa),
    Pmr(Pmr),
    Chfn(Chfn),
    TfrNet(TfrNet),
    EmtDlfr(EmtDlfr),
}

/// One view of a batch on its way through a network. Padded steps hold no meaning.
#[derive(Debug, Clone)]
pub struct View {
    /// `X'_m` (eq. 3): `[batch, steps, d]`; empty for a system without convolutions.
    pub convolved: Vec<Tensor<3>>,
    /// `H_m` (eq. 4): `[batch, steps, d]`; empty likewise.
    pub embedded: Vec<Tensor<3>>,
    /// The sequences after each layer of the fusion, `E_m` for MCT; the system's file says which.
    pub layers: Vec<Vec<Tensor<3>>>,
    /// What the classifier reads, `h_m` for MCT: `[batch, size]`.
    pub pooled: Vec<Tensor<2>>,
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
}

impl View {
    /// `h`, the pooled vectors side by side: `[batch, size of all]`.
    pub fn joint(&self) -> Tensor<2> {
        Tensor::cat(self.pooled.clone(), 1)
    }
}

/// The terms of a loss, each `[1]`, in the order in which they were added.
#[derive(Debug, Clone)]
pub struct Losses {
    pub total: Tensor<1>,
    /// Before they are weighted.
    pub terms: BTreeMap<Term, Tensor<1>>,
}

impl Losses {
    /// Cross entropy of a view (eq. 12).
    pub fn classification(view: &View, batch: &Batch) -> Self {
        let loss = cross_entropy(view.logits.clone(), batch.targets.clone());
        Self {
            total: loss.clone(),
            terms: BTreeMap::from([(Term::Classification, loss)]),
        }
    }

    /// Adds a term with its weight.
    pub fn add(&mut self, term: Term, loss: Tensor<1>, weight: f64) {
        let weighted = loss.clone().mul_scalar(weight);
        self.total = self.total.clone() + weighted;
        self.terms.insert(term, loss);
    }
}

/// A batch as networks see it.
pub struct Sample<'a> {
    pub batch: &'a Batch,
    /// Features with all of their steps, and with the missing ones replaced, a modality:
    /// `[batch, steps, features]`.
    pub complete: Vec<Tensor<3>>,
    pub incomplete: Vec<Tensor<3>>,
    /// The real steps of each modality.
    pub steps: Vec<Steps>,
}

/// What a system has to do; the rest is the same for all of them.
pub trait Network {
    /// From features `[batch, steps, features]`, a modality, to logits.
    fn view(&self, features: Vec<Tensor<3>>, steps: &[Steps], mode: &mut Mode) -> View;

    /// Features that the system reconstructs from an incomplete view, `[batch, steps, features]` of
    /// modality `m`; `None` for a system that reconstructs none.
    fn imagine(
        &self,
        _view: &View,
        _m: usize,
        _steps: &[Steps],
        _mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        None
    }

    /// How much each step attends to each step of the hyper-modality in a layer of the fusion,
    /// `[batch, heads, steps of all, steps of all]`, the modalities end to end; `None` for a system
    /// without a hyper-modality, or when there is no such layer.
    fn attention(
        &self,
        _features: Vec<Tensor<3>>,
        _steps: &[Steps],
        _layer: usize,
    ) -> Option<Tensor<4>> {
        None
    }

    /// Adds the system's own terms to the cross entropy of the incomplete `view`.
    fn auxiliary(
        &self,
        _losses: &mut Losses,
        _view: &View,
        _sample: &Sample<'_>,
        _training: &TrainingConfig,
        _mode: &mut Mode,
    ) {
    }
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
        let shapes = interface.modalities.iter().enumerate();
        let network = match config.system {
            System::Mct | System::MctGfa | System::MctLfi | System::MctHfr => {
                Kind::Mct(MctHfr::new(config, interface, device))
            }
            System::Mult => Kind::Mult(Mult::new(config, interface, device)),
            System::Misa => Kind::Misa(Misa::new(config, interface, device)),
            System::Pmr => Kind::Pmr(Pmr::new(config, interface, device)),
            System::Chfn => Kind::Chfn(Chfn::new(config, interface, device)),
            System::TfrNet => Kind::TfrNet(TfrNet::new(config, interface, device)),
            System::EmtDlfr => Kind::EmtDlfr(EmtDlfr::new(config, interface, device)),
        };
        Self {
            inputs: shapes
                .map(|(m, shape)| Input::new(config, shape, statistics.get(m), device))
                .collect(),
            network,
            config: config.clone(),
        }
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn network(&self) -> &dyn Network {
        match &self.network {
            Kind::Mct(network) => network,
            Kind::Mult(network) => network,
            Kind::Misa(network) => network,
            Kind::Pmr(network) => network,
            Kind::Chfn(network) => network,
            Kind::TfrNet(network) => network,
            Kind::EmtDlfr(network) => network,
        }
    }

    /// The complete features as the network sees them, `[batch, steps, features]` a modality.
    pub fn prepare(&self, batch: &Batch) -> Vec<Tensor<3>> {
        let parts = self.inputs.iter().zip(&batch.features).zip(&batch.valid);
        parts
            .map(|((input, features), valid)| input.prepare(features.clone(), valid.clone()))
            .collect()
    }

    fn ablate(&self, batch: &Batch, complete: &[Tensor<3>]) -> Vec<Tensor<3>> {
        let parts = self.inputs.iter().zip(complete).zip(&batch.missing);
        parts
            .map(|((input, complete), missing)| input.ablate(complete.clone(), missing.clone()))
            .collect()
    }

    /// The incomplete view: what the model predicts from.
    pub fn incomplete(&self, batch: &Batch, mode: &mut Mode) -> View {
        let inputs = self.ablate(batch, &self.prepare(batch));
        self.network().view(inputs, &batch.steps(), mode)
    }

    /// The complete view of the same batch.
    pub fn complete(&self, batch: &Batch, mode: &mut Mode) -> View {
        self.network()
            .view(self.prepare(batch), &batch.steps(), mode)
    }

    /// What the system reconstructs from an incomplete view (`D_m` of eq. 13 for MCT-HFR),
    /// `[batch, steps, features]` a modality; `None` for a system that reconstructs nothing.
    pub fn imagine(&self, view: &View, batch: &Batch, mode: &mut Mode) -> Option<Vec<Tensor<3>>> {
        let (network, steps) = (self.network(), batch.steps());
        (0..steps.len())
            .map(|m| network.imagine(view, m, &steps, mode))
            .collect()
    }

    /// Attention over the hyper-modality from the incomplete view, see [`Network::attention`].
    pub fn attention(&self, batch: &Batch, layer: usize) -> Option<Tensor<4>> {
        let inputs = self.ablate(batch, &self.prepare(batch));
        self.network().attention(inputs, &batch.steps(), layer)
    }

    /// The loss (eq. 18 for MCT-HFR). Without `auxiliary` only the classification term.
    pub fn losses(
        &self,
        batch: &Batch,
        training: &TrainingConfig,
        auxiliary: bool,
        mode: &mut Mode,
    ) -> Losses {
        let complete = self.prepare(batch);
        let sample = Sample {
            incomplete: self.ablate(batch, &complete),
            steps: batch.steps(),
            complete,
            batch,
        };
        let network = self.network();
        let view = network.view(sample.incomplete.clone(), &sample.steps, mode);
        let mut losses = Losses::classification(&view, batch);
        if auxiliary {
            network.auxiliary(&mut losses, &view, &sample, training, mode);
        }
        losses
    }

    /// Whether training uses batch statistics, so that a batch of one cannot be trained on.
    pub fn needs_batches(&self) -> bool {
        self.config.classifier == ClassifierKind::Released
    }
}
