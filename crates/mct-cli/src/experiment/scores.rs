//! From the predictions of runs to the scores of rows: pooled over folds, averaged over seeds.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, bail};
use mct_corpus::{Corpus, Task};
use mct_hfr::config::Strategy;
use mct_scores::significance::{Resamples, Trial, compared};
use mct_scores::{
    Calibration, Calibrator, Confusion, Evaluation, Metric, PAPER_RATES, Part, Predicted, Spread,
};

use crate::experiment::catalogue::Row;
use crate::experiment::plan::Setting;
use crate::experiment::store::Store;
use crate::missing::MASK_SEEDS;

/// The scores of one row.
pub struct RowScores {
    pub row: Row,
    /// Per seed, the predictions pooled over the folds.
    pub seeds: Vec<Seed>,
}

/// The pooled predictions of one seed.
pub struct Seed {
    pub evaluation: Evaluation,
    /// On the validation sets, by which settings are chosen.
    pub validation: Evaluation,
    /// On the test sets, of the epochs that they would choose, where these were kept.
    pub test_selected: Option<Evaluation>,
    /// `[draw][rate]`, of the utterances in the order of [`Table::indices`].
    pub predicted: Vec<Vec<Predicted>>,
    /// What the probabilities of the test sets are worth, each model calibrated on its validation set;
    /// `None` for intensities.
    pub calibration: Option<Calibration>,
}

/// All rows of an experiment on the same utterances.
pub struct Table {
    pub rows: Vec<RowScores>,
    /// The test utterances of all folds.
    pub indices: Vec<usize>,
    /// The validation utterances of all folds.
    pub validation: Vec<usize>,
    pub task: Task,
}

impl RowScores {
    /// Mean and standard deviation of a score over the seeds.
    pub fn spread(&self, pick: impl Fn(&Evaluation) -> f64) -> Spread {
        let values = self.seeds.iter().map(|seed| pick(&seed.evaluation));
        Spread::of(&values.collect::<Vec<f64>>())
    }

    /// The same of the validation sets.
    pub fn validation(&self, pick: impl Fn(&Evaluation) -> f64) -> Spread {
        let values = self.seeds.iter().map(|seed| pick(&seed.validation));
        Spread::of(&values.collect::<Vec<f64>>())
    }

    /// The same of the epochs that the test sets would choose, where they were kept.
    pub fn test_selected(&self, pick: impl Fn(&Evaluation) -> f64) -> Option<Spread> {
        let values = self
            .seeds
            .iter()
            .map(|seed| seed.test_selected.as_ref().map(&pick));
        let values: Option<Vec<f64>> = values.collect();
        values.map(|values| Spread::of(&values))
    }

    /// The scores `metrics` on complete data, then their AUILC.
    pub fn columns(&self, metrics: &[Metric]) -> Vec<Spread> {
        let first = |e: &Evaluation, metric| e.curves.at(0).get(metric);
        let complete = metrics.iter();
        let complete = complete.map(|metric| self.spread(|e| first(e, *metric)));
        let areas = metrics.iter();
        let areas = areas.map(|metric| self.spread(|e| e.auilc.get(*metric)));
        complete.chain(areas).collect()
    }

    /// The matrix of output `output` (the classes, or the bins of a target) summed over the seeds, at the
    /// rate `PAPER_RATES[rate]`.
    pub fn confusion(&self, output: usize, rate: usize) -> Confusion {
        let mut sum = Confusion(Vec::new());
        for seed in &self.seeds {
            let counts = &seed.evaluation.matrices()[output].confusion[rate];
            if sum.0.is_empty() {
                sum = counts.clone();
            } else {
                sum.merge(counts);
            }
        }
        sum
    }
}

impl Table {
    /// The scores that the rows have; UA, UF1, WA, WF1 as the paper orders them.
    pub fn metrics(&self) -> Vec<Metric> {
        let first = self.rows.first().and_then(|row| row.seeds.first());
        match self.task {
            Task::Classification => vec![Metric::Ua, Metric::Uf1, Metric::Wa, Metric::Wf1],
            Task::Regression => first.map_or_else(Vec::new, |seed| {
                let curves = seed.evaluation.curves.0.keys();
                curves.copied().collect()
            }),
        }
    }

