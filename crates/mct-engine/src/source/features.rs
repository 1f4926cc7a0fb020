//! Features as people have them: a file, the files that it names, and what it does not say.

use std::collections::{BTreeMap, HashSet};

use mct_corpus::import::{self, Format, Import, Options, Picked, import_bytes};
use mct_corpus::{CorpusError, Finding};
use serde::{Deserialize, Serialize};

use super::{Bytes, Kind, OpenedCorpus, Source, Unreadable};

/// Bytes of a table of utterances, in whatever encoding, that is looked through for the files that it names.
#[cfg(not(target_arch = "wasm32"))]
const MOST_OF_TABLE: u64 = 256 << 20;

/// A file of features, and how it is imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Features {
    pub file: Source,
    /// Files that were picked together with a table, by their names; on the desktop a table finds those that
    /// it names by their paths.
    pub beside: BTreeMap<String, Bytes>,
    /// The layout; by name and content where `None`.
    pub format: Option<Format>,
    pub options: Options,
}

impl Features {
    /// A file with nothing said about it.
    pub fn new(file: Source) -> Self {
        Self {
            file,
            beside: BTreeMap::new(),
            format: None,
            options: Options::default(),
        }
    }

    /// Imports the file.
    ///
    /// # Errors
    /// When it cannot be read, and as [`import_bytes`].
    pub(super) async fn read(&self) -> Result<OpenedCorpus, Unreadable> {
        match &self.file {
            #[cfg(not(target_arch = "wasm32"))]
            Source::Path(path) => {
                let (head, _) = super::head(path)?;
                let format = self.format.or_else(|| format(&self.file.name(), &head));
                imported(import::import(format, path, &self.options))
            }
            Source::Bytes { name, bytes } => self.import(name, bytes),
            #[cfg(target_arch = "wasm32")]
            Source::Url { name, url } => self.import(name, &crate::browser::fetch(url).await?),
            Source::Demo { .. } | Source::Features(_) => {
                Err(format!("{}: found no file, expected features", self.file.name()).into())
            }
        }
    }

    fn import(&self, name: &str, bytes: &[u8]) -> Result<OpenedCorpus, Unreadable> {
        let beside = self.beside.iter();
        let picked = Picked(beside.map(|(name, file)| (&name[..], &file[..])).collect());
        let format = self.format.or_else(|| format(name, bytes));
        imported(import_bytes(format, name, bytes, &picked, &self.options))
    }
}

/// Imports the bytes of a file with nothing said about it.
///
/// # Errors
/// As [`import_bytes`].
pub(super) fn import(name: &str, bytes: &[u8]) -> Result<OpenedCorpus, Unreadable> {
    let options = Options::default();
    imported(import_bytes(
        format(name, bytes),
        name,
        bytes,
        &Picked::default(),
        &options,
    ))
}

fn format(name: &str, bytes: &[u8]) -> Option<Format> {
    match super::kind(name, bytes) {
        Some(Kind::Features(format)) => Some(format),
        _ => None,
    }
}

fn imported(import: Result<Import, CorpusError>) -> Result<OpenedCorpus, Unreadable> {
    match import {
        Ok(Import { corpus, notes }) => Ok(OpenedCorpus {
            corpus,
            notes: Some(notes),
        }),
        Err(error) => Err(Unreadable {
            // What is no feature file at all, no option can import.
            is_features: match &error {
                CorpusError::Io { .. } => false,
                CorpusError::Invalid { finding, .. } => !is_of_another_kind(finding),
            },
            message: error.to_string(),
        }),
    }
}

fn is_of_another_kind(finding: &Finding) -> bool {
    finding.field == "file"
}

/// Gives files that were picked together to the tables of utterances among them that name them.
pub fn group(sources: Vec<Source>) -> Vec<Source> {
    let (mut tables, mut others) = (Vec::new(), Vec::new());
    for source in sources {
        match source.table() {
            Some(text) => tables.push((source, cells(&text))),
            None => others.push(source),
        }
    }
    let mut grouped = Vec::new();
    for (table, cells) in tables {
        let mut features = Features::new(table);
        let named = |source: &Source| {
            source.is_array() && parts(&source.name()).any(|part| cells.contains(part))
        };
        others.retain(|source| {
            let is_named = named(source);
            if let Source::Bytes { name, bytes } = source
                && is_named
            {
                features.beside.insert(name.clone(), bytes.clone());
            }
            !is_named
        });
        grouped.push(Source::Features(Box::new(features)));
    }
    grouped.extend(others);
    grouped
}

/// The last part of a path, and the same without its ending.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = name.rsplit_once('.').map(|(stem, _)| stem);
    std::iter::once(name).chain(stem)
}

/// The cells of a table, and the last parts of those that are paths.
fn cells(text: &str) -> HashSet<String> {
    let cells = text.split(['\n', '\r', '\t', ',', ';', '"']);
    cells.flat_map(parts).map(str::to_owned).collect()
}

impl Source {
    /// The text of a table of utterances; `None` for everything else.
    fn table(&self) -> Option<String> {
        if Format::of_name(&self.name()) != Some(Format::Table) {
            return None;
        }
        let text = |bytes: &[u8]| {
            import::names_utterances(bytes).then(|| String::from_utf8_lossy(bytes).into_owned())
        };
        match self {
            Self::Bytes { bytes, .. } => text(bytes),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Path(path) if import::names_utterances(&super::head(path).ok()?.0) => {
                text(&mct_corpus::regular::read(path, MOST_OF_TABLE).ok()?)
            }
            _ => None,
        }
    }

    /// Whether it may be the array of an utterance, by its name.
    fn is_array(&self) -> bool {
        let name = self.name();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        ending.is_some_and(|ending| {
            let ending = ending.to_ascii_lowercase();
            matches!(&ending[..], "npy" | "npz" | "safetensors" | "csv" | "tsv")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> Source {
        Source::Bytes {
            name: name.into(),
            bytes: bytes.to_vec().into(),
        }
    }

    #[test]
    fn a_table_takes_the_files_that_it_names() {
        let table = b"id,vision,label\nu0,faces/a.csv,sad\nu1,,happy\n";
        let grouped = group(vec![
            file("corpus.safetensors", b"a corpus"),
            file("a.csv", b"frame, confidence\n1, 0.9\n"),
            file("labels.csv", table),
            file("audio/u1.npy", b"by its id"),
        ]);
        let [Source::Features(features), Source::Bytes { name, .. }] = &grouped[..] else {
            panic!("{grouped:?}");
        };
        assert_eq!(name, "corpus.safetensors");
        assert_eq!(features.file.name(), "labels.csv");
        let beside: Vec<&str> = features.beside.keys().map(String::as_str).collect();
        assert_eq!(beside, ["a.csv", "audio/u1.npy"]);
    }
}
