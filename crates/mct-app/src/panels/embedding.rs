//! The complete and the incomplete view of the same utterances in the plane (figure 9 of the paper).

use std::collections::BTreeSet;

use eframe::egui::{self, Button, Color32, ComboBox, DragValue, Pos2, Rect, ScrollArea, Ui};
use mct_embedding::Settings as Tsne;
use mct_engine::evaluation::{CorpusCard, Side};
use serde_json::json;

use super::palette::{MAX_NAMES, Palette, legend};
use super::{Format, csv, held_line, json as to_json, lacks_model};
use crate::state::Workspace;
use crate::state::command::Command;
use crate::state::controls::Controls;
use crate::state::embedding::{Colour, Point, Projection, Vectors, Views};
use crate::state::selection::Selection;
use crate::widgets;
use crate::widgets::canvas::{self, Dot, Gesture, Viewport};
use crate::widgets::direction;
use crate::widgets::matrix::adds;

/// The largest distance of a click from its point, in pixels.
const MAX_CLICK_DISTANCE: f32 = 12.0;

/// Of the height that is left for the plane.
const MOST_OF_LEGEND: f32 = 0.25;

const CAVEAT: &str = "Distances between groups of points and sizes of groups mean little; which \
    points are neighbours means more. Try other perplexities and seeds before you trust a shape.";

#[derive(Default)]
pub struct Panel {
    viewport: Viewport,
    /// What the viewport was moved over: corpus, method, vectors and views.
    over: Option<(u64, bool, Vectors, Views)>,
    /// What was put out of sight in the legend: places of its names, of this colouring.
    hidden: (Option<Hiding>, BTreeSet<usize>),
}

