//! The dialog that asks how features are imported.

use eframe::egui::{self, Align2, ComboBox, Grid, TextEdit, Ui, vec2};
use mct_corpus::bins::Bins;
use mct_corpus::import::{Format, NonFinite};
use mct_corpus::{Precision, Task};

use crate::state::Workspace;
use crate::state::command::Command;
use crate::state::controls::Controls;
use crate::state::importing::{Form, Importing};

/// The first dialog that waits for an answer.
pub fn dialog(context: &egui::Context, workspace: &mut Workspace) {
    let Some(mut importing) = workspace.importing.pop_front() else {
        return;
    };
    let mut answer = None;
    let name = importing.features.file.name();
    let id = egui::Id::unique("import");
    let shown = egui::Window::new(format!("Import {name}"))
        .id(id)
        .anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0))
        .collapsible(false)
        .resizable(false)
        .max_height(context.content_rect().height() - 80.0)
        .show(context, |ui| {
            ui.set_width(WIDTH);
            answer = ask(ui, &mut importing, &mut workspace.controls);
        });
    // It is centred by the size that it had, so that a change of size takes another frame.
    let size = shown.map(|shown| shown.response.rect.size());
    let before = context.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default(id), size));
    if before != size {
        context.request_repaint();
    }
    match answer {
        None => workspace.importing.push_front(importing),
        Some(Answer::Cancel) => {}
        Some(Answer::ChooseSpeakers) => {
            workspace.importing.push_front(importing);
            workspace.command(Command::ChooseSpeakers);
        }
        Some(Answer::Import) => match importing.source() {
            Ok(source) => workspace.open(source),
            Err(problem) => {
                importing.problem = Some(problem);
                workspace.importing.push_front(importing);
            }
        },
    }
}

const WIDTH: f32 = 560.0;
/// Height of everything in the dialog but its fields, with a long problem, and of the space around it.
const AROUND: f32 = 340.0;
/// Width of a text field.
const FIELD: f32 = 330.0;

enum Answer {
    Import,
    Cancel,
    ChooseSpeakers,
}

fn ask(ui: &mut Ui, importing: &mut Importing, controls: &mut Controls) -> Option<Answer> {
    if let Some(problem) = &importing.problem {
        egui::ScrollArea::vertical()
            .id_salt("problem")
            .max_height(110.0)
            .show(ui, |ui| {
                ui.colored_label(ui.visuals().error_fg_color, problem);
            });
        ui.separator();
    }
    ui.weak(
        "Fill in what the file does not say. The command line has the same choices as flags of `mct-hfr \
         corpus import`; messages call them so.",
    );
    let mut answer = None;
    egui::ScrollArea::vertical()
        .id_salt("fields")
        // Not what is left in the dialog, whose size follows from this one.
        .max_height((ui.ctx().content_rect().height() - AROUND).clamp(120.0, 470.0))
        .show(ui, |ui| {
            Grid::new("fields")
                .num_columns(2)
                .spacing([12.0, 6.0])
                .show(ui, |ui| {
                    let mut fields = Fields { ui, controls };
                    if fields.all(&mut importing.form) {
                        answer = Some(Answer::ChooseSpeakers);
                    }
                });
        });
    ui.separator();
    ui.horizontal(|ui| {
        let import = ui.button("Import");
        controls.note("import", &import);
        if import.clicked() {
            answer = Some(Answer::Import);
        }
        let cancel = ui.button("Cancel");
        controls.note("cancel import", &cancel);
        if cancel.clicked() || ui.input(|input| input.key_pressed(egui::Key::Escape)) {
            answer = Some(Answer::Cancel);
        }
    });
    answer
}

/// The rows of the grid: the name of a field with its flag, and the field.
struct Fields<'a> {
    ui: &'a mut Ui,
    controls: &'a mut Controls,
}

