//! Confusion matrices.

use mct_scores::Confusion;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::title::{self, titled};
use crate::{Result, unplottable};

/// How a cell is drawn.
struct Cell {
    fill: RGBColor,
    ink: RGBColor,
    text: String,
    small: String,
}

/// Share of each true class (row) that is predicted as each class (column), with the counts.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn confusion(title: &str, classes: &[String], counts: &Confusion) -> Result<String> {
    matrix(title, classes, |row, column| {
        let total: usize = counts.0[row].iter().sum();
        let count = counts.0[row][column];
        let share = count as f64 / total.max(1) as f64;
        Cell {
            fill: faded((0, 114, 178), share),
            ink: if share > 0.5 { WHITE } else { BLACK },
            text: format!("{:.0} %", share * 100.0),
            small: count.to_string(),
        }
    })
}

/// How many more utterances (fewer, where negative) of each true class (row) `first` predicts as each
/// class (column) than `second`.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn confusion_difference(
    title: &str,
    classes: &[String],
    first: &Confusion,
    second: &Confusion,
) -> Result<String> {
    let difference =
        |row: usize, column: usize| first.0[row][column] as i64 - second.0[row][column] as i64;
    let all = (0..classes.len()).flat_map(|row| (0..classes.len()).map(move |c| (row, c)));
    let magnitudes = all.map(|(row, column)| difference(row, column).abs());
    let most = magnitudes.max().unwrap_or(0).max(1) as f64;
    matrix(title, classes, |row, column| {
        let difference = difference(row, column);
        let strength = difference.abs() as f64 / most;
        let full = if difference < 0 {
            (33, 102, 172)
        } else {
            (178, 24, 43)
        };
        Cell {
            fill: faded(full, strength),
            ink: if strength > 0.6 { WHITE } else { BLACK },
            text: format!("{difference:+}"),
            small: String::new(),
        }
    })
}

/// From white to a full colour.
fn faded((r, g, b): (u8, u8, u8), share: f64) -> RGBColor {
    let fade = |full: u8| (255.0 - share * f64::from(255 - full)) as u8;
    RGBColor(fade(r), fade(g), fade(b))
}

/// A matrix over the classes, with the cell of each row and column.
fn matrix(
    title: &str,
    classes: &[String],
    cell_at: impl Fn(usize, usize) -> Cell,
) -> Result<String> {
    const CELL: i32 = 64;
    let (names, widest) = title::names(classes, 13);
    // Names that are wider than a column stand upright.
    let upright = widest as i32 > CELL - 6;
    let left_of_cells = (widest as i32 + 16).max(110);
    let top_of_cells = if upright { widest as i32 + 16 } else { 28 };
    let n = classes.len() as i32;
    let size = (left_of_cells + n * CELL + 16, top_of_cells + n * CELL + 16);
    titled((title, 16), (size.0 as u32, size.1 as u32), |area| {
        let text =
            |text: &str, position: (i32, i32), size: i32, anchor: HPos, colour: &RGBColor| {
                let style = ("sans-serif", size).into_font().color(colour);
                area.draw_text(text, &style.pos(Pos::new(anchor, VPos::Center)), position)
                    .map_err(unplottable)
            };
        let corner = (12, top_of_cells - 14);
        text("true \\ predicted", corner, 12, HPos::Left, &BLACK)?;
        for (row, class) in names.iter().enumerate() {
            let middle = top_of_cells + row as i32 * CELL + CELL / 2;
            text(class, (left_of_cells - 8, middle), 13, HPos::Right, &BLACK)?;
            let across = left_of_cells + row as i32 * CELL + CELL / 2;
            if upright {
                let font = ("sans-serif", 13).into_font();
                let font = font.transform(FontTransform::Rotate270);
                let style = font.color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
                area.draw_text(class, &style, (across, top_of_cells - 6))
                    .map_err(unplottable)?;
            } else {
                let place = (across, top_of_cells - 12);
                text(class, place, 12, HPos::Center, &BLACK)?;
            }
            for column in 0..classes.len() {
                let cell = cell_at(row, column);
                let left = left_of_cells + column as i32 * CELL;
                let top = top_of_cells + row as i32 * CELL;
                let corners = [(left, top), (left + CELL - 2, top + CELL - 2)];
                area.draw(&Rectangle::new(corners, cell.fill.filled()))
                    .map_err(unplottable)?;
                let middle = (left + CELL / 2, top + CELL / 2);
                let lift = if cell.small.is_empty() { 0 } else { 8 };
                let upper = (middle.0, middle.1 - lift);
                text(&cell.text, upper, 15, HPos::Center, &cell.ink)?;
                let lower = (middle.0, middle.1 + 12);
                text(&cell.small, lower, 11, HPos::Center, &cell.ink)?;
            }
        }
        Ok(())
    })
}
