//! Exact t-SNE (van der Maaten and Hinton, 2008), one step of gradient descent at a time.
//!
//! Attraction is summed over the nearest neighbours only (van der Maaten, 2014). Repulsion is summed over all pairs
//! up to [`EXACT`] points, which takes milliseconds, and of more by a tree. All sums have one order.

use mct_corpus::counter::Stream;

use crate::affinities::Affinities;
use crate::rows::each_row;
use crate::tree::{Repulsion, Tree};
use crate::{EXACT, Error, Neighbours, checked, checked_coordinates, principal_components};

/// Sums run in this many lanes, which the compiler turns into vector instructions.
const LANES: usize = 8;

/// Early exaggeration: attraction is this much stronger in the first steps, so that clusters form first.
const EXAGGERATION: f32 = 12.0;

/// Steps with early exaggeration and the lower momentum.
const FIRST_STEPS: usize = 250;

/// Standard deviation of the initial coordinates.
const INITIAL_SPREAD: f32 = 1e-4;

/// Initial coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The principal components, which preserve the global structure (Kobak and Linderman, 2021).
    PrincipalComponents,
    /// Normal random numbers of this seed.
    Random(u64),
}

/// Settings of t-SNE; [`Settings::for_points`] gives the defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Effective number of neighbours per point, at least 1 and at most a third of the other points.
    pub perplexity: f32,
    /// `None`: by the number of points (Belkina et al., 2019), at least 50.
    pub learning_rate: Option<f32>,
    pub start: Start,
}

impl Settings {
    /// Perplexity 30, or what `count` points allow; the other settings as in scikit-learn.
    pub fn for_points(count: usize) -> Self {
        Self {
            perplexity: Self::most_perplexity(count).clamp(1.0, 30.0),
            learning_rate: None,
            start: Start::PrincipalComponents,
        }
    }

    /// The largest perplexity that `count` points allow: a point needs three times as many neighbours.
    pub fn most_perplexity(count: usize) -> f32 {
        count.saturating_sub(1) as f32 / 3.0
    }
}

/// An embedding in the plane; [`Tsne::step`] moves its points towards their neighbours.
#[derive(Debug, Clone)]
pub struct Tsne {
    affinities: Affinities,
    learning_rate: f32,
    coordinates: Coordinates,
    velocity: Vec<[f32; 2]>,
    /// Factor on the learning rate per coordinate (Jacobs, 1988).
    gains: Vec<[f32; 2]>,
    steps: usize,
    /// Steps with early exaggeration, from the first on.
    exaggerated: usize,
}

/// One list per axis, for vector instructions.
#[derive(Debug, Clone)]
struct Coordinates {
    x: Vec<f32>,
    y: Vec<f32>,
}

/// The forces of the other points on one.
struct Forces {
    attraction: [f32; 2],
    repulsion: [f32; 2],
    /// The sum of `1 / (1 + d²)` over the other points.
    weight: f64,
}

impl Tsne {
    /// Affinities of the vectors `[vectors, features]` and their initial coordinates.
    ///
    /// # Errors
    /// Fewer than four vectors, vectors of different lengths, numbers that are not finite, a perplexity
    /// that this number of vectors does not allow, or a learning rate that is not positive.
    pub fn new<V: AsRef<[f32]> + Sync>(vectors: &[V], settings: Settings) -> Result<Self, Error> {
        checked(vectors, 4)?;
        let count = vectors.len();
        let most = Settings::most_perplexity(count);
        if !(1.0..=most).contains(&settings.perplexity) {
            return Err(Error::Perplexity {
                found: settings.perplexity,
                count,
                most,
            });
        }
        let automatic = (count as f32 / EXAGGERATION / 4.0).max(50.0);
        let learning_rate = settings.learning_rate.unwrap_or(automatic);
        positive(learning_rate)?;
        let k = libm::ceilf(3.0 * settings.perplexity) as usize;
        let neighbours = Neighbours::find_most(vectors, k)?;
        Ok(Self {
            affinities: Affinities::new(&neighbours, count, settings.perplexity),
            learning_rate,
            coordinates: initial_coordinates(vectors, settings.start)?,
            velocity: vec![[0.0; 2]; count],
            gains: vec![[1.0; 2]; count],
            steps: 0,
            exaggerated: FIRST_STEPS,
        })
    }

