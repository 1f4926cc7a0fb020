//! Imports the small files of `tests/fixtures/import`, which
//! `tests/reference/make_import_fixtures.py` writes, and files that mean harm.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

use std::path::{Path, PathBuf};

use mct_corpus::import::{Format, Import, NonFinite, Options, Picked, SpeakerTable, import};
use mct_corpus::{Corpus, CorpusError, Precision, Sex, Side};

fn fixture(name: &str) -> PathBuf {
    // Asked at run time: a target folder may have been filled from another checkout.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    Path::new(&package)
        .join("../../tests/fixtures/import")
        .join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).expect("a fixture")
}

fn read(format: Format, name: &str, options: &Options) -> Result<Corpus, CorpusError> {
    import(Some(format), &fixture(name), options).map(|import| import.corpus)
}

fn import_bytes(
    format: Format,
    name: &str,
    bytes: Vec<u8>,
    options: &Options,
) -> Result<Corpus, CorpusError> {
    let files = Picked::default();
    let imported = mct_corpus::import::import_bytes(Some(format), name, &bytes, &files, options);
    imported.map(|Import { corpus, .. }| corpus)
}

fn corpus(format: Format, name: &str) -> Corpus {
    read(format, name, &Options::default()).expect("a corpus")
}

fn message(result: Result<Corpus, CorpusError>) -> String {
    result.expect_err("an error").to_string()
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

fn ids(corpus: &Corpus) -> Vec<&str> {
    corpus.utterances.iter().map(|u| u.id.as_str()).collect()
}

fn labels(corpus: &Corpus) -> Vec<usize> {
    let labels = corpus.utterances.iter().map(|u| u.label);
    labels.map(|label| label.expect("a label")).collect()
}

fn speakers(corpus: &Corpus) -> Vec<&str> {
    let speakers = &corpus.metadata.speakers;
    speakers.iter().map(|s| s.name.as_str()).collect()
}

/// Name, features, and steps that repeat over the utterances.
type Sequences = (&'static str, usize, &'static [usize]);

fn assert_sequences(corpus: &Corpus, modalities: &[Sequences]) {
    let names: Vec<&str> = corpus.modalities.iter().map(|m| m.name.as_str()).collect();
    let wanted: Vec<&str> = modalities.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(names, wanted);
    for (modality, (name, dim, steps)) in corpus.modalities.iter().zip(modalities) {
        assert_eq!(modality.dim, *dim, "{name}");
        for (index, steps) in steps.iter().cycle().take(corpus.len()).enumerate() {
            let values = modality.values(index);
            assert_eq!(values, expected(index, *steps, *dim), "{name} of {index}");
        }
    }
}

const UNALIGNED: [Sequences; 3] = [
    ("audio", 2, &[5, 6, 7]),
    ("vision", 4, &[3, 4, 5]),
    ("text", 3, &[2, 3, 4]),
];

#[test]
fn an_unaligned_mmsa_pickle_of_every_protocol_is_read() {
    let protocols = (0..6).map(|protocol| format!("mmsa_unaligned_p{protocol}.pkl"));
    let numpy_1 = [0, 2].map(|protocol| format!("mmsa_unaligned_numpy1_p{protocol}.pkl"));
    for name in protocols.chain(numpy_1) {
        let corpus = corpus(Format::Mmsa, &name);
        assert_sequences(&corpus, &UNALIGNED);
        assert_eq!(labels(&corpus), [0, 1, 2, 0, 1, 2, 0, 1, 2], "{name}");
        assert_eq!(corpus.metadata.classes, ["0", "1", "2"]);
        assert_eq!(speakers(&corpus), ["video0", "video1", "video2"]);
        assert!(corpus.metadata.sessions.is_empty());
        assert_eq!(corpus.metadata.title, name);
        let utterance = &corpus.utterances[4];
        assert_eq!(utterance.id, "video1$_$1");
        assert_eq!(utterance.side, Some(Side::Validation));
        assert_eq!(utterance.transcript.as_deref(), Some("clip 4, café"));
        assert_eq!(utterance.duration_secs, None, "no rate, so unknown");
        assert_eq!(utterance.targets, [Some(0.0)]);
    }
}

#[test]
fn an_aligned_mmsa_pickle_loses_its_zeros_at_the_end_and_the_padding_of_its_text() {
    let modalities: [Sequences; 3] = [
        ("audio", 2, &[2, 3, 4]),
        ("vision", 4, &[2, 3, 4]),
        ("text", 3, &[2, 3, 4]),
    ];
    assert_sequences(&corpus(Format::Mmsa, "mmsa_aligned_p4.pkl"), &modalities);
}

#[test]
fn class_names_title_licence_and_precision_come_from_the_options() {
    let name = "mmsa_unaligned_p4.pkl";
    let classes = ["negative", "neutral", "positive"].map(str::to_owned);
    let options = Options {
        title: Some("MOSI".to_owned()),
        licence: Some("research only".to_owned()),
        class_names: Some(classes.to_vec()),
        precision: Some(Precision::F16),
        ..Options::default()
    };
    let corpus = read(Format::Mmsa, name, &options).expect("a corpus");
    assert_eq!(corpus.metadata.classes, classes);
    assert_eq!(corpus.metadata.title, "MOSI");
    assert_eq!(corpus.metadata.licence, "research only");
    for modality in &corpus.modalities {
        assert_eq!(modality.precision, Precision::F16);
    }
    assert_sequences(&corpus, &UNALIGNED);
    let options = Options {
        class_names: Some(classes[..2].to_vec()),
        ..Options::default()
    };
    let error = message(read(Format::Mmsa, name, &options));
    let expected = "class names: found 2 names, expected one for each of 0, 1, 2";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn values_of_minus_infinity_are_counted_and_become_0_only_with_the_flag() {
    let name = "mult_iemocap_p2.pkl";
    let refuse = Options {
        non_finite: NonFinite::Refuse,
        ..Options::default()
    };
    let error = message(read(Format::Mult, name, &refuse));
    let found = "modality.audio: found 1 value of -inf in 1 utterance (train-1)";
    assert!(
        error.contains(found) && error.contains("--zero-infinite"),
        "{error}"
    );
    let missing = corpus(Format::Mult, name);
    assert_eq!(missing.modalities[0].missing(1), [0, 0, 1, 0]);
    let options = Options {
        zero_infinite: true,
        ..Options::default()
    };
    let corpus = read(Format::Mult, name, &options).expect("a corpus");
    let audio = &corpus.modalities[0];
    let mut values = expected(1, 4, 2);
    values[2 * 2 + 1] = 0.0;
    assert_eq!(audio.values(1), values);
    assert_eq!(audio.values(2), expected(2, 3, 2), "left padding is gone");
    let kept = "-inf before the first step is padding";
    assert_eq!(audio.values(0), expected(0, 3, 2), "{kept}");
}

#[test]
fn a_mult_pickle_of_iemocap_gives_one_emotion_an_utterance() {
    let options = Options {
        zero_infinite: true,
        ..Options::default()
    };
    let corpus = read(Format::Mult, "mult_iemocap_p2.pkl", &options).expect("a corpus");
    let classes = ["Neutral", "Happy", "Sad", "Angry"];
    assert_eq!(corpus.metadata.classes, classes);
    assert_eq!(labels(&corpus), [0, 1, 2, 3, 0, 1]);
    assert_eq!(ids(&corpus)[..3], ["train-0", "train-1", "valid-0"]);
    assert_eq!(speakers(&corpus).len(), 6, "nobody knows who speaks");
    assert_eq!(
        corpus.metadata.speakers_guessed_from.as_deref(),
        Some("the id")
    );
    let error = message(read(Format::Mult, "mult_several_p4.pkl", &options));
    let found = "1 utterances with several of 4 classes at once";
    assert!(error.contains(found), "{error}");
}

#[test]
fn ids_numbers_and_the_fortran_order_of_mult_pickles_are_read() {
    for protocol in [2, 4, 5] {
        let corpus = corpus(Format::Mult, &format!("mult_mosei_p{protocol}.pkl"));
        let modalities: [Sequences; 3] = [
            ("audio", 2, &[3, 4]),
            ("vision", 2, &[1, 5]),
            ("text", 3, &[2, 3]),
        ];
        assert_sequences(&corpus, &modalities);
        assert_eq!(corpus.metadata.classes, ["0", "1"]);
        assert_eq!(labels(&corpus), [0, 1, 0, 1, 0, 1]);
        assert_eq!(speakers(&corpus), ["v0", "v1", "v2"]);
        let ids = ids(&corpus);
        assert_eq!(ids[..3], ["v0_0.5_1.5", "v0_1.5_2.5", "v1_0.5_1.5"]);
        assert_eq!(ids[4], "v2_0.5_1.5");
        let precisions: Vec<Precision> = corpus.modalities.iter().map(|m| m.precision).collect();
        assert_eq!(precisions, [Precision::F32, Precision::F32, Precision::F16]);
    }
}

#[test]
fn a_ragged_npz_is_read_stored_and_deflated() {
    for name in ["ragged_stored.npz", "ragged_deflated.npz"] {
        let corpus = corpus(Format::Npz, name);
        let modalities: [Sequences; 3] = [
            ("audio", 3, &[4, 5, 6, 7]),
            ("vision", 2, &[1]),
            ("text", 2, &[2]),
        ];
        assert_sequences(&corpus, &modalities);
        assert_eq!(corpus.metadata.classes, ["ruhig", "fröhlich"]);
        assert_eq!(labels(&corpus), [0, 1, 1, 0]);
        assert_eq!(ids(&corpus)[3], "clip-3");
        assert_eq!(speakers(&corpus), ["李", "9", "10"]);
        assert_eq!(corpus.metadata.sessions, ["2", "10"]);
        let sexes: Vec<_> = corpus.metadata.speakers.iter().map(|s| s.sex).collect();
        assert_eq!(sexes, [Sex::Male, Sex::Male, Sex::Female].map(Some));
        let [audio, vision, text] = corpus.modalities.as_slice() else {
            panic!("not three modalities");
        };
        assert_eq!(audio.precision, Precision::F16);
        assert_eq!(vision.precision, Precision::F32);
        assert_eq!((audio.rate_hz, vision.rate_hz), (Some(50.0), None));
        assert_eq!(text.unknown.as_deref(), Some([0.5, -0.5].as_slice()));
        let last = &corpus.utterances[3];
        assert_eq!(last.duration_secs, Some(0.14));
        assert_eq!(last.transcript.as_deref(), Some("😀"));
        assert_eq!(last.side, None);
    }
}

#[test]
fn big_endian_arrays_and_fortran_order_are_read() {
    for name in ["ragged_big_endian.npz", "ragged_fortran.npz"] {
        let changed = corpus(Format::Npz, name);
        let modalities: [Sequences; 3] = [
            ("audio", 3, &[4, 5, 6, 7]),
            ("vision", 2, &[1]),
            ("text", 2, &[2]),
        ];
        assert_sequences(&changed, &modalities);
    }
    let plain = corpus(Format::Mult, "mult_iemocap_p2.pkl");
    for name in ["mult_big_endian_p2.pkl", "mult_big_endian_p5.pkl"] {
        let changed = corpus(Format::Mult, name);
        for index in 0..changed.len() {
            let vision = |corpus: &Corpus| corpus.modalities[1].values(index);
            assert_eq!(vision(&changed), vision(&plain), "{name}");
        }
    }
}

#[test]
fn durations_follow_from_the_longest_modality_whose_rate_is_known() {
    let options = Options {
        rates: vec![("vision".to_owned(), 2.0)],
        ..Options::default()
    };
    let corpus = read(Format::Npz, "ragged_stored.npz", &options).expect("a corpus");
    assert_eq!(
        corpus.utterances[3].duration_secs,
        Some(0.5),
        "1 step at 2 Hz"
    );
}

#[test]
fn stacked_steps_keep_all_features_and_repeat_the_last_step() {
    let options = Options {
        stack: vec![("audio".to_owned(), 2)],
        rates: vec![("audio".to_owned(), 100.0)],
        ..Options::default()
    };
    let corpus = read(Format::Npz, "ragged_stored.npz", &options).expect("a corpus");
    let audio = &corpus.modalities[0];
    assert_eq!((audio.dim, audio.rate_hz), (6, Some(50.0)));
    assert_eq!([0, 1, 2, 3].map(|index| audio.steps(index)), [2, 3, 3, 4]);
    let mut values = expected(1, 5, 3);
    values.extend_from_within(12..);
    assert_eq!(audio.values(1), values);
    let duration = corpus.utterances[1].duration_secs;
    assert_eq!(duration, Some(0.05), "5 steps at 100 Hz");
}

#[test]
fn options_that_cannot_be_are_refused() {
    let stack = |name: &str, steps: usize| Options {
        stack: vec![(name.to_owned(), steps)],
        ..Options::default()
    };
    let rate = |name: &str, rate: f32| Options {
        rates: vec![(name.to_owned(), rate)],
        ..Options::default()
    };
    for (options, field) in [
        (stack("radio", 2), "stack of radio"),
        (stack("audio", 0), "stack of audio"),
        (stack("audio", usize::MAX), "stack of audio"),
        (rate("radio", 50.0), "rate of radio"),
        (rate("audio", 0.0), "rate of audio"),
        (rate("audio", f32::NAN), "rate of audio"),
    ] {
        let error = message(read(Format::Npz, "ragged_stored.npz", &options));
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn a_speaker_table_gives_sex_and_session() {
    let text = "sex\tspeaker\tsession\nF\tvideo0\t1\nM\tvideo1\t1\nF\tvideo2\t2\n";
    let table = SpeakerTable::parse("speakers.tsv", text.as_bytes()).expect("a table");
    let options = Options {
        speakers: Some(table),
        ..Options::default()
    };
    let corpus = read(Format::Mmsa, "mmsa_unaligned_p4.pkl", &options).expect("a corpus");
    assert_eq!(corpus.metadata.sessions, ["1", "2"]);
    assert_eq!(corpus.utterances[8].session, Some(1));
    assert_eq!(corpus.metadata.speakers[1].sex, Some(Sex::Male));
    let error = message(read(Format::Mult, "mult_mosei_p4.pkl", &options));
    assert!(error.contains("speaker v0: found no row"), "{error}");
}

#[test]
fn a_broken_speaker_table_is_refused_by_line() {
    for (text, line) in [
        ("", "line 1"),
        ("name\tsex\na\tF\n", "line 1"),
        ("speaker\tsex\tsex\na\tF\tF\n", "line 1"),
        ("speaker\tsex\na\tF\nb\tX\n", "line 3"),
        ("speaker\tsession\na\t\n", "line 2"),
        ("speaker\tsession\na\n", "line 2"),
        ("speaker\na\na\n", "line 3"),
    ] {
        let error = SpeakerTable::parse("speakers.tsv", text.as_bytes()).expect_err("an error");
        let error = error.to_string();
        assert!(error.starts_with("speakers.tsv: "), "{error}");
        assert!(error.contains(line), "{error}");
    }
}

#[test]
fn a_pickle_that_calls_a_command_is_refused_and_runs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let witness = folder.path().join("witness");
    let command = format!("touch {}", witness.display());
    let older = |module: &str| format!("c{module}\nsystem\n(S'{command}'\ntR.").into_bytes();
    let mut newer = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c".to_vec();
    newer.push(u8::try_from(command.len()).expect("a short path"));
    newer.extend(command.as_bytes());
    newer.extend(b"\x85R.");
    for (bytes, name) in [
        (older("os"), "os.system"),
        (older("posix"), "posix.system"),
        (newer, "os.system"),
        (b"cbuiltins\neval\n(V1\ntR.".to_vec(), "builtins.eval"),
        (b"cnumpy\nload\n(V1\ntR.".to_vec(), "numpy.load"),
    ] {
        for format in [Format::Mmsa, Format::Mult] {
            let result = import_bytes(format, "bad.pkl", bytes.clone(), &Options::default());
            let error = message(result);
            assert!(error.starts_with("bad.pkl: "), "{error}");
            assert!(error.contains(&format!("the global {name}")), "{error}");
            assert!(error.contains("a numpy array or plain data"), "{error}");
        }
    }
    assert!(!witness.exists());
}

#[test]
fn instructions_that_data_does_not_need_are_refused() {
    let cases: &[(&[u8], &str)] = &[
        (b"(S'x'\nios\nsystem\n.", "INST"),
        (b"(cnumpy\nndarray\no.", "OBJ"),
        (b"cnumpy\nndarray\n)\x81.", "NEWOBJ"),
        (b"Pperson\n.", "PERSID"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x06N.", "a later protocol"),
        (b"\x80\x04\x8f.", "EMPTY_SET"),
        (b"N)R.", "a call of None"),
        (b"cnumpy\ndtype\n(VV8\ntR.", "another type"),
        (b"0.", "nothing to pop"),
        (b"(.", "nothing but a mark"),
        (b"u.", "no mark"),
        (b"](NNu.", "entries for a list"),
        (b"}(Nu.", "a key without a value"),
        (b"h\x00.", "nothing in the memo"),
        (b"\x8a\x0900000000\x01.", "more than 64 bits"),
        (b"\x8e\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx.", "too long"),
        (b"I12x\n.", "no number"),
        (b"S'x\n.", "no end of the text"),
        (b"X\x01\x00\x00\x00\xFF.", "no UTF-8"),
    ];
    for (bytes, what) in cases {
        let result = import_bytes(Format::Mmsa, "bad.pkl", bytes.to_vec(), &Options::default());
        let error = message(result);
        assert!(error.contains("pickle, before byte"), "{what}: {error}");
    }
}

#[test]
fn values_that_contain_themselves_do_no_harm() {
    // A dict that is its own train side, whose ids are a list of itself.
    let bytes = b"}q\x00(Vtrain\nh\x00Vid\n]q\x01h\x01au.".to_vec();
    let result = import_bytes(Format::Mmsa, "cycle.pkl", bytes, &Options::default());
    let error = message(result);
    assert!(
        error.starts_with("cycle.pkl: train.id: found a list of 1"),
        "{error}"
    );
}

#[test]
fn small_pickles_that_unfold_are_refused() {
    let options = Options::default();
    let error = message(read(Format::Mmsa, "bomb_nested.pkl", &options));
    let found = "found a list of 2, expected a dict";
    assert!(error.contains(found), "{error}");
    for format in [Format::Mmsa, Format::Mult] {
        let error = message(read(format, "bomb_text.pkl", &options));
        assert!(error.contains("shared values that unfold"), "{error}");
    }
}

const ALL: [(Format, &str); 8] = [
    (Format::Mmsa, "mmsa_unaligned_p0.pkl"),
    (Format::Mmsa, "mmsa_unaligned_p2.pkl"),
    (Format::Mmsa, "mmsa_unaligned_p5.pkl"),
    (Format::Mult, "mult_mosei_p2.pkl"),
    (Format::Mult, "mult_mosei_p4.pkl"),
    (Format::Mult, "mult_mosei_p5.pkl"),
    (Format::Npz, "ragged_stored.npz"),
    (Format::Npz, "ragged_deflated.npz"),
];

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    for (format, name) in ALL {
        let bytes = bytes_of(name);
        for end in 0..bytes.len() {
            let result = import_bytes(format, name, bytes[..end].to_vec(), &Options::default());
            assert!(result.is_err(), "{name} of {end} bytes");
        }
    }
}

#[test]
fn no_changed_byte_makes_an_importer_panic() {
    for (format, name) in ALL {
        let bytes = bytes_of(name);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            // Most are errors; a number or a text that is another one is not.
            let _ = import_bytes(format, name, changed, &Options::default());
        }
    }
}

#[test]
fn a_changed_value_in_an_npz_is_found_by_its_checksum() {
    let mut bytes = bytes_of("ragged_stored.npz");
    let id: Vec<u8> = "clip-2".bytes().flat_map(|b| [b, 0, 0, 0]).collect();
    let position = bytes.windows(id.len()).position(|window| window == id);
    bytes[position.expect("the id")] = b'k';
    let result = import_bytes(Format::Npz, "x.npz", bytes, &Options::default());
    let error = message(result);
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn what_is_no_file_of_the_format_is_refused() {
    let options = Options::default();
    for format in [Format::Npz, Format::Mmsa, Format::Mult] {
        let result = import_bytes(format, "x", b"speaker\tsex\n".to_vec(), &options);
        assert!(message(result).starts_with("x: "));
    }
    let error = message(read(Format::Npz, "", &options));
    assert!(error.contains("a folder"), "{error}");
    let result = read(Format::Npz, "no such file.npz", &options);
    assert!(matches!(result, Err(CorpusError::Io { .. })));
}

#[test]
fn the_real_ravdess_features_are_read() {
    let Some(data) = std::env::var_os("MCT_HFR_DATA") else {
        eprintln!("*** SKIPPED: set MCT_HFR_DATA to the folder that holds ravdess/ravdess.npz ***");
        return;
    };
    let path = Path::new(&data).join("ravdess/ravdess.npz");
    let options = Options {
        rates: vec![("audio".to_owned(), 50.0)],
        ..Options::default()
    };
    let corpus = import(Some(Format::Npz), &path, &options)
        .expect("a corpus")
        .corpus;
    assert_eq!(corpus.len(), 1440);
    let shapes: Vec<(&str, usize, usize)> = corpus
        .modalities
        .iter()
        .map(|m| (m.name.as_str(), m.total_steps(), m.dim))
        .collect();
    let wanted = [
        ("audio", 265_223, 40),
        ("vision", 1440, 35),
        ("text", 8640, 8),
    ];
    assert_eq!(shapes, wanted);
    assert_eq!(corpus.metadata.speakers.len(), 24);
    assert_eq!(corpus.metadata.sessions.len(), 6);
    assert_eq!(corpus.class_count(), 8);
    corpus.require_finite().expect("finite values");
}
