//! Pictures of numbers: textures that are made anew only when the numbers change.

use eframe::egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};

/// Textures by name, each with the version of what it shows.
#[derive(Default)]
pub struct HeatMaps(Vec<(String, u64, TextureHandle)>);

impl HeatMaps {
    /// The texture of this name, made by `colour(column, row)` where its version has changed.
    pub fn get(
        &mut self,
        context: &Context,
        name: &str,
        version: u64,
        [width, height]: [usize; 2],
        colour: impl Fn(usize, usize) -> Color32,
    ) -> &TextureHandle {
        let found = self.0.iter().position(|(own, _, _)| own == name);
        let draw = || {
            let pixels = (0..height.max(1)).flat_map(|y| (0..width.max(1)).map(move |x| (x, y)));
            let pixels = pixels.map(|(x, y)| {
                if width == 0 || height == 0 {
                    Color32::TRANSPARENT
                } else {
                    colour(x, y)
                }
            });
            ColorImage::new([width.max(1), height.max(1)], pixels.collect())
        };
        let place = match found {
            None => {
                let texture = context.load_texture(name, draw(), TextureOptions::NEAREST);
                self.0.push((name.to_owned(), version, texture));
                self.0.len() - 1
            }
            Some(place) => {
                let (_, own, texture) = &mut self.0[place];
                if *own != version {
                    *own = version;
                    texture.set(draw(), TextureOptions::NEAREST);
                }
                place
            }
        };
        &self.0[place].2
    }
}
