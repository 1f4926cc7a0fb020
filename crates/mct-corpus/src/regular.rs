//! Regular files alone: what a device, a pipe or a link of the same name leads to is nobody's to read whole or
//! to write to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// Opens a file to read and write, and makes it where there is none.
///
/// # Errors
/// When there is a link, or something at `path` that is no regular file, and when it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    own(path, OpenOptions::new().truncate(false).write(true))
}

/// Opens a file to write at its end, wherever that is by then, and makes it where there is none.
///
/// # Errors
/// As [`open`].
pub fn append(path: &Path) -> io::Result<File> {
    own(path, OpenOptions::new().append(true))
}

fn own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // In words; whoever makes a link between this and opening meets the flags.
    if std::fs::symlink_metadata(path).is_ok_and(|kind| kind.is_symlink()) {
        return Err(io::Error::other("is a link, expected a file of its own"));
    }
    options.create(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    require(options.open(path)?)
}

fn open_to_read(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A pipe would be waited for.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    require(options.open(path)?)
}

/// The first `count` bytes of a file, or all of a shorter one, and its length.
///
/// # Errors
/// When it is no regular file, or cannot be read.
pub fn head(path: &Path, count: u64) -> io::Result<(Vec<u8>, u64)> {
    let file = open_to_read(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(count).read_to_end(&mut head)?;
    Ok((head, length))
}

/// The bytes of a file of at most `most` bytes.
///
/// # Errors
/// When it is no regular file, larger, or cannot be read.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_to_read(path)?;
    let length = file.metadata()?.len();
    if length > most {
        let text = format!("{length} bytes, expected {most} or fewer");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // Not more than there was, if it grows meanwhile.
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`read`], of a text of a person: 64 MiB at most.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(path, 64 << 20)
}

/// As [`read_text`], of settings, which take a hundred times their length once they are read: 1 MiB at most.
///
/// # Errors
/// As [`read_text`].
pub fn read_settings(path: &Path) -> io::Result<String> {
    text(path, 1 << 20)
}

fn text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error().to_string()))
}

fn require(file: File) -> io::Result<File> {
    let kind = file.metadata()?;
    if kind.is_file() {
        return Ok(file);
    }
    let found = if kind.is_dir() {
        "a folder"
    } else {
        "a device or a pipe"
    };
    Err(io::Error::other(format!("found {found}, expected a file")))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_and_nothing_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status();
        assert!(made.expect("mkfifo").success());
        std::fs::write(path("mine"), b"mine").expect("a file");
        std::os::unix::fs::symlink(path("mine"), path("link")).expect("a link");
        let said = |error: io::Error| error.to_string();
        for name in ["pipe", ""] {
            assert!(said(read(&path(name), 10).expect_err(name)).contains("expected a file"));
        }
        assert!(said(read(Path::new("/dev/zero"), 10).expect_err("a device")).contains("device"));
        assert!(open(&path("pipe")).is_err());
        assert!(said(open(&path("link")).expect_err("a link")).contains("is a link"));
        assert!(said(read(&path("mine"), 3).expect_err("large")).contains("4 bytes"));
        assert_eq!(head(&path("mine"), 2).expect("a file"), (b"mi".to_vec(), 4));
        assert!(head(&path("pipe"), 2).is_err());
        assert_eq!(read(&path("link"), 4).expect("a file"), b"mine");
        assert_eq!(read_text(&path("mine")).expect("a text"), "mine");
        std::fs::write(path("long"), vec![b'a'; (1 << 20) + 1]).expect("a file");
        assert!(read_text(&path("long")).is_ok());
        assert!(said(read_settings(&path("long")).expect_err("long")).contains("1048576 or fewer"));
        open(&path("new")).expect("a new file");
        assert_eq!(std::fs::read(path("mine")).expect("a file"), b"mine");
    }
}
