//! Training: one async loop for the command line, the desktop and the browser.

mod checkpoint;
mod ema;
mod event;
mod masks;
mod optimizer;
mod remarks;
mod schedule;
mod state;
mod trainer;

pub use checkpoint::{Checkpoint, HEADER, Precision};
pub use event::{EpochRecord, Event, FinishReason, ImaginationRecord, LossRecord, learning_curves};
pub use optimizer::{AdamW, AdamWConfig};
pub use remarks::{computes_otherwise, left_out, remarks, truncations, unscaled};
pub use state::State;
pub use trainer::{Face, Trainer};
