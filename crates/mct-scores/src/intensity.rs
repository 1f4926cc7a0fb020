//! The scores of intensities, by the definitions of MMSA (`MetricsTop`) for the scales of CMU-MOSI and
//! CH-SIMS.

use mct_corpus::Target;
use mct_corpus::bins::{Bins, Scale};

use crate::confusion::Confusion;
use crate::metric::{Metric, Scores};

/// The bins that a target's matrix shows: the finest that the field has agreed on, or five of equal
/// width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TargetBins {
    Agreed(Bins, Scale),
    EqualWidth([f32; 2]),
}

/// Bins of equal width.
const EQUAL: usize = 5;

impl TargetBins {
    pub fn of(target: &Target) -> Self {
        match Scale::of(target) {
            Some(scale @ Scale::Mosi) => Self::Agreed(Bins::Seven, scale),
            Some(scale @ Scale::Sims) => Self::Agreed(Bins::Five, scale),
            None => Self::EqualWidth(target.range),
        }
    }

    /// In ascending order.
    pub fn names(self) -> Vec<String> {
        match self {
            Self::Agreed(bins, scale) => {
                let names = bins.classes(scale).iter();
                names.map(|name| (*name).to_owned()).collect()
            }
            Self::EqualWidth([low, high]) => {
                let edge = |index: usize| {
                    let edge = low + (high - low) * index as f32 / EQUAL as f32;
                    format!("{edge:.3}")
                        .trim_end_matches('0')
                        .trim_end_matches('.')
                        .to_owned()
                };
                (0..EQUAL)
                    .map(|bin| format!("{} to {}", edge(bin), edge(bin + 1)))
                    .collect()
            }
        }
    }

    /// The bin of `value`; the outermost ones take what is beyond the range.
    pub fn bin(self, value: f32) -> usize {
        match self {
            Self::Agreed(bins, scale) => bins.bin(scale, value),
            Self::EqualWidth([low, high]) => {
                let share = f64::from(value - low) / f64::from(high - low).max(1e-12);
                (share * EQUAL as f64).clamp(0.0, (EQUAL - 1) as f64) as usize
            }
        }
    }
}

/// Predicted and true intensity of an utterance.
pub type Pair = (f32, f32);

/// Counts of true bin (row) against predicted bin (column).
pub fn bin_matrix(target: &Target, pairs: &[Pair]) -> Confusion {
    let bins = TargetBins::of(target);
    counts(pairs, bins.names().len(), |value| bins.bin(value))
}

fn counts(pairs: &[Pair], bins: usize, bin: impl Fn(f32) -> usize) -> Confusion {
    let mut confusion = Confusion::new(bins);
    for (predicted, truth) in pairs {
        confusion.add(bin(*truth), bin(*predicted));
    }
    confusion
}

/// All scores of a target; 0 where there is nothing to score.
pub fn intensity_scores(target: &Target, pairs: &[Pair]) -> Scores {
    let metrics = Metric::of_target(target).iter();
    metrics
        .map(|metric| (*metric, intensity_score(*metric, target, pairs)))
        .collect()
}

/// One score of a target. MAE, Corr and CCC are of the values as they are, but on the scale of CH-SIMS
/// of predictions within the scale, as its authors score it. A correlation with what does not vary is 0.
pub fn intensity_score(metric: Metric, target: &Target, pairs: &[Pair]) -> f64 {
    let scale = Scale::of(target);
    let accuracy = |bins: Bins| {
        scale.map_or(0.0, |scale| {
            let right = pairs.iter().filter(|(predicted, truth)| {
                bins.bin(scale, *predicted) == bins.bin(scale, *truth)
            });
            right.count() as f64 / pairs.len().max(1) as f64
        })
    };
    let non_zero = || {
        let rated = pairs.iter().copied().filter(|(_, truth)| *truth != 0.0);
        let rated: Vec<Pair> = rated.collect();
        counts(&rated, 2, |value| usize::from(value > 0.0)).scores()
    };
    match metric {
        Metric::Mae => mean(pairs.iter().map(|pair| {
            let (predicted, truth) = within(scale, *pair);
            (predicted - truth).abs()
        })),
        Metric::Corr => Moments::of(scale, pairs).correlation(),
        Metric::Ccc => Moments::of(scale, pairs).concordance(),
        Metric::Acc2 => accuracy(Bins::Two),
        Metric::F1 => scale.map_or(0.0, |scale| {
            let two = counts(pairs, 2, |value| Bins::Two.bin(scale, value));
            two.scores().get(Metric::Wf1)
        }),
        Metric::Acc2NonZero => non_zero().get(Metric::Wa),
        Metric::F1NonZero => non_zero().get(Metric::Wf1),
        Metric::Acc3 => accuracy(Bins::Three),
        Metric::Acc5 => accuracy(Bins::Five),
        Metric::Acc7 => accuracy(Bins::Seven),
        Metric::Ua | Metric::Wa | Metric::Uf1 | Metric::Wf1 => 0.0,
    }
}

