//! Runs are stored in run folders, as by the command line.

use std::path::{Path, PathBuf};

use mct_corpus::Corpus;
use mct_hfr::config::Config;
use mct_hfr::training::{Checkpoint, Event};
use mct_runs::{CorpusReference, Manifest, Recorder, RunFolder, Which, Writer};

use crate::error::message;
use crate::source::Source;
use crate::training::protocol::{Begin, Start};

/// Stores the checkpoints and events of a run.
pub struct Keeper(Recorder);

/// The run folder that a training goes on in: nobody else writes to it from now on.
pub struct Held(Option<Writer>);

impl Held {
    /// Locks the folder of the run that `start` resumes, where it resumes one.
    ///
    /// # Errors
    /// When it cannot be locked, or was trained on another corpus.
    pub fn of(start: &Start) -> Result<Self, String> {
        let Begin::Resume(Source::Path(path)) = &start.begin else {
            return Ok(Self(None));
        };
        if !path.is_dir() {
            return Ok(Self(None));
        }
        let writer = RunFolder::open(path).and_then(RunFolder::writer);
        let writer = writer.map_err(message)?;
        if let Some(corpus) = start.corpus.corpus_file() {
            let run = &writer.folder.manifest.corpus;
            run.moved_to(corpus).map_err(message)?;
        }
        Ok(Self(Some(writer)))
    }

    /// The last checkpoint of the run; `None` where it resumes no run.
    ///
    /// # Errors
    /// When there is none to resume from.
    pub fn last(&self) -> Result<Option<Checkpoint>, String> {
        let Some(writer) = &self.0 else {
            return Ok(None);
        };
        let last = writer.folder.last().map_err(message)?;
        let path = writer.folder.path.display();
        last.map(Some)
            .ok_or_else(|| format!("{path}: no checkpoint to resume from"))
    }
}

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
        held: Held,
    ) -> Result<Self, String> {
        let synthetic = corpus.metadata.synthetic;
        let writer = match held.0 {
            Some(writer) => Ok(writer),
            None => {
                let folder = Path::new(&start.folder);
                // Before the corpus is written: another process may be doing the same.
                let reserved = RunFolder::reserve(folder).map_err(message)?;
                let path = corpus_path(start, folder, corpus)?;
                let manifest = Manifest {
                    device: device.to_owned(),
                    corpus: CorpusReference::of(&path).map_err(message)?,
                    model: config.model.clone(),
                    training: config.training.clone(),
                };
                reserved.create(manifest)
            }
        };
        Ok(Self(Recorder::new(writer.map_err(message)?, synthetic)))
    }

    /// SHA-256 of the run's corpus file.
    pub fn corpus(&self) -> Option<&str> {
        Some(&self.0.folder().manifest.corpus.sha256)
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

    pub fn save_test_selected(&mut self, weights: &Checkpoint) -> mct_hfr::Result<()> {
        self.0.save(weights, Which::TestSelected).map_err(failed)
    }
}

/// The corpus file of the run; a corpus without one, or made of features, is written into the run folder.
fn corpus_path(start: &Start, folder: &Path, corpus: &Corpus) -> Result<PathBuf, String> {
    if let Some(path) = start.corpus.corpus_file() {
        return Ok(path.to_owned());
    }
    let path = folder.join("corpus.safetensors");
    corpus.save(&path).map_err(message)?;
    Ok(path)
}

fn failed(error: mct_runs::Error) -> mct_hfr::Error {
    mct_hfr::Error::Face(error.to_string())
}
