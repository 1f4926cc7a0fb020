//! The table of utterances, with sorting, filtering and selection.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use eframe::egui::{self, Key, RichText, TextEdit, Ui};
use egui_extras::{Column, TableBuilder};
use mct_corpus::Utterance;
use mct_engine::evaluation::CorpusCard;
use serde_json::json;

use super::{Format, Pane, csv_of, held_line, json_of};
use crate::state::Workspace;
use crate::state::categories::Categories;
use crate::state::command::Command;
use crate::state::models::{Evaluated, Models, OpenModel};
use crate::state::natural::natural;
use crate::widgets::{direction, mark, matrix};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Id,
    Speaker,
    Duration,
    Label,
    Predicted,
    Confidence,
}

pub struct Panel {
    order: Order,
    descending: bool,
    filter: String,
    only_selected: bool,
    only_wrong: bool,
    /// The focus when the table was last scrolled to it.
    scrolled_to: Option<usize>,
    /// The line that was clicked, where a range begins.
    anchor: Option<usize>,
    /// Whether another order was chosen in this frame: its first line is wanted.
    is_sorted_anew: bool,
    /// The rows that were made last, and of what.
    made: Option<(Of, Rc<[Row]>)>,
    /// Widths of the columns at the start, for a corpus and these categories.
    widths: Option<(u64, Vec<String>, [f32; 6])>,
}

/// What the rows depend on.
#[derive(PartialEq)]
struct Of {
    corpus: u64,
    /// What the corpus is labelled with, or the shown model predicts.
    categories: Categories,
    /// Versions of the predictions of the shown and of the compared model.
    predictions: [Option<u64>; 2],
    order: (Order, bool),
    filter: String,
    only_wrong: bool,
    /// A digest of the selection, where only it is shown.
    selection: Option<u64>,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            order: Order::Id,
            descending: false,
            filter: String::new(),
            only_selected: false,
            only_wrong: false,
            scrolled_to: None,
            anchor: None,
            is_sorted_anew: false,
            made: None,
            widths: None,
        }
    }
}

/// One row of the table.
struct Row {
    utterance: usize,
    predicted: Option<usize>,
    /// Probability of the predicted class, or absolute error of the intensity.
    confidence: Option<f32>,
    /// The class predicted by the compared model.
    compared: Option<usize>,
}

/// A prediction as a text: the class, or the intensity.
fn predicted_text(evaluated: Option<&Evaluated>, utterance: usize) -> String {
    let Some(evaluated) = evaluated else {
        return String::new();
    };
    match evaluated.intensity_of(utterance) {
        Some(value) => format!("{value:.2}"),
        None => evaluated
            .class_of(utterance)
            .map_or_else(String::new, |class| {
                evaluated.categories.names[class].clone()
            }),
    }
}

const COLUMNS: [(Order, &str, &str); 6] = [
    (Order::Id, "id", "The utterance's name in the corpus"),
    (Order::Speaker, "speaker", "Who speaks"),
    (Order::Duration, "seconds", "Its duration"),
    (Order::Label, "true", "The true class"),
    (Order::Predicted, "predicted", "The most probable class"),
    (Order::Confidence, "probability", "Of the predicted class"),
];

/// The least widths of these at the start, so that all of them are seen in a window of 1280 points.
const WIDTHS: [f32; 6] = [98.0, 58.0, 66.0, 52.0, 76.0, 82.0];

/// Their largest widths at the start.
const WIDEST: [f32; 6] = [220.0, 140.0, 66.0, 180.0, 200.0, 82.0];

