//! Groups of bars.

use plotters::prelude::*;

use crate::palette::colour;
use crate::title::titled;
use crate::{Result, unplottable};

/// Grouped bars: `bars[group][bar]` holds a score and the standard deviation that its
/// whisker shows, if any. `names` are those of the bars.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn bars(
    title: &str,
    groups: &[&str],
    names: &[String],
    bars: &[Vec<(f64, Option<f64>)>],
) -> Result<String> {
    let all = || bars.iter().flatten();
    let high = all().fold(0.0f64, |high, (y, _)| high.max(*y));
    let low = all().fold(1.0f64, |low, (y, _)| low.min(*y));
    let bottom = ((low - 0.05) * 10.0).floor().max(0.0) / 10.0;
    let top = ((high + 0.03) * 20.0).ceil() / 20.0;
    titled((title, 18), (760, 392), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..groups.len() as f64, bottom..top)
            .map_err(unplottable)?;
        let label = |x: &f64| {
            let group = groups
                .get(*x as usize)
                .filter(|_| (x.fract() - 0.5).abs() < 1e-6);
            group.map_or_else(String::new, |name| (*name).to_owned())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(2 * groups.len() + 1)
            .x_label_formatter(&label)
            .y_desc("score")
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(unplottable)?;
        let width = 0.8 / names.len() as f64;
        for (index, name) in names.iter().enumerate() {
            let fill = colour(index, names.len()).filled();
            let left = |group: usize| group as f64 + 0.1 + index as f64 * width;
            let indexed = bars.iter().enumerate();
            let values = indexed.map(|(group, bars)| (left(group), bars[index]));
            let boxes = values
                .clone()
                .map(|(x, (y, _))| Rectangle::new([(x, bottom), (x + width * 0.92, y)], fill));
            chart
                .draw_series(boxes)
                .map_err(unplottable)?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], fill));
            let whiskers = values.filter_map(|(x, (y, deviation))| {
                let (x, deviation) = (x + width * 0.46, deviation?);
                Some(PathElement::new(
                    [(x, (y - deviation).max(bottom)), (x, y + deviation)],
                    BLACK,
                ))
            });
            chart.draw_series(whiskers).map_err(unplottable)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 12))
            .draw()
            .map_err(unplottable)
    })
}
