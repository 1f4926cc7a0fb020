//! Which steps are missing (section 4.4.2 and 5.5 of the paper).
//!
//! A mask depends on its key (seed, purpose, utterance id, modality, step) and on nothing else, so
//! it is the same in every batch order, on every device and after every resume. The paper's text
//! mixes up `M` and `1 - M`; here, as in its figures, `true` marks a missing step.

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::counter::{self, Stream};
use crate::error::{CorpusError, Result};

/// How missing steps are spread over a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Every step by itself (the paper).
    #[default]
    Bernoulli,
    /// Runs of consecutive steps with this mean length; the share of missing steps stays the rate.
    Burst { mean_steps: f64 },
}

/// Missing rates per modality, and how the missing steps are spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// One rate in 0..=1 for each modality of the corpus; 1 means that it is absent.
    pub rates: Vec<f64>,
    pub pattern: Pattern,
    /// Whether a moment that is missing is so in all modalities (as far as their rates go), instead of each
    /// modality missing its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_moment: bool,
}

/// What a mask is for. Masks of different purposes share no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// One mask for good: evaluation and one-to-one training. For a given seed the masks of a
    /// lower rate are subsets of those of a higher one, so curves over rates are smooth.
    Static,
    /// A fresh mask each epoch: dynamic incomplete training. `copy` counts from 0 where an utterance is in an epoch
    /// several times.
    Epoch { epoch: usize, copy: usize },
}

impl Purpose {
    fn word(self) -> u64 {
        match self {
            Self::Static => 0,
            Self::Epoch { epoch, copy } => ((copy as u64) << 32) + epoch as u64 + 1,
        }
    }
}

/// The missing rate of one utterance, uniform over `low..high` (`low` where they are equal): of all
/// modalities, or of one.
pub fn rate_between(
    seed: u64,
    purpose: Purpose,
    (low, high): (f64, f64),
    utterance_id: &str,
    modality: Option<usize>,
) -> f64 {
    let words = [RATE, seed, purpose.word(), counter::text_key(utterance_id)];
    let own = modality.map(|modality| modality as u64);
    let words: Vec<u64> = words.into_iter().chain(own).collect();
    low + (high - low) * counter::uniform(counter::key(&words))
}

/// Takes whole modalities of one utterance away from `rates`: each with this probability, but never the last
/// one that is there. `seen`: which have a step that is not missing by nature.
pub fn take_modalities_away(
    seed: u64,
    purpose: Purpose,
    probability: f64,
    utterance_id: &str,
    seen: &[bool],
    rates: &mut [f64],
) {
    let utterance = counter::text_key(utterance_id);
    let mut stream = Stream::new(&[ABSENT, seed, purpose.word(), utterance]);
    let there: Vec<usize> = (0..rates.len())
        .filter(|m| seen[*m] && rates[*m] < 1.0)
        .collect();
    let draw = |_: &usize| stream.uniform() < probability;
    let mut absent: Vec<usize> = there.iter().copied().filter(draw).collect();
    if absent.len() == there.len() && !there.is_empty() {
        let kept = (stream.uniform() * there.len() as f64) as usize;
        absent.remove(kept.min(there.len() - 1));
    }
    for modality in absent {
        rates[modality] = 1.0;
    }
}

impl Missing {
    /// The same rate for every one of `modalities`.
    pub fn uniform(rate: f64, modalities: usize) -> Self {
        Self {
            rates: vec![rate; modalities],
            pattern: Pattern::Bernoulli,
            same_moment: false,
        }
    }

