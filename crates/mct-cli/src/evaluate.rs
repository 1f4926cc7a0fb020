//! `mct-hfr evaluate`: scores at missing rates.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_corpus::missing::{Missing, Pattern};
use mct_hfr::checkpoint::Checkpoint;
use mct_hfr::device::Named;
use mct_hfr::evaluate::{Evaluation, most_probable, probabilities};
use mct_hfr::event::EpochRecord;
use mct_hfr::metrics::auilc;
use serde::Serialize;

use crate::corpus::LimitCurve;
use crate::output::{Interrupted, remark, say, say_json, score, table, usage};
use crate::run_folder::{CorpusReference, RunFolder, Which, read_checkpoint};
use crate::train::rate;
use crate::{device, interrupt, progress, report};

/// Masks of evaluation and limit, unless told otherwise: the same for all systems and seeds.
pub const MASK_SEED: u64 = 1;

/// Which steps are hidden.
#[derive(Args, Clone)]
pub struct Hidden {
    /// Missing rates, ascending
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = rate,
        default_value = "0.0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9"
    )]
    pub rates: Vec<f64>,
    /// A modality with a rate of its own, 1 for absent (repeatable)
    #[arg(long = "missing", value_name = "MODALITY=RATE", value_parser = named_rate)]
    fixed: Vec<(String, f64)>,
    /// Hide runs of consecutive steps of this mean length instead of single steps
    #[arg(long, value_name = "STEPS")]
    burst: Option<f64>,
}

fn named_rate(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected MODALITY=RATE")?;
    Ok((name.to_owned(), rate(value)?))
}

impl Hidden {
    /// One rate for all modalities.
    pub fn at(rate: f64) -> Self {
        Self {
            rates: vec![rate],
            fixed: Vec::new(),
            burst: None,
        }
    }

    /// Rates 0.0 to 0.9, over which the paper sums AUILC.
    pub fn curve() -> Self {
        Self {
            rates: (0..10).map(|tenths| f64::from(tenths) / 10.0).collect(),
            ..Self::at(0.0)
        }
    }

    /// What is missing at each rate.
    pub fn settings(&self, corpus: &Corpus) -> Result<Vec<(f64, Missing)>> {
        if self.rates.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(usage(
                "--rates: expected each rate once, in ascending order",
            ));
        }
        let mut settings = Vec::new();
        for rate in &self.rates {
            let mut missing = Missing::uniform(*rate, corpus.modalities.len());
            if let Some(mean_steps) = self.burst {
                missing.pattern = Pattern::Burst { mean_steps };
            }
            for (name, fixed) in &self.fixed {
                let place = corpus.modalities.iter().position(|m| m.name == *name);
                let Some(place) = place else {
                    let names: Vec<&str> =
                        corpus.modalities.iter().map(|m| m.name.as_str()).collect();
                    let names = names.join(", ");
                    return Err(usage(format!(
                        "--missing: found `{name}`, expected one of {names}"
                    )));
                };
                missing.rates[place] = *fixed;
            }
            missing.validate(corpus).map_err(usage)?;
            settings.push((*rate, missing));
        }
        Ok(settings)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    Test,
    Validation,
    Train,
    /// Every utterance of the corpus
    All,
}

/// Score runs on their test sets at missing rates
///
/// Several runs, such as the folds of one corpus, are pooled: scores are those of all their
/// predictions together.
#[derive(Args)]
pub struct Evaluate {
    /// Run folders, or files of weights with --corpus
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Another corpus than that of the run
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    #[arg(long, default_value = "test")]
    side: Side,
    #[arg(long, default_value = "best")]
    checkpoint: Which,
    #[command(flatten)]
    hidden: Hidden,
    /// Seed of the masks
    #[arg(long, default_value_t = MASK_SEED)]
    mask_seed: u64,
    /// Utterances a batch; changes nothing but time and memory
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = batch_size)]
    batch_size: usize,
    /// auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// Write a report with figures to this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn batch_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=65_536) => Ok(size),
        _ => Err("a batch holds 1 to 65536 utterances".to_owned()),
    }
}

/// A model that was asked for by a run folder or a file.
pub struct Source {
    pub name: String,
    pub checkpoint: Checkpoint,
    /// `None` for a file of weights.
    pub corpus: Option<CorpusReference>,
    pub history: Vec<EpochRecord>,
}

impl Source {
    pub fn read(path: &Path, which: Which) -> Result<Self> {
        let name = path.display().to_string();
        if path.is_file() {
            return Ok(Self {
                checkpoint: read_checkpoint(path)?,
                name,
                corpus: None,
                history: Vec::new(),
            });
        }
        let folder = RunFolder::open(path)?;
        if !folder.checkpoint_path(which).exists() {
            bail!("{name}: no such checkpoint yet; go on with `mct-hfr resume {name}`");
        }
        let last = folder.last()?.and_then(|checkpoint| checkpoint.state);
        if last.as_ref().is_some_and(|state| !state.finished) {
            remark(format!("{name}: training has not finished"));
        }
        Ok(Self {
            checkpoint: folder.checkpoint(which)?,
            corpus: Some(folder.manifest.corpus),
            history: last.map(|state| state.history).unwrap_or_default(),
            name,
        })
    }
}

