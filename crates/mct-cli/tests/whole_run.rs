//! The binary from corpus to report.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{RESULT, Workshop, small_training};

#[test]
fn a_run_from_corpus_to_report() {
    let at = Workshop::with_corpus();
    let events = at.ok(&small_training("run", &["--json"]));
    let events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.first().unwrap()["event"], "started");
    assert_eq!(events.last().unwrap()["event"], "finished");
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(of("epoch"), 3);
    assert!(of("step") >= 3 && of("checkpoint") >= 4);
    // The same events are kept.
    assert_eq!(
        String::from_utf8(at.bytes("run/events.jsonl"))
            .unwrap()
            .lines()
            .count(),
        events.len()
    );
    let metrics: Value = serde_json::from_slice(&at.bytes("run/metrics.json")).unwrap();
    assert_eq!(metrics["finished"], true);
    assert_eq!(metrics["synthetic"], true);
    assert_eq!(metrics["epochs"].as_array().unwrap().len(), 3);

    let rates = "0.0,0.5,0.9";
    let found = at.json(&[
        "evaluate", "run", "--rates", rates, "--report", "report", "--json",
    ]);
    for key in ["rates", "ua", "wa", "uf1", "wf1", "confusion"] {
        assert_eq!(found[key].as_array().unwrap().len(), 3, "{key}");
    }
    let number = |value: &Value| value.as_f64().unwrap();
    let ua: Vec<f64> = found["ua"].as_array().unwrap().iter().map(number).collect();
    let area = (ua[0] + ua[1]) / 2.0 * 0.5 + (ua[1] + ua[2]) / 2.0 * 0.4;
    assert!((number(&found["auilc"]["ua"]) - area).abs() < 1e-12);
    for key in ["ua", "wa", "uf1", "wf1"] {
        assert!(number(&found["auilc"][key]) > 0.0, "{key}");
    }
    let counted: u64 = found["confusion"][0]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(counted, found["utterances"].as_u64().unwrap());
    // The limit over the same utterances and masks, by the other command.
    let limit = at.json(&[
        "corpus",
        "limit",
        "corpus.safetensors",
        "--fold",
        "0",
        "--rates",
        rates,
        "--json",
    ]);
    for key in ["rates", "accuracy", "ua"] {
        assert_eq!(limit[key].as_array().unwrap().len(), 3, "{key}");
        assert_eq!(limit[key], found["limit"][key], "{key}");
    }
    let page = String::from_utf8(at.bytes("report/report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Synthetic data"));
    for figure in ["curves", "confusion-0", "confusion-0.5", "training"] {
        let svg = String::from_utf8(at.bytes(&format!("report/{figure}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{figure}"
        );
    }
    let table = at.ok(&["evaluate", "run", "--rates", rates]);
    assert!(
        table.contains("limit UA") && table.contains("synthetic"),
        "{table}"
    );

    // Another run of the same seed, with other threads, is the same run.
    let mut again = at.command(&small_training("again", &[]));
    assert!(
        again
            .env("RAYON_NUM_THREADS", "1")
            .status()
            .unwrap()
            .success()
    );
    let mut more = at.command(&small_training("more", &[]));
    assert!(
        more.env("RAYON_NUM_THREADS", "5")
            .status()
            .unwrap()
            .success()
    );
    for file in RESULT {
        let expected = at.bytes(&format!("run/{file}"));
        assert!(
            at.bytes(&format!("again/{file}")) == expected,
            "{file}, 1 thread"
        );
        assert!(
            at.bytes(&format!("more/{file}")) == expected,
            "{file}, 5 threads"
        );
    }
    // The config that the run wrote reproduces it.
    at.ok(&[
        "train",
        "--corpus",
        "corpus.safetensors",
        "--out",
        "copy",
        "--config",
        "run/config.toml",
        "--device",
        "flex",
    ]);
    assert!(
        at.bytes("copy/checkpoints/last.safetensors")
            == at.bytes("run/checkpoints/last.safetensors")
    );
    // Runs are pooled.
    let pooled = at.json(&["evaluate", "run", "again", "--rates", "0.0", "--json"]);
    assert_eq!(
        pooled["utterances"].as_u64(),
        found["utterances"].as_u64().map(|n| 2 * n)
    );
    assert_eq!(pooled["ua"][0], found["ua"][0]);
}

/// Probabilities by utterance.
fn probabilities(output: &Value) -> Vec<f64> {
    let utterances = output["utterances"].as_array().unwrap().iter();
    let rows = utterances.flat_map(|utterance| utterance["probabilities"].as_array().unwrap());
    rows.map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn predictions_do_not_depend_on_the_batch_and_weights_travel() {
    let at = Workshop::with_corpus();
    at.ok(&small_training("run", &["--epochs", "1"]));
    let predict = |source: &str, more: &[&str]| {
        let mut arguments = vec![
            "predict",
            source,
            "--corpus",
            "corpus.safetensors",
            "--json",
        ];
        arguments.extend(more);
        probabilities(&at.json(&arguments))
    };
    let close = |a: &[f64], b: &[f64], most: f64| {
        assert_eq!(a.len(), b.len());
        let worst = a
            .iter()
            .zip(b)
            .fold(0.0f64, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(worst <= most, "{worst}");
    };
    let one = predict("run", &["--batch-size", "1", "--missing-rate", "0.3"]);
    for size in ["3", "64", "1000"] {
        close(
            &predict("run", &["--batch-size", size, "--missing-rate", "0.3"]),
            &one,
            1e-5,
        );
    }
    let scores = |size: &str| {
        at.json(&[
            "evaluate",
            "run",
            "--rates",
            "0.0,0.4",
            "--batch-size",
            size,
            "--json",
        ])
    };
    assert_eq!(scores("1")["confusion"], scores("64")["confusion"]);

    let exact = predict("run", &[]);
    at.ok(&["weights", "export", "run", "--out", "w32.safetensors"]);
    at.ok(&[
        "weights",
        "export",
        "run",
        "--out",
        "w16.safetensors",
        "--precision",
        "f16",
    ]);
    assert!(at.bytes("w16.safetensors").len() * 10 < at.bytes("w32.safetensors").len() * 6);
    close(&predict("w32.safetensors", &[]), &exact, 0.0);
    close(&predict("w16.safetensors", &[]), &exact, 5e-3);
    at.ok(&[
        "weights",
        "import",
        "w32.safetensors",
        "--corpus",
        "corpus.safetensors",
        "--out",
        "back",
    ]);
    close(&predict("back", &[]), &exact, 0.0);
    // There is nothing to resume, and nothing is lost by trying.
    at.ok(&["resume", "back"]);
    close(&predict("back", &[]), &exact, 0.0);
    at.ok(&small_training(
        "warm",
        &["--weights", "w32.safetensors", "--epochs", "1"],
    ));
    // As a table.
    let table = at.ok(&["predict", "run"]);
    assert_eq!(table.lines().count(), 1 + exact.len() / 4);
    assert!(table.starts_with("id\tlabel\tpredicted\tangry\t"));
}

/// Resumed after kills at all kinds of moments, a run ends as the one that was left alone.
#[test]
fn a_killed_run_resumes_bit_for_bit() {
    let at = Workshop::with_corpus();
    let epochs = ["--epochs", "6"];
    let start = Instant::now();
    at.ok(&small_training("whole", &epochs));
    let whole = start.elapsed();
    let mut kills = 0;
    for (round, share) in [0.02, 0.15, 0.3, 0.45, 0.6, 0.8].into_iter().enumerate() {
        let first = round == 0;
        let mut command = if first {
            at.command(&small_training("killed", &epochs))
        } else {
            at.command(&["resume", "killed"])
        };
        if !at.path("killed/config.toml").exists() && !first {
            command = at.command(&small_training("killed", &epochs));
        }
        let mut process = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(share));
        process.kill().unwrap();
        kills += usize::from(!process.wait().unwrap().success());
        let leftover = at.path("killed/checkpoints/last.safetensors");
        assert!(
            !leftover.exists()
                || at
                    .run(&["evaluate", "killed", "--rates", "0.0", "--json"])
                    .status
                    .code()
                    != Some(101)
        );
    }
    assert!(kills >= 3, "only {kills} kills hit the process");
    at.ok(&["resume", "killed"]);
    for file in RESULT {
        let same = at.bytes(&format!("killed/{file}")) == at.bytes(&format!("whole/{file}"));
        assert!(same, "{file} differs after {kills} kills");
    }
    for line in String::from_utf8(at.bytes("killed/events.jsonl"))
        .unwrap()
        .lines()
    {
        serde_json::from_str::<Value>(line).unwrap();
    }
    let rest = support::listing(&at.path("killed/checkpoints"));
    assert_eq!(rest, ["best.safetensors", "last.safetensors"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_the_step_and_resume_goes_on() {
    let at = Workshop::with_corpus();
    let epochs = ["--epochs", "40", "--set", "training.patience=40"];
    at.ok(&small_training("whole", &epochs));
    let process = at
        .command(&small_training("stopped", &epochs))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while !at.path("stopped/checkpoints/last.safetensors").exists() {
        assert!(begin.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = process.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = process.wait_with_output().unwrap();
    support::refused(
        &output,
        130,
        &["Ctrl-C"],
        &["stopping", "mct-hfr resume stopped"],
    );
    let metrics: Value = serde_json::from_slice(&at.bytes("stopped/metrics.json")).unwrap();
    assert_eq!(metrics["finished"], false);
    at.ok(&["resume", "stopped"]);
    for file in RESULT {
        assert!(
            at.bytes(&format!("stopped/{file}")) == at.bytes(&format!("whole/{file}")),
            "{file}"
        );
    }
}

#[test]
fn the_demo_corpus_is_the_same_everywhere() {
    let at = Workshop::new();
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
        at.ok(&[
            "corpus", "demo", "--out", name, "--scale", "0.05", "--seed", seed,
        ]);
    }
    assert!(at.bytes("a") == at.bytes("b"));
    assert!(at.bytes("a") != at.bytes("c"));
    let info = at.json(&["corpus", "info", "a", "--json"]);
    assert_eq!(info["synthetic"], true);
    assert_eq!(info["classes"].as_array().unwrap().len(), 4);
    assert_eq!(info["sessions"].as_array().unwrap().len(), 5);
    assert_eq!(info["modalities"].as_array().unwrap().len(), 3);
    assert!(at.ok(&["corpus", "info", "a"]).contains("(synthetic)"));
    assert!(
        at.ok(&["corpus", "check", "a"])
            .contains("nothing is wrong")
    );
}

#[test]
fn complexity_has_the_papers_counts() {
    let at = Workshop::new();
    let counts = at.json(&["complexity", "--preset", "table4", "--json"]);
    assert_eq!(counts["layer"]["parameters"], 594_816);
    assert_eq!(counts["layer"]["thop_parameters"], 446_208);
    assert_eq!(counts["inference"]["thop_parameters"], 2_410_116);
    assert!(at.ok(&["complexity"]).contains("one layer"));
}

#[test]
fn the_cpu_is_a_device_and_auto_is_no_software_rasteriser() {
    let at = Workshop::new();
    let devices = at.json(&["devices", "--json"]);
    let devices = devices.as_array().unwrap();
    assert!(devices.iter().any(|device| device["name"] == "flex"));
    let auto: Vec<&Value> = devices
        .iter()
        .filter(|device| device["auto"] == true)
        .collect();
    assert_eq!(auto.len(), 1);
    assert_ne!(auto[0]["name"], "software");
}

#[test]
fn the_demo_writes_a_report_and_goes_on_where_it_stopped() {
    let at = Workshop::new();
    let demo = [
        "demo", "--out", "d", "--scale", "0.02", "--epochs", "2", "--device", "flex",
    ];
    let table = at.ok(&demo);
    assert!(
        table.contains("limit UA") && table.contains("AUILC"),
        "{table}"
    );
    let checkpoint = at.bytes("d/run/checkpoints/last.safetensors");
    assert!(at.path("d/report/report.html").exists());
    // The second time it is only scored.
    assert_eq!(at.ok(&demo), table);
    assert!(at.bytes("d/run/checkpoints/last.safetensors") == checkpoint);
}
