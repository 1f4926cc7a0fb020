//! What follows from the state of the workspace: which questions the pipelines should be asked.
//!
//! Panels change what they want to see. Once a frame, what is wanted is held against what was asked
//! last; where they differ, the pipeline is asked, and the ticket of the question says which answer is
//! the newest.

use mct_engine::embedding::{self, Embedding, Method, Project};
use mct_engine::evaluation::{
    Conditions, Curve, Evaluation, Inspect, Limit, ModelId, Predict, Represent, Request, Response,
    Side, Ticket,
};
use mct_engine::pipeline::Handle;
use std::collections::BTreeMap;

use crate::state::embedding::{MOST_UTTERANCES, Vectors, Views};
use crate::state::models::{Evaluated, RATES};
use crate::state::notices::Kind;
use crate::state::{Seen, Workspace};

/// A question of one kind: what was asked last, under which ticket.
struct Slot<K>(Option<(K, Ticket)>);

impl<K> Default for Slot<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq> Slot<K> {
    /// The ticket to ask under, where this differs from what was asked last.
    fn want(&mut self, wanted: K, next: &mut Ticket) -> Option<Ticket> {
        if self.0.as_ref().is_some_and(|(asked, _)| *asked == wanted) {
            return None;
        }
        *next += 1;
        self.0 = Some((wanted, *next));
        Some(*next)
    }

    fn is(&self, ticket: Ticket) -> bool {
        self.0.as_ref().is_some_and(|(_, own)| *own == ticket)
    }
}

type PredictKey = (u64, Side, Conditions);
type LimitKey = (u64, ModelId, Side, Vec<Conditions>);
type InspectKey = (u64, ModelId, usize, Vec<Vec<bool>>, usize);
type RepresentKey = (u64, ModelId, Side, Conditions);
type ProjectKey = (Ticket, Vectors, Views, Method, u64);

#[derive(Default)]
pub struct Requests {
    last: Ticket,
    predict: BTreeMap<ModelId, Slot<PredictKey>>,
    curves: BTreeMap<ModelId, Slot<(u64, Side, Vec<Conditions>)>>,
    limit: Slot<LimitKey>,
    limit_now: Slot<LimitKey>,
    inspect: Slot<InspectKey>,
    represent: Slot<RepresentKey>,
    project: Slot<ProjectKey>,
    answers: u64,
}

impl Requests {
    /// Asks what is wanted and has not been asked.
    pub fn request(
        &mut self,
        workspace: &mut Workspace,
        evaluation: &Handle<Evaluation>,
        embedding: &Handle<Embedding>,
        embedding_is_seen: bool,
    ) {
        if workspace.corpus.is_none() {
            return;
        }
        self.request_predictions(workspace, evaluation);
        self.request_curves(workspace, evaluation);
        self.request_limits(workspace, evaluation);
        self.request_inspection(workspace, evaluation);
        if embedding_is_seen {
            self.request_representations(workspace, evaluation);
            self.request_projection(workspace, embedding);
        }
    }

    /// Models that can be evaluated on the open corpus.
    fn usable(workspace: &Workspace) -> Vec<ModelId> {
        let models = workspace.models.iter();
        let usable = models.filter(|open| open.card.fold.is_ok());
        usable.map(|open| open.card.id).collect()
    }

    fn request_predictions(&mut self, workspace: &Workspace, evaluation: &Handle<Evaluation>) {
        let usable = Self::usable(workspace);
        let models = [workspace.models.shown, workspace.models.compared];
        for model in models
            .into_iter()
            .flatten()
            .filter(|id| usable.contains(id))
        {
            let conditions = workspace.missing.conditions();
            let key = (workspace.corpus_version, workspace.side, conditions.clone());
            let slot = self.predict.entry(model).or_default();
            if let Some(ticket) = slot.want(key, &mut self.last) {
                evaluation.request(Request::Predict(Predict {
                    ticket,
                    model,
                    side: workspace.side,
                    conditions,
                }));
            }
        }
    }

