//! A table with the paths of recordings, for everybody else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mct_corpus::import::Sheet;
use mct_corpus::{CorpusError, Finding, Result};

use super::{Pictures, Recording, Recordings, io};
use crate::frame::is_video;

const IDS: [&str; 4] = ["id", "ids", "utterance_id", "clip"];
const PATHS: [&str; 4] = ["audio", "recording", "path", "file"];
const VIDEOS: [&str; 1] = ["video"];
/// Folders of pictures; a column of this name that holds numbers counts something.
const FOLDERS: [&str; 1] = ["frames"];
const TRANSCRIPTS: [&str; 2] = ["transcript", "text"];

/// Columns go through as they are, so that label, speaker, session, sex and side are read where those of
/// any table are; only the paths and the transcripts are needed here.
pub(super) fn list(path: &Path) -> Result<Recordings> {
    let file = path.display().to_string();
    if path.is_dir() {
        let expected =
            "a table (.csv or .tsv); a folder needs the layout of a corpus: --from ravdess, …";
        return Err(CorpusError::invalid(file, "path", "a folder", expected));
    }
    let bytes = mct_corpus::regular::read(path, 256 << 20).map_err(io(path))?;
    read(&bytes, path).map_err(|finding| finding.in_file(file))
}

fn read(bytes: &[u8], path: &Path) -> Result<Recordings, Finding> {
    let sheet = Sheet::parse(bytes)?;
    let column = |names: &[&str]| names.iter().find_map(|name| sheet.column(name));
    let missing = |expected: &str| {
        let found = format!("columns {}", sheet.columns.join(", "));
        Finding::new("line 1", found, expected)
    };
    let id = column(&IDS).ok_or_else(|| missing("a column `id`"))?;
    let audio = column(&PATHS);
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    let names = |place: &usize| !sheet.cells_of(*place).all(is_number);
    let video = column(&VIDEOS).or_else(|| column(&FOLDERS).filter(names));
    if audio.or(video).is_none() {
        return Err(missing("a column `audio` or `video` with the paths"));
    }
    let transcript = column(&TRANSCRIPTS);
    let is_further = |place: &usize| ![Some(id), audio, video, transcript].contains(&Some(*place));
    let further: Vec<usize> = (0..sheet.columns.len()).filter(is_further).collect();
    let mut names = BTreeSet::new();
    for name in &sheet.columns {
        if name.is_empty() || !names.insert(name.to_ascii_lowercase()) {
            let found = match name.as_str() {
                "" => "a column without a name".to_owned(),
                name => format!("two columns `{name}`"),
            };
            return Err(Finding::new(
                "line 1",
                found,
                "a name of its own for each column",
            ));
        }
    }
    let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
    let named = sheet.rows().filter(|(_, cells)| !cells[id].is_empty());
    for (line, cells) in named {
        if let Some(before) = lines.insert(cells.get(id), line) {
            let found = format!("`{}` again, as in line {before}", &cells[id]);
            return Err(Finding::new(format!("line {line}"), found, "an id once"));
        }
    }
    let base = path.parent().unwrap_or(Path::new(""));
    let mut recordings = Vec::new();
    for (line, cells) in sheet.rows() {
        if cells[id].is_empty() {
            return Err(Finding::new(format!("line {line}"), "no id", "an id"));
        }
        let filled = |place: usize| Some(cells[place].to_owned()).filter(|cell| !cell.is_empty());
        let path = |place: usize| Some(base.join(filled(place)?.replace('\\', "/")));
        let pictures = video.and_then(path);
        // A video has its sound, too, wherever it is named; a folder of pictures has none.
        let sound = audio.and_then(path);
        let own = pictures.clone().filter(|path| !path.is_dir());
        let shown = sound.clone().filter(|path| is_video(path));
        let pictures = pictures.or(shown);
        recordings.push(Recording {
            id: cells[id].to_owned(),
            audio: sound.or(own),
            pictures: pictures.map(|path| Pictures {
                path,
                ..Pictures::default()
            }),
            transcript: transcript.and_then(filled),
            further: further
                .iter()
                .map(|place| cells[*place].to_owned())
                .collect(),
            ..Recording::default()
        });
    }
    let title = path.file_name().unwrap_or_default();
    Ok(Recordings {
        title: title.to_string_lossy().into_owned(),
        columns: further
            .iter()
            .map(|place| sheet.columns[*place].clone())
            .collect(),
        recordings,
        ..Recordings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_count_from_the_table() {
        let table = b"id,audio,label,text\na,wav\\a.wav,sad,oh no\nb,,happy,\n";
        let listed = read(table, Path::new("/data/table.csv")).unwrap();
        assert_eq!(listed.columns, ["label"]);
        let [a, b] = &listed.recordings[..] else {
            panic!("{listed:?}");
        };
        assert_eq!(a.audio.as_deref(), Some(Path::new("/data/wav/a.wav")));
        assert_eq!(a.transcript.as_deref(), Some("oh no"));
        assert_eq!((&b.audio, &b.transcript), (&None, &None));
        assert_eq!(b.further, ["happy"]);
    }

    #[test]
    fn videos_and_folders_of_pictures() {
        let list = |bytes: &[u8]| read(bytes, Path::new("/d/t.csv")).unwrap();
        let paths = |listed: &Recordings| {
            let own = &listed.recordings[0];
            let pictures = own.pictures.as_ref().map(|pictures| pictures.path.clone());
            (own.audio.clone(), pictures)
        };
        let at = |name: &str| Some(Path::new("/d").join(name));
        assert_eq!(
            paths(&list(b"id,video\na,a.mp4\n")),
            (at("a.mp4"), at("a.mp4"))
        );
        assert_eq!(
            paths(&list(b"id,audio\na,a.mkv\n")),
            (at("a.mkv"), at("a.mkv"))
        );
        assert_eq!(
            paths(&list(b"id,audio,video\na,a.wav,b.avi\n")),
            (at("a.wav"), at("b.avi"))
        );
        assert_eq!(
            paths(&list(b"id,audio,frames\na,a.wav,f\n")),
            (at("a.wav"), at("f"))
        );
        let counted = list(b"id,audio,frames\na,a.wav,75\n");
        assert_eq!(
            (paths(&counted), &counted.columns[..]),
            ((at("a.wav"), None), &["frames".to_owned()][..])
        );
    }

    #[test]
    fn what_lacks_is_named() {
        let error = |bytes: &[u8]| read(bytes, Path::new("t.csv")).unwrap_err().to_string();
        assert!(error(b"name,audio\na,b\n").contains("a column `id`"));
        assert!(error(b"id,label\na,b\n").contains("a column `audio` or `video`"));
        assert!(error(b"id,audio\n,b\n").contains("line 2"));
        assert!(error(b"id,audio,\na,b,0\n").contains("a column without a name"));
        assert!(error(b"id,audio,Audio\na,b,c\n").contains("two columns `Audio`"));
        assert!(error(b"id,audio\na,b\na,c\n").contains("line 3: found `a` again"));
    }
}
