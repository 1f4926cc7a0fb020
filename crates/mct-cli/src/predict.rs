//! `mct-hfr predict`: class probabilities.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mct_hfr::evaluation::probabilities;
use mct_runs::Which;
use mct_scores::most_probable;
use serde::Serialize;

use crate::arguments::{batch_size, rate, which};
use crate::assess::{Source, corpus_of};
use crate::device;
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{say, say_json, usage};

/// Class probabilities of every utterance of a corpus
#[derive(Args)]
pub struct Predict {
    /// A run folder, or a file of weights
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The corpus [default: that of the run]
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    /// best (on the validation set) or last
    #[arg(long, default_value = "best", value_parser = which)]
    checkpoint: Which,
    /// Missing rate of the steps
    #[arg(long, value_name = "R", value_parser = rate, default_value_t = 0.0)]
    missing_rate: f64,
    /// Seed of the masks
    #[arg(long, default_value_t = MASK_SEED)]
    mask_seed: u64,
    /// Utterances per batch; affects only time and memory
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = batch_size)]
    batch_size: usize,
    /// auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Predictions<'a> {
    synthetic: bool,
    classes: &'a [String],
    missing_rate: f64,
    utterances: Vec<Prediction<'a>>,
}

#[derive(Serialize)]
struct Prediction<'a> {
    id: &'a str,
    label: &'a str,
    predicted: &'a str,
    probabilities: Vec<f32>,
}

impl Predict {
    pub fn run(self) -> Result<()> {
        let source = Source::read(&self.run, self.checkpoint)?;
        let checkpoint = &source.checkpoint;
        let corpus = corpus_of(self.corpus.as_deref(), std::slice::from_ref(&source))?;
        checkpoint.interface.require(&corpus)?;
        corpus.require_finite()?;
        let device = device::choose(&self.device)?;
        let model = checkpoint.model(&device.device)?;
        let missing = MissingArgs::uniform(self.missing_rate);
        let settings = missing.settings(&corpus)?;
        let (_, missing) = settings.first().ok_or_else(|| usage("no rate"))?;
        let indices: Vec<usize> = (0..corpus.len()).collect();
        let masks = Some((missing, self.mask_seed));
        let rows = pollster::block_on(probabilities(
            &model,
            &corpus,
            &indices,
            masks,
            self.batch_size,
            &device.device,
        ))?;
        let classes = &corpus.metadata.classes;
        if self.json {
            let utterances = corpus.utterances.iter().zip(rows);
            return say_json(&Predictions {
                synthetic: corpus.metadata.synthetic,
                classes,
                missing_rate: self.missing_rate,
                utterances: utterances
                    .map(|(utterance, probabilities)| Prediction {
                        id: &utterance.id,
                        label: &classes[utterance.label],
                        predicted: &classes[most_probable(&probabilities)],
                        probabilities,
                    })
                    .collect(),
            });
        }
        say(format!("id\tlabel\tpredicted\t{}", classes.join("\t")))?;
        for (utterance, row) in corpus.utterances.iter().zip(rows) {
            let label = &classes[utterance.label];
            let predicted = &classes[most_probable(&row)];
            let probabilities: Vec<String> = row.iter().map(|p| format!("{p:.6}")).collect();
            say(format!(
                "{}\t{label}\t{predicted}\t{}",
                utterance.id,
                probabilities.join("\t")
            ))?;
        }
        Ok(())
    }
}
