//! Nearest neighbours: by brute force, or nearly all of them by random trees.

use crate::approximate::near;
use crate::rows::each_row;
use crate::{EXACT, Error, checked};

/// Sums run in this many lanes, which the compiler turns into vector instructions.
const LANES: usize = 8;

/// The `k` nearest other vectors of each vector.
#[derive(Debug, Clone)]
pub struct Neighbours {
    k: usize,
    /// `[vectors, k]`: index and squared Euclidean distance, nearest first.
    nearest: Vec<(u32, f32)>,
}

/// Index and squared Euclidean distance of the `count` nearest other vectors of `vectors[row]`, nearest
/// first, or of all others where there are fewer. Ties are in the order of the vectors.
///
/// # Errors
/// Fewer than two vectors, vectors of different lengths, or numbers that are not finite.
pub fn nearest<V: AsRef<[f32]>>(
    vectors: &[V],
    row: usize,
    count: usize,
) -> Result<Vec<(u32, f32)>, Error> {
    checked(vectors, 2)?;
    Ok(nearest_of(vectors, row, count.min(vectors.len() - 1)))
}

/// [`nearest`] of checked vectors, with `count` below their number.
fn nearest_of<V: AsRef<[f32]>>(vectors: &[V], row: usize, count: usize) -> Vec<(u32, f32)> {
    nearest_among(vectors, row, 0..vectors.len() as u32, count)
}

/// The `count` of these vectors that are nearest to `vectors[row]`, nearest first; each is named once.
pub(crate) fn nearest_among<V: AsRef<[f32]>>(
    vectors: &[V],
    row: usize,
    others: impl Iterator<Item = u32>,
    count: usize,
) -> Vec<(u32, f32)> {
    let query = vectors[row].as_ref();
    let mut others: Vec<(u32, f32)> = others
        .filter(|other| *other as usize != row)
        .map(|other| {
            let vector = vectors[other as usize].as_ref();
            (other, squared_distance(query, vector))
        })
        .collect();
    let nearer = |a: &(u32, f32), b: &(u32, f32)| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0));
    if (1..others.len()).contains(&count) {
        others.select_nth_unstable_by(count - 1, nearer);
    }
    others.truncate(count);
    others.sort_unstable_by(nearer);
    others
}

impl Neighbours {
    /// The `k` nearest neighbours of each of `vectors`, or all others where there are fewer. Ties are in
    /// the order of the vectors.
    ///
    /// # Errors
    /// Fewer than two vectors, vectors of different lengths, or numbers that are not finite.
    pub fn find<V: AsRef<[f32]> + Sync>(vectors: &[V], k: usize) -> Result<Self, Error> {
        checked(vectors, 2)?;
        let k = k.min(vectors.len() - 1);
        let nearest = each_row(vectors.len(), |row| nearest_of(vectors, row, k));
        Ok(Self {
            k,
            nearest: nearest.concat(),
        })
    }

    /// Index and squared Euclidean distance of the neighbours of vector `row`, nearest first.
    pub fn of(&self, row: usize) -> &[(u32, f32)] {
        &self.nearest[row * self.k..(row + 1) * self.k]
    }

    /// As [`Neighbours::find`] up to [`EXACT`] vectors; of more, a few of the nearest may be missed for others that
    /// are near.
    ///
    /// # Errors
    /// As [`Neighbours::find`].
    pub fn find_most<V: AsRef<[f32]> + Sync>(vectors: &[V], k: usize) -> Result<Self, Error> {
        if vectors.len() <= EXACT {
            return Self::find(vectors, k);
        }
        checked(vectors, 2)?;
        // Less than a leaf of the trees.
        let k = k.min(EXACT / 2);
        Ok(Self {
            k,
            nearest: near(vectors, k).concat(),
        })
    }

    pub(crate) fn k(&self) -> usize {
        self.k
    }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_tail) = a.as_chunks::<LANES>();
    let (b_lanes, b_tail) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    let tail = a_tail.iter().zip(b_tail).map(|(a, b)| (a - b) * (a - b));
    sums.iter().sum::<f32>() + tail.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_first_and_ties_in_order() {
        let vectors = [[0.0f32], [3.0], [1.0], [-1.0], [10.0]];
        let found = Neighbours::find(&vectors, 3).unwrap();
        assert_eq!(found.of(0), &[(2, 1.0), (3, 1.0), (1, 9.0)]);
        assert_eq!(found.of(4), &[(1, 49.0), (2, 81.0), (0, 100.0)]);
        assert_eq!(nearest(&vectors, 4, 2).unwrap(), [(1, 49.0), (2, 81.0)]);
        assert_eq!(nearest(&vectors, 4, 9).unwrap().len(), 4);
        // More than there are.
        assert_eq!(Neighbours::find(&vectors, 9).unwrap().of(1).len(), 4);
    }

    #[test]
    fn long_vectors_use_every_number() {
        let ones = vec![1.0f32; 21];
        assert_eq!(squared_distance(&ones, &[0.0; 21]), 21.0);
    }

    #[test]
    fn bad_vectors_are_named() {
        let uneven = [vec![1.0f32, 2.0], vec![1.0]];
        let error = Neighbours::find(&uneven, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "vector 1 has 1 numbers, expected 2 as in the first"
        );
        let error = Neighbours::find(&[[1.0f32], [f32::NAN]], 1).unwrap_err();
        assert_eq!(error, Error::NotFinite { row: 1 });
        assert!(Neighbours::find(&[[1.0f32]], 1).is_err());
    }
}
