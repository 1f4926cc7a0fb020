//! Points in the plane.

use plotters::prelude::*;

use crate::palette::colour;
use crate::{Area, Result, drawn, unplottable};

/// Points of several kinds in one plane without scales: the name and the coordinates of each kind.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn scatter(title: &str, kinds: &[(&str, Vec<(f64, f64)>)]) -> Result<String> {
    let all = || kinds.iter().flat_map(|(_, points)| points);
    let bounds = |pick: fn(&(f64, f64)) -> f64| {
        let values = all().map(pick);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let room = 0.04 * (high - low).max(1e-9);
        low - room..high + room
    };
    let rows = kinds.len().div_ceil(COLUMNS) as u32;
    drawn((360, 340 + ROW * rows), |area| {
        let (area, below) = area.split_vertically(340);
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 15))
            .margin(8)
            .build_cartesian_2d(bounds(|point| point.0), bounds(|point| point.1))
            .map_err(unplottable)?;
        for (index, (_, points)) in kinds.iter().enumerate() {
            let colour = colour(index, kinds.len());
            let fill = colour.mix(0.6).filled();
            let dots = points.iter().map(|point| Circle::new(*point, 2, fill));
            chart.draw_series(dots).map_err(unplottable)?;
        }
        names(&below, kinds.iter().map(|(name, _)| *name))
    })
}

/// Names per row of the legend.
const COLUMNS: usize = 3;
/// Height of a row of the legend, in pixels.
const ROW: u32 = 18;

/// The legend, below the plane, where no point can be.
fn names<'a>(area: &Area<'_>, names: impl ExactSizeIterator<Item = &'a str>) -> Result<()> {
    let count = names.len();
    for (index, name) in names.enumerate() {
        let x = 16 + 112 * (index % COLUMNS) as i32;
        let y = ROW as i32 * (index / COLUMNS) as i32 + 4;
        area.draw(&Circle::new((x, y + 2), 4, colour(index, count).filled()))
            .map_err(unplottable)?;
        area.draw(&Text::new(
            name.to_owned(),
            (x + 10, y - 3),
            ("sans-serif", 12),
        ))
        .map_err(unplottable)?;
    }
    Ok(())
}
