//! Requests to the training pipeline, and its responses.

use mct_hfr::config::Config;
use mct_hfr::training::{EpochRecord, Event, FinishReason};
use serde::{Deserialize, Serialize};

use crate::source::{Bytes, Source};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    Start(Box<Start>),
    /// Waits after the current step; what has been trained is kept.
    Pause,
    Continue,
    /// Ends after the current step; the run can be resumed.
    Stop,
}

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    pub corpus: Source,
    pub begin: Begin,
    /// Where the run is kept: a folder to make; in a browser its name in the page's own storage.
    pub folder: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Begin {
    New(Box<Config>),
    /// From a checkpoint with the state of training, or the folder of a run.
    Resume(Source),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Response {
    /// The run has begun with this config, after these epochs.
    Began(Box<Config>, Vec<EpochRecord>),
    Event(Event),
    /// The best weights so far, as the file that a checkpoint is.
    Best(Bytes),
    /// The last checkpoint, from which the run can be resumed.
    Last(Bytes),
    Paused,
    Ended(FinishReason),
    Failed(String),
}
