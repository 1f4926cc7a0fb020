//! Sources of corpora and models, and the detection of what a file holds.

use std::sync::Arc;

use mct_corpus::Corpus;
#[cfg(not(target_arch = "wasm32"))]
use mct_corpus::import::import;
use mct_corpus::import::{Format, Options, Picked, import_bytes};
use mct_hfr::training::{self, Checkpoint};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::message;

/// Shared bytes, cloned without copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(Arc<[u8]>);

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
    /// A file, or the folder of a run.
    #[cfg(not(target_arch = "wasm32"))]
    Path(std::path::PathBuf),
    /// A file at a URL.
    #[cfg(target_arch = "wasm32")]
    Url { name: String, url: String },
}

/// The content of a source.
pub enum Content {
    /// With what a user may not expect of it, where it was imported.
    Corpus(Box<Corpus>, Vec<String>),
    Model(Box<OpenedModel>),
}

/// A model, with the details of its run folder where it has one.
pub struct OpenedModel {
    pub checkpoint: Checkpoint,
    /// The corpus of the run, where known.
    pub corpus: Option<Source>,
    /// The epochs of training; empty where unknown.
    pub history: Vec<training::EpochRecord>,
}

impl Source {
    /// The display name.
    pub fn name(&self) -> String {
        match self {
            Self::Demo { .. } => "demo corpus".to_owned(),
            Self::Bytes { name, .. } => name.clone(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Path(path) => {
                let last = path.file_name();
                last.map_or_else(|| path.display().to_string(), |n| n.display().to_string())
            }
            #[cfg(target_arch = "wasm32")]
            Self::Url { name, .. } => name.clone(),
        }
    }

    /// Reads the source and detects what it holds.
    ///
    /// # Errors
    /// When it cannot be read, or holds neither a corpus nor a model: a human-readable message.
    pub async fn read(&self) -> Result<Content, String> {
        match self {
            Self::Demo { seed, scale } => {
                let corpus = mct_corpus::demo::generate(*seed, *scale);
                corpus
                    .map(|c| Content::Corpus(Box::new(c), Vec::new()))
                    .map_err(message)
            }
            Self::Bytes { name, bytes } => read_bytes(name, bytes),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Path(path) => read_path(path),
            #[cfg(target_arch = "wasm32")]
            Self::Url { name, url } => read_bytes(name, &crate::browser::fetch(url).await?),
        }
    }

    /// Reads the source as a corpus.
    ///
    /// # Errors
    /// As [`Source::read`], and when it holds a model.
    pub async fn corpus(&self) -> Result<Corpus, String> {
        match self.read().await? {
            Content::Corpus(corpus, _) => Ok(*corpus),
            Content::Model(_) => Err(format!("{}: found a model, expected a corpus", self.name())),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn read_path(path: &std::path::Path) -> Result<Content, String> {
    use mct_runs::{RunFolder, Which};

    if path.is_dir() {
        let folder = RunFolder::open(path).map_err(message)?;
        let last = folder.last().map_err(message)?;
        let state = last.and_then(|checkpoint| checkpoint.state);
        return Ok(Content::Model(Box::new(OpenedModel {
            checkpoint: folder.checkpoint(Which::Best).map_err(message)?,
            corpus: Some(Source::Path(folder.manifest.corpus.path)),
            history: state.map(|state| state.history).unwrap_or_default(),
        })));
    }
    let name = path.display().to_string();
    let mut head = [0; HEAD];
    let length = read_head(path, &mut head).map_err(|error| format!("{name}: {error}"))?;
    match kind(&name, &head[..length]) {
        // Memory-mapped, since it may be larger than memory.
        Some(Kind::Corpus) => {
            return Corpus::open(path)
                .map(|c| Content::Corpus(Box::new(c), Vec::new()))
                .map_err(message);
        }
        // A table names files beside it.
        Some(Kind::Features(format)) => {
            return import(Some(format), path, &Options::default())
                .map(|import| Content::Corpus(Box::new(import.corpus), import.notes))
                .map_err(message);
        }
        Some(Kind::Checkpoint) | None => {}
    }
    let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    read_bytes(&name, &bytes)
}

/// Bytes read to detect the kind of a file: the keys of a safetensors header come first.
const HEAD: usize = 4096;

#[cfg(not(target_arch = "wasm32"))]
fn read_head(path: &std::path::Path, head: &mut [u8]) -> std::io::Result<usize> {
    use std::io::Read as _;

    let mut file = std::fs::File::open(path)?;
    let mut length = 0;
    while length < head.len() {
        match file.read(&mut head[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
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
    head.starts_with(b"PK\x03\x04")
        .then_some(Kind::Features(Format::Npz))
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<Content, String> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let corpus = match kind(name, head) {
        Some(Kind::Checkpoint) => {
            let checkpoint = Checkpoint::from_bytes(name, bytes).map_err(message)?;
            let state = checkpoint.state.as_ref();
            return Ok(Content::Model(Box::new(OpenedModel {
                history: state.map(|s| s.history.clone()).unwrap_or_default(),
                checkpoint,
                corpus: None,
            })));
        }
        Some(Kind::Corpus) => Corpus::from_bytes(name, bytes.to_vec()),
        Some(Kind::Features(format)) => {
            let (files, options) = (Picked::default(), Options::default());
            return import_bytes(Some(format), name, bytes, &files, &options)
                .map(|import| Content::Corpus(Box::new(import.corpus), import.notes))
                .map_err(message);
        }
        None => {
            return Err(format!(
                "{name}: found {} bytes of another kind, expected a corpus or a checkpoint of mct-hfr, \
                 or features as .npz, .pkl or .csv",
                bytes.len()
            ));
        }
    };
    corpus
        .map(|c| Content::Corpus(Box::new(c), Vec::new()))
        .map_err(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, bytes: &[u8]) -> String {
        match read_bytes(name, bytes) {
            Ok(_) => panic!("{name} was read"),
            Err(message) => message,
        }
    }

    #[test]
    fn a_corpus_is_distinguished_from_other_files() {
        let corpus = mct_corpus::demo::generate(1, 0.01).unwrap();
        let bytes = corpus.to_bytes().unwrap();
        assert!(matches!(
            read_bytes("c.safetensors", &bytes),
            Ok(Content::Corpus(read, _)) if read.len() == corpus.len()
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