/// The widths that show all of what is in the columns, as far as `available` reaches.
fn widths(ui: &Ui, card: &CorpusCard, categories: &Categories, available: f32) -> [f32; 6] {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let longest = |texts: &mut dyn Iterator<Item = &str>| {
        let longest = texts.max_by_key(|text| text.chars().count());
        longest.map_or(0.0, |text| matrix::text_width(ui, text, &font) + 8.0)
    };
    let ids = longest(&mut card.utterances.iter().map(|own| own.id.as_str()));
    let speakers = card.metadata.speakers.iter();
    let speakers = longest(&mut speakers.map(|speaker| speaker.name.as_str()));
    let classes = longest(&mut categories.names.iter().map(String::as_str));
    // Beside a mark.
    let wanted = [ids, speakers, 0.0, classes, classes + 18.0, 0.0];
    let mut widths = WIDTHS;
    let gaps = ui.spacing().item_spacing.x * WIDTHS.len() as f32;
    let room = (available - gaps - WIDTHS.iter().sum::<f32>()).max(0.0);
    let mut more = [0.0; 6];
    for (place, more) in more.iter_mut().enumerate() {
        *more = (wanted[place].min(WIDEST[place]) - WIDTHS[place]).max(0.0);
    }
    let all: f32 = more.iter().sum();
    let share = if all > room { room / all } else { 1.0 };
    for (width, more) in widths.iter_mut().zip(more) {
        *width += more * share;
    }
    widths
}

/// The columns that every corpus has, by what is predicted.
fn columns(categories: &Categories) -> [(Order, &'static str, &'static str); 6] {
    let mut columns = COLUMNS;
    if categories.target().is_some() {
        columns[3].2 = "What the utterance is rated with";
        columns[4].2 = "The predicted intensity";
        columns[5] = (
            Order::Confidence,
            "error",
            "Predicted minus true, without its sign",
        );
    }
    columns
}

/// What an utterance is rated with; the unrated come first.
fn rating(categories: &Categories, utterance: &Utterance, target: usize) -> f32 {
    let value = categories.rating(utterance, target);
    value.unwrap_or(f32::NEG_INFINITY)
}

