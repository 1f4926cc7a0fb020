//! What each modality is worth: scores with some of them alone, and with one of them partly missing.

use eframe::egui::{self, Align, Grid, Layout, Rect, ScrollArea, Sense, Ui, vec2};
use egui_plot::{Line, MarkerShape, Plot, PlotPoints, Points};
use mct_scores::Metric;
use serde_json::json;

use super::{Format, csv, curves, fold_name, json as to_json, lacks_model, shown};
use crate::state::Workspace;
use crate::state::modalities::{ByModality, value};
use crate::theme;
use crate::widgets::axis;
use crate::widgets::legend::{self, Entry};
use crate::widgets::matrix;

#[derive(Default)]
pub struct Panel {
    /// What was chosen; the main score of the shown model where it does not have it.
    chosen: Option<Metric>,
}

/// Width of a bar of a score of 1, in points.
const BAR: f32 = 150.0;

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        if let Some(lacks) = lacks_model(&workspace.models) {
            return matrix::placeholder(ui, lacks);
        }
        let Some(by) = &workspace.by_modality else {
            return matrix::placeholder(ui, "evaluating…");
        };
        let metric = self.metric(workspace);
        ui.horizontal_wrapped(|ui| {
            for own in curves::metrics(workspace) {
                let label = ui.selectable_label(metric == own, own.title());
                if label.on_hover_text(own.meaning()).clicked() {
                    self.chosen = Some(own);
                }
            }
            if !by.is_complete() {
                ui.spinner();
            }
        });
        ui.weak(held(workspace, by));
        let names: Vec<&str> = names(workspace);
        let target = workspace.models.target();
        ScrollArea::vertical().id_salt("modalities").show(ui, |ui| {
            ui.strong("Only these, complete");
            bars(ui, by, &names, target, metric);
            ui.add_space(6.0);
            ui.strong("One partly missing, the others complete");
            sweeps(ui, by, &names, target, metric);
        });
    }

    fn metric(&self, workspace: &Workspace) -> Metric {
        let metrics = curves::metrics(workspace);
        let chosen = self.chosen.filter(|chosen| metrics.contains(chosen));
        chosen.or(metrics.first().copied()).unwrap_or(Metric::Ua)
    }

    pub fn export(&self, format: Format, workspace: &Workspace) -> Option<String> {
        let by = workspace
            .by_modality
            .as_ref()
            .filter(|by| by.is_complete())?;
        let card = workspace.corpus.as_ref()?;
        let open = workspace.models.get(by.model)?;
        let (metric, target) = (self.metric(workspace), workspace.models.target());
        let names = names(workspace);
        let of = held(workspace, by);
        match format {
            Format::Svg => {
                let mut title = format!("{} by the rate of one modality, {of}", metric.title());
                if card.metadata.synthetic {
                    title += " (synthetic)";
                }
                let lines = names
                    .iter()
                    .enumerate()
                    .map(|(own, name)| mct_figures::Line {
                        name: (*name).to_owned(),
                        points: by.sweep(own, target, metric),
                        bound: false,
                    });
                mct_figures::curves(&title, &lines.collect::<Vec<_>>()).ok()
            }
            Format::Csv => {
                let header = ["modalities", "partly missing", "rate", metric.title(), "of"];
                let score = |value: f64| value.to_string();
                let mut rows: Vec<Vec<String>> = Vec::new();
                for (present, point) in &by.combinations {
                    let value = value(point, target, metric).map_or_else(String::new, score);
                    let there = there(&names, present);
                    rows.push(vec![there, String::new(), "0".into(), value, of.clone()]);
                }
                for (own, name) in names.iter().enumerate() {
                    for (rate, value) in by.sweep(own, target, metric) {
                        let cells = [names.join(" + "), (*name).to_owned(), rate.to_string()];
                        let cells = cells.into_iter().chain([score(value), of.clone()]);
                        rows.push(cells.collect());
                    }
                }
                Some(csv(&header.map(str::to_owned), &rows))
            }
            Format::Json => to_json(&json!({
                "synthetic": card.metadata.synthetic,
                "corpus": card.metadata.title,
                "model": open.card.name,
                "fold": fold_name(open),
                "side": by.side.title(),
                "of": of,
                "modalities": names,
                "combinations": by.combinations.iter().map(|(present, scores)| json!({
                    "present": present,
                    "scores": scores,
                })).collect::<Vec<_>>(),
                "rates": crate::state::models::RATES,
                "own_rate": by.sweeps,
            })),
        }
    }
}

