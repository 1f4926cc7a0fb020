//! Titles and names of any length: wrapped or shortened, so that a figure never cuts them.

use plotters::prelude::*;

use crate::{Area, Result, drawn, unplottable};

/// The width of a letter as a share of the font size, on the wide side.
const ADVANCE: f64 = 0.56;

/// Names of classes and modalities take no more letters than this.
const MOST: usize = 40;

/// The width of a text in letters of a narrow script: those of Chinese, Japanese and Korean count almost twice.
fn letters(text: &str) -> f64 {
    let of = |letter: char| {
        if letter >= '\u{1100}' {
            1.0 / ADVANCE
        } else {
            1.0
        }
    };
    text.chars().map(of).sum()
}

/// The width of a text in pixels, on the wide side.
pub fn width(text: &str, size: u32) -> u32 {
    (letters(text) * f64::from(size) * ADVANCE).ceil() as u32
}

/// A name of at most so many letters; what is left out is an ellipsis.
pub fn short(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept = name.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}

/// The names as a figure shows them, and the width of the widest.
pub fn names(names: &[String], size: u32) -> (Vec<String>, u32) {
    let names: Vec<String> = names.iter().map(|name| short(name, MOST)).collect();
    let widths = names.iter().map(|name| width(name, size));
    let widest = widths.max().unwrap_or(0);
    (names, widest)
}

/// The lines of a title, each of at most so many letters. A longer word is broken.
fn wrapped(title: &str, most: f64) -> Vec<String> {
    let most = most.max(8.0);
    let mut lines: Vec<String> = Vec::new();
    for word in title.split_whitespace() {
        if let Some(line) = lines.last_mut()
            && letters(line) + 1.0 + letters(word) <= most
        {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        let mut line = String::new();
        for letter in word.chars() {
            if letters(&line) + letters(&letter.to_string()) > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
        lines.push(line);
    }
    lines
}

/// The SVG of `size` pixels that `draw` fills, below a title of as many lines as it takes.
pub fn titled(
    (title, font): (&str, u32),
    (across, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<()>,
) -> Result<String> {
    const MARGIN: u32 = 12;
    let most = f64::from(across.saturating_sub(2 * MARGIN)) / (f64::from(font) * ADVANCE);
    let lines = wrapped(title, most);
    let line_height = font + 5;
    let above = MARGIN + line_height * lines.len() as u32;
    drawn((across, above + height), |area| {
        for (index, line) in lines.iter().enumerate() {
            let top = (MARGIN + line_height * index as u32) as i32;
            let style = ("sans-serif", font).into_font().color(&BLACK);
            area.draw_text(line, &style, (MARGIN as i32, top))
                .map_err(unplottable)?;
        }
        draw(&area.split_vertically(above).1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_wrapped_and_loses_no_letter() {
        let title = "MCT-HFR, validation side, equal rates of all modalities (synthetic)";
        let lines = wrapped(title, 20.0);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 20),
            "{lines:?}"
        );
        assert_eq!(lines.join(" "), title);
        let long = wrapped(&"x".repeat(45), 20.0);
        assert_eq!(
            long.iter().map(String::len).collect::<Vec<_>>(),
            [20, 20, 5]
        );
        let svg = titled((title, 18), (200, 100), |_| Ok(())).unwrap();
        assert!(svg.matches("<text").count() > 2, "{svg}");
    }

    #[test]
    fn a_name_is_shortened_by_letters() {
        assert_eq!(short("überrascht", 4), "übe…");
        assert_eq!(short("sad", 4), "sad");
        assert!(width("深い悲しみ", 10) >= 50);
    }
}
