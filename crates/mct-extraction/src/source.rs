//! Where the sound and the pictures of a recording are: in a file, or already in memory, as in a browser.

use std::io::{Cursor, ErrorKind};
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::sync::Arc;

#[cfg(not(target_arch = "wasm32"))]
use mct_recordings::tree::{Half, Pictures};
#[cfg(not(target_arch = "wasm32"))]
use mct_recordings::{Ffmpeg, pictures};
use mct_recordings::{Frame, RecordingError, Waveform};

/// The sound of a recording.
#[derive(Debug, Clone, Copy)]
pub enum Sound<'a> {
    #[cfg(not(target_arch = "wasm32"))]
    File(&'a Path),
    /// A file in memory.
    Memory {
        name: &'a str,
        bytes: &'a Arc<[u8]>,
        /// The same as another program has decoded it, for what our own readers cannot read.
        decoded: Option<&'a Waveform>,
    },
}

impl Sound<'_> {
    pub(crate) fn name(self) -> String {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Self::File(path) => path.display().to_string(),
            Self::Memory { name, .. } => name.to_owned(),
        }
    }
}

/// The pictures of a recording.
#[derive(Debug, Clone, Copy)]
pub enum Moving<'a> {
    #[cfg(not(target_arch = "wasm32"))]
    File(&'a Pictures),
    /// As another program has decoded them, [`FRAMES_HZ`](mct_recordings::FRAMES_HZ) a second.
    Memory { name: &'a str, frames: &'a [Frame] },
}

impl Moving<'_> {
    pub(crate) fn name(self) -> String {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Self::File(pictures) => pictures.path.display().to_string(),
            Self::Memory { name, .. } => name.to_owned(),
        }
    }

    /// The columns of a picture in which the speaker is; `None` for all.
    pub(crate) const fn columns(self, width: usize) -> Option<(usize, usize)> {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Self::File(pictures) => match pictures.half {
                Some(Half::Left) if width > 1 => Some((0, width / 2)),
                Some(Half::Right) if width > 1 => Some((width / 2, width)),
                _ => None,
            },
            Self::Memory { .. } => {
                let _ = width;
                None
            }
        }
    }
}

/// Why sound or pictures cannot be had.
#[derive(Debug)]
pub(crate) struct Failed {
    pub text: String,
    /// A program that is not there would have read it.
    pub needs_ffmpeg: bool,
    /// The machine failed, not the file.
    pub is_transient: bool,
}

impl Failed {
    pub(crate) fn of(error: &RecordingError) -> Self {
        Self {
            text: error.to_string(),
            needs_ffmpeg: matches!(error, RecordingError::NoFfmpeg(_)),
            is_transient: is_transient(error),
        }
    }
}

/// Whether the same file may be read another time.
fn is_transient(error: &RecordingError) -> bool {
    match error {
        RecordingError::Stopped => true,
        RecordingError::Io(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::InvalidData
        ),
        _ => false,
    }
}

/// Reads recordings: by our own readers, else by ffmpeg where there are child processes.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    #[cfg(not(target_arch = "wasm32"))]
    ffmpeg: Ffmpeg,
}

impl Reader {
    pub(crate) fn sound(&self, sound: Sound) -> Result<Waveform, Failed> {
        match sound {
            #[cfg(not(target_arch = "wasm32"))]
            Sound::File(path) => self.sound_of_file(path),
            Sound::Memory {
                name,
                bytes,
                decoded,
            } => {
                let ending = name.rsplit_once('.').map(|(_, ending)| ending);
                let own = Waveform::decode(Box::new(Cursor::new(bytes.clone())), ending);
                match (own, decoded) {
                    (Ok(own), _) => Ok(own),
                    (Err(_), Some(decoded)) => Ok(decoded.clone()),
                    (Err(error), None) => Err(Failed::of(&error)),
                }
            }
        }
    }

    pub(crate) fn pictures(
        &self,
        moving: Moving,
        mut take: impl FnMut(Frame),
    ) -> Result<(), Failed> {
        match moving {
            #[cfg(not(target_arch = "wasm32"))]
            Moving::File(source) => {
                let path = source.path.as_path();
                let read = match path.is_dir() {
                    true => pictures(path, take),
                    false => match std::fs::metadata(path) {
                        // A pipe would be waited for.
                        Ok(kind) if !kind.is_file() => Err(no_file()),
                        Ok(_) => self.ffmpeg.frames(path, source.seconds, take),
                        Err(error) => Err(error.into()),
                    },
                };
                read.map(drop).map_err(|error| Failed::of(&error))
            }
            Moving::Memory { frames: [], .. } => Err(Failed::of(&RecordingError::NoPicture)),
            Moving::Memory { frames, .. } => {
                frames.iter().cloned().for_each(&mut take);
                Ok(())
            }
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn sound_of_file(&self, path: &Path) -> Result<Waveform, Failed> {
        let error = match own(path) {
            Err(
                error @ (RecordingError::Unknown(_)
                | RecordingError::NoAudio
                | RecordingError::Undecodable(_)
                | RecordingError::Empty),
            ) => error,
            other => return other.map_err(|error| Failed::of(&error)),
        };
        match self.ffmpeg.sound(path) {
            Err(RecordingError::NoFfmpeg(_)) => Err(Failed {
                text: format!("{error}; ffmpeg, which may read it, is not on the PATH"),
                needs_ffmpeg: true,
                is_transient: false,
            }),
            Err(
                own @ (RecordingError::Stopped
                | RecordingError::TooLong { .. }
                | RecordingError::Io(_)),
            ) => Err(Failed::of(&own)),
            // Our own words are the clearer ones.
            Err(other) if !matches!(other, RecordingError::NoAudio) => Err(Failed::of(&error)),
            other => other.map_err(|error| Failed::of(&error)),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn no_file() -> RecordingError {
    std::io::Error::new(ErrorKind::InvalidInput, "no regular file").into()
}

#[cfg(not(target_arch = "wasm32"))]
fn own(path: &Path) -> Result<Waveform, RecordingError> {
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(no_file());
    }
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().into_owned());
    Waveform::decode(Box::new(file), ending.as_deref())
}
