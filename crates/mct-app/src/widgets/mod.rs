//! Parts that several panels draw.

pub mod canvas;
pub mod heat_map;
pub mod mark;
pub mod matrix;