/// What the places of a legend are of: the corpus, the side, the colouring and the classes.
type Hiding = (u64, Side, Colour, Vec<String>);

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let mut commands = Vec::new();
        let categories = workspace.categories();
        let hides = workspace.missing.hides();
        let held = projection_held(workspace);
        let version = workspace.corpus_version;
        let sample = sample(workspace);
        let side = workspace.side;
        let Workspace {
            corpus,
            models,
            selection,
            projection,
            controls,
            ..
        } = workspace;
        let (Some(card), Some(categories)) = (corpus, categories) else {
            ui.weak("open a corpus and a model");
            return;
        };
        if let Some(lacks) = lacks_model(models) {
            return widgets::matrix::placeholder(ui, lacks);
        }
        let over = (
            version,
            projection.settings.tsne,
            projection.settings.vectors,
            projection.settings.views,
        );
        if self.over != Some(over) {
            // Other points stand elsewhere.
            self.over = Some(over);
            self.viewport.show_all();
        }
        let part_names: Vec<String> = projection
            .representations
            .iter()
            .flat_map(|vectors| vectors.parts.iter().map(|part| part.name.clone()))
            .collect();
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut projection.settings.tsne, true, "t-SNE")
                .on_hover_text(
                    "t-distributed stochastic neighbour embedding: preserves neighbourhoods",
                );
            ui.selectable_value(&mut projection.settings.tsne, false, "PCA")
                .on_hover_text("The two directions of largest variance");
            ui.separator();
            if projection.settings.tsne {
                let run = run_buttons(ui, projection, &mut commands);
                controls.note("pause projection", &run);
            }
            vectors(ui, projection, &part_names);
            colours(ui, projection);
            ui.menu_button("Settings", |ui| settings(ui, projection, &mut commands))
                .response
                .on_hover_text("Perplexity, learning rate, seed, steps, neighbours");
            let lasso = Button::selectable(self.viewport.lasso, "lasso").small();
            let hint = "A drag draws a line around points instead of a rectangle";
            let lasso = ui.add(lasso).on_hover_text(hint);
            controls.note("lasso", &lasso);
            if lasso.clicked() {
                self.viewport.lasso = !self.viewport.lasso;
            }
        });
        status(ui, projection);
        if let Some(held) = &held
            && projection.problem.is_none()
        {
            held_line(ui, held, &sample);
        }
        let is_drawn = projection.coordinates.len() == projection.cloud.points.len();
        if projection.cloud.points.is_empty() || !is_drawn {
            let text = projection.problem.as_deref().unwrap_or("computing…");
            widgets::matrix::placeholder(ui, text);
        } else {
            let palette = Palette {
                card,
                categories: &categories,
                evaluated: models.shown().and_then(|open| open.evaluated.as_ref()),
                colour: projection.settings.colour,
                hides,
            };
            let of = (version, side, palette.colour, categories.names.clone());
            if self.hidden.0.as_ref() != Some(&of) {
                self.hidden = (Some(of), BTreeSet::new());
            }
            let points = &projection.cloud.points;
            // Long names do not take the place of the points.
            let most = (ui.available_height() * MOST_OF_LEGEND).max(22.0);
            let names = ScrollArea::vertical().id_salt("legend").max_height(most);
            let names = names.min_scrolled_height(most);
            names.show(ui, |ui| legend(ui, &palette, points, &mut self.hidden.1));
            let plane = self.plane(ui, projection, selection, &palette);
            if self.viewport.is_moved() {
                self.show_all(ui, plane, controls);
            }
        }
        for command in commands {
            workspace.command(command);
        }
    }

    fn plane(
        &mut self,
        ui: &mut Ui,
        projection: &Projection,
        selection: &mut Selection,
        palette: &Palette<'_>,
    ) -> Rect {
        let (response, frame, gesture) =
            canvas::show(ui, &mut self.viewport, &projection.coordinates);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Image, true, "points of the embedding")
        });
        let positions: Vec<Pos2> = projection
            .coordinates
            .iter()
            .map(|coordinates| frame.to_screen(*coordinates))
            .collect();
        let points = &projection.cloud.points;
        let hidden = &self.hidden.1;
        let is_seen = |point: Point| {
            palette
                .place_of(point)
                .is_none_or(|place| !hidden.contains(&place))
        };
        let focus = selection.focus();
        let focused = points
            .iter()
            .position(|point| Some(point.utterance) == focus);
        let radius = match points.len() {
            ..=1200 => 3.5,
            1201..=6000 => 2.5,
            _ => 1.6,
        };
        // Those of another side dim nothing.
        let any_selected = points
            .iter()
            .any(|point| selection.contains(point.utterance));
        let dots: Vec<Dot> = points
            .iter()
            .zip(&positions)
            .filter(|(point, _)| is_seen(**point))
            .map(|(point, position)| {
                let selected = selection.contains(point.utterance);
                let colour = palette.colour_of(*point);
                Dot {
                    position: *position,
                    radius,
                    colour: if any_selected && !selected {
                        colour.gamma_multiply(0.35)
                    } else {
                        colour
                    },
                    cross: point.incomplete,
                    ring: Some(point.utterance) == focus,
                }
            })
            .collect();
        canvas::paint(ui, frame.rect, &dots);
        name_clusters(ui, frame.rect, palette, points, &positions, hidden);
        if let Some(focused) = focused
            && is_seen(points[focused])
            && let Some(start) = positions.get(focused)
        {
            let painter = ui.painter_at(frame.rect);
            let stroke = egui::Stroke::new(1.0, ui.visuals().text_color().gamma_multiply(0.6));
            for (neighbour, _) in projection.neighbours(focused) {
                if is_seen(points[neighbour]) {
                    painter.line_segment([*start, positions[neighbour]], stroke);
                }
            }
            neighbours(ui, frame.rect, projection, focused, palette);
        }
        let nearest = |pointer: Pos2| {
            positions
                .iter()
                .map(|position| position.distance(pointer))
                .enumerate()
                .filter(|(point, _)| is_seen(points[*point]))
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .filter(|(_, distance)| *distance <= MAX_CLICK_DISTANCE)
                .map(|(point, _)| point)
        };
        if let Some(point) = response.hover_pos().and_then(nearest) {
            let text = palette.describe(points[point]);
            response.clone().on_hover_text_at_pointer(text);
        }
        match gesture {
            Gesture::Nothing => {}
            Gesture::Click(pointer) => {
                if let Some(point) = nearest(pointer) {
                    let utterance = points[point].utterance;
                    if adds(ui) {
                        selection.toggle(utterance);
                    } else {
                        selection.focus_on(utterance);
                    }
                } else if !adds(ui) {
                    selection.clear();
                }
            }
            Gesture::Rectangle(_) | Gesture::Lasso(_) => {
                let (reason, is_inside): (&str, Box<dyn Fn(Pos2) -> bool>) = match gesture {
                    Gesture::Lasso(line) => (
                        "points in a lasso",
                        Box::new(move |position| canvas::is_inside(&line, position)),
                    ),
                    Gesture::Rectangle(rect) => (
                        "points in a rectangle",
                        Box::new(move |position| rect.contains(position)),
                    ),
                    Gesture::Nothing | Gesture::Click(_) => return frame.rect,
                };
                let inside = points.iter().zip(&positions);
                let inside = inside
                    .filter(|(point, position)| is_seen(**point) && is_inside(**position))
                    .map(|(point, _)| point.utterance);
                if adds(ui) {
                    selection.add(inside, reason);
                } else {
                    selection.set(inside, reason);
                }
            }
        }
        frame.rect
    }

    /// A button over a corner of the plane: beside the others it would move the plane when it comes.
    fn show_all(&mut self, ui: &mut Ui, plane: Rect, controls: &mut Controls) {
        let size = egui::vec2(64.0, 18.0);
        let corner = plane.right_top() + egui::vec2(-size.x - 6.0, 6.0);
        let place = Rect::from_min_size(corner, size);
        let all = ui.put(place, Button::new("Show all").small());
        controls.note("show all points", &all);
        let hint = "As a double-click on the plane; the wheel zooms, the right button pans";
        if all.on_hover_text(hint).clicked() {
            self.viewport.show_all();
        }
    }
}

