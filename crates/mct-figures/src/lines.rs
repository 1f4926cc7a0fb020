//! Lines over common axes: curves, sweeps, training.

use std::ops::Range;

use plotters::prelude::*;

use crate::palette::colour;
use crate::title::{self, titled};
use crate::{Area, Result, require_drawable, unplottable};

/// One line of a plot.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Drawn dashed: a bound, not a measurement.
    pub bound: bool,
}

/// Scores against the missing rate, from 0 to 1 or as far as they go.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn curves(title: &str, lines: &[Line]) -> Result<String> {
    let Range { start, end } = range(lines);
    let range = start.min(0.0)..end.max(1.0);
    draw_lines((title, "missing rate", "score"), range, lines)
}

/// The share of right answers against the probability of the answer, beside the line where both are equal.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn reliability(title: &str, mut lines: Vec<Line>) -> Result<String> {
    lines.push(Line {
        name: "as sure as right".to_owned(),
        points: vec![(0.0, 0.0), (1.0, 1.0)],
        bound: true,
    });
    let axes = (title, "probability of the answer", "right answers");
    draw_lines(axes, 0.0..1.0, &lines)
}

/// AUILC against a setting, over the range of the values.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn sweep(title: &str, setting: &str, lines: &[Line]) -> Result<String> {
    draw_lines((title, setting, "AUILC"), range(lines), lines)
}

/// A score against the missing rate, over the range of the values.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn comparison(title: &str, score: &str, lines: &[Line]) -> Result<String> {
    draw_lines((title, "missing rate", score), range(lines), lines)
}

/// A value over the epochs, a line for each run.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn histories(value: &str, lines: &[Line]) -> Result<String> {
    draw_lines((value, "epoch", value), range(lines), lines)
}

/// The range of the values, rounded outwards to the next twentieth.
fn range(lines: &[Line]) -> Range<f64> {
    let all = lines.iter().flat_map(|line| &line.points);
    let (low, high) = all.fold((f64::MAX, f64::MIN), |(low, high), (_, y)| {
        (low.min(*y), high.max(*y))
    });
    let (low, high) = ((low * 20.0).floor() / 20.0, (high * 20.0).ceil() / 20.0);
    if low < high {
        low..high
    } else {
        low - 0.05..high + 0.05
    }
}

/// The legend, one line per row.
fn names_beside(area: &Area<'_>, lines: &[Line]) -> Result<()> {
    for (index, line) in lines.iter().enumerate() {
        let y = 24 + 20 * index as i32;
        let style = style(index, lines).stroke_width(2);
        let ends = if line.bound {
            vec![[(4, y), (11, y)], [(15, y), (22, y)]]
        } else {
            vec![[(4, y), (22, y)]]
        };
        for ends in ends {
            area.draw(&PathElement::new(ends, style))
                .map_err(unplottable)?;
        }
        let text = Text::new(line.name.clone(), (30, y - 6), ("sans-serif", 13));
        area.draw(&text).map_err(unplottable)?;
    }
    Ok(())
}

/// The colour of one of these lines.
fn style(index: usize, lines: &[Line]) -> RGBColor {
    if lines[index].bound {
        return BLACK;
    }
    let measured = lines.iter().filter(|line| !line.bound).count();
    colour(index, measured)
}

/// Width of the plot without its legend, in pixels.
const PLOT: u32 = 640;

/// Lines over common axes, with the title and the labels of the axes. Their names stand beside them, where they
/// cover nothing.
fn draw_lines(
    (title, x, y): (&str, &str, &str),
    range: Range<f64>,
    lines: &[Line],
) -> Result<String> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    require_drawable([&low, &high, &range.start, &range.end])?;
    // One point still needs an axis.
    let (low, high) = if low < high {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    };
    let widest = lines.iter().map(|line| title::width(&line.name, 13));
    let widest = widest.max().unwrap_or(0);
    let width = PLOT + 40 + widest.max(100);
    let height = (36 + 20 * lines.len() as u32).max(372);
    titled((title, 18), (width, height), |area| {
        let (area, beside) = area.split_horizontally(PLOT);
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(low..high, range)
            .map_err(unplottable)?;
        chart
            .configure_mesh()
            .x_desc(x)
            .y_desc(y)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(unplottable)?;
        for (index, line) in lines.iter().enumerate() {
            let colour = style(index, lines);
            let style = colour.stroke_width(2);
            let points = || line.points.iter().copied();
            let series = if line.bound {
                chart.draw_series(DashedLineSeries::new(points(), 6, 4, style))
            } else {
                chart.draw_series(LineSeries::new(points(), style))
            };
            series.map_err(unplottable)?;
            if !line.bound {
                let dots = points().map(|point| Circle::new(point, 3, colour.filled()));
                chart.draw_series(dots).map_err(unplottable)?;
            }
        }
        names_beside(&beside, lines)
    })
}

/// Losses and validation scores over the epochs: the name and the points of each curve.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn training(curves: Vec<(&str, Vec<(f64, f64)>)>) -> Result<String> {
    let lines: Vec<Line> = curves
        .into_iter()
        .map(|(name, points)| Line {
            name: name.to_owned(),
            points,
            bound: false,
        })
        .collect();
    let top = lines
        .iter()
        .flat_map(|line| &line.points)
        .fold(1.0f64, |top, (_, y)| top.max(*y));
    let range = 0.0..top * 1.05;
    draw_lines(("training", "epoch", "loss; score"), range, &lines)
}
