//! One utterance: its sequences over a common time axis with the missing steps, the class probabilities
//! with and without them, the attention, and the imagined features.

use eframe::egui::{
    self, Align, Color32, ComboBox, DragValue, Layout, Pos2, Rect, RichText, ScrollArea, Sense,
    Stroke, StrokeKind, Ui, pos2, vec2,
};
use mct_engine::evaluation::{CorpusCard, ModalityCard};
use mct_engine::extraction::Medium;
use mct_hfr::evaluation::{Attending, Sequence};
use serde_json::json;

use super::importance::Importance;
use super::outputs;
use super::recording::{self, Steps};
use super::timeline::{self, Lane, View, lane, veil};
use super::{Format, csv, held_line, json as to_json, lacks_model};
use crate::state::categories::Categories;
use crate::state::{Seen, Workspace};
use crate::theme;
use crate::widgets::heat_map::HeatMaps;
use crate::widgets::{self, canvas, direction};

/// Range of the colour map at first, in standard deviations.
const DEVIATIONS: f32 = 2.5;

/// Height of a heat map, in points.
const MAP_HEIGHT: f32 = 54.0;

pub struct Panel {
    maps: HeatMaps,
    /// The part of the utterance that is looked at, and of which one.
    view: (Option<usize>, View),
    /// The time axis of this frame.
    axis: Option<egui::Response>,
    /// Range of the colour map, in standard deviations.
    deviations: f32,
    recording: recording::Panel,
    imagined: bool,
    /// Whether the current stroke masks steps or unmasks them.
    stroke: Option<bool>,
    /// The step that it touched last: a fast one leaps over some.
    touched: Option<usize>,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            maps: HeatMaps::default(),
            view: (None, View::default()),
            axis: None,
            deviations: DEVIATIONS,
            recording: recording::Panel::default(),
            imagined: false,
            stroke: None,
            touched: None,
        }
    }
}

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let Some(utterance) = workspace.focus() else {
            ui.weak("select an utterance: in the table, a cell of the matrix or the embedding");
            return;
        };
        ScrollArea::vertical().id_salt("inspector").show(ui, |ui| {
            head(ui, workspace, utterance);
            self.recording.head(ui, workspace, utterance);
            let seen = workspace.inspector.seen.as_ref();
            let Some(seen) = seen.filter(|seen| seen.utterance == utterance) else {
                match lacks_model(&workspace.models) {
                    Some(lacks) => ui.weak(lacks),
                    None => ui.spinner(),
                };
                return;
            };
            let Some(card) = &workspace.corpus else {
                return;
            };
            let is_current =
                workspace.inspector.is_current && workspace.models.shown == Some(seen.model);
            held_line(ui, &(held(workspace, seen), is_current), "");
            predicted(ui, workspace, card, seen);
            let compared = workspace.inspector.compared.as_ref();
            let compared = compared.filter(|compared| compared.utterance == utterance);
            let compared_held = compared.map(|compared| {
                let is_current = workspace.inspector.compared_is_current
                    && workspace.models.compared == Some(compared.model);
                (
                    format!("compared: {}", held(workspace, compared)),
                    is_current,
                )
            });
            if let (Some(compared), Some(held)) = (compared, &compared_held) {
                held_line(ui, held, "");
                ui.push_id("compared", |ui| predicted(ui, workspace, card, compared));
            }
            ui.add_space(4.0);
            if self.view.0 != Some(utterance) {
                self.view = (Some(utterance), View::default());
            }
            let mut weighs = workspace.inspector.weighs;
            let edit = self.sequences(ui, workspace, card, seen, &mut weighs);
            combinations(ui, workspace, card, seen);
            let mut attending = workspace.inspector.attending;
            if seen.inspection.attention.is_some() {
                attention_head(ui);
                if let Some(open) = workspace.models.get(seen.model) {
                    let model = &open.card.config.model;
                    // Another model may have had more.
                    attending = attending.within(model);
                    attended(ui, &mut attending, model.layers, model.heads);
                }
                self.attention(ui, card, seen, "attention");
            } else {
                ui.weak("This system has no hyper-modality whose attention could be shown");
            }
            if let (Some(compared), Some((text, is_current))) = (compared, &compared_held)
                && compared.inspection.attention.is_some()
                && let Some(open) = workspace.models.get(compared.model)
            {
                let own = attending.within(&open.card.config.model);
                let text = format!("{text}; layer {}, {}", own.layer, head_name(own.head));
                held_line(ui, &(text, *is_current), "");
                ui.push_id("compared attention", |ui| {
                    self.attention(ui, card, compared, "compared attention");
                });
            }
            workspace.inspector.attending = attending;
            workspace.inspector.weighs = weighs;
            if let Some(axis) = self.axis.take() {
                workspace.controls.note("time axis", &axis);
            }
            if let Some((modality, steps, mask)) = edit {
                mask_by_hand(workspace, utterance, modality, &steps, mask);
            }
            self.recording.apply(workspace, utterance);
        });
    }

    /// Draws the sequences as heat maps. Returns the modality and the steps edited by hand, and whether
    /// they are masked.
    fn sequences(
        &mut self,
        ui: &mut Ui,
        workspace: &Workspace,
        card: &CorpusCard,
        seen: &Seen,
        weighs: &mut bool,
    ) -> Option<(usize, Vec<usize>, bool)> {
        let masks = workspace.masks(seen.utterance)?;
        let can_imagine = seen
            .inspection
            .modalities
            .iter()
            .any(|sequence| sequence.imagined.is_some());
        ui.horizontal_wrapped(|ui| {
            ui.weak("Click or drag over steps to hide them or bring them back");
            if can_imagine {
                ui.checkbox(&mut self.imagined, "what is imagined")
                    .on_hover_text(
                        "Below each sequence, the missing steps from local feature imagination",
                    );
            }
            ui.checkbox(weighs, "importance").on_hover_text(
                "Below each sequence, how much the prediction changes when a few of its steps are left out",
            );
            if !self.view.1.is_whole() && ui.small_button("Whole").clicked() {
                self.view.1 = View::default();
            }
        });
        let importance = Importance::of(workspace, seen).filter(|_| *weighs);
        let duration = duration(card, seen);
        let mut edit = None;
        let top = ui.cursor().top();
        let kinds = workspace.recordings.opened.as_ref();
        let kinds = kinds.map_or_else(Vec::new, |opened| opened.kinds.clone());
        for (m, (sequence, modality)) in seen
            .inspection
            .modalities
            .iter()
            .zip(&card.modalities)
            .enumerate()
        {
            let end = seconds(modality, sequence.steps(), duration).min(duration) / duration;
            let stored = modality.steps[seen.utterance] as usize;
            let drawn = self.sequence(ui, m, modality, sequence, &masks[m], seen, end);
            if sequence.steps() < stored {
                ui.indent(("cut", m), |ui| {
                    ui.weak(format!(
                        "the model reads the first {} of {stored} steps",
                        sequence.steps()
                    ))
                    .on_hover_text("max_steps of its config; longer sequences are cut");
                });
            }
            if let Some((steps, mask)) = drawn {
                edit = Some((m, steps, mask));
            }
            if let Some(importance) = &importance
                && sequence.steps() > 0
            {
                importance.draw(ui, m, modality, sequence.steps(), end, self.view.1);
            }
            if self.imagined && sequence.imagined.is_some() && sequence.steps() > 0 {
                self.imagination(ui, m, sequence, seen, end);
            }
            if let Some(medium) = kinds.get(m).copied().flatten() {
                let is_missing = |step| masks[m][step] || sequence.absent[step];
                let missing: Vec<bool> = match sequence.steps() {
                    0 => vec![true],
                    steps => (0..steps).map(is_missing).collect(),
                };
                let steps = Steps {
                    missing: &missing,
                    end: if sequence.steps() == 0 { 1.0 } else { end },
                    stored,
                };
                let index = seen.utterance;
                self.recording
                    .lane(ui, workspace, (index, medium, m), Some(steps), self.view.1);
            }
        }
        // What the model does not read.
        for medium in [Medium::Sound, Medium::Pictures] {
            if !kinds.is_empty() && !kinds.contains(&Some(medium)) {
                let index = seen.utterance;
                self.recording
                    .lane(ui, workspace, (index, medium, 0), None, self.view.1);
            }
        }
        let lanes = timeline::lanes_since(ui, top);
        recording::cursor(ui, workspace, seen.utterance, lanes, self.view.1);
        let view = &mut self.view.1;
        view.follow(ui, lanes);
        self.axis = Some(timeline::axis(ui, duration, view).on_hover_text(
            "Drag to look closer, double click for the whole; or over the sequences ctrl and wheel, shift and wheel",
        ));
        ui.horizontal_wrapped(|ui| {
            scale(ui, theme::diverging, -1.0);
            let range = DragValue::new(&mut self.deviations).range(0.25..=50.0).speed(0.02);
            ui.add(range.prefix("±").max_decimals(2).suffix(" deviations"))
                .on_hover_text("The values that have the last colours, in standard deviations of the training set");
            if *weighs {
                match &importance {
                    Some(importance) => ui.weak(importance.text()),
                    None => ui.weak("leaving steps out…"),
                };
            }
        });
        edit
    }

    /// Draws one sequence. Returns the steps edited by hand, and whether they are masked.
    #[expect(clippy::too_many_arguments, reason = "drawing state and content")]
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
        let steps = sequence.steps();
        if steps == 0 {
            ui.weak(format!("{}: missing by nature", modality.name));
            return None;
        }
        let Lane { visible, area, .. } = lane(ui, MAP_HEIGHT, end, &modality.name, self.view.1);
        let features = sequence.features;
        let id = ui.scope_id().with(("sequence", m));
        let response = ui.interact(area.intersect(visible), id, Sense::click_and_drag());
        let hidden = |step: &usize| mask[*step] || sequence.absent[*step];
        let count = (0..steps).filter(hidden).count();
        response.widget_info(|| {
            let text = format!("{}: {count} of {steps} steps are missing", modality.name);
            egui::WidgetInfo::labeled(egui::Role::Image, true, text)
        });
        let texture = self.maps.get(
            ui.ctx(),
            &format!("sequence {m}"),
            version(seen, self.deviations),
            [steps, features],
            |step, feature| {
                theme::diverging(sequence.values[step * features + feature] / self.deviations)
            },
        );
        let width = area.width() / steps.max(1) as f32;
        let missing: Vec<bool> = (0..steps).map(|step| hidden(&step)).collect();
        ui.scope(|ui| {
            ui.shrink_clip_rect(visible);
            ui.painter()
                .image(texture.id(), area, WHOLE, Color32::WHITE);
            veil(ui, area, &missing);
        });
        let step_at = |position: Pos2| {
            let step = ((position.x - area.left()) / width.max(1e-6)).floor();
            (0.0..steps as f32).contains(&step).then_some(step as usize)
        };
        if let Some(pointer) = response.hover_pos()
            && let Some(step) = step_at(pointer)
        {
            let height = area.height() / features.max(1) as f32;
            let row = ((pointer.y - area.top()) / height) as usize;
            let feature = row.min(features.saturating_sub(1));
            let index = step * features + feature;
            let mut text = format!(
                "{} step {step} of {steps}, feature {feature}: {:.2} deviations",
                modality.name, sequence.values[index]
            );
            if let Some(rate) = modality.rate_hz {
                text += &format!("\nat {:.2} s", step as f32 / rate);
            }
            if sequence.absent[step] {
                text += "\nmissing by nature";
            } else if mask[step] {
                text += "\nmissing";
                if let Some(imagined) = &sequence.imagined {
                    text += &format!(", imagined as {:.2}", imagined[index]);
                }
            }
            response.clone().on_hover_text_at_pointer(text);
        }
        ui.painter().rect_stroke(
            visible,
            0.0,
            Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.4)),
            StrokeKind::Inside,
        );
        let pointer = response.interact_pointer_pos();
        if response.drag_started() || response.clicked() {
            // A fast stroke has left the step that it began on.
            let begun = ui.input(|input| input.pointer.press_origin());
            let begun = begun.or(pointer).and_then(step_at);
            self.stroke = begun.map(|step| !mask[step]);
            self.touched = begun;
        }
        // A stroke that goes beyond the end goes to the end.
        let (first, last) = (area.left(), area.right() - width / 2.0);
        let within = |x: f32| step_at(pos2(x.clamp(first, last.max(first)), area.top()));
        if let Some((from, to)) = canvas::stroke_within_frame(ui, &response) {
            let (from, to) = (step_at(from)?, within(to.x)?);
            let masks = !mask[from];
            let steps = from.min(to)..=from.max(to);
            let steps = steps.filter(|step| mask[*step] != masks).collect();
            return Some((steps, masks));
        }
        let masks = self.stroke?;
        if !(response.dragged() || response.drag_stopped() || response.clicked()) {
            return None;
        }
        let step = within(pointer?.x)?;
        let last = self.touched.replace(step).unwrap_or(step);
        let between = last.min(step)..=last.max(step);
        let steps: Vec<usize> = between
            .filter(|step| mask.get(*step) != Some(&masks))
            .collect();
        (!steps.is_empty()).then_some((steps, masks))
    }

    fn imagination(&mut self, ui: &mut Ui, m: usize, sequence: &Sequence, seen: &Seen, end: f32) {
        let Some(imagined) = &sequence.imagined else {
            return;
        };
        let Lane { visible, area, .. } = lane(ui, MAP_HEIGHT * 0.7, end, "imagined", self.view.1);
        let (steps, features) = (sequence.steps(), sequence.features);
        let texture = self.maps.get(
            ui.ctx(),
            &format!("imagined {m}"),
            version(seen, self.deviations),
            [steps, features],
            |step, feature| {
                if sequence.missing[step] {
                    theme::diverging(imagined[step * features + feature] / self.deviations)
                } else {
                    Color32::TRANSPARENT
                }
            },
        );
        let painter = ui
            .painter()
            .with_clip_rect(visible.intersect(ui.clip_rect()));
        painter.image(texture.id(), area, WHOLE, Color32::WHITE);
        // Squared errors of the imagined values, and of the mean, which is 0 in standardised values.
        let (mut imagined_error, mut mean_error, mut count) = (0.0, 0.0, 0);
        for step in (0..steps).filter(|step| sequence.missing[*step]) {
            let row = step * features..(step + 1) * features;
            for (imagined, truth) in imagined[row.clone()].iter().zip(&sequence.values[row]) {
                imagined_error += (imagined - truth).powi(2);
                mean_error += truth.powi(2);
                count += 1;
            }
        }
        if count > 0 {
            let root_mean = |sum: f32| (sum / count as f32).sqrt();
            ui.indent(("error", m), |ui| {
                ui.weak(format!(
                    "off by {:.2} deviations (the mean instead would be off by {:.2})",
                    root_mean(imagined_error),
                    root_mean(mean_error)
                ))
                .on_hover_text("Root mean square error over the features of the missing steps");
            });
        }
    }

    fn attention(&mut self, ui: &mut Ui, card: &CorpusCard, seen: &Seen, name: &str) {
        let Some(attention) = &seen.inspection.attention else {
            return;
        };
        let steps: Vec<usize> = seen
            .inspection
            .modalities
            .iter()
            .map(Sequence::steps)
            .collect();
        let total_steps: usize = steps.iter().sum();
        if total_steps == 0 {
            return;
        }
        let names: Vec<&str> = card.modalities.iter().map(|m| m.name.as_str()).collect();
        // The shares stand beside the map where there is room for them.
        let is_wide = ui.available_width() > 520.0;
        let layout = match is_wide {
            true => Layout::left_to_right(Align::Min),
            false => Layout::top_down(Align::Min),
        };
        ui.with_layout(layout, |ui| {
            let side = ui.available_width().min(300.0);
            let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
            let largest = attention.iter().copied().fold(0.0, f32::max);
            let texture = self.maps.get(
                ui.ctx(),
                name,
                seen.version,
                [total_steps, total_steps],
                |key, query| {
                    // The square root makes small weights visible beside large ones.
                    let weight = attention[query * total_steps + key];
                    theme::sequential((weight / largest.max(1e-9)).sqrt())
                },
            );
            ui.painter()
                .image(texture.id(), rect, WHOLE, Color32::WHITE);
            let mut edge = 0;
            for steps_of_modality in &steps[..steps.len().saturating_sub(1)] {
                edge += steps_of_modality;
                let offset = edge as f32 / total_steps.max(1) as f32 * side;
                let stroke = Stroke::new(1.0, Color32::WHITE);
                let (x, y) = (rect.left() + offset, rect.top() + offset);
                ui.painter().vline(x, rect.y_range(), stroke);
                ui.painter().hline(rect.x_range(), y, stroke);
            }
            if let Some(pointer) = response.hover_pos() {
                let index = |offset: f32| {
                    let index = (offset / side * total_steps as f32) as usize;
                    index.min(total_steps - 1)
                };
                let key = index(pointer.x - rect.left());
                let query = index(pointer.y - rect.top());
                let describe_step = |index: usize| {
                    let mut step = index;
                    for (name, steps_of_modality) in names.iter().zip(&steps) {
                        if step < *steps_of_modality {
                            return format!("{name} {step}");
                        }
                        step -= steps_of_modality;
                    }
                    String::new()
                };
                let weight = attention[query * total_steps + key];
                response.on_hover_text_at_pointer(format!(
                    "{} attends to {}: {weight:.4}",
                    describe_step(query),
                    describe_step(key)
                ));
            }
            ui.vertical(|ui| {
                shares(ui, &names, &steps, attention);
                ui.horizontal(|ui| {
                    ui.weak("0");
                    scale(ui, |value| theme::sequential(value.max(0.0).sqrt()), 0.0);
                    ui.weak(format!("{largest:.3}"));
                });
            });
        });
    }
}

