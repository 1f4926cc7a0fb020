//! The runs of a folder as a list: open, resume, compare, and their histories over each other.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use eframe::egui::{
    self, Align, Button, Color32, ComboBox, Layout, ScrollArea, Sense, StrokeKind, TextEdit, Ui,
    vec2,
};
use egui_extras::{Column as Width, TableBuilder};
use mct_engine::source::Source;
use mct_engine::training::Begin;
use mct_runs::Summary;
use serde_json::json;

use super::{Format, counted, csv, json as to_json};
use crate::state::Workspace;
use crate::state::command::{Command, FolderOf};
use crate::state::runs::{Column, Quantity, Runs, best};
use crate::state::training::Run;
use crate::theme;
use crate::widgets::history::{self, History, Look};
use crate::widgets::mark;

#[derive(Default)]
pub struct Panel {
    /// The folder as it is being typed: it is looked through once it is whole.
    typed: Option<String>,
    find: String,
    order: Column,
    descending: bool,
    quantity: Quantity,
    look: Look,
    /// The places of the listed runs, and what they depend on.
    made: Option<(Of, Rc<[usize]>)>,
}

/// What the list depends on: the runs, what is found in them, and their order.
type Of = (u64, String, Column, bool);

/// Widths of the columns at the start, in points.
const WIDTHS: [f32; 8] = [124.0, 104.0, 136.0, 60.0, 80.0, 76.0, 90.0, 44.0];

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let room = ui.available_height();
        let pane = ScrollArea::vertical().id_salt("pane of runs");
        pane.show(ui, |ui| self.content(ui, workspace, room));
    }

    /// `room` is the height of the pane, below which it is scrolled.
    fn content(&mut self, ui: &mut Ui, workspace: &mut Workspace, room: f32) {
        let top = ui.cursor().top();
        let left = |ui: &Ui| room - (ui.cursor().top() - top);
        self.folder(ui, workspace);
        let Some((folder, found)) = &workspace.runs.listed else {
            ui.weak(match workspace.runs.is_looking {
                true => "looking for runs…",
                false => "name a folder whose runs are to be listed",
            });
            return;
        };
        let listing = match found {
            Ok(listing) => listing,
            Err(_) if !Path::new(folder).exists() => {
                ui.weak(format!(
                    "there is no folder {folder}; name or choose one whose runs are to be listed"
                ));
                return;
            }
            Err(problem) => {
                ui.colored_label(ui.visuals().error_fg_color, problem);
                return;
            }
        };
        if listing.is_cut {
            ui.colored_label(
                ui.visuals().warn_fg_color,
                format!("{folder} has too many folders to look into all of them"),
            );
        }
        if listing.runs.is_empty() {
            ui.weak(format!(
                "{folder} has no runs; a run that is trained here appears at once"
            ));
            return;
        }
        let broken = listing
            .runs
            .iter()
            .filter_map(|(_, run)| run.as_ref().err());
        let broken: Vec<&String> = broken.collect();
        if !broken.is_empty() {
            let text = format!("{} cannot be read", counted(broken.len(), "run"));
            let all: Vec<&str> = broken.iter().map(|own| own.as_str()).collect();
            ui.colored_label(ui.visuals().warn_fg_color, text)
                .on_hover_text(all.join("\n"));
        }
        self.bar(ui, workspace);
        let listed = self.listed(&workspace.runs);
        if listed.is_empty() {
            ui.weak(format!("no run has “{}”", self.find.trim()));
        }
        // Without the header; the histories below take the larger part of what is left.
        let has_ticked = !workspace.runs.drawn().is_empty();
        let height = match has_ticked {
            true => (left(ui) * 0.45 - 60.0).max(66.0),
            false => (left(ui) - 40.0).max(66.0),
        };
        self.list(ui, workspace, &listed, height);
        if has_ticked {
            self.histories(ui, workspace, left);
        }
    }

    /// The folder that is looked through.
    fn folder(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        ui.horizontal(|ui| {
            let label = ui.label("folder");
            let mut text = match self.typed.take() {
                Some(typed) => typed,
                None => workspace.runs.folder.clone(),
            };
            let edit = TextEdit::singleline(&mut text).desired_width(220.0);
            let edit = ui.add(edit).labelled_by(label.id);
            workspace.controls.note("folder of runs", &edit);
            let edit = edit.on_hover_text("Runs in it and in folders below it are listed");
            if edit.has_focus() {
                self.typed = Some(text);
            } else if edit.lost_focus() && text != workspace.runs.folder {
                workspace.runs.folder = text;
                workspace.runs.looked = None;
            }
            let choose = ui
                .button("Choose…")
                .on_hover_text("Choose the folder in a dialog");
            if choose.clicked() {
                workspace.command(Command::ChooseFolder(FolderOf::Runs));
            }
            if workspace.runs.is_looking && workspace.runs.listed.is_none() {
                ui.spinner();
            }
        });
    }

    /// What is found, and what is done with the ticked runs.
    fn bar(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        ui.horizontal_wrapped(|ui| {
            let find = TextEdit::singleline(&mut self.find).hint_text("find in all columns");
            let find = ui.add(find.desired_width(130.0));
            workspace.controls.note("find runs", &find);
            let ticked = workspace.runs.drawn();
            let paths: Vec<PathBuf> = ticked.iter().map(|run| run.path.clone()).collect();
            let unfinished = matches!(ticked[..], [run] if !run.finished);
            let has_ticked = !paths.is_empty();
            let open = ui.add_enabled(has_ticked, Button::new("Open"));
            workspace.controls.note("open runs", &open);
            let hint = "Open the ticked runs as models, to be looked at and compared";
            let open = open
                .on_hover_text(hint)
                .on_disabled_hover_text("Tick runs in the list first");
            if open.clicked() {
                for path in paths {
                    workspace.open(Source::Path(path));
                }
            }
            let is_busy = workspace.training.phase.is_busy();
            let resume = ui.add_enabled(unfinished && !is_busy, Button::new("Resume"));
            let resume = resume
                .on_hover_text("Resume the ticked run from its last checkpoint, on its own corpus")
                .on_disabled_hover_text(match is_busy {
                    true => "A model is being trained",
                    false => "Tick one run that has not finished",
                });
            workspace.controls.note("resume run", &resume);
            if resume.clicked() {
                let drawn = workspace.runs.drawn();
                if let Some(run) = drawn.first().map(|run| resumed(run, workspace)) {
                    workspace.command(Command::Train(run));
                }
            }
            let clear = ui
                .add_enabled(has_ticked, Button::new("Clear"))
                .on_hover_text("Tick none");
            if clear.clicked() {
                workspace.runs.ticked.clear();
            }
            let count = counted(workspace.runs.all().count(), "run");
            ui.weak(match workspace.runs.drawn().len() {
                0 => format!("{count}; click to tick, double click to open"),
                ticked => format!("{count}, {ticked} ticked"),
            });
        });
    }

    /// Which runs are listed, sorted once and not in every frame.
    fn listed(&mut self, runs: &Runs) -> Rc<[usize]> {
        let of = (runs.version, self.find.clone(), self.order, self.descending);
        let listed = match self.made.take().filter(|(before, _)| *before == of) {
            Some((_, listed)) => listed,
            None => runs.sorted(&self.find, self.order, self.descending).into(),
        };
        self.made = Some((of, Rc::clone(&listed)));
        listed
    }

    fn list(&mut self, ui: &mut Ui, workspace: &mut Workspace, listed: &[usize], height: f32) {
        let runs = &workspace.runs;
        let all: Vec<&Summary> = runs.all().collect();
        let colour = |run: &Summary| {
            let number = workspace.runs.ticked.get(&run.path)?;
            Some(theme::qualitative(*number))
        };
        let (mut ticked, mut opened) = (None, None);
        let line_height = egui::TextStyle::Body.resolve(ui.style()).size + 6.0;
        ScrollArea::horizontal().id_salt("runs").show(ui, |ui| {
            // A text that can be selected would take the click that ticks its line.
            ui.style_mut().interaction.selectable_labels = false;
            let mut table = TableBuilder::new(ui)
                .striped(true)
                .sense(Sense::click())
                .cell_layout(Layout::left_to_right(Align::Center))
                .max_scroll_height(height)
                .auto_shrink([false, true])
                .column(Width::exact(16.0));
            for width in WIDTHS {
                table = table.column(Width::initial(width).clip(true).resizable(true));
            }
            let table = table.header(line_height, |mut header| {
                header.col(|_| {});
                for column in Column::ALL {
                    let (_, cell) = header.col(|ui| {
                        if self.order == column {
                            mark::arrow(ui, self.descending);
                        }
                        ui.strong(column.title());
                    });
                    let hint = format!("{}. Click to sort", column.hint());
                    if cell.on_hover_text(hint).clicked() {
                        self.descending = self.order == column && !self.descending;
                        self.order = column;
                    }
                }
            });
            table.body(|body| {
                body.rows(line_height, listed.len(), |mut line| {
                    let run = all[listed[line.index()]];
                    let colour = colour(run);
                    line.col(|ui| tick(ui, colour));
                    for column in Column::ALL {
                        line.col(|ui| {
                            ui.label(runs.cell(run, column));
                        });
                    }
                    let response = line.response().on_hover_text(settings(run));
                    if response.double_clicked() {
                        opened = Some(run.path.clone());
                    } else if response.clicked() {
                        ticked = Some(run.path.clone());
                    }
                });
            });
            // The bar that scrolls sideways would lie over the last line.
            ui.add_space(10.0);
        });
        if let Some(path) = ticked {
            workspace.runs.tick(path);
        }
        if let Some(path) = opened {
            let source = Source::Path(path);
            workspace.models.show_next(source.clone());
            workspace.open(source);
        }
    }

    /// The histories of the ticked runs over each other.
    fn histories(&mut self, ui: &mut Ui, workspace: &Workspace, left: impl Fn(&Ui) -> f32) {
        let drawn = workspace.runs.drawn();
        let possible = Quantity::of(&drawn);
        if !possible.contains(&self.quantity) {
            self.quantity = Quantity::default();
        }
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("history of");
            ComboBox::from_id_salt("quantity")
                .selected_text(self.quantity.title())
                .show_ui(ui, |ui| {
                    for quantity in possible {
                        ui.selectable_value(&mut self.quantity, quantity, quantity.title());
                    }
                })
                .response
                .labelled_by(label.id);
            self.look.controls(ui);
        });
        let ticked = &workspace.runs.ticked;
        let histories = drawn.iter().map(|run| History {
            name: workspace.runs.name(&run.path),
            points: self.quantity.history(run),
            colour: theme::qualitative(ticked.get(&run.path).copied().unwrap_or(0)),
        });
        let histories: Vec<History> = histories.collect();
        let height = (left(ui) - 8.0).max(130.0);
        history::show(
            ui,
            "histories",
            ("epoch", height),
            self.look,
            &[],
            &histories,
        );
    }

    pub fn export(&self, format: Format, workspace: &Workspace) -> Option<String> {
        let runs = &workspace.runs;
        let all: Vec<&Summary> = runs.all().collect();
        let listed = runs.sorted(&self.find, self.order, self.descending);
        let listed: Vec<&Summary> = listed.into_iter().map(|place| all[place]).collect();
        if listed.is_empty() {
            return None;
        }
        match format {
            Format::Svg => {
                let drawn = runs.drawn();
                let lines = drawn.iter().map(|run| mct_figures::Line {
                    name: runs.name(&run.path),
                    points: self
                        .quantity
                        .history(run)
                        .iter()
                        .map(|[x, y]| (*x, *y))
                        .collect(),
                    bound: false,
                });
                let lines: Vec<_> = lines.collect();
                if lines.is_empty() {
                    return None;
                }
                mct_figures::histories(&self.quantity.title(), &lines).ok()
            }
            Format::Csv => {
                let header = Column::ALL.map(|column| column.title().to_owned());
                let rows = listed.iter();
                let rows =
                    rows.map(|run| Column::ALL.map(|column| runs.cell(run, column)).to_vec());
                Some(csv(&header, &rows.collect::<Vec<_>>()))
            }
            Format::Json => {
                let all = listed.iter().map(|run| {
                    let best =
                        best(run).map(|(metric, value)| json!({"score": metric, "value": value}));
                    json!({
                        "folder": run.path,
                        "config": run.manifest.config(),
                        "corpus": run.manifest.corpus,
                        "fold": run.fold,
                        "finished": run.finished,
                        "best_epoch": run.best_epoch,
                        "best_validation": best,
                        "epochs": run.epochs,
                    })
                });
                to_json(&json!({"runs": all.collect::<Vec<_>>()}))
            }
        }
    }
}

