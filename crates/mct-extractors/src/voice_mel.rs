//! The mel bands that Resemblyzer reads: energies, not their logarithm, of 25 ms every 10 ms, with librosa's
//! triangles (Slaney's mel scale, each triangle of the same area) from 0 to 8 kHz.

use std::f32::consts::TAU;

use mct_networks::resemblyzer::BANDS;
use realfft::RealFftPlanner;

use crate::SAMPLE_RATE_HZ;

/// Samples of a window, and of its transform.
const WINDOW: usize = 400;
/// Samples between windows.
const HOP: usize = 160;
const BINS: usize = WINDOW / 2 + 1;
/// Root mean square to which a quieter sound is raised: -30 dB below full scale.
const LOUDNESS: f32 = 0.031_622_776;

/// Steps a second.
pub(crate) const RATE_HZ: f32 = SAMPLE_RATE_HZ as f32 / HOP as f32;

/// A quiet sound made as loud as the network is used to.
pub(crate) fn raised(samples: &[f32]) -> Vec<f32> {
    let squares: f32 = samples.iter().map(|v| v * v).sum();
    let rms = (squares / samples.len().max(1) as f32).sqrt();
    let factor = if rms > 0.0 {
        (LOUDNESS / rms).max(1.0)
    } else {
        1.0
    };
    samples.iter().map(|v| v * factor).collect()
}

/// `[steps, BANDS]` row by row; the middle of the first window is the first sample.
pub(crate) fn extract(samples: &[f32]) -> Vec<f32> {
    let hann: Vec<f32> = (0..WINDOW)
        .map(|at| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos())
        .collect();
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
    let (mut input, mut output) = (transform.make_input_vec(), transform.make_output_vec());
    let bands = bands();
    let mut out = Vec::new();
    for step in 0..=samples.len() / HOP {
        for (at, value) in input.iter_mut().enumerate() {
            let place = (step * HOP + at).checked_sub(WINDOW / 2);
            let sample = place.and_then(|place| samples.get(place));
            *value = sample.unwrap_or(&0.0) * hann[at];
        }
        // The lengths are those of the plan.
        if transform.process(&mut input, &mut output).is_err() {
            return Vec::new();
        }
        for band in &bands {
            let weighted = output
                .iter()
                .zip(band)
                .map(|(bin, weight)| bin.norm_sqr() * weight);
            out.push(weighted.sum());
        }
    }
    out
}

/// The weight of every bin in each band.
fn bands() -> Vec<Vec<f32>> {
    /// Where the scale turns from linear to logarithmic, in Hz and in mel.
    const TURN: (f64, f64) = (1000.0, 15.0);
    /// Hz of a mel below, and the logarithm of a step above.
    const BELOW: f64 = 200.0 / 3.0;
    let above = 6.4_f64.ln() / 27.0;
    let highest = f64::from(SAMPLE_RATE_HZ) / 2.0;
    let most = TURN.1 + (highest / TURN.0).ln() / above;
    let hz = |mel: f64| match mel < TURN.1 {
        true => mel * BELOW,
        false => TURN.0 * (above * (mel - TURN.1)).exp(),
    };
    let corner = |place: usize| hz(most * place as f64 / (BANDS + 1) as f64);
    let band = |index: usize| {
        let [left, middle, right] = [index, index + 1, index + 2].map(corner);
        let weight = |bin: usize| {
            let at = bin as f64 * f64::from(SAMPLE_RATE_HZ) / WINDOW as f64;
            let height = ((at - left) / (middle - left)).min((right - at) / (right - middle));
            (height.max(0.0) * 2.0 / (right - left)) as f32
        };
        (0..BINS).map(weight).collect()
    };
    (0..BANDS).map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn the_bands_are_librosas() {
        let path = "../../tests/fixtures/networks/packaged/resemblyzer.safetensors";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let bytes = std::fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let values = |name: &str| -> Vec<f32> {
            let view = file.tensor(name).unwrap();
            let chunks = view.data().as_chunks().0.iter();
            chunks.map(|&v| f32::from_le_bytes(v)).collect()
        };
        let (own, expected) = (extract(&values("samples")), values("mel"));
        assert_eq!(own.len(), expected.len());
        let largest = expected.iter().copied().fold(0.0, f32::max);
        for (own, expected) in own.iter().zip(&expected) {
            assert!((own - expected).abs() < 1e-5 * largest, "{own} {expected}");
        }
    }

    #[test]
    fn only_a_quiet_sound_is_raised() {
        assert_eq!(raised(&[0.5, -0.5]), [0.5, -0.5]);
        let quiet = raised(&[0.001, -0.001]);
        assert!((quiet[0] - LOUDNESS).abs() < 1e-6, "{quiet:?}");
        assert_eq!(raised(&[0.0; 4]), [0.0; 4]);
    }
}
