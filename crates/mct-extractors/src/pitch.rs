//! Fundamental frequency by normalised autocorrelation.

use crate::SAMPLE_RATE_HZ;
use crate::spectrum::{HOP, WINDOW};

/// What speech can have.
const LOWEST_HZ: f32 = 60.0;
const HIGHEST_HZ: f32 = 500.0;
/// Samples that are compared with those a period later: 25 ms.
const COMPARED: usize = 400;
/// Autocorrelation from which a window counts as voiced.
const VOICED: f32 = 0.5;
/// What a lag of twice the length has to be better by: a period is also a period twice as long.
const OCTAVE_COST: f32 = 0.03;
/// Mean power below which there is nothing to hear.
const SILENCE: f32 = 1e-7;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Pitch {
    /// `None` where there is no voice.
    pub hz: Option<f32>,
    /// The autocorrelation at the period, 0 to 1.
    pub voicing: f32,
}

/// The pitch around window `index` of a sound.
pub(crate) fn of_window(samples: &[f32], index: usize) -> Pitch {
    let shortest = (SAMPLE_RATE_HZ as f32 / HIGHEST_HZ) as usize;
    let longest = (SAMPLE_RATE_HZ as f32 / LOWEST_HZ) as usize;
    let span = COMPARED + longest + 1;
    // Centred on the window, as far as there are samples.
    let middle = index * HOP + WINDOW / 2;
    let begin = middle
        .saturating_sub(span / 2)
        .min(samples.len().saturating_sub(span));
    let Some(around) = samples.get(begin..begin + span) else {
        return Pitch::default();
    };
    let mean = around.iter().sum::<f32>() / span as f32;
    let around: Vec<f32> = around.iter().map(|sample| sample - mean).collect();
    let energy = |from: usize| {
        let part = &around[from..from + COMPARED];
        part.iter().map(|sample| sample * sample).sum::<f32>()
    };
    let first = energy(0);
    if first / (COMPARED as f32) < SILENCE {
        return Pitch::default();
    }
    let correlation = |lag: usize| {
        let later = &around[lag..lag + COMPARED];
        let products = around[..COMPARED].iter().zip(later).map(|(a, b)| a * b);
        products.sum::<f32>() / (first * energy(lag)).sqrt().max(f32::MIN_POSITIVE)
    };
    let all: Vec<f32> = (shortest - 1..=longest + 1).map(correlation).collect();
    let mut best: Option<(usize, f32)> = None;
    for place in 1..all.len() - 1 {
        let [before, here, after] = [all[place - 1], all[place], all[place + 1]];
        if here < before || here < after {
            continue;
        }
        let octaves = (place as f32 + shortest as f32 - 1.0).log2();
        let worth = here - OCTAVE_COST * octaves;
        if best.is_none_or(|(_, other)| worth > other) {
            best = Some((place, worth));
        }
    }
    let Some((place, _)) = best else {
        return Pitch::default();
    };
    let [before, here, after] = [all[place - 1], all[place], all[place + 1]];
    // The top of the parabola through three points.
    let bend = before - 2.0 * here + after;
    let shift = if bend < 0.0 {
        0.5 * (before - after) / bend
    } else {
        0.0
    };
    let lag = (place + shortest - 1) as f32 + shift;
    let top = here - 0.25 * (before - after) * shift;
    Pitch {
        hz: (top >= VOICED).then(|| SAMPLE_RATE_HZ as f32 / lag),
        voicing: top.clamp(0.0, 1.0),
    }
}
