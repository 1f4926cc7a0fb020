//! The window, operated by pointer and keyboard; widgets are found by their accessibility labels.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    DroppedFile, Event, Key, Modifiers, PointerButton, Pos2, Vec2, ViewportEvent, ViewportId,
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mct_app::application::Application;
use mct_app::panels::Pane;
use mct_app::state::command::Command;
use mct_app::state::models::RATES;
use mct_app::state::training::Phase;
use mct_corpus::Task;
use mct_engine::source::Source;
use mct_hfr::training::FinishReason;
use mct_scores::Metric;
use support::{demo, demo_model, drag, options, press, slide, small_corpus, until, window};

#[test]
fn the_demo_is_evaluated_and_a_slider_changes_the_matrix() {
    let mut window = demo();
    let confusion = |window: &support::Window| {
        let shown = window.state().workspace.models.shown().unwrap();
        shown.evaluated.as_ref().unwrap().confusion.clone()
    };
    let before = confusion(&window);
    let test = window.state().workspace.models.shown().unwrap();
    let test = test.card.fold.as_ref().unwrap().test.len();
    assert_eq!(before.total(), test);
    assert!(
        before.scores().get(Metric::Ua) > 0.75,
        "the model has learnt the task"
    );
    slide(&mut window, "missing rate", 0.9);
    let rate = window.state().workspace.missing.rate;
    assert!((rate - 0.9).abs() < 0.03, "{rate}");
    until(&mut window, "another matrix", |application| {
        let shown = application.workspace.models.shown().unwrap();
        shown
            .evaluated
            .as_ref()
            .is_some_and(|evaluated| evaluated.confusion != before)
    });
    assert_eq!(confusion(&window).total(), test);
    until(&mut window, "the curve and the limit", |application| {
        let workspace = &application.workspace;
        let curve = &workspace.models.shown().unwrap().curve;
        curve.points(Metric::Ua).len() == RATES.len() && workspace.limit.is_some()
    });
    let workspace = &window.state().workspace;
    let curve = workspace.models.shown().unwrap().curve.points(Metric::Ua);
    assert!(
        curve[0].1 > curve[9].1,
        "the score is lower at 0.9: {curve:?}"
    );
    assert!(workspace.limit_now.is_some());
}

#[test]
fn a_cell_selects_its_utterances_everywhere() {
    let mut window = demo();
    let shown = window.state().workspace.models.shown().unwrap();
    let confusion = shown.evaluated.as_ref().unwrap().confusion.clone();
    let count = confusion.0[1][1];
    assert!(count > 1);
    window
        .get_by_label_contains("happy predicted as happy")
        .click();
    window.step();
    let workspace = &window.state().workspace;
    assert_eq!(workspace.selection.len(), count);
    let focus = workspace.selection.focus().unwrap();
    let card = workspace.corpus.as_ref().unwrap();
    assert_eq!(card.utterances[focus].label, Some(1));
    let id = card.utterances[focus].id.clone();
    until(&mut window, "the inspector", |application| {
        let seen = application.workspace.inspector.seen.as_ref();
        seen.is_some_and(|seen| seen.utterance == focus)
    });
    // In the table and in the inspector.
    assert!(window.get_all_by_label(&id).count() >= 2);
    // A row of the matrix, then the arrow keys.
    window
        .get_by_label_contains("true class sad: recall")
        .click();
    window.step();
    let row: usize = confusion.0[3].iter().sum();
    assert_eq!(window.state().workspace.selection.len(), row);
    let before = window.state().workspace.selection.focus();
    window.key_press(Key::ArrowDown);
    window.step();
    assert_ne!(window.state().workspace.selection.focus(), before);
}

#[test]
fn what_was_done_is_undone_and_redone_by_keys() {
    let mut window = demo();
    slide(&mut window, "missing rate", 0.5);
    let rate = window.state().workspace.missing.rate;
    assert!(rate > 0.3, "{rate}");
    window
        .get_by_label_contains("happy predicted as happy")
        .click();
    window.run_steps(2);
    let state = |window: &support::Window| {
        let workspace = &window.state().workspace;
        (workspace.missing.rate, workspace.selection.len())
    };
    let (_, selected) = state(&window);
    assert!(selected > 0);
    let (undo, redo) = (Modifiers::COMMAND, Modifiers::COMMAND | Modifiers::SHIFT);
    let mut press_key = |modifiers: Modifiers, key: Key, expected: (f64, usize)| {
        window.key_press_modifiers(modifiers, key);
        window.run_steps(2);
        assert_eq!(state(&window), expected);
    };
    press_key(undo, Key::Z, (rate, 0));
    press_key(undo, Key::Y, (rate, selected));
    let mut press = |modifiers, expected| press_key(modifiers, Key::Z, expected);
    press(undo, (rate, 0));
    press(undo, (0.0, 0));
    press(undo, (0.0, 0));
    press(redo, (rate, 0));
    press(redo, (rate, selected));
    press(redo, (rate, selected));
}

