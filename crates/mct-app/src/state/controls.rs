//! Positions of the main controls on the screen: the tests of the page cannot find them otherwise.

use std::collections::BTreeMap;

use eframe::egui::{Rect, Response};

/// The rectangles of the main controls by name, in points.
#[derive(Default)]
pub struct Controls(BTreeMap<String, Rect>);

impl Controls {
    /// Records the rectangle of a control in this frame.
    pub fn note(&mut self, name: impl Into<String>, response: &Response) {
        self.0.insert(name.into(), response.rect);
    }

    /// Records what is in sight of a control in this frame.
    pub fn note_seen(&mut self, name: impl Into<String>, response: &Response) {
        self.0.insert(name.into(), response.interact_rect);
    }

    /// Removes all controls, before a frame.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Name and rectangle of each control.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Rect)> {
        self.0.iter().map(|(name, rect)| (name.as_str(), *rect))
    }
}
