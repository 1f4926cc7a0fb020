//! The allocator of the programs: mimalloc, set to retain freed memory.
//!
//! A training step allocates and frees the same megabytes thousands of times. The system's allocator
//! returns large blocks to the kernel each time, mimalloc after a delay, and the kernel zeroes them again:
//! a tenth of the time of a step on the CPU, and far more with several trainings in parallel.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the bindings do not export: milliseconds until unused memory is returned.
const PURGE_DELAY: mi_option_t = 15;

/// Retains freed memory for later allocations. To be called first in `main`.
#[allow(unsafe_code)] // the C interface of mimalloc
pub fn keep_memory() {
    // SAFETY: an option of mimalloc, which may be set at any time; -1 means never.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}

/// How long unused memory is retained, in milliseconds; -1 means forever.
#[allow(unsafe_code)] // the C interface of mimalloc
pub fn kept_millis() -> c_long {
    // SAFETY: reads an option of mimalloc.
    unsafe { mi_option_get(PURGE_DELAY) }
}
