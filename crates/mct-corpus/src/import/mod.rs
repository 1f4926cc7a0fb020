//! Makes a corpus out of the files that people have.
//!
//! Every importer makes a draft, which becomes a checked [`Corpus`] in one place; what a user may not
//! expect (a class that does not occur, a clip without a face, speakers that are a guess) is a note.
//! Nothing is repaired in silence: what the corpus cannot hold is an error with the file, the field,
//! what was found and what was expected. The files are not trusted: sizes are compared with the
//! bytes that are there before anything is allocated, and a pickle runs no code.

mod array;
mod array_file;
mod channel;
mod clips;
mod diagnose;
mod draft;
mod field;
mod files;
mod labels;
mod npy;
mod npz;
mod options;
mod padding;
mod pickle;
mod pickled;
mod sequences;
mod sheet;
mod speakers;
#[cfg(not(target_arch = "wasm32"))]
mod spill;
mod table;
#[cfg(not(target_arch = "wasm32"))]
mod unpacked;
mod zip;

pub use channel::{fill_groups, stacked_unknown};
pub use diagnose::diagnose;
pub use files::{Files, Listed, Picked};
pub use options::{NonFinite, Options, of_modality, range};
pub use pickle::{Shaped, arrays as pickled_arrays};
pub use sheet::Sheet;
pub use speakers::SpeakerTable;
pub use table::names_utterances;

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::{Finding, Result};

/// Which layout a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// Arrays in a `.npz`. A modality `M` is `[utterances, steps, features]`, padded, with or without
    /// `M_lengths` `[utterances]`; or the concatenated steps of all utterances `[total steps, features]`
    /// with `M_lengths`; or an array of objects, each `[steps, features]`.
    ///
    /// Also read: `id`, `label` (numbers, texts or one-hot), `speaker`, `session`, `sex` (`F` or `M`),
    /// `side`, `duration` (seconds) and `transcript` `[utterances]`, `class_names`, `target_names`,
    /// `rate_M` (Hz) and `unknown_M` `[features]`. Every other array with one value for each utterance
    /// becomes a column.
    Npz,
    /// A pickle of MMSA or MulT, told apart by what it holds.
    Pickle,
    /// The pickle of MMSA and MMSA-FET: `train`, `valid` and `test` (or one dict without sides, or a
    /// single clip), zero-padded, with `classification_labels`, `annotations` or `regression_labels`. The
    /// speaker is guessed to be the video, the part of the id before `$_$`.
    Mmsa,
    /// The pickle of MulT: `train`, `valid` and `test`, zero-padded on the left (or both sides), with
    /// `labels`. The speaker is guessed to be the video, the first part of the id (or the id without the
    /// number of the clip at its end).
    Mult,
    /// A table (`.csv`, `.tsv`) with a line for each utterance: a column `id`; where known `label`,
    /// `speaker`, `session`, `sex`, `side`, `duration` and `transcript`; and for each modality a column with
    /// the path of a `.npy`, `.npz`, `.safetensors` or `.csv` (OpenFace), or files
    /// `features/MODALITY/ID.npy` beside the table. Every other column is kept.
    Table,
}

impl Format {
    /// The layout of a file by its name; `None` where the name does not tell.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "npz" => Some(Self::Npz),
            "pkl" | "pickle" | "p" => Some(Self::Pickle),
            "csv" | "tsv" | "txt" => Some(Self::Table),
            _ => None,
        }
    }
}

/// A corpus that was imported.
#[derive(Debug)]
pub struct Import {
    pub corpus: Corpus,
    /// What a user may not expect, in whole sentences.
    pub notes: Vec<String>,
}

/// Imports the file at `path`; without a format its name tells.
///
/// # Errors
/// When the file cannot be read, and as [`import_bytes`].
#[cfg(not(target_arch = "wasm32"))]
pub fn import(format: Option<Format>, path: &std::path::Path, options: &Options) -> Result<Import> {
    use crate::error::CorpusError;

    let source = path.display().to_string();
    let kind = std::fs::metadata(path).map_err(CorpusError::io(&source))?;
    // A device or a pipe may never end.
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "no regular file"
        };
        let expected = "a file to import (a folder of features needs a table: --from table)";
        return Err(CorpusError::invalid(source, "file", found, expected));
    }
    let file = std::fs::File::open(path).map_err(CorpusError::io(&source))?;
    let files = files::Folder::beside(path, options);
    if kind.len() == 0 {
        return import_bytes(format, &source, &[], &files, options);
    }
    let read = |file| crate::mapped::bytes(file).map_err(CorpusError::io(&source));
    let mut bytes = read(file)?;
    if let Some(folder) = &options.spill {
        let most = options.most_unpacked(bytes.len());
        if let Some(unpacked) = unpacked::stored(&bytes, most, folder) {
            // Nobody else can change it, and memory need not hold it.
            let mapped = crate::mapped::Mapped::new(unpacked).map_err(CorpusError::io(&source))?;
            bytes = crate::modality::Bytes::Mapped(std::sync::Arc::new(mapped));
        }
    }
    import_bytes(format, &source, &bytes, &files, options)
}

/// Imports the bytes of a file; `source` is its name, which without a format tells the layout, and `files`
/// are those that a table may name.
///
/// # Errors
/// The first thing that is wrong: a file that is something else, not complete or not of this layout, a
/// field that is absent or has another shape or type, several classes for an utterance, options that name
/// a modality or a field that the file does not have.
pub fn import_bytes(
    format: Option<Format>,
    source: &str,
    bytes: &[u8],
    files: &dyn Files,
    options: &Options,
) -> Result<Import> {
    let draft = || {
        if let Some(finding) = diagnose(bytes) {
            return Err(finding);
        }
        let format = format.or_else(|| Format::of_name(source)).ok_or_else(|| {
            let expected = "the layout: --from npz, mmsa, mult or table";
            Finding::new("file", "a name that does not tell what it is", expected)
        })?;
        match format {
            Format::Npz => npz::read(bytes, options),
            Format::Table => table::read(bytes, files, options),
            Format::Pickle | Format::Mmsa | Format::Mult => pickled::read(bytes, format, options)
                .map_err(|finding| {
                    if diagnose::has_converted_lines(bytes) {
                        diagnose::converted_lines()
                    } else {
                        finding
                    }
                }),
        }
    };
    draft()
        .and_then(|draft| draft.finish(source, options))
        .map_err(|finding| finding.in_file(source))
}
