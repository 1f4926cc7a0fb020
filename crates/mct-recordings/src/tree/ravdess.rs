//! RAVDESS (Livingstone and Russo, 2018): seven numbers in the name of a file say everything.
//!
//! `MM-CC-EE-II-SS-RR-AA`: modality (01 picture and sound, 02 picture, 03 sound), vocal channel (01 speech,
//! 02 song), emotion, intensity, statement, repetition, actor (odd ones are male).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mct_corpus::{CorpusError, Result, Sex};

use super::{LeftOut, Pictures, Recording, Recordings, files};

const EMOTIONS: [&str; 8] = [
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
];
const STATEMENTS: [&str; 2] = [
    "Kids are talking by the door",
    "Dogs are sitting by the door",
];
const INTENSITIES: [&str; 2] = ["normal", "strong"];
/// Actors of a session: the corpus has none, so that six of four actors stand for them, as many of each sex.
const ACTORS: usize = 4;

const ENDINGS: [&str; 8] = ["wav", "flac", "mp3", "m4a", "ogg", "mp4", "avi", "mkv"];

pub(super) fn list(root: &Path) -> Result<Recordings> {
    let mut left_out = LeftOut::default();
    // By everything but the modality: sound of its own stands before that of the pictures.
    let mut clips: BTreeMap<String, (String, PathBuf)> = BTreeMap::new();
    let mut videos: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (name, paths) in files(root, &ENDINGS)? {
        let Some((modality, rest)) = name.split_once('-').filter(|_| parts(&name).is_some()) else {
            left_out.count("files whose name is not of seven numbers");
            continue;
        };
        let of_clip = clips.get(rest);
        let first = paths.into_iter().next().unwrap_or_default();
        if modality != "03" {
            videos
                .entry(rest.to_owned())
                .or_insert_with(|| first.clone());
        }
        match modality {
            "03" => {}
            "01" if of_clip.is_none() => {}
            "02" if of_clip.is_none() => {
                left_out.count("clips without sound (modality 02)");
                continue;
            }
            _ => continue,
        }
        clips.insert(rest.to_owned(), (name.clone(), first));
    }
    let mut recordings = Vec::new();
    for (rest, (id, audio)) in clips {
        let Some([_, channel, emotion, intensity, statement, repetition, actor]) = parts(&id)
        else {
            continue;
        };
        if channel == 2 {
            left_out.count("songs");
            continue;
        }
        let name_of = |names: &[&str], number: usize| {
            let place = number.checked_sub(1)?;
            names.get(place).map(|name| (*name).to_owned())
        };
        let known = (
            name_of(&EMOTIONS, emotion),
            name_of(&INTENSITIES, intensity),
            name_of(&STATEMENTS, statement),
        );
        let (Some(label), Some(intensity), Some(transcript)) = known else {
            left_out.count("files with a number that RAVDESS has not");
            continue;
        };
        let sex = match actor % 2 {
            1 => Sex::Male,
            _ => Sex::Female,
        };
        recordings.push(Recording {
            audio: Some(audio),
            pictures: videos.remove(&rest).map(|path| Pictures {
                path,
                ..Pictures::default()
            }),
            transcript: Some(transcript),
            label: Some(label),
            speaker: Some(format!("Actor_{actor:02}")),
            sex: Some(sex),
            session: Some((actor.saturating_sub(1) / ACTORS + 1).to_string()),
            further: vec![intensity, statement.to_string(), repetition.to_string()],
            id,
        });
    }
    if recordings.is_empty() {
        let found = left_out.note().unwrap_or_else(|| "none".to_owned());
        let expected = "recordings of speech named like 03-01-05-01-02-01-16.wav";
        return Err(CorpusError::invalid(
            root.display().to_string(),
            "files",
            found,
            expected,
        ));
    }
    Ok(Recordings {
        title: "RAVDESS speech".to_owned(),
        licence: Some("CC BY-NC-SA 4.0".to_owned()),
        classes: EMOTIONS.map(str::to_owned).to_vec(),
        columns: ["intensity", "statement", "repetition"]
            .map(str::to_owned)
            .to_vec(),
        recordings,
        shortest_secs: 0.0,
        notes: left_out.note().into_iter().collect(),
    })
}

/// The seven numbers of a name.
fn parts(name: &str) -> Option<[usize; 7]> {
    let mut numbers = [0; 7];
    let mut parts = name.split('-');
    for number in &mut numbers {
        let part = parts.next()?;
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = digits.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, names: &[&str]) {
        std::fs::create_dir_all(folder).unwrap();
        for name in names {
            std::fs::write(folder.join(name), b"").unwrap();
        }
    }

    #[test]
    fn names_say_everything() {
        let root = tempfile::tempdir().unwrap();
        touch(
            &root.path().join("Actor_01"),
            &[
                "03-01-05-02-01-02-01.wav",
                "01-01-05-02-01-02-01.mp4",
                "02-01-05-02-01-02-01.mp4",
                "._03-01-05-02-01-02-01.wav",
                "readme.wav",
            ],
        );
        touch(&root.path().join("Actor_06"), &["01-01-08-01-02-01-06.mp4"]);
        touch(&root.path().join("Song"), &["03-02-05-02-01-02-01.wav"]);
        let listed = list(root.path()).unwrap();
        let ids: Vec<&str> = listed.recordings.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["03-01-05-02-01-02-01", "01-01-08-01-02-01-06"]);
        let angry = &listed.recordings[0];
        assert!(
            angry
                .audio
                .as_ref()
                .unwrap()
                .ends_with("03-01-05-02-01-02-01.wav")
        );
        let pictures = angry.pictures.as_ref().unwrap();
        assert!(pictures.path.ends_with("01-01-05-02-01-02-01.mp4"));
        assert_eq!(angry.label.as_deref(), Some("angry"));
        assert_eq!(
            (angry.sex, angry.session.as_deref()),
            (Some(Sex::Male), Some("1"))
        );
        assert_eq!(angry.further, ["strong", "1", "2"]);
        let surprised = &listed.recordings[1];
        assert_eq!(surprised.label.as_deref(), Some("surprised"));
        assert_eq!(surprised.transcript.as_deref(), Some(STATEMENTS[1]));
        assert_eq!(
            (surprised.sex, surprised.session.as_deref()),
            (Some(Sex::Female), Some("2"))
        );
        let note = &listed.notes[0];
        assert!(
            note.contains("1 songs") && note.contains("1 files whose name"),
            "{note}"
        );
    }

    #[test]
    fn another_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path(), &["a.wav"]);
        let error = list(root.path()).unwrap_err().to_string();
        assert!(
            error.contains("1 files whose name is not of seven numbers"),
            "{error}"
        );
    }
}