/// Writes the names of the classes where most of their points are.
fn name_clusters(
    ui: &Ui,
    rect: Rect,
    palette: &Palette<'_>,
    points: &[Point],
    positions: &[Pos2],
    hidden: &BTreeSet<usize>,
) {
    if palette.colour != Colour::Class {
        return;
    }
    let painter = ui.painter_at(rect);
    let font = egui::TextStyle::Body.resolve(ui.style());
    let ground = ui.visuals().extreme_bg_color.gamma_multiply(0.7);
    // Where both views are, the complete one: between the two there may be nothing.
    let has_complete = points.iter().any(|point| !point.incomplete);
    let mut written: Vec<Rect> = Vec::new();
    for (class, (name, _)) in palette.names().into_iter().enumerate() {
        let own = points.iter().zip(positions);
        let own = own.filter(|(point, _)| {
            palette.category_of(**point) == Some(class) && (!point.incomplete || !has_complete)
        });
        let (mut x, mut y): (Vec<f32>, Vec<f32>) = own.map(|(_, at)| (at.x, at.y)).unzip();
        if x.len() < 3 || hidden.contains(&class) {
            continue;
        }
        let half = x.len() / 2;
        let median = |values: &mut Vec<f32>| *values.select_nth_unstable_by(half, f32::total_cmp).1;
        let at = egui::pos2(median(&mut x), median(&mut y));
        let name = direction::drawn(&name).into_owned();
        let text = painter.layout_no_wrap(name, font.clone(), ui.visuals().strong_text_color());
        // Over no other name: a little lower or higher, or not at all.
        let lines = [0.0, 1.0, -1.0, 2.0, -2.0].map(|lines| lines * (text.size().y + 4.0));
        let places = lines.map(|down| {
            inside(
                Rect::from_center_size(at + egui::vec2(0.0, down), text.size()),
                rect,
            )
        });
        let is_free = |place: &Rect| {
            written
                .iter()
                .all(|other| !other.intersects(place.expand(2.0)))
        };
        let Some(place) = places.into_iter().find(is_free) else {
            continue;
        };
        written.push(place);
        painter.rect_filled(place.expand(2.0), 3.0, ground);
        painter.galley(place.min, text, ui.visuals().strong_text_color());
    }
}

/// A place moved into the plane, as far as it fits.
fn inside(place: Rect, plane: Rect) -> Rect {
    let room = plane.shrink(3.0);
    let by = |low: f32, high: f32, least: f32, most: f32| {
        let back = (high - most).max(0.0);
        (least - (low - back)).max(0.0) - back
    };
    let across = by(place.left(), place.right(), room.left(), room.right());
    let down = by(place.top(), place.bottom(), room.top(), room.bottom());
    place.translate(egui::vec2(across, down))
}

