//! From the predictions of runs to the scores of rows: pooled over folds, averaged over seeds.

use std::collections::HashMap;

use anyhow::{Result, bail};
use mct_corpus::Corpus;
use mct_scores::significance::{Comparison, Trial};
use mct_scores::{Confusion, Evaluation, PAPER_RATES, Scores, Spread};

use crate::experiment::catalogue::Row;
use crate::experiment::plan::Setting;
use crate::experiment::store::Store;

/// The scores of one row.
pub struct RowScores {
    pub row: Row,
    /// Per seed, the predictions pooled over the folds.
    pub seeds: Vec<Seed>,
}

/// The pooled predictions of one seed.
pub struct Seed {
    pub evaluation: Evaluation,
    /// Predicted classes, `[rate][utterance]`, in the order of [`Table::indices`].
    pub predicted: Vec<Vec<usize>>,
}

/// All rows of an experiment on the same utterances.
pub struct Table {
    pub rows: Vec<RowScores>,
    /// The test utterances of all folds.
    pub indices: Vec<usize>,
}

impl RowScores {
    /// Mean and standard deviation of a score over the seeds.
    pub fn spread(&self, pick: impl Fn(&Evaluation) -> f64) -> Spread {
        let values = self.seeds.iter().map(|seed| pick(&seed.evaluation));
        Spread::of(&values.collect::<Vec<f64>>())
    }

    /// The scores on complete data, then the AUILC: UA, UF1, WA, WF1, as the paper orders them.
    pub fn columns(&self) -> Vec<Spread> {
        let areas = |s: &Scores| [s.ua, s.uf1, s.wa, s.wf1];
        let mut columns = Vec::with_capacity(8);
        for column in 0..4 {
            let complete = |e: &Evaluation| [e.ua[0], e.uf1[0], e.wa[0], e.wf1[0]][column];
            columns.push(self.spread(complete));
        }
        for column in 0..4 {
            columns.push(self.spread(|e| areas(&e.auilc)[column]));
        }
        columns
    }

    /// The counts summed over the seeds, at the rate `PAPER_RATES[rate]`.
    pub fn confusion(&self, rate: usize) -> Confusion {
        let mut sum = Confusion(Vec::new());
        for seed in &self.seeds {
            let counts = &seed.evaluation.confusion[rate];
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
    /// The row at `reference` minus each row.
    pub fn compare(&self, corpus: &Corpus, reference: usize) -> Vec<Comparison> {
        let utterances = self.indices.iter().map(|i| &corpus.utterances[*i]);
        let trial = Trial {
            // The utterances of a fold have one.
            labels: utterances.filter_map(|utterance| utterance.label).collect(),
            classes: corpus.class_count(),
            rates: &PAPER_RATES,
        };
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| row.seeds.iter().map(|seed| &seed.predicted[..]).collect())
            .collect();
        trial.compare(&rows, reference)
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
        let mut indices: Vec<usize> = Vec::new();
        let mut table = Vec::new();
        for row in rows {
            let mut seeds = Vec::new();
            for seed in &setting.seeds {
                let mut tested_by_row = Vec::new();
                let mut predicted = vec![Vec::new(); PAPER_RATES.len()];
                for fold in &setting.folds {
                    let mut filled = vec![false; PAPER_RATES.len()];
                    for run in setting.runs(row, *fold, *seed)? {
                        let predictions = store.predictions(&run.id)?;
                        let Some(tested) = lookup(&index_of_id, &predictions.utterances) else {
                            let name = store.folder(&run.id);
                            bail!("{}: utterances that the corpus lacks", name.display());
                        };
                        let pairs = predictions.rates.iter().zip(predictions.predicted);
                        for (rate, classes) in pairs {
                            let index = PAPER_RATES.iter().position(|other| other == rate);
                            // The first run of one-to-one MCT-HFR is MCT, which is tested at all rates.
                            if let Some(index) = index
                                && !filled[index]
                                && (run_is_for(&run.manifest.training, row, *rate))
                            {
                                filled[index] = true;
                                predicted[index].extend(classes);
                                if index == 0 {
                                    tested_by_row.extend(&tested);
                                }
                            }
                        }
                    }
                    if filled.contains(&false) {
                        bail!("{}: predictions at some rates are missing", row.name);
                    }
                }
                if indices.is_empty() {
                    indices.clone_from(&tested_by_row);
                }
                if indices != tested_by_row {
                    bail!(
                        "{}: not tested on the same utterances as the other rows",
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

/// The indices of these ids, `None` where the corpus lacks one.
fn lookup(index_of_id: &HashMap<&str, usize>, ids: &[String]) -> Option<Vec<usize>> {
    ids.iter()
        .map(|id| index_of_id.get(id.as_str()).copied())
        .collect()
}