#[test]
fn two_models_of_one_name_are_told_apart_and_tested_against_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(vec![small_corpus(), demo_model()]);
    options.save_to = Some(folder.path().to_owned());
    let mut window = window(options);
    until(&mut window, "the first matrix", support::is_evaluated);
    let again = folder.path().join("again");
    std::fs::create_dir(&again).unwrap();
    let copy = again.join("demo-model.safetensors");
    std::fs::copy(support::assets().join("demo-model.safetensors"), &copy).unwrap();
    window.state_mut().workspace.open(Source::Path(copy));
    until(&mut window, "the second model", |application| {
        let models = &application.workspace.models;
        models.iter().count() == 2
    });
    let models = &mut window.state_mut().workspace.models;
    let names: Vec<&String> = models.iter().map(|open| &open.card.name).collect();
    assert_eq!(
        names,
        ["demo-model.safetensors", "again/demo-model.safetensors"]
    );
    let second = models.iter().nth(1).map(|open| open.card.id);
    models.compared = second;
    until(&mut window, "the comparison", |application| {
        let compared = application.workspace.models.compared();
        compared.is_some_and(|open| open.evaluated.is_some())
    });
    window.run_steps(5);
    // They are the same: nothing tells one from the other.
    for text in [
        "UA +0.0 points, without an interval: one speaker says nothing of others",
        "exact test p 1.000",
    ] {
        assert!(window.query_by_label_contains(text).is_some(), "{text}");
    }
    // The inspector looks into both.
    window.state_mut().workspace.selection.one(3);
    until(
        &mut window,
        "the compared model in the inspector",
        |application| {
            let inspector = &application.workspace.inspector;
            inspector.seen.is_some() && inspector.compared.is_some()
        },
    );
    let inspector = &window.state().workspace.inspector;
    let (seen, compared) = (&inspector.seen, &inspector.compared);
    let (seen, compared) = (seen.as_ref().unwrap(), compared.as_ref().unwrap());
    assert_ne!(seen.model, compared.model);
    assert_eq!(seen.inspection, compared.inspection);
    assert!(inspector.compared_is_current);
    // What is older than what is chosen is known to be so.
    window.state_mut().workspace.missing.rate = 0.6;
    window.step();
    assert!(!window.state().workspace.inspector.compared_is_current);
    until(&mut window, "the newer answer", |application| {
        application.workspace.inspector.compared_is_current
    });
    window.state_mut().workspace.missing.rate = 0.0;
    window.state_mut().workspace.selection.clear();
    // As runs of one kind they are one line, whose points are the mean of both.
    until(&mut window, "both curves", |application| {
        let mut models = application.workspace.models.iter();
        models.all(|open| open.curve.auilc(Metric::Ua).is_some())
    });
    window.get_by_label("pool runs").click();
    window.run_steps(3);
    press(&mut window, "save curves");
    let saved = folder.path().join("curves.csv");
    window.get_by_label("Table (CSV)").click();
    until(&mut window, "the file", |_| saved.exists());
    let text = std::fs::read_to_string(&saved).unwrap();
    let pooled: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("MCT-HFR"))
        .collect();
    assert_eq!(pooled.len(), 1, "{text}");
    assert!(
        pooled[0].starts_with("\"MCT-HFR dynamic, 2 runs, AUILC"),
        "{text}"
    );
}

#[test]
fn a_lasso_selects_what_it_goes_around_and_the_legend_hides() {
    let mut window = demo();
    until(&mut window, "the points", |application| {
        let projection = &application.workspace.projection;
        !projection.coordinates.is_empty()
            && projection.coordinates.len() == projection.cloud.points.len()
    });
    press(&mut window, "lasso");
    let plane = window.get_by_label("points of the embedding").rect();
    // Around all of them.
    let (from, to) = (plane.left_top(), plane.right_bottom());
    let corners = [from, plane.right_top(), to, plane.left_bottom(), from];
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for pair in corners.windows(2) {
        for part in 1..=3 {
            window.hover_at(pair[0] + (pair[1] - pair[0]) * (part as f32 / 3.0) * 0.999);
            window.step();
        }
    }
    window.drop_at(from);
    window.run_steps(2);
    let workspace = &window.state().workspace;
    let drawn = workspace
        .projection
        .representations
        .as_ref()
        .unwrap()
        .utterances
        .len();
    assert_eq!(workspace.selection.len(), drawn);
    assert_eq!(workspace.selection.reason, "points in a lasso");
}

#[test]
fn the_matrix_is_of_rows_of_columns_or_of_counts() {
    let mut window = demo();
    let shown = window.state().workspace.models.shown().unwrap();
    let confusion = shown.evaluated.as_ref().unwrap().confusion.clone();
    let count = confusion.0[1][1];
    let row: usize = confusion.0[1].iter().sum();
    let column: usize = confusion.0.iter().map(|row| row[1]).sum();
    let mut says = |of: &str, total: usize| {
        window.get_by_label(of).click();
        window.run_steps(2);
        let cell = format!("happy predicted as happy: {count} of {total} utterances");
        assert!(window.query_by_label_contains(&cell).is_some(), "{cell}");
    };
    assert_ne!(row, column);
    says("by column", column);
    says("counts", row);
    says("by row", row);
}

#[test]
fn steps_masked_by_hand_change_the_prediction() {
    let mut window = demo();
    window.state_mut().workspace.selection.one(0);
    let seen = |window: &support::Window| {
        let seen = window.state().workspace.inspector.seen.as_ref();
        seen.map(|seen| (seen.version, seen.inspection.clone()))
    };
    until(&mut window, "the inspector", |application| {
        application.workspace.inspector.seen.is_some()
    });
    let (version, before) = seen(&window).unwrap();
    assert_eq!(before.complete, before.incomplete, "nothing is missing");
    let audio = window.get_by_label_contains("audio: 0 of").rect();
    let y = audio.center().y;
    drag(
        &mut window,
        Pos2::new(audio.left() + 2.0, y),
        Pos2::new(audio.right() - 2.0, y),
    );
    until(&mut window, "the inspector again", |application| {
        let seen = application.workspace.inspector.seen.as_ref();
        seen.is_some_and(|seen| {
            seen.version > version && seen.inspection.modalities[0].missing.contains(&true)
        })
    });
    let (_, after) = seen(&window).unwrap();
    assert_ne!(after.incomplete, before.incomplete);
    assert_eq!(after.complete, before.complete);
    assert!(after.modalities[0].imagined.is_some());
    let steps: usize = after.modalities.iter().map(|m| m.steps()).sum();
    assert_eq!(after.attention.unwrap().len(), steps * steps);
    // What was done to one utterance stays while another is looked at.
    window.state_mut().workspace.selection.one(2);
    until(&mut window, "another utterance", |application| {
        let seen = application.workspace.inspector.seen.as_ref();
        seen.is_some_and(|seen| seen.utterance == 2)
    });
    assert!(window.query_by_label("Undo my changes").is_none());
    window.state_mut().workspace.selection.one(0);
    until(&mut window, "the first again", |application| {
        let seen = application.workspace.inspector.seen.as_ref();
        seen.is_some_and(|seen| {
            seen.utterance == 0 && seen.inspection.modalities[0].missing.contains(&true)
        })
    });
    window.get_by_label("Undo my changes").click();
    until(&mut window, "no missing step", |application| {
        let seen = application.workspace.inspector.seen.as_ref();
        seen.is_some_and(|seen| !seen.inspection.modalities[0].missing.contains(&true))
    });
}

