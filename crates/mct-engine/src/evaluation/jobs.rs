//! What is still to be answered, the most urgent first.

use std::collections::{BTreeMap, VecDeque};

use super::protocol::{
    Conditions, Curve, Inspect, Limit, ModelId, Predict, Represent, Request, Side, Ticket,
};
use crate::source::Source;

/// One piece of work. A curve is as many as it has points, so that a slider never waits for one.
pub enum Job {
    Open { source: Source, model: ModelId },
    Close(ModelId),
    Predict(Predict),
    Inspect(Inspect),
    Represent(Represent),
    CurvePoint(CurvePoint),
    Limit(Limit),
}

/// A point of a curve, and what is left of the curve after it.
pub struct CurvePoint {
    pub ticket: Ticket,
    pub model: ModelId,
    pub side: Side,
    pub conditions: Conditions,
    pub place: usize,
}

/// How urgent a piece of work is; the smaller the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    Files,
    Matrix,
    Inspector,
    Embedding,
    Curves,
}

/// Work that takes several batches.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub urgency: Urgency,
    pub model: ModelId,
    pub ticket: Ticket,
}

#[derive(Default)]
pub struct Jobs {
    files: VecDeque<Job>,
    predict: BTreeMap<ModelId, Predict>,
    inspect: Option<Inspect>,
    represent: Option<Represent>,
    curves: BTreeMap<ModelId, VecDeque<CurvePoint>>,
    /// Of one point, and of a whole curve.
    limits: [Option<Limit>; 2],
}

impl Jobs {
    pub fn add(&mut self, request: Request) {
        match request {
            Request::Open { source, model } => self.files.push_back(Job::Open { source, model }),
            Request::Close(model) => {
                self.predict.remove(&model);
                self.curves.remove(&model);
                self.files.push_back(Job::Close(model));
            }
            Request::Predict(request) => {
                self.predict.insert(request.model, request);
            }
            Request::Inspect(request) => self.inspect = Some(request),
            Request::Represent(request) => self.represent = Some(request),
            Request::Limit(request) => {
                let place = usize::from(request.settings.len() > 1);
                self.limits[place] = Some(request);
            }
            Request::Curve(Curve {
                ticket,
                model,
                side,
                conditions,
            }) => {
                let points = conditions.into_iter().enumerate();
                let points = points.map(|(place, conditions)| CurvePoint {
                    ticket,
                    model,
                    side,
                    conditions,
                    place,
                });
                self.curves.insert(model, points.collect());
            }
        }
    }

    /// How urgent the most urgent is.
    pub fn urgency(&self) -> Option<Urgency> {
        if !self.files.is_empty() {
            Some(Urgency::Files)
        } else if !self.predict.is_empty() {
            Some(Urgency::Matrix)
        } else if self.inspect.is_some() {
            Some(Urgency::Inspector)
        } else if self.represent.is_some() {
            Some(Urgency::Embedding)
        } else if !self.curves.is_empty() || self.limits.iter().any(Option::is_some) {
            Some(Urgency::Curves)
        } else {
            None
        }
    }

    /// Whether something waits that is more urgent than the work at hand.
    pub fn more_urgent(&self, work: &Work) -> bool {
        self.urgency().is_some_and(|waiting| waiting < work.urgency)
    }

    /// Whether a newer question of its kind about the same model waits.
    pub fn newer(&self, work: &Work) -> bool {
        match work.urgency {
            Urgency::Matrix => self.predict.contains_key(&work.model),
            Urgency::Embedding => self.represent.is_some(),
            Urgency::Curves => {
                let points = self.curves.get(&work.model);
                let next = points.and_then(|points| points.front());
                next.is_some_and(|next| next.ticket != work.ticket)
            }
            Urgency::Files | Urgency::Inspector => false,
        }
    }

    /// Takes the most urgent.
    pub fn next(&mut self) -> Option<Job> {
        match self.urgency()? {
            Urgency::Files => self.files.pop_front(),
            Urgency::Matrix => self
                .predict
                .pop_first()
                .map(|(_, request)| Job::Predict(request)),
            Urgency::Inspector => self.inspect.take().map(Job::Inspect),
            Urgency::Embedding => self.represent.take().map(Job::Represent),
            Urgency::Curves => self.next_point().map(Job::CurvePoint).or_else(|| {
                self.limits
                    .iter_mut()
                    .find_map(Option::take)
                    .map(Job::Limit)
            }),
        }
    }

