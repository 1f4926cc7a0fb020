//! Bad input: a clear error, exit code 2 for usage and 1 for the rest, nothing half written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use support::{Workshop, refused, small_training};

#[test]
fn commands_that_cannot_be_meant_end_with_2() {
    let at = Workshop::with_corpus();
    at.ok(&small_training("run", &["--epochs", "1"]));
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
    let before = at.listing();
    for (arguments, says) in cases {
        at.fails(2, &arguments, &says);
        assert_eq!(at.listing(), before, "{arguments:?} left something behind");
    }
}

#[test]
fn files_that_are_not_what_they_should_be_end_with_1() {
    let at = Workshop::with_corpus();
    at.ok(&small_training("run", &["--epochs", "1"]));
    let good = at.bytes("corpus.safetensors");
    at.write("cut.safetensors", &good[..good.len() / 2]);
    at.write("empty", b"");
    at.write("noise", &[0xA5; 4096]);
    let mut huge = vec![0xFF; 8];
    huge.extend([0; 100]);
    at.write("huge", &huge);
    for file in ["cut.safetensors", "empty", "noise", "huge", "absent"] {
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
            at.fails(1, &arguments, &says);
        }
    }
    assert!(!at.path("new").exists());
    for format in ["npz", "mmsa", "mult"] {
        for file in ["corpus.safetensors", "empty", "noise", "absent"] {
            at.fails(
                1,
                &[
                    "corpus", "import", file, "--from", format, "--out", "imported",
                ],
                &[file],
            );
            assert!(!at.path("imported").exists());
        }
    }
    // Checkpoints.
    let best = at.bytes("run/checkpoints/best.safetensors");
    at.write("w.cut", &best[..best.len() - 3]);
    let mut flipped = best.clone();
    let middle = flipped.len() * 3 / 4;
    flipped[middle] ^= 1;
    at.write("w.flipped", &flipped);
    for (file, says) in [
        ("w.cut", "complete"),
        ("w.flipped", "SHA-256"),
        ("corpus.safetensors", "checkpoint"),
        ("noise", "complete"),
    ] {
        at.fails(
            1,
            &["predict", file, "--corpus", "corpus.safetensors"],
            &[file, says],
        );
        at.fails(
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
    assert!(!at.path("new").exists());
    at.fails(1, &["resume", "absent"], &["absent"]);
    at.fails(
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
    let config = String::from_utf8(at.bytes("run/config.toml")).unwrap();
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
        at.write(name, text.as_bytes());
        let arguments = [
            "train",
            "--corpus",
            "corpus.safetensors",
            "--out",
            "new",
            "--config",
            name,
        ];
        at.fails(1, &arguments, &[name, says]);
    }
    // A fold that is not there.
    at.fails(
        1,
        &small_training("new", &["--fold", "9"]),
        &["fold", "found 9", "0 to 4"],
    );
    at.fails(
        1,
        &small_training("new", &["--protocol", "file"]),
        &["corpus.safetensors", "side"],
    );
    assert!(!at.path("new").exists());
    // The corpus of a run has changed.
    at.ok(&[
        "corpus",
        "demo",
        "--out",
        "corpus.safetensors",
        "--scale",
        "0.02",
        "--seed",
        "4",
    ]);
    at.fails(1, &["evaluate", "run"], &["corpus.safetensors", "SHA-256"]);
    at.fails(1, &["resume", "run"], &["corpus.safetensors", "SHA-256"]);
}

#[test]
fn a_corpus_that_does_not_fit_the_model_says_what_differs() {
    use mct_corpus::{Corpus, ModalityBuilder, Precision};
    let at = Workshop::with_corpus();
    at.ok(&small_training("run", &["--epochs", "1"]));
    let mut corpus = Corpus::open(&at.path("corpus.safetensors")).unwrap();
    let mut builder = ModalityBuilder::new("audio", 3, Precision::F32);
    (0..corpus.len()).for_each(|_| builder.push(&[0.0, f32::NAN, 1.0]));
    corpus.modalities[0] = builder.build();
    corpus.save(&at.path("other.safetensors")).unwrap();
    at.fails(
        1,
        &["predict", "run", "--corpus", "other.safetensors"],
        &["audio (3)", "audio (16)"],
    );
    // NaN in the features: `check` names every sequence, training refuses.
    let output = at.run(&["corpus", "check", "other.safetensors"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = String::from_utf8(output.stdout).unwrap();
    assert_eq!(findings.lines().count(), corpus.len());
    assert!(findings.contains("1 NaN and 0 infinite values"));
    at.fails(
        1,
        &["train", "--corpus", "other.safetensors", "--out", "new"],
        &["NaN", "modality.audio"],
    );
    assert!(!at.path("new").exists());
}

/// Where no file may grow beyond a few blocks, as on a full disk, nothing half written stays.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let at = Workshop::with_corpus();
    let binary = env!("CARGO_BIN_EXE_mct-hfr");
    let limited = |blocks: usize, arguments: &[&str]| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("bash");
        command
            .args(["-c", &script, binary])
            .args(arguments)
            .current_dir(at.path(""));
        command.output().unwrap()
    };
    let before = at.listing();
    let demo = [
        "corpus",
        "demo",
        "--out",
        "new.safetensors",
        "--scale",
        "0.02",
    ];
    refused(&limited(8, &demo), 1, &demo, &["new.safetensors"]);
    assert_eq!(at.listing(), before);
    // The old file stays as it was.
    let old = at.bytes("corpus.safetensors");
    let again = [
        "corpus",
        "demo",
        "--out",
        "corpus.safetensors",
        "--scale",
        "0.03",
    ];
    refused(&limited(8, &again), 1, &again, &["corpus.safetensors"]);
    assert!(at.bytes("corpus.safetensors") == old);
    // A run ends with an error at its first checkpoint, and goes on once there is room.
    let train = small_training("run", &[]);
    refused(&limited(16, &train), 1, &train, &["safetensors"]);
    assert!(support::listing(&at.path("run/checkpoints")).is_empty());
    at.ok(&["resume", "run"]);
    at.ok(&small_training("whole", &[]));
    assert!(
        at.bytes("run/checkpoints/last.safetensors")
            == at.bytes("whole/checkpoints/last.safetensors")
    );
}

#[test]
fn two_processes_do_not_write_to_one_run() {
    let at = Workshop::with_corpus();
    let long = ["--epochs", "200", "--set", "training.patience=200"];
    let mut first = at
        .command(&small_training("run", &long))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !at.path("run/events.jsonl").exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    at.fails(1, &["resume", "run"], &["another process"]);
    first.kill().unwrap();
    first.wait().unwrap();
}
