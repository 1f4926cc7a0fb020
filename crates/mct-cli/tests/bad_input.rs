//! Bad input: a clear error, exit code 2 for usage errors and 1 for all others, no partial files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use support::{Workshop, refused, small_training};

#[test]
fn usage_errors_exit_with_2() {
    let workshop = Workshop::with_corpus();
    workshop.ok(&small_training("run", &["--epochs", "1"]));
    let train = |more: &[&'static str]| small_training("new", more);
    let cases: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (vec!["trian"], vec!["unrecognized"]),
        (vec!["train"], vec!["--corpus"]),
        (
            train(&["--missing-rate", "1.5"]),
            vec!["1.5", "from 0 to 1"],
        ),
        (train(&["--missing-rate", "nan"]), vec!["nan"]),
        (train(&["--system", "mcd"]), vec!["mcd", "mct-hfr"]),
        (train(&["--strategy", "none"]), vec!["none", "dynamic"]),
        (
            train(&["--set", "training.epoch=3"]),
            vec!["training.epoch", "no such key"],
        ),
        (
            train(&["--set", "training.epochs=many"]),
            vec!["training.epochs", "many"],
        ),
        (train(&["--set", "model.d=15"]), vec!["model.d", "15"]),
        (train(&["--set", "training.epochs"]), vec!["KEY=VALUE"]),
        (
            train(&["--set", "model.modality.audio.kernel=2"]),
            vec!["kernel", "odd"],
        ),
        (
            train(&["--epochs", "0"]),
            vec!["training.epochs", "found 0"],
        ),
        (
            vec!["evaluate", "run", "--rates", "0.0,1.1"],
            vec!["1.1", "from 0 to 1"],
        ),
        (
            vec!["evaluate", "run", "--rates", "0.5,0.1"],
            vec!["ascending"],
        ),
        (vec!["evaluate", "run", "--rates", "0.1,0.1"], vec!["once"]),
        (
            vec!["evaluate", "run", "--missing", "smell=0.1"],
            vec!["smell", "audio"],
        ),
        (
            vec!["evaluate", "run", "--burst", "0.5"],
            vec!["burst", "0.5"],
        ),
        (vec!["evaluate", "run", "--batch-size", "0"], vec!["batch"]),
        (
            vec!["evaluate", "run", "--device", "abacus"],
            vec!["abacus", "flex"],
        ),
        (
            vec!["corpus", "demo", "--out", "x", "--scale", "0"],
            vec!["scale", "found 0"],
        ),
        (
            vec!["corpus", "import", "x", "--from", "csv", "--out", "y"],
            vec!["csv"],
        ),
        // A run is never overwritten.
        (
            small_training("run", &[]),
            vec!["already holds a run", "resume"],
        ),
    ];
    let before = workshop.listing();
    for (arguments, says) in cases {
        workshop.fails(2, &arguments, &says);
        assert_eq!(
            workshop.listing(),
            before,
            "{arguments:?} left something behind"
        );
    }
}

#[test]
fn invalid_files_exit_with_1() {
    let workshop = Workshop::with_corpus();
    workshop.ok(&small_training("run", &["--epochs", "1"]));
    let good = workshop.bytes("corpus.safetensors");
    workshop.write("truncated.safetensors", &good[..good.len() / 2]);
    workshop.write("empty", b"");
    workshop.write("noise", &[0xA5; 4096]);
    let mut huge = vec![0xFF; 8];
    huge.extend([0; 100]);
    workshop.write("huge", &huge);
    for file in ["truncated.safetensors", "empty", "noise", "huge", "absent"] {
        for arguments in [
            vec!["corpus", "info", file],
            vec!["corpus", "check", file],
            vec!["corpus", "limit", file],
            vec!["train", "--corpus", file, "--out", "new"],
            vec!["predict", "run", "--corpus", file],
        ] {
            // `check` prints its findings.
            let named = arguments[1] != "check" || file == "absent";
            let says: Vec<&str> = named.then_some(file).into_iter().collect();
            workshop.fails(1, &arguments, &says);
        }
    }
    assert!(!workshop.path("new").exists());
    for format in ["npz", "mmsa", "mult"] {
        for file in ["corpus.safetensors", "empty", "noise", "absent"] {
            workshop.fails(
                1,
                &[
                    "corpus", "import", file, "--from", format, "--out", "imported",
                ],
                &[file],
            );
            assert!(!workshop.path("imported").exists());
        }
    }
    // Checkpoints.
    let best = workshop.bytes("run/checkpoints/best.safetensors");
    workshop.write("w.truncated", &best[..best.len() - 3]);
    let mut flipped = best.clone();
    let middle = flipped.len() * 3 / 4;
    flipped[middle] ^= 1;
    workshop.write("w.flipped", &flipped);
    for (file, says) in [
        ("w.truncated", "complete"),
        ("w.flipped", "SHA-256"),
        ("corpus.safetensors", "checkpoint"),
        ("noise", "complete"),
    ] {
        workshop.fails(
            1,
            &["predict", file, "--corpus", "corpus.safetensors"],
            &[file, says],
        );
        workshop.fails(
            1,
            &[
                "weights",
                "import",
                file,
                "--corpus",
                "corpus.safetensors",
                "--out",
                "new",
            ],
            &[file],
        );
    }
    assert!(!workshop.path("new").exists());
    workshop.fails(1, &["resume", "absent"], &["absent"]);
    workshop.fails(
        1,
        &[
            "evaluate",
            "corpus.safetensors",
            "--corpus",
            "corpus.safetensors",
        ],
        &["checkpoint"],
    );
    // Configs.
    let config = String::from_utf8(workshop.bytes("run/config.toml")).unwrap();
    for (name, text, says) in [
        ("syntax.toml", "model = [", "syntax.toml"),
        (
            "unknown.toml",
            &*config.replace("d = 16", "d = 16\ncolour = 3"),
            "colour",
        ),
        (
            "type.toml",
            &*config.replace("d = 16", "d = \"wide\""),
            "wide",
        ),
        ("range.toml", &*config.replace("d = 16", "d = 0"), "model.d"),
        ("lacks.toml", &*config.replace("d = 16", ""), "d"),
    ] {
        workshop.write(name, text.as_bytes());
        let arguments = [
            "train",
            "--corpus",
            "corpus.safetensors",
            "--out",
            "new",
            "--config",
            name,
        ];
        workshop.fails(1, &arguments, &[name, says]);
    }
    // A fold that is not there.
    workshop.fails(
        1,
        &small_training("new", &["--fold", "9"]),
        &["fold", "found 9", "0 to 4"],
    );
    workshop.fails(
        1,
        &small_training("new", &["--protocol", "file"]),
        &["corpus.safetensors", "side"],
    );
    assert!(!workshop.path("new").exists());
    // The corpus of a run has changed.
    workshop.ok(&[
        "corpus",
        "demo",
        "--out",
        "corpus.safetensors",
        "--scale",
        "0.02",
        "--seed",
        "4",
    ]);
    workshop.fails(1, &["evaluate", "run"], &["corpus.safetensors", "SHA-256"]);
    workshop.fails(1, &["resume", "run"], &["corpus.safetensors", "SHA-256"]);
}

