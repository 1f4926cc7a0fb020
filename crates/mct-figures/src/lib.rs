//! The figures of reports and of the application, as SVG.

mod bars;
mod confusion;
mod heat_map;
mod intensities;
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

fn unplottable(error: impl std::fmt::Display) -> Error {
    Error(error.to_string())
}
