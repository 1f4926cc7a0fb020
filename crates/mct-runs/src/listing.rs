//! The runs below a folder, and how far they are, without their weights.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mct_hfr::training::{EpochRecord, Event, FinishReason};

use crate::metrics::Metrics;
use crate::{Error, Manifest, Result, RunFolder};

/// Folders of folders are looked into as deep as experiments keep their runs.
const DEEPEST: usize = 4;

/// So many folders are looked into.
const FOLDERS: usize = 20_000;

/// A run, as far as it is.
pub struct Summary {
    /// Its folder.
    pub path: PathBuf,
    pub manifest: Manifest,
    /// What is held out, in words; empty before the first checkpoint.
    pub fold: String,
    /// Whether there is nothing to resume.
    pub finished: bool,
    /// Whether it was interrupted, and nothing has gone on with it since.
    pub is_interrupted: bool,
    /// The best epoch on the validation set, from 0.
    pub best_epoch: Option<usize>,
    /// The finished epochs.
    pub epochs: Vec<EpochRecord>,
    /// When the run last wrote to its folder.
    pub changed: Option<SystemTime>,
}

impl Summary {
    /// Reads the run in `path`.
    ///
    /// # Errors
    /// When its `config.toml` or `metrics.json` is missing or invalid; before the first checkpoint there is no
    /// `metrics.json`.
    pub fn of(path: &Path) -> Result<Self> {
        let RunFolder { path, manifest } = RunFolder::open(path)?;
        let metrics = Metrics::read(&path)?;
        let changed = ["events.jsonl", "metrics.json", "config.toml"];
        let changed = changed.into_iter().filter_map(|name| {
            let metadata = path.join(name).metadata();
            metadata.and_then(|metadata| metadata.modified()).ok()
        });
        let changed = changed.max();
        let is_interrupted = was_interrupted(&path);
        Ok(match metrics {
            Some(metrics) => Self {
                path,
                manifest,
                fold: metrics.fold.into_owned(),
                finished: metrics.finished,
                is_interrupted,
                best_epoch: metrics.best_epoch,
                epochs: metrics.epochs.into_owned(),
                changed,
            },
            None => Self {
                path,
                manifest,
                fold: String::new(),
                finished: false,
                is_interrupted,
                best_epoch: None,
                epochs: Vec::new(),
                changed,
            },
        })
    }

    /// The best epoch, where there is one.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.epochs.get(self.best_epoch?)
    }
}

/// The last line of a run's events says so.
fn was_interrupted(run: &Path) -> bool {
    const LAST: u64 = 256;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut events = File::open(run.join("events.jsonl"))?;
        let length = events.metadata()?.len();
        events.seek(SeekFrom::Start(length.saturating_sub(LAST)))?;
        let mut end = Vec::new();
        events.take(LAST).read_to_end(&mut end)?;
        Ok(end)
    };
    let is_regular = |path: &Path| path.metadata().is_ok_and(|found| found.is_file());
    if !is_regular(&run.join("events.jsonl")) {
        return false;
    }
    let end = read().unwrap_or_default();
    let mut lines = end.trim_ascii_end().split(|byte| *byte == b'\n');
    let event = lines.next_back().map(serde_json::from_slice::<Event>);
    let interrupted = FinishReason::Interrupted;
    matches!(event, Some(Ok(Event::Finished { reason, .. })) if reason == interrupted)
}

/// What was found below a folder.
pub struct Listing {
    /// The runs by path, and those that cannot be read with the reason.
    pub runs: Vec<(PathBuf, std::result::Result<Summary, String>)>,
    /// Whether there were more folders than are looked into.
    pub is_cut: bool,
}

/// The runs in a folder and below it. Links are not followed, hidden folders are left out.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn runs_below(folder: &Path) -> Result<Listing> {
    std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut found = Vec::new();
    let mut next = 0;
    while let Some((path, depth)) = folders.get(next).cloned() {
        next += 1;
        if path.join("config.toml").is_file() && path.join("checkpoints").is_dir() {
            found.push(path);
            continue;
        }
        if depth == DEEPEST {
            continue;
        }
        // One that cannot be looked into has no runs for us.
        let Ok(entries) = std::fs::read_dir(&path) else {
            continue;
        };
        for entry in entries.flatten() {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push((entry.path(), depth + 1));
            }
        }
        if folders.len() > FOLDERS {
            break;
        }
    }
    found.sort();
    let runs = found.into_iter().map(|path| {
        let summary = Summary::of(&path).map_err(|error| error.to_string());
        (path, summary)
    });
    Ok(Listing {
        runs: runs.collect(),
        is_cut: folders.len() > FOLDERS,
    })
}
