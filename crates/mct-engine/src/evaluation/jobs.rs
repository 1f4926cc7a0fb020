//! Queued requests, the most urgent first.

use std::collections::{BTreeMap, VecDeque};

use mct_hfr::data::Masks;

use super::protocol::{
    Combine, Conditions, Curve, Inspect, LeaveOut, LeftOut, Limit, ModelId, Predict, Represent,
    Request, Series, Side, Ticket,
};
use crate::source::Source;

/// One unit of work. A curve is one job per point, so that a slider never waits for a whole curve.
pub enum Job {
    Open { source: Source, model: ModelId },
    Close(ModelId),
    SaveCorpus,
    Predict(Predict),
    Inspect(Inspect),
    Combine(Combine),
    LeaveOut(LeavingOut),
    Represent(Represent),
    CurvePoint(CurvePoint),
    Limit(Limit),
}

/// Windows that are left out, and what was predicted of the first of them.
pub struct LeavingOut {
    pub request: LeaveOut,
    /// Modality, first step and the step after the last.
    pub windows: VecDeque<(usize, usize, usize)>,
    pub done: Vec<LeftOut>,
}

/// One point of a curve.
pub struct CurvePoint {
    pub ticket: Ticket,
    pub model: ModelId,
    pub series: Series,
    pub side: Side,
    pub conditions: Conditions,
    /// Index of the point in its curve.
    pub index: usize,
}

/// The priority of a job, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    Files,
    Matrix,
    Inspector,
    LeftOut,
    Embedding,
    Curves(Series),
}

/// So many windows of a modality are left out, one after the other.
const WINDOWS: usize = 32;

/// Running work, which takes several batches.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub urgency: Urgency,
    pub model: ModelId,
    pub ticket: Ticket,
}

/// The queue of the evaluation pipeline.
#[derive(Default)]
pub struct Jobs {
    files: VecDeque<Job>,
    predict: BTreeMap<ModelId, Predict>,
    inspect: BTreeMap<ModelId, Inspect>,
    combine: Option<Combine>,
    leave_out: Option<LeavingOut>,
    represent: Option<Represent>,
    curves: BTreeMap<(Series, ModelId), VecDeque<CurvePoint>>,
    /// For one point, and for a whole curve.
    limits: [Option<Limit>; 2],
}

impl Jobs {
    /// Queues a request; it replaces an older one of its kind.
    pub fn add(&mut self, request: Request) {
        match request {
            Request::Open { source, model } => self.files.push_back(Job::Open { source, model }),
            Request::Close(model) => {
                self.predict.remove(&model);
                self.inspect.remove(&model);
                self.combine.take_if(|own| own.model == model);
                self.leave_out.take_if(|own| own.request.model == model);
                self.curves.retain(|(_, of), _| *of != model);
                self.files.push_back(Job::Close(model));
            }
            Request::SaveCorpus => self.files.push_back(Job::SaveCorpus),
            Request::Predict(request) => {
                self.predict.insert(request.model, request);
            }
            Request::Inspect(request) => {
                self.inspect.insert(request.model, request);
            }
            Request::Combine(request) => self.combine = Some(request),
            Request::LeaveOut(request) => {
                self.leave_out = Some(LeavingOut {
                    windows: windows(&request.masks).collect(),
                    done: Vec::new(),
                    request,
                });
            }
            Request::Represent(request) => self.represent = Some(request),
            Request::Limit(request) => {
                let is_curve = request.settings.len() > 1;
                self.limits[usize::from(is_curve)] = Some(request);
            }
            Request::Curve(Curve {
                ticket,
                model,
                series,
                side,
                conditions,
            }) => {
                let points: VecDeque<CurvePoint> = conditions
                    .into_iter()
                    .enumerate()
                    .map(|(index, conditions)| CurvePoint {
                        ticket,
                        model,
                        series,
                        side,
                        conditions,
                        index,
                    })
                    .collect();
                // Only rates are drawn of several models.
                if series != Series::Rates {
                    self.curves.retain(|(own, _), _| *own != series);
                }
                self.curves.insert((series, model), points);
            }
        }
    }

