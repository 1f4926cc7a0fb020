//! The inspector.

use crate::support::{self, demo, demo_model, drag, options, small_corpus, until};
use eframe::egui::accesskit::Role;
use eframe::egui::{Pos2, Vec2};
use egui_kittest::kittest::Queryable as _;

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
