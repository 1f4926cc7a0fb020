//! Scores of runs at missing rates, with the exact limit where there is one.

use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;
use mct_corpus::fold::fold;
use mct_corpus::limit::{LimitPoint, Posterior};
use mct_corpus::{Corpus, Task};
use mct_hfr::device::Named;
use mct_hfr::training::{Checkpoint, EpochRecord, truncations};
use mct_runs::{CorpusReference, Inquiry, RunFolder, Which, read_checkpoint, run_of};
use mct_scores::{
    Calibration, Calibrator, ClassScores, Confusion, Curves, Evaluation, Fitted, Intervals, Metric,
    Part, Predicted, Reliability, Scores, auilc,
};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
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
    /// The limit on the utterances `indices` in a draw of the missing steps for each of `mask_seeds`, pooled as
    /// predictions of models are, and calibrated on the utterances `validation` if there are any.
    ///
    /// # Errors
    /// A corpus that is not synthetic, or rates and modalities that do not fit it.
    pub fn of(
        corpus: &Corpus,
        indices: &[usize],
        validation: &[usize],
        missing: &MissingArgs,
        mask_seeds: &[u64],
    ) -> Result<Self> {
        let settings = missing.settings(corpus)?;
        let posteriors = |indices: &[usize]| -> Result<Vec<Posterior>> {
            let seeds = mask_seeds.par_iter();
            let draws = seeds.map(|seed| Posterior::of(corpus, indices, &settings, *seed));
            Ok(draws.collect::<Result<_, _>>()?)
        };
        let predicted = |posterior: &Posterior| -> Vec<Predicted> {
            let probabilities = posterior.probabilities().into_iter();
            probabilities.map(Predicted::Probabilities).collect()
        };
        let calibrator = match validation {
            [] => None,
            own => {
                let draws: Vec<_> = posteriors(own)?.iter().map(predicted).collect();
                Calibrator::fit(corpus, own, settings.len(), &draws, false)
            }
        };
        let posteriors = posteriors(indices)?;
        let part = Part {
            indices,
            draws: &posteriors.iter().map(predicted).collect::<Vec<_>>(),
            calibrator,
        };
        let calibration = Calibration::of(corpus, settings.len(), &[part]);
        let points: Vec<Vec<LimitPoint>> = posteriors
            .iter()
            .map(|posterior| posterior.points(&settings))
            .collect();
        let list = |pick: fn(&LimitPoint) -> f64| -> Vec<f64> {
            let of_rate = |rate: usize| {
                let values = points.iter().map(|points| pick(&points[rate]));
                values.sum::<f64>() / points.len() as f64
            };
            (0..settings.len()).map(of_rate).collect()
        };
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

impl Side {
    /// Its utterances, in messages.
    fn utterances(self) -> &'static str {
        match self {
            Self::Test => "test utterances",
            Self::Validation => "validation utterances",
            Self::Train => "training utterances",
            Self::All => "utterances",
        }
    }
}

/// A model from a run folder or a file of weights.
pub struct Source {
    pub name: String,
    pub checkpoint: Checkpoint,
    /// `None` for a file of weights outside of the folder of its run.
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
            let checkpoint = read_checkpoint(path)?;
            return Ok(Self {
                corpus: run_of(path, &checkpoint),
                checkpoint,
                name,
                history: Vec::new(),
            });
        }
        let folder = RunFolder::open(path)?;
        let keeps_both = folder.manifest.training.also_test_selected;
        if which == Which::TestSelected && !keeps_both {
            bail!(
                "{name}: it has no test-selected checkpoint, which a training keeps with \
                 `training.also_test_selected=true` alone"
            );
        }
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

