//! `mct-hfr predict`: class probabilities.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mct_corpus::Corpus;
use mct_corpus::missing::Missing;
use mct_hfr::evaluation::{probabilities, static_masks};
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
    /// As the corpus says; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    predicted: &'a str,
    probabilities: Vec<f32>,
    /// Share of the steps that the model does not see.
    missing: f64,
}

impl Predict {
    pub fn run(self) -> Result<()> {
        let source = Source::read(&self.run, self.checkpoint)?;
        let checkpoint = &source.checkpoint;
        let corpus = corpus_of(self.corpus.as_deref(), std::slice::from_ref(&source))?;
        checkpoint.interface.require_features(&corpus)?;
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
        let classes = &checkpoint.interface.classes;
        let share = |index: usize| missing_share(&corpus, missing, self.mask_seed, index);
        let label = |index: usize| {
            let label = corpus.utterances[index].label?;
            Some(corpus.metadata.classes[label].as_str())
        };
        if self.json {
            let utterances = corpus.utterances.iter().zip(rows).enumerate();
            return say_json(&Predictions {
                synthetic: corpus.metadata.synthetic,
                classes,
                missing_rate: self.missing_rate,
                utterances: utterances
                    .map(|(index, (utterance, probabilities))| Prediction {
                        id: &utterance.id,
                        label: label(index),
                        missing: share(index),
                        predicted: &classes[most_probable(&probabilities)],
                        probabilities,
                    })
                    .collect(),
            });
        }
        let labelled = (0..corpus.len()).any(|index| label(index).is_some());
        let column = if labelled { "label\t" } else { "" };
        let names = classes.join("\t");
        say(format!("id\t{column}predicted\t{names}\tmissing"))?;
        for (index, (utterance, row)) in corpus.utterances.iter().zip(rows).enumerate() {
            let label = match labelled {
                true => format!("{}\t", label(index).unwrap_or_default()),
                false => String::new(),
            };
            let predicted = &classes[most_probable(&row)];
            let probabilities: Vec<String> = row.iter().map(|p| format!("{p:.6}")).collect();
            say(format!(
                "{}\t{label}{predicted}\t{}\t{:.3}",
                utterance.id,
                probabilities.join("\t"),
                share(index)
            ))?;
        }
        Ok(())
    }
}

/// Share of the steps of utterance `index` that are missing, by nature or by the rate; a modality that it
/// does not have counts as one missing step.
fn missing_share(corpus: &Corpus, missing: &Missing, mask_seed: u64, index: usize) -> f64 {
    let masks = static_masks(corpus, missing, mask_seed, index);
    let (mut hidden, mut all) = (0, 0);
    for (modality, mask) in corpus.modalities.iter().zip(masks) {
        let is_hidden = |t: &usize| mask[*t] || modality.is_missing(index, *t);
        let count = (0..mask.len()).filter(is_hidden).count();
        let is_absent = usize::from(mask.is_empty());
        (hidden, all) = (hidden + count + is_absent, all + mask.len() + is_absent);
    }
    hidden as f64 / all.max(1) as f64
}
