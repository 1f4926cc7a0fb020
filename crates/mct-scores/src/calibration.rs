//! Whether probabilities mean what they say.
//!
//! Expected calibration error (ECE) and negative log-likelihood (NLL) of the probabilities as they are, and
//! after temperature scaling (Guo et al., 2017); and split-conformal sets of classes (Sadinle et al., 2019),
//! which hold the true class as often as promised where the utterances to come are like those that were fitted on.
//! Both are fitted on a validation set, whose speakers are others and which has also chosen the epoch: how often
//! the sets hold the true class on a test set is therefore said beside the promise.

use mct_corpus::Corpus;
use serde::Serialize;

use crate::confusion::most_probable;
use crate::predicted::Predicted;

/// Bins of the highest probability, of equal width.
pub const BINS: usize = 15;

/// How often the sets of classes shall hold the true one: in nine of ten cases.
const COVERAGE: [usize; 2] = [9, 10];

/// A bin of fewer utterances says nothing.
const FEW: usize = 5;

/// A smaller probability counts as this, so that one certain mistake does not decide the mean.
const LEAST: f64 = 1e-12;

/// The smallest probability above 0 that a model can give, in place of 0 where its logarithm is scaled.
const LEAST_GIVEN: f64 = 1e-45;

/// Temperatures that are searched.
const TEMPERATURES: [f64; 2] = [0.05, 20.0];

/// The answers whose probability is in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bin {
    /// An utterance has one in each draw of the missing steps.
    pub answers: usize,
    /// Mean of the highest probability; 0 where there is none.
    pub confidence: f64,
    /// Share of right answers; 0 where there is none.
    pub accuracy: f64,
}

/// Calibration of probabilities over the missing rates; every list has one entry per rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Reliability {
    /// Mean over the utterances of how far confidence and accuracy of their bin are apart. Of few
    /// utterances it is too large, also where the probabilities are right.
    pub ece: Vec<f64>,
    /// Mean of `-ln p` of the true class, in nats.
    pub nll: Vec<f64>,
    pub bins: Vec<Vec<Bin>>,
}

/// What a validation set says of a model's probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrator {
    /// Per rate, what logits are divided by; above 1 for a model that is too sure.
    pub temperatures: Vec<f64>,
    /// Per rate, the least (scaled) probability of a class in the set.
    pub thresholds: Vec<f64>,
}

/// Calibration of what models predict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Of the probabilities as they are.
    #[serde(flatten)]
    pub as_predicted: Reliability,
    /// `None` where nothing was fitted on a validation set.
    pub fitted: Option<Fitted>,
}

/// What follows from the calibrators; every list over rates has one entry per rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fitted {
    /// Of each model.
    pub temperatures: Vec<f64>,
    /// Of the scaled probabilities.
    #[serde(flatten)]
    pub scaled: Reliability,
    /// How often the sets shall hold the true class.
    pub promised: f64,
    /// How often they do.
    pub coverage: Vec<f64>,
    /// Mean number of classes in a set.
    pub set_size: Vec<f64>,
}

/// What one model predicts of the utterances `indices`, `draws[draw][rate]`, and what its validation set says.
pub struct Part<'a> {
    pub indices: &'a [usize],
    pub draws: &'a [Vec<Predicted>],
    pub calibrator: Option<Calibrator>,
}

/// The labelled utterances with their probabilities at a rate, in all draws.
fn labelled<'a>(
    corpus: &'a Corpus,
    indices: &'a [usize],
    draws: &'a [Vec<Predicted>],
    rate: usize,
) -> impl Iterator<Item = (usize, &'a [f32])> {
    draws.iter().flat_map(move |rates| {
        let rows = indices.iter().zip(rates[rate].rows());
        rows.filter_map(|(index, row)| Some((corpus.utterances[*index].label?, row.as_slice())))
    })
}

/// The logarithms of `probabilities` after dividing their logits by `temperature`.
fn scaled_logs(probabilities: &[f32], temperature: f64) -> Vec<f64> {
    let logits = probabilities
        .iter()
        .map(|p| f64::from(*p).max(LEAST_GIVEN).ln() / temperature);
    let logits: Vec<f64> = logits.collect();
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - top).exp()).sum();
    let norm = top + sum.ln();
    logits.into_iter().map(|logit| logit - norm).collect()
}

/// `probabilities` after dividing their logits by `temperature`.
fn scaled(probabilities: &[f32], temperature: f64) -> Vec<f64> {
    let logs = scaled_logs(probabilities, temperature).into_iter();
    logs.map(f64::exp).collect()
}

