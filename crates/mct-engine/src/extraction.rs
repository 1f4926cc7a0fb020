//! The extraction pipeline: makes a corpus of recordings for a model that knows its extractors, with what a
//! person hears and sees of them.
//!
//! In a browser it is a module of its own, which is loaded when the first recording is opened.

use std::collections::BTreeMap;
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::path::PathBuf;

use mct_extraction::{Clips, Known, Moving, Reader, Sound, Subject, clips};
use mct_extractors::{Extractor, Extractors};
use mct_hfr::config::Interface;
use mct_networks::Device;
#[cfg(not(target_arch = "wasm32"))]
use mct_recordings::tree::{Pictures, text};
use mct_recordings::{Waveform, is_recording, is_video};
use serde::{Deserialize, Serialize};

use crate::error::message;
use crate::evaluation::Ticket;
use crate::pipeline::{Inbox, Outbox, Pipeline, yield_now};
#[cfg(not(target_arch = "wasm32"))]
use crate::source::only_table;
use crate::source::{Bytes, Source};

pub use mct_extraction::{Media, Medium, Thumbnail};
pub use mct_recordings::{FRAMES_HZ, Frame, endings};

/// A recording to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    pub file: Source,
    /// What is said; `None` where nobody knows. On the desktop a `.txt` of the same name beside it says it.
    pub transcript: Option<String>,
    /// What a browser has decoded, which has no ffmpeg: pictures at [`FRAMES_HZ`].
    pub frames: Vec<Frame>,
    /// Samples of one channel and their rate, for what our own readers cannot read.
    pub decoded: Option<(Vec<f32>, u32)>,
}

impl Recording {
    /// A recording of which nothing else is known.
    pub const fn new(file: Source) -> Self {
        Self {
            file,
            transcript: None,
            frames: Vec::new(),
            decoded: None,
        }
    }

    /// Whether it has pictures that move, by its name.
    pub fn is_video(&self) -> bool {
        is_video(self.file.name().as_ref())
    }
}

impl Source {
    /// Whether it is a recording, by its name.
    pub fn is_recording(&self) -> bool {
        !matches!(self, Self::Demo { .. } | Self::Features(_)) && is_recording(self.name().as_ref())
    }

    /// The recordings in a folder that is neither a run nor a table with its features; none otherwise.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn recordings(&self) -> Vec<Recording> {
        let Self::Path(folder) = self else {
            return Vec::new();
        };
        let is_other = folder.join("config.toml").exists() || only_table(folder).is_some();
        if !folder.is_dir() || is_other {
            return Vec::new();
        }
        let found = mct_recordings::in_folder(folder).unwrap_or_default();
        let found = found.into_iter().map(Source::Path);
        found.map(Recording::new).collect()
    }
}

/// Takes the recordings out of files that were picked together, each with what a `.txt` of the same name says.
pub fn recordings(sources: Vec<Source>) -> (Vec<Recording>, Vec<Source>) {
    let (found, others): (Vec<_>, Vec<_>) = sources.into_iter().partition(Source::is_recording);
    let text_of = |file: &Source| {
        let name = file.name();
        let stem = name.rsplit_once('.').map_or(&name[..], |(stem, _)| stem);
        format!("{stem}.txt")
    };
    let texts: Vec<String> = found.iter().map(text_of).collect();
    let with_text = |file: Source| {
        let wanted = text_of(&file);
        let mut recording = Recording::new(file);
        for other in &others {
            if let Source::Bytes { name, bytes } = other
                && *name == wanted
            {
                recording.transcript = Some(String::from_utf8_lossy(bytes).trim().to_owned());
            }
        }
        recording
    };
    let found: Vec<Recording> = found.into_iter().map(with_text).collect();
    let others = others.into_iter();
    (
        found,
        others.filter(|own| !texts.contains(&own.name())).collect(),
    )
}

/// A request to the extraction pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extract {
    pub ticket: Ticket,
    pub recordings: Vec<Recording>,
    /// Of the model that is to predict them.
    pub interface: Interface,
}

/// A response of the extraction pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Response {
    /// Progress: so many recordings are done.
    Done {
        ticket: Ticket,
        count: usize,
    },
    Extracted(Box<Extracted>),
    Failed {
        ticket: Ticket,
        message: String,
    },
}

