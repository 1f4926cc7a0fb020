//! `mct-hfr demo`: end to end, from a small synthetic corpus to the report.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use mct_corpus::Corpus;
use mct_corpus::demo::generate;
use mct_hfr::config::Config;
use mct_hfr::training::Trainer;
use mct_runs::{CorpusReference, Manifest, RunFolder, Which};

use crate::assess::{Conditions, Side, Source};
use crate::evaluate::show;
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{existing_run, remark, say, usage};
use crate::{device, interrupt, report, train};

/// Generate a small corpus, train on it and report how close it comes to the exact limit
///
/// If it is interrupted, the same command resumes where it stopped.
#[derive(Args)]
pub struct Demo {
    /// The folder for corpus, run and report
    #[arg(long, value_name = "DIR", default_value = "mct-hfr-demo")]
    out: PathBuf,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Size of the corpus, 1 for the paper's 5531 utterances
    #[arg(long, default_value_t = 0.4)]
    scale: f64,
    /// Maximum number of epochs
    #[arg(long, value_name = "N", default_value_t = 10)]
    epochs: usize,
    /// auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
}

impl Demo {
    pub fn run(self) -> Result<()> {
        interrupt::watch()?;
        std::fs::create_dir_all(&self.out).context(self.out.display().to_string())?;
        let corpus_path = self.out.join("corpus.safetensors");
        let run_path = self.out.join("run");
        let report_path = self.out.join("report");
        if run_path.join("config.toml").exists() {
            remark(format!("resuming {}", run_path.display()));
            train::resume(&run_path, None, false)?;
        } else {
            remark("generating a synthetic corpus");
            let corpus = generate(self.seed, self.scale).map_err(usage)?;
            corpus.save(&corpus_path)?;
            let mut config = Config::preset("demo")?;
            config.training.seed = self.seed;
            config.training.epochs = self.epochs;
            config.validate("arguments").map_err(usage)?;
            let device = device::choose(&self.device)?;
            let mut trainer = Trainer::new(&corpus, config, &device.device)?;
            let manifest = Manifest {
                device: device.name,
                corpus: CorpusReference::of(&corpus_path)?,
                model: trainer.config().model.clone(),
                training: trainer.config().training.clone(),
            };
            let writer = RunFolder::create(&run_path, manifest).map_err(existing_run)?;
            train::drive(&mut trainer, writer, &corpus, false)?;
        }
        let sources = [Source::read(&run_path, Which::Best)?];
        let corpus = Corpus::open(&corpus_path)?;
        let assessment = Conditions {
            corpus: &corpus,
            side: Side::Test,
            missing: &MissingArgs::curve(),
            mask_seed: MASK_SEED,
            batch_size: 64,
            device: &device::choose(&self.device)?,
        }
        .assess(&sources)?;
        show(&assessment)?;
        report::write(&report_path, &corpus, &assessment, &sources)?;
        say(format!(
            "\nthe report is {}",
            report_path.join("report.html").display()
        ))
    }
}
