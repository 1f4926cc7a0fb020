//! The confusion matrix of the shown model, with the four scores.

use eframe::egui::Ui;
use mct_corpus::Task;
use mct_engine::evaluation::CorpusCard;
use serde_json::json;

use super::{Format, csv, json as to_json, percent, score_row, target_choice};
use crate::state::Workspace;
use crate::state::models::{Evaluated, OpenModel};
use crate::theme;
use crate::widgets::matrix::{self, Cell, Hit};

#[derive(Default)]
pub struct Panel;

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let Workspace {
            corpus,
            models,
            selection,
            limit_now,
            ..
        } = workspace;
        if let Some(card) = corpus {
            target_choice(ui, card, models);
        }
        let (Some(card), Some(open)) = (corpus, models.shown()) else {
            return matrix::placeholder(ui, "open a corpus and a model");
        };
        let Some(evaluated) = &open.evaluated else {
            let text = match &open.card.fold {
                Ok(_) => "evaluating…",
                Err(problem) => problem,
            };
            return matrix::placeholder(ui, text);
        };
        if evaluated.confusion.total() == 0 {
            return matrix::placeholder(
                ui,
                "no utterance of this side has a label: predictions are in the table",
            );
        }
        scores(ui, open, evaluated, *limit_now);
        let classes = &evaluated.categories.names;
        let background = ui.visuals().extreme_bg_color;
        let adds = matrix::adds(ui);
        let hit = matrix::show(ui, "confusion", classes, |label, predicted| {
            let row: usize = evaluated.confusion.0[label].iter().sum();
            let count = evaluated.confusion.0[label][predicted];
            let share = count as f32 / row.max(1) as f32;
            let fill = theme::cell(background, share);
            let mut utterances = in_cell(card, evaluated, label, predicted);
            Cell {
                ink: theme::ink_on(fill),
                fill,
                text: format!("{:.0} %", share * 100.0),
                small: count.to_string(),
                hint: format!("{count} of {row} utterances, {:.1} %", share * 100.0),
                selected: count > 0
                    && !selection.is_empty()
                    && utterances.all(|utterance| selection.contains(utterance)),
            }
        });
        let Some(hit) = hit else { return };
        let all = 0..classes.len();
        let (chosen, reason): (Vec<usize>, String) = match hit {
            Hit::Cell { label, predicted } => (
                in_cell(card, evaluated, label, predicted).collect(),
                format!("{} predicted as {}", classes[label], classes[predicted]),
            ),
            Hit::Row(label) => (
                all.flat_map(|p| in_cell(card, evaluated, label, p))
                    .collect(),
                format!("true class {}", classes[label]),
            ),
            Hit::Column(predicted) => (
                all.flat_map(|l| in_cell(card, evaluated, l, predicted))
                    .collect(),
                format!("predicted as {}", classes[predicted]),
            ),
        };
        if adds {
            selection.add(chosen, reason);
        } else {
            selection.set(chosen, reason);
        }
    }
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

fn scores(ui: &mut Ui, open: &OpenModel, evaluated: &Evaluated, limit: Option<f64>) {
    ui.horizontal_wrapped(|ui| {
        score_row(ui, &evaluated.scores);
        if let Some(limit) = limit
            && evaluated.categories.task() == Task::Classification
        {
            ui.weak(format!("UA at most {}", percent(limit)))
                .on_hover_text(
                    "The exact limit: UA of the posterior of the generating process, on the same \
                 utterances with the same missing steps",
                );
        }
    });
    let count = evaluated.utterances.len();
    let name = &open.card.name;
    ui.weak(format!(
        "{name}, {count} utterances, {:.0} ms",
        evaluated.millis
    ))
    .on_hover_text("The utterances in the matrix, and the time of the computation");
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let open = workspace.models.shown()?;
    let evaluated = open.evaluated.as_ref()?;
    let classes = &evaluated.categories.names;
    match format {
        Format::Svg => {
            let mut title = format!("{}, {}", open.card.name, workspace.missing.describe());
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
            Some(csv(&header, &rows))
        }
        Format::Json => to_json(&json!({
            "synthetic": card.metadata.synthetic,
            "corpus": card.metadata.title,
            "model": open.card.name,
            "conditions": workspace.missing.conditions(),
            "utterances": evaluated.utterances.len(),
            "classes": classes,
            "confusion": evaluated.confusion,
            "scores": evaluated.scores,
            "limit_ua": workspace.limit_now,
        })),
    }
}
