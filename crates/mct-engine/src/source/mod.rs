//! Sources of corpora and models, and the detection of what a file holds.

mod features;

use std::sync::Arc;

use mct_corpus::Corpus;
use mct_corpus::import::Format;
use mct_hfr::training::{self, Checkpoint};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::message;

pub use features::{Features, group};

/// Shared bytes, cloned without copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(Arc<[u8]>);

impl Bytes {
    /// As what can be held on to.
    pub const fn shared(&self) -> &Arc<[u8]> {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(&self[..], serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::deserialize::<Vec<u8>, D>(deserializer).map(Self::from)
    }
}

/// The source of a corpus or a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// The synthetic corpus, generated on use: the same on every machine.
    Demo { seed: u64, scale: f64 },
    /// A file that was dropped or chosen, or that is embedded in the program.
    Bytes { name: String, bytes: Bytes },
    /// Features with options of their own, or with the files that they name.
    Features(Box<Features>),
    /// A file, or the folder of a run.
    #[cfg(not(target_arch = "wasm32"))]
    Path(std::path::PathBuf),
    /// A file at a URL.
    #[cfg(target_arch = "wasm32")]
    Url { name: String, url: String },
}

/// The content of a source.
pub enum Content {
    Corpus(Box<OpenedCorpus>),
    Model(Box<OpenedModel>),
}

/// A corpus.
pub struct OpenedCorpus {
    pub corpus: Corpus,
    /// Where it was imported: what a user may not expect of it.
    pub notes: Option<Vec<String>>,
}

impl From<Corpus> for OpenedCorpus {
    fn from(corpus: Corpus) -> Self {
        Self {
            corpus,
            notes: None,
        }
    }
}

/// Why a source cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    pub message: String,
    /// Whether it holds features, which other options may import.
    pub is_features: bool,
}

impl From<String> for Unreadable {
    fn from(message: String) -> Self {
        Self {
            message,
            is_features: false,
        }
    }
}

/// A model, with the details of its run folder where it has one.
pub struct OpenedModel {
    pub checkpoint: Checkpoint,
    /// The corpus of the run and its SHA-256, where known.
    pub corpus: Option<(Source, String)>,
    /// The epochs of training; empty where unknown.
    pub history: Vec<training::EpochRecord>,
    /// Whether it is a run folder whose training can go on.
    pub unfinished: bool,
}

impl Source {
    /// The display name.
    pub fn name(&self) -> String {
        match self {
            Self::Demo { .. } => "demo corpus".to_owned(),
            Self::Bytes { name, .. } => name.clone(),
            Self::Features(features) => features.file.name(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Path(path) => {
                let last = path.file_name();
                last.map_or_else(|| path.display().to_string(), |n| n.display().to_string())
            }
            #[cfg(target_arch = "wasm32")]
            Self::Url { name, .. } => name.clone(),
        }
    }

    /// The parts of its path; none where it has no path.
    pub fn parts(&self) -> Vec<String> {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Self::Path(path) => path
                .components()
                .map(|part| part.as_os_str().display().to_string())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What to import it with: its own options, or none.
    pub fn features(&self) -> Features {
        match self {
            Self::Features(features) => (**features).clone(),
            file => Features::new(file.clone()),
        }
    }

    /// Reads the source and detects what it holds.
    ///
    /// # Errors
    /// When it cannot be read, or holds neither a corpus nor a model.
    pub async fn read(&self) -> Result<Content, Unreadable> {
        match self {
            Self::Demo { seed, scale } => {
                let corpus = mct_corpus::demo::generate(*seed, *scale).map_err(message)?;
                Ok(Content::Corpus(Box::new(corpus.into())))
            }
            Self::Bytes { name, bytes } => read_bytes(name, bytes),
            Self::Features(features) => features
                .read()
                .await
                .map(|opened| Content::Corpus(Box::new(opened))),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Path(path) => read_path(path).await,
            #[cfg(target_arch = "wasm32")]
            Self::Url { name, url } => read_bytes(name, &crate::browser::fetch(url).await?),
        }
    }

    /// Reads the source as a corpus.
    ///
    /// # Errors
    /// As [`Source::read`], and when it holds a model.
    pub async fn corpus(&self) -> Result<Corpus, String> {
        match self.read().await.map_err(|unreadable| unreadable.message)? {
            Content::Corpus(opened) => Ok(opened.corpus),
            Content::Model(_) => Err(format!("{}: found a model, expected a corpus", self.name())),
        }
    }

    /// Whether both are the same file.
    pub(crate) fn is(&self, other: &Self) -> bool {
        #[cfg(not(target_arch = "wasm32"))]
        if let (Self::Path(own), Self::Path(other)) = (self, other)
            && let (Ok(own), Ok(other)) = (own.canonicalize(), other.canonicalize())
        {
            return own == other;
        }
        self == other
    }

    /// The bytes of a corpus file that is open as such.
    pub(crate) fn corpus_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes { name, bytes } => {
                let head = &bytes[..bytes.len().min(HEAD)];
                (kind(name, head) == Some(Kind::Corpus)).then_some(&bytes[..])
            }
            _ => None,
        }
    }

