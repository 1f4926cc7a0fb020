//! Files that come in by dialog or drag and drop, and files that are taken away.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui::Context;
use mct_engine::pipeline::Wake;
use mct_engine::source::Source;

use crate::picture;
use crate::state::command::File;

#[cfg(not(target_arch = "wasm32"))]
use native as system;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{discard_unfinished, free_folder};
#[cfg(target_arch = "wasm32")]
use web as system;
#[cfg(target_arch = "wasm32")]
pub use web::{discard_unfinished, free_folder};

/// What has come of a dialog, a drop or a download.
pub enum Incoming {
    Chosen(Source),
    /// What could not be read or written.
    Failed(String),
    /// What was written, and where.
    Saved(String),
}

pub struct Files {
    sender: Sender<Incoming>,
    receiver: Receiver<Incoming>,
    wake: Wake,
    /// Where saved files go instead of a dialog.
    save_to: Option<PathBuf>,
}

/// Where dialogs answer: they run beside the window.
#[derive(Clone)]
struct Answer {
    sender: Sender<Incoming>,
    wake: Wake,
}

impl Answer {
    fn give(&self, incoming: Incoming) {
        // Nobody listens any more when the window has closed.
        self.sender.send(incoming).ok();
        (self.wake)();
    }
}

impl Files {
    pub fn new(wake: Wake, save_to: Option<PathBuf>) -> Self {
        let (sender, receiver) = channel();
        Self {
            sender,
            receiver,
            wake,
            save_to,
        }
    }

    fn answer(&self) -> Answer {
        Answer {
            sender: self.sender.clone(),
            wake: self.wake.clone(),
        }
    }

    /// What has come since the last time.
    pub fn incoming(&self) -> Vec<Incoming> {
        self.receiver.try_iter().collect()
    }

    /// Asks for files to open.
    pub fn choose(&self) {
        system::choose(self.answer());
    }

    /// Asks for the folder of a run to open.
    pub fn choose_folder(&self) {
        system::choose_folder(self.answer());
    }

    /// Keeps a file where a person wants it.
    pub fn save(&self, file: File) {
        system::save(file, self.save_to.clone(), self.answer());
    }

    /// Keeps a picture of the window, once its next frame is drawn.
    pub fn save_picture(&self, context: &Context) {
        let (folder, answer) = (self.save_to.clone(), self.answer());
        context.request_screenshot(move |image| match picture::png(&image) {
            Ok(bytes) => {
                let name = "mct-hfr.png".to_owned();
                system::save(File { name, bytes }, folder, answer);
            }
            Err(text) => answer.give(Incoming::Failed(text)),
        });
    }

    /// Opens the files that were dropped on the window.
    pub fn take_dropped(&self, context: &Context) {
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        for file in dropped {
            system::read_dropped(file, self.answer());
        }
    }
}