impl Fields<'_> {
    /// All fields; returns whether a speaker table is to be chosen.
    fn all(&mut self, form: &mut Form) -> bool {
        self.choice(
            "Layout",
            "--from",
            &mut form.format,
            &[
                (None, "by name and content"),
                (Some(Format::Npz), "npz"),
                (Some(Format::Mmsa), "MMSA"),
                (Some(Format::Mult), "MulT"),
                (Some(Format::Table), "table"),
            ],
        );
        self.text(
            "Label fields",
            "--labels",
            &mut form.labels,
            "those of the layout",
        );
        self.choice(
            "Labels are",
            "--task",
            &mut form.task,
            &[
                (None, "what their values look like"),
                (Some(Task::Classification), "classes"),
                (Some(Task::Regression), "intensities"),
            ],
        );
        self.choice(
            "Classes of intensities",
            "--bins",
            &mut form.bins,
            &[
                (None, "none"),
                (Some(Bins::Sign), "sign"),
                (Some(Bins::Two), "2"),
                (Some(Bins::Three), "3"),
                (Some(Bins::Five), "5"),
                (Some(Bins::Seven), "7"),
            ],
        );
        self.text(
            "Scale of intensities",
            "--range",
            &mut form.range,
            "by the values, such as -3, 3",
        );
        self.text(
            "Class names",
            "--class-names",
            &mut form.class_names,
            "in the order of the labels",
        );
        self.text(
            "Intensity names",
            "--target-names",
            &mut form.target_names,
            "those of the file",
        );
        self.choice(
            "NaN and infinite values",
            "--non-finite",
            &mut form.non_finite,
            &[
                (NonFinite::Missing, "the step is missing"),
                (NonFinite::Zero, "become 0"),
                (NonFinite::Refuse, "refuse the file"),
            ],
        );
        self.row("-inf (the log of silence)", "--zero-infinite", |ui| {
            ui.checkbox(&mut form.zero_infinite, "becomes 0")
        });
        self.text(
            "Steps a second",
            "--rate",
            &mut form.rates,
            "of the file, such as audio=50, vision=25",
        );
        self.text(
            "Stacked steps",
            "--stack",
            &mut form.stack,
            "none, such as audio=4",
        );
        self.text(
            "Speaker in the id",
            "--speaker-from-id",
            &mut form.speaker_from_id,
            "a regular expression with one group",
        );
        let mut choose = false;
        let speakers = &mut form.speakers;
        self.row("Speaker table", "--speakers", |ui| {
            ui.horizontal(|ui| {
                let button = ui.button("Choose…").on_hover_text(
                    "A table with the columns speaker, session and sex (F or M), or id and speaker",
                );
                choose = button.clicked();
                if let Some((name, _)) = speakers {
                    ui.label(name.as_str());
                    if ui.small_button("×").on_hover_text("Without it").clicked() {
                        *speakers = None;
                    }
                }
                button
            })
            .inner
        });
        self.choice(
            "Stored as",
            "--precision",
            &mut form.precision,
            &[
                (None, "in the file"),
                (Some(Precision::F32), "float32"),
                (Some(Precision::F16), "float16"),
            ],
        );
        self.text(
            "Unpacks to (MiB)",
            "--max-unpacked",
            &mut form.max_unpacked,
            "24, or 8 times its size",
        );
        if cfg!(not(target_arch = "wasm32")) {
            self.text(
                "Folder of MODALITY/ID.npy",
                "--features",
                &mut form.features_folder,
                "features beside the table",
            );
        }
        self.text("Title", "--title", &mut form.title, "the file's name");
        self.text("Licence", "--licence", &mut form.licence, "not stated");
        choose
    }

    fn row(&mut self, name: &str, flag: &str, field: impl FnOnce(&mut Ui) -> egui::Response) {
        let label = self.ui.label(name).on_hover_text(flag);
        let field = field(self.ui).labelled_by(label.id).on_hover_text(flag);
        self.controls.note(format!("import {flag}"), &field);
        self.ui.end_row();
    }

    fn text(&mut self, name: &str, flag: &str, value: &mut String, hint: &str) {
        self.row(name, flag, |ui| {
            let field = TextEdit::singleline(value).hint_text(hint);
            ui.add(field.desired_width(FIELD))
        });
    }

    fn choice<T: PartialEq + Copy>(
        &mut self,
        name: &str,
        flag: &str,
        value: &mut T,
        values: &[(T, &str)],
    ) {
        self.row(name, flag, |ui| {
            let chosen = values.iter().find(|(own, _)| own == value);
            ComboBox::from_id_salt(flag)
                .width(200.0)
                .selected_text(chosen.map_or("", |(_, text)| *text))
                .show_ui(ui, |ui| {
                    for (own, text) in values {
                        ui.selectable_value(value, *own, *text);
                    }
                })
                .response
        });
    }
}
