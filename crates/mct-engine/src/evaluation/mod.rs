//! The evaluation pipeline: owns the corpus and the models, and evaluates them on request.

mod jobs;
mod protocol;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use mct_corpus::fold::{Fold, fold, fold_names};
use mct_corpus::limit::limit;
use mct_corpus::{Corpus, Modality, Task, Utterance};
use mct_hfr::config::ProtocolKind;
use mct_hfr::data::{Masks, evaluation_batches};
use mct_hfr::device::{Device, answers};
use mct_hfr::evaluation::{
    Masking, batch_predictions, batch_representations, inspect, outputs_without,
};
use mct_hfr::model::Model;
use mct_hfr::training::truncations;
use sha2::{Digest as _, Sha256};
use web_time::{Duration, Instant};

use crate::device::device;
use crate::error::message;
use crate::evaluation::jobs::{CurvePoint, Job, Jobs, LeavingOut, Urgency, Work};
use crate::pipeline::{Inbox, Outbox, Pipeline, yield_now};
use crate::source::{Content, OpenedCorpus, OpenedModel, Source, Unreadable};

pub use protocol::{
    Combination, Combine, Conditions, CorpusCard, Curve, DeviceCard, Held, Inspect, LeaveOut,
    LeftOut, Limit, ModalityCard, ModelCard, ModelId, Part, Predict, Predictions, Represent,
    Representations, Request, Response, Series, Side, Split, Ticket,
};

/// Utterances per batch: few enough that the activations stay in a CPU cache.
const BATCH: usize = 16;

/// Batches between checks for new requests.
const BATCHES: usize = 8;

/// Work within this time is finished even where a newer request of the same kind is queued, so that the
/// matrix follows a slider while it is dragged.
const MIN_WORK_TIME: Duration = Duration::from_millis(100);

/// The evaluation pipeline.
pub struct Evaluation {
    inbox: Inbox<Request>,
    outbox: Outbox<Response>,
    device: Device,
    corpus: Option<OpenCorpus>,
    models: BTreeMap<ModelId, OpenModel>,
    jobs: Jobs,
    /// Whether a request has failed since the device was last checked.
    device_unchecked: bool,
}

struct OpenCorpus {
    source: Source,
    corpus: Corpus,
    /// Of its file, once somebody wants to know.
    sha256: OnceCell<Option<String>>,
}

struct OpenModel {
    card: ModelCard,
    model: Model,
    /// The corpus that it was trained on and its SHA-256, where known.
    trained_on: Option<TrainedOn>,
}

impl Pipeline for Evaluation {
    const NAME: &'static str = "evaluation";
    /// The name of the device.
    type Setup = String;
    type Request = Request;
    type Response = Response;

    async fn run(
        setup: String,
        inbox: Inbox<Request>,
        outbox: Outbox<Response>,
    ) -> Result<(), String> {
        let testing = &mut |share| outbox.respond(Response::Testing(share));
        let choice = device(&setup, testing).await?;
        outbox.respond(Response::Ready(DeviceCard {
            name: choice.named.name,
            description: choice.named.description,
            warning: choice.warning,
        }));
        let mut evaluation = Self {
            inbox,
            outbox,
            device: choice.named.device,
            corpus: None,
            models: BTreeMap::new(),
            jobs: Jobs::default(),
            device_unchecked: false,
        };
        evaluation.serve().await
    }
}

impl Evaluation {
    async fn serve(&mut self) -> Result<(), String> {
        loop {
            self.receive();
            match self.jobs.next() {
                Some(job) => self.perform(job).await,
                None => match self.inbox.next().await {
                    Some(request) => self.jobs.add(request),
                    None => return Ok(()),
                },
            }
            if std::mem::take(&mut self.device_unchecked) && !answers(&self.device).await {
                return Err("the device was lost".to_owned());
            }
            yield_now().await;
            if self.inbox.is_closed() {
                return Ok(());
            }
        }
    }

    /// Queues the requests that have arrived.
    fn receive(&mut self) {
        while let Some(request) = self.inbox.try_next() {
            self.jobs.add(request);
        }
    }

