//! Experiments: runs that are shared, interrupted and collected, on this machine and as an array job.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use support::{Workshop, listing, small_training};

const GRID: &str = r#"
title = "Two systems"
views = ["scores", "curves", "calibration", "durations", "bars", "sweep", "confusion"]

[[rows]]
name = "CHFN"
system = "chfn"
strategy = "complete"
sweep = ["layers", 1.0]

[[rows]]
name = "MCT-HFR, cosine"
system = "mct-hfr"
strategy = "dynamic"
set = [["model.alignment", "joint-vectors"], ["model.distance", "cosine"]]
sweep = ["layers", 2.0]
"#;

fn workshop() -> Workshop {
    let workshop = Workshop::with_corpus();
    workshop.write("grid.toml", GRID.as_bytes());
    workshop
}

fn arguments<'a>(name: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["experiment"];
    if let Some(name) = name.strip_prefix("collect ") {
        arguments.extend(["collect", name]);
    } else {
        arguments.push(name);
    }
    arguments.extend([
        "--corpus",
        "corpus.safetensors",
        "--out",
        out,
        "--preset",
        "demo",
        "--device",
        "flex",
        "--folds",
        "0",
        "--set",
        "model.d=16",
        "--set",
        "model.layers=1",
    ]);
    arguments.extend(more);
    arguments
}

const SHORT: [&str; 4] = ["--seeds", "1,2", "--set", "training.epochs=2"];

/// The finished runs, and when each was finished.
fn finished(workshop: &Workshop, out: &str) -> Vec<(String, std::time::SystemTime)> {
    let runs = workshop.path(out).join("runs");
    let time = |id: &String| std::fs::metadata(runs.join(id).join("predictions.json"));
    let with_time = |id: String| Some((id.clone(), time(&id).ok()?.modified().unwrap()));
    listing(&runs).into_iter().filter_map(with_time).collect()
}

