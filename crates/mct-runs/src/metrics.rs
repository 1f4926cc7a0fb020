//! `metrics.json`: the epochs so far and the best of them.

use std::borrow::Cow;
use std::path::Path;

use mct_corpus::{atomic, regular};
use mct_hfr::training::{EpochRecord, State};
use mct_scores::Scores;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

#[derive(Serialize, Deserialize)]
pub(crate) struct Metrics<'a> {
    synthetic: bool,
    pub fold: Cow<'a, str>,
    pub finished: bool,
    pub best_epoch: Option<usize>,
    best_validation: Option<Scores>,
    pub epochs: Cow<'a, [EpochRecord]>,
}

impl<'a> Metrics<'a> {
    pub fn of(synthetic: bool, fold: &'a str, state: &'a State) -> Self {
        let best_epoch = state.best.map(|(_, epoch)| epoch);
        Self {
            synthetic,
            fold: fold.into(),
            finished: state.finished,
            best_epoch,
            best_validation: best_epoch
                .and_then(|epoch| state.history.get(epoch))
                .map(|record| record.validation.clone()),
            epochs: (&state.history[..]).into(),
        }
    }

    /// Of the run in `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join("metrics.json");
        let json = serde_json::to_string_pretty(self).map_err(Error::unwritable(&path))?;
        Ok(atomic::write(&path, (json + "\n").as_bytes())?)
    }

    /// Of the run in `folder`; `None` before its first checkpoint.
    pub fn read(folder: &Path) -> Result<Option<Metrics<'static>>> {
        let path = folder.join("metrics.json");
        let text = match regular::read_text(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::io(&path))?,
        };
        let metrics = serde_json::from_str(&text).map_err(|error| {
            let file = path.display().to_string();
            mct_hfr::Error::invalid(&file, "metrics", error, "the metrics of a run")
        })?;
        Ok(Some(metrics))
    }
}
