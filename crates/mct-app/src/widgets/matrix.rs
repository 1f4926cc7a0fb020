//! A confusion matrix whose cells, rows and columns can be clicked.

use std::borrow::Cow;
use std::f32::consts::FRAC_PI_2;

use eframe::egui::epaint::TextShape;
use eframe::egui::{
    Align2, Color32, FontId, Rect, Response, Role, ScrollArea, Sense, Stroke, StrokeKind,
    TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::direction;

/// What was clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    Cell {
        label: usize,
        predicted: usize,
    },
    /// All utterances of this true class.
    Row(usize),
    /// All utterances predicted as this class.
    Column(usize),
}

/// The appearance of a cell.
pub struct Cell {
    pub fill: Color32,
    pub ink: Color32,
    /// In large letters.
    pub text: String,
    /// In small letters, below the text.
    pub small: String,
    /// For hover text and screen reader.
    pub hint: String,
    /// How much of it is selected, 0 to 1.
    pub selected: f32,
}

/// Draws the matrix into the available space, and returns what was clicked. `name` distinguishes several
/// matrices. `of_header` says more of a row or a column, and `cell` is called with the true and the predicted
/// class. What does not fit is scrolled.
pub fn show(
    ui: &mut Ui,
    name: &str,
    classes: &[String],
    of_header: impl Fn(Hit) -> String,
    cell: impl Fn(usize, usize) -> Cell,
) -> Option<Hit> {
    let available = ui.available_size();
    ScrollArea::both()
        .id_salt(name)
        .show(ui, |ui| draw(ui, name, classes, available, of_header, cell))
        .inner
}

/// A height that fits a matrix of so many classes, where a pane scrolls.
pub fn height(classes: usize) -> f32 {
    (24.0 + 36.0 * classes as f32).max(260.0)
}

/// The height of upright column names at most, in points.
const MOST_UPRIGHT: f32 = 90.0;

/// The bar of a cell of which a part is selected: its height and its least width, in points.
const SELECTED: f32 = 3.0;

/// Row names take no more than this share of the width.
const MOST_OF_WIDTH: f32 = 0.3;

fn draw(
    ui: &mut Ui,
    name: &str,
    classes: &[String],
    available: Vec2,
    of_header: impl Fn(Hit) -> String,
    cell: impl Fn(usize, usize) -> Cell,
) -> Option<Hit> {
    let count = classes.len();
    let font = TextStyle::Small.resolve(ui.style());
    let widths = classes.iter().map(|class| text_width(ui, class, &font));
    let longest = widths.fold(0.0, f32::max);
    let left = longest.min((available.x * MOST_OF_WIDTH).max(40.0)) + 10.0;
    let side = |available: f32, header: f32| (available - header) / count.max(1) as f32;
    let size = |top: f32| {
        let (width, height) = (side(available.x, left), side(available.y, top));
        width.min(height).clamp(26.0, 84.0)
    };
    let flat = font.size + 8.0;
    // Names that are wider than a column stand upright.
    let upright = longest > size(flat) - 4.0;
    let top = match upright {
        true => longest.min(MOST_UPRIGHT) + 8.0,
        false => flat,
    };
    let size = size(top);
    let full = vec2(left + size * count as f32, top + size * count as f32);
    let (rect, _) = ui.allocate_exact_size(full, Sense::hover());
    let origin = rect.min + vec2(left, top);
    let mut hit = None;
    let ink = ui.visuals().text_color();
    for (index, class) in classes.iter().enumerate() {
        let offset = index as f32 * size;
        let row = Rect::from_min_size(pos2(rect.min.x, origin.y + offset), vec2(left, size));
        let further = |hit| match of_header(hit) {
            text if text.is_empty() => text,
            text => format!(": {text}"),
        };
        let hint = format!("true class {class}{}", further(Hit::Row(index)));
        if header(ui, row, (name, "row", index), &hint).clicked() {
            hit = Some(Hit::Row(index));
        }
        let short = truncated(ui, class, &font, left - 10.0);
        let position = row.right_center() - vec2(6.0, 0.0);
        ui.painter().text(
            position,
            Align2::RIGHT_CENTER,
            direction::drawn(&short),
            font.clone(),
            ink,
        );
        let column = Rect::from_min_size(pos2(origin.x + offset, rect.min.y), vec2(size, top));
        let hint = format!("predicted as {class}{}", further(Hit::Column(index)));
        if header(ui, column, (name, "column", index), &hint).clicked() {
            hit = Some(Hit::Column(index));
        }
        if upright {
            let text = direction::drawn(&truncated(ui, class, &font, top - 6.0)).into_owned();
            let letters = ui.painter().layout_no_wrap(text, font.clone(), ink);
            let place = column.center_bottom() - vec2(letters.size().y / 2.0, 4.0);
            let text = TextShape::new(place, letters, ink).with_angle(-FRAC_PI_2);
            ui.painter().add(text);
        } else {
            ui.painter().text(
                column.center(),
                Align2::CENTER_CENTER,
                direction::drawn(class),
                font.clone(),
                ink,
            );
        }
    }
    for label in 0..count {
        for predicted in 0..count {
            let corner = origin + vec2(predicted as f32, label as f32) * size;
            let area = Rect::from_min_size(corner, vec2(size, size)).shrink(1.0);
            let Cell {
                fill,
                ink,
                text,
                small,
                hint,
                selected,
            } = cell(label, predicted);
            let id = ui.scope_id().with((name, label, predicted));
            let response = ui.interact(area, id, Sense::click());
            let label_text = format!(
                "{} predicted as {}: {hint}",
                classes[label], classes[predicted]
            );
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label_text));
            let painter = ui.painter();
            painter.rect_filled(area, 2.0, fill);
            let outline = if response.has_focus() || selected >= 1.0 {
                Stroke::new(2.0, ui.visuals().strong_text_color())
            } else if response.hovered() {
                Stroke::new(1.0, ui.visuals().text_color())
            } else {
                Stroke::NONE
            };
            painter.rect_stroke(area, 2.0, outline, StrokeKind::Inside);
            if selected > 0.0 && selected < 1.0 {
                // A bar at the lower edge, as long as its share.
                let width = (area.width() * selected).max(SELECTED);
                let corner = area.left_bottom() - vec2(0.0, SELECTED);
                let bar = Rect::from_min_size(corner, vec2(width, SELECTED));
                painter.rect_filled(bar, 1.0, ui.visuals().strong_text_color());
            }
            let large = FontId::proportional((size * 0.26).clamp(10.0, 18.0));
            if size >= 40.0 && !small.is_empty() {
                let middle = area.center();
                let above = middle - vec2(0.0, size * 0.12);
                painter.text(above, Align2::CENTER_CENTER, text, large, ink);
                let below = middle + vec2(0.0, size * 0.2);
                let font = FontId::proportional((size * 0.18).clamp(9.0, 13.0));
                painter.text(below, Align2::CENTER_CENTER, small, font, ink);
            } else {
                painter.text(area.center(), Align2::CENTER_CENTER, text, large, ink);
            }
            if response.on_hover_text(label_text).clicked() {
                hit = Some(Hit::Cell { label, predicted });
            }
        }
    }
    hit
}

