//! The runs of experiments on disk: `runs/ID/`, a run folder with the predictions of its test set.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use mct_corpus::{Corpus, atomic};
use mct_runs::RunFolder;
use mct_scores::Predicted;
use serde::{Deserialize, Serialize};

use crate::experiment::plan::Run;

/// The folder of all runs.
pub struct Store {
    root: PathBuf,
}

/// `predictions.json`: the predictions of a run on its test set. A run is finished once it has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Wall time of training in seconds, `None` where it was interrupted.
    pub training_seconds: Option<f64>,
    pub epochs: usize,
    pub fold: String,
    pub utterances: Vec<String>,
    pub rates: Vec<f64>,
    /// By rate.
    pub predicted: Vec<Predicted>,
}

impl Store {
    /// Opens or creates `root/runs`.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn new(root: &Path) -> Result<Self> {
        let root = root.join("runs");
        std::fs::create_dir_all(&root).context(root.display().to_string())?;
        Ok(Self { root })
    }

    pub fn folder(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Creates the folder of a run, unless it exists.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn prepare(&self, run: &Run) -> Result<()> {
        let path = self.folder(&run.id);
        if !path.join("config.toml").exists() {
            RunFolder::create(&path, run.manifest.clone())?;
        }
        Ok(())
    }

    pub fn is_finished(&self, id: &str) -> bool {
        predictions_path(&self.folder(id)).exists()
    }

    /// Reads the predictions of a run.
    ///
    /// # Errors
    /// When the run is not finished, or the file is invalid.
    pub fn predictions(&self, id: &str) -> Result<Predictions> {
        let path = predictions_path(&self.folder(id));
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).context(name.clone())?;
        let predictions: Predictions = serde_json::from_str(&text)
            .with_context(|| format!("{name}: not the predictions of a run"))?;
        let (rates, rows) = (predictions.rates.len(), predictions.predicted.len());
        if rates != rows {
            bail!("{name}: predictions at {rows} rates, expected {rates}");
        }
        let expected = predictions.utterances.len();
        for (rate, predicted) in predictions.rates.iter().zip(&predictions.predicted) {
            let found = predicted.len();
            if found != expected {
                bail!("{name}: {found} predictions at rate {rate}, expected {expected}");
            }
        }
        Ok(predictions)
    }

    /// Refuses predictions that no model of this corpus makes.
    ///
    /// # Errors
    /// When a class or the number of intensities is not of the corpus.
    pub fn require(&self, id: &str, predictions: &Predictions, corpus: &Corpus) -> Result<()> {
        let name = predictions_path(&self.folder(id)).display().to_string();
        let (classes, targets) = (corpus.metadata.classes.len(), corpus.metadata.targets.len());
        for predicted in &predictions.predicted {
            let wrong = match predicted {
                Predicted::Classes(own) => own
                    .iter()
                    .find(|class| **class >= classes)
                    .map(|class| format!("class {class}, expected one of {classes} from 0")),
                Predicted::Intensities(rows) => rows
                    .iter()
                    .find(|row| row.len() != targets || row.iter().any(|v| !v.is_finite()))
                    .map(|row| format!("{row:?}, expected {targets} intensities")),
            };
            if let Some(wrong) = wrong {
                bail!("{name}: found {wrong}");
            }
        }
        Ok(())
    }
}

fn predictions_path(folder: &Path) -> PathBuf {
    folder.join("predictions.json")
}

impl Predictions {
    pub fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_string(self)? + "\n";
        Ok(atomic::write(&predictions_path(folder), json.as_bytes())?)
    }
}
