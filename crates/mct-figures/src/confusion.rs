//! Confusion matrices.

use mct_hfr::metrics::Confusion;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::{Result, drawn, unplottable};

/// Share of each true class (row) that is predicted as each class (column), with the counts.
pub fn confusion(title: &str, classes: &[String], counts: &Confusion) -> Result<String> {
    const CELL: i32 = 64;
    const LEFT: i32 = 110;
    const TOP: i32 = 76;
    let n = classes.len() as i32;
    let size = (LEFT + n * CELL + 16, TOP + n * CELL + 16);
    drawn((size.0 as u32, size.1 as u32), |area| {
        let text = |text: &str, at: (i32, i32), size: i32, anchor: HPos, colour: &RGBColor| {
            use plotters::style::text_anchor::{Pos, VPos};
            let style = ("sans-serif", size).into_font().color(colour);
            area.draw_text(text, &style.pos(Pos::new(anchor, VPos::Center)), at)
                .map_err(unplottable)
        };
        text(title, (LEFT, 16), 16, HPos::Left, &BLACK)?;
        text("true \\ predicted", (8, TOP - 22), 12, HPos::Left, &BLACK)?;
        for (row, class) in classes.iter().enumerate() {
            let middle = TOP + row as i32 * CELL + CELL / 2;
            text(class, (LEFT - 8, middle), 13, HPos::Right, &BLACK)?;
            let across = LEFT + row as i32 * CELL + CELL / 2;
            let lift = if n > 5 && row % 2 == 1 { 16 } else { 0 };
            text(class, (across, TOP - 10 - lift), 12, HPos::Center, &BLACK)?;
            let total: usize = counts.0[row].iter().sum();
            for (column, count) in counts.0[row].iter().enumerate() {
                let share = *count as f64 / total.max(1) as f64;
                let left = LEFT + column as i32 * CELL;
                let top = TOP + row as i32 * CELL;
                let fade = |full: u8| (255.0 - share * f64::from(255 - full)) as u8;
                let fill = RGBColor(fade(0), fade(114), fade(178));
                let corners = [(left, top), (left + CELL - 2, top + CELL - 2)];
                area.draw(&Rectangle::new(corners, fill.filled()))
                    .map_err(unplottable)?;
                let ink = if share > 0.5 { WHITE } else { BLACK };
                let middle = (left + CELL / 2, top + CELL / 2);
                let percent = format!("{:.0} %", share * 100.0);
                text(&percent, (middle.0, middle.1 - 8), 15, HPos::Center, &ink)?;
                text(
                    &count.to_string(),
                    (middle.0, middle.1 + 12),
                    11,
                    HPos::Center,
                    &ink,
                )?;
            }
        }
        Ok(())
    })
}