/// A build of the program takes its place while it runs.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_was_replaced_finishes_its_runs() {
    let workshop = workshop();
    let program = workshop.path("program");
    std::fs::copy(env!("CARGO_BIN_EXE_mct-hfr"), &program).unwrap();
    let mut all = arguments("grid.toml", "out", &SHORT);
    all.extend(["--jobs", "1"]);
    let mut child = std::process::Command::new(&program)
        .args(&all)
        .current_dir(workshop.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let runs = workshop.path("out/runs");
    while !runs.exists() || listing(&runs).is_empty() {
        assert!(Instant::now() < deadline, "no run has begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    workshop.write("other", b"another program");
    std::fs::rename(workshop.path("other"), &program).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(finished(&workshop, "out").len(), 4);
}

#[test]
fn a_grid_is_trained_once_and_its_numbers_are_those_of_evaluate() {
    let workshop = workshop();
    let mut dry = arguments("grid.toml", "out", &SHORT);
    dry.push("--dry-run");
    let listed = workshop.ok(&dry);
    assert!(listed.contains("4 of 4 runs to do"), "{listed}");
    assert!(finished(&workshop, "out").is_empty());

    let mut two = arguments("grid.toml", "out", &SHORT);
    two.extend(["--jobs", "2"]);
    workshop.ok(&two);
    let before = finished(&workshop, "out");
    assert_eq!(before.len(), 4);
    for name in [
        "report.html",
        "report.md",
        "numbers.json",
        "scores.csv",
        "intervals.csv",
        "intervals.svg",
        "significance.csv",
        "curves-ua.svg",
        "curves-uf1.svg",
        "curves-ua-validation.csv",
        "curves-ua-validation.svg",
        "classes.csv",
        "durations.csv",
        "bars.svg",
        "sweep-1.svg",
        "confusion-1-0.svg",
        "confusion-2-0.5.svg",
        "calibration.csv",
        "calibration-ece.svg",
        "calibration-coverage.csv",
        "reliability-0.5.svg",
    ] {
        assert!(
            !workshop.bytes(&format!("out/grid/{name}")).is_empty(),
            "{name}"
        );
    }
    let page = String::from_utf8(workshop.bytes("out/grid/report.html")).unwrap();
    assert!(page.contains("MCT-HFR, cosine") && page.contains("exact limit"));
    assert!(page.contains("seeds and 5 draws of the missing steps"));
    assert!(!page.contains("there is one seed"));
    let coverage = String::from_utf8(workshop.bytes("out/grid/calibration-coverage.csv")).unwrap();
    assert!(coverage.contains("exact posterior"), "{coverage}");

    // What is chosen, is so on validation; what the test set would choose is said when asked for.
    let numbers: Value = serde_json::from_slice(&workshop.bytes("out/grid/numbers.json")).unwrap();
    let areas = |of: &dyn Fn(&Value) -> f64| -> Vec<f64> {
        numbers["rows"].as_array().unwrap().iter().map(of).collect()
    };
    let by_validation = areas(&|row| row["validation"][1]["mean"].as_f64().unwrap());
    let by_test = areas(&|row| row["columns"][4]["mean"].as_f64().unwrap());
    let chosen = |areas: &[f64]| if areas[1] >= areas[0] { "2" } else { "1" };
    let said = format!(
        "Chosen on validation: layers {}, test",
        chosen(&by_validation)
    );
    assert!(page.contains(&said), "{by_validation:?}");
    assert!(!page.contains("Test-selected"));
    // Both stand in the sweep's own table, validation first.
    let sweep = String::from_utf8(workshop.bytes("out/grid/sweep-1.csv")).unwrap();
    let mut lines = sweep.lines();
    let cells = |line: &'_ str| -> Vec<String> {
        let cells = line.trim_matches('"').split("\",\"");
        cells.map(str::to_owned).collect()
    };
    let header = cells(lines.next().unwrap());
    let column = |name: &str| header.iter().position(|own| *own == name).unwrap();
    let (validation, test) = (column("validation UA"), column("test UA"));
    assert!(validation < test, "{header:?}");
    for (line, index) in lines.zip(0..) {
        let cells = cells(line);
        let starts = |cell: &str, area: f64| cell.starts_with(&format!("{:.2}", 100.0 * area));
        assert!(starts(&cells[validation], by_validation[index]), "{sweep}");
        assert!(starts(&cells[test], by_test[index]), "{sweep}");
    }
    // Which epochs the test set would choose is known of trainings that keep them, and changes nothing else.
    assert!(numbers["rows"][0].get("test_selected").is_none());
    let mut also = arguments("collect grid.toml", "out", &SHORT);
    also.push("--also-test-selected");
    workshop.fails(1, &also, &["4 of 4 runs are not finished"]);
    let trained = arguments("grid.toml", "out", &SHORT);
    workshop.ok(&[&trained[..], &["--also-test-selected"]].concat());
    let with_both = finished(&workshop, "out");
    assert_eq!(with_both.len(), 8);
    let both: Value = serde_json::from_slice(&workshop.bytes("out/grid/numbers.json")).unwrap();
    for (own, plain) in [0, 1].map(|row| (&both["rows"][row], &numbers["rows"][row])) {
        assert_eq!(own["columns"], plain["columns"]);
        assert_eq!(own["validation"], plain["validation"]);
        for score in 0..2 {
            let mean = own["test_selected"][score]["mean"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&mean), "{own}");
        }
    }
    let keeps_both = |(id, _): &&(String, std::time::SystemTime)| {
        let place = format!("out/runs/{id}/checkpoints/test-selected.safetensors");
        workshop.path(&place).exists()
    };
    let areas = with_both.iter().filter(keeps_both).map(|(id, _)| {
        let run = format!("out/runs/{id}");
        let scores = workshop.json(&["evaluate", &run, "--checkpoint", "test-selected", "--json"]);
        let said = scores["warnings"].as_array().unwrap().iter();
        assert!(
            said.into_iter()
                .any(|text| text.as_str().unwrap().starts_with("test-selected"))
        );
        scores["auilc"]["ua"].as_f64().unwrap()
    });
    let areas: Vec<f64> = areas.collect();
    let mean = |row: usize| {
        both["rows"][row]["test_selected"][1]["mean"]
            .as_f64()
            .unwrap()
    };
    let expected = (mean(0) + mean(1)) / 2.0;
    assert_eq!(areas.len(), 4);
    assert!((areas.iter().sum::<f64>() / 4.0 - expected).abs() < 1e-12);
    let chosen_twice = String::from_utf8(workshop.bytes("out/grid/test-selected.csv")).unwrap();
    let header = "\"system\",\"UA\",\"test-selected UA\",\"AUILC UA\",\"test-selected AUILC UA\"\n";
    assert!(chosen_twice.starts_with(header), "{chosen_twice}");
    let classes = String::from_utf8(workshop.bytes("out/grid/classes.csv")).unwrap();
    // Two rows at two rates, and the names of the columns.
    assert_eq!(classes.lines().count(), 1 + 2 * 2 * 4, "{classes}");
    let printed = workshop.ok(&also);
    let said = format!("no honest report claims: layers {}, test", chosen(&by_test));
    assert!(
        printed.contains("Test-selected") && printed.contains(&said),
        "{printed}"
    );
    // One speaker is tested, of whom nothing follows for others.
    let intervals = String::from_utf8(workshop.bytes("out/grid/intervals.csv")).unwrap();
    assert!(intervals.contains("(too few speakers)"), "{intervals}");
    let seed = &numbers["rows"][0]["seeds"][0];
    assert_eq!(seed["validation"]["ua"].as_array().unwrap().len(), 10);
    assert_ne!(seed["validation"]["ua"], seed["ua"]);

    // Nothing is trained again, and the report is the same.
    workshop.ok(&arguments("collect grid.toml", "out", &SHORT));
    let numbers = workshop.bytes("out/grid/numbers.json");
    workshop.ok(&arguments("collect grid.toml", "out", &SHORT));
    assert_eq!(with_both, finished(&workshop, "out"));
    assert!(numbers == workshop.bytes("out/grid/numbers.json"));
    // A grid with one row in common trains the other alone.
    let other = GRID.replace("CHFN", "MISA").replace("chfn", "misa");
    workshop.write("other.toml", other.as_bytes());
    workshop.ok(&arguments("other.toml", "out", &SHORT));
    let after = finished(&workshop, "out");
    assert_eq!(after.len(), 10);
    assert!(before.iter().all(|run| after.contains(run)));

    // The scores of each run are those of `evaluate`.
    let numbers: Value = serde_json::from_slice(&numbers).unwrap();
    let rows = numbers["rows"].as_array().unwrap();
    let seeds = rows.iter().flat_map(|row| row["seeds"].as_array().unwrap());
    let keys = ["ua", "auilc", "calibration"];
    let of = |value: &Value| keys.map(|key| value[key].clone());
    let mut reported: Vec<[Value; 3]> = seeds.map(of).collect();
    for (id, _) in &before {
        let scores = workshop.json(&[
            "evaluate",
            &format!("out/runs/{id}"),
            "--mask-draws",
            "5",
            "--calibrate",
            "--json",
        ]);
        let found = of(&scores);
        let index = reported.iter().position(|other| *other == found);
        reported.remove(index.unwrap_or_else(|| panic!("{id}: scores are not in the report")));
    }
    assert!(reported.is_empty());
}

