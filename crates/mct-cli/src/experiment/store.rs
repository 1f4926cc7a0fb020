//! The runs of experiments on disk: `runs/ID/`, a run folder with the predictions of its validation and
//! its test set.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use mct_corpus::{Corpus, atomic};
use mct_runs::RunFolder;
use mct_scores::Predicted;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::experiment::plan::Run;
use crate::missing::MASK_SEEDS;

/// The folder of all runs.
pub struct Store {
    root: PathBuf,
}

/// `predictions.json`, beside its checksum: the predictions of a run. A run is finished once it has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Wall time of training in seconds, `None` where it was interrupted.
    pub training_seconds: Option<f64>,
    pub epochs: usize,
    pub fold: String,
    pub rates: Vec<f64>,
    /// What settings are chosen by.
    pub validation: SidePredictions,
    /// What is reported of the chosen ones.
    pub test: SidePredictions,
}

/// The predictions of one side of a fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidePredictions {
    pub utterances: Vec<String>,
    /// `[draw][rate]`: a draw is one of the missing steps.
    pub draws: Vec<Vec<Predicted>>,
}

/// What stands before and behind the predictions in their file, around their SHA-256.
const BEFORE: [&str; 3] = ["{\"sha256\":\"", "\",\"predictions\":", "}\n"];

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
        let [start, middle, end] = BEFORE;
        let parts = text
            .strip_prefix(start)
            .and_then(|rest| rest.split_once(middle));
        let parts = parts.and_then(|(sha256, rest)| Some((sha256, rest.strip_suffix(end)?)));
        let Some((sha256, json)) = parts else {
            bail!("{name}: not the predictions of a run");
        };
        let found = digest(json);
        if found != sha256 {
            bail!("{name}: changed since it was written: SHA-256 {found}, expected {sha256}");
        }
        let predictions: Predictions = serde_json::from_str(json)
            .with_context(|| format!("{name}: not the predictions of a run"))?;
        for side in [&predictions.validation, &predictions.test] {
            let (found, draws) = (side.draws.len(), MASK_SEEDS.len());
            if found != draws {
                bail!("{name}: {found} draws of the missing steps, expected {draws}");
            }
            for draw in &side.draws {
                let (rates, rows) = (predictions.rates.len(), draw.len());
                if rates != rows {
                    bail!("{name}: predictions at {rows} rates, expected {rates}");
                }
                let expected = side.utterances.len();
                for (rate, predicted) in predictions.rates.iter().zip(draw) {
                    let found = predicted.len();
                    if found != expected {
                        bail!("{name}: {found} predictions at rate {rate}, expected {expected}");
                    }
                }
            }
        }
        Ok(predictions)
    }

    /// Refuses predictions that no model of this corpus makes.
    ///
    /// # Errors
    /// When the number of classes or of intensities is not that of the corpus.
    pub fn require(&self, id: &str, predictions: &Predictions, corpus: &Corpus) -> Result<()> {
        let name = predictions_path(&self.folder(id)).display().to_string();
        let sides = [&predictions.validation, &predictions.test];
        let draws = sides.into_iter().flat_map(|side| &side.draws);
        for predicted in draws.flatten() {
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

/// SHA-256 in hexadecimal digits.
fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn predictions_path(folder: &Path) -> PathBuf {
    folder.join("predictions.json")
}

impl Predictions {
    pub fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_string(self)?;
        let [start, middle, end] = BEFORE;
        let text = [start, &digest(&json), middle, &json, end].concat();
        Ok(atomic::write(&predictions_path(folder), text.as_bytes())?)
    }
}
