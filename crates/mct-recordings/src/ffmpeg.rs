//! The program ffmpeg as a child process, and sound out of what only it can read.

use std::ffi::OsString;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::audio::Waveform;
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
    /// The sound of any file that ffmpeg can read. It only decodes: channels are averaged and resampled as
    /// those of all files are.
    ///
    /// # Errors
    /// When there is no ffmpeg, it fails or is stopped, or the file has no audio.
    pub fn sound(&self, path: &Path) -> Result<Waveform, RecordingError> {
        let output = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-"];
        let output = self.command(&[], path, &output).output();
        let output = output.map_err(Self::absent)?;
        let complaints = String::from_utf8_lossy(&output.stderr);
        if output.status.code().is_none() {
            return Err(RecordingError::Stopped);
        }
        if !output.status.success() {
            if complaints.contains("matches no streams") {
                return Err(RecordingError::NoAudio);
            }
            // The last line says what stopped it.
            let last = complaints.lines().last().unwrap_or("ffmpeg was stopped");
            return Err(RecordingError::Undecodable(last.to_owned()));
        }
        let mut waveform = Waveform::decode(Box::new(Cursor::new(output.stdout)), Some("wav"))?;
        waveform.damaged += complaints.lines().count();
        Ok(waveform)
    }

    /// The program with what is said of the input, the input, and what is said of the output.
    pub(crate) fn command(&self, options: &[OsString], path: &Path, output: &[&str]) -> Command {
        // `file:` so that a name is never taken for an option or an address.
        let mut input = OsString::from("file:");
        input.push(path);
        let mut command = Command::new(&self.0);
        command
            .args(["-nostdin", "-v", "error"])
            .args(options)
            .arg("-i")
            .arg(input)
            .args(output)
            .stdin(Stdio::null());
        // Ctrl-C is for us: ffmpeg would end early, as if the recording did.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    /// What it means that the program did not start.
    pub(crate) fn absent(error: std::io::Error) -> RecordingError {
        match error.kind() {
            std::io::ErrorKind::NotFound => RecordingError::NoFfmpeg(error.to_string()),
            _ => RecordingError::Io(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_ffmpeg_wrote_before_it_was_stopped_is_no_sound() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ffmpeg");
        std::fs::write(&program, "#!/bin/sh\nhead -c 64000 /dev/zero\nexit 255\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = Ffmpeg(program).sound(Path::new("a.avi")).unwrap_err();
        assert!(error.to_string().contains("ffmpeg was stopped"), "{error}");
    }
}
