//! The program ffmpeg as a child process, and sound out of what only it can read.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};

use crate::audio::{Most, Waveform};
use crate::error::RecordingError;

/// The program `ffmpeg`.
#[derive(Debug, Clone)]
pub struct Ffmpeg(PathBuf);

/// How a run of it ended.
pub(crate) struct Ended<T, E> {
    /// What was made of its output.
    pub read: Result<T, E>,
    pub status: ExitStatus,
    /// What it wrote to its error output.
    pub complaints: String,
}

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
    /// When there is no ffmpeg, it fails or is stopped, or the file has no audio or too much of it.
    pub fn sound(&self, path: &Path) -> Result<Waveform, RecordingError> {
        let most = Most::of(std::fs::metadata(path).map_or(0, |file| file.len()));
        let output = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-"];
        let command = self.command(&[], path, &output);
        let Ended {
            read,
            status,
            complaints,
        } = Self::listen(command, |pipe| Waveform::of_pipe(pipe, most))?;
        if let Err(RecordingError::TooLong { .. }) = read {
            return read;
        }
        if complaints.contains("matches no streams") {
            return Err(RecordingError::NoAudio);
        }
        if status.code().is_none() {
            return Err(RecordingError::Stopped);
        }
        if !status.success() {
            // The last line says what stopped it.
            let last = complaints.lines().last().unwrap_or("ffmpeg was stopped");
            return Err(RecordingError::Undecodable(last.to_owned()));
        }
        let mut waveform = read?;
        waveform.damaged += complaints.lines().count();
        Ok(waveform)
    }

    /// Reads what the program writes; it ends where that fails, since nobody takes what it writes.
    ///
    /// # Errors
    /// When it does not start, or cannot be waited for.
    pub(crate) fn listen<T, E>(
        mut command: Command,
        read: impl FnOnce(ChildStdout) -> Result<T, E>,
    ) -> Result<Ended<T, E>, RecordingError> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Self::absent)?;
        let (Some(output), Some(mut complaints)) = (child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("its output is not piped").into());
        };
        // Read beside: a full pipe would stop ffmpeg.
        let listener = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What cannot be read of the complaints is not missed.
            let _ = complaints.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        // The pipe is closed then: a program that goes on writing ends.
        let read = read(output);
        Ok(Ended {
            read,
            status: child.wait()?,
            complaints: listener.join().unwrap_or_default(),
        })
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
