//! Run folders: `config.toml`, `events.jsonl`, `metrics.json`, `checkpoints/`, and `predictions.json` of those that the
//! command line has finished.
//!
//! The application opens what the command line trains, and vice versa.

mod error;
mod listing;
mod metrics;
mod predictions;
mod recorder;
mod seen;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use mct_corpus::{Corpus, atomic, regular};
use mct_hfr::config::{Config, ModelConfig, TrainingConfig};
use mct_hfr::training::{Checkpoint, Event, Precision};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use error::{Error, Result};
pub use listing::{Listing, Summary, runs_below};
pub use predictions::{Predictions, SidePredictions, sealed};
pub use recorder::Recorder;
pub use seen::{Inquiry, Seen, run_of};

/// `config.toml`: everything that reproduces the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub device: String,
    pub corpus: CorpusReference,
    pub model: ModelConfig,
    pub training: TrainingConfig,
}

/// The corpus that a run is trained on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusReference {
    pub path: PathBuf,
    pub sha256: String,
}

impl CorpusReference {
    /// The reference to the corpus at `path`, with its digest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        Ok(Self {
            sha256: sha256(path).map_err(Error::io(path))?,
            path: path.canonicalize().map_err(Error::io(path))?,
        })
    }

    /// The reference to the same corpus at another path.
    ///
    /// # Errors
    /// When the file there cannot be read or is another one.
    pub fn moved_to(&self, path: &Path) -> Result<Self> {
        let found = Self::of(path)?;
        if found.sha256 == self.sha256 {
            return Ok(found);
        }
        Err(Error::OtherCorpus {
            file: path.display().to_string(),
            found: found.sha256,
            expected: self.sha256.clone(),
        })
    }

    /// Opens the corpus.
    ///
    /// # Errors
    /// When the file cannot be read, has changed since the run was created, or is no valid corpus.
    pub fn open(&self) -> Result<Corpus> {
        let (found, corpus) = Self::read(&self.path)?;
        if found.sha256 != self.sha256 {
            return Err(Error::OtherCorpus {
                file: self.path.display().to_string(),
                found: found.sha256,
                expected: self.sha256.clone(),
            });
        }
        Ok(corpus)
    }

    /// Opens the corpus at `path`, with the reference to what was read of it.
    ///
    /// # Errors
    /// When the file cannot be read, is being written to, or is no valid corpus.
    pub fn read(path: &Path) -> Result<(Self, Corpus)> {
        let stamp = || -> std::io::Result<_> {
            let metadata = std::fs::metadata(path)?;
            Ok((metadata.len(), metadata.modified().ok()))
        };
        let before = stamp().map_err(Error::io(path))?;
        let corpus = Corpus::open(path)?;
        let reference = Self::of(path)?;
        corpus.require_unchanged()?;
        if stamp().map_err(Error::io(path))? != before {
            let error = std::io::Error::other("was written to while it was read");
            return Err(Error::io(path)(error));
        }
        Ok((reference, corpus))
    }
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other(
            "found no regular file, expected a file",
        ));
    }
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    Ok(hexadecimal(&hash.finalize()))
}

impl Manifest {
    /// The config of the model and its training.
    pub fn config(&self) -> Config {
        Config {
            model: self.model.clone(),
            training: self.training.clone(),
        }
    }

    /// Asks for this many epochs, and for no early stopping before them.
    ///
    /// # Errors
    /// When they are fewer than before.
    pub fn extend(&mut self, epochs: usize) -> Result<()> {
        let training = &mut self.training;
        if epochs < training.epochs {
            let expected = format!("{} or more, the epochs of the run", training.epochs);
            return Err(mct_hfr::Error::invalid("arguments", "epochs", epochs, expected).into());
        }
        training.epochs = epochs;
        training.patience = training.patience.max(epochs);
        self.config().validate("arguments")?;
        Ok(())
    }

    fn write(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(Error::unwritable(path))?;
        Ok(atomic::write(path, text.as_bytes())?)
    }

    fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = regular::read_settings(path).map_err(Error::io(path))?;
        let manifest: Self = toml::from_str(&text).map_err(|error| {
            let found = error.to_string();
            mct_hfr::Error::invalid(&name, "config", found.trim_end(), "the config of a run")
        })?;
        manifest.config().validate(&name)?;
        Ok(manifest)
    }
}

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The best on the validation set.
    Best,
    /// The last, from which training resumes.
    Last,
    /// The best on the test set, of a run that also keeps it.
    TestSelected,
}

/// A run folder, open for reading.
pub struct RunFolder {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// A run folder that this process alone writes to.
pub struct Writer {
    pub folder: RunFolder,
    events: File,
    lock: Lock,
}

/// A folder for a run that this process alone writes to, before it is known what the run is.
pub struct Reserved {
    path: PathBuf,
    lock: Lock,
}

/// Released by the operating system, however the process ends.
struct Lock {
    _file: File,
    /// Whether the file system keeps it.
    is_kept: bool,
}

impl RunFolder {
    /// Opens the run folder at `path`.
    ///
    /// # Errors
    /// When its `config.toml` is missing or invalid.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest =
            Manifest::read(&path.join("config.toml")).map_err(|error| Error::NotARun {
                folder: path.display().to_string(),
                error: Box::new(error),
            })?;
        Ok(Self {
            path: path.to_owned(),
            manifest,
        })
    }

    /// Creates a run folder and locks it.
    ///
    /// # Errors
    /// When there is a run already, or the folder cannot be written.
    pub fn create(path: &Path, manifest: Manifest) -> Result<Writer> {
        Self::reserve(path)?.create(manifest)
    }

