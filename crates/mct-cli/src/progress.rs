//! The command line's `Face` of training: a progress bar, or JSON lines, and the run folder.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mct_hfr::config::Term;
use mct_hfr::error::{Error, Result};
use mct_hfr::training::{Checkpoint, Event, Face, ImaginationRecord, LossRecord};
use mct_runs::{Recorder, Which};

use crate::interrupt;
use crate::output::{remark, say_json};

/// Longest time between checkpoints: the most work that is lost when the machine goes down during a long
/// epoch.
const SAVE_EVERY: Duration = Duration::from_secs(300);

/// Validation scores in the line of an epoch.
const SHOWN: usize = 2;

pub struct CommandLine {
    recorder: Recorder,
    json: bool,
    epochs: usize,
    bar: ProgressBar,
    saved: Instant,
}

/// A progress bar over `length` items, with the remaining time.
pub fn bar(length: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {eta} left {msg}");
    let bar = ProgressBar::new(length).with_prefix(what.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl CommandLine {
    pub fn new(recorder: Recorder, json: bool) -> Self {
        Self {
            recorder,
            json,
            epochs: 0,
            bar: if json {
                ProgressBar::hidden()
            } else {
                bar(0, "training")
            },
            saved: Instant::now(),
        }
    }

    fn line(&self, text: &str) {
        if !self.json {
            self.bar.suspend(|| remark(text));
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Started {
                fold,
                train,
                validation,
                parameters,
                epochs,
                from_epoch,
            } => {
                self.epochs = *epochs;
                self.line(&format!(
                    "{fold}: {train} utterances to train on, {validation} to validate on; {parameters} parameters"
                ));
                if *from_epoch > 0 {
                    self.line(&format!("resuming from epoch {}", from_epoch + 1));
                }
            }
            Event::Step {
                epoch,
                step,
                steps,
                losses,
            } => {
                if self.bar.length() != Some((self.epochs * steps) as u64) {
                    self.bar.set_length((self.epochs * steps) as u64);
                    self.bar.set_position((epoch * steps) as u64);
                    self.bar.reset_eta();
                }
                self.bar.set_position((epoch * steps + step) as u64);
                self.bar
                    .set_message(format!("epoch {} {}", epoch + 1, terms(losses)));
            }
            Event::Epoch(record) => {
                let validation = &record.validation;
                let scores: Vec<String> = (validation.iter().take(SHOWN))
                    .map(|(metric, value)| format!("{} {value:.3}", metric.title()))
                    .collect();
                let area = record.validation_auilc;
                let auilc = area.map_or_else(String::new, |value| format!("  AUILC {value:.3}"));
                let imagination = record.imagination.map_or_else(String::new, |imagination| {
                    let ImaginationRecord { loss, of_another } = imagination;
                    format!("  imagination {loss:.3} (from another utterance's E: {of_another:.3})")
                });
                let mark = if record.best { "  best so far" } else { "" };
                self.line(&format!(
                    "epoch {:>3}  {}  validation: loss {:.3}  {}{auilc}{imagination}{mark}",
                    record.epoch + 1,
                    terms(&record.losses),
                    record.validation_loss,
                    scores.join("  "),
                ));
            }
            Event::Warning { message } => self.line(&format!("warning: {message}")),
            Event::Checkpoint { .. } => {}
            Event::Finished { .. } => self.bar.finish_and_clear(),
        }
    }
}

/// The total loss and its terms.
fn terms(losses: &LossRecord) -> String {
    let mut text = "loss".to_owned();
    for (term, value) in losses {
        let name = match term {
            // As the only term it equals the total.
            Term::Classification | Term::Regression if losses.len() == 2 => continue,
            Term::Total => String::new(),
            other => format!(" {}", other.name()),
        };
        text += &format!("{name} {value:.3}");
    }
    text
}

/// An error of the face, which the trainer returns.
fn failed(error: impl std::fmt::Display) -> Error {
    Error::Face(error.to_string())
}

impl Face for CommandLine {
    fn event(&mut self, event: Event) -> Result<()> {
        self.recorder.event(&event).map_err(failed)?;
        if self.json {
            say_json(&event).map_err(|error| failed(format!("{error:#}")))?;
        }
        self.show(&event);
        Ok(())
    }

    fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> Result<()> {
        let which = if best { Which::Best } else { Which::Last };
        self.recorder.save(checkpoint, which).map_err(failed)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn save_test_selected(&mut self, weights: &Checkpoint) -> Result<()> {
        let which = Which::TestSelected;
        self.recorder.save(weights, which).map_err(failed)
    }

    async fn stop_requested(&mut self) -> bool {
        interrupt::requested()
    }

    fn save_due(&self) -> bool {
        self.saved.elapsed() >= SAVE_EVERY
    }

    async fn pause(&mut self) {}
}
