//! One selection through all views, and what is undone.

use crate::press_on;
use crate::support::{self, demo, press, slide, until};
use eframe::egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mct_app::panels::Pane;
use mct_app::state::command::Command;

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
fn where_the_selected_go_is_seen_in_the_matrix() {
    let mut window = demo();
    window
        .get_by_label_contains("happy predicted as happy")
        .click();
    window.run_steps(3);
    let chosen = window.state().workspace.selection.len();
    assert!(chosen > 1);
    window.get_by_label_contains(&format!(" %, {chosen} selected"));
    window.state_mut().workspace.missing.rate = 0.95;
    until(&mut window, "the matrix at a high rate", |application| {
        let shown = application.workspace.models.shown().unwrap();
        let evaluated = shown.evaluated.as_ref().unwrap();
        evaluated
            .held
            .conditions
            .missing
            .rates
            .iter()
            .all(|rate| *rate == 0.95)
    });
    // They are still selected, and every cell says how many of them it has.
    let cells = window.query_all_by_label_contains(" predicted as ");
    let cells = cells.filter_map(|cell| cell.accesskit_node().label());
    let counts: Vec<usize> = cells
        .filter_map(|label| {
            Some(
                label
                    .strip_suffix(" selected")?
                    .rsplit_once(", ")?
                    .1
                    .parse()
                    .unwrap(),
            )
        })
        .collect();
    assert!(counts.len() > 1, "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), chosen);
}