/// Absolute error of a predicted intensity.
fn error(
    categories: &Categories,
    utterance: &Utterance,
    target: usize,
    outputs: Option<&[f32]>,
) -> Option<f32> {
    let truth = categories.rating(utterance, target)?;
    Some((outputs?.get(target)? - truth).abs())
}

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let Some(categories) = workspace.categories() else {
            ui.weak("open a corpus");
            return;
        };
        let held = workspace.shown_held();
        let held = held.map(|(open, held)| workspace.holds(open.card.id, held));
        let Workspace {
            corpus,
            models,
            selection,
            controls,
            corpus_version,
            ..
        } = workspace;
        let Some(card) = corpus else {
            return;
        };
        let version = |open: Option<&OpenModel>| Some(open?.evaluated.as_ref()?.version);
        let of = Of {
            corpus: *corpus_version,
            categories: categories.clone(),
            predictions: [version(models.shown()), version(models.compared())],
            order: (self.order, self.descending),
            filter: self.filter.clone(),
            only_wrong: self.only_wrong,
            selection: self.only_selected.then(|| {
                let mut hasher = DefaultHasher::new();
                selection.iter().for_each(|index| index.hash(&mut hasher));
                hasher.finish()
            }),
        };
        if self
            .made
            .as_ref()
            .is_some_and(|(before, _)| before.corpus != of.corpus)
        {
            self.is_sorted_anew = true;
        }
        let rows = match self.made.take().filter(|(before, _)| *before == of) {
            Some((_, rows)) => rows,
            None => self
                .rows(card, models, &categories, |index| selection.contains(index))
                .into(),
        };
        self.made = Some((of, Rc::clone(&rows)));
        let mut found = false;
        ui.horizontal_wrapped(|ui| {
            let hint = "find in id, class, speaker, transcript, columns";
            let edit = TextEdit::singleline(&mut self.filter)
                .hint_text(hint)
                .desired_width(160.0);
            let edit = ui
                .add(edit)
                .on_hover_text("Show only utterances that contain this text");
            controls.note("filter", &edit);
            let done = [Key::Enter, Key::ArrowDown];
            if (edit.has_focus() || edit.lost_focus())
                && ui.input(|input| done.iter().any(|key| input.key_pressed(*key)))
                && let Some(first) = rows.first()
            {
                // The keys go on in the lines.
                edit.surrender_focus();
                selection.step_to(first.utterance);
                found = true;
            }
            ui.checkbox(&mut self.only_wrong, "wrong only")
                .on_hover_text("Hide utterances that the model predicts correctly");
            ui.checkbox(&mut self.only_selected, "selected only")
                .on_hover_text("Hide utterances that are not selected");
            let all = ui
                .small_button("Select all")
                .on_hover_text("Select the rows below");
            if all.clicked() {
                selection.set(rows.iter().map(|row| row.utterance), "lines of the table");
            }
            if ui
                .small_button("Clear")
                .on_hover_text("Clear the selection")
                .clicked()
            {
                selection.clear();
            }
            let lines = if rows.len() == 1 { "line" } else { "lines" };
            let mut text = format!("{} {lines}, {} selected", rows.len(), selection.len());
            let here = rows
                .iter()
                .filter(|row| selection.contains(row.utterance))
                .count();
            if here < selection.len() {
                text += &format!(", {here} of them here");
            }
            if !selection.reason.is_empty() {
                text += &format!(": {}", selection.reason);
            }
            ui.weak(text);
        });
        if let Some(held) = &held {
            held_line(ui, held, "");
        }
        let names = &categories.names;
        let of = |(version, of, widths): &(u64, Vec<String>, [f32; 6])| {
            (version == corpus_version && of == names).then_some(*widths)
        };
        let widths = self.widths.as_ref().and_then(of).unwrap_or_else(|| {
            // Without the bar that scrolls.
            let available = ui.available_width() - 12.0;
            widths(ui, card, &categories, available)
        });
        self.widths = Some((*corpus_version, names.clone(), widths));
        let has_compared = models.compared().is_some();
        let position = |focus: usize| rows.iter().position(|row| row.utterance == focus);
        let focus = selection.focus().and_then(position);
        let step = keys(ui);
        if step != 0 && !found && !rows.is_empty() {
            let last = rows.len() as i64 - 1;
            let next = focus.map_or(0, |row| (row as i64 + step).clamp(0, last));
            selection.step_to(rows[next as usize].utterance);
        }
        let height = egui::TextStyle::Body.resolve(ui.style()).size + 4.0;
        let mut clicked = None;
        // Not only selected but looked at.
        let mut is_wanted = false;
        // The columns of a file may be many.
        egui::ScrollArea::horizontal()
            .id_salt("columns")
            .show(ui, |ui| {
                // A text that can be selected would take the click that selects its line.
                ui.style_mut().interaction.selectable_labels = false;
                let gaps = ui.spacing().item_spacing.x * widths.len() as f32;
                let has_bar = ui.available_width() < widths.iter().sum::<f32>() + gaps
                    || has_compared
                    || !card.columns.is_empty();
                // The bar that scrolls sideways would lie over the last line.
                let below = if has_bar { 12.0 } else { 0.0 };
                let lines_height = (ui.available_height() - height - 10.0 - below).max(44.0);
                let mut table = TableBuilder::new(ui)
                    // Another corpus begins at its first line, with widths of its own.
                    .id_salt((*corpus_version, names))
                    .max_scroll_height(lines_height)
                    .striped(true)
                    .sense(egui::Sense::click())
                    .cell_layout(egui::Layout::left_to_right(egui::Align::Center));
                for width in widths {
                    table = table.column(Column::initial(width).clip(true).resizable(true));
                }
                let further = usize::from(has_compared) + card.columns.len();
                if further > 0 {
                    table =
                        table.columns(Column::initial(84.0).clip(true).resizable(true), further);
                }
                if std::mem::take(&mut self.is_sorted_anew) {
                    table = table.scroll_to_row(0, None);
                }
                if selection.focus() != self.scrolled_to {
                    // Once it is in the table: what a session selects may come before its lines.
                    match selection.focus().map(position) {
                        None => self.scrolled_to = None,
                        Some(None) => {}
                        Some(Some(row)) => {
                            self.scrolled_to = selection.focus();
                            table = table.scroll_to_row(row, None);
                        }
                    }
                }
                let table = table.header(height, |mut header| {
                    for (order, name, hint) in columns(&categories) {
                        let (_, cell) = header.col(|ui| self.heading(ui, order, name));
                        let hint = format!("{hint}. Click to sort");
                        if cell.on_hover_text(hint).clicked() {
                            self.descending = self.order == order && !self.descending;
                            self.order = order;
                            self.is_sorted_anew = true;
                        }
                    }
                    if has_compared {
                        header.col(|ui| {
                            ui.strong("compared")
                                .on_hover_text("What the compared model predicts");
                        });
                    }
                    for column in &card.columns {
                        header.col(|ui| {
                            ui.strong(&column.name)
                                .on_hover_text("A column of the imported file");
                        });
                    }
                });
                let shown = models.shown().and_then(|open| open.evaluated.as_ref());
                let compared = models.compared().and_then(|open| open.evaluated.as_ref());
                table.body(|body| {
                    body.rows(height, rows.len(), |mut line| {
                        let row = &rows[line.index()];
                        let utterance = &card.utterances[row.utterance];
                        let is_selected = selection.contains(row.utterance);
                        line.set_selected(is_selected);
                        line.col(|ui| {
                            let font = egui::TextStyle::Body.resolve(ui.style());
                            let room = ui.available_width();
                            let id = direction::drawn(&utterance.id);
                            let id = matrix::truncated_before(ui, &id, &font, room);
                            let mut id = RichText::new(id);
                            if selection.focus() == Some(row.utterance) {
                                id = id.strong();
                            }
                            let is_cut = id.text() != utterance.id;
                            let label = ui.label(id);
                            if is_cut {
                                label.on_hover_text(&utterance.id);
                            }
                        });
                        line.col(|ui| {
                            text(ui, card.speaker(row.utterance));
                        });
                        line.col(|ui| {
                            let duration = utterance.duration_secs;
                            ui.label(
                                duration.map_or_else(String::new, |secs| format!("{secs:.2}")),
                            );
                        });
                        line.col(|ui| {
                            text(ui, &categories.text(utterance));
                        });
                        line.col(|ui| {
                            let right = is_right(categories.label(utterance), row.predicted);
                            let text = predicted_text(shown, row.utterance);
                            prediction(ui, &text, right, is_selected);
                        });
                        line.col(|ui| {
                            ui.label(
                                row.confidence
                                    .map_or_else(String::new, |p| format!("{p:.3}")),
                            );
                        });
                        if has_compared {
                            line.col(|ui| {
                                // By its own classes, which may stand in another order.
                                let own = compared.map(|compared| &compared.categories);
                                let label = own.and_then(|own| own.label(utterance));
                                let right = is_right(label, row.compared);
                                let text = predicted_text(compared, row.utterance);
                                prediction(ui, &text, right, is_selected);
                            });
                        }
                        for column in &card.columns {
                            line.col(|ui| {
                                text(ui, &column.cells.text(row.utterance));
                            });
                        }
                        let response = line.response();
                        if response.clicked() {
                            clicked = Some(row.utterance);
                        }
                        is_wanted |= response.double_clicked();
                    });
                });
            });
        if let Some(utterance) = clicked {
            self.scrolled_to = Some(utterance);
            let modifiers = ui.input(|input| input.modifiers);
            if modifiers.shift {
                // From the line that was clicked before.
                let (from, to) = (self.anchor.and_then(position), position(utterance));
                let to = to.unwrap_or(0);
                let from = from.unwrap_or(to);
                let range = &rows[from.min(to)..=from.max(to)];
                selection.set(range.iter().map(|row| row.utterance), "lines of the table");
                selection.focus_on(utterance);
            } else {
                self.anchor = Some(utterance);
                match modifiers.command {
                    true => selection.toggle(utterance),
                    false => selection.one(utterance),
                }
            }
        }
        if is_wanted {
            workspace.command(Command::Show(Pane::Inspector));
        }
    }

    fn heading(&self, ui: &mut Ui, order: Order, name: &str) {
        ui.spacing_mut().item_spacing.x = 2.0;
        // First, so that a narrow column does not cut it.
        if self.order == order {
            mark::arrow(ui, self.descending);
        }
        ui.strong(name);
    }

    fn rows(
        &self,
        card: &CorpusCard,
        models: &Models,
        categories: &Categories,
        is_selected: impl Fn(usize) -> bool,
    ) -> Vec<Row> {
        let shown = models.shown().and_then(|open| open.evaluated.as_ref());
        let compared = models.compared().and_then(|open| open.evaluated.as_ref());
        let candidates: Vec<usize> = match shown {
            Some(evaluated) => evaluated.utterances.clone(),
            None => (0..card.utterances.len()).collect(),
        };
        let filter = self.filter.trim().to_lowercase();
        let matches_filter = |index: usize| {
            let utterance = &card.utterances[index];
            let contains = |text: &str| text.to_lowercase().contains(&filter);
            filter.is_empty()
                || contains(&utterance.id)
                || contains(&categories.text(utterance))
                || contains(card.speaker(index))
                || card
                    .columns
                    .iter()
                    .any(|column| contains(&column.cells.text(index)))
                || utterance.transcript.as_deref().is_some_and(contains)
        };
        let mut rows: Vec<Row> = candidates
            .into_iter()
            .map(|utterance| {
                let predicted = shown.and_then(|shown| shown.class_of(utterance));
                let outputs = shown.and_then(|shown| shown.outputs_of(utterance));
                Row {
                    utterance,
                    confidence: match categories.target() {
                        None => predicted.and_then(|class| outputs?.get(class).copied()),
                        Some((target, _)) => {
                            error(categories, &card.utterances[utterance], target, outputs)
                        }
                    },
                    predicted,
                    compared: compared.and_then(|compared| compared.class_of(utterance)),
                }
            })
            .filter(|row| {
                let label = categories.label(&card.utterances[row.utterance]);
                (!self.only_selected || is_selected(row.utterance))
                    && (!self.only_wrong || is_right(label, row.predicted) == Some(false))
                    && matches_filter(row.utterance)
            })
            .collect();
        let utterance = |row: &Row| &card.utterances[row.utterance];
        let speaker = |row: &Row| card.speaker(row.utterance);
        let duration = |row: &Row| utterance(row).duration_secs.unwrap_or(-1.0);
        let confidence = |row: &Row| row.confidence.unwrap_or(0.0);
        let intensity = |row: &Row| {
            shown
                .and_then(|shown| shown.intensity_of(row.utterance))
                .unwrap_or(0.0)
        };
        rows.sort_by(|a, b| {
            let ordering = match self.order {
                Order::Id => natural(&utterance(a).id, &utterance(b).id),
                Order::Speaker => natural(speaker(a), speaker(b)),
                Order::Duration => duration(a).total_cmp(&duration(b)),
                Order::Label => match categories.target() {
                    None => utterance(a).label.cmp(&utterance(b).label),
                    Some((target, _)) => {
                        let rating = |row| rating(categories, utterance(row), target);
                        rating(a).total_cmp(&rating(b))
                    }
                },
                Order::Predicted => intensity(a)
                    .total_cmp(&intensity(b))
                    .then(a.predicted.cmp(&b.predicted)),
                Order::Confidence => confidence(a).total_cmp(&confidence(b)),
            };
            if self.descending {
                ordering.reverse()
            } else {
                ordering
            }
        });
        rows
    }

    pub fn export(&self, format: Format, workspace: &Workspace) -> Option<String> {
        let card = workspace.corpus.as_ref()?;
        let open = workspace.models.shown()?;
        let evaluated = open.evaluated.as_ref()?;
        let categories = &evaluated.categories;
        let rows = self.rows(card, &workspace.models, categories, |u| {
            workspace.selection.contains(u)
        });
        let classes = &open.card.interface.classes;
        let targets = &open.card.interface.targets;
        match format {
            Format::Svg => None,
            Format::Csv => {
                let head = ["id", "speaker", "duration_secs", "true", "predicted"];
                let mut header: Vec<String> = head.map(str::to_owned).to_vec();
                header.extend(classes.iter().map(|class| format!("p({class})")));
                header.extend(targets.iter().map(|target| target.name.clone()));
                header.extend(card.columns.iter().map(|column| column.name.clone()));
                let lines = rows.iter().map(|row| {
                    let utterance = &card.utterances[row.utterance];
                    let mut cells = vec![
                        utterance.id.clone(),
                        card.speaker(row.utterance).to_owned(),
                        (utterance.duration_secs).map_or_else(String::new, |s| s.to_string()),
                        categories.text(utterance),
                        predicted_text(Some(evaluated), row.utterance),
                    ];
                    let outputs = evaluated.outputs_of(row.utterance);
                    let values = outputs.unwrap_or(&[]).iter();
                    cells.extend(values.map(f32::to_string));
                    let further = card.columns.iter();
                    cells.extend(further.map(|column| column.cells.text(row.utterance)));
                    cells
                });
                Some(csv_of(workspace, header, lines.collect()))
            }
            Format::Json => {
                let lines = rows.iter().map(|row| {
                    let utterance = &card.utterances[row.utterance];
                    json!({
                        "id": utterance.id,
                        "label": categories.text(utterance),
                        "predicted": predicted_text(Some(evaluated), row.utterance),
                        "outputs": evaluated.outputs_of(row.utterance),
                    })
                });
                json_of(
                    workspace,
                    json!({
                        "classes": classes,
                        "targets": targets,
                        "utterances": lines.collect::<Vec<_>>(),
                    }),
                )
            }
        }
    }
}

