//! Predicted against true intensities of the shown model, with the histograms of both.

use eframe::egui::{self, Align2, Color32, Pos2, Rect, Sense, Stroke, Ui, pos2, vec2};
use mct_corpus::Target;
use serde_json::json;

use super::{Format, counted, csv_of, fold_name, held_line, json_of, score_row, target_choice};
use crate::state::Workspace;
use crate::state::models::Evaluated;
use crate::state::selection::Selection;
use crate::theme;
use crate::widgets::canvas::{self, Dot, Frame, Gesture, Viewport};
use crate::widgets::matrix::{adds, placeholder};

#[derive(Default)]
pub struct Panel {
    viewport: Viewport,
}

/// Largest distance of a click from a point, in pixels.
const MAX_CLICK_DISTANCE: f32 = 9.0;
/// Height of the histograms in pixels.
const HISTOGRAM: f32 = 42.0;
/// Bars of a histogram over the range of the target.
const BARS: usize = 24;

/// A rated utterance: its index, true and predicted intensity.
type Point = (usize, f32, f32);

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let held = workspace.shown_held();
        let held = held.map(|(open, held)| workspace.holds(open.card.id, held));
        let Workspace {
            corpus,
            models,
            selection,
            ..
        } = workspace;
        let Some(card) = corpus else {
            return placeholder(ui, "open a corpus and a model of its intensities");
        };
        target_choice(ui, card, models);
        let Some(open) = models.shown() else {
            return placeholder(ui, "open a model of intensities");
        };
        let Some(evaluated) = &open.evaluated else {
            let problem = open.card.fold.as_ref().err();
            return placeholder(ui, problem.map_or("evaluating…", |text| text));
        };
        let Some((_, target)) = evaluated.categories.target() else {
            let text = "the shown model predicts classes: see the confusion matrix";
            return placeholder(ui, text);
        };
        let points = evaluated.points(&card.utterances);
        if points.is_empty() {
            return placeholder(ui, "no utterance of this side is rated");
        }
        scores(ui, evaluated, target, points.len());
        if let Some(held) = &held {
            held_line(ui, held, "");
        }
        let ids = |utterance: usize| card.utterances[utterance].id.as_str();
        self.plane(ui, &points, target, selection, ids);
    }

    fn plane<'a>(
        &mut self,
        ui: &mut Ui,
        points: &[Point],
        target: &Target,
        selection: &mut Selection,
        id: impl Fn(usize) -> &'a str,
    ) {
        let full = ui.available_rect_before_wrap();
        let side = vec2(full.width() - HISTOGRAM, full.height() - HISTOGRAM);
        let inner =
            Rect::from_min_size(full.min + vec2(0.0, HISTOGRAM), side.max(vec2(40.0, 40.0)));
        let mut coordinates: Vec<[f32; 2]> = points.iter().map(|(_, t, p)| [*t, *p]).collect();
        // The whole scale is in view.
        coordinates.extend(target.range.map(|end| [end, end]));
        let builder = egui::UiBuilder::new().max_rect(inner);
        let (response, frame, gesture) = ui
            .scope_builder(builder, |ui| {
                canvas::show(ui, &mut self.viewport, &coordinates)
            })
            .inner;
        response.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::Role::Image,
                true,
                "predicted against true intensities",
            )
        });
        axes(ui, frame, target);
        let positions: Vec<Pos2> = (points.iter())
            .map(|(_, truth, predicted)| frame.to_screen([*truth, *predicted]))
            .collect();
        let any_selected = !selection.is_empty();
        let dots: Vec<Dot> = (points.iter().zip(&positions))
            .map(|((utterance, ..), position)| Dot {
                position: *position,
                radius: if points.len() > 1200 { 2.0 } else { 3.0 },
                colour: if any_selected && !selection.contains(*utterance) {
                    theme::RIGHT.gamma_multiply(0.3)
                } else {
                    theme::RIGHT
                },
                cross: false,
                ring: selection.focus() == Some(*utterance),
            })
            .collect();
        canvas::paint(ui, frame.rect, &dots);
        let nearest = |pointer: Pos2| {
            let distances = positions.iter().map(|position| position.distance(pointer));
            let (index, distance) = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
            (distance <= MAX_CLICK_DISTANCE).then(|| points[index])
        };
        if let Some((utterance, truth, predicted)) = response.hover_pos().and_then(nearest) {
            let text = format!(
                "{}\ntrue {truth:.2}, predicted {predicted:.2}",
                id(utterance)
            );
            response.on_hover_text_at_pointer(text);
        }
        match gesture {
            Gesture::Nothing => {}
            Gesture::Click(pointer) => match nearest(pointer) {
                Some((utterance, ..)) if adds(ui) => selection.toggle(utterance),
                Some((utterance, ..)) => selection.focus_on(utterance),
                None if adds(ui) => {}
                None => selection.clear(),
            },
            // This plane has no lasso.
            Gesture::Lasso(_) => {}
            Gesture::Rectangle(rect) => {
                let inside = points.iter().zip(&positions);
                let inside = inside.filter(|(_, position)| rect.contains(**position));
                let inside: Vec<usize> = inside.map(|((utterance, ..), _)| *utterance).collect();
                choose(ui, selection, inside, "points in a rectangle");
            }
        }
        let above = Rect::from_min_max(full.min, pos2(inner.right(), inner.top()));
        histogram(ui, above, frame, points, target, selection, Axis::True);
        let right = pos2(inner.right() + HISTOGRAM, inner.bottom());
        let beside = Rect::from_min_max(inner.right_top(), right);
        histogram(
            ui,
            beside,
            frame,
            points,
            target,
            selection,
            Axis::Predicted,
        );
    }
}

