//! Whether one system is better than another: a paired bootstrap over speakers, seeds and masks.
//!
//! Each resample draws speakers (see [`Intervals`](crate::Intervals)), seeds and draws of the missing steps
//! with replacement, the same for all systems, and takes the difference of two systems' scores, or the score of
//! one, as mean over the seeds. The interval is between its 2.5 and 97.5 percentiles, the p-value twice the smaller share
//! of differences on either side of zero (Efron and Tibshirani, 1993); both no smaller than Student's t says (see
//! `bootstrap.rs`). Within a table Holm's method bounds the chance of any false claim.

use mct_corpus::counter::Stream;
use mct_corpus::{Corpus, Task};
use serde::Serialize;

use crate::auilc::auilc;
pub use crate::bootstrap::Cluster;
use crate::bootstrap::{
    Clusters, Estimate, RESAMPLES, Statistic, Variation, sign_test, with_replacement, without_one,
};
use crate::metric::Metric;
use crate::predicted::Predicted;

/// A difference of a score or of its AUILC between two systems.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Difference {
    pub mean: f64,
    /// Ends of the 95 % interval; no numbers where there is but one speaker, or where a few are all alike.
    pub low: f64,
    pub high: f64,
    pub p: f64,
    /// Corrected for the number of differences of the table.
    pub p_holm: f64,
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

/// Predictions of one system, `[seed][draw][rate]`: a draw is one of the missing steps, the same for all
/// systems and seeds.
pub type Seeds<'a> = Vec<&'a [Vec<Predicted>]>;

/// Sums by cluster, `[seed][rate][draw]`.
type Tallies = Vec<Vec<Vec<Vec<f64>>>>;

/// A score on complete data, and its AUILC.
type Summary = [f64; 2];

/// A score with its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Interval {
    pub mean: f64,
    /// Ends of the interval; no numbers where there is but one speaker, or where a few are all alike.
    pub low: f64,
    pub high: f64,
}

/// Of one system: a score on complete data, and its AUILC.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Scored {
    pub complete: Interval,
    pub incomplete: Interval,
}

/// The scores of systems on what was tested, and on resamples of it.
pub struct Resamples {
    /// The least and the largest value that each can have.
    ranges: [[f64; 2]; 2],
    clusters: usize,
    /// Of every system.
    observed: Vec<Summary>,
    /// `[resample][system]`
    resampled: Vec<Vec<Summary>>,
    /// Without one level of a factor: of speakers, seeds and draws of the missing steps.
    without_one: [Vec<Vec<Summary>>; 3],
}

