//! The embedding pipeline: projections onto the plane, shown while they are optimised.

use mct_embedding::{Components, Settings, Start, Tsne, principal_components};
use serde::{Deserialize, Serialize};
use web_time::{Duration, Instant};

use crate::evaluation::Ticket;
use crate::pipeline::{Inbox, Outbox, Pipeline, yield_now};

/// Interval between responses with coordinates: about that between frames of the window.
const REPORT_EVERY: Duration = Duration::from_millis(30);

/// Steps between computations of the divergence, which costs as much as a few steps.
const DIVERGENCE_EVERY: usize = 20;

/// A request to the embedding pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    Project(Project),
    Pause,
    Continue,
    /// Sets the learning rate of t-SNE from the next step on.
    LearningRate(f32),
}

/// Projects these vectors; a running projection is stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub ticket: Ticket,
    pub width: usize,
    /// `[points, width]` row by row.
    pub vectors: Vec<f32>,
    pub method: Method,
    /// Initial coordinates of t-SNE, `[points, 2]`: those of the same points with other vectors.
    pub from: Option<Vec<[f32; 2]>>,
}

/// How vectors are projected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Method {
    PrincipalComponents,
    Tsne {
        perplexity: f32,
        /// `None`: by the number of points.
        learning_rate: Option<f32>,
        /// Seed of random initial coordinates; `None`: principal components.
        seed: Option<u64>,
        /// The number of steps of the optimisation.
        steps: usize,
    },
}

/// A response of the embedding pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    Coordinates(Coordinates),
    Failed { ticket: Ticket, message: String },
}

/// The current coordinates of a projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coordinates {
    pub ticket: Ticket,
    /// `[points, 2]`, in the order of the vectors.
    pub coordinates: Vec<[f32; 2]>,
    /// `None` for principal components, which take no steps.
    pub progress: Option<Progress>,
    /// The share of the variance along each principal component, 0 to 1; `None` for t-SNE.
    pub explained: Option<[f32; 2]>,
}

/// Progress of t-SNE.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub steps: usize,
    #[serde(rename = "steps_a_second")]
    pub steps_per_second: f32,
    pub learning_rate: f32,
    /// Kullback-Leibler divergence in nats, as last computed.
    pub divergence: f64,
    pub finished: bool,
}

/// The embedding pipeline.
pub struct Embedding {
    inbox: Inbox<Request>,
    outbox: Outbox<Response>,
    running: Option<Running>,
    paused: bool,
}

/// A running t-SNE.
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
            let runs = !self.paused && self.running.as_ref().is_some_and(|r| !r.finished());
            let request = if runs {
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
                    self.handle(request);
                }
                None => self.step(),
            }
            yield_now().await;
            if self.inbox.is_closed() {
                return;
            }
        }
    }

    /// The request to handle next: of consecutive queued projections the last.
    fn newest(&mut self, mut request: Request) -> Request {
        while matches!(request, Request::Project(_)) {
            match self.inbox.try_next() {
                Some(Request::Project(newer)) => request = Request::Project(newer),
                Some(other) => {
                    self.handle(request);
                    return other;
                }
                None => break,
            }
        }
        request
    }

    fn handle(&mut self, request: Request) {
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
            Method::PrincipalComponents => {
                let Components {
                    coordinates,
                    explained,
                } = principal_components(&vectors)?;
                self.outbox.respond(Response::Coordinates(Coordinates {
                    ticket,
                    coordinates,
                    progress: None,
                    explained: Some(explained),
                }))
            }
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
                if let Some(coordinates) = from {
                    tsne.start_from(&coordinates)?;
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
        if running.tsne.steps() % DIVERGENCE_EVERY == 0 || running.finished() {
            running.divergence = running.tsne.divergence();
        }
        if running.reported.elapsed() >= REPORT_EVERY || running.finished() {
            self.report();
        }
    }

    fn report(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        let steps = running.tsne.steps();
        let seconds = running.reported.elapsed().as_secs_f32();
        let coordinates = Coordinates {
            ticket: running.ticket,
            coordinates: running.tsne.coordinates(),
            progress: Some(Progress {
                steps,
                steps_per_second: (steps - running.reported_steps) as f32 / seconds.max(1e-6),
                learning_rate: running.tsne.learning_rate(),
                divergence: running.divergence,
                finished: running.finished(),
            }),
            explained: None,
        };
        running.reported = Instant::now();
        running.reported_steps = steps;
        self.outbox.respond(Response::Coordinates(coordinates));
    }
}

impl Running {
    fn finished(&self) -> bool {
        self.tsne.steps() >= self.steps
    }
}
