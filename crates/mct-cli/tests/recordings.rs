//! Recordings through pretrained networks, by the real binary: a small tree of made-up speech with faces,
//! from videos to a prediction.
//!
//! Networks of random weights are in the repository. Real ones, `espeak-ng`, `ffmpeg` and a picture of a face
//! are taken where they are there: `test.sh` gets them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::Workshop;

/// Networks of small configurations with random weights.
fn random_networks() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/networks");
    path.to_owned()
}

/// Runs a program that makes files for a test; `false` where there is none.
fn makes(workshop: &Workshop, words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(workshop.path("."));
    command.stdin(Stdio::null());
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words:?}: {said}");
            true
        }
        Err(_) => false,
    }
}

const SENTENCES: [&str; 3] = [
    "Kids are talking by the door",
    "I am so happy that you came",
    "Leave me alone, would you",
];

/// `say00.wav` to `say11.wav` by `espeak-ng`: six speakers in three sessions, of two moods that differ in
/// speed and pitch. Without the program, `false`.
fn speech(workshop: &Workshop) -> bool {
    (0..12).all(|place| {
        let (speaker, lively) = (place % 6, place < 6);
        let voice = format!("en+{}{}", ["f", "m"][speaker % 2], 1 + speaker / 2);
        let [pitch, speed] = if lively { ["80", "210"] } else { ["30", "130"] };
        let file = format!("say{place:02}.wav");
        let said = SENTENCES[place % 3];
        makes(
            workshop,
            &[
                "espeak-ng",
                "-v",
                &voice,
                "-p",
                pitch,
                "-s",
                speed,
                "-w",
                &file,
                said,
            ],
        )
    })
}

/// The table of these recordings with the files of `column`.
fn table(workshop: &Workshop, column: &str, ending: &str) {
    let mut table = format!("id,{column},label,speaker,session,transcript\n");
    for place in 0..12 {
        let (speaker, mood) = (place % 6, ["lively", "dull"][place / 6]);
        let (session, said) = (speaker / 2 + 1, SENTENCES[place % 3]);
        table +=
            &format!("u{place:02},say{place:02}.{ending},{mood},s{speaker},{session},\"{said}\"\n");
    }
    workshop.write("table.csv", table.as_bytes());
}

fn train(workshop: &Workshop) {
    let words = [
        "train",
        "--corpus",
        "corpus.mct",
        "--out",
        "run",
        "--device",
        "flex",
        "--preset",
        "demo",
        "--system",
        "mct-hfr",
        "--epochs",
        "2",
        "--set",
        "model.d=8",
        "--set",
        "model.heads=2",
    ];
    workshop.ok(&words);
}

fn skip(what: &str) {
    assert!(
        std::env::var_os("MCT_HFR_REQUIRE_ALL").is_none(),
        "{what} is not there"
    );
    eprintln!("*** SKIPPED: recordings need {what} (see test.sh) ***");
}

#[test]
fn from_speech_to_a_prediction_by_networks_of_random_weights() {
    let workshop = Workshop::new();
    if !speech(&workshop) {
        return skip("espeak-ng");
    }
    table(&workshop, "audio", "wav");
    let networks = random_networks();
    let extract = |out: &str, jobs: &str| {
        workshop.ok(&[
            "corpus",
            "extract",
            "--from",
            "table",
            "table.csv",
            "--pretrained",
            &networks,
            "--features",
            "audio=wav2vec2/layer-2",
            "--features",
            "text=bert",
            "--out",
            out,
            "--jobs",
            jobs,
        ])
    };
    extract("corpus.mct", "2");
    extract("again.mct", "1");
    assert!(workshop.bytes("corpus.mct") == workshop.bytes("again.mct"));
    let info = workshop.json(&["corpus", "info", "corpus.mct", "--json"]);
    let modalities = info["modalities"].as_array().unwrap();
    let named = |name: &str| modalities.iter().find(|own| own["name"] == name).unwrap();
    let (audio, text) = (named("audio"), named("text"));
    assert_eq!(
        (&audio["features"], &audio["rate_hz"]),
        (&32.into(), &400.0.into())
    );
    assert_eq!(
        (&text["features"], &text["unknown_vector"]),
        (&32.into(), &true.into())
    );
    let made = audio["extractor"].as_str().unwrap();
    let digest = made.strip_prefix("wav2vec2/layer-2@").unwrap();
    assert!(
        digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()),
        "{made}"
    );

    train(&workshop);
    let predict = |networks: &str| {
        let mut words = vec!["predict", "run", "say00.wav", "--transcript", SENTENCES[0]];
        words.extend(["--pretrained", networks, "--device", "flex", "--json"]);
        workshop.run(&words)
    };
    let output = predict(&networks);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let clip: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = [
        "predict",
        "run",
        "--corpus",
        "corpus.mct",
        "--device",
        "flex",
        "--json",
    ];
    let whole = workshop.json(&words);
    let first = |found: &Value| {
        let all = found["utterances"][0]["probabilities"].as_array().unwrap();
        all.iter()
            .map(|p| p.as_f64().unwrap())
            .collect::<Vec<f64>>()
    };
    for (alone, among) in first(&clip).iter().zip(first(&whole)) {
        assert!((alone - among).abs() < 1e-5, "{clip} {whole}");
    }

    // Other weights of the same network, and none.
    let other = workshop.path("networks");
    for name in ["bert", "wav2vec2"] {
        std::fs::create_dir_all(other.join(name)).unwrap();
        for entry in std::fs::read_dir(Path::new(&networks).join(name)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, other.join(name).join(path.file_name().unwrap())).unwrap();
        }
    }
    let stranger = Path::new(&networks).join("wav2vec2-stable");
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(stranger.join(file), other.join("wav2vec2").join(file)).unwrap();
    }
    let says = |output: std::process::Output, parts: &[&str]| {
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
    };
    says(
        predict(other.to_str().unwrap()),
        &[
            "the model was trained on features of wav2vec2/layer-2@",
            "the weights here are",
        ],
    );
    std::fs::remove_file(other.join("bert/vocab.txt")).unwrap();
    says(
        predict(other.to_str().unwrap()),
        &["bert needs weights", "has no vocab.txt", "put them there"],
    );
    // A layer that does not fit is named.
    std::fs::copy(
        Path::new(&networks).join("hubert/model.safetensors"),
        other.join("bert/model.safetensors"),
    )
    .unwrap();
    std::fs::copy(
        Path::new(&networks).join("bert/vocab.txt"),
        other.join("bert/vocab.txt"),
    )
    .unwrap();
    says(
        predict(other.to_str().unwrap()),
        &["bert/model.safetensors", "no layer embeddings"],
    );
}