    /// The urgency of the most urgent job.
    pub fn urgency(&self) -> Option<Urgency> {
        if !self.files.is_empty() {
            Some(Urgency::Files)
        } else if !self.predict.is_empty() {
            Some(Urgency::Matrix)
        } else if !self.inspect.is_empty() || self.combine.is_some() {
            Some(Urgency::Inspector)
        } else if self.leave_out.is_some() {
            Some(Urgency::LeftOut)
        } else if self.represent.is_some() {
            Some(Urgency::Embedding)
        } else {
            let first = self.curves.keys().next().map(|(series, _)| *series);
            let limits = self.limits.iter().any(Option::is_some);
            let limits = limits.then_some(Series::Rates);
            first.into_iter().chain(limits).min().map(Urgency::Curves)
        }
    }

    /// Whether a job is queued that is more urgent than the running work.
    pub fn more_urgent(&self, work: &Work) -> bool {
        self.urgency().is_some_and(|queued| queued < work.urgency)
    }

    /// Whether a newer request of the same kind is queued, for the same model.
    pub fn newer(&self, work: &Work) -> bool {
        match work.urgency {
            Urgency::Matrix => self.predict.contains_key(&work.model),
            Urgency::Embedding => self.represent.is_some(),
            Urgency::LeftOut => self.leave_out.is_some(),
            Urgency::Curves(series) => {
                let points = self.curves.get(&(series, work.model));
                let next = points.and_then(|points| points.front());
                next.is_some_and(|next| next.ticket != work.ticket)
            }
            Urgency::Files | Urgency::Inspector => false,
        }
    }

    /// Takes the most urgent job.
    pub fn next(&mut self) -> Option<Job> {
        match self.urgency()? {
            Urgency::Files => self.files.pop_front(),
            Urgency::Matrix => self
                .predict
                .pop_first()
                .map(|(_, request)| Job::Predict(request)),
            Urgency::Inspector => {
                let inspect = self.inspect.pop_first();
                let inspect = inspect.map(|(_, request)| Job::Inspect(request));
                inspect.or_else(|| self.combine.take().map(Job::Combine))
            }
            Urgency::LeftOut => self.leave_out.take().map(Job::LeaveOut),
            Urgency::Embedding => self.represent.take().map(Job::Represent),
            Urgency::Curves(series) => {
                let point = self.next_point(series).map(Job::CurvePoint);
                point.or_else(|| {
                    let mut limits = self.limits.iter_mut();
                    limits.find_map(Option::take).map(Job::Limit)
                })
            }
        }
    }

    /// Queues an interrupted job again, unless a newer request has replaced it.
    pub fn requeue(&mut self, job: Job) {
        match job {
            Job::Predict(request) => {
                self.predict.entry(request.model).or_insert(request);
            }
            Job::Represent(request) => {
                self.represent.get_or_insert(request);
            }
            Job::LeaveOut(request) => {
                self.leave_out.get_or_insert(request);
            }
            Job::CurvePoint(point) => {
                let curve = (point.series, point.model);
                let newer = self.curves.get(&curve);
                let newer = newer.and_then(|points| points.front());
                if newer.is_none_or(|newer| newer.ticket == point.ticket) {
                    let points = self.curves.entry(curve).or_default();
                    points.push_front(point);
                }
            }
            // The remaining jobs are never interrupted.
            Job::Open { .. }
            | Job::Close(_)
            | Job::SaveCorpus
            | Job::Inspect(_)
            | Job::Combine(_)
            | Job::Limit(_) => {}
        }
    }

    /// The next point of a series, of the curve with the fewest points done.
    fn next_point(&mut self, series: Series) -> Option<CurvePoint> {
        let next_index = |points: &VecDeque<CurvePoint>| points.front().map(|point| point.index);
        let own = self.curves.iter().filter(|((of, _), _)| *of == series);
        let curve = *own.min_by_key(|(_, points)| next_index(points))?.0;
        let points = self.curves.get_mut(&curve)?;
        let point = points.pop_front();
        if points.is_empty() {
            self.curves.remove(&curve);
        }
        point
    }
}

