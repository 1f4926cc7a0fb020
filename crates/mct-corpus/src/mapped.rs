//! The bytes of files: small ones are copied, large ones mapped into memory.
//!
//! What another process writes into a mapped file is seen here, and a file that it makes shorter ends this
//! process where it reads behind the end. So only a file that memory should not hold twice is mapped, and
//! whoever works on it for long asks at times whether it is still the same ([`Mapped::is_unchanged`]).

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Deref;
use std::sync::Arc;
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
        })
    }

    /// Whether nobody has written to the file since it was opened. (A file that takes its place in its folder
    /// is another one.)
    pub fn is_unchanged(&self) -> bool {
        let now = self.file.metadata().ok().as_ref().map(Stamp::of);
        self.stamp.is_some() && now == self.stamp
    }
}

#[expect(
    unsafe_code,
    reason = "mapping is unsafe because another process may change the file; every read is bounds-checked, so what it writes gives wrong values, which `is_unchanged` finds, and what it cuts off ends the process"
)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and every access is bounds-checked (see the reason above).
    unsafe { Mmap::map(file) }
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
}
