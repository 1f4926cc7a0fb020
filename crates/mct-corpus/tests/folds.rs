//! Splits: of the paper's corpora where their tables are there, and of made-up ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use mct_corpus::fold::{Fold, Protocol, fold, fold_count};
use mct_corpus::{
    Corpus, CorpusError, Metadata, ModalityBuilder, Precision, Sex, Side, Speaker, Task, Utterance,
};

/// Speaker, sex, session and side of an utterance.
type Row = (String, Option<Sex>, Option<String>, Option<Side>);

/// One modality of one step.
fn corpus(rows: &[Row]) -> Corpus {
    let mut speakers: Vec<Speaker> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut sessions: Vec<String> = Vec::new();
    let mut utterances = Vec::new();
    let mut modality = ModalityBuilder::new("audio", 1, Precision::F32);
    for (index, (name, sex, session, side)) in rows.iter().enumerate() {
        let speaker = *known.entry(name.clone()).or_insert_with(|| {
            speakers.push(Speaker {
                name: name.clone(),
                sex: *sex,
            });
            speakers.len() - 1
        });
        let session = session.as_ref().map(|session| {
            sessions
                .iter()
                .position(|s| s == session)
                .unwrap_or_else(|| {
                    sessions.push(session.clone());
                    sessions.len() - 1
                })
        });
        modality.push(&[0.0]);
        utterances.push(Utterance {
            id: format!("u{index}"),
            label: Some(index % 2),
            speaker: Some(speaker),
            session,
            side: *side,
            ..Utterance::default()
        });
    }
    let metadata = Metadata {
        title: "test".into(),
        licence: "none".into(),
        synthetic: false,
        classes: vec!["a".into(), "b".into()],
        speakers,
        sessions,
        ..Metadata::default()
    };
    Corpus::new(
        "test.safetensors",
        metadata,
        utterances,
        vec![modality.build()],
    )
    .unwrap()
}

/// All folds of a protocol.
fn folds(corpus: &Corpus, protocol: Protocol) -> Result<Vec<Fold>, CorpusError> {
    let count = fold_count(corpus, Task::Classification, protocol)?;
    let one = |index| fold(corpus, Task::Classification, protocol, index);
    (0..count).map(one).collect()
}

/// No speaker stands on two sides, and every side has somebody.
fn sound(corpus: &Corpus, fold: &Fold) {
    let side = |indices: &[usize]| -> BTreeSet<usize> {
        indices
            .iter()
            .map(|index| corpus.utterances[*index].speaker.unwrap())
            .collect()
    };
    let (train, validation, test) = (side(&fold.train), side(&fold.validation), side(&fold.test));
    assert!(
        !train.is_empty() && !validation.is_empty() && !test.is_empty(),
        "{}",
        fold.name
    );
    assert!(
        train.is_disjoint(&validation) && train.is_disjoint(&test),
        "{}",
        fold.name
    );
    assert!(validation.is_disjoint(&test), "{}", fold.name);
}

/// The corpus of a table of `$MCT_HFR_DATA/meta`; `None`, said loudly, where the variable is unset.
fn table(name: &str, session_of: impl Fn(&str) -> String) -> Option<Corpus> {
    let Some(folder) = std::env::var_os("MCT_HFR_DATA") else {
        eprintln!("*** SKIPPED: set MCT_HFR_DATA to the folder that holds meta/{name} ***");
        return None;
    };
    let path = PathBuf::from(folder).join("meta").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|cell| *cell == name).unwrap();
    let (speaker, sex, id) = (column("speaker"), column("sex"), column("filename"));
    let rows: Vec<_> = lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let sex = match cells[sex] {
                "F" => Sex::Female,
                "M" => Sex::Male,
                other => panic!("sex {other}"),
            };
            let session = session_of(cells[id]);
            // The tables number speakers within a session.
            let speaker = format!("{session} {} {:?}", cells[speaker], sex);
            (speaker, Some(sex), Some(session), None)
        })
        .collect();
    Some(corpus(&rows))
}

