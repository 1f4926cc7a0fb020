//! The systems that the paper compares, one file each.

pub mod chfn;
pub mod combination;
pub mod emt_dlfr;
pub mod mct;
pub mod misa;
pub mod mult;
pub mod pmr;
pub mod tfr_net;