    /// Per score that is tested, the scores of all rows on resamples of what was tested.
    pub fn resamples(&self, corpus: &Corpus) -> BTreeMap<Metric, Resamples> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| row.seeds.iter().map(|seed| &seed.predicted[..]).collect())
            .collect();
        let trial = |metric| Trial {
            corpus,
            indices: &self.indices,
            rates: &PAPER_RATES,
            metric,
        };
        let metrics = compared(self.task).iter();
        metrics
            .map(|metric| (*metric, trial(*metric).resamples(&rows)))
            .collect()
    }

    /// Reads the predictions of the rows.
    ///
    /// # Errors
    /// When a run is not finished, or the rows are not tested on the same utterances of `corpus`.
    pub fn read(setting: &Setting, store: &Store, rows: &[Row], corpus: &Corpus) -> Result<Self> {
        let index_of_id: HashMap<&str, usize> = corpus
            .utterances
            .iter()
            .enumerate()
            .map(|(index, utterance)| (utterance.id.as_str(), index))
            .collect();
        let task = setting.base.model.task;
        let (mut indices, mut validation) = (Vec::new(), Vec::new());
        let mut table = Vec::new();
        for row in rows {
            let mut seeds = Vec::new();
            for seed in &setting.seeds {
                let (mut tested_by_row, mut validated) = (Vec::new(), Vec::new());
                let none = vec![vec![Predicted::none(task); PAPER_RATES.len()]; MASK_SEEDS.len()];
                let (mut predicted, mut of_validation) = (none.clone(), none.clone());
                let mut of_test_selected = setting.base.training.also_test_selected.then_some(none);
                let mut of_folds = Vec::new();
                for fold in &setting.folds {
                    let own =
                        OfFold::read(setting, store, row, (*fold, *seed), corpus, &index_of_id)?;
                    tested_by_row.extend(&own.test.0);
                    validated.extend(&own.validation.0);
                    extend(&mut predicted, &own.test.1);
                    extend(&mut of_validation, &own.validation.1);
                    if let Some(all) = &mut of_test_selected {
                        extend(all, &own.test_selected);
                    }
                    of_folds.push(own);
                }
                if indices.is_empty() {
                    indices.clone_from(&tested_by_row);
                    validation.clone_from(&validated);
                }
                if indices != tested_by_row {
                    bail!(
                        "{}: not tested on the same utterances as the other rows",
                        row.name
                    );
                }
                seeds.push(Seed {
                    evaluation: Evaluation::of(corpus, task, &indices, &PAPER_RATES, &predicted),
                    validation: Evaluation::of(
                        corpus,
                        task,
                        &validated,
                        &PAPER_RATES,
                        &of_validation,
                    ),
                    test_selected: of_test_selected.map(|predicted| {
                        Evaluation::of(corpus, task, &indices, &PAPER_RATES, &predicted)
                    }),
                    calibration: match task {
                        Task::Classification => {
                            let per_rate = row.strategy == Strategy::OneToOne;
                            calibration(corpus, &of_folds, per_rate)
                        }
                        Task::Regression => None,
                    },
                    predicted,
                });
            }
            table.push(RowScores {
                row: row.clone(),
                seeds,
            });
        }
        Ok(Self {
            rows: table,
            indices,
            validation,
            task,
        })
    }
}

/// What is predicted of the utterances of one side of a fold, `[draw][rate]`.
type OfSide = (Vec<usize>, Vec<Vec<Predicted>>);

/// What a row's models of one fold and seed predict: one model, or one for each rate.
struct OfFold {
    test: OfSide,
    validation: OfSide,
    /// Of the utterances of the test set; nothing where it was not kept.
    test_selected: Vec<Vec<Predicted>>,
}

