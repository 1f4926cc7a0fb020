//! Records a training in its run folder.

use mct_hfr::training::{Checkpoint, Event};

use crate::metrics::Metrics;
use crate::{Result, RunFolder, Which, Writer};

/// Writes events, checkpoints and metrics during training.
pub struct Recorder {
    writer: Writer,
    synthetic: bool,
    fold: String,
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

    /// The run folder.
    pub const fn folder(&self) -> &RunFolder {
        &self.writer.folder
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
            Some(state) => {
                Metrics::of(self.synthetic, &self.fold, state).write(&self.writer.folder.path)
            }
            None => Ok(()),
        }
    }
}
