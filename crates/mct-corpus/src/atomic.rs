//! Files that are written completely or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::error::{CorpusError, Result};

/// Writes `bytes` to a sibling file and renames it over `path`, so that a full disk or a killed
/// process leaves either the old file or the new one.
///
/// # Errors
/// When the folder does not exist, cannot be written or is full; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let source = path.display().to_string();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".partial-");
    // As `File::create` would, instead of a temporary file's owner-only bits.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder
        .tempfile_in(folder)
        .map_err(CorpusError::io(&source))?;
    file.write_all(bytes).map_err(CorpusError::io(&source))?;
    file.as_file()
        .sync_all()
        .map_err(CorpusError::io(&source))?;
    file.persist(path)
        .map_err(|error| CorpusError::io(source)(error.error))?;
    Ok(())
}