impl Trial<'_> {
    /// The scores of `systems`, all of as many seeds, on resamples.
    pub fn resamples(&self, systems: &[Seeds<'_>]) -> Resamples {
        let clusters = &Clusters::of(self.corpus, self.indices);
        let statistic = self.statistic();
        let tally =
            |predicted: &Predicted| statistic.tally(self.corpus, self.indices, predicted, clusters);
        let rates = 0..self.rates.len();
        let of_seed = |draws: &&[Vec<Predicted>]| -> Vec<Vec<Vec<f64>>> {
            let at = |rate: usize| draws.iter().map(|rates| tally(&rates[rate])).collect();
            rates.clone().map(at).collect()
        };
        let tallies: Vec<Tallies> = systems
            .iter()
            .map(|seeds| seeds.iter().map(of_seed).collect())
            .collect();
        let first = systems.first();
        let seeds = first.map_or(0, Vec::len);
        let draws = first
            .and_then(|seeds| seeds.first())
            .map_or(0, |draws| draws.len());
        let all = |count: usize| -> Vec<usize> { (0..count).collect() };
        let (every_seed, every_draw) = (all(seeds), all(draws));
        let every_cluster = vec![1.0; clusters.count];
        let mut stream = Stream::new(&[0x626F_6F74]);
        let resample = |_| {
            let times = clusters.draw(&mut stream);
            let seeds = with_replacement(&mut stream, seeds);
            let draws = match draws {
                1 => vec![0],
                count => with_replacement(&mut stream, count),
            };
            self.summaries(&tallies, &times, &seeds, &draws)
        };
        Resamples {
            ranges: [self.metric.range(), self.metric.range_of_auilc(self.rates)],
            clusters: clusters.count,
            resampled: (0..RESAMPLES).map(resample).collect(),
            observed: self.summaries(&tallies, &every_cluster, &every_seed, &every_draw),
            without_one: [
                clusters
                    .without_one()
                    .map(|times| self.summaries(&tallies, &times, &every_seed, &every_draw))
                    .collect(),
                without_one(seeds)
                    .map(|seeds| self.summaries(&tallies, &every_cluster, &seeds, &every_draw))
                    .collect(),
                without_one(draws)
                    .map(|draws| self.summaries(&tallies, &every_cluster, &every_seed, &draws))
                    .collect(),
            ],
        }
    }

    fn statistic(&self) -> Statistic<'_> {
        if self.metric.is_of_classes() {
            return Statistic::Recalls {
                classes: self.corpus.class_count(),
            };
        }
        Statistic::Intensities {
            targets: &self.corpus.metadata.targets,
        }
    }

    /// Scores of every system on a resample of clusters, seeds and draws of the missing steps.
    fn summaries(
        &self,
        tallies: &[Tallies],
        times: &[f64],
        seeds: &[usize],
        draws: &[usize],
    ) -> Vec<Summary> {
        let statistic = self.statistic();
        let metrics = statistic.metrics();
        let place = metrics.iter().position(|metric| *metric == self.metric);
        let score = |tallies: &Vec<Vec<f64>>| {
            let scores = statistic.of_resample(tallies, draws, times);
            place.map_or(0.0, |place| scores[place])
        };
        let summary = |system: &Tallies| {
            let mut sum = [0.0; 2];
            for seed in seeds {
                let curve: Vec<f64> = system[*seed].iter().map(score).collect();
                sum[0] += curve[0];
                sum[1] += auilc(self.rates, &curve);
            }
            sum.map(|sum| sum / seeds.len() as f64)
        };
        tallies.iter().map(summary).collect()
    }
}

impl Resamples {
    /// The scores of each system with their intervals.
    pub fn scores(&self) -> Vec<Scored> {
        let interval = |system: usize, score: usize| {
            let (value, estimate) = self.estimate(|summaries| summaries[system][score]);
            let [least, most] = self.ranges[score];
            let end = |end: f64| end.clamp(least, most);
            // As for differences: nothing follows from a few that are all alike.
            let says = |own: &Estimate| own.low < own.high || sign_test(self.clusters) <= 0.05;
            let estimate = estimate.filter(says);
            Interval {
                mean: value,
                low: estimate.map_or(f64::NAN, |own| end(own.low)),
                high: estimate.map_or(f64::NAN, |own| end(own.high)),
            }
        };
        let of = |system| Scored {
            complete: interval(system, 0),
            incomplete: interval(system, 1),
        };
        (0..self.observed.len()).map(of).collect()
    }

    /// The system `reference` minus each system.
    pub fn differences(&self, reference: usize) -> Vec<Comparison> {
        let difference = |system: usize, score: usize| {
            let minus =
                |summaries: &[Summary]| summaries[reference][score] - summaries[system][score];
            let (value, estimate) = self.estimate(minus);
            Difference::of(value, estimate)
        };
        let systems = 0..self.observed.len();
        let mut comparisons: Vec<Comparison> = systems
            .map(|system| Comparison {
                complete: difference(system, 0),
                incomplete: difference(system, 1),
            })
            .collect();
        let others = comparisons.iter_mut().enumerate();
        let others = others.filter(|(system, _)| *system != reference);
        let tested = others.flat_map(|(_, own)| [&mut own.complete, &mut own.incomplete]);
        holm(&mut tested.collect::<Vec<_>>());
        comparisons
    }

    /// What is observed of a figure, with what its resamples say of it, if there are several speakers.
    fn estimate(&self, figure: impl Fn(&[Summary]) -> f64) -> (f64, Option<Estimate>) {
        let value = figure(&self.observed);
        let of = |all: &Vec<Vec<Summary>>| all.iter().map(|own| figure(own)).collect();
        let several = (self.clusters > 1).then(|| {
            let variation = Variation::of(&self.without_one.each_ref().map(of));
            Estimate::of(value, of(&self.resampled), &variation, self.clusters)
        });
        (value, several)
    }
}