/// Selects these, or adds them to the selection.
fn choose(ui: &Ui, selection: &mut Selection, chosen: Vec<usize>, reason: &str) {
    if adds(ui) {
        selection.add(chosen, reason);
    } else {
        selection.set(chosen, reason);
    }
}

fn scores(ui: &mut Ui, evaluated: &Evaluated, target: &Target, count: usize) {
    ui.horizontal_wrapped(|ui| {
        score_row(ui, &evaluated.scores);
    });
    let [low, high] = target.range;
    ui.weak(format!(
        "{}, {low} to {high}, {}; across: true, up: predicted",
        target.name,
        counted(count, "utterance")
    ));
}

/// The ends of the scale, and where predicted equals true.
fn axes(ui: &Ui, frame: Frame, target: &Target) {
    let [low, high] = target.range;
    let painter = ui.painter_at(frame.rect);
    let faint = ui.visuals().weak_text_color();
    let line = |from: [f32; 2], to: [f32; 2], colour: Color32| {
        let ends = [frame.to_screen(from), frame.to_screen(to)];
        painter.line_segment(ends, Stroke::new(1.0, colour));
    };
    line([low, low], [high, high], faint);
    for end in [low, high] {
        line([end, low], [end, high], faint.gamma_multiply(0.4));
        line([low, end], [high, end], faint.gamma_multiply(0.4));
    }
    if low < 0.0 && high > 0.0 {
        line([0.0, low], [0.0, high], faint.gamma_multiply(0.4));
        line([low, 0.0], [high, 0.0], faint.gamma_multiply(0.4));
    }
    let font = egui::TextStyle::Small.resolve(ui.style());
    for (end, align) in [(low, Align2::LEFT_BOTTOM), (high, Align2::RIGHT_BOTTOM)] {
        let place = frame.to_screen([end, low]);
        painter.text(place, align, format!("{end}"), font.clone(), faint);
    }
}

/// Which of the two values a histogram counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// Above the plane.
    True,
    /// Beside it.
    Predicted,
}

/// Bars along an edge of the plane; a bar selects its utterances.
fn histogram(
    ui: &mut Ui,
    area: Rect,
    frame: Frame,
    points: &[Point],
    target: &Target,
    selection: &mut Selection,
    axis: Axis,
) {
    let [low, high] = target.range;
    let width = (high - low) / BARS as f32;
    let value = |(_, truth, predicted): &Point| match axis {
        Axis::True => *truth,
        Axis::Predicted => *predicted,
    };
    let bar_of = |value: f32| (((value - low) / width) as i64).clamp(0, BARS as i64 - 1) as usize;
    let mut bars: Vec<Vec<usize>> = vec![Vec::new(); BARS];
    for point in points {
        bars[bar_of(value(point))].push(point.0);
    }
    let most = bars.iter().map(Vec::len).max().unwrap_or(1).max(1) as f32;
    let name = match axis {
        Axis::True => "true",
        Axis::Predicted => "predicted",
    };
    for (index, utterances) in bars.into_iter().enumerate() {
        if utterances.is_empty() {
            continue;
        }
        let (from, to) = (low + index as f32 * width, low + (index + 1) as f32 * width);
        let length = utterances.len() as f32 / most * (HISTOGRAM - 4.0);
        let (first, last) = (frame.to_screen([from, from]), frame.to_screen([to, to]));
        let bar = match axis {
            Axis::True => Rect::from_min_max(
                pos2(first.x, area.bottom() - length),
                pos2(last.x - 1.0, area.bottom()),
            ),
            Axis::Predicted => Rect::from_min_max(
                pos2(area.left(), last.y),
                pos2(area.left() + length, first.y - 1.0),
            ),
        };
        let bar = bar.intersect(area);
        if !bar.is_positive() {
            continue;
        }
        let count = counted(utterances.len(), "utterance");
        let text = format!("{count} {name} {from:.2} to {to:.2}");
        let id = ui.scope_id().with((name, index));
        let response = ui.interact(bar, id, Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &text));
        let is_selected = utterances
            .iter()
            .any(|utterance| selection.contains(*utterance));
        let colour = match selection.is_empty() || is_selected {
            true => theme::RIGHT,
            false => theme::RIGHT.gamma_multiply(0.3),
        };
        ui.painter_at(area).rect_filled(bar, 0.0, colour);
        if response.on_hover_text(format!("select: {text}")).clicked() {
            choose(ui, selection, utterances, &text);
        }
    }
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let open = workspace.models.shown()?;
    let evaluated = open.evaluated.as_ref()?;
    let (_, target) = evaluated.categories.target()?;
    let points = evaluated.points(&card.utterances);
    match format {
        Format::Svg => {
            let (held, _) = workspace.holds(open.card.id, &evaluated.held);
            let title = format!("{}: {held}, fold {}", target.name, fold_name(open));
            let pairs = points.iter();
            let pairs: Vec<(f32, f32)> = pairs.map(|(_, truth, p)| (*truth, *p)).collect();
            mct_figures::intensities(&title, target.range, &pairs).ok()
        }
        Format::Csv => {
            let header = ["id", "true", "predicted"].map(str::to_owned);
            let rows = points.iter().map(|(utterance, truth, predicted)| {
                let id = card.utterances[*utterance].id.clone();
                vec![id, truth.to_string(), predicted.to_string()]
            });
            Some(csv_of(workspace, header.to_vec(), rows.collect()))
        }
        Format::Json => json_of(
            workspace,
            json!({
                "target": target,
                "scores": evaluated.scores,
                "points": points
                    .iter()
                    .map(|(utterance, truth, predicted)| json!({
                        "id": card.utterances[*utterance].id,
                        "true": truth,
                        "predicted": predicted,
                    }))
                    .collect::<Vec<_>>(),
            }),
        ),
    }
}