fn run_buttons(
    ui: &mut Ui,
    projection: &mut Projection,
    commands: &mut Vec<Command>,
) -> egui::Response {
    let finished = projection
        .progress
        .is_some_and(|progress| progress.finished);
    let response = if projection.paused {
        let resume = ui
            .button("Continue")
            .on_hover_text("Resume the optimisation");
        if resume.clicked() {
            projection.paused = false;
            commands.push(Command::ContinueProjection);
        }
        resume
    } else {
        let pause = ui.add_enabled(!finished, Button::new("Pause"));
        let pause = pause.on_hover_text("Pause the optimisation");
        if pause.clicked() {
            projection.paused = true;
            commands.push(Command::PauseProjection);
        }
        pause
    };
    if ui
        .button("Restart")
        .on_hover_text("Restart from the initial coordinates")
        .clicked()
    {
        commands.push(Command::RestartProjection);
    }
    response
}

fn vectors(ui: &mut Ui, projection: &mut Projection, parts: &[String]) {
    let settings = &mut projection.settings;
    let name = |vectors: Vectors| match vectors {
        Vectors::Joint => "joint".to_owned(),
        Vectors::Part(part) => parts
            .get(part)
            .cloned()
            .unwrap_or_else(|| "joint".to_owned()),
    };
    let before = (settings.vectors, settings.views);
    ComboBox::from_id_salt("vectors")
        .selected_text(name(settings.vectors))
        .width(80.0)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut settings.vectors, Vectors::Joint, "joint");
            for part in 0..parts.len() {
                let vectors = Vectors::Part(part);
                ui.selectable_value(&mut settings.vectors, vectors, name(vectors));
            }
        })
        .response
        .on_hover_text("Which of the vectors that the classifier reads");
    let views = [
        (Views::Both, "both views"),
        (Views::Complete, "complete"),
        (Views::Incomplete, "incomplete"),
    ];
    let chosen = views.iter().find(|(view, _)| *view == settings.views);
    ComboBox::from_id_salt("views")
        .selected_text(chosen.map_or("", |(_, name)| name))
        .width(90.0)
        .show_ui(ui, |ui| {
            for (view, name) in views {
                ui.selectable_value(&mut settings.views, view, name);
            }
        })
        .response
        .on_hover_text(
            "Discs: complete. Crosses: incomplete, with the missing steps of the sliders",
        );
    if before != (settings.vectors, settings.views) {
        projection.select_vectors();
    }
}

fn colours(ui: &mut Ui, projection: &mut Projection) {
    let colours = [
        (Colour::Class, "by class"),
        (Colour::View, "by view"),
        (Colour::Speaker, "by speaker"),
        (Colour::Correctness, "by correctness"),
    ];
    let current = &mut projection.settings.colour;
    let chosen = colours.iter().find(|(colour, _)| colour == current);
    ComboBox::from_id_salt("colours")
        .selected_text(chosen.map_or("", |(_, name)| name))
        .width(100.0)
        .show_ui(ui, |ui| {
            for (colour, name) in colours {
                ui.selectable_value(current, colour, name);
            }
        })
        .response
        .on_hover_text("What the points are coloured by");
}

fn settings(ui: &mut Ui, projection: &mut Projection, commands: &mut Vec<Command>) {
    if projection.settings.tsne {
        tsne_settings(ui, projection, commands);
    }
    let settings = &mut projection.settings;
    widgets::slider(ui, &mut settings.neighbours, 0..=50, 1.0, "neighbours")
        .on_hover_text("Nearest neighbours of the utterance in focus, in the original space");
}

fn tsne_settings(ui: &mut Ui, projection: &mut Projection, commands: &mut Vec<Command>) {
    let max_perplexity = Tsne::most_perplexity(projection.cloud.points.len()).max(2.0);
    let settings = &mut projection.settings;
    widgets::slider(
        ui,
        &mut settings.perplexity,
        2.0..=100.0,
        0.01,
        "perplexity",
    )
    .on_hover_text(format!(
        "Effective number of neighbours per point; at most {max_perplexity:.0} for these points"
    ));
    let mut has_own_rate = settings.learning_rate.is_some();
    ui.horizontal(|ui| {
        let hint = "Instead of the default, which depends on the number of points";
        if ui
            .checkbox(&mut has_own_rate, "learning rate")
            .on_hover_text(hint)
            .changed()
        {
            let now = projection
                .progress
                .map_or(200.0, |progress| progress.learning_rate);
            settings.learning_rate = has_own_rate.then_some(now);
        }
        if let Some(rate) = &mut settings.learning_rate {
            let value = DragValue::new(rate).range(1.0..=5000.0).speed(2.0);
            if ui
                .add(value)
                .on_hover_text("From the next step on")
                .changed()
            {
                commands.push(Command::SetLearningRate(*rate));
            }
        }
    });
    let mut random = settings.seed.is_some();
    ui.horizontal(|ui| {
        let hint = "Instead of the principal components";
        if ui
            .checkbox(&mut random, "random start, seed")
            .on_hover_text(hint)
            .changed()
        {
            settings.seed = random.then_some(1);
        }
        if let Some(seed) = &mut settings.seed {
            widgets::seed(ui, seed).on_hover_text("Another seed gives other initial coordinates");
        }
    });
    widgets::slider(ui, &mut settings.steps, 250..=5000, 1.0, "steps")
        .on_hover_text("Number of steps of the optimisation");
}

