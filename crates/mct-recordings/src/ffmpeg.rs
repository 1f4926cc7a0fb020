//! The program ffmpeg as a child process, and sound out of what only it can read.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use crate::audio::{Most, Waveform};
use crate::error::RecordingError;

/// The program `ffmpeg`.
#[derive(Debug, Clone)]
pub struct Ffmpeg(PathBuf);

/// Why the output of a program is not read to its end.
pub(crate) enum Unread {
    /// It is nothing that is wanted, whatever the program says.
    Refused(RecordingError),
    /// It ends early: the program knows better why.
    Ended(RecordingError),
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
        let (mut waveform, complaints) = Self::listen(command, RecordingError::NoAudio, |pipe| {
            Waveform::of_pipe(pipe, most).map_err(|error| match error {
                RecordingError::TooLong { .. } | RecordingError::Io(_) => Unread::Refused(error),
                other => Unread::Ended(other),
            })
        })?;
        waveform.damaged += complaints.lines().count();
        Ok(waveform)
    }

    /// Reads what the program writes, which ends where nobody takes it any more: what was made of it, and what the
    /// program complained of.
    ///
    /// # Errors
    /// When it does not start, fails or is stopped, when its output is refused, and `nothing` when the file has not
    /// what it is asked for.
    pub(crate) fn listen<T>(
        mut command: Command,
        nothing: RecordingError,
        read: impl FnOnce(ChildStdout) -> Result<T, Unread>,
    ) -> Result<(T, String), RecordingError> {
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
        let read = read(output);
        let status = child.wait()?;
        let complaints = listener.join().unwrap_or_default();
        if complaints.contains("matches no streams") {
            return Err(nothing);
        }
        if let Err(Unread::Refused(error)) = read {
            return Err(error);
        }
        if status.code().is_none() {
            return Err(RecordingError::Stopped);
        }
        if !status.success() {
            // The last line says what stopped it.
            let last = complaints.lines().last().unwrap_or("ffmpeg was stopped");
            return Err(RecordingError::Undecodable(last.to_owned()));
        }
        match read {
            Ok(read) => Ok((read, complaints)),
            Err(Unread::Refused(error) | Unread::Ended(error)) => Err(error),
        }
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
            std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
                RecordingError::NoFfmpeg(error.to_string())
            }
            _ => RecordingError::Io(error),
        }
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// An ffmpeg that does what a script says.
    fn scripted(folder: &Path, script: &str) -> Ffmpeg {
        let program = folder.join("ffmpeg");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Ffmpeg(program)
    }

    #[test]
    fn what_ffmpeg_wrote_before_it_was_stopped_is_no_sound() {
        let folder = tempfile::tempdir().unwrap();
        let ffmpeg = scripted(folder.path(), "head -c 64000 /dev/zero\nexit 255");
        let error = ffmpeg.sound(Path::new("a.avi")).unwrap_err();
        assert!(error.to_string().contains("ffmpeg was stopped"), "{error}");
    }

    #[test]
    fn a_picture_that_is_refused_is_named_and_one_that_is_cut_off_may_go_well_another_time() {
        let folder = tempfile::tempdir().unwrap();
        let frames = |script: &str| {
            let ffmpeg = scripted(folder.path(), script);
            ffmpeg.frames(Path::new("a.avi"), None, drop).unwrap_err()
        };
        let large = "printf 'P6\\n99999 99999\\n255\\n'; echo 'Broken pipe' >&2; exit 1";
        let error = frames(large).to_string();
        assert!(error.contains("a picture of 99999 x 99999"), "{error}");
        let killed = frames("printf 'P6\\n2 2\\n255\\nabc'; kill -9 $$");
        assert!(matches!(killed, RecordingError::Stopped), "{killed}");
        let cut = frames("printf 'P6\\n2 2\\n255\\nabc'").to_string();
        assert!(cut.contains("ends within a picture"), "{cut}");
        let header = frames("printf 'P6\\n'").to_string();
        assert!(header.contains("ends within a header"), "{header}");
    }
}
