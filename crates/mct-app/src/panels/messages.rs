//! Notices over the window, and what to do when a pipeline has died.

use eframe::egui::{self, Align2, Area, Color32, Frame, Order, RichText, Ui, vec2};

use crate::state::Workspace;
use crate::state::command::{Command, Part};
use crate::state::notices::Kind;
use crate::theme;

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
                        ui.label(RichText::new(mark(kind)).color(colour(kind)));
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
            ui.colored_label(ui.visuals().error_fg_color, "✘");
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
            ui.label(RichText::new(mark(notice.kind)).color(colour(notice.kind)));
            ui.add(egui::Label::new(&notice.text).wrap());
        });
    }
}

const fn mark(kind: Kind) -> &'static str {
    match kind {
        Kind::Done => "✔",
        Kind::Warning => "⚠",
        Kind::Error => "✘",
    }
}

fn colour(kind: Kind) -> Color32 {
    match kind {
        Kind::Done => theme::qualitative(2),
        Kind::Warning => theme::qualitative(4),
        Kind::Error => theme::WRONG,
    }
}
