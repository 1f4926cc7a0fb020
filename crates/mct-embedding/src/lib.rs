//! Projections of vectors onto the plane.
//!
//! - [`Tsne`]: t-SNE, one step at a time, so that it can be watched, paused and resumed; exact up to some thousand
//!   vectors, and of more by approximations.
//! - [`principal_components`]: the two directions of largest variance.
//! - [`Neighbours`]: the nearest vectors of each vector, by distance in the original space; of many vectors nearly
//!   all of them.
//! - [`trustworthiness`]: how far the neighbours in the plane are neighbours in the original space.
//!
//! The same vectors and settings give the same coordinates on every machine and with every number of
//! threads: each row of the pairwise sums is computed by one thread, in one order.

mod affinities;
mod approximate;
mod neighbours;
mod pca;
mod rows;
mod tree;
mod trustworthiness;
mod tsne;

pub use neighbours::{Neighbours, nearest};
pub use pca::{Components, principal_components};
pub use trustworthiness::trustworthiness;
pub use tsne::{Settings, Start, Tsne};

/// So many vectors are projected exactly: by all pairs. Of more, pairs that are far apart act together.
pub const EXACT: usize = 5000;

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
    #[error("{found} coordinates, expected {expected}, as many as vectors")]
    Coordinates { found: usize, expected: usize },
    #[error("perplexity {found} with {count} vectors, expected from 1 to {most}")]
    Perplexity { found: f32, count: usize, most: f32 },
    #[error("learning rate {found}, expected a positive number")]
    LearningRate { found: f32 },
}

/// Checks that there are `expected` vectors or more, of one length, and that their numbers are finite.
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

/// Checks that the coordinates are finite and as many as the vectors, `expected`.
pub(crate) fn checked_coordinates(coordinates: &[[f32; 2]], expected: usize) -> Result<(), Error> {
    if coordinates.len() != expected {
        let found = coordinates.len();
        return Err(Error::Coordinates { found, expected });
    }
    checked(coordinates, expected)
}