/// The corpus that is named, or that of the runs.
pub fn corpus_of(named: Option<&Path>, sources: &[Source]) -> Result<Corpus> {
    if let Some(path) = named {
        return crate::corpus::open(path);
    }
    let mut references = Vec::new();
    for source in sources {
        match &source.corpus {
            Some(reference) => references.push(reference),
            None => return Err(usage(format!("{}: weights need --corpus", source.name))),
        }
    }
    match references.as_slice() {
        [] => Err(usage("no run")),
        [first, rest @ ..] => {
            if rest.iter().any(|other| other.sha256 != first.sha256) {
                return Err(usage(
                    "the runs are about different corpora: name one with --corpus",
                ));
            }
            first.open()
        }
    }
}

/// Scores of runs together, with each run's own.
#[derive(Serialize)]
pub struct Assessment {
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The exact limit on the same utterances and masks, where the corpus has one.
    pub limit: Option<LimitCurve>,
    pub runs: Vec<RunScores>,
}

#[derive(Serialize)]
pub struct RunScores {
    pub run: String,
    pub fold: String,
    pub seed: u64,
    pub utterances: usize,
    pub ua: Vec<f64>,
    pub auilc_ua: f64,
}

/// What to evaluate on and how.
pub struct Task<'a> {
    pub corpus: &'a Corpus,
    pub side: Side,
    pub hidden: &'a Hidden,
    pub mask_seed: u64,
    pub batch_size: usize,
    pub device: &'a Named,
}

impl Task<'_> {
    pub fn assess(&self, sources: &[Source]) -> Result<Assessment> {
        let settings = self.hidden.settings(self.corpus)?;
        let rates = &self.hidden.rates;
        let bar = progress::bar((sources.len() * rates.len()) as u64, "evaluating");
        let mut all = Vec::new();
        let mut pooled = vec![Vec::new(); rates.len()];
        let mut runs = Vec::new();
        for source in sources {
            let checkpoint = &source.checkpoint;
            checkpoint.interface.require(self.corpus)?;
            self.corpus.require_finite()?;
            let training = &checkpoint.config.training;
            let everything = || (0..self.corpus.len()).collect();
            let (name, indices): (String, Vec<usize>) = if self.side == Side::All {
                ("all utterances".into(), everything())
            } else {
                let fold = fold(self.corpus, training.protocol.into(), training.fold)?;
                let indices = match self.side {
                    Side::Validation => fold.validation,
                    Side::Train => fold.train,
                    Side::Test | Side::All => fold.test,
                };
                (fold.name, indices)
            };
            let model = checkpoint.model(&self.device.device)?;
            let mut predicted = Vec::new();
            for (rate, missing) in &settings {
                if interrupt::requested() {
                    return Err(Interrupted("interrupted; nothing was written".into()).into());
                }
                bar.set_message(format!("rate {rate}"));
                let missing = Some((missing, self.mask_seed));
                let device = &self.device.device;
                let rows = pollster::block_on(probabilities(
                    &model,
                    self.corpus,
                    &indices,
                    missing,
                    self.batch_size,
                    device,
                ))?;
                let classes: Vec<usize> = rows.iter().map(|row| most_probable(row)).collect();
                predicted.push(classes);
                bar.inc(1);
            }
            let own = Evaluation::of(self.corpus, &indices, rates, &predicted);
            runs.push(RunScores {
                run: source.name.clone(),
                fold: name,
                seed: training.seed,
                utterances: indices.len(),
                auilc_ua: auilc(rates, &own.ua),
                ua: own.ua,
            });
            all.extend(indices);
            for (pooled, predicted) in pooled.iter_mut().zip(predicted) {
                pooled.extend(predicted);
            }
        }
        bar.finish_and_clear();
        let limit = match &self.corpus.metadata.process {
            None => None,
            Some(_) => Some(LimitCurve::of(
                self.corpus,
                &all,
                self.hidden,
                self.mask_seed,
            )?),
        };
        Ok(Assessment {
            evaluation: Evaluation::of(self.corpus, &all, rates, &pooled),
            limit,
            runs,
        })
    }
}

