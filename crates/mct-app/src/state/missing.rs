//! Which steps are missing, as it is set with the sliders.

use mct_corpus::missing::{Missing, Pattern, Purpose};
use mct_engine::evaluation::{Conditions, CorpusCard};
use serde::{Deserialize, Serialize};

/// The seed of the masks unless told otherwise: that of the command line.
const MASK_SEED: u64 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingSettings {
    /// The rate of all modalities that have none of their own.
    pub rate: f64,
    pub modalities: Vec<Modality>,
    pub burst: bool,
    /// Mean length of a burst.
    pub burst_steps: f64,
    pub mask_seed: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Modality {
    pub name: String,
    /// Not there at all.
    pub off: bool,
    /// A rate of its own.
    pub own: Option<f64>,
}

impl Default for MissingSettings {
    fn default() -> Self {
        Self {
            rate: 0.0,
            modalities: Vec::new(),
            burst: false,
            burst_steps: 5.0,
            mask_seed: MASK_SEED,
        }
    }
}

impl MissingSettings {
    /// Those of a corpus; what was set for a modality of the same name stays.
    pub fn set_modalities(&mut self, names: &[&str]) {
        let old = std::mem::take(&mut self.modalities);
        let kept = |name: &str| old.iter().find(|own| own.name == name).cloned();
        let modalities = names.iter().map(|name| {
            kept(name).unwrap_or_else(|| Modality {
                name: (*name).to_owned(),
                off: false,
                own: None,
            })
        });
        self.modalities = modalities.collect();
    }

    /// Back to all steps being there.
    pub fn reset(&mut self) {
        let modalities = std::mem::take(&mut self.modalities);
        *self = Self::default();
        let names: Vec<&str> = modalities.iter().map(|own| own.name.as_str()).collect();
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

    /// What is set now.
    pub fn conditions(&self) -> Conditions {
        self.with(|own| own.own.unwrap_or(self.rate))
    }

    /// One rate for all modalities that are there: a point of a curve.
    pub fn at(&self, rate: f64) -> Conditions {
        self.with(|_| rate)
    }

    fn with(&self, rate: impl Fn(&Modality) -> f64) -> Conditions {
        let rates = self.modalities.iter();
        let rates = rates.map(|own| if own.off { 1.0 } else { rate(own) });
        Conditions {
            missing: Missing {
                rates: rates.collect(),
                pattern: self.pattern(),
            },
            mask_seed: self.mask_seed,
        }
    }

    /// The missing steps of one utterance, a modality.
    pub fn masks(&self, card: &CorpusCard, utterance: usize) -> Vec<Vec<bool>> {
        let Conditions { missing, mask_seed } = self.conditions();
        let id = &card.utterances[utterance].id;
        let modalities = card.modalities.iter().enumerate();
        modalities
            .map(|(m, modality)| {
                let steps = modality.steps[utterance] as usize;
                missing.mask(mask_seed, Purpose::Static, id, m, steps)
            })
            .collect()
    }

    /// In a few words.
    pub fn describe(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let shared = self
            .modalities
            .iter()
            .any(|own| !own.off && own.own.is_none());
        if shared {
            parts.push(format!("missing rate {:.2}", self.rate));
        }
        for own in &self.modalities {
            if own.off {
                parts.push(format!("no {}", own.name));
            } else if let Some(rate) = own.own {
                parts.push(format!("{} {rate:.2}", own.name));
            }
        }
        if self.burst {
            parts.push(format!("bursts of {:.0} steps", self.burst_steps));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modality_can_be_off_or_have_a_rate_of_its_own() {
        let mut missing = MissingSettings::default();
        missing.set_modalities(&["audio", "vision", "text"]);
        missing.rate = 0.3;
        missing.modalities[1].off = true;
        missing.modalities[2].own = Some(0.8);
        assert_eq!(missing.conditions().missing.rates, [0.3, 1.0, 0.8]);
        assert_eq!(missing.at(0.5).missing.rates, [0.5, 1.0, 0.5]);
        assert_eq!(
            missing.describe(),
            "missing rate 0.30, no vision, text 0.80"
        );
        missing.set_modalities(&["text", "gaze"]);
        assert_eq!(missing.conditions().missing.rates, [0.8, 0.3]);
        missing.reset();
        assert_eq!(missing.conditions().missing.rates, [0.0, 0.0]);
    }
}