impl Calibrator {
    /// From what a model predicts of the validation set `indices`, `draws[draw][rate]`: one temperature for all
    /// rates, since a user does not know the rate (one for each, where each rate has a model of its own), and
    /// a threshold for each. `None` without labelled utterances.
    pub fn fit(
        corpus: &Corpus,
        indices: &[usize],
        rates: usize,
        draws: &[Vec<Predicted>],
        model_per_rate: bool,
    ) -> Option<Self> {
        let rows = |rate: &usize| labelled(corpus, indices, draws, *rate);
        let every: Vec<usize> = (0..rates).collect();
        let utterances = rows(every.first()?).count() / draws.len().max(1);
        if utterances == 0 {
            return None;
        }
        let temperature = |rates: &[usize]| {
            let all: Vec<(usize, &[f32])> = rates.iter().flat_map(rows).collect();
            let is_right = |(label, row): &(usize, &[f32])| most_probable(row) == *label;
            if all.iter().all(is_right) {
                // The surer the better, and nothing says how sure is too sure.
                return 1.0;
            }
            let nll = |log_temperature: f64| {
                let temperature = log_temperature.exp();
                let losses = all
                    .iter()
                    .map(|(label, row)| -scaled_logs(row, temperature)[*label]);
                losses.sum::<f64>()
            };
            least(nll, TEMPERATURES.map(f64::ln)).exp()
        };
        let temperatures: Vec<f64> = match model_per_rate {
            true => every.chunks(1).map(temperature).collect(),
            false => vec![temperature(&every); rates],
        };
        let threshold = |rate: &usize| {
            let of_true = rows(rate).map(|(label, row)| scaled(row, temperatures[*rate])[label]);
            let mut of_true: Vec<f64> = of_true.collect();
            of_true.sort_by(|a, b| b.total_cmp(a));
            // The rank among the utterances and the one to come.
            let [part, whole] = COVERAGE;
            let rank = ((utterances + 1) * part).div_ceil(whole) * draws.len();
            // Of too few utterances nothing can be promised but the set of all classes.
            of_true.get(rank - 1).copied().unwrap_or(0.0)
        };
        Some(Self {
            thresholds: every.iter().map(threshold).collect(),
            temperatures,
        })
    }
}

