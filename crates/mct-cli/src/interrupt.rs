//! Ctrl-C: the first requests a stop after the current step, the second exits at once. A signal that asks a
//! process to end (from `kill`, a closed terminal, a cluster) is often sent more than once, and exits at no
//! time: what the first one saves the second would lose.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use crate::output::remark;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handlers.
///
/// # Errors
/// When the operating system refuses it.
#[cfg(unix)]
pub fn watch() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let cannot = "cannot watch for Ctrl-C";
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context(cannot)?;
    let watch = move || {
        let mut pressed = 0;
        for signal in signals.forever() {
            let before = REQUESTED.swap(true, Ordering::SeqCst);
            pressed += u8::from(signal == SIGINT);
            if pressed > 1 {
                std::process::exit(130);
            }
            if !before {
                remark("stopping after this step (Ctrl-C twice to stop at once)");
            }
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(watch).context(cannot)?;
    Ok(())
}

/// Installs the handlers.
///
/// # Errors
/// When the operating system refuses it, or it is called twice.
#[cfg(not(unix))]
pub fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        remark("stopping after this step (once more to stop at once)");
    })
    .context("cannot watch for Ctrl-C")
}

/// Requests a stop, as the first Ctrl-C does.
pub fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
}

pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
