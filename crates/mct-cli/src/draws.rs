//! Predictions under several draws of the missing steps.

use anyhow::Result;
use mct_corpus::Corpus;
use mct_corpus::missing::Missing;
use mct_hfr::device::Named;
use mct_hfr::evaluation::predictions;
use mct_hfr::model::Model;
use mct_scores::Predicted;

/// What is predicted, and in which draws.
pub struct Draws<'a> {
    pub corpus: &'a Corpus,
    /// Each rate and what is missing at it.
    pub settings: &'a [(f64, Missing)],
    /// Of the masks, one of each draw.
    pub seeds: &'a [u64],
    pub batch_size: usize,
    pub device: &'a Named,
}

impl Draws<'_> {
    /// What `model` predicts of the utterances `indices`, `[draw][rate]`. Before each rate of each draw `next`
    /// is told of it, which can end the work.
    ///
    /// # Errors
    /// What `next` says, and a device that fails.
    pub fn predict(
        &self,
        model: &Model,
        indices: &[usize],
        mut next: impl FnMut(f64) -> Result<()>,
    ) -> Result<Vec<Vec<Predicted>>> {
        let task = model.config().task;
        let mut draws: Vec<Vec<Predicted>> = Vec::new();
        for &seed in self.seeds {
            let mut predicted = Vec::new();
            for (index, (rate, missing)) in self.settings.iter().enumerate() {
                next(*rate)?;
                // Every draw is the same where each step is missing for sure or not at all.
                let certain = missing.rates.iter().all(|rate| [0.0, 1.0].contains(rate));
                if let Some(first) = draws.first().filter(|_| certain) {
                    predicted.push(first[index].clone());
                    continue;
                }
                let masks = Some((missing, seed));
                let (corpus, size, on) = (self.corpus, self.batch_size, &self.device.device);
                let rows = predictions(model, corpus, indices, masks, size, on);
                predicted.push(Predicted::of(task, pollster::block_on(rows)?));
            }
            draws.push(predicted);
        }
        Ok(draws)
    }
}
