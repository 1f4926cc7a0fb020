//! Which steps are missing in training (section 4.4.2).

use mct_corpus::Corpus;
use mct_corpus::missing::{
    Missing, Pattern, Purpose, incomplete_in_epoch, rate_between, take_modalities_away,
};

use crate::config::{Strategy, TrainingConfig};
use crate::data::Masks;
use crate::error::{Error, Result};

/// The missing steps of a corpus as they are trained.
pub struct TrainingMasks<'a> {
    pub corpus: &'a Corpus,
    pub training: &'a TrainingConfig,
}

impl TrainingMasks<'_> {
    /// Refuses rates of modalities that the corpus lacks.
    ///
    /// # Errors
    /// Names the modality and those of the corpus.
    pub fn require(&self) -> Result<()> {
        let names: Vec<&str> = (self.corpus.modalities.iter())
            .map(|modality| modality.name.as_str())
            .collect();
        for name in self.training.modality_rates.keys() {
            if !names.contains(&name.as_str()) {
                return Err(Error::invalid(
                    "config",
                    "training.modality_rates",
                    name,
                    format!("one of {}", names.join(", ")),
                ));
            }
        }
        Ok(())
    }

    /// Of a training utterance in this epoch, by the strategy; `None` where it is complete. `copy` counts from 0
    /// where an utterance is in an epoch several times.
    pub fn in_epoch(&self, epoch: usize, index: usize, copy: usize) -> Option<Masks> {
        let TrainingConfig {
            strategy,
            seed,
            rise_epochs,
            ..
        } = *self.training;
        let id = &self.corpus.utterances[index].id;
        match strategy {
            Strategy::Complete => None,
            Strategy::OneToOne => Some(self.draw(index, Purpose::Static)),
            Strategy::Dynamic => incomplete_in_epoch(seed, epoch, rise_epochs, id)
                .then(|| self.draw(index, Purpose::Epoch { epoch, copy })),
        }
    }

    /// Of a validation utterance: the same in every epoch, so that epochs can be compared, and as they are
    /// trained.
    pub fn of_validation(&self, index: usize) -> Option<Masks> {
        match self.training.strategy {
            Strategy::Complete => None,
            Strategy::OneToOne | Strategy::Dynamic => Some(self.draw(index, Purpose::Static)),
        }
    }

    fn draw(&self, index: usize, purpose: Purpose) -> Masks {
        let training = self.training;
        let low = training.missing_rate;
        let high = match training.strategy {
            Strategy::Dynamic => training.missing_rate_max,
            Strategy::OneToOne | Strategy::Complete => low,
        };
        let (seed, id) = (training.seed, &self.corpus.utterances[index].id);
        let modalities = self.corpus.modalities.len();
        let rate = |m| {
            let own = training.rate_per_modality.then_some(m);
            rate_between(seed, purpose, (low, high), id, own)
        };
        let mut missing = self.at((0..modalities).map(rate).collect());
        let probability = training.absent_modality;
        // The one that is left has steps.
        let seen: Vec<bool> = (self.corpus.modalities.iter())
            .map(|modality| modality.missing_steps(index) < modality.steps(index))
            .collect();
        take_modalities_away(seed, purpose, probability, id, &seen, &mut missing.rates);
        missing.masks(seed, purpose, id, &self.corpus.steps(index))
    }

    /// Steps that are missing at these rates, in the way that is trained.
    pub fn at(&self, mut rates: Vec<f64>) -> Missing {
        let training = self.training;
        for (rate, modality) in rates.iter_mut().zip(&self.corpus.modalities) {
            *rate = *training.modality_rates.get(&modality.name).unwrap_or(rate);
        }
        Missing {
            rates,
            pattern: match training.burst_steps {
                0.0 => Pattern::Bernoulli,
                mean_steps => Pattern::Burst { mean_steps },
            },
            same_moment: training.same_moment,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use mct_corpus::demo;

    use super::*;
    use crate::config::Config;

    /// Per utterance and modality the share of missing steps, and per modality the mean length of runs of
    /// them.
    fn trained(set: &[(&str, &str)]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let corpus = demo::generate(1, 0.05).unwrap();
        let set: Vec<(String, String)> = (set.iter())
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let training = &Config::preset("demo")
            .unwrap()
            .set("--set", &set)
            .unwrap()
            .training;
        let masks = TrainingMasks {
            corpus: &corpus,
            training,
        };
        masks.require().unwrap();
        let (mut shares, mut runs, mut missing) = (Vec::new(), vec![0; 3], vec![0; 3]);
        for index in 0..corpus.len() {
            let own = masks.in_epoch(7, index, 0).unwrap();
            assert_eq!(own, masks.in_epoch(7, index, 0).unwrap());
            let mut of_utterance = Vec::new();
            for (m, mask) in own.iter().enumerate() {
                let count = mask.iter().filter(|missing| **missing).count();
                missing[m] += count;
                runs[m] += usize::from(mask[0]);
                runs[m] += mask.windows(2).filter(|pair| !pair[0] && pair[1]).count();
                of_utterance.push(count as f64 / mask.len() as f64);
            }
            shares.push(of_utterance);
        }
        let pairs = missing.iter().zip(&runs);
        let lengths = pairs.map(|(missing, runs)| *missing as f64 / *runs as f64);
        (shares, lengths.collect())
    }

    const HALF: [(&str, &str); 2] = [
        ("training.missing_rate", "0.3"),
        ("training.missing_rate_max", "0.3"),
    ];

    fn with(more: &[(&'static str, &'static str)]) -> (Vec<Vec<f64>>, Vec<f64>) {
        trained(&[&HALF[..], more].concat())
    }

    fn mean(shares: &[Vec<f64>], m: usize) -> f64 {
        shares.iter().map(|own| own[m]).sum::<f64>() / shares.len() as f64
    }

    #[test]
    fn copies_of_an_utterance_in_one_epoch_have_missing_steps_of_their_own() {
        let corpus = demo::generate(1, 0.05).unwrap();
        let training = &Config::preset("demo").unwrap().training;
        let masks = TrainingMasks {
            corpus: &corpus,
            training,
        };
        let differ = |index: &usize| {
            let of = |copy| masks.in_epoch(7, *index, copy).unwrap();
            assert_eq!(of(1), of(1));
            of(0) != of(1) && of(1) != of(2)
        };
        let count = (0..corpus.len()).filter(differ).count();
        assert!(count * 10 > corpus.len() * 9, "{count}");
    }

    #[test]
    fn bursts_are_longer_at_the_same_rate() {
        let (single, short) = with(&[]);
        let (burst, long) = with(&[("training.burst_steps", "6")]);
        for m in 0..2 {
            assert!(
                (mean(&single, m) - 0.3).abs() < 0.04,
                "{}",
                mean(&single, m)
            );
            assert!((mean(&burst, m) - 0.3).abs() < 0.06, "{}", mean(&burst, m));
            assert!(short[m] < 1.8 && long[m] > 3.0, "{short:?} {long:?}");
        }
    }

    #[test]
    fn modalities_are_absent_have_own_rates_or_a_fixed_one() {
        let (shares, _) = with(&[("training.absent_modality", "0.5")]);
        let absent = |own: &Vec<f64>| own.iter().filter(|share| **share == 1.0).count();
        let some = shares.iter().filter(|own| absent(own) > 0).count() as f64;
        assert!(some / shares.len() as f64 > 0.7, "{some}");
        let (shares, _) = with(&[("training.modality_rates.vision", "1")]);
        assert!(shares.iter().all(|own| own[1] == 1.0 && own[0] < 1.0));
        let spread = |more: &[(&str, &str)]| {
            let (shares, _) = trained(more);
            let apart = shares.iter().map(|own| (own[0] - own[1]).abs());
            apart.sum::<f64>() / shares.len() as f64
        };
        let own = spread(&[("training.rate_per_modality", "true")]);
        assert!(own > 0.25 && spread(&[]) < 0.15, "{own} {}", spread(&[]));
    }

    #[test]
    fn the_same_moments_are_missing_in_all() {
        let corpus = demo::generate(1, 0.05).unwrap();
        let agreement = |same: &str| {
            let half = ("training.missing_rate".to_owned(), "0.5".to_owned());
            let most = ("training.missing_rate_max".to_owned(), "0.5".to_owned());
            let set = [
                half,
                most,
                ("training.same_moment".to_owned(), same.to_owned()),
            ];
            let training = &Config::preset("demo")
                .unwrap()
                .set("--set", &set)
                .unwrap()
                .training;
            let masks = TrainingMasks {
                corpus: &corpus,
                training,
            };
            let (mut same, mut all) = (0, 0);
            for index in 0..corpus.len() {
                let (steps, own) = (corpus.steps(index), masks.in_epoch(9, index, 0).unwrap());
                let longest = *steps.iter().max().unwrap();
                for moment in 0..longest {
                    let at = |m: usize| own[m][moment * steps[m] / longest];
                    same += usize::from(at(0) == at(1));
                    all += 1;
                }
            }
            f64::from(same as u32) / f64::from(all as u32)
        };
        let (together, apart) = (agreement("true"), agreement("false"));
        assert!(together > 0.65 && apart < 0.55, "{together} {apart}");
    }

    #[test]
    fn a_rate_of_a_modality_that_is_not_there_is_refused() {
        let corpus = demo::generate(1, 0.02).unwrap();
        let set = [("training.modality_rates.gaze".to_owned(), "0.5".to_owned())];
        let training = &Config::preset("demo")
            .unwrap()
            .set("--set", &set)
            .unwrap()
            .training;
        let error = TrainingMasks {
            corpus: &corpus,
            training,
        };
        let error = error.require().unwrap_err().to_string();
        assert!(
            error.contains("gaze") && error.contains("audio, vision, text"),
            "{error}"
        );
    }
}
