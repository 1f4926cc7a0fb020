//! Intensities by the real binary: from a table to scores, a report, predictions and an experiment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use support::{Workshop, npy, small_training};

const GRID: &str = r#"
title = "Two systems"
views = ["scores", "curves", "durations", "bars", "confusion"]

[[rows]]
name = "MCT"
system = "mct"
strategy = "complete"

[[rows]]
name = "MCT-HFR"
system = "mct-hfr"
strategy = "dynamic"
"#;

/// `corpus.safetensors`: clips rated with a sentiment that their features say, from -3 to 3.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let mut table = "id,audio,text,sentiment,side,rater\n".to_owned();
    for clip in 0..60 {
        let value = (clip % 13) as f32 / 2.0 - 3.0;
        let side = ["train", "train", "train", "valid", "test"][clip % 5];
        workshop.write(&format!("a{clip}.npy"), &npy(4 + clip % 3, 6, value));
        workshop.write(&format!("t{clip}.npy"), &npy(5, 8, -value));
        table += &format!(
            "c{clip},a{clip}.npy,t{clip}.npy,{value},{side},r{}\n",
            clip % 2
        );
    }
    workshop.write("clips.csv", table.as_bytes());
    workshop.ok(&[
        "corpus",
        "import",
        "clips.csv",
        "--out",
        "corpus.safetensors",
        "--labels",
        "sentiment",
        "--range=-3,3",
    ]);
    workshop
}

const REGRESSION: [&str; 4] = ["--task", "regression", "--protocol", "file"];

#[test]
fn intensities_are_trained_scored_reported_and_predicted() {
    let workshop = workshop();
    workshop.ok(&small_training("run", &REGRESSION));
    let config = String::from_utf8(workshop.bytes("run/config.toml")).unwrap();
    assert!(config.contains("task = \"regression\""), "{config}");
    assert!(config.contains("max_steps = 6"), "{config}");
    let scores = workshop.json(&["evaluate", "run", "--json", "--report", "report"]);
    for key in ["mae", "corr", "ccc", "acc2", "f1_non_zero", "acc7"] {
        assert_eq!(scores[key].as_array().unwrap().len(), 10, "{key}");
        assert!(scores["auilc"][key].is_number(), "{key}");
    }
    assert_eq!(scores["targets"][0]["name"], "sentiment");
    assert_eq!(scores["targets"][0]["bins"].as_array().unwrap().len(), 7);
    assert_eq!(scores["confusion"].as_array().unwrap().len(), 0);
    let report = String::from_utf8(workshop.bytes("report/report.html")).unwrap();
    for part in ["MAE", "Acc-2 non-0", "sentiment (-3 to 3)", "<svg"] {
        assert!(report.contains(part), "{part}");
    }
    for figure in ["confusion-sentiment-0.svg", "intensities-sentiment-0.5.svg"] {
        assert!(
            workshop.path(&format!("report/{figure}")).exists(),
            "{figure}"
        );
    }
    // The features of clips as they are; the corpus knows what they are rated with.
    let header = |arguments: &[&str]| {
        let table = workshop.ok(arguments);
        assert_eq!(table.lines().count(), 61);
        table.lines().next().unwrap().to_owned()
    };
    let of_clips = header(&["predict", "run", "clips.csv"]);
    assert_eq!(of_clips, "id\tsentiment\tmissing");
    let of_corpus = header(&["predict", "run"]);
    assert_eq!(of_corpus, "id\tsentiment (rated)\tsentiment\tmissing");
    // More epochs of the same run, then of the corpus at another place.
    workshop.ok(&["resume", "run", "--epochs", "5"]);
    std::fs::rename(workshop.path("corpus.safetensors"), workshop.path("moved")).unwrap();
    workshop.fails(1, &["resume", "run"], &["corpus.safetensors"]);
    workshop.write("other", b"another file");
    let other = ["resume", "run", "--corpus", "other"];
    workshop.fails(1, &other, &["other", "SHA-256"]);
    workshop.ok(&["resume", "run", "--corpus", "moved", "--epochs", "6"]);
    let metrics: serde_json::Value =
        serde_json::from_slice(&workshop.bytes("run/metrics.json")).unwrap();
    assert_eq!(metrics["epochs"].as_array().unwrap().len(), 6);
    workshop.ok(&["evaluate", "run", "--rates", "0"]);
}

#[test]
fn a_model_scored_on_another_corpus_says_what_it_was_trained_on() {
    let workshop = workshop();
    workshop.ok(&small_training("run", &REGRESSION));
    std::fs::copy(workshop.path("corpus.safetensors"), workshop.path("other")).unwrap();
    let arguments = ["evaluate", "run", "--corpus", "other", "--side", "all"];
    let scores = workshop.json(&[&arguments[..], &["--rates", "0", "--json"]].concat());
    let warnings = scores["warnings"].to_string();
    assert!(warnings.contains("trained on 36 of these 60"), "{warnings}");
    let chosen = "the training of the model was validated on 12 of these 60 utterances";
    assert!(warnings.contains(chosen), "{warnings}");
    for place in ["other", "corpus.safetensors"] {
        let on_test = [
            "evaluate", "run", "--corpus", place, "--rates", "0", "--json",
        ];
        let warnings = workshop.json(&on_test)["warnings"].to_string();
        assert!(!warnings.contains("trained on"), "{warnings}");
    }
    // Its own, until another takes its place.
    let own = workshop.path("corpus.safetensors");
    let mut own_place = arguments.to_vec();
    own_place[3] = own.to_str().unwrap();
    own_place.extend(["--rates", "0", "--json"]);
    let warnings = |place: &[&str]| workshop.json(place)["warnings"].to_string();
    let said = warnings(&own_place);
    assert!(said.contains("trained on 36 of these 60"), "{said}");
    std::fs::remove_file(&own).unwrap();
    let import = [
        "corpus",
        "import",
        "clips.csv",
        "--out",
        "corpus.safetensors",
    ];
    let titled = [
        "--labels",
        "sentiment",
        "--range=-3,3",
        "--title",
        "another",
    ];
    workshop.ok(&[&import[..], &titled].concat());
    let said = warnings(&own_place);
    assert!(
        said.contains("is not known") && said.contains("SHA-256"),
        "{said}"
    );
}

#[test]
fn an_experiment_compares_systems_by_error_and_correlation() {
    let workshop = workshop();
    workshop.write("grid.toml", GRID.as_bytes());
    let mut arguments = vec!["experiment", "grid.toml", "--corpus", "corpus.safetensors"];
    arguments.extend(["--out", "out", "--preset", "demo", "--device", "flex"]);
    arguments.extend(["--seeds", "1,2", "--set", "model.d=16"]);
    arguments.extend(["--set", "model.layers=1", "--set", "training.epochs=2"]);
    arguments.extend(REGRESSION);
    workshop.ok(&arguments);
    let numbers: serde_json::Value =
        serde_json::from_slice(&workshop.bytes("out/grid/numbers.json")).unwrap();
    for score in ["mae", "corr"] {
        let rows = numbers["significance"][score].as_array().unwrap();
        assert!(rows[0]["complete"]["p"].is_number(), "{score}");
        assert_eq!(rows[1]["complete"]["mean"], 0.0, "{score}: with itself");
    }
    assert_eq!(numbers["metrics"][0], "mae");
    let columns = numbers["rows"][0]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 20);
    for file in [
        "curves-mae.svg",
        "curves-acc-2.svg",
        "significance-corr.csv",
    ] {
        assert!(
            workshop.path(&format!("out/grid/{file}")).exists(),
            "{file}"
        );
    }
}