    /// Gives back a job that was not finished, where nothing newer has taken its place.
    pub fn give_back(&mut self, job: Job) {
        match job {
            Job::Predict(request) => {
                self.predict.entry(request.model).or_insert(request);
            }
            Job::Represent(request) => {
                self.represent.get_or_insert(request);
            }
            Job::CurvePoint(point) => {
                let newer = self
                    .curves
                    .get(&point.model)
                    .and_then(|points| points.front());
                if newer.is_none_or(|newer| newer.ticket == point.ticket) {
                    let points = self.curves.entry(point.model).or_default();
                    points.push_front(point);
                }
            }
            // The others are done in one go.
            Job::Open { .. } | Job::Close(_) | Job::Inspect(_) | Job::Limit(_) => {}
        }
    }

    /// The next point, of the curve that has come least far.
    fn next_point(&mut self) -> Option<CurvePoint> {
        let place = |points: &VecDeque<CurvePoint>| points.front().map(|point| point.place);
        let model = *self.curves.iter().min_by_key(|(_, p)| place(p))?.0;
        let points = self.curves.get_mut(&model)?;
        let point = points.pop_front();
        if points.is_empty() {
            self.curves.remove(&model);
        }
        point
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mct_corpus::missing::Missing;

    fn conditions() -> Conditions {
        Conditions {
            missing: Missing::uniform(0.0, 1),
            mask_seed: 1,
        }
    }

    fn predict(ticket: Ticket, model: u32) -> Request {
        Request::Predict(Predict {
            ticket,
            model: ModelId(model),
            side: Side::Test,
            conditions: conditions(),
        })
    }

    fn curve(ticket: Ticket, model: u32, points: usize) -> Request {
        Request::Curve(Curve {
            ticket,
            model: ModelId(model),
            side: Side::Test,
            conditions: vec![conditions(); points],
        })
    }

    fn tickets(jobs: &mut Jobs) -> Vec<(Ticket, usize)> {
        std::iter::from_fn(|| jobs.next())
            .map(|job| match job {
                Job::Predict(request) => (request.ticket, 0),
                Job::CurvePoint(point) => (point.ticket, point.place),
                _ => panic!("unexpected"),
            })
            .collect()
    }

    #[test]
    fn the_newest_wins_and_matrices_go_before_curves() {
        let mut jobs = Jobs::default();
        jobs.add(curve(1, 1, 2));
        jobs.add(predict(2, 1));
        jobs.add(predict(3, 1));
        jobs.add(predict(4, 2));
        assert_eq!(tickets(&mut jobs), [(3, 0), (4, 0), (1, 0), (1, 1)]);
    }

    #[test]
    fn work_makes_room_for_the_urgent_and_the_newer_but_not_for_its_like() {
        let work = |urgency, ticket| Work {
            urgency,
            model: ModelId(1),
            ticket,
        };
        let mut jobs = Jobs::default();
        jobs.add(predict(1, 2));
        assert!(!jobs.newer(&work(Urgency::Matrix, 9)), "another model");
        assert!(!jobs.more_urgent(&work(Urgency::Matrix, 9)), "its like");
        assert!(jobs.more_urgent(&work(Urgency::Embedding, 9)));
        jobs.add(predict(2, 1));
        assert!(jobs.newer(&work(Urgency::Matrix, 9)));
        let mut jobs = Jobs::default();
        jobs.add(curve(3, 1, 2));
        assert!(!jobs.newer(&work(Urgency::Curves, 3)), "its own next point");
        assert!(jobs.newer(&work(Urgency::Curves, 2)), "a newer curve");
    }

    #[test]
    fn curves_of_several_models_grow_together() {
        let mut jobs = Jobs::default();
        jobs.add(curve(1, 1, 2));
        jobs.add(curve(2, 2, 2));
        assert_eq!(tickets(&mut jobs), [(1, 0), (2, 0), (1, 1), (2, 1)]);
    }

    #[test]
    fn what_was_given_back_goes_on_unless_it_is_older() {
        let mut jobs = Jobs::default();
        jobs.add(curve(1, 1, 2));
        let Some(point) = jobs.next() else { panic!() };
        jobs.give_back(point);
        assert_eq!(tickets(&mut jobs), [(1, 0), (1, 1)]);
        jobs.add(curve(1, 1, 2));
        let Some(point) = jobs.next() else { panic!() };
        jobs.add(curve(5, 1, 1));
        jobs.give_back(point);
        assert_eq!(tickets(&mut jobs), [(5, 0)]);
    }
}