#[test]
fn the_inspector_weighs_steps_looks_closer_and_shows_a_head() {
    // So high that nothing of it has to be scrolled to.
    let builder = support::builder().with_size(Vec2::new(1440.0, 1500.0));
    let mut window = support::build(builder, options(vec![small_corpus(), demo_model()]));
    until(&mut window, "the first matrix", support::is_evaluated);
    window.state_mut().workspace.selection.one(3);
    until(&mut window, "the inspector", |application| {
        application.workspace.inspector.seen.is_some()
    });
    window
        .get_by_role_and_label(Role::CheckBox, "importance")
        .click();
    until(
        &mut window,
        "what is predicted without some steps",
        |application| application.workspace.inspector.left_out.is_some(),
    );
    let inspector = &window.state().workspace.inspector;
    let seen = inspector.seen.as_ref().unwrap();
    let weighed = inspector.left_out.as_ref().unwrap();
    let all: usize = seen
        .inspection
        .modalities
        .iter()
        .map(|own| own.steps().min(32))
        .sum();
    assert!(weighed.windows.len() > 3 && weighed.windows.len() <= all);
    assert!(
        weighed
            .windows
            .iter()
            .all(|own| own.outputs != seen.inspection.incomplete)
    );
    assert!(
        window
            .query_by_label_contains("importance for the probability of")
            .is_some()
    );
    let mean = seen.inspection.attention.clone().unwrap();
    // What is dragged over on the axis is looked at closer.
    let axis = support::control(&window, "time axis");
    assert!(window.query_by_label("Whole").is_none());
    let at = |share: f32| Pos2::new(axis.left() + share * axis.width(), axis.center().y);
    drag(&mut window, at(0.4), at(0.6));
    window.run_steps(2);
    window.get_by_label("Whole").click();
    window.run_steps(3);
    assert!(window.query_by_label("Whole").is_none());
    window.state_mut().workspace.inspector.attending.head = Some(1);
    until(&mut window, "the head", |application| {
        application.workspace.inspector.is_current
    });
    let seen = window.state().workspace.inspector.seen.as_ref().unwrap();
    assert_ne!(seen.inspection.attention.as_ref(), Some(&mean));
    // What another model had more of is not asked of this one.
    window.state_mut().workspace.inspector.attending.layer = 9;
    window.state_mut().workspace.inspector.attending.head = Some(9);
    until(&mut window, "what it has", |application| {
        let inspector = &application.workspace.inspector;
        inspector.is_current && inspector.attending.head.is_none()
    });
    let seen = window.state().workspace.inspector.seen.as_ref().unwrap();
    assert!(seen.inspection.attention.is_some());
    // Another utterance is weighed anew.
    window.state_mut().workspace.selection.one(5);
    until(&mut window, "the other utterance", |application| {
        let left_out = application.workspace.inspector.left_out.as_ref();
        left_out.is_some_and(|weighed| weighed.utterance == 5)
    });
}