/// Recordings as a corpus.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Extracted {
    pub ticket: Ticket,
    pub title: String,
    /// The corpus as a file.
    pub corpus: Bytes,
    /// What each recording sounds and looks like.
    pub media: Vec<Media>,
    /// The recording of each utterance: what nothing can be predicted from is none.
    pub places: Vec<usize>,
    /// What each modality of the model is heard or seen as; `None` where nobody knows.
    pub kinds: Vec<Option<Medium>>,
    /// For each recording why modalities are missing, or for how long.
    pub missing: Vec<BTreeMap<String, String>>,
    pub notes: Vec<String>,
}

/// The extraction pipeline.
pub struct Extraction {
    outbox: Outbox<Response>,
    /// Kept for the next recording: reading the weights of a network takes a while.
    loaded: Option<(Vec<Extractor>, Extractors)>,
    reader: Reader,
}

impl Pipeline for Extraction {
    const NAME: &'static str = "extraction";
    const IS_APART: bool = true;
    type Setup = ();
    type Request = Extract;
    type Response = Response;

    async fn run((): (), inbox: Inbox<Extract>, outbox: Outbox<Response>) -> Result<(), String> {
        let mut extraction = Self {
            outbox: outbox.clone(),
            loaded: None,
            reader: Reader::default(),
        };
        while let Some(mut request) = inbox.next().await {
            // Only the newest one is wanted.
            while let Some(newer) = inbox.try_next() {
                request = newer;
            }
            let ticket = request.ticket;
            match extraction.extract(request).await {
                Ok(extracted) => outbox.respond(Response::Extracted(Box::new(extracted))),
                Err(message) => outbox.respond(Response::Failed { ticket, message }),
            }
            yield_now().await;
        }
        Ok(())
    }
}

/// A recording with what is read of it beforehand.
struct Opened {
    name: String,
    transcript: Option<String>,
    held: Held,
}

/// Where it is.
enum Held {
    #[cfg(not(target_arch = "wasm32"))]
    File(PathBuf, Option<Pictures>),
    Memory {
        bytes: Bytes,
        decoded: Option<Waveform>,
        frames: Option<Vec<Frame>>,
    },
}

impl Opened {
    async fn of(recording: Recording) -> Result<Self, String> {
        let name = recording.file.name();
        let is_video = recording.is_video();
        #[cfg(not(target_arch = "wasm32"))]
        if let Source::Path(path) = recording.file {
            return Ok(Self {
                transcript: match recording.transcript {
                    None => beside(&path)?,
                    given => given,
                },
                name,
                held: Held::File(
                    path.clone(),
                    is_video.then(|| Pictures {
                        path,
                        ..Pictures::default()
                    }),
                ),
            });
        }
        let bytes = match recording.file {
            Source::Bytes { bytes, .. } => bytes,
            #[cfg(target_arch = "wasm32")]
            Source::Url { url, .. } => crate::browser::fetch(&url).await?.into(),
            _ => return Err(format!("{name}: found no file, expected a recording")),
        };
        let decoded = recording.decoded.map(|(samples, rate_hz)| Waveform {
            samples,
            rate_hz,
            damaged: 0,
            cut_off: false,
        });
        Ok(Self {
            name,
            transcript: recording.transcript,
            held: Held::Memory {
                bytes,
                decoded,
                frames: is_video.then_some(recording.frames),
            },
        })
    }

    fn subject(&self) -> Subject<'_> {
        let (sound, moving) = match &self.held {
            #[cfg(not(target_arch = "wasm32"))]
            Held::File(path, pictures) => (Sound::File(path), pictures.as_ref().map(Moving::File)),
            Held::Memory {
                bytes,
                decoded,
                frames,
            } => {
                let name = self.name.as_str();
                let sound = Sound::Memory {
                    name,
                    bytes: bytes.shared(),
                    decoded: decoded.as_ref(),
                };
                let frames = frames.as_deref();
                (sound, frames.map(|frames| Moving::Memory { name, frames }))
            }
        };
        Subject {
            id: &self.name,
            sound: Some(sound),
            moving,
            transcript: self.transcript.as_deref(),
        }
    }
}

/// What the text of the same name says.
#[cfg(not(target_arch = "wasm32"))]
fn beside(path: &Path) -> Result<Option<String>, String> {
    let path = path.with_extension("txt");
    match path.is_file() {
        true => text(&path).map(Some).map_err(message),
        false => Ok(None),
    }
}

