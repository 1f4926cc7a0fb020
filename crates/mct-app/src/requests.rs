//! Requests to the pipelines that follow from the state of the workspace.
//!
//! Panels change the state. Once per frame, the requests that follow from it are compared with the latest
//! ones sent; where they differ, a new request is sent. Its ticket identifies the response to it, so that
//! outdated responses are dropped.

use mct_engine::embedding::{self, Embedding, Method, Project};
use mct_engine::evaluation::{
    Combine, Conditions, Curve, Evaluation, Inspect, LeaveOut, Limit, ModelId, Predict,
    Predictions, Represent, Request, Response, Series, Side, Ticket,
};
use mct_engine::pipeline::Handle;
use mct_hfr::evaluation::Attending;
use std::collections::BTreeMap;

use crate::panels::Pane;
use crate::state::categories::Categories;
use crate::state::embedding::{MAX_UTTERANCES, Vectors, Views};
use crate::state::modalities::ByModality;
use crate::state::models::{Evaluated, RATES};
use crate::state::notices::Kind;
use crate::state::{Seen, Weighed, Workspace};

/// The latest request of one kind: its parameters and its ticket.
struct Latest<K>(Option<(K, Ticket)>);

impl<K> Default for Latest<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq> Latest<K> {
    /// The ticket of a new request; `None` where the latest one had the same parameters. `last` is the
    /// last ticket of all kinds.
    fn update(&mut self, key: K, last: &mut Ticket) -> Option<Ticket> {
        if self.0.as_ref().is_some_and(|(latest, _)| *latest == key) {
            return None;
        }
        *last += 1;
        self.0 = Some((key, *last));
        Some(*last)
    }

    fn has_ticket(&self, ticket: Ticket) -> bool {
        self.0.as_ref().is_some_and(|(_, latest)| *latest == ticket)
    }
}

type PredictKey = (u64, Side, Conditions);
type CurveKey = (u64, ModelId, Side, Vec<Conditions>);
type LimitKey = (u64, ModelId, Side, Vec<Conditions>);
type InspectKey = (u64, ModelId, usize, Vec<Vec<bool>>, Attending);
type CombineKey = (u64, ModelId, usize, Vec<Vec<bool>>);
type RepresentKey = (u64, ModelId, Side, Conditions);
type ProjectKey = (Ticket, Vectors, Views, Method, u64);

/// The latest request of each kind.
#[derive(Default)]
pub struct Requests {
    /// The last ticket.
    last: Ticket,
    predict: BTreeMap<ModelId, Latest<PredictKey>>,
    curves: BTreeMap<ModelId, Latest<(u64, Side, Vec<Conditions>)>>,
    complete: Latest<CurveKey>,
    modalities: Latest<CurveKey>,
    limit: Latest<LimitKey>,
    limit_now: Latest<LimitKey>,
    inspect: Latest<InspectKey>,
    /// Of the compared model.
    inspect_compared: Latest<InspectKey>,
    leave_out: Latest<CombineKey>,
    combine: Latest<CombineKey>,
    represent: Latest<RepresentKey>,
    project: Latest<ProjectKey>,
    /// Number of inspections received.
    inspections: u64,
}

impl Requests {
    /// Sends the requests that follow from the workspace and have not been sent yet.
    pub fn request(
        &mut self,
        workspace: &mut Workspace,
        evaluation: &Handle<Evaluation>,
        embedding: &Handle<Embedding>,
        is_seen: impl Fn(Pane) -> bool,
    ) {
        if workspace.corpus.is_none() {
            return;
        }
        self.request_predictions(workspace, evaluation);
        self.request_curves(workspace, evaluation);
        self.request_limits(workspace, evaluation);
        self.request_inspection(workspace, evaluation);
        if is_seen(Pane::Slices) {
            self.request_complete(workspace, evaluation);
        }
        if is_seen(Pane::Modalities) {
            self.request_modalities(workspace, evaluation);
        }
        if is_seen(Pane::Embedding) {
            self.request_representations(workspace, evaluation);
            self.request_projection(workspace, embedding);
        }
    }

