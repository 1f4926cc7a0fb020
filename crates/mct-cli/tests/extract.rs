//! From recordings to a prediction, by the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::f32::consts::TAU;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::Workshop;

/// A WAV file of 16 bits: a voice of this pitch with harmonics.
fn wav(hz: f32, seconds: f32, rate: u32) -> Vec<u8> {
    let count = (rate as f32 * seconds) as usize;
    let sample = |at: usize| {
        let turn = TAU * hz * at as f32 / rate as f32;
        let voice: f32 = (1..6).map(|n| (turn * n as f32).sin() / n as f32).sum();
        (voice * 6000.0) as i16
    };
    let data: Vec<u8> = (0..count).flat_map(|at| sample(at).to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// A table of recordings: of two classes that differ in pitch, 6 speakers in 3 sessions; one file is
/// broken, one is not there, and one utterance has no words.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("wav")).unwrap();
    let mut table = "id,audio,label,speaker,session,sex,transcript\n".to_owned();
    for place in 0..36 {
        let (speaker, high) = (place % 6, place % 4 < 2);
        let name = format!("wav/u{place:02}.wav");
        let hz = if high { 300.0 } else { 100.0 } + place as f32;
        workshop.write(
            &name,
            &wav(hz, 0.5 + place as f32 / 100.0, [16_000, 44_100][place % 2]),
        );
        let class = if high { "excited" } else { "calm" };
        let sex = ["F", "M"][speaker % 2];
        let words = if place == 7 { "" } else { "well, well" };
        let session = speaker / 2 + 1;
        table += &format!("u{place:02},{name},{class},s{speaker},{session},{sex},\"{words}\"\n");
    }
    workshop.write("wav/u03.wav", b"<html>Not found</html>");
    std::fs::remove_file(workshop.path("wav/u05.wav")).unwrap();
    workshop.write("table.csv", table.as_bytes());
    workshop
}

const EXTRACT: [&str; 5] = ["corpus", "extract", "table.csv", "--from", "table"];

fn extract<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = EXTRACT.to_vec();
    words.extend(["--out", out]);
    words.extend(more);
    words
}

/// A small model of this corpus, `run`.
fn train(workshop: &Workshop, corpus: &str) {
    let small = [
        "--set",
        "model.d=8",
        "--set",
        "model.heads=2",
        "--epochs",
        "1",
    ];
    let words = [
        "train", "--corpus", corpus, "--out", "run", "--device", "flex",
    ];
    let which = ["--preset", "demo", "--system", "mct"];
    workshop.ok(&[&words[..], &which, &small].concat());
}

