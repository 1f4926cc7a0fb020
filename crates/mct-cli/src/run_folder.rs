//! A run folder: `config.toml`, `events.jsonl`, `metrics.json` and `checkpoints/`.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use mct_corpus::{Corpus, atomic};
use mct_hfr::checkpoint::{Checkpoint, Precision};
use mct_hfr::config::{Config, ModelConfig, TrainingConfig};
use mct_hfr::event::{EpochRecord, Event};
use mct_hfr::metrics::Scores;
use mct_hfr::state::State;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::output::usage;

/// `config.toml`: everything that reproduces the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub device: String,
    pub corpus: CorpusReference,
    pub model: ModelConfig,
    pub training: TrainingConfig,
}

/// Which corpus a run is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusReference {
    pub path: PathBuf,
    pub sha256: String,
}

impl CorpusReference {
    pub fn of(path: &Path) -> Result<Self> {
        let name = || path.display().to_string();
        Ok(Self {
            sha256: sha256(path).with_context(name)?,
            path: path.canonicalize().with_context(name)?,
        })
    }

    /// Opens the corpus, which must still be the same file.
    pub fn open(&self) -> Result<Corpus> {
        let name = self.path.display();
        let found = sha256(&self.path).with_context(|| name.to_string())?;
        if found != self.sha256 {
            let expected = &self.sha256;
            bail!("{name}: found SHA-256 {found}, expected {expected}, the corpus of the run");
        }
        Ok(Corpus::open(&self.path)?)
    }
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

impl Manifest {
    pub fn config(&self) -> Config {
        Config {
            model: self.model.clone(),
            training: self.training.clone(),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).context(name.clone())?;
        let manifest: Self = toml::from_str(&text).map_err(|error| {
            let found = error.to_string();
            mct_hfr::Error::invalid(&name, "config", found.trim_end(), "the config of a run")
        })?;
        manifest.config().validate(&name)?;
        Ok(manifest)
    }
}

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// The best on the validation set
    Best,
    /// The last
    Last,
}

/// `metrics.json`: what training has come to.
#[derive(Serialize)]
struct Metrics<'a> {
    synthetic: bool,
    fold: &'a str,
    finished: bool,
    best_epoch: Option<usize>,
    best_validation: Option<Scores>,
    epochs: &'a [EpochRecord],
}

pub struct RunFolder {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// A run folder that this process alone writes to.
pub struct Writer {
    pub folder: RunFolder,
    events: File,
    /// Released by the system however the process ends.
    _lock: File,
}

impl RunFolder {
    pub fn open(path: &Path) -> Result<Self> {
        let manifest = Manifest::read(&path.join("config.toml"))
            .with_context(|| format!("{}: not a run folder", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            manifest,
        })
    }

    /// Starts a run folder.
    pub fn create(path: &Path, manifest: Manifest) -> Result<Writer> {
        let config = path.join("config.toml");
        if config.exists() {
            let name = path.display();
            return Err(usage(format!(
                "{name} already holds a run; go on with `mct-hfr resume {name}` or name another folder"
            )));
        }
        let checkpoints = path.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).context(checkpoints.display().to_string())?;
        atomic::write(&config, toml::to_string(&manifest)?.as_bytes())?;
        let path = path.to_owned();
        Self { path, manifest }.writer()
    }

    /// Locks the folder and clears away what a killed process left half written.
    pub fn writer(self) -> Result<Writer> {
        let at = |name: &str| self.path.join(name);
        let named = |path: &Path| path.display().to_string();
        let lock_path = at(".lock");
        let lock = File::create(&lock_path).with_context(|| named(&lock_path))?;
        if lock.try_lock().is_err() {
            bail!(
                "{}: another process is writing to this run",
                named(&self.path)
            );
        }
        for folder in [self.path.clone(), at("checkpoints")] {
            for entry in std::fs::read_dir(&folder).with_context(|| named(&folder))? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(".partial-") {
                    std::fs::remove_file(entry.path()).with_context(|| named(&entry.path()))?;
                }
            }
        }
        let path = at("events.jsonl");
        let open = || -> std::io::Result<File> {
            let mut options = OpenOptions::new();
            let mut file = options
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let whole = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |last| last + 1);
            file.set_len(whole as u64)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        Ok(Writer {
            events: open().with_context(|| named(&path))?,
            folder: self,
            _lock: lock,
        })
    }

    pub fn checkpoint_path(&self, which: Which) -> PathBuf {
        let name = match which {
            Which::Best => "best.safetensors",
            Which::Last => "last.safetensors",
        };
        self.path.join("checkpoints").join(name)
    }

    pub fn checkpoint(&self, which: Which) -> Result<Checkpoint> {
        read_checkpoint(&self.checkpoint_path(which))
    }

    /// The state of training, `None` before the first checkpoint.
    pub fn last(&self) -> Result<Option<Checkpoint>> {
        let path = self.checkpoint_path(Which::Last);
        if path.exists() {
            read_checkpoint(&path).map(Some)
        } else {
            Ok(None)
        }
    }
}

impl Writer {
    pub fn event(&mut self, event: &Event) -> Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        let name = || self.folder.path.join("events.jsonl").display().to_string();
        self.events.write_all(line.as_bytes()).with_context(name)
    }

    pub fn save(&self, checkpoint: &Checkpoint, which: Which) -> Result<()> {
        let bytes = checkpoint.to_bytes(Precision::F32)?;
        Ok(atomic::write(&self.folder.checkpoint_path(which), &bytes)?)
    }

    pub fn metrics(&self, state: &State, fold: &str, synthetic: bool) -> Result<()> {
        let best_epoch = state.best.map(|(_, epoch)| epoch);
        let metrics = Metrics {
            synthetic,
            fold,
            finished: state.finished,
            best_epoch,
            best_validation: best_epoch
                .and_then(|epoch| state.history.get(epoch))
                .map(|record| record.validation),
            epochs: &state.history,
        };
        let json = serde_json::to_string_pretty(&metrics)? + "\n";
        Ok(atomic::write(
            &self.folder.path.join("metrics.json"),
            json.as_bytes(),
        )?)
    }
}

/// Reads a checkpoint or exported weights.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).context(name.clone())?;
    Ok(Checkpoint::from_bytes(&name, &bytes)?)
}