    /// Starts, before the first step, from the coordinates `[vectors, 2]` that the same points had with
    /// other vectors. Early exaggeration is off, so that points whose vectors changed little stay in
    /// place.
    ///
    /// # Errors
    /// Not as many coordinates as vectors, or coordinates that are not finite.
    pub fn start_from(&mut self, coordinates: &[[f32; 2]]) -> Result<(), Error> {
        checked_coordinates(coordinates, self.coordinates.x.len())?;
        let (x, y) = coordinates.iter().map(|[x, y]| (*x, *y)).unzip();
        self.coordinates = Coordinates { x, y };
        self.exaggerated = 0;
        Ok(())
    }

    /// One step of gradient descent with momentum and gains.
    pub fn step(&mut self) {
        let (exaggeration, momentum) = if self.steps < self.exaggerated {
            (EXAGGERATION, 0.5)
        } else {
            (1.0, 0.8)
        };
        let tree = self.coordinates.tree();
        let forces: Vec<Forces> = self.each_point(|point| Forces {
            attraction: self.attraction(point),
            ..self.coordinates.repulsion(tree.as_ref(), point)
        });
        let total: f64 = forces.iter().map(|force| force.weight).sum();
        let normaliser = (1.0 / total) as f32;
        for (point, force) in forces.iter().enumerate() {
            for axis in 0..2 {
                let attraction = exaggeration * force.attraction[axis];
                let gradient = 4.0 * (attraction - force.repulsion[axis] * normaliser);
                let velocity = &mut self.velocity[point][axis];
                let gain = &mut self.gains[point][axis];
                *gain = if *velocity * gradient < 0.0 {
                    *gain + 0.2
                } else {
                    (*gain * 0.8).max(0.01)
                };
                *velocity = momentum * *velocity - self.learning_rate * *gain * gradient;
            }
            self.coordinates.x[point] += self.velocity[point][0];
            self.coordinates.y[point] += self.velocity[point][1];
        }
        centre(&mut self.coordinates.x);
        centre(&mut self.coordinates.y);
        self.steps += 1;
    }

    /// How many steps were taken.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The learning rate in use.
    pub fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    /// Sets the learning rate from the next step on.
    ///
    /// # Errors
    /// A learning rate that is not positive.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<(), Error> {
        positive(learning_rate)?;
        self.learning_rate = learning_rate;
        Ok(())
    }

    /// The current coordinates `[vectors, 2]`, in the order of the vectors.
    pub fn coordinates(&self) -> Vec<[f32; 2]> {
        let pairs = self.coordinates.x.iter().zip(&self.coordinates.y);
        pairs.map(|(x, y)| [*x, *y]).collect()
    }

    /// The Kullback-Leibler divergence of the embedding from the affinities, in nats, without
    /// exaggeration. As costly as a few steps.
    pub fn divergence(&self) -> f64 {
        self.divergence_of(&self.coordinates)
    }

    /// The divergence, in nats, of other coordinates `[vectors, 2]` of the same vectors, such as those of
    /// another program.
    ///
    /// # Errors
    /// Not as many coordinates as vectors, or coordinates that are not finite.
    pub fn divergence_at(&self, coordinates: &[[f32; 2]]) -> Result<f64, Error> {
        checked_coordinates(coordinates, self.coordinates.x.len())?;
        let (x, y) = coordinates.iter().map(|[x, y]| (*x, *y)).unzip();
        Ok(self.divergence_of(&Coordinates { x, y }))
    }

    /// Sum of p ln p - p ln q, with q_ij = w_ij / sum of w and w = 1 / (1 + d²).
    fn divergence_of(&self, coordinates: &Coordinates) -> f64 {
        let tree = coordinates.tree();
        let rows: Vec<(f64, f64)> = self.each_point(|point| {
            let neighbours = self.affinities.row(point).iter();
            let log_weights = neighbours.map(|(other, p)| {
                let (dx, dy) = coordinates.from(point, *other as usize);
                f64::from(*p) * libm::log1p(f64::from(dx * dx + dy * dy))
            });
            (
                log_weights.sum(),
                coordinates.repulsion(tree.as_ref(), point).weight,
            )
        });
        let log_weights: f64 = rows.iter().map(|row| row.0).sum();
        let total: f64 = rows.iter().map(|row| row.1).sum();
        self.affinities.p_log_p() + log_weights + libm::log(total)
    }

    fn each_point<T: Send>(&self, compute: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        each_row(self.coordinates.x.len(), compute)
    }

    /// Sum of p_ij w_ij (y_i - y_j).
    fn attraction(&self, point: usize) -> [f32; 2] {
        let mut sum = [0.0f32; 2];
        for (other, p) in self.affinities.row(point) {
            let (dx, dy) = self.coordinates.from(point, *other as usize);
            let weight = p / (1.0 + dx * dx + dy * dy);
            sum[0] += weight * dx;
            sum[1] += weight * dy;
        }
        sum
    }
}