#[test]
fn the_interval_of_a_system_is_around_its_score() {
    let workshop = workshop();
    // Two folds, each with a test speaker.
    let mut short = vec!["--seeds", "1", "--set", "training.epochs=1", "--jobs", "2"];
    short.extend(["--folds", "1"]);
    workshop.ok(&arguments("grid.toml", "out", &short));
    let numbers: Value = serde_json::from_slice(&workshop.bytes("out/grid/numbers.json")).unwrap();
    for row in 0..2 {
        for (place, column) in [("complete", 0), ("incomplete", 4)] {
            let interval = &numbers["intervals"]["ua"][row][place];
            let of = |key| interval[key].as_f64().unwrap();
            let score = &numbers["rows"][row]["columns"][column]["mean"];
            assert!(
                (of("mean") - score.as_f64().unwrap()).abs() < 1e-9,
                "{interval} {score}"
            );
            assert!(
                of("low") < of("mean") && of("mean") < of("high"),
                "{interval}"
            );
            assert!(of("low") >= 0.0 && of("high") <= 1.0, "{interval}");
        }
    }
}

#[test]
fn one_to_one_training_has_a_model_for_each_rate_and_shows_each_at_its_own() {
    let workshop = workshop();
    let rows = "title = \"One to one\"\nviews = [\"scores\", \"curves\"]\n[[rows]]\nname = \"MCT-HFR†\"\n\
                system = \"mct-hfr\"\nstrategy = \"one-to-one\"\n";
    workshop.write("rows.toml", rows.as_bytes());
    let short = ["--seeds", "1", "--set", "training.epochs=1", "--jobs", "2"];
    workshop.ok(&arguments("rows.toml", "out", &short));
    let runs = finished(&workshop, "out");
    assert_eq!(runs.len(), 10);
    let numbers: Value = serde_json::from_slice(&workshop.bytes("out/rows/numbers.json")).unwrap();
    let shown = numbers["rows"][0]["seeds"][0]["ua"].as_array().unwrap();
    let mut seen = [false; 10];
    for (id, _) in &runs {
        let config =
            String::from_utf8(workshop.bytes(&format!("out/runs/{id}/config.toml"))).unwrap();
        let config: toml::Table = config.parse().unwrap();
        let training = &config["training"];
        // Where nothing is missing it is MCT on complete data.
        let rate = match training["strategy"].as_str().unwrap() {
            "complete" => {
                assert_eq!(config["model"]["system"].as_str(), Some("mct"));
                0
            }
            _ => (training["missing_rate"].as_float().unwrap() * 10.0).round() as usize,
        };
        seen[rate] = true;
        let run = format!("out/runs/{id}");
        let own = workshop.json(&["evaluate", &run, "--mask-draws", "5", "--json"]);
        assert_eq!(own["ua"][rate], shown[rate], "{id} at 0.{rate}");
    }
    assert_eq!(seen, [true; 10]);
}

