//! Whether one system is better than another: a paired bootstrap over utterances and seeds.
//!
//! Each resample draws test utterances and seeds with replacement, the same for both systems, and takes
//! the difference of their scores, as mean over the seeds. Its 2.5 and 97.5 percentiles are the
//! interval; the p-value is twice the smaller share of differences on either side of zero (Efron and
//! Tibshirani, 1993).

use mct_corpus::counter::Stream;
use mct_corpus::{Corpus, Task};
use serde::Serialize;

use crate::auilc::auilc;
use crate::intensity::{Pair, intensity_score};
use crate::metric::Metric;
use crate::predicted::Predicted;

const RESAMPLES: usize = 2000;

/// A difference of a score or of its AUILC between two systems.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Difference {
    pub mean: f64,
    /// Ends of the 95 % interval.
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

/// Of a reference system minus another: a score on complete data, and its AUILC.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Comparison {
    pub complete: Difference,
    pub incomplete: Difference,
}

/// The scores whose differences are tested.
pub const fn compared(task: Task) -> &'static [Metric] {
    match task {
        Task::Classification => &[Metric::Ua],
        Task::Regression => &[Metric::Mae, Metric::Corr],
    }
}

/// What all systems were tested on.
pub struct Trial<'a> {
    pub corpus: &'a Corpus,
    /// The utterances that were tested.
    pub indices: &'a [usize],
    /// Missing rates, the complete data (0) first.
    pub rates: &'a [f64],
    pub metric: Metric,
}

/// Predictions of one system, `[seed][rate]`.
pub type Seeds<'a> = Vec<&'a [Predicted]>;

/// A score on complete data, and its AUILC.
type Summary = [f64; 2];