#[test]
fn iemocap_has_the_papers_five_folds() {
    // Ses01F_impro01_F000: session 1.
    let Some(corpus) = table("IEMOCAP_4.tsv", |id| id[3..5].to_owned()) else {
        return;
    };
    assert_eq!(corpus.len(), 5531);
    let all = folds(&corpus, Protocol::Session { swap_roles: false }).unwrap();
    assert_eq!(all.len(), 5);
    all.iter().for_each(|fold| sound(&corpus, fold));
    let test: usize = all.iter().map(|fold| fold.test.len()).sum();
    assert_eq!(test, 2649);
    let swapped = folds(&corpus, Protocol::Session { swap_roles: true }).unwrap();
    let test: usize = swapped.iter().map(|fold| fold.test.len()).sum();
    assert_eq!(test, 5531 - 2649);
}

#[test]
fn msp_improv_has_the_papers_six_folds() {
    // MSP-IMPROV-S01A-F01-S-FM01: session 1, of F01 and M01.
    let session = |id: &str| {
        let speaker = id.split('-').nth(3).unwrap();
        speaker[1..].to_owned()
    };
    let Some(corpus) = table("MSP-IMPROV.tsv", session) else {
        return;
    };
    assert_eq!(corpus.len(), 3819);
    let all = folds(&corpus, Protocol::Session { swap_roles: false }).unwrap();
    assert_eq!(all.len(), 6);
    all.iter().for_each(|fold| sound(&corpus, fold));
}

fn small() -> Corpus {
    let rows: Vec<_> = (0..24)
        .map(|i| {
            let (session, sex) = (i / 6, if i % 2 == 0 { Sex::Female } else { Sex::Male });
            let speaker = format!("s{session}-{sex:?}");
            (speaker, Some(sex), Some(session.to_string()), None)
        })
        .collect();
    corpus(&rows)
}

#[test]
fn a_session_is_split_by_sex_and_roles_can_be_swapped() {
    let corpus = small();
    let all = folds(&corpus, Protocol::Session { swap_roles: false }).unwrap();
    assert_eq!(all.len(), 4);
    for fold in &all {
        sound(&corpus, fold);
        let sex = |index: usize| {
            let speaker = corpus.utterances[index].speaker.unwrap();
            corpus.metadata.speakers[speaker].sex
        };
        assert!(
            fold.test
                .iter()
                .all(|index| sex(*index) == Some(Sex::Female))
        );
        assert!(
            fold.validation
                .iter()
                .all(|index| sex(*index) == Some(Sex::Male))
        );
    }
    let swapped = folds(&corpus, Protocol::Session { swap_roles: true }).unwrap();
    assert_eq!(swapped[0].test, all[0].validation);
    assert_eq!(swapped[0].validation, all[0].test);
}

#[test]
fn speakers_and_groups_are_each_tested_once() {
    let corpus = small();
    for (protocol, count) in [(Protocol::Speaker, 8), (Protocol::Groups { k: 4 }, 4)] {
        let all = folds(&corpus, protocol).unwrap();
        assert_eq!(all.len(), count);
        all.iter().for_each(|fold| sound(&corpus, fold));
        let mut tested: Vec<usize> = all.iter().flat_map(|fold| fold.test.clone()).collect();
        tested.sort_unstable();
        assert_eq!(tested, (0..corpus.len()).collect::<Vec<_>>());
    }
}

#[test]
fn the_split_of_the_file_is_kept() {
    let sides = [Side::Train, Side::Train, Side::Validation, Side::Test];
    let rows: Vec<_> = sides
        .iter()
        .enumerate()
        .map(|(i, side)| (format!("s{i}"), None, None, Some(*side)))
        .collect();
    let fold = folds(&corpus(&rows), Protocol::File).unwrap().remove(0);
    assert_eq!(
        (fold.train, fold.validation, fold.test),
        (vec![0, 1], vec![2], vec![3])
    );
}