#[test]
fn a_report_says_what_was_truncated_and_what_does_nothing() {
    let workshop = workshop();
    let mut short = arguments("grid.toml", "out", &["--seeds", "1"]);
    short.extend(["--set", "training.epochs=1"]);
    short.extend(["--set", "model.modality.audio.max_steps=3"]);
    short.extend(["--set", "training.schedule=cosine"]);
    short.extend(["--set", "training.learning_rate=0.001"]);
    short.extend(["--set", "training.final_learning_rate=0.001"]);
    workshop.ok(&short);
    let page = String::from_utf8(workshop.bytes("out/grid/report.html")).unwrap();
    assert!(page.contains("there is one seed"));
    assert!(page.contains("Warning: training.schedule=cosine: the learning rate stays at"));
    let begin = page.find("Warning: audio: ").unwrap();
    assert!(page[begin..].contains("sequences are truncated to 3 of up to "));
    let numbers: Value = serde_json::from_slice(&workshop.bytes("out/grid/numbers.json")).unwrap();
    let warnings = numbers["warnings"].as_array().unwrap();
    let of_audio = |warning: &&Value| warning.as_str().unwrap().starts_with("audio: ");
    assert_eq!(warnings.iter().filter(of_audio).count(), 1, "{warnings:?}");
}

