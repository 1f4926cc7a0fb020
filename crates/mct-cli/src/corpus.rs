//! `mct-hfr corpus`: generate, import and inspect corpora.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use mct_corpus::fold::fold;
use mct_corpus::import::{self, Format, NonFinite, Options};
use mct_corpus::{Corpus, Task, demo, info};
use mct_hfr::config::ProtocolKind;

use crate::arguments::kebab;
use crate::assess::LimitCurve;
use crate::description::DescriptionArgs;
use crate::extract::Extract;
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{remark, say, say_json, score, table, usage};

#[derive(Subcommand)]
pub enum Command {
    /// Make a corpus from existing features
    Import(Box<Import>),
    /// Make a corpus from raw recordings
    Extract(Box<Extract>),
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
            Self::Extract(command) => command.run(),
            Self::Info(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Demo(command) => command.run(),
            Self::Limit(command) => command.run(),
        }
    }
}

/// The layout of a file.
#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// Arrays: for each modality M padded, or concatenated with M_lengths, or an array of objects
    Npz,
    /// A pickle of MMSA or MMSA-FET
    Mmsa,
    /// A pickle of MulT
    Mult,
    /// A table of utterances, with the features in files of their own
    Table,
}

#[derive(Clone, Copy, ValueEnum)]
enum NonFiniteAs {
    /// The step is missing by nature
    Missing,
    /// The value is 0
    Zero,
    /// The file is refused
    Refuse,
}

/// Make a corpus from existing features
///
/// What a user may not expect (a clip without a face, a class that does not occur, speakers that are a
/// guess) is said on standard error.
#[derive(Args)]
pub struct Import {
    /// The file to import: .npz, .pkl, .csv or .tsv
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The layout of the file [default: by its name and content]
    #[arg(long)]
    from: Option<From>,
    /// The corpus file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    described: DescriptionArgs,
    /// What becomes of NaN and infinite feature values
    #[arg(long, default_value = "missing")]
    non_finite: NonFiniteAs,
    /// Replace feature values of -inf (the log of silence) by 0
    #[arg(long)]
    zero_infinite: bool,
    /// Steps per second of a modality, before stacking (repeatable)
    #[arg(long, value_name = "MODALITY=HZ", value_parser = import::of_modality::<f32>)]
    rate: Vec<(String, f32)>,
    /// For a table: the folder of MODALITY/ID.npy [default: `features` beside it]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Bytes that a packed file may unpack to [default: 24 MiB or 8 times its size]
    #[arg(long, value_name = "BYTES")]
    max_unpacked: Option<u64>,
}

impl Import {
    fn run(self) -> Result<()> {
        let format = self.from.map(|from| match from {
            From::Npz => Format::Npz,
            From::Mmsa => Format::Mmsa,
            From::Mult => Format::Mult,
            From::Table => Format::Table,
        });
        let options = Options {
            non_finite: match self.non_finite {
                NonFiniteAs::Missing => NonFinite::Missing,
                NonFiniteAs::Zero => NonFinite::Zero,
                NonFiniteAs::Refuse => NonFinite::Refuse,
            },
            zero_infinite: self.zero_infinite,
            rates: self.rate,
            max_unpacked: self.max_unpacked,
            features: self.features,
            ..self.described.options(&self.out)?
        };
        let imported = import::import(format, &self.input, &options)?;
        for note in &imported.notes {
            remark(format!("note: {note}"));
        }
        imported.corpus.save(&self.out)?;
        wrote(&imported.corpus, &self.out);
        Ok(())
    }
}

