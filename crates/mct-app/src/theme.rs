//! Colours and sizes shared by all views.

use std::sync::Arc;

use eframe::egui::{self, Color32, FontData, FontDefinitions, FontFamily, Visuals};

/// Okabe and Ito (2008), without black and yellow, which have too little contrast in one of the themes, and a purple and
/// a grey; after these eight always the one that is farthest from those before it (in OKLab, Ottosson 2020, also as the colour-blind see
/// them, Machado et al. 2009) and has a contrast of 2.2 or more in both themes.
const QUALITATIVE: [Color32; 24] = [
    Color32::from_rgb(0, 114, 178),
    Color32::from_rgb(213, 94, 0),
    Color32::from_rgb(0, 158, 115),
    Color32::from_rgb(204, 121, 167),
    Color32::from_rgb(230, 159, 0),
    Color32::from_rgb(86, 180, 233),
    Color32::from_rgb(148, 103, 189),
    Color32::from_rgb(140, 140, 140),
    Color32::from_rgb(150, 0, 60),
    Color32::from_rgb(0, 0, 255),
    Color32::from_rgb(90, 60, 120),
    Color32::from_rgb(210, 75, 255),
    Color32::from_rgb(105, 0, 195),
    Color32::from_rgb(150, 75, 0),
    Color32::from_rgb(90, 195, 120),
    Color32::from_rgb(90, 105, 105),
    Color32::from_rgb(195, 165, 180),
    Color32::from_rgb(210, 0, 75),
    Color32::from_rgb(210, 15, 150),
    Color32::from_rgb(240, 0, 210),
    Color32::from_rgb(45, 135, 225),
    Color32::from_rgb(240, 90, 90),
    Color32::from_rgb(255, 120, 225),
    Color32::from_rgb(150, 0, 150),
];

/// The colour of a class, model, speaker or loss term, by its index.
pub const fn qualitative(index: usize) -> Color32 {
    QUALITATIVE[index % QUALITATIVE.len()]
}

pub const RIGHT: Color32 = QUALITATIVE[0];
pub const WRONG: Color32 = QUALITATIVE[1];

/// Anchors of a sequential colour map from dark to light (viridis, van der Walt and Smith, 2015).
const SEQUENTIAL: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Anchors of a diverging colour map from blue to red (after ColorBrewer's RdBu, Brewer, 2003).
const DIVERGING: [[u8; 3]; 7] = [
    [33, 102, 172],
    [103, 169, 207],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [239, 138, 98],
    [178, 24, 43],
];

/// Linear interpolation between the anchors, at 0 to 1.
fn interpolate(anchors: &[[u8; 3]], share: f32) -> Color32 {
    let last = anchors.len() - 1;
    let position = if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    } * last as f32;
    let below = (position as usize).min(last - 1);
    let weight = position - below as f32;
    let mix = |channel: usize| {
        let (low, high) = (anchors[below][channel], anchors[below + 1][channel]);
        (f32::from(low) + (f32::from(high) - f32::from(low)) * weight).round() as u8
    };
    Color32::from_rgb(mix(0), mix(1), mix(2))
}

/// The sequential colour of a value, 0 to 1.
pub fn sequential(share: f32) -> Color32 {
    interpolate(&SEQUENTIAL, share)
}

/// The diverging colour of a value, -1 to 1.
pub fn diverging(value: f32) -> Color32 {
    interpolate(&DIVERGING, (value + 1.0) / 2.0)
}

/// The colour of a matrix cell with this share, 0 (the background) to 1. Its square root tells small shares
/// apart, also on a dark background.
pub fn cell(background: Color32, share: f32) -> Color32 {
    background.lerp_to_gamma(RIGHT, share.clamp(0.0, 1.0).sqrt())
}

/// The colour for letters and signs on the background of a theme.
pub fn legible(visuals: &Visuals, colour: Color32) -> Color32 {
    match visuals.dark_mode {
        true => colour.lerp_to_gamma(Color32::WHITE, 0.4),
        false => colour.lerp_to_gamma(Color32::BLACK, 0.3),
    }
}

/// Black or white, whichever is legible on this colour.
pub fn ink_on(colour: Color32) -> Color32 {
    let [r, g, b, _] = colour.to_array().map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 140.0 {
        Color32::BLACK
    } else {
        Color32::WHITE
    }
}