#[test]
fn the_embedding_moves_pauses_and_has_neighbours() {
    let mut window = demo();
    let steps = |application: &Application| {
        application
            .workspace
            .projection
            .progress
            .map_or(0, |progress| progress.steps)
    };
    until(&mut window, "t-SNE", |application| steps(application) > 50);
    let divergence = window
        .state()
        .workspace
        .projection
        .progress
        .unwrap()
        .divergence;
    press(&mut window, "pause projection");
    until(&mut window, "the pause", |application| {
        application.workspace.projection.paused
    });
    // Responses sent before the pause may still arrive.
    for _ in 0..30 {
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let steps_at_pause = steps(window.state());
    for _ in 0..30 {
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(steps(window.state()), steps_at_pause);
    window.get_by_label("Continue").click();
    until(&mut window, "the end of t-SNE", |application| {
        let progress = application.workspace.projection.progress;
        progress.is_some_and(|progress| progress.finished)
    });
    let projection = &window.state().workspace.projection;
    assert!(projection.progress.unwrap().divergence < divergence);
    let neighbours = projection.neighbours(3);
    assert_eq!(neighbours.len(), projection.settings.neighbours);
    assert!(neighbours.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    // The points continue from their coordinates when steps go missing.
    let before = projection.coordinates.clone();
    slide(&mut window, "missing rate", 0.3);
    until(&mut window, "the embedding to follow", |application| {
        let projection = &application.workspace.projection;
        projection.coordinates != before && steps(application) > 20
    });
    window.get_by_label("PCA").click();
    until(&mut window, "principal components", |application| {
        let projection = &application.workspace.projection;
        projection.progress.is_none() && !projection.coordinates.is_empty()
    });
}

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

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn drop_file(window: &mut support::Window, path: &Path) {
    let file = Arc::new(Dropped(path.to_owned()));
    window.input_mut().dropped_files.push(file);
    window.step();
}

#[test]
fn features_that_need_options_are_asked_for_them() {
    let fixture = |name: &str| {
        let folder = support::assets().join("../tests/fixtures/import");
        folder.join(name).canonicalize().unwrap()
    };
    let mut window = window(options(vec![small_corpus()]));
    until(&mut window, "the corpus", |application| {
        application.workspace.corpus.is_some()
    });
    // Several emotions at once are no classes.
    drop_file(&mut window, &fixture("mult_several_p4.pkl"));
    until(&mut window, "the dialog", |application| {
        !application.workspace.importing.is_empty()
    });
    window.run_steps(3);
    let problem = window.state().workspace.importing[0].problem.clone();
    assert!(problem.unwrap().contains("--task regression"));
    let scale = |window: &support::Window| {
        let field = window.get_by_role_and_label(Role::TextInput, "Scale of intensities");
        field.focus();
        field.type_text("0; 1");
    };
    scale(&window);
    window.run_steps(3);
    press(&mut window, "import");
    let problem = window.state().workspace.importing[0].problem.clone();
    let problem = problem.unwrap();
    assert!(problem.starts_with("scale: expected"), "{problem}");
    let form = &mut window.state_mut().workspace.importing[0].form;
    assert_eq!(form.range, "0; 1");
    form.range = "0, 1".into();
    window.run_steps(2);
    press(&mut window, "import --task");
    window.get_by_label("intensities").click();
    window.run_steps(2);
    press(&mut window, "import");
    let is_open = |application: &Application| {
        let corpus = application.workspace.corpus.as_ref();
        corpus.is_some_and(|card| !card.metadata.synthetic && !card.metadata.targets.is_empty())
    };
    until(&mut window, "the intensities", is_open);
    assert!(window.state().workspace.importing.is_empty());
    // What was said is there when it is imported again, and can be saved as a corpus.
    press(&mut window, "import options");
    let form = &window.state().workspace.importing[0].form;
    assert_eq!(
        (&form.range[..], form.task),
        ("0, 1", Some(Task::Regression))
    );
    press(&mut window, "cancel import");
    assert!(window.state().workspace.importing.is_empty());
}

#[test]
fn a_folder_with_a_table_is_a_corpus_and_is_kept_by_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let features = folder.path().join("clips/features/audio");
    std::fs::create_dir_all(&features).unwrap();
    let mut table = "id,label,side\n".to_owned();
    for clip in 0..20 {
        let side = ["train", "train", "train", "valid", "test"][clip / 2 % 5];
        table += &format!("c{clip},{},{side}\n", ["sad", "happy"][clip % 2]);
        let rows = "0.5,1\n0.25,2\n".repeat(3);
        std::fs::write(
            features.join(format!("c{clip}.csv")),
            format!("a,b\n{rows}"),
        )
        .unwrap();
    }
    std::fs::write(folder.path().join("clips/labels.csv"), table).unwrap();
    let mut window = window(options(Vec::new()));
    drop_file(&mut window, &folder.path().join("clips"));
    until(&mut window, "the corpus", |application| {
        application.workspace.corpus.is_some()
    });
    let card = window.state().workspace.corpus.as_ref().unwrap();
    assert_eq!(
        (card.utterances.len(), card.modalities[0].features),
        (20, 2)
    );
    let run = folder.path().join("run");
    let settings = &mut window.state_mut().workspace.training.settings;
    settings.folder = run.display().to_string();
    settings.epochs = 1;
    settings.more =
        "model.d = 8\nmodel.heads = 2\nmodel.layers = 1\ntraining.protocol = \"file\"".into();
    settings.config().unwrap();
    window.get_by_label("Training").click();
    window.run_steps(3);
    window.get_by_label("Train").click();
    until(&mut window, "the end", |application| {
        matches!(
            application.workspace.training.phase,
            Phase::Ended(_) | Phase::Failed
        )
    });
    assert_eq!(window.state().workspace.training.problem, None);
    // The run has a corpus of its own, so that the command line can evaluate it.
    let kept = mct_runs::RunFolder::open(&run).unwrap().manifest.corpus;
    assert_eq!(kept.open().unwrap().len(), 20);
}

#[test]
fn an_invalid_file_is_refused_and_the_open_corpus_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = demo();
    let utterances = window
        .state()
        .workspace
        .corpus
        .as_ref()
        .unwrap()
        .utterances
        .len();
    let model = std::fs::read(support::assets().join("demo-model.safetensors")).unwrap();
    let mut damaged = model.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let cases: [(&str, &[u8], &str); 4] = [
        ("damaged.safetensors", &damaged, "SHA-256"),
        (
            "truncated.safetensors",
            &model[..1000],
            "truncated.safetensors",
        ),
        ("photo.png", b"\x89PNG", "expected a corpus or a checkpoint"),
        ("features.npz", b"PK\x03\x04", "features.npz"),
    ];
    for (name, bytes, expected) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let before = window.state().workspace.notices.all().len();
        drop_file(&mut window, &path);
        until(&mut window, name, |application| {
            application.workspace.notices.all().len() > before
        });
        let notices = window.state().workspace.notices.all();
        let text = &notices.last().unwrap().text;
        assert!(text.contains(expected), "{name}: {text}");
    }
    let workspace = &window.state().workspace;
    assert_eq!(
        workspace.corpus.as_ref().unwrap().utterances.len(),
        utterances
    );
    assert!(support::is_evaluated(window.state()));
    assert_eq!(workspace.models.iter().count(), 1);
    // A valid file is opened in the same way.
    let corpus = mct_corpus::demo::generate(2, 0.05).unwrap();
    let path = folder.path().join("other.safetensors");
    corpus.save(&path).unwrap();
    drop_file(&mut window, &path);
    until(&mut window, "the other corpus", |application| {
        let card = application.workspace.corpus.as_ref();
        card.is_some_and(|card| card.utterances.len() == corpus.len())
    });
    until(&mut window, "its matrix", support::is_evaluated);
}

