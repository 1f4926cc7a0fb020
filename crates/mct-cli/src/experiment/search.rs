//! `mct-hfr search`: settings drawn at random, judged on the validation sets alone, with successive
//! halving (Jamieson and Talwalkar, 2016): all of them are trained for a few epochs, the better third of
//! each system for three times as many, and so on up to the epochs of the settings.
//!
//! Every system has the same budget, and the settings as they are come first among its candidates. The rise of
//! incomplete samples, the warm-up and the start of the auxiliary losses come earlier where epochs are fewer, so
//! that a short rung is the whole training in small. A candidate whose loss is not finite is out. Runs are those
//! of experiments, so that an interrupted search goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use mct_corpus::counter::{Stream, text_key};
use mct_corpus::{Corpus, atomic};
use mct_hfr::config::{Config, Strategy, System};
use mct_scores::Metric;
use serde::{Deserialize, Serialize};

use crate::experiment::catalogue::{Experiment, Row, View};
use crate::experiment::chosen::Chosen;
use crate::experiment::plan::Setting;
use crate::experiment::scores::Table;
use crate::experiment::store::Store;
use crate::experiment::{Shared, plan, report};
use crate::output::{remark, say, table, usage};
use crate::{interrupt, output};

/// Search settings on the validation sets: the same budget for each system
///
/// SPACE is a TOML file: `systems = ["mct", "mct-hfr"]`, `[common]` with values for all of them, such as
/// `"training.learning_rate" = { log = [1e-4, 1e-2] }`, `{ between = [0, 1] }` or `{ among = [1, 2, 3] }`, and
/// `[system.mct-hfr]` with those of one. Values of whole-number keys are rounded. If it is interrupted, the same
/// command resumes where it stopped.
#[derive(Args)]
pub struct Search {
    /// The TOML file of what is searched
    #[arg(value_name = "SPACE")]
    space: PathBuf,
    /// Candidates of each system; the first is the settings as they are
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    budget: u16,
    /// 1 trains every candidate to the end: better where little is learned in the first epochs
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    rungs: u8,
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

/// How often values that do not go together are drawn anew.
const MOST_DRAWS: usize = 100;

const EPOCHS: &str = "training.epochs";

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
        let mut earlier = BTreeSet::new();
        if let Some(twice) = space.systems.iter().find(|system| !earlier.insert(*system)) {
            return Err(usage(format!("{name}: systems: {twice} is there twice")));
        }
        let of_systems = space.system.values().flatten();
        for (key, values) in space.common.iter().chain(of_systems) {
            plan::require_free(&name, key)?;
            if key == EPOCHS {
                return Err(usage(format!(
                    "{name}: {key}: the rungs of a search have epochs of their own; `--set {key}=…` says those of the last"
                )));
            }
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

    /// What is drawn of a system: of what is common, what changes anything of it.
    fn values(&self, system: System) -> impl Iterator<Item = (&String, &Values)> + Clone {
        let own = self.system.get(system.name());
        let common = self.common.iter().filter(move |(key, _)| system.uses(key));
        common.chain(own.into_iter().flatten())
    }

    /// Candidate number `index` of a system; number 0 is the settings as they are. Values that do not go
    /// together, such as a width and heads that do not divide it, are drawn anew.
    ///
    /// # Errors
    /// When none of many draws is a valid config, with what is wrong in the last one.
    fn candidate(
        &self,
        base: &Config,
        system: System,
        strategy: Strategy,
        index: usize,
    ) -> Result<Row> {
        let base = base.clone().with_system(system);
        let whole = whole_keys(&base)?;
        let values = self.values(system);
        let mut refusal = None;
        for draw in 0..MOST_DRAWS {
            let set = values.clone().filter(|_| index > 0).map(|(key, values)| {
                // By key, so that what systems have in common is the same for all of them, unless one of
                // them cannot use it.
                let mut stream = Stream::new(&[0x7365_6172, text_key(key), index as u64]);
                let place = (0..=draw).fold(0.0, |_, _| stream.uniform());
                (key.clone(), values.draw(place, whole.contains(key)))
            });
            let row = Row {
                name: format!("{} {index}", system.title()),
                system,
                strategy,
                set: set.collect(),
                sweep: None,
            };
            let Err(error) = base.set("values of a candidate", &row.set) else {
                return Ok(row);
            };
            refusal = Some(error);
        }
        let refusal = refusal.map_or_else(String::new, |error| error.to_string());
        Err(usage(format!(
            "{}: none of {MOST_DRAWS} draws of candidate {index} can be used: {refusal}",
            system.title()
        )))
    }
}

/// The keys of a config whose values are whole numbers.
fn whole_keys(config: &Config) -> Result<BTreeSet<String>> {
    fn collect(value: &toml::Value, path: &str, keys: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let separator = if path.is_empty() { "" } else { "." };
                    collect(value, &format!("{path}{separator}{key}"), keys);
                }
            }
            toml::Value::Integer(_) => {
                keys.insert(path.to_owned());
            }
            toml::Value::String(_) if path.ends_with(".max_steps") => {
                keys.insert(path.to_owned());
            }
            _ => {}
        }
    }
    let mut keys = BTreeSet::new();
    collect(&toml::Value::try_from(config)?, "", &mut keys);
    Ok(keys)
}

