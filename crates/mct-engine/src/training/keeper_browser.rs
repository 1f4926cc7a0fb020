//! Runs are stored in the page's own storage, so that they survive a closed or crashed page.

use std::cell::RefCell;
use std::rc::Rc;

use mct_corpus::Corpus;
use mct_hfr::config::Config;
use mct_hfr::training::{Checkpoint, Event, Precision};
use serde::{Deserialize, Serialize};
use wasm_bindgen_futures::spawn_local;

use crate::browser::storage;
use crate::source::{Bytes, Source};
use crate::training::protocol::Start;

const LAST: &str = "training-last.safetensors";
const RUN: &str = "training-run.msgpack";

/// A run that has not finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unfinished {
    pub name: String,
    pub corpus: Source,
}

/// Stores the last checkpoint of a run.
pub struct Keeper {
    /// Whether the storage is this run's.
    has_storage: bool,
    kept: bool,
    /// The first write that failed, until it is told.
    problem: Rc<RefCell<Option<String>>>,
}

/// What a training goes on in: in a browser nothing has to be held.
pub struct Held;

impl Held {
    /// # Errors
    /// Never: no other page writes to this one's storage.
    pub fn of(_start: &Start) -> Result<Self, String> {
        Ok(Self)
    }

    /// # Errors
    /// Never.
    pub fn last(&self) -> Result<Option<Checkpoint>, String> {
        Ok(None)
    }
}

impl Keeper {
    pub async fn open(
        start: &Start,
        _config: &Config,
        _device: &str,
        _corpus: &Corpus,
        _held: Held,
    ) -> Result<Self, String> {
        let mut keeper = Self {
            has_storage: start.keep,
            kept: start.keep,
            problem: Rc::default(),
        };
        if keeper.kept {
            let unfinished = Unfinished {
                name: start.folder.clone(),
                corpus: start.corpus.clone(),
            };
            let packed = rmp_serde::to_vec_named(&unfinished).map_err(|e| e.to_string())?;
            storage::remove(LAST).await;
            // A page without storage still trains; its checkpoints can be saved by hand.
            if let Err(problem) = storage::write(RUN, &packed).await {
                keeper.kept = false;
                keeper.problem.replace(Some(problem));
            }
        }
        Ok(keeper)
    }

    /// SHA-256 of the run's corpus file: a page has none.
    #[expect(clippy::unused_self, reason = "native runs have one")]
    pub const fn corpus(&self) -> Option<&str> {
        None
    }

    /// What went wrong with the storage since the last call. Nothing is stored from then on.
    pub fn problem(&mut self) -> Option<String> {
        let problem = self.problem.take();
        self.kept &= problem.is_none();
        problem
    }

    pub fn event(&mut self, event: &Event) -> mct_hfr::Result<()> {
        // Also what was stored before a write failed.
        if self.has_storage
            && matches!(event, Event::Finished { reason, .. }
                if *reason != mct_hfr::training::FinishReason::Interrupted)
        {
            spawn_local(discard());
        }
        Ok(())
    }

    /// A page scores no such weights, and a training that pays for them should not end without.
    #[expect(clippy::unused_self, reason = "natively they are kept")]
    pub fn save_test_selected(&mut self, _: &Checkpoint) -> mct_hfr::Result<()> {
        let text = "training.also_test_selected: found true, expected false in a page, which keeps no such weights";
        Err(mct_hfr::Error::Face(text.to_owned()))
    }

    pub fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
        if self.kept && !best {
            let bytes = checkpoint.to_bytes(Precision::F32)?;
            let problem = self.problem.clone();
            spawn_local(async move {
                if let Err(text) = storage::write(LAST, &bytes).await {
                    problem.replace(Some(text));
                }
            });
        }
        Ok(())
    }
}

/// The unfinished run of an earlier page, with its last checkpoint.
pub async fn unfinished() -> Option<(Unfinished, Bytes)> {
    let run = rmp_serde::from_slice(&storage::read(RUN).await?).ok()?;
    let last = storage::read(LAST).await?;
    Some((run, last.into()))
}

/// Deletes the unfinished run.
pub async fn discard() {
    storage::remove(LAST).await;
    storage::remove(RUN).await;
}
