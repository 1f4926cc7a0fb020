//! `mct-hfr corpus extract`: a corpus out of raw recordings.
//!
//! The tree or table becomes a list of recordings, each gives a file a modality in a folder of parts, and
//! these are imported like the features of any table.

mod clip;
mod features;
mod parts;

pub use clip::clips;
pub use features::{Feature, PretrainedArgs};

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use mct_extraction::Reader;
use mct_extractors::{Corruption, Extractor};
use mct_recordings::tree::{self, Layout, Recordings};

use self::parts::{Outcome, Parts};
use crate::arguments::rate;
use crate::corpus::wrote;
use crate::description::DescriptionArgs;
use crate::interrupt;
use crate::output::{Interrupted, remark, say, usage};
use crate::progress;
use crate::slurm::{Array, Task};

/// How recordings are kept.
#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// IEMOCAP_full_release: four classes, excited counted as happy
    Iemocap,
    /// MSP-IMPROV: the group Other-improvised, of one second or more
    MspImprov,
    /// RAVDESS speech: everything is in the names of the files
    Ravdess,
    /// A table (.csv, .tsv) with the columns id and audio; where known label, transcript, speaker, …
    Table,
}

/// Make a corpus from raw recordings
///
/// A recording that is broken, silent or without words keeps what it has; the rest is missing by nature.
/// What is finished is kept when the command is stopped; the same command goes on with it.
#[derive(Args)]
pub struct Extract {
    /// The folder of a corpus as it is published, or a table
    #[arg(value_name = "ROOT")]
    root: PathBuf,
    /// How its recordings are kept
    #[arg(long)]
    from: From,
    /// The corpus file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A modality and what extracts it (repeatable): log-mel, low-level, words, or a network that
    /// `mct-hfr weights list` names [default: audio=log-mel and text=words, as far as there are recordings
    /// and transcripts]
    #[arg(long = "features", value_name = "[MODALITY=]EXTRACTOR", value_parser = Feature::parse)]
    features: Vec<Feature>,
    #[command(flatten)]
    pretrained: PretrainedArgs,
    /// Where networks run: auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "flex")]
    device: String,
    #[command(flatten)]
    described: DescriptionArgs,
    /// Corrupt the sound by white noise, this many decibels below it
    #[arg(long, value_name = "DB", allow_hyphen_values = true)]
    noise: Option<f64>,
    /// Silence this share of the sound, in spans of 0.1 to 0.5 s
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = rate)]
    dropped: f64,
    /// Replace words by others of the corpus, each with this probability
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = rate)]
    wrong_words: f64,
    /// Make pictures black, each with this probability
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = rate)]
    black_pictures: f64,
    /// Cover this share of every picture by a square
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = rate)]
    occluded: f64,
    /// Seed of the corruption
    #[arg(long, default_value_t = 1)]
    corruption_seed: u64,
    /// Extract as an array job of Slurm of N tasks; when it has ended, the same command without this option
    /// collects what they have done
    #[arg(long, value_name = "N", conflicts_with = "shard")]
    slurm: Option<std::num::NonZero<u16>>,
    /// Extract one recording in N, from the Kth on, and leave the parts (what a task of Slurm does)
    #[arg(long, value_name = "K/N", value_parser = shard, hide = true)]
    shard: Option<(usize, usize)>,
    /// Recordings at a time [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    jobs: Option<std::num::NonZero<usize>>,
}

impl Extract {
    pub fn run(self) -> Result<()> {
        let layout = match self.from {
            From::Iemocap => Layout::Iemocap,
            From::MspImprov => Layout::MspImprov,
            From::Ravdess => Layout::Ravdess,
            From::Table => Layout::Table,
        };
        let listed = tree::list(layout, &self.root)?;
        for note in &listed.notes {
            remark(format!("note: {note}"));
        }
        let features = match self.features.is_empty() {
            true => defaults(&listed),
            false => self.features,
        };
        if features.is_empty() {
            bail!(
                "{}: neither recordings nor transcripts",
                self.root.display()
            );
        }
        // What the user says wrong is said before the work.
        let options = self.described.options(&self.out)?;
        interrupt::watch()?;
        if self.noise.is_some_and(|db| !db.is_finite()) {
            return Err(usage("--noise: expected a number of decibels"));
        }
        let corruption = Corruption {
            noise_db: self.noise,
            dropped: self.dropped,
            wrong_words: self.wrong_words,
            black: self.black_pictures,
            occluded: self.occluded,
            seed: self.corruption_seed,
        };
        let names: Vec<Extractor> = features.iter().map(|feature| feature.extractor).collect();
        let extractors = self.pretrained.load(&names, &self.device)?;
        let parts = Parts::open(&self.out, features, extractors, corruption, &listed)?;
        if let Some(tasks) = self.slurm {
            return submit(&parts, tasks.get());
        }
        let (first, every) = self.shard.unwrap_or((1, 1));
        let places: Vec<usize> = (first - 1..listed.recordings.len())
            .step_by(every)
            .collect();
        let outcomes = extract(&listed, &places, &parts, self.jobs.map(Into::into))?;
        if self.shard.is_some() {
            remark(format!(
                "{} of {} recordings",
                outcomes.len(),
                listed.recordings.len()
            ));
            return Ok(());
        }
        report(&listed, &outcomes, &parts)?;
        let imported = parts.corpus(&self.root, &listed, &outcomes, options)?;
        for note in &imported.notes {
            remark(format!("note: {note}"));
        }
        imported.corpus.save(&self.out)?;
        wrote(&imported.corpus, &self.out);
        parts.remove()
    }
}

