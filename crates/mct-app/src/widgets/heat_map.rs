//! Heat maps: textures that are redrawn only when their values change.

use eframe::egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};

/// Textures by name, each with the version of its values.
#[derive(Default)]
pub struct HeatMaps(Vec<(String, u64, TextureHandle)>);

impl HeatMaps {
    /// The texture of this name, redrawn by `colour(column, row)` where its version has changed.
    pub fn get(
        &mut self,
        context: &Context,
        name: &str,
        version: u64,
        [width, height]: [usize; 2],
        colour: impl Fn(usize, usize) -> Color32,
    ) -> &TextureHandle {
        let found = self.0.iter().position(|(other, _, _)| other == name);
        let draw = || {
            let pixels: Vec<Color32> = (0..height.max(1))
                .flat_map(|y| (0..width.max(1)).map(move |x| (x, y)))
                .map(|(x, y)| {
                    if width == 0 || height == 0 {
                        Color32::TRANSPARENT
                    } else {
                        colour(x, y)
                    }
                })
                .collect();
            ColorImage::new([width.max(1), height.max(1)], pixels)
        };
        let index = match found {
            None => {
                let texture = context.load_texture(name, draw(), TextureOptions::NEAREST);
                self.0.push((name.to_owned(), version, texture));
                self.0.len() - 1
            }
            Some(index) => {
                let (_, drawn_version, texture) = &mut self.0[index];
                if *drawn_version != version {
                    *drawn_version = version;
                    texture.set(draw(), TextureOptions::NEAREST);
                }
                index
            }
        };
        &self.0[index].2
    }
}
