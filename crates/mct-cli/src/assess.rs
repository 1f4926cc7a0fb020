//! Scores of runs at missing rates, with the exact limit where there is one.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;
use mct_corpus::fold::fold;
use mct_corpus::limit::{LimitPoint, Posterior};
use mct_corpus::{Corpus, Task};
use mct_hfr::device::Named;
use mct_hfr::training::{Checkpoint, EpochRecord, truncations};
use mct_runs::{CorpusReference, RunFolder, Which, read_checkpoint};
use mct_scores::{
    Calibration, Calibrator, ClassScores, Confusion, Curves, Evaluation, Fitted, Intervals, Metric,
    Part, Predicted, Reliability, Scores, auilc,
};
use serde::Serialize;

use crate::corrupted::Corrupted;
use crate::draws::Draws;
use crate::missing::MissingArgs;
use crate::output::{Interrupted, remark, usage};
use crate::{interrupt, progress};

/// The limit over the rates; every list has one entry per rate.
#[derive(Serialize)]
pub struct LimitCurve {
    pub synthetic: bool,
    pub utterances: usize,
    pub rates: Vec<f64>,
    pub accuracy: Vec<f64>,
    pub ua: Vec<f64>,
    /// Area under UA (eq. 19).
    pub auilc: f64,
    /// Of the posterior with the true class shares.
    #[serde(flatten)]
    pub reliability: Reliability,
    /// What follows from a validation set, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitted: Option<Fitted>,
}

