//! The bytes of files: small ones are copied, large ones mapped into memory.
//!
//! What another process writes into a mapped file is seen here, and touching what it has cut off ends this
//! process. So only a file that memory should not hold is mapped, its values are read from the file and not
//! from the map ([`Mapped::read`]), and whoever works on it for long asks at times whether it is still the
//! same ([`Mapped::is_unchanged`]).

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use memmap2::Mmap;

use crate::modality::Bytes;

/// Files up to this length are copied.
const COPIED: u64 = 512 << 20;

/// A file that is mapped into memory.
pub(crate) struct Mapped {
    map: Mmap,
    file: File,
    stamp: Option<Stamp>,
    /// Whether a part of it could not be read.
    is_damaged: AtomicBool,
}

/// What changes with a file's contents.
#[derive(Clone, Copy, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

impl Deref for Mapped {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl Mapped {
    /// Maps `file` for reading. It must not be empty.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(file: File) -> std::io::Result<Self> {
        let stamp = file.metadata().ok().as_ref().map(Stamp::of);
        Ok(Self {
            map: map(&file)?,
            file,
            stamp,
            is_damaged: AtomicBool::new(false),
        })
    }

    /// The bytes of `range`; zeros where the file does not give them any more, which
    /// [`is_unchanged`](Self::is_unchanged) says then.
    pub fn read(&self, range: Range<usize>) -> Vec<u8> {
        let mut bytes = vec![0; range.len()];
        if read_at(&self.file, &mut bytes, range.start as u64).is_err() {
            self.is_damaged.store(true, Ordering::SeqCst);
            bytes.fill(0);
        }
        bytes
    }

    /// Whether nobody has written to the file since it was opened, and all of it could be read. (A file that
    /// takes its place in its folder is another one.)
    pub fn is_unchanged(&self) -> bool {
        let now = self.file.metadata().ok().as_ref().map(Stamp::of);
        self.stamp.is_some() && now == self.stamp && !self.is_damaged.load(Ordering::SeqCst)
    }
}

#[expect(
    unsafe_code,
    reason = "mapping is unsafe because another process may change the file: the map is read while it is opened, and where a copy of the whole is written"
)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only. Texts are copied before they are checked, and every other value is checked
    // after it was read; what is left is the file's header, which safetensors parses where it is: whoever
    // writes to it in that moment gives a corpus that is refused or has other names.
    unsafe { Mmap::map(file) }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], start: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => {
                bytes = &mut bytes[count..];
                start += count as u64;
            }
        }
    }
    Ok(())
}

/// The bytes of `file`, from its start. It must not be empty.
///
/// # Errors
/// When it cannot be read or mapped.
pub(crate) fn bytes(file: File) -> std::io::Result<Bytes> {
    bytes_up_to(file, COPIED)
}

fn bytes_up_to(mut file: File, copied: u64) -> std::io::Result<Bytes> {
    let length = file.metadata()?.len();
    if length > copied {
        return Ok(Bytes::Mapped(Arc::new(Mapped::new(file)?)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.seek(SeekFrom::Start(0))?;
    // A file that grows meanwhile has the length that it had.
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_small_file_is_copied_and_a_large_one_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"what it was").unwrap();
        let open = || File::open(&path).unwrap();
        let (copied, mapped) = (bytes(open()).unwrap(), bytes_up_to(open(), 3).unwrap());
        assert_eq!(&copied[..], b"what it was");
        assert_eq!(&mapped[..], b"what it was");
        assert!(copied.is_unchanged() && mapped.is_unchanged());
        // Another file in its place is no change of this one.
        let other = folder.path().join("other");
        std::fs::write(&other, b"else").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(mapped.is_unchanged());
        assert_eq!(&mapped[..], b"what it was");

        let mapped = bytes_up_to(open(), 3).unwrap();
        let mut written = File::options().append(true).open(&path).unwrap();
        written.write_all(b" and more").unwrap();
        assert!(!mapped.is_unchanged());
        assert_eq!(&copied[..], b"what it was");
        assert!(copied.is_unchanged());
    }

    #[test]
    fn what_is_cut_off_is_zero_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [7; 10_000]).unwrap();
        let mapped = bytes_up_to(File::open(&path).unwrap(), 3).unwrap();
        assert_eq!(&mapped.part(9_000..9_002)[..], [7, 7]);
        assert!(mapped.is_unchanged());
        let cut = File::options().write(true).open(&path).unwrap();
        cut.set_len(5_000).unwrap();
        assert_eq!(&mapped.part(9_000..9_002)[..], [0, 0]);
        assert_eq!(&mapped.part(4_999..5_001)[..], [0, 0]);
        assert_eq!(&mapped.part(4_998..5_000)[..], [7, 7]);
        assert!(!mapped.is_unchanged());
        // As long as it was again, it is still not what it was.
        cut.set_len(10_000).unwrap();
        assert!(!mapped.is_unchanged());
    }
}
