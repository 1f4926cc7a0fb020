//! Scores over the missing rates, and by duration (Table 5).

use std::collections::BTreeMap;

use mct_corpus::{Corpus, Task};
use serde::Serialize;

use crate::auilc::auilc;
use crate::confusion::{Confusion, most_probable};
use crate::intensity::{Pair, TargetBins, bin_matrix, intensity_score, intensity_scores};
use crate::metric::{Metric, Scores};
use crate::predicted::Predicted;

/// Upper edges of the duration bins of Table 5, in seconds; the last bin is open.
pub const DURATION_EDGES_SECS: [f32; 4] = [2.0, 4.0, 6.0, 8.0];

/// Which bin of Table 5 a duration falls into.
pub fn duration_bin(secs: f32) -> usize {
    DURATION_EDGES_SECS
        .iter()
        .take_while(|edge| secs > **edge)
        .count()
}

/// Each score over the missing rates: one entry per rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Curves(pub BTreeMap<Metric, Vec<f64>>);

impl Curves {
    /// From the scores at each rate.
    fn of(scores: &[Scores]) -> Self {
        let mut curves = BTreeMap::<Metric, Vec<f64>>::new();
        for (metric, value) in scores.iter().flat_map(Scores::iter) {
            curves.entry(metric).or_default().push(value);
        }
        Self(curves)
    }

    /// Empty for a metric that is not among them.
    pub fn get(&self, metric: Metric) -> &[f64] {
        self.0.get(&metric).map_or(&[], Vec::as_slice)
    }

    /// The scores at the rate of this index.
    pub fn at(&self, rate: usize) -> Scores {
        let curves = self.0.iter();
        curves
            .filter_map(|(metric, curve)| Some((*metric, *curve.get(rate)?)))
            .collect()
    }

    /// The area under each (eq. 19).
    fn auilc(&self, rates: &[f64]) -> Scores {
        let curves = self.0.iter();
        curves
            .map(|(metric, curve)| (*metric, auilc(rates, curve)))
            .collect()
    }
}

/// Scores over the missing rates; every list over rates has one entry per rate.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    pub synthetic: bool,
    pub task: Task,
    pub utterances: usize,
    /// Draws of the missing steps, which are pooled.
    pub mask_draws: usize,
    /// Empty for intensities.
    pub classes: Vec<String>,
    pub rates: Vec<f64>,
    /// Of several targets the mean of those that are rated.
    #[serde(flatten)]
    pub curves: Curves,
    /// Area under each score (eq. 19).
    pub auilc: Scores,
    /// Per rate, counts of true class (row) against predicted class (column) in all draws of the missing
    /// steps; empty for intensities.
    pub confusion: Vec<Confusion>,
    /// The duration bins of Table 5.
    pub durations: Vec<DurationBin>,
    /// Of intensities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetScores>,
}

/// Scores of one target over the missing rates.
#[derive(Debug, Clone, Serialize)]
pub struct TargetScores {
    pub name: String,
    pub range: [f32; 2],
    /// Utterances that are rated.
    pub utterances: usize,
    #[serde(flatten)]
    pub curves: Curves,
    pub auilc: Scores,
    pub bins: Vec<String>,
    /// Per rate, counts of true bin (row) against predicted bin (column).
    pub confusion: Vec<Confusion>,
}

/// The utterances of one duration bin.
#[derive(Debug, Clone, Serialize)]
pub struct DurationBin {
    pub name: String,
    pub utterances: usize,
    /// The main score of the task per rate.
    #[serde(flatten)]
    pub curves: Curves,
    /// Area under it over the rates.
    pub auilc: f64,
}

/// The matrices of one output over the rates: of the classes, or of the bins of a target.
pub struct Matrices<'a> {
    /// Empty for classes.
    pub target: &'a str,
    pub classes: &'a [String],
    pub confusion: &'a [Confusion],
}

/// Counts the predicted classes of the labelled utterances among `indices` that `keep` holds of, in all
/// `draws` of the missing steps.
fn count(
    corpus: &Corpus,
    indices: &[usize],
    draws: &[&Predicted],
    keep: impl Fn(usize) -> bool,
) -> Confusion {
    let mut confusion = Confusion::new(corpus.class_count());
    for predicted in draws {
        for (index, row) in indices.iter().zip(predicted.rows()) {
            if let Some(label) = corpus.utterances[*index].label
                && keep(*index)
            {
                confusion.add(label, most_probable(row));
            }
        }
    }
    confusion
}