/// The corpus at the path `named`, or else that of the runs, with the reference to it.
///
/// # Errors
/// When the corpus cannot be opened, weights come without one, or the runs have different ones.
pub fn corpus_of(named: Option<&Path>, sources: &[Source]) -> Result<(CorpusReference, Corpus)> {
    if let Some(path) = named {
        return Ok(CorpusReference::read(path)?);
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
            Ok(((*first).clone(), first.open()?))
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

/// Pooled scores of runs, and the scores per run.
#[derive(Serialize)]
pub struct Assessment {
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// On the validation sets of the runs, where their test sets are scored: what to choose by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Evaluation>,
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
    /// AUILC on the validation set of the run, where its test set is scored and there are ratings of all targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_auilc: Option<Scores>,
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
    /// Where the corpus is, and its digest.
    pub reference: &'a CorpusReference,
    pub side: Side,
    pub missing: &'a MissingArgs,
    /// Of the first draw of the missing steps; the others have the next ones.
    pub mask_seed: u64,
    pub mask_draws: u64,
    /// Whether a temperature and sets of classes are fitted on the validation set of each run.
    pub calibrate: bool,
    /// Whether the same utterances were scored before, in another state: what is known of them, their validation
    /// sets included, is not asked again.
    pub once_more: bool,
    pub batch_size: usize,
    pub device: &'a Named,
}

/// What one model predicts of utterances.
struct Tested {
    indices: Vec<usize>,
    /// `[draw][rate]`
    draws: Vec<Vec<Predicted>>,
}

impl Conditions<'_> {
    /// A seed for each draw of the missing steps.
    fn mask_seeds(&self) -> Vec<u64> {
        let draws = 0..self.mask_draws;
        draws
            .map(|draw| self.mask_seed.wrapping_add(draw))
            .collect()
    }

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
        let seeds = self.mask_seeds();
        let validates = self.side == Side::Test && !self.once_more;
        let sides = if validates { 2 } else { 1 };
        let steps = sources.len() * rates.len() * sides * self.mask_draws as usize;
        let bar = progress::bar(steps as u64, "evaluating");
        let (mut tested, mut runs, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (mut validated, mut calibrators) = (Vec::new(), Vec::new());
        let mut inquiry = Inquiry::new(&self.reference.sha256, self.corpus);
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
                let (indices, validation) = match self.side {
                    Side::Validation => (fold.validation, Vec::new()),
                    Side::Train => (fold.train, Vec::new()),
                    Side::Test if validates => (fold.test, fold.validation),
                    Side::Test | Side::All => (fold.test, Vec::new()),
                };
                (fold.name, indices, validation)
            };
            let mut of_source = Vec::new();
            // The training set is what it was trained on.
            if self.side != Side::Train && !self.once_more {
                for seen in inquiry.of("the model", checkpoint, source.corpus.as_ref()) {
                    let scored = seen.among(self.corpus, &indices, self.side.utterances());
                    let name = self.side.utterances();
                    // The validation set is there to be chosen on.
                    let chosen = match self.side {
                        Side::Test | Side::All => seen.validated_on(self.corpus, &indices, name),
                        Side::Validation | Side::Train => None,
                    };
                    let name = Side::Validation.utterances();
                    let validated = seen.among(self.corpus, &validation, name);
                    // That nothing is known is the same message.
                    let differs = validated != scored;
                    let validated = validated.filter(|_| differs);
                    of_source.extend(scored.into_iter().chain(chosen).chain(validated));
                }
            }
            of_source.extend(truncations(self.corpus, &checkpoint.config.model, &indices));
            let of_source = of_source.into_iter();
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
            let evaluation = Evaluation::of(self.corpus, task, &indices, rates, &draws);
            let mut validation_auilc = None;
            let mut calibrator = None;
            if !validation.is_empty() {
                let draws = predict(&validation)?;
                let own = Evaluation::of(self.corpus, task, &validation, rates, &draws);
                validation_auilc = own.is_rated().then_some(own.auilc);
                if self.calibrate {
                    let count = rates.len();
                    calibrator = Calibrator::fit(self.corpus, &validation, count, &draws, false);
                }
                validated.push(Tested {
                    indices: validation,
                    draws,
                });
            }
            calibrators.push(calibrator);
            runs.push(RunScores {
                run: source.name.clone(),
                fold: name,
                seed: training.seed,
                utterances: indices.len(),
                auilc: evaluation.auilc,
                curves: evaluation.curves,
                validation_auilc,
            });
            tested.push(Tested { indices, draws });
        }
        bar.finish_and_clear();
        for warning in &warnings {
            remark(format!("warning: {warning}"));
        }
        let parts = tested.iter().zip(calibrators);
        let parts = parts.map(|(own, calibrator)| Part {
            indices: &own.indices,
            draws: &own.draws,
            calibrator,
        });
        let calibration = match task {
            Task::Classification => {
                Calibration::of(self.corpus, rates.len(), &parts.collect::<Vec<_>>())
            }
            Task::Regression => None,
        };
        let (all, pooled) = self.pool(tested, task);
        let (validated, of_validation) = self.pool(validated, task);
        let fitted_on: &[usize] = if self.calibrate { &validated } else { &[] };
        let limit = match &self.corpus.metadata.process {
            Some(_) if task == Task::Classification => Some(LimitCurve::of(
                self.corpus,
                &all,
                fitted_on,
                self.missing,
                &self.mask_seeds(),
            )?),
            _ => None,
        };
        let evaluation = Evaluation::of(self.corpus, task, &all, rates, &pooled);
        let of_validation = || Evaluation::of(self.corpus, task, &validated, rates, &of_validation);
        Ok(Assessment {
            validation: (!validated.is_empty()).then(of_validation),
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
