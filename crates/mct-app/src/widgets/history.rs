//! Plots of values over the steps or epochs of a training.

use eframe::egui::{Color32, Ui};
use egui_plot::{HoverPosition, Line, Plot, PlotPoints};
use serde::{Deserialize, Serialize};

use super::axis;
use super::legend::{self, Entry};

/// How histories are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Look {
    /// Whether the values have a logarithmic axis.
    pub is_log: bool,
    /// Weight of what was before in the exponential moving average, 0 to 1; 0: the values as they are.
    pub smoothing: f64,
}

impl Look {
    pub fn controls(&mut self, ui: &mut Ui) {
        ui.checkbox(&mut self.is_log, "log axis")
            .on_hover_text("Of the values: those that are not positive are left out");
        ui.spacing_mut().slider_width = 80.0;
        super::slider(ui, &mut self.smoothing, 0.0..=0.99, 0.01, "smoothing").on_hover_text(
            "Weight of what was before, in an exponential moving average; 0: as they are",
        );
    }

    /// The values as they are drawn.
    fn drawn(self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        // Divided by the sum of the weights, so that the first values are not drawn towards 0.
        let (mut sum, mut weights) = (0.0, 0.0);
        let smoothed = points.iter().map(|[x, y]| {
            sum = self.smoothing * sum + (1.0 - self.smoothing) * y;
            weights = self.smoothing * weights + (1.0 - self.smoothing);
            [*x, sum / weights]
        });
        match self.is_log {
            true => smoothed
                .filter(|[_, y]| *y > 0.0)
                .map(|[x, y]| [x, y.log10()])
                .collect(),
            false => smoothed.collect(),
        }
    }
}

/// A line: its name, its values and its colour.
pub struct History {
    pub name: String,
    pub points: Vec<[f64; 2]>,
    pub colour: Color32,
}

/// The least height of a plot, in points.
const LEAST: f32 = 90.0;

/// Draws histories over `x`, with their names above, in this height; on an axis that is not logarithmic with
/// `included`.
pub fn show(
    ui: &mut Ui,
    id: &str,
    (x, height): (&str, f32),
    look: Look,
    included: &[f64],
    histories: &[History],
) {
    let entries = histories.iter();
    let entries = entries.map(|history| Entry::dot(&history.name, history.colour));
    let top = ui.cursor().top();
    let hidden = legend::of_lines(ui, id, &entries.collect::<Vec<_>>());
    let height = (height - (ui.cursor().top() - top)).max(LEAST);
    let value = move |y: f64| if look.is_log { 10f64.powf(y) } else { y };
    let mut plot = Plot::new(id)
        .height(height)
        .allow_scroll(false)
        .label_formatter(move |position| match position {
            HoverPosition::NearDataPoint {
                plot_name,
                position,
                ..
            } => Some(format!(
                "{}\n{x} {:.0}: {}",
                plot_name.trim(),
                position.x,
                significant(value(position.y))
            )),
            HoverPosition::Elsewhere { .. } => None,
        });
    plot = axis::over_counts(plot, x);
    plot = axis::of_values(plot, "", look.is_log);
    if !look.is_log {
        for y in included {
            plot = plot.include_y(*y);
        }
    }
    plot.show(ui, |plot| {
        for History {
            name,
            points,
            colour,
        } in histories
            .iter()
            .filter(|history| !hidden.contains(&history.name))
        {
            let drawn = look.drawn(points);
            plot.line(Line::new(name, PlotPoints::from(drawn)).color(*colour));
        }
    });
}

/// Three significant digits.
fn significant(value: f64) -> String {
    match value.abs() {
        0.001..100.0 => format!("{value:.3}"),
        100.0..100_000.0 => format!("{value:.0}"),
        _ if value == 0.0 => "0".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_averages_what_was_before() {
        let points = [[1.0, 4.0], [2.0, 0.0], [3.0, 8.0]];
        let drawn = |is_log, smoothing| Look { is_log, smoothing }.drawn(&points);
        assert_eq!(drawn(false, 0.0), points);
        let half = drawn(false, 0.5);
        // Of weights 1, then 1/2 and 1, then 1/4, 1/2 and 1.
        let expected = [4.0, (4.0 * 0.5) / 1.5, (4.0 * 0.25 + 8.0) / 1.75];
        for ([_, y], expected) in half.iter().zip(expected) {
            assert!((y - expected).abs() < 1e-12, "{half:?}");
        }
        // What has no logarithm is left out.
        let log = drawn(true, 0.0);
        assert_eq!(log.iter().map(|[x, _]| *x).collect::<Vec<_>>(), [1.0, 3.0]);
        assert!((log[1][1] - 8f64.log10()).abs() < 1e-12);
    }
}