impl Extraction {
    async fn extract(&mut self, request: Extract) -> Result<Extracted, String> {
        let Extract {
            ticket,
            recordings,
            interface,
        } = request;
        let title = match &recordings[..] {
            [one] => one.file.name(),
            all => format!("{} recordings", all.len()),
        };
        let named = |error: &dyn std::fmt::Display| format!("{title}: {error}");
        let known = Known::of(&interface).map_err(|error| named(&error))?;
        let mut opened = Vec::new();
        for recording in recordings {
            let mut own = Opened::of(recording).await?;
            // Files of one name in several folders.
            let name = own.name.clone();
            let mut count = 1;
            while opened.iter().any(|other: &Opened| other.name == own.name) {
                count += 1;
                own.name = format!("{name} ({count})");
            }
            opened.push(own);
        }
        #[cfg(target_arch = "wasm32")]
        let known = {
            let missing = fetched::missing(known.extractors()).await;
            known.without(&missing)
        };
        self.load(known.extractors())?;
        let (_, loaded) = self.loaded.as_ref().ok_or("no extractors")?;
        let subjects: Vec<Subject> = opened.iter().map(Opened::subject).collect();
        let outbox = &self.outbox;
        let Clips {
            corpus,
            missing,
            media,
            notes,
        } = clips(
            &title,
            &subjects,
            &interface,
            &known,
            loaded,
            &self.reader,
            true,
            |count| outbox.respond(Response::Done { ticket, count }),
        )
        .map_err(message)?;
        let ids = corpus.utterances.iter().map(|utterance| &utterance.id);
        let place = |id: &String| opened.iter().position(|own| own.name == *id);
        let places = ids.filter_map(place).collect();
        let kinds = known.media(interface.modalities.len());
        Ok(Extracted {
            ticket,
            corpus: corpus.to_bytes().map_err(message)?.into(),
            title,
            media,
            places,
            kinds,
            missing,
            notes,
        })
    }

    /// The extractors with their weights, on the CPU as on the command line.
    fn load(&mut self, extractors: &[Extractor]) -> Result<(), String> {
        let is_loaded = (self.loaded.as_ref()).is_some_and(|(loaded, _)| loaded == extractors);
        if !is_loaded {
            let folder = weights(extractors)?;
            let all = Extractors::load(extractors, &folder, &Device::flex()).map_err(message)?;
            self.loaded = Some((extractors.to_vec(), all));
        }
        Ok(())
    }
}

/// The folder of the weights that extractors need.
#[cfg(target_arch = "wasm32")]
fn weights(_: &[Extractor]) -> Result<PathBuf, String> {
    Ok(fetched::FOLDER.into())
}

/// The folder of the weights that extractors need.
#[cfg(not(target_arch = "wasm32"))]
fn weights(extractors: &[Extractor]) -> Result<PathBuf, String> {
    match mct_extractors::weights::default_folder() {
        Some(folder) => Ok(folder),
        None if extractors.iter().all(|own| own.weights().is_empty()) => Ok(PathBuf::new()),
        None => Err("there is no folder for weights: set MCT_HFR_WEIGHTS".to_owned()),
    }
}

/// Weights that lie beside the page.
#[cfg(target_arch = "wasm32")]
mod fetched {
    use std::collections::BTreeMap;
    use std::path::Path;

    use mct_extractors::Extractor;
    use mct_extractors::weights::Weights;
    use mct_networks::files;

    use crate::browser::fetch;

    /// Beside the page, as on a disk: a folder for each network.
    pub const FOLDER: &str = "weights";

    /// Fetches the weights of extractors; says of those that cannot be had why.
    pub async fn missing(extractors: &[Extractor]) -> BTreeMap<Extractor, String> {
        let mut reasons = BTreeMap::new();
        for extractor in extractors {
            for name in extractor.weights() {
                if let Some(weights) = Weights::of_name(name)
                    && let Err(reason) = get(weights).await
                {
                    reasons.insert(*extractor, format!("{extractor}: {reason}"));
                }
            }
        }
        reasons
    }

    async fn get(weights: &Weights) -> Result<(), String> {
        let folder = Path::new(FOLDER).join(weights.name);
        for file in weights.files {
            // A reader of archives would need a disk.
            if file.name.ends_with(".pt") {
                return Err(format!(
                    "its weights are an archive of PyTorch ({}), which this page does not read; the program on the \
                     desktop does",
                    file.name
                ));
            }
            let path = folder.join(file.name);
            if files::exists(&path) {
                continue;
            }
            match fetch(&path.display().to_string()).await {
                // Some servers answer with a page where there is no file.
                Ok(bytes) if !bytes.starts_with(b"<") => files::put(path, bytes),
                _ if file.optional => {}
                _ => {
                    return Err(format!(
                        "{} is not beside this page, which needs its weights there",
                        path.display()
                    ));
                }
            }
        }
        Ok(())
    }
}