    /// Between batches: whether the work should yield to a queued job.
    async fn is_preempted(&mut self, work: &Work, started: Instant) -> bool {
        yield_now().await;
        self.receive();
        self.jobs.more_urgent(work) || started.elapsed() > MIN_WORK_TIME && self.jobs.newer(work)
    }

    async fn perform(&mut self, job: Job) {
        match job {
            Job::Open { source, model } => self.open(source, model).await,
            Job::Close(model) => {
                self.models.remove(&model);
            }
            Job::SaveCorpus => match self.corpus_file() {
                Ok(response) => self.outbox.respond(response),
                Err(message) => self.fail(0, message),
            },
            Job::Predict(request) => self.predict(request).await,
            Job::CurvePoint(point) => self.curve_point(point).await,
            Job::Limit(request) => match self.limit(&request) {
                Ok(response) => self.outbox.respond(response),
                Err(message) => self.fail(request.ticket, message),
            },
            // Asked of a corpus that is not open any more: the window asks again of the new one.
            Job::Inspect(Inspect {
                utterance, masks, ..
            })
            | Job::Combine(Combine {
                utterance, masks, ..
            }) if !self.has(utterance, &masks) => {}
            Job::LeaveOut(LeavingOut { request, .. })
                if !self.has(request.utterance, &request.masks) => {}
            Job::Inspect(request) => match self.inspect(&request).await {
                Ok(response) => self.outbox.respond(response),
                Err(message) => self.fail(request.ticket, message),
            },
            Job::Combine(request) => match self.combine(&request).await {
                Ok(response) => self.outbox.respond(response),
                Err(message) => self.fail(request.ticket, message),
            },
            Job::LeaveOut(leaving) => self.leave_out(leaving).await,
            Job::Represent(request) => self.represent(request).await,
        }
    }

    fn fail(&mut self, ticket: Ticket, message: String) {
        self.device_unchecked = true;
        self.outbox.respond(Response::Failed { ticket, message });
    }

    async fn open(&mut self, source: Source, id: ModelId) {
        let name = source.name();
        let opened = match source.read().await {
            Ok(Content::Corpus(opened)) => self.set_corpus(source, *opened).map_err(Into::into),
            Ok(Content::Model(opened)) => self
                .set_model(name.clone(), *opened, id)
                .await
                .map_err(Into::into),
            Err(unreadable) => Err(unreadable),
        };
        self.outbox.respond(match opened {
            Ok(()) => Response::Opened(id),
            Err(Unreadable {
                message,
                is_features,
            }) => Response::Refused {
                id,
                name,
                message,
                is_features,
            },
        });
    }

    /// The open corpus as a file.
    fn corpus_file(&self) -> Result<Response, String> {
        let open = self.corpus.as_ref().ok_or("no corpus is open")?;
        let bytes = open.corpus.to_bytes().map_err(message)?;
        Ok(Response::CorpusFile(bytes.into()))
    }

    fn set_corpus(
        &mut self,
        source: Source,
        OpenedCorpus { corpus, notes }: OpenedCorpus,
    ) -> Result<(), String> {
        corpus.require_finite().map_err(message)?;
        let card = corpus_card(&source, &corpus, notes);
        self.outbox.respond(Response::Corpus(Box::new(card)));
        self.corpus = Some(OpenCorpus {
            source,
            corpus,
            sha256: OnceCell::new(),
        });
        let open_corpus = self.corpus.as_ref();
        for open in self.models.values_mut() {
            open.card.fit(open_corpus.map(|open| &open.corpus));
            open.card.note = note(open.trained_on.as_ref(), open_corpus);
            self.outbox
                .respond(Response::Model(Box::new(open.card.clone())));
        }
        Ok(())
    }