/// Predicted and true intensities of the utterances among `indices` that `keep` holds of and that are
/// rated, in all `draws`.
fn pairs(
    corpus: &Corpus,
    indices: &[usize],
    draws: &[&Predicted],
    target: usize,
    keep: impl Fn(usize) -> bool,
) -> Vec<Pair> {
    let rows = draws
        .iter()
        .flat_map(|predicted| indices.iter().zip(predicted.rows()));
    let kept = rows.filter(|(index, _)| keep(**index));
    kept.filter_map(|(index, row)| Some((row[target], corpus.utterances[*index].targets[target]?)))
        .collect()
}

/// The mean over targets of the scores that all of them have.
fn mean_over_targets(targets: &[Scores]) -> Scores {
    let Some((first, others)) = targets.split_first() else {
        return Scores::default();
    };
    let common = first
        .iter()
        .filter(|(metric, _)| others.iter().all(|other| other.0.contains_key(metric)));
    common
        .map(|(metric, _)| {
            let values = targets.iter().map(|scores| scores.get(metric));
            (metric, values.sum::<f64>() / targets.len() as f64)
        })
        .collect()
}

/// The main score of the utterances that `keep` holds of.
fn main_score(
    corpus: &Corpus,
    task: Task,
    indices: &[usize],
    draws: &[&Predicted],
    keep: impl Fn(usize) -> bool,
) -> f64 {
    let metric = Metric::main(task);
    match task {
        Task::Classification => count(corpus, indices, draws, keep).scores().get(metric),
        Task::Regression => {
            let targets = corpus.metadata.targets.iter().enumerate();
            let values = targets.filter_map(|(t, target)| {
                let pairs = pairs(corpus, indices, draws, t, &keep);
                (!pairs.is_empty()).then(|| intensity_score(metric, target, &pairs))
            });
            let values: Vec<f64> = values.collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        }
    }
}

/// What is predicted at each rate, in all draws.
fn by_rate(rates: usize, draws: &[Vec<Predicted>]) -> Vec<Vec<&Predicted>> {
    let at = |rate| draws.iter().map(move |rates: &Vec<Predicted>| &rates[rate]);
    (0..rates).map(|rate| at(rate).collect()).collect()
}

impl Evaluation {
    /// Scores of the predictions `draws[draw][rate]` of the utterances `indices` of `corpus`, in their
    /// order: a draw is one of the missing steps, and all are pooled.
    pub fn of(
        corpus: &Corpus,
        task: Task,
        indices: &[usize],
        rates: &[f64],
        draws: &[Vec<Predicted>],
    ) -> Self {
        let by_rate = by_rate(rates.len(), draws);
        let mut confusion = Vec::new();
        let mut targets = Vec::new();
        let scores: Vec<Scores> = match task {
            Task::Classification => {
                let counts = by_rate.iter();
                confusion.extend(counts.map(|draws| count(corpus, indices, draws, |_| true)));
                confusion.iter().map(Confusion::scores).collect()
            }
            Task::Regression => {
                let all = 0..corpus.metadata.targets.len();
                targets.extend(all.map(|t| TargetScores::of(corpus, t, indices, rates, &by_rate)));
                // A target that nobody is rated with has no scores that could enter a mean.
                let all: Vec<&TargetScores> = match targets.iter().any(TargetScores::is_rated) {
                    true => targets.iter().filter(|target| target.is_rated()).collect(),
                    false => targets.iter().collect(),
                };
                let at =
                    |rate| -> Vec<Scores> { all.iter().map(|own| own.curves.at(rate)).collect() };
                (0..rates.len())
                    .map(|rate| mean_over_targets(&at(rate)))
                    .collect()
            }
        };
        let curves = Curves::of(&scores);
        Self {
            synthetic: corpus.metadata.synthetic,
            task,
            utterances: indices.len(),
            mask_draws: draws.len(),
            classes: match task {
                Task::Classification => corpus.metadata.classes.clone(),
                Task::Regression => Vec::new(),
            },
            rates: rates.to_vec(),
            auilc: curves.auilc(rates),
            curves,
            confusion,
            durations: by_duration(corpus, task, indices, rates, &by_rate),
            targets,
        }
    }

    /// Whether every output has something to score: of intensities, whether every target is rated.
    pub fn is_rated(&self) -> bool {
        self.targets.iter().all(TargetScores::is_rated)
    }

