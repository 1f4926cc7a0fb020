//! The training pipeline: one run at a time, which can be paused, stopped and resumed.

#[cfg(target_arch = "wasm32")]
mod keeper_browser;
#[cfg(not(target_arch = "wasm32"))]
mod keeper_native;
mod protocol;

use mct_hfr::device::{Named, answers};
use mct_hfr::training::{Checkpoint, Event, Face, FinishReason, Precision, Trainer};
use web_time::{Duration, Instant};

use crate::device::device;
use crate::error::message;
use crate::pipeline::{Inbox, Outbox, Pipeline, yield_now};
use crate::source::{Bytes, Content, Source};

#[cfg(target_arch = "wasm32")]
use keeper_browser::{Held, Keeper};
#[cfg(not(target_arch = "wasm32"))]
use keeper_native::{Held, Keeper};

#[cfg(target_arch = "wasm32")]
pub use keeper_browser::{Unfinished, discard, unfinished};
pub use protocol::{Begin, Request, Response, Start};

/// Interval between checkpoints within an epoch: at most this much training is lost in a crash.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// The training pipeline.
pub struct Training {
    inbox: Inbox<Request>,
    outbox: Outbox<Response>,
    /// The name of the requested device.
    device_name: String,
    device: Option<Named>,
}

impl Pipeline for Training {
    const NAME: &'static str = "training";
    /// The name of the device.
    type Setup = String;
    type Request = Request;
    type Response = Response;

    async fn run(
        setup: String,
        inbox: Inbox<Request>,
        outbox: Outbox<Response>,
    ) -> Result<(), String> {
        let mut training = Self {
            inbox,
            outbox,
            device_name: setup,
            device: None,
        };
        while let Some(request) = training.inbox.next().await {
            // Without a run, pausing and stopping have no effect.
            if let Request::Start(start) = request {
                match training.train(*start).await {
                    Ok(reason) => training.outbox.respond(Response::Ended(reason)),
                    Err(message) => {
                        training.outbox.respond(Response::Failed(message));
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
    /// The device, tested on first use.
    async fn device(&mut self) -> Result<Named, String> {
        if let Some(device) = &self.device {
            return Ok(device.clone());
        }
        let choice = device(&self.device_name, &mut |_| {}).await?;
        if let Some(message) = choice.warning {
            self.outbox
                .respond(Response::Event(Event::Warning { message }));
        }
        self.device = Some(choice.named.clone());
        Ok(choice.named)
    }

    async fn train(&mut self, start: Start) -> Result<FinishReason, String> {
        let named = self.device().await?;
        // Before anything is read: another process may be about to finish an epoch.
        let held = Held::of(&start)?;
        let corpus = start.corpus.corpus().await?;
        let mut trainer = match &start.begin {
            Begin::New(config) => Trainer::new(&corpus, (**config).clone(), &named.device),
            Begin::Resume(source) => {
                let last = match held.last()? {
                    Some(last) => last,
                    None => checkpoint(source).await?,
                };
                Trainer::resume(&corpus, &last, &named.device)
            }
        }
        .map_err(message)?;
        let config = trainer.config().clone();
        let history = trainer.history().to_vec();
        self.outbox
            .respond(Response::Began(Box::new(config.clone()), history));
        let keeper = Keeper::open(&start, &config, &named.name, &corpus, held).await?;
        let mut window = Window {
            inbox: &self.inbox,
            outbox: &self.outbox,
            keeper,
            paused: false,
            stopped: false,
            saved: Instant::now(),
        };
        trainer.run(&mut window).await.map_err(message)
    }
}

/// The checkpoint that a run resumes from.
async fn checkpoint(source: &Source) -> Result<Checkpoint, String> {
    match source
        .read()
        .await
        .map_err(|unreadable| unreadable.message)?
    {
        Content::Model(opened) => Ok(opened.checkpoint),
        Content::Corpus(..) => Err(format!(
            "{}: found a corpus, expected a checkpoint",
            source.name()
        )),
    }
}

/// The trainer's [`Face`] in the application.
struct Window<'a> {
    inbox: &'a Inbox<Request>,
    outbox: &'a Outbox<Response>,
    keeper: Keeper,
    paused: bool,
    stopped: bool,
    saved: Instant,
}

impl Window<'_> {
    fn handle(&mut self, request: Request) {
        match request {
            Request::Pause => self.paused = true,
            Request::Continue => self.paused = false,
            Request::Stop => {
                self.paused = false;
                self.stopped = true;
            }
            Request::Start(_) => {
                let message = "a run is in progress; stop it first".to_owned();
                self.outbox
                    .respond(Response::Event(Event::Warning { message }));
            }
        }
    }

    /// Says once that the storage does not take the run any more.
    fn tell_problem(&mut self) {
        if let Some(reason) = self.keeper.problem() {
            self.outbox.respond(Response::NotKept(reason));
        }
    }

    /// Handles the queued requests; stops the run when the window has closed.
    fn receive(&mut self) {
        while let Some(request) = self.inbox.try_next() {
            self.handle(request);
        }
        if self.inbox.is_closed() {
            self.stopped = true;
        }
    }
}

impl Face for Window<'_> {
    fn event(&mut self, event: Event) -> mct_hfr::Result<()> {
        self.keeper.event(&event)?;
        self.tell_problem();
        self.outbox.respond(Response::Event(event));
        Ok(())
    }

    fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
        self.keeper.save(checkpoint, best)?;
        self.saved = Instant::now();
        let bytes = checkpoint.to_bytes_of(self.keeper.corpus(), Precision::F32)?;
        let bytes = Bytes::from(bytes);
        self.outbox.respond(if best {
            Response::Best(bytes)
        } else {
            Response::Last(bytes)
        });
        Ok(())
    }

    fn save_test_selected(&mut self, weights: &Checkpoint) -> mct_hfr::Result<()> {
        self.keeper.save_test_selected(weights)
    }

    async fn stop_requested(&mut self) -> bool {
        yield_now().await;
        self.receive();
        self.stopped
    }

    fn save_due(&self) -> bool {
        // The window may be closed during a pause.
        self.paused || self.saved.elapsed() >= SAVE_EVERY
    }

    async fn pause(&mut self) {
        if !self.paused {
            return;
        }
        self.outbox.respond(Response::Paused);
        self.tell_problem();
        while self.paused {
            match self.inbox.next().await {
                Some(request) => self.handle(request),
                None => {
                    self.paused = false;
                    self.stopped = true;
                }
            }
        }
    }
}
