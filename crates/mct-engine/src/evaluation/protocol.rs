//! Requests to the evaluation pipeline, and its responses.

use mct_corpus::fold::Fold;
use mct_corpus::limit::LimitPoint;
use mct_corpus::missing::Missing;
use mct_corpus::{Column, Metadata, Task, Utterance};
use mct_hfr::config::{Config, Interface, ProtocolKind};
use mct_hfr::data::Masks;
use mct_hfr::evaluation::{Attending, Inspection};
use mct_hfr::training::EpochRecord;
use serde::{Deserialize, Serialize};

use crate::source::{Bytes, Source};

/// Identifies an open model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelId(pub u32);

/// Identifies a request, so that outdated responses can be recognised.
pub type Ticket = u64;

/// A subset of the utterances: a side of the model's fold.
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

impl Side {
    pub const EVERY: [Self; 4] = [Self::Test, Self::Validation, Self::Train, Self::All];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
            Self::Train => "training",
            Self::All => "all",
        }
    }
}

/// Which steps are missing, and the seed of the masks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    pub missing: Missing,
    pub mask_seed: u64,
}

/// A request to the evaluation pipeline. A newer request of the same kind replaces an older one that is
/// still queued.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Opens a corpus, or a model with this id.
    Open {
        source: Source,
        model: ModelId,
    },
    Close(ModelId),
    /// The open corpus as a file.
    SaveCorpus,
    /// Class probabilities, or intensities, of every utterance of a side.
    Predict(Predict),
    /// The same under several conditions, one response per condition.
    Curve(Curve),
    /// The exact limit of UA under several conditions, on a side of a model's fold.
    Limit(Limit),
    /// What a model computes of one utterance.
    Inspect(Inspect),
    /// What it predicts of one utterance from each combination of its modalities.
    Combine(Combine),
    /// What it predicts of one utterance when some of its steps are left out.
    LeaveOut(LeaveOut),
    /// The vectors that the classifier reads.
    Represent(Represent),
}

/// Requests the predictions of the utterances of a side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predict {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    pub conditions: Conditions,
}

/// What the conditions of a curve differ in. A newer request replaces an older one of the same series, and
/// the first series is computed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Series {
    /// Missing rates.
    Rates,
    /// One point: nothing is missing.
    Complete,
    /// Which modalities there are, and the rate of each alone.
    Modalities,
}

/// Requests the predictions of the utterances of a side under several conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub ticket: Ticket,
    pub model: ModelId,
    pub series: Series,
    pub side: Side,
    /// One per point of the curve.
    pub conditions: Vec<Conditions>,
}

/// Requests the exact limit of UA on the utterances of a side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    /// Missing rate and the missing steps at it, per point.
    pub settings: Vec<(f64, Missing)>,
    pub mask_seed: u64,
}

/// Requests the inspection of one utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspect {
    pub ticket: Ticket,
    pub model: ModelId,
    /// Index into the corpus.
    pub utterance: usize,
    /// The missing steps, `[modality][time]`.
    pub masks: Masks,
    /// Whose attention is returned.
    pub attending: Attending,
}

/// Requests the predictions of one utterance from each combination of its modalities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Combine {
    pub ticket: Ticket,
    pub model: ModelId,
    /// Index into the corpus.
    pub utterance: usize,
    /// The steps that are missing in all of them, `[modality][time]`.
    pub masks: Masks,
}

/// Requests the predictions of one utterance when, beside what is missing, some of its steps are left out: those
/// of one window of one modality after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaveOut {
    pub ticket: Ticket,
    pub model: ModelId,
    /// Index into the corpus.
    pub utterance: usize,
    /// The steps that are missing in any case, `[modality][time]`.
    pub masks: Masks,
}

/// What is predicted without the steps of a window, from `from` up to before `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    pub modality: usize,
    pub from: usize,
    pub to: usize,
    /// Class probabilities, or intensities.
    pub outputs: Vec<f32>,
}

/// Requests the representations of the utterances of a side, from the complete and the incomplete view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Represent {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    pub conditions: Conditions,
    /// The largest number of utterances, evenly spread over the side.
    pub max_utterances: usize,
}

