//! Descriptors of voice and spectrum, one row for each window of 25 ms every 20 ms.
//!
//! Those that eGeMAPS (Eyben et al., 2016) has bear its names and follow its definitions; the program that
//! made them popular smooths over time and weights spectra otherwise, so that values are not its own.

use crate::log_mel::{bands, energies};
use crate::pitch;
use crate::spectrum::{BINS, WINDOW, hertz, power, windows};

/// The descriptors in their order.
pub const NAMES: [&str; 25] = [
    "F0semitoneFrom27.5Hz",
    "voicing",
    "HNRdBACF",
    "logEnergy",
    "zeroCrossingRate",
    "alphaRatio",
    "hammarbergIndex",
    "slope0-500",
    "slope500-1500",
    "spectralFlux",
    "spectralCentroid",
    "spectralRollOff85",
    "spectralFlatness",
    "mfcc1",
    "mfcc2",
    "mfcc3",
    "mfcc4",
    "mfcc5",
    "mfcc6",
    "mfcc7",
    "mfcc8",
    "mfcc9",
    "mfcc10",
    "mfcc11",
    "mfcc12",
];

const CEPSTRA: usize = 12;
const CEPSTRAL_BANDS: usize = 26;
/// Added to a power, so that silence has a logarithm.
const FLOOR: f32 = 1e-8;
/// Ends of what an autocorrelation is taken for, so that its ratio is finite: 60 dB.
const SURE: f32 = 1.0 - 1e-6;

/// `[steps, descriptors]` row by row.
pub(crate) fn extract(samples: &[f32]) -> Vec<f32> {
    let bands = bands(CEPSTRAL_BANDS);
    let spectra = power(samples);
    let mut before: Option<&[f32]> = None;
    let mut out = Vec::with_capacity(spectra.len() / BINS * NAMES.len());
    let steps = windows(samples).zip(spectra.chunks_exact(BINS));
    for (index, (window, spectrum)) in steps.enumerate() {
        let pitch = pitch::of_window(samples, index);
        let semitones = pitch.hz.map_or(0.0, |hz| 12.0 * (hz / 27.5).log2());
        let sure = pitch.voicing.clamp(1.0 - SURE, SURE);
        let energy = window.iter().map(|sample| sample * sample).sum::<f32>();
        let total: f32 = spectrum.iter().sum::<f32>() + FLOOR;
        out.extend([
            semitones,
            pitch.voicing,
            decibels(sure / (1.0 - sure)),
            (energy / WINDOW as f32 + FLOOR).ln(),
            crossings(window),
            decibels(
                (within(spectrum, 50.0, 1000.0) + FLOOR)
                    / (within(spectrum, 1000.0, 5000.0) + FLOOR),
            ),
            decibels(
                (strongest(spectrum, 0.0, 2000.0) + FLOOR)
                    / (strongest(spectrum, 2000.0, 5000.0) + FLOOR),
            ),
            slope(spectrum, 0.0, 500.0),
            slope(spectrum, 500.0, 1500.0),
            before.map_or(0.0, |before| flux(before, spectrum)),
            // In kHz, so that they are of the size of the others.
            centroid(spectrum, total) / 1000.0,
            roll_off(spectrum, total) / 1000.0,
            flatness(spectrum, total),
        ]);
        let logs: Vec<f32> = energies(spectrum, &bands)
            .map(|energy| (energy + FLOOR).ln())
            .collect();
        out.extend((1..=CEPSTRA).map(|order| cepstrum(&logs, order)));
        before = Some(spectrum);
    }
    out
}

fn decibels(ratio: f32) -> f32 {
    10.0 * ratio.log10()
}

/// Changes of sign, as a share of the samples.
fn crossings(window: &[f32]) -> f32 {
    let pairs = window.windows(2);
    let changes = pairs.filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0));
    changes.count() as f32 / window.len() as f32
}

/// The powers from `low` up to, and without, `high` Hz, with their bins.
fn band(spectrum: &[f32], low: f32, high: f32) -> impl Iterator<Item = (usize, f32)> {
    let bins = spectrum.iter().copied().enumerate();
    bins.filter(move |(bin, _)| (low..high).contains(&hertz(*bin)))
}

fn within(spectrum: &[f32], low: f32, high: f32) -> f32 {
    band(spectrum, low, high).map(|(_, power)| power).sum()
}

fn strongest(spectrum: &[f32], low: f32, high: f32) -> f32 {
    band(spectrum, low, high)
        .map(|(_, power)| power)
        .fold(0.0, f32::max)
}

/// Decibels a kHz: the line through the powers of a band.
fn slope(spectrum: &[f32], low: f32, high: f32) -> f32 {
    let points: Vec<(f32, f32)> = band(spectrum, low, high)
        .map(|(bin, power)| (hertz(bin) / 1000.0, decibels(power + FLOOR)))
        .collect();
    let count = points.len() as f32;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f32>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f32>() / count;
    let along: f32 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let spread: f32 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    along / spread
}

