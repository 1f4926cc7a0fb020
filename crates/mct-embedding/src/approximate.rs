//! Nearest neighbours of many vectors, most of them: candidates are found in random trees (as of Annoy and UMAP) and
//! among the neighbours of neighbours (Dong et al., 2011).

use mct_corpus::counter::Stream;

use crate::neighbours::nearest_among;
use crate::rows::each_row;

/// Trees whose leaves are looked through.
const TREES: usize = 5;

/// Neighbours whose neighbours are looked through, and how many of these.
const OF_THESE: usize = 12;

/// Vectors on one side of a random plane, halved until a leaf has not many more than `leaf`.
fn tree<V: AsRef<[f32]>>(vectors: &[V], leaf: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut stream = Stream::new(&[0x6B6E_6E00, seed]);
    let mut leaves = Vec::new();
    let mut open: Vec<Vec<u32>> = vec![(0..vectors.len() as u32).collect()];
    while let Some(own) = open.pop() {
        if own.len() <= leaf {
            leaves.push(own);
            continue;
        }
        let pick = |stream: &mut Stream| {
            let index = (stream.uniform() * own.len() as f64) as usize;
            vectors[own[index.min(own.len() - 1)] as usize].as_ref()
        };
        // The plane between two of them.
        let (a, b) = (pick(&mut stream), pick(&mut stream));
        let mut sides: Vec<(f32, u32)> = own
            .iter()
            .map(|index| {
                let vector = vectors[*index as usize].as_ref();
                let along = vector.iter().zip(a.iter().zip(b));
                let along: f32 = along.map(|(value, (a, b))| value * (a - b)).sum();
                (along, *index)
            })
            .collect();
        // Halves: however they lie, no leaf is larger than wanted.
        let half = sides.len() / 2;
        sides.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (left, right) = sides.split_at(half);
        let indices = |side: &[(f32, u32)]| {
            let mut side: Vec<u32> = side.iter().map(|(_, index)| *index).collect();
            side.sort_unstable();
            side
        };
        open.push(indices(left));
        open.push(indices(right));
    }
    leaves
}

/// Index and squared Euclidean distance of `k` near other vectors of each vector, nearest first.
pub fn near<V: AsRef<[f32]> + Sync>(vectors: &[V], k: usize) -> Vec<Vec<(u32, f32)>> {
    let leaf = (2 * k).max(64);
    let trees: Vec<(Vec<Vec<u32>>, Vec<u32>)> = (0..TREES as u64)
        .map(|seed| {
            let leaves = tree(vectors, leaf, seed);
            let mut of = vec![0; vectors.len()];
            for (leaf, members) in leaves.iter().enumerate() {
                for member in members {
                    of[*member as usize] = leaf as u32;
                }
            }
            (leaves, of)
        })
        .collect();
    let nearest = |row: usize, mut candidates: Vec<u32>| {
        candidates.sort_unstable();
        candidates.dedup();
        nearest_among(vectors, row, candidates.into_iter(), k)
    };
    let first = each_row(vectors.len(), |row| {
        let members = trees
            .iter()
            .flat_map(|(leaves, of)| &leaves[of[row] as usize]);
        nearest(row, members.copied().collect())
    });
    each_row(vectors.len(), |row| {
        let own = first[row].iter().map(|(other, _)| *other);
        let further = first[row].iter().take(OF_THESE).flat_map(|(other, _)| {
            let theirs = first[*other as usize].iter();
            theirs.map(|(index, _)| *index)
        });
        nearest(row, own.chain(further).collect())
    })
}
