//! The evaluation pipeline: owns the corpus and the models, and evaluates them on request.

mod jobs;
mod looking;
mod opening;
mod protocol;

use std::collections::BTreeMap;

use mct_corpus::Corpus;
use mct_corpus::limit::limit;
use mct_hfr::data::evaluation_batches;
use mct_hfr::device::{Device, answers};
use mct_hfr::evaluation::{Masking, batch_predictions, batch_representations};
use mct_hfr::model::Model;
use web_time::{Duration, Instant};

use crate::device::device;
use crate::error::message;
use crate::evaluation::jobs::{CurvePoint, Job, Jobs, LeavingOut, Urgency, Work};
use crate::evaluation::opening::{OpenCorpus, OpenModel};
use crate::pipeline::{Inbox, Outbox, Pipeline, yield_now};

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

fn masking(conditions: &Conditions) -> Masking<'_> {
    (&conditions.missing, conditions.mask_seed)
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

#[cfg(test)]
mod tests {
    use mct_corpus::Modality;
    use mct_hfr::data::Masks;
    use mct_hfr::evaluation::Attending;

    use super::*;
    use crate::source::Source;

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
