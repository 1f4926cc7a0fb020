//! Files of weights: on a disk, or in memory where there is none, as in a browser.

use std::io;
use std::path::Path;

/// # Errors
/// When there is no such file, or it cannot be read.
#[cfg(not(target_arch = "wasm32"))]
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    mct_corpus::regular::read(path, u64::MAX)
}

#[cfg(not(target_arch = "wasm32"))]
pub fn exists(path: &Path) -> bool {
    path.is_file()
}

#[cfg(target_arch = "wasm32")]
pub use memory::{exists, put, read};

#[cfg(target_arch = "wasm32")]
mod memory {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::{Path, io};

    thread_local! {
        static FILES: RefCell<BTreeMap<PathBuf, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    }

    /// Keeps a file.
    pub fn put(path: PathBuf, bytes: Vec<u8>) {
        FILES.with_borrow_mut(|files| files.insert(path, bytes));
    }

    /// # Errors
    /// When there is no such file.
    pub fn read(path: &Path) -> io::Result<Vec<u8>> {
        let found = FILES.with_borrow(|files| files.get(path).cloned());
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn exists(path: &Path) -> bool {
        FILES.with_borrow(|files| files.contains_key(path))
    }
}