    fn request_curves(&mut self, workspace: &mut Workspace, evaluation: &Handle<Evaluation>) {
        let conditions: Vec<Conditions> = RATES
            .iter()
            .map(|rate| workspace.missing.at(*rate))
            .collect();
        for model in Self::usable(workspace) {
            let key = (workspace.corpus_version, workspace.side, conditions.clone());
            let slot = self.curves.entry(model).or_default();
            if let Some(ticket) = slot.want(key, &mut self.last) {
                if let Some(open) = workspace.models.get_mut(model) {
                    open.curve = Default::default();
                }
                evaluation.request(Request::Curve(Curve {
                    ticket,
                    model,
                    side: workspace.side,
                    conditions: conditions.clone(),
                }));
            }
        }
    }

    fn request_limits(&mut self, workspace: &mut Workspace, evaluation: &Handle<Evaluation>) {
        let process = workspace
            .corpus
            .as_ref()
            .and_then(|card| card.metadata.process.as_ref());
        let Some(model) = workspace
            .models
            .shown
            .filter(|id| process.is_some() && Self::usable(workspace).contains(id))
        else {
            return;
        };
        let curve: Vec<Conditions> = RATES
            .iter()
            .map(|rate| workspace.missing.at(*rate))
            .collect();
        let wanted = [
            (&mut self.limit, curve),
            (&mut self.limit_now, vec![workspace.missing.conditions()]),
        ];
        for (slot, conditions) in wanted {
            let side = workspace.side;
            let key = (workspace.corpus_version, model, side, conditions.clone());
            let Some(ticket) = slot.want(key, &mut self.last) else {
                continue;
            };
            let settings = conditions.into_iter().zip(RATES);
            evaluation.request(Request::Limit(Limit {
                ticket,
                model,
                side,
                settings: settings.map(|(own, rate)| (rate, own.missing)).collect(),
                mask_seed: workspace.missing.mask_seed,
            }));
        }
    }

    fn request_inspection(&mut self, workspace: &Workspace, evaluation: &Handle<Evaluation>) {
        let usable = Self::usable(workspace);
        let Some(model) = workspace.models.shown.filter(|id| usable.contains(id)) else {
            return;
        };
        let Some(utterance) = workspace.focus() else {
            return;
        };
        let Some(masks) = workspace.masks(utterance) else {
            return;
        };
        let layer = workspace.inspector.layer;
        let key = (
            workspace.corpus_version,
            model,
            utterance,
            masks.clone(),
            layer,
        );
        if let Some(ticket) = self.inspect.want(key, &mut self.last) {
            evaluation.request(Request::Inspect(Inspect {
                ticket,
                model,
                utterance,
                masks,
                layer,
            }));
        }
    }

    fn request_representations(&mut self, workspace: &Workspace, evaluation: &Handle<Evaluation>) {
        let usable = Self::usable(workspace);
        let Some(model) = workspace.models.shown.filter(|id| usable.contains(id)) else {
            return;
        };
        let conditions = workspace.missing.conditions();
        let key = (
            workspace.corpus_version,
            model,
            workspace.side,
            conditions.clone(),
        );
        if let Some(ticket) = self.represent.want(key, &mut self.last) {
            evaluation.request(Request::Represent(Represent {
                ticket,
                model,
                side: workspace.side,
                conditions,
                most: MOST_UTTERANCES,
            }));
        }
    }

    fn request_projection(&mut self, workspace: &mut Workspace, embedding: &Handle<Embedding>) {
        let projection = &mut workspace.projection;
        let Some(all) = &projection.representations else {
            return;
        };
        let (vectors, views) = (projection.settings.vectors, projection.settings.views);
        let method = projection.method();
        let before = self.project.0.as_ref().map(|(key, _)| key);
        // A learning rate is changed on the way, without starting again.
        let like = before.map_or(method, |before| with_rate_of(method, before.3));
        let key = (all.ticket, vectors, views, like, projection.restarts);
        // The same points with other vectors go on from where they are.
        let goes_on = before.is_some_and(|before| before.1 == vectors && before.4 == key.4)
            && projection.places.len() == projection.cloud.points.len()
            && projection.placed == projection.cloud.points;
        let Some(ticket) = self.project.want(key, &mut self.last) else {
            return;
        };
        projection.paused = false;
        let from = goes_on.then(|| projection.places.clone());
        projection.placed.clone_from(&projection.cloud.points);
        embedding.request(embedding::Request::Project(Project {
            ticket,
            width: projection.cloud.width,
            vectors: projection.cloud.vectors.clone(),
            method,
            from,
        }));
    }

