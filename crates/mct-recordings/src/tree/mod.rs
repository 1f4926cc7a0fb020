//! The trees in which corpora are published, and a table of one's own, as lists of recordings.
//!
//! A reader looks at names and texts alone; it opens no recording. What it leaves out and why is a note.

mod iemocap;
mod msp_improv;
mod ravdess;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mct_corpus::{CorpusError, Result, Sex};

/// One utterance before features are extracted of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    pub id: String,
    /// The file with its sound, which may have pictures too.
    pub audio: Option<PathBuf>,
    pub pictures: Option<Pictures>,
    pub transcript: Option<String>,
    pub label: Option<String>,
    pub speaker: Option<String>,
    pub sex: Option<Sex>,
    pub session: Option<String>,
    /// One for each of [`Recordings::columns`]; empty where it is not known.
    pub further: Vec<String>,
}

/// Where the pictures of an utterance are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pictures {
    /// A video, or a folder of picture files.
    pub path: PathBuf,
    /// Beginning and end in the video; all of it where there are none.
    pub seconds: Option<[f64; 2]>,
    /// The half of each picture in which the speaker is.
    pub half: Option<Half>,
}

/// A half of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Left,
    Right,
}

/// What a tree or a table lists.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recordings {
    pub title: String,
    pub licence: Option<String>,
    /// Classes in their order; as they occur where empty.
    pub classes: Vec<String>,
    /// Names of what else is known of each utterance.
    pub columns: Vec<String>,
    pub recordings: Vec<Recording>,
    /// Shorter ones are left out.
    pub shortest_secs: f32,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// How recordings are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `IEMOCAP_full_release`: the four classes of the paper, excited counted as happy.
    Iemocap,
    /// `MSP-IMPROV`: the group Other-improvised, of one second or more.
    MspImprov,
    /// RAVDESS speech: everything is in the names of the files.
    Ravdess,
    /// A table with the paths of recordings.
    Table,
}

/// Lists the recordings at `path`: the folder of a tree, or the file of a table.
///
/// # Errors
/// When the path is not of this layout, or a line cannot be understood.
pub fn list(layout: Layout, path: &Path) -> Result<Recordings> {
    let mut listed = match layout {
        Layout::Iemocap => iemocap::list(path),
        Layout::MspImprov => msp_improv::list(path),
        Layout::Ravdess => ravdess::list(path),
        Layout::Table => table::list(path),
    }?;
    type Lacks = fn(&Recording) -> bool;
    let lacking: [(&str, Lacks); 2] = [
        ("recording", |recording| recording.audio.is_none()),
        ("words", |recording| recording.transcript.is_none()),
    ];
    for (what, lacks) in lacking {
        let count = listed.recordings.iter().filter(|own| lacks(own)).count();
        if count > 0 {
            listed
                .notes
                .push(format!("{count} utterances have no {what}"));
        }
    }
    if layout != Layout::Table {
        listed.recordings.sort_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(listed)
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CorpusError {
    let file = path.display().to_string();
    move |error| CorpusError::Io { file, error }
}

/// The files of a tree by their names without ending, from the top down; those of which a Mac has left
/// its own half (`._name`) and other hidden ones are no files of the corpus.
fn files(root: &Path, endings: &[&str]) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    // A link may lead back to where it stands.
    let mut seen = BTreeSet::new();
    while let Some(folder) = open.pop() {
        if !seen.insert(folder.canonicalize().map_err(io(&folder))?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(io(&folder))? {
            let path = entry.map_err(io(&folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
            let ending = ending.to_ascii_lowercase();
            if endings.contains(&ending.as_str()) {
                let stem = stem.to_owned();
                found.entry(stem).or_default().push(path);
            }
        }
    }
    for paths in found.values_mut() {
        paths.sort();
    }
    Ok(found)
}

/// The text of a file in UTF-8 or, where it is none, Latin-1.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: &Path) -> Result<String> {
    let bytes = mct_corpus::regular::read(path, 256 << 20).map_err(io(path))?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    })
}

/// A transcript without notes such as `[LAUGHTER]`; `None` where no word is left.
fn words(transcript: &str) -> Option<String> {
    let (mut plain, mut depth) = (String::new(), 0_usize);
    for letter in transcript.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            letter if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    Some(words.join(" ")).filter(|words| words.chars().any(char::is_alphanumeric))
}

/// How often each thing was left out, as one note.
#[derive(Default)]
struct LeftOut(BTreeMap<String, usize>);

impl LeftOut {
    fn count(&mut self, why: impl Into<String>) {
        *self.0.entry(why.into()).or_default() += 1;
    }

    fn note(self) -> Option<String> {
        let text = |(why, count): (String, usize)| format!("{count} {why}");
        let all: Vec<String> = self.0.into_iter().map(text).collect();
        (!all.is_empty()).then(|| format!("left out: {}", all.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_no_words() {
        assert_eq!(words("[LAUGHTER] Oh,  no. [BREATHING]").unwrap(), "Oh, no.");
        assert_eq!(words("[GARBAGE] ..."), None);
        assert_eq!(words("an ]odd[ one").unwrap(), "an odd");
    }
}
