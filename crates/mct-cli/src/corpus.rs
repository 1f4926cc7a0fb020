//! `mct-hfr corpus`: generate, import and inspect corpora.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use mct_corpus::fold::fold;
use mct_corpus::import::{Format, Options, SpeakerTable, import};
use mct_corpus::{Corpus, Precision, demo, info};
use mct_hfr::config::ProtocolKind;

use crate::arguments::{Stored, kebab};
use crate::assess::LimitCurve;
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{remark, say, say_json, score, table, usage};

#[derive(Subcommand)]
pub enum Command {
    /// Make a corpus from existing features
    Import(Import),
    /// Describe a corpus
    Info(Info),
    /// Validate a corpus and list every defect (exit code 1 if there is one)
    Check(Check),
    /// Generate the synthetic demo corpus
    Demo(Demo),
    /// The best scores that any model can reach on a synthetic corpus
    Limit(Limit),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Import(command) => command.run(),
            Self::Info(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Demo(command) => command.run(),
            Self::Limit(command) => command.run(),
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// A ragged npz: for each modality M the arrays M and M_lengths
    Npz,
    /// A pickle of MMSA
    Mmsa,
    /// A pickle of MulT
    Mult,
}

/// Make a corpus from existing features
#[derive(Args)]
pub struct Import {
    /// The file to import
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The layout of the file
    #[arg(long)]
    from: From,
    /// The corpus file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The corpus's title [default: the file's name]
    #[arg(long)]
    title: Option<String>,
    /// The terms under which the data may be used
    #[arg(long)]
    licence: Option<String>,
    /// Replace feature values of -inf (the log of silence) by 0
    #[arg(long)]
    zero_infinite: bool,
    /// Stack N consecutive steps of a modality into one (repeatable)
    #[arg(long, value_name = "MODALITY=N", value_parser = named::<usize>)]
    stack: Vec<(String, usize)>,
    /// Steps per second of a modality, before stacking (repeatable)
    #[arg(long, value_name = "MODALITY=HZ", value_parser = named::<f32>)]
    rate: Vec<(String, f32)>,
    /// A tab-separated table with the columns speaker, session and sex (F or M)
    #[arg(long, value_name = "TSV")]
    speakers: Option<PathBuf>,
    /// Precision of the stored values [default: as in the file]
    #[arg(long)]
    precision: Option<Stored>,
    /// Names of the classes in the order of the labels, separated by commas
    #[arg(long, value_delimiter = ',')]
    class_names: Option<Vec<String>>,
}

impl Import {
    fn run(self) -> Result<()> {
        let format = match self.from {
            From::Npz => Format::Npz,
            From::Mmsa => Format::Mmsa,
            From::Mult => Format::Mult,
        };
        let speakers = match &self.speakers {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).context(name.clone())?;
                Some(SpeakerTable::parse(&name, &text)?)
            }
        };
        let options = Options {
            title: self.title,
            licence: self.licence,
            zero_infinite: self.zero_infinite,
            stack: self.stack,
            rates: self.rate,
            speakers,
            precision: self.precision.map(|stored| match stored {
                Stored::F32 => Precision::F32,
                Stored::F16 => Precision::F16,
            }),
            class_names: self.class_names,
        };
        let corpus = import(format, &self.input, &options)?;
        corpus.save(&self.out)?;
        wrote(&corpus, &self.out);
        Ok(())
    }
}

fn wrote(corpus: &Corpus, path: &Path) {
    remark(format!("{}: {} utterances", path.display(), corpus.len()));
}

/// `name=value`.
fn named<T: std::str::FromStr>(text: &str) -> Result<(String, T), String> {
    let (name, value) = text.split_once('=').ok_or("expected MODALITY=VALUE")?;
    let value = value
        .parse()
        .map_err(|_| format!("`{value}` is not a valid number"))?;
    Ok((name.to_owned(), value))
}

