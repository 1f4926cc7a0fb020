//! One utterance, looked into: what the model sees, attends to, imagines and predicts.

use burn::tensor::{Device, Tensor};
use mct_corpus::Corpus;
use serde::{Deserialize, Serialize};

use crate::config::ModelConfig;
use crate::data::{Batch, Masks};
use crate::device;
use crate::error::Result;
use crate::model::Model;
use crate::nn::mode::Mode;

/// What there is to see of one utterance. Sequences are truncated to the model's `max_steps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    pub modalities: Vec<Sequence>,
    /// Class probabilities, or intensities, of the complete view.
    pub complete: Vec<f32>,
    /// The same of the incomplete view.
    pub incomplete: Vec<f32>,
    /// Attention over the hyper-modality in the requested layer and head: `[queries, keys]` row by row, both axes over the concatenated modalities. `None` for a system without a
    /// hyper-modality.
    pub attention: Option<Vec<f32>>,
}

/// One modality of the utterance; values are `[time, features]` row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    pub features: usize,
    /// Steps that an experiment takes away.
    pub missing: Vec<bool>,
    /// Steps that are missing by nature.
    pub absent: Vec<bool>,
    /// As the network sees the complete features: standardised where the config says so.
    pub values: Vec<f32>,
    /// What the system reconstructs from the other steps; `None` for a system that does not.
    pub imagined: Option<Vec<f32>>,
}

impl Sequence {
    pub fn steps(&self) -> usize {
        self.missing.len()
    }
}

/// Whose attention is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attending {
    /// Layer of the fusion, from 0.
    pub layer: usize,
    /// Attention head, from 0; `None`: the mean of all.
    pub head: Option<usize>,
}

impl Attending {
    /// The same in a model that may have fewer layers or heads: its last layer, the mean of its heads.
    pub fn within(self, model: &ModelConfig) -> Self {
        Self {
            layer: self.layer.min(model.layers.saturating_sub(1)),
            head: self.head.filter(|head| *head < model.heads),
        }
    }
}

/// Looks into the utterance `index` with the missing steps of `masks`.
///
/// # Errors
/// When the device fails.
pub async fn inspect(
    model: &Model,
    corpus: &Corpus,
    index: usize,
    masks: &Masks,
    attending: Attending,
    on: &Device,
) -> Result<Inspection> {
    let batch = Batch::read(
        corpus,
        &[index],
        model.config(),
        |_| Some(masks.clone()),
        on,
    );
    let whole = model.complete(&batch, &mut Mode::Evaluation);
    let view = model.incomplete(&batch, &mut Mode::Evaluation);
    let imagined = model.imagine(&view, &batch, &mut Mode::Evaluation);
    let prepared = model.prepare(&batch);
    // The step that stands for an absent modality is not shown.
    let stored = corpus.modalities.iter().map(|m| m.steps(index));
    let lengths: Vec<usize> = (batch.lengths.iter().zip(stored))
        .map(|(samples, stored)| samples[0].min(stored))
        .collect();
    let mut modalities = Vec::with_capacity(lengths.len());
    for (m, (values, &steps)) in prepared.into_iter().zip(&lengths).enumerate() {
        let features = values.dims()[2];
        let imagined = match &imagined {
            Some(imagined) => Some(valid_steps(imagined[m].clone(), steps).await?),
            None => None,
        };
        let absent: Vec<bool> = (0..steps)
            .map(|t| corpus.modalities[m].is_missing(index, t))
            .collect();
        modalities.push(Sequence {
            features,
            missing: (0..steps).map(|t| masks[m][t] && !absent[t]).collect(),
            absent,
            values: valid_steps(values, steps).await?,
            imagined,
        });
    }
    let attention = match model.attention(&batch, attending.layer) {
        Some(weights) => {
            let padded: Vec<usize> = batch.features.iter().map(|x| x.dims()[1]).collect();
            let size: usize = padded.iter().sum();
            let heads = weights.dims()[1];
            let weights = match attending.head.filter(|head| *head < heads) {
                Some(head) => weights.narrow(1, head, 1),
                None => weights.mean_dim(1),
            };
            let weights = device::read(weights.reshape([size * size])).await?;
            Some(without_padding(&weights, &padded, &lengths))
        }
        None => None,
    };
    corpus.require_unchanged()?;
    Ok(Inspection {
        modalities,
        complete: device::read(model.predictions(whole.logits, &batch, true)).await?,
        incomplete: device::read(model.predictions(view.logits, &batch, false)).await?,
        attention,
    })
}