    async fn set_model(
        &mut self,
        name: String,
        opened: OpenedModel,
        id: ModelId,
    ) -> Result<(), String> {
        let checkpoint = &opened.checkpoint;
        let model = checkpoint.model(&self.device).map_err(message)?;
        // A run opens its corpus, unless one is open that it can be evaluated on: that was asked for.
        let mut absent = None;
        if let Some((source, _)) = &opened.corpus {
            let fits = |open: &OpenCorpus| {
                open.source.is(source)
                    || checkpoint.interface.require_features(&open.corpus).is_ok()
            };
            if !self.corpus.as_ref().is_some_and(fits) {
                match source.corpus().await {
                    Ok(corpus) => self.set_corpus(source.clone(), corpus.into())?,
                    // It may have moved.
                    Err(error) => {
                        absent = Some(format!(
                            "its corpus cannot be opened ({error}): open it, wherever it is"
                        ));
                    }
                }
            }
        }
        let trained_on = match opened.corpus {
            Some((source, sha256)) => Some(TrainedOn {
                source: Some(source),
                sha256,
            }),
            None => checkpoint.corpus.clone().map(|sha256| TrainedOn {
                source: None,
                sha256,
            }),
        };
        let mut card = ModelCard {
            id,
            name,
            config: checkpoint.config.clone(),
            interface: checkpoint.interface.clone(),
            parameters: parameters(&model),
            history: opened.history,
            unfinished: opened.unfinished,
            note: absent.or_else(|| note(trained_on.as_ref(), self.corpus.as_ref())),
            fold: Err(String::new()),
            cut: Vec::new(),
        };
        card.fit(self.corpus.as_ref().map(|open| &open.corpus));
        self.outbox.respond(Response::Model(Box::new(card.clone())));
        self.models.insert(
            id,
            OpenModel {
                card,
                model,
                trained_on,
            },
        );
        Ok(())
    }

    /// The corpus, a model, and the utterances of a side of the model's fold.
    fn resolve(&self, id: ModelId, side: Side) -> Result<(&Corpus, &Model, Vec<usize>), String> {
        let corpus = self.corpus.as_ref().ok_or("no corpus is open")?;
        let open = self.models.get(&id).ok_or("the model is closed")?;
        let fold = open.card.fold.as_ref().map_err(Clone::clone)?;
        let utterances = match side {
            Side::Test => fold.test.clone(),
            Side::Validation => fold.validation.clone(),
            Side::Train => fold.train.clone(),
            Side::All => (0..corpus.corpus.len()).collect(),
        };
        Ok((&corpus.corpus, &open.model, utterances))
    }

    async fn predict(&mut self, request: Predict) {
        let work = Work {
            urgency: Urgency::Matrix,
            model: request.model,
            ticket: request.ticket,
        };
        match self
            .predictions(work, request.side, &request.conditions)
            .await
        {
            Ok(Some(predictions)) => self.outbox.respond(Response::Predicted(predictions)),
            Ok(None) => self.jobs.requeue(Job::Predict(request)),
            Err(message) => self.fail(request.ticket, message),
        }
    }

    async fn curve_point(&mut self, point: CurvePoint) {
        let work = Work {
            urgency: Urgency::Curves(point.series),
            model: point.model,
            ticket: point.ticket,
        };
        match self.predictions(work, point.side, &point.conditions).await {
            Ok(Some(predictions)) => self.outbox.respond(Response::CurvePoint {
                series: point.series,
                index: point.index,
                predictions,
            }),
            Ok(None) => self.jobs.requeue(Job::CurvePoint(point)),
            Err(message) => self.fail(point.ticket, message),
        }
    }

    /// `None` when the work was preempted.
    async fn predictions(
        &mut self,
        work: Work,
        side: Side,
        conditions: &Conditions,
    ) -> Result<Option<Predictions>, String> {
        let started = Instant::now();
        let id = work.model;
        let (corpus, model, utterances) = self.resolve(id, side)?;
        conditions.missing.validate(corpus).map_err(message)?;
        let outputs = model.outputs();
        let batches = evaluation_batches(corpus, &utterances, model.config(), BATCH);
        let mut rows = vec![0.0; corpus.len() * outputs];
        for batches in batches.chunks(BATCHES) {
            let (corpus, model, _) = self.resolve(id, Side::All)?;
            let masking = Some(masking(conditions));
            let values = batch_predictions(model, corpus, batches, masking, &self.device)
                .await
                .map_err(message)?;
            for (index, row) in batches
                .iter()
                .zip(&values)
                .flat_map(|(batch, values)| batch.iter().zip(values.chunks_exact(outputs)))
            {
                rows[index * outputs..][..outputs].copy_from_slice(row);
            }
            if self.is_preempted(&work, started).await {
                return Ok(None);
            }
        }
        let values = utterances
            .iter()
            .flat_map(|index| &rows[index * outputs..][..outputs])
            .copied()
            .collect();
        Ok(Some(Predictions {
            ticket: work.ticket,
            model: id,
            held: Held {
                side,
                conditions: conditions.clone(),
            },
            outputs: values,
            utterances,
            millis: started.elapsed().as_secs_f32() * 1e3,
        }))
    }

