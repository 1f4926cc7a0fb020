//! Corpus files that are good, damaged, and hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::collections::{BTreeMap, HashMap};

use mct_corpus::{Corpus, Precision, demo};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// A corpus file taken apart, to be put together again with something changed.
struct Parts {
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
    header: serde_json::Value,
}

impl Parts {
    fn new() -> Self {
        Self::of(&demo::generate(1, 0.01).unwrap().to_bytes().unwrap())
    }

    fn of(bytes: &[u8]) -> Self {
        let (_, metadata) = SafeTensors::read_metadata(bytes).unwrap();
        let json = &metadata.metadata().as_ref().unwrap()["mct-corpus"];
        let file = SafeTensors::deserialize(bytes).unwrap();
        let tensors = file.tensors().into_iter();
        Self {
            header: serde_json::from_str(json).unwrap(),
            tensors: tensors
                .map(|(name, view)| {
                    (
                        name,
                        (view.dtype(), view.shape().to_vec(), view.data().to_vec()),
                    )
                })
                .collect(),
        }
    }

    /// Replaces number `index` of an I64 tensor.
    fn set(&mut self, name: &str, index: usize, value: i64) {
        let (dtype, _, bytes) = self.tensors.get_mut(name).unwrap();
        assert_eq!(*dtype, Dtype::I64);
        bytes[8 * index..8 * index + 8].copy_from_slice(&value.to_le_bytes());
    }