/// Where a function with one minimum between `ends` has it, by the golden section.
fn least(value: impl Fn(f64) -> f64, ends: [f64; 2]) -> f64 {
    const STEPS: usize = 40;
    let share = (5f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = ends;
    let (mut a, mut b) = (high - share * (high - low), low + share * (high - low));
    let (mut at_a, mut at_b) = (value(a), value(b));
    for _ in 0..STEPS {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - share * (high - low);
            at_a = value(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + share * (high - low);
            at_b = value(b);
        }
    }
    (low + high) / 2.0
}

/// Sums over the utterances of one rate.
#[derive(Clone, Default)]
struct Sums {
    /// Answers, sum of their probabilities, right ones.
    bins: [(usize, f64, usize); BINS],
    nll: f64,
}

impl Sums {
    fn add(&mut self, label: usize, probabilities: &[f64], class: usize) {
        let confidence = probabilities[class];
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let bin = &mut self.bins[bin];
        bin.0 += 1;
        bin.1 += confidence;
        bin.2 += usize::from(class == label);
        self.nll -= probabilities[label].max(LEAST).ln();
    }

    fn count(&self) -> f64 {
        let count: usize = self.bins.iter().map(|bin| bin.0).sum();
        count.max(1) as f64
    }
}

impl Bin {
    /// Probability and share of right answers of those bins that say something; `times` is how often an
    /// utterance has answered.
    pub fn points(bins: &[Self], times: usize) -> Vec<(f64, f64)> {
        let bins = bins.iter().filter(|bin| bin.answers >= FEW * times);
        bins.map(|bin| (bin.confidence, bin.accuracy)).collect()
    }
}

impl Reliability {
    fn of(rates: &[Sums]) -> Self {
        let mut own = Self::default();
        for sums in rates {
            let gap = |bin: &(usize, f64, usize)| (bin.1 - bin.2 as f64).abs();
            own.ece
                .push(sums.bins.iter().map(gap).sum::<f64>() / sums.count());
            own.nll.push(sums.nll / sums.count());
            let bins = sums.bins.iter().map(|(answers, confidence, right)| {
                let of = (*answers).max(1) as f64;
                Bin {
                    answers: *answers,
                    confidence: confidence / of,
                    accuracy: *right as f64 / of,
                }
            });
            own.bins.push(bins.collect());
        }
        own
    }
}

impl Calibration {
    /// Of what models predict of utterances of `corpus` at so many rates, pooled. `None` where nothing is
    /// labelled.
    pub fn of(corpus: &Corpus, rates: usize, parts: &[Part<'_>]) -> Option<Self> {
        let mut plain = vec![Sums::default(); rates];
        let mut after = plain.clone();
        let (mut covered, mut sizes) = (vec![0usize; rates], vec![0usize; rates]);
        for part in parts {
            for rate in 0..rates {
                for (label, row) in labelled(corpus, part.indices, part.draws, rate) {
                    let class = most_probable(row);
                    let own: Vec<f64> = row.iter().map(|p| f64::from(*p)).collect();
                    plain[rate].add(label, &own, class);
                    if let Some(calibrator) = &part.calibrator {
                        let own = scaled(row, calibrator.temperatures[rate]);
                        let least = calibrator.thresholds[rate];
                        covered[rate] += usize::from(own[label] >= least);
                        sizes[rate] += own.iter().filter(|p| **p >= least).count();
                        after[rate].add(label, &own, class);
                    }
                }
            }
        }
        let labelled = plain.first()?.bins.iter().any(|bin| bin.0 > 0);
        let of_parts: Option<Vec<&Calibrator>> =
            parts.iter().map(|part| part.calibrator.as_ref()).collect();
        let temperatures = of_parts.map(|calibrators| {
            let of_models = calibrators.iter().flat_map(|own| {
                let mut own = own.temperatures.clone();
                own.dedup();
                own
            });
            of_models.collect::<Vec<f64>>()
        });
        let mean = |sums: &[usize]| -> Vec<f64> {
            let pairs = sums.iter().zip(&after);
            pairs.map(|(sum, of)| *sum as f64 / of.count()).collect()
        };
        labelled.then(|| Self {
            as_predicted: Reliability::of(&plain),
            fitted: temperatures.map(|temperatures| Fitted {
                temperatures,
                scaled: Reliability::of(&after),
                promised: COVERAGE[0] as f64 / COVERAGE[1] as f64,
                coverage: mean(&covered),
                set_size: mean(&sizes),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use mct_corpus::counter::Stream;

    use super::*;

    /// `count` utterances of two classes, and probabilities of class 1 from which labels are drawn.
    fn drawn(count: usize, seed: u64) -> (Corpus, Vec<f64>) {
        let mut corpus = mct_corpus::demo::generate(1, 0.01).unwrap();
        let mut stream = Stream::new(&[seed]);
        let first = corpus.utterances[0].clone();
        corpus.utterances = vec![first; count];
        let truths = corpus.utterances.iter_mut().map(|utterance| {
            let p = stream.uniform();
            utterance.label = Some(usize::from(stream.uniform() < p));
            p
        });
        let truths = truths.collect();
        (corpus, truths)
    }

    /// Predictions whose logits are `sureness` times the right ones.
    fn predicted(truths: &[f64], sureness: f64) -> Vec<Vec<Predicted>> {
        let rows = truths.iter().map(|p| {
            let p = scaled(&[(1.0 - p) as f32, *p as f32], 1.0 / sureness);
            p.into_iter().map(|p| p as f32).collect()
        });
        vec![vec![Predicted::Probabilities(rows.collect())]]
    }

    #[test]
    fn the_errors_of_a_small_example() {
        let mut corpus = mct_corpus::demo::generate(1, 0.01).unwrap();
        for (utterance, label) in corpus.utterances.iter_mut().zip([0, 0, 1]) {
            utterance.label = Some(label);
        }
        let rows = vec![vec![0.79, 0.21], vec![0.81, 0.19], vec![0.6, 0.4]];
        let draws = [vec![Predicted::Probabilities(rows)]];
        let part = Part {
            indices: &[0, 1, 2],
            draws: &draws,
            calibrator: None,
        };
        let Calibration {
            as_predicted,
            fitted,
        } = Calibration::of(&corpus, 1, &[part]).unwrap();
        // Two bins of one right answer, one of one wrong.
        let ece = (0.21 + 0.19 + 0.6) / 3.0;
        assert!((as_predicted.ece[0] - ece).abs() < 1e-6);
        let nll = -(0.79f64.ln() + 0.81f64.ln() + 0.4f64.ln()) / 3.0;
        assert!((as_predicted.nll[0] - nll).abs() < 1e-6);
        assert_eq!(as_predicted.bins[0][11].answers, 1);
        assert!(fitted.is_none());
    }

    #[test]
    fn the_points_of_a_reliability_plot_are_the_bins_with_enough_answers() {
        let bin = |answers, confidence, accuracy| Bin {
            answers,
            confidence,
            accuracy,
        };
        let few = FEW * 5;
        let bins = [
            bin(few - 1, 0.3, 0.9),
            bin(few, 0.55, 0.5),
            bin(2 * few, 0.8, 0.6),
        ];
        assert_eq!(Bin::points(&bins, 5), [(0.55, 0.5), (0.8, 0.6)]);
    }

    #[test]
    fn a_temperature_undoes_what_makes_a_model_too_sure() {
        let (corpus, truths) = drawn(4000, 1);
        let (validation, test): (Vec<usize>, Vec<usize>) =
            ((0..2000).collect(), (2000..4000).collect());
        let sure = predicted(&truths, 3.0);
        let rows = sure[0][0].rows();
        let side = |rows: &[Vec<f32>]| vec![vec![Predicted::Probabilities(rows.to_vec())]];
        let calibrator = Calibrator::fit(&corpus, &validation, 1, &side(&rows[..2000]), false);
        let calibrator = calibrator.unwrap();
        assert!(
            (calibrator.temperatures[0] - 3.0).abs() < 0.35,
            "{calibrator:?}"
        );
        let draws = side(&rows[2000..]);
        let of = |calibrator| {
            let part = Part {
                indices: &test,
                draws: &draws,
                calibrator,
            };
            Calibration::of(&corpus, 1, &[part]).unwrap()
        };
        let calibration = of(Some(calibrator));
        let fitted = calibration.fitted.unwrap();
        assert!(
            calibration.as_predicted.ece[0] > 0.08,
            "{:?}",
            calibration.as_predicted.ece
        );
        assert!(fitted.scaled.ece[0] < 0.04, "{:?}", fitted.scaled.ece);
        assert!(fitted.scaled.nll[0] < calibration.as_predicted.nll[0] - 0.05);
        // Within two and a half standard errors of either half.
        assert!(
            (fitted.coverage[0] - 0.9).abs() < 0.025,
            "{:?}",
            fitted.coverage
        );
        assert!(fitted.set_size[0] < 1.9, "{:?}", fitted.set_size);
        assert!(of(None).fitted.is_none());
    }

    #[test]
    fn of_few_utterances_the_sets_hold_every_class() {
        let (corpus, truths) = drawn(9, 2);
        let draws = predicted(&truths, 1.0);
        let draws = [draws[0].clone(), predicted(&truths, 2.0)[0].clone()];
        let fit = |count: usize| {
            let indices: Vec<usize> = (0..count).collect();
            let rows = |rates: &Vec<Predicted>| {
                vec![Predicted::Probabilities(rates[0].rows()[..count].to_vec())]
            };
            let draws: Vec<Vec<Predicted>> = draws.iter().map(rows).collect();
            Calibrator::fit(&corpus, &indices, 1, &draws, true).unwrap()
        };
        // Of eight utterances and the one to come nine tenths are more than eight.
        assert_eq!(fit(8).thresholds, [0.0]);
        // Of ten, nine: the least probability that any of nine gives to its class, in either draw.
        let nine = fit(9);
        let of_true = draws.iter().flat_map(|rates| {
            let rows = rates[0].rows().iter().zip(&corpus.utterances);
            rows.map(|(row, utterance)| scaled(row, nine.temperatures[0])[utterance.label.unwrap()])
        });
        assert_eq!(nine.thresholds, [of_true.fold(1.0, f64::min)]);
    }

    /// Logits 30 apart, and one of ten answers wrong: the best probability of the answer is 0.9.
    #[test]
    fn a_temperature_is_found_where_a_model_is_as_sure_as_can_be() {
        let (mut corpus, _) = drawn(40, 4);
        for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
            utterance.label = Some(usize::from(index % 10 == 0));
        }
        let rows = vec![vec![1.0, (-30f64).exp() as f32]; 40];
        let draws = [vec![Predicted::Probabilities(rows)]];
        let indices: Vec<usize> = (0..40).collect();
        let found = Calibrator::fit(&corpus, &indices, 1, &draws, false).unwrap();
        let expected = 30.0 / 9f64.ln();
        let found = found.temperatures[0];
        assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
    }

    #[test]
    fn a_validation_set_without_a_mistake_leaves_probabilities_as_they_are() {
        let (mut corpus, truths) = drawn(40, 3);
        for (utterance, p) in corpus.utterances.iter_mut().zip(&truths) {
            utterance.label = Some(usize::from(*p > 0.5));
        }
        let indices: Vec<usize> = (0..40).collect();
        let fit = |corpus: &Corpus, sureness| {
            let draws = predicted(&truths, sureness);
            Calibrator::fit(corpus, &indices, 1, &draws, false).unwrap()
        };
        assert_eq!(fit(&corpus, 1.0).temperatures, [1.0]);
        // One mistake, and there is a best temperature again, in the same proportion also where probabilities are as
        // small as numbers get.
        let surest = (0..40).max_by(|a, b| truths[*a].total_cmp(&truths[*b]));
        corpus.utterances[surest.unwrap()].label = Some(0);
        let found = [1.0, 4.0].map(|sureness| fit(&corpus, sureness).temperatures[0]);
        assert!(
            found[0] > 0.06 && (found[1] / found[0] - 4.0).abs() < 0.05,
            "{found:?}"
        );
    }
}
