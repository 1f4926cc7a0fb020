//! MSP-IMPROV (Busso et al., 2017).
//!
//! Labels are in `Evalution.txt` (so spelt), sound in `sessionN/…/MSP-IMPROV-S01A-F01-S-FM01.wav`, words in
//! one text file an utterance. The paper (section 5.1) takes the group Other-improvised, condition `S`,
//! and removes what is shorter than a second.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mct_corpus::{CorpusError, Result, Sex};

use super::{LeftOut, Pictures, Recording, Recordings, files, text, words};

const CLASSES: [&str; 4] = ["angry", "happy", "neutral", "sad"];
const COLUMNS: [&str; 5] = [
    "valence",
    "activation",
    "dominance",
    "naturalness",
    "scenario",
];
const EVALUATIONS: [&str; 2] = ["Evalution", "Evaluation"];

fn class(letter: &str) -> Option<&'static str> {
    match letter {
        "A" => Some("angry"),
        "H" => Some("happy"),
        "N" => Some("neutral"),
        "S" => Some("sad"),
        _ => None,
    }
}

pub(super) fn list(root: &Path) -> Result<Recordings> {
    let file = || root.display().to_string();
    let texts = files(root, &["txt"])?;
    let wavs = files(root, &["wav"])?;
    let videos = files(root, &["avi", "mp4"])?;
    let mut named = EVALUATIONS.iter().filter_map(|name| texts.get(*name));
    let Some(evaluation) = named.next().and_then(|paths| paths.first()) else {
        let expected = "Evalution.txt somewhere below, with the labels";
        return Err(CorpusError::invalid(
            file(),
            "labels",
            "no such file",
            expected,
        ));
    };
    let mut recordings = Vec::new();
    let mut left_out = LeftOut::default();
    for line in text(evaluation)?.lines() {
        let Some((id, cells)) = head(line) else {
            continue;
        };
        let Some(name) = Name::parse(&id) else {
            left_out.count("whose name is not of MSP-IMPROV");
            continue;
        };
        if name.condition != "S" {
            left_out.count(format!("of condition {}", name.condition));
            continue;
        }
        let letter = cells.first().copied().unwrap_or_default();
        let Some(class) = class(letter) else {
            left_out.count(format!("labelled {letter}"));
            continue;
        };
        let audio = wavs.get(&id).and_then(|paths| paths.first().cloned());
        let transcript = texts.get(&id).and_then(|paths| paths.first());
        let transcript = transcript.map(|path: &PathBuf| text(path)).transpose()?;
        let value = |key: &str| {
            let prefix = format!("{key}:");
            let mut found = cells.iter().filter_map(|cell| cell.strip_prefix(&prefix));
            found.next().unwrap_or_default().trim().to_owned()
        };
        // Videos keep the name that the labels have.
        let other = id.replacen("MSP", "UTD", 1);
        let video = videos.get(&id).or_else(|| videos.get(&other));
        let video = video.and_then(|paths| paths.first().cloned());
        recordings.push(Recording {
            audio,
            pictures: video.map(|path| Pictures {
                path,
                ..Pictures::default()
            }),
            transcript: transcript.and_then(|text| words(&text)),
            label: Some(class.to_owned()),
            speaker: Some(name.speaker),
            sex: Some(name.sex),
            session: Some(name.session),
            further: vec![
                value("V"),
                value("A"),
                value("D"),
                value("N"),
                name.scenario,
            ],
            id,
        });
    }
    if recordings.is_empty() {
        let found = left_out.note().unwrap_or_else(|| "none".to_owned());
        let expected = "utterances of the group Other-improvised (condition S)";
        return Err(CorpusError::invalid(file(), "utterances", found, expected));
    }
    let notes: Vec<String> = left_out.note().into_iter().collect();
    let distinct: BTreeMap<&str, ()> = recordings.iter().map(|r| (r.id.as_str(), ())).collect();
    if distinct.len() < recordings.len() {
        let expected = "every utterance once";
        let found = format!(
            "{} lines for {} utterances",
            recordings.len(),
            distinct.len()
        );
        let file = evaluation.display().to_string();
        return Err(CorpusError::invalid(file, "lines", found, expected));
    }
    Ok(Recordings {
        title: "MSP-IMPROV".to_owned(),
        licence: None,
        classes: CLASSES.map(str::to_owned).to_vec(),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        recordings,
        shortest_secs: 1.0,
        notes,
    })
}

