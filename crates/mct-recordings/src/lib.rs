//! Recordings as people keep them: audio files of many formats as samples, videos as pictures, and the trees
//! of corpora as lists of recordings.

mod audio;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod ffmpeg;
mod frame;
#[cfg(not(target_arch = "wasm32"))]
mod frames;
#[cfg(not(target_arch = "wasm32"))]
pub mod tree;

pub use audio::Waveform;
pub use error::RecordingError;
#[cfg(not(target_arch = "wasm32"))]
pub use ffmpeg::Ffmpeg;
pub use frame::{FRAMES_HZ, Frame, endings, is_recording, is_video};
#[cfg(not(target_arch = "wasm32"))]
pub use frames::{in_folder, pictures};