    /// Refuses rates outside 0..=1, a wrong number of them, and bursts shorter than a step.
    ///
    /// # Errors
    /// Names the modality and the rate.
    pub fn validate(&self, corpus: &Corpus) -> Result<()> {
        let source = &corpus.source;
        if self.rates.len() != corpus.modalities.len() {
            let expected = format!("{}, one per modality", corpus.modalities.len());
            let found = self.rates.len();
            return Err(CorpusError::invalid(
                source,
                "missing rates",
                found,
                expected,
            ));
        }
        for (rate, modality) in self.rates.iter().zip(&corpus.modalities) {
            if !(0.0..=1.0).contains(rate) {
                let field = format!("missing rate of {}", modality.name);
                return Err(CorpusError::invalid(source, field, rate, "0 to 1"));
            }
        }
        match self.pattern {
            Pattern::Burst { mean_steps } if !(mean_steps.is_finite() && mean_steps >= 1.0) => Err(
                CorpusError::invalid(source, "burst length", mean_steps, "1 step or more"),
            ),
            _ => Ok(()),
        }
    }

    /// The masks of one utterance, per modality as many flags as it has steps, `true` where the step is
    /// missing.
    pub fn masks(
        &self,
        seed: u64,
        purpose: Purpose,
        utterance_id: &str,
        steps_of_all: &[usize],
    ) -> Vec<Vec<bool>> {
        let stream = |modality: u64| {
            let utterance = counter::text_key(utterance_id);
            Stream::new(&[MASK, seed, purpose.word(), utterance, modality])
        };
        let draw = |mut stream: Stream, rate: f64, steps: usize| -> Vec<bool> {
            match self.pattern {
                Pattern::Bernoulli => (0..steps).map(|_| stream.uniform() < rate).collect(),
                Pattern::Burst { mean_steps } => {
                    bursts(&mut stream, rate, mean_steps, steps, self.same_moment)
                }
            }
        };
        let of_modality = |(m, (rate, steps)): (usize, (&f64, &usize))| {
            if !self.same_moment {
                return draw(stream(m as u64), *rate, *steps);
            }
            // Moments are the steps of the longest modality, over which the others are stretched.
            let longest = steps_of_all.iter().copied().max().unwrap_or(0);
            let moments = draw(stream(ALL), *rate, longest);
            (0..*steps)
                .map(|step| moments[(2 * step + 1) * longest / (2 * steps)])
                .collect()
        };
        let modalities = self.rates.iter().zip(steps_of_all).enumerate();
        modalities.map(of_modality).collect()
    }
}

/// Keeps masks apart from everything else that is drawn with the same seed.
const MASK: u64 = 0x6D61_736B;
const SHARE: u64 = 0x7368_6172;
const RATE: u64 = 0x7261_7465;
const ABSENT: u64 = 0x6162_7365;

/// In the place of a modality: the moments of all.
const ALL: u64 = u64::MAX;

/// Whether dynamic training masks this utterance in this epoch (section 4.4.2): the share of
/// incomplete samples rises linearly from 0 in epoch 0 to 1 in epoch `rise_epochs`.
pub fn incomplete_in_epoch(
    seed: u64,
    epoch: usize,
    rise_epochs: usize,
    utterance_id: &str,
) -> bool {
    let share = if rise_epochs == 0 {
        1.0
    } else {
        epoch as f64 / rise_epochs as f64
    };
    let words = [SHARE, seed, epoch as u64, counter::text_key(utterance_id)];
    counter::uniform(counter::key(&words)) < share
}

