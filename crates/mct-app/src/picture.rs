//! Screenshots of the window.

use eframe::egui::ColorImage;

/// The image as a PNG file.
///
/// # Errors
/// When the image cannot be encoded, say because it has no pixels.
pub fn png(image: &ColorImage) -> Result<Vec<u8>, String> {
    let [width, height] = image.size.map(|side| side as u32);
    let pixels: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|pixel| pixel.to_array())
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .map_err(|error| format!("picture of the window: {error}"))?;
    Ok(bytes)
}
