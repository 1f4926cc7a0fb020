//! Scores with their intervals, one below the other.

use plotters::prelude::*;

use crate::palette::colour;
use crate::title::{self, titled};
use crate::{Result, require_drawable, unplottable};

/// A value and the ends of its interval, if it has one.
pub type Ranged = (f64, Option<[f64; 2]>);

/// Width of a panel, in pixels.
const PANEL: u32 = 360;
/// Height of a row, in pixels.
const ROW: u32 = 24;
/// Height of what is above the rows, the name of the panel, and below them, the scale, in pixels.
const ABOVE: u32 = 30;
const BELOW: u32 = 34;

/// Panels side by side, `(name, values)`, with a row for each of `names`: a dot at the value, and a line from end
/// to end of its interval.
///
/// # Errors
/// When a value is not finite or the figure cannot be drawn.
pub fn intervals(title: &str, names: &[String], panels: &[(&str, Vec<Ranged>)]) -> Result<String> {
    let (names, widest) = title::names(names, 12);
    let count = names.len();
    let beside = widest + 24;
    let size = (
        beside + PANEL * panels.len() as u32,
        ABOVE + ROW * count as u32 + BELOW,
    );
    titled((title, 18), size, |area| {
        let (left, mut rest) = area.split_horizontally(beside);
        for (row, name) in names.iter().enumerate() {
            let middle = (ABOVE + ROW * row as u32 + ROW / 2) as i32;
            let style = ("sans-serif", 12).into_font().color(&BLACK);
            left.draw_text(name, &style, (12, middle - 6))
                .map_err(unplottable)?;
        }
        for (name, values) in panels {
            let (panel, others) = rest.split_horizontally(PANEL);
            rest = others;
            let all = values.iter().flat_map(|(value, ends)| {
                let [low, high] = ends.unwrap_or([*value; 2]);
                [*value, low, high]
            });
            let ends = all.fold([f64::MAX, f64::MIN], |[low, high], value| {
                [low.min(value), high.max(value)]
            });
            require_drawable(&ends)?;
            let [low, high] = ends;
            let room = (0.06 * (high - low)).max(0.005);
            let style = ("sans-serif", 13).into_font().color(&BLACK);
            panel.draw_text(name, &style, (4, 8)).map_err(unplottable)?;
            let (_, panel) = panel.split_vertically(ABOVE);
            let mut chart = ChartBuilder::on(&panel)
                .margin_right(20)
                .margin_left(4)
                .margin_bottom(8)
                .x_label_area_size(BELOW - 8)
                .build_cartesian_2d(low - room..high + room, count as f64..0.0)
                .map_err(unplottable)?;
            chart
                .configure_mesh()
                .disable_y_mesh()
                .light_line_style(TRANSPARENT)
                .x_labels(6)
                .label_style(("sans-serif", 12))
                .draw()
                .map_err(unplottable)?;
            for (row, (value, ends)) in values.iter().enumerate() {
                let colour = colour(row, count);
                let y = row as f64 + 0.5;
                if let Some([low, high]) = ends {
                    let line = PathElement::new([(*low, y), (*high, y)], colour.stroke_width(2));
                    chart.draw_series([line]).map_err(unplottable)?;
                }
                let dot = Circle::new((*value, y), 4, colour.filled());
                chart.draw_series([dot]).map_err(unplottable)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_dot_and_a_line_in_each_panel() {
        let names = ["MCT", "MCT-HFR"].map(str::to_owned);
        let of = |value: f64| (value, Some([value - 0.05, value + 0.1]));
        let panels = [
            ("UA", vec![of(0.6), of(0.7)]),
            ("AUILC UA", vec![of(0.4), (0.5, None)]),
        ];
        let svg = intervals("of two", &names, &panels).unwrap();
        assert_eq!(svg.matches("<circle").count(), 4);
        assert_eq!(svg.matches("stroke-width=\"2\"").count(), 3);
        for text in ["of two", "MCT-HFR", "AUILC UA"] {
            assert!(svg.contains(text), "{text}");
        }
        // From left to right as the values are.
        let places: Vec<f64> = (svg.split("<circle cx=\"").skip(1))
            .map(|own| own.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!(places[0] < places[1] && places[2] < places[3], "{places:?}");
    }

    #[test]
    fn a_value_that_is_no_number_is_refused() {
        let panels = [("UA", vec![(f64::NAN, None)])];
        assert!(intervals("none", &["MCT".to_owned()], &panels).is_err());
    }
}
