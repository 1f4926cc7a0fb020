//! One utterance: its sequences over a common time axis with the missing steps, what the model predicts
//! with and without them, what it attends to, and what it imagines.

use eframe::egui::{
    self, Color32, Pos2, Rect, RichText, ScrollArea, Sense, Slider, Stroke, StrokeKind, Ui, pos2,
    vec2,
};
use mct_engine::evaluation::{CorpusCard, ModalityCard};
use mct_hfr::evaluation::{Inspection, Sequence};
use serde_json::json;

use super::{Format, csv, json as to_json};
use crate::state::{Seen, Workspace};
use crate::theme;
use crate::widgets::heat_map::HeatMaps;

/// Standardised values are shown up to so many deviations.
const DEVIATIONS: f32 = 2.5;

/// Room on the left of the sequences for their names, in pixels.
const LEFT: f32 = 70.0;

const MAP_HEIGHT: f32 = 54.0;

#[derive(Default)]
pub struct Panel {
    maps: HeatMaps,
    imagined: bool,
    /// Whether the stroke under way hides steps, or brings them back.
    stroke: Option<bool>,
}

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let Some(utterance) = workspace.focus() else {
            ui.weak("select an utterance: in the table, a cell of the matrix or the embedding");
            return;
        };
        ScrollArea::vertical().id_salt("inspector").show(ui, |ui| {
            head(ui, workspace, utterance);
            let seen = workspace.inspector.seen.as_ref();
            let Some(seen) = seen.filter(|seen| seen.utterance == utterance) else {
                ui.spinner();
                return;
            };
            let Some(card) = &workspace.corpus else {
                return;
            };
            probabilities(ui, card, utterance, &seen.inspection);
            ui.add_space(4.0);
            let edit = self.sequences(ui, workspace, card, seen);
            if seen.inspection.attention.is_some() {
                self.attention(ui, card, seen);
            } else {
                ui.weak("This system has no hyper-modality whose attention could be shown");
            }
            let layers = workspace
                .models
                .shown()
                .map_or(1, |open| open.card.config.model.layers);
            if seen.inspection.attention.is_some() && layers > 1 {
                let layer = &mut workspace.inspector.layer;
                ui.add(Slider::new(layer, 0..=layers - 1).text("layer"))
                    .on_hover_text("The layer of the fusion whose attention is shown, from 0");
            }
            if let Some((modality, steps, hide)) = edit {
                mask_by_hand(workspace, utterance, modality, &steps, hide);
            }
        });
    }

    /// Sequences as heat maps; returns the steps that were hidden or brought back by hand.
    fn sequences(
        &mut self,
        ui: &mut Ui,
        workspace: &Workspace,
        card: &CorpusCard,
        seen: &Seen,
    ) -> Option<(usize, Vec<usize>, bool)> {
        let masks = workspace.masks(seen.utterance)?;
        let can_imagine = seen
            .inspection
            .modalities
            .iter()
            .any(|own| own.imagined.is_some());
        ui.horizontal(|ui| {
            ui.weak("Click or drag over steps to hide them or bring them back");
            if can_imagine {
                ui.checkbox(&mut self.imagined, "what is imagined").on_hover_text(
                    "Below each sequence, what local feature imagination makes of the missing steps",
                );
            }
        });
        let duration = card.utterances[seen.utterance].duration_secs.max(1e-3);
        let mut edit = None;
        for (m, (sequence, modality)) in seen
            .inspection
            .modalities
            .iter()
            .zip(&card.modalities)
            .enumerate()
        {
            let end = seconds(modality, sequence.steps(), duration).min(duration) / duration;
            let drawn = self.sequence(ui, m, modality, sequence, &masks[m], seen, end);
            if let Some((steps, hide)) = drawn {
                edit = Some((m, steps, hide));
            }
            if self.imagined && sequence.imagined.is_some() {
                self.imagination(ui, m, sequence, seen, end);
            }
        }
        time_axis(ui, duration);
        edit
    }

    #[expect(clippy::too_many_arguments, reason = "a drawing and what it draws")]
    fn sequence(
        &mut self,
        ui: &mut Ui,
        m: usize,
        modality: &ModalityCard,
        sequence: &Sequence,
        mask: &[bool],
        seen: &Seen,
        end: f32,
    ) -> Option<(Vec<usize>, bool)> {
        let (rect, area) = lane(ui, MAP_HEIGHT, end, &modality.name);
        let steps = sequence.steps();
        let features = sequence.features;
        let id = ui.scope_id().with(("sequence", m));
        let response = ui.interact(area, id, Sense::click_and_drag());
        let missing = mask.iter().take(steps).filter(|missing| **missing).count();
        response.widget_info(|| {
            let text = format!("{}: {missing} of {steps} steps are missing", modality.name);
            egui::WidgetInfo::labeled(egui::Role::Image, true, text)
        });
        let texture = self.maps.get(
            ui.ctx(),
            &format!("sequence {m}"),
            seen.version,
            [steps, features],
            |step, feature| {
                theme::diverging(sequence.values[step * features + feature] / DEVIATIONS)
            },
        );
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), area, uv, Color32::WHITE);
        let width = area.width() / steps.max(1) as f32;
        let column = |step: usize| {
            let left = area.left() + step as f32 * width;
            Rect::from_x_y_ranges(left..=left + width, area.y_range())
        };
        // A grey that the map does not have, in both themes.
        let veil = Color32::from_gray(110).gamma_multiply(0.85);
        for (step, _) in mask
            .iter()
            .take(steps)
            .enumerate()
            .filter(|(_, missing)| **missing)
        {
            let own = column(step);
            ui.painter().rect_filled(own, 0.0, veil);
            let ink = Color32::from_gray(60);
            ui.painter()
                .vline(own.center().x, area.y_range(), Stroke::new(1.0, ink));
        }
        let step_at = |at: Pos2| {
            let step = ((at.x - area.left()) / width.max(1e-6)).floor();
            (0.0..steps as f32).contains(&step).then_some(step as usize)
        };
        if let Some(at) = response.hover_pos()
            && let Some(step) = step_at(at)
        {
            let height = area.height() / features.max(1) as f32;
            let feature = (((at.y - area.top()) / height) as usize).min(features.saturating_sub(1));
            let place = step * features + feature;
            let mut text = format!(
                "{} step {step} of {steps}, feature {feature}: {:.2} deviations",
                modality.name, sequence.values[place]
            );
            if let Some(rate) = modality.rate_hz {
                text += &format!("\nat {:.2} s", step as f32 / rate);
            }
            if mask[step] {
                text += "\nmissing";
                if let Some(imagined) = &sequence.imagined {
                    text += &format!(", imagined as {:.2}", imagined[place]);
                }
            }
            response.clone().on_hover_text_at_pointer(text);
        }
        ui.painter().rect_stroke(
            rect,
            0.0,
            Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.4)),
            StrokeKind::Inside,
        );
        let touched = response.interact_pointer_pos().and_then(step_at);
        if response.drag_started() || response.clicked() {
            self.stroke = touched.map(|step| !mask[step]);
        }
        let hide = self.stroke?;
        if !(response.dragged() || response.clicked()) {
            return None;
        }
        let step = touched?;
        (mask[step] != hide).then(|| (vec![step], hide))
    }

    fn imagination(&mut self, ui: &mut Ui, m: usize, sequence: &Sequence, seen: &Seen, end: f32) {
        let Some(imagined) = &sequence.imagined else {
            return;
        };
        let (_, area) = lane(ui, MAP_HEIGHT * 0.7, end, "imagined");
        let (steps, features) = (sequence.steps(), sequence.features);
        let texture = self.maps.get(
            ui.ctx(),
            &format!("imagined {m}"),
            seen.version,
            [steps, features],
            |step, feature| {
                if sequence.missing[step] {
                    theme::diverging(imagined[step * features + feature] / DEVIATIONS)
                } else {
                    Color32::TRANSPARENT
                }
            },
        );
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), area, uv, Color32::WHITE);
        let (mut sum, mut zero, mut count) = (0.0, 0.0, 0);
        for step in (0..steps).filter(|step| sequence.missing[*step]) {
            let own = step * features..(step + 1) * features;
            for (imagined, truth) in imagined[own.clone()].iter().zip(&sequence.values[own]) {
                sum += (imagined - truth).powi(2);
                zero += truth.powi(2);
                count += 1;
            }
        }
        if count > 0 {
            let root = |sum: f32| (sum / count as f32).sqrt();
            ui.indent(("error", m), |ui| {
                ui.weak(format!(
                    "off by {:.2} deviations (the mean instead would be off by {:.2})",
                    root(sum),
                    root(zero)
                ))
                .on_hover_text("Root of the mean square over the features of the missing steps");
            });
        }
    }

    fn attention(&mut self, ui: &mut Ui, card: &CorpusCard, seen: &Seen) {
        let Some(attention) = &seen.inspection.attention else {
            return;
        };
        ui.add_space(6.0);
        ui.strong("Attention over the hyper-modality").on_hover_text(
            "How much each step of each modality (row) attends to each step of all of them (column), \
             the mean of the heads",
        );
        let steps: Vec<usize> = seen
            .inspection
            .modalities
            .iter()
            .map(Sequence::steps)
            .collect();
        let size: usize = steps.iter().sum();
        let names: Vec<&str> = card.modalities.iter().map(|m| m.name.as_str()).collect();
        ui.horizontal_top(|ui| {
            let side = ui.available_width().min(300.0);
            let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
            let most = attention
                .iter()
                .fold(0.0f32, |most, weight| most.max(*weight));
            let texture =
                self.maps
                    .get(ui.ctx(), "attention", seen.version, [size, size], |k, q| {
                        // The root, so that small weights can be seen beside large ones.
                        theme::sequential((attention[q * size + k] / most.max(1e-9)).sqrt())
                    });
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(texture.id(), rect, uv, Color32::WHITE);
            let mut edge = 0;
            for own in &steps[..steps.len().saturating_sub(1)] {
                edge += own;
                let at = edge as f32 / size.max(1) as f32 * side;
                let stroke = Stroke::new(1.0, Color32::WHITE);
                ui.painter().vline(rect.left() + at, rect.y_range(), stroke);
                ui.painter().hline(rect.x_range(), rect.top() + at, stroke);
            }
            if let Some(at) = response.hover_pos() {
                let place = |offset: f32| ((offset / side * size as f32) as usize).min(size - 1);
                let (key, query) = (place(at.x - rect.left()), place(at.y - rect.top()));
                let named = |place: usize| {
                    let mut rest = place;
                    for (name, own) in names.iter().zip(&steps) {
                        if rest < *own {
                            return format!("{name} {rest}");
                        }
                        rest -= own;
                    }
                    String::new()
                };
                let weight = attention[query * size + key];
                response.on_hover_text_at_pointer(format!(
                    "{} attends to {}: {weight:.4}",
                    named(query),
                    named(key)
                ));
            }
            shares(ui, &names, &steps, attention);
        });
    }
}

