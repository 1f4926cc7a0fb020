//! The computations of the application, without its window.
//!
//! Four pipelines, each a thread natively and a web worker in a browser: [`evaluation`] owns the corpus
//! and the models and evaluates them on request, [`training`] trains, [`embedding`] projects vectors
//! onto the plane, [`extraction`] makes a corpus of recordings. Requests and responses are asynchronous; neither side waits for the other.

#[cfg(target_arch = "wasm32")]
pub mod browser;
mod device;
pub mod embedding;
mod error;
pub mod evaluation;
pub mod extraction;
pub mod pipeline;
pub mod source;
pub mod training;