/// Describe a corpus
#[derive(Args)]
pub struct Info {
    #[arg(value_name = "FILE")]
    corpus: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Info {
    fn run(self) -> Result<()> {
        let info = Corpus::open(&self.corpus)?.info();
        if self.json {
            return say_json(&info);
        }
        let synthetic = if info.synthetic { " (synthetic)" } else { "" };
        say(format!("{}{synthetic}", info.title))?;
        say(format!("licence: {}", info.licence))?;
        let (n, speakers) = (info.utterances, info.speakers);
        say(format!("{n} utterances of {speakers} speakers\n"))?;
        let mut header = vec!["session", "utterances"];
        header.extend(info.classes.iter().map(String::as_str));
        let rows: Vec<Vec<String>> = info
            .sessions
            .iter()
            .map(|session| {
                let mut row = vec![session.name.clone(), session.utterances.to_string()];
                row.extend(session.by_class.iter().map(usize::to_string));
                row
            })
            .collect();
        say(table(&header, &rows))?;
        let spread = |p: &info::Percentiles| {
            [p.min, p.p25, p.p50, p.p75, p.p95, p.max].map(|value| format!("{value}"))
        };
        let mut rows = vec![
            [
                vec!["duration (s)".to_owned()],
                spread(&info.duration_secs).into(),
            ]
            .concat(),
        ];
        for modality in &info.modalities {
            let name = format!("{} (steps)", modality.name);
            rows.push([vec![name], spread(&modality.steps).into()].concat());
        }
        say("")?;
        say(table(
            &["", "min", "25 %", "50 %", "75 %", "95 %", "max"],
            &rows,
        ))?;
        let rows: Vec<Vec<String>> = info
            .modalities
            .iter()
            .map(|modality| {
                let rate = modality.rate_hz.map_or("?".into(), |rate| rate.to_string());
                let unknown = if modality.unknown_vector { "yes" } else { "no" };
                vec![
                    modality.name.clone(),
                    modality.features.to_string(),
                    rate,
                    unknown.to_owned(),
                    modality.total_steps.to_string(),
                    modality.non_finite.nan.to_string(),
                    modality.non_finite.infinite.to_string(),
                ]
            })
            .collect();
        let header = [
            "modality", "features", "Hz", "[UNK]", "steps", "NaN", "infinite",
        ];
        say("")?;
        say(table(&header, &rows))
    }
}

/// Validate a corpus and list every defect (exit code 1 if there is one)
#[derive(Args)]
pub struct Check {
    #[arg(value_name = "FILE")]
    corpus: PathBuf,
}

impl Check {
    fn run(self) -> Result<()> {
        let findings = match Corpus::inspect(&self.corpus)? {
            Err(findings) => findings,
            Ok(corpus) => info::values(&corpus),
        };
        for finding in &findings {
            say(format!("{}: {finding}", self.corpus.display()))?;
        }
        match findings.len() {
            0 => say(format!("{}: nothing is wrong", self.corpus.display())),
            1 => bail!("1 finding"),
            count => bail!("{count} findings"),
        }
    }
}

/// Generate the synthetic demo corpus
#[derive(Args)]
pub struct Demo {
    /// The corpus file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The same seed gives the same bytes on every platform
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 1 for the paper's 5531 utterances, 0.1 for a tenth of them
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
}

impl Demo {
    fn run(self) -> Result<()> {
        let corpus = demo::generate(self.seed, self.scale).map_err(usage)?;
        corpus.save(&self.out)?;
        wrote(&corpus, &self.out);
        Ok(())
    }
}

/// The best scores that any model can reach on a synthetic corpus: its exact posterior
#[derive(Args)]
pub struct Limit {
    #[arg(value_name = "FILE")]
    corpus: PathBuf,
    /// The test set of this fold [default: all utterances]
    #[arg(long, value_name = "K")]
    fold: Option<usize>,
    /// Cross-validation protocol: session, session-swapped, speaker, groups or file
    #[arg(long, default_value = "session", value_parser = kebab::<ProtocolKind>)]
    protocol: ProtocolKind,
    #[command(flatten)]
    missing: MissingArgs,
    /// Seed of the masks
    #[arg(long, default_value_t = MASK_SEED)]
    mask_seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Limit {
    fn run(self) -> Result<()> {
        let corpus = Corpus::open(&self.corpus)?;
        let indices = match self.fold {
            Some(index) => fold(&corpus, self.protocol.into(), index)?.test,
            None => (0..corpus.len()).collect(),
        };
        let curve = LimitCurve::of(&corpus, &indices, &self.missing, self.mask_seed)?;
        if self.json {
            return say_json(&curve);
        }
        say(format!(
            "exact limit on {} synthetic utterances\n",
            curve.utterances
        ))?;
        let rows: Vec<Vec<String>> = (0..curve.rates.len())
            .map(|i| {
                vec![
                    format!("{}", curve.rates[i]),
                    score(curve.accuracy[i]),
                    score(curve.ua[i]),
                ]
            })
            .collect();
        say(table(&["rate", "accuracy", "UA"], &rows))?;
        say(format!("AUILC of UA: {}", score(curve.auilc)))
    }
}
