//! The frame around the views: panes, sizes, settings, fields.

use crate::press_on;
use crate::support::{self, demo, demo_model, options, press, slide, small_corpus, until, window};
use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, Vec2};
use egui_kittest::kittest::Queryable as _;
use mct_app::application::Application;
use mct_app::panels::Pane;
use mct_app::state::command::Command;

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

#[test]
fn a_click_is_one_also_where_frames_are_slow() {
    let builder = support::builder().with_step_dt(1.0);
    let mut window = support::build(builder, options(Vec::new()));
    window.run_steps(2);
    let at = window.get_by_label("View").rect().center();
    window.hover_at(at);
    window.step();
    window.drag_at(at);
    window.step();
    window.drop_at(at);
    window.run_steps(2);
    let entry = window.query_by_role_and_label(Role::CheckBox, "Curves");
    assert!(entry.is_some());
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

#[test]
fn the_tab_in_front_is_in_sight() {
    let is_whole = |window: &mut support::Window, pane: Pane| {
        window.run_steps(8);
        let seen = support::control(window, &format!("tab {}", pane.slug()));
        let nodes = window.query_all_by_label(pane.title());
        let mut rects = nodes.map(|node| node.rect());
        let size = window.ctx.content_rect().size();
        assert!(
            rects.any(|rect| (rect.min - seen.min).length() + (rect.max - seen.max).length() < 0.1),
            "{} at {size}: {seen} is not all of it",
            pane.title()
        );
    };
    let builder = support::builder().with_size(Vec2::new(800.0, 600.0));
    let mut window = support::build(builder, options(vec![small_corpus()]));
    for size in [Vec2::new(800.0, 600.0), Vec2::new(390.0, 844.0)] {
        window.set_size(size);
        let panes = Pane::ALL.iter();
        for pane in panes.clone().chain(panes.rev()) {
            window.state_mut().workspace.command(Command::Show(*pane));
            is_whole(&mut window, *pane);
        }
    }
    // Nor when the window becomes narrower.
    window.set_size(Vec2::new(900.0, 600.0));
    window
        .state_mut()
        .workspace
        .command(Command::Show(Pane::Inspector));
    is_whole(&mut window, Pane::Inspector);
    window.set_size(Vec2::new(390.0, 844.0));
    is_whole(&mut window, Pane::Inspector);
}

#[test]
fn where_there_is_room_for_one_pane_a_dragged_tab_stays() {
    for (size, moves) in [([390.0, 844.0], false), ([1440.0, 900.0], true)] {
        let builder = support::builder().with_size(Vec2::from(size));
        let mut window = support::build(builder, options(vec![small_corpus()]));
        window.run_steps(8);
        let tab = support::control(&window, "tab confusion");
        let beside = support::control(&window, "tab curves").center();
        support::drag(&mut window, tab.center(), beside);
        window.run_steps(8);
        let after = support::control(&window, "tab confusion");
        assert_eq!(after != tab, moves, "{size:?}: {tab} and then {after}");
    }
}
