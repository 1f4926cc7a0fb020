//! Scores over the missing rates: curves of all open models, and the exact limit.

use std::collections::BTreeSet;

use eframe::egui::{self, Color32, Ui};
use egui_plot::{
    FilledArea, Line, LineStyle, MarkerShape, Plot, PlotMemory, PlotPoints, PlotUi, Points, VLine,
};
use mct_corpus::Task;
use mct_hfr::config::{Config, Interface};
use mct_scores::{Metric, Spread};
use serde_json::json;

use super::{Format, counted, csv, fold_name, json as to_json, shown};
use crate::state::Workspace;
use crate::state::models::{OpenModel, RATES};
use crate::theme;
use crate::widgets::axis;
use crate::widgets::legend::{self, Entry, Sign};
use crate::widgets::matrix::placeholder;

#[derive(Default)]
pub struct Panel {
    /// What was chosen; the main score of the shown model where it does not have it.
    chosen: Option<Metric>,
    /// Whether a part of the plot is looked at, and whether all of it is wanted again.
    is_closer: bool,
    shows_all: bool,
    /// Whether runs that differ in fold or seed alone are one line.
    pools: bool,
}

/// One line: a model or the limit.
struct Drawn {
    /// What it is known by, whatever its area is.
    key: String,
    name: String,
    /// What the model's fold holds out.
    fold: String,
    /// Missing rate and score.
    points: Vec<(f64, f64)>,
    /// Of several runs: a standard deviation to either side, at the same rates.
    deviations: Vec<f64>,
    /// `None` for the limit.
    colour: Option<Color32>,
}

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let score = self.score(workspace);
        ui.horizontal_wrapped(|ui| {
            for metric in metrics(workspace) {
                let label = ui.selectable_label(score == metric, metric.title());
                if label.on_hover_text(metric.meaning()).clicked() {
                    self.chosen = Some(metric);
                }
            }
            if can_pool(workspace) {
                let hint = "Runs that differ in fold or seed alone: their mean, with a standard deviation to \
                     either side";
                ui.checkbox(&mut self.pools, "pool runs").on_hover_text(hint);
            }
            if self.is_closer {
                let all = ui.small_button("Show all");
                workspace.controls.note("show all curves", &all);
                self.shows_all = all.on_hover_text("All rates, and all scores").clicked();
            }
        });
        if workspace.corpus.is_none() {
            return placeholder(ui, "open a corpus and a model");
        }
        if workspace.models.is_empty() {
            return placeholder(ui, "open a run or a checkpoint, or train one (Training)");
        }
        let evaluated = workspace.models.shown();
        let evaluated = evaluated.and_then(|open| open.evaluated.as_ref());
        if evaluated.is_some_and(|evaluated| evaluated.scores.iter().next().is_none()) {
            let text = "no utterance of this side has a label: there is nothing to score";
            return placeholder(ui, text);
        }
        let hint = "A click or a drag over the curves sets the missing rate; with the right button a part is looked \
             at closer";
        ui.weak(held(workspace)).on_hover_text(hint);
        let lines = self.lines(workspace, score);
        let ink = ui.visuals().text_color();
        let entries = lines.iter().map(|line| Entry {
            key: line.key.clone(),
            text: line.name.clone(),
            colour: line.colour.unwrap_or(ink),
            sign: match line.colour {
                Some(_) => Sign::Dot,
                None => Sign::Dashes,
            },
        });
        let hidden = legend::of_lines(ui, "curves", &entries.collect::<Vec<_>>());
        let lines = lines.into_iter();
        let lines = lines.filter(|line| !hidden.contains(&line.key)).collect();
        self.plot(ui, workspace, score, lines);
    }

    fn plot(&mut self, ui: &mut Ui, workspace: &mut Workspace, score: Metric, lines: Vec<Drawn>) {
        let now = workspace.missing.rate;
        let mut modalities = workspace.missing.modalities.iter();
        let has_one_rate = modalities.all(|own| own.off || own.own_rate.is_none());
        let ink = ui.visuals().text_color();
        let id = egui::Id::unique("plot of the curves");
        let mut plot = Plot::new("curves")
            .id(id)
            .include_y(0.0)
            .include_y(1.0)
            .allow_scroll(false)
            // A drag moves the missing rate, and a double click is two clicks.
            .allow_drag(false)
            .allow_double_click_reset(false)
            .label_formatter(|position| {
                let (name, point) = match position {
                    egui_plot::HoverPosition::NearDataPoint {
                        plot_name,
                        position,
                        ..
                    } => (plot_name.trim(), position),
                    egui_plot::HoverPosition::Elsewhere { .. } => return None,
                };
                Some(format!(
                    "{name}\nrate {:.1}: {}",
                    point.x,
                    shown(score, point.y)
                ))
            });
        plot = axis::over_rates(plot, "missing rate");
        plot = axis::of_values(plot, score.title(), false);
        if std::mem::take(&mut self.shows_all) {
            plot = plot.reset();
        }
        let drawn = plot.show(ui, |plot| {
            for line in lines {
                draw(plot, line, ink);
            }
            // The curves are of equal rates, where there may be none.
            if has_one_rate {
                plot.add(
                    VLine::new("", now)
                        .color(ink.gamma_multiply(0.5))
                        .style(LineStyle::dotted_dense())
                        .allow_hover(false),
                );
            }
        });
        let memory = PlotMemory::load(ui.ctx(), id);
        self.is_closer = memory.is_some_and(|memory| !memory.auto_bounds.all());
        drawn.response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Image, true, "scores against missing rates")
        });
        workspace.controls.note("curves", &drawn.response);
        let cursor = egui::CursorIcon::ResizeHorizontal;
        let response = drawn.response.on_hover_cursor(cursor);
        let button = egui::PointerButton::Primary;
        let drags = response.dragged_by(button) || response.drag_stopped_by(button);
        let sets = response.clicked() || drags;
        if let Some(pointer) = response.interact_pointer_pos().filter(|_| sets) {
            let pointer = drawn.transform.value_from_position(pointer);
            workspace.missing.rate = (pointer.x.clamp(0.0, 1.0) * 100.0).round() / 100.0;
        }
    }

    fn lines(&self, workspace: &Workspace, score: Metric) -> Vec<Drawn> {
        let lines = lines(workspace, score);
        match self.pools && can_pool(workspace) {
            true => pooled(workspace, score, lines),
            false => lines,
        }
    }

    fn score(&self, workspace: &Workspace) -> Metric {
        let metrics = metrics(workspace);
        let chosen = self.chosen.filter(|chosen| metrics.contains(chosen));
        chosen.or(metrics.first().copied()).unwrap_or(Metric::Ua)
    }

    pub fn export(&self, format: Format, workspace: &Workspace) -> Option<String> {
        let score = self.score(workspace);
        let lines = self.lines(workspace, score);
        if lines.iter().all(|line| line.points.is_empty()) {
            return None;
        }
        let synthetic = workspace.corpus.as_ref()?.metadata.synthetic;
        let name = score.title();
        match format {
            Format::Svg => {
                let mut title = format!("{name} over missing rates, {}", held(workspace));
                if synthetic {
                    title += " (synthetic)";
                }
                let lines = lines.into_iter().map(|line| mct_figures::Line {
                    name: line.name,
                    points: line.points,
                    bound: line.colour.is_none(),
                });
                mct_figures::curves(&title, &lines.collect::<Vec<_>>()).ok()
            }
            Format::Csv => {
                let mut header = vec![format!("{name} of"), "fold".to_owned()];
                header.extend(RATES.iter().map(f64::to_string));
                header.push("conditions".to_owned());
                let rows = lines.iter().map(|line| {
                    let score_at = |rate: &f64| {
                        let point = line.points.iter().find(|(x, _)| x == rate);
                        point.map_or_else(String::new, |(_, y)| y.to_string())
                    };
                    [line.name.clone(), line.fold.clone()]
                        .into_iter()
                        .chain(RATES.iter().map(score_at))
                        .chain([held(workspace)])
                        .collect()
                });
                Some(csv(&header, &rows.collect::<Vec<_>>()))
            }
            Format::Json => {
                let models = workspace.models.iter().map(|open| {
                    json!({
                        "model": open.card.name,
                        "fold": open.card.fold.as_ref().ok().map(|fold| &fold.name),
                        "points": open.curve.scores().collect::<Vec<_>>(),
                        "score": score,
                        "auilc": open.curve.auilc(score),
                    })
                });
                let conditions = RATES.map(|rate| workspace.missing.at_rate(rate));
                to_json(&json!({
                    "synthetic": synthetic,
                    "corpus": workspace.corpus.as_ref()?.metadata.title,
                    "side": workspace.side.title(),
                    "conditions": conditions,
                    "rates": RATES,
                    "curves": models.collect::<Vec<_>>(),
                    "limit_ua": workspace.limit,
                }))
            }
        }
    }
}