    /// Whether it is a corpus in a file of its own.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn corpus_file(&self) -> Option<&std::path::Path> {
        match self {
            Self::Path(path) => {
                let (head, _) = head(path).ok()?;
                let kind = kind(&self.name(), &head);
                (kind == Some(Kind::Corpus)).then_some(path)
            }
            _ => None,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
async fn read_path(path: &std::path::Path) -> Result<Content, Unreadable> {
    use mct_runs::{RunFolder, Which};

    if path.is_dir() {
        if let Some(table) = only_table(path) {
            let opened = Features::new(Source::Path(table)).read().await?;
            return Ok(Content::Corpus(Box::new(opened)));
        }
        let folder = RunFolder::open(path).map_err(message)?;
        let last = folder.last().map_err(message)?;
        let state = last.and_then(|checkpoint| checkpoint.state);
        return Ok(Content::Model(Box::new(OpenedModel {
            checkpoint: folder.checkpoint(Which::Best).map_err(message)?,
            corpus: Some((
                Source::Path(folder.manifest.corpus.path),
                folder.manifest.corpus.sha256,
            )),
            unfinished: state.as_ref().is_some_and(|state| !state.finished),
            history: state.map(|state| state.history).unwrap_or_default(),
        })));
    }
    let name = path.display().to_string();
    let (head, length) = head(path)?;
    match kind(&name, &head) {
        // Memory-mapped, since it may be larger than memory.
        Some(Kind::Corpus) => {
            let corpus = Corpus::open(path).map_err(message)?;
            return Ok(Content::Corpus(Box::new(corpus.into())));
        }
        // A table names files beside it.
        Some(Kind::Features(_)) => {
            let opened = Features::new(Source::Path(path.to_owned())).read().await?;
            return Ok(Content::Corpus(Box::new(opened)));
        }
        Some(Kind::Checkpoint) => {}
        // Whatever it is, it need not be read: it may be a film.
        None => return Err(of_another_kind(&name, &head, length)),
    }
    let checkpoint = mct_runs::read_checkpoint(path).map_err(message)?;
    Ok(Content::Model(Box::new(of_checkpoint(checkpoint))))
}

/// The table of utterances in a folder of features, where there is one.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn only_table(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    if folder.join("config.toml").exists() {
        return None;
    }
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if path.is_file()
            && Format::of_name(&name) == Some(Format::Table)
            && head(&path).is_ok_and(|(head, _)| mct_corpus::import::names_utterances(&head))
        {
            tables.push(path);
        }
    }
    let table = tables.pop();
    table.filter(|_| tables.is_empty())
}

/// Bytes read to detect the kind of a file: the keys of a safetensors header come first.
const HEAD: usize = 4096;

/// The first bytes of a file, and its length.
#[cfg(not(target_arch = "wasm32"))]
fn head(path: &std::path::Path) -> Result<(Vec<u8>, u64), String> {
    let head = mct_corpus::regular::head(path, HEAD as u64);
    head.map_err(|error| format!("{}: {error}", path.display()))
}