#[test]
fn every_view_can_be_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(vec![small_corpus(), demo_model()]);
    options.save_to = Some(folder.path().to_owned());
    let mut window = window(options);
    until(&mut window, "the first matrix", support::is_evaluated);
    window.state_mut().workspace.selection.one(3);
    until(&mut window, "all views", |application| {
        let workspace = &application.workspace;
        let curve = &workspace.models.shown().unwrap().curve;
        curve.auilc(Metric::Ua).is_some()
            && workspace.limit.is_some()
            && workspace.inspector.seen.is_some()
            && workspace.projection.coordinates.len() == workspace.projection.cloud.points.len()
            && !workspace.projection.coordinates.is_empty()
    });
    let formats = [
        ("svg", "Picture (SVG)"),
        ("csv", "Table (CSV)"),
        ("json", "Data (JSON)"),
    ];
    for view in [
        "confusion",
        "curves",
        "embedding",
        "utterances",
        "utterance",
    ] {
        for (extension, title) in formats {
            if (view, extension) == ("utterances", "svg") {
                // The table has no SVG export.
                continue;
            }
            press(&mut window, &format!("save {view}"));
            window.get_by_label(title).click();
            let path = folder.path().join(format!("{view}.{extension}"));
            until(&mut window, "the file", |_| path.exists());
            let text = std::fs::read_to_string(&path).unwrap();
            match extension {
                "svg" => assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>")),
                "json" => {
                    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(value["synthetic"], true, "{view}");
                    if ["confusion", "utterances"].contains(&view) {
                        assert_eq!(value["side"], "test");
                        assert_eq!(value["fold"], "session 1");
                        assert_eq!(value["conditions"]["mask_seed"], 1);
                    }
                }
                _ => {
                    let columns = text.lines().next().unwrap().split(',').count();
                    assert!(columns > 1 && text.lines().count() > 2, "{view}: {text}");
                }
            }
            // Closes the menu before the next one is opened.
            window.key_press(Key::Escape);
            window.step();
        }
    }
    let text = std::fs::read_to_string(folder.path().join("utterances.csv")).unwrap();
    let evaluated = window.state().workspace.models.shown().unwrap();
    let evaluated = evaluated.evaluated.as_ref().unwrap();
    assert_eq!(text.lines().count(), 1 + evaluated.utterances.len());
    let (header, first) = (text.lines().next().unwrap(), text.lines().nth(1).unwrap());
    assert!(header.ends_with("model,fold,side,conditions"), "{header}");
    assert!(first.ends_with("test,missing rate 0.00"), "{first}");
}

#[test]
fn a_dead_pipeline_is_restarted_with_the_open_corpus_and_models() {
    use mct_app::state::command::Part;

    let mut window = demo();
    let workspace = &mut window.state_mut().workspace;
    workspace
        .notices
        .died(Part::Evaluation, "the device was lost".into());
    workspace.models.forget();
    window.step();
    window.get_by_label_contains("evaluation has stopped: the device was lost");
    press(&mut window, "restart evaluation");
    until(&mut window, "the matrix again", support::is_evaluated);
    let workspace = &window.state().workspace;
    assert!(workspace.notices.dead().is_empty());
    assert_eq!(workspace.models.iter().count(), 1);
}

fn note(window: &support::Window) -> Option<String> {
    let shown = window.state().workspace.models.shown();
    shown.and_then(|open| open.card.note.clone())
}

#[test]
fn a_run_folder_opens_its_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = support::run_on(folder.path(), 3);
    let mut window = window(options(vec![Source::Path(run)]));
    until(&mut window, "the run", support::is_evaluated);
    let workspace = &window.state().workspace;
    let corpus = mct_corpus::Corpus::open(&path).unwrap();
    assert_eq!(
        workspace.corpus.as_ref().unwrap().utterances.len(),
        corpus.len()
    );
    assert_eq!(note(&window), None);
}

#[test]
fn a_run_is_opened_on_its_corpus_where_that_has_moved() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = support::run_on(folder.path(), 3);
    let moved = folder.path().join("moved.safetensors");
    std::fs::rename(path, &moved).unwrap();
    let mut window = window(options(vec![Source::Path(run)]));
    until(&mut window, "the model", |application| {
        !application.workspace.models.is_empty()
    });
    let absent = note(&window).unwrap();
    assert!(absent.contains("open it, wherever it is"), "{absent}");
    window.state_mut().workspace.open(Source::Path(moved));
    until(&mut window, "its scores", support::is_evaluated);
    assert_eq!(note(&window), None);
}

#[test]
fn a_corpus_that_was_asked_for_stays_and_another_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (run, _) = support::run_on(folder.path(), 3);
    let other = folder.path().join("other.safetensors");
    let corpus = mct_corpus::demo::generate(4, 0.06).unwrap();
    corpus.save(&other).unwrap();
    let sources = vec![Source::Path(other), Source::Path(run)];
    let mut window = window(options(sources));
    until(&mut window, "the run", support::is_evaluated);
    let card = window.state().workspace.corpus.as_ref().unwrap();
    assert_eq!(card.utterances.len(), corpus.len());
    let said = note(&window).unwrap();
    assert!(
        said.contains("another corpus (corpus-3.safetensors)"),
        "{said}"
    );
    window.get_by_label_contains("another corpus (corpus-3");
}

#[test]
fn a_click_on_the_text_of_a_line_selects_and_shift_takes_a_range() {
    let mut window = demo();
    let ids: Vec<String> = {
        let workspace = &window.state().workspace;
        let shown = workspace
            .models
            .shown()
            .unwrap()
            .evaluated
            .as_ref()
            .unwrap();
        let card = workspace.corpus.as_ref().unwrap();
        let ids = shown
            .utterances
            .iter()
            .map(|u| card.utterances[*u].id.clone());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    };
    let click = |window: &mut support::Window, id: &str, modifiers: Modifiers| {
        let at = window.get_by_label(id).rect().center();
        window.hover_at(at);
        window.event(Event::ModifiersChanged(modifiers));
        window.step();
        for pressed in [true, false] {
            let event = Event::PointerButton {
                pos: at,
                button: PointerButton::Primary,
                pressed,
                modifiers,
            };
            window.event(event);
        }
        window.run_steps(2);
        window.event(Event::ModifiersChanged(Modifiers::NONE));
        window.step();
    };
    click(&mut window, &ids[1], Modifiers::NONE);
    let selection = |window: &support::Window| {
        let workspace = &window.state().workspace;
        let card = workspace.corpus.as_ref().unwrap();
        let chosen = workspace.selection.iter();
        let mut chosen: Vec<String> = chosen.map(|u| card.utterances[u].id.clone()).collect();
        chosen.sort();
        chosen
    };
    assert_eq!(selection(&window), ids[1..2]);
    click(&mut window, &ids[3], Modifiers::SHIFT);
    assert_eq!(selection(&window), ids[1..4]);
    // The arrow keys look at a neighbour, and lose none of them.
    window.key_press(Key::ArrowDown);
    window.step();
    assert_eq!(selection(&window), ids[1..4]);
    click(&mut window, &ids[2], Modifiers::COMMAND);
    assert_eq!(selection(&window), [ids[1].clone(), ids[3].clone()]);
}

