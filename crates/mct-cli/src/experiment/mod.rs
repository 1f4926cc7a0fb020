//! `mct-hfr experiment`: the tables and figures of the paper on any corpus.

mod catalogue;
mod chosen;
mod complexity;
mod embedding;
mod estimate;
mod paper;
mod plan;
mod pool;
mod report;
mod scores;
mod search;
mod slurm;
mod store;
mod warnings;
mod work;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use mct_corpus::fold::fold_count;
use mct_corpus::{Corpus, Task};
use mct_hfr::config::{Config, PRESETS, ProtocolKind, System};
use mct_runs::CorpusReference;

use crate::arguments::{key_value, settings};
use crate::experiment::catalogue::{Experiment, NAMES, Row, View};
use crate::experiment::plan::{Run, Setting};
use crate::experiment::store::Store;
use crate::output::{quoted, remark, say, usage};
use crate::{device, interrupt};

pub use search::Search;

/// Reproduce a table or figure of the paper on a corpus
///
/// Trains what is not yet trained below OUT/runs, which experiments share, and writes
/// OUT/NAME/report.html. If it is interrupted, the same command resumes where it stopped.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Command {
    #[command(subcommand)]
    command: Option<Action>,
    #[command(flatten)]
    named: Option<Named>,
    // Not inside `Named`: clap does not see whether an optional group is there that has one of its own.
    #[command(flatten)]
    shared: Option<Shared>,
}

#[derive(Subcommand)]
enum Action {
    /// Write the report from the finished runs, without training
    Collect(Reproduce),
    /// Finish one run (what a job does)
    #[command(hide = true)]
    Work(work::Work),
}

/// Where missing runs are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// As processes on this machine
    Local,
    /// As an array job; when it has ended, the same command goes on
    Slurm,
}

#[derive(Args)]
struct Reproduce {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args)]
struct Named {
    /// table2, table3, table4, table5, fig3 to fig9, all, or a TOML file with title, rows and views
    name: String,
    /// Say too what the test set would have chosen: the epochs of every training, beside those that validation
    /// chooses, and the setting where one is chosen (fig7)
    #[arg(long)]
    also_test_selected: bool,
    /// List the runs, with an estimate of the remaining time
    #[arg(long)]
    dry_run: bool,
}

/// What experiments and searches have in common.
#[derive(Args)]
pub struct Shared {
    #[arg(long, value_name = "FILE", required = true)]
    pub corpus: PathBuf,
    /// The folder for runs and reports
    #[arg(long, value_name = "DIR", required = true)]
    pub out: PathBuf,
    /// Named settings
    #[arg(long, default_value = "paper", value_parser = PRESETS)]
    preset: String,
    /// Change a value of the config for all runs (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// classification or regression
    #[arg(long, default_value = "classification", value_parser = crate::arguments::kebab::<Task>)]
    task: Task,
    /// session, session-swapped, speaker, groups or file [default: session]
    #[arg(long, value_parser = crate::arguments::kebab::<ProtocolKind>)]
    protocol: Option<ProtocolKind>,
    /// Folds from 0, separated by commas [default: all]
    #[arg(long, value_name = "K", value_delimiter = ',')]
    folds: Vec<usize>,
    /// Seeds of the trainings, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,4,5")]
    seeds: Vec<u64>,
    /// Number of runs at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    #[arg(long, default_value = "local")]
    engine: Engine,
}

impl Command {
    pub fn run(self) -> Result<()> {
        match (self.command, self.named, self.shared) {
            (Some(Action::Work(work)), ..) => work.run(),
            (Some(Action::Collect(arguments)), ..) => arguments.run(true),
            (None, Some(named), Some(shared)) => Reproduce { named, shared }.run(false),
            _ => Err(usage("expected the name of an experiment")),
        }
    }
}

