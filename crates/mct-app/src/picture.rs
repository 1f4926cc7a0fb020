//! Screenshots of the window.

use eframe::egui::ColorImage;

/// The image as a PNG file.
///
/// # Errors
/// When the image cannot be encoded, say because it has no pixels.
pub fn png(image: &ColorImage) -> Result<Vec<u8>, String> {
    let [width, height] = image.size;
    let pixels: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|pixel| pixel.to_array())
        .collect();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        &pixels,
        width as u32,
        height as u32,
        image::ExtendedColorType::Rgba8,
        image::ImageFormat::Png,
    )
    .map_err(|error| format!("picture of the window: {error}"))?;
    Ok(bytes.into_inner())
}
