//! The confusion matrix of the shown model, with the four scores.

use eframe::egui::{Grid, Label, RichText, ScrollArea, Ui};
use mct_corpus::Task;
use mct_engine::evaluation::CorpusCard;
use mct_scores::{ClassScores, Confusion};
use serde_json::json;

use super::{
    Format, counted, csv_of, fold_name, held_line, json_of, lacks_model, percent, score_row, shown,
    target_choice,
};
use crate::state::Workspace;
use crate::state::models::Evaluated;
use crate::state::selection::Selection;
use crate::theme;
use crate::widgets::direction;
use crate::widgets::matrix::{self, Cell, Hit};

/// What the cells say in large letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shares {
    #[default]
    OfTrue,
    OfPredicted,
    Counts,
    /// No matrix: precision, recall and F1 of each class.
    Classes,
}

const SHARES: [(Shares, &str, &str); 4] = [
    (
        Shares::OfTrue,
        "by row",
        "Shares of the true class: recall on the diagonal",
    ),
    (
        Shares::OfPredicted,
        "by column",
        "Shares of the predicted class: precision on the diagonal",
    ),
    (Shares::Counts, "counts", "Utterances"),
    (
        Shares::Classes,
        "by class",
        "Precision, recall and F1 of each class",
    ),
];

#[derive(Default)]
pub struct Panel {
    shares: Shares,
}

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let held = held_of_shown(workspace);
        let conditions = workspace.shown_held();
        let conditions = conditions.map(|(_, held)| workspace.conditions_of(held));
        let conditions = conditions.unwrap_or_default();
        let limit = workspace.has_limit().then_some(workspace.limit_now);
        let Workspace {
            corpus,
            models,
            selection,
            ..
        } = workspace;
        if let Some(card) = corpus {
            target_choice(ui, card, models);
        }
        let Some(card) = corpus else {
            return matrix::placeholder(ui, "open a corpus and a model");
        };
        if let Some(lacks) = lacks_model(models) {
            return matrix::placeholder(ui, lacks);
        }
        let evaluated = models.shown().and_then(|open| open.evaluated.as_ref());
        let Some(evaluated) = evaluated else {
            return matrix::placeholder(ui, "evaluating…");
        };
        if evaluated.confusion.total() == 0 {
            return matrix::placeholder(
                ui,
                "no utterance of this side has a label: predictions are in the table",
            );
        }
        scores(ui, evaluated, limit, &held);
        of_selection(ui, evaluated, selection, card);
        ui.horizontal_wrapped(|ui| {
            for (shares, name, hint) in SHARES {
                ui.selectable_value(&mut self.shares, shares, name)
                    .on_hover_text(hint);
            }
        });
        let shares = self.shares;
        let by_class = evaluated.confusion.by_class();
        if shares == Shares::Classes {
            return classes_table(ui, &evaluated.categories.names, &by_class);
        }
        let of_header = |hit: Hit| {
            let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
            match hit {
                Hit::Row(class) | Hit::Column(class) => {
                    let of = &by_class[class];
                    format!(
                        "recall {}, precision {}, F1 {}",
                        share(of.recall),
                        share(of.precision),
                        share(of.f1)
                    )
                }
                Hit::Cell { .. } => String::new(),
            }
        };
        let classes = &evaluated.categories.names;
        let background = ui.visuals().extreme_bg_color;
        let adds = matrix::adds(ui);
        let chosen = selected_in_cells(card, evaluated, selection);
        let hit = matrix::show(ui, "confusion", classes, of_header, |label, predicted| {
            let row = by_class[label].utterances;
            let column = by_class[predicted].predicted;
            let count = evaluated.confusion.0[label][predicted];
            let of = match shares {
                Shares::OfTrue | Shares::Counts | Shares::Classes => row,
                Shares::OfPredicted => column,
            };
            let share = count as f32 / of.max(1) as f32;
            let percent = match of {
                // Nothing is no share of nothing.
                0 => "–".to_owned(),
                _ => format!("{:.0} %", share * 100.0),
            };
            let (text, small) = match shares {
                Shares::Counts => (count.to_string(), percent),
                Shares::OfTrue | Shares::OfPredicted | Shares::Classes => {
                    (percent, count.to_string())
                }
            };
            let fill = theme::cell(background, share);
            let chosen = chosen.0[label][predicted];
            let mut hint = format!("{count} of {of} utterances, {:.1} %", share * 100.0);
            if chosen > 0 {
                hint += &format!(", {chosen} selected");
            }
            Cell {
                ink: theme::ink_on(fill),
                fill,
                text,
                small,
                hint,
                selected: chosen as f32 / count.max(1) as f32,
            }
        });
        let Some(hit) = hit else { return };
        let all = 0..classes.len();
        let (chosen, reason): (Vec<usize>, String) = match hit {
            Hit::Cell { label, predicted } => (
                in_cell(card, evaluated, label, predicted).collect(),
                format!(
                    "{} predicted as {} ({conditions})",
                    classes[label], classes[predicted]
                ),
            ),
            Hit::Row(label) => (
                all.flat_map(|p| in_cell(card, evaluated, label, p))
                    .collect(),
                format!("true class {}", classes[label]),
            ),
            Hit::Column(predicted) => (
                all.flat_map(|l| in_cell(card, evaluated, l, predicted))
                    .collect(),
                format!("predicted as {} ({conditions})", classes[predicted]),
            ),
        };
        if adds && !chosen.is_empty() && chosen.iter().all(|own| selection.contains(*own)) {
            selection.remove(chosen);
        } else if adds {
            selection.add(chosen, reason);
        } else {
            selection.set(chosen, reason);
        }
    }
}

