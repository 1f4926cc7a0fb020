//! Scores against scikit-learn's, from `tests/reference/metrics.py`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::collections::BTreeSet;

use mct_corpus::Target;
use mct_scores::intensity::{bin_matrix, intensity_scores};
use mct_scores::{Confusion, Scores};
use serde_json::Value;

fn fixtures() -> std::path::PathBuf {
    // Asked at run time: a target folder may have been filled from another checkout.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    std::path::PathBuf::from(package).join("../../tests/fixtures")
}

#[test]
fn scores_are_scikit_learns() {
    let text = std::fs::read_to_string(fixtures().join("metrics.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let list = |key: &str| -> Vec<usize> {
            let values = case[key].as_array().unwrap().iter();
            values
                .map(|value| value.as_u64().unwrap() as usize)
                .collect()
        };
        let mut confusion = Confusion::new(case["classes"].as_u64().unwrap() as usize);
        for (label, predicted) in list("labels").into_iter().zip(list("predictions")) {
            confusion.add(label, predicted);
        }
        assert_eq!(serde_json::to_value(&confusion).unwrap(), case["confusion"]);
        agree(&confusion.scores(), case);
    }
}

/// Every score that either has, the other has too, with the same value.
fn agree(scores: &Scores, case: &Value) {
    let found = serde_json::to_value(scores).unwrap();
    let (found, expected) = (
        found.as_object().unwrap(),
        case["scores"].as_object().unwrap(),
    );
    let names = |scores: &serde_json::Map<String, Value>| -> BTreeSet<String> {
        scores.keys().cloned().collect()
    };
    assert_eq!(names(found), names(expected));
    for (key, expected) in expected {
        let (found, expected) = (found[key].as_f64().unwrap(), expected.as_f64().unwrap());
        let close = (found - expected).abs() < 1e-9;
        assert!(close, "{key}: {found}, not {expected} in {case}");
    }
}

#[test]
fn scores_of_intensities_are_those_of_numpy_and_scikit_learn() {
    let text = std::fs::read_to_string(fixtures().join("metrics.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["intensities"].as_array().unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let list = |key: &str| -> Vec<f32> {
            let values = case[key].as_array().unwrap().iter();
            values.map(|value| value.as_f64().unwrap() as f32).collect()
        };
        let range = list("range");
        let target = Target {
            name: "sentiment".into(),
            range: [range[0], range[1]],
        };
        let pairs: Vec<(f32, f32)> = list("predictions")
            .into_iter()
            .zip(list("truths"))
            .collect();
        agree(&intensity_scores(&target, &pairs), case);
        let matrix = serde_json::to_value(bin_matrix(&target, &pairs)).unwrap();
        assert_eq!(matrix, case["matrix"], "{case}");
    }
}
