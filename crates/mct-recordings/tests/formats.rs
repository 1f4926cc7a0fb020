//! Files of every kind that people have, made here, give the sound that was put in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::f32::consts::TAU;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use mct_recordings::{Ffmpeg, RecordingError, Waveform};

const RATE: u32 = 16_000;

fn sine(hz: f32, rate: u32, seconds: f32) -> Vec<f32> {
    let count = (rate as f32 * seconds) as usize;
    let sample = |at: usize| 0.5 * (TAU * hz * at as f32 / rate as f32).sin();
    (0..count).map(sample).collect()
}

/// How samples are stored.
#[derive(Clone, Copy, Debug)]
enum Stored {
    Integer(u16),
    Float(u16),
}

/// A WAV file with the same sound in every channel.
fn wav(samples: &[f32], rate: u32, channels: u16, stored: Stored) -> Vec<u8> {
    let (code, bits) = match stored {
        Stored::Integer(bits) => (1_u16, bits),
        Stored::Float(bits) => (3, bits),
    };
    let mut data = Vec::new();
    for sample in samples {
        for _ in 0..channels {
            match stored {
                // Only 8 bits are without sign.
                Stored::Integer(8) => data.push((sample * 127.0 + 128.0).round() as u8),
                Stored::Integer(bits) => {
                    let value =
                        (f64::from(*sample) * f64::from(2.0_f32.powi(i32::from(bits) - 1))) as i64;
                    data.extend(&value.to_le_bytes()[..usize::from(bits / 8)]);
                }
                Stored::Float(32) => data.extend(sample.to_le_bytes()),
                Stored::Float(_) => data.extend(f64::from(*sample).to_le_bytes()),
            }
        }
    }
    let frame = channels * bits / 8;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(code.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn decode(bytes: Vec<u8>, ending: &str) -> Result<Waveform, RecordingError> {
    Waveform::decode(Box::new(Cursor::new(bytes)), Some(ending))
}

/// The largest difference, at the best of a few shifts (a codec may begin earlier or later), without the
/// ends.
fn difference(found: &[f32], expected: &[f32], most_shift: usize) -> f32 {
    let edge = 1000;
    let at = |shift: usize| {
        let pairs = found.iter().skip(shift).zip(expected).skip(edge);
        let length = expected.len().saturating_sub(2 * edge + most_shift);
        pairs
            .take(length)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    };
    (0..=most_shift).map(at).fold(f32::INFINITY, f32::min)
}

#[test]
fn wav_of_every_precision_rate_and_number_of_channels() {
    for (stored, tolerance) in [
        (Stored::Integer(8), 0.01),
        (Stored::Integer(16), 1e-4),
        (Stored::Integer(24), 1e-6),
        (Stored::Integer(32), 1e-6),
        (Stored::Float(32), 0.0),
        (Stored::Float(64), 1e-7),
    ] {
        for channels in [1, 2] {
            for rate in [8000, 16_000, 44_100] {
                let sound = sine(440.0, rate, 0.5);
                let found = decode(wav(&sound, rate, channels, stored), "wav").unwrap();
                assert_eq!(
                    (found.rate_hz, found.damaged, found.cut_off),
                    (rate, 0, false)
                );
                assert_eq!(found.samples.len(), sound.len(), "{stored:?}");
                let pairs = found.samples.iter().zip(&sound);
                let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(
                    largest <= tolerance,
                    "{stored:?}, {channels} channels: {largest}"
                );
            }
        }
    }
}

#[test]
fn resampling_keeps_what_is_below_half_the_rate_and_removes_the_rest() {
    for rate in [8000, 11_025, 22_050, 44_100, 48_000, 96_000] {
        let waveform = |hz: f32| Waveform {
            samples: sine(hz, rate, 1.0),
            rate_hz: rate,
            damaged: 0,
            cut_off: false,
        };
        let kept = waveform(1000.0).resampled(RATE).unwrap();
        assert!(
            kept.samples.len().abs_diff(RATE as usize) <= 1,
            "{}",
            kept.samples.len()
        );
        let largest = difference(&kept.samples, &sine(1000.0, RATE, 1.0), 0);
        assert!(largest < 2e-3, "1 kHz from {rate} Hz differs by {largest}");
        if rate > 20_000 {
            let removed = waveform(9500.0).resampled(RATE).unwrap();
            let inner = &removed.samples[1000..removed.samples.len() - 1000];
            let loudest = inner
                .iter()
                .fold(0.0, |most: f32, sample| most.max(sample.abs()));
            // 50 dB below what was there.
            assert!(
                loudest < 0.5 * 10.0_f32.powf(-2.5),
                "9.5 kHz from {rate} Hz leaves {loudest}"
            );
        }
    }
}

#[test]
fn what_is_no_sound_says_so() {
    let kind = |bytes: &[u8], ending: &str| decode(bytes.to_vec(), ending).unwrap_err().to_string();
    assert!(kind(b"", "wav").contains("no audio file of a known format"));
    assert!(kind(b"<html><body>Not found</body></html>", "wav").contains("no audio file"));
    let empty = wav(&[], RATE, 1, Stored::Integer(16));
    assert!(kind(&empty, "wav").contains("without a single sample"));
    for rate in [1, u32::MAX] {
        let absurd = wav(&sine(100.0, RATE, 0.1), RATE, 1, Stored::Integer(16));
        let bytes = [&absurd[..24], &rate.to_le_bytes(), &absurd[28..]].concat();
        assert!(
            kind(&bytes, "wav").contains("no recording has this rate"),
            "{rate}"
        );
    }
    let broken = wav(&[0.1, f32::NAN], RATE, 1, Stored::Float(32));
    assert!(kind(&broken, "wav").contains("no numbers"));
}

#[test]
fn a_file_that_is_cut_off_keeps_what_it_has() {
    let sound = sine(440.0, RATE, 1.0);
    let mut bytes = wav(&sound, RATE, 1, Stored::Integer(16));
    bytes.truncate(44 + 16_000);
    let found = decode(bytes.clone(), "wav").unwrap();
    assert!(found.cut_off);
    // As a program writes into a pipe: the length is not known, and the end is the end.
    bytes[4..8].fill(0xFF);
    bytes[40..44].fill(0xFF);
    assert!(!decode(bytes, "wav").unwrap().cut_off);
    assert!(
        (7000..=8000).contains(&found.samples.len()),
        "{}",
        found.samples.len()
    );
}

/// A file that ffmpeg makes of a sine of a second; `None`, loudly, where there is no ffmpeg.
fn made(folder: &Path, name: &str, words: &[&str]) -> Option<PathBuf> {
    let source = folder.join("source.wav");
    std::fs::write(
        &source,
        wav(&sine(440.0, RATE, 1.0), RATE, 1, Stored::Integer(16)),
    )
    .unwrap();
    let path = folder.join(name);
    let ffmpeg = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(&source)
        .args(words)
        .arg(&path)
        .status();
    match ffmpeg {
        Ok(status) => {
            assert!(status.success(), "{name}");
            Some(path)
        }
        Err(error) => {
            let message = format!("*** SKIPPED: compressed audio needs ffmpeg ({error}) ***");
            assert!(
                std::env::var_os("MCT_HFR_REQUIRE_ALL").is_none(),
                "{message}"
            );
            eprintln!("{message}");
            None
        }
    }
}

#[test]
fn compressed_files_give_the_sound_that_was_put_in() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words, tolerance, most_shift) in [
        ("a.flac", &[][..], 1e-4, 0),
        ("a.mp3", &["-b:a", "128k"], 0.03, 3000),
        // Without the header that counts its frames.
        ("b.mp3", &["-b:a", "128k", "-write_xing", "0"], 0.03, 3000),
        ("a.ogg", &["-c:a", "libvorbis", "-q:a", "8"], 0.03, 3000),
        // The index is at the end, as ffmpeg leaves it, and at the beginning.
        ("a.m4a", &["-c:a", "aac", "-b:a", "128k"], 0.03, 3000),
        (
            "b.m4a",
            &["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"],
            0.03,
            3000,
        ),
        ("a.aiff", &[], 1e-4, 0),
    ] {
        let Some(path) = made(folder.path(), name, words) else {
            return;
        };
        let ending = name.rsplit('.').next().unwrap();
        let found = decode(std::fs::read(&path).unwrap(), ending).unwrap();
        assert_eq!(
            (found.rate_hz, found.damaged, found.cut_off),
            (RATE, 0, false),
            "{name}"
        );
        let seconds = found.duration_secs();
        assert!((0.95..1.2).contains(&seconds), "{name}: {seconds} s");
        let largest = difference(&found.samples, &sine(440.0, RATE, 1.0), most_shift);
        assert!(largest < tolerance, "{name}: {largest}");
    }
}

