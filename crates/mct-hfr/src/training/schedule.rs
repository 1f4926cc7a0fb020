//! The learning rate over training: a warm-up by steps, then a decay by epochs.

use std::f64::consts::PI;

use crate::config::{Schedule, TrainingConfig};

/// The learning rate of a step of an epoch that has `steps`; all three from 0.
pub fn learning_rate(training: &TrainingConfig, epoch: usize, step: usize, steps: usize) -> f64 {
    let TrainingConfig {
        learning_rate,
        final_learning_rate,
        ..
    } = *training;
    let share = epoch as f64 / training.epochs.saturating_sub(1).max(1) as f64;
    let share = match training.schedule {
        Schedule::Linear => share.min(1.0),
        Schedule::Cosine => (1.0 - (PI * share.min(1.0)).cos()) / 2.0,
    };
    let decayed = learning_rate + (final_learning_rate - learning_rate) * share;
    let warm_up = training.warm_up_epochs * steps as f64;
    let done = (epoch * steps + step + 1) as f64;
    if done < warm_up {
        decayed * done / warm_up
    } else {
        decayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn training(change: impl FnOnce(&mut TrainingConfig)) -> TrainingConfig {
        let mut training = Config::preset("paper").unwrap().training;
        training.epochs = 11;
        training.learning_rate = 1.0;
        training.final_learning_rate = 0.2;
        change(&mut training);
        training
    }

    #[test]
    fn it_decays_to_the_final_rate_in_a_line_or_half_a_cosine() {
        let line = training(|_| {});
        let rates = [0, 5, 10].map(|epoch| learning_rate(&line, epoch, 3, 7));
        for (found, expected) in rates.into_iter().zip([1.0, 0.6, 0.2]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        let cosine = training(|training| training.schedule = Schedule::Cosine);
        let rates = [0, 2, 5, 10].map(|epoch| learning_rate(&cosine, epoch, 3, 7));
        // 1 - 0.8 (1 - cos(0.2 pi)) / 2
        for (found, expected) in rates.into_iter().zip([1.0, 0.923_607, 0.6, 0.2]) {
            assert!((found - expected).abs() < 1e-6, "{found}");
        }
    }

    #[test]
    fn a_warm_up_rises_step_by_step() {
        let warm = training(|training| {
            training.warm_up_epochs = 1.5;
            training.final_learning_rate = 1.0;
        });
        // 1.5 epochs of 4 steps are 6.
        let rates = [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2), (4, 0)];
        let rates = rates.map(|(epoch, step)| learning_rate(&warm, epoch, step, 4));
        assert_eq!(rates, [1.0 / 6.0, 0.5, 5.0 / 6.0, 1.0, 1.0, 1.0]);
    }
}