    fn file(&self) -> Vec<u8> {
        let views: Vec<(String, TensorView<'_>)> = self
            .tensors
            .iter()
            .map(|(name, (dtype, shape, bytes))| {
                (
                    name.clone(),
                    TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
                )
            })
            .collect();
        let header = HashMap::from([("mct-corpus".to_owned(), self.header.to_string())]);
        safetensors::serialize(views, Some(header)).unwrap()
    }

    /// What the file says when it is opened.
    fn error(&self) -> String {
        match Corpus::from_bytes("broken.safetensors", self.file()) {
            Ok(_) => panic!("a broken file was accepted"),
            Err(error) => error.to_string(),
        }
    }
}

/// The message names the file and holds these parts.
fn says(message: &str, parts: &[&str]) {
    assert!(message.starts_with("broken.safetensors: "), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{message}` lacks `{part}`");
    }
}

#[test]
fn a_corpus_survives_its_file_and_a_file_its_corpus() {
    let bytes = demo::generate(1, 0.01).unwrap().to_bytes().unwrap();
    let again = Corpus::from_bytes("x", bytes.clone()).unwrap();
    assert_eq!(again.to_bytes().unwrap(), bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus.safetensors");
    again.save(&path).unwrap();
    let mapped = Corpus::open(&path).unwrap();
    assert_eq!(mapped.utterances, again.utterances);
    for (mapped, owned) in mapped.modalities.iter().zip(&again.modalities) {
        assert_eq!(mapped.values(7), owned.values(7));
        assert_eq!(mapped.unknown, owned.unknown);
    }
}

#[test]
fn half_precision_values_are_read() {
    use mct_corpus::ModalityBuilder;
    let mut corpus = demo::generate(1, 0.01).unwrap();
    let old = corpus.modalities[0].clone();
    let mut builder = ModalityBuilder::new(&old.name, old.dim, Precision::F16);
    for index in 0..corpus.len() {
        builder.push(&old.values(index));
    }
    corpus.modalities[0] = builder.build();
    let again = Corpus::from_bytes("x", corpus.to_bytes().unwrap()).unwrap();
    assert_eq!(again.modalities[0].precision, Precision::F16);
    let pairs = again.modalities[0].values(3).into_iter().zip(old.values(3));
    assert!(
        pairs
            .into_iter()
            .all(|(a, b)| (a - b).abs() <= 1e-3 * b.abs().max(1.0))
    );
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let good = Parts::new().file();
    for cut in [0, 1, 7, 8, 9, 500, good.len() / 3, good.len() - 1] {
        let error = Corpus::from_bytes("broken.safetensors", good[..cut].to_vec()).unwrap_err();
        says(&error.to_string(), &["found", "expected"]);
    }
}

#[test]
fn hostile_headers_are_refused() {
    let mut huge = vec![0xFF; 8];
    huge.extend([b'{'; 64]);
    let mut lies = 64u64.to_le_bytes().to_vec();
    lies.extend(br#"{"labels":{"dtype":"I64","shape":[9223372036854775807],"data_of"#);
    for bytes in [huge, lies, b"PK\x03\x04 not a corpus at all".to_vec()] {
        let error = Corpus::from_bytes("broken.safetensors", bytes).unwrap_err();
        says(&error.to_string(), &["found", "expected"]);
    }
}

#[test]
fn no_changed_byte_of_the_head_makes_a_panic() {
    let good = Parts::new().file();
    for place in (0..good.len().min(12_000)).step_by(7) {
        for change in [0x01, 0x80, 0xFF] {
            let mut bad = good.clone();
            bad[place] ^= change;
            if let Ok(corpus) = Corpus::from_bytes("x", bad) {
                // What is accepted can be read.
                assert!(
                    corpus
                        .modalities
                        .iter()
                        .all(|m| m.values(0).len() == m.steps(0) * m.dim)
                );
            }
        }
    }
}

#[test]
fn every_broken_field_is_named() {
    let broken = |change: &dyn Fn(&mut Parts), parts: &[&str]| {
        let mut file = Parts::new();
        change(&mut file);
        says(&file.error(), parts);
    };
    broken(
        &|f| f.set("labels", 3, 4),
        &["labels[3]", "found 4", "below 4"],
    );
    broken(&|f| f.set("labels", 3, -1), &["labels"]);
    broken(
        &|f| f.set("speakers", 0, 10),
        &["speakers[0]", "found 10", "below 10"],
    );
    broken(
        &|f| f.set("sessions", 5, 5),
        &["sessions[5]", "found 5", "below 5"],
    );
    // Speakers without a session.
    broken(&|f| f.set("sessions", 5, -1), &["sessions"]);
    broken(
        &|f| {
            f.tensors.remove("sessions");
        },
        &["session"],
    );
    // Offsets that overlap, leave the values, or do not start at 0.
    broken(
        &|f| f.set("modality.audio.offsets", 4, 0),
        &["modality.audio.offsets"],
    );
    broken(
        &|f| f.set("modality.audio.offsets", 4, 1 << 40),
        &["modality.audio.offsets"],
    );
    broken(
        &|f| f.set("modality.audio.offsets", 0, 1),
        &["modality.audio.offsets"],
    );
    // A modality without features.
    let featureless = |f: &mut Parts| {
        let (_, shape, bytes) = f.tensors.get_mut("modality.text.values").unwrap();
        shape[1] = 0;
        bytes.clear();
    };
    broken(&featureless, &["modality.text"]);
    // No utterances at all.
    let none = |f: &mut Parts| {
        for (name, (dtype, shape, bytes)) in &mut f.tensors {
            let offsets = name.ends_with("offsets");
            let unknown = name.ends_with("unknown");
            if offsets {
                (*shape, *bytes) = (vec![1], vec![0; 8]);
            } else if !unknown {
                assert!(matches!(dtype, Dtype::I64 | Dtype::U8 | Dtype::F32));
                shape[0] = 0;
                bytes.clear();
            }
        }
    };
    broken(&none, &["utterances", "found 0", "1 or more"]);
    let wrong_type = |f: &mut Parts| {
        f.tensors.get_mut("durations_secs").unwrap().0 = Dtype::I32;
    };
    broken(&wrong_type, &["durations_secs", "I32"]);
    let not_text = |f: &mut Parts| {
        f.tensors.get_mut("ids.bytes").unwrap().2[0] = 0xFF;
    };
    broken(&not_text, &["ids"]);
    broken(
        &|f| f.header["format_version"] = 99.into(),
        &["format_version", "99"],
    );
    broken(
        &|f| f.header["metadata"]["surprise"] = 1.into(),
        &["header", "surprise"],
    );
    let infinite_unknown = |f: &mut Parts| {
        let (_, _, bytes) = f.tensors.get_mut("modality.text.unknown").unwrap();
        bytes[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    };
    broken(&infinite_unknown, &["modality.text.unknown", "finite"]);
}

#[test]
fn nan_and_infinity_in_features_are_found_and_counted() {
    let mut file = Parts::new();
    let (_, _, bytes) = file.tensors.get_mut("modality.vision.values").unwrap();
    bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    bytes[4..8].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    let corpus = Corpus::from_bytes("broken.safetensors", file.file()).unwrap();
    let message = corpus.require_finite().unwrap_err().to_string();
    says(
        &message,
        &["modality.vision of [0]", "1 NaN and 1 infinite", "finite"],
    );
    let found = corpus.info().modalities[1].non_finite;
    assert_eq!((found.nan, found.infinite), (1, 1));
}

#[test]
fn what_is_not_known_and_what_is_missing_survive_the_file() {
    use mct_corpus::{Cells, Column, Metadata, ModalityBuilder, Side, Target, Utterance};
    let mut audio = ModalityBuilder::new("audio", 2, Precision::F32);
    audio.push_masked(&[1.0, 2.0, 0.0, 0.0, 5.0, 6.0], &[false, true, false]);
    audio.push(&[]);
    audio.push(&[7.0, 8.0]);
    let utterance = |id: &str| Utterance {
        id: id.into(),
        targets: vec![None, None],
        ..Utterance::default()
    };
    let mut utterances = vec![utterance("a"), utterance("b"), utterance("c")];
    utterances[1].label = Some(1);
    utterances[1].targets = vec![Some(-0.5), None];
    utterances[2].side = Some(Side::Test);
    utterances[2].duration_secs = Some(1.5);
    let target = |name: &str| Target {
        name: name.into(),
        range: [-1.0, 1.0],
    };
    let metadata = Metadata {
        title: "test".into(),
        licence: "none".into(),
        classes: vec!["x".into(), "y".into()],
        targets: vec![target("valence"), target("arousal")],
        speakers_guessed_from: Some("nothing".into()),
        ..Metadata::default()
    };
    let corpus = Corpus::new("test", metadata, utterances, vec![audio.build()]).unwrap();
    let columns = vec![
        Column {
            name: "turn".into(),
            cells: Cells::Number(vec![Some(1.0), None, Some(3.0)]),
        },
        Column {
            name: "language".into(),
            cells: Cells::Text(vec![Some("한국어".into()), None, Some("de".into())]),
        },
    ];
    let corpus = corpus.with_columns(columns).unwrap();
    let bytes = corpus.to_bytes().unwrap();
    let again = Corpus::from_bytes("test", bytes.clone()).unwrap();
    assert_eq!(again.metadata, corpus.metadata);
    assert_eq!(again.utterances, corpus.utterances);
    assert_eq!(again.columns, corpus.columns);
    let audio = &again.modalities[0];
    assert_eq!([0, 1, 2].map(|i| audio.steps(i)), [3, 0, 1]);
    assert_eq!(audio.missing(0), [0, 1, 0]);
    assert_eq!([0, 1, 2].map(|i| audio.missing_steps(i)), [1, 0, 0]);
    assert_eq!(
        [0, 1, 2].map(|i| again.is_all_missing(i)),
        [false, true, false]
    );
    assert_eq!(again.to_bytes().unwrap(), bytes);
    // A mask of other values, and -1 in a file of version 1, are refused.
    let broken = |change: &dyn Fn(&mut Parts), parts: &[&str]| {
        let mut file = Parts::of(&bytes);
        change(&mut file);
        says(&file.error(), parts);
    };
    let flag = |f: &mut Parts| f.tensors.get_mut("modality.audio.missing").unwrap().2[2] = 7;
    broken(&flag, &["modality.audio.missing[2]"]);
    broken(
        &|f| f.header["format_version"] = 1.into(),
        &["labels[0]", "-1"],
    );
    broken(
        &|f| f.header["metadata"]["targets"][0]["range"] = serde_json::json!([1.0, 1.0]),
        &["header.targets[0].range"],
    );
}

#[test]
fn a_corpus_that_needs_nothing_new_is_written_as_before() {
    assert_eq!(Parts::new().header["format_version"], 1);
}
