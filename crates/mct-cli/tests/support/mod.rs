//! Runs the real binary in a temporary folder.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With a small demo corpus, `corpus.safetensors`.
    pub fn with_corpus() -> Self {
        let workshop = Self::new();
        workshop.ok(&[
            "corpus",
            "demo",
            "--out",
            "corpus.safetensors",
            "--scale",
            "0.02",
            "--seed",
            "3",
        ]);
        workshop
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mct-hfr"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a command that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    /// The command must fail with this code and print all of `says`, without a panic.
    pub fn fails(&self, code: i32, arguments: &[&str], says: &[&str]) {
        refused(&self.run(arguments), code, arguments, says);
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Names in the folder, sorted.
    pub fn listing(&self) -> Vec<String> {
        listing(self.folder.path())
    }
}

pub fn listing(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub fn refused(output: &Output, code: i32, what: &[&str], says: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what:?}: {errors}");
    assert!(!errors.contains("panicked"), "{what:?}: {errors}");
    for text in says {
        assert!(errors.contains(text), "{what:?}: `{errors}` lacks `{text}`");
    }
}

/// Arguments of a training run that takes seconds.
pub fn small_training<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![
        "train",
        "--corpus",
        "corpus.safetensors",
        "--out",
        out,
        "--preset",
        "demo",
        "--device",
        "flex",
        "--epochs",
        "3",
        "--set",
        "model.d=16",
        "--set",
        "model.layers=1",
        "--set",
        "training.batch_size=8",
    ];
    arguments.extend(more);
    arguments
}

/// A `.npy` file of 32-bit floats.
pub fn npy(rows: usize, dim: usize, value: f32) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(std::iter::repeat_n(value.to_le_bytes(), rows * dim).flatten());
    bytes
}

/// The files of a finished run that depend only on its seed.
pub const RESULT: [&str; 3] = [
    "checkpoints/last.safetensors",
    "checkpoints/best.safetensors",
    "metrics.json",
];