#[test]
fn from_recordings_to_a_prediction() {
    let workshop = workshop();
    let output = workshop.run(&extract("corpus.mct", &["--stack", "audio=2"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for part in [
        "u03:",
        "no audio file of a known format",
        "u05:",
        "report.tsv",
        "audio is missing by nature in 2",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let report = String::from_utf8(workshop.bytes("corpus.mct.report.tsv")).unwrap();
    assert_eq!(report.lines().count(), 3, "{report}");
    assert!(!workshop.path("corpus.mct.parts").exists());
    // What else is in a folder of that name stays.
    std::fs::create_dir(workshop.path("low.mct.parts")).unwrap();
    workshop.write("low.mct.parts/mine.txt", b"mine");
    workshop.ok(&extract("low.mct", &["--features", "low-level"]));
    assert_eq!(
        support::listing(&workshop.path("low.mct.parts")),
        ["mine.txt"]
    );
    let info = workshop.json(&["corpus", "info", "corpus.mct", "--json"]);
    assert_eq!(info["utterances"], 36);
    let modality = |name: &str| {
        let all = info["modalities"].as_array().unwrap();
        all.iter()
            .find(|modality| modality["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&modality("audio")["features"], &modality("audio")["absent"]),
        (&80.into(), &2.into())
    );
    assert_eq!(
        (&modality("text")["features"], &modality("text")["absent"]),
        (&64.into(), &1.into())
    );
    assert_eq!(modality("audio")["extractor"], "log-mel");

    train(&workshop, "corpus.mct");
    let predicted: Value = workshop.json(&[
        "predict",
        "run",
        "wav/u00.wav",
        "--transcript",
        "well, well",
        "--device",
        "flex",
        "--json",
    ]);
    let clip = &predicted["utterances"][0];
    let whole: Value = workshop.json(&[
        "predict",
        "run",
        "--corpus",
        "corpus.mct",
        "--device",
        "flex",
        "--json",
    ]);
    let same = &whole["utterances"][0];
    assert_eq!(
        (&clip["id"], &same["id"]),
        (&"u00.wav".into(), &"u00".into())
    );
    let [alone, among] = [clip, same].map(|found| {
        let all = found["probabilities"].as_array().unwrap().iter();
        all.map(|p| p.as_f64().unwrap()).collect::<Vec<f64>>()
    });
    // Products of other sizes round otherwise.
    let pairs = alone.iter().zip(&among);
    assert!(pairs.clone().count() == 2 && pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(predicted["utterances"][0].get("missing_because").is_none());

    // A report of an extraction that failed nowhere would be of an older one.
    for place in [3, 5] {
        workshop.write(&format!("wav/u{place:02}.wav"), &wav(150.0, 0.6, 16_000));
    }
    workshop.ok(&extract("corpus.mct", &["--stack", "audio=2"]));
    assert!(!workshop.path("corpus.mct.report.tsv").exists());
    workshop.write("wav/u03.wav", b"<html>Not found</html>");
    std::fs::remove_file(workshop.path("wav/u05.wav")).unwrap();

    let silent: Value = workshop.json(&[
        "predict",
        "run",
        "wav/u00.wav",
        "--device",
        "flex",
        "--json",
    ]);
    assert_eq!(
        silent["utterances"][0]["missing_because"]["text"],
        "no transcript is given"
    );
    assert_ne!(
        silent["utterances"][0]["probabilities"],
        clip["probabilities"]
    );
    workshop.fails(
        1,
        &["predict", "run", "wav/u05.wav", "--device", "flex"],
        &["u05.wav", "no such file"],
    );
    workshop.fails(
        1,
        &["predict", "run", "wav/u03.wav", "--device", "flex"],
        &["nothing to predict from", "no audio file"],
    );
}

#[test]
fn a_corrupted_corpus_is_another_one_and_says_so() {
    let workshop = workshop();
    workshop.ok(&extract("clean.mct", &[]));
    let corrupt = ["--noise", "-3", "--dropped", "0.3", "--wrong-words", "0"];
    workshop.ok(&extract("noisy.mct", &corrupt));
    workshop.ok(&extract(
        "again.mct",
        &[&corrupt[..], &["--jobs", "1"]].concat(),
    ));
    assert!(workshop.bytes("noisy.mct") == workshop.bytes("again.mct"));
    let title = |corpus: &str| {
        let info = workshop.json(&["corpus", "info", corpus, "--json"]);
        info["title"].as_str().unwrap().to_owned()
    };
    assert_eq!(title("clean.mct"), "table.csv");
    assert_eq!(
        title("noisy.mct"),
        "table.csv: noise at -3 dB, 30 % of the sound silenced"
    );
    assert!(
        workshop
            .bytes("clean.mct")
            .len()
            .abs_diff(workshop.bytes("noisy.mct").len())
            < 200
    );
    // A model of the clean one takes it.
    train(&workshop, "clean.mct");
    let predicted =
        |corpus: &str| workshop.ok(&["predict", "run", "--corpus", corpus, "--device", "flex"]);
    assert_ne!(predicted("clean.mct"), predicted("noisy.mct"));
    // Both beside each other.
    let evaluate = |more: &[&str]| {
        let words = [
            "evaluate",
            "run",
            "--device",
            "flex",
            "--rates",
            "0,0.5,0.9",
        ];
        workshop.ok(&[&words[..], more].concat())
    };
    let scores: Value =
        serde_json::from_str(&evaluate(&["--corrupted", "noisy.mct", "--json"])).unwrap();
    let noisy: Value =
        serde_json::from_str(&evaluate(&["--corpus", "noisy.mct", "--json"])).unwrap();
    let own = &scores["corrupted"][0];
    assert_eq!(own["kind"], "noise at -3 dB, 30 % of the sound silenced");
    assert_eq!(own["score"], noisy["ua"][0], "{noisy}");
    evaluate(&["--corrupted", "noisy.mct", "--report", "report"]);
    let page = String::from_utf8(workshop.bytes("report/report.html")).unwrap();
    assert!(page.contains("Missing steps and corrupted input"), "{page}");
    assert!(!workshop.bytes("report/corrupted.svg").is_empty());
    let fewer = String::from_utf8(workshop.bytes("table.csv")).unwrap();
    let fewer = fewer.lines().take(36).collect::<Vec<_>>().join("\n");
    workshop.write("table.csv", fewer.as_bytes());
    workshop.ok(&extract("fewer.mct", &[]));
    workshop.fails(
        1,
        &[
            "evaluate",
            "run",
            "--device",
            "flex",
            "--corrupted",
            "fewer.mct",
        ],
        &["fewer.mct", "u35 is not in it"],
    );
    workshop.fails(2, &extract("x.mct", &["--dropped", "1.5"]), &["--dropped"]);
    workshop.fails(2, &extract("x.mct", &["--noise", "inf"]), &["--noise"]);
}

#[test]
fn another_extractor_is_refused() {
    let workshop = workshop();
    workshop.ok(&extract(
        "mel.mct",
        &["--features", "audio=log-mel", "--features", "words"],
    ));
    // As wide as the other one, so that only its name tells.
    train(&workshop, "mel.mct");
    workshop.ok(&extract(
        "low.mct",
        &["--features", "audio=low-level", "--features", "words"],
    ));
    workshop.fails(
        1,
        &["predict", "run", "--corpus", "low.mct", "--device", "flex"],
        &["audio (25 by low-level)", "audio (40 by log-mel)"],
    );
    workshop.fails(
        1,
        &extract("x.mct", &["--speakers", "none.tsv"]),
        &["none.tsv"],
    );
    workshop.write(
        "twice.csv",
        b"id,audio,label\na,wav/u00.wav,sad\na,wav/u01.wav,sad\n",
    );
    let twice = [
        "corpus",
        "extract",
        "twice.csv",
        "--from",
        "table",
        "--out",
        "x.mct",
    ];
    workshop.fails(1, &twice, &["twice.csv: line 3: found `a` again"]);
    assert!(!workshop.path("x.mct.parts").exists());
    workshop.fails(
        2,
        &extract("x.mct", &["--features", "audio=mel"]),
        &["`mel` is no extractor", "log-mel"],
    );
    workshop.fails(
        1,
        &extract(
            "x.mct",
            &["--features", "log-mel", "--features", "low-level"],
        ),
        &["the modality audio twice"],
    );
}

/// Two runs give the same bytes, whatever the number of threads, and also when the first was killed.
#[test]
fn what_was_killed_goes_on_to_the_same_bytes() {
    let workshop = workshop();
    workshop.ok(&extract("a.mct", &["--jobs", "1"]));
    workshop.ok(&extract("b.mct", &["--jobs", "3", "--title", "table.csv"]));
    assert!(workshop.bytes("a.mct") == workshop.bytes("b.mct"));
    // Long ones, so that there is time to kill it.
    for place in 10..36 {
        workshop.write(&format!("wav/u{place:02}.wav"), &wav(200.0, 20.0, 44_100));
    }
    workshop.ok(&extract("whole.mct", &[]));
    let mut child = workshop
        .command(&extract("killed.mct", &["--jobs", "1"]))
        .spawn()
        .unwrap();
    let parts = workshop.path("killed.mct.parts");
    let finished = |folder: &Path| {
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_marker = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".json");
        names.filter(|entry| is_marker(entry.file_name())).count()
    };
    let begun = Instant::now();
    while finished(&parts) < 10 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it was not killed in time"
        );
        assert!(begun.elapsed() < Duration::from_secs(120));
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!workshop.path("killed.mct").exists());
    let before = finished(&parts);
    assert!((10..34).contains(&before));
    // As if it had been killed while it removed them: a marker without its features.
    let mut names = support::listing(&parts).into_iter();
    let features = names.find(|name| name.ends_with(".0.safetensors") && !name.starts_with('.'));
    std::fs::remove_file(parts.join(features.unwrap())).unwrap();
    workshop.ok(&extract("killed.mct", &[]));
    assert!(workshop.bytes("whole.mct") == workshop.bytes("killed.mct"));
}