/// The room of one sequence: with its name on the left, and the part that its steps take.
fn lane(ui: &mut Ui, height: f32, end: f32, name: &str) -> (Rect, Rect) {
    let width = ui.available_width().max(LEFT + 40.0);
    let (all, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let ink = ui.visuals().text_color();
    let font = egui::TextStyle::Small.resolve(ui.style());
    let at = all.left_center();
    ui.painter()
        .text(at, egui::Align2::LEFT_CENTER, name, font, ink);
    let rect = Rect::from_min_max(pos2(all.left() + LEFT, all.top()), all.max);
    let area = Rect::from_min_size(rect.min, vec2(rect.width() * end.clamp(0.01, 1.0), height));
    (rect, area)
}

/// How much of the time so many steps take; all of it where the rate is not known.
fn seconds(modality: &ModalityCard, steps: usize, duration: f32) -> f32 {
    modality
        .rate_hz
        .map_or(duration, |rate| steps as f32 / rate)
}

fn time_axis(ui: &mut Ui, duration: f32) {
    let width = ui.available_width().max(LEFT + 40.0);
    let (all, _) = ui.allocate_exact_size(vec2(width, 16.0), Sense::hover());
    let font = egui::TextStyle::Small.resolve(ui.style());
    let ink = ui.visuals().weak_text_color();
    let every = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
    let every = every
        .into_iter()
        .find(|every| duration / every <= 8.0)
        .unwrap_or(120.0);
    let mut at = 0.0;
    while at <= duration {
        let x = all.left() + LEFT + (all.width() - LEFT) * at / duration;
        ui.painter()
            .vline(x, all.top()..=all.top() + 4.0, Stroke::new(1.0, ink));
        let text = format!("{at} s");
        let place = pos2(x, all.bottom());
        let anchor = if at == 0.0 {
            egui::Align2::LEFT_BOTTOM
        } else {
            egui::Align2::CENTER_BOTTOM
        };
        ui.painter().text(place, anchor, text, font.clone(), ink);
        at += every;
    }
}

/// How much of its attention each modality gives to each.
fn shares(ui: &mut Ui, names: &[&str], steps: &[usize], attention: &[f32]) {
    let size: usize = steps.iter().sum();
    ui.vertical(|ui| {
        ui.weak("share of attention");
        egui::Grid::new("shares").striped(true).show(ui, |ui| {
            ui.label("from \\ to");
            for name in names {
                ui.label(*name);
            }
            ui.end_row();
            let mut first = 0;
            for (name, own) in names.iter().zip(steps) {
                ui.label(*name);
                let mut key = 0;
                for width in steps {
                    let rows =
                        (first..first + own).flat_map(|q| &attention[q * size + key..][..*width]);
                    let share = rows.sum::<f32>() / (*own).max(1) as f32;
                    ui.label(format!("{:.0} %", share * 100.0));
                    key += width;
                }
                ui.end_row();
                first += own;
            }
        });
    });
}

fn head(ui: &mut Ui, workspace: &mut Workspace, utterance: usize) {
    let Some(card) = &workspace.corpus else {
        return;
    };
    let own = &card.utterances[utterance];
    ui.horizontal_wrapped(|ui| {
        ui.strong(&own.id);
        ui.label(&card.metadata.classes[own.label])
            .on_hover_text("the true class");
        ui.weak(&card.metadata.speakers[own.speaker].name);
        ui.weak(format!("{:.2} s", own.duration_secs));
        let edited = workspace
            .inspector
            .edited
            .as_ref()
            .is_some_and(|(of, _)| *of == utterance);
        if edited {
            let hint = "Back to the steps that the sliders hide";
            let undo = ui.small_button("Undo my changes").on_hover_text(hint);
            if undo.clicked() {
                workspace.inspector.edited = None;
            }
        }
    });
    if let Some(transcript) = &own.transcript {
        ui.label(RichText::new(format!("“{transcript}”")).italics());
    }
}

/// Bars a class: from all steps, and from those that are there.
fn probabilities(ui: &mut Ui, card: &CorpusCard, utterance: usize, inspection: &Inspection) {
    let label = card.utterances[utterance].label;
    egui::Grid::new("probabilities")
        .num_columns(3)
        .show(ui, |ui| {
            ui.label("");
            ui.weak("all steps");
            ui.weak("without the missing ones");
            ui.end_row();
            for (class, name) in card.metadata.classes.iter().enumerate() {
                let mut text = RichText::new(name);
                if class == label {
                    text = text.strong();
                }
                ui.label(text);
                for row in [&inspection.complete, &inspection.incomplete] {
                    let best = mct_scores::most_probable(row) == class;
                    let probability = row.get(class).copied().unwrap_or(0.0);
                    let fill = match (best, class == label) {
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

fn mask_by_hand(
    workspace: &mut Workspace,
    utterance: usize,
    modality: usize,
    steps: &[usize],
    hide: bool,
) {
    let Some(mut masks) = workspace.masks(utterance) else {
        return;
    };
    for step in steps {
        if let Some(own) = masks.get_mut(modality).and_then(|mask| mask.get_mut(*step)) {
            *own = hide;
        }
    }
    workspace.inspector.edited = Some((utterance, masks));
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let seen = workspace.inspector.seen.as_ref()?;
    let own = &card.utterances[seen.utterance];
    match format {
        Format::Svg => {
            let maps = seen.inspection.modalities.iter().zip(&card.modalities);
            let maps: Vec<mct_figures::HeatMap<'_>> = maps
                .map(|(sequence, modality)| mct_figures::HeatMap {
                    name: &modality.name,
                    steps: sequence.steps(),
                    features: sequence.features,
                    values: &sequence.values,
                    missing: &sequence.missing,
                    seconds: seconds(modality, sequence.steps(), own.duration_secs),
                })
                .collect();
            let title = format!("{} ({})", own.id, card.metadata.classes[own.label]);
            mct_figures::heat_maps(&title, own.duration_secs, &maps).ok()
        }
        Format::Csv => {
            let header = [
                "modality", "step", "feature", "value", "missing", "imagined",
            ];
            let mut rows = Vec::new();
            for (sequence, modality) in seen.inspection.modalities.iter().zip(&card.modalities) {
                for (place, value) in sequence.values.iter().enumerate() {
                    let step = place / sequence.features;
                    let imagined = sequence.imagined.as_ref().map(|own| own[place].to_string());
                    rows.push(vec![
                        modality.name.clone(),
                        step.to_string(),
                        (place % sequence.features).to_string(),
                        value.to_string(),
                        sequence.missing[step].to_string(),
                        imagined.unwrap_or_default(),
                    ]);
                }
            }
            Some(csv(&header.map(str::to_owned), &rows))
        }
        Format::Json => to_json(&json!({
            "synthetic": card.metadata.synthetic,
            "utterance": own.id,
            "label": card.metadata.classes[own.label],
            "classes": card.metadata.classes,
            "inspection": seen.inspection,
        })),
    }
}
