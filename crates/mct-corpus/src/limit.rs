//! The best that any model can do on a synthetic corpus: its exact posterior.
//!
//! For each class and speaker style the likelihood of the steps that are present is computed by
//! the forward algorithm over the hidden chains, of expression and of content; a missing step is
//! marginalised by leaving it out.
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

/// The exact posterior of utterances, in several settings.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// Log likelihood of what is seen, `[setting][utterance][class]`.
    likelihoods: Vec<Vec<Vec<f64>>>,
    labels: Vec<usize>,
    /// Utterances of each class.
    counts: Vec<usize>,
}

impl Posterior {
    /// Of the utterances `indices` with the static masks of `mask_seed` (the ones that evaluation uses).
    ///
    /// # Errors
    /// When the corpus carries no generative process, or a rate is out of range.
    pub fn of(
        corpus: &Corpus,
        indices: &[usize],
        settings: &[(f64, Missing)],
        mask_seed: u64,
    ) -> Result<Self> {
        let process = process(corpus)?;
        for (_, missing) in settings {
            missing.validate(corpus)?;
        }
        let mut counts = vec![0usize; corpus.class_count()];
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let label = label(corpus, index)?;
            counts[label] += 1;
            labels.push(label);
        }
        let mut likelihoods = vec![Vec::with_capacity(indices.len()); settings.len()];
        let evidence = Evidence::new(process);
        for &index in indices {
            let id = &corpus.utterances[index].id;
            let steps = evidence.of(corpus, index);
            let counts_of = corpus.steps(index);
            for ((_, missing), likelihoods) in settings.iter().zip(&mut likelihoods) {
                let mut masks = missing.masks(mask_seed, Purpose::Static, id, &counts_of);
                for (mask, modality) in masks.iter_mut().zip(&corpus.modalities) {
                    for (step, by_nature) in mask.iter_mut().zip(modality.missing(index)) {
                        *step |= *by_nature != 0;
                    }
                }
                likelihoods.push(log_likelihoods(process, &steps, &masks));
            }
        }
        corpus.require_unchanged()?;
        Ok(Self {
            likelihoods,
            labels,
            counts,
        })
    }

    /// Logarithms of the joint probabilities with the true class shares, up to a constant.
    fn with_shares(&self, likelihood: &[f64]) -> Vec<f64> {
        let pairs = likelihood.iter().zip(&self.counts);
        pairs
            .map(|(log, count)| log + (*count as f64).ln())
            .collect()
    }

    /// Probabilities of the classes, the true class shares as prior, `[setting][utterance][class]`.
    pub fn probabilities(&self) -> Vec<Vec<Vec<f32>>> {
        let of_utterance = |likelihood: &Vec<f64>| {
            let logs = self.with_shares(likelihood);
            let sum = log_sum(&logs);
            logs.iter().map(|log| (log - sum).exp() as f32).collect()
        };
        let settings = self.likelihoods.iter();
        settings
            .map(|utterances| utterances.iter().map(of_utterance).collect())
            .collect()
    }

    /// What the best answers reach in each setting.
    pub fn points(&self, settings: &[(f64, Missing)]) -> Vec<LimitPoint> {
        let present = self
            .counts
            .iter()
            .filter(|count| **count > 0)
            .count()
            .max(1);
        let points = settings.iter().zip(&self.likelihoods);
        points
            .map(|((rate, _), likelihoods)| {
                let (mut right, mut right_by_class) = (0, vec![0; self.counts.len()]);
                for (likelihood, label) in likelihoods.iter().zip(&self.labels) {
                    let with_shares = self.with_shares(likelihood).into_iter();
                    right += usize::from(most_probable(with_shares) == Some(*label));
                    if most_probable(likelihood.iter().copied()) == Some(*label) {
                        right_by_class[*label] += 1;
                    }
                }
                let recalls = right_by_class.iter().zip(&self.counts);
                let recalls = recalls.filter(|(_, count)| **count > 0);
                let recalls = recalls.map(|(right, count)| f64::from(*right) / *count as f64);
                LimitPoint {
                    rate: *rate,
                    accuracy: right as f64 / self.labels.len().max(1) as f64,
                    ua: recalls.sum::<f64>() / present as f64,
                }
            })
            .collect()
    }
}

