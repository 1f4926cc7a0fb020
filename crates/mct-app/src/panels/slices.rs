//! Histograms of the utterances by what they are and how they are predicted; a bar selects its utterances in
//! all views.

use std::rc::Rc;

use eframe::egui::{self, Align, Layout, Rect, ScrollArea, Sense, TextEdit, Ui, UiBuilder, vec2};
use serde_json::json;

use super::{Format, counted, csv_of, held_line, json_of, percent};
use crate::state::Workspace;
use crate::state::selection::Selection;
use crate::state::slices::{Facet, RIGHT_OR_WRONG, Slice, facets};
use crate::theme;
use crate::widgets::direction;
use crate::widgets::matrix::{self, adds, placeholder};

#[derive(Default)]
pub struct Panel {
    /// The facets that were made last, and of what.
    made: Option<(Of, Rc<[Facet]>)>,
    /// The name for the selection.
    name: String,
}

/// What the facets depend on: the corpus, the target that is shown, and the versions of the predictions.
type Of = (u64, usize, [Option<u64>; 2]);

/// Width of a facet and of the bar of its largest slice, in points.
const WIDTH: f32 = 250.0;
const BAR: f32 = 90.0;
/// Height of a slice, and of a facet at most.
const LINE: f32 = 17.0;
const MOST_HEIGHT: f32 = 230.0;

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let Some(facets) = self.facets(workspace) else {
            return placeholder(ui, "open a corpus");
        };
        self.kept(ui, workspace);
        let held = workspace.shown_held();
        let held = held.map(|(open, held)| workspace.holds(open.card.id, held));
        if let Some(held) = &held {
            held_line(
                ui,
                held,
                "; bars: utterances, and how many of them are right",
            );
        }
        let selection = &mut workspace.selection;
        // Those of another side dim nothing.
        let mut shown = facets.iter().flat_map(|facet| &facet.slices);
        let dims = shown.any(|slice| slice.utterances.iter().any(|own| selection.contains(*own)));
        ScrollArea::vertical().id_salt("slices").show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                for facet in facets.iter() {
                    let height = (facet.slices.len() as f32 * LINE).min(MOST_HEIGHT) + 34.0;
                    let (area, _) = ui.allocate_exact_size(vec2(WIDTH, height), Sense::hover());
                    let builder = UiBuilder::new()
                        .max_rect(area.shrink(4.0))
                        .id_salt(&facet.name)
                        .layout(Layout::top_down(Align::Min));
                    ui.scope_builder(builder, |ui| draw(ui, facet, selection, dims));
                }
            });
        });
    }

    fn facets(&mut self, workspace: &Workspace) -> Option<Rc<[Facet]>> {
        let card = workspace.corpus.as_ref()?;
        let categories = workspace.categories()?;
        let open = workspace.models.shown();
        let evaluated = open.and_then(|open| open.evaluated.as_ref());
        let complete = open.and_then(|open| open.complete.as_ref());
        let versions = [evaluated, complete].map(|own| own.map(|own| own.version));
        let target = workspace.models.target();
        let of = (workspace.corpus_version, target, versions);
        let facets = match self.made.take().filter(|(before, _)| *before == of) {
            Some((_, facets)) => facets,
            None => {
                let all = || (0..card.utterances.len()).collect();
                let utterances = evaluated.map_or_else(all, |own| own.utterances.clone());
                facets(card, &categories, &utterances, evaluated, complete).into()
            }
        };
        self.made = Some((of, Rc::clone(&facets)));
        Some(facets)
    }

    /// The selections that have names.
    fn kept(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let Workspace {
            kept,
            selection,
            controls,
            ..
        } = workspace;
        ui.horizontal_wrapped(|ui| {
            let edit = TextEdit::singleline(&mut self.name).hint_text("name of the selection");
            let edit = ui.add(edit.desired_width(140.0));
            controls.note("name of the selection", &edit);
            let name = self.name.trim();
            let can_keep = !selection.is_empty() && !name.is_empty();
            let keep = ui.add_enabled(can_keep, egui::Button::new("Keep"));
            controls.note("keep selection", &keep);
            let count = counted(selection.len(), "utterance");
            let keep = keep
                .on_hover_text(format!("Keep the {count} selected under this name"))
                .on_disabled_hover_text("Select utterances and give the selection a name");
            if keep.clicked() {
                let chosen = selection.iter().collect();
                kept.retain(|(own, _)| own != name);
                kept.push((name.to_owned(), chosen));
                self.name.clear();
            }
            let mut removed = None;
            for (index, (name, chosen)) in kept.iter().enumerate() {
                let is_selected = chosen.iter().copied().eq(selection.iter());
                let label = ui.selectable_label(is_selected, format!("{name} ({})", chosen.len()));
                if label.on_hover_text("Select these again").clicked() {
                    choose(ui, selection, chosen.iter().copied(), name);
                }
                if ui
                    .small_button("×")
                    .on_hover_text(format!("Forget {name}"))
                    .clicked()
                {
                    removed = Some(index);
                }
            }
            if let Some(index) = removed {
                kept.remove(index);
            }
        });
    }
}

