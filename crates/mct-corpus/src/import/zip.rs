//! Reads the entries of a zip archive, as far as `.npz` files need it.
//!
//! The zip crate that npyz builds on (0.6) panics on some broken archives, allocates by the number
//! of entries that a file claims, and brings C libraries along for methods that numpy never uses.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read as _;

use crate::error::Finding;

/// Entries that claim to be larger than this (16 GiB) are refused.
const LARGEST: u64 = 1 << 34;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: HashMap<String, Entry>,
}

struct Entry {
    method: u16,
    encrypted: bool,
    checksum: u32,
    packed: u64,
    unpacked: u64,
    /// Where its local header starts.
    header: u64,
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, Finding> {
        let entries = directory(bytes).ok_or_else(|| {
            let found = "no zip directory, or a broken one";
            Finding::new("file", found, "a complete .npz file")
        })?;
        Ok(Self { bytes, entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Size of the unpacked entry, as the directory claims.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.unpacked)
    }

    /// The first `limit` bytes of the entry `name`, or all of it, whose checksum is compared then.
    pub fn unpack(&self, name: &str, limit: u64) -> Result<Cow<'a, [u8]>, Finding> {
        let wrong = |found: &str, expected: &str| Finding::new(name, found, expected);
        let entry = self.entries.get(name);
        let entry = entry.ok_or_else(|| wrong("no such entry", "an entry of this name"))?;
        if entry.encrypted {
            return Err(wrong("an encrypted entry", "one that is not encrypted"));
        }
        if entry.unpacked > LARGEST {
            let found = format!("{} bytes", entry.unpacked);
            return Err(wrong(&found, "16 GiB or less"));
        }
        let packed = self.packed(entry);
        let packed = packed.ok_or_else(|| wrong("a broken entry", "one that lies in the file"))?;
        let wanted = entry.unpacked.min(limit);
        let data = match entry.method {
            STORED => {
                let end = usize::try_from(wanted)
                    .unwrap_or(usize::MAX)
                    .min(packed.len());
                Cow::Borrowed(&packed[..end])
            }
            DEFLATED => {
                let mut data = Vec::new();
                flate2::read::DeflateDecoder::new(packed)
                    .take(wanted)
                    .read_to_end(&mut data)
                    .map_err(|error| Finding::new(name, error, "deflated bytes"))?;
                Cow::Owned(data)
            }
            method => {
                let found = format!("packed by method {method}");
                return Err(wrong(&found, "stored or deflated (numpy's savez)"));
            }
        };
        if data.len() as u64 != wanted {
            let found = format!("{} bytes", data.len());
            return Err(wrong(&found, &format!("{wanted}, as the directory says")));
        }
        if wanted == entry.unpacked {
            let mut checksum = flate2::Crc::new();
            checksum.update(&data);
            if checksum.sum() != entry.checksum {
                return Err(wrong("another checksum", "that of the directory"));
            }
        }
        Ok(data)
    }

    fn packed(&self, entry: &Entry) -> Option<&'a [u8]> {
        let header = self.bytes.get(usize::try_from(entry.header).ok()?..)?;
        if u32_at(header, 0)? != 0x0403_4B50 {
            return None;
        }
        let start = 30 + usize::from(u16_at(header, 26)?) + usize::from(u16_at(header, 28)?);
        header
            .get(start..)?
            .get(..usize::try_from(entry.packed).ok()?)
    }
}

/// The entries by name.
fn directory(bytes: &[u8]) -> Option<HashMap<String, Entry>> {
    let (count, start) = directory_place(bytes)?;
    let mut rest = bytes.get(usize::try_from(start).ok()?..)?;
    let mut entries = HashMap::new();
    for _ in 0..count {
        if u32_at(rest, 0)? != 0x0201_4B50 {
            return None;
        }
        let name_end = 46 + usize::from(u16_at(rest, 28)?);
        let extra_end = name_end + usize::from(u16_at(rest, 30)?);
        let end = extra_end + usize::from(u16_at(rest, 32)?);
        let name = String::from_utf8_lossy(rest.get(46..name_end)?).into_owned();
        let mut wide = wide_sizes(rest.get(name_end..extra_end)?);
        // A size that does not fit into 32 bits stands in the extra field, in this order.
        let mut size_at = |at| match u32_at(rest, at)? {
            u32::MAX => wide.next(),
            size => Some(u64::from(size)),
        };
        let unpacked = size_at(24)?;
        let packed = size_at(20)?;
        let header = size_at(42)?;
        let entry = Entry {
            method: u16_at(rest, 10)?,
            encrypted: u16_at(rest, 8)? & 1 == 1,
            checksum: u32_at(rest, 16)?,
            packed,
            unpacked,
            header,
        };
        entries.insert(name, entry);
        rest = rest.get(end..)?;
    }
    Some(entries)
}

/// How many entries the directory has, and where it starts.
fn directory_place(bytes: &[u8]) -> Option<(u64, u64)> {
    // The end record is 22 bytes and a comment of up to 65535.
    let last = bytes.len().checked_sub(22)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let end = (first..=last)
        .rev()
        .find(|at| u32_at(bytes, *at) == Some(0x0605_4B50))?;
    let record = bytes.get(end..)?;
    let (count, start) = (u16_at(record, 10)?, u32_at(record, 16)?);
    if count != u16::MAX && start != u32::MAX {
        return Some((count.into(), start.into()));
    }
    let locator = bytes.get(end.checked_sub(20)?..)?;
    if u32_at(locator, 0)? != 0x0706_4B50 {
        return None;
    }
    let record = bytes.get(usize::try_from(u64_at(locator, 8)?).ok()?..)?;
    if u32_at(record, 0)? != 0x0606_4B50 {
        return None;
    }
    Some((u64_at(record, 32)?, u64_at(record, 48)?))
}

/// The 64-bit sizes in an entry's extra field.
fn wide_sizes(extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = extra;
    let mut field: &[u8] = &[];
    while let (Some(kind), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let end = 4 + usize::from(length);
        if kind == 1 {
            field = rest.get(4..end).unwrap_or_default();
            break;
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    field
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