impl Values {
    /// The value at `place`, 0 up to, but not, 1, as a config writes it.
    fn draw(&self, place: f64, whole: bool) -> String {
        let (number, [low, high]) = match self {
            Self::Among(values) => {
                let index = (place * values.len() as f64) as usize;
                return match &values[index.min(values.len() - 1)] {
                    toml::Value::String(text) => text.clone(),
                    value => value.to_string(),
                };
            }
            Self::Between([low, high]) => (low + (high - low) * place, [low, high]),
            Self::Log([low, high]) => {
                let number = (low.ln() + (high.ln() - low.ln()) * place).exp();
                (number, [low, high])
            }
        };
        if whole {
            let (least, most) = (low.ceil(), high.floor().max(low.ceil()));
            return number.round().clamp(least, most).to_string();
        }
        // Three digits say all that a search knows, but not outside of what is searched.
        let rounded: f64 = format!("{number:.2e}").parse().unwrap_or(number);
        let inside = (*low..=*high).contains(&rounded);
        let number = if inside { rounded } else { number };
        number.clamp(*low, *high).to_string()
    }
}

/// What is known of a candidate.
#[derive(Serialize)]
struct Candidate {
    row: Row,
    /// AUILC of the main score on the validation sets, by rung; none where it took another's place later.
    validation: Vec<Option<f64>>,
    /// Whether its loss was not finite in the rung after these: it is out.
    diverged: bool,
}

