//! Affinities of pairs of vectors, as probabilities (van der Maaten and Hinton, 2008, eqs. 1 and 2):
//! symmetric, with a sum of one over all pairs.

use crate::Neighbours;
use crate::rows::each_row;

/// Largest deviation of a row's entropy from `ln(perplexity)`, in nats.
const TOLERANCE: f64 = 1e-6;

/// A sparse matrix: vectors that are not nearest neighbours of each other have no affinity (van der
/// Maaten, 2014, section 3).
#[derive(Debug, Clone)]
pub struct Affinities {
    /// Where each row begins in `pairs`, and the end of the last.
    begins: Vec<usize>,
    /// Column and `p_ij`.
    pairs: Vec<(u32, f32)>,
    /// The sum of `p ln p`: the constant term of the divergence.
    p_log_p: f64,
}

impl Affinities {
    /// Affinities of `count` vectors from their nearest neighbours.
    pub fn new(neighbours: &Neighbours, count: usize, perplexity: f32) -> Self {
        let conditional_row = |row| conditional(neighbours.of(row), f64::from(perplexity));
        let conditional: Vec<f64> = each_row(count, conditional_row).concat();
        // p_ij = (p_j|i + p_i|j) / 2n: each half is added to row i and to row j.
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); count];
        for row in 0..count {
            let probabilities = &conditional[row * neighbours.k()..];
            for ((column, _), p) in neighbours.of(row).iter().zip(probabilities) {
                let half = p / (2 * count) as f64;
                rows[row].push((*column, half));
                rows[*column as usize].push((row as u32, half));
            }
        }
        let mut begins = vec![0];
        let mut pairs: Vec<(u32, f32)> = Vec::new();
        let mut p_log_p = 0.0;
        for mut row in rows {
            row.sort_unstable_by_key(|(column, _)| *column);
            // The sum of two halves does not depend on their order.
            for pair in row.chunk_by(|a, b| a.0 == b.0) {
                let p: f64 = pair.iter().map(|(_, half)| half).sum();
                if p > 0.0 {
                    pairs.push((pair[0].0, p as f32));
                    p_log_p += p * libm::log(p);
                }
            }
            begins.push(pairs.len());
        }
        Self {
            begins,
            pairs,
            p_log_p,
        }
    }

    /// Column and `p_ij` of the entries of a row.
    pub fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.pairs[self.begins[row]..self.begins[row + 1]]
    }

    /// The sum of `p ln p`, in nats.
    pub fn p_log_p(&self) -> f64 {
        self.p_log_p
    }
}

/// `p_j|i` of the nearest neighbours: a Gaussian whose precision gives the perplexity, by bisection.
fn conditional(nearest: &[(u32, f32)], perplexity: f64) -> Vec<f64> {
    let smallest = nearest.first().map_or(0.0, |(_, squared)| *squared);
    // Only differences matter; with the smallest at zero the exponentials cannot all underflow.
    let squared: Vec<f64> = nearest
        .iter()
        .map(|(_, squared)| f64::from(squared - smallest))
        .collect();
    let wanted = libm::log(perplexity);
    let (mut low, mut high) = (0.0f64, f64::INFINITY);
    let mean = squared.iter().sum::<f64>() / squared.len() as f64;
    let mut precision = if mean > 0.0 { 1.0 / mean } else { 1.0 };
    let mut weights = vec![0.0; squared.len()];
    // 200 bisections exhaust the precision of f64: rows of equal distances end here.
    for _ in 0..200 {
        for (weight, squared) in weights.iter_mut().zip(&squared) {
            *weight = libm::exp(-squared * precision);
        }
        let sum: f64 = weights.iter().sum();
        let moment: f64 = weights.iter().zip(&squared).map(|(w, s)| w * s).sum();
        let entropy = libm::log(sum) + precision * moment / sum;
        if (entropy - wanted).abs() < TOLERANCE {
            break;
        }
        if entropy > wanted {
            low = precision;
            precision = if high.is_finite() {
                (low + high) / 2.0
            } else {
                precision * 2.0
            };
        } else {
            high = precision;
            precision = (low + high) / 2.0;
        }
        if !precision.is_finite() {
            break;
        }
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: usize) -> Vec<[f32; 1]> {
        (0..count).map(|i| [(i * i) as f32]).collect()
    }

    #[test]
    fn rows_have_the_perplexity() {
        let vectors = line(40);
        let neighbours = Neighbours::find(&vectors, 30).unwrap();
        for row in 0..40 {
            let p = conditional(neighbours.of(row), 10.0);
            let entropy: f64 = -p.iter().map(|p| p * (p + 1e-300).ln()).sum::<f64>();
            assert!((entropy.exp() - 10.0).abs() < 1e-4, "row {row}");
        }
    }

    #[test]
    fn symmetric_with_a_sum_of_one() {
        let vectors = line(40);
        let neighbours = Neighbours::find(&vectors, 15).unwrap();
        let affinities = Affinities::new(&neighbours, 40, 5.0);
        let mut sum = 0.0;
        for row in 0..40u32 {
            for (column, p) in affinities.row(row as usize) {
                assert_ne!(*column, row);
                let back = affinities.row(*column as usize);
                assert!(back.contains(&(row, *p)));
                sum += f64::from(*p);
            }
        }
        assert!((sum - 1.0).abs() < 1e-5);
    }

    #[test]
    fn equal_vectors_are_equally_near() {
        let p = conditional(&[(1, 2.0), (2, 2.0), (3, 2.0)], 2.0);
        assert!(p.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-12));
    }
}
