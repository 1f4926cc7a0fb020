//! The allocator of the programs: mimalloc, told to keep what it has.
//!
//! A training step frees and takes the same megabytes thousands of times. The system's allocator hands
//! large blocks back to the kernel each time, mimalloc after a while, and the kernel clears them anew: a
//! tenth of the time of a step on the CPU, and far more where several train at once.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the bindings leave out: milliseconds before unused memory goes back.
const PURGE_DELAY: mi_option_t = 15;

/// Keeps memory that was freed for what comes next. The first words of a `main`.
#[allow(unsafe_code)] // mimalloc's own interface
pub fn keep_memory() {
    // SAFETY: an option of mimalloc, which may be set at any time; -1 is never.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}

/// How long unused memory is kept, in milliseconds; -1 is for ever.
#[allow(unsafe_code)] // mimalloc's own interface
pub fn kept_millis() -> c_long {
    // SAFETY: reads an option of mimalloc.
    unsafe { mi_option_get(PURGE_DELAY) }
}
