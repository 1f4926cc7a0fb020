//! What a model predicts of one utterance, from all steps and from those that are not missing.

use eframe::egui::{self, Color32, Rect, RichText, Sense, Ui, vec2};
use mct_corpus::{Target, Utterance};
use mct_engine::evaluation::Combination;
use mct_hfr::config::Interface;
use mct_hfr::evaluation::Inspection;

use crate::state::categories::Categories;
use crate::theme;
use crate::widgets::direction;

/// Class probabilities as bars, or intensities as a table.
pub fn show(
    ui: &mut Ui,
    interface: &Interface,
    categories: &Categories,
    utterance: &Utterance,
    inspection: &Inspection,
) {
    if interface.targets.is_empty() {
        let label = categories.label(utterance);
        probabilities(ui, &interface.classes, label, inspection);
    } else {
        let targets = interface.targets.iter().enumerate();
        let rated = targets.map(|(index, target)| (target, categories.rating(utterance, index)));
        intensities(ui, &rated.collect::<Vec<_>>(), inspection);
    }
}

/// Two bars per class: the probability from all steps, and from those that are not missing.
fn probabilities(ui: &mut Ui, classes: &[String], label: Option<usize>, inspection: &Inspection) {
    egui::Grid::new("probabilities")
        .num_columns(3)
        .show(ui, |ui| {
            ui.label("");
            ui.weak("all steps");
            ui.weak("without the missing ones");
            ui.end_row();
            for (class, name) in classes.iter().enumerate() {
                let mut text = RichText::new(direction::drawn(name));
                if Some(class) == label {
                    text = text.strong();
                }
                ui.label(text);
                for row in [&inspection.complete, &inspection.incomplete] {
                    let best = mct_scores::most_probable(row) == class;
                    let probability = row.get(class).copied().unwrap_or(0.0);
                    let fill = match (best, label.is_none_or(|label| class == label)) {
                        (true, true) => theme::RIGHT,
                        (true, false) => theme::WRONG,
                        (false, _) => ui.visuals().weak_text_color(),
                    };
                    ui.horizontal(|ui| bar(ui, probability, fill));
                }
                ui.end_row();
            }
        });
}

/// Per target the rating, and the intensities predicted from all steps and from those that are not missing.
fn intensities(ui: &mut Ui, targets: &[(&Target, Option<f32>)], inspection: &Inspection) {
    let value = |value: Option<f32>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}"));
    egui::Grid::new("intensities").striped(true).show(ui, |ui| {
        for heading in ["", "true", "all steps", "without the missing ones"] {
            ui.weak(heading);
        }
        ui.end_row();
        for (index, (target, rated)) in targets.iter().enumerate() {
            let [low, high] = target.range;
            ui.label(&target.name)
                .on_hover_text(format!("rated from {low} to {high}"));
            ui.strong(value(*rated));
            for row in [&inspection.complete, &inspection.incomplete] {
                ui.label(value(row.get(index).copied()));
            }
            ui.end_row();
        }
    });
}

/// What is predicted from each combination of the modalities that an utterance has.
pub fn combinations(
    ui: &mut Ui,
    interface: &Interface,
    label: Option<usize>,
    names: &[&str],
    combinations: &[Combination],
) {
    egui::Grid::new("combinations")
        .num_columns(3)
        .show(ui, |ui| {
            for combination in combinations {
                let there = names.iter().zip(&combination.present);
                let there: Vec<&str> = there
                    .filter(|(_, there)| **there)
                    .map(|(name, _)| *name)
                    .collect();
                ui.label(there.join(" + "));
                match interface.targets.is_empty() {
                    true => most_probable(ui, &interface.classes, label, &combination.outputs),
                    false => {
                        let values = interface.targets.iter().zip(&combination.outputs);
                        let values = values.map(|(target, v)| format!("{} {v:.2}", target.name));
                        ui.label(values.collect::<Vec<_>>().join(", "));
                    }
                }
                ui.end_row();
            }
        });
}

/// The most probable class and its probability; all of them under the pointer.
fn most_probable(ui: &mut Ui, classes: &[String], label: Option<usize>, outputs: &[f32]) {
    let best = mct_scores::most_probable(outputs);
    let fill = match label.is_none_or(|label| label == best) {
        true => theme::RIGHT,
        false => theme::WRONG,
    };
    let name = classes.get(best).map_or("", String::as_str);
    ui.label(direction::drawn(name)).on_hover_ui(|ui| {
        for (class, probability) in classes.iter().zip(outputs) {
            ui.label(format!("{class} {probability:.3}"));
        }
    });
    let probability = outputs.get(best).copied().unwrap_or(0.0);
    ui.horizontal(|ui| bar(ui, probability, fill));
}

/// A probability as a bar with its number beside it.
fn bar(ui: &mut Ui, probability: f32, fill: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(110.0, 12.0), Sense::hover());
    ui.painter()
        .rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let size = vec2(rect.width() * probability.clamp(0.0, 1.0), rect.height());
    ui.painter()
        .rect_filled(Rect::from_min_size(rect.min, size), 2.0, fill);
    ui.label(format!("{probability:.3}"));
}
