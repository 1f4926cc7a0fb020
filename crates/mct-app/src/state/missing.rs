//! The missing steps, as set with the sliders.

use mct_corpus::missing::{Missing, Pattern, Purpose};
use mct_engine::evaluation::{Conditions, CorpusCard};
use serde::{Deserialize, Serialize};

/// The default seed of the masks, as on the command line.
const MASK_SEED: u64 = 1;

/// Missing rates, pattern and seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingSettings {
    /// The missing rate of all modalities without a rate of their own.
    pub rate: f64,
    pub modalities: Vec<Modality>,
    pub burst: bool,
    /// Mean length of a burst, in steps.
    pub burst_steps: f64,
    /// Whether the same moments are missing in all modalities.
    #[serde(default)]
    pub same_moment: bool,
    pub mask_seed: u64,
}

/// The settings of one modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Modality {
    pub name: String,
    /// Whether the whole modality is missing.
    pub off: bool,
    /// The missing rate of this modality; `None`: the shared one.
    #[serde(rename = "own")]
    pub own_rate: Option<f64>,
}

impl Default for MissingSettings {
    fn default() -> Self {
        Self {
            rate: 0.0,
            modalities: Vec::new(),
            burst: false,
            burst_steps: 5.0,
            same_moment: false,
            mask_seed: MASK_SEED,
        }
    }
}

impl MissingSettings {
    /// Sets the modalities of a corpus. Settings of modalities of the same name are kept.
    pub fn set_modalities(&mut self, names: &[&str]) {
        let old = std::mem::take(&mut self.modalities);
        let kept = |name: &str| old.iter().find(|modality| modality.name == name).cloned();
        let modality = |name: &&str| {
            kept(name).unwrap_or_else(|| Modality {
                name: (*name).to_owned(),
                off: false,
                own_rate: None,
            })
        };
        self.modalities = names.iter().map(modality).collect();
    }

    /// Resets all settings: no steps are missing.
    pub fn reset(&mut self) {
        let modalities = std::mem::take(&mut self.modalities);
        *self = Self::default();
        let names: Vec<&str> = modalities.iter().map(|m| m.name.as_str()).collect();
        self.set_modalities(&names);
    }

    pub fn pattern(&self) -> Pattern {
        if self.burst {
            Pattern::Burst {
                mean_steps: self.burst_steps,
            }
        } else {
            Pattern::Bernoulli
        }
    }

    /// The conditions of the current settings.
    pub fn conditions(&self) -> Conditions {
        self.with_rates(|modality| modality.own_rate.unwrap_or(self.rate))
    }

    /// What curves over the missing rate hold fixed, or do not follow; empty where that is nothing.
    pub fn held(&self) -> String {
        let mut held = String::new();
        if self
            .modalities
            .iter()
            .any(|modality| modality.own_rate.is_some())
        {
            held += ", not at own rates";
        }
        for modality in self.modalities.iter().filter(|modality| modality.off) {
            held += &format!(", without {}", modality.name);
        }
        held + &self.spread()
    }

    /// How the missing steps are spread, in words; empty where that is as usual.
    pub fn spread(&self) -> String {
        let mut spread = String::new();
        if self.burst {
            spread += &format!(", in bursts of {:.0} steps", self.burst_steps);
        }
        if self.same_moment {
            spread += ", the same moments in all";
        }
        if self.mask_seed != MASK_SEED {
            spread += &format!(", mask seed {}", self.mask_seed);
        }
        spread
    }

    /// Whether any step is hidden.
    pub fn hides(&self) -> bool {
        self.conditions()
            .missing
            .rates
            .iter()
            .any(|rate| *rate > 0.0)
    }

    /// The conditions with the same rate for all modalities that are not off: a point of a curve.
    pub fn at_rate(&self, rate: f64) -> Conditions {
        self.with_rates(|_| rate)
    }

    /// The conditions with these rates of the modalities.
    pub fn at_rates(&self, rates: Vec<f64>) -> Conditions {
        Conditions {
            missing: Missing {
                rates,
                pattern: self.pattern(),
                same_moment: self.same_moment,
            },
            mask_seed: self.mask_seed,
        }
    }

    fn with_rates(&self, rate: impl Fn(&Modality) -> f64) -> Conditions {
        let modalities = self.modalities.iter();
        let rates = modalities.map(|modality| if modality.off { 1.0 } else { rate(modality) });
        self.at_rates(rates.collect())
    }

    /// The missing steps of one utterance, `[modality][time]`.
    pub fn masks(&self, card: &CorpusCard, utterance: usize) -> Vec<Vec<bool>> {
        let Conditions { missing, mask_seed } = self.conditions();
        let id = &card.utterances[utterance].id;
        let modalities = card.modalities.iter();
        let steps = modalities.map(|modality| modality.steps[utterance] as usize);
        missing.masks(mask_seed, Purpose::Static, id, &steps.collect::<Vec<_>>())
    }

    /// The names of the modalities.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.modalities
            .iter()
            .map(|modality| modality.name.as_str())
    }

    /// Conditions of these modalities in words, for titles and files.
    pub fn describe(&self, conditions: &Conditions) -> String {
        let Missing {
            rates,
            pattern,
            same_moment,
        } = &conditions.missing;
        let seen = || rates.iter().filter(|rate| **rate < 1.0);
        let mut phrases: Vec<String> = Vec::new();
        match seen().next() {
            Some(first) if seen().all(|rate| rate == first) => {
                phrases.push(format!("missing rate {first:.2}"));
            }
            Some(_) => {
                let of_each = self.names().zip(rates).filter(|(_, rate)| **rate < 1.0);
                let of_each = of_each.map(|(name, rate)| format!("{name} {rate:.2}"));
                let of_each = of_each.collect::<Vec<_>>().join(", ");
                phrases.push(format!("missing rates {of_each}"));
            }
            None => {}
        }
        for (name, _) in self.names().zip(rates).filter(|(_, rate)| **rate >= 1.0) {
            phrases.push(format!("no {name}"));
        }
        if let Pattern::Burst { mean_steps } = pattern {
            phrases.push(format!("bursts of {mean_steps:.0} steps"));
        }
        if *same_moment {
            phrases.push("the same moments in all".to_owned());
        }
        if conditions.mask_seed != MASK_SEED {
            phrases.push(format!("mask seed {}", conditions.mask_seed));
        }
        phrases.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modality_can_be_off_or_have_its_own_rate() {
        let mut missing = MissingSettings::default();
        missing.set_modalities(&["audio", "vision", "text"]);
        missing.rate = 0.3;
        missing.modalities[1].off = true;
        missing.modalities[2].own_rate = Some(0.8);
        assert_eq!(missing.conditions().missing.rates, [0.3, 1.0, 0.8]);
        assert_eq!(missing.at_rate(0.5).missing.rates, [0.5, 1.0, 0.5]);
        let describe = |missing: &MissingSettings| missing.describe(&missing.conditions());
        assert_eq!(
            describe(&missing),
            "missing rates audio 0.30, text 0.80, no vision"
        );
        assert_eq!(missing.held(), ", not at own rates, without vision");
        assert!(missing.hides());
        missing.set_modalities(&["text", "gaze"]);
        assert_eq!(missing.conditions().missing.rates, [0.8, 0.3]);
        missing.modalities[0].own_rate = None;
        missing.burst = true;
        missing.same_moment = true;
        missing.mask_seed = 3;
        assert_eq!(
            describe(&missing),
            "missing rate 0.30, bursts of 5 steps, the same moments in all, mask seed 3"
        );
        missing.reset();
        assert_eq!(missing.conditions().missing.rates, [0.0, 0.0]);
    }
}