/// The epochs of so many rungs, ascending, without repetitions; those of the last are `epochs`.
fn rungs(count: u8, epochs: usize) -> Vec<usize> {
    let of_rung = |above: u8| (epochs / HALVING.pow(above.into())).max(1);
    let mut rungs: Vec<usize> = (0..count).rev().map(of_rung).collect();
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
        let of_space = systems.iter().copied();
        self.shared.require_own_weights(&setting, of_space)?;
        let store = Store::new(&self.shared.out)?;
        let folder = self.shared.report_folder(&self.space)?;
        interrupt::watch()?;
        let metric = Metric::main(setting.base.model.task);
        let budget = usize::from(self.budget);
        let mut all: Vec<Vec<Candidate>> = Vec::new();
        for system in &systems {
            if budget > 1 && space.values(*system).next().is_none() {
                return Err(usage(format!(
                    "{source}: nothing is drawn of {0}: its {budget} candidates would be one and the same (expected \
                     keys that it uses in `common` or `system.{0}`, or {0} not among `systems`)",
                    system.name()
                )));
            }
            let candidate = |index| {
                Ok(Candidate {
                    row: space.candidate(&setting.base, *system, self.strategy, index)?,
                    validation: Vec::new(),
                    diverged: false,
                })
            };
            all.push((0..budget).map(candidate).collect::<Result<_>>()?);
        }
        let rungs = rungs(self.rungs, setting.base.training.epochs);
        for (rung, epochs) in rungs.iter().enumerate() {
            // The best of each system, first.
            let kept = budget.div_ceil(HALVING.pow(rung as u32));
            remark(format!(
                "rung {} of {}: {kept} candidates a system, {epochs} epochs",
                rung + 1,
                rungs.len()
            ));
            // Where one is lost the next best takes its place.
            loop {
                let mut in_rung: Vec<(Row, &mut Candidate)> = Vec::new();
                for own in &mut all {
                    let live = own.iter_mut().filter(|candidate| !candidate.diverged);
                    let due = live.take(kept).filter(|own| own.validation.len() <= rung);
                    for candidate in due {
                        in_rung.push((shortened(&setting, &candidate.row, *epochs)?, candidate));
                    }
                }
                if in_rung.is_empty() {
                    break;
                }
                let rows: Vec<Row> = in_rung.iter().map(|(row, _)| row.clone()).collect();
                let Some(lost) = self.train(&setting, &store, &rows)? else {
                    return Ok(());
                };
                for ((_, candidate), lost) in in_rung.iter_mut().zip(&lost) {
                    if let Some(marker) = lost {
                        candidate.diverged = true;
                        remark(format!(
                            "{}: its loss is not finite; it is out (as long as there is {})",
                            candidate.row.name,
                            marker.display()
                        ));
                    }
                }
                in_rung.retain(|(_, candidate)| !candidate.diverged);
                let rows: Vec<Row> = in_rung.iter().map(|(row, _)| row.clone()).collect();
                let scores = Table::read(&setting, &store, &rows, &corpus)?;
                for ((_, candidate), row) in in_rung.into_iter().zip(&scores.rows) {
                    candidate.validation.resize(rung + 1, None);
                    candidate.validation[rung] = Some(row.validation(|e| e.auilc.get(metric)).mean);
                }
            }
            for own in &mut all {
                // Those that came further first. Stable: of equals the one that came first.
                own.sort_by(|a, b| {
                    let merit = |candidate: &Candidate| {
                        let last = candidate.validation.last().copied().flatten();
                        last.map_or(f64::MIN, |area| metric.merit(area))
                    };
                    let further = b.validation.len().cmp(&a.validation.len());
                    let out = a.diverged.cmp(&b.diverged);
                    out.then(further).then(merit(b).total_cmp(&merit(a)))
                });
                if let Some(first) = own.first().filter(|candidate| candidate.diverged) {
                    let system = first.row.system.title();
                    bail!("{system}: the loss of every candidate is not finite");
                }
            }
        }
        self.report(&folder, &all, &rungs, metric, (&setting, &store, &corpus))
    }

    /// Trains these rows as far as they can be; what marks each that has diverged, or `None` where they were
    /// handed to Slurm.
    fn train(
        &self,
        setting: &Setting,
        store: &Store,
        rows: &[Row],
    ) -> Result<Option<Vec<Option<PathBuf>>>> {
        let lost = || -> Result<Vec<Option<PathBuf>>> {
            let of_row = |row: &Row| {
                let runs = setting.all(std::slice::from_ref(row))?;
                Ok(runs.keys().find_map(|id| store.diverged(id)))
            };
            rows.iter().map(of_row).collect()
        };
        // Those of an earlier start are not tried again, nor are the other runs of their candidates needed.
        loop {
            let before = lost()?;
            let kept = rows.iter().zip(&before).filter(|(_, lost)| lost.is_none());
            let kept: Vec<Row> = kept.map(|(row, _)| row.clone()).collect();
            match self.shared.train(setting, store, &kept) {
                Ok(true) => return Ok(Some(before)),
                Ok(false) => return Ok(None),
                // As long as it is because more candidates have diverged.
                Err(error) if interrupt::requested() || lost()? == before => return Err(error),
                Err(_) => {}
            }
        }
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
                let area = candidate.validation.get(rung).copied().flatten();
                let none = match candidate.diverged && rung == candidate.validation.len() {
                    true => "not finite",
                    false => "–",
                };
                area.map_or_else(|| none.to_owned(), output::score)
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
            chosen: Some(Chosen::by(setting)?),
            rows: all.iter().filter_map(best).collect(),
            views: vec![View::Scores, View::Curves],
        };
        let path = folder.join("best.toml");
        save("best.toml", toml::to_string(&experiment)?)?;
        report::write(folder, &experiment, setting, store, corpus, false)?;
        say(format!("{}", folder.join("report.html").display()));
        say(format!(
            "with other seeds: {}",
            self.shared.with_other_seeds(&path, setting)
        ));
        Ok(())
    }
}

