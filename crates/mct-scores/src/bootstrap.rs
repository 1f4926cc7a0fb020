//! A bootstrap over speakers: whole speakers are drawn with replacement, since the utterances of one are
//! more alike than those of several (Field and Welsh, 2007).
//!
//! Scores are computed from sums over utterances, so that a resample adds up one sum per speaker, however
//! many utterances there are. Few speakers, seeds or draws make the percentiles of a bootstrap too narrow
//! (Hesterberg, 2015): an interval also holds what Student's t says, with the variance that a jackknife of each of
//! these factors finds and the degrees of freedom of each.

use std::collections::BTreeMap;

use mct_corpus::counter::Stream;
use mct_corpus::{Corpus, Target, Task};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::auilc::auilc;
use crate::confusion::{ClassScores, most_probable};
use crate::intensity::{IntensitySums, SUMS};
use crate::metric::Metric;
use crate::predicted::Predicted;

pub(crate) const RESAMPLES: usize = 2000;

/// More clusters than this are put together at random: as valid, and the work is bounded.
const MOST_CLUSTERS: usize = 200;

/// What is drawn together: the utterances of a speaker, or one of nobody known.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    /// Of each utterance of a list.
    pub of: Vec<usize>,
    pub count: usize,
    /// How many speakers and utterances of nobody known there are; more than `count` where they are in groups.
    pub members: usize,
    /// Whether all of them are speakers.
    pub of_speakers: bool,
}

/// Whom an utterance belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cluster {
    Speaker(usize),
    /// Nobody knows who speaks.
    Utterance(usize),
}

impl Clusters {
    /// Of the utterances `indices`.
    pub fn of(corpus: &Corpus, indices: &[usize]) -> Self {
        Self::new(indices.iter().map(|index| {
            let speaker = corpus.utterances[*index].speaker;
            speaker.map_or(Cluster::Utterance(*index), Cluster::Speaker)
        }))
    }

    /// Of those that these utterances belong to. An utterance may be there several times, once for each model
    /// that was tested on it.
    pub fn new(names: impl Iterator<Item = Cluster>) -> Self {
        let mut numbers = BTreeMap::new();
        let of = names.map(|name| {
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        });
        let mut of: Vec<usize> = of.collect();
        let members = numbers.len();
        let mut count = members;
        let is_speaker = |name: &Cluster| matches!(name, Cluster::Speaker(_));
        let of_speakers = numbers.keys().all(is_speaker);
        if count > MOST_CLUSTERS {
            let mut group: Vec<usize> = (0..count).map(|rank| rank % MOST_CLUSTERS).collect();
            Stream::new(&[0x6772_6F75]).shuffle(&mut group);
            for cluster in &mut of {
                *cluster = group[*cluster];
            }
            count = MOST_CLUSTERS;
        }
        Self {
            of,
            count,
            members,
            of_speakers,
        }
    }

    /// How often each cluster is in a draw with replacement.
    pub fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let mut times = vec![0.0; self.count];
        for index in with_replacement(stream, self.count) {
            times[index] += 1.0;
        }
        times
    }

    /// Each cluster once, but one not at all: for each of them in turn.
    pub fn without_one(&self) -> impl Iterator<Item = Vec<f64>> {
        let count = self.count;
        (0..count).map(move |left_out| {
            let mut times = vec![1.0; count];
            times[left_out] = 0.0;
            times
        })
    }
}

/// All of `count` but one, for each of them in turn; nothing where there is but one.
pub(crate) fn without_one(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let left_out = if count > 1 { 0..count } else { 0..0 };
    left_out.map(move |left_out| (0..count).filter(|index| *index != left_out).collect())
}

/// How much an estimate varies by all that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variation {
    /// Of each factor that varies the variance, and the degrees of freedom that it is known with.
    factors: Vec<(f64, f64)>,
}

impl Variation {
    /// By the jackknife (Efron and Stein, 1981): of each factor (speakers, seeds, draws of the missing steps)
    /// the values of the estimate without one of its levels. The factors are crossed, so that their variances
    /// add up.
    pub fn of(factors: &[Vec<f64>]) -> Self {
        let of_factor = |values: &Vec<f64>| {
            // A correlation of predictions that are all the same is not defined.
            let values: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let around: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (around * (count - 1.0) / count, count - 1.0)
        };
        let varying = |(variance, freedom): &(f64, f64)| *variance > 0.0 && *freedom > 0.0;
        Self {
            factors: factors.iter().map(of_factor).filter(varying).collect(),
        }
    }

    fn variance(&self) -> f64 {
        self.factors.iter().map(|(variance, _)| variance).sum()
    }

