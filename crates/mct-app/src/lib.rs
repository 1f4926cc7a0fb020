//! The application of MCT-HFR: training and evaluation live, on the desktop and in a browser.
//!
//! [`state`] is shared by the panels, [`panels`] are the views, `requests` sends the requests that follow
//! from a change to the pipelines of `mct-engine`, and [`application`] is the window with all of them.

pub mod actions;
pub mod application;
mod files;
mod layout;
pub mod panels;
mod picture;
mod requests;
mod sound;
pub mod state;
pub mod summary;
mod theme;
mod widgets;

#[cfg(not(target_arch = "wasm32"))]
pub use files::finish_writing;
