//! Files as people have them, from import to prediction, by the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use support::{Workshop, npy, small_training};

fn fixture(name: &str) -> String {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = package.join("../../tests/fixtures/import").join(name);
    path.display().to_string()
}

/// Imports a fixture as `NAME.safetensors`, and returns what was said on standard error.
fn import(workshop: &Workshop, name: &str, more: &[&str]) -> String {
    let (input, out) = (fixture(name), format!("{name}.safetensors"));
    let mut arguments = vec!["corpus", "import", input.as_str(), "--out", out.as_str()];
    arguments.extend(more);
    let output = workshop.run(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{name}: {said}");
    workshop.ok(&["corpus", "check", &out]);
    said
}

#[test]
fn the_layout_of_a_file_is_recognised_and_what_is_absent_is_counted() {
    let workshop = Workshop::new();
    for name in [
        "kind_objects.npz",
        "kind_padded.npz",
        "kind_clips_by_id_p4.pkl",
    ] {
        import(&workshop, name, &[]);
    }
    import(&workshop, "kind_absent.npz", &[]);
    let info = workshop.json(&["corpus", "info", "kind_absent.npz.safetensors", "--json"]);
    let modalities = info["modalities"].as_array().unwrap();
    let absent = |m: &serde_json::Value| m["absent"].as_u64().unwrap();
    assert!(modalities.iter().map(absent).sum::<u64>() > 0, "{info}");
    let text = workshop.ok(&["corpus", "info", "kind_absent.npz.safetensors"]);
    assert!(text.contains("utterances without"), "{text}");
}

#[test]
fn intensities_become_classes_only_when_that_is_asked_for() {
    let workshop = Workshop::new();
    let said = import(&workshop, "kind_intensities_p4.pkl", &[]);
    assert!(
        said.contains("note: ") && said.contains("--task regression"),
        "{said}"
    );
    workshop.fails(
        1,
        &[
            "train",
            "--corpus",
            "kind_intensities_p4.pkl.safetensors",
            "--out",
            "run",
        ],
        &["labels", "none", "--task regression", "--bins"],
    );
    assert!(!workshop.path("run").exists());
    import(&workshop, "kind_intensities_p4.pkl", &["--bins", "sign"]);
    let info = workshop.json(&[
        "corpus",
        "info",
        "kind_intensities_p4.pkl.safetensors",
        "--json",
    ]);
    assert_eq!(info["classes"].as_array().unwrap().len(), 3);
}

#[test]
fn what_unpacks_to_too_much_is_refused_unless_it_is_allowed() {
    let workshop = Workshop::new();
    let bomb = fixture("bomb_zeros.npz");
    let refused = [
        "corpus",
        "import",
        bomb.as_str(),
        "--out",
        "x",
        "--max-unpacked",
        "1000",
    ];
    workshop.fails(1, &refused, &["bomb_zeros.npz", "--max-unpacked"]);
    assert!(!workshop.path("x").exists());
}

#[test]
fn clips_without_labels_and_without_a_face_are_predicted() {
    let workshop = Workshop::with_corpus();
    workshop.ok(&small_training("run", &["--epochs", "1"]));
    let info = workshop.json(&["corpus", "info", "corpus.safetensors", "--json"]);
    let dims: Vec<usize> = info["modalities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["features"].as_u64().unwrap() as usize)
        .collect();
    for (name, dim) in ["audio", "vision", "text"].iter().zip(&dims) {
        workshop.write(&format!("{name}.npy"), &npy(6, *dim, 0.5));
    }
    let table = "id,audio,vision,text\n\
        whole,audio.npy,vision.npy,text.npy\n\
        faceless,audio.npy,,text.npy\n\
        nothing,,,\n";
    workshop.write("clips.csv", table.as_bytes());
    let imported = [
        "corpus",
        "import",
        "clips.csv",
        "--out",
        "clips.safetensors",
    ];
    workshop.ok(&imported);
    let predict = ["predict", "run", "--corpus", "clips.safetensors"];
    let text = workshop.ok(&predict);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("id\tpredicted\t"), "{text}");
    assert!(lines[0].ends_with("\tmissing"), "{text}");
    for (line, id, share) in [
        (1, "whole", "0.000"),
        (2, "faceless", "0.077"),
        (3, "nothing", "1.000"),
    ] {
        assert!(
            lines[line].starts_with(id) && lines[line].ends_with(share),
            "{text}"
        );
    }
    let mut json = predict.to_vec();
    json.push("--json");
    let predicted = workshop.json(&json);
    for utterance in predicted["utterances"].as_array().unwrap() {
        assert!(utterance.get("label").is_none(), "{utterance}");
        let sum: f64 = utterance["probabilities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{utterance}");
    }
    // There is nothing to score.
    workshop.fails(
        1,
        &["evaluate", "run", "--corpus", "clips.safetensors"],
        &["classes"],
    );
}

#[test]
fn truncated_sequences_are_said_at_the_start() {
    let workshop = Workshop::with_corpus();
    let more = [
        "--epochs",
        "1",
        "--set",
        "model.modality.audio.max_steps=20",
    ];
    let output = workshop.run(&small_training("run", &more));
    assert!(output.status.success());
    let events = String::from_utf8(workshop.bytes("run/events.jsonl")).unwrap();
    let warning = events
        .lines()
        .find(|line| line.contains("\"warning\""))
        .unwrap();
    assert!(
        warning.contains("audio: ") && warning.contains("truncated to 20"),
        "{warning}"
    );
}

#[test]
fn a_corpus_that_counts_the_same_classes_differently_is_scored_by_their_names() {
    let workshop = Workshop::new();
    let mut table = "id,audio,emotion,side\n".to_owned();
    for clip in 0..30 {
        let class = clip % 2;
        let side = ["train", "train", "train", "valid", "test"][clip / 2 % 5];
        workshop.write(&format!("a{clip}.npy"), &npy(4, 6, class as f32 - 0.5));
        let emotion = ["sad", "happy"][class];
        table += &format!("c{clip},a{clip}.npy,{emotion},{side}\n");
    }
    workshop.write("clips.csv", table.as_bytes());
    for (names, out) in [
        ("sad,happy", "corpus.safetensors"),
        ("happy,bored,sad", "other.safetensors"),
        ("happy,sad", "reversed.safetensors"),
    ] {
        let import = ["corpus", "import", "clips.csv", "--out", out];
        workshop.ok(&[&import[..], &["--class-names", names]].concat());
    }
    let train = [
        "--protocol",
        "file",
        "--epochs",
        "30",
        "--set",
        "training.learning_rate=0.01",
    ];
    workshop.ok(&small_training("run", &train));
    let own = workshop.json(&["evaluate", "run", "--json"]);
    assert!(own["ua"][0].as_f64().unwrap() > 0.9, "{own}");
    for corpus in ["other.safetensors", "reversed.safetensors"] {
        let scores = workshop.json(&["evaluate", "run", "--json", "--corpus", corpus]);
        for key in ["ua", "confusion"] {
            assert_eq!(scores[key], own[key], "{corpus}");
        }
    }
    let unknown = table.replacen("c1,a1.npy,happy", "c1,a1.npy,bored", 1);
    workshop.write("clips.csv", unknown.as_bytes());
    workshop.ok(&[
        "corpus",
        "import",
        "clips.csv",
        "--out",
        "other.safetensors",
    ]);
    workshop.fails(
        1,
        &["evaluate", "run", "--corpus", "other.safetensors"],
        &["classes", "bored, happy, sad", "sad, happy"],
    );
}
