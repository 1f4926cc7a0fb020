//! From the rows of an experiment to the runs that they need.
//!
//! A run is the training of one config on one corpus. Its name is a digest of both, so that experiments
//! share runs and a finished run is never trained again.

use std::collections::BTreeMap;

use anyhow::Result;
use mct_hfr::config::{Config, Strategy, System};
use mct_runs::{CorpusReference, Manifest};
use mct_scores::PAPER_RATES;
use sha2::{Digest as _, Sha256};

use crate::experiment::catalogue::Row;
use crate::output::usage;
use crate::train;

/// What all runs of an experiment have in common.
pub struct Setting {
    pub base: Config,
    pub corpus: CorpusReference,
    pub device: String,
    pub folds: Vec<usize>,
    pub seeds: Vec<u64>,
}

/// Incremented when the same config would train a different model.
const TRAINING_VERSION: u32 = 8;

/// One training, by its name.
#[derive(Clone)]
pub struct Run {
    pub id: String,
    pub manifest: Manifest,
}

/// What is tested depends on these keys, and is the same for all rows.
pub const SPLIT: [&str; 2] = ["model.task", "training.protocol"];

/// Refuses a key that an experiment sets itself, so that a value of it would do nothing.
///
/// # Errors
/// Names `source` and what sets it, as a usage error.
pub fn require_free(source: &str, key: &str) -> Result<()> {
    let by = match key {
        "training.fold" => "`--folds` sets it",
        "training.seed" => "`--seeds` sets it",
        "training.strategy" => "it belongs to the row: `strategy`, or `--strategy` of a search",
        "model.system" => "it belongs to the row: `system`",
        "model.task" => "`--task` sets it",
        "training.protocol" => "`--protocol` sets it",
        "training.also_test_selected" => "`--also-test-selected` of an experiment sets it",
        _ => return Ok(()),
    };
    Err(usage(format!("{source}: {key}: {by}")))
}

impl Setting {
    /// The runs of one row on one fold with one seed: one per missing rate for one-to-one training.
    ///
    /// # Errors
    /// Values of the row that are no valid config, as a usage error.
    pub fn runs(&self, row: &Row, fold: usize, seed: u64) -> Result<Vec<Run>> {
        for (key, _) in &row.set {
            require_free(&row.name, key)?;
        }
        let base = self.base.clone().with_system(row.system);
        let source = format!("values of the row `{}`", row.name);
        let mut config = base.set(&source, &row.set).map_err(usage)?;
        config.require_effect(&source, &row.set).map_err(usage)?;
        config.training.strategy = row.strategy;
        config.training.fold = fold;
        config.training.seed = seed;
        if row.strategy != Strategy::OneToOne {
            return Ok(vec![self.run(config)?]);
        }
        let at_rate = |rate: &f64| {
            let mut at_rate = config.clone();
            at_rate.training.missing_rate = *rate;
            at_rate.training.missing_rate_max = *rate;
            if at_rate.training.makes_incomplete() {
                return self.run(at_rate);
            }
            // Nothing is missing. MCT-HFR is then MCT (section 6.1.1), which has neither of its parts.
            let mut complete = config.clone();
            complete.training.strategy = Strategy::Complete;
            if row.system.is_mct() {
                complete = complete.with_system(System::Mct);
                let is_gone = |name: &String| {
                    name.starts_with("network.lfi") || name.starts_with("network.gfa")
                };
                complete.training.freeze.retain(|name| !is_gone(name));
            }
            self.run(complete)
        };
        PAPER_RATES.iter().map(at_rate).collect()
    }

