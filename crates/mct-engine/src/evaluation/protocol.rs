//! What the evaluation pipeline is asked and what it answers.

use mct_corpus::fold::Fold;
use mct_corpus::limit::LimitPoint;
use mct_corpus::missing::Missing;
use mct_corpus::{Metadata, Utterance};
use mct_hfr::config::{Config, Interface};
use mct_hfr::data::Masks;
use mct_hfr::evaluation::Inspection;
use mct_hfr::training::EpochRecord;
use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Names an opened model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelId(pub u32);

/// Numbers a question, so that answers to older ones can be told apart.
pub type Ticket = u64;

/// Which utterances of a model's fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    #[default]
    Test,
    Validation,
    Train,
    /// Every utterance of the corpus.
    All,
}

/// Which steps are hidden, and the seed of the masks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    pub missing: Missing,
    pub mask_seed: u64,
}

/// A newer question of the same kind takes the place of an older one that has not been answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Opens a corpus, or a model under this name.
    Open {
        source: Source,
        model: ModelId,
    },
    Close(ModelId),
    /// Probabilities of every utterance.
    Predict(Predict),
    /// Probabilities under several conditions, one after the other.
    Curve(Curve),
    /// The exact limit under several conditions, on the utterances of a model's side.
    Limit(Limit),
    Inspect(Inspect),
    Represent(Represent),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predict {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    pub conditions: Conditions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    /// A point each.
    pub conditions: Vec<Conditions>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    /// Each with the rate that it stands for.
    pub settings: Vec<(f64, Missing)>,
    pub mask_seed: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspect {
    pub ticket: Ticket,
    pub model: ModelId,
    /// Index into the corpus.
    pub utterance: usize,
    pub masks: Masks,
    /// The layer of the fusion whose attention is asked for.
    pub layer: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Represent {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    pub conditions: Conditions,
    /// At most so many utterances, evenly spread over the side.
    pub most: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Response {
    /// Which share of the device's test is done.
    Testing(f32),
    Ready(DeviceCard),
    /// The corpus that is open now. Models are told again, since their folds are of this corpus.
    Corpus(Box<CorpusCard>),
    Model(Box<ModelCard>),
    /// What could not be opened; what was open is still open.
    Refused {
        name: String,
        message: String,
    },
    Predicted(Predictions),
    /// The point number `place` of a curve.
    CurvePoint {
        place: usize,
        predictions: Predictions,
    },
    Limit {
        ticket: Ticket,
        points: Vec<LimitPoint>,
    },
    Inspected {
        ticket: Ticket,
        inspection: Box<Inspection>,
    },
    Represented(Representations),
    /// A question that could not be answered.
    Failed {
        ticket: Ticket,
        message: String,
    },
}

/// The device that computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCard {
    pub name: String,
    pub description: String,
    /// Why it is not the one that was asked for.
    pub warning: Option<String>,
}

/// What there is to know of a corpus without its features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusCard {
    /// From which it can be read again.
    pub source: Source,
    pub metadata: Metadata,
    pub utterances: Vec<Utterance>,
    pub modalities: Vec<ModalityCard>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModalityCard {
    pub name: String,
    pub features: usize,
    pub rate_hz: Option<f32>,
    /// Of each utterance.
    pub steps: Vec<u32>,
}

/// What there is to know of a model without its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    pub id: ModelId,
    pub name: String,
    pub config: Config,
    pub interface: Interface,
    pub parameters: usize,
    pub history: Vec<EpochRecord>,
    /// Its fold of the open corpus, or why it cannot be evaluated on it.
    pub fold: Result<Fold, String>,
}

/// Answer to [`Predict`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    pub ticket: Ticket,
    pub model: ModelId,
    /// Indices into the corpus.
    pub utterances: Vec<usize>,
    /// `[utterance, class]` row by row.
    pub probabilities: Vec<f32>,
    /// How long it took to compute.
    pub millis: f32,
}

/// Answer to [`Represent`]: what the classifier reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Representations {
    pub ticket: Ticket,
    /// Indices into the corpus.
    pub utterances: Vec<usize>,
    pub parts: Vec<Part>,
}

/// One of the vectors that the classifier reads: that of a modality, for MCT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub width: usize,
    /// `[utterance, width]` row by row, from all steps and from those that are not missing.
    pub complete: Vec<f32>,
    pub incomplete: Vec<f32>,
}
