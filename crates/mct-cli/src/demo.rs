//! `mct-hfr demo`: end to end, from a small synthetic corpus to the report.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use mct_corpus::demo::generate;
use mct_hfr::config::Config;
use mct_hfr::training::Trainer;
use mct_runs::{CorpusReference, Manifest, RunFolder, Which, sha256_of};

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
    /// Refuses to go on with a demo that was asked for in another way.
    fn require_same(&self, manifest: &Manifest) -> Result<()> {
        let (seed, epochs) = (manifest.training.seed, manifest.training.epochs);
        let asked = generate(self.seed, self.scale).map_err(usage)?;
        let digest = sha256_of(&asked.to_bytes()?);
        let differs = if (seed, epochs) != (self.seed, self.epochs) {
            format!("a demo of seed {seed} and {epochs} epochs")
        } else if digest != manifest.corpus.sha256 {
            "a demo of another size".to_owned()
        } else {
            return Ok(());
        };
        Err(usage(format!(
            "{} already holds {differs}: choose another folder with --out, or the same options",
            self.out.display()
        )))
    }

    pub fn run(self) -> Result<()> {
        interrupt::watch()?;
        std::fs::create_dir_all(&self.out).context(self.out.display().to_string())?;
        let corpus_path = self.out.join("corpus.safetensors");
        let run_path = self.out.join("run");
        let report_path = self.out.join("report");
        if run_path.join("config.toml").exists() {
            self.require_same(&RunFolder::open(&run_path)?.manifest)?;
            remark(format!("resuming {}", run_path.display()));
            // On the device of the run, where no other is asked for.
            let other = (self.device != "auto").then_some(self.device.as_str());
            train::resume(&run_path, other, false)?;
        } else {
            // Before the corpus is written: another demo may be doing the same.
            let reserved = RunFolder::reserve(&run_path).map_err(existing_run)?;
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
            let writer = reserved.create(manifest)?;
            train::drive(&mut trainer, writer, &corpus, false)?;
        }
        let sources = [Source::read(&run_path, Which::Best)?];
        let (reference, corpus) = CorpusReference::read(&corpus_path)?;
        let assessment = Conditions {
            corpus: &corpus,
            reference: &reference,
            side: Side::Test,
            missing: &MissingArgs::curve(),
            mask_seed: MASK_SEED,
            mask_draws: 1,
            calibrate: true,
            once_more: false,
            batch_size: 64,
            device: &device::choose(&self.device)?,
        }
        .assess(&sources)?;
        show(&assessment)?;
        report::write(&report_path, &corpus, &assessment, &sources)?;
        say(format!(
            "\nthe report is {}",
            report_path.join("report.html").display()
        ));
        Ok(())
    }
}
