//! Ctrl-C: the first asks to stop after the current step, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use crate::output::remark;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Watches for Ctrl-C and for the request to terminate.
///
/// # Errors
/// When the system does not allow it, or it is called twice.
pub fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        remark("stopping after this step (once more to stop at once)");
    })
    .context("cannot watch for Ctrl-C")
}

/// Asks as Ctrl-C does.
pub fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
}

pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
