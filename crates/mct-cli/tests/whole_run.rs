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

/// Runs a command whose standard output nobody reads, as `| head` leaves it; it must succeed all the same.
fn unread(workshop: &Workshop, arguments: &[&str]) {
    let mut child = workshop
        .command(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success(), "{arguments:?}");
}

#[test]
fn a_closed_output_ends_printing_and_nothing_else() {
    let workshop = Workshop::with_corpus();
    unread(&workshop, &small_training("run", &["--json"]));
    workshop.ok(&small_training("whole", &[]));
    for file in RESULT {
        let [run, whole] = ["run", "whole"].map(|run| workshop.bytes(&format!("{run}/{file}")));
        assert!(run == whole, "{file}");
    }
    unread(&workshop, &["evaluate", "run", "--report", "report"]);
    let page = String::from_utf8(workshop.bytes("report/report.html")).unwrap();
    assert!(page.contains("</html>"));
}

/// What was computed is kept though nothing could be printed, and the exit code says that.
#[cfg(target_os = "linux")]
#[test]
fn a_full_output_loses_nothing_but_itself() {
    let workshop = Workshop::with_corpus();
    let full = |arguments: &[&str]| {
        let disk = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = workshop.command(arguments);
        let output = command.stdout(disk).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("standard output: No space left"),
            "{errors}"
        );
    };
    full(&small_training("run", &["--json"]));
    workshop.ok(&small_training("whole", &[]));
    for file in RESULT {
        let [run, whole] = ["run", "whole"].map(|run| workshop.bytes(&format!("{run}/{file}")));
        assert!(run == whole, "{file}");
    }
    full(&["evaluate", "run", "--report", "report"]);
    let page = String::from_utf8(workshop.bytes("report/report.html")).unwrap();
    assert!(page.contains("</html>"));
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_not_read_whole() {
    let workshop = Workshop::with_corpus();
    let made = std::process::Command::new("mkfifo")
        .arg(workshop.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    for config in ["/dev/zero", "pipe"] {
        let mut training = small_training("run", &[]);
        training.extend(["--config", config]);
        let training: Vec<&str> = training
            .into_iter()
            .filter(|word| *word != "--preset" && *word != "demo")
            .collect();
        workshop.fails(
            1,
            &training,
            &[config, "a device or a pipe, expected a file"],
        );
        workshop.fails(1, &["evaluate", config], &[config]);
    }
}

#[test]
fn a_run_from_corpus_to_report() {
    let workshop = Workshop::with_corpus();
    let output = workshop.ok(&small_training("run", &["--json"]));
    let events: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.first().unwrap()["event"], "started");
    assert_eq!(events.last().unwrap()["event"], "finished");
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(count("epoch"), 3);
    assert!(count("step") >= 3 && count("checkpoint") >= 4);
    // The same events are kept.
    assert_eq!(
        String::from_utf8(workshop.bytes("run/events.jsonl"))
            .unwrap()
            .lines()
            .count(),
        events.len()
    );
    let metrics: Value = serde_json::from_slice(&workshop.bytes("run/metrics.json")).unwrap();
    assert_eq!(metrics["finished"], true);
    assert_eq!(metrics["synthetic"], true);
    assert_eq!(metrics["epochs"].as_array().unwrap().len(), 3);

    let rates = "0.0,0.5,0.9";
    let found = workshop.json(&[
        "evaluate",
        "run",
        "--rates",
        rates,
        "--mask-draws",
        "1",
        "--report",
        "report",
        "--json",
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
    // UA is the mean recall of the classes.
    let classes = found["by_class"][0].as_array().unwrap();
    let recalls = classes.iter().map(|class| number(&class["recall"]));
    assert!((recalls.sum::<f64>() / classes.len() as f64 - ua[0]).abs() < 1e-12);
    let of_side = |side: &str, draws: &str| {
        workshop.json(&[
            "evaluate",
            "run",
            "--rates",
            rates,
            "--side",
            side,
            "--mask-draws",
            draws,
            "--json",
        ])
    };
    assert_eq!(found["validation"]["ua"], of_side("validation", "1")["ua"]);
    // The test set has one speaker, of whom nothing follows for others.
    assert!(found["intervals"].is_null());
    let all = of_side("all", "5");
    assert_eq!(all["intervals"]["clusters"], 10);
    assert_eq!(all["intervals"]["of_speakers"], true);
    assert_eq!(all["intervals"]["mask_draws"], 5);
    let holds = |interval: &Value, score: &Value| {
        let [low, high, score] = [&interval[0], &interval[1], score].map(number);
        assert!(low < score && score < high && high - low < 0.5, "{all}");
    };
    for rate in 0..3 {
        holds(&all["intervals"]["rates"]["ua"][rate], &all["ua"][rate]);
    }
    holds(&all["intervals"]["auilc"]["ua"], &all["auilc"]["ua"]);
    // The limit over the same utterances and masks, by the other command.
    let limit = workshop.json(&[
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
    for key in ["ece", "nll"] {
        let of_posterior: Vec<f64> = limit[key].as_array().unwrap().iter().map(number).collect();
        let of_model = found["calibration"][key].as_array().unwrap();
        let better = of_posterior
            .iter()
            .zip(of_model)
            .filter(|(a, b)| **a < number(b));
        // Of a small sample the posterior can be a little off too.
        assert!(
            better.count() >= if key == "nll" { 3 } else { 2 },
            "{key}: {found}"
        );
    }
    // Of several draws of the missing steps the limit is the mean, as the model's scores are.
    let pooled = workshop.json(&[
        "evaluate",
        "run",
        "--rates",
        rates,
        "--mask-draws",
        "2",
        "--json",
    ]);
    let of_seed = |seed: &str| {
        let arguments = [
            "corpus",
            "limit",
            "corpus.safetensors",
            "--fold",
            "0",
            "--rates",
            rates,
            "--mask-seed",
            seed,
            "--json",
        ];
        workshop.json(&arguments)
    };
    let draws = [of_seed("1"), of_seed("2")];
    for rate in 0..3 {
        let mean = (number(&draws[0]["ua"][rate]) + number(&draws[1]["ua"][rate])) / 2.0;
        let found = number(&pooled["limit"]["ua"][rate]);
        assert!((found - mean).abs() < 1e-12, "{found} {mean}");
    }
    assert_ne!(draws[0]["nll"][1], draws[1]["nll"][1]);
    // Fitted on the validation set, which is why it cannot be scored so.
    assert!(found["calibration"]["fitted"].is_null());
    let calibrated = workshop.json(&[
        "evaluate",
        "run",
        "--rates",
        rates,
        "--mask-draws",
        "1",
        "--calibrate",
        "--json",
    ]);
    assert_eq!(calibrated["ua"], found["ua"]);
    let fitted = &calibrated["calibration"]["fitted"];
    let of_posterior = &calibrated["limit"]["fitted"]["coverage"];
    assert_eq!(
        of_posterior.as_array().unwrap().len(),
        found["ua"].as_array().unwrap().len()
    );
    assert!(number(&fitted["temperatures"][0]) > 0.0);
    for rate in 0..3 {
        let coverage = number(&fitted["coverage"][rate]);
        assert!((0.7..=1.0).contains(&coverage), "{fitted}");
        let size = number(&fitted["set_size"][rate]);
        assert!((1.0..=4.0).contains(&size), "{fitted}");
    }
    workshop.fails(
        2,
        &["evaluate", "run", "--side", "validation", "--calibrate"],
        &["--calibrate", "--side test"],
    );
    let page = String::from_utf8(workshop.bytes("report/report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Synthetic data"));
    for figure in [
        "curves",
        "confusion-0",
        "confusion-0.5",
        "reliability-0.5",
        "training",
    ] {
        let svg = String::from_utf8(workshop.bytes(&format!("report/{figure}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{figure}"
        );
    }
    // Five draws of the missing steps, unless another number is asked for; what an interval does not hold is said.
    for (draws, says) in [
        (
            &[][..],
            "over the 10 speakers and 5 draws of the missing steps; how much training varies",
        ),
        (
            &["--mask-draws", "1"],
            "over the 10 speakers; how much the draw of the missing steps and training vary",
        ),
    ] {
        let all = ["evaluate", "run", "--side", "all", "--rates", "0,0.5"];
        let text = workshop.ok(&[&all, draws].concat());
        assert!(text.contains(says) && text.contains("95 % of UA"), "{text}");
    }
    let table = workshop.ok(&["evaluate", "run", "--rates", rates]);
    assert!(
        table.contains("limit UA") && table.contains("synthetic"),
        "{table}"
    );

    // Another run of the same seed, with other threads, is the same run.
    let mut again = workshop.command(&small_training("again", &[]));
    assert!(
        again
            .env("RAYON_NUM_THREADS", "1")
            .status()
            .unwrap()
            .success()
    );
    let mut more = workshop.command(&small_training("more", &[]));
    assert!(
        more.env("RAYON_NUM_THREADS", "5")
            .status()
            .unwrap()
            .success()
    );
    for file in RESULT {
        let expected = workshop.bytes(&format!("run/{file}"));
        assert!(
            workshop.bytes(&format!("again/{file}")) == expected,
            "{file}, 1 thread"
        );
        assert!(
            workshop.bytes(&format!("more/{file}")) == expected,
            "{file}, 5 threads"
        );
    }
    // The config that the run wrote reproduces it.
    workshop.ok(&[
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
        workshop.bytes("copy/checkpoints/last.safetensors")
            == workshop.bytes("run/checkpoints/last.safetensors")
    );
    // Runs are pooled.
    let pooled = workshop.json(&["evaluate", "run", "again", "--rates", "0.0", "--json"]);
    assert_eq!(
        pooled["utterances"].as_u64(),
        found["utterances"].as_u64().map(|n| 2 * n)
    );
    assert_eq!(pooled["ua"][0], found["ua"][0]);
}

/// `predictions.json` of the run `name`, without its checksum.
fn kept(workshop: &Workshop, name: &str) -> Value {
    let bytes = workshop.bytes(&format!("{name}/predictions.json"));
    let mut file: Value = serde_json::from_slice(&bytes).unwrap();
    file["predictions"].take()
}

#[test]
fn a_finished_training_keeps_what_its_best_model_predicts() {
    let workshop = Workshop::with_corpus();
    let output = workshop.run(&small_training("run", &[]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let predictions = kept(&workshop, "run");
    assert_eq!(predictions["epochs"], 3);
    assert!(predictions["training_seconds"].as_f64().unwrap() > 0.0);

    // Both sides, at each rate, in each of five draws: what `evaluate` finds of them anew.
    for side in ["validation", "test"] {
        let found = workshop.json(&["evaluate", "run", "--side", side, "--json"]);
        let own = &predictions[side];
        assert_eq!(
            own["utterances"].as_array().unwrap().len(),
            found["utterances"]
        );
        assert_eq!(own["draws"].as_array().unwrap().len(), 5);
        assert_eq!(own["draws"][4].as_array().unwrap().len(), 10);
        if side == "validation" {
            let number = |value: &Value| value.as_f64().unwrap();
            for (rate, ua) in
                (found["rates"].as_array().unwrap().iter()).zip(found["ua"].as_array().unwrap())
            {
                let text = format!("{:.3} at {}", number(ua), number(rate));
                assert!(said.contains(&text), "`{said}` lacks `{text}`");
            }
            let area = format!("AUILC {:.3}", number(&found["auilc"]["ua"]));
            assert!(said.contains(&area), "`{said}` lacks `{area}`");
        }
    }

    // Those of the epoch that the test set would choose too, which exported weights are not.
    let both = ["--set", "training.also_test_selected=true"];
    workshop.ok(&small_training("both", &both));
    assert!(kept(&workshop, "both")["test_selected"].is_object());
    workshop.ok(&["weights", "export", "both", "--out", "w.safetensors"]);
    let import = ["weights", "import", "w.safetensors", "--out", "back"];
    workshop.ok(&[&import[..], &["--corpus", "corpus.safetensors"]].concat());
    workshop.ok(&["resume", "back"]);
    assert!(kept(&workshop, "back")["test_selected"].is_null());

    // Where they were lost, or the training was ended before them, `resume` makes the same again.
    std::fs::remove_file(workshop.path("run/predictions.json")).unwrap();
    workshop.ok(&["resume", "run"]);
    let again = kept(&workshop, "run");
    for key in ["validation", "test", "fold", "rates", "epochs"] {
        assert_eq!(again[key], predictions[key], "{key}");
    }
    // A training that goes on has others in the end, also one that had stopped early of as many epochs.
    workshop.ok(&["resume", "run", "--epochs", "4"]);
    assert_eq!(kept(&workshop, "run")["epochs"], 4);
    workshop.ok(&small_training(
        "early",
        &[
            "--epochs",
            "9",
            "--set",
            "training.patience=1",
            "--set",
            "training.learning_rate=0.05",
        ],
    ));
    let stopped = kept(&workshop, "early")["epochs"].as_u64().unwrap();
    assert!(stopped < 9, "it is to stop early: {stopped}");
    workshop.ok(&["resume", "early", "--epochs", "9"]);
    assert_eq!(kept(&workshop, "early")["epochs"], 9);
}

/// Probabilities by utterance.
fn probabilities(output: &Value) -> Vec<f64> {
    let utterances = output["utterances"].as_array().unwrap().iter();
    let rows = utterances.flat_map(|utterance| utterance["probabilities"].as_array().unwrap());
    rows.map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn predictions_do_not_depend_on_the_batch_and_weights_travel() {
    let workshop = Workshop::with_corpus();
    workshop.ok(&small_training("run", &["--epochs", "1"]));
    let predict = |source: &str, more: &[&str]| {
        let mut arguments = vec![
            "predict",
            source,
            "--corpus",
            "corpus.safetensors",
            "--json",
        ];
        arguments.extend(more);
        probabilities(&workshop.json(&arguments))
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
        workshop.json(&[
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
    workshop.ok(&["weights", "export", "run", "--out", "w32.safetensors"]);
    workshop.ok(&[
        "weights",
        "export",
        "run",
        "--out",
        "w16.safetensors",
        "--precision",
        "f16",
    ]);
    assert!(
        workshop.bytes("w16.safetensors").len() * 10 < workshop.bytes("w32.safetensors").len() * 6
    );
    close(&predict("w32.safetensors", &[]), &exact, 0.0);
    close(&predict("w16.safetensors", &[]), &exact, 5e-3);
    workshop.ok(&[
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
    workshop.ok(&["resume", "back"]);
    close(&predict("back", &[]), &exact, 0.0);
    // In a run of another corpus nobody would know what they were trained on.
    let demo = [
        "corpus", "demo", "--seed", "9", "--scale", "0.02", "--out", "other",
    ];
    workshop.ok(&demo);
    let import = [
        "weights",
        "import",
        "w32.safetensors",
        "--corpus",
        "other",
        "--out",
        "no",
    ];
    workshop.fails(
        1,
        &import,
        &["other", "SHA-256", "mct-hfr evaluate w32.safetensors"],
    );
    assert!(!workshop.path("no").exists());
    workshop.ok(&small_training(
        "warm",
        &["--weights", "w32.safetensors", "--epochs", "1"],
    ));
    // Its config reproduces it; by `--set` it is the same.
    let by_config = |out| {
        let mut all = small_training(out, &["--config", "warm/config.toml", "--epochs", "1"]);
        all.retain(|argument| !["--preset", "demo"].contains(argument));
        all
    };
    workshop.ok(&by_config("again"));
    let set = ["--set", "training.weights=w32.safetensors", "--epochs", "1"];
    workshop.ok(&small_training("set", &set));
    let last = |run: &str| workshop.bytes(&format!("{run}/checkpoints/last.safetensors"));
    assert!(last("warm") == last("again") && last("warm") == last("set"));
    workshop.write("w32.safetensors", b"other");
    workshop.fails(1, &by_config("never"), &["w32.safetensors", "SHA-256"]);
    // As a table.
    let table = workshop.ok(&["predict", "run"]);
    assert_eq!(table.lines().count(), 1 + exact.len() / 4);
    assert!(table.starts_with("id\tlabel\tpredicted\tangry\t"));
}

/// A run that is killed at various moments and resumed ends as an uninterrupted one.
#[test]
fn a_killed_run_resumes_bit_for_bit() {
    let workshop = Workshop::with_corpus();
    let epochs = ["--epochs", "6"];
    let start = Instant::now();
    workshop.ok(&small_training("whole", &epochs));
    let whole = start.elapsed();
    let mut kills = 0;
    for (round, share) in [0.02, 0.15, 0.3, 0.45, 0.6, 0.8].into_iter().enumerate() {
        let first = round == 0;
        let mut command = if first {
            workshop.command(&small_training("killed", &epochs))
        } else {
            workshop.command(&["resume", "killed"])
        };
        if !workshop.path("killed/config.toml").exists() && !first {
            command = workshop.command(&small_training("killed", &epochs));
        }
        let mut process = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(share));
        process.kill().unwrap();
        kills += usize::from(!process.wait().unwrap().success());
        let leftover = workshop.path("killed/checkpoints/last.safetensors");
        assert!(
            !leftover.exists()
                || workshop
                    .run(&["evaluate", "killed", "--rates", "0.0", "--json"])
                    .status
                    .code()
                    != Some(101)
        );
    }
    assert!(kills >= 3, "only {kills} kills hit the process");
    workshop.ok(&["resume", "killed"]);
    for file in RESULT {
        let same =
            workshop.bytes(&format!("killed/{file}")) == workshop.bytes(&format!("whole/{file}"));
        assert!(same, "{file} differs after {kills} kills");
    }
    for line in String::from_utf8(workshop.bytes("killed/events.jsonl"))
        .unwrap()
        .lines()
    {
        serde_json::from_str::<Value>(line).unwrap();
    }
    let files = support::listing(&workshop.path("killed/checkpoints"));
    assert_eq!(files, ["best.safetensors", "last.safetensors"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_the_step_and_resume_continues() {
    let workshop = Workshop::with_corpus();
    let epochs = ["--epochs", "40", "--set", "training.patience=40"];
    workshop.ok(&small_training("whole", &epochs));
    let process = workshop
        .command(&small_training("stopped", &epochs))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while !workshop
        .path("stopped/checkpoints/last.safetensors")
        .exists()
    {
        assert!(begin.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = process.id().to_string();
    // Those that ask a process to end lose nothing, however often they come.
    for signal in ["-INT", "-TERM", "-HUP", "-TERM"] {
        let killed = std::process::Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap();
        assert!(killed.success());
    }
    let output = process.wait_with_output().unwrap();
    support::refused(
        &output,
        130,
        &["Ctrl-C"],
        &["stopping", "mct-hfr resume stopped"],
    );
    let metrics: Value = serde_json::from_slice(&workshop.bytes("stopped/metrics.json")).unwrap();
    assert_eq!(metrics["finished"], false);
    workshop.ok(&["resume", "stopped"]);
    for file in RESULT {
        assert!(
            workshop.bytes(&format!("stopped/{file}")) == workshop.bytes(&format!("whole/{file}")),
            "{file}"
        );
    }
}

#[test]
fn the_demo_corpus_is_the_same_everywhere() {
    let workshop = Workshop::new();
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
        workshop.ok(&[
            "corpus", "demo", "--out", name, "--scale", "0.05", "--seed", seed,
        ]);
    }
    assert!(workshop.bytes("a") == workshop.bytes("b"));
    assert!(workshop.bytes("a") != workshop.bytes("c"));
    let info = workshop.json(&["corpus", "info", "a", "--json"]);
    assert_eq!(info["synthetic"], true);
    assert_eq!(info["classes"].as_array().unwrap().len(), 4);
    assert_eq!(info["sessions"].as_array().unwrap().len(), 5);
    assert_eq!(info["modalities"].as_array().unwrap().len(), 3);
    assert!(
        workshop
            .ok(&["corpus", "info", "a"])
            .contains("(synthetic)")
    );
    assert!(
        workshop
            .ok(&["corpus", "check", "a"])
            .contains("nothing is wrong")
    );
}

#[test]
fn complexity_has_the_papers_counts() {
    let workshop = Workshop::new();
    let counts = workshop.json(&["complexity", "--preset", "table4", "--json"]);
    assert_eq!(counts["layer"]["parameters"], 594_816);
    assert_eq!(counts["layer"]["thop_parameters"], 446_208);
    assert_eq!(counts["inference"]["thop_parameters"], 2_410_116);
    assert!(workshop.ok(&["complexity"]).contains("one layer"));
}

#[test]
fn the_cpu_is_a_device_and_auto_is_no_software_rasteriser() {
    let workshop = Workshop::new();
    let listed = workshop.json(&["devices", "--json"]);
    let devices = listed.as_array().unwrap();
    assert!(devices.iter().any(|device| device["name"] == "flex"));
    let auto: Vec<&Value> = devices
        .iter()
        .filter(|device| device["auto"] == true)
        .collect();
    assert_eq!(auto.len(), 1);
    assert_ne!(auto[0]["name"], "software");
}

#[test]
fn the_demo_writes_a_report_and_resumes_where_it_stopped() {
    let workshop = Workshop::new();
    let demo = [
        "demo", "--out", "d", "--scale", "0.02", "--epochs", "2", "--device", "flex",
    ];
    let table = workshop.ok(&demo);
    assert!(
        table.contains("limit UA") && table.contains("AUILC"),
        "{table}"
    );
    let checkpoint = workshop.bytes("d/run/checkpoints/last.safetensors");
    assert!(workshop.path("d/report/report.html").exists());
    // The second time it is only scored.
    assert_eq!(workshop.ok(&demo), table);
    assert!(workshop.bytes("d/run/checkpoints/last.safetensors") == checkpoint);
    // Asked for in another way, it is not taken for the same.
    for (change, says) in [
        (["--seed", "2"], "a demo of seed 1 and 2 epochs"),
        (["--epochs", "3"], "a demo of seed 1 and 2 epochs"),
        (["--scale", "0.03"], "a demo of another size"),
    ] {
        workshop.fails(
            2,
            &[&demo[..], &change].concat(),
            &["d already holds", says],
        );
    }
    assert!(workshop.bytes("d/run/checkpoints/last.safetensors") == checkpoint);
}

#[test]
fn the_content_process_is_a_corpus_with_a_limit() {
    let workshop = Workshop::with_corpus();
    let of = |words: &str| -> Vec<String> { words.split(' ').map(str::to_owned).collect() };
    let ok = |words: &str| {
        let words = of(words);
        workshop.ok(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    ok("corpus demo --process content --scale 0.02 --out content.safetensors");
    assert!(ok("corpus info content.safetensors").contains("Synthetic content corpus"));
    let limit = ok("corpus limit content.safetensors --rates 0.0,0.9 --json");
    let limit: Value = serde_json::from_str(&limit).unwrap();
    let ua = |rate: usize| limit["ua"][rate].as_f64().unwrap();
    assert!(ua(0) > 0.8 && ua(0) > ua(1) && ua(1) > 0.3, "{limit}");
    let wrong = of("corpus demo --process contents --out other.safetensors");
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    workshop.fails(2, &wrong, &["contents", "content"]);
}
