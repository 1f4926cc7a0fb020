//! Texts that are read from right to left, in the order in which they are drawn from left to right.
//!
//! The letters of a word are shaped where they are drawn; the order of the words is not.

use std::borrow::Cow;

use eframe::egui::{Align, FontId, Layout, RichText, Ui};

use super::matrix::truncated;

/// Whether a letter is read from right to left: Hebrew, Arabic, Syriac and their forms.
const fn is_rtl(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

/// Whether there is anything to order. On the page egui has one font and lets the browser draw what that lacks, cluster
/// by cluster: a text is one run, whose words it turns around itself.
fn is_mixed(text: &str) -> bool {
    !cfg!(target_arch = "wasm32") && text.chars().any(is_rtl)
}

/// What decides in which direction a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Left,
    Right,
    Number,
    Neutral,
}

fn kind(letter: char) -> Kind {
    match letter {
        _ if letter.is_numeric() => Kind::Number,
        _ if is_rtl(letter) => Kind::Right,
        _ if letter.is_alphabetic() => Kind::Left,
        _ => Kind::Neutral,
    }
}

/// Whether a text begins at its right: its first letter does.
fn begins_right(text: &str) -> bool {
    let mut kinds = text.chars().map(kind);
    kinds.find(|kind| matches!(kind, Kind::Left | Kind::Right)) == Some(Kind::Right)
}

/// The levels of the letters: even ones are read from the left, odd ones from the right. Unicode's bidirectional
/// algorithm (UAX 9) without its explicit marks, which labels and transcripts do not have; its tables would take a
/// hundredth of the page.
fn levels(letters: &[char], base: u8) -> Vec<u8> {
    let mut kinds: Vec<Kind> = letters.iter().copied().map(kind).collect();
    for place in 1..kinds.len().saturating_sub(1) {
        // A point or a colon in a number.
        let is_between = kinds[place - 1] == Kind::Number && kinds[place + 1] == Kind::Number;
        if is_between && matches!(letters[place], '.' | ',' | ':' | '/') {
            kinds[place] = Kind::Number;
        }
    }
    let of_base = if base == 1 { Kind::Right } else { Kind::Left };
    // A number after letters from the left is one of them.
    let mut strong = of_base;
    for kind in &mut kinds {
        match kind {
            Kind::Left | Kind::Right => strong = *kind,
            Kind::Number if strong == Kind::Left => *kind = Kind::Left,
            Kind::Number | Kind::Neutral => {}
        }
    }
    let left = if base == 1 { 2 } else { 0 };
    // To what is neutral the other numbers are read from the right.
    let side = |kind: Option<&Kind>| match kind {
        None => of_base,
        Some(Kind::Left) => Kind::Left,
        Some(_) => Kind::Right,
    };
    // The last one that is not neutral, up to each place from one of the ends.
    let nearest = |kinds: &mut dyn Iterator<Item = &Kind>| -> Vec<Kind> {
        let mut last = None;
        let follow = kinds.map(|kind| {
            last = Some(kind).filter(|kind| **kind != Kind::Neutral).or(last);
            side(last)
        });
        follow.collect()
    };
    let before = nearest(&mut kinds.iter());
    let mut after = nearest(&mut kinds.iter().rev());
    after.reverse();
    let level = |(place, kind): (usize, &Kind)| match kind {
        Kind::Left => left,
        Kind::Right => 1,
        Kind::Number => 2,
        Kind::Neutral => match (before[place] == after[place], before[place]) {
            (true, Kind::Right) => 1,
            (true, _) => left,
            (false, _) => base,
        },
    };
    kinds.iter().enumerate().map(level).collect()
}

/// The text with its words in the order in which they are drawn. The letters of a word stay as they are: they are
/// shaped from the right where they are drawn.
pub fn drawn(text: &str) -> Cow<'_, str> {
    if !is_mixed(text) {
        return Cow::Borrowed(text);
    }
    let letters: Vec<char> = text.chars().collect();
    let levels = levels(&letters, u8::from(begins_right(text)));
    // Words, numbers, and signs one by one, each with its level.
    let mut parts: Vec<(u8, String)> = Vec::new();
    let mut last = None;
    for (letter, level) in letters.into_iter().zip(levels) {
        let kind = kind(letter);
        let goes_on =
            last == Some((kind, level)) && kind != Kind::Neutral || level.is_multiple_of(2);
        match parts.last_mut() {
            Some((own, part)) if *own == level && goes_on => part.push(letter),
            _ => parts.push((level, mirrored(letter, level).to_string())),
        }
        last = Some((kind, level));
    }
    // From the highest level on, what is read from the right is turned around.
    for least in [2, 1] {
        let mut first = 0;
        while first < parts.len() {
            let rest = &parts[first..];
            let count = rest.iter().take_while(|(level, _)| *level >= least).count();
            parts[first..first + count].reverse();
            first += count.max(1);
        }
    }
    Cow::Owned(parts.into_iter().map(|(_, part)| part).collect())
}

/// A bracket in a text from the right opens the other way.
fn mirrored(letter: char, level: u8) -> char {
    const PAIRS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('«', '»')];
    if level.is_multiple_of(2) {
        return letter;
    }
    let other = |(open, close): (char, char)| match letter {
        _ if letter == open => Some(close),
        _ if letter == close => Some(open),
        _ => None,
    };
    PAIRS.into_iter().find_map(other).unwrap_or(letter)
}

/// The text as it is drawn, with its end cut off where it takes more than `width` points. What is read from left to
/// right is left as it is: labels cut it themselves.
pub fn within<'t>(ui: &Ui, text: &'t str, font: &FontId, width: f32) -> Cow<'t, str> {
    match is_mixed(text) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(drawn(&truncated(ui, text, font, width)).into_owned()),
    }
}

/// The words of a text from the right, with those in a row that are read from the left as one.
fn parts_from_right(text: &str) -> Vec<String> {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for word in text.split_whitespace() {
        let from_left = !is_mixed(word) && word.chars().any(char::is_alphanumeric);
        match parts.last_mut() {
            Some((true, part)) if from_left => {
                part.push(' ');
                part.push_str(word);
            }
            _ => parts.push((from_left, word.to_owned())),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// A text in quotation marks, of any length, whose lines begin where it is read from.
pub fn quoted(ui: &mut Ui, text: &str, style: impl Fn(&str) -> RichText) {
    if !is_mixed(text) || !begins_right(text) {
        ui.label(style(&drawn(&format!("“{text}”"))));
        return;
    }
    // Word by word: a label would break the lines from the left. Its quotation marks would be others.
    let layout = Layout::right_to_left(Align::Min).with_main_wrap(true);
    ui.with_layout(layout, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for part in parts_from_right(text) {
            ui.label(style(&drawn(&part)));
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
        assert_eq!(drawn("סעיף 3.5 (חדש)"), "(חדש) 3.5 סעיף");
        assert_eq!(drawn("שלום hello world עולם"), "עולם hello world שלום");
        assert_eq!(drawn("سعيد!"), "!سعيد");
        let parts = parts_from_right("שלום hello world, עולם");
        assert_eq!(parts, ["שלום", "hello world,", "עולם"]);
    }
}