pub fn wrote(corpus: &Corpus, path: &Path) {
    remark(format!("{}: {} utterances", path.display(), corpus.len()));
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
        say(format!("{}{synthetic}", info.title));
        say(format!("licence: {}", info.licence));
        let (n, speakers) = (info.utterances, info.speakers);
        say(format!("{n} utterances of {speakers} speakers"));
        if let Some(origin) = &info.speakers_guessed_from {
            say(format!("speakers are guessed from {origin}"));
        }
        for (count, what) in [
            (info.unknown_speakers, "of an unknown speaker"),
            (info.all_missing, "of which everything is missing by nature"),
        ] {
            if count > 0 {
                say(format!("{count} utterances {what}"));
            }
        }
        if !info.columns.is_empty() {
            say(format!("further columns: {}", info.columns.join(", ")));
        }
        say("");
        let mut header = vec!["session", "utterances"];
        header.extend(info.classes.iter().map(String::as_str));
        let some_unlabelled = info.sessions.iter().any(|s| s.unlabelled > 0);
        header.extend(some_unlabelled.then_some("no class"));
        let rows: Vec<Vec<String>> = info
            .sessions
            .iter()
            .map(|session| {
                let mut row = vec![session.name.clone(), session.utterances.to_string()];
                row.extend(session.by_class.iter().map(usize::to_string));
                row.extend(some_unlabelled.then(|| session.unlabelled.to_string()));
                row
            })
            .collect();
        say(table(&header, &rows));
        let spread = |p: &info::Percentiles| {
            let values = [p.min, p.p25, p.p50, p.p75, p.p95, p.max];
            values.map(|value| match p.count {
                0 => "?".to_owned(),
                _ => format!("{value}"),
            })
        };
        let mut rows = vec![
            [
                vec!["duration (s)".to_owned()],
                spread(&info.duration_secs).into(),
            ]
            .concat(),
        ];
        for target in &info.targets {
            let name = format!(
                "{} ({} to {})",
                target.name, target.range[0], target.range[1]
            );
            rows.push([vec![name], spread(&target.values).into()].concat());
        }
        for modality in &info.modalities {
            let name = format!("{} (steps)", modality.name);
            rows.push([vec![name], spread(&modality.steps).into()].concat());
        }
        say("");
        say(table(
            &["", "min", "25 %", "50 %", "75 %", "95 %", "max"],
            &rows,
        ));
        let rows: Vec<Vec<String>> = info
            .modalities
            .iter()
            .map(|modality| {
                let rate = modality.rate_hz.map_or("?".into(), |rate| rate.to_string());
                let unknown = if modality.unknown_vector { "yes" } else { "no" };
                vec![
                    modality.name.clone(),
                    modality.features.to_string(),
                    modality
                        .extractor
                        .as_deref()
                        .map_or_else(|| "?".into(), named),
                    rate,
                    unknown.to_owned(),
                    modality.total_steps.to_string(),
                    modality.absent.to_string(),
                    modality.missing_steps.to_string(),
                    modality.non_finite.nan.to_string(),
                    modality.non_finite.infinite.to_string(),
                ]
            })
            .collect();
        let header = [
            "modality",
            "features",
            "extractor",
            "Hz",
            "[UNK]",
            "steps",
            "utterances without",
            "missing steps",
            "NaN",
            "infinite",
        ];
        say("");
        say(table(&header, &rows));
        Ok(())
    }
}

/// What made features, with the beginning of its weights' digests.
fn named(extractor: &str) -> String {
    /// Enough to tell weights apart.
    const SHOWN: usize = 8;
    match extractor.split_once('@') {
        None => extractor.to_owned(),
        Some((name, digests)) => {
            let parts = digests
                .split('+')
                .map(|digest| digest.get(..SHOWN).unwrap_or(digest));
            format!("{name}@{}", parts.collect::<Vec<_>>().join("+"))
        }
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
            say(format!("{}: {finding}", self.corpus.display()));
        }
        match findings.len() {
            0 => {
                say(format!("{}: nothing is wrong", self.corpus.display()));
                Ok(())
            }
            1 => bail!("1 finding"),
            count => bail!("{count} findings"),
        }
    }
}

/// How a synthetic corpus comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Process {
    /// Emotion shows in moments; most of the rest is noise
    Moments,
    /// Words and faces carry most of the variance, and emotion is a change in how they look: what is missing
    /// can be told from its neighbours
    Content,
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
    #[arg(long, default_value = "moments")]
    process: Process,
}

impl Demo {
    fn run(self) -> Result<()> {
        let corpus = match self.process {
            Process::Moments => demo::generate(self.seed, self.scale),
            Process::Content => demo::generate_content(self.seed, self.scale),
        };
        let corpus = corpus.map_err(usage)?;
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
            Some(index) => {
                let protocol = self.protocol.into();
                fold(&corpus, Task::Classification, protocol, index)?.test
            }
            None => (0..corpus.len()).collect(),
        };
        let curve = LimitCurve::of(&corpus, &indices, &[], &self.missing, &[self.mask_seed])?;
        if self.json {
            return say_json(&curve);
        }
        say(format!(
            "exact limit on {} synthetic utterances\n",
            curve.utterances
        ));
        let rows: Vec<Vec<String>> = (0..curve.rates.len())
            .map(|i| {
                vec![
                    format!("{}", curve.rates[i]),
                    score(curve.accuracy[i]),
                    score(curve.ua[i]),
                    score(curve.reliability.nll[i]),
                ]
            })
            .collect();
        say(table(&["rate", "accuracy", "UA", "NLL"], &rows));
        say(format!("AUILC of UA: {}", score(curve.auilc)));
        Ok(())
    }
}
