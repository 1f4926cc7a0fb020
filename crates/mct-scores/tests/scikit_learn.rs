//! Scores against scikit-learn's, from `tests/reference/metrics.py`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use mct_scores::Confusion;
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
        let scores = confusion.scores();
        for (key, found) in [
            ("ua", scores.ua),
            ("wa", scores.wa),
            ("uf1", scores.uf1),
            ("wf1", scores.wf1),
        ] {
            let expected = case[key].as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-12,
                "{key}: {found}, not {expected} in {case}"
            );
        }
    }
}
