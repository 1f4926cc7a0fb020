//! What is a recording, by its name, and a picture of one.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Pictures a second, as the paper takes them (section 5.2.3).
pub const FRAMES_HZ: f32 = 5.0;

const SOUNDS: [&str; 10] = [
    "wav", "flac", "mp3", "m4a", "aac", "ogg", "oga", "opus", "aif", "aiff",
];
const VIDEOS: [&str; 8] = ["mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg"];

/// The endings of names of recordings.
pub fn endings() -> impl Iterator<Item = &'static str> {
    SOUNDS.into_iter().chain(VIDEOS)
}

fn has(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| endings.iter().any(|one| ending == *one))
}

/// Whether a file has pictures that move, by its name.
pub fn is_video(path: &Path) -> bool {
    has(path, &VIDEOS)
}

/// Whether a file is a recording, by its name.
pub fn is_recording(path: &Path) -> bool {
    has(path, &SOUNDS) || is_video(path)
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub width: usize,
    pub height: usize,
    /// `[height, width, 3]`: red, green, blue.
    #[serde(with = "serde_bytes")]
    pub rgb: Vec<u8>,
}