#[test]
fn every_panel_can_be_opened_and_closed() {
    let mut window = demo();
    for title in ["Training", "Comparison", "Inspector"] {
        window.get_by_label(title).click();
        window.run_steps(2);
    }
    window.get_by_label("View").click();
    window.run_steps(2);
    window
        .get_by_role_and_label(Role::CheckBox, "Curves")
        .click();
    window.run_steps(2);
    assert!(
        window
            .query_by_label("scores against missing rates")
            .is_none()
    );
    window.get_by_label("View").click();
    window.run_steps(2);
    window.get_by_label("Reset the layout").click();
    window.run_steps(3);
    assert!(
        window
            .query_by_label("scores against missing rates")
            .is_some()
    );
}

#[derive(Default)]
struct Storage(std::collections::HashMap<String, String>);

impl eframe::Storage for Storage {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

#[test]
fn the_next_start_finds_layout_and_settings() {
    let mut first = window(options(vec![small_corpus()]));
    let workspace = &mut first.state_mut().workspace;
    workspace.missing.rate = 0.4;
    workspace.missing.modalities = vec![mct_app::state::missing::Modality {
        name: "audio".to_owned(),
        off: false,
        own_rate: Some(0.7),
    }];
    workspace.projection.settings.perplexity = 12.5;
    workspace.training.settings.more = "training.seed=9".to_owned();
    let mut storage = Storage::default();
    first.state().store(&mut storage);

    let second = support::builder().build_eframe(|creation| {
        let options = options(vec![small_corpus()]);
        Application::new(&creation.egui_ctx, Some(&storage), options).unwrap()
    });
    let mut again = Storage::default();
    second.state().store(&mut again);
    let layout = |storage: &Storage| {
        let text = storage.0.values().next().unwrap();
        let stored: serde_json::Value = serde_json::from_str(text).unwrap();
        stored["layout"].clone()
    };
    assert!(layout(&storage).is_object());
    assert_eq!(layout(&again), layout(&storage));
    let (first, second) = (&first.state().workspace, &second.state().workspace);
    assert_eq!(second.missing, first.missing);
    let perplexity = second.projection.settings.perplexity;
    assert_eq!(perplexity, 12.5);
    assert_eq!(second.training.settings.more, "training.seed=9");
}

#[test]
fn a_combination_of_modalities_scores_as_without_the_others() {
    let mut window = demo();
    press(&mut window, "tab modalities");
    until(&mut window, "all points", |application| {
        let by = application.workspace.by_modality.as_ref();
        by.is_some_and(|by| by.is_complete())
    });
    let workspace = &window.state().workspace;
    let by = workspace.by_modality.clone().unwrap();
    assert_eq!((by.combinations.len(), by.sweeps.len()), (7, 3));
    let ua = |point: &Option<Vec<mct_scores::Scores>>| point.as_ref().unwrap()[0].get(Metric::Ua);
    let shown = workspace.models.shown().unwrap();
    let complete = shown.evaluated.as_ref().unwrap().scores.get(Metric::Ua);
    assert_eq!(ua(&by.combinations[6].1), complete);
    assert!(by.sweeps.iter().all(|sweep| ua(&sweep[0]) == complete));
    let (present, only) = &by.combinations[1];
    assert_eq!(present, &[false, true, false]);
    window.get_by_label_contains("UA with vision: ");
    for name in ["audio there", "text there"] {
        press(&mut window, name);
    }
    until(&mut window, "the matrix of vision alone", |application| {
        let workspace = &application.workspace;
        let held = workspace.shown_held();
        held.is_some_and(|(_, held)| held.conditions.missing.rates == [1.0, 0.0, 1.0])
    });
    let shown = window.state().workspace.models.shown().unwrap();
    assert_eq!(
        shown.evaluated.as_ref().unwrap().scores.get(Metric::Ua),
        ua(only)
    );
}

#[test]
fn a_slice_selects_its_utterances_and_a_selection_can_be_kept() {
    let mut window = demo();
    slide(&mut window, "missing rate", 0.8);
    press(&mut window, "tab slices");
    until(
        &mut window,
        "what is predicted of all steps",
        |application| {
            let workspace = &application.workspace;
            let current = workspace.shown_held();
            let current = current.is_some_and(|(open, held)| workspace.holds(open.card.id, held).1);
            current
                && workspace
                    .models
                    .shown()
                    .is_some_and(|open| open.complete.is_some())
        },
    );
    let expected = |window: &support::Window| -> Vec<usize> {
        let shown = window.state().workspace.models.shown().unwrap();
        let (now, complete) = (
            shown.evaluated.as_ref().unwrap(),
            shown.complete.as_ref().unwrap(),
        );
        let utterances = now.utterances.iter().copied();
        utterances
            .filter(|index| now.class_of(*index) != complete.class_of(*index))
            .collect()
    };
    let changed = expected(&window);
    assert!(!changed.is_empty());
    window.get_by_label_contains("changed: ").click();
    window.run_steps(2);
    let selected = |window: &support::Window| -> Vec<usize> {
        window.state().workspace.selection.iter().collect()
    };
    assert_eq!(selected(&window), changed);
    press(&mut window, "name of the selection");
    window.event(Event::Text("moved".into()));
    window.run_steps(2);
    press(&mut window, "keep selection");
    window.state_mut().workspace.selection.clear();
    window.run_steps(2);
    let kept = format!("moved ({})", changed.len());
    window.get_by_label(&kept).click();
    window.run_steps(2);
    assert_eq!(selected(&window), changed);
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

#[test]
fn a_session_opens_again_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        support::run_on(&folder.path().join(name), 3);
    }
    let runs = ["a", "b"].map(|name| Source::Path(folder.path().join(name).join("run")));
    let mut first = options(runs.to_vec());
    first.save_to = Some(folder.path().to_owned());
    let mut window = window(first);
    until(&mut window, "both runs", |application| {
        support::is_evaluated(application) && application.workspace.models.iter().count() == 2
    });
    let workspace = &mut window.state_mut().workspace;
    let names: Vec<String> = workspace
        .models
        .iter()
        .map(|open| open.card.name.clone())
        .collect();
    workspace
        .models
        .want(Some(names[1].clone()), Some(names[0].clone()));
    workspace.missing.rate = 0.3;
    workspace.side = mct_engine::evaluation::Side::Validation;
    workspace.selection.one(7);
    window.get_by_label("Slices").click();
    window.run_steps(3);
    window.get_by_label("File").click();
    window.run_steps(2);
    window.get_by_label("Save the session…").click();
    let path = folder.path().join("mct-hfr.session.json");
    until(&mut window, "the file", |_| path.exists());
    let saved = window.state().workspace.conditions();
    assert!(saved.views.contains(&"slices".to_owned()) && saved.compared.is_some());

