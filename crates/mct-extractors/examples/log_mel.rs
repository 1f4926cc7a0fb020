//! Times log-mel bands of ten seconds of sound, one line of JSON: PyTorch's time comes from
//! `tests/reference/networks_benchmark.py`, and both in turns from `tests/reference/networks_benchmark.sh`.
#![allow(clippy::print_stdout)] // its output is the result

use std::time::Instant;

use mct_extractors::{Extractor, Extractors};
use mct_networks::Device;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let all = Extractors::load(&[Extractor::LogMel], "".as_ref(), &Device::flex())?;
    let log_mel = all.iter().next().ok_or("no extractor")?;
    let sound: Vec<f32> = (0..160_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0 - 0.5)
        .collect();
    let mut times: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            drop(log_mel.of_sound(&sound));
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{{\"log-mel\": {:.2}}}", times[10]);
    Ok(())
}
