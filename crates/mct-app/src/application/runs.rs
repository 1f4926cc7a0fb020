//! Looks for the runs of a folder, beside the window.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui::Context;
use mct_runs::{Listing, runs_below};
use web_time::{Duration, Instant};

use super::Application;

/// A run that trains changes meanwhile.
const AGAIN: Duration = Duration::from_secs(5);

/// What was found in which folder.
type Found = (String, Result<Listing, String>);

/// The answers of the threads that look.
pub(super) struct Search {
    sender: Sender<Found>,
    receiver: Receiver<Found>,
}

impl Default for Search {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver }
    }
}

impl Application {
    /// Takes what was found, and looks again where the runs are seen and that is some time ago.
    pub(super) fn look_for_runs(&mut self, is_seen: bool, context: &Context) {
        let runs = &mut self.workspace.runs;
        for (folder, found) in self.search.receiver.try_iter() {
            runs.found(folder, found);
        }
        let folder = runs.folder.trim().to_owned();
        if !is_seen || runs.is_looking || folder.is_empty() {
            return;
        }
        let age = runs.looked.map(|looked| looked.elapsed());
        if let Some(age) = age.filter(|age| *age < AGAIN) {
            context.request_repaint_after(AGAIN - age);
            return;
        }
        (runs.looked, runs.is_looking) = (Some(Instant::now()), true);
        let (sender, wake) = (self.search.sender.clone(), self.wake.clone());
        let look = move || {
            let found = runs_below(Path::new(&folder)).map_err(|error| error.to_string());
            // Fails once the window has closed.
            sender.send((folder, found)).ok();
            wake();
        };
        let thread = std::thread::Builder::new().name("runs".to_owned());
        if let Err(error) = thread.spawn(look) {
            let runs = &mut self.workspace.runs;
            runs.found(runs.folder.clone(), Err(error.to_string()));
        }
    }
}
