//! Files opened by dialog or drag and drop, and files saved by dialog or download.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod video;
#[cfg(target_arch = "wasm32")]
mod web;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui::Context;
use mct_engine::extraction::{Recording, recordings};
use mct_engine::pipeline::Wake;
use mct_engine::source::{Source, group};

use crate::picture;
use crate::state::command::{File, FolderOf};

#[cfg(not(target_arch = "wasm32"))]
use native as system;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{discard_unfinished, finish_writing, folder_in, free_folder, where_to_train};
#[cfg(target_arch = "wasm32")]
use web as system;
#[cfg(target_arch = "wasm32")]
pub use web::{discard_unfinished, free_folder, where_to_train};

/// The result of a dialog, a drop or a download.
pub enum Incoming {
    Chosen(Source),
    /// A folder that was chosen for this.
    #[cfg(not(target_arch = "wasm32"))]
    Folder(FolderOf, PathBuf),
    /// Recordings that were chosen together.
    Recordings(Vec<Recording>),
    /// The table of speakers of an import: its name and bytes.
    Speakers(String, Vec<u8>),
    /// The message of a failed read or write.
    Failed(String),
    /// A file was written: its path or name.
    Saved(String),
}

/// Dialogs, drops and downloads, and their results.
pub struct Files {
    sender: Sender<Incoming>,
    receiver: Receiver<Incoming>,
    wake: Wake,
    /// The folder to save files to without a dialog.
    save_to: Option<PathBuf>,
}

/// Where dialogs, which run beside the window, send their results.
#[derive(Clone)]
struct Results {
    sender: Sender<Incoming>,
    wake: Wake,
}

impl Results {
    /// Sends files that were chosen together.
    fn send_chosen(&self, sources: Vec<Source>) {
        let (recordings, others) = recordings(sources);
        if !recordings.is_empty() {
            system::prepare(recordings, self.clone());
        }
        for source in group(others) {
            self.send(Incoming::Chosen(source));
        }
    }

    fn send(&self, incoming: Incoming) {
        // Fails once the window has closed.
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

    fn results(&self) -> Results {
        Results {
            sender: self.sender.clone(),
            wake: self.wake.clone(),
        }
    }

    /// The results since the last call.
    pub fn incoming(&self) -> Vec<Incoming> {
        self.receiver.try_iter().collect()
    }

    /// Opens a dialog for files to open.
    pub fn choose(&self) {
        system::choose(self.results());
    }

    /// Reads what recordings need to be read for before they are opened.
    pub fn prepare(&self, recordings: Vec<Recording>) {
        system::prepare(recordings, self.results());
    }

    /// Opens a dialog for a table of speakers.
    pub fn choose_speakers(&self) {
        system::choose_speakers(self.results());
    }

    /// Opens a dialog for a folder.
    pub fn choose_folder(&self, of: FolderOf) {
        system::choose_folder(of, self.results());
    }

    /// Saves a file, by dialog or download.
    pub fn save(&self, file: File) {
        system::save(file, self.save_to.clone(), self.results());
    }

    /// Saves a screenshot of the window, once its next frame is drawn.
    pub fn save_picture(&self, context: &Context) {
        let (folder, results) = (self.save_to.clone(), self.results());
        context.request_screenshot(move |image| match picture::png(&image) {
            Ok(bytes) => {
                let name = "mct-hfr.png".to_owned();
                system::save(File { name, bytes }, folder, results);
            }
            Err(text) => results.send(Incoming::Failed(text)),
        });
    }

    /// Opens the files that were dropped on the window.
    pub fn take_dropped(&self, context: &Context) {
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        if !dropped.is_empty() {
            system::read_dropped(dropped, self.results());
        }
    }
}