impl Shared {
    pub fn setting(&self, corpus: &Corpus) -> Result<Setting> {
        for (key, _) in &self.set {
            plan::require_free("--set", key)?;
        }
        let mut base = Config::preset(&self.preset).map_err(usage)?;
        base.training.protocol = self.protocol.unwrap_or(base.training.protocol);
        let base = settings(base.with_task(self.task), &self.set)?;
        let protocol = base.training.protocol.into();
        let available = fold_count(corpus, base.model.task, protocol)?;
        let mut folds = self.folds.clone();
        if folds.is_empty() {
            folds = (0..available).collect();
        }
        folds.sort_unstable();
        folds.dedup();
        if let Some(fold) = folds.iter().find(|fold| **fold >= available) {
            return Err(usage(format!(
                "--folds: found {fold}, expected 0 to {}",
                available.saturating_sub(1)
            )));
        }
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        Ok(Setting {
            base,
            corpus: CorpusReference::of(&self.corpus)?,
            device: device::choose(&self.device)?.name,
            folds,
            seeds,
        })
    }

    /// Refuses weights of losses that `--set` gives to all rows, where these are of other systems than the config, whose
    /// weights are their own.
    ///
    /// # Errors
    /// Names the key and where it belongs, as a usage error.
    fn require_own_weights(
        &self,
        setting: &Setting,
        mut systems: impl Iterator<Item = System>,
    ) -> Result<()> {
        let of_terms = |(key, _): &&(String, String)| key.starts_with("training.loss_weights.");
        let base = setting.base.model.system;
        match (
            self.set.iter().find(of_terms),
            systems.find(|own| *own != base),
        ) {
            (Some((key, _)), Some(other)) => Err(usage(format!(
                "--set: {key}: {} has loss weights of its own: `set` of a row, or the space of a search, says them",
                other.title()
            ))),
            _ => Ok(()),
        }
    }

    /// The folder of the reports of a file or a built-in experiment, by its name without an extension.
    ///
    /// # Errors
    /// Where that is the folder of all runs.
    fn report_folder(&self, name: &Path) -> Result<PathBuf> {
        let stem = name.file_stem().unwrap_or_default();
        if stem == store::RUNS {
            return Err(usage(format!(
                "{}: `{}` in `--out` is the folder of all runs: another name",
                name.display(),
                store::RUNS
            )));
        }
        Ok(self.out.join(stem))
    }

    /// The command that trains the rows of the file `rows` like this, with as many seeds that are not among those
    /// of `setting`.
    fn with_other_seeds(&self, rows: &Path, setting: &Setting) -> String {
        let join =
            |numbers: &mut dyn Iterator<Item = String>| numbers.collect::<Vec<_>>().join(",");
        let after = setting
            .seeds
            .iter()
            .max()
            .map_or(0, |last| last.saturating_add(1));
        let seeds =
            (0..setting.seeds.len() as u64).map(|index| after.saturating_add(index).to_string());
        let mut words: Vec<OsString> = vec!["mct-hfr".into(), "experiment".into(), rows.into()];
        let mut option = |name: &str, value: &OsStr| words.extend([name.into(), value.to_owned()]);
        option("--corpus", self.corpus.as_os_str());
        option("--out", self.out.as_os_str());
        option("--preset", self.preset.as_ref());
        for (key, value) in &self.set {
            option("--set", format!("{key}={value}").as_ref());
        }
        if self.task != Task::default() {
            option("--task", self.task.name().as_ref());
        }
        if let Some(protocol) = self.protocol {
            option("--protocol", protocol.name().as_ref());
        }
        if !self.folds.is_empty() {
            option(
                "--folds",
                join(&mut setting.folds.iter().map(usize::to_string)).as_ref(),
            );
        }
        option("--seeds", join(&mut seeds.into_iter()).as_ref());
        option("--device", setting.device.as_ref());
        if self.jobs > 1 {
            option("--jobs", self.jobs.to_string().as_ref());
        }
        if self.engine == Engine::Slurm {
            option("--engine", "slurm".as_ref());
        }
        let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        quoted.join(" ")
    }

