//! The state of the current training run, and the settings of the next.

use std::collections::VecDeque;

use mct_corpus::Task;
use mct_engine::evaluation::{CorpusCard, ModelId, Split};
use mct_engine::source::{Bytes, Source};
use mct_engine::training::Begin;
use mct_hfr::config::{Config, ProtocolKind, Strategy, System};
use mct_hfr::training::{EpochRecord, Event, FinishReason, LossRecord};
use serde::{Deserialize, Serialize};
use web_time::Instant;

/// A run to train.
pub struct Run {
    pub begin: Begin,
    /// The run folder; in a browser the name of the run.
    pub folder: String,
    /// The corpus; `None`: the open one.
    pub corpus: Option<Source>,
}

/// The settings of the next run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub preset: String,
    pub system: System,
    #[serde(default)]
    pub task: Task,
    pub strategy: Strategy,
    #[serde(default)]
    pub protocol: ProtocolKind,
    pub fold: usize,
    pub seed: u64,
    pub epochs: usize,
    pub missing_rate: f64,
    pub missing_rate_max: f64,
    pub learning_rate: f64,
    pub batch_size: usize,
    /// Lines of `key = value`, which override the other settings.
    pub more: String,
    pub folder: String,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            preset: String::new(),
            system: System::MctHfr,
            task: Task::Classification,
            strategy: Strategy::Dynamic,
            protocol: ProtocolKind::Session,
            fold: 0,
            seed: 1,
            epochs: 8,
            missing_rate: 0.0,
            missing_rate_max: 0.0,
            learning_rate: 1e-3,
            batch_size: 32,
            more: String::new(),
            folder: "runs/trained".into(),
        };
        settings.take_preset("demo");
        settings.epochs = 8;
        settings
    }
}

impl Settings {
    /// Takes the values of a preset.
    pub fn take_preset(&mut self, name: &str) {
        let Ok(preset) = Config::preset(name) else {
            return;
        };
        let training = preset.training;
        self.preset = name.to_owned();
        self.strategy = training.strategy;
        self.epochs = training.epochs;
        self.missing_rate = training.missing_rate;
        self.missing_rate_max = training.missing_rate_max.max(training.missing_rate);
        self.learning_rate = training.learning_rate;
        self.batch_size = training.batch_size;
    }

    /// Takes what a corpus allows where it does not allow what is chosen: its task, the first protocol that
    /// it can be split by, and a fold that this has.
    pub fn fit(&mut self, card: &CorpusCard) {
        let metadata = &card.metadata;
        match (metadata.classes.is_empty(), metadata.targets.is_empty()) {
            (true, false) => self.task = Task::Regression,
            (false, true) => self.task = Task::Classification,
            _ => {}
        }
        self.fit_split(card);
    }

    /// The same of protocol and fold.
    pub fn fit_split(&mut self, card: &CorpusCard) {
        let possible = self.splits(card).find(|split| split.folds.is_ok());
        let possible = possible.map(|split| split.protocol);
        if self.folds(card).is_err()
            && let Some(possible) = possible
        {
            self.protocol = possible;
        }
        let count = self.folds(card).map_or(1, <[String]>::len);
        self.fold = self.fold.min(count.saturating_sub(1));
    }

    /// How the corpus can be split for the chosen task.
    pub fn splits<'c>(&self, card: &'c CorpusCard) -> impl Iterator<Item = &'c Split> {
        let task = self.task;
        card.splits.iter().filter(move |split| split.task == task)
    }

    /// What the folds of the chosen protocol hold out.
    ///
    /// # Errors
    /// What the corpus lacks for it.
    pub fn folds<'c>(&self, card: &'c CorpusCard) -> Result<&'c [String], &'c str> {
        let chosen = self
            .splits(card)
            .find(|split| split.protocol == self.protocol);
        match chosen {
            Some(split) => split.folds.as_deref().map_err(String::as_str),
            None => Err("the corpus is not labelled for this task"),
        }
    }

    /// The config of the run.
    ///
    /// # Errors
    /// When a value is invalid.
    pub fn config(&self) -> Result<Config, String> {
        let message = |error: mct_hfr::Error| error.to_string();
        let preset = Config::preset(&self.preset).map_err(message)?;
        let mut config = preset.with_system(self.system).with_task(self.task);
        let training = &mut config.training;
        // The learning-rate schedule of the preset keeps its ratio of final to initial rate.
        let decay = training.final_learning_rate / training.learning_rate;
        training.learning_rate = self.learning_rate;
        training.final_learning_rate = self.learning_rate * decay;
        training.strategy = self.strategy;
        training.protocol = self.protocol;
        training.fold = self.fold;
        training.seed = self.seed;
        training.epochs = self.epochs;
        training.batch_size = self.batch_size;
        training.missing_rate = self.missing_rate;
        training.missing_rate_max = match self.strategy {
            Strategy::Dynamic => self.missing_rate_max.max(self.missing_rate),
            Strategy::OneToOne | Strategy::Complete => self.missing_rate,
        };
        let mut overrides = Vec::new();
        for line in self.more.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| format!("found `{line}`, expected key = value"))?;
            overrides.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        config.set("more values", &overrides).map_err(message)
    }

    /// The next run.
    ///
    /// # Errors
    /// When a value is invalid, or there is no folder for the run.
    pub fn run(&self) -> Result<Run, String> {
        let config = self.config()?;
        if self.folder.trim().is_empty() && cfg!(not(target_arch = "wasm32")) {
            return Err("folder: empty, expected where the run is kept".to_owned());
        }
        Ok(Run {
            begin: Begin::New(Box::new(config)),
            folder: self.folder.clone(),
            corpus: None,
        })
    }
}

