//! The logarithm of the energy in mel bands: windows of 25 ms every 20 ms, 40 triangles from 50 Hz to 8 kHz
//! on HTK's mel scale.

use crate::SAMPLE_RATE_HZ;
use crate::spectrum::{BINS, FFT, power};

pub(crate) const BANDS: usize = 40;
const LOWEST_HZ: f32 = 50.0;
/// Added to an energy, so that silence has a logarithm.
const FLOOR: f32 = 1e-8;

/// `[steps, BANDS]` row by row.
pub(crate) fn extract(samples: &[f32]) -> Vec<f32> {
    let bands = bands(BANDS);
    let mut out = Vec::new();
    for spectrum in power(samples).chunks_exact(BINS) {
        out.extend(energies(spectrum, &bands).map(|energy| (energy + FLOOR).ln()));
    }
    out
}

/// A band: the first bin that it weighs, and the weights from there on.
pub(crate) struct Band {
    first: usize,
    weights: Vec<f32>,
}

/// The energy in each band of a power spectrum.
pub(crate) fn energies(spectrum: &[f32], bands: &[Band]) -> impl Iterator<Item = f32> {
    bands.iter().map(move |band| {
        let weighed = spectrum[band.first..].iter().zip(&band.weights);
        weighed.map(|(power, weight)| power * weight).sum()
    })
}

/// `count` triangles with a height of 1, evenly spaced in mel.
pub(crate) fn bands(count: usize) -> Vec<Band> {
    let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f32| 700.0 * (10.0_f32.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(LOWEST_HZ), mel(SAMPLE_RATE_HZ as f32 / 2.0));
    let corner = |place: usize| hz(low + (high - low) * place as f32 / (count + 1) as f32);
    let triangle = |band: usize| {
        let [left, middle, right] = [band, band + 1, band + 2].map(corner);
        let weight = |bin: usize| {
            let at = bin as f32 * SAMPLE_RATE_HZ as f32 / FFT as f32;
            let (up, down) = (
                (at - left) / (middle - left),
                (right - at) / (right - middle),
            );
            up.min(down).max(0.0)
        };
        let all: Vec<f32> = (0..BINS).map(weight).collect();
        // What is not weighed adds nothing.
        let first = all.iter().position(|weight| *weight > 0.0).unwrap_or(0);
        let last = all.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
        Band {
            first,
            weights: all[first..=last].to_vec(),
        }
    };
    (0..count).map(triangle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn sine(hz: f32, samples: usize) -> Vec<f32> {
        let rate = SAMPLE_RATE_HZ as f32;
        (0..samples)
            .map(|at| (TAU * hz * at as f32 / rate).sin())
            .collect()
    }

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        for hz in [200.0, 1000.0, 4000.0] {
            let steps = extract(&sine(hz, 16_000));
            assert_eq!(steps.len() / BANDS, 1 + (16_000 - 400) / 320);
            let loudest = steps[..BANDS].iter().enumerate();
            let (band, _) = loudest.max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            let band = &bands(BANDS)[band];
            let bin = (hz / SAMPLE_RATE_HZ as f32 * FFT as f32).round() as usize;
            assert!(
                band.weights[bin - band.first] > 0.4,
                "{hz} Hz is in another band"
            );
        }
    }

    #[test]
    fn silence_is_finite_and_what_is_too_short_has_no_step() {
        assert!(
            extract(&[0.0; 1000])
                .iter()
                .all(|value| *value == FLOOR.ln())
        );
        assert!(extract(&[0.5; 399]).is_empty());
    }
}