/// How many of the utterances are drawn, where not all are.
fn sample(workspace: &Workspace) -> String {
    let drawn = workspace.projection.representations.as_ref();
    let open = workspace.models.shown();
    let all = open.and_then(|open| Some(open.evaluated.as_ref()?.utterances.len()));
    match (drawn.map(|drawn| drawn.utterances.len()), all) {
        (Some(drawn), Some(all)) if drawn < all => {
            format!(": an even sample of {drawn} of {all} utterances, as many as keep moving")
        }
        _ => String::new(),
    }
}

/// What the points are of: model, side and conditions; `None` before there are any.
fn projection_held(workspace: &Workspace) -> Option<(String, bool)> {
    let (model, held) = workspace.projection.drawn.as_ref()?;
    Some(workspace.holds(*model, held))
}

fn status(ui: &mut Ui, projection: &Projection) {
    if let Some(problem) = &projection.problem {
        ui.colored_label(ui.visuals().warn_fg_color, problem);
        return;
    }
    let count = projection.cloud.points.len();
    let text = match &projection.progress {
        Some(progress) if projection.settings.tsne => {
            let mut text = format!(
                "{count} points, step {} of {}, divergence {:.3} nats",
                progress.steps, projection.settings.steps, progress.divergence,
            );
            if !progress.finished {
                text += &format!(", {:.0} steps a second", progress.steps_per_second);
            }
            text
        }
        _ => match projection.explained {
            Some([first, second]) if !projection.settings.tsne => format!(
                "{count} points; to the right {:.1} %, upwards {:.1} % of the variance",
                100.0 * first,
                100.0 * second
            ),
            _ => format!("{count} points"),
        },
    };
    let learning_rate = projection.progress.map(|progress| progress.learning_rate);
    let learning_rate = learning_rate.filter(|_| projection.settings.tsne);
    let hint = match learning_rate {
        Some(rate) => format!("Learning rate {rate:.0}. {CAVEAT}"),
        None => CAVEAT.to_owned(),
    };
    ui.weak(text).on_hover_text(hint);
}

