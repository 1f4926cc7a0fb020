//! The best that any model can do on a synthetic corpus: its exact posterior.
//!
//! For each class and speaker style the likelihood of the steps that are present is computed by
//! the forward algorithm over the hidden chain; a missing step is marginalised by leaving it out.
//! The style, which a model cannot know either, is summed over. Choosing the most probable class
//! then maximises the expected accuracy under the class priors used.

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::{CorpusError, Result};
use crate::missing::{Missing, Purpose};
use crate::process::Process;

/// The limit at one missing rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LimitPoint {
    pub rate: f64,
    /// Share of right answers of the posterior with the true class shares.
    pub accuracy: f64,
    /// Mean recall over classes of the posterior with equal priors.
    pub ua: f64,
}

/// The limit on the utterances `indices` for each of `settings`, labelled with its rate, with the
/// static masks of `mask_seed` (the ones that evaluation uses).
///
/// # Errors
/// When the corpus carries no generative process, or a rate is out of range.
pub fn limit(
    corpus: &Corpus,
    indices: &[usize],
    settings: &[(f64, Missing)],
    mask_seed: u64,
) -> Result<Vec<LimitPoint>> {
    let process = process(corpus)?;
    for (_, missing) in settings {
        missing.validate(corpus)?;
    }
    let classes = corpus.class_count();
    let mut counts = vec![0usize; classes];
    for &index in indices {
        counts[label(corpus, index)?] += 1;
    }
    let mut right = vec![0usize; settings.len()];
    let mut right_by_class = vec![vec![0usize; classes]; settings.len()];
    let evidence = Evidence::new(process);
    for &index in indices {
        let (id, label) = (&corpus.utterances[index].id, label(corpus, index)?);
        let steps = evidence.of(corpus, index);
        for (setting, (_, missing)) in settings.iter().enumerate() {
            let masks: Vec<Vec<bool>> = corpus
                .modalities
                .iter()
                .enumerate()
                .map(|(m, modality)| {
                    let count = modality.steps(index);
                    let mut mask = missing.mask(mask_seed, Purpose::Static, id, m, count);
                    for (step, by_nature) in mask.iter_mut().zip(modality.missing(index)) {
                        *step |= *by_nature != 0;
                    }
                    mask
                })
                .collect();
            let likelihood = log_likelihoods(process, &steps, &masks);
            let with_priors = likelihood
                .iter()
                .zip(&counts)
                .map(|(log, count)| log + (*count as f64).ln());
            if most_probable(with_priors) == Some(label) {
                right[setting] += 1;
            }
            if most_probable(likelihood.iter().copied()) == Some(label) {
                right_by_class[setting][label] += 1;
            }
        }
    }
    let present = counts.iter().filter(|count| **count > 0).count().max(1);
    let points = settings.iter().enumerate().map(|(setting, (rate, _))| {
        let recalls = right_by_class[setting].iter().zip(&counts);
        let recalls = recalls.filter(|(_, count)| **count > 0);
        LimitPoint {
            rate: *rate,
            accuracy: right[setting] as f64 / indices.len().max(1) as f64,
            ua: recalls.map(|(r, c)| *r as f64 / *c as f64).sum::<f64>() / present as f64,
        }
    });
    Ok(points.collect())
}

fn label(corpus: &Corpus, index: usize) -> Result<usize> {
    let utterance = &corpus.utterances[index];
    utterance.label.ok_or_else(|| {
        let field = format!("labels[{index}] ({})", utterance.id);
        CorpusError::invalid(&corpus.source, field, "none", "a class")
    })
}

fn process(corpus: &Corpus) -> Result<&Process> {
    let process = corpus.metadata.process.as_ref().ok_or_else(|| {
        let expected = "a generative process (only a demo corpus has an exact limit)";
        CorpusError::invalid(&corpus.source, "header.metadata.process", "none", expected)
    })?;
    validate(process, corpus)?;
    Ok(process)
}

