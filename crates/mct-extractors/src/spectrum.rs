//! Power spectra of overlapping windows.

use std::f32::consts::TAU;

use realfft::RealFftPlanner;

use crate::SAMPLE_RATE_HZ;

/// Samples of a window: 25 ms.
pub(crate) const WINDOW: usize = 400;
/// Samples between windows: 20 ms.
pub(crate) const HOP: usize = 320;
/// Samples of a transform; a window is padded with zeros at its end.
pub(crate) const FFT: usize = 512;
/// Frequencies of a spectrum.
pub(crate) const BINS: usize = FFT / 2 + 1;

/// The frequency of a bin in Hz.
pub(crate) fn hertz(bin: usize) -> f32 {
    bin as f32 * SAMPLE_RATE_HZ as f32 / FFT as f32
}

/// The windows of a sound, each where it begins; the rest that fills none is left.
pub(crate) fn windows(samples: &[f32]) -> impl Iterator<Item = &[f32]> {
    samples.windows(WINDOW).step_by(HOP)
}

/// The power spectrum of every window, weighted by Hann's, one after the other (`[windows, BINS]`).
pub(crate) fn power(samples: &[f32]) -> Vec<f32> {
    let hann: Vec<f32> = (0..WINDOW)
        .map(|at| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos())
        .collect();
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(FFT);
    let mut scratch = transform.make_scratch_vec();
    let mut padded = transform.make_input_vec();
    let mut spectrum = transform.make_output_vec();
    let mut out = Vec::with_capacity(samples.len() / HOP * BINS);
    for window in windows(samples) {
        padded.fill(0.0);
        for ((into, sample), weight) in padded.iter_mut().zip(window).zip(&hann) {
            *into = sample * weight;
        }
        // The lengths are those that the transform made itself, so that it cannot fail.
        if transform
            .process_with_scratch(&mut padded, &mut spectrum, &mut scratch)
            .is_ok()
        {
            out.extend(spectrum.iter().map(|value| value.norm_sqr()));
        }
    }
    out
}