/// The scores of the selected utterances of this side, on a line of their own: the matrix below stays where it is.
fn of_selection(ui: &mut Ui, evaluated: &Evaluated, selection: &Selection, card: &CorpusCard) {
    let chosen: Vec<usize> = selection.iter().collect();
    let here = chosen
        .iter()
        .filter(|index| evaluated.class_of(**index).is_some());
    let count = here.count();
    if count == 0 {
        ui.weak("0 selected");
        return;
    }
    let scores = match count == evaluated.utterances.len() {
        true => evaluated.scores.clone(),
        false => evaluated.scores_on(&chosen, &card.utterances),
    };
    let values = scores
        .iter()
        .map(|(metric, value)| format!("{} {}", metric.title(), shown(metric, value)));
    let text = format!(
        "{count} selected: {}",
        values.collect::<Vec<_>>().join("  ")
    );
    let label = ui.add(Label::new(RichText::new(&text).weak()).truncate());
    label.on_hover_text(format!(
        "{text}\nThe same scores on the selected utterances of this side"
    ));
}

fn classes_table(ui: &mut Ui, names: &[String], by_class: &[ClassScores]) {
    let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    ScrollArea::both().id_salt("by class").show(ui, |ui| {
        Grid::new("by class")
            .num_columns(5)
            .striped(true)
            .show(ui, |ui| {
                for heading in ["class", "utterances", "recall", "precision", "F1"] {
                    ui.strong(heading);
                }
                ui.end_row();
                for (name, own) in names.iter().zip(by_class) {
                    ui.label(direction::drawn(name));
                    ui.label(own.utterances.to_string());
                    for value in [own.recall, own.precision, own.f1] {
                        ui.label(share(value));
                    }
                    ui.end_row();
                }
            });
    });
}

/// How many of each cell are selected.
fn selected_in_cells(card: &CorpusCard, evaluated: &Evaluated, selection: &Selection) -> Confusion {
    let mut cells = Confusion::new(evaluated.categories.names.len());
    if selection.is_empty() {
        return cells;
    }
    for (utterance, predicted) in evaluated.utterances.iter().zip(&evaluated.predicted) {
        let truth = evaluated.categories.label(&card.utterances[*utterance]);
        if let Some(label) = truth.filter(|_| selection.contains(*utterance)) {
            cells.add(label, *predicted);
        }
    }
    cells
}

/// The utterances of a cell.
fn in_cell<'a>(
    card: &'a CorpusCard,
    evaluated: &'a Evaluated,
    label: usize,
    predicted: usize,
) -> impl Iterator<Item = usize> + 'a {
    evaluated
        .utterances
        .iter()
        .zip(&evaluated.predicted)
        .filter(move |(utterance, class)| {
            let truth = evaluated.categories.label(&card.utterances[**utterance]);
            truth == Some(label) && **class == predicted
        })
        .map(|(utterance, _)| *utterance)
}

/// `limit` is of a corpus that has one: `None` while it is computed.
fn scores(ui: &mut Ui, evaluated: &Evaluated, limit: Option<Option<f64>>, held: &(String, bool)) {
    ui.horizontal_wrapped(|ui| {
        score_row(ui, &evaluated.scores);
        if let Some(limit) = limit
            && evaluated.categories.task() == Task::Classification
        {
            let limit = limit.map_or("…".to_owned(), percent);
            ui.weak(format!("exact posterior {limit}")).on_hover_text(
                "UA of the posterior of the generating process, on the same utterances with the same missing \
                 steps: no model is better on average, though one can be on some utterances by chance",
            );
        }
    });
    let count = evaluated.utterances.len();
    let further = format!(
        ": {}, {:.0} ms",
        counted(count, "utterance"),
        evaluated.millis
    );
    held_line(ui, held, &further);
}

/// What the matrix holds for: model, side and conditions.
fn held_of_shown(workspace: &Workspace) -> (String, bool) {
    let held = workspace.shown_held();
    let held = held.map(|(open, held)| workspace.holds(open.card.id, held));
    held.unwrap_or_default()
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let open = workspace.models.shown()?;
    let evaluated = open.evaluated.as_ref()?;
    let classes = &evaluated.categories.names;
    match format {
        Format::Svg => {
            let (mut title, _) = held_of_shown(workspace);
            title += &format!(", fold {}", fold_name(open));
            if card.metadata.synthetic {
                title += " (synthetic)";
            }
            mct_figures::confusion(&title, classes, &evaluated.confusion).ok()
        }
        Format::Csv => {
            let mut header = vec!["true \\ predicted".to_owned()];
            header.extend(classes.iter().cloned());
            let rows: Vec<Vec<String>> = classes
                .iter()
                .zip(&evaluated.confusion.0)
                .map(|(class, counts)| {
                    let counts = counts.iter().map(usize::to_string);
                    std::iter::once(class.clone()).chain(counts).collect()
                })
                .collect();
            Some(csv_of(workspace, header, rows))
        }
        Format::Json => json_of(
            workspace,
            json!({
                "utterances": evaluated.utterances.len(),
                "classes": classes,
                "confusion": evaluated.confusion,
                "by_class": evaluated.confusion.by_class(),
                "scores": evaluated.scores,
                "limit_ua": workspace.limit_now,
            }),
        ),
    }
}