impl OfFold {
    /// # Errors
    /// When a run is not finished, or its predictions are not of `corpus`.
    fn read(
        setting: &Setting,
        store: &Store,
        row: &Row,
        (fold, seed): (usize, u64),
        corpus: &Corpus,
        index_of_id: &HashMap<&str, usize>,
    ) -> Result<Self> {
        let none = Predicted::none(setting.base.model.task);
        let nothing = || vec![vec![none.clone(); PAPER_RATES.len()]; MASK_SEEDS.len()];
        let mut sides = [(Vec::new(), nothing()), (Vec::new(), nothing())];
        let mut test_selected = nothing();
        let mut filled = vec![false; PAPER_RATES.len()];
        for run in setting.runs(row, fold, seed)? {
            let predictions = store.predictions(&run)?;
            store.require(&run.id, &predictions, corpus, setting.base.model.task)?;
            for (rate, value) in predictions.rates.iter().enumerate() {
                let index = PAPER_RATES.iter().position(|other| other == value);
                // The first run of one-to-one MCT-HFR is MCT, which is tested at all rates.
                let Some(index) = index.filter(|index| {
                    !filled[*index] && run_is_for(&run.manifest.training, row, *value)
                }) else {
                    continue;
                };
                filled[index] = true;
                let of_run = [&predictions.test, &predictions.validation];
                for (own, side) in sides.iter_mut().zip(of_run) {
                    if index == 0 {
                        let Some(known) = lookup(index_of_id, &side.utterances) else {
                            let name = store.folder(&run.id);
                            bail!("{}: utterances that the corpus lacks", name.display());
                        };
                        own.0 = known;
                    }
                    for (own, draw) in own.1.iter_mut().zip(&side.draws) {
                        own[index] = draw[rate].clone();
                    }
                }
                if setting.base.training.also_test_selected {
                    let Some(side) = &predictions.test_selected else {
                        let name = store.folder(&run.id);
                        bail!(
                            "{}: no predictions of the test-selected epoch",
                            name.display()
                        );
                    };
                    for (own, draw) in test_selected.iter_mut().zip(&side.draws) {
                        own[index] = draw[rate].clone();
                    }
                }
            }
        }
        if filled.contains(&false) {
            bail!("{}: predictions at some rates are missing", row.name);
        }
        let [test, validation] = sides;
        Ok(Self {
            test,
            validation,
            test_selected,
        })
    }
}

/// Adds the utterances of another fold.
fn extend(all: &mut [Vec<Predicted>], of_fold: &[Vec<Predicted>]) {
    for (all, draw) in all.iter_mut().zip(of_fold) {
        for (all, predicted) in all.iter_mut().zip(draw) {
            all.extend(predicted.clone());
        }
    }
}

/// Of the test sets of the folds, each calibrated on its validation set.
fn calibration(corpus: &Corpus, folds: &[OfFold], model_per_rate: bool) -> Option<Calibration> {
    let rates = PAPER_RATES.len();
    let part = |own: &'_ OfFold| {
        let (indices, draws) = &own.validation;
        Calibrator::fit(corpus, indices, rates, draws, model_per_rate)
    };
    let parts = folds.iter().map(|own| Part {
        indices: &own.test.0,
        draws: &own.test.1,
        calibrator: part(own),
    });
    Calibration::of(corpus, rates, &parts.collect::<Vec<_>>())
}

/// Whether a run's predictions at this rate count for the row.
fn run_is_for(training: &mct_hfr::config::TrainingConfig, row: &Row, rate: f64) -> bool {
    if row.strategy != Strategy::OneToOne {
        return true;
    }
    match training.strategy {
        Strategy::OneToOne => training.missing_rate == rate,
        // Where nothing is missing.
        Strategy::Complete | Strategy::Dynamic => rate == 0.0,
    }
}

/// The indices of these ids, `None` where the corpus lacks one.
fn lookup(index_of_id: &HashMap<&str, usize>, ids: &[String]) -> Option<Vec<usize>> {
    ids.iter()
        .map(|id| index_of_id.get(id.as_str()).copied())
        .collect()
}
