//! Makes a corpus out of the files that people have.
//!
//! Every importer makes a draft, which becomes a checked [`Corpus`] in one place.
//! Nothing is repaired in silence: what the corpus cannot hold is an error with the file, the field,
//! what was found and what was expected. The files are not trusted: sizes are compared with the
//! bytes that are there before anything is allocated, and a pickle runs no code.

mod array;
mod draft;
mod labels;
mod mmsa;
mod mult;
mod npy;
mod npz;
mod pickle;
mod speakers;
mod split;
mod zip;

pub use speakers::SpeakerTable;

use crate::corpus::Corpus;
use crate::error::Result;
use crate::modality::Precision;

/// Which layout a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A ragged `.npz`: for each modality `M` the concatenated steps of all utterances in `M`
    /// `[total steps, features]` and the steps of each utterance in `M_lengths` `[n]`.
    ///
    /// Also read: `id`, `label` and `speaker` `[n]`, `class_names`; where present `session`, `sex`
    /// (`F` or `M`), `duration` (seconds) and `transcript` `[n]`, `rate_M` (Hz) and `unknown_M`
    /// `[features]`. All other arrays are ignored.
    Npz,
    /// The pickle of MMSA: `train`, `valid` and `test`, zero-padded on the right, with
    /// `classification_labels`. The speaker is the video, the part of the id before `$_$`.
    Mmsa,
    /// The pickle of MulT: `train`, `valid` and `test`, zero-padded on the left (or both sides).
    /// The speaker is the video, the first part of the id (or the id without the number of the clip
    /// at its end); without ids each side counts as one speaker.
    Mult,
}

/// What a file does not say, and what to do with what it says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The corpus's title; the file's name where `None`.
    pub title: Option<String>,
    /// Under which terms the data may be used; "not stated" where `None`.
    pub licence: Option<String>,
    /// Turns feature values of -inf (the log of silence) into 0; otherwise they are an error.
    pub zero_infinite: bool,
    /// For a modality, how many consecutive steps become one step with all their features. The last
    /// step is repeated to fill an incomplete group.
    pub stack: Vec<(String, usize)>,
    /// Steps per second of a modality, before stacking; stronger than what the file says.
    ///
    /// Where the file has no durations they follow from steps and rate: the longest of the
    /// modalities whose rate is known counts. Without any they are 0, which stands for unknown.
    pub rates: Vec<(String, f32)>,
    /// Sex and session of every speaker.
    pub speakers: Option<SpeakerTable>,
    /// How feature values are stored; as in the file where `None` (64-bit floats as 32-bit ones).
    pub precision: Option<Precision>,
    /// Names of the classes, in the order of the labels; stronger than what the file says.
    pub class_names: Option<Vec<String>>,
}

/// Imports the file at `path`.
///
/// # Errors
/// When the file cannot be read, and as [`import_bytes`].
#[cfg(not(target_arch = "wasm32"))]
pub fn import(format: Format, path: &std::path::Path, options: &Options) -> Result<Corpus> {
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
        return Err(CorpusError::invalid(
            source,
            "file",
            found,
            "a file to import",
        ));
    }
    let bytes = std::fs::read(path).map_err(CorpusError::io(&source))?;
    import_bytes(format, &source, bytes, options)
}

/// Imports the bytes of a file; `source` is its name for messages.
///
/// # Errors
/// The first thing that is wrong: a file that is not complete or not of this format, a field that is
/// absent or has another shape or type, sequences of 0 steps, NaN or infinite feature values,
/// regression labels, options that name a modality the file does not have.
pub fn import_bytes(
    format: Format,
    source: &str,
    bytes: Vec<u8>,
    options: &Options,
) -> Result<Corpus> {
    let draft = match format {
        Format::Npz => npz::read(&bytes, options),
        Format::Mmsa => mmsa::read(&bytes, options),
        Format::Mult => mult::read(&bytes, options),
    };
    draft
        .and_then(|draft| draft.finish(source, options))
        .map_err(|finding| finding.in_file(source))
}
