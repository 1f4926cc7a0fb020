//! The projection that the embedding view shows: what is asked for, and where the points are.

use mct_engine::embedding::{Method, Places, Progress};
use mct_engine::evaluation::Representations;
use serde::{Deserialize, Serialize};

/// Utterances that are projected at most: each of them is two points.
pub const MOST_UTTERANCES: usize = 1500;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub tsne: bool,
    pub vectors: Vectors,
    pub views: Views,
    pub perplexity: f32,
    /// `None` for one by the number of points.
    pub learning_rate: Option<f32>,
    /// Random first places from this seed; principal components where `None`.
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

/// Which of the vectors that the classifier reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vectors {
    /// All of them side by side.
    Joint,
    Part(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Views {
    /// Two points an utterance, as in the paper's figure 9.
    Both,
    Complete,
    Incomplete,
}

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
    /// `[point, width]` row by row.
    pub vectors: Vec<f32>,
}

#[derive(Default)]
pub struct Projection {
    pub settings: Settings,
    pub representations: Option<Representations>,
    pub cloud: Cloud,
    /// Where the points are, in their order; of an older cloud until the first answer.
    pub places: Vec<[f32; 2]>,
    pub progress: Option<Progress>,
    /// The points that the places are of.
    pub placed: Vec<Point>,
    pub paused: bool,
    /// Rises when the same should be projected again from the start.
    pub restarts: u64,
    /// Why there is none.
    pub problem: Option<String>,
}

impl Projection {
    /// Forgets vectors and places, of another corpus.
    pub fn forget(&mut self) {
        let settings = std::mem::take(&mut self.settings);
        *self = Self {
            settings,
            restarts: self.restarts,
            ..Self::default()
        };
    }

    /// New vectors have come, or others of them are asked for.
    pub fn select_vectors(&mut self) {
        let Some(all) = &self.representations else {
            return;
        };
        if let Vectors::Part(part) = self.settings.vectors
            && part >= all.parts.len()
        {
            self.settings.vectors = Vectors::Joint;
        }
        let parts = match self.settings.vectors {
            Vectors::Joint => &all.parts[..],
            Vectors::Part(part) => &all.parts[part..=part],
        };
        let views: &[bool] = match self.settings.views {
            Views::Both => &[false, true],
            Views::Complete => &[false],
            Views::Incomplete => &[true],
        };
        let mut cloud = Cloud {
            width: parts.iter().map(|part| part.width).sum(),
            ..Cloud::default()
        };
        for incomplete in views {
            for (row, utterance) in all.utterances.iter().enumerate() {
                cloud.points.push(Point {
                    utterance: *utterance,
                    incomplete: *incomplete,
                });
                for part in parts {
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

    /// The perplexity that this number of points allows, at most what is asked for.
    pub fn method(&self) -> Method {
        let settings = &self.settings;
        if settings.tsne {
            let allowed = mct_embedding::Settings::most_perplexity(self.cloud.points.len());
            Method::Tsne {
                perplexity: settings.perplexity.clamp(1.0, allowed.max(1.0)),
                learning_rate: settings.learning_rate,
                seed: settings.seed,
                steps: settings.steps,
            }
        } else {
            Method::PrincipalComponents
        }
    }

    pub fn set_places(&mut self, places: Places) {
        if places.places.len() == self.cloud.points.len() {
            self.places = places.places;
            self.progress = places.progress;
            self.problem = None;
        }
    }

    /// The vector of a point.
    pub fn vector(&self, point: usize) -> &[f32] {
        let width = self.cloud.width;
        self.cloud
            .vectors
            .get(point * width..(point + 1) * width)
            .unwrap_or(&[])
    }

    /// The nearest other points of one in the original space, with their Euclidean distances.
    pub fn neighbours(&self, point: usize) -> Vec<(usize, f32)> {
        let vectors = self.cloud.vectors.chunks_exact(self.cloud.width.max(1));
        let vectors: Vec<&[f32]> = vectors.collect();
        let count = self.settings.neighbours;
        let found = mct_embedding::nearest(&vectors, point, count).unwrap_or_default();
        found
            .into_iter()
            .map(|(other, squared)| (other as usize, squared.sqrt()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                ticket: 1,
                utterances: vec![4, 7],
                parts: vec![part("audio", [1.0, 2.0]), part("text", [5.0, 6.0])],
            }),
            ..Projection::default()
        }
    }

    #[test]
    fn an_utterance_is_a_point_in_each_view() {
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
    fn a_part_that_is_not_there_is_the_joint_vector() {
        let mut projection = projection();
        projection.settings.vectors = Vectors::Part(5);
        projection.select_vectors();
        assert_eq!(projection.settings.vectors, Vectors::Joint);
        assert_eq!(projection.cloud.width, 2);
    }
}
