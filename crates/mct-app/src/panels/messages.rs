//! Notices below the panes, and the restart of pipelines that have died.

use eframe::egui::{self, Align, Layout, ScrollArea, Ui};

use crate::state::Workspace;
use crate::state::command::{Command, Part};
use crate::state::notices::Kind;
use crate::theme;
use crate::widgets::mark;

/// The largest number of notices on screen; the remaining ones are in the list.
const SHOWN: usize = 2;

/// They take no more than this share of the window's height.
const MOST_OF_HEIGHT: f32 = 0.25;

/// The newest warnings and errors, in a panel of their own: they cover nothing. `shows_all` opens the list.
pub fn newest(ui: &mut Ui, workspace: &mut Workspace, shows_all: &mut bool) {
    let problems = workspace.notices.shown();
    let problems = problems.filter(|(_, notice)| notice.kind != Kind::Done);
    let mut shown: Vec<(usize, Kind, String)> = problems
        .map(|(index, notice)| (index, notice.kind, notice.shown()))
        .collect();
    let count = shown.len();
    shown.truncate(SHOWN);
    if shown.is_empty() {
        return;
    }
    // Expired notices disappear with the next frame; errors stay.
    if shown.iter().any(|(_, kind, _)| *kind != Kind::Error) {
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_secs(1));
    }
    let most = ui.max_rect().height() * MOST_OF_HEIGHT;
    egui::Panel::bottom("notices").show(ui, |ui| {
        ScrollArea::vertical().max_height(most).show(ui, |ui| {
            for (place, (index, kind, text)) in shown.into_iter().enumerate() {
                ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                    let dismiss = ui.small_button("×").on_hover_text("Dismiss");
                    if dismiss.clicked() {
                        workspace.notices.dismiss(index);
                    }
                    if place == 0 && count > 1 {
                        let all = ui.small_button(format!("Dismiss all {count}"));
                        workspace.controls.note("dismiss all", &all);
                        if all.clicked() {
                            workspace.notices.dismiss_all();
                        }
                    }
                    if place == 0 && count > SHOWN {
                        let more = ui.small_button(format!("{} more", count - SHOWN));
                        *shows_all |= more.on_hover_text("All messages so far").clicked();
                    }
                    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                        sign(ui, kind);
                        ui.add(egui::Label::new(&text).wrap());
                    });
                });
            }
        });
    });
}

/// What was done last, in the status bar: no view moves for it.
pub fn done(ui: &mut Ui, workspace: &Workspace) {
    let mut shown = workspace.notices.shown();
    let Some((_, notice)) = shown.find(|(_, notice)| notice.kind == Kind::Done) else {
        return;
    };
    let text = notice.shown();
    ui.add(egui::Label::new(&text).truncate())
        .on_hover_text(&text);
    ui.ctx()
        .request_repaint_after(std::time::Duration::from_secs(1));
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