    fn run(&self, mut config: Config) -> Result<Run> {
        train::pin_weights(&mut config)?;
        config.validate("experiment").map_err(usage)?;
        // Wherever the weights are that it starts from.
        let mut named = config.clone();
        if let Some(weights) = &mut named.training.weights {
            weights.path.clear();
        }
        let mut hash = Sha256::new();
        hash.update(TRAINING_VERSION.to_le_bytes());
        hash.update(self.corpus.sha256.as_bytes());
        hash.update(self.device.as_bytes());
        hash.update(named.to_toml()?.as_bytes());
        let digest = hash.finalize();
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        Ok(Run {
            id: id.collect(),
            manifest: Manifest {
                device: self.device.clone(),
                corpus: self.corpus.clone(),
                model: config.model,
                training: config.training,
            },
        })
    }

    /// Every run that these rows need, each once, by its name.
    ///
    /// # Errors
    /// As for [`Setting::runs`].
    pub fn all(&self, rows: &[Row]) -> Result<BTreeMap<String, Run>> {
        let mut runs = BTreeMap::new();
        for row in rows {
            for fold in &self.folds {
                for seed in &self.seeds {
                    for run in self.runs(row, *fold, *seed)? {
                        runs.insert(run.id.clone(), run);
                    }
                }
            }
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::catalogue::{Experiment, NAMES};

    fn setting() -> Setting {
        Setting {
            base: Config::preset("demo").unwrap(),
            corpus: CorpusReference {
                path: "corpus".into(),
                sha256: "0".into(),
            },
            device: "flex".into(),
            folds: vec![0, 1],
            seeds: vec![1],
        }
    }

    #[test]
    fn rows_share_runs_and_one_to_one_training_has_one_per_rate() {
        let setting = setting();
        let table2 = Experiment::named("table2").unwrap();
        // Four of complete training, MCT, ten each of TFR-Net and EMT-DLFR, nine of MCT-HFR, whose
        // tenth is MCT, and the dynamic one: on two folds.
        let runs = setting.all(&table2.rows).unwrap();
        assert_eq!(runs.len(), 2 * (5 + 10 + 10 + 9 + 1));
        let fig3 = Experiment::named("fig3").unwrap();
        assert!(setting.all(&fig3.rows).unwrap().keys().eq(runs.keys()));
    }

    #[test]
    fn at_rate_0_one_to_one_training_is_complete_where_nothing_is_missing() {
        let mut setting = setting();
        let row = |set: &[(&str, &str)]| Row {
            name: "one to one".into(),
            system: System::MctHfr,
            strategy: Strategy::OneToOne,
            set: set
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            sweep: None,
        };
        // What MCT does not have cannot be frozen in it.
        let freeze = ("training.freeze", "network.lfi,network.pooling");
        let first = setting.runs(&row(&[freeze]), 0, 1).unwrap().swap_remove(0);
        let Manifest {
            model, training, ..
        } = first.manifest;
        assert_eq!(
            (model.system, training.strategy),
            (System::Mct, Strategy::Complete)
        );
        assert_eq!(training.freeze, ["network.pooling"]);
        // A modality is absent at any rate.
        setting.base.training.absent_modality = 0.3;
        let first = setting.runs(&row(&[]), 0, 1).unwrap().swap_remove(0);
        let Manifest {
            model, training, ..
        } = first.manifest;
        assert_eq!(
            (model.system, training.strategy),
            (System::MctHfr, Strategy::OneToOne)
        );
        assert_eq!(training.missing_rate, 0.0);
    }

    #[test]
    fn another_config_or_corpus_is_another_run() {
        let table2 = Experiment::named("table2").unwrap();
        let id = |setting: &Setting| setting.runs(&table2.rows[0], 0, 1).unwrap()[0].id.clone();
        let mut other = setting();
        assert_eq!(id(&setting()), id(&other));
        other.base.training.learning_rate *= 2.0;
        assert_ne!(id(&setting()), id(&other));
        let mut other = setting();
        other.corpus.sha256 = "1".into();
        assert_ne!(id(&setting()), id(&other));
    }

    #[test]
    fn every_built_in_experiment_has_valid_rows() {
        for name in NAMES {
            let experiment = Experiment::named(name).unwrap();
            assert!(
                !setting().all(&experiment.rows).unwrap().is_empty(),
                "{name}"
            );
        }
    }
}
