//! Sound by the browser.

use wasm_bindgen::JsValue;
use web_sys::{AudioBufferSourceNode, AudioContext};
use web_time::{Duration, Instant};

use super::Progress;

/// For how long a sound may not start.
const PATIENCE: Duration = Duration::from_secs(3);

/// A sound that is being played; it ends when this is dropped.
pub struct Playing {
    context: AudioContext,
    node: AudioBufferSourceNode,
    started: f64,
    duration: f64,
    asked: Instant,
}

impl Drop for Playing {
    fn drop(&mut self) {
        #[allow(deprecated, reason = "the one without a time")]
        self.node.stop().ok();
        drop(self.context.close().ok());
    }
}

impl Playing {
    pub fn start(samples: &[f32], rate_hz: u32) -> Result<Self, String> {
        let failed = |error: JsValue| format!("cannot play: {error:?}");
        let context = AudioContext::new().map_err(failed)?;
        let count = samples.len().max(1) as u32;
        let buffer = context
            .create_buffer(1, count, rate_hz.max(3000) as f32)
            .map_err(failed)?;
        buffer.copy_to_channel(samples, 0).map_err(failed)?;
        let node = context.create_buffer_source().map_err(failed)?;
        node.set_buffer(Some(&buffer));
        node.connect_with_audio_node(&context.destination())
            .map_err(failed)?;
        node.start().map_err(failed)?;
        Ok(Self {
            asked: Instant::now(),
            started: context.current_time(),
            duration: f64::from(count) / f64::from(rate_hz.max(1)),
            context,
            node,
        })
    }

    pub fn progress(&self) -> Progress {
        let secs = self.context.current_time() - self.started;
        if secs <= 0.0 && self.asked.elapsed() > PATIENCE {
            return Progress::Failed(
                "cannot play: the browser keeps the sound from starting".into(),
            );
        }
        match secs < self.duration {
            true => Progress::At(secs as f32),
            false => Progress::Ended,
        }
    }
}