/// What every recording has, without weights.
fn defaults(listed: &Recordings) -> Vec<Feature> {
    let mut recordings = listed.recordings.iter();
    let (sound, words) = (
        recordings
            .clone()
            .any(|recording| recording.audio.is_some()),
        recordings.any(|recording| recording.transcript.is_some()),
    );
    let there = [(sound, Extractor::LogMel), (words, Extractor::Words)];
    let there = there.into_iter().filter(|(there, _)| *there);
    there
        .map(|(_, extractor)| Feature {
            modality: extractor.modality().to_owned(),
            extractor,
        })
        .collect()
}

/// `K/N`: the Kth of N.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/');
    let numbers = parts.and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    numbers
        .filter(|(k, n)| (1..=*n).contains(k))
        .ok_or_else(|| "expected K/N with K from 1 to N".to_owned())
}

/// Hands this command to `tasks` tasks of Slurm.
fn submit(parts: &Parts, tasks: u16) -> Result<()> {
    // Before and behind the option that a task has another one in the place of.
    let (mut before, mut behind) = (Vec::<OsString>::new(), Vec::new());
    let mut given = std::env::args_os().skip(1);
    let (mut is_found, mut is_over) = (false, false);
    while let Some(word) = given.next() {
        is_over |= word == "--";
        match word.to_str() {
            Some("--slurm") if !is_over => {
                drop(given.next());
                is_found = true;
            }
            Some(option) if !is_over && option.starts_with("--slurm=") => is_found = true,
            _ if is_found => behind.push(word),
            _ => before.push(word),
        }
    }
    let task = |index: u16| Task {
        words: [
            &before[..],
            &[format!("--shard={index}/{tasks}").into()],
            &behind,
        ]
        .concat(),
        log: None,
    };
    let array = Array {
        name: "mct-hfr-extract",
        folder: parts.folder(),
        at_a_time: tasks,
        tasks: (1..=tasks).map(task).collect(),
    };
    let jobs = array.submit()?.join(", ");
    remark(format!(
        "submitted as job {jobs}; when it has ended, the same command without --slurm collects the corpus"
    ));
    say(jobs);
    Ok(())
}

/// What became of the recordings at these places, in their order.
fn extract(
    listed: &Recordings,
    places: &[usize],
    parts: &Parts,
    jobs: Option<usize>,
) -> Result<Vec<Outcome>> {
    let reader = Reader::default();
    let bar = progress::bar(places.len() as u64, "extracting");
    let done = AtomicUsize::new(0);
    let next = AtomicUsize::new(0);
    // Threads of their own: the networks compute on rayon's, which would take up other recordings while
    // they wait, each with its memory.
    let worker = || -> Result<Vec<(usize, Outcome)>> {
        let mut own = Vec::new();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let Some(&place) = places.get(turn) else {
                return Ok(own);
            };
            let recording = &listed.recordings[place];
            if interrupt::requested() {
                bail!(Interrupted(String::new()));
            }
            let outcome = parts.of(recording, &reader);
            if outcome.is_err() {
                // The others end with what they have begun.
                next.store(places.len(), Ordering::Relaxed);
            }
            own.push((place, outcome?));
            done.fetch_add(1, Ordering::Relaxed);
            bar.inc(1);
            bar.set_message(format!("{:.1} a second", bar.per_sec()));
        }
    };
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(own) => all.extend(own?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, outcome)| outcome).collect())
    });
    bar.finish_and_clear();
    outcomes.map_err(|error: anyhow::Error| match error.is::<Interrupted>() {
        true => Interrupted(format!(
            "{} of {} recordings are extracted; the same command goes on with the rest",
            done.into_inner(),
            places.len()
        ))
        .into(),
        false => error,
    })
}

/// The first line of a report.
const HEAD: &str = "id\tfile\tcause\n";

/// Says what could not be extracted, and writes down all of it.
fn report(listed: &Recordings, outcomes: &[Outcome], parts: &Parts) -> Result<()> {
    let failed: Vec<[&str; 3]> = (listed.recordings.iter().zip(outcomes))
        .flat_map(|(recording, outcome)| {
            let causes = outcome.causes.iter();
            causes.map(|cause| {
                [
                    recording.id.as_str(),
                    cause.file.as_str(),
                    cause.text.as_str(),
                ]
            })
        })
        .collect();
    let path = parts.beside("report.tsv");
    if failed.is_empty() {
        // That of an earlier extraction does not hold any more; a file of somebody else stays.
        let is_ours =
            mct_corpus::regular::read_text(&path).is_ok_and(|text| text.starts_with(HEAD));
        if is_ours {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        return Ok(());
    }
    let mut table = csv::WriterBuilder::new()
        .delimiter(b'\t')
        .from_writer(Vec::new());
    table.write_record(["id", "file", "cause"])?;
    for row in &failed {
        table.write_record(row.map(|cell| mct_corpus::formula::defused(cell).into_owned()))?;
    }
    mct_corpus::atomic::write(&path, &table.into_inner()?)?;
    const SHOWN: usize = 5;
    for [id, file, cause] in failed.iter().take(SHOWN) {
        let file = if file.is_empty() {
            String::new()
        } else {
            format!(" {file}")
        };
        remark(format!("{id}:{file} {cause}"));
    }
    if failed.len() > SHOWN {
        remark(format!("… and {} more", failed.len() - SHOWN));
    }
    if outcomes.iter().any(|outcome| outcome.needs_ffmpeg) {
        remark("note: ffmpeg is not on the PATH; files that only it can read give nothing");
    }
    remark(format!("all of them are in {}", path.display()));
    Ok(())
}
