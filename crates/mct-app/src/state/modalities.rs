//! The shown model with some of the modalities, and with one of them at a missing rate of its own.

use mct_engine::evaluation::{Conditions, ModelId, Side};
use mct_scores::{Metric, Scores};

use super::missing::MissingSettings;
use super::models::RATES;

/// Scores, one for each target; for classes one. `None` before they are computed.
type Point = Option<Vec<Scores>>;

/// The scores of a model by what it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct ByModality {
    pub model: ModelId,
    pub side: Side,
    /// Which modalities are there, and the scores with these alone and complete.
    pub combinations: Vec<(Vec<bool>, Point)>,
    /// For each modality the scores at [`RATES`] of its own, where the others are complete.
    pub sweeps: Vec<[Point; RATES.len()]>,
}

/// Of more modalities not every combination is computed.
const MOST: usize = 4;

/// Some of the modalities, the fewest first; of more than [`MOST`] each one, all but each one, and all.
fn combinations(modalities: usize) -> Vec<Vec<bool>> {
    let mut all: Vec<Vec<bool>> = match modalities {
        0..=MOST => (1..1_usize << modalities)
            .map(|set| (0..modalities).map(|m| set >> m & 1 == 1).collect())
            .collect(),
        _ => {
            let one = (0..modalities).map(|own| (0..modalities).map(|m| m == own).collect());
            let all_but = (0..modalities).map(|own| (0..modalities).map(|m| m != own).collect());
            one.chain(all_but).chain([vec![true; modalities]]).collect()
        }
    };
    let count = |present: &Vec<bool>| present.iter().filter(|there| **there).count();
    all.sort_by_key(count);
    all
}

/// The rates of the sweeps that are no combination.
const OWN_RATES: &[f64] = RATES.split_at(1).1;

impl ByModality {
    /// Without any score.
    pub fn new(model: ModelId, side: Side, modalities: usize) -> Self {
        let combinations = combinations(modalities).into_iter();
        Self {
            model,
            side,
            combinations: combinations.map(|present| (present, None)).collect(),
            sweeps: vec![Default::default(); modalities],
        }
    }

    /// The conditions of all points: of the combinations, and then of each modality's own rates.
    pub fn conditions(&self, missing: &MissingSettings) -> Vec<Conditions> {
        let combinations = self.combinations.iter();
        let combinations = combinations.map(|(present, _)| {
            let rates = present.iter().map(|there| f64::from(u8::from(!there)));
            missing.at_rates(rates.collect())
        });
        let sweeps = (0..self.sweeps.len()).flat_map(|own| {
            OWN_RATES.iter().map(move |rate| {
                let rates = (0..self.sweeps.len()).map(|m| if m == own { *rate } else { 0.0 });
                missing.at_rates(rates.collect())
            })
        });
        combinations.chain(sweeps).collect()
    }

    /// Point number `index` of [`conditions`](Self::conditions).
    pub fn set(&mut self, index: usize, scores: Vec<Scores>) {
        let count = self.combinations.len();
        if let Some((present, point)) = self.combinations.get_mut(index) {
            if present.iter().all(|there| *there) {
                // All sweeps begin with everything there.
                for sweep in &mut self.sweeps {
                    sweep[0] = Some(scores.clone());
                }
            }
            *point = Some(scores);
            return;
        }
        let index = index - count;
        let (own, rate) = (index / OWN_RATES.len(), index % OWN_RATES.len());
        if let Some(sweep) = self.sweeps.get_mut(own) {
            sweep[rate + 1] = Some(scores);
        }
    }

    /// Missing rate of modality `own` and score, as far as they are computed.
    pub fn sweep(&self, own: usize, target: usize, metric: Metric) -> Vec<(f64, f64)> {
        let points = RATES.iter().zip(&self.sweeps[own]);
        points
            .filter_map(|(rate, point)| Some((*rate, value(point, target, metric)?)))
            .collect()
    }

    /// Whether all points are there.
    pub fn is_complete(&self) -> bool {
        let combinations = self.combinations.iter().map(|(_, point)| point);
        let mut all = combinations.chain(self.sweeps.iter().flatten());
        all.all(Option::is_some)
    }
}

/// The score of a point for one of the targets.
pub fn value(point: &Point, target: usize, metric: Metric) -> Option<f64> {
    let scores = point.as_ref()?;
    let scores = scores.get(target).or(scores.last())?;
    scores.0.get(&metric).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_its_conditions() {
        let mut missing = MissingSettings::default();
        missing.set_modalities(&["audio", "vision", "text"]);
        missing.modalities[0].off = true;
        let mut by = ByModality::new(ModelId(1), Side::Test, 3);
        let conditions = by.conditions(&missing);
        assert_eq!(conditions.len(), 7 + 27);
        assert_eq!(conditions[0].missing.rates, [0.0, 1.0, 1.0]);
        assert_eq!(conditions[6].missing.rates, [0.0; 3]);
        assert_eq!(conditions[7 + 9].missing.rates, [0.0, 0.1, 0.0]);
        for (index, conditions) in conditions.iter().enumerate() {
            let sum = conditions.missing.rates.iter().sum();
            by.set(
                index,
                vec![Scores(std::iter::once((Metric::Ua, sum)).collect())],
            );
        }
        assert!(by.is_complete());
        for own in 0..3 {
            let sweep = by.sweep(own, 0, Metric::Ua);
            assert_eq!(sweep, RATES.map(|rate| (rate, rate)));
        }
        assert_eq!(value(&by.combinations[3].1, 0, Metric::Ua), Some(1.0));
    }

    #[test]
    fn of_many_modalities_not_every_combination_is_tried() {
        assert_eq!(combinations(4).len(), 15);
        let many = combinations(6);
        assert_eq!(many.len(), 13);
        assert_eq!(many[12], vec![true; 6]);
    }
}
