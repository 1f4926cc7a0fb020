//! The entries of a zip archive, as far as `.npz` files need them: stored entries are borrowed from the
//! file, deflated ones are unpacked up to the size that the directory claims.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{Cursor, Read as _};

use flate2::Crc;
use zip::{CompressionMethod, ZipArchive};

use crate::error::Finding;

pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    /// Reading an entry moves the cursor.
    zip: RefCell<ZipArchive<Cursor<&'a [u8]>>>,
    /// Bytes that may be unpacked, and those that were.
    most: u64,
    unpacked: Cell<u64>,
}

impl<'a> Archive<'a> {
    /// No more than `most` bytes are unpacked from it.
    ///
    /// # Errors
    /// When the directory is absent or broken, names an entry twice, or entries share bytes, by which a
    /// small file could unpack to any size.
    pub fn open(bytes: &'a [u8], most: u64) -> Result<Self, Finding> {
        let expected = "a complete .npz file";
        let wrong = |found: &str| Finding::new("file", found, expected);
        let mut zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|_| wrong("no zip directory, or a broken one"))?;
        if zip.has_duplicate_names() {
            return Err(wrong("two entries of one name"));
        }
        match zip.has_overlapping_entries() {
            Ok(false) => {}
            Ok(true) => return Err(wrong("entries that share bytes")),
            Err(_) => return Err(wrong("an entry that does not lie in the file")),
        }
        Ok(Self {
            bytes,
            zip: RefCell::new(zip),
            most,
            unpacked: Cell::new(0),
        })
    }

    /// Charges `bytes` that are made of an entry to what may be unpacked.
    ///
    /// # Errors
    /// When that is more than is allowed.
    pub fn charge(&self, name: &str, bytes: u64) -> Result<(), Finding> {
        let unpacked = self.unpacked.get().saturating_add(bytes);
        if unpacked > self.most {
            let length = self.bytes.len();
            let found = format!("{unpacked} bytes, unpacked, in a file of {length}");
            let expected = format!("{} or fewer (--max-unpacked allows more)", self.most);
            return Err(Finding::new(name, found, expected));
        }
        self.unpacked.set(unpacked);
        Ok(())
    }

    pub fn names(&self) -> Vec<String> {
        let zip = self.zip.borrow();
        let names = zip.file_names().filter_map(Result::ok);
        names.map(Cow::into_owned).collect()
    }

    /// Size of the unpacked entry in bytes, as the directory claims.
    pub fn size(&self, name: &str) -> Option<u64> {
        let zip = self.zip.borrow();
        let entry = zip.by_index_data(zip.index_for_name(name)?).ok()?;
        Some(entry.size())
    }

    /// The first `limit` bytes of the entry `name`, or all of it, with its checksum compared.
    ///
    /// # Errors
    /// When there is no such entry, it is encrypted, packed in a way that numpy does not use, or damaged, or
    /// when more would be unpacked than is allowed.
    pub fn unpack(&self, name: &str, limit: u64) -> Result<Cow<'a, [u8]>, Finding> {
        let wrong = |found: &str, expected: &str| Finding::new(name, found, expected);
        let broken = || wrong("a broken entry", "one that lies in the file");
        let mut zip = self.zip.borrow_mut();
        let index = zip.index_for_name(name);
        let index = index.ok_or_else(|| wrong("no such entry", "an entry of this name"))?;
        let entry = zip.by_index_raw(index).map_err(|_| broken())?;
        let (size, method, checksum) = (entry.size(), entry.compression(), entry.crc32());
        if entry.encrypted() {
            return Err(wrong("an encrypted entry", "one that is not encrypted"));
        }
        let wanted = size.min(limit);
        let start = entry.data_start();
        drop(entry);
        let data = match method {
            CompressionMethod::Stored => {
                let stored = start.and_then(|start| {
                    let rest = self.bytes.get(usize::try_from(start).ok()?..)?;
                    rest.get(..usize::try_from(wanted).ok()?)
                });
                Cow::Borrowed(stored.ok_or_else(broken)?)
            }
            CompressionMethod::Deflated => {
                self.charge(name, wanted)?;
                let mut data = Vec::new();
                let entry = zip.by_index(index).map_err(|_| broken())?;
                let mut unpacked = entry.take(wanted);
                unpacked
                    .read_to_end(&mut data)
                    .map_err(|error| Finding::new(name, error, "deflated bytes"))?;
                Cow::Owned(data)
            }
            method => {
                let found = format!("packed by {method}");
                return Err(wrong(&found, "stored or deflated (numpy's savez)"));
            }
        };
        if data.len() as u64 != wanted {
            let found = format!("{} bytes", data.len());
            return Err(wrong(&found, &format!("{wanted}, as the directory says")));
        }
        if wanted == size {
            let mut crc = Crc::new();
            crc.update(&data);
            if crc.sum() != checksum {
                return Err(wrong("another checksum", "that of the directory"));
            }
        }
        Ok(data)
    }
}
