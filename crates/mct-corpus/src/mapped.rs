//! Files mapped into memory.

use std::fs::File;

use memmap2::Mmap;

/// Maps `file` for reading. It must not be empty.
///
/// # Errors
/// When the system refuses.
#[expect(
    unsafe_code,
    reason = "mapping is unsafe because another process may change the file; every read is bounds-checked, so the worst is wrong values, never wrong memory"
)]
pub(crate) fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and every access is bounds-checked (see the reason above).
    unsafe { Mmap::map(file) }
}