/// The phase of the training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Idle,
    /// Requested, and not begun yet.
    Starting,
    Running,
    /// A pause was requested; the current step is finished first.
    Pausing,
    Paused,
    /// A stop was requested; the current step is finished first.
    Stopping,
    Ended(FinishReason),
    Failed,
}

impl Phase {
    /// Whether the pipeline has a run.
    pub fn is_busy(self) -> bool {
        !matches!(self, Self::Idle | Self::Ended(_) | Self::Failed)
    }
}

/// The number of loss records to keep, the newest.
const STEPS_KEPT: usize = 4000;

/// The current or last training run, and the settings of the next.
#[derive(Default)]
pub struct Training {
    pub settings: Settings,
    pub phase: Phase,
    /// The config of the current or last run.
    pub config: Option<Config>,
    pub folder: String,
    /// The corpus of the run.
    pub corpus: Option<Source>,
    pub fold: String,
    pub epochs: usize,
    pub history: Vec<EpochRecord>,
    /// Losses by step; steps are numbered over all epochs.
    pub steps: VecDeque<(f64, LossRecord)>,
    pub epoch: usize,
    pub step: usize,
    pub steps_per_epoch: usize,
    /// The last checkpoint as a file, from which the run can be resumed.
    pub last: Option<Bytes>,
    /// The best weights so far, as a checkpoint file.
    pub best: Option<Bytes>,
    /// The model that the best weights are opened as.
    pub model: Option<ModelId>,
    /// The unfinished run of an earlier page: its name, its corpus and its last checkpoint.
    pub unfinished: Option<(String, Source, Bytes)>,
    /// Why runs are not kept beyond this page; `None` where they are.
    pub not_kept: Option<String>,
    /// The error that ended the run.
    pub problem: Option<String>,
    /// When the speed measurement began, and at which step.
    begun: Option<(Instant, f64)>,
}

impl Training {
    /// A new run was requested: the results of the last are removed.
    pub fn start(&mut self, folder: String, corpus: Source) {
        let settings = std::mem::take(&mut self.settings);
        let unfinished = self.unfinished.take();
        let not_kept = self.not_kept.take();
        *self = Self {
            settings,
            unfinished,
            not_kept,
            phase: Phase::Starting,
            folder,
            corpus: Some(corpus),
            ..Self::default()
        };
    }

    /// The run of this folder is resumed: its model and what is known of it stay.
    pub fn resume(&mut self, folder: String, corpus: Source) {
        if self.folder != folder {
            return self.start(folder, corpus);
        }
        self.phase = Phase::Starting;
        self.problem = None;
        self.begun = None;
    }

    /// What the model of the run is called: its system and the name of its folder.
    pub fn model_name(&self) -> String {
        let system = self
            .config
            .as_ref()
            .map(|config| config.model.system.title());
        let name = self
            .folder
            .rsplit(['/', '\\'])
            .find(|part| !part.is_empty());
        format!(
            "{}, {}",
            system.unwrap_or("model"),
            name.unwrap_or("just trained")
        )
    }