/// Refuses a process (read from a file) from which no posterior could be computed.
fn validate(process: &Process, corpus: &Corpus) -> Result<()> {
    let bad = |field: &str, found: String, expected: &str| {
        let field = format!("header.metadata.process.{field}");
        Err(CorpusError::invalid(&corpus.source, field, found, expected))
    };
    let leave = process.leave();
    if !leave.iter().all(|p| (0.0..=1.0).contains(p)) {
        return bad(
            "tick_hz",
            format!("{leave:?} to leave a state"),
            "probabilities",
        );
    }
    if process.styles == 0 {
        return bad("styles", "0".into(), "1 or more");
    }
    if process.modalities.len() != corpus.modalities.len() {
        let found = process.modalities.len().to_string();
        return bad("modalities", found, "as many as the corpus has");
    }
    for (channel, modality) in process.modalities.iter().zip(&corpus.modalities) {
        let fits = channel.features == modality.dim
            && channel.ticks_a_step > 0
            && channel.prototype_of_class.len() == corpus.class_count()
            && channel
                .prototype_of_class
                .iter()
                .all(|p| *p < corpus.class_count());
        if !fits {
            let found = format!("{channel:?}");
            return bad("modalities", found, "features and classes of the corpus");
        }
    }
    Ok(())
}

fn most_probable(scores: impl Iterator<Item = f64>) -> Option<usize> {
    scores
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(class, _)| class)
}

/// Log density of each step under each style and state: `[step][style][state]`, where state 0 is
/// the neutral one and the others are the prototypes. The constant of the Gaussian is left out.
type StepLogs = Vec<Vec<Vec<f64>>>;

struct Evidence<'a> {
    process: &'a Process,
    /// Sum of style offset and state mean: `[modality][style][state][feature]`.
    means: Vec<Vec<Vec<Vec<f64>>>>,
}

impl<'a> Evidence<'a> {
    fn new(process: &'a Process) -> Self {
        let means = (0..process.modalities.len())
            .map(|modality| {
                let means = process.means(modality);
                let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
                means
                    .styles
                    .iter()
                    .map(|style| means.states.iter().map(|state| add(style, state)).collect())
                    .collect()
            })
            .collect();
        Self { process, means }
    }

    fn of(&self, corpus: &Corpus, index: usize) -> Vec<StepLogs> {
        let log_density = |step: &[f32], mean: &[f64]| {
            let squares = step.iter().zip(mean);
            -0.5 * squares
                .map(|(x, mean)| (f64::from(*x) - mean).powi(2))
                .sum::<f64>()
        };
        (0..self.process.modalities.len())
            .map(|m| {
                let modality = &corpus.modalities[m];
                let values = modality.values(index);
                let steps = values.chunks_exact(modality.dim);
                steps
                    .map(|step| {
                        let styles = self.means[m].iter();
                        styles
                            .map(|states| {
                                states.iter().map(|mean| log_density(step, mean)).collect()
                            })
                            .collect()
                    })
                    .collect()
            })
            .collect()
    }
}

/// Log likelihood of the present steps for each class, styles summed over.
fn log_likelihoods(process: &Process, steps: &[StepLogs], missing: &[Vec<bool>]) -> Vec<f64> {
    let classes = process.modalities[0].prototype_of_class.len();
    (0..classes)
        .map(|class| {
            let styles: Vec<f64> = (0..process.styles)
                .map(|style| forward(process, steps, missing, class, style))
                .collect();
            log_sum(&styles) - (process.styles as f64).ln()
        })
        .collect()
}

/// The forward algorithm over the neutral/expressive chain.
fn forward(
    process: &Process,
    steps: &[StepLogs],
    missing: &[Vec<bool>],
    class: usize,
    style: usize,
) -> f64 {
    let ticks = process
        .modalities
        .iter()
        .zip(steps)
        .map(|(channel, steps)| steps.len().saturating_sub(1) * channel.ticks_a_step + 1)
        .max()
        .unwrap_or(0);
    let leave = process.leave();
    let mut alpha = process.stationary();
    let mut log_total = 0.0;
    for tick in 0..ticks {
        if tick > 0 {
            alpha = [
                alpha[0] * (1.0 - leave[0]) + alpha[1] * leave[1],
                alpha[0] * leave[0] + alpha[1] * (1.0 - leave[1]),
            ];
        }
        let mut log = [0.0, 0.0];
        for ((channel, steps), missing) in process.modalities.iter().zip(steps).zip(missing) {
            let step = tick / channel.ticks_a_step;
            let shows = tick % channel.ticks_a_step == 0 && step < steps.len();
            if shows && !missing[step] {
                let states = &steps[step][style];
                log[0] += states[0];
                log[1] += states[1 + channel.prototype_of_class[class]];
            }
        }
        // Scaled so that neither state underflows and the sum stays 1.
        let top = log[0].max(log[1]);
        alpha = [
            alpha[0] * (log[0] - top).exp(),
            alpha[1] * (log[1] - top).exp(),
        ];
        let sum = alpha[0] + alpha[1];
        alpha = [alpha[0] / sum, alpha[1] / sum];
        log_total += top + sum.ln();
    }
    log_total
}

