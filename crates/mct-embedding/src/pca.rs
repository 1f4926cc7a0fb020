//! Principal components.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::{Error, checked};

/// Projections onto the two directions of largest variance.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// `[vectors, 2]`, centred.
    pub coordinates: Vec<[f32; 2]>,
    /// The share of the variance along each of the two, 0 to 1; 0 where the vectors do not vary.
    pub explained: [f32; 2],
}

/// Centred projections of the vectors `[vectors, features]` onto the two directions of largest variance. The entry of largest magnitude of each direction is positive.
///
/// # Errors
/// Fewer than two vectors, vectors of different lengths, or numbers that are not finite.
pub fn principal_components<V: AsRef<[f32]>>(vectors: &[V]) -> Result<Components, Error> {
    checked(vectors, 2)?;
    let width = vectors[0].as_ref().len();
    let rows = vectors.iter().flat_map(|vector| vector.as_ref());
    let numbers = rows.map(|number| f64::from(*number));
    // A column of the matrix is a vector.
    let mut matrix = DMatrix::from_iterator(width, vectors.len(), numbers);
    let mean = matrix.column_mean();
    for mut column in matrix.column_iter_mut() {
        column -= &mean;
    }
    let scatter = &matrix * matrix.transpose();
    let eigen = SymmetricEigen::new(scatter);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let total: f64 = eigen.eigenvalues.iter().map(|value| value.max(0.0)).sum();
    let mut coordinates = vec![[0.0; 2]; vectors.len()];
    let mut explained = [0.0; 2];
    for (axis, direction) in order.into_iter().take(2).enumerate() {
        if total > 0.0 {
            explained[axis] = (eigen.eigenvalues[direction].max(0.0) / total) as f32;
        }
        let direction = eigen.eigenvectors.column(direction);
        let largest = direction[direction.icamax()];
        let along = matrix.tr_mul(&direction) * largest.signum();
        for (point, along) in coordinates.iter_mut().zip(along.iter()) {
            point[axis] = *along as f32;
        }
    }
    Ok(Components {
        coordinates,
        explained,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_of_largest_variance_come_first() {
        // An ellipse in the plane of (1, 1, 0) and (0, 0, 1), off the origin.
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let vectors: Vec<[f32; 3]> = (0..16)
            .map(|i| {
                let (sine, cosine) = (i as f32 * std::f32::consts::TAU / 16.0).sin_cos();
                [5.0 + 2.0 * cosine * half, 2.0 * cosine * half, 1.0 + sine]
            })
            .collect();
        let found = principal_components(&vectors).unwrap();
        // Half axes of 2 and 1: variances of 4 to 1.
        assert!((found.explained[0] - 0.8).abs() < 1e-5 && (found.explained[1] - 0.2).abs() < 1e-5);
        for (i, [x, y]) in found.coordinates.iter().enumerate() {
            let (sine, cosine) = (i as f32 * std::f32::consts::TAU / 16.0).sin_cos();
            assert!((x - 2.0 * cosine).abs() < 1e-5);
            assert!((y - sine).abs() < 1e-5);
        }
    }

    #[test]
    fn vectors_of_one_number_have_one_component() {
        let found = principal_components(&[[1.0f32], [4.0]]).unwrap();
        assert_eq!(found.coordinates, [[-1.5, 0.0], [1.5, 0.0]]);
        assert_eq!(found.explained, [1.0, 0.0]);
        let equal = principal_components(&[[1.0f32], [1.0]]).unwrap();
        assert_eq!(equal.explained, [0.0, 0.0]);
        assert!(principal_components(&[[1.0f32]]).is_err());
    }
}