    /// The probability of being this many standard errors off, in either direction: of Student's t of each factor,
    /// weighted with its share of the variance. Joined degrees of freedom (Satterthwaite, 1946) are many just where
    /// the variance of few seeds came out small by chance; weights as of Cochran and Cox (1950) err on the other side.
    fn tail(&self, errors: f64) -> f64 {
        let variance = self.variance();
        let of_factor = |(own, freedom): &(f64, f64)| {
            let student = StudentsT::new(0.0, 1.0, *freedom);
            own / variance * student.map_or(1.0, |student| 2.0 * student.sf(errors))
        };
        self.factors.iter().map(of_factor).sum()
    }

    /// Standard errors that an estimate is within of the truth in 95 of 100 cases.
    fn quantile(&self) -> f64 {
        // With one degree of freedom it is 12.7.
        let (mut low, mut high) = (0.0, 13.0);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            match self.tail(middle) > 0.05 {
                true => low = middle,
                false => high = middle,
            }
        }
        high
    }

    /// How far from an estimate the truth is in 95 of 100 cases at most.
    fn reach(&self) -> f64 {
        match self.factors.as_slice() {
            [] => 0.0,
            _ => self.variance().sqrt() * self.quantile(),
        }
    }

    /// The p of `value` being 0. Where nothing varies, by the sign test.
    fn p(&self, value: f64, clusters: usize) -> f64 {
        let variance = self.variance();
        if value == 0.0 {
            return 1.0;
        }
        if variance <= f64::EPSILON * value * value {
            return sign_test(clusters);
        }
        self.tail(value.abs() / variance.sqrt())
    }
}

/// The p of the sign test where all of `clusters` are on the same side.
pub(crate) fn sign_test(clusters: usize) -> f64 {
    0.5f64.powf(clusters.saturating_sub(1) as f64)
}

/// The 2.5 and 97.5 percentiles of values in ascending order.
fn percentiles(values: &[f64]) -> [f64; 2] {
    let last = (values.len() - 1) as f64;
    [0.025, 0.975].map(|share| values[(last * share).round() as usize])
}

/// As many indices below `count`.
pub(crate) fn with_replacement(stream: &mut Stream, count: usize) -> Vec<usize> {
    (0..count)
        .map(|_| ((stream.uniform() * count as f64) as usize).min(count - 1))
        .collect()
}

/// Which sums are kept of utterances, and the scores that follow from them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Statistic<'a> {
    /// Of each class its utterances and the right ones: UA.
    Recalls { classes: usize },
    /// Of each class its utterances, those predicted as it and the right ones: the four scores.
    Classes { classes: usize },
    /// Sums of predicted and true intensities: MAE, Corr and CCC, means over the targets that are rated.
    Intensities { targets: &'a [Target] },
}

