//! Settings of training.

use std::collections::BTreeMap;

use mct_corpus::Task;
use mct_scores::Metric;
use serde::{Deserialize, Serialize};

use crate::config::system::{DefaultWeight, System};
use crate::config::term::Term;

/// Settings of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    pub strategy: Strategy,
    /// Dynamic: the probability of a missing step. One-to-one: the rate that is tested.
    pub missing_rate: f64,
    /// Dynamic: if above `missing_rate`, each incomplete sample has a rate drawn uniformly between the
    /// two.
    pub missing_rate_max: f64,
    /// Dynamic: epochs over which the share of incomplete samples rises from 0 to 1.
    pub rise_epochs: usize,
    /// Mean length of runs of consecutive missing steps; 0 for single steps.
    #[serde(default)]
    pub burst_steps: f64,
    /// Whether a moment that is missing is so in all modalities.
    #[serde(default)]
    pub same_moment: bool,
    /// Dynamic: whether each modality of a sample has a rate of its own between the two.
    #[serde(default)]
    pub rate_per_modality: bool,
    /// The probability that a modality of an incomplete sample is missing as a whole; one is always left.
    #[serde(default)]
    pub absent_modality: f64,
    /// Missing rates of modalities by name, instead of the one of all; 1 for an absent modality.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modality_rates: BTreeMap<String, f64>,
    /// Utterances per training step.
    pub batch_size: usize,
    pub epochs: usize,
    /// Early stopping: epochs without a better validation score before training ends.
    pub patience: usize,
    pub select: Select,
    /// Whether the weights of the epoch that is the best on the test set are kept too, under that name, beside
    /// those of the epoch that validation chooses: for tables that show both.
    #[serde(default)]
    pub also_test_selected: bool,
    /// The loss of intensities; old configs, which are of classes, do not name it.
    #[serde(default)]
    pub regression_loss: RegressionLoss,
    pub learning_rate: f64,
    /// Learning-rate schedule: decay to this rate over the epochs.
    pub final_learning_rate: f64,
    #[serde(default)]
    pub schedule: Schedule,
    /// Epochs over which the learning rate rises from 0, step by step; 0 for none.
    #[serde(default)]
    pub warm_up_epochs: f64,
    pub weight_decay: f64,
    /// Whether weight decay is on biases, norms and other vectors too, as PyTorch has it.
    #[serde(default = "yes")]
    pub decay_vectors: bool,
    /// Gradient value clipping: bound on the absolute value of every gradient entry; 0 for none.
    pub clip: f64,
    /// Gradient norm clipping: bound on the norm of all gradients together; 0 for none.
    #[serde(default)]
    pub clip_norm: f64,
    /// Gradient accumulation: batches per update, whose gradients are averaged by their utterances. Class weights
    /// and LFI's mean over missing steps remain those of each batch.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// Names of parameters, and of parts that hold some, that are not trained; the statistics of a frozen
    /// batch norm stay as they are too.
    #[serde(default)]
    pub freeze: Vec<String>,
    /// What training starts from instead of random values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<StartingWeights>,
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// Whether every class is drawn as often as any other; an epoch has as many utterances as ever.
    #[serde(default)]
    pub balanced_batches: bool,
    /// The share of a target that is spread evenly over the classes, in training.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Decay of the exponential moving average (EMA) of the weights, which is validated and kept as the
    /// best model; 0 for none.
    pub average: f64,
    /// Weight of GFA (eq. 18): of the distance, and of the complete view's loss too unless this has its own.
    pub alpha: f64,
    /// Weight of the complete view's loss, where it is not `alpha`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha_complete: Option<f64>,
    /// Weight of LFI (eq. 18).
    pub beta: f64,
    /// The first epoch, from 0, with the auxiliary losses.
    pub auxiliary_from_epoch: usize,
    pub seed: u64,
    pub protocol: ProtocolKind,
    pub fold: usize,
    /// Weights of the loss terms that the system adds to its supervised loss, see
    /// [`System::loss_terms`]. A named one is stronger than `alpha` and `beta`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loss_weights: BTreeMap<Term, f64>,
}

/// A checkpoint or exported weights, in `--set` by the path alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartingWeights {
    pub path: String,
    /// Of the file; empty until it has been read.
    #[serde(default)]
    pub sha256: String,
}

impl TrainingConfig {
    /// Whether training makes anything incomplete.
    pub fn makes_incomplete(&self) -> bool {
        let most = match self.strategy {
            Strategy::Complete => return false,
            Strategy::OneToOne => self.missing_rate,
            // In the first epoch nothing is incomplete yet where the share rises.
            Strategy::Dynamic if self.epochs == 1 && self.rise_epochs > 0 => return false,
            Strategy::Dynamic => self.missing_rate.max(self.missing_rate_max),
        };
        most > 0.0
            || self.absent_modality > 0.0
            || self.modality_rates.values().any(|rate| *rate > 0.0)
    }