fn names(workspace: &Workspace) -> Vec<&str> {
    let modalities = workspace.missing.modalities.iter();
    modalities.map(|modality| modality.name.as_str()).collect()
}

/// The modalities that are there, in words.
fn there(names: &[&str], present: &[bool]) -> String {
    let there = names.iter().zip(present).filter(|(_, there)| **there);
    there.map(|(name, _)| *name).collect::<Vec<_>>().join(" + ")
}

/// What the scores are of.
fn held(workspace: &Workspace, by: &ByModality) -> String {
    let open = workspace.models.get(by.model);
    let (name, fold) = open.map_or(("", ""), |open| (open.card.name.as_str(), fold_name(open)));
    let pattern = workspace.missing.spread();
    format!("{name}, fold {fold}, {} side{pattern}", by.side.title())
}

fn bars(ui: &mut Ui, by: &ByModality, names: &[&str], target: usize, metric: Metric) {
    let values = by.combinations.iter();
    let values: Vec<Option<f64>> = values
        .map(|(_, point)| value(point, target, metric))
        .collect();
    // Of a score without an upper end, the largest is the whole width.
    let most = match metric.is_share() {
        true => 1.0,
        false => values
            .iter()
            .flatten()
            .fold(1e-9, |most: f64, v| most.max(v.abs())),
    };
    Grid::new("combinations of modalities")
        .num_columns(3)
        .show(ui, |ui| {
            for ((present, _), score) in by.combinations.iter().zip(values) {
                let there = there(names, present);
                ui.label(&there);
                let (rect, response) = ui.allocate_exact_size(vec2(BAR, 14.0), Sense::hover());
                let ground = ui.visuals().extreme_bg_color;
                ui.painter().rect_filled(rect, 2.0, ground);
                let text = match score {
                    Some(score) => {
                        let share = (score / most).clamp(0.0, 1.0) as f32;
                        let size = vec2(rect.width() * share, rect.height());
                        let bar = Rect::from_min_size(rect.min, size);
                        ui.painter().rect_filled(bar, 2.0, theme::RIGHT);
                        shown(metric, score)
                    }
                    None => "…".to_owned(),
                };
                response.widget_info(|| {
                    let label = format!("{} with {there}: {text}", metric.title());
                    egui::WidgetInfo::labeled(egui::Role::Image, true, label)
                });
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| ui.label(text));
                ui.end_row();
            }
        });
}

fn sweeps(ui: &mut Ui, by: &ByModality, names: &[&str], target: usize, metric: Metric) {
    let entries = names.iter().enumerate();
    let entries = entries.map(|(own, name)| Entry::dot(name, theme::qualitative(own)));
    let hidden = legend::of_lines(ui, "own rates", &entries.collect::<Vec<_>>());
    let plot = Plot::new("own rates")
        .height(220.0)
        .include_y(0.0)
        .include_y(1.0)
        .allow_scroll(false);
    let plot = axis::over_rates(plot, "missing rate of this modality alone");
    let plot = axis::of_values(plot, metric.title(), false);
    plot.show(ui, |plot| {
        for (own, name) in names.iter().enumerate() {
            if hidden.contains(*name) {
                continue;
            }
            let points = by.sweep(own, target, metric);
            let series = || PlotPoints::from_iter(points.iter().map(|(x, y)| [*x, *y]));
            let colour = theme::qualitative(own);
            plot.line(Line::new(*name, series()).color(colour).width(2.0));
            let dots = Points::new(*name, series()).color(colour);
            plot.add(dots.radius(3.0).shape(MarkerShape::Circle));
        }
    });
}
