//! The runs of experiments on disk: `runs/ID/`, a run folder with the predictions of its validation and
//! its test set.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use mct_corpus::{Corpus, Task, atomic};
use mct_runs::{Predictions, RunFolder};
use mct_scores::Predicted;

use crate::experiment::plan::Run;
use crate::missing::MASK_SEEDS;

/// The name of the folder of all runs.
pub const RUNS: &str = "runs";

/// What a run has in its folder whose loss is not finite.
const DIVERGED: &str = "diverged.txt";

/// Writes down that training the run of this folder ended in numbers that are not finite.
///
/// # Errors
/// When the file cannot be written.
pub fn mark_diverged(folder: &Path, said: &str) -> Result<()> {
    let path = folder.join(DIVERGED);
    let text = format!("{said}\n");
    Ok(atomic::write(&path, text.as_bytes())?)
}

/// Refuses a folder whose run is trained otherwise by now than the run that it has its name from.
///
/// # Errors
/// When its settings are others.
fn require_same(folder: &RunFolder, run: &Run) -> Result<()> {
    let mut found = folder.manifest.config();
    // The file it started from may lie elsewhere by now.
    (found.training.weights).clone_from(&run.manifest.training.weights);
    if found != run.manifest.config() {
        bail!(
            "{}: found other settings than the run has its name from, as after `mct-hfr resume --epochs`: remove the \
             folder to train it again",
            folder.path.join("config.toml").display()
        );
    }
    Ok(())
}

/// The folder of all runs.
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens or creates `root/runs`.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn new(root: &Path) -> Result<Self> {
        let root = root.join(RUNS);
        std::fs::create_dir_all(&root).context(root.display().to_string())?;
        Ok(Self { root })
    }

    pub fn folder(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Creates the folder of a run, unless it exists.
    ///
    /// # Errors
    /// When it cannot be created, or its config was changed since.
    pub fn prepare(&self, run: &Run) -> Result<()> {
        let path = self.folder(&run.id);
        if !path.join("config.toml").exists() {
            RunFolder::create(&path, run.manifest.clone())?;
            return Ok(());
        }
        let folder = RunFolder::open(&path)?;
        require_same(&folder, run)?;
        let (found, asked) = (&folder.manifest, &run.manifest);
        let is_there = found.corpus.path == asked.corpus.path
            && found.training.weights == asked.training.weights;
        if !is_there {
            // The same files by their SHA-256, which are in the name of the run, at another place by now. Where
            // another process trains the run, it has read them.
            match folder.writer() {
                Ok(mut writer) => {
                    let mut manifest = writer.folder.manifest.clone();
                    manifest.corpus = run.manifest.corpus.clone();
                    manifest.training.weights = run.manifest.training.weights.clone();
                    writer.change(manifest)?;
                }
                Err(mct_runs::Error::Locked { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What says that training this run ended in numbers that are not finite, where it did.
    pub fn diverged(&self, id: &str) -> Option<PathBuf> {
        let marker = self.folder(id).join(DIVERGED);
        (!self.is_finished(id) && marker.exists()).then_some(marker)
    }

    pub fn is_finished(&self, id: &str) -> bool {
        Predictions::path(&self.folder(id)).exists()
    }

    /// Reads the predictions of a run.
    ///
    /// # Errors
    /// When the run is not finished, the file is invalid, or its config was changed since.
    pub fn predictions(&self, run: &Run) -> Result<Predictions> {
        let folder = self.folder(&run.id);
        require_same(&RunFolder::open(&folder)?, run)?;
        let predictions = Predictions::read(&folder)?;
        for side in predictions.sides() {
            let (found, expected) = (side.draws.len(), MASK_SEEDS.len());
            if found != expected {
                let name = Predictions::path(&folder).display().to_string();
                bail!("{name}: draws of the missing steps: found {found}, expected {expected}");
            }
        }
        Ok(predictions)
    }

    /// Refuses predictions that no model of this corpus and task makes.
    ///
    /// # Errors
    /// When they are of another task, or their number of classes or of intensities is not that of the corpus.
    pub fn require(
        &self,
        id: &str,
        predictions: &Predictions,
        corpus: &Corpus,
        task: Task,
    ) -> Result<()> {
        let name = Predictions::path(&self.folder(id)).display().to_string();
        let draws = predictions.sides().flat_map(|side| &side.draws);
        for predicted in draws.flatten() {
            if predicted.task() != task {
                bail!(
                    "{name}: task: found {:?}, expected {task:?}",
                    predicted.task()
                );
            }
            let (expected, what) = match predicted {
                Predicted::Probabilities(_) => (corpus.metadata.classes.len(), "probabilities"),
                Predicted::Intensities(_) => (corpus.metadata.targets.len(), "intensities"),
            };
            let invalid =
                |row: &&Vec<f32>| row.len() != expected || row.iter().any(|v| !v.is_finite());
            if let Some(row) = predicted.rows().iter().find(invalid) {
                bail!("{name}: found {row:?}, expected {expected} {what}");
            }
        }
        Ok(())
    }
}