#[test]
fn what_our_readers_cannot_ffmpeg_can() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = made(folder.path(), "a -odd.avi", &["-c:a", "pcm_s16le"]) else {
        return;
    };
    assert!(matches!(
        decode(std::fs::read(&path).unwrap(), "avi"),
        Err(RecordingError::Unknown(_))
    ));
    let found = Ffmpeg::default().sound(&path).unwrap();
    assert_eq!(
        (found.rate_hz, found.damaged, found.cut_off),
        (RATE, 0, false)
    );
    assert!(difference(&found.samples, &sine(440.0, RATE, 1.0), 0) < 1e-4);
    // Channels are averaged as our own readers do it.
    let stereo = made(
        folder.path(),
        "stereo.avi",
        &["-c:a", "pcm_s16le", "-ac", "2"],
    );
    let found = Ffmpeg::default().sound(&stereo.unwrap()).unwrap();
    let own = made(folder.path(), "stereo.wav", &["-ac", "2"]).unwrap();
    let own = decode(std::fs::read(own).unwrap(), "wav").unwrap();
    assert!(difference(&found.samples, &own.samples, 0) < 1e-4);
    // MPEG frames in a container of video are not for our reader of MP3.
    let mp3 = made(folder.path(), "mp3.avi", &["-c:a", "mp3"]).unwrap();
    assert!(matches!(
        decode(std::fs::read(mp3).unwrap(), "avi"),
        Err(RecordingError::Unknown(_))
    ));
    let silent = made(
        folder.path(),
        "silent.avi",
        &["-f", "lavfi", "-i", "testsrc=d=1:r=5", "-map", "1:v"],
    );
    let error = Ffmpeg::default().sound(&silent.unwrap()).unwrap_err();
    assert!(matches!(error, RecordingError::NoAudio), "{error}");
    std::fs::write(folder.path().join("page.avi"), b"<html></html>").unwrap();
    let error = Ffmpeg::default()
        .sound(&folder.path().join("page.avi"))
        .unwrap_err();
    assert!(matches!(error, RecordingError::Undecodable(_)), "{error}");
}
