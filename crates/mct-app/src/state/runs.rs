//! The runs of a folder: what is listed, and which of them are drawn.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mct_hfr::config::Term;
use mct_hfr::training::EpochRecord;
use mct_runs::{Listing, Summary};
use mct_scores::Metric;
use web_time::Instant;

use super::natural::natural;

/// The runs of a folder.
#[derive(Default)]
pub struct Runs {
    /// The folder that is looked through.
    pub folder: String,
    /// What was found, and where.
    pub listed: Option<(String, Result<Listing, String>)>,
    /// Increased with every answer.
    pub version: u64,
    /// When it was looked for last; while it is looked for there is no answer yet.
    pub looked: Option<Instant>,
    pub is_looking: bool,
    /// The runs whose histories are drawn, each with the number of its colour.
    pub ticked: BTreeMap<PathBuf, usize>,
}

/// A column of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Column {
    #[default]
    Name,
    Best,
    State,
    Epochs,
    System,
    Strategy,
    Fold,
    Seed,
}

impl Runs {
    /// Takes what was found in a folder.
    pub fn found(&mut self, folder: String, found: Result<Listing, String>) {
        self.listed = Some((folder, found));
        self.version += 1;
        self.is_looking = false;
    }

    /// The runs that can be read.
    pub fn all(&self) -> impl Iterator<Item = &Summary> {
        let listed = self
            .listed
            .as_ref()
            .and_then(|(_, found)| found.as_ref().ok());
        let runs = listed.into_iter().flat_map(|listing| &listing.runs);
        runs.filter_map(|(_, summary)| summary.as_ref().ok())
    }

    /// Those whose histories are drawn, by path.
    pub fn drawn(&self) -> Vec<&Summary> {
        let drawn = self.all().filter(|run| self.ticked.contains_key(&run.path));
        drawn.collect()
    }

    /// Draws the history of a run, or does not any more. It keeps its colour while others come and go.
    pub fn tick(&mut self, run: PathBuf) {
        if self.ticked.remove(&run).is_none() {
            let taken = |colour: &usize| self.ticked.values().any(|own| own == colour);
            let colour = (0..).find(|colour| !taken(colour)).unwrap_or(0);
            self.ticked.insert(run, colour);
        }
    }

    /// The name of a run: its path from the folder that is looked through.
    pub fn name(&self, run: &Path) -> String {
        let folder = self.listed.as_ref().map(|(folder, _)| Path::new(folder));
        let inside = folder.and_then(|folder| run.strip_prefix(folder).ok());
        let name = inside.unwrap_or(run).display().to_string();
        match name.is_empty() {
            // The folder is a run itself.
            true => run.display().to_string(),
            false => name,
        }
    }

    /// The places among all runs of those that contain the text in what the list shows, in this order.
    pub fn sorted(&self, find: &str, by: Column, descending: bool) -> Vec<usize> {
        let find = find.trim().to_lowercase();
        let contains = |run: &&Summary| {
            let text = Column::ALL.map(|column| self.cell(run, column)).join(" ");
            text.to_lowercase().contains(&find)
        };
        let runs = self.all().enumerate();
        let mut runs: Vec<(usize, &Summary)> = runs.filter(|(_, run)| contains(run)).collect();
        runs.sort_by(|(_, a), (_, b)| {
            let order = self.order(a, b, by);
            let order = if descending { order.reverse() } else { order };
            order.then_with(|| self.order(a, b, Column::Name))
        });
        runs.into_iter().map(|(place, _)| place).collect()
    }

    fn order(&self, a: &Summary, b: &Summary, by: Column) -> Ordering {
        let best = |run: &Summary| {
            let value = best(run).map(|(metric, value)| metric.merit(value));
            value.unwrap_or(f64::NEG_INFINITY)
        };
        match by {
            Column::Seed => a.manifest.training.seed.cmp(&b.manifest.training.seed),
            Column::Epochs => a.epochs.len().cmp(&b.epochs.len()),
            Column::Best => best(a).total_cmp(&best(b)),
            by => natural(&self.cell(a, by), &self.cell(b, by)),
        }
    }