#[test]
fn from_videos_to_a_prediction_by_networks_of_packages() {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(networks), Some(face)) = (folder("MCT_HFR_WEIGHTS"), folder("MCT_HFR_PICTURE"))
    else {
        return skip("MCT_HFR_WEIGHTS and MCT_HFR_PICTURE");
    };
    let workshop = Workshop::new();
    if !speech(&workshop) {
        return skip("espeak-ng");
    }
    let face = face.to_str().unwrap();
    for place in 0..12 {
        // The face over a grey picture, at a place of its own; one video has none.
        let (sound, video) = (format!("say{place:02}.wav"), format!("say{place:02}.mp4"));
        let left = 10 * place;
        let filter = match place {
            4 => "[0:v]null[v]".to_owned(),
            _ => format!("[1:v]scale=240:240[f];[0:v][f]overlay={left}:20[v]"),
        };
        let grey = "color=gray:size=400x300:rate=10:d=1.6";
        let words = [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            grey,
            "-i",
            face,
            "-i",
            &sound,
            "-filter_complex",
            &filter,
            "-map",
            "[v]",
            "-map",
            "2:a",
            "-c:v",
            "mpeg4",
            "-q:v",
            "3",
            "-c:a",
            "aac",
            &video,
        ];
        if !makes(&workshop, &words) {
            return skip("ffmpeg");
        }
    }
    table(&workshop, "video", "mp4");
    let networks = networks.to_str().unwrap();
    let features = [
        "--features",
        "silero",
        "--features",
        "minilm",
        "--features",
        "expression",
    ];
    let extract = |out: &str, more: &[&str]| {
        let words = [
            "corpus",
            "extract",
            "--from",
            "table",
            "table.csv",
            "--out",
            out,
        ];
        let networks = ["--pretrained", networks];
        workshop.run(&[&words[..], &features, &networks, more].concat())
    };
    let output = extract("corpus.mct", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no face in any of"), "{said}");
    let report = String::from_utf8(workshop.bytes("corpus.mct.report.tsv")).unwrap();
    assert!(
        report.lines().count() == 2 && report.contains("u04\t"),
        "{report}"
    );
    let info = workshop.json(&["corpus", "info", "corpus.mct", "--json"]);
    let modalities = info["modalities"].as_array().unwrap();
    let vision = modalities
        .iter()
        .find(|own| own["name"] == "vision")
        .unwrap();
    assert_eq!(
        (&vision["features"], &vision["absent"]),
        (&256.into(), &1.into())
    );
    assert_eq!(vision["rate_hz"], 5.0);

    train(&workshop);
    let scores = workshop.json(&[
        "evaluate", "run", "--device", "flex", "--rates", "0,0.5", "--json",
    ]);
    assert!(scores.to_string().contains("ua"), "{scores}");
    let clip = |file: &str| {
        let mut words = vec!["predict", "run", file, "--transcript", SENTENCES[1]];
        words.extend(["--pretrained", networks, "--device", "flex", "--json"]);
        workshop.json(&words)["utterances"][0].clone()
    };
    let seen = clip("say01.mp4");
    let total: f64 = (seen["probabilities"].as_array().unwrap().iter())
        .map(|p| p.as_f64().unwrap())
        .sum();
    assert!((total - 1.0).abs() < 1e-5, "{seen}");
    assert!(seen.get("missing_because").is_none(), "{seen}");
    let unseen = clip("say04.mp4");
    let because = unseen["missing_because"]["vision"].as_str().unwrap();
    assert!(because.contains("no face in any of"), "{because}");
    let heard = clip("say01.wav");
    assert_eq!(
        heard["missing_because"]["vision"],
        "a recording without pictures"
    );

    // Of half black pictures about half the steps are missing.
    let output = extract("black.mct", &["--black-pictures", "0.5"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let info = workshop.json(&["corpus", "info", "black.mct", "--json"]);
    let modalities = info["modalities"].as_array().unwrap();
    let vision = modalities
        .iter()
        .find(|own| own["name"] == "vision")
        .unwrap();
    let number = |key: &str| vision[key].as_f64().unwrap();
    let share = number("missing_steps") / number("total_steps");
    assert!((0.25..0.75).contains(&share), "{vision}");
    let title = info["title"].as_str().unwrap();
    assert_eq!(title, "table.csv: 50 % of the pictures black");
}
