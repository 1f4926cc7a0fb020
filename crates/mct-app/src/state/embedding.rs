//! The projection that the embedding view shows: its settings and the coordinates of its points.

use mct_engine::embedding::{Coordinates, Method, Progress};
use mct_engine::evaluation::{Held, ModelId, Representations};
use serde::{Deserialize, Serialize};

/// The largest number of utterances projected, each as two points. A page copies their vectors between its threads.
pub const MAX_UTTERANCES: usize = if cfg!(target_arch = "wasm32") {
    5000
} else {
    25_000
};

/// The settings of the projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub tsne: bool,
    pub vectors: Vectors,
    pub views: Views,
    pub perplexity: f32,
    /// `None`: by the number of points.
    pub learning_rate: Option<f32>,
    /// Seed of random initial coordinates; `None`: principal components.
    pub seed: Option<u64>,
    pub steps: usize,
    pub colour: Colour,
    pub neighbours: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tsne: true,
            vectors: Vectors::Joint,
            views: Views::Both,
            perplexity: 30.0,
            learning_rate: None,
            seed: None,
            steps: 1000,
            colour: Colour::Class,
            neighbours: 10,
        }
    }
}

/// Which of the vectors that the classifier reads are projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vectors {
    /// All of them, concatenated.
    Joint,
    /// One of them, by index.
    Part(usize),
}

/// Which views of the utterances are projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Views {
    /// Two points per utterance, as in figure 9 of the paper.
    Both,
    Complete,
    Incomplete,
}

/// What the points are coloured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Colour {
    Class,
    View,
    Speaker,
    Correctness,
}

/// One point: an utterance in one of its views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Index into the corpus.
    pub utterance: usize,
    pub incomplete: bool,
}

/// The vectors that are projected.
#[derive(Debug, Clone, Default)]
pub struct Cloud {
    pub points: Vec<Point>,
    pub width: usize,
    /// `[points, width]` row by row.
    pub vectors: Vec<f32>,
}

/// The projection, its vectors and its settings.
#[derive(Default)]
pub struct Projection {
    pub settings: Settings,
    pub representations: Option<Representations>,
    pub cloud: Cloud,
    /// `[points, 2]`, in the order of the points; of an older cloud until the first response.
    pub coordinates: Vec<[f32; 2]>,
    /// What the coordinates are of, which may be older than the vectors.
    pub drawn: Option<(ModelId, Held)>,
    pub progress: Option<Progress>,
    /// The share of the variance along each of the two axes, of principal components.
    pub explained: Option<[f32; 2]>,
    /// The points of the latest request.
    pub projected: Vec<Point>,
    pub paused: bool,
    /// Increased to restart the projection from its initial coordinates.
    pub restarts: u64,
    /// Why there is no projection.
    pub problem: Option<String>,
}

impl Projection {
    /// Removes vectors and coordinates: another corpus is open.
    pub fn forget(&mut self) {
        let settings = std::mem::take(&mut self.settings);
        *self = Self {
            settings,
            restarts: self.restarts,
            ..Self::default()
        };
    }

    /// Rebuilds the cloud from the representations, by the settings.
    pub fn select_vectors(&mut self) {
        let Some(representations) = &self.representations else {
            return;
        };
        if let Vectors::Part(part) = self.settings.vectors
            && part >= representations.parts.len()
        {
            self.settings.vectors = Vectors::Joint;
        }
        let selected = match self.settings.vectors {
            Vectors::Joint => &representations.parts[..],
            Vectors::Part(part) => &representations.parts[part..=part],
        };
        let views: &[bool] = match self.settings.views {
            Views::Both => &[false, true],
            Views::Complete => &[false],
            Views::Incomplete => &[true],
        };
        let mut cloud = Cloud {
            width: selected.iter().map(|part| part.width).sum(),
            ..Cloud::default()
        };
        for incomplete in views {
            for (row, utterance) in representations.utterances.iter().enumerate() {
                cloud.points.push(Point {
                    utterance: *utterance,
                    incomplete: *incomplete,
                });
                for part in selected {
                    let values = if *incomplete {
                        &part.incomplete
                    } else {
                        &part.complete
                    };
                    cloud
                        .vectors
                        .extend(&values[row * part.width..][..part.width]);
                }
            }
        }
        self.cloud = cloud;
    }