    /// The weight of every loss term that `system` adds.
    pub fn weights(&self, system: System) -> BTreeMap<Term, f64> {
        let terms = system.loss_terms().iter();
        terms
            .map(|(term, default)| {
                let default = match default {
                    DefaultWeight::Fixed(weight) => *weight,
                    DefaultWeight::Alpha => self.alpha,
                    DefaultWeight::AlphaComplete => self.alpha_complete.unwrap_or(self.alpha),
                    DefaultWeight::Beta => self.beta,
                };
                (
                    *term,
                    self.loss_weights.get(term).copied().unwrap_or(default),
                )
            })
            .collect()
    }

    /// Writes out the weights that `system` has by default, so that a config is complete.
    pub(super) fn fill_weights(&mut self, system: System) {
        for (term, default) in system.loss_terms() {
            if let DefaultWeight::Fixed(weight) = default {
                self.loss_weights.entry(*term).or_insert(*weight);
            }
        }
    }
}

/// What configs of before a setting had.
const fn yes() -> bool {
    true
}

const fn one() -> usize {
    1
}

/// How the learning rate falls over the epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    #[default]
    Linear,
    /// Half a cosine (Loshchilov and Hutter, 2017), without restarts.
    Cosine,
}

/// What an utterance weighs in the cross entropy, by its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    #[default]
    Equal,
    /// In inverse proportion to the class's share of the training set.
    Balanced,
}

/// How training data are made incomplete (section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Fresh masks each epoch, a rising share of incomplete samples.
    Dynamic,
    /// Fixed masks at the rate that is tested.
    OneToOne,
    /// Complete data only.
    Complete,
}

impl Strategy {
    /// As in a config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::OneToOne => "one-to-one",
            Self::Complete => "complete",
        }
    }
}

/// The validation score by which the best epoch is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// The supervised loss, with the missing steps of the strategy.
    Loss,
    /// UA, with the missing steps of the strategy.
    Ua,
    /// MAE of intensities, with the missing steps of the strategy.
    Mae,
    /// Pearson's correlation of intensities, likewise.
    Corr,
    /// Concordance of intensities, likewise.
    Ccc,
    /// The area under UA, or under MAE of intensities, over the rates 0.0 to 0.9, with the
    /// bursts and moments of the strategy and its rates of single modalities, but no modality absent by chance: ten
    /// times the work.
    Auilc,
}

impl Select {
    /// The score that it takes at the rate that is trained; `None` for the two that take another number.
    pub const fn metric(self) -> Option<Metric> {
        match self {
            Self::Ua => Some(Metric::Ua),
            Self::Mae => Some(Metric::Mae),
            Self::Corr => Some(Metric::Corr),
            Self::Ccc => Some(Metric::Ccc),
            Self::Loss | Self::Auilc => None,
        }
    }

    /// Whether predictions of this task have such a score.
    pub fn fits(self, task: Task) -> bool {
        self.metric()
            .is_none_or(|metric| Metric::of_task(task).contains(&metric))
    }
}

/// The loss of intensities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegressionLoss {
    /// Mean absolute error.
    #[default]
    L1,
    /// Mean squared error.
    Mse,
}

/// How the corpus is split; see [`mct_corpus::fold::Protocol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolKind {
    /// Leave one session out, test on its female speakers.
    #[default]
    Session,
    /// The same with the roles of the speakers swapped.
    SessionSwapped,
    /// Leave one speaker out.
    Speaker,
    /// Five groups of speakers.
    Groups,
    /// The split of the file.
    File,
}

impl ProtocolKind {
    pub const ALL: [Self; 5] = [
        Self::Session,
        Self::SessionSwapped,
        Self::Speaker,
        Self::Groups,
        Self::File,
    ];

    /// As configs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SessionSwapped => "session-swapped",
            Self::Speaker => "speaker",
            Self::Groups => "groups",
            Self::File => "file",
        }
    }
}

impl From<ProtocolKind> for mct_corpus::fold::Protocol {
    fn from(kind: ProtocolKind) -> Self {
        match kind {
            ProtocolKind::Session => Self::Session { swap_roles: false },
            ProtocolKind::SessionSwapped => Self::Session { swap_roles: true },
            ProtocolKind::Speaker => Self::Speaker,
            ProtocolKind::Groups => Self::Groups { k: 5 },
            ProtocolKind::File => Self::File,
        }
    }
}
