//! `mct-hfr search`: settings drawn at random, judged on the validation sets alone, with successive
//! halving (Jamieson and Talwalkar, 2016): all of them are trained for a few epochs, the better third of
//! each system for three times as many, and so on up to the epochs of the settings.
//!
//! Every system has the same budget, and the settings as they are come first among its candidates. Runs are
//! those of experiments, so that an interrupted search goes on where it stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use mct_corpus::counter::{Stream, text_key};
use mct_corpus::{Corpus, atomic};
use mct_hfr::config::{Strategy, System};
use mct_scores::Metric;
use serde::{Deserialize, Serialize};

use crate::experiment::catalogue::{Experiment, Row, View};
use crate::experiment::plan::Setting;
use crate::experiment::scores::Table;
use crate::experiment::store::Store;
use crate::experiment::{Shared, report};
use crate::output::{remark, say, table, usage};
use crate::{interrupt, output};

/// Search settings on the validation sets: the same budget for each system
///
/// SPACE is a TOML file: `systems = ["mct", "mct-hfr"]`, `[common]` with values for all of them, such as
/// `"training.learning_rate" = { log = [1e-4, 1e-2] }`, `{ between = [0, 1] }` or `{ among = [1, 2, 3] }`, and
/// `[system.mct-hfr]` with those of one. If it is interrupted, the same command resumes where it stopped.
#[derive(Args)]
pub struct Search {
    /// What is searched
    #[arg(value_name = "SPACE")]
    space: PathBuf,
    /// Candidates of each system; the first is the settings as they are
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    budget: u16,
    #[command(flatten)]
    shared: Shared,
    /// How training data are made incomplete
    #[arg(long, default_value = "dynamic", value_parser = crate::arguments::kebab::<Strategy>)]
    strategy: Strategy,
}

/// What a setting is drawn from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Values {
    /// One of these.
    Among(Vec<toml::Value>),
    /// A number between two.
    Between([f64; 2]),
    /// The same, evenly on a logarithmic scale.
    Log([f64; 2]),
}

/// A file of settings and what they are drawn from, by their path in the config.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Space {
    systems: Vec<String>,
    #[serde(default)]
    common: BTreeMap<String, Values>,
    #[serde(default)]
    system: BTreeMap<String, BTreeMap<String, Values>>,
}

/// By how much the candidates become fewer and the epochs more.
const HALVING: usize = 3;

/// Rungs of a search of which the last has the epochs of the settings.
const RUNGS: u32 = 3;

impl Space {
    fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = mct_corpus::regular::read_settings(path).context(name.clone())?;
        let space: Self =
            toml::from_str(&text).map_err(|error| usage(format!("{name}: {error}")))?;
        if space.systems.is_empty() {
            return Err(usage(format!("{name}: systems: found none")));
        }
        let named = space.system.keys().find(|key| !space.systems.contains(key));
        if let Some(other) = named {
            return Err(usage(format!(
                "{name}: system.{other} is not among `systems`"
            )));
        }
        let of_systems = space.system.values().flatten();
        for (key, values) in space.common.iter().chain(of_systems) {
            let expected = match values {
                Values::Among(values) if values.is_empty() => "one value or more",
                Values::Between([low, high]) if low > high => "the lower end first",
                Values::Log([low, high]) if low > high || *low <= 0.0 => {
                    "two numbers above 0, the lower end first"
                }
                _ => continue,
            };
            return Err(usage(format!(
                "{name}: {key}: found {values:?}, expected {expected}"
            )));
        }
        Ok(space)
    }

    /// Candidate number `index` of a system; number 0 is the settings as they are.
    fn candidate(&self, system: System, strategy: Strategy, index: usize) -> Row {
        let own = self.system.get(system.name());
        let values = self.common.iter().chain(own.into_iter().flatten());
        let set = values.filter(|_| index > 0).map(|(key, values)| {
            // By key, so that what systems have in common is the same for all of them.
            let mut stream = Stream::new(&[0x7365_6172, text_key(key), index as u64]);
            (key.clone(), values.draw(stream.uniform()))
        });
        Row {
            name: format!("{} {index}", system.title()),
            system,
            strategy,
            set: set.collect(),
            sweep: None,
        }
    }
}