impl Statistic<'_> {
    pub const fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Recalls { .. } => &[Metric::Ua],
            Self::Classes { .. } => &[Metric::Ua, Metric::Wa, Metric::Uf1, Metric::Wf1],
            Self::Intensities { .. } => &[Metric::Mae, Metric::Corr, Metric::Ccc],
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Recalls { classes } => 2 * classes,
            Self::Classes { classes } => 3 * classes,
            Self::Intensities { targets } => SUMS * targets.len(),
        }
    }

    /// The sums by cluster, `[cluster][width]` flat.
    pub fn tally(
        self,
        corpus: &Corpus,
        indices: &[usize],
        predicted: &Predicted,
        clusters: &Clusters,
    ) -> Vec<f64> {
        let width = self.width();
        let mut sums = vec![0.0; clusters.count * width];
        let utterances = indices.iter().zip(&clusters.of);
        for ((index, cluster), row) in utterances.zip(predicted.rows()) {
            let own = &mut sums[cluster * width..][..width];
            let utterance = &corpus.utterances[*index];
            match self {
                Self::Recalls { classes } => {
                    if let Some(label) = utterance.label {
                        let right = most_probable(row) == label;
                        own[label] += 1.0;
                        own[classes + label] += f64::from(u8::from(right));
                    }
                }
                Self::Classes { classes } => {
                    if let Some(label) = utterance.label {
                        let class = most_probable(row);
                        own[label] += 1.0;
                        own[classes + class] += 1.0;
                        own[2 * classes + label] += f64::from(u8::from(class == label));
                    }
                }
                Self::Intensities { targets } => {
                    let of_target = own.chunks_exact_mut(SUMS).zip(targets).enumerate();
                    for (t, (sums, target)) in of_target {
                        if let Some(truth) = utterance.targets[t] {
                            IntensitySums::add(sums, target, (row[t], truth));
                        }
                    }
                }
            }
        }
        sums
    }

    /// The scores of sums `[width]`, in the order of [`Self::metrics`].
    pub fn scores(self, sums: &[f64]) -> Vec<f64> {
        match self {
            Self::Recalls { classes } => {
                let (sizes, right) = sums.split_at(classes);
                let present = sizes.iter().filter(|size| **size > 0.0).count().max(1);
                let recalls = right.iter().zip(sizes);
                let recalls = recalls.map(|(right, size)| right / size.max(1.0));
                vec![recalls.sum::<f64>() / present as f64]
            }
            Self::Classes { classes } => {
                let count = |place: usize| sums[place] as usize;
                let of_class = |class: usize| {
                    let (predicted, right) = (classes + class, 2 * classes + class);
                    ClassScores::of(count(class), count(predicted), count(right))
                };
                let by_class: Vec<ClassScores> = (0..classes).map(of_class).collect();
                let scores = ClassScores::of_all(&by_class);
                self.metrics().iter().map(|m| scores.get(*m)).collect()
            }
            Self::Intensities { .. } => {
                let rated = || sums.chunks_exact(SUMS).filter(|sums| sums[0] > 0.0);
                let count = rated().count().max(1) as f64;
                let mut means = vec![0.0; self.metrics().len()];
                for sums in rated() {
                    for (mean, metric) in means.iter_mut().zip(self.metrics()) {
                        *mean += IntensitySums::score(sums, *metric) / count;
                    }
                }
                means
            }
        }
    }

    /// The scores of a resample: of the draws of the missing steps `draws` among the tallies (one may be
    /// there several times), with each cluster so many times.
    pub fn of_resample(self, tallies: &[Vec<f64>], draws: &[usize], times: &[f64]) -> Vec<f64> {
        let width = self.width();
        let mut sums = vec![0.0; width];
        for draw in draws {
            for (own, times) in tallies[*draw].chunks_exact(width).zip(times) {
                if *times > 0.0 {
                    for (sum, value) in sums.iter_mut().zip(own) {
                        *sum += times * value;
                    }
                }
            }
        }
        self.scores(&sums)
    }
}

/// The 95 % interval of a value and the p of its being 0: at either end of the interval what reaches further of the
/// percentiles of resamples and of Student's t, and the larger p. Resamples of few speakers or seeds do not reach far
/// enough, and t knows nothing of a skew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

impl Estimate {
    /// From the value observed and those of resamples of `clusters`.
    pub fn of(value: f64, mut resampled: Vec<f64>, variation: &Variation, clusters: usize) -> Self {
        resampled.sort_by(f64::total_cmp);
        let [low, high] = percentiles(&resampled);
        let reach = variation.reach();
        let below = resampled.iter().filter(|value| **value <= 0.0).count();
        let above = resampled.iter().filter(|value| **value >= 0.0).count();
        let share = 2.0 * below.min(above) as f64 / resampled.len() as f64;
        Self {
            low: low.min(value - reach),
            high: high.max(value + reach),
            p: share.max(variation.p(value, clusters)).min(1.0),
        }
    }
}

/// 95 % intervals of scores over the missing rates, over the draw of speakers and of the missing steps.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Intervals {
    /// How many were drawn: speakers, and utterances where nobody knows who speaks (many in groups).
    pub clusters: usize,
    /// Whether all of them are speakers.
    pub of_speakers: bool,
    /// Draws of the missing steps.
    pub mask_draws: usize,
    /// Low and high end per rate.
    pub rates: BTreeMap<Metric, Vec<[f64; 2]>>,
    /// Of the area under the score over the rates.
    pub auilc: BTreeMap<Metric, [f64; 2]>,
}

