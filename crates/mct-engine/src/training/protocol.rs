//! Requests to the training pipeline, and its responses.

use mct_hfr::config::Config;
use mct_hfr::training::{EpochRecord, Event, FinishReason};
use serde::{Deserialize, Serialize};

use crate::source::{Bytes, Source};

/// A request to the training pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    Start(Box<Start>),
    /// Pauses after the current step, with a checkpoint.
    Pause,
    Continue,
    /// Stops after the current step; the run can be resumed.
    Stop,
}

/// A run to train.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    pub corpus: Source,
    pub begin: Begin,
    /// The run folder to create; in a browser the name of the run in the page's own storage.
    pub folder: String,
    /// Whether a browser's storage may be used; natively a run is always kept.
    pub keep: bool,
}

/// How a run begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Begin {
    New(Box<Config>),
    /// From a checkpoint with training state, or a run folder.
    Resume(Source),
}

/// A response of the training pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Response {
    /// The run has begun with this config, after these epochs; none for a new run.
    Began(Box<Config>, Vec<EpochRecord>),
    Event(Event),
    /// The best weights so far, as a checkpoint file.
    Best(Bytes),
    /// The last checkpoint as a file, from which the run can be resumed.
    Last(Bytes),
    /// The browser's storage does not take the checkpoints, and why.
    NotKept(String),
    Paused,
    Ended(FinishReason),
    Failed(String),
}
