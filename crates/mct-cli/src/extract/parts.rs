//! The folder of what is finished, beside the corpus: a file a modality of each recording, and one that
//! says that all of them are there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, bail};
use mct_corpus::atomic;
use mct_corpus::import::{self, Files, Format, Import, Listed, Options};
use mct_corpus::{Finding, Sex, regular};
use mct_extraction::{Cause, Moving, Reader, Sound, Subject, of_recording};
use mct_extractors::{Corruption, Extractors, Input, Loaded, vocabulary};
use mct_recordings::FRAMES_HZ;
use mct_recordings::tree::{Recording, Recordings};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Feature;

/// Rises when an extractor gives other numbers.
const EXTRACTION_VERSION: u32 = 2;

/// Characters of a part's name.
const KEY: usize = 32;

/// The folder of parts.
pub struct Parts {
    out: PathBuf,
    folder: PathBuf,
    features: Vec<Feature>,
    /// One for each of the features.
    extractors: Extractors,
    corruption: Corruption,
    /// What misheard words are replaced by.
    vocabulary: Vec<String>,
    /// Whether durations decide which recordings are taken.
    times: bool,
}

/// What became of one recording.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Begins the names of its files.
    key: String,
    /// Which of the features have steps.
    there: Vec<bool>,
    duration_secs: Option<f32>,
    pub causes: Vec<Cause>,
    pub needs_ffmpeg: bool,
}

impl Parts {
    /// # Errors
    /// When two features are one modality, or the folder cannot be made.
    pub fn open(
        out: &Path,
        features: Vec<Feature>,
        extractors: Extractors,
        corruption: Corruption,
        listed: &Recordings,
    ) -> Result<Self> {
        let mut names: Vec<&str> = features.iter().map(|f| f.modality.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("--features: the modality {} twice", pair[0]);
        }
        let parts = Self {
            out: out.to_owned(),
            folder: PathBuf::new(),
            features,
            extractors,
            corruption,
            times: listed.shortest_secs > 0.0,
            vocabulary: {
                let recordings = listed.recordings.iter();
                vocabulary(recordings.filter_map(|recording| recording.transcript.as_deref()))
            },
        };
        if out.is_dir() {
            bail!("--out: {} is a folder", out.display());
        }
        let folder = parts.beside("parts");
        let named = || folder.display().to_string();
        fs::create_dir_all(&folder).with_context(named)?;
        // The table of utterances names them wherever it is read from.
        let folder = std::path::absolute(&folder).with_context(named)?;
        Ok(Self { folder, ..parts })
    }