/// Class probabilities, or intensities, of the utterance `index` without the steps of `masks`.
///
/// # Errors
/// When the device fails.
pub async fn outputs_without(
    model: &Model,
    corpus: &Corpus,
    index: usize,
    masks: &Masks,
    on: &Device,
) -> Result<Vec<f32>> {
    let masks = |_| Some(masks.clone());
    let batch = Batch::read(corpus, &[index], model.config(), masks, on);
    let view = model.incomplete(&batch, &mut Mode::Evaluation);
    let outputs = device::read(model.predictions(view.logits, &batch, false)).await?;
    corpus.require_unchanged()?;
    Ok(outputs)
}

/// The first `steps` of the only sample of `[1, padded time, features]`.
async fn valid_steps(sequence: Tensor<3>, steps: usize) -> Result<Vec<f32>> {
    if steps == 0 {
        return Ok(Vec::new());
    }
    device::read(sequence.narrow(1, 0, steps)).await
}

/// Rows and columns of the valid steps, of a square over the padded ones.
fn without_padding(weights: &[f32], padded: &[usize], lengths: &[usize]) -> Vec<f32> {
    let size: usize = padded.iter().sum();
    let mut valid = Vec::new();
    let mut start = 0;
    for (padded, length) in padded.iter().zip(lengths) {
        valid.extend(start..start + length);
        start += padded;
    }
    let rows = valid.iter().flat_map(|query| {
        let row = &weights[query * size..][..size];
        valid.iter().map(|key| row[*key])
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Interface, System};
    use crate::evaluation::{predictions, static_masks};
    use mct_corpus::missing::Missing;

    fn looked_into(system: System) -> (Inspection, Vec<f32>) {
        let corpus = mct_corpus::demo::generate(1, 0.01).unwrap();
        let mut config = Config::preset("demo").unwrap();
        config.model.system = system;
        config.model.d = 16;
        let device = Device::flex();
        let interface = Interface::of(&corpus, config.model.task);
        let model = Model::new(&config.model, &interface, &[], 1, &device);
        let missing = Missing::uniform(0.4, 3);
        let masks = static_masks(&corpus, &missing, 1, 5);
        let attending = |head| Attending { layer: 1, head };
        let look = |head| {
            let asked = inspect(&model, &corpus, 5, &masks, attending(head), &device);
            pollster::block_on(asked).unwrap()
        };
        let inspection = look(None);
        if let Some(mean) = &inspection.attention {
            let heads = config.model.heads;
            let each: Vec<Vec<f32>> = (0..heads)
                .map(|head| look(Some(head)).attention.unwrap())
                .collect();
            assert_ne!(each[0], each[1]);
            for (index, mean) in mean.iter().enumerate() {
                let own = each.iter().map(|head| head[index]).sum::<f32>() / heads as f32;
                assert!((own - mean).abs() < 1e-5, "the mean is of the heads");
            }
        }
        let rows = predictions(&model, &corpus, &[5], Some((&missing, 1)), 8, &device);
        let row = pollster::block_on(rows).unwrap().remove(0);
        for (sequence, modality) in inspection.modalities.iter().zip(&corpus.modalities) {
            assert_eq!(sequence.steps(), modality.steps(5));
            assert_eq!(sequence.values.len(), modality.steps(5) * modality.dim);
        }
        (inspection, row)
    }

    #[test]
    fn what_is_seen_is_what_evaluation_predicts_from() {
        let (inspection, row) = looked_into(System::MctHfr);
        for (seen, predicted) in inspection.incomplete.iter().zip(&row) {
            assert!((seen - predicted).abs() < 1e-6);
        }
        assert_ne!(inspection.complete, inspection.incomplete);
        let imagined = |s: &Sequence| s.imagined.as_ref().map(Vec::len) == Some(s.values.len());
        assert!(inspection.modalities.iter().all(imagined));
    }

    #[test]
    fn each_step_spreads_its_attention_over_the_hyper_modality() {
        let (inspection, _) = looked_into(System::MctHfr);
        let size: usize = inspection.modalities.iter().map(Sequence::steps).sum();
        let attention = inspection.attention.unwrap();
        assert_eq!(attention.len(), size * size);
        for row in attention.chunks(size) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn what_a_smaller_model_lacks_is_not_asked_of_it() {
        let mut model = Config::preset("demo").unwrap().model;
        (model.layers, model.heads) = (2, 2);
        let asked = |layer, head| Attending { layer, head };
        assert_eq!(asked(1, Some(1)).within(&model), asked(1, Some(1)));
        assert_eq!(asked(5, Some(2)).within(&model), asked(1, None));
    }

    #[test]
    fn a_system_without_a_hyper_modality_has_no_such_attention() {
        let (inspection, _) = looked_into(System::Mult);
        assert_eq!(inspection.attention, None);
        assert!(inspection.modalities.iter().all(|s| s.imagined.is_none()));
    }
}
