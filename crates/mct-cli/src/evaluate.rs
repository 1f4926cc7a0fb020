//! `mct-hfr evaluate`: scores at missing rates.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, value_parser};
use mct_runs::Which;
use mct_scores::{Metric, Scores};

use crate::arguments::{batch_size, scored};
use crate::assess::{Assessment, Conditions, RunScores, Side, Source, corpus_of};
use crate::missing::{MASK_SEED, MASK_SEEDS, MissingArgs};
use crate::output::{remark, say, say_json, score, table};
use crate::tables::{
    calibration_note, calibration_rows, class_rows, duration_rows, heading, interval_note,
    run_rows, sections,
};
use crate::{corrupted, device, interrupt, report};

/// Score runs on their test sets at missing rates
///
/// Several runs, such as the folds of one corpus, are pooled: the scores are computed on all their
/// predictions together.
#[derive(Args)]
pub struct Evaluate {
    /// Run folders, or files of weights with --corpus
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// A corpus other than that of the run
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    #[arg(long, default_value = "test")]
    side: Side,
    /// best (on the validation set), last, or test-selected of a run that keeps it
    #[arg(long, default_value = "best", value_parser = scored)]
    checkpoint: Which,
    #[command(flatten)]
    missing: MissingArgs,
    /// Seed of the masks
    #[arg(long, default_value_t = MASK_SEED)]
    mask_seed: u64,
    /// Draws of the missing steps, pooled: the first with --mask-seed, the others with the next ones
    #[arg(long, value_name = "N", default_value_t = MASK_SEEDS.len() as u64, value_parser = value_parser!(u64).range(1..=1000))]
    mask_draws: u64,
    /// Fit a temperature and sets of classes on the validation set of each run
    #[arg(long)]
    calibrate: bool,
    /// Utterances per batch on a GPU; affects only time and memory (the CPU takes each alone, several at once)
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = batch_size)]
    batch_size: usize,
    /// auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// The same recordings after corruption (`corpus extract --noise …`): scores them at missing rate 0, beside
    /// those of missing steps (repeatable)
    #[arg(long, value_name = "FILE")]
    corrupted: Vec<PathBuf>,
    /// Write a report with figures to this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    pub fn run(self) -> Result<()> {
        let mut sources = Vec::new();
        for path in &self.runs {
            sources.push(Source::read(path, self.checkpoint)?);
        }
        let (reference, corpus) = corpus_of(self.corpus.as_deref(), &sources)?;
        // Another corpus may count the same classes in another way.
        let corpus = match sources.first() {
            Some(source) => source.checkpoint.interface.fit(&corpus)?,
            None => corpus,
        };
        interrupt::watch()?;
        let conditions = Conditions {
            corpus: &corpus,
            reference: &reference,
            side: self.side,
            missing: &self.missing,
            mask_seed: self.mask_seed,
            mask_draws: self.mask_draws,
            calibrate: self.calibrate,
            once_more: false,
            batch_size: self.batch_size,
            device: &device::choose(&self.device)?,
        };
        let mut assessment = conditions.assess(&sources)?;
        if self.checkpoint == Which::TestSelected {
            let warning = "test-selected: the epochs were chosen on the test sets, of which these scores say nothing";
            remark(format!("warning: {warning}"));
            assessment.warnings.push(warning.to_owned());
        }
        assessment.corrupted = corrupted::assess(
            &self.corrupted,
            &conditions,
            &assessment.evaluation,
            &sources,
        )?;
        if self.json {
            say_json(&assessment)?;
        } else {
            show(&assessment)?;
        }
        if let Some(folder) = &self.report {
            report::write(folder, &corpus, &assessment, &sources)?;
            remark(format!(
                "the report is {}",
                folder.join("report.html").display()
            ));
        }
        Ok(())
    }
}

/// Prints the tables.
pub fn show(assessment: &Assessment) -> Result<()> {
    let evaluation = &assessment.evaluation;
    say(format!("{}\n", heading(evaluation)));
    for section in sections(assessment) {
        if !section.title.is_empty() {
            say(&section.title);
        }
        let header: Vec<&str> = section.header.iter().map(String::as_str).collect();
        say(table(&header, &section.rows));
    }
    say(interval_note(assessment.intervals.as_ref()));
    let (columns, body) = calibration_rows(assessment);
    if !body.is_empty() {
        let header: Vec<&str> = columns.iter().map(String::as_str).collect();
        say(format!("\n{}", table(&header, &body)));
    }
    if let Some(note) = calibration_note(assessment) {
        say(note);
    }
    if !assessment.corrupted.is_empty() {
        let (columns, body) = corrupted::rows(&assessment.corrupted, evaluation);
        let header: Vec<&str> = columns.iter().map(String::as_str).collect();
        say(format!("\n{}", table(&header, &body)));
    }
    let (columns, body) = duration_rows(evaluation);
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    if !body.is_empty() {
        say(format!("\n{}", table(&header, &body)));
    }
    for matrices in evaluation.matrices() {
        let (Some(rate), Some(confusion)) = (evaluation.rates.first(), matrices.confusion.first())
        else {
            continue;
        };
        let corner = format!("true \\ predicted at {rate}");
        let mut header = vec![corner.as_str()];
        header.extend(matrices.classes.iter().map(String::as_str));
        let body: Vec<Vec<String>> = (matrices.classes.iter().zip(&confusion.0))
            .map(|(class, row)| {
                let counts = row.iter().map(usize::to_string);
                std::iter::once(class.clone()).chain(counts).collect()
            })
            .collect();
        let title = match matrices.target {
            "" => String::new(),
            target => format!("\n{target}, in bins"),
        };
        say(format!("{title}\n{}", table(&header, &body)));
    }
    let (columns, body) = class_rows(assessment);
    if !body.is_empty() {
        let header: Vec<&str> = columns.iter().map(String::as_str).collect();
        say(format!("\n{}", table(&header, &body)));
    }
    if assessment.runs.len() > 1 {
        let (columns, body) = run_rows(assessment);
        let header: Vec<&str> = columns.iter().map(String::as_str).collect();
        say(format!("\n{}", table(&header, &body)));
        let count = assessment.runs.len() as f64;
        let mean = |pick: &dyn Fn(&RunScores) -> f64| {
            assessment.runs.iter().map(pick).sum::<f64>() / count
        };
        let metric = Metric::main(evaluation.task);
        let (first, area) = (
            mean(&|run| run.first(metric)),
            mean(&|run| run.auilc.get(metric)),
        );
        let mut text = format!(
            "mean of the runs: {} {}, AUILC {}",
            metric.title(),
            score(first),
            score(area)
        );
        let validated = assessment
            .runs
            .iter()
            .map(|run| run.validation_auilc.as_ref());
        if let Some(all) = validated.collect::<Option<Vec<&Scores>>>() {
            let sum: f64 = all.iter().map(|own| own.get(metric)).sum();
            text += &format!(", on validation {}", score(sum / count));
        }
        say(text);
    }
    Ok(())
}
