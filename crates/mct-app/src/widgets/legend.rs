//! The names of lines or points beside their colours. They wrap, and a click on one hides what it names.

use std::collections::BTreeSet;

use eframe::egui::{
    Color32, Id, Response, RichText, Role, Sense, Stroke, TextStyle, TextWrapMode, Ui, WidgetInfo,
    WidgetText, pos2, vec2,
};

use super::direction;

/// Width of the sign before a name, in points.
const SIGN: f32 = 14.0;

/// How what is named is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Dot,
    /// A dashed line.
    Dashes,
}

/// A name of a legend.
pub struct Entry {
    /// What it stays known by while its text changes.
    pub key: String,
    pub text: String,
    pub colour: Color32,
    pub sign: Sign,
}

impl Entry {
    /// Of a line or of points whose name does not change.
    pub fn dot(name: &str, colour: Color32) -> Self {
        Self {
            key: name.to_owned(),
            text: name.to_owned(),
            colour,
            sign: Sign::Dot,
        }
    }
}

/// One name, as wide as it is: in a row that wraps it goes to the next line as a whole. `what` it names is said in
/// the hint.
pub fn entry(ui: &mut Ui, entry: &Entry, what: &str, is_hidden: bool) -> Response {
    let ink = ui.visuals().weak_text_color();
    let mut text = RichText::new(direction::drawn(&entry.text)).small();
    if is_hidden {
        text = text.weak().strikethrough();
    }
    let widest = (ui.max_rect().width() - SIGN).max(20.0);
    let letters = WidgetText::from(text).into_galley(
        ui,
        Some(TextWrapMode::Truncate),
        widest,
        TextStyle::Small,
    );
    let height = letters.size().y.max(SIGN);
    let size = vec2(SIGN + letters.size().x, height);
    let (area, response) = ui.allocate_exact_size(size, Sense::click());
    let colour = match is_hidden {
        true => ink.gamma_multiply(0.3),
        false => entry.colour,
    };
    let middle = area.center().y;
    match entry.sign {
        Sign::Dot => {
            let centre = pos2(area.left() + 5.5, middle);
            ui.painter().circle_filled(centre, 4.0, colour);
        }
        Sign::Dashes => {
            for left in [0.0, 6.5] {
                let left = area.left() + left;
                let stroke = Stroke::new(2.0, colour);
                ui.painter().hline(left..=left + 4.5, middle, stroke);
            }
        }
    }
    let place = pos2(area.left() + SIGN, middle - letters.size().y / 2.0);
    let letters_ink = ui.style().interact(&response).text_color();
    ui.painter().galley(place, letters, letters_ink);
    response.widget_info(|| {
        WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), !is_hidden, &entry.text)
    });
    response.on_hover_text(match is_hidden {
        true => format!("{}\nShow {what}", entry.text),
        false => format!("{}\nHide {what}", entry.text),
    })
}

/// The names of lines. Returns the keys of those that were hidden by a click, which is remembered under `id`.
pub fn of_lines(ui: &mut Ui, id: &str, entries: &[Entry]) -> BTreeSet<String> {
    let id = Id::unique(("legend", id));
    let mut hidden: BTreeSet<String> = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        for own in entries {
            let is_hidden = hidden.contains(&own.key);
            if entry(ui, own, "this line", is_hidden).clicked() && !hidden.remove(&own.key) {
                hidden.insert(own.key.clone());
            }
        }
    });
    ui.data_mut(|data| data.insert_temp(id, hidden.clone()));
    hidden
}