/// All of a texture.
const WHOLE: Rect = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));

/// What a heat map of values is of.
fn version(seen: &Seen, deviations: f32) -> u64 {
    (seen.version << 32) | u64::from(deviations.to_bits())
}

/// The colours from `least` to 1, beside each other.
fn scale(ui: &mut Ui, colour: impl Fn(f32) -> Color32, least: f32) {
    const WIDTH: usize = 96;
    let (area, _) = ui.allocate_exact_size(vec2(WIDTH as f32, 10.0), Sense::hover());
    for column in 0..WIDTH {
        let share = column as f32 / (WIDTH - 1) as f32;
        let left = area.left() + column as f32;
        let part = Rect::from_x_y_ranges(left..=left + 1.0, area.y_range());
        let value = least + share * (1.0 - least);
        ui.painter().rect_filled(part, 0.0, colour(value));
    }
}

fn attention_head(ui: &mut Ui) {
    ui.add_space(6.0);
    ui.strong("Attention over the hyper-modality").on_hover_text(
        "Attention weights of each step of each modality (row) to the steps of all modalities (column); of the \
         incomplete view",
    );
}

fn head_name(head: Option<usize>) -> String {
    match head {
        Some(head) => format!("head {head}"),
        None => "mean of the heads".to_owned(),
    }
}

