//! Compute devices and their known-answer test.

mod known_answer;
mod named;

pub use known_answer::{Choice, TOLERANCE, choose, deviation};
pub use named::{CPU, Device, Named, answers, open};
#[cfg(not(target_arch = "wasm32"))]
pub use named::{by_name, list};
pub(crate) use named::{cpu, floats, is_plain_cpu, read};