    /// The method of the settings, with a perplexity that the number of points allows.
    pub fn method(&self) -> Method {
        let settings = &self.settings;
        if settings.tsne {
            let max_perplexity = mct_embedding::Settings::most_perplexity(self.cloud.points.len());
            Method::Tsne {
                perplexity: settings.perplexity.clamp(1.0, max_perplexity.max(1.0)),
                learning_rate: settings.learning_rate,
                seed: settings.seed,
                steps: settings.steps,
            }
        } else {
            Method::PrincipalComponents
        }
    }

    /// Takes new coordinates, unless they are of another number of points.
    pub fn set_coordinates(&mut self, response: Coordinates) {
        if response.coordinates.len() == self.cloud.points.len() {
            self.coordinates = response.coordinates;
            let vectors = self.representations.as_ref();
            self.drawn = vectors.map(|vectors| (vectors.model, vectors.held.clone()));
            self.progress = response.progress;
            self.explained = response.explained;
            self.problem = None;
        }
    }

    /// The vector of a point, `[width]`; empty where there is no such point.
    pub fn vector(&self, point: usize) -> &[f32] {
        let width = self.cloud.width;
        self.cloud
            .vectors
            .get(point * width..(point + 1) * width)
            .unwrap_or(&[])
    }

    /// The nearest neighbours of a point in the original space, with their Euclidean distances.
    pub fn neighbours(&self, point: usize) -> Vec<(usize, f32)> {
        let width = self.cloud.width.max(1);
        let vectors: Vec<&[f32]> = self.cloud.vectors.chunks_exact(width).collect();
        let count = self.settings.neighbours;
        mct_embedding::nearest(&vectors, point, count)
            .unwrap_or_default()
            .into_iter()
            .map(|(other, squared)| (other as usize, squared.sqrt()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use mct_engine::evaluation::Side;

    use super::*;
    use crate::state::missing::MissingSettings;
    use mct_engine::evaluation::Part;

    fn projection() -> Projection {
        let part = |name: &str, complete: [f32; 2]| Part {
            name: name.into(),
            width: 1,
            complete: complete.to_vec(),
            incomplete: complete.map(|x| x + 10.0).to_vec(),
        };
        Projection {
            representations: Some(Representations {
                model: ModelId(1),
                held: Held {
                    side: Side::Test,
                    conditions: MissingSettings::default().conditions(),
                },
                ticket: 1,
                utterances: vec![4, 7],
                parts: vec![part("audio", [1.0, 2.0]), part("text", [5.0, 6.0])],
            }),
            ..Projection::default()
        }
    }

    #[test]
    fn an_utterance_has_one_point_per_view() {
        let mut projection = projection();
        projection.select_vectors();
        assert_eq!(projection.cloud.width, 2);
        assert_eq!(projection.vector(0), [1.0, 5.0]);
        assert_eq!(projection.vector(3), [12.0, 16.0]);
        let last = projection.cloud.points[3];
        assert_eq!((last.utterance, last.incomplete), (7, true));
        projection.settings.vectors = Vectors::Part(1);
        projection.settings.views = Views::Incomplete;
        projection.select_vectors();
        assert_eq!(projection.cloud.vectors, [15.0, 16.0]);
    }

    #[test]
    fn an_absent_part_falls_back_to_the_joint_vector() {
        let mut projection = projection();
        projection.settings.vectors = Vectors::Part(5);
        projection.select_vectors();
        assert_eq!(projection.settings.vectors, Vectors::Joint);
        assert_eq!(projection.cloud.width, 2);
    }
}