#[test]
fn an_interrupted_experiment_resumes_and_ends_as_an_uninterrupted_one() {
    let workshop = workshop();
    let long = [
        "--seeds",
        "1",
        "--set",
        "training.epochs=40",
        "--set",
        "training.patience=40",
    ];
    workshop.ok(&arguments("grid.toml", "whole", &long));
    let process = workshop
        .command(&arguments("grid.toml", "stopped", &long))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let begun = || {
        let runs = workshop.path("stopped/runs");
        let has = |id: &String| runs.join(id).join("checkpoints/last.safetensors").exists();
        runs.exists() && listing(&runs).iter().any(has)
    };
    while !begun() {
        assert!(begin.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The signal goes to this process alone, as with a batch system: its child processes have to follow.
    let stopped = std::process::Command::new("kill")
        .args(["-TERM", &process.id().to_string()])
        .status();
    assert!(stopped.unwrap().success());
    let output = process.wait_with_output().unwrap();
    support::refused(&output, 130, &["TERM"], &["resumes where it stopped"]);
    assert!(finished(&workshop, "stopped").len() < 2);
    let collect = arguments("collect grid.toml", "stopped", &long);
    workshop.fails(1, &collect, &["not finished", "CHFN"]);
    workshop.ok(&arguments("grid.toml", "stopped", &long));
    for (id, _) in finished(&workshop, "whole") {
        let predicted = |out: &str| {
            let bytes = workshop.bytes(&format!("{out}/runs/{id}/predictions.json"));
            let found: Value = serde_json::from_slice(&bytes).unwrap();
            let found = &found["predictions"];
            (found["test"].clone(), found["validation"].clone())
        };
        assert_eq!(predicted("whole"), predicted("stopped"), "{id}");
    }
    // What was damaged since is not scored.
    let (id, _) = &finished(&workshop, "whole")[0];
    let file = format!("whole/runs/{id}/predictions.json");
    let intact: Value = serde_json::from_slice(&workshop.bytes(&file)).unwrap();
    let damaged = |sign: bool, change: &dyn Fn(&mut Value), says: &str| {
        let mut value = intact.clone();
        change(&mut value["predictions"]);
        if sign {
            let digest = Sha256::digest(value["predictions"].to_string().as_bytes());
            let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            value["sha256"] = digits.into();
        }
        workshop.write(&file, format!("{value}\n").as_bytes());
        let collect = arguments("collect grid.toml", "whole", &long);
        workshop.fails(1, &collect, &["predictions.json", says]);
    };
    damaged(
        false,
        &|value| value["test"]["draws"][0][0]["probabilities"][0][0] = 0.5.into(),
        "it has changed since it was written",
    );
    damaged(
        true,
        &|value| {
            let draw = &mut value["validation"]["draws"][1];
            let rows = draw[0]["probabilities"].as_array_mut().unwrap();
            drop(rows.pop());
        },
        "predictions at rate 0: found",
    );
    damaged(
        true,
        &|value| drop(value["test"]["draws"][4].as_array_mut().unwrap().pop()),
        "rates that were predicted at: found 9, expected 10",
    );
    damaged(
        true,
        &|value| drop(value["test"]["draws"].as_array_mut().unwrap().pop()),
        "draws of the missing steps: found 4, expected 5",
    );
    damaged(
        true,
        &|value| value["training_seconds"] = (-1.0).into(),
        "training_seconds: found -1, expected a duration",
    );
    damaged(
        true,
        &|value| {
            let draw = &mut value["test"]["draws"][0][0];
            *draw = serde_json::json!({ "intensities": draw["probabilities"] });
        },
        "task: found Regression, expected Classification",
    );
    damaged(
        true,
        &|value| {
            let row = &mut value["test"]["draws"][0][0]["probabilities"][0];
            row.as_array_mut().unwrap().push(0.5.into());
        },
        "expected 4 probabilities",
    );

    // Nor a run that was trained further under the name of its first settings.
    let (id, _) = &finished(&workshop, "stopped")[0];
    workshop.ok(&["resume", &format!("stopped/runs/{id}"), "--epochs", "41"]);
    let config = format!("stopped/runs/{id}/config.toml");
    let says = [config.as_str(), "other settings"];
    workshop.fails(1, &arguments("collect grid.toml", "stopped", &long), &says);
    std::fs::remove_file(workshop.path(&format!("stopped/runs/{id}/predictions.json"))).unwrap();
    workshop.fails(1, &arguments("grid.toml", "stopped", &long), &says);
}

/// Weights of fold 1, from which training on both folds starts.
#[test]
fn what_starting_weights_were_trained_on_is_said_of_every_score() {
    let workshop = Workshop::with_corpus();
    let rows = "title = \"Started\"\nviews = [\"scores\"]\n[[rows]]\nname = \"MCT-HFR\"\n\
                system = \"mct-hfr\"\nstrategy = \"dynamic\"\n";
    workshop.write("rows.toml", rows.as_bytes());
    workshop.ok(&small_training("before", &["--fold", "1", "--epochs", "1"]));
    let weights = "before/checkpoints/best.safetensors";
    let set = format!("training.weights={weights}");
    let short = [
        "--folds",
        "1",
        "--seeds",
        "1",
        "--set",
        "training.epochs=1",
        "--set",
        &set,
    ];
    workshop.ok(&arguments("rows.toml", "out", &short));
    let numbers: Value = serde_json::from_slice(&workshop.bytes("out/rows/numbers.json")).unwrap();
    let warnings = numbers["warnings"].to_string();
    assert!(
        warnings.contains("fold 0: ")
            && warnings.contains("from which training started, was trained on"),
        "{warnings}"
    );
    let of_fold = |fold: usize| -> String {
        let runs = listing(&workshop.path("out/runs")).into_iter();
        let mut runs = runs.map(|id| format!("out/runs/{id}"));
        let line = format!("\nfold = {fold}\n");
        let is_of = |run: &String| {
            let config = workshop.bytes(&format!("{run}/config.toml"));
            String::from_utf8(config).unwrap().contains(&line)
        };
        runs.find(is_of).unwrap()
    };
    let warnings = |arguments: &[&str]| {
        let all = [&["evaluate"], arguments, &["--rates", "0", "--json"]].concat();
        workshop.json(&all)["warnings"].to_string()
    };
    let (first, second) = (of_fold(0), of_fold(1));
    let said = warnings(&[&first]);
    assert!(said.contains("test utterances (by id"), "{said}");
    let said = warnings(&[&second]);
    assert!(!said.contains("trained on"), "{said}");
    // Exported: of which corpus they are is known, and where those are from which they started is not.
    workshop.ok(&["weights", "export", &second, "--out", "w"]);
    let said = warnings(&["w", "--corpus", "corpus.safetensors"]);
    assert!(
        !said.contains("the model was trained") && said.contains("did not come with the weights"),
        "{said}"
    );
    workshop.ok(&["corpus", "demo", "--out", "other", "--scale", "0.02"]);
    let said = warnings(&["w", "--corpus", "other"]);
    assert!(
        said.contains("is not known: the weights are of another corpus"),
        "{said}"
    );
    workshop.write(weights, b"other");
    let said = warnings(&[&first]);
    assert!(
        said.contains("is not known: the file has changed since"),
        "{said}"
    );
}

#[test]
fn a_search_keeps_the_better_ones_and_never_trains_a_run_twice() {
    let workshop = workshop();
    let space = "systems = [\"mct\", \"chfn\"]\n[common]\n\
                 \"training.learning_rate\" = { log = [1e-3, 1e-2] }\n\
                 [system.chfn]\n\"model.dropout.residual\" = { among = [0.1, 0.3] }\n";
    workshop.write("space.toml", space.as_bytes());
    let mut search = vec!["search", "space.toml"];
    search.extend(&arguments("grid.toml", "out", &SHORT)[2..]);
    search.extend(["--set", "training.epochs=3", "--budget", "4"]);
    let said = workshop.ok(&search);
    assert!(
        said.contains("CHFN 0") && said.contains("as they are"),
        "{said}"
    );
    assert!(said.contains("validation UA"), "{said}");
    let before = finished(&workshop, "out");
    let text = workshop.bytes("out/space/candidates.json");
    let candidates: Value = serde_json::from_slice(&text).unwrap();
    for own in candidates.as_array().unwrap() {
        let own = own.as_array().unwrap();
        let reached: Vec<usize> = own
            .iter()
            .map(|candidate| candidate["validation"].as_array().unwrap().len())
            .collect();
        // One epoch for all, three for the better two.
        assert_eq!(reached, [2, 2, 1, 1]);
        let last = |candidate: &Value| candidate["validation"][1].as_f64().unwrap();
        assert!(last(&own[0]) >= last(&own[1]));
    }
    let best = String::from_utf8(workshop.bytes("out/space/best.toml")).unwrap();
    assert!(
        best.contains("name = \"MCT\"") && best.contains("name = \"CHFN\""),
        "{best}"
    );
    assert!(
        best.contains("[chosen]\n") && best.contains("\nseeds = [1, 2]\n"),
        "{best}"
    );
    workshop.ok(&search);
    assert_eq!(before, finished(&workshop, "out"));
    // What they are judged by is the validation set alone.
    let mut best = arguments("out/space/best.toml", "out", &SHORT);
    best.extend(["--set", "training.epochs=3"]);
    workshop.ok(&best);
    assert_eq!(before, finished(&workshop, "out"));
    let numbers: Value = serde_json::from_slice(&workshop.bytes("out/best/numbers.json")).unwrap();
    for (own, row) in candidates
        .as_array()
        .unwrap()
        .iter()
        .zip(numbers["rows"].as_array().unwrap())
    {
        let judged = own[0]["validation"][1].as_f64().unwrap();
        let mean = |of: &Value| of["mean"].as_f64().unwrap();
        assert!((judged - mean(&row["validation"][1])).abs() < 1e-9, "{row}");
        assert!((judged - mean(&row["columns"][4])).abs() > 1e-6, "{row}");
    }
    // The command that it ends with trains the best with other seeds, and with nothing else than before.
    let (_, hint) = said.split_once("with other seeds: mct-hfr ").unwrap();
    let others: Vec<&str> = hint.lines().next().unwrap().split(' ').collect();
    let end = ["--seeds", "3,4", "--device", "flex"];
    assert!(others.ends_with(&end), "{others:?}");
    workshop.ok(&others);
    assert_eq!(finished(&workshop, "out").len(), before.len() + 4);
    let report = |text: &str| {
        let report = String::from_utf8(workshop.bytes("out/best/report.md")).unwrap();
        report.contains(text)
    };
    assert!(report(
        "validation sets of folds \\[0\\] (seeds \\[1, 2\\])"
    ));
    assert!(!report("another config"));
    let mut same = others.clone();
    same.extend(["--set", "training.clip_norm=5"]);
    workshop.ok(&same);
    assert!(report("clip\\_norm was 0.0, is 5.0"));
    // Without halving all of them are trained to the end.
    workshop.ok(&[&search[..], &["--rungs", "1"]].concat());
    let text = workshop.bytes("out/space/candidates.json");
    let candidates: Value = serde_json::from_slice(&text).unwrap();
    for own in candidates
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|own| own.as_array().unwrap())
    {
        assert_eq!(own["validation"].as_array().unwrap().len(), 1);
        assert!(own["validation"][0].is_number());
    }
    // One that is lost in a later rung has its place taken by the next best.
    let last_rung = |(id, _): &&(String, std::time::SystemTime)| {
        let config = workshop.bytes(&format!("out/runs/{id}/config.toml"));
        let config = String::from_utf8(config).unwrap();
        config.contains("\nepochs = 3\n") && config.contains("system = \"mct\"")
    };
    let (lost, _) = before.iter().find(last_rung).unwrap();
    std::fs::remove_file(workshop.path(&format!("out/runs/{lost}/predictions.json"))).unwrap();
    workshop.write(
        &format!("out/runs/{lost}/diverged.txt"),
        b"the loss is NaN\n",
    );
    workshop.ok(&search);
    let text = workshop.bytes("out/space/candidates.json");
    let candidates: Value = serde_json::from_slice(&text).unwrap();
    let own = candidates[0].as_array().unwrap().iter();
    let reached = own.map(|own| {
        let validation = own["validation"].as_array().unwrap();
        let scored = validation.iter().all(Value::is_number);
        (own["diverged"].as_bool().unwrap(), scored, validation.len())
    });
    assert_eq!(
        reached.collect::<Vec<_>>(),
        [
            (false, true, 2),
            (false, true, 2),
            (false, true, 1),
            (true, true, 1)
        ]
    );
    // A system of which nothing is drawn would have one candidate, several times.
    workshop.write(
        "space.toml",
        b"systems = [\"mct\", \"mct-hfr\"]\n[common]\n\"training.alpha\" = { among = [0.1, 1.0] }\n",
    );
    workshop.fails(2, &search, &["space.toml", "nothing is drawn of mct:"]);
    workshop.write(
        "space.toml",
        b"systems = [\"mct\"]\n[common]\n\"a\" = { log = [0, 1] }\n",
    );
    workshop.fails(2, &search, &["space.toml", "a: found", "above 0"]);
}

#[test]
fn a_candidate_whose_loss_is_not_finite_is_out() {
    let workshop = workshop();
    let space = "systems = [\"mct\"]\n[common]\n\"training.learning_rate\" = { among = [1e30] }\n";
    workshop.write("space.toml", space.as_bytes());
    let mut search = vec!["search", "space.toml"];
    search.extend(&arguments("grid.toml", "out", &["--seeds", "1"])[2..]);
    search.extend(["--set", "training.epochs=3", "--budget", "3", "--jobs", "2"]);
    let output = workshop.run(&search);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("MCT 1: its loss is not finite"), "{errors}");
    let text = workshop.bytes("out/space/candidates.json");
    let candidates: Value = serde_json::from_slice(&text).unwrap();
    let of = |index: usize| {
        let own = &candidates[0][index];
        let reached = own["validation"].as_array().unwrap().len();
        (own["diverged"].as_bool().unwrap(), reached)
    };
    assert_eq!([of(0), of(1), of(2)], [(false, 2), (true, 0), (true, 0)]);
    // They are not tried again, and where nothing else is left that is an error.
    let before = finished(&workshop, "out");
    workshop.ok(&search);
    assert_eq!(before, finished(&workshop, "out"));
    search.extend(["--set", "training.learning_rate=1e30"]);
    workshop.fails(1, &search, &["the loss of every candidate is not finite"]);
}

