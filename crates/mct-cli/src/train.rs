//! `mct-hfr train` and `mct-hfr resume`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use mct_corpus::{Corpus, Task, regular};
use mct_hfr::config::{Config, PRESETS, ProtocolKind, StartingWeights, Strategy, System};
use mct_hfr::device::Named;
use mct_hfr::training::{FinishReason, Trainer};
use mct_runs::{CorpusReference, Manifest, Recorder, RunFolder, Writer, read_checkpoint};

use crate::arguments::{kebab, key_value, rate, settings, system};
use crate::output::{Interrupted, existing_run, remark, usage};
use crate::progress::CommandLine;
use crate::{device, interrupt, kept};

/// Train a model on one fold of a corpus
///
/// The run folder then holds config.toml, which reproduces the run, events.jsonl, metrics.json, the
/// checkpoints and predictions.json, of the validation and the test set at each missing rate that is tested.
#[derive(Args)]
pub struct Train {
    /// The corpus to train on
    #[arg(long, value_name = "FILE")]
    corpus: PathBuf,
    /// The run folder to create
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Which of the compared systems [default: that of the preset]
    #[arg(long, value_parser = system())]
    system: Option<System>,
    /// Named settings
    #[arg(long, default_value = "paper", value_parser = PRESETS)]
    preset: String,
    /// Settings from a file, such as the config.toml of a run
    #[arg(long, value_name = "TOML", conflicts_with = "preset")]
    config: Option<PathBuf>,
    /// How training data are made incomplete: dynamic, one-to-one or complete
    #[arg(long, value_parser = kebab::<Strategy>)]
    strategy: Option<Strategy>,
    /// Dynamic: the probability of a missing step; one-to-one: the rate that is tested
    #[arg(long, value_name = "R", value_parser = rate)]
    missing_rate: Option<f64>,
    /// classification, or regression of the corpus's intensities [default: that of the settings]
    #[arg(long, value_parser = kebab::<Task>)]
    task: Option<Task>,
    /// session, session-swapped, speaker, groups or file [default: that of the settings]
    #[arg(long, value_parser = kebab::<ProtocolKind>)]
    protocol: Option<ProtocolKind>,
    /// Which fold, from 0 [default: that of the settings]
    #[arg(long, value_name = "K")]
    fold: Option<usize>,
    /// Seed of initial weights, dropout and masks [default: that of the settings]
    #[arg(long)]
    seed: Option<u64>,
    /// Maximum number of epochs [default: that of the settings]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// Change a value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// Start from these weights instead of random ones
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Print events as JSON lines
    #[arg(long)]
    json: bool,
}

impl Train {
    fn settings(&self) -> Result<Config> {
        let mut config = match &self.config {
            None => Config::preset(&self.preset).map_err(usage)?,
            Some(path) => read_config(path)?,
        };
        let training = &mut config.training;
        training.strategy = self.strategy.unwrap_or(training.strategy);
        if let Some(rate) = self.missing_rate {
            training.missing_rate = rate;
            training.missing_rate_max = rate;
        }
        training.protocol = self.protocol.unwrap_or(training.protocol);
        training.fold = self.fold.unwrap_or(training.fold);
        training.seed = self.seed.unwrap_or(training.seed);
        training.epochs = self.epochs.unwrap_or(training.epochs);
        let system = self.system.unwrap_or(config.model.system);
        let task = self.task.unwrap_or(config.model.task);
        let config = config.with_system(system).with_task(task);
        let mut config = settings(config, &self.set)?;
        config.require_effect("--set", &self.set).map_err(usage)?;
        if let Some(path) = &self.weights {
            config.training.weights = Some(StartingWeights {
                path: path.display().to_string(),
                sha256: String::new(),
            });
        }
        pin_weights(&mut config)?;
        Ok(config)
    }

    pub fn run(self) -> Result<()> {
        let config = self.settings()?;
        let (reference, corpus) = CorpusReference::read(&self.corpus)?;
        let device = device::choose(&self.device)?;
        // Everything is validated before the folder is created.
        let mut trainer = start(&corpus, config, &device)?;
        let manifest = Manifest {
            device: device.name,
            corpus: reference,
            model: trainer.config().model.clone(),
            training: trainer.config().training.clone(),
        };
        let writer = RunFolder::create(&self.out, manifest).map_err(existing_run)?;
        interrupt::watch()?;
        let started = Instant::now();
        drive(&mut trainer, writer, &corpus, self.json)?;
        let seconds = started.elapsed().as_secs_f64();
        // Predicting needs the memory.
        drop(trainer);
        drop(corpus);
        kept::keep(&self.out, None, Some(seconds), self.json)
    }
}