impl Evaluate {
    pub fn run(self) -> Result<()> {
        let mut sources = Vec::new();
        for path in &self.runs {
            sources.push(Source::read(path, self.checkpoint)?);
        }
        let corpus = corpus_of(self.corpus.as_deref(), &sources)?;
        interrupt::watch()?;
        let task = Task {
            corpus: &corpus,
            side: self.side,
            hidden: &self.hidden,
            mask_seed: self.mask_seed,
            batch_size: self.batch_size,
            device: &device::choose(&self.device)?,
        };
        let assessment = task.assess(&sources)?;
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

/// Rates, scores and limit as rows of text.
pub fn rows(assessment: &Assessment) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let Assessment {
        evaluation, limit, ..
    } = assessment;
    let mut header = vec!["rate", "UA", "WA", "UF1", "WF1"];
    if limit.is_some() {
        header.extend(["limit UA", "below"]);
    }
    let line = |name: String, ua: f64, wa: f64, uf1: f64, wf1: f64, limit: Option<f64>| {
        let mut row = vec![name, score(ua), score(wa), score(uf1), score(wf1)];
        row.extend(
            limit
                .iter()
                .flat_map(|limit| [score(*limit), score(limit - ua)]),
        );
        row
    };
    let mut rows: Vec<Vec<String>> = (0..evaluation.rates.len())
        .map(|i| {
            line(
                format!("{}", evaluation.rates[i]),
                evaluation.ua[i],
                evaluation.wa[i],
                evaluation.uf1[i],
                evaluation.wf1[i],
                limit.as_ref().map(|limit| limit.ua[i]),
            )
        })
        .collect();
    let area = &evaluation.auilc;
    let limit = limit.as_ref().map(|limit| limit.auilc);
    rows.push(line(
        "AUILC".into(),
        area.ua,
        area.wa,
        area.uf1,
        area.wf1,
        limit,
    ));
    (header, rows)
}

/// UA by duration as rows of text, at the first, the middle and the last rate, with the AUILC.
pub fn duration_rows(evaluation: &Evaluation) -> (Vec<String>, Vec<Vec<String>>) {
    let last = evaluation.rates.len() - 1;
    let mut columns = vec![0, last.div_ceil(2), last];
    columns.dedup();
    let mut header = vec!["duration".to_owned(), "utterances".to_owned()];
    header.extend(
        columns
            .iter()
            .map(|i| format!("UA at {}", evaluation.rates[*i])),
    );
    header.push("AUILC".into());
    let rows = evaluation.durations.iter().filter(|bin| bin.utterances > 0);
    let rows = rows.map(|bin| {
        let mut row = vec![bin.name.clone(), bin.utterances.to_string()];
        row.extend(columns.iter().map(|i| score(bin.ua[*i])));
        row.push(score(bin.auilc));
        row
    });
    (header, rows.collect())
}

/// What kind of numbers these are.
pub fn heading(evaluation: &Evaluation) -> String {
    let kind = if evaluation.synthetic {
        "synthetic "
    } else {
        ""
    };
    format!("{} {kind}utterances", evaluation.utterances)
}

/// Prints the tables.
pub fn show(assessment: &Assessment) -> Result<()> {
    let evaluation = &assessment.evaluation;
    say(format!("{}\n", heading(evaluation)))?;
    let (header, body) = rows(assessment);
    say(table(&header, &body))?;
    let (header, body) = duration_rows(evaluation);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    say(format!("\n{}", table(&header, &body)))?;
    for (rate, confusion) in evaluation.rates.iter().zip(&evaluation.confusion).take(1) {
        let corner = format!("true \\ predicted at {rate}");
        let mut header = vec![corner.as_str()];
        header.extend(evaluation.classes.iter().map(String::as_str));
        let body: Vec<Vec<String>> = (evaluation.classes.iter().zip(&confusion.0))
            .map(|(class, row)| {
                let counts = row.iter().map(usize::to_string);
                std::iter::once(class.clone()).chain(counts).collect()
            })
            .collect();
        say(format!("\n{}", table(&header, &body)))?;
    }
    if assessment.runs.len() > 1 {
        let body: Vec<Vec<String>> = (assessment.runs.iter())
            .map(|run| {
                let (ua, area) = (score(run.ua[0]), score(run.auilc_ua));
                vec![
                    run.run.clone(),
                    run.fold.clone(),
                    run.seed.to_string(),
                    ua,
                    area,
                ]
            })
            .collect();
        let first = format!("UA at {}", evaluation.rates[0]);
        let header = ["run", "fold", "seed", first.as_str(), "AUILC"];
        say(format!("\n{}", table(&header, &body)))?;
        let count = assessment.runs.len() as f64;
        let mean = |pick: &dyn Fn(&RunScores) -> f64| {
            assessment.runs.iter().map(pick).sum::<f64>() / count
        };
        let (ua, area) = (mean(&|run| run.ua[0]), mean(&|run| run.auilc_ua));
        say(format!(
            "mean of the runs: UA {}, AUILC {}",
            score(ua),
            score(area)
        ))?;
    }
    Ok(())
}