impl Coordinates {
    /// The vector from `other` to `point`.
    fn from(&self, point: usize, other: usize) -> (f32, f32) {
        let dx = self.x[point] - self.x[other];
        (dx, self.y[point] - self.y[other])
    }

    /// Of more points than are summed over in pairs.
    fn tree(&self) -> Option<Tree> {
        (self.x.len() > EXACT).then(|| Tree::new(&self.x, &self.y))
    }

    /// Sum of w_ij² (y_i - y_j) and of w_ij; the attraction is zero.
    fn repulsion(&self, tree: Option<&Tree>, point: usize) -> Forces {
        if let Some(tree) = tree {
            let Repulsion { force, weight } = tree.repulsion(point);
            return Forces {
                attraction: [0.0; 2],
                repulsion: force,
                weight,
            };
        }
        let (x, y) = (self.x[point], self.y[point]);
        let (mut weights, mut right, mut up) = ([0.0f32; LANES], [0.0; LANES], [0.0; LANES]);
        let (x_lanes, x_tail) = self.x.as_chunks::<LANES>();
        let (y_lanes, y_tail) = self.y.as_chunks::<LANES>();
        for (others_x, others_y) in x_lanes.iter().zip(y_lanes) {
            for lane in 0..LANES {
                let (dx, dy) = (x - others_x[lane], y - others_y[lane]);
                let weight = 1.0 / (1.0 + dx * dx + dy * dy);
                weights[lane] += weight;
                right[lane] += weight * weight * dx;
                up[lane] += weight * weight * dy;
            }
        }
        for (lane, (other_x, other_y)) in x_tail.iter().zip(y_tail).enumerate() {
            let (dx, dy) = (x - other_x, y - other_y);
            let weight = 1.0 / (1.0 + dx * dx + dy * dy);
            weights[lane] += weight;
            right[lane] += weight * weight * dx;
            up[lane] += weight * weight * dy;
        }
        let weight: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        Forces {
            attraction: [0.0; 2],
            repulsion: [right.iter().sum(), up.iter().sum()],
            // The point itself, at distance zero, adds no repulsion but a weight of one.
            weight: weight - 1.0,
        }
    }
}

fn positive(learning_rate: f32) -> Result<(), Error> {
    if learning_rate.is_finite() && learning_rate > 0.0 {
        Ok(())
    } else {
        Err(Error::LearningRate {
            found: learning_rate,
        })
    }
}

fn initial_coordinates<V: AsRef<[f32]> + Sync>(
    vectors: &[V],
    start: Start,
) -> Result<Coordinates, Error> {
    let (x, y): (Vec<f32>, Vec<f32>) = match start {
        Start::PrincipalComponents => {
            let components = principal_components(vectors)?.coordinates;
            let count = components.len() as f32;
            let squares: f32 = components.iter().map(|[x, _]| x * x).sum();
            let spread = libm::sqrtf(squares / count);
            let scale = if spread > 0.0 {
                INITIAL_SPREAD / spread
            } else {
                0.0
            };
            // Equal vectors must not start at the same point, where no force could separate them.
            let mut stream = Stream::new(&[0x7473_6E65]);
            let mut jitter = || 1e-3 * INITIAL_SPREAD * (stream.uniform() as f32 - 0.5);
            components
                .iter()
                .map(|[x, y]| (x * scale + jitter(), y * scale + jitter()))
                .unzip()
        }
        Start::Random(seed) => {
            let mut stream = Stream::new(&[0x7473_6E65, seed]);
            let mut normal = || INITIAL_SPREAD * stream.normal() as f32;
            (0..vectors.len()).map(|_| (normal(), normal())).unzip()
        }
    };
    Ok(Coordinates { x, y })
}

