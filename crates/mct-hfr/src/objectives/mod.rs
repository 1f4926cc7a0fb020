//! What is minimised in training, one objective per file.

pub mod cross_entropy;
pub mod gfa;
pub mod lfi;
pub mod losses;
pub mod smooth_l1;
pub mod supervision;
