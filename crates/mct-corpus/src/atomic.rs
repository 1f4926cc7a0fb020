//! Files that are written completely or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{CorpusError, Result};

/// Links that are followed one after the other, at most.
const MOST_LINKS: usize = 40;

/// Writes `bytes` to a sibling file and renames it over `path`, so that a full disk or a killed
/// process leaves either the old file or the new one. A link is followed to its target, and the old file's
/// permissions are kept.
///
/// # Errors
/// When the folder does not exist, cannot be written or is full, and when there is something at `path` that is
/// no regular file; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = |partial: &mut Partial| {
        partial.file.write_all(bytes)?;
        partial.file.as_file().sync_all()
    };
    let source = path.display().to_string();
    let written = Partial::beside(path).and_then(|mut partial| {
        write(&mut partial)?;
        partial.persist()
    });
    written.map_err(CorpusError::io(source))
}

/// As [`write`], with bytes that `fill` writes to the sibling file, or to one that it puts in its place.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let source = path.display().to_string();
    let partial = Partial::beside(path).map_err(CorpusError::io(&source))?;
    fill(partial.file.path())?;
    let filled = File::options()
        .read(true)
        .write(true)
        .open(partial.file.path());
    filled
        .and_then(|filled| filled.sync_all())
        .and_then(|()| partial.persist())
        .map_err(CorpusError::io(source))
}

/// A file that is to take the place of another.
struct Partial {
    file: NamedTempFile,
    target: PathBuf,
    permissions: Permissions,
}

impl Partial {
    fn beside(path: &Path) -> io::Result<Self> {
        let (target, before) = target(path)?;
        let folder = folder(&target);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".partial-");
        // As `File::create` would, instead of a temporary file's owner-only bits.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        let permissions = match before {
            Some(before) => before,
            None => file.as_file().metadata()?.permissions(),
        };
        Ok(Self {
            file,
            target,
            permissions,
        })
    }

    fn persist(self) -> io::Result<()> {
        // Whoever filled it may have put another file in its place. Where they are right already they are
        // left, since some file systems allow nobody to set any.
        if fs::metadata(self.file.path())?.permissions() != self.permissions {
            fs::set_permissions(self.file.path(), self.permissions)?;
        }
        let folder = folder(&self.target).to_owned();
        self.file
            .persist(self.target)
            .map_err(|error| error.error)?;
        sync(&folder)
    }
}

/// Makes what was named in a folder survive a power cut, which would bring the folder back as it was.
///
/// # Errors
/// When the disk fails.
pub fn sync(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot, and a folder may be one to write to alone.
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::Unsupported
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            return Err(error);
        }
        _ => {}
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The folder that a file is in.
pub fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The file that `path` stands for, and the permissions that it has if it is there.
fn target(path: &Path) -> io::Result<(PathBuf, Option<Permissions>)> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(kind) if kind.is_symlink() => {
                let next = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(next);
            }
            Ok(kind) if kind.is_file() => return Ok((path, Some(kind.permissions()))),
            Ok(kind) => {
                let what = match kind.is_dir() {
                    true => "there is a folder of this name, which is not replaced",
                    false => "there is a device or a pipe of this name, which is not replaced",
                };
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((path, None)),
            Err(error) => return Err(error),
        }
    }
    let what = "links that lead to each other";
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_leads_to_its_target_and_permissions_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("disk")).expect("a folder");
        fs::write(path("disk/file"), b"old").expect("a file");
        let mode = Permissions::from_mode(0o640);
        fs::set_permissions(path("disk/file"), mode).expect("permissions");
        symlink("disk/file", path("one")).expect("a link");
        symlink("one", path("two")).expect("a link");
        write(&path("two"), b"new").expect("written");
        assert_eq!(fs::read(path("disk/file")).expect("a file"), b"new");
        let kind = fs::metadata(path("disk/file")).expect("a file");
        assert_eq!(kind.permissions().mode() & 0o777, 0o640);
        assert_eq!(
            fs::read_link(path("two")).expect("a link"),
            Path::new("one")
        );
        // A link to nothing yet.
        symlink("disk/later", path("three")).expect("a link");
        write(&path("three"), b"new").expect("written");
        assert_eq!(fs::read(path("disk/later")).expect("a file"), b"new");
        assert_eq!(names(&path("disk")), ["file", "later"]);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("folder")).expect("a folder");
        let socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        symlink("socket", path("link")).expect("a link");
        symlink("a", path("b")).expect("a link");
        symlink("b", path("a")).expect("a link");
        let error = |name: &str| {
            write(&path(name), b"new")
                .expect_err("an error")
                .to_string()
        };
        assert!(error("folder").contains("there is a folder of this name"));
        assert!(error("socket").contains("a device or a pipe"));
        assert!(error("link").contains("a device or a pipe"));
        assert!(error("a").contains("links that lead to each other"));
        assert!(write(Path::new("/dev/null"), b"new").is_err());
        drop(socket);
        assert_eq!(names(folder.path()), ["a", "b", "folder", "link", "socket"]);
    }
}