/// Draws a line, with its band where it is of several runs.
fn draw(plot: &mut PlotUi<'_>, line: Drawn, ink: Color32) {
    let Drawn {
        name,
        points,
        deviations,
        colour,
        ..
    } = line;
    let series = || PlotPoints::from_iter(points.iter().map(|(x, y)| [*x, *y]));
    if let Some(colour) = colour
        && !deviations.is_empty()
    {
        let rates: Vec<f64> = points.iter().map(|(x, _)| *x).collect();
        let edge = |sign: f64| -> Vec<f64> {
            let scores = points.iter().zip(&deviations);
            scores
                .map(|((_, y), deviation)| y + sign * deviation)
                .collect()
        };
        let band = FilledArea::new(name.clone(), &rates, &edge(-1.0), &edge(1.0));
        plot.add(
            band.fill_color(colour.gamma_multiply(0.2))
                .allow_hover(false),
        );
    }
    let line = Line::new(name.clone(), series());
    match colour {
        Some(colour) => {
            plot.line(line.color(colour).width(2.0));
            let dots = Points::new(name, series());
            plot.add(dots.color(colour).radius(3.0).shape(MarkerShape::Circle));
        }
        None => plot.line(line.color(ink).style(LineStyle::dashed_dense())),
    }
}

/// What the line of a model, or of runs that it is the first of, stays known by.
fn key(open: &OpenModel) -> String {
    open.card.id.0.to_string()
}