/// What two systems say of one utterance.
#[derive(Debug, Clone, Copy)]
pub struct Answers {
    pub cluster: Cluster,
    /// The true class.
    pub label: usize,
    /// Whether the first and the second are right.
    pub right: [bool; 2],
}

/// UA of the first system minus that of the second, of `classes` classes, with the number of speakers (or
/// utterances of nobody known) that were drawn: a paired bootstrap over them.
pub fn paired(classes: usize, answers: &[Answers]) -> (Difference, usize) {
    let clusters = Clusters::new(answers.iter().map(|own| own.cluster));
    let statistic = Statistic::Recalls { classes };
    let tally = |system: usize| {
        let mut sums = vec![0.0; clusters.count * 2 * classes];
        for (own, cluster) in answers.iter().zip(&clusters.of) {
            let sums = &mut sums[cluster * 2 * classes..][..2 * classes];
            sums[own.label] += 1.0;
            sums[classes + own.label] += f64::from(u8::from(own.right[system]));
        }
        [sums]
    };
    let tallies = [tally(0), tally(1)];
    let difference = |times: &[f64]| {
        let [first, second] = &tallies;
        let ua = |tally| statistic.of_resample(tally, &[0], times)[0];
        ua(first) - ua(second)
    };
    let observed = difference(&vec![1.0; clusters.count]);
    let mut stream = Stream::new(&[0x7061_6972]);
    let several = (clusters.count > 1).then(|| {
        let resampled = (0..RESAMPLES).map(|_| difference(&clusters.draw(&mut stream)));
        let without_one = clusters.without_one().map(|times| difference(&times));
        let variation = Variation::of(&[without_one.collect()]);
        Estimate::of(observed, resampled.collect(), &variation, clusters.count)
    });
    (Difference::of(observed, several), clusters.members)
}

/// The p of McNemar's exact test: of `first` and `second` utterances that only one of two systems gets right,
/// either is as likely where the systems are equally good.
pub fn mcnemar(first: usize, second: usize) -> f64 {
    let (count, fewer) = (first + second, first.min(second));
    // The binomial coefficients grow from one to the next.
    let mut log = -(count as f64) * std::f64::consts::LN_2;
    let mut sum = log.exp();
    for k in 1..=fewer {
        log += ((count - k + 1) as f64 / k as f64).ln();
        sum += log.exp();
    }
    (2.0 * sum).min(1.0)
}

impl Difference {
    /// Of what is observed, with what its resamples say: of one speaker nothing follows for others, and nothing of a
    /// few that are all alike.
    fn of(mean: f64, several: Option<Estimate>) -> Self {
        let p = several.map_or(1.0, |own| own.p);
        let several = several.filter(|own| mean == 0.0 || own.low < own.high || p <= 0.05);
        Self {
            mean,
            low: several.map_or(f64::NAN, |own| own.low),
            high: several.map_or(f64::NAN, |own| own.high),
            p,
            p_holm: p,
        }
    }
}

/// Holm's step-down correction (1979): the smallest p times their number, the next one times one less.
fn holm(differences: &mut [&mut Difference]) {
    differences.sort_by(|a, b| a.p.total_cmp(&b.p));
    let count = differences.len();
    let mut least = 0.0f64;
    for (rank, difference) in differences.iter_mut().enumerate() {
        least = least.max(difference.p * (count - rank) as f64).min(1.0);
        difference.p_holm = least;
    }
}

#[cfg(test)]
mod tests {
    use mct_corpus::{Metadata, Target, Utterance};