impl LimitCurve {
    /// The limit on the utterances `indices` with the masks of `mask_seed`, calibrated on those of `validation`
    /// if there are any.
    ///
    /// # Errors
    /// A corpus that is not synthetic, or rates and modalities that do not fit it.
    pub fn of(
        corpus: &Corpus,
        indices: &[usize],
        validation: &[usize],
        missing: &MissingArgs,
        mask_seed: u64,
    ) -> Result<Self> {
        let settings = missing.settings(corpus)?;
        let posterior = Posterior::of(corpus, indices, &settings, mask_seed)?;
        let points = posterior.points(&settings);
        let predicted = |posterior: &Posterior| -> Vec<Predicted> {
            let probabilities = posterior.probabilities().into_iter();
            probabilities.map(Predicted::Probabilities).collect()
        };
        let calibrator = match validation {
            [] => None,
            own => {
                let posterior = Posterior::of(corpus, own, &settings, mask_seed)?;
                let draws = [predicted(&posterior)];
                Calibrator::fit(corpus, own, settings.len(), &draws, false)
            }
        };
        let part = Part {
            indices,
            draws: &[predicted(&posterior)],
            calibrator,
        };
        let calibration = Calibration::of(corpus, settings.len(), &[part]);
        let list = |pick: fn(&LimitPoint) -> f64| -> Vec<f64> { points.iter().map(pick).collect() };
        let (rates, ua) = (list(|p| p.rate), list(|p| p.ua));
        let (reliability, fitted) = calibration
            .map(|own| (own.as_predicted, own.fitted))
            .unwrap_or_default();
        Ok(Self {
            synthetic: true,
            utterances: indices.len(),
            auilc: auilc(&rates, &ua),
            accuracy: list(|p| p.accuracy),
            rates,
            ua,
            reliability,
            fitted,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    Test,
    Validation,
    Train,
    /// Every utterance of the corpus
    All,
}

/// A model from a run folder or a file of weights.
pub struct Source {
    pub name: String,
    pub checkpoint: Checkpoint,
    /// `None` for a file of weights.
    pub corpus: Option<CorpusReference>,
    pub history: Vec<EpochRecord>,
}

impl Source {
    /// Reads a checkpoint of a run folder, or a file of weights.
    ///
    /// # Errors
    /// When there is no such checkpoint yet, or the file is invalid.
    pub fn read(path: &Path, which: Which) -> Result<Self> {
        let name = path.display().to_string();
        if path.is_file() {
            return Ok(Self {
                checkpoint: read_checkpoint(path)?,
                name,
                corpus: None,
                history: Vec::new(),
            });
        }
        let folder = RunFolder::open(path)?;
        if !folder.checkpoint_path(which).exists() {
            bail!("{name}: no such checkpoint yet; continue with `mct-hfr resume {name}`");
        }
        let last = folder.last()?.and_then(|checkpoint| checkpoint.state);
        if last.as_ref().is_some_and(|state| !state.finished) {
            remark(format!("{name}: training has not finished"));
        }
        Ok(Self {
            checkpoint: folder.checkpoint(which)?,
            corpus: Some(folder.manifest.corpus),
            history: last.map(|state| state.history).unwrap_or_default(),
            name,
        })
    }
}

/// The corpus at the path `named`, or else that of the runs.
///
/// # Errors
/// When the corpus cannot be opened, weights come without one, or the runs have different ones.
pub fn corpus_of(named: Option<&Path>, sources: &[Source]) -> Result<Corpus> {
    if let Some(path) = named {
        return Ok(Corpus::open(path)?);
    }
    let mut references = Vec::new();
    for source in sources {
        match &source.corpus {
            Some(reference) => references.push(reference),
            None => return Err(usage(format!("{}: weights need --corpus", source.name))),
        }
    }
    match references.as_slice() {
        [] => Err(usage("no run")),
        [first, others @ ..] => {
            if others.iter().any(|other| other.sha256 != first.sha256) {
                return Err(usage(
                    "the runs have different corpora: choose one with --corpus",
                ));
            }
            Ok(first.open()?)
        }
    }
}

/// What all of these models predict.
///
/// # Errors
/// When some predict classes and others intensities.
fn task_of(sources: &[Source]) -> Result<Task> {
    let mut tasks = (sources.iter()).map(|source| source.checkpoint.config.model.task);
    let first = tasks.next().unwrap_or_default();
    if tasks.any(|task| task != first) {
        return Err(usage(
            "some runs predict classes and others intensities: score them apart",
        ));
    }
    Ok(first)
}

/// Says which of the utterances `indices` of `corpus` the model of `source` was trained on, where it is
/// scored on another corpus than its own.
fn trained_on(source: &Source, corpus: &Corpus, indices: &[usize]) -> Result<Vec<String>> {
    let Some(reference) = &source.corpus else {
        return Ok(vec![
            "weights do not say which utterances they were trained on".to_owned(),
        ]);
    };
    // Another corpus may have taken the place of its own.
    let path = Path::new(&corpus.source);
    if path == reference.path && CorpusReference::of(path)?.sha256 == reference.sha256 {
        return Ok(Vec::new());
    }
    let own = match reference.open() {
        Ok(own) => own,
        Err(error) => {
            let text = format!("which utterances it was trained on is not known: {error}");
            return Ok(vec![text]);
        }
    };
    let config = &source.checkpoint.config;
    let (protocol, fold_index) = (config.training.protocol.into(), config.training.fold);
    let train = fold(&own, config.model.task, protocol, fold_index)?.train;
    let trained: HashSet<&str> = (train.iter())
        .map(|index| own.utterances[*index].id.as_str())
        .collect();
    let ids = indices
        .iter()
        .map(|index| corpus.utterances[*index].id.as_str());
    let both: Vec<&str> = ids.filter(|id| trained.contains(id)).collect();
    if both.is_empty() {
        return Ok(Vec::new());
    }
    const NAMED: usize = 5;
    let more = if both.len() > NAMED { ", …" } else { "" };
    let named = both[..both.len().min(NAMED)].join(", ");
    Ok(vec![format!(
        "the model was trained on {} of these {} utterances (by id: {named}{more})",
        both.len(),
        indices.len(),
    )])
}

/// Pooled scores of runs, and the scores per run.
#[derive(Serialize)]
pub struct Assessment {
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The exact limit on the same utterances and masks, where the corpus has one.
    pub limit: Option<LimitCurve>,
    /// Whether the probabilities mean what they say; `None` for intensities.
    pub calibration: Option<Calibration>,
    /// 95 % intervals over the draw of speakers and of the missing steps.
    pub intervals: Option<Intervals>,
    /// Of each class, per rate; empty for intensities.
    pub by_class: Vec<Vec<ClassScores>>,
    pub runs: Vec<RunScores>,
    /// The same recordings after corruption, where the user has named such corpora.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub corrupted: Vec<Corrupted>,
    /// What a reader of the scores has to know: of the split, of what was trained on, of truncation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Corpus indices of what was scored, and its predictions by draw of the missing steps and by rate, for
    /// figures.
    #[serde(skip)]
    pub predicted: (Vec<usize>, Vec<Vec<Predicted>>),
}

#[derive(Serialize)]
pub struct RunScores {
    pub run: String,
    pub fold: String,
    pub seed: u64,
    pub utterances: usize,
    /// Of several targets the mean.
    #[serde(flatten)]
    pub curves: Curves,
    pub auilc: Scores,
}

impl RunScores {
    /// A score at the first rate, which is mostly that of complete data.
    pub fn first(&self, metric: Metric) -> f64 {
        let curve = self.curves.get(metric);
        curve.first().copied().unwrap_or(f64::NAN)
    }
}

/// What to evaluate on and how.
pub struct Conditions<'a> {
    pub corpus: &'a Corpus,
    pub side: Side,
    pub missing: &'a MissingArgs,
    /// Of the first draw of the missing steps; the others have the next ones.
    pub mask_seed: u64,
    pub mask_draws: u64,
    /// Whether a temperature and sets of classes are fitted on the validation set of each run.
    pub calibrate: bool,
    pub batch_size: usize,
    pub device: &'a Named,
}

/// One model and what it predicts of utterances.
struct Tested {
    indices: Vec<usize>,
    /// `[draw][rate]`
    draws: Vec<Vec<Predicted>>,
    calibrator: Option<Calibrator>,
}

impl Conditions<'_> {
    /// Evaluates the models at every missing rate, and pools their predictions.
    ///
    /// # Errors
    /// A corpus or missing rates that do not fit a model, or an interruption.
    pub fn assess(&self, sources: &[Source]) -> Result<Assessment> {
        let settings = self.missing.settings(self.corpus)?;
        let rates = &self.missing.rates;
        let task = task_of(sources)?;
        if self.calibrate && (self.side != Side::Test || task != Task::Classification) {
            return Err(usage(
                "--calibrate: expected classes and --side test: the validation set is what it fits on",
            ));
        }
        let seeds = 0..self.mask_draws;
        let seeds: Vec<u64> = seeds
            .map(|draw| self.mask_seed.wrapping_add(draw))
            .collect();
        let sides = if self.calibrate { 2 } else { 1 };
        let steps = sources.len() * rates.len() * sides * self.mask_draws as usize;
        let bar = progress::bar(steps as u64, "evaluating");
        let (mut tested, mut runs, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let mut fitted_on = Vec::new();
        for source in sources {
            let checkpoint = &source.checkpoint;
            checkpoint.interface.require(self.corpus)?;
            self.corpus.require_finite()?;
            let training = &checkpoint.config.training;
            let labelled = |index: &usize| self.corpus.utterances[*index].is_labelled(task);
            let everything = || -> Vec<usize> { (0..self.corpus.len()).filter(labelled).collect() };
            let (name, indices, validation) = if self.side == Side::All {
                ("all labelled utterances".into(), everything(), Vec::new())
            } else {
                let (protocol, fold_index) = (training.protocol.into(), training.fold);
                let fold = fold(self.corpus, task, protocol, fold_index)?;
                let of_fold = fold.warnings.iter();
                warnings.extend(of_fold.map(|warning| format!("{}: {warning}", source.name)));
                let indices = match self.side {
                    Side::Validation => fold.validation.clone(),
                    Side::Train => fold.train,
                    Side::Test | Side::All => fold.test,
                };
                (fold.name, indices, fold.validation)
            };
            let of_source = [
                trained_on(source, self.corpus, &indices)?,
                truncations(self.corpus, &checkpoint.config.model, &indices),
            ];
            let of_source = of_source.concat().into_iter();
            warnings.extend(of_source.map(|warning| format!("{}: {warning}", source.name)));
            let model = checkpoint.model(&self.device.device)?;
            let of_draws = Draws {
                corpus: self.corpus,
                settings: &settings,
                seeds: &seeds,
                batch_size: self.batch_size,
                device: self.device,
            };
            let predict = |indices: &[usize]| {
                of_draws.predict(&model, indices, |rate| {
                    if interrupt::requested() {
                        return Err(Interrupted("interrupted; nothing was written".into()).into());
                    }
                    bar.set_message(format!("rate {rate}"));
                    bar.inc(1);
                    Ok(())
                })
            };
            let draws = predict(&indices)?;
            let calibrator = match self.calibrate {
                true => {
                    let of_validation = predict(&validation)?;
                    fitted_on.extend(&validation);
                    let count = rates.len();
                    Calibrator::fit(self.corpus, &validation, count, &of_validation, false)
                }
                false => None,
            };
            let evaluation = Evaluation::of(self.corpus, task, &indices, rates, &draws);
            runs.push(RunScores {
                run: source.name.clone(),
                fold: name,
                seed: training.seed,
                utterances: indices.len(),
                auilc: evaluation.auilc,
                curves: evaluation.curves,
            });
            tested.push(Tested {
                indices,
                draws,
                calibrator,
            });
        }
        bar.finish_and_clear();
        for warning in &warnings {
            remark(format!("warning: {warning}"));
        }
        let parts = tested.iter().map(|own| Part {
            indices: &own.indices,
            draws: &own.draws,
            calibrator: own.calibrator.clone(),
        });
        let calibration = match task {
            Task::Classification => {
                Calibration::of(self.corpus, rates.len(), &parts.collect::<Vec<_>>())
            }
            Task::Regression => None,
        };
        let (all, pooled) = self.pool(tested, task);
        let limit = match &self.corpus.metadata.process {
            Some(_) if task == Task::Classification => Some(LimitCurve::of(
                self.corpus,
                &all,
                &fitted_on,
                self.missing,
                self.mask_seed,
            )?),
            _ => None,
        };
        let evaluation = Evaluation::of(self.corpus, task, &all, rates, &pooled);
        Ok(Assessment {
            intervals: Intervals::of(self.corpus, task, &all, rates, &pooled),
            by_class: evaluation
                .confusion
                .iter()
                .map(Confusion::by_class)
                .collect(),
            evaluation,
            calibration,
            limit,
            runs,
            corrupted: Vec::new(),
            warnings,
            predicted: (all, pooled),
        })
    }

    /// The utterances of all models one after the other, and what is predicted of them.
    fn pool(&self, tested: Vec<Tested>, task: Task) -> (Vec<usize>, Vec<Vec<Predicted>>) {
        let of_rates = vec![Predicted::none(task); self.missing.rates.len()];
        let mut pooled = vec![of_rates; self.mask_draws as usize];
        let mut all = Vec::new();
        for own in tested {
            all.extend(own.indices);
            for (pooled, rates) in pooled.iter_mut().zip(own.draws) {
                for (pooled, predicted) in pooled.iter_mut().zip(rates) {
                    pooled.extend(predicted);
                }
            }
        }
        (all, pooled)
    }
}