    let mut window = self::window(options(vec![Source::Path(path.clone())]));
    until(&mut window, "the session", |application| {
        application.workspace.conditions() == saved && support::is_evaluated(application)
    });
    let shown = window.state().workspace.models.shown().unwrap();
    assert_eq!(shown.card.name, names[1]);

    // What is no file is said and not written, however large it is.
    let bytes = mct_corpus::demo::generate(3, 0.02)
        .unwrap()
        .to_bytes()
        .unwrap();
    let source = Source::Bytes {
        name: "extracted".to_owned(),
        bytes: bytes.into(),
    };
    let mut of_bytes = options(vec![source]);
    of_bytes.save_to = Some(folder.path().to_owned());
    std::fs::remove_file(&path).unwrap();
    let window = &mut self::window(of_bytes);
    until(window, "the corpus", |application| {
        application.workspace.corpus.is_some()
    });
    window.state_mut().workspace.command(Command::SaveSession);
    until(window, "the file", |_| path.exists());
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(saved["corpus"].is_null());
    let mut notices = window.state().workspace.notices.all().iter();
    assert!(notices.any(|own| own.text.contains("extracted is no file")));

    std::fs::write(&path, r#"{"version": 2}"#).unwrap();
    let window = &mut self::window(options(vec![Source::Path(path)]));
    until(window, "the refusal", |application| {
        let mut notices = application.workspace.notices.all().iter();
        notices
            .any(|own| own.text.contains("session.json") && own.text.contains("expected a session"))
    });
}

#[test]
fn what_is_chosen_comes_in_front_and_messages_cover_nothing() {
    let mut window = demo();
    let front = |window: &support::Window| window.state().workspace.front.clone();
    window
        .state_mut()
        .workspace
        .command(Command::Show(Pane::Training));
    window.run_steps(3);
    assert!(front(&window).contains(&"training".to_owned()));
    press_on(&mut window, "happy predicted as happy");
    assert!(front(&window).is_empty(), "the inspector is in front");
    until(&mut window, "the inspector", |application| {
        let workspace = &application.workspace;
        workspace
            .controls
            .iter()
            .any(|(name, _)| name == "time axis")
    });
    let before = support::control(&window, "curves");
    let notices = &mut window.state_mut().workspace.notices;
    for text in ["a first problem", "a second problem"] {
        notices.add(mct_app::state::notices::Kind::Error, text);
    }
    window.run_steps(3);
    let message = window.get_by_label("a second problem").rect();
    let panes: Vec<_> = ["curves", "filter", "time axis"]
        .iter()
        .map(|name| support::control(&window, name))
        .collect();
    assert!(
        panes.iter().all(|pane| !pane.intersects(message)),
        "{panes:?} {message:?}"
    );
    press(&mut window, "dismiss all");
    assert_eq!(support::control(&window, "curves"), before);
    assert_eq!(window.state().workspace.notices.all().len(), 2);
}

#[test]
fn a_drag_over_the_curves_sets_the_rate_and_a_side_has_no_curve_of_another() {
    let mut window = demo();
    until(&mut window, "the curve", |application| {
        let curve = &application.workspace.models.shown().unwrap().curve;
        curve.auilc(Metric::Ua).is_some()
    });
    // A click on a slider, within one frame.
    let slider = support::control(&window, "missing rate");
    let knob = Pos2::new(slider.left() + 60.0, slider.center().y);
    window.hover_at(knob);
    window.step();
    window.drag_at(knob);
    window.drop_at(knob);
    window.run_steps(2);
    let clicked = window.state().workspace.missing.rate;
    assert!((clicked - 0.5).abs() < 0.03, "{clicked}");
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    let stepped = window.state().workspace.missing.rate;
    assert!((stepped - clicked - 0.01).abs() < 1e-9, "{stepped}");
    let plot = support::control(&window, "curves");
    let at = |share: f32| Pos2::new(plot.left() + share * plot.width(), plot.center().y);
    let rate = |window: &support::Window| window.state().workspace.missing.rate;
    drag(&mut window, at(0.3), at(0.8));
    let dragged = rate(&window);
    assert!(dragged > 0.6, "{dragged}");
    // A double click is two clicks, however slow.
    for _ in 0..2 {
        window.hover_at(at(0.5));
        window.drag_at(at(0.5));
        window.drop_at(at(0.5));
        window.step();
    }
    let clicked = rate(&window);
    assert!((0.3..dragged).contains(&clicked), "{clicked}");
    // In the very frame in which another side is chosen the old curve is gone.
    window.get_by_label("validation").click();
    window.step();
    let workspace = &window.state().workspace;
    assert_eq!(workspace.side.title(), "validation");
    let curve = &workspace.models.shown().unwrap().curve;
    assert!(curve.points(Metric::Ua).is_empty());
    assert_eq!(workspace.limit, None);
}

#[test]
fn what_is_no_seed_leaves_the_seed_and_is_said() {
    let mut window = demo();
    let before = window.state().workspace.missing.mask_seed;
    let field = window.get_by_label("mask seed").rect().center();
    for _ in 0..2 {
        window.hover_at(field);
        window.drag_at(field);
        window.drop_at(field);
        window.run_steps(2);
    }
    let select_all = Modifiers::COMMAND;
    window.key_press_modifiers(select_all, Key::A);
    window.event(Event::Text("99999999999999999999".to_owned()));
    window.run_steps(2);
    assert_eq!(window.state().workspace.missing.mask_seed, before);
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert_eq!(window.state().workspace.missing.mask_seed, before);
    window.get_by_label_contains("a whole number, 0 to 9007199254740991");
}

#[test]
fn weights_know_their_corpus_and_what_they_do_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = support::run_on(folder.path(), 3);
    let best = mct_runs::RunFolder::open(&run).unwrap();
    let best = best.checkpoint_path(mct_runs::Which::Best);
    let weights = folder.path().join("weights.safetensors");
    std::fs::copy(best, &weights).unwrap();
    let sources = vec![Source::Path(path), Source::Path(weights.clone())];
    let mut window = window(options(sources));
    until(&mut window, "the weights", support::is_evaluated);
    assert_eq!(note(&window), None);
    // The same corpus, generated and not read from a file; then another.
    for (seed, is_another) in [(3, false), (4, true)] {
        let generated = Source::Demo { seed, scale: 0.05 };
        window.state_mut().workspace.open(generated.clone());
        until(&mut window, "the corpus", |application| {
            let card = application.workspace.corpus.as_ref().unwrap();
            card.source == generated && support::is_evaluated(application)
        });
        let said = note(&window);
        assert_eq!(said.is_some(), is_another, "{said:?}");
    }
    // Sequences that are longer than what a model reads.
    let bytes = std::fs::read(&weights).unwrap();
    let mut short = mct_hfr::training::Checkpoint::from_bytes("short", &bytes).unwrap();
    for modality in short.config.model.modality.values_mut() {
        modality.max_steps = mct_hfr::config::MaxSteps::Most(4);
    }
    let bytes = short.to_bytes(mct_hfr::training::Precision::F32).unwrap();
    let source = Source::Bytes {
        name: "short".into(),
        bytes: bytes.into(),
    };
    window
        .state_mut()
        .workspace
        .models
        .show_next(source.clone());
    window.state_mut().workspace.open(source);
    until(&mut window, "the shorter model", |application| {
        let shown = application.workspace.models.shown();
        shown.is_some_and(|open| open.card.name == "short")
    });
    let shown = window.state().workspace.models.shown().unwrap();
    assert_eq!(shown.card.cut.len(), 3, "{:?}", shown.card.cut);
    window.run_steps(2);
    window.get_by_label_contains("audio: ");
}

