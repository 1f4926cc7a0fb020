//! Training, and the runs of a folder.

use crate::support::{self, demo, options, press, small_corpus, until, window};
use eframe::egui::{Key, ViewportEvent, ViewportId};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mct_app::state::training::Phase;
use mct_hfr::training::FinishReason;
use mct_scores::Metric;

#[test]
fn closing_while_it_trains_waits_until_what_was_trained_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut window = demo();
    let settings = &mut window.state_mut().workspace.training.settings;
    settings.folder = path.display().to_string();
    settings.epochs = 5000;
    settings.more = "model.d = 16\nmodel.layers = 1\ntraining.patience = 5000".into();
    window.get_by_label("Training").click();
    window.run_steps(3);
    window.get_by_label("Train").click();
    until(&mut window, "a first step", |application| {
        !application.workspace.training.steps.is_empty()
    });
    let root = window.input_mut().viewports.entry(ViewportId::ROOT);
    root.or_default().events.push(ViewportEvent::Close);
    window.run_steps(3);
    window.get_by_label("A model is being trained.");
    press(&mut window, "keep training");
    assert!(window.query_by_label("A model is being trained.").is_none());
    assert!(window.state().workspace.training.phase.is_busy());
    let root = window.input_mut().viewports.entry(ViewportId::ROOT);
    root.or_default().events.push(ViewportEvent::Close);
    window.run_steps(3);
    press(&mut window, "save and close");
    window.get_by_label_contains("saving the training under way");
    until(&mut window, "the checkpoint", |application| {
        application.workspace.training.phase == Phase::Ended(FinishReason::Interrupted)
    });
    let run = mct_runs::RunFolder::open(&path).unwrap();
    assert!(!run.last().unwrap().unwrap().state.unwrap().finished);
}

#[test]
fn a_run_is_trained_paused_stopped_resumed_and_can_be_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut window = demo();
    let settings = &mut window.state_mut().workspace.training.settings;
    settings.folder = path.display().to_string();
    settings.epochs = 3;
    settings.more = "model.d = 16\nmodel.layers = 1".into();
    window.get_by_label("Training").click();
    window.run_steps(3);
    window.get_by_label("Train").click();
    until(&mut window, "a first step", |application| {
        !application.workspace.training.steps.is_empty()
    });
    press(&mut window, "pause training");
    until(&mut window, "the pause", |application| {
        application.workspace.training.phase == Phase::Paused
    });
    let epoch = window.state().workspace.training.epoch;
    press(&mut window, "stop training");
    until(&mut window, "the end of the run", |application| {
        matches!(application.workspace.training.phase, Phase::Ended(_))
    });
    let training = &window.state().workspace.training;
    assert_eq!(training.phase, Phase::Ended(FinishReason::Interrupted));
    assert!(training.last.is_some(), "what was trained is kept");
    assert!(epoch < 3);
    press(&mut window, "resume training");
    until(&mut window, "all epochs", |application| {
        application.workspace.training.phase == Phase::Ended(FinishReason::Epochs)
    });
    let training = &window.state().workspace.training;
    assert_eq!(training.history.len(), 3);
    assert!(training.history[2].validation_loss < training.history[0].validation_loss);
    // The command line can open the run folder.
    let run = mct_runs::RunFolder::open(&path).unwrap();
    let best = run.checkpoint(mct_runs::Which::Best).unwrap();
    assert_eq!(best.config.model.d, 16);
    let card = window.state().workspace.corpus.as_ref().unwrap();
    let corpus = run.manifest.corpus.open().unwrap();
    assert_eq!(corpus.len(), card.utterances.len());

    until(&mut window, "the trained model", |application| {
        application.workspace.models.iter().count() == 2
    });
    window.get_by_label("compare").click();
    until(&mut window, "both models", |application| {
        let compared = application.workspace.models.compared();
        compared.is_some_and(|open| open.evaluated.is_some())
    });
    until(&mut window, "the comparison", |application| {
        application
            .workspace
            .models
            .compared()
            .unwrap()
            .curve
            .auilc(Metric::Ua)
            .is_some()
    });
    let alone = window.get_by_label_contains("only MCT-HFR, run right");
    let label = alone.accesskit_node().label().unwrap();
    let count: usize = label.rsplit(' ').next().unwrap().parse().unwrap();
    alone.scroll_to_me();
    window.step();
    window.get_by_label(&label).click();
    window.step();
    assert_eq!(window.state().workspace.selection.len(), count);
}

#[test]
fn runs_of_a_folder_are_listed_drawn_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    support::two_runs(&folder.path().join("runs"));
    let mut options = options(vec![small_corpus()]);
    options.save_to = Some(folder.path().to_owned());
    let mut window = window(options);
    window.state_mut().workspace.runs.folder = folder.path().join("runs").display().to_string();
    window.get_by_label("Runs").click();
    until(&mut window, "the runs", |application| {
        application.workspace.runs.all().count() == 2
    });
    let lines = |window: &support::Window| {
        let mut lines: Vec<(f32, String)> = ["run2/run", "run10/run"]
            .into_iter()
            .filter_map(|name| {
                let at = window.query_by_label(name)?.rect().top();
                Some((at, name.to_owned()))
            })
            .collect();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        lines.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(lines(&window), ["run2/run", "run10/run"], "2 before 10");
    for text in ["UA 50.0 %", "UA 90.0 %", "stopped early", "trains now"] {
        assert!(window.query_by_label(text).is_some(), "{text}");
    }
    let click = |window: &mut support::Window, label: &str| {
        let at = window.get_by_label(label).rect().center();
        window.hover_at(at);
        window.step();
        window.drag_at(at);
        window.drop_at(at);
        window.run_steps(2);
    };
    // The best first.
    click(&mut window, "kept epoch");
    click(&mut window, "kept epoch");
    assert_eq!(lines(&window), ["run10/run", "run2/run"]);
    // A click on the text of a line ticks it.
    click(&mut window, "run10/run");
    click(&mut window, "UA 50.0 %");
    assert_eq!(window.state().workspace.runs.drawn().len(), 2);
    press(&mut window, "save runs");
    window.get_by_label("Data (JSON)").click();
    let path = folder.path().join("runs.json");
    until(&mut window, "the file", |_| path.exists());
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(saved["runs"][0]["best_validation"]["value"], 0.9);
    window.key_press(Key::Escape);
    window.step();
    press(&mut window, "save runs");
    window.get_by_label("Picture (SVG)").click();
    let path = folder.path().join("runs.svg");
    until(&mut window, "the picture", |_| path.exists());
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.contains("run10/run") && svg.contains("validation score"));
    window.key_press(Key::Escape);
    window.step();
    press(&mut window, "open runs");
    until(&mut window, "both models", |application| {
        application.workspace.models.iter().count() == 2
    });
}