/// Selects these, adds them, or takes them away where all of them are selected.
fn choose(
    ui: &Ui,
    selection: &mut Selection,
    chosen: impl Iterator<Item = usize> + Clone,
    reason: &str,
) {
    if !adds(ui) {
        selection.set(chosen, reason);
    } else if chosen.clone().all(|index| selection.contains(index)) {
        selection.remove(chosen);
    } else {
        selection.add(chosen, reason);
    }
}

fn draw(ui: &mut Ui, facet: &Facet, selection: &mut Selection, dims: bool) {
    ui.strong(&facet.name);
    let counts = facet.slices.iter().map(|slice| slice.utterances.len());
    let most = counts.max().unwrap_or(1).max(1) as f32;
    ScrollArea::vertical()
        .max_height(MOST_HEIGHT)
        .id_salt("slices of it")
        .show_rows(
            ui,
            LINE - ui.spacing().item_spacing.y,
            facet.slices.len(),
            |ui, rows| {
                for slice in &facet.slices[rows] {
                    // A share of what is right says nothing where all of it is, or none.
                    let of_right = facet.name != RIGHT_OR_WRONG;
                    if bar(ui, slice, most, selection, (dims, of_right))
                        && !slice.utterances.is_empty()
                    {
                        let reason = format!("{} {}", facet.name, slice.name);
                        choose(ui, selection, slice.utterances.iter().copied(), &reason);
                    }
                }
            },
        );
}

/// One slice: its name, its size with what is selected of it, and how much of it is right. Whether it was
/// clicked.
fn bar(
    ui: &mut Ui,
    slice: &Slice,
    most: f32,
    selection: &Selection,
    (dims, of_right): (bool, bool),
) -> bool {
    let height = LINE - ui.spacing().item_spacing.y;
    let size = vec2(ui.available_width().max(BAR + 100.0), height);
    let (line, response) = ui.allocate_exact_size(size, Sense::click());
    let count = slice.utterances.len();
    let selected = slice
        .utterances
        .iter()
        .filter(|index| selection.contains(**index))
        .count();
    let mut hint = format!("{}: {}", slice.name, counted(count, "utterance"));
    if slice.predicted > 0 {
        let share = slice.right as f64 / slice.predicted as f64;
        hint += &format!(", {} right", percent(share));
    }
    if selected > 0 {
        hint += &format!(", {selected} selected");
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &hint));
    let painter = ui.painter_at(line);
    if response.hovered() || response.has_focus() {
        painter.rect_filled(line, 2.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    let font = egui::TextStyle::Small.resolve(ui.style());
    let ink = ui.visuals().text_color();
    let left = line.width() - BAR - 74.0;
    let names = Rect::from_min_size(line.min, vec2(left - 4.0, height));
    let name = ui.painter_at(names);
    name.text(
        names.left_center(),
        egui::Align2::LEFT_CENTER,
        direction::drawn(&matrix::truncated(ui, &slice.name, &font, names.width())),
        font.clone(),
        ink,
    );
    let start = line.min + vec2(left, 2.0);
    let bar =
        |count: usize| Rect::from_min_size(start, vec2(BAR * count as f32 / most, height - 4.0));
    let faint = match dims {
        true => theme::RIGHT.gamma_multiply(0.35),
        false => theme::RIGHT,
    };
    painter.rect_filled(bar(count), 1.0, faint);
    painter.rect_filled(bar(selected), 1.0, theme::RIGHT);
    let mut text = count.to_string();
    if of_right && slice.predicted > 0 {
        let share = slice.right as f32 / slice.predicted as f32 * 100.0;
        text += &format!(", {share:.0} %");
    }
    let right = line.right_center();
    painter.text(right, egui::Align2::RIGHT_CENTER, text, font, ink);
    response.on_hover_text(format!("select {hint}")).clicked()
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let card = workspace.corpus.as_ref()?;
    let open = workspace.models.shown()?;
    let evaluated = open.evaluated.as_ref()?;
    let categories = &evaluated.categories;
    let complete = open.complete.as_ref();
    let all = facets(
        card,
        categories,
        &evaluated.utterances,
        Some(evaluated),
        complete,
    );
    match format {
        Format::Svg => None,
        Format::Csv => {
            let header = ["property", "value", "utterances", "predicted", "right"];
            let rows = all.iter().flat_map(|facet| {
                facet.slices.iter().map(|slice| {
                    let counts = [slice.utterances.len(), slice.predicted, slice.right];
                    let counts = counts.map(|count| count.to_string());
                    [facet.name.clone(), slice.name.clone()]
                        .into_iter()
                        .chain(counts)
                        .collect()
                })
            });
            let header = header.map(str::to_owned).to_vec();
            Some(csv_of(workspace, header, rows.collect()))
        }
        Format::Json => {
            let facets = all.iter().map(|facet| {
                let slices = facet.slices.iter().map(|slice| {
                    json!({
                        "value": slice.name,
                        "utterances": slice.utterances.len(),
                        "predicted": slice.predicted,
                        "right": slice.right,
                    })
                });
                json!({"property": facet.name, "slices": slices.collect::<Vec<_>>()})
            });
            json_of(workspace, json!({"facets": facets.collect::<Vec<_>>()}))
        }
    }
}