/// What runs have in common that are pooled: everything but fold and seed.
fn kind(open: &OpenModel) -> (Config, &Interface) {
    let mut config = open.card.config.clone();
    (config.training.fold, config.training.seed) = (0, 0);
    (config, &open.card.interface)
}

/// The name of such runs.
fn kind_name(open: &OpenModel) -> String {
    let config = &open.card.config;
    let strategy = format!("{:?}", config.training.strategy).to_lowercase();
    format!("{} {strategy}", config.model.system.title())
}

/// Whether there are runs to pool.
fn can_pool(workspace: &Workspace) -> bool {
    let kinds = || {
        workspace
            .models
            .iter()
            .filter(|open| open.card.fold.is_ok())
            .map(kind)
    };
    kinds()
        .enumerate()
        .any(|(index, own)| kinds().skip(index + 1).any(|other| other == own))
}

/// A line for each kind of runs, and those that are of no run; a rate that some lack is left out.
fn pooled(workspace: &Workspace, score: Metric, lines: Vec<Drawn>) -> Vec<Drawn> {
    let mut kinds: Vec<Vec<&OpenModel>> = Vec::new();
    for open in workspace
        .models
        .iter()
        .filter(|open| open.card.fold.is_ok())
    {
        match kinds.iter_mut().find(|own| kind(own[0]) == kind(open)) {
            Some(own) => own.push(open),
            None => kinds.push(vec![open]),
        }
    }
    let of_kind = kinds.into_iter().map(|own| {
        let name = own.first().map_or_else(String::new, |open| kind_name(open));
        let curves: Vec<Vec<(f64, f64)>> =
            own.iter().map(|open| open.curve.points(score)).collect();
        let at = |rate: f64| {
            let points = curves
                .iter()
                .map(|curve| curve.iter().find(|(x, _)| *x == rate));
            let scores: Option<Vec<f64>> = points.map(|point| Some(point?.1)).collect();
            Some((rate, Spread::of(&scores?)))
        };
        let spreads: Vec<(f64, Spread)> = RATES.iter().filter_map(|rate| at(*rate)).collect();
        let values: Vec<f64> = spreads.iter().map(|(_, spread)| spread.mean).collect();
        let area = (values.len() == RATES.len()).then(|| mct_scores::auilc(&RATES, &values));
        let deviations = spreads
            .iter()
            .map(|(_, spread)| spread.deviation.unwrap_or(0.0));
        Drawn {
            key: own.first().map_or_else(String::new, |open| key(open)),
            name: with_area(&format!("{name}, {}", counted(own.len(), "run")), area),
            fold: own
                .iter()
                .map(|open| fold_name(open))
                .collect::<Vec<_>>()
                .join("; "),
            points: spreads
                .iter()
                .map(|(rate, spread)| (*rate, spread.mean))
                .collect(),
            deviations: match own.len() {
                1 => Vec::new(),
                _ => deviations.collect(),
            },
            colour: own.first().map(|open| theme::qualitative(open.colour)),
        }
    });
    let of_no_run = lines.into_iter().filter(|line| line.colour.is_none());
    of_kind.chain(of_no_run).collect()
}