/// Writes down which file the config starts from: where it is from any folder, and its SHA-256.
///
/// # Errors
/// When the file cannot be read, or is not the one that the config names.
pub fn pin_weights(config: &mut Config) -> Result<()> {
    let Some(weights) = &mut config.training.weights else {
        return Ok(());
    };
    // An experiment has many runs that start from one file.
    static READ: Mutex<BTreeMap<String, CorpusReference>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let found = match read.get(&weights.path) {
        Some(found) => found.clone(),
        None => {
            let found = CorpusReference::of(Path::new(&weights.path))?;
            read.insert(weights.path.clone(), found.clone());
            found
        }
    };
    if !weights.sha256.is_empty() && weights.sha256 != found.sha256 {
        bail!(
            "{}: training.weights: found SHA-256 {}, expected {}",
            weights.path,
            found.sha256,
            weights.sha256
        );
    }
    weights.path = found.path.display().to_string();
    weights.sha256 = found.sha256;
    Ok(())
}

/// A training that has not begun, with the weights that its config starts from.
fn start<'a>(corpus: &'a Corpus, mut config: Config, device: &Named) -> Result<Trainer<'a>> {
    pin_weights(&mut config)?;
    let weights = config.training.weights.clone();
    let mut trainer = Trainer::new(corpus, config, &device.device)?;
    if let Some(weights) = weights {
        trainer.start_from(&read_checkpoint(Path::new(&weights.path))?)?;
    }
    Ok(trainer)
}

/// A config file, or the `config.toml` of a run.
fn read_config(path: &Path) -> Result<Config> {
    let name = path.display().to_string();
    let text = regular::read_settings(path).context(name.clone())?;
    let mut table: toml::Table = toml::from_str(&text).with_context(|| name.clone())?;
    for key_of_run in ["device", "corpus"] {
        table.remove(key_of_run);
    }
    Ok(Config::from_toml(&name, &toml::to_string(&table)?)?)
}

/// Resume an interrupted run
///
/// On the CPU the result is bit for bit that of an uninterrupted run. Of a run that has finished it makes the
/// predictions.json, where there is none.
#[derive(Args)]
pub struct Resume {
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A device other than that of the run
    #[arg(long)]
    device: Option<String>,
    /// Where the corpus is now (the same file, by its SHA-256)
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    /// Train up to this many epochs, without early stopping, also where the run has finished; a learning rate that
    /// falls does so over all of them
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Print events as JSON lines
    #[arg(long)]
    json: bool,
}

impl Resume {
    pub fn run(self) -> Result<()> {
        interrupt::watch()?;
        if self.corpus.is_some() || self.epochs.is_some() {
            let mut writer = RunFolder::open(&self.run)?.writer()?;
            let mut manifest = writer.folder.manifest.clone();
            if let Some(path) = &self.corpus {
                manifest.corpus = manifest.corpus.moved_to(path)?;
            }
            if let Some(epochs) = self.epochs {
                let before = manifest.training.epochs;
                manifest.extend(epochs).map_err(usage)?;
                let training = &manifest.training;
                if epochs > before && training.learning_rate != training.final_learning_rate {
                    remark(format!(
                        "note: the learning rate falls from {} to {} over all {epochs} epochs: it is higher again than \
                         at the end of {before}",
                        training.learning_rate, training.final_learning_rate
                    ));
                }
            }
            writer.change(manifest)?;
        }
        let device = self.device.as_deref();
        resume(&self.run, device, self.json)?;
        kept::keep(&self.run, device, None, self.json)
    }
}

/// Resumes the training of the run in this folder.
///
/// # Errors
/// When the run or its corpus is invalid, training fails, or it is interrupted.
pub fn resume(path: &Path, device: Option<&str>, json: bool) -> Result<()> {
    // Locked before anything is read: another process may be about to finish an epoch.
    let writer = RunFolder::open(path)?.writer()?;
    let folder = &writer.folder;
    let corpus = folder.manifest.corpus.open()?;
    let device = device::choose(device.unwrap_or(&folder.manifest.device))?;
    let mut trainer = match folder.last()? {
        Some(checkpoint) => Trainer::resume(&corpus, &checkpoint, &device.device)?,
        None => start(&corpus, folder.manifest.config(), &device)?,
    };
    drive(&mut trainer, writer, &corpus, json)
}

/// Trains until the end or Ctrl-C.
///
/// # Errors
/// When training fails, or it is interrupted.
pub fn drive(trainer: &mut Trainer<'_>, writer: Writer, corpus: &Corpus, json: bool) -> Result<()> {
    let path = writer.folder.path.display().to_string();
    if !writer.is_locked() {
        remark(format!(
            "note: the file system of {path} keeps no locks: no other process may write to this run"
        ));
    }
    let mut face = CommandLine::new(Recorder::new(writer, corpus.metadata.synthetic), json);
    match pollster::block_on(trainer.run(&mut face))? {
        FinishReason::Interrupted => Err(Interrupted::resumable(path).into()),
        FinishReason::Epochs | FinishReason::EarlyStop => {
            remark(format!(
                "the run is in {path}; score it with `mct-hfr evaluate {path}`"
            ));
            Ok(())
        }
    }
}
