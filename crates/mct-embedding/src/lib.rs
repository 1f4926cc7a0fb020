//! Projections of vectors onto the plane.
//!
//! - [`Tsne`]: exact t-SNE, one step at a time, so that it can be watched, paused and restarted.
//! - [`principal_components`]: the two directions of largest variance.
//! - [`Neighbours`]: the nearest vectors of each vector, by distance in the original space.
//! - [`trustworthiness`]: how far the neighbours in the plane are neighbours in the original space.
//!
//! The same vectors and settings give the same places on every machine and with every number of
//! threads: each row of points is summed by one thread, in one order.

mod affinities;
mod neighbours;
mod pca;
mod rows;
mod trustworthiness;
mod tsne;

pub use neighbours::{Neighbours, nearest};
pub use pca::principal_components;
pub use trustworthiness::trustworthiness;
pub use tsne::{Settings, Start, Tsne};

/// What is wrong with the vectors or the settings.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("an embedding needs {expected} vectors or more, found {found}")]
    TooFew { found: usize, expected: usize },
    #[error("vector {row} has {found} numbers, expected {expected} as in the first")]
    Uneven {
        row: usize,
        found: usize,
        expected: usize,
    },
    #[error("vector {row} holds a number that is not finite")]
    NotFinite { row: usize },
    #[error("{found} places, expected {expected}, as many as vectors")]
    Places { found: usize, expected: usize },
    #[error("perplexity {found} with {count} vectors, expected from 1 to {most}")]
    Perplexity { found: f32, count: usize, most: f32 },
    #[error("learning rate {found}, expected a positive number")]
    LearningRate { found: f32 },
}

/// Vectors of one length, all numbers finite.
pub(crate) fn checked<V: AsRef<[f32]>>(vectors: &[V], expected: usize) -> Result<(), Error> {
    if vectors.len() < expected {
        let found = vectors.len();
        return Err(Error::TooFew { found, expected });
    }
    let width = vectors[0].as_ref().len();
    for (row, vector) in vectors.iter().enumerate() {
        let vector = vector.as_ref();
        if vector.len() != width {
            return Err(Error::Uneven {
                row,
                found: vector.len(),
                expected: width,
            });
        }
        if !vector.iter().all(|number| number.is_finite()) {
            return Err(Error::NotFinite { row });
        }
    }
    Ok(())
}

/// Finite places, as many as vectors.
pub(crate) fn checked_places(places: &[[f32; 2]], expected: usize) -> Result<(), Error> {
    if places.len() != expected {
        let found = places.len();
        return Err(Error::Places { found, expected });
    }
    checked(places, expected)
}