/// Whether a prediction is right; `None` where there is no label or no prediction.
fn is_right(label: Option<usize>, predicted: Option<usize>) -> Option<bool> {
    Some(predicted? == label?)
}

/// A text in a cell.
fn text(ui: &mut Ui, text: &str) {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let room = ui.available_width();
    let drawn = direction::within(ui, text, &font, room);
    let is_cut = drawn.contains('…');
    let label = ui.label(drawn);
    if is_cut {
        label.on_hover_text(direction::drawn(text));
    }
}

/// A predicted class, marked as right or wrong where that is known.
fn prediction(ui: &mut Ui, class: &str, right: Option<bool>, is_selected: bool) {
    if !class.is_empty() {
        if let Some(right) = right {
            // On the colour of a selected line only that of its text is seen.
            match is_selected {
                true => mark::is_right_in(ui, right, ui.visuals().strong_text_color()),
                false => mark::is_right(ui, right),
            };
        }
        text(ui, class);
    }
}

/// Rows to move the focus down with the keyboard; 0 where a widget has the keyboard focus.
fn keys(ui: &Ui) -> i64 {
    if ui.ctx().memory(|memory| memory.focused().is_some()) {
        return 0;
    }
    ui.input(|input| {
        // A key that is held comes several times in a slow frame.
        let pressed = |key| input.num_presses(key) as i64;
        pressed(Key::ArrowDown) - pressed(Key::ArrowUp)
            + 20 * (pressed(Key::PageDown) - pressed(Key::PageUp))
    })
}
