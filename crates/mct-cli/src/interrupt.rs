//! Ctrl-C: the first requests a stop after the current step, the second exits at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use crate::output::remark;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler of Ctrl-C and of the termination signal.
///
/// # Errors
/// When the operating system refuses it, or it is called twice.
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