/// The distance between the shapes of two spectra, 0 to √2.
fn flux(before: &[f32], now: &[f32]) -> f32 {
    let length = |spectrum: &[f32]| spectrum.iter().sum::<f32>().sqrt();
    let lengths = (length(before), length(now));
    if lengths.0 <= FLOOR || lengths.1 <= FLOOR {
        return 0.0;
    }
    let pairs = before.iter().zip(now);
    let squares = pairs.map(|(a, b)| (a.sqrt() / lengths.0 - b.sqrt() / lengths.1).powi(2));
    squares.sum::<f32>().sqrt()
}

fn centroid(spectrum: &[f32], total: f32) -> f32 {
    let bins = spectrum.iter().enumerate();
    bins.map(|(bin, power)| hertz(bin) * power).sum::<f32>() / total
}

/// The frequency below which 85 % of the energy lies.
fn roll_off(spectrum: &[f32], total: f32) -> f32 {
    let mut sum = 0.0;
    let place = spectrum.iter().position(|power| {
        sum += power;
        sum >= 0.85 * total
    });
    place.map_or(0.0, hertz)
}

/// Geometric over arithmetic mean: 0 for a tone, 1 for silence and white noise.
fn flatness(spectrum: &[f32], total: f32) -> f32 {
    let logs = spectrum
        .iter()
        .map(|power| (power + FLOOR).ln())
        .sum::<f32>();
    let count = spectrum.len() as f32;
    (logs / count).exp() / (total / count + FLOOR)
}

/// One coefficient of the orthonormal cosine transform (type II).
fn cepstrum(logs: &[f32], order: usize) -> f32 {
    let count = logs.len() as f32;
    let turn = std::f32::consts::PI * order as f32 / count;
    let terms = logs.iter().enumerate();
    let sum: f32 = terms
        .map(|(band, log)| log * (turn * (band as f32 + 0.5)).cos())
        .sum();
    sum * (2.0 / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn value(row: &[f32], name: &str) -> f32 {
        row[NAMES.iter().position(|other| *other == name).unwrap()]
    }

    fn row(samples: &[f32]) -> Vec<f32> {
        let all = extract(samples);
        assert!(all.iter().all(|value| value.is_finite()));
        let middle = all.len() / NAMES.len() / 2;
        all[middle * NAMES.len()..][..NAMES.len()].to_vec()
    }

    /// Harmonics of `hz` whose amplitudes fall.
    fn voice(hz: f32) -> Vec<f32> {
        let sample = |at: usize| {
            let time = at as f32 / 16_000.0;
            let harmonics = (1..=10).map(|n| (TAU * hz * n as f32 * time).sin() / n as f32);
            0.1 * harmonics.sum::<f32>()
        };
        (0..8000).map(sample).collect()
    }

    fn noise() -> Vec<f32> {
        let mut stream = mct_corpus::counter::Stream::new(&[7]);
        let sample = |_| mct_corpus::counter::uniform(stream.next_word()) as f32 - 0.5;
        (0..8000).map(sample).collect()
    }

    #[test]
    fn the_pitch_of_a_voice_is_its_fundamental() {
        for hz in [80.0, 110.0, 220.0, 440.0] {
            let row = row(&voice(hz));
            let semitones = 12.0 * (hz / 27.5_f32).log2();
            let found = value(&row, "F0semitoneFrom27.5Hz");
            assert!(
                (found - semitones).abs() < 0.1,
                "{hz} Hz: {found} for {semitones}"
            );
            let voicing = value(&row, "voicing");
            assert!(voicing > 0.95, "{hz} Hz: {voicing}");
            assert!(value(&row, "HNRdBACF") > 13.0);
        }
    }

    #[test]
    fn noise_has_no_pitch_and_is_flat() {
        let (noisy, voiced) = (row(&noise()), row(&voice(110.0)));
        assert_eq!(value(&noisy, "F0semitoneFrom27.5Hz"), 0.0);
        assert!(value(&noisy, "spectralFlatness") > 0.3);
        assert!(value(&voiced, "spectralFlatness") < 0.05);
        assert!(value(&noisy, "zeroCrossingRate") > 0.4);
        // Half of the energy of white noise is below 4 kHz.
        assert!((value(&noisy, "spectralCentroid") - 4.0).abs() < 1.0);
        for name in ["alphaRatio", "hammarbergIndex"] {
            assert!(value(&voiced, name) > value(&noisy, name) + 5.0, "{name}");
        }
    }

    #[test]
    fn silence_is_finite() {
        let row = row(&[0.0; 4000]);
        assert_eq!(value(&row, "F0semitoneFrom27.5Hz"), 0.0);
        assert_eq!(value(&row, "spectralFlux"), 0.0);
        assert_eq!(value(&row, "alphaRatio"), 0.0);
    }
}
