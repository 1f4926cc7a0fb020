//! Points in the plane.

use plotters::prelude::*;

use crate::palette::colour;
use crate::{Area, Result, drawn, unplottable};

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind<'a> {
    pub name: &'a str,
    /// Red, green and blue; one of the palette's where `None`.
    pub colour: Option<[u8; 3]>,
    /// Crosses instead of discs.
    pub crosses: bool,
    pub points: Vec<(f64, f64)>,
}

impl<'a> Kind<'a> {
    /// Discs in a colour of the palette.
    pub const fn new(name: &'a str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name,
            colour: None,
            crosses: false,
            points,
        }
    }

    fn drawn_in(&self, index: usize, count: usize) -> RGBColor {
        let own = self
            .colour
            .map(|[red, green, blue]| RGBColor(red, green, blue));
        own.unwrap_or_else(|| colour(index, count))
    }
}

/// Points of several kinds in one plane without scales.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn scatter(title: &str, kinds: &[Kind]) -> Result<String> {
    let all = || kinds.iter().flat_map(|kind| &kind.points);
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
        for (index, kind) in kinds.iter().enumerate() {
            let colour = kind.drawn_in(index, kinds.len()).mix(0.6);
            let points = kind.points.iter().copied();
            if kind.crosses {
                let crosses = points.map(|point| Cross::new(point, 2, colour.stroke_width(1)));
                chart.draw_series(crosses).map_err(unplottable)?;
            } else {
                let dots = points.map(|point| Circle::new(point, 2, colour.filled()));
                chart.draw_series(dots).map_err(unplottable)?;
            }
        }
        names(&below, kinds)
    })
}

/// Names per row of the legend.
const COLUMNS: usize = 3;
/// Height of a row of the legend, in pixels.
const ROW: u32 = 18;

/// The legend, below the plane, where no point can be.
fn names(area: &Area<'_>, kinds: &[Kind]) -> Result<()> {
    for (index, kind) in kinds.iter().enumerate() {
        let x = 16 + 112 * (index % COLUMNS) as i32;
        let y = ROW as i32 * (index / COLUMNS) as i32 + 4;
        let colour = kind.drawn_in(index, kinds.len());
        if kind.crosses {
            area.draw(&Cross::new((x, y + 2), 3, colour.stroke_width(1)))
        } else {
            area.draw(&Circle::new((x, y + 2), 4, colour.filled()))
        }
        .map_err(unplottable)?;
        area.draw(&Text::new(
            kind.name.to_owned(),
            (x + 10, y - 3),
            ("sans-serif", 12),
        ))
        .map_err(unplottable)?;
    }
    Ok(())
}
