//! Points in the plane.

use plotters::prelude::*;

use crate::palette::colour;
use crate::{Result, drawn, unplottable};

/// Points of several kinds in one plane without scales: `kinds` are their names and places.
pub fn scatter(title: &str, kinds: &[(&str, Vec<(f64, f64)>)]) -> Result<String> {
    let all = || kinds.iter().flat_map(|(_, points)| points);
    let bounds = |pick: fn(&(f64, f64)) -> f64| {
        let values = all().map(pick);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let room = 0.04 * (high - low).max(1e-9);
        low - room..high + room
    };
    drawn((360, 340), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 15))
            .margin(8)
            .build_cartesian_2d(bounds(|point| point.0), bounds(|point| point.1))
            .map_err(unplottable)?;
        for (index, (name, points)) in kinds.iter().enumerate() {
            let colour = colour(index, kinds.len());
            let fill = colour.mix(0.6).filled();
            let dots = points.iter().map(|point| Circle::new(*point, 2, fill));
            chart
                .draw_series(dots)
                .map_err(unplottable)?
                .label(*name)
                .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 12))
            .draw()
            .map_err(unplottable)
    })
}