    fn limit(&self, request: &Limit) -> Result<Response, String> {
        let (corpus, _, utterances) = self.resolve(request.model, request.side)?;
        let points =
            limit(corpus, &utterances, &request.settings, request.mask_seed).map_err(message)?;
        let ticket = request.ticket;
        Ok(Response::Limit { ticket, points })
    }

    /// Whether the open corpus has an utterance whose steps these masks cover.
    fn has(&self, index: usize, masks: &Masks) -> bool {
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

    async fn inspect(&self, request: &Inspect) -> Result<Response, String> {
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

    async fn combine(&self, request: &Combine) -> Result<Response, String> {
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
    async fn leave_out(&mut self, mut leaving: LeavingOut) {
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

    async fn represent(&mut self, request: Represent) {
        let ticket = request.ticket;
        match self.representations(&request).await {
            Ok(Some(representations)) => {
                self.outbox.respond(Response::Represented(representations))
            }
            Ok(None) => self.jobs.requeue(Job::Represent(request)),
            Err(message) => self.fail(ticket, message),
        }
    }

    /// `None` when the work was preempted.
    async fn representations(
        &mut self,
        request: &Represent,
    ) -> Result<Option<Representations>, String> {
        let (corpus, model, all) = self.resolve(request.model, request.side)?;
        request
            .conditions
            .missing
            .validate(corpus)
            .map_err(message)?;
        let work = Work {
            urgency: Urgency::Embedding,
            model: request.model,
            ticket: request.ticket,
        };
        let started = Instant::now();
        let count = all.len().min(request.max_utterances.max(1));
        let utterances: Vec<usize> = (0..count).map(|i| all[i * all.len() / count]).collect();
        let batches = evaluation_batches(corpus, &utterances, model.config(), BATCH);
        // `[view][part][utterance]`, each a vector, by index into the corpus.
        let mut views: [Vec<Vec<Vec<f32>>>; 2] = [Vec::new(), Vec::new()];
        for batch in batches {
            for (view, masking) in views
                .iter_mut()
                .zip([None, Some(masking(&request.conditions))])
            {
                let (corpus, model, _) = self.resolve(request.model, Side::All)?;
                let batch = std::slice::from_ref(&batch);
                let vectors = batch_representations(model, corpus, batch, masking, &self.device)
                    .await
                    .map_err(message)?;
                for (index, vectors) in batch.iter().flatten().zip(vectors.into_iter().flatten()) {
                    view.resize_with(vectors.len(), || vec![Vec::new(); corpus.len()]);
                    for (by_index, vector) in view.iter_mut().zip(vectors) {
                        by_index[*index] = vector;
                    }
                }
            }
            if self.is_preempted(&work, started).await {
                return Ok(None);
            }
        }
        let (corpus, _, _) = self.resolve(request.model, Side::All)?;
        let [complete, incomplete] = views;
        let flatten = |by_index: &[Vec<f32>]| -> Vec<f32> {
            let rows = utterances.iter().flat_map(|index| &by_index[*index]);
            rows.copied().collect()
        };
        let parts: Vec<Part> = part_names(corpus, complete.len())
            .into_iter()
            .zip(complete.iter().zip(&incomplete))
            .map(|(name, (complete, incomplete))| Part {
                name,
                width: utterances.first().map_or(0, |index| complete[*index].len()),
                complete: flatten(complete),
                incomplete: flatten(incomplete),
            })
            .collect();
        Ok(Some(Representations {
            ticket: request.ticket,
            model: request.model,
            held: Held {
                side: request.side,
                conditions: request.conditions.clone(),
            },
            parts,
            utterances,
        }))
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

fn masking(conditions: &Conditions) -> Masking<'_> {
    (&conditions.missing, conditions.mask_seed)
}

fn parameters(model: &Model) -> usize {
    use mct_hfr::nn::parameters::shapes;

    shapes(model)
        .values()
        .map(|shape| shape.iter().product::<usize>())
        .sum()
}

/// Vectors are named after the modalities where there is one per modality, otherwise numbered.
fn part_names(corpus: &Corpus, count: usize) -> Vec<String> {
    if count == corpus.modalities.len() {
        corpus.modalities.iter().map(|m| m.name.clone()).collect()
    } else {
        (1..=count)
            .map(|number| format!("vector {number}"))
            .collect()
    }
}

impl ModelCard {
    /// Says what the model has of the open corpus.
    fn fit(&mut self, corpus: Option<&Corpus>) {
        self.fold = fold_of(self, corpus);
        self.cut = match (&self.fold, corpus) {
            (Ok(_), Some(corpus)) => {
                let all: Vec<usize> = (0..corpus.len()).collect();
                truncations(corpus, &self.config.model, &all)
            }
            _ => Vec::new(),
        };
    }
}

/// The fold of a model; of a corpus without labels that it knows, all of whose utterances are predicted, a
/// test set.
fn fold_of(card: &ModelCard, corpus: Option<&Corpus>) -> Result<Fold, String> {
    let corpus = corpus.ok_or("no corpus is open")?;
    let task = card.config.model.task;
    if !card.interface.knows_labels_of(corpus) {
        card.interface.require_features(corpus).map_err(message)?;
        return Ok(Fold {
            name: "utterances without a label of the model".to_owned(),
            train: Vec::new(),
            validation: Vec::new(),
            test: (0..corpus.len()).collect(),
            warnings: Vec::new(),
        });
    }
    let fitted = card.interface.fit(corpus).map_err(message)?;
    let training = &card.config.training;
    fold(&fitted, task, training.protocol.into(), training.fold).map_err(message)
}

/// What a model was trained on.
struct TrainedOn {
    /// Where that was, for a run.
    source: Option<Source>,
    /// Of the corpus file.
    sha256: String,
}

/// That a model was trained on another corpus than the open one.
fn note(trained_on: Option<&TrainedOn>, open: Option<&OpenCorpus>) -> Option<String> {
    let (TrainedOn { source, sha256 }, open) = (trained_on?, open?);
    let is_labelled =
        |own: &Utterance| own.label.is_some() || own.targets.iter().any(Option::is_some);
    if !open.corpus.utterances.iter().any(is_labelled) {
        // Nothing is scored.
        return None;
    }
    let found = open.sha256();
    // Where nobody knows which corpus is open, weights alone say nothing of it.
    if found == Some(sha256) || found.is_none() && source.is_none() {
        return None;
    }
    let is_moved = |source: &Source| open.source.is(source);
    if found.is_some() && source.as_ref().is_some_and(is_moved) {
        return Some("its corpus has changed since it was trained".to_owned());
    }
    let of = source
        .as_ref()
        .map_or_else(String::new, |source| format!(" ({})", source.name()));
    Some(format!(
        "trained on another corpus{of}: what is a test utterance here, it may have been trained on"
    ))
}

impl OpenCorpus {
    /// Of its file, or of the file that a run of it is kept with.
    fn sha256(&self) -> Option<&String> {
        let read = || {
            #[cfg(not(target_arch = "wasm32"))]
            if let Some(path) = self.source.corpus_file() {
                let reference = mct_runs::CorpusReference::of(path).ok()?;
                return Some(reference.sha256);
            }
            let is_generated = matches!(self.source, Source::Demo { .. });
            let hash = match self.source.corpus_bytes() {
                Some(bytes) => Sha256::digest(bytes),
                // A page has no memory for a second corpus; one that is generated has a size that is known.
                None if cfg!(target_arch = "wasm32") && !is_generated => return None,
                None => Sha256::digest(self.corpus.to_bytes().ok()?),
            };
            Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        self.sha256.get_or_init(read).as_ref()
    }
}

fn corpus_card(source: &Source, corpus: &Corpus, notes: Option<Vec<String>>) -> CorpusCard {
    let modalities = corpus.modalities.iter().map(|modality| ModalityCard {
        name: modality.name.clone(),
        features: modality.dim,
        rate_hz: modality.rate_hz,
        steps: (0..corpus.len())
            .map(|i| modality.steps(i) as u32)
            .collect(),
    });
    let labelled = [
        (Task::Classification, !corpus.metadata.classes.is_empty()),
        (Task::Regression, !corpus.metadata.targets.is_empty()),
    ];
    let labelled = labelled.into_iter().filter(|(_, is_labelled)| *is_labelled);
    let splits = labelled.flat_map(|(task, _)| {
        ProtocolKind::ALL.map(|protocol| Split {
            task,
            protocol,
            folds: fold_names(corpus, task, protocol.into()).map_err(message),
        })
    });
    CorpusCard {
        splits: splits.collect(),
        source: source.clone(),
        metadata: corpus.metadata.clone(),
        modalities: modalities.collect(),
        utterances: corpus.utterances.clone(),
        columns: corpus.columns.clone(),
        notes,
    }
}

#[cfg(test)]
mod tests {
    use mct_hfr::evaluation::Attending;

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

    #[test]
    #[cfg(not(target_arch = "wasm32"))]
    fn a_request_of_another_corpus_is_dropped() {
        use std::sync::Arc;

        use crate::pipeline::{Handle, Received};

        let evaluation = Handle::<Evaluation>::start("flex".into(), Arc::new(|| {})).unwrap();
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets");
        let demo = Source::Demo {
            seed: 1,
            scale: 0.02,
        };
        let model = ModelId(2);
        for (id, source) in [
            (ModelId(1), demo.clone()),
            (
                model,
                Source::Path(format!("{assets}/demo-model.safetensors").into()),
            ),
        ] {
            evaluation.request(Request::Open { source, model: id });
        }
        let corpus = mct_corpus::demo::generate(1, 0.02).unwrap();
        let mask = |own: &Modality| vec![false; own.steps(0)];
        let whole: Masks = corpus.modalities.iter().map(mask).collect();
        let short: Masks = vec![vec![false]; whole.len()];
        for (ticket, utterance, masks) in [(1, 1_000_000, &whole), (2, 0, &short), (3, 0, &whole)] {
            evaluation.request(Request::Combine(Combine {
                ticket,
                model,
                utterance,
                masks: masks.clone(),
            }));
            evaluation.request(Request::Inspect(Inspect {
                ticket,
                model,
                utterance,
                masks: masks.clone(),
                attending: Attending::default(),
            }));
            evaluation.request(Request::LeaveOut(LeaveOut {
                ticket,
                model,
                utterance,
                masks: masks.clone(),
            }));
            // One after the other: the newest of a kind would win.
            std::thread::sleep(Duration::from_millis(500));
        }
        let (mut inspected, mut combined, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..600 {
            for received in evaluation.received() {
                match received {
                    Received::Response(Response::Inspected { ticket, .. }) => {
                        inspected.push(ticket)
                    }
                    Received::Response(Response::Combined { ticket, .. }) => combined.push(ticket),
                    Received::Response(Response::LeftOut { ticket, windows }) => {
                        left_out.push(ticket);
                        let asked: usize = whole.iter().map(|own| own.len().min(32)).sum();
                        assert!(windows.len() <= asked && windows.len() > whole.len());
                        for own in &windows {
                            let sum: f32 = own.outputs.iter().sum();
                            assert!((sum - 1.0).abs() < 1e-4, "{own:?}");
                        }
                        assert_ne!(windows[0].outputs, windows[1].outputs);
                    }
                    Received::Response(Response::Failed { message, .. }) => panic!("{message}"),
                    Received::Died(message) => panic!("{message}"),
                    Received::Response(_) => {}
                }
            }
            if !inspected.is_empty() && !combined.is_empty() && !left_out.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!((inspected, combined, left_out), (vec![3], vec![3], vec![3]));
    }
}
