//! `mct-hfr predict`: class probabilities or intensities.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mct_corpus::import::{Options, import};
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, Target, Task};
use mct_extraction::Clips;
use mct_hfr::config::Interface;
use mct_hfr::evaluation::{predictions, static_masks};
use mct_recordings::is_recording;
use mct_runs::Which;
use mct_scores::most_probable;
use serde::Serialize;

use crate::arguments::{batch_size, rate, which};
use crate::assess::{Source, corpus_of};
use crate::device;
use crate::extract::{PretrainedArgs, clips};
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{cell, remark, say, say_json, usage};

/// Class probabilities, or intensities, of every utterance of a corpus or of single clips
#[derive(Args)]
pub struct Predict {
    /// A run folder, or a file of weights
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A recording (.wav, .mp4, …) or a folder of them, features of clips (.npz, .pkl, .csv with files) or a corpus [default: the
    /// corpus of the run]
    #[arg(value_name = "CLIPS")]
    clips: Option<PathBuf>,
    /// A corpus
    #[arg(long, value_name = "FILE", conflicts_with = "clips")]
    corpus: Option<PathBuf>,
    /// What is said in the recording; in a folder, a .txt beside each one says it
    #[arg(long, value_name = "TEXT", requires = "clips")]
    transcript: Option<String>,
    #[command(flatten)]
    pretrained: PretrainedArgs,
    /// best (on the validation set) or last
    #[arg(long, default_value = "best", value_parser = which)]
    checkpoint: Which,
    /// Missing rate of the steps
    #[arg(long, value_name = "R", value_parser = rate, default_value_t = 0.0)]
    missing_rate: f64,
    /// Seed of the masks
    #[arg(long, default_value_t = MASK_SEED)]
    mask_seed: u64,
    /// Utterances per batch on a GPU; affects only time and memory (the CPU takes each alone, several at once)
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
    task: Task,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    classes: &'a [String],
    #[serde(skip_serializing_if = "<[Target]>::is_empty")]
    targets: &'a [Target],
    missing_rate: f64,
    utterances: Vec<Prediction<'a>>,
}

#[derive(Serialize)]
struct Prediction<'a> {
    id: &'a str,
    #[serde(flatten)]
    outputs: Outputs<'a>,
    /// Share of the steps that the model does not see.
    missing: f64,
    /// Why modalities of a recording are missing, and for how long where it is not all of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    missing_because: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outputs<'a> {
    Class {
        /// As the corpus says; `None` where it has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<&'a str>,
        predicted: &'a str,
        probabilities: Vec<f32>,
    },
    Intensities {
        /// As the corpus says, one for each target of the model.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        rated: Vec<Option<f32>>,
        predicted: Vec<f32>,
    },
}

impl Predict {
    /// The corpus of the run, the named one, or one made of the clips; and why modalities of recordings
    /// are missing, for each utterance.
    fn read(&self, source: &Source) -> Result<(Corpus, Vec<BTreeMap<String, String>>)> {
        let none = Vec::new();
        let Some(path) = &self.clips else {
            // Nobody asks for its digest.
            let corpus = match &self.corpus {
                Some(named) => Corpus::open(named)?,
                None => corpus_of(None, std::slice::from_ref(source))?.1,
            };
            return Ok((corpus, none));
        };
        if is_recording(path) || path.is_dir() {
            if path.is_dir() && self.transcript.is_some() {
                return Err(usage(
                    "--transcript: of a folder, a .txt beside each recording",
                ));
            }
            let Clips {
                corpus,
                missing,
                notes,
                media: _,
            } = clips(
                path,
                self.transcript.as_deref(),
                &source.checkpoint.interface,
                &self.pretrained,
                &self.device,
            )?;
            for note in notes {
                remark(format!("note: {note}"));
            }
            for (utterance, causes) in corpus.utterances.iter().zip(&missing) {
                for (modality, cause) in causes {
                    remark(format!(
                        "note: {}: {modality} is missing: {cause}",
                        utterance.id
                    ));
                }
            }
            return Ok((corpus, missing));
        }
        if self.transcript.is_some() {
            return Err(usage(format!(
                "--transcript: {} is no recording",
                path.display()
            )));
        }
        if path
            .extension()
            .is_some_and(|ending| ending == "safetensors")
        {
            return Ok((Corpus::open(path)?, none));
        }
        let import = import(None, path, &Options::default())?;
        for note in import.notes {
            remark(format!("note: {note}"));
        }
        Ok((import.corpus, none))
    }

