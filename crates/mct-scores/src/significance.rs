//! Whether one system is better than another: a paired bootstrap over utterances and seeds.
//!
//! Each resample draws test utterances and seeds with replacement, the same for both systems, and takes
//! the difference of their scores, as mean over the seeds. Its 2.5 and 97.5 percentiles are the
//! interval; the p-value is twice the smaller share of differences on either side of zero (Efron and
//! Tibshirani, 1993).

use mct_corpus::counter::Stream;
use serde::Serialize;

use crate::auilc::auilc;

const RESAMPLES: usize = 2000;

/// A difference of UA or of its AUILC between two systems.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Difference {
    pub mean: f64,
    /// Ends of the 95 % interval.
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

/// Of a reference system minus another: UA on complete data, and AUILC of UA.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Comparison {
    pub complete: Difference,
    pub incomplete: Difference,
}

/// Predicted classes of one system, `[seed][rate][utterance]`.
pub type Predicted<'a> = Vec<&'a [Vec<usize>]>;

/// What all systems were tested on.
pub struct Trial<'a> {
    /// True class of each utterance.
    pub labels: Vec<usize>,
    pub classes: usize,
    /// Missing rates, the complete data (0) first.
    pub rates: &'a [f64],
}

/// Per seed, rate and utterance, whether the prediction is right.
type Hits = Vec<Vec<Vec<bool>>>;

/// UA on complete data, and AUILC of UA.
type Summary = [f64; 2];

impl Trial<'_> {
    /// The reference, `systems[reference]`, minus each of `systems`.
    pub fn compare(&self, systems: &[Predicted<'_>], reference: usize) -> Vec<Comparison> {
        let hits: Vec<Hits> = systems.iter().map(|seeds| self.hits(seeds)).collect();
        let seeds = hits[reference].len();
        let all: Vec<usize> = (0..self.labels.len()).collect();
        let every_seed: Vec<usize> = (0..seeds).collect();
        let observed = self.summaries(&hits, &all, &every_seed);
        let mut stream = Stream::new(&[0x626F_6F74]);
        let resampled: Vec<Vec<Summary>> = (0..RESAMPLES)
            .map(|_| {
                let utterances = with_replacement(&mut stream, self.labels.len());
                let seeds = with_replacement(&mut stream, seeds);
                self.summaries(&hits, &utterances, &seeds)
            })
            .collect();
        let difference = |system: usize, score: usize| {
            let minus =
                |summaries: &Vec<Summary>| summaries[reference][score] - summaries[system][score];
            Difference::of(minus(&observed), resampled.iter().map(minus).collect())
        };
        (0..systems.len())
            .map(|system| Comparison {
                complete: difference(system, 0),
                incomplete: difference(system, 1),
            })
            .collect()
    }

    fn hits(&self, seeds: &Predicted<'_>) -> Hits {
        let at_rate = |predicted: &Vec<usize>| {
            let pairs = predicted.iter().zip(&self.labels);
            pairs.map(|(class, label)| class == label).collect()
        };
        seeds
            .iter()
            .map(|rates| rates.iter().map(at_rate).collect())
            .collect()
    }

    /// Scores of every system on a draw of utterances and seeds.
    fn summaries(&self, systems: &[Hits], utterances: &[usize], seeds: &[usize]) -> Vec<Summary> {
        let summary = |hits: &Hits| {
            let mut sum = [0.0; 2];
            for seed in seeds {
                let curve = self.ua(&hits[*seed], utterances);
                sum[0] += curve[0];
                sum[1] += auilc(self.rates, &curve);
            }
            sum.map(|sum| sum / seeds.len() as f64)
        };
        systems.iter().map(summary).collect()
    }

    /// UA at every rate on a draw of utterances.
    fn ua(&self, hits: &[Vec<bool>], utterances: &[usize]) -> Vec<f64> {
        let mut sizes = vec![0usize; self.classes];
        for utterance in utterances {
            sizes[self.labels[*utterance]] += 1;
        }
        let present = sizes.iter().filter(|size| **size > 0).count().max(1);
        let at_rate = |hits: &Vec<bool>| {
            let mut right = vec![0usize; self.classes];
            for utterance in utterances {
                right[self.labels[*utterance]] += usize::from(hits[*utterance]);
            }
            let recalls = right.iter().zip(&sizes);
            let recalls = recalls.map(|(right, size)| *right as f64 / (*size).max(1) as f64);
            recalls.sum::<f64>() / present as f64
        };
        hits.iter().map(at_rate).collect()
    }
}

impl Difference {
    /// From the difference on all utterances and those on the resamples.
    fn of(mean: f64, mut resampled: Vec<f64>) -> Self {
        resampled.sort_by(f64::total_cmp);
        let count = resampled.len();
        let quantile = |share: f64| resampled[((count - 1) as f64 * share).round() as usize];
        let below = resampled.iter().filter(|value| **value <= 0.0).count();
        let above = resampled.iter().filter(|value| **value >= 0.0).count();
        Self {
            mean,
            low: quantile(0.025),
            high: quantile(0.975),
            p: (2.0 * (below.min(above) + 1) as f64 / (count + 1) as f64).min(1.0),
        }
    }
}

/// As many indices below `count`.
fn with_replacement(stream: &mut Stream, count: usize) -> Vec<usize> {
    (0..count)
        .map(|_| ((stream.uniform() * count as f64) as usize).min(count - 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_system_is_told_from_an_equal_one() {
        let labels: Vec<usize> = (0..200).map(|index| index % 2).collect();
        let trial = Trial {
            classes: 2,
            rates: &[0.0, 0.5],
            labels: labels.clone(),
        };
        let wrong_every = |step: usize| {
            let flip = |(index, label): (usize, &usize)| label ^ usize::from(index % step == 0);
            let predicted: Vec<usize> = labels.iter().enumerate().map(flip).collect();
            vec![predicted.clone(), predicted]
        };
        let (good, bad) = (wrong_every(20), wrong_every(3));
        let systems = [vec![&good[..]], vec![&bad[..]], vec![&good[..]]];
        let compared = trial.compare(&systems, 0);
        let Difference { mean, low, p, .. } = compared[1].complete;
        assert!((mean - (0.95 - 133.0 / 200.0)).abs() < 0.01, "{mean}");
        assert!(low > 0.0 && p < 0.01, "{low} {p}");
        assert!((compared[1].incomplete.mean - 0.5 * mean).abs() < 1e-12);
        assert_eq!(
            (compared[2].complete.mean, compared[2].complete.p),
            (0.0, 1.0)
        );
    }
}
