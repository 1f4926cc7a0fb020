//! The device of a pipeline.

use mct_hfr::device::{Choice, choose};

use crate::error::message;

/// The device of this name, after its known-answer test; the CPU, with a warning, where it fails the test.
/// `progress` receives the completed fraction of the test, 0 to 1.
///
/// # Errors
/// When there is no such device.
#[cfg(not(target_arch = "wasm32"))]
pub async fn device(name: &str, progress: &mut dyn FnMut(f32)) -> Result<Choice, String> {
    choose(name, progress).await.map_err(message)
}

/// The device of this name, after its known-answer test; the CPU, with a warning, where it fails the test
/// or the browser provides no adapter. `progress` receives the completed fraction of the test, 0 to 1.
///
/// # Errors
/// When no browser has a device of this name.
#[cfg(target_arch = "wasm32")]
pub async fn device(name: &str, progress: &mut dyn FnMut(f32)) -> Result<Choice, String> {
    // A browser that has just started its GPU process may deny an adapter at first and grant it a moment
    // later.
    const TRIES: usize = 10;
    const PAUSE_MILLIS: i32 = 300;

    let mut problem = String::new();
    for _ in 0..TRIES {
        match choose(name, progress).await {
            Err(error @ mct_hfr::Error::Device(_)) => problem = message(error),
            other => return other.map_err(message),
        }
        crate::browser::pause(PAUSE_MILLIS).await;
    }
    let mut choice = choose(mct_hfr::device::CPU, progress)
        .await
        .map_err(message)?;
    choice.warning = Some(format!("{problem}; using {} (CPU)", mct_hfr::device::CPU));
    Ok(choice)
}