/// What the curves are of.
fn held(workspace: &Workspace) -> String {
    let side = workspace.side.title();
    format!(
        "{side} side, equal rates of all modalities{}",
        workspace.missing.held()
    )
}

/// The scores that the shown model has.
pub(super) fn metrics(workspace: &Workspace) -> Vec<Metric> {
    let categories = workspace.categories();
    match categories.as_ref().and_then(|c| c.target()) {
        Some((_, target)) => Metric::of_target(target).to_vec(),
        None => Metric::of_task(Task::Classification).to_vec(),
    }
}

fn lines(workspace: &Workspace, score: Metric) -> Vec<Drawn> {
    let models = &workspace.models;
    let usable = || models.iter().filter(|open| open.card.fold.is_ok());
    // Scores of other utterances are not compared without a word.
    let folds: BTreeSet<&str> = usable().map(fold_name).collect();
    let name = |open: &OpenModel| match folds.len() {
        0 | 1 => open.card.name.clone(),
        _ => format!("{} ({})", open.card.name, fold_name(open)),
    };
    let mut lines: Vec<Drawn> = usable()
        .map(|open| Drawn {
            key: key(open),
            name: with_area(&name(open), open.curve.auilc(score)),
            fold: fold_name(open).to_owned(),
            points: open.curve.points(score),
            deviations: Vec::new(),
            colour: Some(theme::qualitative(open.colour)),
        })
        .collect();
    let is_computed = models.shown().is_some_and(|open| open.card.fold.is_ok());
    if score == Metric::Ua && workspace.has_limit() && is_computed {
        let limit = workspace.limit.as_deref();
        let area = limit.map(|limit| mct_scores::auilc(&RATES, limit));
        lines.push(Drawn {
            key: "exact posterior".to_owned(),
            name: with_area("exact posterior", area),
            fold: models
                .shown()
                .map_or_else(String::new, |open| fold_name(open).to_owned()),
            points: limit.map_or_else(Vec::new, |limit| {
                RATES.iter().copied().zip(limit.iter().copied()).collect()
            }),
            deviations: Vec::new(),
            colour: None,
        });
    }
    lines
}

fn with_area(name: &str, area: Option<f64>) -> String {
    match area {
        Some(area) => format!("{name}, AUILC {area:.3}"),
        None => format!("{name}, …"),
    }
}
