//! One run of an experiment, from its start or an interruption to its predictions. The processes of
//! `--jobs` and the tasks of a Slurm array run this command.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use mct_corpus::fold::fold;
use mct_corpus::missing::Missing;
use mct_hfr::evaluation::predictions;
use mct_runs::{RunFolder, Which};
use mct_scores::Predicted;

use crate::experiment::plan::test_rates;
use crate::experiment::store::{Predictions, SidePredictions};
use crate::missing::MASK_SEED;
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
    let of_side = |indices: &[usize]| -> Result<SidePredictions> {
        let mut predicted = Vec::with_capacity(rates.len());
        for rate in &rates {
            if interrupt::requested() {
                return Err(Interrupted(format!("{}: interrupted", path.display())).into());
            }
            let missing = Missing::uniform(*rate, corpus.modalities.len());
            let masks = Some((&missing, MASK_SEED));
            let evaluation = predictions(&model, &corpus, indices, masks, 64, &device.device);
            let rows = pollster::block_on(evaluation)?;
            predicted.push(Predicted::of(config.model.task, rows));
        }
        let ids = indices.iter();
        Ok(SidePredictions {
            utterances: ids.map(|i| corpus.utterances[*i].id.clone()).collect(),
            predicted,
        })
    };
    Predictions {
        training_seconds: (!resumed).then_some(seconds),
        epochs: last.epoch,
        validation: of_side(&fold.validation)?,
        test: of_side(&fold.test)?,
        fold: fold.name,
        rates,
    }
    .save(path)
}
