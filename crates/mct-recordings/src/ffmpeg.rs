//! Sound out of what only ffmpeg can read, by the program as a child process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::audio::{Waveform, whole};
use crate::error::RecordingError;

/// The program `ffmpeg`.
#[derive(Debug, Clone)]
pub struct Ffmpeg(PathBuf);

impl Default for Ffmpeg {
    /// The one on the PATH.
    fn default() -> Self {
        Self("ffmpeg".into())
    }
}

impl Ffmpeg {
    /// The sound of any file that ffmpeg can read, resampled by it; channels are averaged.
    ///
    /// # Errors
    /// When there is no ffmpeg, it fails, or the file has no audio.
    pub fn sound(&self, path: &Path, rate_hz: u32) -> Result<Waveform, RecordingError> {
        // `file:` so that a name is never taken for an option or an address.
        let mut input = std::ffi::OsString::from("file:");
        input.push(path);
        let output = Command::new(&self.0)
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(input)
            .args(["-map", "0:a:0", "-ac", "1", "-f", "f32le", "-ar"])
            .arg(rate_hz.to_string())
            .arg("-")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => RecordingError::NoFfmpeg(error.to_string()),
                _ => RecordingError::Io(error),
            })?;
        let complaints = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && output.stdout.is_empty() {
            if complaints.contains("matches no streams") {
                return Err(RecordingError::NoAudio);
            }
            // The last line says what stopped it.
            let last = complaints.lines().last().unwrap_or("ffmpeg failed");
            return Err(RecordingError::Undecodable(last.to_owned()));
        }
        let samples = output.stdout.as_chunks::<4>().0.iter();
        whole(Waveform {
            samples: samples.map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            rate_hz,
            damaged: complaints.lines().count(),
        })
    }
}
