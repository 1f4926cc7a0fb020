//! The embedding pipeline: projections that move while they are optimised.

use mct_embedding::{Settings, Start, Tsne, principal_components};
use serde::{Deserialize, Serialize};
use web_time::{Duration, Instant};

use crate::evaluation::Ticket;
use crate::pipeline::{Inbox, Outbox, Pipeline, yield_now};

/// Places are told this often: as often as a window is drawn.
const REPORT_EVERY: Duration = Duration::from_millis(30);

/// The divergence costs a few steps, so it is computed once in so many.
const DIVERGENCE_EVERY: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    Project(Project),
    Pause,
    Continue,
    /// From the next step on; `None` for one by the number of points.
    LearningRate(f32),
}

/// Projects these vectors; an older projection ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub ticket: Ticket,
    pub width: usize,
    /// `[vector, width]` row by row.
    pub vectors: Vec<f32>,
    pub method: Method,
    /// Where the same points were with other vectors: t-SNE goes on from there.
    pub from: Option<Vec<[f32; 2]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Method {
    PrincipalComponents,
    Tsne {
        perplexity: f32,
        learning_rate: Option<f32>,
        /// Random first places from this seed; principal components where `None`.
        seed: Option<u64>,
        /// After so many steps it rests.
        steps: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    Places(Places),
    Failed { ticket: Ticket, message: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Places {
    pub ticket: Ticket,
    /// In the order of the vectors.
    pub places: Vec<[f32; 2]>,
    /// `None` for a projection without steps.
    pub progress: Option<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub steps: usize,
    pub steps_a_second: f32,
    pub learning_rate: f32,
    /// Kullback-Leibler divergence in nats, at the step it was last computed at.
    pub divergence: f64,
    pub finished: bool,
}

pub struct Embedding {
    inbox: Inbox<Request>,
    outbox: Outbox<Response>,
    running: Option<Running>,
    paused: bool,
}

/// A t-SNE under way.
struct Running {
    ticket: Ticket,
    tsne: Tsne,
    steps: usize,
    divergence: f64,
    reported: Instant,
    reported_steps: usize,
}

impl Pipeline for Embedding {
    const NAME: &'static str = "embedding";
    type Setup = ();
    type Request = Request;
    type Response = Response;

    async fn run((): (), inbox: Inbox<Request>, outbox: Outbox<Response>) -> Result<(), String> {
        let mut embedding = Self {
            inbox,
            outbox,
            running: None,
            paused: false,
        };
        embedding.serve().await;
        Ok(())
    }
}

impl Embedding {
    async fn serve(&mut self) {
        loop {
            let moves = !self.paused && self.running.as_ref().is_some_and(Running::moves);
            let request = if moves {
                self.inbox.try_next()
            } else {
                match self.inbox.next().await {
                    Some(request) => Some(request),
                    None => return,
                }
            };
            match request {
                Some(request) => {
                    let request = self.newest(request);
                    self.answer(request);
                }
                None => self.step(),
            }
            yield_now().await;
            if self.inbox.is_closed() {
                return;
            }
        }
    }

    /// Of several projections that wait, the last alone is of use.
    fn newest(&mut self, mut request: Request) -> Request {
        while matches!(request, Request::Project(_)) {
            match self.inbox.try_next() {
                Some(Request::Project(newer)) => request = Request::Project(newer),
                Some(other) => {
                    self.answer(request);
                    return other;
                }
                None => break,
            }
        }
        request
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Pause => self.paused = true,
            Request::Continue => self.paused = false,
            Request::LearningRate(rate) => {
                if let Some(running) = &mut self.running
                    && let Err(error) = running.tsne.set_learning_rate(rate)
                {
                    let (ticket, message) = (running.ticket, error.to_string());
                    self.outbox.respond(Response::Failed { ticket, message });
                }
            }
            Request::Project(project) => {
                self.paused = false;
                self.running = None;
                let ticket = project.ticket;
                if let Err(error) = self.project(project) {
                    let message = error.to_string();
                    self.outbox.respond(Response::Failed { ticket, message });
                }
            }
        }
    }

    fn project(&mut self, project: Project) -> Result<(), mct_embedding::Error> {
        let Project {
            ticket,
            width,
            vectors,
            method,
            from,
        } = project;
        let vectors: Vec<&[f32]> = vectors.chunks_exact(width.max(1)).collect();
        match method {
            Method::PrincipalComponents => self.outbox.respond(Response::Places(Places {
                ticket,
                places: principal_components(&vectors)?,
                progress: None,
            })),
            Method::Tsne {
                perplexity,
                learning_rate,
                seed,
                steps,
            } => {
                let settings = Settings {
                    perplexity,
                    learning_rate,
                    start: seed.map_or(Start::PrincipalComponents, Start::Random),
                };
                let mut tsne = Tsne::new(&vectors, settings)?;
                if let Some(places) = from {
                    tsne.start_from(&places)?;
                }
                let running = Running {
                    ticket,
                    steps,
                    divergence: tsne.divergence(),
                    tsne,
                    reported: Instant::now(),
                    reported_steps: 0,
                };
                self.running = Some(running);
                self.report();
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        running.tsne.step();
        if running.tsne.steps() % DIVERGENCE_EVERY == 0 || !running.moves() {
            running.divergence = running.tsne.divergence();
        }
        if running.reported.elapsed() >= REPORT_EVERY || !running.moves() {
            self.report();
        }
    }

    fn report(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        let steps = running.tsne.steps();
        let seconds = running.reported.elapsed().as_secs_f32();
        let places = Places {
            ticket: running.ticket,
            places: running.tsne.places(),
            progress: Some(Progress {
                steps,
                steps_a_second: (steps - running.reported_steps) as f32 / seconds.max(1e-6),
                learning_rate: running.tsne.learning_rate(),
                divergence: running.divergence,
                finished: !running.moves(),
            }),
        };
        running.reported = Instant::now();
        running.reported_steps = steps;
        self.outbox.respond(Response::Places(places));
    }
}

impl Running {
    fn moves(&self) -> bool {
        self.tsne.steps() < self.steps
    }
}
