//! What is shown of models: the matrix, the curves, modalities, slices, the comparison.

use crate::support::{
    self, demo, demo_model, drag, options, press, slide, small_corpus, until, window,
};
use eframe::egui::{Key, Pos2};
use egui_kittest::kittest::Queryable as _;
use mct_app::panels::Pane;
use mct_app::state::command::Command;
use mct_app::state::models::RATES;
use mct_engine::source::Source;
use mct_scores::Metric;

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
    models.compare(second);
    let workspace = &mut window.state_mut().workspace;
    workspace.command(Command::Show(Pane::Comparison));
    until(&mut window, "the comparison", |application| {
        let compared = application.workspace.models.compared();
        compared.is_some_and(|open| open.evaluated.is_some())
    });
    window.run_steps(5);
    // They are the same: nothing tells one from the other.
    for text in [
        "UA +0.0 points, without an interval: nothing follows for others (over 1 speaker)",
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