    /// The matrix of the classes, or of the bins of each target.
    pub fn matrices(&self) -> Vec<Matrices<'_>> {
        match self.task {
            Task::Classification => vec![Matrices {
                target: "",
                classes: &self.classes,
                confusion: &self.confusion,
            }],
            Task::Regression => {
                let targets = self.targets.iter();
                let matrices = targets.map(|target| Matrices {
                    target: &target.name,
                    classes: &target.bins,
                    confusion: &target.confusion,
                });
                matrices.collect()
            }
        }
    }
}

impl TargetScores {
    /// Whether there is anything to score.
    pub const fn is_rated(&self) -> bool {
        self.utterances > 0
    }

    /// Of target `t`, from the intensities `by_rate[rate][draw]`.
    fn of(
        corpus: &Corpus,
        t: usize,
        indices: &[usize],
        rates: &[f64],
        by_rate: &[Vec<&Predicted>],
    ) -> Self {
        let target = &corpus.metadata.targets[t];
        let is_rated = |index: &&usize| corpus.utterances[**index].targets[t].is_some();
        let (mut scores, mut confusion) = (Vec::new(), Vec::new());
        for draws in by_rate {
            let pairs = pairs(corpus, indices, draws, t, |_| true);
            scores.push(intensity_scores(target, &pairs));
            confusion.push(bin_matrix(target, &pairs));
        }
        let curves = Curves::of(&scores);
        Self {
            name: target.name.clone(),
            range: target.range,
            utterances: indices.iter().filter(is_rated).count(),
            auilc: curves.auilc(rates),
            curves,
            bins: TargetBins::of(target).names(),
            confusion,
        }
    }
}

/// The main score in each duration bin of Table 5, of the utterances whose duration is known.
fn by_duration(
    corpus: &Corpus,
    task: Task,
    indices: &[usize],
    rates: &[f64],
    by_rate: &[Vec<&Predicted>],
) -> Vec<DurationBin> {
    let names = ["up to 2 s", "2 to 4 s", "4 to 6 s", "6 to 8 s", "over 8 s"];
    let bins = names.iter().enumerate().map(|(bin, name)| {
        let duration = |index: usize| corpus.utterances[index].duration_secs;
        let inside = |index: usize| duration(index).map(duration_bin) == Some(bin);
        let curve: Vec<f64> = by_rate
            .iter()
            .map(|draws| main_score(corpus, task, indices, draws, inside))
            .collect();
        DurationBin {
            name: (*name).to_owned(),
            utterances: indices.iter().filter(|index| inside(**index)).count(),
            auilc: auilc(rates, &curve),
            curves: Curves([(Metric::main(task), curve)].into()),
        }
    });
    bins.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Intervals;

    /// The mean of the targets is that of the rated one, as the intervals' is.
    #[test]
    fn a_target_without_ratings_enters_no_mean() {
        let mut corpus = mct_corpus::demo::generate(1, 0.02).unwrap();
        let target = |name: &str| mct_corpus::Target {
            name: name.into(),
            range: [-1.0, 1.0],
        };
        corpus.metadata.targets = vec![target("valence"), target("arousal")];
        for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
            utterance.targets = vec![Some((index % 3) as f32 / 2.0 - 0.5), None];
        }
        let indices: Vec<usize> = (0..corpus.len()).collect();
        let row = |index: &usize| vec![(index % 5) as f32 / 4.0 - 0.5, 0.25];
        let draws = [vec![Predicted::Intensities(
            indices.iter().map(row).collect(),
        )]];
        let all = Evaluation::of(&corpus, Task::Regression, &indices, &[0.0], &draws);
        assert_eq!(all.targets[1].utterances, 0);
        assert_eq!(all.curves, all.targets[0].curves);
        let mae = all.curves.at(0).get(Metric::Mae);
        assert!(mae > 0.1, "{mae}");
        let rated: Vec<_> = all
            .durations
            .iter()
            .filter(|bin| bin.utterances > 0)
            .collect();
        let (sum, count) = rated.iter().fold((0.0, 0), |(sum, count), bin| {
            let own = bin.curves.get(Metric::Mae)[0];
            (sum + own * bin.utterances as f64, count + bin.utterances)
        });
        assert!((sum / count as f64 - mae).abs() < 1e-9);
        let intervals = Intervals::of(&corpus, Task::Regression, &indices, &[0.0], &draws).unwrap();
        let [low, high] = intervals.rates[&Metric::Mae][0];
        assert!(low < mae && mae < high, "{low} {mae} {high}");
    }
}