fn log_sum(logs: &[f64]) -> f64 {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    /// Sums over every path of the chain instead of the forward recursion.
    fn brute_force(process: &Process, steps: &[StepLogs], missing: &[Vec<bool>]) -> Vec<f64> {
        let ticks = steps[0].len();
        let (leave, start) = (process.leave(), process.stationary());
        let mut out = Vec::new();
        for class in 0..4 {
            let mut total = 0.0;
            for style in 0..process.styles {
                for path in 0..1usize << ticks {
                    let state = |tick: usize| path >> tick & 1;
                    let mut probability = start[state(0)];
                    for tick in 1..ticks {
                        let (from, to) = (state(tick - 1), state(tick));
                        let stay = 1.0 - leave[from];
                        probability *= if from == to { stay } else { leave[from] };
                    }
                    let mut log = 0.0;
                    for (m, channel) in process.modalities.iter().enumerate() {
                        for (step, logs) in steps[m].iter().enumerate() {
                            if !missing[m][step] {
                                let prototype = 1 + channel.prototype_of_class[class];
                                let tick = step * channel.ticks_a_step;
                                log += logs[style][if state(tick) == 1 { prototype } else { 0 }];
                            }
                        }
                    }
                    total += probability * log.exp() / process.styles as f64;
                }
            }
            out.push(total.ln());
        }
        out
    }

    #[test]
    fn the_forward_algorithm_equals_the_sum_over_all_paths() {
        let corpus = demo::generate(3, 0.02).unwrap();
        let process = corpus.metadata.process.as_ref().unwrap();
        let evidence = Evidence::new(process);
        let short = (0..corpus.len()).filter(|i| corpus.modalities[0].steps(*i) <= 12);
        let mut checked = 0;
        for index in short.take(4) {
            let steps = evidence.of(&corpus, index);
            for rate in [0.0, 0.5, 1.0] {
                let missing = Missing::uniform(rate, 3);
                let masks: Vec<Vec<bool>> = (0..3)
                    .map(|m| missing.mask(1, Purpose::Static, "x", m, steps[m].len()))
                    .collect();
                let fast = log_likelihoods(process, &steps, &masks);
                let slow = brute_force(process, &steps, &masks);
                for (fast, slow) in fast.iter().zip(&slow) {
                    assert!(
                        (fast - slow).abs() < 1e-9 * slow.abs().max(1.0),
                        "{fast} {slow}"
                    );
                }
                checked += 1;
            }
        }
        assert_eq!(checked, 12);
    }

    #[test]
    fn the_limit_leaves_room_to_see_differences() {
        let corpus = demo::generate(1, 0.3).unwrap();
        let all: Vec<usize> = (0..corpus.len()).collect();
        let rates = [0.0, 0.5, 0.9, 1.0].map(|rate| (rate, Missing::uniform(rate, 3)));
        let limit = limit(&corpus, &all, &rates, 0).unwrap();
        let ua: Vec<f64> = limit.iter().map(|point| point.ua).collect();
        assert!((0.90..=0.97).contains(&ua[0]), "{ua:?}");
        assert!(ua[1] < ua[0] && ua[2] < ua[1], "{ua:?}");
        assert!(ua[2] > 0.40, "clearly above chance: {ua:?}");
        assert!(
            (ua[3] - 0.25).abs() < 1e-9,
            "chance without any step: {ua:?}"
        );
    }

    #[test]
    fn no_modality_alone_tells_all_classes_apart() {
        let corpus = demo::generate(1, 0.3).unwrap();
        let all: Vec<usize> = (0..corpus.len()).collect();
        for alone in 0..3 {
            let mut missing = Missing::uniform(1.0, 3);
            missing.rates[alone] = 0.0;
            let ua = limit(&corpus, &all, &[(0.0, missing)], 0).unwrap()[0].ua;
            assert!((0.35..0.75).contains(&ua), "{alone}: {ua}");
        }
    }
}