#[test]
fn folds_that_cannot_be_made_say_why() {
    let row = |speaker: &str, sex, session: Option<&str>, side| {
        (speaker.to_owned(), sex, session.map(str::to_owned), side)
    };
    let female = Some(Sex::Female);
    let error = |rows: &[_], protocol| folds(&corpus(rows), protocol).unwrap_err().to_string();
    let session = Protocol::Session { swap_roles: false };
    // No sessions; a session of women only; a speaker in two sessions.
    let none = [row("a", female, None, None), row("b", None, None, None)];
    assert!(error(&none, session).contains("sessions"));
    let women = [
        row("a", female, Some("1"), None),
        row("b", female, Some("1"), None),
        row("c", female, Some("2"), None),
        row("d", Some(Sex::Male), Some("2"), None),
    ];
    let message = error(&women, session);
    assert!(
        message.contains("validation") && message.contains("test.safetensors"),
        "{message}"
    );
    let twice = [
        row("a", female, Some("1"), None),
        row("b", Some(Sex::Male), Some("1"), None),
        row("a", female, Some("2"), None),
        row("d", Some(Sex::Male), Some("2"), None),
    ];
    assert!(error(&twice, session).contains('a'));
    let beyond = fold(&small(), Task::Classification, session, 4);
    let beyond = beyond.unwrap_err().to_string();
    assert!(beyond.contains("fold") && beyond.contains("found 4") && beyond.contains("0 to 3"));
}

#[test]
fn what_a_fold_does_not_promise_is_said() {
    let row = |speaker: &str, side| (speaker.to_owned(), None, None, side);
    let warnings = |corpus: &Corpus, protocol| folds(corpus, protocol).unwrap()[0].warnings.clone();
    let sides = [Side::Train, Side::Train, Side::Validation, Side::Test];
    // The file's own split may share speakers.
    let rows = ["a", "b", "c", "a"].into_iter().zip(sides.map(Some));
    let rows: Vec<_> = rows.map(|(speaker, side)| row(speaker, side)).collect();
    let mut shared = corpus(&rows);
    let said = warnings(&shared, Protocol::File);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("training and the test side there are 1 of 3, such as a"),
        "{said:?}"
    );
    // Speakers that were guessed, that are all different, that are not known.
    shared.metadata.speakers_guessed_from = Some("the id".into());
    assert!(warnings(&shared, Protocol::File)[1].contains("guessed from the id"));
    let each: Vec<_> = (0..6)
        .map(|index| row(&format!("s{index}"), None))
        .collect();
    let said = warnings(&corpus(&each), Protocol::Groups { k: 3 });
    assert!(said[0].contains("cannot be promised"), "{said:?}");
    shared.utterances.iter_mut().for_each(|u| u.speaker = None);
    assert!(warnings(&shared, Protocol::File)[0].contains("does not say who speaks"));
    let error = folds(&shared, Protocol::Groups { k: 3 })
        .unwrap_err()
        .to_string();
    assert!(error.contains("speaker of u0: found none"), "{error}");
    // A sound corpus has nothing to be said of.
    let session = Protocol::Session { swap_roles: false };
    assert!(warnings(&small(), session).is_empty());
}

#[test]
fn utterances_without_a_label_stand_on_no_side() {
    let mut corpus = small();
    corpus.utterances[0].label = None;
    corpus.utterances[23].label = None;
    let session = Protocol::Session { swap_roles: false };
    let all = folds(&corpus, session).unwrap();
    for fold in &all {
        let count = fold.train.len() + fold.validation.len() + fold.test.len();
        assert_eq!(count, 22);
        assert!(fold.warnings[0].contains("2 of 24 utterances have no class"));
    }
    let error = fold(&corpus, Task::Regression, session, 0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("intensities"), "{error}");
}

#[test]
fn many_speakers_fold_in_time_and_memory_of_the_utterances() {
    let row = |index: usize| (format!("s{index}"), None, None, None);
    let rows: Vec<_> = (0..20_000).map(row).collect();
    let corpus = corpus(&rows);
    assert_eq!(
        fold_count(&corpus, Task::Classification, Protocol::Speaker).unwrap(),
        20_000
    );
    let last = fold(&corpus, Task::Classification, Protocol::Speaker, 19_999).unwrap();
    assert_eq!(
        (last.test.len(), last.validation.len(), last.train.len()),
        (1, 1, 19_998)
    );
    let five = fold(&corpus, Task::Classification, Protocol::Groups { k: 5 }, 0).unwrap();
    assert!(five.name.ends_with("and 3992 more"), "{}", five.name);
}