    /// The folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path beside the corpus whose name begins with its.
    pub fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.out.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(ending);
        self.out.with_file_name(name)
    }

    /// Removes the parts, once the corpus is there, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn remove(self) -> Result<()> {
        let named = || self.folder.display().to_string();
        for entry in fs::read_dir(&self.folder).with_context(named)? {
            let path = entry.with_context(named)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let (key, rest) = name.split_once('.').unwrap_or((&name, ""));
            let is_part = key.len() == KEY && key.bytes().all(|byte| byte.is_ascii_hexdigit());
            let ends = rest == "json" || rest.ends_with(".safetensors");
            let of_slurm =
                name.starts_with("slurm") && [".sh", ".txt"].iter().any(|e| name.ends_with(e));
            if (is_part && ends) || of_slurm || name.starts_with(".partial-") {
                fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
        match fs::remove_dir(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => {
                Err(error).with_context(named)
            }
            _ => Ok(()),
        }
    }

    /// Extracts a recording, or finds that it has been.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn of(&self, recording: &Recording, reader: &Reader) -> Result<Outcome> {
        let key = self.key(recording);
        let marker = self.folder.join(format!("{key}.json"));
        let before = regular::read(&marker, 64 << 20).ok();
        let before = before.and_then(|bytes| serde_json::from_slice::<Outcome>(&bytes).ok());
        // Whoever was stopped while removing them has removed some.
        if let Some(outcome) = before
            && outcome.key == key
            && self.are_there(&outcome)
        {
            return Ok(outcome);
        }
        let id = recording.id.as_str();
        let heard = recording.transcript.as_deref();
        let heard = heard.map(|said| self.corruption.words(id, said, &self.vocabulary));
        let subject = Subject {
            id,
            sound: recording.audio.as_deref().map(Sound::File),
            moving: recording.pictures.as_ref().map(Moving::File),
            transcript: heard.as_deref(),
        };
        let extracted = of_recording(
            subject,
            &self.extractors,
            reader,
            self.times,
            &self.corruption,
            None,
        );
        let mut there = Vec::new();
        let sequences = extracted.sequences.iter().zip(self.extractors.iter());
        for (place, (values, extractor)) in sequences.enumerate() {
            there.push(!values.is_empty());
            if values.is_empty() {
                continue;
            }
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let dim = extractor.dim();
            let shape = vec![values.len() / dim, dim];
            let view = TensorView::new(Dtype::F32, shape, &bytes)?;
            let file = safetensors::serialize([("features", view)], None)?;
            atomic::write(&self.folder.join(part(&key, place)), &file)?;
        }
        let outcome = Outcome {
            key,
            there,
            duration_secs: extracted.duration_secs(),
            causes: extracted.causes,
            needs_ffmpeg: extracted.needs_ffmpeg,
        };
        // What another program would read, or another time, is tried again.
        if !outcome.needs_ffmpeg && !extracted.is_transient {
            atomic::write(&marker, &serde_json::to_vec(&outcome)?)?;
        }
        Ok(outcome)
    }

    /// Whether the files of a recording are there.
    fn are_there(&self, outcome: &Outcome) -> bool {
        let mut files = outcome.there.iter().enumerate();
        files.all(|(place, there)| !there || self.folder.join(part(&outcome.key, place)).is_file())
    }

    /// Names the parts of a recording by everything that they depend on.
    fn key(&self, recording: &Recording) -> String {
        let state = recording.audio.as_deref().map(state);
        let pictures = recording.pictures.as_ref();
        let pictures = pictures.map(|own| (state_of_pictures(&own.path), own.seconds, own.half));
        let extractors: Vec<(&str, String)> = (self.features.iter())
            .zip(self.extractors.iter())
            .map(|(feature, extractor)| (feature.modality.as_str(), extractor.identity()))
            .collect();
        let mut digest = Sha256::new();
        digest.update(format!(
            "{EXTRACTION_VERSION}\0{}\0{state:?}\0{pictures:?}\0{:?}\0{extractors:?}",
            recording.id, recording.transcript
        ));
        if !self.corruption.is_none() {
            digest.update(format!("\0{:?}\0{:?}", self.corruption, self.vocabulary));
        }
        let mut key = String::new();
        for byte in digest.finalize().iter().take(KEY / 2) {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// The corpus of all parts; `source` is the tree or the table that the recordings are from.
    ///
    /// # Errors
    /// Those of an import, and when a modality has no step at all.
    pub fn corpus(
        &self,
        source: &Path,
        listed: &Recordings,
        outcomes: &[Outcome],
        options: Options,
    ) -> Result<Import> {
        for (place, feature) in self.features.iter().enumerate() {
            if !outcomes
                .iter()
                .any(|outcome| outcome.there.get(place) == Some(&true))
            {
                let (modality, extractor) = (&feature.modality, feature.extractor);
                bail!("no recording gives {modality} by {extractor}");
            }
        }
        let mut notes = Vec::new();
        let rows: Vec<(&Recording, &Outcome)> = listed.recordings.iter().zip(outcomes).collect();
        let is_long = |(_, outcome): &(&Recording, &Outcome)| {
            let seconds = outcome.duration_secs.unwrap_or(f32::INFINITY);
            seconds >= listed.shortest_secs
        };
        let long: Vec<(&Recording, &Outcome)> = rows.iter().copied().filter(is_long).collect();
        let unknown = long.iter().filter(|(_, o)| o.duration_secs.is_none());
        let unknown = unknown.count();
        if self.times && unknown > 0 {
            notes.push(format!("{unknown} of unknown length are kept"));
        }
        if long.len() < rows.len() {
            let (short, limit) = (rows.len() - long.len(), listed.shortest_secs);
            notes.push(format!("left out: {short} shorter than {limit} s"));
        }
        let table = self.table(listed, &long)?;
        let features = || self.features.iter().zip(self.extractors.iter());
        let sees = |(feature, _): &(&Feature, &Loaded)| feature.extractor.input() == Input::Faces;
        let options = Options {
            title: options.title.or_else(|| Some(self.title(listed))),
            licence: options.licence.or_else(|| listed.licence.clone()),
            class_names: options.class_names.or_else(|| {
                let own = options.labels.is_empty() && !listed.classes.is_empty();
                own.then(|| listed.classes.clone())
            }),
            rates: features()
                .filter_map(|(feature, extractor)| {
                    let rate = match feature.extractor.input() {
                        Input::Faces => Some(FRAMES_HZ),
                        _ => extractor.rate_hz(),
                    };
                    Some((feature.modality.clone(), rate?))
                })
                .collect(),
            extractors: features()
                .map(|(feature, extractor)| (feature.modality.clone(), extractor.identity()))
                .collect(),
            unknowns: features()
                .filter_map(|(feature, extractor)| {
                    Some((feature.modality.clone(), extractor.unknown()?))
                })
                .collect(),
            // A picture without a face.
            gaps: features()
                .filter(sees)
                .map(|(feature, _)| feature.modality.clone())
                .collect(),
            ..options
        };
        let files = Named {
            base: source.parent().unwrap_or(Path::new("")),
        };
        let source = source.display().to_string();
        let mut imported =
            import::import_bytes(Some(Format::Table), &source, &table, &files, &options)?;
        notes.append(&mut imported.notes);
        Ok(Import { notes, ..imported })
    }

    /// The title of the corpus, which says how it was corrupted.
    fn title(&self, listed: &Recordings) -> String {
        let Corruption {
            noise_db,
            dropped,
            wrong_words,
            black,
            occluded,
            seed: _,
        } = &self.corruption;
        let share = |share: f64, what: &str| {
            (share > 0.0).then(|| format!("{} % of the {what}", share * 100.0))
        };
        let parts = [
            noise_db.map(|db| format!("noise at {db} dB")),
            share(*dropped, "sound silenced"),
            share(*wrong_words, "words wrong"),
            share(*black, "pictures black"),
            share(*occluded, "pictures covered"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.is_empty() {
            true => listed.title.clone(),
            false => format!("{}: {}", listed.title, parts.join(", ")),
        }
    }

    /// The table of utterances with the paths of their parts.
    fn table(&self, listed: &Recordings, rows: &[(&Recording, &Outcome)]) -> Result<Vec<u8>> {
        let some = |is_there: fn(&Recording) -> bool| listed.recordings.iter().any(is_there);
        let columns: [Column; 6] = [
            ("label", some(|r| r.label.is_some()), |r, _| r.label.clone()),
            ("speaker", some(|r| r.speaker.is_some()), |r, _| {
                r.speaker.clone()
            }),
            ("session", some(|r| r.session.is_some()), |r, _| {
                r.session.clone()
            }),
            ("sex", some(|r| r.sex.is_some()), |r, _| {
                r.sex.map(|sex| match sex {
                    Sex::Female => "F".to_owned(),
                    Sex::Male => "M".to_owned(),
                })
            }),
            ("transcript", some(|r| r.transcript.is_some()), |r, _| {
                r.transcript.clone()
            }),
            (
                "duration",
                rows.iter().any(|(_, o)| o.duration_secs.is_some()),
                |_, o| o.duration_secs.map(|seconds| seconds.to_string()),
            ),
        ];
        let columns: Vec<Column> = columns.into_iter().filter(|(_, there, _)| *there).collect();
        let mut table = csv::Writer::from_writer(Vec::new());
        let mut head = vec!["id"];
        head.extend(columns.iter().map(|(name, ..)| *name));
        head.extend(listed.columns.iter().map(String::as_str));
        head.extend(
            self.features
                .iter()
                .map(|feature| feature.modality.as_str()),
        );
        table.write_record(&head)?;
        for (recording, outcome) in rows {
            let mut cells = vec![recording.id.clone()];
            let cell = |(_, _, value): &Column| value(recording, outcome).unwrap_or_default();
            cells.extend(columns.iter().map(cell));
            cells.extend(recording.further.iter().cloned());
            for place in 0..self.features.len() {
                let there = outcome.there.get(place) == Some(&true);
                cells.push(if there {
                    let part = self.folder.join(part(&outcome.key, place));
                    part.to_string_lossy().into_owned()
                } else {
                    String::new()
                });
            }
            table.write_record(&cells)?;
        }
        Ok(table.into_inner()?)
    }
}

/// Name, whether any recording has it, and the value.
type Column = (
    &'static str,
    bool,
    fn(&Recording, &Outcome) -> Option<String>,
);

/// What tells that a file is another one than before.
fn state(path: &Path) -> String {
    let kind = fs::metadata(path).ok();
    let changed = kind.as_ref().and_then(|kind| kind.modified().ok());
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let size = kind.map(|kind| kind.len());
    format!("{}\0{size:?}\0{changed:?}", path.display())
}

/// The same of a video, or of all pictures of a folder.
fn state_of_pictures(path: &Path) -> Vec<String> {
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut all: Vec<String> = entries.flatten().map(|e| state(&e.path())).collect();
            all.sort_unstable();
            all
        }
        Err(_) => vec![state(path)],
    }
}

fn part(key: &str, place: usize) -> String {
    format!("{key}.{place}.safetensors")
}

/// Parts, and files that a table names itself.
struct Named<'a> {
    /// The folder from which the table's paths count.
    base: &'a Path,
}

impl Files for Named<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, Finding> {
        let unreadable = |error| Finding::new("file", error, "a file of features");
        regular::read(&self.base.join(path), u64::MAX).map_err(unreadable)
    }

    fn features(&self) -> Result<BTreeMap<String, Listed>, Finding> {
        Ok(BTreeMap::new())
    }
}
