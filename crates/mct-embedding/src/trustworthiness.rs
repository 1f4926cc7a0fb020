//! How far the plane can be trusted.

use crate::{Error, Neighbours, checked, checked_places};

/// Trustworthiness (Venna and Kaski, 2001) of the places for the `nearest` neighbours, from 0 to 1: a
/// neighbour in the plane that is not one of the nearest vectors costs as much as its rank is too high.
///
/// # Errors
/// Vectors or places as in [`Neighbours::find`], not as many places as vectors, or vectors that are not
/// more than twice as many as `nearest`.
pub fn trustworthiness<V: AsRef<[f32]> + Sync>(
    vectors: &[V],
    places: &[[f32; 2]],
    nearest: usize,
) -> Result<f64, Error> {
    checked(vectors, 2 * nearest + 1)?;
    checked_places(places, vectors.len())?;
    let count = vectors.len();
    let original = Neighbours::find(vectors, count - 1)?;
    let embedded = Neighbours::find(places, nearest)?;
    let mut penalty = 0usize;
    let mut ranks = vec![0; count];
    for row in 0..count {
        for (rank, (other, _)) in original.of(row).iter().enumerate() {
            ranks[*other as usize] = rank + 1;
        }
        let excess = embedded.of(row).iter();
        penalty += excess
            .map(|(other, _)| ranks[*other as usize].saturating_sub(nearest))
            .sum::<usize>();
    }
    let (count, nearest) = (count as f64, nearest as f64);
    let worst = count * nearest * (2.0 * count - 3.0 * nearest - 1.0) / 2.0;
    Ok(1.0 - penalty as f64 / worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_like_the_vectors_are_trusted_and_others_are_not() {
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