/// The row trained for this number of epochs, with what begins or ends after some epochs earlier as they are
/// fewer.
fn shortened(setting: &Setting, row: &Row, epochs: usize) -> Result<Row> {
    let base = setting.base.clone().with_system(row.system);
    let config = base.set("values of a candidate", &row.set).map_err(usage)?;
    let training = &config.training;
    if epochs == training.epochs {
        return Ok(row.clone());
    }
    let share = epochs as f64 / training.epochs as f64;
    let whole = |count: usize| {
        let shorter = (count as f64 * share).round() as usize;
        shorter.max(count.min(1)).to_string()
    };
    let shorter = [
        (EPOCHS, epochs.to_string()),
        ("training.rise_epochs", whole(training.rise_epochs)),
        (
            "training.auxiliary_from_epoch",
            whole(training.auxiliary_from_epoch),
        ),
        (
            "training.warm_up_epochs",
            (training.warm_up_epochs * share).to_string(),
        ),
    ];
    let mut row = row.clone();
    let system = row.system;
    for (key, value) in shorter.into_iter().filter(|(key, _)| system.uses(key)) {
        row.set.retain(|(other, _)| other != key);
        row.set.push((key.to_owned(), value));
    }
    Ok(row)
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
        let base = Config::preset("demo").unwrap();
        let row = |system, index| {
            let row = space.candidate(&base, system, Strategy::Dynamic, index);
            row.unwrap()
        };
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
    fn values_are_whole_where_the_key_is_and_stay_within_their_ends() {
        let space = space(
            "systems = [\"mct\"]\n[common]\n\"training.batch_size\" = { log = [8, 64] }\n\
             \"training.average\" = { between = [0.99, 0.9999] }\n",
        );
        let space = space.unwrap();
        let base = Config::preset("demo").unwrap();
        let mut sizes = BTreeSet::new();
        for index in 1..200 {
            let row = space
                .candidate(&base, System::Mct, Strategy::Dynamic, index)
                .unwrap();
            let average: f64 = row.set[0].1.parse().unwrap();
            assert!((0.99..=0.9999).contains(&average), "{average}");
            let size: usize = row.set[1].1.parse().unwrap();
            assert!((8..=64).contains(&size));
            sizes.insert(size);
        }
        assert!(sizes.len() > 20);
    }

    #[test]
    fn values_that_do_not_go_together_are_drawn_anew() {
        let heads = "systems = [\"mct\"]\n[common]\n\"model.d\" = { among = [60, 64] }\n\
                     \"model.heads\" = { among = [HEADS] }\n";
        let base = Config::preset("demo").unwrap();
        let of = |heads: &str| {
            let space = space(heads).unwrap();
            let row = |index| space.candidate(&base, System::Mct, Strategy::Dynamic, index);
            (1..40).map(row).collect::<Result<Vec<Row>>>()
        };
        let mut found = BTreeSet::new();
        for row in of(&heads.replace("HEADS", "4, 8")).unwrap() {
            found.insert((row.set[0].1.clone(), row.set[1].1.clone()));
        }
        let pair = |d: &str, heads: &str| (d.to_owned(), heads.to_owned());
        assert_eq!(
            found,
            [pair("60", "4"), pair("64", "4"), pair("64", "8")].into()
        );
        let error = of(&heads.replace("HEADS", "7")).unwrap_err().to_string();
        assert!(
            error.contains("none of 100 draws") && error.contains("heads"),
            "{error}"
        );
    }

    #[test]
    fn what_is_counted_in_epochs_is_shortened_with_them() {
        let setting = Setting {
            base: Config::preset("demo").unwrap(),
            corpus: mct_runs::CorpusReference {
                path: "corpus".into(),
                sha256: "0".into(),
            },
            device: "flex".into(),
            folds: vec![0],
            seeds: vec![1],
        };
        let row = Row {
            name: "MCT-HFR".into(),
            system: System::MctHfr,
            strategy: Strategy::Dynamic,
            set: vec![("training.warm_up_epochs".into(), "3".into())],
            sweep: None,
        };
        // Of the 20 epochs of the preset, over 5 of which the incomplete samples become more.
        let training = |epochs| {
            let row = shortened(&setting, &row, epochs).unwrap();
            let runs = setting.runs(&row, 0, 1).unwrap();
            runs[0].manifest.training.clone()
        };
        let short = training(4);
        assert_eq!((short.epochs, short.rise_epochs), (4, 1));
        assert!((short.warm_up_epochs - 0.6).abs() < 1e-9);
        let whole = training(20);
        assert_eq!((whole.epochs, whole.rise_epochs), (20, 5));
        assert_eq!(whole.warm_up_epochs, 3.0);
        // MCT has no further losses that could begin.
        let plain = Row {
            system: System::Mct,
            ..row
        };
        let row = shortened(&setting, &plain, 4).unwrap();
        let runs = setting.runs(&row, 0, 1).unwrap();
        assert_eq!(runs[0].manifest.training.epochs, 4);
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
            ("systems = [\"mct\", \"mct\"]", "mct is there twice"),
            (
                "systems = [\"mct\"]\n[common]\n\"training.epochs\" = { among = [5, 9] }",
                "the rungs of a search",
            ),
            (
                "systems = [\"mct\"]\n[common]\n\"training.fold\" = { among = [0, 1] }",
                "training.fold: `--folds`",
            ),
        ] {
            let error = space(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_last_rung_has_the_epochs_of_the_settings() {
        assert_eq!(rungs(3, 18), [2, 6, 18]);
        assert_eq!(rungs(3, 4), [1, 4]);
        assert_eq!(rungs(3, 1), [1]);
        assert_eq!(rungs(1, 18), [18]);
    }

    #[test]
    fn a_system_draws_only_what_changes_anything_of_it() {
        let space = space(
            "systems = [\"mct\", \"mct-hfr\"]\n[common]\n\"training.alpha\" = { between = [0, 1] }\n\
             \"training.clip\" = { between = [0.5, 1] }\n[system.mct-hfr]\n\"training.beta\" = { between = [0, 1] }\n",
        );
        let space = space.unwrap();
        let keys = |system| -> Vec<&str> {
            let values = space.values(system);
            values.map(|(key, _)| key.as_str()).collect()
        };
        assert_eq!(keys(System::Mct), ["training.clip"]);
        let all = ["training.alpha", "training.clip", "training.beta"];
        assert_eq!(keys(System::MctHfr), all);
    }
}
