//! The figures of reports and of the application, as SVG.

mod bars;
mod confusion;
mod heat_map;
mod intensities;
mod intervals;
mod lines;
mod palette;
mod scatter;
mod title;

use plotters::coord::Shift;
use plotters::prelude::*;

pub use bars::bars;
pub use confusion::{confusion, confusion_difference};
pub use heat_map::{HeatMap, heat_maps};
pub use intensities::intensities;
pub use intervals::{Ranged, intervals};
pub use lines::{Line, comparison, curves, histories, reliability, sweep, training};
pub use scatter::{Kind, scatter};

/// Why a figure could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct Error(String);

pub type Result<T> = std::result::Result<T, Error>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The SVG of `size` pixels that `draw` fills.
fn drawn(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(unplottable)?;
        draw(&area)?;
        area.present().map_err(unplottable)?;
    }
    Ok(svg)
}

/// An axis without end has no marks.
fn require_drawable<'a>(ends: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    const MOST: f64 = 1e100;
    match ends
        .into_iter()
        .find(|end| end.is_nan() || end.abs() > MOST)
    {
        None => Ok(()),
        Some(end) => Err(Error(format!(
            "found {end}, expected values within ±{MOST:e}"
        ))),
    }
}

fn unplottable(error: impl std::fmt::Display) -> Error {
    Error(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_end_are_refused_where_an_axis_would_have_no_end() {
        let line = |points: &[(f64, f64)]| Line {
            name: "a".to_owned(),
            points: points.to_vec(),
            bound: false,
        };
        for value in [1e308, f64::INFINITY, -1e300] {
            for points in [[(0.0, value), (1.0, 0.5)], [(value, 0.0), (1.0, 0.5)]] {
                assert!(histories("loss", &[line(&points)]).is_err(), "{points:?}");
            }
        }
        assert!(histories("loss", &[line(&[(0.0, 1e30), (1.0, 0.5)])]).is_ok());
        let wide = intensities("x", [0.0, 1.0], &[(3e38, -3e38)]);
        assert!(wide.is_err());
        assert!(intensities("x", [0.0, 1.0], &[(0.5, 0.25)]).is_ok());
    }
}
