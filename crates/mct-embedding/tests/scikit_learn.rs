//! Against scikit-learn: the same divergence and trustworthiness for its coordinates, and embeddings of
//! ours that are at most 2 % worse in both. The numbers come from tests/reference/tsne.py.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::path::Path;

use mct_embedding::{Settings, Start, Tsne, trustworthiness};
use safetensors::SafeTensors;

const NEIGHBOURS: usize = 12;

struct Reference {
    vectors: Vec<Vec<f32>>,
    coordinates: Vec<[f32; 2]>,
    divergence: f64,
    trustworthiness: f64,
}

fn read(path: &Path) -> Reference {
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let text = header.metadata().as_ref().unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| {
        let tensor = tensors.tensor(name).unwrap();
        let (bytes, _) = tensor.data().as_chunks::<4>();
        let numbers: Vec<f32> = bytes.iter().map(|four| f32::from_le_bytes(*four)).collect();
        (tensor.shape()[1], numbers)
    };
    let (width, vectors) = numbers("vectors");
    Reference {
        vectors: vectors.chunks(width).map(<[f32]>::to_vec).collect(),
        coordinates: numbers("places").1.as_chunks::<2>().0.to_vec(),
        divergence: text["divergence"].parse().unwrap(),
        trustworthiness: text["trustworthiness"].parse().unwrap(),
    }
}

fn compare(path: &Path) {
    let reference = read(path);
    let vectors = &reference.vectors;
    let trust =
        |coordinates: &[[f32; 2]]| trustworthiness(vectors, coordinates, NEIGHBOURS).unwrap();
    let found = trust(&reference.coordinates);
    assert!((found - reference.trustworthiness).abs() < 1e-4, "{found}");

    for start in [Start::PrincipalComponents, Start::Random(0)] {
        let settings = Settings {
            start,
            ..Settings::for_points(vectors.len())
        };
        let mut tsne = Tsne::new(vectors, settings).unwrap();
        // scikit-learn has affinities of all pairs, or sums the repulsion with a tree.
        let theirs = tsne.divergence_at(&reference.coordinates).unwrap();
        let relative = (theirs / reference.divergence - 1.0).abs();
        assert!(relative < 0.02, "{theirs} {}", reference.divergence);

        for _ in 0..1000 {
            tsne.step();
        }
        let (divergence, trust) = (tsne.divergence(), trust(&tsne.coordinates()));
        println!(
            "{start:?}: divergence {divergence:.4}, scikit-learn {theirs:.4}; trustworthiness {trust:.4}, \
             scikit-learn {:.4}",
            reference.trustworthiness
        );
        assert!(divergence < 1.02 * theirs);
        assert!(trust > 0.98 * reference.trustworthiness);
    }
}

#[test]
fn groups_of_vectors() {
    compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tsne.safetensors"));
}

#[test]
fn digits() {
    match std::env::var_os("MCT_HFR_DIGITS") {
        Some(path) => compare(Path::new(&path)),
        None => println!("SKIPPED: the digits (MCT_HFR_DIGITS is not set, see CONTRIBUTING.md)"),
    }
}
