//! The kinds of feature files that people have: each with a file of `tests/fixtures/import`, which
//! `tests/reference/make_import_fixtures.py` writes, or one that is made here.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::path::{Path, PathBuf};

use mct_corpus::bins::Bins;
use mct_corpus::import::{
    Format, Import, NonFinite, Options, Picked, SpeakerTable, import, import_bytes,
};
use mct_corpus::{Cells, Corpus, CorpusError, Side, Task};

fn fixture(name: &str) -> PathBuf {
    // Asked at run time: a target folder may have been filled from another checkout.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    Path::new(&package)
        .join("../../tests/fixtures/import")
        .join(name)
}

/// Imports a fixture, whose layout its name tells.
fn read(name: &str, options: &Options) -> Result<Import, CorpusError> {
    import(None, &fixture(name), options)
}

fn imported(name: &str) -> Import {
    let import = read(name, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    // What is imported can be written and read again.
    let bytes = import.corpus.to_bytes().expect("a file");
    let again = Corpus::from_bytes(name, bytes).expect("the same corpus");
    assert_eq!(again.utterances, import.corpus.utterances, "{name}");
    assert_eq!(again.columns, import.corpus.columns, "{name}");
    for (again, first) in again.modalities.iter().zip(&import.corpus.modalities) {
        for index in 0..import.corpus.len() {
            assert_eq!(again.values(index), first.values(index), "{name}");
            assert_eq!(again.missing(index), first.missing(index), "{name}");
        }
    }
    import
}

fn error(result: Result<Import, CorpusError>) -> String {
    result.expect_err("an error").to_string()
}

/// One of the notes holds all parts.
fn noted(import: &Import, parts: &[&str]) {
    let found = import.notes.iter();
    let found = { found }.any(|note| parts.iter().all(|part| note.contains(part)));
    assert!(found, "{parts:?} in {:#?}", import.notes);
}

/// The formula of the fixtures.
fn expected(utterance: usize, steps: usize, features: usize) -> Vec<f32> {
    let value = |step: usize, feature: usize| {
        1.0 + utterance as f32 + step as f32 / 4.0 + feature as f32 / 16.0
    };
    (0..steps)
        .flat_map(|step| (0..features).map(move |feature| value(step, feature)))
        .collect()
}

/// The sequences of the fixtures of MMSA, three utterances on each of three sides.
fn assert_mmsa(corpus: &Corpus) {
    assert_eq!(corpus.len(), 9);
    for modality in &corpus.modalities {
        let (steps, dim) = match modality.name.as_str() {
            "audio" => ([5, 6, 7], 2),
            "vision" => ([3, 4, 5], 4),
            _ => ([2, 3, 4], 3),
        };
        for index in 0..9 {
            let wanted = expected(index, steps[index % 3], dim);
            assert_eq!(
                modality.values(index),
                wanted,
                "{} of {index}",
                modality.name
            );
        }
    }
}

fn labels(corpus: &Corpus) -> Vec<Option<usize>> {
    corpus.utterances.iter().map(|u| u.label).collect()
}

#[test]
fn annotations_are_classes_and_intensities_are_kept_beside_them() {
    let import = imported("kind_annotations_p4.pkl");
    let corpus = &import.corpus;
    assert_mmsa(corpus);
    assert_eq!(corpus.metadata.classes, ["Negative", "Neutral", "Positive"]);
    assert_eq!(labels(corpus)[..3], [Some(0), Some(1), Some(2)]);
    let target = &corpus.metadata.targets[0];
    assert_eq!(
        (target.name.as_str(), target.range),
        ("sentiment", [-3.0, 3.0])
    );
    assert_eq!(corpus.utterances[2].targets, [Some(2.25)]);
}

#[test]
fn intensities_without_classes_are_said_with_the_ways_on() {
    let import = imported("kind_intensities_p4.pkl");
    assert!(import.corpus.metadata.classes.is_empty());
    assert_eq!(import.corpus.utterances[0].targets, [Some(-1.5)]);
    noted(&import, &["`sentiment`", "intensities", "--bins"]);
    let binned = Options {
        bins: Some(Bins::Seven),
        ..Options::default()
    };
    let import = read("kind_intensities_p4.pkl", &binned).unwrap();
    assert_eq!(import.corpus.class_count(), 7);
    // numpy rounds -1.5 to -2 and 2.25 to 2.
    assert_eq!(labels(&import.corpus)[..3], [Some(1), Some(3), Some(5)]);
}

#[test]
fn means_of_raters_in_two_precisions_are_intensities() {
    let import = imported("kind_mult_thirds_p4.pkl");
    noted(&import, &["2 distinct values", "-3 to 3"]);
    let classes = Options {
        task: Some(Task::Classification),
        ..Options::default()
    };
    let import = read("kind_mult_thirds_p4.pkl", &classes).unwrap();
    assert_eq!(import.corpus.class_count(), 2);
}

#[test]
fn several_emotions_at_once_are_refused_or_intensities() {
    let message = error(read("kind_mult_emotions_p4.pkl", &Options::default()));
    assert!(
        message.contains("3 utterances with several of 6 classes at once"),
        "{message}"
    );
    let regression = Options {
        task: Some(Task::Regression),
        target_names: Some(
            ["happy", "sad", "angry", "surprised", "disgusted", "afraid"]
                .map(str::to_owned)
                .to_vec(),
        ),
        ..Options::default()
    };
    let import = read("kind_mult_emotions_p4.pkl", &regression).unwrap();
    assert_eq!(import.corpus.metadata.targets[2].name, "angry");
    let targets = &import.corpus.utterances[0].targets;
    assert_eq!(targets[..3], [Some(1.0), Some(0.0), Some(1.0)]);
}

#[test]
fn arrays_in_any_order_of_memory_are_one() {
    assert_mmsa(&imported("kind_order_k_p5.pkl").corpus);
}

#[test]
fn padding_in_front_is_told_by_lengths_and_masks() {
    assert_mmsa(&imported("kind_front_padded_p4.pkl").corpus);
}

#[test]
fn two_modalities_are_a_corpus_of_two() {
    let corpus = imported("kind_two_modalities_p4.pkl").corpus;
    assert_eq!(corpus.modalities.len(), 2);
    assert_mmsa(&corpus);
}

#[test]
fn lists_of_arrays_need_no_lengths() {
    let import = imported("kind_lists_p4.pkl");
    let vision = &import.corpus.modalities[1];
    assert_eq!(vision.steps(0), 3);
    assert_eq!(vision.steps(1), 0, "zeros where no face was found");
    noted(
        &import,
        &["vision is missing by nature in 3 utterances (video0$_$1, "],
    );
    assert_eq!(import.corpus.speaker(1), Some("ben"));
    assert_eq!(import.corpus.metadata.speakers_guessed_from, None);
}

#[test]
fn an_utterance_without_a_modality_stays() {
    let import = imported("mmsa_empty_p4.pkl");
    let corpus = &import.corpus;
    assert_eq!((corpus.len(), corpus.modalities[0].steps(4)), (9, 0));
    noted(
        &import,
        &["audio is missing by nature in 1 utterance (video1$_$1)"],
    );
    let info = corpus.info();
    assert_eq!((info.modalities[0].absent, info.all_missing), (1, 0));
    // A clip without words in the file of MulT.
    let import = imported("kind_mult_thirds_p4.pkl");
    noted(&import, &["text is missing by nature in 1 utterance"]);
    let corpus = imported("kind_absent.npz").corpus;
    let vision = &corpus.modalities[1];
    assert_eq!([0, 1, 2, 3].map(|index| vision.steps(index)), [1, 0, 1, 0]);
}

#[test]
fn ids_that_restart_are_told_apart_by_side() {
    let import = imported("kind_ids_restart_p4.pkl");
    let ids: Vec<&str> = import
        .corpus
        .utterances
        .iter()
        .map(|u| u.id.as_str())
        .collect();
    assert_eq!(ids[0], "train/dia0_utt0");
    assert_eq!(ids[8], "test/dia0_utt2");
    noted(&import, &["ids restart on every side"]);
    noted(
        &import,
        &[
            "every utterance is by a speaker of its own",
            "--speaker-from-id",
        ],
    );
    let pattern = Options {
        speaker_from_id: Some("([a-z]+)/dia".to_owned()),
        ..Options::default()
    };
    let import = read("kind_ids_restart_p4.pkl", &pattern).unwrap();
    assert_eq!(import.corpus.metadata.speakers.len(), 3);
    assert_eq!(import.corpus.metadata.speakers_guessed_from, None);
}

#[test]
fn values_that_no_model_can_take_are_counted_and_dealt_with_as_asked() {
    let import = imported("kind_non_finite_p4.pkl");
    let [audio, vision, _] = import.corpus.modalities.as_slice() else {
        panic!("not three modalities");
    };
    assert_eq!(audio.missing(1), [0, 0, 1, 0, 0, 0]);
    assert_eq!(audio.missing(3), [1, 0, 0, 0, 0]);
    assert_eq!(vision.missing(8), [0, 0, 0, 0, 1]);
    assert_eq!(audio.values(1)[4..6], [0.0, 0.0]);
    noted(
        &import,
        &["audio: 1 value of NaN in 1 utterance (video0$_$1)"],
    );
    noted(
        &import,
        &[
            "vision: 4 values of -inf in 1 utterance (video2$_$2)",
            "--zero-infinite",
        ],
    );
    import.corpus.require_finite().expect("finite values");
    assert_eq!(import.corpus.info().modalities[0].missing_steps, 2);
    let zero = Options {
        non_finite: NonFinite::Zero,
        ..Options::default()
    };
    let import = read("kind_non_finite_p4.pkl", &zero).unwrap();
    assert_eq!(import.corpus.modalities[0].missing_steps(1), 0);
    assert_eq!(import.corpus.modalities[0].values(1)[4], 0.0);
    let refuse = Options {
        non_finite: NonFinite::Refuse,
        ..Options::default()
    };
    let message = error(read("kind_non_finite_p4.pkl", &refuse));
    assert!(
        message.contains("found 1 value of NaN in 1 utterance (video0$_$1)"),
        "{message}"
    );
    // A stack of which a step is missing is missing.
    let stacked = Options {
        stack: vec![("audio".to_owned(), 4)],
        ..Options::default()
    };
    let import = read("kind_non_finite_p4.pkl", &stacked).unwrap();
    assert_eq!(import.corpus.modalities[0].missing(1), [1, 0]);
    assert!(
        import.corpus.modalities[0].values(1)[..8]
            .iter()
            .all(|v| *v == 0.0)
    );
}

#[test]
fn a_single_clip_and_a_dict_of_clips_are_corpora() {
    let corpus = imported("kind_clip_p4.pkl").corpus;
    assert_eq!(corpus.len(), 1);
    let steps: Vec<usize> = corpus.modalities.iter().map(|m| m.steps(0)).collect();
    assert_eq!(steps, [5, 3, 2]);
    assert_eq!(corpus.modalities[0].values(0), expected(0, 5, 2));
    let utterance = &corpus.utterances[0];
    assert_eq!(utterance.transcript.as_deref(), Some("clip 0, café"));
    assert_eq!((utterance.label, corpus.class_count()), (None, 0));
    let corpus = imported("kind_clips_by_id_p4.pkl").corpus;
    let ids: Vec<&str> = corpus.utterances.iter().map(|u| u.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(corpus.modalities[1].steps(1), 0);
    let corpus = imported("kind_clips_list_p4.pkl").corpus;
    let ids: Vec<&str> = corpus.utterances.iter().map(|u| u.id.as_str()).collect();
    assert_eq!(ids, ["0000", "0001"]);
    assert_eq!(corpus.metadata.classes, ["glad", "sad"]);
    assert_eq!(labels(&corpus), [Some(1), Some(0)]);
    assert_eq!(corpus.modalities[0].values(1), expected(0, 5, 2));
}

#[test]
fn a_dict_without_sides_is_a_corpus_without_sides() {
    let corpus = imported("kind_no_sides_p4.pkl").corpus;
    assert_eq!(corpus.len(), 3);
    assert!(corpus.utterances.iter().all(|u| u.side.is_none()));
    assert_eq!(corpus.modalities[0].values(0), expected(6, 5, 2));
}

#[test]
fn npz_files_are_read_as_numpy_and_pandas_users_write_them() {
    for name in [
        "kind_objects.npz",
        "kind_padded.npz",
        "kind_padded_lengths.npz",
    ] {
        let corpus = imported(name).corpus;
        let audio = &corpus.modalities[0];
        assert_eq!(audio.name, "audio", "{name}");
        for index in 0..4 {
            assert_eq!(audio.values(index), expected(index, 4 + index, 3), "{name}");
        }
        assert_eq!(corpus.utterances[3].id, "clip-3", "{name}");
    }
    let corpus = imported("kind_float_labels.npz").corpus;
    assert_eq!(labels(&corpus), [0, 1, 1, 0].map(Some));
    assert_eq!(corpus.metadata.classes, ["ruhig", "fröhlich"]);
    let corpus = imported("kind_one_hot.npz").corpus;
    assert_eq!(labels(&corpus), [0, 1, 1, 0].map(Some));
    let import = imported("kind_text_labels.npz");
    assert_eq!(import.corpus.metadata.classes, ["glad", "sad"]);
    assert_eq!(labels(&import.corpus), [Some(1), Some(0), None, Some(1)]);
    noted(&import, &["1 of 4 utterances have no class"]);
    let corpus = imported("kind_unlabelled.npz").corpus;
    assert_eq!(corpus.utterances[1].id, "0001");
    assert_eq!(labels(&corpus), [None; 4]);
    assert_eq!(corpus.metadata.classes, ["ruhig", "fröhlich"]);
}

#[test]
fn other_fields_are_kept_as_columns_and_any_may_be_the_label() {
    let import = imported("kind_columns.npz");
    let corpus = &import.corpus;
    let column = |name: &str| {
        let found = corpus.columns.iter().find(|column| column.name == name);
        &found.expect(name).cells
    };
    let valence = [0.5, -0.25, 1.0, 0.0].map(Some).to_vec();
    assert_eq!(*column("valence"), Cells::Number(valence));
    let language =
        ["de", "de", "", "zh"].map(|text| Some(text.to_owned()).filter(|t| !t.is_empty()));
    assert_eq!(*column("language"), Cells::Text(language.to_vec()));
    assert_eq!(corpus.utterances[1].side, Some(Side::Validation));
    noted(&import, &["`when` is left out"]);
    let by_valence = Options {
        labels: vec!["valence".to_owned()],
        ..Options::default()
    };
    let corpus = read("kind_columns.npz", &by_valence).unwrap().corpus;
    assert_eq!(corpus.metadata.targets[0].name, "valence");
    assert_eq!(corpus.metadata.targets[0].range, [-1.0, 1.0]);
    let unknown = Options {
        labels: vec!["arousal".to_owned()],
        ..Options::default()
    };
    let message = error(read("kind_columns.npz", &unknown));
    assert!(
        message.contains("no field `arousal`") && message.contains("valence"),
        "{message}"
    );
}

#[test]
fn class_names_may_not_be_empty_or_twice() {
    for names in [["a", "a"], ["a", ""]] {
        let options = Options {
            class_names: Some(names.map(str::to_owned).to_vec()),
            ..Options::default()
        };
        let message = error(read("kind_float_labels.npz", &options));
        assert!(message.contains("header.classes[1]"), "{message}");
    }
}

#[test]
fn a_file_unpacks_to_no_more_than_is_allowed() {
    let small = Options {
        max_unpacked: Some(1 << 20),
        ..Options::default()
    };
    let message = error(read("bomb_zeros.npz", &small));
    assert!(message.contains("--max-unpacked"), "{message}");
}

#[test]
fn a_pickle_with_converted_line_endings_is_called_that() {
    let bytes = std::fs::read(fixture("mmsa_unaligned_p0.pkl")).unwrap();
    let mut converted = Vec::new();
    for byte in bytes {
        if byte == b'\n' {
            converted.push(b'\r');
        }
        converted.push(byte);
    }
    let files = Picked::default();
    let result = import_bytes(None, "x.pkl", &converted, &files, &Options::default());
    let message = error(result);
    assert!(
        message.contains("CR LF") && message.contains("binary"),
        "{message}"
    );
}

/// A `.npy` of 32-bit floats.
fn npy(rows: usize, values: &[f32]) -> Vec<u8> {
    let shape = (rows, values.len() / rows);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape:?}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn a_table_names_a_file_for_each_utterance_and_modality() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("a/0.npy", &npy(2, &expected(0, 2, 3)));
    write("a/1.npy", &npy(3, &expected(1, 3, 3)));
    write(
        "v/0.csv",
        b"frame, timestamp, confidence, success, AU01_r\n1,0.0,0.9,1,0.5\n2,0.2,0.1,0,0\n",
    );
    write(
        "clips.tsv",
        "\u{FEFF}id\tLabel\tspeaker\tsplit\ttranscript\tturn\taudio\tvision\n\
         u0\thappy\tanna\ttrain\thallo\t1\ta/0.npy\tv/0.csv\n\
         u1\tsad\tben\ttest\t\t2\ta/1.npy\t\n"
            .as_bytes(),
    );
    let import = import(None, &folder.path().join("clips.tsv"), &Options::default()).unwrap();
    let corpus = &import.corpus;
    assert_eq!(corpus.metadata.classes, ["happy", "sad"]);
    let [audio, vision] = corpus.modalities.as_slice() else {
        panic!("not two modalities");
    };
    assert_eq!(audio.values(1), expected(1, 3, 3));
    assert_eq!((vision.steps(0), vision.missing(0)), (2, &[0, 1][..]));
    assert_eq!((vision.steps(1), vision.rate_hz), (0, Some(5.0)));
    assert_eq!(corpus.utterances[0].duration_secs, Some(0.4));
    assert_eq!(corpus.utterances[1].side, Some(Side::Test));
    assert_eq!(corpus.columns[0].name, "turn");
    // A file that is not there is an error with its name.
    std::fs::remove_file(folder.path().join("a/1.npy")).unwrap();
    let result =
        mct_corpus::import::import(None, &folder.path().join("clips.tsv"), &Options::default());
    assert!(error(result).contains("a/1.npy: file"));
}

#[test]
fn a_label_table_goes_with_a_folder_of_features() {
    let folder = tempfile::tempdir().unwrap();
    let features = folder.path().join("features");
    for modality in ["audio", "face"] {
        std::fs::create_dir_all(features.join(modality)).unwrap();
    }
    std::fs::write(features.join("audio/u0.npy"), npy(2, &expected(0, 2, 3))).unwrap();
    std::fs::write(features.join("face/u1.npy"), npy(1, &expected(1, 1, 2))).unwrap();
    // Links that lead back are walked through once.
    #[cfg(unix)]
    for name in ["a", "b"] {
        std::os::unix::fs::symlink(features.join("audio"), features.join("audio").join(name))
            .unwrap();
    }
    let table = folder.path().join("labels.csv");
    std::fs::write(&table, "id,label\nu0,1\nu1,0\n").unwrap();
    let corpus = import(None, &table, &Options::default()).unwrap().corpus;
    let steps = |m: usize| [0, 1].map(|index| corpus.modalities[m].steps(index));
    assert_eq!((steps(0), steps(1)), ([2, 0], [0, 1]));
    let elsewhere = Options {
        features: Some(folder.path().join("nowhere")),
        ..Options::default()
    };
    let message = error(import(None, &table, &elsewhere));
    assert!(message.contains("features/MODALITY/ID.npy"), "{message}");
}

#[test]
fn a_page_picks_the_table_and_its_files_together() {
    let (mut picked, format) = (Picked::default(), Some(Format::Table));
    let file = npy(2, &expected(0, 2, 3));
    picked.0.insert("0.npy", &file);
    let table = b"id,audio\nu0,a/0.npy\n";
    let import = import_bytes(format, "t.csv", table, &picked, &Options::default()).unwrap();
    assert_eq!(import.corpus.modalities[0].values(0), expected(0, 2, 3));
    let result = import_bytes(
        format,
        "t.csv",
        table,
        &Picked::default(),
        &Options::default(),
    );
    assert!(error(result).contains("picked together with the table"));
    // A folder was picked: paths, of which two may end in one name.
    let other = npy(2, &expected(1, 2, 3));
    let mut picked = Picked::default();
    picked.0.insert("corpus/a/0.npy", &file);
    picked.0.insert("corpus/b/0.npy", &other);
    let table = b"id,audio,vision\nu0,a/0.npy,./b\\0.npy\n";
    let import = import_bytes(format, "t.csv", table, &picked, &Options::default()).unwrap();
    assert_eq!(import.corpus.modalities[0].values(0), expected(0, 2, 3));
    assert_eq!(import.corpus.modalities[1].values(0), expected(1, 2, 3));
    let table = b"id,audio\nu0,0.npy\n";
    let result = import_bytes(format, "t.csv", table, &picked, &Options::default());
    assert!(error(result).contains("corpus/a/0.npy and corpus/b/0.npy"));
    // The layout features/MODALITY/ID.npy.
    picked.0.insert("corpus/features/audio/u0.npy", &file);
    let import = import_bytes(format, "t.csv", b"id\nu0\n", &picked, &Options::default()).unwrap();
    assert_eq!(import.corpus.modalities[0].values(0), expected(0, 2, 3));
}

#[test]
fn a_speaker_table_by_utterance_says_who_speaks() {
    let text = "id,speaker,sex\nclip-0,x,female\nclip-1,x,F\nclip-2,y,Male\nclip-3,y,M\n";
    let options = Options {
        speakers: Some(SpeakerTable::parse("t.csv", text.as_bytes()).unwrap()),
        ..Options::default()
    };
    let corpus = read("kind_objects.npz", &options).unwrap().corpus;
    assert_eq!(corpus.metadata.speakers.len(), 2);
    assert_eq!(corpus.speaker(2), Some("y"));
}

#[test]
fn features_may_be_kept_in_a_file_while_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        spill: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let spilled = read("kind_lists_p4.pkl", &options).unwrap().corpus;
    let in_memory = imported("kind_lists_p4.pkl").corpus;
    assert_eq!(spilled.to_bytes().unwrap(), in_memory.to_bytes().unwrap());
    let path = folder.path().join("corpus.safetensors");
    spilled.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), in_memory.to_bytes().unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
