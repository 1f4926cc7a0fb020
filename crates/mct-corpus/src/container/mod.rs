//! The corpus file: one `.safetensors`, ragged sequences concatenated along time, with offsets.
//!
//! | tensor | type | shape |
//! |---|---|---|
//! | `labels`, `speakers` | I64 | `[n]`, indices into the header's lists; -1 unknown (version 2) |
//! | `sessions` (optional) | I64 | `[n]`, likewise |
//! | `targets` (optional, version 2) | F32 | `[n, targets]`, NaN unknown |
//! | `durations_secs` | F32 | `[n]`, 0 unknown |
//! | `sides` (optional) | U8 | `[n]`, 0 train, 1 validation, 2 test; 255 none (version 2) |
//! | `ids.bytes`, `ids.offsets` | U8, I64 | `[bytes]`, `[n + 1]`, UTF-8 |
//! | `transcripts.bytes`, `transcripts.offsets` (optional) | U8, I64 | as above |
//! | `column.NAME` (optional, version 2) | F64 | `[n]`, NaN an empty cell |
//! | `column.NAME.bytes`, `column.NAME.offsets` (optional, version 2) | U8, I64 | as the ids |
//! | `modality.NAME.values` | F32 or F16 | `[steps, features]` |
//! | `modality.NAME.offsets` | I64 | `[n + 1]`, in steps; two alike where the modality is missing (version 2) |
//! | `modality.NAME.missing` (optional, version 2) | U8 | `[steps]`, 1 where the step is missing by nature |
//! | `modality.NAME.unknown` (optional) | F32 | `[features]`, or `[positions, features]` (version 2) |
//!
//! The header's metadata entry [`HEADER`] holds everything else as JSON. A corpus that needs nothing of
//! version 2 is written as version 1, so that its file stays what it was.

mod read;
mod write;

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::{CorpusError, Finding, Result};
use crate::metadata::Metadata;
#[cfg(not(target_arch = "wasm32"))]
use crate::modality::Bytes;

/// The header entry that makes a safetensors file a corpus.
pub const HEADER: &str = "mct-corpus";
/// The newest version of the file that is read.
pub const FORMAT_VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format_version: u32,
    metadata: Metadata,
    modalities: Vec<ModalityHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<ColumnHeader>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModalityHeader {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_hz: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extractor: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnHeader {
    name: String,
    /// Whether its cells are numbers; text otherwise.
    number: bool,
}

impl Corpus {
    /// Opens a corpus file; a large one is memory-mapped.
    ///
    /// # Errors
    /// Names the file, the field, what was found and what was expected.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: &std::path::Path) -> Result<Self> {
        let source = path.display().to_string();
        read::corpus(&source, bytes_of(path)?).map_err(|findings| first_of(&source, findings))
    }

    /// Reads a corpus from the bytes of a file; `source` is its name for messages.
    ///
    /// # Errors
    /// As [`Corpus::open`].
    pub fn from_bytes(source: &str, bytes: Vec<u8>) -> Result<Self> {
        read::corpus(source, bytes.into()).map_err(|findings| first_of(source, findings))
    }

    /// Opens a corpus file and returns everything that is wrong with its structure.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn inspect(path: &std::path::Path) -> Result<Result<Self, Vec<Finding>>> {
        Ok(read::corpus(&path.display().to_string(), bytes_of(path)?))
    }
}

/// The bytes of a regular file that is not empty.
#[cfg(not(target_arch = "wasm32"))]
fn bytes_of(path: &std::path::Path) -> Result<Bytes> {
    let source = path.display().to_string();
    let file = std::fs::File::open(path).map_err(CorpusError::io(&source))?;
    let kind = file.metadata().map_err(CorpusError::io(&source))?;
    let expected = "a corpus file";
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "no regular file"
        };
        return Err(CorpusError::invalid(source, "file", found, expected));
    }
    if kind.len() == 0 {
        return Err(CorpusError::invalid(source, "file", "0 bytes", expected));
    }
    crate::mapped::bytes(file).map_err(CorpusError::io(&source))
}

fn first_of(source: &str, findings: Vec<Finding>) -> CorpusError {
    let more = findings.len().saturating_sub(1);
    let mut first = findings
        .into_iter()
        .next()
        .unwrap_or_else(|| Finding::new("file", "nothing", "a corpus"));
    if more > 0 {
        first.expected += &format!(" (and {more} more findings: `mct-hfr corpus check`)");
    }
    first.in_file(source)
}
