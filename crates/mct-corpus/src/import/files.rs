//! The files that a table names.

use std::collections::BTreeMap;

use crate::error::Finding;

/// Paths of the files of one modality, by their names.
pub type Listed = BTreeMap<String, String>;

/// Where the files are that a table names.
pub trait Files {
    /// The bytes of the file at `path`, as the table writes it or as [`Files::features`] gives it.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, Finding>;

    /// The files of `features/MODALITY/`, by modality.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn features(&self) -> Result<BTreeMap<String, Listed>, Finding>;
}

/// Files that were picked together with the table, by their names (or paths, where a folder was picked):
/// what a page has.
#[derive(Debug, Default)]
pub struct Picked<'a>(pub BTreeMap<&'a str, &'a [u8]>);

impl Files for Picked<'_> {
    /// The file of this path; else the one whose path ends like it, or that has its name.
    fn read(&self, path: &str) -> Result<Vec<u8>, Finding> {
        let path = path.replace('\\', "/");
        let path = path.trim_start_matches("./");
        let name = path.rsplit('/').next().unwrap_or(path);
        for end in [path, name] {
            let mut ending = self.0.iter().filter(|(picked, _)| {
                let before = picked.strip_suffix(end);
                before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
            });
            match (ending.next(), ending.next()) {
                (Some((_, bytes)), None) => return Ok(bytes.to_vec()),
                (Some((one, _)), Some((other, _))) => {
                    let found = format!("{one} and {other}");
                    return Err(Finding::new("file", found, "one picked file of this name"));
                }
                (None, _) => {}
            }
        }
        let expected = "this file, picked together with the table";
        Err(Finding::new("file", "not among the picked files", expected))
    }

    /// Those that were picked with their folders.
    fn features(&self) -> Result<BTreeMap<String, Listed>, Finding> {
        let mut modalities: BTreeMap<String, Listed> = BTreeMap::new();
        for path in self.0.keys() {
            let mut parts = path.rsplit('/');
            if let (Some(name), Some(modality)) = (parts.next(), parts.next()) {
                let listed = modalities.entry(modality.to_owned()).or_default();
                listed.insert(name.to_owned(), (*path).to_owned());
            }
        }
        Ok(modalities)
    }
}

/// Files in folders.
#[cfg(not(target_arch = "wasm32"))]
pub(super) struct Folder {
    /// The folder of the table.
    base: std::path::PathBuf,
    features: std::path::PathBuf,
}

#[cfg(not(target_arch = "wasm32"))]
impl Folder {
    pub fn beside(table: &std::path::Path, options: &super::Options) -> Self {
        let base = table
            .parent()
            .map_or_else(Default::default, ToOwned::to_owned);
        let features = options.features.clone();
        Self {
            features: features.unwrap_or_else(|| base.join("features")),
            base,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, Finding> {
        let unreadable = |error: std::io::Error| {
            Finding::new(
                "file",
                error,
                "a file (paths count from the table's folder)",
            )
        };
        let path = self.base.join(path);
        let kind = std::fs::metadata(&path).map_err(unreadable)?;
        if !kind.is_file() {
            return Err(Finding::new("file", "no regular file", "a file"));
        }
        std::fs::read(path).map_err(unreadable)
    }

    fn features(&self) -> Result<BTreeMap<String, Listed>, Finding> {
        let unreadable = |error: std::io::Error| {
            let field = self.features.display().to_string();
            Finding::new(field, error, "a folder for each modality")
        };
        let mut modalities = BTreeMap::new();
        if !self.features.is_dir() {
            return Ok(modalities);
        }
        for folder in std::fs::read_dir(&self.features).map_err(unreadable)? {
            let folder = folder.map_err(unreadable)?.path();
            if !folder.is_dir() {
                continue;
            }
            let mut listed = Listed::new();
            let mut open = vec![folder.clone()];
            // A link may lead back to where it stands.
            let mut seen = std::collections::BTreeSet::new();
            while let Some(next) = open.pop() {
                if !seen.insert(next.canonicalize().map_err(unreadable)?) {
                    continue;
                }
                for entry in std::fs::read_dir(&next).map_err(unreadable)? {
                    let path = entry.map_err(unreadable)?.path();
                    if path.is_dir() {
                        open.push(path);
                        continue;
                    }
                    // An id may hold slashes. Absolute, so that it does not count from the table.
                    let absolute = std::path::absolute(&path).map_err(unreadable)?;
                    let name = path.strip_prefix(&folder).unwrap_or(&path);
                    let name = name.to_string_lossy().replace('\\', "/");
                    listed.insert(name, absolute.to_string_lossy().into_owned());
                }
            }
            let modality = folder.file_name().unwrap_or_default();
            modalities.insert(modality.to_string_lossy().into_owned(), listed);
        }
        Ok(modalities)
    }
}