/// The first line of an utterance, such as `UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:2.57; V:3.0; D:3.14 ; N:3.5;`:
/// its id and the cells behind it. `None` for the lines of single raters.
fn head(line: &str) -> Option<(String, Vec<&str>)> {
    let mut cells = line.split(';').map(str::trim);
    let name = cells.next()?;
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let rest = name
        .strip_prefix("UTD-IMPROV-")
        .or_else(|| name.strip_prefix("MSP-IMPROV-"))?;
    Some((format!("MSP-IMPROV-{rest}"), cells.collect()))
}

struct Name {
    scenario: String,
    condition: String,
    /// Session and sex, as in `01F`.
    speaker: String,
    sex: Sex,
    session: String,
}

impl Name {
    /// `MSP-IMPROV-S01A-F01-S-FM01`: sentence and target emotion, sex and session of the speaker, condition,
    /// listener and speaker with the turn.
    fn parse(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("MSP-IMPROV-")?.split('-');
        let (scenario, who, condition) = (parts.next()?, parts.next()?, parts.next()?);
        let sex = match who.get(..1)? {
            "F" => Sex::Female,
            "M" => Sex::Male,
            _ => return None,
        };
        let number: u8 = who.get(1..)?.parse().ok()?;
        Some(Self {
            scenario: scenario.to_owned(),
            condition: condition.to_owned(),
            speaker: format!("{number:02}{}", who.get(..1)?),
            sex,
            session: number.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn the_group_other_improvised_is_taken() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path().join("Evalution.txt"),
            b"UTD-IMPROV-S01A-F01-S-FM01.avi; H; A:2.571429; V:3.000000; D:3.142857 ; N:nan;\n\
              ANN0; Neutral; Neutral; A:3.0; V:3.0; D:3.0; N:4.0;\n\n\
              UTD-IMPROV-S01A-M02-S-MF02.avi; X; A:2.5; V:3.0; D:3.1 ; N:3.5;\n\n\
              UTD-IMPROV-S01A-M02-P-MF03.avi; N; A:2.5; V:3.0; D:3.1 ; N:3.5;\n\n\
              UTD-IMPROV-S02N-M02-S-MF04.avi; N; A:2.5; V:3.0; D:3.1 ; N:3.5;\n",
        );
        let id = "MSP-IMPROV-S01A-F01-S-FM01";
        write(
            root.path().join(format!("Audio/session1/S01A/S/{id}.wav")),
            b"",
        );
        write(
            root.path()
                .join(format!("All_human_transcriptions/{id}.txt")),
            b"I'm quite sure.\n",
        );
        let listed = crate::tree::list(crate::tree::Layout::MspImprov, root.path()).unwrap();
        let [happy, neutral] = &listed.recordings[..] else {
            panic!("{:?}", listed.recordings);
        };
        assert_eq!(
            (happy.id.as_str(), happy.label.as_deref()),
            (id, Some("happy"))
        );
        assert_eq!(
            (happy.speaker.as_deref(), happy.session.as_deref()),
            (Some("01F"), Some("1"))
        );
        assert_eq!(happy.transcript.as_deref(), Some("I'm quite sure."));
        assert_eq!(
            happy.further,
            ["3.000000", "2.571429", "3.142857", "nan", "S01A"]
        );
        assert!(happy.audio.is_some());
        assert_eq!(
            (neutral.speaker.as_deref(), &neutral.audio),
            (Some("02M"), &None)
        );
        assert_eq!(listed.shortest_secs, 1.0);
        let notes = listed.notes.join("; ");
        for part in [
            "1 labelled X",
            "1 of condition P",
            "1 utterances have no recording",
        ] {
            assert!(notes.contains(part), "{part} in {notes}");
        }
    }

    #[test]
    fn another_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = crate::tree::list(crate::tree::Layout::MspImprov, root.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("Evalution.txt"), "{error}");
    }
}