    /// Models that can be evaluated on the open corpus.
    fn usable(workspace: &Workspace) -> Vec<ModelId> {
        workspace
            .models
            .iter()
            .filter(|open| open.card.fold.is_ok())
            .map(|open| open.card.id)
            .collect()
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
            let latest = self.predict.entry(model).or_default();
            if let Some(ticket) = latest.update(key, &mut self.last) {
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
            .map(|rate| workspace.missing.at_rate(*rate))
            .collect();
        for model in Self::usable(workspace) {
            let key = (workspace.corpus_version, workspace.side, conditions.clone());
            let latest = self.curves.entry(model).or_default();
            if let Some(ticket) = latest.update(key, &mut self.last) {
                if let Some(open) = workspace.models.get_mut(model) {
                    open.curve.clear();
                }
                evaluation.request(Request::Curve(Curve {
                    ticket,
                    model,
                    series: Series::Rates,
                    side: workspace.side,
                    conditions: conditions.clone(),
                }));
            }
        }
    }

    /// What the shown model predicts where nothing is missing.
    fn request_complete(&mut self, workspace: &mut Workspace, evaluation: &Handle<Evaluation>) {
        let usable = Self::usable(workspace);
        let Some(model) = workspace.models.shown.filter(|id| usable.contains(id)) else {
            return;
        };
        let side = workspace.side;
        let rates = vec![0.0; workspace.missing.modalities.len()];
        let conditions = vec![workspace.missing.at_rates(rates)];
        let key = (workspace.corpus_version, model, side, conditions.clone());
        if let Some(ticket) = self.complete.update(key, &mut self.last) {
            if let Some(open) = workspace.models.get_mut(model) {
                open.complete = None;
            }
            evaluation.request(Request::Curve(Curve {
                ticket,
                model,
                series: Series::Complete,
                side,
                conditions,
            }));
        }
    }

    /// The shown model with some of the modalities.
    fn request_modalities(&mut self, workspace: &mut Workspace, evaluation: &Handle<Evaluation>) {
        let usable = Self::usable(workspace);
        let Some(model) = workspace.models.shown.filter(|id| usable.contains(id)) else {
            return;
        };
        let side = workspace.side;
        let empty = ByModality::new(model, side, workspace.missing.modalities.len());
        let conditions = empty.conditions(&workspace.missing);
        let key = (workspace.corpus_version, model, side, conditions.clone());
        if let Some(ticket) = self.modalities.update(key, &mut self.last) {
            workspace.by_modality = Some(empty);
            evaluation.request(Request::Curve(Curve {
                ticket,
                model,
                series: Series::Modalities,
                side,
                conditions,
            }));
        }
    }

    fn request_limits(&mut self, workspace: &mut Workspace, evaluation: &Handle<Evaluation>) {
        let Some(model) = workspace
            .models
            .shown
            .filter(|id| workspace.has_limit() && Self::usable(workspace).contains(id))
        else {
            return;
        };
        let curve: Vec<Conditions> = RATES
            .iter()
            .map(|rate| workspace.missing.at_rate(*rate))
            .collect();
        let requests = [
            (&mut self.limit, curve),
            (&mut self.limit_now, vec![workspace.missing.conditions()]),
        ];
        for (latest, conditions) in requests {
            let side = workspace.side;
            let key = (workspace.corpus_version, model, side, conditions.clone());
            let Some(ticket) = latest.update(key, &mut self.last) else {
                continue;
            };
            // The older one is of another question.
            match conditions.len() {
                1 => workspace.limit_now = None,
                _ => workspace.limit = None,
            }
            let settings = conditions
                .into_iter()
                .zip(RATES)
                .map(|(conditions, rate)| (rate, conditions.missing))
                .collect();
            evaluation.request(Request::Limit(Limit {
                ticket,
                model,
                side,
                settings,
                mask_seed: workspace.missing.mask_seed,
            }));
        }
    }

    fn request_inspection(&mut self, workspace: &mut Workspace, evaluation: &Handle<Evaluation>) {
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
        // Other words may be of the same masks.
        let conditions = workspace.missing.conditions();
        let words = match workspace.inspector.edited.contains_key(&utterance) {
            true => "with steps hidden by hand".to_owned(),
            false => workspace.missing.describe(&conditions),
        };
        let inspector = &mut workspace.inspector;
        if let Some(seen) = inspector.seen.as_mut().filter(|_| inspector.is_current) {
            seen.conditions.clone_from(&words);
        }
        inspector.asked = words;
        let key = (workspace.corpus_version, model, utterance, masks.clone());
        if workspace.inspector.weighs
            && let Some(ticket) = self.leave_out.update(key.clone(), &mut self.last)
        {
            evaluation.request(Request::LeaveOut(LeaveOut {
                ticket,
                model,
                utterance,
                masks: masks.clone(),
            }));
        }
        if let Some(ticket) = self.combine.update(key, &mut self.last) {
            evaluation.request(Request::Combine(Combine {
                ticket,
                model,
                utterance,
                masks: masks.clone(),
            }));
        }
        let compared = workspace
            .models
            .compared
            .filter(|id| *id != model && usable.contains(id));
        if compared.is_none() {
            workspace.inspector.compared = None;
            self.inspect_compared = Latest::default();
        }
        let attending = workspace.inspector.attending;
        for (model, latest) in [
            (Some(model), &mut self.inspect),
            (compared, &mut self.inspect_compared),
        ] {
            let Some(open) = model.and_then(|model| workspace.models.get(model)) else {
                continue;
            };
            let model = open.card.id;
            let attending = attending.within(&open.card.config.model);
            let version = workspace.corpus_version;
            let key = (version, model, utterance, masks.clone(), attending);
            if let Some(ticket) = latest.update(key, &mut self.last) {
                let inspector = &mut workspace.inspector;
                match workspace.models.shown == Some(model) {
                    true => inspector.is_current = false,
                    false => inspector.compared_is_current = false,
                }
                evaluation.request(Request::Inspect(Inspect {
                    ticket,
                    model,
                    utterance,
                    masks: masks.clone(),
                    attending,
                }));
            }
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
        if let Some(ticket) = self.represent.update(key, &mut self.last) {
            evaluation.request(Request::Represent(Represent {
                ticket,
                model,
                side: workspace.side,
                conditions,
                max_utterances: MAX_UTTERANCES,
            }));
        }
    }

    fn request_projection(&mut self, workspace: &mut Workspace, embedding: &Handle<Embedding>) {
        let projection = &mut workspace.projection;
        let Some(representations) = &projection.representations else {
            return;
        };
        let (vectors, views) = (projection.settings.vectors, projection.settings.views);
        let method = projection.method();
        let latest = self.project.0.as_ref().map(|(key, _)| key);
        // The learning rate of a running projection is changed without a restart.
        let compared = latest.map_or(method, |latest| with_rate_of(method, latest.3));
        let source = representations.ticket;
        let key = (source, vectors, views, compared, projection.restarts);
        // The same points with other vectors start from their current coordinates.
        let continues = latest.is_some_and(|latest| latest.1 == vectors && latest.4 == key.4)
            && projection.coordinates.len() == projection.cloud.points.len()
            && projection.projected == projection.cloud.points;
        let Some(ticket) = self.project.update(key, &mut self.last) else {
            return;
        };
        projection.paused = false;
        let from = continues.then(|| projection.coordinates.clone());
        projection.projected.clone_from(&projection.cloud.points);
        embedding.request(embedding::Request::Project(Project {
            ticket,
            width: projection.cloud.width,
            vectors: projection.cloud.vectors.clone(),
            method,
            from,
        }));
    }

    /// Applies a response of the evaluation pipeline to the workspace; responses to older requests are
    /// dropped.
    pub fn receive(&mut self, response: Response, workspace: &mut Workspace) {
        match response {
            Response::Predicted(predictions) => {
                // While a slider is dragged, an outdated response is better than none.
                if !self.predict.contains_key(&predictions.model) {
                    return;
                }
                let Workspace { corpus, models, .. } = workspace;
                let target = models.target();
                if let (Some(card), Some(open)) = (corpus, models.get_mut(predictions.model)) {
                    let interface = &open.card.interface;
                    let categories = Categories::of_model(&card.metadata, interface, target);
                    open.evaluated =
                        Evaluated::of(predictions, &card.utterances, interface, categories);
                }
            }
            Response::CurvePoint {
                series,
                index,
                predictions,
            } => self.receive_point(series, index, predictions, workspace),
            Response::Limit { ticket, points } => {
                let ua: Vec<f64> = points.iter().map(|point| point.ua).collect();
                if self.limit.has_ticket(ticket) {
                    workspace.limit = Some(ua);
                } else if self.limit_now.has_ticket(ticket) {
                    workspace.limit_now = ua.first().copied();
                }
            }
            Response::Inspected { ticket, inspection } => {
                let is_shown = self.inspect.has_ticket(ticket);
                let latest = match is_shown {
                    true => &self.inspect,
                    false => &self.inspect_compared,
                };
                if let Some(((_, model, utterance, _, _), latest)) = &latest.0
                    && *latest == ticket
                {
                    self.inspections += 1;
                    let seen = Some(Seen {
                        conditions: workspace.inspector.asked.clone(),
                        model: *model,
                        utterance: *utterance,
                        inspection: *inspection,
                        version: self.inspections,
                    });
                    let inspector = &mut workspace.inspector;
                    if is_shown {
                        inspector.is_current = true;
                        inspector.seen = seen;
                    } else {
                        inspector.compared_is_current = true;
                        inspector.compared = seen;
                    }
                }
            }
            Response::LeftOut { ticket, windows } => {
                if let Some(((_, model, utterance, masks), latest)) = &self.leave_out.0
                    && *latest == ticket
                {
                    workspace.inspector.left_out = Some(Weighed {
                        model: *model,
                        utterance: *utterance,
                        masks: masks.clone(),
                        windows,
                    });
                }
            }
            Response::Combined {
                ticket,
                combinations,
            } => {
                if let Some(((_, model, utterance, _), latest)) = &self.combine.0
                    && *latest == ticket
                {
                    workspace.inspector.combined = Some((*model, *utterance, combinations));
                }
            }
            Response::Represented(representations) => {
                if self.represent.has_ticket(representations.ticket) {
                    workspace.projection.representations = Some(representations);
                    workspace.projection.select_vectors();
                }
            }
            Response::Failed { message, .. } => workspace.notices.add(Kind::Error, message),
            // These do not respond to requests of this file.
            Response::Testing(_)
            | Response::Ready(_)
            | Response::Corpus(_)
            | Response::Model(_)
            | Response::Opened(_)
            | Response::CorpusFile(_)
            | Response::Refused { .. } => {}
        }
    }

    /// A point of a curve; one of an older curve is dropped.
    fn receive_point(
        &mut self,
        series: Series,
        index: usize,
        predictions: Predictions,
        workspace: &mut Workspace,
    ) {
        let (id, ticket) = (predictions.model, predictions.ticket);
        let is_newest = match series {
            Series::Rates => (self.curves.get(&id)).is_some_and(|latest| latest.has_ticket(ticket)),
            Series::Complete => self.complete.has_ticket(ticket),
            Series::Modalities => self.modalities.has_ticket(ticket),
        };
        let Workspace {
            corpus,
            models,
            by_modality,
            ..
        } = workspace;
        let target = models.target();
        let (true, Some(card), Some(open)) = (is_newest, corpus, models.get_mut(id)) else {
            return;
        };
        let interface = &open.card.interface;
        let of_target = |target| Categories::of_model(&card.metadata, interface, target);
        let evaluated = Evaluated::of(predictions, &card.utterances, interface, of_target(target));
        let Some(mut evaluated) = evaluated else {
            return;
        };
        if series == Series::Complete {
            open.complete = Some(evaluated);
            return;
        }
        let targets = 0..interface.targets.len().max(1);
        let scores = targets.map(|target| {
            evaluated.show(&card.utterances, of_target(target));
            evaluated.scores.clone()
        });
        let scores: Vec<_> = scores.collect();
        match (series, by_modality) {
            (Series::Modalities, Some(by)) => by.set(index, scores),
            (Series::Rates, _) => {
                if let Some(point) = open.curve.points.get_mut(index) {
                    *point = Some(scores);
                }
            }
            _ => {}
        }
    }

    /// Applies a response of the embedding pipeline to the workspace; responses to older requests are
    /// dropped.
    pub fn receive_embedding(&mut self, response: embedding::Response, workspace: &mut Workspace) {
        match response {
            embedding::Response::Coordinates(coordinates) => {
                if self.project.has_ticket(coordinates.ticket) {
                    workspace.projection.set_coordinates(coordinates);
                }
            }
            embedding::Response::Failed { ticket, message } => {
                if self.project.has_ticket(ticket) {
                    workspace.projection.problem = Some(message);
                }
            }
        }
    }

    /// The weights of this model have changed: all requests about it are sent again.
    pub fn forget_model(&mut self, id: ModelId) {
        self.predict.remove(&id);
        self.curves.remove(&id);
        self.inspect = Latest::default();
        self.inspect_compared = Latest::default();
        self.leave_out = Latest::default();
        self.combine = Latest::default();
        self.represent = Latest::default();
        for latest in [&mut self.complete, &mut self.modalities] {
            if latest.0.as_ref().is_some_and(|((_, of, ..), _)| *of == id) {
                *latest = Latest::default();
            }
        }
    }

    /// The evaluation pipeline was restarted: all requests are sent again.
    pub fn forget_all(&mut self) {
        let last = self.last;
        *self = Self {
            last,
            inspections: self.inspections,
            ..Self::default()
        };
    }

    /// The embedding pipeline was restarted: the projection is requested again.
    pub fn forget_projection(&mut self) {
        self.project = Latest::default();
    }
}

/// `method` with the learning rate of `other`.
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
    fn a_request_is_sent_once_and_only_its_newest_ticket_counts() {
        let mut latest = Latest::default();
        let mut last = 0;
        assert_eq!(latest.update(5, &mut last), Some(1));
        assert_eq!(latest.update(5, &mut last), None);
        assert_eq!(latest.update(6, &mut last), Some(2));
        assert!(!latest.has_ticket(1));
        assert!(latest.has_ticket(2));
    }
}
