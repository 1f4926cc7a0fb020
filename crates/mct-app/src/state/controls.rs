//! Where the main controls are on the screen: a page's tests have no other way to find them.

use std::collections::BTreeMap;

use eframe::egui::{Rect, Response};

#[derive(Default)]
pub struct Controls(BTreeMap<String, Rect>);

impl Controls {
    /// Notes where a control is in this frame.
    pub fn note(&mut self, name: impl Into<String>, response: &Response) {
        self.0.insert(name.into(), response.rect);
    }

    /// Forgets them, before a frame.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Rect)> {
        self.0.iter().map(|(name, rect)| (name.as_str(), *rect))
    }
}