    /// The stopped run, to be resumed from its last checkpoint.
    pub fn resumed(&self, last: Bytes) -> Run {
        #[cfg(not(target_arch = "wasm32"))]
        let source = {
            // The run folder has the checkpoint, and is continued.
            drop(last);
            Source::Path(self.folder.clone().into())
        };
        #[cfg(target_arch = "wasm32")]
        let source = Source::Bytes {
            name: self.folder.clone(),
            bytes: last,
        };
        Run {
            begin: Begin::Resume(source),
            folder: self.folder.clone(),
            corpus: self.corpus.clone(),
        }
    }

    /// The run has begun, after the epochs of `history`.
    pub fn began(&mut self, config: Config, history: Vec<EpochRecord>) {
        self.config = Some(config);
        self.history = history;
        if self.phase == Phase::Starting {
            self.phase = Phase::Running;
        }
    }

    /// Takes an event of the trainer.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Started { fold, epochs, .. } => {
                self.fold.clone_from(fold);
                self.epochs = *epochs;
            }
            Event::Step {
                epoch,
                step,
                steps,
                losses,
            } => {
                (self.epoch, self.step, self.steps_per_epoch) = (*epoch, *step, *steps);
                let number = (epoch * steps + step) as f64;
                self.begun.get_or_insert_with(|| (Instant::now(), number));
                // A resumed run does again what was done since its checkpoint.
                while self.steps.back().is_some_and(|(last, _)| *last >= number) {
                    self.steps.pop_back();
                }
                self.steps.push_back((number, losses.clone()));
                if self.steps.len() > STEPS_KEPT {
                    self.steps.pop_front();
                }
            }
            Event::Epoch(record) => self.history.push(record.clone()),
            Event::Checkpoint { .. } | Event::Warning { .. } | Event::Finished { .. } => {}
        }
    }

    /// Completed fraction of the run, 0 to 1.
    pub fn progress(&self) -> f32 {
        let total = (self.epochs * self.steps_per_epoch).max(1) as f32;
        (self.epoch * self.steps_per_epoch + self.step) as f32 / total
    }

    /// Estimated remaining time in seconds; `None` until ten steps are measured.
    pub fn seconds_left(&self) -> Option<f64> {
        let (since, first) = self.begun?;
        let now = (self.epoch * self.steps_per_epoch + self.step) as f64;
        let done = now - first;
        let left = (self.epochs * self.steps_per_epoch) as f64 - now;
        (done >= 10.0).then(|| since.elapsed().as_secs_f64() / done * left)
    }

    /// Restarts the speed measurement, so that a pause does not count.
    pub fn forget_speed(&mut self) {
        self.begun = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_make_a_valid_config() {
        let mut settings = Settings::default();
        let config = settings.config().unwrap();
        assert_eq!(config.training.epochs, 8);
        assert_eq!(config.training.missing_rate_max, 0.95);
        settings.more = "model.d = 32\n\n# a remark\nmodel.layers=1".into();
        let config = settings.config().unwrap();
        assert_eq!((config.model.d, config.model.layers), (32, 1));
        settings.more = "model.depth = 1".into();
        assert!(settings.config().unwrap_err().contains("model.depth"));
        settings.more = "nonsense".into();
        assert!(settings.config().unwrap_err().contains("key = value"));
    }

    #[test]
    fn a_resumed_run_keeps_its_model_and_its_losses() {
        let source = || Source::Path("corpus.mct".into());
        let mut training = Training::default();
        training.start("runs/first".to_owned(), source());
        let config = Settings::default().config().unwrap();
        training.began(config.clone(), Vec::new());
        assert_eq!(training.model_name(), "MCT-HFR, first");
        training.model = Some(ModelId(3));
        let step = |epoch, step| Event::Step {
            epoch,
            step,
            steps: 10,
            losses: LossRecord::new(),
        };
        for (epoch, number) in [(0, 5), (0, 10), (1, 5)] {
            training.event(&step(epoch, number));
        }
        training.resume("runs/first".to_owned(), source());
        assert_eq!(training.phase, Phase::Starting);
        training.event(&step(1, 5));
        training.event(&step(1, 10));
        let numbers: Vec<f64> = training.steps.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [5.0, 10.0, 15.0, 20.0]);
        assert_eq!(training.model, Some(ModelId(3)));
        training.resume("runs/second".to_owned(), source());
        assert_eq!((training.model, training.steps.len()), (None, 0));
    }

    #[test]
    fn one_to_one_training_has_one_rate() {
        let settings = Settings {
            strategy: Strategy::OneToOne,
            missing_rate: 0.4,
            ..Settings::default()
        };
        let training = settings.config().unwrap().training;
        assert_eq!(
            (training.missing_rate, training.missing_rate_max),
            (0.4, 0.4)
        );
    }
}