impl Trial<'_> {
    /// The reference, `systems[reference]`, minus each of `systems`.
    pub fn compare(&self, systems: &[Seeds<'_>], reference: usize) -> Vec<Comparison> {
        let seeds = systems[reference].len();
        let all: Vec<usize> = (0..self.indices.len()).collect();
        let every_seed: Vec<usize> = (0..seeds).collect();
        let observed = self.summaries(systems, &all, &every_seed);
        let mut stream = Stream::new(&[0x626F_6F74]);
        let resampled: Vec<Vec<Summary>> = (0..RESAMPLES)
            .map(|_| {
                let utterances = with_replacement(&mut stream, self.indices.len());
                let seeds = with_replacement(&mut stream, seeds);
                self.summaries(systems, &utterances, &seeds)
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

    /// Scores of every system on a draw of utterances (positions in the list) and seeds.
    fn summaries(
        &self,
        systems: &[Seeds<'_>],
        utterances: &[usize],
        seeds: &[usize],
    ) -> Vec<Summary> {
        let summary = |system: &Seeds<'_>| {
            let mut sum = [0.0; 2];
            for seed in seeds {
                let rates = system[*seed].iter();
                let curve: Vec<f64> = rates
                    .map(|predicted| self.score(predicted, utterances))
                    .collect();
                sum[0] += curve[0];
                sum[1] += auilc(self.rates, &curve);
            }
            sum.map(|sum| sum / seeds.len() as f64)
        };
        systems.iter().map(summary).collect()
    }

    fn score(&self, predicted: &Predicted, utterances: &[usize]) -> f64 {
        match predicted {
            Predicted::Classes(classes) => self.ua(classes, utterances),
            Predicted::Intensities(rows) => self.of_targets(rows, utterances),
        }
    }

    fn ua(&self, predicted: &[usize], utterances: &[usize]) -> f64 {
        let classes = self.corpus.class_count();
        let (mut sizes, mut right) = (vec![0usize; classes], vec![0usize; classes]);
        for position in utterances {
            if let Some(label) = self.corpus.utterances[self.indices[*position]].label {
                sizes[label] += 1;
                right[label] += usize::from(predicted[*position] == label);
            }
        }
        let present = sizes.iter().filter(|size| **size > 0).count().max(1);
        let recalls = right.iter().zip(&sizes);
        let recalls = recalls.map(|(right, size)| *right as f64 / (*size).max(1) as f64);
        recalls.sum::<f64>() / present as f64
    }

    /// Mean of the score over the targets.
    fn of_targets(&self, rows: &[Vec<f32>], utterances: &[usize]) -> f64 {
        let targets = self.corpus.metadata.targets.iter().enumerate();
        let values = targets.map(|(t, target)| {
            let pair = |position: &usize| {
                let truth = self.corpus.utterances[self.indices[*position]].targets[t]?;
                Some((rows[*position][t], truth))
            };
            let pairs: Vec<Pair> = utterances.iter().filter_map(pair).collect();
            intensity_score(self.metric, target, &pairs)
        });
        values.sum::<f64>() / self.corpus.metadata.targets.len().max(1) as f64
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
    use mct_corpus::{Metadata, Target, Utterance};

    use super::*;

    /// A corpus of 200 utterances without features: of two classes in turn, rated -1 and 1.
    fn corpus() -> Corpus {
        let metadata = Metadata {
            classes: vec!["a".into(), "b".into()],
            targets: vec![Target {
                name: "sentiment".into(),
                range: [-3.0, 3.0],
            }],
            ..Metadata::default()
        };
        let utterance = |index: usize| Utterance {
            id: index.to_string(),
            label: Some(index % 2),
            targets: vec![Some((index % 2) as f32 * 2.0 - 1.0)],
            ..Utterance::default()
        };
        Corpus {
            metadata,
            utterances: (0..200).map(utterance).collect(),
            ..mct_corpus::demo::generate(1, 0.01).unwrap()
        }
    }

    fn compared(
        metric: Metric,
        wrong_every: impl Fn(&Corpus, usize) -> Predicted,
    ) -> [Comparison; 3] {
        let corpus = corpus();
        let trial = Trial {
            corpus: &corpus,
            indices: &(0..200).collect::<Vec<_>>(),
            rates: &[0.0, 0.5],
            metric,
        };
        let twice = |step| vec![wrong_every(&corpus, step); 2];
        let (good, bad) = (twice(20), twice(3));
        let compared = trial.compare(&[vec![&good], vec![&bad], vec![&good]], 0);
        compared.try_into().unwrap()
    }

    #[test]
    fn a_better_system_is_told_from_an_equal_one() {
        let [_, worse, equal] = compared(Metric::Ua, |corpus, step| {
            let flip = |(index, utterance): (usize, &Utterance)| {
                utterance.label.unwrap() ^ usize::from(index % step == 0)
            };
            let utterances = corpus.utterances.iter().enumerate();
            Predicted::Classes(utterances.map(flip).collect())
        });
        let Difference { mean, low, p, .. } = worse.complete;
        assert!((mean - (0.95 - 133.0 / 200.0)).abs() < 0.01, "{mean}");
        assert!(low > 0.0 && p < 0.01, "{low} {p}");
        assert!((worse.incomplete.mean - 0.5 * mean).abs() < 1e-12);
        assert_eq!((equal.complete.mean, equal.complete.p), (0.0, 1.0));
    }

    #[test]
    fn a_smaller_error_is_told_from_an_equal_one() {
        let [_, worse, equal] = compared(Metric::Mae, |corpus, step| {
            let off = |(index, utterance): (usize, &Utterance)| {
                vec![utterance.targets[0].unwrap() + f32::from(u8::from(index % step == 0))]
            };
            let utterances = corpus.utterances.iter().enumerate();
            Predicted::Intensities(utterances.map(off).collect())
        });
        let Difference { mean, high, p, .. } = worse.complete;
        assert!((mean - (10.0 - 67.0) / 200.0).abs() < 1e-12, "{mean}");
        assert!(high < 0.0 && p < 0.01, "{high} {p}");
        assert_eq!((equal.complete.mean, equal.complete.p), (0.0, 1.0));
    }
}