/// A summary of the neighbours of a point, in a corner of the plane.
fn neighbours(ui: &Ui, rect: Rect, projection: &Projection, point: usize, palette: &Palette<'_>) {
    let neighbours = projection.neighbours(point);
    if neighbours.is_empty() {
        return;
    }
    let class = |point: usize| {
        let utterance = projection.cloud.points[point].utterance;
        palette
            .categories
            .label(&palette.card.utterances[utterance])
    };
    let same_class = neighbours
        .iter()
        .filter(|(neighbour, _)| class(*neighbour) == class(point))
        .count();
    let farthest = neighbours.last().map_or(0.0, |(_, distance)| *distance);
    let text = format!(
        "{same_class} of {} neighbours are of its class, the farthest at {farthest:.2}",
        neighbours.len()
    );
    let font = egui::TextStyle::Small.resolve(ui.style());
    let corner = rect.left_bottom() + egui::vec2(6.0, -6.0);
    let ink = ui.visuals().text_color();
    let painter = ui.painter_at(rect);
    let letters = painter.layout_no_wrap(text, font, ink);
    let place = egui::Align2::LEFT_BOTTOM.anchor_size(corner, letters.size());
    let ground = ui.visuals().extreme_bg_color.gamma_multiply(0.8);
    painter.rect_filled(place.expand(2.0), 3.0, ground);
    painter.galley(place.min, letters, ink);
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let categories = workspace.categories()?;
    let projection = &workspace.projection;
    let coordinates = &projection.coordinates;
    if coordinates.len() != projection.cloud.points.len() || coordinates.is_empty() {
        return None;
    }
    let points = projection.cloud.points.iter().zip(coordinates);
    match format {
        Format::Svg => {
            let palette = Palette {
                card,
                categories: &categories,
                evaluated: workspace
                    .models
                    .shown()
                    .and_then(|open| open.evaluated.as_ref()),
                colour: projection.settings.colour,
                hides: workspace.missing.hides(),
            };
            let kinds = kinds(&palette, &points.collect::<Vec<_>>());
            let kinds: Vec<mct_figures::Kind> = kinds
                .iter()
                .map(|(name, colour, crosses, points)| mct_figures::Kind {
                    name,
                    colour: Some([colour.r(), colour.g(), colour.b()]),
                    crosses: *crosses,
                    points: points.clone(),
                })
                .collect();
            mct_figures::scatter(&title(workspace, card), &kinds).ok()
        }
        Format::Csv => {
            let header = ["id", "view", "class", "x", "y", "of"].map(str::to_owned);
            let (held, _) = projection_held(workspace)?;
            let rows = points.map(|(point, [x, y])| {
                let utterance = &card.utterances[point.utterance];
                vec![
                    utterance.id.clone(),
                    if point.incomplete {
                        "incomplete"
                    } else {
                        "complete"
                    }
                    .to_owned(),
                    categories.text(utterance),
                    x.to_string(),
                    y.to_string(),
                    held.clone(),
                ]
            });
            Some(csv(&header, &rows.collect::<Vec<_>>()))
        }
        Format::Json => {
            let rows = points.map(|(point, coordinates)| {
                json!({
                    "id": card.utterances[point.utterance].id,
                    "incomplete": point.incomplete,
                    "place": coordinates,
                })
            });
            to_json(&json!({
                "synthetic": card.metadata.synthetic,
                "of": projection_held(workspace)?.0,
                "conditions": projection.drawn.as_ref()?.1.conditions,
                "settings": projection.settings,
                "progress": projection.progress,
                "points": rows.collect::<Vec<_>>(),
            }))
        }
    }
}

/// A kind of points in a picture: its name, its colour, whether they are crosses, and where they are.
type Drawn = (String, Color32, bool, Vec<(f64, f64)>);

/// The points by name and view, as on the screen: discs are complete, crosses incomplete. Names beyond those of a legend
/// are one kind.
fn kinds(palette: &Palette<'_>, points: &[(&Point, &[f32; 2])]) -> Vec<Drawn> {
    let names = palette.names();
    let has_both = points.iter().any(|(point, _)| point.incomplete)
        && points.iter().any(|(point, _)| !point.incomplete);
    let mut kinds: Vec<Drawn> = Vec::new();
    let last = names.len().min(MAX_NAMES);
    for place in 0..=last {
        for incomplete in [false, true] {
            let is_own = |point: &Point| {
                let category = match palette.category_of(*point) {
                    // The third name of the legend.
                    None if palette.is_unknown(*point) => Some(2),
                    category => category.filter(|own| *own < last),
                };
                category.unwrap_or(last) == place && point.incomplete == incomplete
            };
            let own = points.iter().filter(|(point, _)| is_own(point));
            let own: Vec<(f64, f64)> = own
                .map(|(_, [x, y])| (f64::from(*x), f64::from(*y)))
                .collect();
            if own.is_empty() {
                continue;
            }
            let (mut name, colour) = match names[..last].get(place) {
                Some(known) => known.clone(),
                None => ("others".to_owned(), Color32::GRAY),
            };
            if has_both && incomplete {
                name += ", incomplete";
            }
            kinds.push((name, colour, incomplete, own));
        }
    }
    kinds
}

fn title(workspace: &Workspace, card: &CorpusCard) -> String {
    let projection = &workspace.projection;
    let (held, _) = projection_held(workspace).unwrap_or_default();
    let method = if projection.settings.tsne {
        "t-SNE"
    } else {
        "PCA"
    };
    let synthetic = if card.metadata.synthetic {
        " (synthetic)"
    } else {
        ""
    };
    match &projection.progress {
        Some(progress) => format!("{method}, {} steps: {held}{synthetic}", progress.steps),
        None => format!("{method}: {held}{synthetic}"),
    }
}