    /// What the list shows of a run.
    pub fn cell(&self, run: &Summary, column: Column) -> String {
        let training = &run.manifest.training;
        match column {
            Column::Name => self.name(&run.path),
            Column::System => run.manifest.model.system.title().to_owned(),
            Column::Strategy => training.strategy.name().to_owned(),
            Column::Fold => match run.fold.is_empty() {
                true => format!("{} {}", training.protocol.name(), training.fold),
                false => run.fold.clone(),
            },
            Column::Seed => training.seed.to_string(),
            Column::Epochs => format!("{} of {}", run.epochs.len(), training.epochs),
            Column::Best => best(run).map_or_else(String::new, |(metric, value)| {
                let value = match metric.is_share() {
                    true => format!("{:.1} %", 100.0 * value),
                    false => format!("{value:.3}"),
                };
                format!("{} {value}", metric.title())
            }),
            Column::State => state(run),
        }
    }
}

impl Column {
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Best,
        Self::State,
        Self::Epochs,
        Self::System,
        Self::Strategy,
        Self::Fold,
        Self::Seed,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "run",
            Self::System => "system",
            Self::Strategy => "strategy",
            Self::Fold => "held out",
            Self::Seed => "seed",
            Self::Epochs => "epochs",
            Self::Best => "kept epoch",
            Self::State => "state",
        }
    }

    pub const fn hint(self) -> &'static str {
        match self {
            Self::Name => "The run's folder",
            Self::System => "What is trained",
            Self::Strategy => "The training strategy",
            Self::Fold => "The fold: what is not trained on",
            Self::Seed => "Of initial weights and masks",
            Self::Epochs => "Finished, and at most",
            Self::Best => {
                "The main validation score of the epoch whose weights are kept: the one with the lowest validation loss, \
                 or what training.select says"
            }
            Self::State => {
                "Whether it has finished (also before its last epoch), or when it last wrote"
            }
        }
    }
}

/// The main score of the best epoch, on the validation set.
pub fn best(run: &Summary) -> Option<(Metric, f64)> {
    let metric = Metric::main(run.manifest.model.task);
    let value = run.best()?.validation.get(metric);
    value.is_finite().then_some((metric, value))
}

/// Whether it has finished, or when it last wrote.
fn state(run: &Summary) -> String {
    if run.finished {
        let is_early = run.epochs.len() < run.manifest.training.epochs;
        return if is_early {
            "stopped early"
        } else {
            "finished"
        }
        .to_owned();
    }
    let age = |changed: SystemTime| changed.elapsed().unwrap_or(Duration::ZERO).as_secs();
    match run.changed.map(age) {
        None => "not finished".to_owned(),
        Some(0..120) if !run.is_interrupted => "trains now".to_owned(),
        Some(seconds @ 0..60) => format!("not finished, {seconds} s ago"),
        Some(seconds @ ..7200) => format!("not finished, {} min ago", seconds / 60),
        Some(seconds @ ..172_800) => format!("not finished, {} h ago", seconds / 3600),
        Some(seconds) => format!("not finished, {} days ago", seconds / 86_400),
    }
}

/// What can be drawn over the epochs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quantity {
    /// The main score of the task, on the validation set.
    #[default]
    Score,
    ValidationLoss,
    /// A mean loss in training, where the system has it.
    Loss(Term),
}

impl Quantity {
    /// Those that any of the runs has.
    pub fn of(runs: &[&Summary]) -> Vec<Self> {
        let records = || runs.iter().flat_map(|run| &run.epochs);
        let terms: BTreeSet<Term> = records()
            .flat_map(|own| own.losses.keys().copied())
            .collect();
        let losses = terms.into_iter().map(Self::Loss);
        [Self::Score, Self::ValidationLoss]
            .into_iter()
            .chain(losses)
            .collect()
    }

    pub fn title(self) -> String {
        match self {
            Self::Score => "validation score".to_owned(),
            Self::ValidationLoss => "validation loss".to_owned(),
            Self::Loss(term) => format!("training: {}", term.name()),
        }
    }

    /// Its values by epoch, numbered from 1; nothing where it is not defined.
    pub fn history(self, run: &Summary) -> Vec<[f64; 2]> {
        let metric = Metric::main(run.manifest.model.task);
        let value = |record: &EpochRecord| match self {
            Self::Score => record.validation.get(metric),
            Self::ValidationLoss => record.validation_loss,
            Self::Loss(term) => record
                .losses
                .get(&term)
                .map_or(f64::NAN, |own| f64::from(*own)),
        };
        let points = run.epochs.iter();
        let points = points.map(|record| [(record.epoch + 1) as f64, value(record)]);
        points.filter(|[_, value]| value.is_finite()).collect()
    }
}
