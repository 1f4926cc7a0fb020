//! Files that are written completely or not at all.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{CorpusError, Result};

/// Writes `bytes` to a sibling file and renames it over `path`, so that a full disk or a killed
/// process leaves either the old file or the new one.
///
/// # Errors
/// When the folder does not exist, cannot be written or is full; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let source = path.display().to_string();
    let mut file = sibling(path).map_err(CorpusError::io(&source))?;
    file.write_all(bytes).map_err(CorpusError::io(&source))?;
    file.as_file()
        .sync_all()
        .map_err(CorpusError::io(&source))?;
    persist(file, path)
}

/// As [`write`], with bytes that `fill` writes to the sibling file, or to one that it puts in its place.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let source = path.display().to_string();
    let file = sibling(path).map_err(CorpusError::io(&source))?;
    let permissions = file.as_file().metadata().map(|kind| kind.permissions());
    fill(file.path())?;
    let filled = File::options().read(true).write(true).open(file.path());
    filled
        .and_then(|filled| {
            filled.set_permissions(permissions?)?;
            filled.sync_all()
        })
        .map_err(CorpusError::io(&source))?;
    persist(file, path)
}

fn sibling(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".partial-");
    // As `File::create` would, instead of a temporary file's owner-only bits.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    let persisted = file.persist(path);
    persisted
        .map(|_| ())
        .map_err(|error| CorpusError::io(path.display().to_string())(error.error))
}
