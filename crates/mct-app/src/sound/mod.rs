//! Playing sound: by ffplay on the desktop, by the browser in the page.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
use native::Playing;
#[cfg(target_arch = "wasm32")]
use web::Playing;

/// Where a sound that is being played has got to.
enum Progress {
    /// Seconds since it began.
    At(f32),
    Ended,
    Failed(String),
}

/// Plays one sound at a time.
#[derive(Default)]
pub struct Player {
    /// Seconds from the beginning of the utterance.
    position: f32,
    /// Where the sound that is being played began, and its handle.
    playing: Option<(f32, Playing)>,
}

impl Player {
    /// Seconds from the beginning of the utterance.
    pub const fn position(&self) -> f32 {
        self.position
    }

    pub const fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Plays samples of one channel from the position on; from the beginning, where that is their end.
    ///
    /// # Errors
    /// When there is nothing to play with.
    pub fn play(&mut self, samples: &[f32], rate_hz: u32) -> Result<(), String> {
        self.playing = None;
        let duration = samples.len() as f32 / rate_hz.max(1) as f32;
        if self.position >= duration - 0.05 {
            self.position = 0.0;
        }
        let first = (self.position * rate_hz as f32) as usize;
        let rest = samples.get(first..).unwrap_or_default();
        let playing = Playing::start(rest, rate_hz)?;
        self.playing = Some((self.position, playing));
        Ok(())
    }

    pub fn pause(&mut self) {
        self.playing = None;
    }

    /// Ends what is played, and goes back to the beginning.
    pub fn stop(&mut self) {
        self.playing = None;
        self.position = 0.0;
    }

    /// Goes to another position; returns whether sound was playing, which has to be started again.
    pub fn seek(&mut self, secs: f32) -> bool {
        self.position = secs.max(0.0);
        self.playing.take().is_some()
    }

    /// Follows the sound; `duration` is where it ends.
    ///
    /// # Errors
    /// When playing has failed.
    pub fn follow(&mut self, duration: f32) -> Result<(), String> {
        let Some((from, playing)) = &self.playing else {
            return Ok(());
        };
        match playing.progress() {
            Progress::At(secs) => {
                self.position = (from + secs).clamp(self.position, duration.max(self.position));
            }
            Progress::Ended => {
                self.playing = None;
                self.position = duration;
            }
            Progress::Failed(text) => {
                self.playing = None;
                return Err(text);
            }
        }
        Ok(())
    }
}