fn within(scale: Option<Scale>, (predicted, truth): Pair) -> (f64, f64) {
    let clip = |value: f32| match scale {
        Some(Scale::Sims) => f64::from(value.clamp(-1.0, 1.0)),
        _ => f64::from(value),
    };
    (clip(predicted), clip(truth))
}

/// Means, variances and covariance of predicted and true values, over the number of values.
struct Moments {
    means: [f64; 2],
    variances: [f64; 2],
    covariance: f64,
}

impl Moments {
    fn correlation(&self) -> f64 {
        let spread = (self.variances[0] * self.variances[1]).max(0.0).sqrt();
        ratio(self.covariance, spread)
    }

    fn concordance(&self) -> f64 {
        let bias = (self.means[0] - self.means[1]).powi(2);
        let spread = self.variances[0] + self.variances[1] + bias;
        ratio(2.0 * self.covariance, spread)
    }

    fn of(scale: Option<Scale>, pairs: &[Pair]) -> Self {
        let pairs = || pairs.iter().map(|pair| within(scale, *pair));
        let means = [mean(pairs().map(|p| p.0)), mean(pairs().map(|p| p.1))];
        let centred = || pairs().map(|(a, b)| (a - means[0], b - means[1]));
        Self {
            means,
            variances: [
                mean(centred().map(|(a, _)| a * a)),
                mean(centred().map(|(_, b)| b * b)),
            ],
            covariance: mean(centred().map(|(a, b)| a * b)),
        }
    }
}

/// How many sums [`IntensitySums`] keeps.
pub(crate) const SUMS: usize = 7;

/// Sums over utterances from which MAE, Corr and CCC follow: their number, the absolute error, predicted,
/// true, both squared, and their product.
pub(crate) struct IntensitySums;

impl IntensitySums {
    /// Adds an utterance to the sums `[SUMS]` of a target.
    pub fn add(sums: &mut [f64], target: &Target, pair: Pair) {
        let (x, y) = within(Scale::of(target), pair);
        let own = [1.0, (x - y).abs(), x, y, x * x, y * y, x * y];
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += own;
        }
    }

    /// MAE, Corr or CCC of sums `[SUMS]`; 0 for any other score, and where there is nothing to score.
    pub fn score(sums: &[f64], metric: Metric) -> f64 {
        let mean = |index: usize| ratio(sums[index], sums[0]);
        let means = [mean(2), mean(3)];
        let m = Moments {
            means,
            variances: [mean(4) - means[0].powi(2), mean(5) - means[1].powi(2)],
            covariance: mean(6) - means[0] * means[1],
        };
        match metric {
            Metric::Mae => mean(1),
            Metric::Corr => m.correlation(),
            Metric::Ccc => m.concordance(),
            _ => 0.0,
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / count.max(1) as f64
}

/// 0 where the denominator is (all but) 0.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator > 1e-12 {
        numerator / denominator
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_give_the_scores_of_the_pairs() {
        let target = Target {
            name: "sentiment".into(),
            range: [-1.0, 1.0],
        };
        let pairs: Vec<Pair> = (0..40)
            .map(|i| ((i as f32 * 0.7).sin() * 1.3, (i as f32 * 0.7 + 0.4).sin()))
            .collect();
        let mut sums = [0.0; SUMS];
        for pair in &pairs {
            IntensitySums::add(&mut sums, &target, *pair);
        }
        for metric in [Metric::Mae, Metric::Corr, Metric::Ccc] {
            let (found, expected) = (
                IntensitySums::score(&sums, metric),
                intensity_score(metric, &target, &pairs),
            );
            assert!(
                (found - expected).abs() < 1e-9,
                "{metric:?}: {found} {expected}"
            );
        }
        assert_eq!(IntensitySums::score(&[0.0; SUMS], Metric::Corr), 0.0);
    }

    #[test]
    fn a_range_without_agreed_bins_has_five_of_equal_width() {
        let arousal = Target {
            name: "arousal".into(),
            range: [1.0, 5.0],
        };
        let bins = TargetBins::of(&arousal);
        assert_eq!(bins.names()[0], "1 to 1.8");
        assert_eq!(
            [0.0, 1.0, 1.9, 5.0, 9.0].map(|value| bins.bin(value)),
            [0, 0, 1, 4, 4]
        );
        let constant = intensity_score(Metric::Corr, &arousal, &[(2.0, 1.0), (2.0, 3.0)]);
        assert_eq!(constant, 0.0);
    }
}
