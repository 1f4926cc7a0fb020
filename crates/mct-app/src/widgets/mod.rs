//! Widgets shared by several panels.

pub mod axis;
pub mod canvas;
pub mod direction;
pub mod heat_map;
pub mod history;
pub mod legend;
pub mod mark;
pub mod matrix;
mod seed;
mod slider;

pub use seed::seed;
pub use slider::slider;