    /// Takes in an answer of the evaluation pipeline; answers to older questions are dropped.
    pub fn answer(&mut self, response: Response, workspace: &mut Workspace) {
        match response {
            Response::Predicted(predictions) => {
                let slot = self.predict.get(&predictions.model);
                // An older answer still follows the slider better than none.
                if slot.is_none() {
                    return;
                }
                let Workspace { corpus, models, .. } = workspace;
                if let (Some(card), Some(open)) = (corpus, models.get_mut(predictions.model)) {
                    let classes = card.metadata.classes.len();
                    open.evaluated = Evaluated::of(predictions, &card.utterances, classes);
                }
            }
            Response::CurvePoint { place, predictions } => {
                let slot = self.curves.get(&predictions.model);
                if !slot.is_some_and(|slot| slot.is(predictions.ticket)) {
                    return;
                }
                let Workspace { corpus, models, .. } = workspace;
                if let (Some(card), Some(open)) = (corpus, models.get_mut(predictions.model))
                    && let Some(point) = open.curve.points.get_mut(place)
                {
                    let classes = card.metadata.classes.len();
                    let evaluated = Evaluated::of(predictions, &card.utterances, classes);
                    *point = evaluated.map(|evaluated| evaluated.scores);
                }
            }
            Response::Limit { ticket, points } => {
                let ua: Vec<f64> = points.iter().map(|point| point.ua).collect();
                if self.limit.is(ticket) {
                    workspace.limit = Some(ua);
                } else if self.limit_now.is(ticket) {
                    workspace.limit_now = ua.first().copied();
                }
            }
            Response::Inspected { ticket, inspection } => {
                if let Some(((_, model, utterance, _, _), own)) = &self.inspect.0
                    && *own == ticket
                {
                    self.answers += 1;
                    workspace.inspector.seen = Some(Seen {
                        model: *model,
                        utterance: *utterance,
                        inspection: *inspection,
                        version: self.answers,
                    });
                }
            }
            Response::Represented(representations) => {
                if self.represent.is(representations.ticket) {
                    workspace.projection.representations = Some(representations);
                    workspace.projection.select_vectors();
                }
            }
            Response::Failed { message, .. } => workspace.notices.add(Kind::Error, message),
            // Not answers to questions of this file.
            Response::Testing(_)
            | Response::Ready(_)
            | Response::Corpus(_)
            | Response::Model(_)
            | Response::Refused { .. } => {}
        }
    }

    /// Takes in an answer of the embedding pipeline.
    pub fn answer_embedding(&mut self, response: embedding::Response, workspace: &mut Workspace) {
        match response {
            embedding::Response::Places(places) => {
                if self.project.is(places.ticket) {
                    workspace.projection.set_places(places);
                }
            }
            embedding::Response::Failed { ticket, message } => {
                if self.project.is(ticket) {
                    workspace.projection.problem = Some(message);
                }
            }
        }
    }

    /// The weights of this model are others now.
    pub fn forget_model(&mut self, id: ModelId) {
        self.predict.remove(&id);
        self.curves.remove(&id);
        self.inspect = Slot::default();
        self.represent = Slot::default();
    }

    /// Everything is asked again, of a pipeline that has been started anew.
    pub fn forget_all(&mut self) {
        let last = self.last;
        *self = Self {
            last,
            answers: self.answers,
            ..Self::default()
        };
    }

    /// The projection is asked again.
    pub fn forget_projection(&mut self) {
        self.project = Slot::default();
    }
}

/// The method with the learning rate of another.
fn with_rate_of(method: Method, other: Method) -> Method {
    match (method, other) {
        (
            Method::Tsne {
                perplexity,
                seed,
                steps,
                ..
            },
            Method::Tsne { learning_rate, .. },
        ) => Method::Tsne {
            perplexity,
            learning_rate,
            seed,
            steps,
        },
        (method, _) => method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_asked_once_and_only_its_newest_ticket_counts() {
        let mut slot = Slot::default();
        let mut last = 0;
        assert_eq!(slot.want(5, &mut last), Some(1));
        assert_eq!(slot.want(5, &mut last), None);
        assert_eq!(slot.want(6, &mut last), Some(2));
        assert!(!slot.is(1));
        assert!(slot.is(2));
    }
}
