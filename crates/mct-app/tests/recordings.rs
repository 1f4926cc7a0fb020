//! Recordings in the window: extracted for a model that knows its extractors, seen, played and predicted.

#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use eframe::egui::{Key, Pos2};
use egui_kittest::kittest::Queryable as _;
use mct_app::state::notices::Kind;
use mct_corpus::{Corpus, Metadata, ModalityBuilder, Precision, Task, Utterance};
use mct_engine::source::Source;
use mct_hfr::config::{Config, Interface};
use mct_hfr::model::Model;
use mct_hfr::nn::parameters::read_async;
use mct_hfr::training::Checkpoint;
use support::{Window, control, options, press, slide, small_corpus, until, window};

/// A model that has learnt nothing of features that need no weights.
fn model(extractors: [Option<&str>; 2]) -> Source {
    let modalities = [("audio", 40, extractors[0]), ("text", 64, extractors[1])];
    let modalities = modalities.map(|(name, dim, extractor)| {
        let mut builder =
            ModalityBuilder::new(name, dim, Precision::F32).extractor(extractor.map(str::to_owned));
        builder.push(&vec![0.5; dim]);
        builder.build()
    });
    let metadata = Metadata {
        title: "two classes".into(),
        licence: "not stated".into(),
        classes: vec!["calm".into(), "angry".into()],
        ..Metadata::default()
    };
    let utterance = Utterance {
        id: "a".into(),
        label: Some(0),
        ..Utterance::default()
    };
    let corpus = Corpus::new("test", metadata, vec![utterance], modalities.into());
    let interface = Interface::of(&corpus.unwrap(), Task::Classification);
    let mut config = Config::preset("demo").unwrap();
    config.model.d = 16;
    let device = burn_device();
    let model = Model::new(&config.model, &interface, &[], 1, &device);
    let checkpoint = Checkpoint {
        config,
        interface,
        model: pollster::block_on(read_async(&model)).unwrap(),
        optimizer: Default::default(),
        average: Default::default(),
        state: None,
        corpus: None,
        source: "test".into(),
    };
    let bytes = checkpoint.to_bytes(mct_hfr::training::Precision::F32);
    Source::Bytes {
        name: "model".into(),
        bytes: bytes.unwrap().into(),
    }
}

fn burn_device() -> mct_hfr::device::Device {
    mct_hfr::device::by_name(mct_hfr::device::CPU)
        .unwrap()
        .device
}

