//! Sequences as heat maps over a common time axis.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::title::{self, titled};
use crate::{Result, unplottable};

/// The sequence of one modality.
pub struct HeatMap<'a> {
    pub name: &'a str,
    pub steps: usize,
    pub features: usize,
    /// `[time, features]`, row-major, in standard deviations.
    pub values: &'a [f32],
    /// Whether each step is missing; steps beyond its end are not.
    pub missing: &'a [bool],
    /// Duration of the steps on the time axis.
    pub seconds: f32,
}

const WIDTH: i32 = 640;
const HEIGHT: i32 = 90;
const TOP: i32 = 8;
const GAP: i32 = 12;

/// The colour scale saturates at this many standard deviations.
const DEVIATIONS: f32 = 2.5;

/// Sequences over a time axis of `duration` seconds. Missing steps are hatched; where there are more
/// features than rows of pixels fit, neighbouring features are averaged.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn heat_maps(title: &str, duration: f32, maps: &[HeatMap<'_>]) -> Result<String> {
    let height = TOP + maps.len() as i32 * (HEIGHT + GAP) + 30;
    let names: Vec<String> = maps.iter().map(|map| map.name.to_owned()).collect();
    let (names, widest) = title::names(&names, 13);
    let left_of_maps = widest.max(64) as i32 + 16;
    let size = ((left_of_maps + WIDTH + 16) as u32, height as u32);
    titled((title, 16), size, |area| {
        let text = |text: &str, position: (i32, i32), anchor: HPos, size: i32| {
            let font = ("sans-serif", size).into_font().color(&BLACK);
            let style = font.pos(Pos::new(anchor, VPos::Center));
            area.draw_text(text, &style, position).map_err(unplottable)
        };
        for (index, map) in maps.iter().enumerate() {
            let top = TOP + index as i32 * (HEIGHT + GAP);
            text(
                &names[index],
                (left_of_maps - 8, top + HEIGHT / 2),
                HPos::Right,
                13,
            )?;
            let share = (map.seconds / duration.max(1e-6)).clamp(0.01, 1.0);
            let width = WIDTH as f32 * share;
            let columns = map.steps.max(1);
            let rows = map.features.min(HEIGHT as usize / 3).max(1);
            let edge =
                |column: usize| left_of_maps + (width * column as f32 / columns as f32) as i32;
            for column in 0..map.steps {
                let (left, right) = (edge(column), edge(column + 1));
                for row in 0..rows {
                    let band = row * map.features / rows..((row + 1) * map.features / rows);
                    let values = band.clone().map(|f| map.values[column * map.features + f]);
                    let mean = values.sum::<f32>() / band.len().max(1) as f32;
                    let (above, below) = (row as i32 * HEIGHT, (row as i32 + 1) * HEIGHT);
                    let corners = [
                        (left, top + above / rows as i32),
                        (right, top + below / rows as i32),
                    ];
                    let cell = Rectangle::new(corners, diverging(mean / DEVIATIONS).filled());
                    area.draw(&cell).map_err(unplottable)?;
                }
                if map.missing.get(column) == Some(&true) {
                    let veil = Rectangle::new(
                        [(left, top), (right, top + HEIGHT)],
                        WHITE.mix(0.8).filled(),
                    );
                    area.draw(&veil).map_err(unplottable)?;
                    let hatch =
                        PathElement::new([(left, top + HEIGHT), (right, top)], BLACK.mix(0.5));
                    area.draw(&hatch).map_err(unplottable)?;
                }
            }
        }
        let bottom = TOP + maps.len() as i32 * (HEIGHT + GAP) + 8;
        text("0 s", (left_of_maps, bottom), HPos::Left, 12)?;
        text(
            &format!("{duration:.2} s"),
            (left_of_maps + WIDTH, bottom),
            HPos::Right,
            12,
        )
    })
}

/// Blue over white to red-brown, for a value of -1 to 1.
fn diverging(value: f32) -> RGBColor {
    let share = value.clamp(-1.0, 1.0);
    let (full, strength) = if share < 0.0 {
        ((33.0, 102.0, 172.0), -share)
    } else {
        ((178.0, 24.0, 43.0), share)
    };
    let mix = |full: f32| (247.0 + (full - 247.0) * strength) as u8;
    RGBColor(mix(full.0), mix(full.1), mix(full.2))
}