#[test]
fn a_corpus_that_does_not_fit_the_model_says_what_differs() {
    use mct_corpus::{Corpus, ModalityBuilder, Precision};
    let workshop = Workshop::with_corpus();
    workshop.ok(&small_training("run", &["--epochs", "1"]));
    let mut corpus = Corpus::open(&workshop.path("corpus.safetensors")).unwrap();
    let mut builder = ModalityBuilder::new("audio", 3, Precision::F32);
    (0..corpus.len()).for_each(|_| builder.push(&[0.0, f32::NAN, 1.0]));
    corpus.modalities[0] = builder.build();
    corpus.save(&workshop.path("other.safetensors")).unwrap();
    workshop.fails(
        1,
        &["predict", "run", "--corpus", "other.safetensors"],
        &["audio (3)", "audio (16)"],
    );
    // NaN in the features: `check` names every sequence, training refuses.
    let output = workshop.run(&["corpus", "check", "other.safetensors"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = String::from_utf8(output.stdout).unwrap();
    assert_eq!(findings.lines().count(), corpus.len());
    assert!(findings.contains("1 NaN and 0 infinite values"));
    workshop.fails(
        1,
        &["train", "--corpus", "other.safetensors", "--out", "new"],
        &["NaN", "modality.audio"],
    );
    assert!(!workshop.path("new").exists());
}

/// With files limited to a few blocks, as on a full disk, no partial file stays.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_partial_files() {
    let workshop = Workshop::with_corpus();
    let binary = env!("CARGO_BIN_EXE_mct-hfr");
    let limited = |blocks: usize, arguments: &[&str]| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("bash");
        command
            .args(["-c", &script, binary])
            .args(arguments)
            .current_dir(workshop.path(""));
        command.output().unwrap()
    };
    let before = workshop.listing();
    let demo = [
        "corpus",
        "demo",
        "--out",
        "new.safetensors",
        "--scale",
        "0.02",
    ];
    refused(&limited(8, &demo), 1, &demo, &["new.safetensors"]);
    assert_eq!(workshop.listing(), before);
    // The old file stays as it was.
    let old = workshop.bytes("corpus.safetensors");
    let again = [
        "corpus",
        "demo",
        "--out",
        "corpus.safetensors",
        "--scale",
        "0.03",
    ];
    refused(&limited(8, &again), 1, &again, &["corpus.safetensors"]);
    assert!(workshop.bytes("corpus.safetensors") == old);
    // A run ends with an error at its first checkpoint, and resumes once there is room.
    let train = small_training("run", &[]);
    refused(&limited(16, &train), 1, &train, &["safetensors"]);
    assert!(support::listing(&workshop.path("run/checkpoints")).is_empty());
    workshop.ok(&["resume", "run"]);
    workshop.ok(&small_training("whole", &[]));
    assert!(
        workshop.bytes("run/checkpoints/last.safetensors")
            == workshop.bytes("whole/checkpoints/last.safetensors")
    );
}

#[test]
fn two_processes_do_not_write_to_one_run() {
    let workshop = Workshop::with_corpus();
    let long = ["--epochs", "200", "--set", "training.patience=200"];
    let mut first = workshop
        .command(&small_training("run", &long))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !workshop.path("run/events.jsonl").exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    workshop.fails(1, &["resume", "run"], &["another process"]);
    first.kill().unwrap();
    first.wait().unwrap();
}
