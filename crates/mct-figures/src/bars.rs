//! Groups of bars.

use plotters::prelude::*;

use crate::palette::colour;
use crate::title::{self, titled};
use crate::{Result, unplottable};

/// Width of the bars without their legend, in pixels.
const PLOT: u32 = 760;

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
    let (names, widest) = title::names(names, 12);
    let height = (36 + 20 * names.len() as u32).max(392);
    titled((title, 18), (PLOT + 40 + widest, height), |area| {
        let (area, beside) = area.split_horizontally(PLOT);
        let mut chart = ChartBuilder::on(&area)
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
        for index in 0..names.len() {
            let fill = colour(index, names.len()).filled();
            let left = |group: usize| group as f64 + 0.1 + index as f64 * width;
            let indexed = bars.iter().enumerate();
            let values = indexed.map(|(group, bars)| (left(group), bars[index]));
            let boxes = values
                .clone()
                .map(|(x, (y, _))| Rectangle::new([(x, bottom), (x + width * 0.92, y)], fill));
            chart.draw_series(boxes).map_err(unplottable)?;
            let whiskers = values.filter_map(|(x, (y, deviation))| {
                let (x, deviation) = (x + width * 0.46, deviation?);
                Some(PathElement::new(
                    [(x, (y - deviation).max(bottom)), (x, y + deviation)],
                    BLACK,
                ))
            });
            chart.draw_series(whiskers).map_err(unplottable)?;
        }
        // Beside the bars, where they cover none.
        for (index, name) in names.iter().enumerate() {
            let y = 20 + 20 * index as i32;
            let fill = colour(index, names.len()).filled();
            let text = Text::new(name.clone(), (22, y - 6), ("sans-serif", 12));
            beside
                .draw(&Rectangle::new([(4, y - 5), (16, y + 5)], fill))
                .map_err(unplottable)?;
            beside.draw(&text).map_err(unplottable)?;
        }
        Ok(())
    })
}
