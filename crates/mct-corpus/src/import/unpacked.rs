//! A packed `.npz` unpacked into a temporary file, so that the memory does not have to hold its arrays.

use std::fs::File;
use std::io::{BufWriter, Cursor, Read as _};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Packed entries of fewer bytes altogether are unpacked in memory.
const LARGE: u64 = 64 << 20;

/// The archive with all of its entries stored, in a file without a name in `folder`; `None` where `bytes` are
/// no large packed archive, would unpack to more than `most` bytes or are damaged, which reading the
/// archive itself says better, or where there is no room.
pub(super) fn stored(bytes: &[u8], most: u64, folder: &Path) -> Option<File> {
    let mut packed = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut total = 0_u64;
    for index in 0..packed.len() {
        let entry = packed.by_index_raw(index).ok()?;
        if entry.compression() == CompressionMethod::Deflated {
            total = total.saturating_add(entry.size());
        }
    }
    let overlaps = packed.has_duplicate_names() || packed.has_overlapping_entries().ok()?;
    if overlaps || !(LARGE..=most).contains(&total) {
        return None;
    }
    let file = tempfile::tempfile_in(folder).ok()?;
    let mut writer = ZipWriter::new(BufWriter::new(file));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(true);
    for index in 0..packed.len() {
        let entry = packed.by_index(index).ok()?;
        let (name, size) = (entry.name().ok()?.into_owned(), entry.size());
        writer.start_file(name, options).ok()?;
        // One byte more, so that an entry that is larger than it claims is noticed.
        let copied = std::io::copy(&mut entry.take(size.saturating_add(1)), &mut writer).ok()?;
        if copied != size {
            return None;
        }
    }
    writer.finish().ok()?.into_inner().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// An archive with a small entry, and a large one of this many zeros.
    fn packed(zeros: u64) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, mut data) in [
            ("small.npy", Box::new(&b"abc"[..]) as Box<dyn std::io::Read>),
            ("large.npy", Box::new(std::io::repeat(0).take(zeros))),
        ] {
            writer.start_file(name, options).expect("an entry");
            std::io::copy(&mut data, &mut writer).expect("its bytes");
        }
        writer.flush().expect("in memory");
        writer.finish().expect("an archive").into_inner()
    }

    #[test]
    fn a_large_archive_is_the_same_when_stored() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = packed(LARGE);
        let file = stored(&bytes, u64::MAX, folder.path()).expect("a file");
        let mut plain = ZipArchive::new(file).expect("an archive");
        assert_eq!(plain.len(), 2);
        let mut text = String::new();
        let mut small = plain.by_name("small.npy").expect("an entry");
        small.read_to_string(&mut text).expect("text");
        assert_eq!(
            (text.as_str(), small.compression()),
            ("abc", CompressionMethod::Stored)
        );
        drop(small);
        let large = plain.by_name("large.npy").expect("an entry");
        assert_eq!((large.size(), large.compressed_size()), (LARGE, LARGE));
    }

    #[test]
    fn what_is_small_too_large_or_damaged_is_left_to_the_reader() {
        let folder = tempfile::tempdir().expect("a folder");
        let is_left = |bytes: &[u8], most| stored(bytes, most, folder.path()).is_none();
        assert!(is_left(b"no archive", u64::MAX));
        assert!(is_left(&packed(1000), u64::MAX));
        let large = packed(LARGE);
        assert!(is_left(&large, LARGE));
        let mut damaged = large.clone();
        // Within the packed zeros.
        damaged[30_000] ^= 0x10;
        assert!(is_left(&damaged, u64::MAX));
        assert!(is_left(&large[..large.len() / 2], u64::MAX));
    }
}