/// What a model predicts of the utterance that it was looked into with.
fn predicted(ui: &mut Ui, workspace: &Workspace, card: &CorpusCard, seen: &Seen) {
    let Some(open) = workspace.models.get(seen.model) else {
        return;
    };
    let interface = &open.card.interface;
    let said = &card.utterances[seen.utterance];
    let target = workspace.models.target();
    let categories = Categories::of_model(&card.metadata, interface, target);
    outputs::show(ui, interface, &categories, said, &seen.inspection);
}

/// The layer and the head whose attention is shown.
fn attended(ui: &mut Ui, attending: &mut Attending, layers: usize, heads: usize) {
    ui.horizontal_wrapped(|ui| {
        if layers > 1 {
            widgets::slider(ui, &mut attending.layer, 0..=layers - 1, 1.0, "layer")
                .on_hover_text("The layer of the fusion whose attention is shown, from 0");
        }
        ComboBox::from_id_salt("head")
            .selected_text(head_name(attending.head))
            .show_ui(ui, |ui| {
                for one in std::iter::once(None).chain((0..heads).map(Some)) {
                    ui.selectable_value(&mut attending.head, one, head_name(one));
                }
            })
            .response
            .on_hover_text("The attention head, from 0");
    });
}

/// What is predicted from each combination of modalities.
fn combinations(ui: &mut Ui, workspace: &Workspace, card: &CorpusCard, seen: &Seen) {
    let combined = workspace.inspector.combined.as_ref();
    let combined = combined.filter(|(model, index, all)| {
        *model == seen.model && *index == seen.utterance && all.len() > 1
    });
    let (Some((_, _, all)), Some(open)) = (combined, workspace.models.get(seen.model)) else {
        return;
    };
    let interface = &open.card.interface;
    let target = workspace.models.target();
    let categories = Categories::of_model(&card.metadata, interface, target);
    let names: Vec<&str> = card.modalities.iter().map(|m| m.name.as_str()).collect();
    let label = categories.label(&card.utterances[seen.utterance]);
    ui.add_space(6.0);
    ui.strong("With and without each modality").on_hover_text(
        "Predictions from the steps that are not missing, of some of the modalities",
    );
    outputs::combinations(ui, interface, label, &names, all);
}

