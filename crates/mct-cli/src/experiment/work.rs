//! One run of an experiment, from its start or an interruption to its predictions. The processes of
//! `--jobs` and the tasks of a Slurm array run this command.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use mct_corpus::fold::fold;
use mct_corpus::missing::Missing;
use mct_hfr::model::Model;
use mct_runs::{Predictions, RunFolder, SidePredictions, Which};

use crate::draws::Draws;
use crate::experiment::plan::test_rates;
use crate::experiment::store;
use crate::missing::MASK_SEEDS;
use crate::output::Interrupted;
use crate::{device, interrupt, train};

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
    let folder = RunFolder::open(path)?;
    let Some(last) = folder.last()?.and_then(|checkpoint| checkpoint.state) else {
        bail!("{}: training has written no checkpoint", path.display());
    };
    let config = folder.manifest.config();
    let corpus = folder.manifest.corpus.open()?;
    let fold = fold(
        &corpus,
        config.model.task,
        config.training.protocol.into(),
        config.training.fold,
    )?;
    let device = device::choose(&folder.manifest.device)?;
    let model = folder.checkpoint(Which::Best)?.model(&device.device)?;
    let rates = test_rates(&config);
    let modalities = corpus.modalities.len();
    let settings = rates
        .iter()
        .map(|rate| (*rate, Missing::uniform(*rate, modalities)));
    let draws = Draws {
        corpus: &corpus,
        settings: &settings.collect::<Vec<_>>(),
        seeds: &MASK_SEEDS,
        batch_size: 64,
        device: &device,
    };
    let of_side = |model: &Model, indices: &[usize]| -> Result<SidePredictions> {
        let next = |_| match interrupt::requested() {
            true => Err(Interrupted(format!("{}: interrupted", path.display())).into()),
            false => Ok(()),
        };
        let ids = indices.iter();
        Ok(SidePredictions {
            utterances: ids.map(|i| corpus.utterances[*i].id.clone()).collect(),
            draws: draws.predict(model, indices, next)?,
        })
    };
    let test_selected = match config.training.also_test_selected {
        false => None,
        true => {
            let checkpoint = folder.checkpoint(Which::TestSelected)?;
            Some(of_side(&checkpoint.model(&device.device)?, &fold.test)?)
        }
    };
    let predictions = Predictions {
        training_seconds: (!resumed).then_some(seconds),
        epochs: last.epoch,
        validation: of_side(&model, &fold.validation)?,
        test: of_side(&model, &fold.test)?,
        test_selected,
        fold: fold.name,
        rates,
    };
    // Nor is what one has finished meanwhile replaced: the one that trained knows how long it took.
    if resumed && Predictions::path(path).exists() {
        return Ok(());
    }
    Ok(predictions.save(path)?)
}
