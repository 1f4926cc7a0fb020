//! The application of MCT-HFR: training and evaluation live, on the desktop and in a browser.
//!
//! [`state`] is what the panels share, [`panels`] are the views, `questions` asks the pipelines of
//! `mct-engine` what follows from a change, and [`application`] puts them into a window.

pub mod application;
mod files;
mod layout;
pub mod panels;
mod picture;
mod requests;
pub mod state;
pub mod summary;
mod theme;
mod widgets;