    use super::*;
    use crate::Intervals;

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
        let twice = |step| vec![vec![wrong_every(&corpus, step); 2]];
        let (good, bad) = (twice(20), twice(3));
        let resamples = trial.resamples(&[vec![&good], vec![&bad], vec![&good]]);
        let compared = resamples.differences(0);
        compared.try_into().unwrap()
    }

    #[test]
    fn a_better_system_is_told_from_an_equal_one() {
        let [_, worse, equal] = compared(Metric::Ua, |corpus, step| {
            let flip = |(index, utterance): (usize, &Utterance)| {
                utterance.label.unwrap() ^ usize::from(index % step == 0)
            };
            let utterances = corpus.utterances.iter().enumerate();
            Predicted::certain(2, utterances.map(flip))
        });
        let Difference { mean, low, p, .. } = worse.complete;
        assert!((mean - (0.95 - 133.0 / 200.0)).abs() < 0.01, "{mean}");
        assert!(low > 0.0 && p < 0.01, "{low} {p}");
        assert!((worse.incomplete.mean - 0.5 * mean).abs() < 1e-12);
        assert_eq!((equal.complete.mean, equal.complete.p), (0.0, 1.0));
        // Of the four differences of this table the least p counts four times.
        let [first, second] = [worse.complete, worse.incomplete];
        let least = if first.p <= second.p { first } else { second };
        assert!((least.p_holm - 4.0 * least.p).abs() < 1e-12, "{least:?}");
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

    #[test]
    fn of_one_speaker_nothing_follows() {
        let mut corpus = corpus();
        for utterance in &mut corpus.utterances {
            utterance.speaker = Some(0);
        }
        let indices: Vec<usize> = (0..200).collect();
        let trial = Trial {
            corpus: &corpus,
            indices: &indices,
            rates: &[0.0],
            metric: Metric::Ua,
        };
        let right = [vec![Predicted::certain(2, (0..200).map(|i| i % 2))]];
        let wrong = [vec![Predicted::certain(2, (0..200).map(|i| (i + 1) % 2))]];
        let resamples = trial.resamples(&[vec![&right], vec![&wrong]]);
        let Difference { mean, low, p, .. } = resamples.differences(0)[1].complete;
        assert_eq!((mean, p), (1.0, 1.0));
        assert!(low.is_nan());
        let own = resamples.scores()[0].complete;
        assert_eq!(own.mean, 1.0);
        assert!(own.low.is_nan() && own.high.is_nan());
    }

    #[test]
    fn mcnemar_is_the_binomial_test() {
        // scipy.stats.binomtest(min, n, 0.5).pvalue
        for (first, second, expected) in [
            (0, 0, 1.0),
            (5, 5, 1.0),
            (1, 9, 0.021_484_375),
            (30, 12, 0.007_915_897),
            (0, 6, 0.03125),
            (700, 600, 0.006_015_794),
        ] {
            let p = mcnemar(first, second);
            assert!((p / expected - 1.0).abs() < 1e-3, "{first} {second}: {p}");
            assert_eq!(p, mcnemar(second, first));
        }
    }

    #[test]
    fn two_systems_are_paired_over_speakers() {
        let answers = |gain: usize| -> Vec<Answers> {
            let of = |index: usize| Answers {
                cluster: Cluster::Speaker(index / 10),
                label: index % 2,
                right: [index % 10 < 6 + gain, index % 10 < 6],
            };
            (0..120).map(of).collect()
        };
        let (difference, speakers) = paired(2, &answers(2));
        assert_eq!(speakers, 12);
        assert!((difference.mean - 0.2).abs() < 1e-12);
        assert!(
            difference.low > 0.1 && difference.p < 0.01,
            "{difference:?}"
        );
        let (none, _) = paired(2, &answers(0));
        assert_eq!((none.mean, none.p), (0.0, 1.0));
        let (one, _) = paired(2, &answers(2)[..10]);
        assert!(one.low.is_nan() && one.p == 1.0);
        // All speakers gain as much: four coins fall on one side in one of eight cases.
        let (four, _) = paired(2, &answers(2)[..40]);
        assert!(four.low.is_nan() && four.p == 0.125, "{four:?}");
        // Some gain more than others: scipy's ttest_rel of the gains 0.1 and 0.3 by turns says 3.69e-5.
        let mut uneven = answers(1);
        for (index, own) in uneven.iter_mut().enumerate() {
            own.right[0] |= index / 10 % 2 == 1 && index % 10 < 9;
        }
        let (uneven, _) = paired(2, &uneven);
        assert!((uneven.mean - 0.2).abs() < 1e-12);
        assert!((uneven.p / 3.694e-5 - 1.0).abs() < 1e-3, "{uneven:?}");
        let reach = 2.201 * 0.030_151;
        assert!((uneven.low - (0.2 - reach)).abs() < 1e-3, "{uneven:?}");
    }

    #[test]
    fn holm_multiplies_the_smallest_by_their_number() {
        let of = |p| Difference {
            mean: 0.0,
            low: 0.0,
            high: 0.0,
            p,
            p_holm: p,
        };
        let mut differences = [0.04, 0.01, 0.03, 0.9].map(of);
        holm(&mut differences.iter_mut().collect::<Vec<_>>());
        let found = differences.map(|difference| difference.p_holm);
        for (found, expected) in found.into_iter().zip([0.09, 0.04, 0.09, 0.9]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }

    /// A world in which neither of two systems is better, but of each speaker, in each training, and with each draw
    /// of the missing steps, one is by chance, by up to so much.
    #[derive(Clone, Copy)]
    struct World {
        speakers: usize,
        by_speaker: f64,
        seeds: usize,
        by_seed: f64,
        draws: usize,
        by_draw: f64,
    }

    const WORLD: World = World {
        speakers: 20,
        by_speaker: 0.0,
        seeds: 1,
        by_seed: 0.0,
        draws: 1,
        by_draw: 0.0,
    };

    const TABLES: usize = 600;

    /// Tables of so many systems of a world, over speakers or over utterances: in how many of them `claims`
    /// something.
    fn tables(
        world: &World,
        systems: usize,
        over_speakers: bool,
        claims: impl Fn(&Resamples) -> bool,
    ) -> f64 {
        let mut corpus = corpus();
        let indices: Vec<usize> = (0..200).collect();
        let size = 200 / world.speakers;
        for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
            utterance.speaker = over_speakers.then_some(index / size);
        }
        let trial = Trial {
            corpus: &corpus,
            indices: &indices,
            rates: &[0.0, 1.0],
            metric: Metric::Ua,
        };
        let mut alarms = 0;
        for table in 0..TABLES {
            let mut stream = Stream::new(&[table as u64]);
            let by = |stream: &mut Stream, most: f64| most * (2.0 * stream.uniform() - 1.0);
            let predicted: Vec<Vec<Vec<Vec<Predicted>>>> = (0..systems)
                .map(|_| {
                    let speakers: Vec<f64> = (0..world.speakers)
                        .map(|_| by(&mut stream, world.by_speaker))
                        .collect();
                    let draws: Vec<f64> = (0..world.draws)
                        .map(|_| by(&mut stream, world.by_draw))
                        .collect();
                    let seed = |_| {
                        let of_seed = by(&mut stream, world.by_seed);
                        let mut with = |of_draw: f64| {
                            let utterances = corpus.utterances.iter().enumerate();
                            let classes = utterances.map(|(index, utterance)| {
                                let share = 0.6 + speakers[index / size] + of_seed + of_draw;
                                let right = stream.uniform() < share;
                                utterance.label.unwrap() ^ usize::from(!right)
                            });
                            Predicted::certain(2, classes)
                        };
                        // Where nothing is missing all draws are the same.
                        let complete = with(0.0);
                        let of_draw = |own: &f64| vec![complete.clone(), with(*own)];
                        draws.iter().map(of_draw).collect()
                    };
                    (0..world.seeds).map(seed).collect()
                })
                .collect();
            let predicted: Vec<Seeds<'_>> = predicted
                .iter()
                .map(|seeds| seeds.iter().map(Vec::as_slice).collect())
                .collect();
            alarms += usize::from(claims(&trial.resamples(&predicted)));
        }
        alarms as f64 / TABLES as f64
    }

    /// How often two systems of a world are told apart at 5 %.
    fn false_alarms(world: &World, over_speakers: bool) -> f64 {
        tables(world, 2, over_speakers, |resamples| {
            resamples.differences(0)[1].complete.p < 0.05
        })
    }

    /// Within two and a half standard errors of 600 tables.
    const ONE_IN_TWENTY: std::ops::RangeInclusive<f64> = 0.05 - 0.023..=0.05 + 0.023;

    #[test]
    fn where_nothing_differs_one_in_twenty_is_told_apart_also_where_speakers_differ() {
        let alarms = false_alarms(&WORLD, true);
        assert!(ONE_IN_TWENTY.contains(&alarms), "{alarms}");
        let world = World {
            by_speaker: 0.3,
            ..WORLD
        };
        let alarms = false_alarms(&world, true);
        assert!(ONE_IN_TWENTY.contains(&alarms), "{alarms}");
        // What a bootstrap over utterances would claim.
        let alarms = false_alarms(&world, false);
        assert!(alarms > 0.15, "{alarms}");
        // The test sets of the paper have five speakers.
        let world = World {
            speakers: 5,
            ..world
        };
        let alarms = false_alarms(&world, true);
        assert!(alarms <= *ONE_IN_TWENTY.end(), "{alarms}");
    }

    /// The percentiles alone would tell systems of two seeds apart in every second table.
    #[test]
    fn nor_more_where_each_training_comes_out_differently_and_seeds_are_few() {
        for seeds in [2, 3, 5] {
            let world = World {
                seeds,
                by_seed: 0.3,
                ..WORLD
            };
            let alarms = false_alarms(&world, true);
            assert!(ONE_IN_TWENTY.contains(&alarms), "{seeds}: {alarms}");
        }
        // Both at once, as in the paper's tables: five speakers, five seeds.
        for seeds in [3, 5] {
            let world = World {
                speakers: 5,
                by_speaker: 0.3,
                seeds,
                by_seed: 0.15,
                ..WORLD
            };
            let alarms = false_alarms(&world, true);
            assert!(alarms <= *ONE_IN_TWENTY.end(), "{seeds}: {alarms}");
        }
    }

    /// With the five draws that experiments pool; what one draw would claim is what they are for.
    #[test]
    fn nor_more_where_each_draw_of_the_missing_steps_comes_out_differently() {
        let world = World {
            draws: 5,
            by_draw: 0.2,
            ..WORLD
        };
        let alarms = |world: &World| {
            tables(world, 2, true, |resamples| {
                resamples.differences(0)[1].incomplete.p < 0.05
            })
        };
        let of_five = alarms(&world);
        assert!(ONE_IN_TWENTY.contains(&of_five), "{of_five}");
        let of_one = alarms(&World { draws: 1, ..world });
        assert!(of_one > 0.15, "{of_one}");
        // Beside speakers and seeds.
        let all = World {
            by_speaker: 0.3,
            seeds: 3,
            by_seed: 0.15,
            ..world
        };
        let alarms = alarms(&all);
        assert!(alarms <= *ONE_IN_TWENTY.end(), "{alarms}");
    }

    /// Of the eight differences of five systems one is claimed in one table of twenty, also where p has to be far
    /// below 0.05 and few speakers or seeds say little of how far chance goes.
    #[test]
    fn in_a_table_of_many_systems_no_more_is_claimed_after_holm() {
        let any = |resamples: &Resamples, of: fn(&Difference) -> f64| {
            let compared = resamples.differences(0);
            let both = compared[1..]
                .iter()
                .flat_map(|own| [own.complete, own.incomplete]);
            both.into_iter().any(|own| of(&own) < 0.05)
        };
        for (speakers, by_speaker, seeds, by_seed) in [
            (20, 0.0, 1, 0.0),
            (5, 0.3, 1, 0.0),
            (20, 0.0, 3, 0.3),
            (20, 0.0, 5, 0.3),
        ] {
            let world = World {
                speakers,
                by_speaker,
                seeds,
                by_seed,
                ..WORLD
            };
            let alarms = tables(&world, 5, true, |own| any(own, |own| own.p_holm));
            assert!(
                alarms <= *ONE_IN_TWENTY.end(),
                "{speakers} {seeds}: {alarms}"
            );
        }
        let alarms = tables(&WORLD, 5, true, |own| any(own, |own| own.p));
        assert!(alarms > 0.1, "{alarms}");
    }

    /// What a system of a world reaches on the average is outside of one interval in twenty.
    #[test]
    fn the_interval_of_a_system_holds_what_it_reaches_on_the_average() {
        for (speakers, seeds) in [(20, 1), (20, 3), (20, 5), (5, 3), (5, 5)] {
            let world = World {
                speakers,
                by_speaker: 0.2,
                seeds,
                by_seed: if seeds > 1 { 0.15 } else { 0.0 },
                ..WORLD
            };
            let missed = tables(&world, 1, true, |resamples| {
                let own = resamples.scores()[0].complete;
                assert!(own.low <= own.mean && own.mean <= own.high, "{own:?}");
                !(own.low..=own.high).contains(&0.6)
            });
            assert!(
                missed <= *ONE_IN_TWENTY.end(),
                "{speakers} {seeds}: {missed}"
            );
        }
    }

    #[test]
    fn the_interval_of_one_training_is_that_of_intervals() {
        let mut corpus = corpus();
        for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
            utterance.speaker = Some(index / 10);
        }
        let indices: Vec<usize> = (0..200).collect();
        let rates = [0.0, 0.5];
        let wrong_every = |step: usize, corpus: &Corpus| {
            let flip = |(index, utterance): (usize, &Utterance)| {
                utterance.label.unwrap() ^ usize::from((index + index / 10) % step == 0)
            };
            Predicted::certain(2, corpus.utterances.iter().enumerate().map(flip))
        };
        let draws: Vec<Vec<Predicted>> = (3..8)
            .map(|step| vec![wrong_every(step, &corpus), wrong_every(2, &corpus)])
            .collect();
        let trial = Trial {
            corpus: &corpus,
            indices: &indices,
            rates: &rates,
            metric: Metric::Ua,
        };
        let found = trial.resamples(&[vec![&draws]]).scores()[0];
        let task = Task::Classification;
        let expected = Intervals::of(&corpus, task, &indices, &rates, &draws).unwrap();
        let of = [
            (found.complete, expected.rates[&Metric::Ua][0]),
            (found.incomplete, expected.auilc[&Metric::Ua]),
        ];
        for (found, [low, high]) in of {
            // The resamples are others.
            let error = 0.1 * (high - low);
            assert!((found.low - low).abs() < error, "{found:?} {low}");
            assert!((found.high - high).abs() < error, "{found:?} {high}");
        }
    }

    /// AUILC over rates 0 to 0.5 is at most 0.5 (eq. 19), and Student's t of two speakers reaches far beyond.
    #[test]
    fn no_interval_reaches_beyond_what_a_score_can_be_and_none_is_of_two_speakers_all_alike() {
        let mut corpus = corpus();
        for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
            utterance.speaker = Some(index / 100);
        }
        let (indices, rates) = ((0..200).collect::<Vec<usize>>(), [0.0, 0.5]);
        let wrong_of_second = |step: usize| {
            let utterances = corpus.utterances.iter().enumerate();
            let predicted = utterances.map(|(index, utterance)| {
                utterance.label.unwrap() ^ usize::from(index >= 100 && index % step == 0)
            });
            [vec![Predicted::certain(2, predicted); 2]]
        };
        let trial = Trial {
            corpus: &corpus,
            indices: &indices,
            rates: &rates,
            metric: Metric::Ua,
        };
        let (wrong, right) = (wrong_of_second(5), wrong_of_second(1000));
        let [differing, alike] =
            [&wrong, &right].map(|own| trial.resamples(&[vec![own]]).scores()[0]);
        assert_eq!(
            (differing.complete.high, differing.incomplete.high),
            (1.0, 0.5)
        );
        assert_eq!((alike.complete.mean, alike.incomplete.mean), (1.0, 0.5));
        for own in [alike.complete, alike.incomplete] {
            assert!(own.low.is_nan() && own.high.is_nan(), "{own:?}");
        }
        let task = Task::Classification;
        let own = Intervals::of(&corpus, task, &indices, &rates, &wrong).unwrap();
        assert_eq!(own.rates[&Metric::Ua][0][1], 1.0);
        assert_eq!(own.auilc[&Metric::Ua][1], 0.5);
    }
}
