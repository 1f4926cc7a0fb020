//! Sound by ffplay, which comes with ffmpeg. A library would have to be linked with the sound system, so that
//! nothing here could be built or started where there is none.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::Progress;

/// A sound that is being played; it ends when this is dropped.
pub struct Playing {
    child: Child,
    progress: Arc<Mutex<Progress>>,
}

impl Drop for Playing {
    fn drop(&mut self) {
        // If it has ended already, so much the better.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Playing {
    pub fn start(samples: &[f32], rate_hz: u32) -> Result<Self, String> {
        const OPTIONS: [&str; 9] = [
            "-v",
            "error",
            "-stats",
            "-nodisp",
            "-autoexit",
            "-f",
            "wav",
            "-i",
            "pipe:0",
        ];
        let mut child = Command::new("ffplay")
            .args(OPTIONS)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot play: ffplay, which comes with ffmpeg: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stderr.take());
        let wave = wave(samples, rate_hz);
        let progress = Arc::new(Mutex::new(Progress::At(0.0)));
        let told = progress.clone();
        // Both end when the child does.
        std::thread::spawn(move || input.map(|mut pipe| pipe.write_all(&wave)));
        std::thread::spawn(move || {
            let ended = output.map_or(Progress::Ended, |pipe| {
                listen(pipe, |secs| {
                    *told.lock().unwrap_or_else(PoisonError::into_inner) = Progress::At(secs);
                })
            });
            *told.lock().unwrap_or_else(PoisonError::into_inner) = ended;
        });
        Ok(Self { child, progress })
    }

    pub fn progress(&self) -> Progress {
        match &*self.progress.lock().unwrap_or_else(PoisonError::into_inner) {
            Progress::At(secs) => Progress::At(*secs),
            Progress::Ended => Progress::Ended,
            Progress::Failed(text) => Progress::Failed(text.clone()),
        }
    }
}

/// Reads what ffplay says: its clock, in lines that each overwrite the last, or what is wrong.
fn listen(mut pipe: impl Read, mut tell: impl FnMut(f32)) -> Progress {
    let (mut buffer, mut rest) = ([0; 4096], String::new());
    let (mut is_heard, mut complaint) = (false, String::new());
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        rest += &String::from_utf8_lossy(&buffer[..count]);
        while let Some(end) = rest.find(['\r', '\n']) {
            let line: String = rest.drain(..=end).collect();
            let first = line.split_whitespace().next().unwrap_or_default();
            match first.parse::<f32>() {
                Ok(secs) if secs.is_finite() => {
                    is_heard = true;
                    tell(secs.max(0.0));
                }
                // The clock has not begun.
                Ok(_) => {}
                Err(_) if complaint.is_empty() => complaint = line.trim().to_owned(),
                Err(_) => {}
            }
        }
    }
    match is_heard {
        true => Progress::Ended,
        false => Progress::Failed(match complaint.is_empty() {
            true => "cannot play: ffplay has ended without a sound".to_owned(),
            false => format!("cannot play: {complaint}"),
        }),
    }
}

/// Samples of 16 bit in a WAV file.
fn wave(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let length = 2 * samples.len() as u32;
    let mut file = Vec::with_capacity(44 + 2 * samples.len());
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    // Integers, one channel.
    file.extend([1, 0, 1, 0]);
    file.extend(rate_hz.to_le_bytes());
    file.extend((2 * rate_hz).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    for sample in samples {
        let value = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
        file.extend(value.to_le_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_ffplay_is_read() {
        let said =
            "    nan    :  0.000 fd=   0\r  -0.04 M-A: -0.000\r   1.25 M-A:  0.000 fd= 0\r\n";
        let mut clock = Vec::new();
        let ended = listen(said.as_bytes(), |secs| clock.push(secs));
        assert_eq!(clock, [0.0, 1.25]);
        assert!(matches!(ended, Progress::Ended));
    }

    #[test]
    fn without_a_sound_device_its_words_are_kept() {
        let said =
            "    nan    :  0.000 fd=   0\rALSA lib confmisc.c:855: cannot find card '0'\nmore\n";
        match listen(said.as_bytes(), |_| panic!("nothing is heard")) {
            Progress::Failed(text) => assert!(text.contains("cannot find card"), "{text}"),
            _ => panic!("it did not fail"),
        }
    }

    #[test]
    fn a_wave_has_its_length_in_its_header() {
        let file = wave(&[0.0, 1.0, -2.0], 16_000);
        assert_eq!(file.len(), 44 + 6);
        assert_eq!(file[40..44], 6u32.to_le_bytes());
        assert_eq!(file[46..], [0xFF, 0x7F, 0x01, 0x80]);
    }
}
