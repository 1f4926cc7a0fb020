//! The training pipeline: one run at a time, which can be paused, stopped and resumed.

use std::cell::Cell;

use mct_hfr::checkpoint::{Checkpoint, Precision};
use mct_hfr::config::Config;
use mct_hfr::device::{Named, answers};
use mct_hfr::event::{EpochRecord, Event, FinishReason};
use mct_hfr::train::{Face, Trainer};
use serde::{Deserialize, Serialize};
use web_time::{Duration, Instant};

use crate::device::device;
use crate::pipeline::{Inbox, Outbox, Pipeline, give_way};
use crate::source::{Bytes, Content, Source, text};

#[cfg(not(target_arch = "wasm32"))]
use crate::training::folder as keep;
#[cfg(target_arch = "wasm32")]
use crate::web::keep;

/// Work of at most this long is lost when the program is killed.
const SAVE_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    Start(Box<Start>),
    /// Waits after the current step; what has been trained is kept.
    Pause,
    Continue,
    /// Ends after the current step; the run can be resumed.
    Stop,
}

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    pub corpus: Source,
    pub begin: Begin,
    /// Where the run is kept: a folder to make; in a browser its name in the page's own storage.
    pub folder: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Begin {
    New(Box<Config>),
    /// From a checkpoint with the state of training, or the folder of a run.
    Resume(Source),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Tell {
    /// The run has begun with this config, after these epochs.
    Began(Box<Config>, Vec<EpochRecord>),
    Event(Event),
    /// The best weights so far, as the file that a checkpoint is.
    Best(Bytes),
    /// The last checkpoint, from which the run can be resumed.
    Last(Bytes),
    Paused,
    Ended(FinishReason),
    Failed(String),
}

pub struct Training {
    inbox: Inbox<Ask>,
    outbox: Outbox<Tell>,
    /// The name of the device that was asked for.
    wanted: String,
    device: Option<Named>,
}

impl Pipeline for Training {
    const NAME: &'static str = "training";
    /// The name of the device.
    type Setup = String;
    type Ask = Ask;
    type Tell = Tell;

    async fn run(setup: String, inbox: Inbox<Ask>, outbox: Outbox<Tell>) -> Result<(), String> {
        let mut training = Self {
            inbox,
            outbox,
            wanted: setup,
            device: None,
        };
        while let Some(ask) = training.inbox.next().await {
            // Pausing and stopping are for a run, and there is none.
            if let Ask::Start(start) = ask {
                match training.train(*start).await {
                    Ok(reason) => training.outbox.tell(Tell::Ended(reason)),
                    Err(message) => {
                        training.outbox.tell(Tell::Failed(message));
                        if let Some(named) = &training.device
                            && !answers(&named.device).await
                        {
                            return Err("the device was lost".to_owned());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl Training {
    /// The device, which is tested when it is first needed.
    async fn device(&mut self) -> Result<Named, String> {
        if let Some(device) = &self.device {
            return Ok(device.clone());
        }
        let choice = device(&self.wanted, &mut |_| {}).await?;
        if let Some(message) = choice.warning {
            self.outbox.tell(Tell::Event(Event::Warning { message }));
        }
        self.device = Some(choice.named.clone());
        Ok(choice.named)
    }

    async fn train(&mut self, start: Start) -> Result<FinishReason, String> {
        let named = self.device().await?;
        let corpus = start.corpus.corpus().await?;
        let mut trainer = match &start.begin {
            Begin::New(config) => Trainer::new(&corpus, (**config).clone(), &named.device),
            Begin::Resume(source) => {
                Trainer::resume(&corpus, &checkpoint(source).await?, &named.device)
            }
        }
        .map_err(text)?;
        let begun = trainer.config().clone();
        let history = trainer.history().to_vec();
        self.outbox
            .tell(Tell::Began(Box::new(begun.clone()), history));
        let keeper = keep::Keeper::open(&start, &begun, &named.name, &corpus).await?;
        let mut window = Window {
            inbox: &self.inbox,
            outbox: &self.outbox,
            keeper,
            paused: Cell::new(false),
            stopped: Cell::new(false),
            saved: Instant::now(),
        };
        trainer.run(&mut window).await.map_err(text)
    }
}

/// The checkpoint that a run goes on from.
async fn checkpoint(source: &Source) -> Result<Checkpoint, String> {
    #[cfg(not(target_arch = "wasm32"))]
    if let Source::Path(path) = source
        && path.is_dir()
    {
        return keep::last(path);
    }
    match source.read().await? {
        Content::Model(opened) => Ok(opened.checkpoint),
        Content::Corpus(_) => Err(format!(
            "{}: found a corpus, expected a checkpoint",
            source.name()
        )),
    }
}

/// Training's face in the application.
struct Window<'a> {
    inbox: &'a Inbox<Ask>,
    outbox: &'a Outbox<Tell>,
    keeper: keep::Keeper,
    paused: Cell<bool>,
    stopped: Cell<bool>,
    saved: Instant,
}

impl Window<'_> {
    fn hear(&self, ask: Ask) {
        match ask {
            Ask::Pause => self.paused.set(true),
            Ask::Continue => self.paused.set(false),
            Ask::Stop => {
                self.paused.set(false);
                self.stopped.set(true);
            }
            Ask::Start(_) => {
                let message = "a run is under way; stop it first".to_owned();
                self.outbox.tell(Tell::Event(Event::Warning { message }));
            }
        }
    }

    fn listen(&self) {
        while let Some(ask) = self.inbox.try_next() {
            self.hear(ask);
        }
        if self.inbox.is_closed() {
            self.stopped.set(true);
        }
    }
}

impl Face for Window<'_> {
    fn event(&mut self, event: Event) -> mct_hfr::Result<()> {
        self.keeper.event(&event)?;
        self.outbox.tell(Tell::Event(event));
        Ok(())
    }

    fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
        self.keeper.save(checkpoint, best)?;
        self.saved = Instant::now();
        let bytes = Bytes::from(checkpoint.to_bytes(Precision::F32)?);
        self.outbox.tell(if best {
            Tell::Best(bytes)
        } else {
            Tell::Last(bytes)
        });
        Ok(())
    }

    fn stop_requested(&self) -> bool {
        self.listen();
        self.stopped.get()
    }

    fn save_due(&self) -> bool {
        // Whoever pauses may close the window.
        self.paused.get() || self.saved.elapsed() >= SAVE_EVERY
    }

    async fn give_way(&mut self) {
        give_way().await;
        self.listen();
        if !self.paused.get() {
            return;
        }
        self.outbox.tell(Tell::Paused);
        while self.paused.get() {
            match self.inbox.next().await {
                Some(ask) => self.hear(ask),
                None => {
                    self.paused.set(false);
                    self.stopped.set(true);
                }
            }
        }
    }
}

/// Runs are kept in run folders, as those of the command line.
#[cfg(not(target_arch = "wasm32"))]
mod folder {
    use std::path::{Path, PathBuf};

    use mct_corpus::Corpus;
    use mct_hfr::checkpoint::Checkpoint;
    use mct_hfr::config::Config;
    use mct_hfr::event::Event;
    use mct_runs::{CorpusReference, Manifest, Recorder, RunFolder, Which};

    use super::{Begin, Start, text};
    use crate::source::Source;

    pub struct Keeper(Recorder);

    impl Keeper {
        #[expect(clippy::unused_async, reason = "a browser's storage is waited for")]
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
                        corpus: CorpusReference::of(&path).map_err(text)?,
                        model: config.model.clone(),
                        training: config.training.clone(),
                    };
                    RunFolder::create(folder, manifest)
                }
            };
            Ok(Self(Recorder::new(writer.map_err(text)?, synthetic)))
        }

        pub fn event(&mut self, event: &Event) -> mct_hfr::Result<()> {
            self.0.event(event).map_err(failed)
        }

        pub fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
            let which = if best { Which::Best } else { Which::Last };
            self.0.save(checkpoint, which).map_err(failed)
        }
    }

    /// The corpus file of the run; one that has no file is written into the folder.
    fn corpus_path(start: &Start, folder: &Path, corpus: &Corpus) -> Result<PathBuf, String> {
        if let Source::Path(path) = &start.corpus {
            return Ok(path.clone());
        }
        if folder.join("config.toml").exists() {
            return Err(format!("{} already holds a run", folder.display()));
        }
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let path = folder.join("corpus.safetensors");
        corpus.save(&path).map_err(text)?;
        Ok(path)
    }

    pub fn last(path: &Path) -> Result<Checkpoint, String> {
        let last = RunFolder::open(path).and_then(|folder| folder.last());
        last.map_err(text)?
            .ok_or_else(|| format!("{}: no checkpoint to go on from", path.display()))
    }

    fn failed(error: mct_runs::Error) -> mct_hfr::Error {
        mct_hfr::Error::Face(error.to_string())
    }
}