/// What a file is that is nothing of ours.
fn of_another_kind(name: &str, head: &[u8], length: u64) -> Unreadable {
    let expected = "a corpus or a checkpoint of mct-hfr, or features as .npz, .pkl or .csv";
    let message = match mct_corpus::import::diagnose(head) {
        // Where there is more to say than what is expected.
        Some(finding) if finding.expected.len() > "a feature file".len() => {
            format!(
                "{name}: found {}, expected {}",
                finding.found, finding.expected
            )
        }
        Some(finding) => format!("{name}: found {}, expected {expected}", finding.found),
        None => format!("{name}: found {length} bytes of another kind, expected {expected}"),
    };
    message.into()
}

fn of_checkpoint(checkpoint: Checkpoint) -> OpenedModel {
    let state = checkpoint.state.as_ref();
    OpenedModel {
        history: state.map(|s| s.history.clone()).unwrap_or_default(),
        unfinished: false,
        checkpoint,
        corpus: None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Corpus,
    Checkpoint,
    /// Features to import.
    Features(Format),
}

/// The kind of a file, by its first bytes; features that have no prefix of their own, by their name.
fn kind(name: &str, head: &[u8]) -> Option<Kind> {
    let has_key = |key: &str| {
        let key = format!("\"{key}\"");
        head.windows(key.len()).any(|w| w == key.as_bytes())
    };
    if has_key(training::HEADER) {
        return Some(Kind::Checkpoint);
    }
    if has_key(mct_corpus::container::HEADER) {
        return Some(Kind::Corpus);
    }
    if let Some(format) = Format::of_name(name) {
        return Some(Kind::Features(format));
    }
    let format = match head {
        [b'P', b'K', 3, 4, ..] => Format::Npz,
        // Protocols 2 to 5.
        [0x80, 2..=5, ..] => Format::Pickle,
        _ => return None,
    };
    Some(Kind::Features(format))
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<Content, Unreadable> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let corpus = match kind(name, head) {
        Some(Kind::Checkpoint) => {
            let checkpoint = Checkpoint::from_bytes(name, bytes).map_err(message)?;
            return Ok(Content::Model(Box::new(of_checkpoint(checkpoint))));
        }
        Some(Kind::Corpus) => {
            let corpus = Corpus::from_bytes(name, bytes.to_vec()).map_err(message)?;
            corpus.into()
        }
        Some(Kind::Features(_)) => features::import(name, bytes)?,
        None => return Err(of_another_kind(name, head, bytes.len() as u64)),
    };
    Ok(Content::Corpus(Box::new(corpus)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, bytes: &[u8]) -> String {
        match read_bytes(name, bytes) {
            Ok(_) => panic!("{name} was read"),
            Err(unreadable) => unreadable.message,
        }
    }

    #[test]
    fn a_corpus_is_distinguished_from_other_files() {
        let corpus = mct_corpus::demo::generate(1, 0.01).unwrap();
        let bytes = corpus.to_bytes().unwrap();
        assert!(matches!(
            read_bytes("c.safetensors", &bytes),
            Ok(Content::Corpus(read)) if read.corpus.len() == corpus.len()
        ));
        // A truncated file is still detected as a corpus, and the corpus reader reports the error.
        let error = message("c.safetensors", &bytes[..bytes.len() / 2]);
        assert!(error.starts_with("c.safetensors: "), "{error}");
        let error = message("photo.png", b"\x89PNG....");
        assert!(
            error.contains("expected a corpus or a checkpoint"),
            "{error}"
        );
        let error = message("x.npz", b"PK\x03\x04 and nothing else");
        assert!(error.starts_with("x.npz: "), "{error}");
        let error = message("x.pkl", b"no pickle");
        assert!(error.starts_with("x.pkl: "), "{error}");
        // Not every pickle is called one.
        let error = message("features.data", b"\x80\x04N.");
        assert!(error.contains("features.data: "), "{error}");
        assert!(!error.contains("another kind"), "{error}");
    }

    #[test]
    fn bytes_are_serialised_as_bytes() {
        let source = Source::Bytes {
            name: "a".into(),
            bytes: vec![7; 1000].into(),
        };
        let packed = rmp_serde::to_vec_named(&source).unwrap();
        assert!(packed.len() < 1100);
        assert_eq!(rmp_serde::from_slice::<Source>(&packed).unwrap(), source);
    }
}
