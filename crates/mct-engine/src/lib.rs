//! What the application computes, apart from its window.
//!
//! Three pipelines, each a thread natively and a web worker in a browser: [`evaluation`] holds the
//! corpus and the models and answers questions about them, [`training`] trains, [`embedding`] projects
//! vectors onto the plane. The window asks and is told; neither side waits for the other.

#[cfg(target_arch = "wasm32")]
pub mod browser;
mod device;
pub mod embedding;
mod error;
pub mod evaluation;
pub mod pipeline;
pub mod source;
pub mod training;