/// Two seconds of a tone that rises, of 8 kHz.
fn recording(folder: &Path) -> PathBuf {
    let samples = (0..16_000).map(|i| {
        let secs = i as f32 / 8000.0;
        let tone = (2.0 * std::f32::consts::PI * (200.0 + 100.0 * secs) * secs).sin();
        (tone * secs * 8000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut file = Vec::from(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8000u32.to_le_bytes());
    file.extend(16_000u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    let path = folder.join("tone.wav");
    std::fs::write(&path, file).unwrap();
    path
}

fn opened(path: PathBuf) -> Window {
    // The recording is opened before its model is there.
    let model = model([Some("log-mel"), Some("words")]);
    let mut window = window(options(vec![Source::Path(path), model]));
    until(
        &mut window,
        "the prediction of the recording",
        |application| {
            let workspace = &application.workspace;
            workspace.recordings.opened.is_some()
                && workspace.inspector.seen.is_some()
                && workspace.inspector.combined.is_some()
        },
    );
    window
}

#[test]
fn a_recording_is_seen_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    std::fs::write(path.with_extension("txt"), "kids are talking\n").unwrap();
    let mut window = opened(path);
    let workspace = &window.state().workspace;
    let card = workspace.corpus.as_ref().unwrap();
    assert_eq!(card.utterances[0].id, "tone.wav");
    let seen = workspace.inspector.seen.as_ref().unwrap();
    // 25 ms windows every 20 ms of two seconds, and three words.
    let steps: Vec<usize> = seen
        .inspection
        .modalities
        .iter()
        .map(|m| m.steps())
        .collect();
    assert_eq!(steps, [99, 3]);
    let media = workspace.recordings.media(0).unwrap();
    assert_eq!((media.samples.len(), media.rate_hz), (32_000, 16_000));
    assert_eq!(media.words[1], ["kids", "are", "talking"]);
    window.get_by_label("sound of the recording");
    window.get_by_label("words of the recording");
    // Both, and each alone: nothing is hidden from the first.
    let (_, _, combined) = workspace.inspector.combined.as_ref().unwrap();
    let present: Vec<_> = combined.iter().map(|one| one.present.clone()).collect();
    assert_eq!(present, [[true, true], [true, false], [false, true]]);
    assert_eq!(combined[0].outputs, seen.inspection.incomplete);
    assert_ne!(combined[1].outputs, combined[2].outputs);
    // There is nothing to score without a label, and nothing to warn of.
    let shown = workspace.models.shown().unwrap();
    assert_eq!(shown.card.note, None);
    assert!(shown.curve.points(mct_scores::Metric::Ua).is_empty());
    // The command line's way to the same features gives the same numbers: a hidden modality is one of them.
    slide(&mut window, "missing rate", 0.95);
    until(&mut window, "missing steps", |application| {
        let seen = application.workspace.inspector.seen.as_ref().unwrap();
        seen.inspection.modalities[0].missing.contains(&true)
    });
}

#[test]
fn a_click_on_the_waveform_goes_there_and_words_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = opened(recording(folder.path()));
    let workspace = &window.state().workspace;
    let missing = &workspace.recordings.opened.as_ref().unwrap().missing[0];
    assert_eq!(missing["text"], "no transcript is given");
    let sound = window.get_by_label("sound of the recording").rect();
    let at = Pos2::new(sound.left() + 0.75 * sound.width(), sound.center().y);
    window.hover_at(at);
    window.step();
    window.drag_at(at);
    window.drop_at(at);
    window.run_steps(2);
    let position = window.state().workspace.recordings.player.position();
    assert!((position - 1.5).abs() < 0.02, "{position}");
    press(&mut window, "transcript");
    for letter in ["d", "o", "g", "s"] {
        window.event(eframe::egui::Event::Text(letter.into()));
    }
    window.step();
    window.key_press(Key::Enter);
    until(&mut window, "features of the words", |application| {
        let opened = application.workspace.recordings.opened.as_ref();
        opened.is_some_and(|opened| opened.media[0].words[1] == ["dogs"])
            && application.workspace.inspector.seen.is_some()
    });
    let workspace = &window.state().workspace;
    let seen = workspace.inspector.seen.as_ref().unwrap();
    assert_eq!(seen.inspection.modalities[1].steps(), 1);
    assert!(workspace.recordings.opened.as_ref().unwrap().missing[0].is_empty());
}

#[test]
fn another_corpus_ends_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = opened(recording(folder.path()));
    window.state_mut().workspace.open(small_corpus());
    until(&mut window, "the corpus", |application| {
        let card = application.workspace.corpus.as_ref();
        card.is_some_and(|card| card.utterances.len() > 1)
    });
    assert!(window.state().workspace.recordings.opened.is_none());
    assert!(window.query_by_label("sound of the recording").is_none());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let errors = |window: &Window| -> Vec<String> {
        let notices = window.state().workspace.notices.all().iter();
        let errors = notices.filter(|notice| notice.kind == Kind::Error);
        errors.map(|notice| notice.text.clone()).collect()
    };
    // Without a model.
    let mut without = window(options(vec![Source::Path(path.clone())]));
    until(&mut without, "an error", |application| {
        !application.workspace.notices.all().is_empty()
    });
    assert!(errors(&without)[0].contains("open the model that is to predict it first"));
    // A model that knows nothing of extractors.
    let sources = vec![model([None, None]), Source::Path(path.clone())];
    let mut unknown = window(options(sources));
    until(&mut unknown, "an error", |application| {
        !application.workspace.notices.all().is_empty()
    });
    let text = &errors(&unknown)[0];
    assert!(
        text.contains("tone.wav") && text.contains("corpus extract"),
        "{text}"
    );
    // What is no recording within.
    let broken = folder.path().join("broken.wav");
    std::fs::write(&broken, "no sound").unwrap();
    let known = model([Some("log-mel"), Some("words")]);
    let mut none = window(options(vec![known, Source::Path(broken)]));
    until(&mut none, "an error", |application| {
        !application.workspace.notices.all().is_empty()
    });
    let text = &errors(&none)[0];
    assert!(
        text.contains("broken.wav: nothing to predict from (audio: is no audio file"),
        "{text}"
    );
}

/// Whether these programs are there; without them the test is skipped, loudly.
fn has(program: &str) -> bool {
    let there = Command::new(program).arg("-version").output().is_ok();
    if !there {
        assert!(
            std::env::var_os("MCT_HFR_REQUIRE_ALL").is_none(),
            "{program} is not on the PATH"
        );

        eprintln!("*** SKIPPED: {program} is not on the PATH ***");
    }
    there
}

#[test]
fn a_video_shows_its_pictures() {
    if !has("ffmpeg") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240:rate=25",
        ])
        .args(["-f", "lavfi", "-i", "sine=frequency=300", "-t", "2"])
        .args(["-pix_fmt", "yuv420p"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let window = opened(path);
    let media = window.state().workspace.recordings.media(0).unwrap();
    assert_eq!(media.pictures.len(), 10);
    let first = &media.pictures[0];
    assert_eq!((first.width, first.height), (160, 120));
    assert!(first.rgb != media.pictures[9].rgb, "the picture moves");
    window.get_by_label("pictures of the recording");
}

#[test]
fn a_recording_is_played() {
    if !has("ffplay") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut window = opened(recording(folder.path()));
    let before = control(&window, "play");
    press(&mut window, "play");
    // Machines without a sound device say so; where there is one, the position moves to the end.
    until(&mut window, "the end of the sound", |application| {
        !application.workspace.recordings.player.is_playing()
    });
    let workspace = &window.state().workspace;
    let position = workspace.recordings.player.position();
    let errors = workspace.notices.all().iter();
    let error = errors.map(|notice| notice.text.as_str()).next();
    match error {
        None => assert!((position - 2.0).abs() < 1e-3, "{position}"),
        Some(text) => assert!(text.starts_with("cannot play: "), "{text}"),
    }
    assert_eq!(control(&window, "play").center().y, before.center().y);
}
