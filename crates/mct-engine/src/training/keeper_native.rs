//! Runs are stored in run folders, as by the command line.

use std::path::{Path, PathBuf};

use mct_corpus::Corpus;
use mct_hfr::config::Config;
use mct_hfr::training::{Checkpoint, Event};
use mct_runs::{CorpusReference, Manifest, Recorder, RunFolder, Which};

use crate::error::message;
use crate::source::Source;
use crate::training::protocol::{Begin, Start};

/// Stores the checkpoints and events of a run.
pub struct Keeper(Recorder);

impl Keeper {
    #[expect(
        clippy::unused_async,
        reason = "the storage of a browser is asynchronous"
    )]
    pub async fn open(
        start: &Start,
        config: &Config,
        device: &str,
        corpus: &Corpus,
    ) -> Result<Self, String> {
        let synthetic = corpus.metadata.synthetic;
        let resumed = match &start.begin {
            Begin::Resume(Source::Path(path)) if path.is_dir() => Some(path),
            _ => None,
        };
        let writer = match resumed {
            Some(path) => RunFolder::open(path).and_then(RunFolder::writer),
            None => {
                let folder = Path::new(&start.folder);
                let path = corpus_path(start, folder, corpus)?;
                let manifest = Manifest {
                    device: device.to_owned(),
                    corpus: CorpusReference::of(&path).map_err(message)?,
                    model: config.model.clone(),
                    training: config.training.clone(),
                };
                RunFolder::create(folder, manifest)
            }
        };
        Ok(Self(Recorder::new(writer.map_err(message)?, synthetic)))
    }

    /// What went wrong behind the scenes: nothing here, where every error ends the run.
    #[expect(
        clippy::unused_self,
        reason = "the storage of a browser can fail later"
    )]
    pub const fn problem(&mut self) -> Option<String> {
        None
    }

    pub fn event(&mut self, event: &Event) -> mct_hfr::Result<()> {
        self.0.event(event).map_err(failed)
    }

    pub fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
        let which = if best { Which::Best } else { Which::Last };
        self.0.save(checkpoint, which).map_err(failed)
    }
}

/// The corpus file of the run; a corpus without one, or made of features, is written into the run folder.
fn corpus_path(start: &Start, folder: &Path, corpus: &Corpus) -> Result<PathBuf, String> {
    if let Some(path) = start.corpus.corpus_file() {
        return Ok(path.to_owned());
    }
    if folder.join("config.toml").exists() {
        return Err(format!("{} already holds a run", folder.display()));
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let path = folder.join("corpus.safetensors");
    corpus.save(&path).map_err(message)?;
    Ok(path)
}

/// The last checkpoint of a run folder.
///
/// # Errors
/// When the folder cannot be read, or has no checkpoint to resume from.
pub fn last(path: &Path) -> Result<Checkpoint, String> {
    let last = RunFolder::open(path).and_then(|folder| folder.last());
    last.map_err(message)?
        .ok_or_else(|| format!("{}: no checkpoint to resume from", path.display()))
}

fn failed(error: mct_runs::Error) -> mct_hfr::Error {
    mct_hfr::Error::Face(error.to_string())
}