fn header(ui: &Ui, area: Rect, id: (&str, &str, usize), hint: &str) -> Response {
    let response = ui.interact(area, ui.scope_id().with(id), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, hint));
    if response.hovered() || response.has_focus() {
        ui.painter()
            .rect_filled(area, 2.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    response.on_hover_text(format!("select: {hint}"))
}

/// The width of a text on one line, in points.
pub fn text_width(ui: &Ui, text: &str, font: &FontId) -> f32 {
    let layout = ui
        .painter()
        .layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE);
    layout.size().x
}

/// The text, truncated to `width` points.
pub fn truncated(ui: &Ui, text: &str, font: &FontId, width: f32) -> String {
    if text_width(ui, text, font) <= width {
        return text.to_owned();
    }
    let ends: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let short = |end: usize| format!("{}…", &text[..end]);
    // The longest beginning that fits, and a letter in any case.
    let fits = ends.partition_point(|end| text_width(ui, &short(*end), font) <= width);
    let last = fits.saturating_sub(1).max(1);
    short(ends.get(last).or(ends.last()).copied().unwrap_or(0))
}

/// The end of the text that takes `width` points: ids differ there.
pub fn truncated_before<'t>(ui: &Ui, text: &'t str, font: &FontId, width: f32) -> Cow<'t, str> {
    if text_width(ui, text, font) <= width {
        return Cow::Borrowed(text);
    }
    let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let short = |start: usize| format!("…{}", &text[start..]);
    let too_long = starts.partition_point(|start| text_width(ui, &short(*start), font) > width);
    Cow::Owned(short(starts.get(too_long).copied().unwrap_or(text.len())))
}

/// Whether a click adds to the selection instead of replacing it.
pub fn adds(ui: &Ui) -> bool {
    ui.input(|input| input.modifiers.command || input.modifiers.shift)
}

/// A text in place of a matrix.
pub fn placeholder(ui: &mut Ui, text: &str) {
    ui.vertical_centered(|ui| {
        // In the middle, but for the height of the text itself.
        ui.add_space(ui.available_height() * 0.4);
        ui.weak(text);
    });
}
