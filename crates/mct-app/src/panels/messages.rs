//! Notices over the window, and the restart of pipelines that have died.

use eframe::egui::{self, Align2, Area, Frame, Order, Ui, vec2};

use crate::state::Workspace;
use crate::state::command::{Command, Part};
use crate::state::notices::Kind;
use crate::theme;
use crate::widgets::mark;

/// The largest number of notices on screen; the remaining ones are in the list.
const SHOWN: usize = 4;

/// Notices in the lower right corner.
pub fn overlay(context: &egui::Context, workspace: &mut Workspace) {
    let shown: Vec<(usize, Kind, String)> = workspace
        .notices
        .shown()
        .take(SHOWN)
        .map(|(index, notice)| (index, notice.kind, notice.shown()))
        .collect();
    if shown.is_empty() {
        return;
    }
    let count = workspace.notices.shown().count();
    // Expired notices disappear with the next frame; errors stay.
    if shown.iter().any(|(_, kind, _)| *kind != Kind::Error) {
        context.request_repaint_after(std::time::Duration::from_secs(1));
    }
    Area::new(egui::Id::unique("notices"))
        .anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -36.0))
        .order(Order::Foreground)
        .show(context, |ui| {
            ui.set_max_width(420.0);
            if count > 1 {
                Frame::popup(ui.style()).show(ui, |ui| {
                    let all = ui.small_button(format!("Dismiss all {count}"));
                    workspace.controls.note("dismiss all", &all);
                    if all.clicked() {
                        workspace.notices.dismiss_all();
                    }
                });
            }
            for (index, kind, text) in shown {
                Frame::popup(ui.style()).show(ui, |ui| {
                    ui.horizontal_top(|ui| {
                        sign(ui, kind);
                        ui.add(egui::Label::new(&text).wrap());
                        if ui.small_button("×").on_hover_text("Dismiss").clicked() {
                            workspace.notices.dismiss(index);
                        }
                    });
                });
            }
        });
}

/// The pipelines that have died, with a button to restart each.
pub fn dead(ui: &mut Ui, workspace: &mut Workspace) {
    let dead: Vec<(Part, String)> = workspace.notices.dead().to_vec();
    for (part, text) in dead {
        ui.horizontal_wrapped(|ui| {
            sign(ui, Kind::Error);
            let first_line = text.lines().next().unwrap_or("no message");
            ui.label(format!("{} has stopped: {first_line}", part.name()))
                .on_hover_text(&text);
            let hint = match part {
                Part::Training => "Start it again and resume from the last checkpoint",
                Part::Extraction => "Start it again with the recordings that were being opened",
                Part::Evaluation | Part::Embedding => {
                    "Start it again with the open corpus and models"
                }
            };
            let restart = ui.button("Restart").on_hover_text(hint);
            workspace
                .controls
                .note(format!("restart {}", part.name()), &restart);
            if restart.clicked() {
                workspace.command(Command::Restart(part));
            }
        });
    }
}

/// All notices, newest first.
pub fn list(ui: &mut Ui, workspace: &Workspace) {
    if workspace.notices.all().is_empty() {
        ui.weak("nothing to report");
    }
    let all = workspace.notices.all();
    if !all.is_empty()
        && ui
            .small_button("Copy all")
            .on_hover_text("As text, to the clipboard")
            .clicked()
    {
        let lines = all
            .iter()
            .map(|notice| format!("{}: {}", notice.age(), notice.shown()));
        ui.ctx().copy_text(lines.collect::<Vec<_>>().join("\n"));
    }
    // The newest first, where the list begins.
    for notice in all.iter().rev() {
        ui.horizontal_top(|ui| {
            sign(ui, notice.kind);
            ui.weak(notice.age());
            ui.add(egui::Label::new(notice.shown()).wrap());
        });
    }
}

fn sign(ui: &mut Ui, kind: Kind) {
    let (response, name) = match kind {
        Kind::Done => (mark::is_right(ui, true), "done"),
        Kind::Warning => (mark::warning(ui, theme::qualitative(4)), "warning"),
        Kind::Error => (mark::is_right(ui, false), "error"),
    };
    response.on_hover_text(name);
}