/// Presses in the middle of what is first drawn under this label.
fn press_on(window: &mut support::Window, label: &str) {
    let found = window.get_all_by_label_contains(label).next();
    let at = found.unwrap().rect().center();
    window.hover_at(at);
    window.step();
    window.drag_at(at);
    window.drop_at(at);
    window.run_steps(3);
}

#[test]
fn at_every_size_what_is_pressed_on_answers() {
    for size in [
        [800.0, 600.0],
        [1280.0, 720.0],
        [1440.0, 900.0],
        [390.0, 844.0],
    ] {
        let builder = support::builder().with_size(Vec2::from(size));
        let mut window = support::build(builder, options(vec![small_corpus(), demo_model()]));
        until(&mut window, "the first matrix", support::is_evaluated);
        let show = |window: &mut support::Window, pane: Pane| {
            window.state_mut().workspace.command(Command::Show(pane));
            window.run_steps(3);
        };
        let selected = |window: &support::Window| window.state().workspace.selection.len();
        // A cell of the matrix, on its number.
        show(&mut window, Pane::Confusion);
        press_on(&mut window, "happy predicted as happy");
        let shown = window.state().workspace.models.shown().unwrap();
        let count = shown.evaluated.as_ref().unwrap().confusion.0[1][1];
        assert!(count > 1);
        assert_eq!(selected(&window), count, "{size:?}");
        // A line of the table, on its text.
        show(&mut window, Pane::Utterances);
        let card = window.state().workspace.corpus.as_ref().unwrap();
        let shown = window.state().workspace.models.shown().unwrap();
        let first = shown.evaluated.as_ref().unwrap().utterances[0];
        let id = card.utterances[first].id.clone();
        press_on(&mut window, &id);
        assert_eq!(selected(&window), 1, "{size:?}");
        assert_eq!(window.state().workspace.focus(), Some(first));
        // A bar of the first slices, on its name.
        show(&mut window, Pane::Slices);
        press_on(&mut window, "happy: ");
        let workspace = &window.state().workspace;
        let evaluated = workspace.models.shown().unwrap();
        let evaluated = evaluated.evaluated.as_ref().unwrap();
        let card = workspace.corpus.as_ref().unwrap();
        let is_happy = |index: &&usize| card.utterances[**index].label == Some(1);
        let happy = evaluated.utterances.iter().filter(is_happy).count();
        assert_eq!(selected(&window), happy, "{size:?}");
        // A slider, where it is in sight; on a phone behind its button.
        if size[0] < 600.0 {
            press(&mut window, "data");
        }
        slide(&mut window, "missing rate", 0.5);
        let rate = window.state().workspace.missing.rate;
        assert!((rate - 0.5).abs() < 0.1, "{size:?}: {rate}");
        until(&mut window, "the new matrix", |application| {
            let workspace = &application.workspace;
            let shown = workspace.models.shown().unwrap();
            let held = &shown.evaluated.as_ref().unwrap().held;
            workspace.holds(shown.card.id, held).1
        });
    }
}