impl Values {
    /// The value at `place`, 0 up to, but not, 1, as a config writes it.
    fn draw(&self, place: f64) -> String {
        let number = match self {
            Self::Among(values) => {
                let index = (place * values.len() as f64) as usize;
                return match &values[index.min(values.len() - 1)] {
                    toml::Value::String(text) => text.clone(),
                    value => value.to_string(),
                };
            }
            Self::Between([low, high]) => low + (high - low) * place,
            Self::Log([low, high]) => (low.ln() + (high.ln() - low.ln()) * place).exp(),
        };
        // Three digits say all that a search knows.
        let rounded: f64 = format!("{number:.2e}").parse().unwrap_or(number);
        rounded.to_string()
    }
}

/// What is known of a candidate.
#[derive(Serialize)]
struct Candidate {
    row: Row,
    /// AUILC of the main score on the validation sets, by rung.
    validation: Vec<f64>,
}

/// The epochs of the rungs, ascending, without repetitions.
fn rungs(epochs: usize) -> Vec<usize> {
    let of_rung = |above: u32| (epochs / HALVING.pow(above)).max(1);
    let mut rungs: Vec<usize> = (0..RUNGS).rev().map(of_rung).collect();
    rungs.dedup();
    rungs
}

impl Search {
    pub fn run(self) -> Result<()> {
        let space = Space::read(&self.space)?;
        let systems = space.systems.iter();
        let source = self.space.display().to_string();
        let systems: Vec<System> = systems
            .map(|name| System::named(&source, name).map_err(usage))
            .collect::<Result<_>>()?;
        let corpus = Corpus::open(&self.shared.corpus)?;
        let setting = self.shared.setting(&corpus)?;
        let store = Store::new(&self.shared.out)?;
        let stem = self.space.file_stem().unwrap_or_default();
        let folder = self.shared.out.join(stem);
        interrupt::watch()?;
        let metric = Metric::main(setting.base.model.task);
        let budget = usize::from(self.budget);
        let mut all: Vec<Vec<Candidate>> = Vec::new();
        for system in &systems {
            let row = |index| Candidate {
                row: space.candidate(*system, self.strategy, index),
                validation: Vec::new(),
            };
            all.push((0..budget).map(row).collect());
        }
        let rungs = rungs(setting.base.training.epochs);
        for (rung, epochs) in rungs.iter().enumerate() {
            // The best of each system, first.
            let kept = budget.div_ceil(HALVING.pow(rung as u32));
            let at_rung = |candidate: &Candidate| Row {
                set: with_epochs(&candidate.row.set, *epochs),
                ..candidate.row.clone()
            };
            let rows: Vec<Row> = all
                .iter()
                .flat_map(|own| own.iter().take(kept).map(at_rung))
                .collect();
            remark(format!(
                "rung {} of {}: {kept} candidates a system, {epochs} epochs",
                rung + 1,
                rungs.len()
            ));
            if !self.shared.train(&setting, &store, &rows)? {
                remark("once these runs are finished, the same command goes on");
                return Ok(());
            }
            let scores = Table::read(&setting, &store, &rows, &corpus)?;
            let mut scores = scores.rows.iter();
            for own in &mut all {
                for (candidate, row) in own.iter_mut().take(kept).zip(scores.by_ref()) {
                    let area = row.validation(|e| e.auilc.get(metric));
                    candidate.validation.push(area.mean);
                }
                let merit = |candidate: &Candidate| {
                    let last = candidate.validation.last();
                    last.map_or(f64::MIN, |area| metric.merit(*area))
                };
                // Stable: of equals the one that came first.
                own[..kept].sort_by(|a, b| merit(b).total_cmp(&merit(a)));
            }
        }
        self.report(&folder, &all, &rungs, metric, (&setting, &store, &corpus))
    }

