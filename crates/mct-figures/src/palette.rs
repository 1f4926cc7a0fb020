//! Palettes for colour-blind readers.

use plotters::style::RGBColor;

/// A palette for colour-blind readers (Okabe and Ito, 2008).
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// For more lines than [`COLOURS`] has (Tol's muted scheme).
const MANY_COLOURS: [RGBColor; 9] = [
    RGBColor(51, 34, 136),
    RGBColor(136, 204, 238),
    RGBColor(68, 170, 153),
    RGBColor(153, 153, 51),
    RGBColor(221, 204, 119),
    RGBColor(136, 34, 85),
    RGBColor(17, 119, 51),
    RGBColor(170, 68, 153),
    RGBColor(204, 102, 119),
];

/// The colour of one of `count` lines or bars.
pub fn colour(index: usize, count: usize) -> RGBColor {
    if count <= COLOURS.len() {
        COLOURS[index]
    } else {
        MANY_COLOURS[index % MANY_COLOURS.len()]
    }
}