    /// Locks a folder, which is made where there is none, for a run that is not there yet.
    ///
    /// # Errors
    /// When there is a run already, or the folder cannot be written.
    pub fn reserve(path: &Path) -> Result<Reserved> {
        let exists = || match path.join("config.toml").exists() {
            true => Err(Error::Exists {
                folder: path.display().to_string(),
            }),
            false => Ok(()),
        };
        exists()?;
        let checkpoints = path.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).map_err(Error::io(&checkpoints))?;
        for folder in [path, atomic::folder(path)] {
            atomic::sync(folder).map_err(Error::io(folder))?;
        }
        let lock = lock(path)?;
        // Another process may have created it while this one waited for nothing.
        exists()?;
        Ok(Reserved {
            path: path.to_owned(),
            lock,
        })
    }

    /// Locks the folder and removes what a killed process left incomplete.
    ///
    /// # Errors
    /// When another process is writing to the run, or the folder cannot be written.
    pub fn writer(self) -> Result<Writer> {
        let lock = lock(&self.path)?;
        // As it is now that nobody else changes it.
        let own = Self::open(&self.path)?;
        own.locked(lock)
    }

    fn locked(self, lock: Lock) -> Result<Writer> {
        let in_folder = |name: &str| self.path.join(name);
        for folder in [self.path.clone(), in_folder("checkpoints")] {
            for entry in std::fs::read_dir(&folder).map_err(Error::io(&folder))? {
                let path = entry.map_err(Error::io(&folder))?.path();
                let name = path.file_name().unwrap_or_default();
                if name.to_string_lossy().starts_with(".partial-") {
                    std::fs::remove_file(&path).map_err(Error::io(&path))?;
                }
            }
        }
        let path = in_folder("events.jsonl");
        let open = || -> std::io::Result<File> {
            let mut file = regular::open(&path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let whole = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |last| last + 1);
            file.set_len(whole as u64)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        Ok(Writer {
            events: open().map_err(Error::io(&path))?,
            folder: self,
            lock,
        })
    }

    /// Where the checkpoint is, whether or not it exists yet.
    pub fn checkpoint_path(&self, which: Which) -> PathBuf {
        let name = match which {
            Which::Best => "best.safetensors",
            Which::Last => "last.safetensors",
            Which::TestSelected => "test-selected.safetensors",
        };
        self.path.join("checkpoints").join(name)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When there is none yet, or it is invalid.
    pub fn checkpoint(&self, which: Which) -> Result<Checkpoint> {
        read_checkpoint(&self.checkpoint_path(which))
    }

    /// The last checkpoint, `None` before the first one. How long to train on is what `config.toml` says,
    /// which may have changed since.
    ///
    /// # Errors
    /// When it is invalid.
    pub fn last(&self) -> Result<Option<Checkpoint>> {
        let path = self.checkpoint_path(Which::Last);
        if path.exists() {
            let mut checkpoint = read_checkpoint(&path)?;
            let (training, asked) = (&mut checkpoint.config.training, &self.manifest.training);
            (training.epochs, training.patience) = (asked.epochs, asked.patience);
            Ok(Some(checkpoint))
        } else {
            Ok(None)
        }
    }
}

/// The lock of a run folder, which is held as long as the file is open.
fn lock(folder: &Path) -> Result<Lock> {
    let path = folder.join(".lock");
    // Whatever a link of this name leads to is nobody's lock.
    let file = regular::open(&path).map_err(Error::io(&path))?;
    let tried = file.try_lock();
    let lock = |is_kept| Lock {
        _file: file,
        is_kept,
    };
    match tried {
        Ok(()) => Ok(lock(true)),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked {
            folder: folder.display().to_string(),
        }),
        // Some network file systems have no locks: nobody else is known to write here then.
        Err(std::fs::TryLockError::Error(error))
            if error.kind() == std::io::ErrorKind::Unsupported
                || error.raw_os_error() == Some(NO_LOCKS) =>
        {
            Ok(lock(false))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(Error::io(&path)(error)),
    }
}

/// ENOLCK: the file system's server keeps no locks.
const NO_LOCKS: i32 = if cfg!(target_os = "linux") { 37 } else { 77 };

impl Reserved {
    /// Makes the run.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(self, manifest: Manifest) -> Result<Writer> {
        let Self { path, lock } = self;
        manifest.write(&path.join("config.toml"))?;
        RunFolder { path, manifest }.locked(lock)
    }
}

impl Writer {
    /// Whether the file system keeps other processes from writing to the run.
    pub fn is_locked(&self) -> bool {
        self.lock.is_kept
    }

    /// Appends the event to `events.jsonl`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<()> {
        let path = self.folder.path.join("events.jsonl");
        let line = serde_json::to_string(event).map_err(Error::unwritable(&path))? + "\n";
        self.events
            .write_all(line.as_bytes())
            .map_err(Error::io(&path))
    }

    /// Replaces `config.toml`.
    ///
    /// # Errors
    /// When it cannot be written; the older one then stays intact.
    pub fn change(&mut self, manifest: Manifest) -> Result<()> {
        manifest.write(&self.folder.path.join("config.toml"))?;
        self.folder.manifest = manifest;
        Ok(())
    }

    /// Replaces a checkpoint, atomically.
    ///
    /// # Errors
    /// When it cannot be written; the older checkpoint then stays intact.
    pub fn save(&self, checkpoint: &Checkpoint, which: Which) -> Result<()> {
        let corpus = &self.folder.manifest.corpus.sha256;
        let bytes = checkpoint.to_bytes_of(Some(corpus), Precision::F32)?;
        Ok(atomic::write(&self.folder.checkpoint_path(which), &bytes)?)
    }
}

/// Of a model with its optimizer and its average.
const MOST_OF_CHECKPOINT: u64 = 64 << 30;

/// Reads a checkpoint or exported weights.
///
/// # Errors
/// When the file cannot be read or is invalid.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    let bytes = regular::read(path, MOST_OF_CHECKPOINT).map_err(Error::io(path))?;
    Ok(Checkpoint::from_bytes(&path.display().to_string(), &bytes)?)
}
