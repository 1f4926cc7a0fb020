//! Whether one row is better than another: a paired bootstrap over utterances and seeds.
//!
//! Each resample draws test utterances and seeds with replacement, the same for both rows, and takes
//! the difference of their scores, as mean over the seeds. Its 2.5 and 97.5 percentiles are the
//! interval; the p-value is twice the smaller share of differences on either side of zero (Efron and
//! Tibshirani, 1993).

use mct_corpus::Corpus;
use mct_corpus::counter::Stream;
use mct_hfr::evaluate::PAPER_RATES;
use mct_hfr::metrics::auilc;
use serde::Serialize;

use crate::experiment::scores::{RowScores, Table};

const RESAMPLES: usize = 2000;

/// A difference of UA or of its AUILC between two rows.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Difference {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

/// Of `row` minus `other`: UA on complete data, and AUILC of UA.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Comparison {
    pub complete: Difference,
    pub incomplete: Difference,
}

/// Right answers of a row, `[seed][rate][utterance]`.
fn right(row: &RowScores, labels: &[usize]) -> Vec<Vec<Vec<bool>>> {
    let of = |predicted: &Vec<usize>| {
        let pairs = predicted.iter().zip(labels);
        pairs.map(|(class, label)| class == label).collect()
    };
    let seeds = row.seeds.iter();
    seeds
        .map(|seed| seed.predicted.iter().map(of).collect())
        .collect()
}

/// UA at every rate on a draw of utterances.
fn ua(right: &[Vec<bool>], labels: &[usize], classes: usize, draw: &[usize]) -> Vec<f64> {
    let mut sizes = vec![0usize; classes];
    for utterance in draw {
        sizes[labels[*utterance]] += 1;
    }
    let present = sizes.iter().filter(|size| **size > 0).count().max(1);
    let of = |right: &Vec<bool>| {
        let mut hits = vec![0usize; classes];
        for utterance in draw {
            hits[labels[*utterance]] += usize::from(right[*utterance]);
        }
        let recalls = hits.iter().zip(&sizes);
        let recalls = recalls.map(|(hits, size)| *hits as f64 / (*size).max(1) as f64);
        recalls.sum::<f64>() / present as f64
    };
    right.iter().map(of).collect()
}

/// Every row of the table against the one at `place`: its difference from each of them.
pub fn against(table: &Table, corpus: &Corpus, place: usize) -> Vec<Comparison> {
    let labels = table.indices.iter().map(|i| corpus.utterances[*i].label);
    let labels: Vec<usize> = labels.collect();
    let classes = corpus.class_count();
    let rows: Vec<_> = table.rows.iter().map(|row| right(row, &labels)).collect();
    let seeds = rows[place].len();
    // Scores of every row on a draw: UA on complete data, and AUILC.
    let scores = |draw: &[usize], seeds: &[usize]| -> Vec<[f64; 2]> {
        let of = |row: &Vec<Vec<Vec<bool>>>| {
            let mut sum = [0.0; 2];
            for seed in seeds {
                let curve = ua(&row[*seed], &labels, classes, draw);
                sum[0] += curve[0];
                sum[1] += auilc(&PAPER_RATES, &curve);
            }
            sum.map(|sum| sum / seeds.len() as f64)
        };
        rows.iter().map(of).collect()
    };
    let all: Vec<usize> = (0..labels.len()).collect();
    let every_seed: Vec<usize> = (0..seeds).collect();
    let observed = scores(&all, &every_seed);
    let mut stream = Stream::new(&[0x626F_6F74]);
    let mut pick = |count: usize| {
        let draw = |_| ((stream.uniform() * count as f64) as usize).min(count - 1);
        (0..count).map(draw).collect::<Vec<usize>>()
    };
    let draws: Vec<Vec<[f64; 2]>> = (0..RESAMPLES)
        .map(|_| {
            let (utterances, seeds) = (pick(labels.len()), pick(seeds));
            scores(&utterances, &seeds)
        })
        .collect();
    let difference = |row: usize, score: usize| {
        let of = |scores: &Vec<[f64; 2]>| scores[place][score] - scores[row][score];
        let mut sorted: Vec<f64> = draws.iter().map(of).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[((RESAMPLES - 1) as f64 * share).round() as usize];
        let below = sorted.iter().filter(|value| **value <= 0.0).count();
        let above = sorted.iter().filter(|value| **value >= 0.0).count();
        Difference {
            mean: of(&observed),
            low: at(0.025),
            high: at(0.975),
            p: (2.0 * (below.min(above) + 1) as f64 / (RESAMPLES + 1) as f64).min(1.0),
        }
    };
    (0..rows.len())
        .map(|row| Comparison {
            complete: difference(row, 0),
            incomplete: difference(row, 1),
        })
        .collect()
}
