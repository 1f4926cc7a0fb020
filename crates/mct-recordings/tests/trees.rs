//! Trees with the utterances of the paper give the counts of its Table 1.
//!
//! The lists of utterances are read from `$MCT_HFR_DATA/meta`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mct_recordings::tree::{Layout, Recordings, list};

/// The rows of a table of `$MCT_HFR_DATA/meta`; `None`, said loudly, where the variable is unset.
fn meta(name: &str) -> Option<Vec<(String, String)>> {
    let Some(folder) = std::env::var_os("MCT_HFR_DATA") else {
        eprintln!("*** SKIPPED: set MCT_HFR_DATA to the folder that holds meta/{name} ***");
        return None;
    };
    let path = PathBuf::from(folder).join("meta").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = |line: &str| {
        let mut cells = line.split('\t');
        Some((cells.next()?.to_owned(), cells.next()?.to_owned()))
    };
    Some(text.lines().skip(1).filter_map(row).collect())
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Utterances by class and session, the classes as the paper orders them.
fn counts(listed: &Recordings, sessions: usize) -> Vec<Vec<usize>> {
    let of = |class: &str, session: usize| {
        let session = session.to_string();
        let is = |r: &&mct_recordings::tree::Recording| {
            r.label.as_deref() == Some(class) && r.session.as_deref() == Some(&session)
        };
        listed.recordings.iter().filter(is).count()
    };
    let classes = ["angry", "happy", "neutral", "sad"];
    let row = |class: &&str| (1..=sessions).map(|session| of(class, session)).collect();
    classes.iter().map(row).collect()
}

#[test]
fn a_tree_of_iemocap_gives_table_1() {
    let Some(rows) = meta("IEMOCAP_4.tsv") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let mut dialogs: BTreeMap<&str, (String, String)> = BTreeMap::new();
    for (place, (id, label)) in rows.iter().enumerate() {
        let (dialog, _) = id.rsplit_once('_').unwrap();
        let code = match label.as_str() {
            "A" => "ang",
            // Every second one of the happy is called excited.
            "H" if place % 2 == 0 => "exc",
            "H" => "hap",
            "N" => "neu",
            _ => "sad",
        };
        let (evaluation, words) = dialogs.entry(dialog).or_insert_with(|| {
            let head = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n";
            (head.to_owned(), String::new())
        });
        writeln!(
            evaluation,
            "[1.0 - 2.0]\t{id}\t{code}\t[2.5000, 2.5000, 2.5000]"
        )
        .unwrap();
        writeln!(evaluation, "C-E2:\tNeutral;\t()\n").unwrap();
        // One that the four classes do not have.
        if place % 50 == 0 {
            writeln!(
                evaluation,
                "[2.0 - 3.0]\t{id}9\tfru\t[2.5000, 2.5000, 2.5000]\n"
            )
            .unwrap();
        }
        writeln!(words, "{id} [001.0000-002.0000]: [LAUGHTER] Yes.").unwrap();
    }
    for (dialog, (evaluation, words)) in &dialogs {
        let folder = root.path().join(format!("Session{}/dialog", &dialog[4..5]));
        let name = format!("{dialog}.txt");
        write(
            &folder.join("EmoEvaluation").join(&name),
            evaluation.as_bytes(),
        );
        write(
            &folder.join("EmoEvaluation").join(format!("._{name}")),
            b"\0\x05",
        );
        write(
            &folder.join("EmoEvaluation/Categorical").join(&name),
            evaluation.as_bytes(),
        );
        write(&folder.join("transcriptions").join(&name), words.as_bytes());
        std::fs::create_dir_all(folder.parent().unwrap().join("sentences/wav")).unwrap();
    }
    let listed = list(Layout::Iemocap, root.path()).unwrap();
    assert_eq!(
        counts(&listed, 5),
        [
            [229, 137, 240, 327, 170],
            [278, 327, 286, 303, 442],
            [384, 362, 320, 258, 384],
            [194, 197, 305, 143, 245],
        ]
    );
    assert!(
        listed
            .recordings
            .iter()
            .all(|r| r.transcript.as_deref() == Some("Yes."))
    );
}

#[test]
fn a_tree_of_msp_improv_gives_table_1() {
    let Some(rows) = meta("MSP-IMPROV.tsv") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let mut evaluation = String::new();
    for (place, (id, label)) in rows.iter().enumerate() {
        let name = id.replace("MSP-", "UTD-");
        writeln!(
            evaluation,
            "{name}.avi; {label}; A:2.571429; V:3.000000; D:3.142857 ; N:3.500000;"
        )
        .unwrap();
        writeln!(
            evaluation,
            "ANN0; Neutral; Neutral; A:3.000000; V:3.000000; D:3.000000; N:4.000000;\n"
        )
        .unwrap();
        if place % 50 == 0 {
            let other = name.replace("-S-", "-P-");
            writeln!(evaluation, "{other}.avi; N; A:2.5; V:3.0; D:3.1 ; N:3.5;\n").unwrap();
        }
    }
    write(&root.path().join("Evalution.txt"), evaluation.as_bytes());
    let listed = list(Layout::MspImprov, root.path()).unwrap();
    assert_eq!(
        counts(&listed, 6),
        [
            [54, 54, 73, 52, 119, 108],
            [92, 162, 143, 140, 238, 224],
            [204, 284, 409, 169, 309, 358],
            [76, 78, 73, 76, 109, 215],
        ]
    );
}
