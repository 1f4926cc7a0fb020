//! More vectors than are projected exactly.
#![allow(clippy::unwrap_used)]

use mct_corpus::counter::Stream;
use mct_embedding::{EXACT, Neighbours, Settings, Tsne, nearest};

/// Clusters of unequal spread in 24 numbers.
fn clusters(count: usize) -> Vec<Vec<f32>> {
    let mut stream = Stream::new(&[2]);
    let centres: Vec<Vec<f64>> = (0..12)
        .map(|_| (0..24).map(|_| 3.0 * stream.normal()).collect())
        .collect();
    let vector = |point: usize, stream: &mut Stream| {
        let centre = &centres[point % centres.len()];
        let spread = 0.5 + (point % 5) as f64 / 2.0;
        let numbers = centre.iter();
        numbers
            .map(|own| (own + spread * stream.normal()) as f32)
            .collect()
    };
    (0..count).map(|point| vector(point, &mut stream)).collect()
}

#[test]
fn nearly_all_nearest_neighbours_are_found() {
    let vectors = clusters(EXACT + 1000);
    let k = 90;
    let found = Neighbours::find_most(&vectors, k).unwrap();
    let (mut right, mut rows) = (0, 0);
    for row in (0..vectors.len()).step_by(37) {
        let own = found.of(row);
        assert_eq!(own.len(), k);
        assert!(own.is_sorted_by(|a, b| a.1 <= b.1));
        let nearest = nearest(&vectors, row, k).unwrap();
        let is_found = |wanted: &&(u32, f32)| own.iter().any(|(index, _)| *index == wanted.0);
        right += nearest.iter().filter(is_found).count();
        rows += 1;
    }
    let recall = right as f64 / (rows * k) as f64;
    assert!(recall > 0.95, "{recall}");
}

#[test]
fn clusters_come_apart_in_the_same_way_every_time() {
    let vectors = clusters(EXACT + 1000);
    let mut tsne = Tsne::new(&vectors, Settings::for_points(vectors.len())).unwrap();
    let before = tsne.divergence();
    (0..300).for_each(|_| tsne.step());
    let after = tsne.divergence();
    assert!(after < 0.6 * before, "{before} {after}");
    let coordinates = tsne.coordinates();
    let near = Neighbours::find(&coordinates, 1).unwrap();
    let same = |point: &usize| near.of(*point)[0].0 as usize % 12 == point % 12;
    let right = (0..vectors.len()).filter(same).count() as f64 / vectors.len() as f64;
    assert!(right > 0.95, "{right}");
    // The same in every run.
    let mut again = Tsne::new(&vectors, Settings::for_points(vectors.len())).unwrap();
    (0..300).for_each(|_| again.step());
    assert_eq!(again.coordinates(), coordinates);
}
