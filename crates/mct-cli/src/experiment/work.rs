//! One run of an experiment, from its start or an interruption to its predictions. The processes of
//! `--jobs` and the tasks of a Slurm array run this command.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use mct_runs::{Predictions, RunFolder};

use crate::experiment::store;
use crate::{interrupt, kept, train};

/// Finish one run of an experiment
#[derive(Args)]
pub struct Work {
    /// The run folder
    run: PathBuf,
    /// Stop when standard input ends
    #[arg(long)]
    until_closed: bool,
}

impl Work {
    pub fn run(self) -> Result<()> {
        interrupt::watch()?;
        if self.until_closed {
            std::thread::spawn(|| {
                let mut input = Vec::new();
                let _ = std::io::stdin().read_to_end(&mut input);
                interrupt::request();
            });
        }
        finish(&self.run)
    }
}

fn finish(path: &Path) -> Result<()> {
    let result = train_and_predict(path);
    if let Err(error) = &result {
        let no_numbers = |error: &mct_hfr::Error| {
            use mct_hfr::Error::{NoNumbers, NotFinite};
            matches!(error, NoNumbers | NotFinite { .. })
        };
        if error.downcast_ref().is_some_and(no_numbers) {
            store::mark_diverged(path, &error.to_string())?;
        }
    }
    result
}

fn train_and_predict(path: &Path) -> Result<()> {
    // A task of another submission was faster.
    if Predictions::path(path).exists() {
        return Ok(());
    }
    let started = Instant::now();
    let resumed = RunFolder::open(path)?.last()?.is_some();
    train::resume(path, None, true)?;
    let seconds = started.elapsed().as_secs_f64();
    kept::keep(path, None, (!resumed).then_some(seconds), true)
}