#[test]
fn an_experiment_goes_on_with_a_corpus_that_has_moved() {
    let workshop = workshop();
    let short = ["--seeds", "1", "--set", "training.epochs=1"];
    workshop.ok(&arguments("grid.toml", "out", &short));
    let before = finished(&workshop, "out");
    for (id, _) in &before {
        std::fs::remove_file(workshop.path(&format!("out/runs/{id}/predictions.json"))).unwrap();
    }
    std::fs::rename(workshop.path("corpus.safetensors"), workshop.path("moved")).unwrap();
    let mut moved = arguments("grid.toml", "out", &short);
    for argument in &mut moved {
        if *argument == "corpus.safetensors" {
            *argument = "moved";
        }
    }
    workshop.ok(&moved);
    let ids = |runs: &[(String, std::time::SystemTime)]| -> Vec<String> {
        runs.iter().map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(ids(&before), ids(&finished(&workshop, "out")));
}

#[test]
fn what_an_experiment_sets_itself_is_no_setting() {
    let workshop = workshop();
    for (set, says) in [
        ("training.fold=1", "--folds"),
        ("training.seed=4", "--seeds"),
        ("training.strategy=complete", "belongs to the row"),
        ("model.system=mct", "belongs to the row"),
        ("training.protocol=speaker", "--protocol"),
        ("training.loss_weights.imagination=2", "`set` of a row"),
        ("training.also_test_selected=true", "--also-test-selected"),
        ("model.task=regression", "--task"),
    ] {
        let more = ["--set", set];
        workshop.fails(
            2,
            &arguments("grid.toml", "out", &more),
            &[set.split('=').next().unwrap(), says],
        );
    }
    for name in ["fig6", "table4"] {
        workshop.fails(
            2,
            &arguments(name, "out", &["--also-test-selected"]),
            &["--also-test-selected", "nothing is chosen"],
        );
    }
    workshop.write("runs.toml", GRID.as_bytes());
    workshop.fails(
        2,
        &arguments("runs.toml", "out", &SHORT),
        &["folder of all runs"],
    );
}

/// The job script, with a stand-in for `sbatch` that runs the tasks of the array one by one.
#[test]
#[cfg(unix)]
fn the_tasks_of_an_array_job_finish_the_runs() {
    use std::os::unix::fs::PermissionsExt as _;
    let workshop = workshop();
    std::fs::create_dir(workshop.path("bin")).unwrap();
    let sbatch = "#!/bin/sh\nscript=$(mktemp)\ncat > \"$script\"\n\
                  tasks=$(sed -n 's/^#SBATCH --array=1-\\([0-9]*\\)%.*/\\1/p' \"$script\")\n\
                  for task in $(seq \"$tasks\"); do SLURM_ARRAY_TASK_ID=$task sh \"$script\" || exit 1; done\n\
                  echo 17\n";
    workshop.write("bin/sbatch", sbatch.as_bytes());
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(workshop.path("bin/sbatch"), executable).unwrap();
    let mut submit = arguments("grid.toml", "out", &SHORT);
    submit.extend(["--engine", "slurm", "--jobs", "2"]);
    let path = std::env::var("PATH").unwrap();
    let search_path = format!("{}:{path}", workshop.path("bin").display());
    let output = workshop
        .command(&submit)
        .env("PATH", search_path)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "17");
    assert_eq!(finished(&workshop, "out").len(), 4);
    workshop.ok(&arguments("collect grid.toml", "out", &SHORT));
    // Without Slurm the script stays, and the error says so.
    submit.retain(|argument| *argument != "1,2");
    let option = submit.iter().position(|argument| *argument == "--seeds");
    submit.insert(option.unwrap() + 1, "3");
    let output = workshop.command(&submit).env("PATH", "/nowhere").output();
    support::refused(&output.unwrap(), 1, &["no sbatch"], &["sbatch", "slurm.sh"]);
}