    /// Trains what is not trained yet of these rows; `false` where that was handed to Slurm.
    pub fn train(&self, setting: &Setting, store: &Store, rows: &[Row]) -> Result<bool> {
        let runs = setting.all(rows)?;
        let missing: Vec<Run> = unfinished(&runs, store);
        if missing.is_empty() {
            return Ok(true);
        }
        let (done, all) = (runs.len() - missing.len(), runs.len());
        remark(format!("{all} runs, {done} of them finished"));
        match self.engine {
            Engine::Local => pool::finish(store, missing, self.jobs.into())?,
            Engine::Slurm => slurm::submit(store, &self.out, &missing, self.jobs)?,
        }
        Ok(self.engine == Engine::Local)
    }
}

/// Those of `runs` that are still to be done.
fn unfinished(runs: &BTreeMap<String, Run>, store: &Store) -> Vec<Run> {
    let all = runs.values();
    all.filter(|run| !store.is_finished(&run.id))
        .cloned()
        .collect()
}

impl Reproduce {
    /// The requested experiments, and the folders of their reports.
    fn experiments(&self) -> Result<Vec<(PathBuf, Experiment)>> {
        if self.named.name == "all" {
            // Tables 2 and 3, figures 3 and 4 differ only in the paper's corpus.
            return NAMES
                .iter()
                .filter(|name| !["table3", "fig4"].contains(name))
                .map(|name| {
                    Ok((
                        self.shared.report_folder(Path::new(name))?,
                        Experiment::read(name)?,
                    ))
                })
                .collect();
        }
        let folder = self.shared.report_folder(Path::new(&self.named.name))?;
        Ok(vec![(folder, Experiment::read(&self.named.name)?)])
    }

    fn run(self, collect: bool) -> Result<()> {
        let Shared { corpus, out, .. } = &self.shared;
        let is_table4 = self.named.name == "table4";
        let experiments = match is_table4 {
            true => Vec::new(),
            false => self.experiments()?,
        };
        let chooses = |(_, own): &(PathBuf, Experiment)| {
            own.views.contains(&View::Sweep) && own.rows.iter().any(|row| row.sweep.is_some())
        };
        let scores = |(_, own): &(PathBuf, Experiment)| own.views.contains(&View::Scores);
        let also_epochs = self.named.also_test_selected && experiments.iter().any(scores);
        if self.named.also_test_selected && !also_epochs && !experiments.iter().any(chooses) {
            return Err(usage(
                "--also-test-selected: nothing is chosen here; it is for experiments with the view `scores` or `sweep`",
            ));
        }
        let corpus = Corpus::open(corpus)?;
        if is_table4 {
            return complexity::write(&out.join("table4"));
        }
        let mut setting = self.shared.setting(&corpus)?;
        // Which epoch the test set would choose is known only while it is trained.
        setting.base.training.also_test_selected |= also_epochs;
        let rows: Vec<_> = experiments
            .iter()
            .flat_map(|(_, experiment)| experiment.rows.clone())
            .collect();
        let systems = rows.iter().map(|row| row.system);
        self.shared.require_own_weights(&setting, systems)?;
        let runs = setting.all(&rows)?;
        let store = Store::new(out)?;
        let missing = unfinished(&runs, &store);
        interrupt::watch()?;
        if self.named.dry_run {
            return estimate::show(&store, &corpus, &runs, &missing, self.shared.jobs.into());
        }
        if collect && !missing.is_empty() {
            for run in &missing {
                remark(format!("not finished: {}", pool::describe(run)));
            }
            bail!("{} of {} runs are not finished", missing.len(), runs.len());
        }
        if !self.shared.train(&setting, &store, &rows)? {
            return Ok(());
        }
        for (folder, experiment) in &experiments {
            let also = self.named.also_test_selected;
            report::write(folder, experiment, &setting, &store, &corpus, also)?;
            say(format!("{}", folder.join("report.html").display()));
        }
        if self.named.name == "all" {
            complexity::write(&out.join("table4"))?;
        }
        Ok(())
    }
}