/// A two-state Markov chain, started from its stationary distribution, whose share of missing
/// steps is `rate` and whose missing runs last `mean_steps` on average (longer where the rate
/// leaves no room for the gaps). `nested`: of two rates with the same stream the lower one misses a subset.
fn bursts(
    stream: &mut Stream,
    rate: f64,
    mean_steps: f64,
    steps: usize,
    nested: bool,
) -> Vec<bool> {
    if rate <= 0.0 || rate >= 1.0 {
        return vec![rate >= 1.0; steps];
    }
    let mean_steps = mean_steps.max(rate / (1.0 - rate));
    let ends = 1.0 / mean_steps;
    let starts = rate / (1.0 - rate) / mean_steps;
    let mut missing = stream.uniform() < rate;
    (0..steps)
        .map(|_| {
            let now = missing;
            let turn = stream.uniform();
            missing = match (now, nested) {
                (true, false) => turn >= ends,
                (true, true) => turn < 1.0 - ends,
                (false, _) => turn < starts,
            };
            now
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(missing: &Missing, steps: usize) -> f64 {
        let mut count = 0;
        for utterance in 0..200 {
            let id = format!("u{utterance}");
            let mask = &missing.masks(1, Purpose::Static, &id, &[steps])[0];
            count += mask.iter().filter(|m| **m).count();
        }
        count as f64 / (200 * steps) as f64
    }

    #[test]
    fn the_share_of_missing_steps_is_the_rate() {
        for rate in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let bernoulli = Missing::uniform(rate, 1);
            assert!((share(&bernoulli, 100) - rate).abs() < 0.02, "rate {rate}");
            let burst = Missing {
                pattern: Pattern::Burst { mean_steps: 5.0 },
                ..Missing::uniform(rate, 1)
            };
            assert!((share(&burst, 200) - rate).abs() < 0.03, "rate {rate}");
        }
    }

    #[test]
    fn bursts_have_their_mean_length() {
        let burst = Missing {
            pattern: Pattern::Burst { mean_steps: 6.0 },
            ..Missing::uniform(0.3, 1)
        };
        let mask = &burst.masks(3, Purpose::Static, "long", &[200_000])[0];
        let runs = mask.windows(2).filter(|w| !w[0] && w[1]).count();
        let missing = mask.iter().filter(|m| **m).count();
        let mean = missing as f64 / runs as f64;
        assert!((mean - 6.0).abs() < 0.3, "{mean}");
    }

    #[test]
    fn a_mask_depends_on_its_key_alone() {
        let missing = Missing::uniform(0.5, 2);
        let mask = |seed, purpose, id, modality: usize| {
            missing.masks(seed, purpose, id, &[64, 64])[modality].clone()
        };
        let base = mask(1, Purpose::Static, "a", 0);
        assert_eq!(base, mask(1, Purpose::Static, "a", 0));
        assert_ne!(base, mask(2, Purpose::Static, "a", 0));
        assert_ne!(base, mask(1, Purpose::Epoch { epoch: 0, copy: 0 }, "a", 0));
        assert_ne!(base, mask(1, Purpose::Static, "b", 0));
        assert_ne!(base, mask(1, Purpose::Static, "a", 1));
        // A longer sequence begins with the same flags: truncation does not change them.
        assert_eq!(
            base[..],
            missing.masks(1, Purpose::Static, "a", &[100, 64])[0][..64]
        );
    }

    #[test]
    fn a_lower_rate_misses_a_subset() {
        let mask = |rate| {
            let missing = Missing::uniform(rate, 1);
            missing.masks(9, Purpose::Static, "u", &[500]).remove(0)
        };
        let (low, high) = (mask(0.3), mask(0.6));
        assert!(low.iter().zip(&high).all(|(low, high)| !low || *high));
    }

    #[test]
    fn the_same_moment_is_missing_in_all_modalities() {
        for pattern in [Pattern::Bernoulli, Pattern::Burst { mean_steps: 4.0 }] {
            let missing = Missing {
                pattern,
                same_moment: true,
                ..Missing::uniform(0.4, 3)
            };
            let masks = missing.masks(1, Purpose::Static, "u", &[120, 120, 40]);
            assert_eq!(masks[0], masks[1]);
            // A step that lasts three steps of the others is missing where its middle is.
            let middles: Vec<bool> = masks[0].iter().skip(1).step_by(3).copied().collect();
            assert_eq!(masks[2], middles);
            let share = masks[0].iter().filter(|missing| **missing).count() as f64 / 120.0;
            assert!((0.2..0.6).contains(&share), "{share}");
            let own = Missing {
                same_moment: false,
                ..missing
            };
            let own = own.masks(1, Purpose::Static, "u", &[120, 120, 40]);
            assert_ne!(own[0], own[1]);
        }
        let absent = Missing {
            rates: vec![1.0, 0.0],
            same_moment: true,
            ..Missing::uniform(0.0, 2)
        };
        let masks = absent.masks(1, Purpose::Static, "u", &[3, 0]);
        assert_eq!(masks, [vec![true; 3], vec![]]);
    }

    #[test]
    fn of_the_same_moments_a_lower_rate_misses_a_subset() {
        for pattern in [Pattern::Bernoulli, Pattern::Burst { mean_steps: 5.0 }] {
            let missing = Missing {
                rates: vec![0.3, 0.6],
                pattern,
                same_moment: true,
            };
            let masks = missing.masks(3, Purpose::Static, "long", &[20_000, 20_000]);
            let alone = masks[0]
                .iter()
                .zip(&masks[1])
                .filter(|(low, high)| **low && !**high);
            assert_eq!(alone.count(), 0, "{pattern:?}");
            for (mask, rate) in masks.iter().zip(&missing.rates) {
                let count = mask.iter().filter(|missing| **missing).count();
                assert!((count as f64 / 20_000.0 - rate).abs() < 0.02, "{count}");
            }
        }
    }

    #[test]
    fn modalities_are_absent_as_often_as_said_and_never_all() {
        let away = |purpose, probability, id: &str, mut rates: [f64; 3]| {
            take_modalities_away(1, purpose, probability, id, &[true; 3], &mut rates);
            rates
        };
        let (mut absent, mut counted) = (0, 0);
        for index in 0..3000 {
            let of = away(
                Purpose::Epoch { epoch: 2, copy: 0 },
                0.4,
                &index.to_string(),
                [0.1; 3],
            );
            assert!(of.contains(&0.1));
            absent += usize::from(of[1] == 1.0);
            counted += of.iter().filter(|rate| **rate == 1.0).count();
        }
        // Where all three would be, one is not.
        let expected = 0.4 - 0.4f64.powi(3) / 3.0;
        let share = absent as f64 / 3000.0;
        assert!((share - expected).abs() < 0.03, "{share}");
        assert!(
            (counted as f64 / 9000.0 - expected).abs() < 0.02,
            "{counted}"
        );
        assert_eq!(away(Purpose::Static, 0.0, "u", [0.5; 3]), [0.5; 3]);
        let one = away(Purpose::Static, 1.0, "u", [0.5; 3]);
        assert_eq!(one.iter().filter(|rate| **rate == 1.0).count(), 2);
        // Nor is one left that has no steps.
        for id in ["a", "b", "c", "d", "e", "f"] {
            let mut rates = [0.5; 3];
            let seen = [false, true, true];
            take_modalities_away(1, Purpose::Static, 1.0, id, &seen, &mut rates);
            assert!(rates[1] < 1.0 || rates[2] < 1.0, "{rates:?}");
        }
        // What is absent already is not the one that is left.
        for id in ["a", "b", "c", "d"] {
            let left = away(Purpose::Static, 1.0, id, [1.0, 0.2, 0.3]);
            assert!(left[1..].iter().any(|rate| *rate < 1.0), "{left:?}");
        }
    }

    #[test]
    fn each_modality_can_have_a_rate_of_its_own() {
        let rate = |modality| {
            rate_between(
                1,
                Purpose::Epoch { epoch: 0, copy: 0 },
                (0.2, 0.7),
                "u",
                modality,
            )
        };
        let all = [rate(None), rate(Some(0)), rate(Some(1))];
        assert!(all.iter().all(|rate| (0.2..0.7).contains(rate)), "{all:?}");
        assert!(all[0] != all[1] && all[1] != all[2], "{all:?}");
    }

    #[test]
    fn the_share_of_incomplete_samples_rises_over_five_epochs() {
        for epoch in 0..7 {
            let ids = (0..4000).map(|i| format!("u{i}"));
            let count = ids
                .filter(|id| incomplete_in_epoch(1, epoch, 5, id))
                .count();
            let expected = (epoch as f64 / 5.0).min(1.0);
            assert!((count as f64 / 4000.0 - expected).abs() < 0.03, "{epoch}");
        }
    }
}
