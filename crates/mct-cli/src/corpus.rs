//! `mct-hfr corpus`: generate, import and inspect corpora.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use mct_corpus::bins::Bins;
use mct_corpus::fold::fold;
use mct_corpus::import::{self, Format, NonFinite, Options, SpeakerTable};
use mct_corpus::{Corpus, Precision, Task, demo, info};
use mct_hfr::config::ProtocolKind;

use crate::arguments::{Stored, kebab};
use crate::assess::LimitCurve;
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{remark, say, say_json, score, table, usage};

#[derive(Subcommand)]
pub enum Command {
    /// Make a corpus from existing features
    Import(Box<Import>),
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

/// How intensities become classes.
#[derive(Clone, Copy, ValueEnum)]
enum BinsOf {
    /// Below, at and above zero
    Sign,
    #[value(name = "2")]
    Two,
    #[value(name = "3")]
    Three,
    #[value(name = "5")]
    Five,
    #[value(name = "7")]
    Seven,
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

#[derive(Clone, Copy, ValueEnum)]
enum Labels {
    Classification,
    Regression,
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
    /// The corpus's title [default: the file's name]
    #[arg(long)]
    title: Option<String>,
    /// The terms under which the data may be used
    #[arg(long)]
    licence: Option<String>,
    /// The fields that hold the labels, separated by commas [default: those of the layout]
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    labels: Vec<String>,
    /// What the labels are [default: by their values]
    #[arg(long)]
    task: Option<Labels>,
    /// Make classes of intensities
    #[arg(long)]
    bins: Option<BinsOf>,
    /// The ends of the scale of the intensities [default: by their values]
    #[arg(long, value_name = "LOW,HIGH", value_parser = import::range, allow_hyphen_values = true)]
    range: Option<[f32; 2]>,
    /// Names of the intensities, separated by commas
    #[arg(long, value_delimiter = ',')]
    target_names: Option<Vec<String>>,
    /// Names of the classes in the order of the labels, separated by commas
    #[arg(long, value_delimiter = ',')]
    class_names: Option<Vec<String>>,
    /// What becomes of NaN and infinite feature values
    #[arg(long, default_value = "missing")]
    non_finite: NonFiniteAs,
    /// Replace feature values of -inf (the log of silence) by 0
    #[arg(long)]
    zero_infinite: bool,
    /// Stack N consecutive steps of a modality into one (repeatable)
    #[arg(long, value_name = "MODALITY=N", value_parser = import::of_modality::<usize>)]
    stack: Vec<(String, usize)>,
    /// Steps per second of a modality, before stacking (repeatable)
    #[arg(long, value_name = "MODALITY=HZ", value_parser = import::of_modality::<f32>)]
    rate: Vec<(String, f32)>,
    /// A table with the columns speaker, session and sex (F or M), or id and speaker
    #[arg(long, value_name = "TABLE")]
    speakers: Option<PathBuf>,
    /// A regular expression whose first group is the speaker in an id
    #[arg(long, value_name = "PATTERN")]
    speaker_from_id: Option<String>,
    /// For a table: the folder of MODALITY/ID.npy [default: `features` beside it]
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Bytes that a packed file may unpack to [default: 256 MiB or 100 times its size]
    #[arg(long, value_name = "BYTES")]
    max_unpacked: Option<u64>,
    /// Precision of the stored values [default: as in the file]
    #[arg(long)]
    precision: Option<Stored>,
}

impl Import {
    fn run(self) -> Result<()> {
        let format = self.from.map(|from| match from {
            From::Npz => Format::Npz,
            From::Mmsa => Format::Mmsa,
            From::Mult => Format::Mult,
            From::Table => Format::Table,
        });
        let speakers = match &self.speakers {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                let bytes = std::fs::read(path).context(name.clone())?;
                Some(SpeakerTable::parse(&name, &bytes)?)
            }
        };
        let folder = self.out.parent().map(|folder| match folder {
            empty if empty.as_os_str().is_empty() => PathBuf::from("."),
            folder => folder.to_owned(),
        });
        let options = Options {
            title: self.title,
            licence: self.licence,
            labels: self.labels,
            task: self.task.map(|task| match task {
                Labels::Classification => Task::Classification,
                Labels::Regression => Task::Regression,
            }),
            bins: self.bins.map(|bins| match bins {
                BinsOf::Sign => Bins::Sign,
                BinsOf::Two => Bins::Two,
                BinsOf::Three => Bins::Three,
                BinsOf::Five => Bins::Five,
                BinsOf::Seven => Bins::Seven,
            }),
            range: self.range,
            target_names: self.target_names,
            class_names: self.class_names,
            non_finite: match self.non_finite {
                NonFiniteAs::Missing => NonFinite::Missing,
                NonFiniteAs::Zero => NonFinite::Zero,
                NonFiniteAs::Refuse => NonFinite::Refuse,
            },
            zero_infinite: self.zero_infinite,
            stack: self.stack,
            rates: self.rate,
            speakers,
            speaker_from_id: self.speaker_from_id,
            precision: self.precision.map(|stored| match stored {
                Stored::F32 => Precision::F32,
                Stored::F16 => Precision::F16,
            }),
            max_unpacked: self.max_unpacked,
            features: self.features,
            // Beside the corpus there is room for it.
            spill: folder,
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

fn wrote(corpus: &Corpus, path: &Path) {
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
        say(format!("{}{synthetic}", info.title))?;
        say(format!("licence: {}", info.licence))?;
        let (n, speakers) = (info.utterances, info.speakers);
        say(format!("{n} utterances of {speakers} speakers"))?;
        if let Some(origin) = &info.speakers_guessed_from {
            say(format!("speakers are guessed from {origin}"))?;
        }
        for (count, what) in [
            (info.unknown_speakers, "of an unknown speaker"),
            (info.all_missing, "of which everything is missing by nature"),
        ] {
            if count > 0 {
                say(format!("{count} utterances {what}"))?;
            }
        }
        if !info.columns.is_empty() {
            say(format!("further columns: {}", info.columns.join(", ")))?;
        }
        say("")?;
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
        say(table(&header, &rows))?;
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
            "Hz",
            "[UNK]",
            "steps",
            "utterances without",
            "missing steps",
            "NaN",
            "infinite",
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
            Some(index) => {
                let protocol = self.protocol.into();
                fold(&corpus, Task::Classification, protocol, index)?.test
            }
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
