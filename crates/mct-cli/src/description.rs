//! What the user says of a corpus that is made: its labels, its speakers, its title.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use mct_corpus::bins::Bins;
use mct_corpus::import::{self, Options, SpeakerTable};
use mct_corpus::{Precision, Task};

use crate::arguments::Stored;

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
enum Labels {
    Classification,
    Regression,
}

#[derive(Args)]
pub struct DescriptionArgs {
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
    /// A table with the columns speaker, session and sex (F or M), or id and speaker
    #[arg(long, value_name = "TABLE")]
    speakers: Option<PathBuf>,
    /// A regular expression whose first group is the speaker in an id
    #[arg(long, value_name = "PATTERN")]
    speaker_from_id: Option<String>,
    /// Stack N consecutive steps of a modality into one (repeatable)
    #[arg(long, value_name = "MODALITY=N", value_parser = import::of_modality::<usize>)]
    stack: Vec<(String, usize)>,
    /// Precision of the stored values [default: as in the file]
    #[arg(long)]
    precision: Option<Stored>,
}

impl DescriptionArgs {
    /// The options of an import into the file `out`.
    ///
    /// # Errors
    /// When the table of speakers cannot be read.
    pub fn options(self, out: &Path) -> Result<Options> {
        let speakers = match &self.speakers {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                let bytes = mct_corpus::regular::read(path, 64 << 20).context(name.clone())?;
                Some(SpeakerTable::parse(&name, &bytes)?)
            }
        };
        let folder = out.parent().map(|folder| match folder {
            empty if empty.as_os_str().is_empty() => PathBuf::from("."),
            folder => folder.to_owned(),
        });
        Ok(Options {
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
            speakers,
            speaker_from_id: self.speaker_from_id,
            stack: self.stack,
            precision: self.precision.map(|stored| match stored {
                Stored::F32 => Precision::F32,
                Stored::F16 => Precision::F16,
            }),
            // Beside the corpus there is room for it.
            spill: folder,
            ..Options::default()
        })
    }
}