fn centre(axis: &mut [f32]) {
    let sum: f64 = axis.iter().map(|value| f64::from(*value)).sum();
    let mean = (sum / axis.len() as f64) as f32;
    for value in axis {
        *value -= mean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of 40 points, far from each other.
    fn groups(count: usize) -> Vec<Vec<f32>> {
        let mut stream = Stream::new(&[1]);
        let vector = |point: usize, stream: &mut Stream| {
            (0..10)
                .map(|axis| {
                    let centre = if axis == point / 40 { 6.0 } else { 0.0 };
                    stream.normal() as f32 + centre
                })
                .collect()
        };
        (0..count).map(|point| vector(point, &mut stream)).collect()
    }

    fn moved(vectors: &[Vec<f32>], start: Start, steps: usize) -> Tsne {
        let settings = Settings {
            perplexity: 12.0,
            start,
            ..Settings::for_points(vectors.len())
        };
        let mut tsne = Tsne::new(vectors, settings).unwrap();
        (0..steps).for_each(|_| tsne.step());
        tsne
    }

    #[test]
    fn groups_come_apart_from_every_start() {
        let vectors = groups(160);
        for start in [Start::PrincipalComponents, Start::Random(3)] {
            let tsne = moved(&vectors, start, 500);
            let coordinates = tsne.coordinates();
            let neighbours = Neighbours::find(&coordinates, 1).unwrap();
            let right = (0..160).filter(|i| neighbours.of(*i)[0].0 as usize / 40 == i / 40);
            assert!(right.count() >= 158);
            assert!(tsne.divergence() < moved(&vectors, start, 0).divergence() / 2.0);
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let vectors = groups(240);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let run = || moved(&vectors, Start::Random(1), 60);
            let tsne = pool.build().unwrap().install(run);
            (tsne.coordinates(), tsne.divergence())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn the_step_is_the_gradient_of_the_divergence() {
        let vectors = groups(60);
        // After the exaggeration, without momentum, a step is the gradient times the learning rate.
        let mut tsne = moved(&vectors, Start::PrincipalComponents, 300);
        tsne.set_learning_rate(1e-3).unwrap();
        tsne.velocity.fill([0.0; 2]);
        tsne.gains.fill([1.0; 2]);
        let before = tsne.coordinates();
        let mut next = tsne.clone();
        next.step();
        let after = next.coordinates();
        for point in [0, 17, 59] {
            for axis in 0..2 {
                let shifted = |by: f32| {
                    let mut coordinates = before.clone();
                    coordinates[point][axis] += by;
                    tsne.divergence_at(&coordinates).unwrap()
                };
                let numeric = (shifted(0.02) - shifted(-0.02)) / 0.04;
                // The gain of a coordinate that has not moved falls to 0.8.
                let stepped = (before[point][axis] - after[point][axis]) / 0.8e-3;
                let error = (numeric - f64::from(stepped)).abs();
                assert!(error < 2e-3 + 0.02 * numeric.abs(), "{numeric} {stepped}");
            }
        }
    }

    #[test]
    fn an_embedding_starts_from_the_coordinates_of_another() {
        let vectors = groups(160);
        let first = moved(&vectors, Start::Random(3), 600);
        let mut changed = vectors.clone();
        changed[7][3] += 0.5;
        let mut second = moved(&changed, Start::Random(3), 0);
        second.start_from(&first.coordinates()).unwrap();
        let before = second.divergence();
        (0..30).for_each(|_| second.step());
        assert!(second.divergence() <= before + 1e-3);
        let (before, after) = (first.coordinates(), second.coordinates());
        let pairs = before.iter().zip(&after);
        let far = pairs.filter(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]) > 3.0);
        assert!(far.count() < 8, "most points stay about where they were");
        let few = second.start_from(&[[0.0; 2]]).unwrap_err();
        assert_eq!(
            few.to_string(),
            "1 coordinates, expected 160, as many as vectors"
        );
    }

    #[test]
    fn equal_vectors_keep_finite_coordinates() {
        let mut vectors = groups(40);
        vectors.extend(vec![vec![1.0; 10]; 40]);
        let tsne = moved(&vectors, Start::PrincipalComponents, 400);
        assert!(
            tsne.coordinates()
                .iter()
                .flatten()
                .all(|value| value.is_finite())
        );
        let same = vec![vec![2.0f32; 3]; 50];
        let tsne = moved(&same, Start::PrincipalComponents, 50);
        assert!(
            tsne.coordinates()
                .iter()
                .flatten()
                .all(|value| value.is_finite())
        );
    }

    #[test]
    fn impossible_settings_are_refused() {
        let vectors = groups(40);
        let with = |perplexity: f32, learning_rate: Option<f32>| {
            let start = Start::Random(1);
            let settings = Settings {
                perplexity,
                learning_rate,
                start,
            };
            Tsne::new(&vectors, settings).err().map(|e| e.to_string())
        };
        assert_eq!(with(13.0, None), None);
        assert_eq!(
            with(14.0, None).unwrap(),
            "perplexity 14 with 40 vectors, expected from 1 to 13"
        );
        assert!(with(f32::NAN, None).is_some());
        assert!(with(5.0, Some(0.0)).unwrap().contains("learning rate 0"));
    }
}