impl Intervals {
    /// Of the predictions `draws[draw][rate]` of the utterances `indices`, in their order; `None` where fewer
    /// than two speakers are scored.
    pub fn of(
        corpus: &Corpus,
        task: Task,
        indices: &[usize],
        rates: &[f64],
        draws: &[Vec<Predicted>],
    ) -> Option<Self> {
        let clusters = Clusters::of(corpus, indices);
        if clusters.count < 2 {
            return None;
        }
        let statistic = match task {
            Task::Classification => Statistic::Classes {
                classes: corpus.class_count(),
            },
            Task::Regression => Statistic::Intensities {
                targets: &corpus.metadata.targets,
            },
        };
        let tally = |predicted: &Predicted| statistic.tally(corpus, indices, predicted, &clusters);
        // `[rate][draw]`
        let of_rate = |rate: usize| draws.iter().map(|rates| tally(&rates[rate])).collect();
        let tallies: Vec<Vec<Vec<f64>>> = (0..rates.len()).map(of_rate).collect();
        // `[rate][metric]`, of which the last row is the area.
        let at = |chosen: &[usize], times: &[f64]| {
            let of_rate = tallies
                .iter()
                .map(|tallies| statistic.of_resample(tallies, chosen, times));
            let mut rows: Vec<Vec<f64>> = of_rate.collect();
            let areas = (0..statistic.metrics().len()).map(|m| {
                let curve: Vec<f64> = rows.iter().map(|row| row[m]).collect();
                auilc(rates, &curve)
            });
            rows.push(areas.collect());
            rows
        };
        let every: Vec<usize> = (0..draws.len()).collect();
        let observed = at(&every, &vec![1.0; clusters.count]);
        let mut stream = Stream::new(&[0x696E_7465]);
        let resample = |_| {
            let times = clusters.draw(&mut stream);
            let chosen = match draws.len() {
                1 => vec![0],
                count => with_replacement(&mut stream, count),
            };
            at(&chosen, &times)
        };
        let resamples: Vec<Vec<Vec<f64>>> = (0..RESAMPLES).map(resample).collect();
        let without_a_cluster: Vec<_> = clusters
            .without_one()
            .map(|times| at(&every, &times))
            .collect();
        let each = vec![1.0; clusters.count];
        let without_a_draw: Vec<_> = without_one(draws.len())
            .map(|chosen| at(&chosen, &each))
            .collect();
        let interval = |row: usize, m: usize| {
            let of = |scores: &Vec<Vec<Vec<f64>>>| -> Vec<f64> {
                scores.iter().map(|scores| scores[row][m]).collect()
            };
            let variation = Variation::of(&[of(&without_a_cluster), of(&without_a_draw)]);
            let Estimate { low, high, .. } =
                Estimate::of(observed[row][m], of(&resamples), &variation, clusters.count);
            let metric = statistic.metrics()[m];
            let [least, most] = match row < rates.len() {
                true => metric.range(),
                false => metric.range_of_auilc(rates),
            };
            [low.clamp(least, most), high.clamp(least, most)]
        };
        let metrics = statistic.metrics().iter().copied().enumerate();
        Some(Self {
            clusters: clusters.members,
            of_speakers: clusters.of_speakers,
            mask_draws: draws.len(),
            rates: metrics
                .clone()
                .map(|(m, metric)| (metric, (0..rates.len()).map(|r| interval(r, m)).collect()))
                .collect(),
            auilc: metrics
                .map(|(m, metric)| (metric, interval(rates.len(), m)))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_is_that_of_students_t_where_resamples_do_not_reach_as_far() {
        // Differences of three seeds, 1.5, 2 and 2.5, the same for all speakers: scipy's ttest_1samp says 0.0202.
        let seeds = Variation::of(&[vec![2.25, 2.0, 1.75]]);
        assert!((seeds.p(2.0, 20) - 0.020_204).abs() < 1e-5, "{seeds:?}");
        let mut stream = Stream::new(&[5]);
        let resample = |_| {
            let drawn = with_replacement(&mut stream, 3);
            drawn.iter().map(|seed| [1.5, 2.0, 2.5][*seed]).sum::<f64>() / 3.0
        };
        let resampled: Vec<f64> = (0..RESAMPLES).map(resample).collect();
        let found = Estimate::of(2.0, resampled, &seeds, 20);
        assert_eq!(found.p, seeds.p(2.0, 20));
        assert!(
            (found.low - (2.0 - 4.303 * 0.288_675)).abs() < 0.05,
            "{found:?}"
        );
        // Two speakers, 4.9 and 5.1: 0.0127.
        let two = Variation::of(&[vec![5.1, 4.9]]);
        assert!((two.p(5.0, 2) - 0.012_731).abs() < 1e-5);
        // All alike: two coins fall on the same side every second time, twenty hardly ever.
        let alike = Variation::of(&[vec![5.0; 2]]);
        assert_eq!(alike.p(5.0, 2), 0.5);
        assert!(alike.p(5.0, 20) < 1e-5);
        assert_eq!(alike.p(0.0, 20), 1.0);
        // Of many degrees of freedom the normal distribution: 0.0455 at two standard errors.
        let many = Variation::of(&[(0..100_000).map(|i| f64::from(i % 2)).collect()]);
        let p = many.p(2.0 * many.variance().sqrt(), 100_000);
        assert!((p - 0.0455).abs() < 1e-4, "{p}");
        // From its tables.
        for (levels, expected) in [
            (2, 12.706),
            (3, 4.303),
            (4, 3.182),
            (10, 2.262),
            (24, 2.069),
        ] {
            let found = Variation::of(&[(0..levels).map(f64::from).collect()]).quantile();
            assert!((found - expected).abs() < 1e-3, "{levels}: {found}");
        }
    }

    #[test]
    fn variances_of_crossed_factors_add_up() {
        // The mean of 1, 2, 3, 6 without each of them: a variance of 14 / 3 / 4.
        let mean = [11.0 / 3.0, 10.0 / 3.0, 3.0, 2.0].to_vec();
        let one = Variation::of(&[mean.clone(), vec![]]);
        let [(variance, freedom)] = one.factors.as_slice() else {
            panic!("{one:?}");
        };
        assert!((variance - 14.0 / 12.0).abs() < 1e-12 && *freedom == 3.0);
        let two = Variation::of(&[mean.clone(), mean.clone()]);
        assert!((two.variance() - 28.0 / 12.0).abs() < 1e-12);
        assert!((two.tail(1.7) - one.tail(1.7)).abs() < 1e-12);
        // Of which the one is three times the variance of the other.
        let seeds: Vec<f64> = vec![0.0, f64::sqrt(7.0 / 12.0)];
        let unequal = Variation::of(&[mean, seeds.clone()]);
        let seeds = Variation::of(&[seeds]);
        let share = seeds.variance() / unequal.variance();
        let expected = (1.0 - share) * one.tail(2.0) + share * seeds.tail(2.0);
        assert!((unequal.tail(2.0) - expected).abs() < 1e-12);
        let none = Variation::of(&[vec![0.5; 4]]);
        assert_eq!((none.variance(), none.reach()), (0.0, 0.0));
    }

    #[test]
    fn utterances_of_nobody_known_are_drawn_one_by_one_and_many_in_groups() {
        let mut corpus = mct_corpus::demo::generate(1, 0.2).unwrap();
        let all: Vec<usize> = (0..corpus.len()).collect();
        assert_eq!(Clusters::of(&corpus, &all).count, 10);
        for utterance in &mut corpus.utterances {
            utterance.speaker = None;
        }
        let some = Clusters::of(&corpus, &all[..40]);
        assert_eq!((some.count, some.of.len()), (40, 40));
        assert!(!some.of_speakers);
        let twice = Clusters::of(&corpus, &[3, 4, 3]);
        assert_eq!((twice.count, twice.of), (2, vec![0, 1, 0]));
        let grouped = Clusters::of(&corpus, &all);
        assert_eq!((grouped.count, grouped.members), (MOST_CLUSTERS, all.len()));
        let mut sizes = vec![0; MOST_CLUSTERS];
        for cluster in &grouped.of {
            sizes[*cluster] += 1;
        }
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most - least <= 1, "{least} {most}");
    }

    #[test]
    fn intervals_hold_the_scores_and_are_wider_over_speakers_than_over_utterances() {
        let mut corpus = mct_corpus::demo::generate(1, 0.2).unwrap();
        let indices: Vec<usize> = (0..corpus.len()).collect();
        // Every second speaker is always predicted right, the others half of the time.
        let predicted = indices.iter().map(|index| {
            let utterance = &corpus.utterances[*index];
            let (label, speaker) = (utterance.label.unwrap(), utterance.speaker.unwrap());
            let wrong = speaker % 2 == 1 && index % 2 == 0;
            if wrong { (label + 1) % 4 } else { label }
        });
        let predicted = [vec![Predicted::certain(4, predicted); 2]];
        let of = |corpus: &Corpus| {
            let task = Task::Classification;
            Intervals::of(corpus, task, &indices, &[0.0, 0.5], &predicted).unwrap()
        };
        let by_speaker = of(&corpus);
        let evaluation = crate::Evaluation::of(
            &corpus,
            Task::Classification,
            &indices,
            &[0.0, 0.5],
            &predicted,
        );
        for (metric, intervals) in &by_speaker.rates {
            let value = evaluation.curves.at(0).get(*metric);
            let [low, high] = intervals[0];
            assert!(
                low < value && value < high,
                "{metric:?}: {low} {value} {high}"
            );
            let [low, high] = by_speaker.auilc[metric];
            assert!(low < value / 2.0 && value / 2.0 < high);
        }
        for utterance in &mut corpus.utterances {
            utterance.speaker = None;
        }
        let width = |intervals: &Intervals| {
            let [low, high] = intervals.rates[&Metric::Ua][0];
            high - low
        };
        assert!(width(&by_speaker) > 3.0 * width(&of(&corpus)));
    }
}
