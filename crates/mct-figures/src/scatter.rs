//! Points in the plane.

use plotters::prelude::*;

use crate::palette::colour;
use crate::title::{self, titled};
use crate::{Area, Result, unplottable};

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
    let names: Vec<String> = kinds.iter().map(|kind| kind.name.to_owned()).collect();
    let (names, widest) = title::names(&names, 12);
    let columns = ((WIDTH - 16) / (widest + 24)).clamp(1, 3) as usize;
    let rows = kinds.len().div_ceil(columns) as u32;
    titled((title, 15), (WIDTH, 316 + ROW * rows), |area| {
        let (area, below) = area.split_vertically(316);
        let mut chart = ChartBuilder::on(&area)
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
        legend(&below, kinds, &names, columns)
    })
}

/// Width of the figure, in pixels.
const WIDTH: u32 = 360;
/// Height of a row of the legend, in pixels.
const ROW: u32 = 18;

/// The legend, below the plane, where no point can be.
fn legend(area: &Area<'_>, kinds: &[Kind], names: &[String], columns: usize) -> Result<()> {
    for (index, kind) in kinds.iter().enumerate() {
        let column = (WIDTH as usize - 16) / columns;
        let x = 16 + (column * (index % columns)) as i32;
        let y = ROW as i32 * (index / columns) as i32 + 4;
        let colour = kind.drawn_in(index, kinds.len());
        if kind.crosses {
            area.draw(&Cross::new((x, y + 2), 3, colour.stroke_width(1)))
        } else {
            area.draw(&Circle::new((x, y + 2), 4, colour.filled()))
        }
        .map_err(unplottable)?;
        area.draw(&Text::new(
            names[index].clone(),
            (x + 10, y - 3),
            ("sans-serif", 12),
        ))
        .map_err(unplottable)?;
    }
    Ok(())
}
