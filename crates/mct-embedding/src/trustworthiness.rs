//! How far an embedding preserves neighbourhoods.

use crate::{Error, Neighbours, checked, checked_coordinates};

/// Trustworthiness (Venna and Kaski, 2001) of the coordinates `[vectors, 2]` for `nearest` neighbours,
/// from 0 to 1: each neighbour in the plane is penalised by how far its rank in the original space
/// exceeds `nearest`.
///
/// # Errors
/// Vectors or coordinates as in [`Neighbours::find`], not as many coordinates as vectors, or vectors that
/// are not more than twice as many as `nearest`.
pub fn trustworthiness<V: AsRef<[f32]> + Sync>(
    vectors: &[V],
    coordinates: &[[f32; 2]],
    nearest: usize,
) -> Result<f64, Error> {
    checked(vectors, 2 * nearest + 1)?;
    checked_coordinates(coordinates, vectors.len())?;
    let count = vectors.len();
    let original = Neighbours::find(vectors, count - 1)?;
    let embedded = Neighbours::find(coordinates, nearest)?;
    let mut penalty = 0usize;
    let mut ranks = vec![0; count];
    for row in 0..count {
        for (rank, (other, _)) in original.of(row).iter().enumerate() {
            ranks[*other as usize] = rank + 1;
        }
        penalty += embedded
            .of(row)
            .iter()
            .map(|(other, _)| ranks[*other as usize].saturating_sub(nearest))
            .sum::<usize>();
    }
    let (n, k) = (count as f64, nearest as f64);
    let worst = n * k * (2.0 * n - 3.0 * k - 1.0) / 2.0;
    Ok(1.0 - penalty as f64 / worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_like_the_vectors_are_trusted_and_others_are_not() {
        let vectors: Vec<[f32; 2]> = (0..20).map(|i| [i as f32, (i * i) as f32]).collect();
        assert_eq!(trustworthiness(&vectors, &vectors, 4), Ok(1.0));
        let mut mixed = vectors.clone();
        mixed.sort_by_key(|[x, _]| (*x as u32 * 7) % 20);
        let found = trustworthiness(&vectors, &mixed, 4).unwrap();
        assert!(found < 0.7, "{found}");
        assert!(trustworthiness(&vectors, &vectors[..3], 4).is_err());
        assert!(trustworthiness(&vectors, &vectors, 10).is_err());
    }
}
