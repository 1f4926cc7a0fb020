//! Files on the desktop: one thread per dialog.

use std::path::{Path, PathBuf};

use eframe::egui::DroppedFileHandle;
use mct_engine::extraction::{Recording, endings};
use mct_engine::source::Source;
use rfd::AsyncFileDialog;

use super::{Incoming, Results};
use crate::state::command::File;

/// Extensions of the files that can be opened.
const EXTENSIONS: [&str; 6] = ["safetensors", "npz", "pkl", "pickle", "csv", "tsv"];

/// Runs a dialog in a thread.
fn spawn(work: impl FnOnce() + Send + 'static) {
    // A system that cannot start a thread has no window either.
    std::thread::Builder::new()
        .name("dialog".to_owned())
        .spawn(work)
        .ok();
}

pub fn choose(results: Results) {
    spawn(move || {
        let all: Vec<&str> = EXTENSIONS.into_iter().chain(endings()).collect();
        let dialog = AsyncFileDialog::new()
            .set_title("Open a corpus, a checkpoint, features or recordings")
            .add_filter("corpus, checkpoint, features, recordings", &all)
            .add_filter("all files", &["*"]);
        let files = pollster::block_on(dialog.pick_files()).unwrap_or_default();
        let paths = files.iter().map(|file| file.path().to_owned());
        results.send_chosen(paths.map(Source::Path).collect());
    });
}

/// On the desktop a recording is read where it lies.
pub fn prepare(recordings: Vec<Recording>, results: Results) {
    results.send(Incoming::Recordings(recordings));
}

pub fn choose_speakers(results: Results) {
    spawn(move || {
        let dialog = AsyncFileDialog::new()
            .set_title("Open a table of speakers")
            .add_filter("table", &["csv", "tsv", "txt"])
            .add_filter("all files", &["*"]);
        let Some(file) = pollster::block_on(dialog.pick_file()) else {
            return;
        };
        let name = file.path().display().to_string();
        results.send(match std::fs::read(file.path()) {
            Ok(bytes) => Incoming::Speakers(name, bytes),
            Err(error) => Incoming::Failed(format!("{name}: {error}")),
        });
    });
}

pub fn choose_folder(results: Results) {
    spawn(move || {
        let dialog = AsyncFileDialog::new()
            .set_title("Open the folder of a run, of a table with its features, or of recordings");
        if let Some(folder) = pollster::block_on(dialog.pick_folder()) {
            results.send(Incoming::Chosen(Source::Path(folder.path().to_owned())));
        }
    });
}

pub fn save(file: File, folder: Option<PathBuf>, results: Results) {
    spawn(move || {
        let path = match folder {
            Some(folder) => Some(folder.join(&file.name)),
            None => {
                let dialog = AsyncFileDialog::new().set_file_name(&file.name);
                let chosen = pollster::block_on(dialog.save_file());
                chosen.map(|chosen| chosen.path().to_owned())
            }
        };
        let Some(path) = path else { return };
        results.send(match mct_corpus::atomic::write(&path, &file.bytes) {
            Ok(()) => Incoming::Saved(format!("saved {}", path.display())),
            Err(error) => Incoming::Failed(error.to_string()),
        });
    });
}

pub fn read_dropped(files: Vec<DroppedFileHandle>, results: Results) {
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    // A table is looked into.
    spawn(move || results.send_chosen(paths.into_iter().map(Source::Path).collect()));
}

/// A folder of this name without a run; numbered where the name is taken.
pub fn free_folder(wanted: &str) -> String {
    let taken = |name: &str| Path::new(name).join("config.toml").exists();
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|number| format!("{wanted}-{number}"));
    let mut free = numbered.filter(|name| !taken(name));
    free.next().unwrap_or_else(|| wanted.to_owned())
}

/// Run folders are never deleted.
pub const fn discard_unfinished() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_folder_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("run").display().to_string();
        assert_eq!(free_folder(&wanted), wanted);
        std::fs::create_dir(&wanted).unwrap();
        std::fs::write(Path::new(&wanted).join("config.toml"), "").unwrap();
        assert_eq!(free_folder(&wanted), format!("{wanted}-2"));
    }
}