/// The mark before a run: the colour of its history where that is drawn.
fn tick(ui: &mut Ui, colour: Option<Color32>) {
    let (area, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
    match colour {
        Some(colour) => {
            ui.painter().rect_filled(area, 2.0, colour);
        }
        None => {
            let stroke = ui.visuals().widgets.noninteractive.fg_stroke;
            ui.painter()
                .rect_stroke(area.shrink(0.5), 2.0, stroke, StrokeKind::Inside);
        }
    }
}

/// What is remarkable about a run, for who looks closer.
fn settings(run: &Summary) -> String {
    let training = &run.manifest.training;
    let corpus = run.manifest.corpus.path.display();
    let rates = match training.missing_rate_max > training.missing_rate {
        true => format!("{} to {}", training.missing_rate, training.missing_rate_max),
        false => training.missing_rate.to_string(),
    };
    let best = match (run.best_epoch, best(run)) {
        (Some(epoch), Some(_)) => format!("\nbest epoch: {}", epoch + 1),
        _ => String::new(),
    };
    format!(
        "{}\ncorpus: {corpus}\nmissing rate: {rates}, learning rate: {}, batch size: {}, channels: {}{best}\nClick to tick",
        run.path.display(),
        training.learning_rate,
        training.batch_size,
        run.manifest.model.d,
    )
}

/// The run, to be resumed on its corpus: where that lies, or where it has been opened.
fn resumed(run: &Summary, workspace: &Workspace) -> Run {
    let own = &run.manifest.corpus.path;
    let open = workspace.corpus.as_ref().map(|card| card.source.clone());
    Run {
        begin: Begin::Resume(Source::Path(run.path.clone())),
        folder: run.path.display().to_string(),
        corpus: match own.exists() {
            true => Some(Source::Path(own.clone())),
            false => open,
        },
    }
}