#[test]
fn table_4_needs_no_training() {
    let workshop = workshop();
    let found = workshop.ok(&arguments("table4", "out", &[]));
    assert!(found.contains("MCT-HFR") && found.contains("the paper"));
    assert!(workshop.path("out/table4/report.html").exists());
}

#[test]
fn an_invalid_experiment_is_refused_with_a_reason() {
    let workshop = workshop();
    workshop.fails(
        2,
        &arguments("table9", "out", &[]),
        &["table9", "table2", "TOML"],
    );
    let mut other_fold = arguments("grid.toml", "out", &SHORT);
    for argument in &mut other_fold {
        if *argument == "0" {
            *argument = "7";
        }
    }
    workshop.fails(2, &other_fold, &["--folds", "found 7"]);
    workshop.write("bad.toml", GRID.replace("chfn", "chfnn").as_bytes());
    let bad = arguments("bad.toml", "out", &SHORT);
    workshop.fails(1, &bad, &["bad.toml", "chfnn"]);
    workshop.write(
        "key.toml",
        GRID.replace("model.distance", "model.dist").as_bytes(),
    );
    let bad = arguments("key.toml", "out", &SHORT);
    workshop.fails(2, &bad, &["model.dist", "no such key"]);
    workshop.write("empty.toml", b"title = \"\"\nrows = []\nviews = []\n");
    let bad = arguments("empty.toml", "out", &SHORT);
    workshop.fails(1, &bad, &["empty.toml", "0 rows"]);
    assert!(!workshop.path("out/runs").exists());
}