/// The one font that is shipped, for every text: fixed-width letters would cost the page an eighth of a
/// megabyte. What it lacks (Chinese, Arabic, emoji) is drawn in the fonts of the system.
fn fonts() -> FontDefinitions {
    const NAME: &str = "Ubuntu-Light";
    let mut fonts = FontDefinitions::empty();
    let data = FontData::from_static(epaint_default_fonts::UBUNTU_LIGHT);
    fonts.font_data.insert(NAME.to_owned(), Arc::new(data));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(family, vec![NAME.to_owned()]);
    }
    fonts
}

/// The colours of letters that egui leaves too faint.
fn set_ink(visuals: &mut Visuals) {
    let (weak, warning, error) = match visuals.dark_mode {
        true => ([155, 155, 155], [255, 143, 0], [255, 110, 100]),
        false => ([90, 90, 90], [160, 70, 0], [180, 0, 0]),
    };
    let colour = |[r, g, b]: [u8; 3]| Color32::from_rgb(r, g, b);
    visuals.weak_text_color = Some(colour(weak));
    visuals.warn_fg_color = colour(warning);
    visuals.error_fg_color = colour(error);
}

/// Sets the font, the sizes and the spacing of the application, and what is a click.
pub fn set(context: &egui::Context) {
    context.set_fonts(fonts());
    // egui sees no click where the release comes more than 0.8 s after the press. Time passes in whole frames, and
    // on a processor without a GPU one can take longer. No view has a use for a long press.
    context.options_mut(|options| options.input_options.max_click_duration = f64::INFINITY);
    context.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(6.0, 4.0);
        style.spacing.slider_width = 120.0;
        style.interaction.selectable_labels = true;
        // Hints are short, so they may appear sooner than by default.
        style.interaction.tooltip_delay = 0.3;
        set_ink(&mut style.visuals);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OKLab (Ottosson 2020).
    fn oklab(colour: Color32) -> [f64; 3] {
        let [r, g, b, _] = colour.to_array().map(linear);
        let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
        let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
        let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
        [
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
        ]
    }

    #[test]
    fn two_dozen_speakers_are_told_apart_in_both_themes() {
        let distance = |one: Color32, other: Color32| {
            let squares = oklab(one).into_iter().zip(oklab(other));
            squares.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        // Of the first eight, the nearest two are 0.12 apart.
        for (count, least) in [(16, 0.12), (24, 0.085)] {
            for other in 0..count {
                for one in 0..other {
                    let between = distance(qualitative(one), qualitative(other));
                    assert!(between > least, "{one} and {other}: {between:.3}");
                }
                for ground in [Visuals::dark(), Visuals::light()].map(|own| own.extreme_bg_color) {
                    let (a, b) = (luminance(qualitative(other)), luminance(ground));
                    let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(ratio > 2.2, "{other} on {ground:?}: {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn maps_end_where_their_anchors_end() {
        assert_eq!(sequential(0.0), Color32::from_rgb(68, 1, 84));
        assert_eq!(sequential(1.0), Color32::from_rgb(253, 231, 37));
        assert_eq!(diverging(0.0), Color32::from_rgb(247, 247, 247));
        assert_eq!(diverging(-7.0), Color32::from_rgb(33, 102, 172));
        assert_eq!(sequential(f32::NAN), sequential(0.0));
    }

    /// The linear value of a channel of sRGB.
    fn linear(channel: u8) -> f64 {
        let value = f64::from(channel) / 255.0;
        match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        }
    }

    /// Relative luminance (WCAG 2).
    fn luminance(colour: Color32) -> f64 {
        let [r, g, b, _] = colour.to_array().map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn letters_stand_out_in_both_themes() {
        for mut visuals in [Visuals::dark(), Visuals::light()] {
            set_ink(&mut visuals);
            let inks = [
                ("text", visuals.text_color()),
                ("weak", visuals.weak_text_color()),
                ("warning", visuals.warn_fg_color),
                ("error", visuals.error_fg_color),
                ("right", legible(&visuals, RIGHT)),
                ("wrong", legible(&visuals, WRONG)),
            ];
            let grounds = [
                visuals.panel_fill,
                visuals.window_fill,
                visuals.extreme_bg_color,
                visuals.faint_bg_color,
            ];
            for (name, ink) in inks {
                for ground in grounds.map(|ground| visuals.panel_fill.blend(ground)) {
                    let (a, b) = (luminance(ink), luminance(ground));
                    let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    let dark = visuals.dark_mode;
                    assert!(
                        ratio >= 4.5,
                        "{name}, dark {dark}: {ratio:.2} on {ground:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn text_is_legible_on_every_colour() {
        assert_eq!(ink_on(sequential(0.0)), Color32::WHITE);
        assert_eq!(ink_on(sequential(1.0)), Color32::BLACK);
    }
}
