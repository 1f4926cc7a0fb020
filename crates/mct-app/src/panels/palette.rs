//! What the points of the embedding are coloured by, and the legend that says it.

use std::collections::BTreeSet;

use eframe::egui::{Color32, RichText, Ui};
use mct_engine::evaluation::CorpusCard;

use crate::state::categories::Categories;
use crate::state::embedding::{Colour, Point};
use crate::state::models::Evaluated;
use crate::theme;
use crate::widgets::direction;
use crate::widgets::legend::{self, Entry};
use crate::widgets::mark;

/// What the points are coloured by.
pub struct Palette<'a> {
    pub card: &'a CorpusCard,
    pub categories: &'a Categories,
    pub evaluated: Option<&'a Evaluated>,
    pub colour: Colour,
    /// Whether the current conditions hide anything.
    pub hides: bool,
}

impl Palette<'_> {
    /// The place of a point's name in the legend.
    pub fn category_of(&self, point: Point) -> Option<usize> {
        let utterance = &self.card.utterances[point.utterance];
        match self.colour {
            Colour::Class => self.categories.label(utterance),
            Colour::View => Some(usize::from(point.incomplete)),
            Colour::Speaker => utterance.speaker,
            Colour::Correctness => self.is_right(point).map(|right| usize::from(!right)),
        }
    }

    pub fn colour_of(&self, point: Point) -> Color32 {
        // Right and wrong are the first two colours.
        self.category_of(point)
            .map_or(Color32::GRAY, theme::qualitative)
    }

    /// The same, with the name of what is not predicted.
    pub fn place_of(&self, point: Point) -> Option<usize> {
        match self.is_unknown(point) {
            true => Some(2),
            false => self.category_of(point),
        }
    }

    /// Whether nothing is predicted of a point because it is of the complete view.
    pub fn is_unknown(&self, point: Point) -> bool {
        self.colour == Colour::Correctness && self.hides && !point.incomplete
    }

    /// Whether the model predicts the utterance correctly under the current conditions, from what is missing in
    /// them: of the complete view it is known only where nothing is.
    pub fn is_right(&self, point: Point) -> Option<bool> {
        if !point.incomplete && self.hides {
            return None;
        }
        let predicted = self.evaluated?.class_of(point.utterance)?;
        let label = self
            .categories
            .label(&self.card.utterances[point.utterance])?;
        Some(predicted == label)
    }

    /// The entries of the legend.
    pub fn names(&self) -> Vec<(String, Color32)> {
        let with_colours = |names: &mut dyn Iterator<Item = &str>| {
            names
                .enumerate()
                .map(|(index, name)| (name.to_owned(), theme::qualitative(index)))
                .collect()
        };
        let metadata = &self.card.metadata;
        match self.colour {
            Colour::Class => with_colours(&mut self.categories.names.iter().map(String::as_str)),
            Colour::View => with_colours(&mut ["complete", "incomplete"].into_iter()),
            Colour::Speaker => with_colours(&mut metadata.speakers.iter().map(|s| s.name.as_str())),
            Colour::Correctness => {
                let mut names = vec![
                    ("right".to_owned(), theme::RIGHT),
                    ("wrong".to_owned(), theme::WRONG),
                ];
                if self.hides {
                    let unknown = "complete view: not predicted";
                    names.push((unknown.to_owned(), Color32::GRAY));
                }
                names
            }
        }
    }

    pub fn describe(&self, point: Point) -> String {
        let utterance = &self.card.utterances[point.utterance];
        let classes = &self.categories.names;
        let view = if point.incomplete {
            "incomplete"
        } else {
            "complete"
        };
        let class = self.categories.text(utterance);
        let mut text = format!(
            "{}, {view}\n{}",
            direction::drawn(&utterance.id),
            direction::drawn(&class)
        );
        if let Some(class) = self.evaluated.and_then(|e| e.class_of(point.utterance)) {
            let from = match !point.incomplete && self.hides {
                true => " from the incomplete view",
                false => "",
            };
            text += &format!(", predicted {}{from}", direction::drawn(&classes[class]));
        }
        text
    }
}

/// The largest number of names in a legend; a corpus can have hundreds of speakers.
pub const MAX_NAMES: usize = 12;

/// The names of the colours; a click on one puts its points out of sight or back.
pub fn legend(ui: &mut Ui, palette: &Palette<'_>, points: &[Point], hidden: &mut BTreeSet<usize>) {
    ui.horizontal_wrapped(|ui| {
        let names = palette.names().into_iter().enumerate();
        let mut names: Vec<(usize, (String, Color32))> = names.collect();
        if palette.colour == Colour::Speaker {
            // Those of another side have no points.
            let speakers = points
                .iter()
                .filter_map(|point| palette.category_of(*point));
            let speakers: BTreeSet<usize> = speakers.collect();
            names.retain(|(speaker, _)| speakers.contains(speaker));
        }
        for (place, (name, colour)) in names.iter().take(MAX_NAMES) {
            let entry = Entry::dot(name, *colour);
            let response = legend::entry(ui, &entry, "these points", hidden.contains(place));
            if response.clicked() && !hidden.remove(place) {
                hidden.insert(*place);
            }
        }
        if names.len() > MAX_NAMES {
            ui.label(RichText::new(format!("and {} more", names.len() - MAX_NAMES)).small());
        }
        ui.add_space(8.0);
        let ink = ui.visuals().weak_text_color();
        mark::dot(ui, ink);
        ui.label(RichText::new("complete").small().weak());
        mark::cross(ui, ink);
        ui.label(RichText::new("incomplete").small().weak());
    });
}