    /// The candidates with what they have reached, and an experiment of the best of each system.
    fn report(
        &self,
        folder: &Path,
        all: &[Vec<Candidate>],
        rungs: &[usize],
        metric: Metric,
        (setting, store, corpus): (&Setting, &Store, &Corpus),
    ) -> Result<()> {
        std::fs::create_dir_all(folder).context(folder.display().to_string())?;
        let titles: Vec<String> = rungs
            .iter()
            .map(|epochs| format!("{epochs} epochs"))
            .collect();
        let mut header = vec!["candidate"];
        header.extend(titles.iter().map(String::as_str));
        header.push("settings");
        let rows = all.iter().flatten().map(|candidate| {
            let reached = |rung: usize| {
                let area = candidate.validation.get(rung);
                area.map_or_else(|| "–".to_owned(), |area| output::score(*area))
            };
            let set = candidate.row.set.iter();
            let set = set.map(|(key, value)| format!("{key}={value}"));
            let settings = match candidate.row.set.is_empty() {
                true => "as they are".to_owned(),
                false => set.collect::<Vec<_>>().join(" "),
            };
            std::iter::once(candidate.row.name.clone())
                .chain((0..rungs.len()).map(reached))
                .chain([settings])
                .collect()
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let title = format!("AUILC of {} on the validation sets", metric.title());
        say(format!("{title}\n\n{}\n", table(&header, &rows)));
        let save = |name: &str, text: String| -> Result<()> {
            Ok(atomic::write(&folder.join(name), text.as_bytes())?)
        };
        save("candidates.json", serde_json::to_string_pretty(all)? + "\n")?;
        let best = |own: &Vec<Candidate>| {
            let row = own.first()?.row.clone();
            let name = row.system.title().to_owned();
            Some(Row { name, ..row })
        };
        let experiment = Experiment {
            title: format!(
                "Settings chosen on the validation sets, {} candidates a system",
                self.budget
            ),
            rows: all.iter().filter_map(best).collect(),
            views: vec![View::Scores, View::Curves],
        };
        let path = folder.join("best.toml");
        save("best.toml", toml::to_string(&experiment)?)?;
        let last = |row: &Row| Row {
            set: with_epochs(&row.set, setting.base.training.epochs),
            ..row.clone()
        };
        let trained = Experiment {
            rows: experiment.rows.iter().map(last).collect(),
            ..experiment
        };
        report::write(folder, &trained, setting, store, corpus, false)?;
        say(format!("{}", folder.join("report.html").display()));
        say(format!(
            "with other seeds: mct-hfr experiment {} …",
            path.display()
        ));
        Ok(())
    }
}

/// The settings with this number of epochs, unless it is itself one of them.
fn with_epochs(set: &[(String, String)], epochs: usize) -> Vec<(String, String)> {
    const KEY: &str = "training.epochs";
    let mut set = set.to_vec();
    if set.iter().all(|(key, _)| key != KEY) {
        set.push((KEY.to_owned(), epochs.to_string()));
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &str) -> Result<Space> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("space.toml");
        std::fs::write(&path, text).unwrap();
        Space::read(&path)
    }

    const SPACE: &str = r#"
        systems = ["mct", "mct-hfr"]
        [common]
        "training.learning_rate" = { log = [1e-4, 1e-2] }
        "model.layers" = { among = [1, 2] }
        [system.mct-hfr]
        "training.alpha" = { between = [0.0, 0.5] }
    "#;

    #[test]
    fn systems_share_what_is_common_and_the_first_candidate_is_the_settings_as_they_are() {
        let space = space(SPACE).unwrap();
        let row = |system, index| space.candidate(system, Strategy::Dynamic, index);
        assert!(row(System::MctHfr, 0).set.is_empty());
        let mut rates = Vec::new();
        for index in 1..60 {
            let (plain, hfr) = (row(System::Mct, index), row(System::MctHfr, index));
            assert_eq!(plain.set[..], hfr.set[..2], "{index}");
            let alpha: f64 = hfr.set[2].1.parse().unwrap();
            assert!((0.0..=0.5).contains(&alpha));
            let layers: usize = hfr.set[0].1.parse().unwrap();
            assert!((1..=2).contains(&layers));
            rates.push(hfr.set[1].1.parse::<f64>().unwrap());
            assert_eq!(row(System::Mct, index), plain, "the same at every start");
        }
        // Evenly on a logarithmic scale: as many below 0.001 as above.
        let below = rates.iter().filter(|rate| **rate < 1e-3).count();
        assert!((15..=45).contains(&below), "{below}");
        assert!(rates.iter().all(|rate| (1e-4..=1e-2).contains(rate)));
    }

    #[test]
    fn a_wrong_space_says_what_is_wrong() {
        for (text, part) in [
            ("systems = []", "systems: found none"),
            (
                "systems = [\"mct\"]\n[system.misa]",
                "system.misa is not among",
            ),
            (
                "systems = [\"mct\"]\n[common]\na = { log = [0.0, 1.0] }",
                "a: found Log",
            ),
            (
                "systems = [\"mct\"]\n[common]\na = { among = [] }",
                "one value or more",
            ),
            (
                "systems = [\"mct\"]\n[common]\na = { from = [1] }",
                "unknown variant",
            ),
        ] {
            let error = space(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_last_rung_has_the_epochs_of_the_settings() {
        assert_eq!(rungs(18), [2, 6, 18]);
        assert_eq!(rungs(4), [1, 4]);
        assert_eq!(rungs(1), [1]);
        let set = vec![("training.epochs".to_owned(), "7".to_owned())];
        assert_eq!(with_epochs(&set, 3), set);
    }
}
