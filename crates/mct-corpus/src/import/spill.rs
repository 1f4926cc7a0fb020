//! Feature values that are kept in a temporary file while a corpus is imported, so that the memory does
//! not have to hold them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::error::Finding;
use crate::mapped::Mapped;
use crate::modality::{Bytes, Modality, ModalityBuilder};

/// Bytes that are kept before they are written.
const BUFFER: usize = 1 << 20;

/// A file without a name, which vanishes with the process.
pub(super) struct Spill {
    file: File,
    length: usize,
}

fn unwritable(error: std::io::Error) -> Finding {
    Finding::new(
        "temporary file",
        error,
        "a folder with room for the features",
    )
}

impl Spill {
    /// # Errors
    /// When `folder` cannot be written.
    pub fn new(folder: &Path) -> Result<Self, Finding> {
        let file = tempfile::tempfile_in(folder).map_err(unwritable)?;
        Ok(Self { file, length: 0 })
    }

    /// Takes over what the builder has collected, once it is worth it.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write(&mut self, builder: &mut ModalityBuilder) -> Result<(), Finding> {
        if builder.buffered() >= BUFFER {
            self.drain(builder)?;
        }
        Ok(())
    }

    fn drain(&mut self, builder: &mut ModalityBuilder) -> Result<(), Finding> {
        let bytes = builder.drain();
        self.length += bytes.len();
        self.file.write_all(&bytes).map_err(unwritable)
    }

    /// The modality, over the mapped file.
    ///
    /// # Errors
    /// When the disk is full or the file cannot be mapped.
    pub fn build(mut self, mut builder: ModalityBuilder) -> Result<Modality, Finding> {
        self.drain(&mut builder)?;
        if self.length == 0 {
            return Ok(builder.build());
        }
        let mapped = Mapped::new(self.file).map_err(unwritable)?;
        Ok(builder.build_over(Bytes::Mapped(Arc::new(mapped))))
    }
}
