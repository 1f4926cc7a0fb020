//! Texts that are read from right to left, in the order in which they are drawn from left to right.
//!
//! The letters of a word are shaped where they are drawn; the order of the words is not.

use std::borrow::Cow;

use eframe::egui::{Align, FontId, Layout, RichText, Ui};
use unicode_bidi::{BidiInfo, Level};

use super::matrix::truncated;

/// Whether there are letters that are read from right to left: Hebrew, Arabic, Syriac and their forms.
fn is_mixed(text: &str) -> bool {
    let is_rtl = |letter| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
    text.chars().any(is_rtl)
}

/// The text with its words in the order in which they are drawn (Unicode's bidirectional algorithm).
pub fn drawn(text: &str) -> Cow<'_, str> {
    if !is_mixed(text) {
        return Cow::Borrowed(text);
    }
    let info = BidiInfo::new(text, None);
    let mut drawn = String::with_capacity(text.len());
    for paragraph in &info.paragraphs {
        let line = paragraph.range.clone();
        let (levels, runs) = info.visual_runs(paragraph, line);
        for run in runs {
            let part = &text[run.clone()];
            if levels[run.start].is_ltr() {
                drawn.push_str(part);
            } else {
                // Each word is drawn from its right by itself.
                drawn.extend(part.split_inclusive(' ').rev().flat_map(|word| {
                    let letters = word.trim_end_matches(' ');
                    let spaces = &word[letters.len()..];
                    [spaces, letters]
                }));
            }
        }
    }
    Cow::Owned(drawn)
}

/// The text as it is drawn, with its end cut off where it takes more than `width` points. What is read from left to
/// right is left as it is: labels cut it themselves.
pub fn within<'t>(ui: &Ui, text: &'t str, font: &FontId, width: f32) -> Cow<'t, str> {
    match is_mixed(text) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(drawn(&truncated(ui, text, font, width)).into_owned()),
    }
}

/// A text in quotation marks, of any length, whose lines begin where it is read from.
pub fn quoted(ui: &mut Ui, text: &str, style: impl Fn(&str) -> RichText) {
    let is_rtl = is_mixed(text) && {
        let info = BidiInfo::new(text, None);
        info.paragraphs
            .first()
            .is_some_and(|own| own.level == Level::rtl())
    };
    if !is_rtl {
        ui.label(style(&drawn(&format!("“{text}”"))));
        return;
    }
    // Word by word: a label would break the lines from the left. Its quotation marks would be others.
    let layout = Layout::right_to_left(Align::Min).with_main_wrap(true);
    ui.with_layout(layout, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for word in text.split_whitespace() {
            ui.label(style(&drawn(word)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_read_from_the_right_are_drawn_from_there() {
        assert!(matches!(drawn("happy and sad"), Cow::Borrowed(_)));
        assert_eq!(drawn("سعيد"), "سعيد");
        assert_eq!(drawn("أنا سعيد جدا"), "جدا سعيد أنا");
        assert_eq!(drawn("class سعيد جدا 2"), "class 2 جدا سعيد");
        assert_eq!(drawn("שלום 12 עולם"), "עולם 12 שלום");
    }
}
