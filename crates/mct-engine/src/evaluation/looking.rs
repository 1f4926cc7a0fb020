//! Looking into one utterance: what is predicted of it from combinations of modalities and without some of its steps,
//! and what the model does with it.

use mct_corpus::Modality;
use mct_hfr::data::Masks;
use mct_hfr::evaluation::{inspect, outputs_without};
use web_time::Instant;

use super::jobs::{Job, LeavingOut, Urgency, Work};
use super::opening::OpenCorpus;
use super::{Combination, Combine, Evaluation, Inspect, LeaveOut, LeftOut, Response, Side};
use crate::error::message;

impl Evaluation {
    /// Whether the open corpus has an utterance whose steps these masks cover.
    pub(super) fn has(&self, index: usize, masks: &Masks) -> bool {
        let covers =
            |(modality, mask): (&Modality, &Vec<bool>)| mask.len() >= modality.steps(index);
        self.corpus
            .as_ref()
            .is_some_and(|OpenCorpus { corpus, .. }| {
                index < corpus.len()
                    && masks.len() == corpus.modalities.len()
                    && corpus.modalities.iter().zip(masks).all(covers)
            })
    }

    pub(super) async fn inspect(&self, request: &Inspect) -> Result<Response, String> {
        let (corpus, model, _) = self.resolve(request.model, Side::All)?;
        let (index, attending) = (request.utterance, request.attending);
        let inspection = inspect(
            model,
            corpus,
            index,
            &request.masks,
            attending,
            &self.device,
        );
        let inspection = inspection.await.map_err(message)?;
        Ok(Response::Inspected {
            ticket: request.ticket,
            inspection: Box::new(inspection),
        })
    }

    pub(super) async fn combine(&self, request: &Combine) -> Result<Response, String> {
        let (corpus, model, _) = self.resolve(request.model, Side::All)?;
        let index = request.utterance;
        let has = corpus.modalities.iter().map(|own| own.steps(index) > 0);
        let has: Vec<bool> = has.collect();
        let mut combinations = Vec::new();
        for present in combined(&has) {
            let mut masks = request.masks.clone();
            for (mask, _) in masks.iter_mut().zip(&present).filter(|(_, there)| !**there) {
                mask.fill(true);
            }
            let outputs = outputs_without(model, corpus, index, &masks, &self.device).await;
            combinations.push(Combination {
                present,
                outputs: outputs.map_err(message)?,
            });
        }
        Ok(Response::Combined {
            ticket: request.ticket,
            combinations,
        })
    }

    /// Window by window; whatever is more urgent comes between.
    pub(super) async fn leave_out(&mut self, mut leaving: LeavingOut) {
        let (ticket, model) = (leaving.request.ticket, leaving.request.model);
        let work = Work {
            urgency: Urgency::LeftOut,
            model,
            ticket,
        };
        let started = Instant::now();
        while let Some((modality, from, to)) = leaving.windows.pop_front() {
            match self.without(&leaving.request, modality, from, to).await {
                Ok(outputs) => leaving.done.push(LeftOut {
                    modality,
                    from,
                    to,
                    outputs,
                }),
                Err(message) => return self.fail(ticket, message),
            }
            if self.is_preempted(&work, started).await {
                return self.jobs.requeue(Job::LeaveOut(leaving));
            }
        }
        self.outbox.respond(Response::LeftOut {
            ticket,
            windows: leaving.done,
        });
    }

    async fn without(
        &self,
        request: &LeaveOut,
        modality: usize,
        from: usize,
        to: usize,
    ) -> Result<Vec<f32>, String> {
        let (corpus, model, _) = self.resolve(request.model, Side::All)?;
        let mut masks = request.masks.clone();
        masks[modality][from..to].fill(true);
        let outputs = outputs_without(model, corpus, request.utterance, &masks, &self.device);
        outputs.await.map_err(message)
    }
}

/// Combinations of the modalities that are there, the largest first: all of them for up to four, else each
/// alone, and all without each.
fn combined(has: &[bool]) -> Vec<Vec<bool>> {
    let there: Vec<usize> = (0..has.len()).filter(|m| has[*m]).collect();
    let count = there.len();
    let sets: Vec<Vec<usize>> = if count <= 4 {
        let set = |bits: usize| (0..count).filter(move |m| bits >> m & 1 == 1);
        (1..1usize << count)
            .map(|bits| set(bits).map(|m| there[m]).collect())
            .collect()
    } else {
        let without = |m: &usize| there.iter().copied().filter(|other| other != m).collect();
        let alone = there.iter().map(|m| vec![*m]);
        let all = std::iter::once(there.clone());
        all.chain(there.iter().map(without)).chain(alone).collect()
    };
    let mut sets: Vec<Vec<usize>> = sets;
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let flags = |set: Vec<usize>| (0..has.len()).map(|m| set.contains(&m)).collect();
    sets.into_iter().map(flags).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_of_what_is_there() {
        let all = combined(&[true, false, true]);
        assert_eq!(
            all,
            [
                [true, false, true],
                [true, false, false],
                [false, false, true]
            ]
        );
        assert_eq!(combined(&[true; 3]).len(), 7);
        assert!(combined(&[false]).is_empty());
        // All, without each, each alone.
        assert_eq!(combined(&[true; 5]).len(), 11);
    }
}
