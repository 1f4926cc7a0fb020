//! One process at a time writes to a run folder.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File};
use std::path::PathBuf;

use mct_hfr::config::Config;
use mct_runs::{CorpusReference, Error, Manifest, RunFolder};

fn manifest() -> Manifest {
    let config = Config::preset("demo").unwrap();
    Manifest {
        device: "flex".to_owned(),
        corpus: CorpusReference {
            path: PathBuf::from("corpus"),
            sha256: String::new(),
        },
        model: config.model,
        training: config.training,
    }
}

#[test]
fn a_folder_that_is_being_made_is_not_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    // Another process has it, and has not written what it is yet.
    let other = File::create(run.join(".lock")).unwrap();
    other.lock().unwrap();
    let error = RunFolder::create(&run, manifest()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    assert!(!run.join("config.toml").exists());
    drop(other);
    let writer = RunFolder::create(&run, manifest()).unwrap();
    assert!(run.join("config.toml").exists());
    let error = RunFolder::open(&run).unwrap().writer().err().unwrap();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(writer);
    RunFolder::open(&run).unwrap().writer().unwrap();
}

#[test]
#[cfg(unix)]
fn a_lock_that_is_a_link_changes_nothing_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (run, mine) = (folder.path().join("run"), folder.path().join("mine"));
    fs::create_dir(&run).unwrap();
    fs::write(&mine, b"mine").unwrap();
    std::os::unix::fs::symlink(&mine, run.join(".lock")).unwrap();
    let error = RunFolder::create(&run, manifest())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains(".lock") && error.contains("is a link"),
        "{error}"
    );
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
}
