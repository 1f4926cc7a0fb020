//! The window, operated by pointer and keyboard; widgets are found by their accessibility labels.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod corpora;
mod embedding;
mod evaluation;
mod files;
mod frame;
mod inspector;
mod selection;
mod training;

use egui_kittest::kittest::Queryable as _;

/// Presses in the middle of what is first drawn under this label.
pub fn press_on(window: &mut support::Window, label: &str) {
    let found = window.get_all_by_label_contains(label).next();
    let at = found.unwrap().rect().center();
    window.hover_at(at);
    window.step();
    window.drag_at(at);
    window.drop_at(at);
    window.run_steps(3);
}