/// The windows that are left out: at most [`WINDOWS`] for each modality, of the same length but for the last,
/// without those of which all steps are missing.
fn windows(masks: &Masks) -> impl Iterator<Item = (usize, usize, usize)> {
    masks.iter().enumerate().flat_map(|(modality, mask)| {
        let length = mask.len().div_ceil(WINDOWS).max(1);
        let windows = (0..mask.len()).step_by(length);
        let windows = windows.map(move |from| (modality, from, (from + length).min(mask.len())));
        windows.filter(|(_, from, to)| mask[*from..*to].contains(&false))
    })
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
        curve_of(Series::Rates, ticket, model, points)
    }

    fn curve_of(series: Series, ticket: Ticket, model: u32, points: usize) -> Request {
        Request::Curve(Curve {
            ticket,
            model: ModelId(model),
            series,
            side: Side::Test,
            conditions: vec![conditions(); points],
        })
    }

    fn tickets(jobs: &mut Jobs) -> Vec<(Ticket, usize)> {
        std::iter::from_fn(|| jobs.next())
            .map(|job| match job {
                Job::Predict(request) => (request.ticket, 0),
                Job::CurvePoint(point) => (point.ticket, point.index),
                _ => panic!("unexpected"),
            })
            .collect()
    }

    #[test]
    fn the_newest_request_wins_and_matrices_precede_curves() {
        let mut jobs = Jobs::default();
        jobs.add(curve(1, 1, 2));
        jobs.add(predict(2, 1));
        jobs.add(predict(3, 1));
        jobs.add(predict(4, 2));
        assert_eq!(tickets(&mut jobs), [(3, 0), (4, 0), (1, 0), (1, 1)]);
    }

    #[test]
    fn work_yields_to_more_urgent_and_newer_jobs_only() {
        let work = |urgency, ticket| Work {
            urgency,
            model: ModelId(1),
            ticket,
        };
        let mut jobs = Jobs::default();
        jobs.add(predict(1, 2));
        assert!(!jobs.newer(&work(Urgency::Matrix, 9)), "another model");
        assert!(
            !jobs.more_urgent(&work(Urgency::Matrix, 9)),
            "the same urgency"
        );
        assert!(jobs.more_urgent(&work(Urgency::Embedding, 9)));
        jobs.add(predict(2, 1));
        assert!(jobs.newer(&work(Urgency::Matrix, 9)));
        let mut jobs = Jobs::default();
        jobs.add(curve(3, 1, 2));
        assert!(
            !jobs.newer(&work(Urgency::Curves(Series::Rates), 3)),
            "the next point of the same curve"
        );
        assert!(
            jobs.newer(&work(Urgency::Curves(Series::Rates), 2)),
            "a newer curve"
        );
    }

    #[test]
    fn windows_cover_each_modality_without_what_is_missing() {
        let mut masks: Masks = vec![vec![false; 3], Vec::new(), vec![false; 70]];
        masks[2][3..6].fill(true);
        let windows: Vec<_> = windows(&masks).collect();
        assert_eq!(windows[..3], [(0, 0, 1), (0, 1, 2), (0, 2, 3)]);
        // Of three steps each; one is missing.
        assert_eq!(windows[3..5], [(2, 0, 3), (2, 6, 9)]);
        assert_eq!(windows.last(), Some(&(2, 69, 70)));
        assert_eq!(windows.len(), 3 + 23);
    }

    #[test]
    fn curves_of_several_models_are_interleaved() {
        let mut jobs = Jobs::default();
        jobs.add(curve(1, 1, 2));
        jobs.add(curve(2, 2, 2));
        assert_eq!(tickets(&mut jobs), [(1, 0), (2, 0), (1, 1), (2, 1)]);
    }

    #[test]
    fn series_replace_none_of_another_kind_and_the_first_precedes() {
        let mut jobs = Jobs::default();
        jobs.add(curve_of(Series::Modalities, 1, 1, 2));
        jobs.add(curve_of(Series::Complete, 2, 1, 1));
        jobs.add(curve(3, 1, 1));
        let running = Work {
            urgency: Urgency::Curves(Series::Modalities),
            model: ModelId(1),
            ticket: 1,
        };
        assert!(jobs.more_urgent(&running));
        assert!(!jobs.newer(&running));
        assert_eq!(tickets(&mut jobs), [(3, 0), (2, 0), (1, 0), (1, 1)]);
    }

    #[test]
    fn an_interrupted_job_resumes_unless_it_was_replaced() {
        let mut jobs = Jobs::default();
        jobs.add(curve(1, 1, 2));
        let Some(point) = jobs.next() else { panic!() };
        jobs.requeue(point);
        assert_eq!(tickets(&mut jobs), [(1, 0), (1, 1)]);
        jobs.add(curve(1, 1, 2));
        let Some(point) = jobs.next() else { panic!() };
        jobs.add(curve(5, 1, 1));
        jobs.requeue(point);
        assert_eq!(tickets(&mut jobs), [(5, 0)]);
    }
}
