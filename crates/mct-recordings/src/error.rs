//! Why a recording gives nothing.

/// Why a recording gives nothing, without the name of its file, which the caller knows.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing that is known begins like this.
    #[error("is no audio file of a known format ({0})")]
    Unknown(String),
    #[error("has no audio")]
    NoAudio,
    #[error("cannot be decoded: {0}")]
    Undecodable(String),
    #[error("has no picture")]
    NoPicture,
    #[error("has audio without a single sample")]
    Empty,
    #[error("has samples that are no numbers")]
    NotFinite,
    #[error("cannot be resampled from {from} Hz: {cause}")]
    Rate { from: u32, cause: String },
    /// Silence shrinks to nothing: a small file can claim any length.
    #[error(
        "unfolds to more than {most} samples, more than a file of {bytes} bytes can be expected to hold"
    )]
    TooLong { bytes: u64, most: usize },
    /// By a signal, such as that of a machine out of memory: it may go well another time.
    #[error("ffmpeg was stopped")]
    Stopped,
    #[error("needs ffmpeg, which is not on the PATH ({0})")]
    NoFfmpeg(String),
}
