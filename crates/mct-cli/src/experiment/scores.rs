//! From the predictions of runs to the scores of rows: folds are pooled, seeds are averaged.

use std::collections::HashMap;

use anyhow::{Result, bail};
use mct_corpus::Corpus;
use mct_hfr::evaluate::{Evaluation, PAPER_RATES};
use mct_hfr::metrics::{Confusion, Scores};
use serde::Serialize;

use crate::experiment::catalogue::Row;
use crate::experiment::plan::Setting;
use crate::experiment::store::Store;

/// A value over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub mean: f64,
    /// Sample standard deviation; `None` for one seed.
    pub deviation: Option<f64>,
}

impl Spread {
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self {
            mean,
            deviation: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
        }
    }
}

/// What one row has come to.
pub struct RowScores {
    pub row: Row,
    /// The folds' predictions together, a seed.
    pub seeds: Vec<Seed>,
}

pub struct Seed {
    pub evaluation: Evaluation,
    /// Classes, `[rate][utterance]`, in the order of [`Table::indices`].
    pub predicted: Vec<Vec<usize>>,
}

/// All rows of an experiment on the same utterances.
pub struct Table {
    pub rows: Vec<RowScores>,
    /// The test utterances of all folds.
    pub indices: Vec<usize>,
}

impl RowScores {
    /// A score over the seeds.
    pub fn spread(&self, pick: impl Fn(&Evaluation) -> f64) -> Spread {
        let values = self.seeds.iter().map(|seed| pick(&seed.evaluation));
        Spread::of(&values.collect::<Vec<f64>>())
    }

    /// The scores on complete data, then the AUILC: UA, UF1, WA, WF1, as the paper orders them.
    pub fn columns(&self) -> Vec<Spread> {
        let of = |s: &Scores| [s.ua, s.uf1, s.wa, s.wf1];
        let mut columns = Vec::with_capacity(8);
        for column in 0..4 {
            let complete = |e: &Evaluation| [e.ua[0], e.uf1[0], e.wa[0], e.wf1[0]][column];
            columns.push(self.spread(complete));
        }
        for column in 0..4 {
            columns.push(self.spread(|e| of(&e.auilc)[column]));
        }
        columns
    }

    /// The counts of all seeds together at the rate of this place.
    pub fn confusion(&self, rate: usize) -> Confusion {
        let mut sum = Confusion(Vec::new());
        for seed in &self.seeds {
            let own = &seed.evaluation.confusion[rate];
            if sum.0.is_empty() {
                sum = own.clone();
            } else {
                sum.merge(own);
            }
        }
        sum
    }
}

impl Table {
    /// Reads the predictions of the rows; all runs have to be finished.
    pub fn read(setting: &Setting, store: &Store, rows: &[Row], corpus: &Corpus) -> Result<Self> {
        let places: HashMap<&str, usize> = corpus
            .utterances
            .iter()
            .enumerate()
            .map(|(index, utterance)| (utterance.id.as_str(), index))
            .collect();
        let mut indices: Vec<usize> = Vec::new();
        let mut table = Vec::new();
        for row in rows {
            let mut seeds = Vec::new();
            for seed in &setting.seeds {
                let mut own = Vec::new();
                let mut predicted = vec![Vec::new(); PAPER_RATES.len()];
                for fold in &setting.folds {
                    let mut filled = vec![false; PAPER_RATES.len()];
                    for run in setting.runs(row, *fold, *seed)? {
                        let predictions = store.predictions(&run.id)?;
                        let Some(tested) = lookup(&places, &predictions.utterances) else {
                            let name = store.folder(&run.id);
                            bail!("{}: utterances that the corpus lacks", name.display());
                        };
                        let pairs = predictions.rates.iter().zip(predictions.predicted);
                        for (rate, classes) in pairs {
                            let place = PAPER_RATES.iter().position(|other| other == rate);
                            // MCT stands for the first of one-to-one MCT-HFR, and has all rates.
                            if let Some(place) = place
                                && !filled[place]
                                && (run_is_for(&run.manifest.training, row, *rate))
                            {
                                filled[place] = true;
                                predicted[place].extend(classes);
                                if place == 0 {
                                    own.extend(&tested);
                                }
                            }
                        }
                    }
                    if filled.contains(&false) {
                        bail!("{}: predictions at some rates are missing", row.name);
                    }
                }
                if indices.is_empty() {
                    indices.clone_from(&own);
                }
                if indices != own {
                    bail!(
                        "{}: tested on other utterances than the other rows",
                        row.name
                    );
                }
                seeds.push(Seed {
                    evaluation: Evaluation::of(corpus, &indices, &PAPER_RATES, &predicted),
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
        })
    }
}

/// Whether a run's predictions at this rate count for the row.
fn run_is_for(training: &mct_hfr::config::TrainingConfig, row: &Row, rate: f64) -> bool {
    use mct_hfr::config::Strategy;
    row.strategy != Strategy::OneToOne || (training.strategy == Strategy::OneToOne) != (rate == 0.0)
}

fn lookup(places: &HashMap<&str, usize>, ids: &[String]) -> Option<Vec<usize>> {
    ids.iter()
        .map(|id| places.get(id.as_str()).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_mean_and_sample_deviation() {
        let spread = Spread::of(&[1.0, 3.0]);
        assert_eq!(spread.mean, 2.0);
        assert!((spread.deviation.unwrap() - 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of(&[1.0]).deviation, None);
    }
}
