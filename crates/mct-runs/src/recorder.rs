//! Records a training in its run folder.

use mct_corpus::atomic;
use mct_hfr::training::{Checkpoint, EpochRecord, Event, State};
use mct_scores::Scores;
use serde::Serialize;

use crate::{Error, Result, Which, Writer};

/// Writes events, checkpoints and metrics during training.
pub struct Recorder {
    writer: Writer,
    synthetic: bool,
    fold: String,
}

/// `metrics.json`: the epochs so far and the best of them.
#[derive(Serialize)]
struct Metrics<'a> {
    synthetic: bool,
    fold: &'a str,
    finished: bool,
    best_epoch: Option<usize>,
    best_validation: Option<Scores>,
    epochs: &'a [EpochRecord],
}

impl Recorder {
    /// `synthetic`: whether the corpus is.
    pub fn new(writer: Writer, synthetic: bool) -> Self {
        Self {
            writer,
            synthetic,
            fold: String::new(),
        }
    }

    /// Appends the event to `events.jsonl`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Started { fold, .. } = event {
            self.fold.clone_from(fold);
        }
        self.writer.event(event)
    }

    /// Writes a checkpoint, and with the last one `metrics.json`.
    ///
    /// # Errors
    /// When it cannot be written; the older checkpoint then stays intact.
    pub fn save(&self, checkpoint: &Checkpoint, which: Which) -> Result<()> {
        self.writer.save(checkpoint, which)?;
        match &checkpoint.state {
            Some(state) => self.metrics(state),
            None => Ok(()),
        }
    }

    fn metrics(&self, state: &State) -> Result<()> {
        let best_epoch = state.best.map(|(_, epoch)| epoch);
        let metrics = Metrics {
            synthetic: self.synthetic,
            fold: &self.fold,
            finished: state.finished,
            best_epoch,
            best_validation: best_epoch
                .and_then(|epoch| state.history.get(epoch))
                .map(|record| record.validation.clone()),
            epochs: &state.history,
        };
        let path = self.writer.folder.path.join("metrics.json");
        let json = serde_json::to_string_pretty(&metrics).map_err(Error::unwritable(&path))?;
        Ok(atomic::write(&path, (json + "\n").as_bytes())?)
    }
}
