//! Notices over the window, and what to do when a pipeline has died.

use eframe::egui::{self, Align2, Area, Frame, Order, Ui, vec2};

use crate::state::Workspace;
use crate::state::command::{Command, Part};
use crate::state::notices::Kind;
use crate::theme;
use crate::widgets::mark;

/// Notices on screen at once; the rest are in the list.
const SHOWN: usize = 4;

/// Notices in the lower right corner.
pub fn overlay(context: &egui::Context, workspace: &mut Workspace) {
    let shown: Vec<(usize, Kind, String)> = workspace
        .notices
        .shown()
        .take(SHOWN)
        .map(|(number, notice)| (number, notice.kind, notice.text.clone()))
        .collect();
    if shown.is_empty() {
        return;
    }
    // Those that go by themselves need a frame to go in.
    context.request_repaint_after(std::time::Duration::from_secs(1));
    Area::new(egui::Id::unique("notices"))
        .anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -36.0))
        .order(Order::Foreground)
        .show(context, |ui| {
            ui.set_max_width(420.0);
            for (number, kind, text) in shown {
                Frame::popup(ui.style()).show(ui, |ui| {
                    ui.horizontal_top(|ui| {
                        sign(ui, kind);
                        ui.add(egui::Label::new(&text).wrap());
                        if ui.small_button("×").on_hover_text("Dismiss").clicked() {
                            workspace.notices.dismiss(number);
                        }
                    });
                });
            }
        });
}

/// What has died, with a way to go on.
pub fn dead(ui: &mut Ui, workspace: &mut Workspace) {
    let dead: Vec<(Part, String)> = workspace.notices.dead().to_vec();
    for (part, text) in dead {
        ui.horizontal_wrapped(|ui| {
            sign(ui, Kind::Error);
            let first = text.lines().next().unwrap_or("no message");
            ui.label(format!("{} has stopped: {first}", part.name()))
                .on_hover_text(&text);
            let hint = match part {
                Part::Training => "Start it again, and go on from the last checkpoint",
                Part::Evaluation | Part::Embedding => "Start it again with what is open",
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

/// All notices, oldest first.
pub fn list(ui: &mut Ui, workspace: &Workspace) {
    if workspace.notices.all().is_empty() {
        ui.weak("nothing to report");
    }
    for notice in workspace.notices.all() {
        ui.horizontal_top(|ui| {
            sign(ui, notice.kind);
            ui.add(egui::Label::new(&notice.text).wrap());
        });
    }
}

fn sign(ui: &mut Ui, kind: Kind) {
    let (response, said) = match kind {
        Kind::Done => (mark::is_right(ui, true), "done"),
        Kind::Warning => (mark::warning(ui, theme::qualitative(4)), "warning"),
        Kind::Error => (mark::is_right(ui, false), "error"),
    };
    response.on_hover_text(said);
}