/// The limit on the utterances `indices` for each of `settings`, labelled with its rate; see
/// [`Posterior::of`].
///
/// # Errors
/// As for [`Posterior::of`].
pub fn limit(
    corpus: &Corpus,
    indices: &[usize],
    settings: &[(f64, Missing)],
    mask_seed: u64,
) -> Result<Vec<LimitPoint>> {
    Ok(Posterior::of(corpus, indices, settings, mask_seed)?.points(settings))
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
    if !(1..=MOST_STYLES).contains(&process.styles) {
        let expected = format!("1 to {MOST_STYLES}");
        return bad("styles", process.styles.to_string(), &expected);
    }
    if let Some(content) = &process.content {
        let (count, leave) = process.contents();
        if !(2..=MOST_CONTENTS).contains(&count) || !(1..=MOST_CONTENTS).contains(&content.rank) {
            let found = format!("{count} of rank {}", content.rank);
            return bad("content", found, &format!("2 to {MOST_CONTENTS}"));
        }
        if !(0.0..=1.0).contains(&leave) {
            return bad("content.secs", content.secs.to_string(), "a tick or more");
        }
    }
    if process.modalities.len() != corpus.modalities.len() {
        let found = process.modalities.len().to_string();
        return bad("modalities", found, "as many as the corpus has");
    }
    let (contents, _) = process.contents();
    for channel in &process.modalities {
        // A file may say anything.
        let states = channel.prototype_of_class.len() + 1;
        let counts = [process.styles, contents].into_iter();
        let views = counts.fold(states, |all, count| all.saturating_mul(count));
        let values = views.saturating_mul(channel.features);
        if views > MOST_VIEWS || values > MOST_VALUES {
            let found = format!(
                "{views} views of {} features of {}",
                channel.features, channel.name
            );
            let expected = format!("{MOST_VIEWS} or fewer, of {MOST_VALUES} values together");
            return bad("modalities", found, &expected);
        }
    }
    for (channel, modality) in process.modalities.iter().zip(&corpus.modalities) {
        let fits = channel.features == modality.dim
            && (1..=MOST_TICKS).contains(&channel.ticks_a_step)
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

/// More would take minutes an utterance: a file may say anything.
const MOST_CONTENTS: usize = 1000;
const MOST_STYLES: usize = 100;
/// Styles x states x contents of a modality, each with a density at every step; and their features.
const MOST_VIEWS: usize = 1 << 12;
const MOST_VALUES: usize = 1 << 18;
/// Of a step.
const MOST_TICKS: usize = 1000;

fn most_probable(scores: impl Iterator<Item = f64>) -> Option<usize> {
    scores
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(class, _)| class)
}

/// Log density of each step under each style, state and content: `[step][style][state][content]`, where
/// state 0 is the neutral one and the others are the prototypes. The constant of the Gaussian is left out.
type StepLogs = Vec<Vec<Vec<Vec<f64>>>>;

/// `[style][state][content][feature]`
type StyledMeans = Vec<Vec<Vec<Vec<f64>>>>;

struct Evidence<'a> {
    process: &'a Process,
    /// Sum of style offset and state mean, per modality.
    means: Vec<StyledMeans>,
}