/// A response of the evaluation pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Response {
    /// Progress of the device's known-answer test, 0 to 1.
    Testing(f32),
    Ready(DeviceCard),
    /// The corpus that was opened. A [`Response::Model`] per open model follows, with its fold of this
    /// corpus.
    Corpus(Box<CorpusCard>),
    Model(Box<ModelCard>),
    /// A source was opened; the responses with its corpus or model have been sent.
    Opened(ModelId),
    /// A source could not be opened; the open corpus and models are unchanged.
    Refused {
        /// Of the request to open it.
        id: ModelId,
        name: String,
        message: String,
        /// Whether it holds features, which other options may import.
        is_features: bool,
    },
    /// The open corpus as a file.
    CorpusFile(Bytes),
    Predicted(Predictions),
    /// One point of a curve; `index` into the conditions of the request.
    CurvePoint {
        series: Series,
        index: usize,
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
    Combined {
        ticket: Ticket,
        combinations: Vec<Combination>,
    },
    LeftOut {
        ticket: Ticket,
        /// Of all windows that hold a step that is not missing.
        windows: Vec<LeftOut>,
    },
    Represented(Representations),
    /// A request that failed.
    Failed {
        ticket: Ticket,
        message: String,
    },
}

/// The device of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCard {
    pub name: String,
    pub description: String,
    /// Why it is not the requested device.
    pub warning: Option<String>,
}

/// A corpus without its features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusCard {
    /// Where the corpus can be read again.
    pub source: Source,
    pub metadata: Metadata,
    pub utterances: Vec<Utterance>,
    pub modalities: Vec<ModalityCard>,
    /// What else the file says of its utterances.
    pub columns: Vec<Column>,
    /// Where it was imported: what a user may not expect of it.
    pub notes: Option<Vec<String>>,
    /// How it can be split, for each task that it is labelled for.
    pub splits: Vec<Split>,
}

/// A way to split a corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    pub task: Task,
    pub protocol: ProtocolKind,
    /// What each of its folds holds out, or what the corpus lacks for it.
    pub folds: Result<Vec<String>, String>,
}

impl CorpusCard {
    /// The class of an utterance; empty where it has none.
    pub fn class(&self, utterance: usize) -> &str {
        let label = self.utterances[utterance].label;
        label.map_or("", |label| &self.metadata.classes[label])
    }

    /// The name of its speaker; empty where nobody knows.
    pub fn speaker(&self, utterance: usize) -> &str {
        let speaker = self.utterances[utterance].speaker;
        speaker.map_or("", |speaker| &self.metadata.speakers[speaker].name)
    }
}

/// A modality without its features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModalityCard {
    pub name: String,
    pub features: usize,
    pub rate_hz: Option<f32>,
    /// Time steps per utterance.
    pub steps: Vec<u32>,
}

/// A model without its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    pub id: ModelId,
    pub name: String,
    pub config: Config,
    pub interface: Interface,
    pub parameters: usize,
    pub history: Vec<EpochRecord>,
    /// Whether it is a run folder whose training can go on.
    pub unfinished: bool,
    /// What is to be known of its numbers: that it was trained on another corpus.
    pub note: Option<String>,
    /// The model's fold of the open corpus, or why it cannot be evaluated on that corpus.
    pub fold: Result<Fold, String>,
    /// Which sequences of the open corpus are longer than what the model reads.
    pub cut: Vec<String>,
}

/// What an answer holds for, besides its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub side: Side,
    pub conditions: Conditions,
}

/// Response to [`Predict`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    pub ticket: Ticket,
    pub model: ModelId,
    pub held: Held,
    /// Indices into the corpus.
    pub utterances: Vec<usize>,
    /// Class probabilities, or intensities: `[utterances, outputs]` row by row.
    pub outputs: Vec<f32>,
    /// Time of the computation, in milliseconds.
    pub millis: f32,
}

/// What a model predicts from some of the modalities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Combination {
    /// Which modalities are there.
    pub present: Vec<bool>,
    /// Class probabilities, or intensities.
    pub outputs: Vec<f32>,
}

/// Response to [`Represent`]: the vectors that the classifier reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Representations {
    pub ticket: Ticket,
    pub model: ModelId,
    pub held: Held,
    /// Indices into the corpus.
    pub utterances: Vec<usize>,
    pub parts: Vec<Part>,
}

/// One of the vectors that the classifier reads: for MCT, one per modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub width: usize,
    /// From the complete view: `[utterances, width]` row by row.
    pub complete: Vec<f32>,
    /// From the incomplete view, in the same shape.
    pub incomplete: Vec<f32>,
}
