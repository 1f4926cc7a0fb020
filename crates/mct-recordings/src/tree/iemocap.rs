//! IEMOCAP (Busso et al., 2008), the folder `IEMOCAP_full_release`.
//!
//! `SessionN/dialog/EmoEvaluation/DIALOG.txt` has the labels, `SessionN/dialog/transcriptions/DIALOG.txt`
//! the words, `SessionN/sentences/wav/DIALOG/UTTERANCE.wav` the sound, `SessionN/dialog/avi/DivX/DIALOG.avi` the
//! pictures. The paper (section 5.1) takes four
//! classes, counts excited as happy, and removes notes such as `[LAUGHTER]` from the transcripts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mct_corpus::{CorpusError, Result, Sex};

use super::{Half, LeftOut, Pictures, Recording, Recordings, files, text, words};

const CLASSES: [&str; 4] = ["angry", "happy", "neutral", "sad"];
const COLUMNS: [&str; 5] = ["emotion", "valence", "activation", "dominance", "dialog"];

/// The class that the paper makes of a label.
fn class(label: &str) -> Option<&'static str> {
    match label {
        "ang" => Some("angry"),
        "hap" | "exc" => Some("happy"),
        "neu" => Some("neutral"),
        "sad" => Some("sad"),
        _ => None,
    }
}

pub(super) fn list(root: &Path) -> Result<Recordings> {
    let mut recordings = Vec::new();
    let (mut left_out, mut notes) = (LeftOut::default(), Vec::new());
    for number in 1..=5 {
        let session = root.join(format!("Session{number}"));
        if !session.is_dir() {
            notes.push(format!("there is no Session{number}"));
            continue;
        }
        let wavs = files(&session.join("sentences/wav"), &["wav"])?;
        let avis = session.join("dialog/avi");
        // Many have the corpus without its large videos.
        let avis = match avis.is_dir() {
            true => files(&avis, &["avi", "mp4"])?,
            false => BTreeMap::new(),
        };
        let spoken = transcripts(&session.join("dialog/transcriptions"))?;
        let labels = session.join("dialog/EmoEvaluation");
        for (dialog, path) in top_files(&labels)? {
            let evaluation = text(&path)?;
            for turn in evaluation.lines().filter_map(Turn::parse) {
                let Some(class) = class(turn.label) else {
                    left_out.count(format!("labelled {}", turn.label));
                    continue;
                };
                let Some((speaker, sex)) = speaker(turn.id) else {
                    left_out.count("whose name tells no speaker");
                    continue;
                };
                let audio = wavs.get(turn.id).and_then(|paths| paths.first().cloned());
                let [valence, activation, dominance] = turn.dimensions;
                recordings.push(Recording {
                    id: turn.id.to_owned(),
                    audio,
                    pictures: avis.get(&dialog).and_then(|paths| {
                        Some(Pictures {
                            path: paths.first()?.clone(),
                            seconds: turn.seconds,
                            half: half(&dialog, sex),
                        })
                    }),
                    transcript: spoken.get(turn.id).and_then(|text| words(text)),
                    label: Some(class.to_owned()),
                    speaker: Some(speaker),
                    sex: Some(sex),
                    session: Some(number.to_string()),
                    further: [turn.label, valence, activation, dominance, &dialog]
                        .map(str::to_owned)
                        .to_vec(),
                });
            }
        }
    }
    if recordings.is_empty() {
        let found = match left_out.note() {
            Some(note) => format!("none ({note})"),
            None => "none".to_owned(),
        };
        let expected = "labels in SessionN/dialog/EmoEvaluation (ROOT is IEMOCAP_full_release)";
        let file = root.display().to_string();
        return Err(CorpusError::invalid(file, "utterances", found, expected));
    }
    notes.extend(left_out.note());
    Ok(Recordings {
        title: "IEMOCAP".to_owned(),
        licence: None,
        classes: CLASSES.map(str::to_owned).to_vec(),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        recordings,
        shortest_secs: 0.0,
        notes,
    })
}

/// The speaker of an utterance and the sex: the letter of the last part counts, since that of the dialog
/// tells who wears the markers.
fn speaker(id: &str) -> Option<(String, Sex)> {
    let (dialog, turn) = id.rsplit_once('_')?;
    let session = dialog.get(..5)?;
    let sex = match turn.chars().next()? {
        'F' => Sex::Female,
        'M' => Sex::Male,
        _ => return None,
    };
    let letter = turn.chars().next()?;
    Some((format!("{session}{letter}"), sex))
}

/// Both actors are in one picture, side by side: the one who wears the markers, whose letter the dialog
/// bears, is on the left.
fn half(dialog: &str, sex: Sex) -> Option<Half> {
    let marked = match dialog.chars().nth(5)? {
        'F' => Sex::Female,
        'M' => Sex::Male,
        _ => return None,
    };
    Some(if marked == sex {
        Half::Left
    } else {
        Half::Right
    })
}

/// A line such as `[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]`.
struct Turn<'t> {
    /// Beginning and end in the dialog.
    seconds: Option<[f64; 2]>,
    id: &'t str,
    label: &'t str,
    /// Valence, activation, dominance.
    dimensions: [&'t str; 3],
}