    pub fn run(self) -> Result<()> {
        let source = Source::read(&self.run, self.checkpoint)?;
        let checkpoint = &source.checkpoint;
        let (corpus, mut missing_because) = self.read(&source)?;
        missing_because.resize_with(corpus.len(), BTreeMap::new);
        checkpoint.interface.require_features(&corpus)?;
        corpus.require_finite()?;
        let device = device::choose(&self.device)?;
        let model = checkpoint.model(&device.device)?;
        let missing = MissingArgs::uniform(self.missing_rate);
        let settings = missing.settings(&corpus)?;
        let (_, missing) = settings.first().ok_or_else(|| usage("no rate"))?;
        let indices: Vec<usize> = (0..corpus.len()).collect();
        let masks = Some((missing, self.mask_seed));
        let rows = pollster::block_on(predictions(
            &model,
            &corpus,
            &indices,
            masks,
            self.batch_size,
            &device.device,
        ))?;
        let interface = &checkpoint.interface;
        let predictions = Predictions {
            synthetic: corpus.metadata.synthetic,
            task: checkpoint.config.model.task,
            classes: &interface.classes,
            targets: &interface.targets,
            missing_rate: self.missing_rate,
            utterances: (rows.into_iter().zip(missing_because).enumerate())
                .map(|(index, (row, missing_because))| Prediction {
                    id: &corpus.utterances[index].id,
                    outputs: outputs(&corpus, interface, index, row),
                    missing: missing_share(&corpus, missing, self.mask_seed, index),
                    missing_because,
                })
                .collect(),
        };
        if self.json {
            return say_json(&predictions);
        }
        predictions.show()
    }
}

/// The outputs for utterance `index`, with what the corpus says of it.
fn outputs<'a>(
    corpus: &'a Corpus,
    interface: &'a Interface,
    index: usize,
    row: Vec<f32>,
) -> Outputs<'a> {
    let utterance = &corpus.utterances[index];
    if interface.targets.is_empty() {
        let label = utterance.label.map(|label| &corpus.metadata.classes[label]);
        return Outputs::Class {
            label: label.map(String::as_str),
            predicted: &interface.classes[most_probable(&row)],
            probabilities: row,
        };
    }
    let rating = |target: &Target| {
        let targets = &corpus.metadata.targets;
        let place = targets.iter().position(|other| other.name == target.name)?;
        utterance.targets[place]
    };
    let rated: Vec<Option<f32>> = interface.targets.iter().map(rating).collect();
    Outputs::Intensities {
        rated: match rated.iter().any(Option::is_some) {
            true => rated,
            false => Vec::new(),
        },
        predicted: row,
    }
}

impl Predictions<'_> {
    /// Prints them as a table with tabs.
    fn show(&self) -> Result<()> {
        let labelled = (self.utterances.iter()).any(|prediction| match &prediction.outputs {
            Outputs::Class { label, .. } => label.is_some(),
            Outputs::Intensities { rated, .. } => !rated.is_empty(),
        });
        let mut header = vec!["id".to_owned()];
        if self.targets.is_empty() {
            header.extend(labelled.then(|| "label".to_owned()));
            header.push("predicted".to_owned());
            header.extend(self.classes.iter().map(|class| cell(class)));
        } else {
            let names = || self.targets.iter().map(|target| &target.name);
            if labelled {
                header.extend(names().map(|name| format!("{} (rated)", cell(name))));
            }
            header.extend(names().map(|name| cell(name)));
        }
        header.push("missing".to_owned());
        say(header.join("\t"));
        for Prediction {
            id,
            outputs,
            missing,
            missing_because: _,
        } in &self.utterances
        {
            let mut cells = vec![cell(id)];
            match outputs {
                Outputs::Class {
                    label,
                    predicted,
                    probabilities,
                } => {
                    cells.extend(labelled.then(|| cell(label.unwrap_or_default())));
                    cells.push(cell(predicted));
                    cells.extend(probabilities.iter().map(|p| format!("{p:.6}")));
                }
                Outputs::Intensities { rated, predicted } => {
                    if labelled {
                        let rating = |t: usize| rated.get(t).copied().flatten();
                        let ratings = (0..predicted.len()).map(rating);
                        cells
                            .extend(ratings.map(|r| r.map_or_else(String::new, |r| r.to_string())));
                    }
                    cells.extend(predicted.iter().map(|value| format!("{value:.6}")));
                }
            }
            cells.push(format!("{missing:.3}"));
            say(cells.join("\t"));
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