impl<'a> Evidence<'a> {
    fn new(process: &'a Process) -> Self {
        let means = (0..process.modalities.len())
            .map(|modality| {
                let means = process.means(modality);
                let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
                let styled = |style: &Vec<f64>| -> Vec<Vec<Vec<f64>>> {
                    let states = means.states.iter();
                    let of_contents =
                        |state: &Vec<Vec<f64>>| state.iter().map(|mean| add(style, mean)).collect();
                    states.map(of_contents).collect()
                };
                means.styles.iter().map(styled).collect()
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
                        let of_contents = |contents: &Vec<Vec<f64>>| -> Vec<f64> {
                            let means = contents.iter();
                            means.map(|mean| log_density(step, mean)).collect()
                        };
                        let of_states = |states: &Vec<Vec<Vec<f64>>>| -> Vec<Vec<f64>> {
                            states.iter().map(of_contents).collect()
                        };
                        self.means[m].iter().map(of_states).collect()
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

/// The forward algorithm over the neutral/expressive chain and the chain of contents.
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
    let (contents, change) = process.contents();
    // `[state][content]`
    let start = process.stationary();
    let mut alpha = start.map(|share| vec![share / contents as f64; contents]);
    let mut log_total = 0.0;
    for tick in 0..ticks {
        if tick > 0 {
            let [neutral, expressive] = &mut alpha;
            for (neutral, expressive) in neutral.iter_mut().zip(expressive) {
                (*neutral, *expressive) = (
                    *neutral * (1.0 - leave[0]) + *expressive * leave[1],
                    *neutral * leave[0] + *expressive * (1.0 - leave[1]),
                );
            }
            if contents > 1 {
                // To any other, equally likely.
                let share = change / (contents - 1) as f64;
                for alpha in &mut alpha {
                    let sum: f64 = alpha.iter().sum();
                    for own in alpha {
                        *own = *own * (1.0 - change) + (sum - *own) * share;
                    }
                }
            }
        }
        let mut log = [vec![0.0; contents], vec![0.0; contents]];
        for ((channel, steps), missing) in process.modalities.iter().zip(steps).zip(missing) {
            let step = tick / channel.ticks_a_step;
            let shows = tick % channel.ticks_a_step == 0 && step < steps.len();
            if shows && !missing[step] {
                let states = &steps[step][style];
                let shown = [&states[0], &states[1 + channel.prototype_of_class[class]]];
                for (log, shown) in log.iter_mut().zip(shown) {
                    for (log, shown) in log.iter_mut().zip(shown) {
                        *log += shown;
                    }
                }
            }
        }
        // Scaled so that no state underflows and the sum stays 1.
        let top = log
            .iter()
            .flatten()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for (alpha, log) in alpha.iter_mut().zip(&log) {
            for (alpha, log) in alpha.iter_mut().zip(log) {
                *alpha *= (log - top).exp();
                sum += *alpha;
            }
        }
        for alpha in alpha.iter_mut().flatten() {
            *alpha /= sum;
        }
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

    #[test]
    fn a_process_that_would_take_for_ever_is_refused() {
        let corpus = demo::generate(1, 0.01).unwrap();
        let refused = |change: fn(&mut Process), says: &str| {
            let mut other = corpus.clone();
            change(other.metadata.process.as_mut().unwrap());
            let settings = [(0.0, Missing::uniform(0.0, 3))];
            let error = limit(&other, &[0], &settings, 1).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        refused(
            |process| process.modalities[1].ticks_a_step = 1 << 40,
            "modalities",
        );
        refused(
            |process| process.modalities[0].ticks_a_step = usize::MAX,
            "modalities",
        );
        refused(|process| process.styles = 1 << 40, "styles");
        refused(
            |process| {
                process.content = Process::with_content(1).content;
                if let Some(content) = &mut process.content {
                    content.rank = 0;
                }
            },
            "8 of rank 0",
        );
        refused(
            |process| {
                process.styles = MOST_STYLES;
                process.content = Some(crate::process::Content {
                    count: MOST_CONTENTS,
                    secs: 1.0,
                    length: 1.0,
                    rank: 12,
                });
            },
            "views",
        );
    }

    /// Sums over every path of the chains instead of the forward recursion.
    fn brute_force(process: &Process, steps: &[StepLogs], missing: &[Vec<bool>]) -> Vec<f64> {
        let ticks = steps[0].len();
        let (leave, start) = (process.leave(), process.stationary());
        let (contents, change) = process.contents();
        let joint = 2 * contents;
        let mut out = Vec::new();
        for class in 0..4 {
            let mut total = 0.0;
            for style in 0..process.styles {
                for path in 0..joint.pow(ticks as u32) {
                    let at = |tick: usize| path / joint.pow(tick as u32) % joint;
                    let (state, content) = (|t: usize| at(t) % 2, |t: usize| at(t) / 2);
                    let mut probability = start[state(0)] / contents as f64;
                    for tick in 1..ticks {
                        let (from, to) = (state(tick - 1), state(tick));
                        let stay = 1.0 - leave[from];
                        probability *= if from == to { stay } else { leave[from] };
                        probability *= match content(tick - 1) == content(tick) {
                            true => 1.0 - change,
                            false => change / (contents - 1) as f64,
                        };
                    }
                    let mut log = 0.0;
                    for (m, channel) in process.modalities.iter().enumerate() {
                        for (step, logs) in steps[m].iter().enumerate() {
                            if !missing[m][step] {
                                let prototype = 1 + channel.prototype_of_class[class];
                                let tick = step * channel.ticks_a_step;
                                let state = if state(tick) == 1 { prototype } else { 0 };
                                log += logs[style][state][content(tick)];
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

    fn agrees(corpus: &Corpus, longest: usize, utterances: usize) {
        let process = corpus.metadata.process.as_ref().unwrap();
        let evidence = Evidence::new(process);
        let short = (0..corpus.len()).filter(|i| corpus.modalities[0].steps(*i) <= longest);
        let mut checked = 0;
        for index in short.take(utterances) {
            let steps = evidence.of(corpus, index);
            for rate in [0.0, 0.5, 1.0] {
                let missing = Missing::uniform(rate, 3);
                let counts: Vec<usize> = steps.iter().map(Vec::len).collect();
                let masks = missing.masks(1, Purpose::Static, "x", &counts);
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
        assert_eq!(checked, 3 * utterances);
    }

    #[test]
    fn the_forward_algorithm_equals_the_sum_over_all_paths() {
        agrees(&demo::generate(3, 0.02).unwrap(), 12, 4);
    }

    #[test]
    fn with_content_it_equals_the_sum_over_all_paths_too() {
        let corpus = |contents: usize, styles: usize| {
            let mut process = Process::with_content(3);
            // Few and short, so that a likelihood does not underflow in the sum.
            process.styles = styles;
            if let Some(content) = &mut process.content {
                content.count = contents;
                content.length = 2.0;
            }
            for channel in &mut process.modalities {
                channel.features = 6;
            }
            demo::of_process(process, 0.02, "content".to_owned()).unwrap()
        };
        agrees(&corpus(2, 4), 9, 4);
        // Of two contents a change leads to one alone.
        agrees(&corpus(3, 1), 8, 1);
    }

    /// What is generated is of the process that the posterior is of: on average the probability of the true
    /// class is what the posterior expects of it, the sum of the squares.
    #[test]
    fn the_posterior_is_that_of_what_is_generated() {
        for corpus in [
            demo::generate(1, 0.3).unwrap(),
            demo::generate_content(1, 0.2).unwrap(),
        ] {
            let all: Vec<usize> = (0..corpus.len()).collect();
            let settings = [0.0, 0.8].map(|rate| (rate, Missing::uniform(rate, 3)));
            let posterior = Posterior::of(&corpus, &all, &settings, 0).unwrap();
            for rows in posterior.probabilities() {
                let surprise = rows.iter().zip(&corpus.utterances).map(|(row, utterance)| {
                    let squares: f32 = row.iter().map(|p| p * p).sum();
                    f64::from(row[utterance.label.unwrap()] - squares)
                });
                let surprise: Vec<f64> = surprise.collect();
                let count = surprise.len() as f64;
                let mean = surprise.iter().sum::<f64>() / count;
                let squares: f64 = surprise.iter().map(|x| (x - mean).powi(2)).sum();
                let error = (squares / count / count).sqrt();
                assert!(mean.abs() < 3.5 * error, "{mean} +- {error}");
                assert!(error < 0.02, "{error}");
            }
        }
    }

    #[test]
    fn content_leaves_room_to_see_differences() {
        let corpus = demo::generate_content(1, 0.1).unwrap();
        let all: Vec<usize> = (0..corpus.len()).collect();
        let rates = [0.0, 0.5, 0.9, 1.0].map(|rate| (rate, Missing::uniform(rate, 3)));
        let limit = limit(&corpus, &all, &rates, 0).unwrap();
        let ua: Vec<f64> = limit.iter().map(|point| point.ua).collect();
        assert!((0.88..=0.97).contains(&ua[0]), "{ua:?}");
        assert!(ua[1] < ua[0] && ua[2] < ua[1] && ua[2] > 0.35, "{ua:?}");
        assert!((ua[3] - 0.25).abs() < 1e-9, "{ua:?}");
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