impl<'t> Turn<'t> {
    /// `None` for the head, the lines of single raters and whatever else there is.
    fn parse(line: &'t str) -> Option<Self> {
        let mut cells = line.trim_end().split('\t');
        let time = cells.next()?;
        if !(time.starts_with('[') && time.ends_with(']') && time.contains(" - ")) {
            return None;
        }
        let ends = time[1..time.len() - 1].split_once(" - ");
        let seconds = ends.and_then(|(start, end)| {
            let ends = [start.trim().parse().ok()?, end.trim().parse().ok()?];
            (ends[0] >= 0.0 && ends[1] > ends[0]).then_some(ends)
        });
        let (id, label) = (cells.next()?.trim(), cells.next()?.trim());
        let numbers = cells.next().unwrap_or_default().trim();
        let numbers = numbers.trim_start_matches('[').trim_end_matches(']');
        let mut numbers = numbers.split(',').map(str::trim);
        let dimensions = std::array::from_fn(|_| numbers.next().unwrap_or_default());
        id.starts_with("Ses").then_some(Self {
            seconds,
            id,
            label,
            dimensions,
        })
    }
}

/// The `.txt` files of one folder and none of its sub-folders, which hold what single raters said.
fn top_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let all = files(folder, &["txt"])?;
    let direct = all.into_iter().filter_map(|(name, paths)| {
        let path = paths.into_iter().find(|path| path.parent() == Some(folder));
        Some((name, path?))
    });
    Ok(direct.collect())
}

/// What was said, by utterance: lines such as `Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.`
fn transcripts(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut spoken = BTreeMap::new();
    for path in top_files(folder)?.values() {
        for line in text(path)?.lines() {
            let Some((id, rest)) = line.split_once(" [") else {
                continue;
            };
            // Lines such as `M: …` are asides of nobody's turn.
            let Some((_, said)) = rest.split_once("]:") else {
                continue;
            };
            if id.starts_with("Ses") {
                spoken.insert(id.trim().to_owned(), said.trim().to_owned());
            }
        }
    }
    Ok(spoken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    const EVALUATION: &[u8] = b"% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n\
        [6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\r\n\
        C-E2:\tNeutral;\t()\n\
        A-E3:\tval 3; act 2; dom  2;\t()\n\n\
        [8.5 - 9.0]\tSes01F_impro01_M000\texc\t[4.0000, 3.5000, 3.0000]\n\n\
        [9.5 - 9.9]\tSes01F_impro01_F001\txxx\t[4.0000, 3.5000, 3.0000]\n\n\
        [10.5 - 11.9]\tSes01F_impro01_F002\tsad\t[1.5000, 2.0, 2.0]\n";

    #[test]
    fn a_session_with_its_odd_lines() {
        let root = tempfile::tempdir().unwrap();
        let session = root.path().join("Session1");
        let labels = session.join("dialog/EmoEvaluation");
        write(labels.join("Ses01F_impro01.txt"), EVALUATION);
        write(labels.join("._Ses01F_impro01.txt"), b"\x00\x05\x16\x07");
        write(
            labels.join("Categorical/Ses01F_impro01_e2_cat.txt"),
            EVALUATION,
        );
        write(
            session.join("dialog/transcriptions/Ses01F_impro01.txt"),
            b"Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n\
              M: mhm\n\
              Ses01F_impro01_MXX0 [008.2901-008.3]: [LAUGHTER]\n\
              Ses01F_impro01_M000 [008.5-009.0]: Caf\xe9 [LAUGHTER] then.\n\
              Ses01F_impro01_F002 [010.5-011.9]: [BREATHING]\n",
        );
        write(session.join("dialog/avi/DivX/Ses01F_impro01.avi"), b"");
        for id in ["F000", "M000"] {
            let name = format!("sentences/wav/Ses01F_impro01/Ses01F_impro01_{id}.wav");
            write(session.join(name), b"");
        }
        let listed = crate::tree::list(crate::tree::Layout::Iemocap, root.path()).unwrap();
        let [neutral, sad, excited] = &listed.recordings[..] else {
            panic!("{:?}", listed.recordings);
        };
        assert_eq!(neutral.transcript.as_deref(), Some("Excuse me."));
        assert_eq!(neutral.speaker.as_deref(), Some("Ses01F"));
        assert_eq!(
            neutral.further,
            ["neu", "2.5000", "2.5000", "2.5000", "Ses01F_impro01"]
        );
        let pictures = |recording: &Recording| recording.pictures.clone().unwrap();
        assert_eq!(pictures(neutral).seconds, Some([6.2901, 8.2357]));
        assert_eq!(pictures(neutral).half, Some(Half::Left));
        assert_eq!(pictures(excited).half, Some(Half::Right));
        assert_eq!(excited.label.as_deref(), Some("happy"));
        assert_eq!(excited.transcript.as_deref(), Some("Caf\u{e9} then."));
        // The last letter counts, not the dialog's.
        assert_eq!(
            (excited.speaker.as_deref(), excited.sex),
            (Some("Ses01M"), Some(Sex::Male))
        );
        assert_eq!((&sad.audio, &sad.transcript), (&None, &None));
        let notes = listed.notes.join("; ");
        for part in [
            "no Session5",
            "1 labelled xxx",
            "1 utterances have no recording",
            "1 utterances have no words",
        ] {
            assert!(notes.contains(part), "{part} in {notes}");
        }
    }

    #[test]
    fn another_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = crate::tree::list(crate::tree::Layout::Iemocap, root.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("IEMOCAP_full_release"), "{error}");
    }
}
