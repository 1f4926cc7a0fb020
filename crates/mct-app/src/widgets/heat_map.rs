//! Heat maps: textures that are redrawn only when their values change.

use eframe::egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};

/// The side of a texture that every graphics card draws, and more than a pane has pixels.
const MOST: usize = 2048;

/// Textures by name, each with the version of its values.
#[derive(Default)]
pub struct HeatMaps(Vec<(String, u64, TextureHandle)>);

impl HeatMaps {
    /// The texture of this name, redrawn by `colour(column, row)` where its version has changed. Where it would be
    /// larger than textures can be, one of several neighbours stands for them.
    pub fn get(
        &mut self,
        context: &Context,
        name: &str,
        version: u64,
        [width, height]: [usize; 2],
        colour: impl Fn(usize, usize) -> Color32,
    ) -> &TextureHandle {
        let found = self.0.iter().position(|(other, _, _)| other == name);
        let most = context.input(|input| input.max_texture_side).min(MOST);
        let stride = |side: usize| side.div_ceil(most).max(1);
        let (across, down) = (stride(width), stride(height));
        let (columns, rows) = (width.div_ceil(across), height.div_ceil(down));
        let draw = || {
            let pixels: Vec<Color32> = (0..rows.max(1))
                .flat_map(|y| (0..columns.max(1)).map(move |x| (x, y)))
                .map(|(x, y)| {
                    if width == 0 || height == 0 {
                        Color32::TRANSPARENT
                    } else {
                        colour(x * across, y * down)
                    }
                })
                .collect();
            ColorImage::new([columns.max(1), rows.max(1)], pixels)
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
