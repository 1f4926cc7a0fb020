//! What the best model of a training predicts, kept in its run folder: settings are chosen by the validation
//! set's, and experiments pool the test sets'.

use std::path::Path;

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use mct_corpus::Corpus;
use mct_corpus::fold::{Fold, fold};
use mct_corpus::missing::Missing;
use mct_hfr::config::{Config, Strategy};
use mct_hfr::model::Model;
use mct_runs::{Predictions, RunFolder, SidePredictions, Which};
use mct_scores::{Evaluation, Metric, PAPER_RATES};

use crate::draws::Draws;
use crate::missing::MASK_SEEDS;
use crate::output::{Interrupted, remark, score};
use crate::{device, interrupt, progress};

/// Missing rates at which the run of this config is tested: a one-to-one model at the rate of its
/// training.
pub fn test_rates(config: &Config) -> Vec<f64> {
    match config.training.strategy {
        Strategy::OneToOne => vec![config.training.missing_rate],
        Strategy::Complete | Strategy::Dynamic => PAPER_RATES.to_vec(),
    }
}

/// Writes `predictions.json` into the folder of a finished training, where there is none of its last epoch yet. On
/// the device of the run, where no other is named. `training_seconds` is how long training took, unless it was
/// interrupted. Without `json` the scores on the validation set are said.
///
/// # Errors
/// When the run or its corpus cannot be read, the device fails, or it is interrupted.
pub fn keep(
    path: &Path,
    device: Option<&str>,
    training_seconds: Option<f64>,
    json: bool,
) -> Result<()> {
    let folder = RunFolder::open(path)?;
    let epochs = last_epoch(&folder)?;
    let is_kept = || -> Result<bool> {
        let exists = Predictions::path(path).exists();
        Ok(exists && Predictions::read(path)?.epochs == epochs)
    };
    if is_kept()? {
        return Ok(());
    }
    let config = folder.manifest.config();
    let (task, training) = (config.model.task, &config.training);
    let corpus = folder.manifest.corpus.open()?;
    let fold = fold(&corpus, task, training.protocol.into(), training.fold)?;
    let mut predictions = predict(&folder, &corpus, &fold, epochs, device, json)?;
    predictions.training_seconds = training_seconds;
    if last_epoch(&folder)? != epochs {
        bail!("{}: another process has trained on", path.display());
    }
    // What another process has written meanwhile stays: the one that trained knows how long it took.
    if training_seconds.is_some() || !is_kept()? {
        predictions.save(path)?;
    }
    if !json {
        let (rates, draws) = (&predictions.rates, &predictions.validation.draws);
        let evaluation = Evaluation::of(&corpus, task, &fold.validation, rates, draws);
        remark(on_validation(&evaluation));
    }
    Ok(())
}

/// The epochs that the run in `folder` has trained.
fn last_epoch(folder: &RunFolder) -> Result<usize> {
    match folder.last()?.and_then(|checkpoint| checkpoint.state) {
        Some(state) => Ok(state.epoch),
        None => bail!(
            "{}: training has written no checkpoint",
            folder.path.display()
        ),
    }
}

/// The predictions of the run in `folder` after so many epochs.
fn predict(
    folder: &RunFolder,
    corpus: &Corpus,
    fold: &Fold,
    epochs: usize,
    device: Option<&str>,
    json: bool,
) -> Result<Predictions> {
    let path = folder.path.display();
    let config = folder.manifest.config();
    let rates = test_rates(&config);
    let modalities = corpus.modalities.len();
    let settings = rates
        .iter()
        .map(|rate| (*rate, Missing::uniform(*rate, modalities)));
    let device = device::choose(device.unwrap_or(&folder.manifest.device))?;
    let draws = Draws {
        corpus,
        settings: &settings.collect::<Vec<_>>(),
        seeds: &MASK_SEEDS,
        // No more at once than fitted in training.
        batch_size: config.training.batch_size.min(64),
        device: &device,
    };
    let both = config.training.also_test_selected;
    let steps = rates.len() * MASK_SEEDS.len() * if both { 3 } else { 2 };
    let bar = match json {
        true => ProgressBar::hidden(),
        false => progress::bar(steps as u64, "predicting"),
    };
    let of_side = |model: &Model, indices: &[usize]| -> Result<SidePredictions> {
        let next = |_| {
            bar.inc(1);
            match interrupt::requested() {
                true => Err(Interrupted::resumable(&path).into()),
                false => Ok(()),
            }
        };
        let ids = indices.iter();
        Ok(SidePredictions {
            utterances: ids.map(|i| corpus.utterances[*i].id.clone()).collect(),
            draws: draws.predict(model, indices, next)?,
        })
    };
    let model_of =
        |which| -> Result<Model> { Ok(folder.checkpoint(which)?.model(&device.device)?) };
    let best = model_of(Which::Best)?;
    let predictions = Predictions {
        training_seconds: None,
        epochs,
        validation: of_side(&best, &fold.validation)?,
        test: of_side(&best, &fold.test)?,
        test_selected: match both {
            true => Some(of_side(&model_of(Which::TestSelected)?, &fold.test)?),
            false => None,
        },
        fold: fold.name.clone(),
        rates,
    };
    bar.finish_and_clear();
    Ok(predictions)
}

/// The scores of the best model on the validation set in a line.
fn on_validation(evaluation: &Evaluation) -> String {
    let metric = Metric::main(evaluation.task);
    let title = metric.title();
    let at_rates = evaluation.rates.iter().zip(evaluation.curves.get(metric));
    let of_rate = |(rate, value): (&f64, &f64)| format!("{} at {rate}", score(*value));
    let values: Vec<String> = at_rates.map(of_rate).collect();
    let area = match values.len() {
        0 | 1 => String::new(),
        _ => format!(", AUILC {}", score(evaluation.auilc.get(metric))),
    };
    format!(
        "{title} of the validation set by missing rate: {}{area}; predictions.json has them and the test set's",
        values.join(", ")
    )
}
