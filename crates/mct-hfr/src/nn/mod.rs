//! Blocks that the systems are built of, one file each. Tensors of sequences are
//! `[batch, time, d_model]` throughout.

pub mod attention;
pub mod classifier;
pub mod combination;
mod dropout;
pub mod gated_gru;
pub mod linear;
pub mod lstm;
pub mod mode;
pub mod mrau;
pub mod padding;
pub mod parameters;
pub mod pooling;
pub mod softmax;
mod softmax_rows;
pub mod steps;
pub mod unimodal;