/// Duration of `steps` steps in seconds; `duration` where the rate is unknown.
fn seconds(modality: &ModalityCard, steps: usize, duration: f32) -> f32 {
    modality
        .rate_hz
        .map_or(duration, |rate| steps as f32 / rate)
}

/// Duration of an utterance in seconds: where it is unknown, that of its longest sequence.
fn duration(card: &CorpusCard, seen: &Seen) -> f32 {
    let of_sequences = || {
        let rates = card.modalities.iter().zip(&seen.inspection.modalities);
        let seconds = rates.filter_map(|(m, s)| Some(s.steps() as f32 / m.rate_hz?));
        let longest = seconds.fold(0.0, f32::max);
        if longest > 0.0 { longest } else { 1.0 }
    };
    let known = card.utterances[seen.utterance].duration_secs;
    known.unwrap_or_else(of_sequences).max(1e-3)
}

/// The share of attention from each modality to each, mean of its steps. `attention` is
/// `[queries, keys]` over the concatenated modalities.
fn shares(ui: &mut Ui, names: &[&str], steps: &[usize], attention: &[f32]) {
    let total_steps: usize = steps.iter().sum();
    ui.vertical(|ui| {
        ui.weak("share of attention");
        egui::Grid::new("shares").striped(true).show(ui, |ui| {
            ui.label("from \\ to");
            for name in names {
                ui.label(*name);
            }
            ui.end_row();
            let mut first_query = 0;
            for (name, queries) in names.iter().zip(steps) {
                ui.label(*name);
                let mut first_key = 0;
                for keys in steps {
                    let sum: f32 = (first_query..first_query + queries)
                        .flat_map(|query| &attention[query * total_steps + first_key..][..*keys])
                        .sum();
                    let share = sum / (*queries).max(1) as f32;
                    ui.label(format!("{:.0} %", share * 100.0));
                    first_key += keys;
                }
                ui.end_row();
                first_query += queries;
            }
        });
    });
}

