//! Predicted against true intensities, with the histograms of both.

use plotters::prelude::*;

use crate::palette::colour;
use crate::title::titled;
use crate::{Result, require_drawable, unplottable};

/// Bars of a histogram over the range.
const BARS: usize = 24;
/// Height of a histogram in pixels.
const HISTOGRAM: u32 = 60;

/// True (across) and predicted (up) intensities of utterances on the scale `range`; the histograms are
/// above and beside.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn intensities(title: &str, range: [f32; 2], points: &[(f32, f32)]) -> Result<String> {
    let all = points
        .iter()
        .flat_map(|(truth, predicted)| [*truth, *predicted]);
    let (low, high) = all.fold((range[0], range[1]), |(l, h), v| (l.min(v), h.max(v)));
    let room = 0.02 * (high - low).max(1e-6);
    let (low, high) = (f64::from(low - room), f64::from(high + room));
    require_drawable([&low, &high])?;
    let fill = colour(0, 1);
    titled((title, 16), (460 + HISTOGRAM, 418 + HISTOGRAM), |area| {
        let (upper, lower) = area.split_vertically(HISTOGRAM + 6);
        let (plane, beside) = lower.split_horizontally(460);
        let mut chart = ChartBuilder::on(&plane)
            .margin(6)
            .x_label_area_size(38)
            .y_label_area_size(48)
            .build_cartesian_2d(low..high, low..high)
            .map_err(unplottable)?;
        chart
            .configure_mesh()
            .x_desc("true")
            .y_desc("predicted")
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(unplottable)?;
        let diagonal = LineSeries::new([(low, low), (high, high)], BLACK.mix(0.5));
        chart.draw_series(diagonal).map_err(unplottable)?;
        let dots = points.iter().map(|(truth, predicted)| {
            let place = (f64::from(*truth), f64::from(*predicted));
            Circle::new(place, 3, fill.mix(0.5).filled())
        });
        chart.draw_series(dots).map_err(unplottable)?;
        let plot = chart.plotting_area().get_pixel_range();
        let (left, right) = (plot.0.start, plot.0.end);
        // Pixel ranges are those of the whole figure.
        let (top, bottom) = (plot.1.start, plot.1.end);
        let base = HISTOGRAM as i32 + 6;
        let ends = |index: usize, from: i32, to: i32| {
            let at = |i: usize| from + ((to - from) as f64 * i as f64 / BARS as f64) as i32;
            (at(index), at(index + 1))
        };
        let tall = HISTOGRAM as f64 - 6.0;
        for (index, share) in shares(points.iter().map(|p| p.0), low, high).enumerate() {
            let (x0, x1) = ends(index, left, right);
            let corners = [(x0, base - (share * tall) as i32), (x1 - 1, base)];
            let bar = Rectangle::new(corners, fill.mix(0.7).filled());
            upper.draw(&bar).map_err(unplottable)?;
        }
        let offset = beside.get_pixel_range().1.start;
        for (index, share) in shares(points.iter().map(|p| p.1), low, high).enumerate() {
            let (y0, y1) = ends(index, bottom - offset, top - offset);
            let corners = [(0, y1 + 1), ((share * tall) as i32, y0)];
            let bar = Rectangle::new(corners, fill.mix(0.7).filled());
            beside.draw(&bar).map_err(unplottable)?;
        }
        Ok(())
    })
}

/// Counts of values in each bar, as shares of the largest.
fn shares(values: impl Iterator<Item = f32>, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let mut counts = [0usize; BARS];
    for value in values {
        let share = (f64::from(value) - low) / (high - low);
        counts[((share * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    counts.into_iter().map(move |count| count as f64 / most)
}
