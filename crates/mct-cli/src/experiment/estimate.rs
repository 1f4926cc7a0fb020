//! The runs that are still to be trained, and how long they take.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::HumanDuration;
use mct_corpus::Corpus;
use mct_hfr::training::{Checkpoint, Event, Face, Trainer};

use crate::device;
use crate::experiment::plan::Run;
use crate::experiment::pool::describe;
use crate::experiment::store::Store;
use crate::output::{say, table};

/// Steps that are timed where no run of the same kind has finished; the first is a warm-up.
const STEPS: usize = 4;

/// Stops after a few steps and keeps nothing.
#[derive(Default)]
struct Stopwatch {
    steps: usize,
    steps_per_epoch: usize,
    started: Option<Instant>,
    elapsed: Duration,
}

impl Face for Stopwatch {
    fn event(&mut self, event: Event) -> mct_hfr::Result<()> {
        if let Event::Step { step, steps, .. } = event {
            self.steps_per_epoch = steps;
            self.steps = self.steps.max(step);
        }
        Ok(())
    }
    fn save(&mut self, _: &Checkpoint, _: bool) -> mct_hfr::Result<()> {
        Ok(())
    }
    fn save_test_selected(&mut self, _: &Checkpoint) -> mct_hfr::Result<()> {
        Ok(())
    }
    async fn stop_requested(&mut self) -> bool {
        self.steps + 1 >= STEPS
    }
    fn save_due(&self) -> bool {
        // The losses are then read after each step, which waits for the device.
        true
    }
    async fn pause(&mut self) {
        match self.started {
            None => self.started = Some(Instant::now()),
            Some(started) => self.elapsed = started.elapsed(),
        }
    }
}

/// Seconds that the run takes without early stopping, estimated from a few steps.
fn measured(run: &Run, corpus: &Corpus) -> Result<f64> {
    let device = device::choose(&run.manifest.device)?;
    let mut trainer = Trainer::new(corpus, run.manifest.config(), &device.device)?;
    let mut face = Stopwatch::default();
    pollster::block_on(trainer.run(&mut face))?;
    let timed = face.steps.saturating_sub(1).max(1);
    let steps = (face.steps_per_epoch * run.manifest.training.epochs) as f64;
    Ok(face.elapsed.as_secs_f64() / timed as f64 * steps)
}

/// Runs of the same kind take about the same time.
fn kind(run: &Run) -> String {
    let training = &run.manifest.training;
    let layers = run.manifest.model.layers;
    let system = run.manifest.model.system.title();
    format!("{system}, {:?}, {layers} layers", training.strategy)
}

/// Lists the runs, and estimates the time that the `missing` ones take.
///
/// # Errors
/// When predictions cannot be read or steps cannot be timed.
pub fn show(
    store: &Store,
    corpus: &Corpus,
    runs: &BTreeMap<String, Run>,
    missing: &[Run],
    jobs: usize,
) -> Result<()> {
    for run in runs.values() {
        let state = if store.is_finished(&run.id) {
            "finished"
        } else {
            "to do"
        };
        say(format!("{state:<9} {}", describe(run)));
    }
    let mut finished: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for run in runs.values().filter(|run| store.is_finished(&run.id)) {
        let seconds = store.predictions(run)?.training_seconds;
        finished.entry(kind(run)).or_default().extend(seconds);
    }
    let mut kinds: BTreeMap<String, (usize, f64, &str)> = BTreeMap::new();
    for run in missing {
        let entry = match kinds.entry(kind(run)) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let past = finished.get(&kind(run)).filter(|past| !past.is_empty());
                let (seconds, how) = match past {
                    Some(past) => (
                        past.iter().sum::<f64>() / past.len() as f64,
                        "finished runs",
                    ),
                    None => (measured(run, corpus)?, "a few steps"),
                };
                entry.insert((0, seconds, how))
            }
        };
        entry.0 += 1;
    }
    let human = |seconds: f64| {
        HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or_default()).to_string()
    };
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .map(|(kind, (count, seconds, how))| {
            vec![
                kind.clone(),
                count.to_string(),
                human(*seconds),
                (*how).to_owned(),
            ]
        })
        .collect();
    say(format!(
        "\n{}",
        table(&["to do", "runs", "each", "estimated from"], &rows)
    ));
    let total: f64 = kinds.values().map(|(count, s, _)| *count as f64 * s).sum();
    say(format!(
        "\n{} of {} runs to do; about {} with {jobs} at a time, without early stopping and with one core per job",
        missing.len(),
        runs.len(),
        human(total / jobs as f64)
    ));
    Ok(())
}