/// Id, class, speaker, duration and transcript.
fn head(ui: &mut Ui, workspace: &mut Workspace, index: usize) {
    let (Some(card), Some(categories)) = (&workspace.corpus, workspace.categories()) else {
        return;
    };
    let utterance = &card.utterances[index];
    ui.horizontal_wrapped(|ui| {
        ui.strong(direction::drawn(&utterance.id));
        // An empty label in a row that wraps would put the next one over the first.
        let text = categories.text(utterance);
        if !text.is_empty() {
            let text = direction::drawn(&text);
            ui.label(text).on_hover_text("the true class, or intensity");
        }
        if !card.speaker(index).is_empty() {
            ui.weak(direction::drawn(card.speaker(index)));
        }
        if let Some(duration) = utterance.duration_secs {
            ui.weak(format!("{duration:.2} s"));
        }
        let evaluated = workspace.models.shown().and_then(|open| open.evaluated.as_ref());
        let is_elsewhere = evaluated.is_some_and(|evaluated| {
            evaluated.held.side == workspace.side && evaluated.class_of(index).is_none()
        });
        if is_elsewhere {
            let text = format!("not on the {} side", workspace.side.title());
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
        for modality in &card.modalities {
            if modality.steps[index] == 0 {
                ui.weak(format!("no {}", modality.name))
                    .on_hover_text("the corpus has none: missing by nature");
            }
        }
        if workspace.inspector.edited.contains_key(&index) {
            let hint = "Restore the missing steps of the sliders; matrix and table follow these in any case";
            let undo = ui.small_button("Undo my changes").on_hover_text(hint);
            workspace.controls.note("undo steps", &undo);
            if undo.clicked() {
                workspace.inspector.edited.remove(&index);
            }
        }
    });
    if let Some(transcript) = &utterance.transcript {
        direction::quoted(ui, transcript, |text| RichText::new(text).italics());
    }
}

/// Marks steps of one modality as missing or not, for this utterance only.
fn mask_by_hand(
    workspace: &mut Workspace,
    utterance: usize,
    modality: usize,
    steps: &[usize],
    missing: bool,
) {
    let Some(mut masks) = workspace.masks(utterance) else {
        return;
    };
    for step in steps {
        if let Some(mask) = masks.get_mut(modality).and_then(|mask| mask.get_mut(*step)) {
            *mask = missing;
        }
    }
    workspace.inspector.edited.insert(utterance, masks);
}

/// What an inspection is of: the model and the missing steps.
fn held(workspace: &Workspace, seen: &Seen) -> String {
    let open = workspace.models.get(seen.model);
    let name = open.map_or("", |open| open.card.name.as_str());
    format!("{name}, {}", seen.conditions)
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let seen = workspace.inspector.seen.as_ref()?;
    let utterance = &card.utterances[seen.utterance];
    let compared = workspace.inspector.compared.as_ref();
    let compared = compared.filter(|compared| compared.utterance == seen.utterance);
    match format {
        Format::Svg => {
            let sequences = seen.inspection.modalities.iter();
            let masks: Vec<Vec<bool>> = sequences
                .map(|s| s.missing.iter().zip(&s.absent).map(|(a, b)| *a || *b))
                .map(Iterator::collect)
                .collect();
            let maps: Vec<mct_figures::HeatMap<'_>> = seen
                .inspection
                .modalities
                .iter()
                .zip(&card.modalities)
                .zip(&masks)
                .map(|((sequence, modality), missing)| mct_figures::HeatMap {
                    name: &modality.name,
                    steps: sequence.steps(),
                    features: sequence.features,
                    values: &sequence.values,
                    missing,
                    seconds: seconds(modality, sequence.steps(), duration(card, seen)),
                })
                .collect();
            let categories = workspace.categories()?;
            let title = match categories.text(utterance).as_str() {
                "" => utterance.id.clone(),
                class => format!("{} ({class})", utterance.id),
            };
            let title = format!("{title}, {}", held(workspace, seen));
            mct_figures::heat_maps(&title, duration(card, seen), &maps).ok()
        }
        Format::Csv => {
            let header = [
                "modality",
                "step",
                "feature",
                "value",
                "missing",
                "imagined",
                "importance",
                "of",
            ];
            let importance = Importance::of(workspace, seen);
            let of = format!("{}: {}", utterance.id, held(workspace, seen));
            let mut rows = Vec::new();
            let sequences = seen.inspection.modalities.iter().zip(&card.modalities);
            for (m, (sequence, modality)) in sequences.enumerate() {
                for (index, value) in sequence.values.iter().enumerate() {
                    let step = index / sequence.features;
                    let imagined = sequence.imagined.as_ref().map(|v| v[index].to_string());
                    rows.push(vec![
                        modality.name.clone(),
                        step.to_string(),
                        (index % sequence.features).to_string(),
                        value.to_string(),
                        (sequence.missing[step] || sequence.absent[step]).to_string(),
                        imagined.unwrap_or_default(),
                        importance
                            .as_ref()
                            .and_then(|own| own.at(m, step))
                            .map_or_else(String::new, |own| own.to_string()),
                        of.clone(),
                    ]);
                }
            }
            Some(csv(&header.map(str::to_owned), &rows))
        }
        Format::Json => to_json(&json!({
            "synthetic": card.metadata.synthetic,
            "utterance": utterance.id,
            "corpus": card.metadata.title,
            "model": workspace.models.get(seen.model).map(|open| &open.card.name),
            "conditions": seen.conditions,
            "label": workspace.categories()?.text(utterance),
            "outputs": workspace.models.get(seen.model).map(|open| &open.card.interface),
            "inspection": seen.inspection,
            "attending": workspace.inspector.attending,
            "left_out": Importance::of(workspace, seen).map(|own| own.windows().to_vec()),
            "compared": compared.map(|own| json!({
                "model": workspace.models.get(own.model).map(|open| &open.card.name),
                "conditions": own.conditions,
                "inspection": own.inspection,
            })),
        })),
    }
}
