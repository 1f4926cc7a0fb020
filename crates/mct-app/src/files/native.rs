//! Files on the desktop: one thread per dialog.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eframe::egui::DroppedFileHandle;
use mct_engine::extraction::{Recording, endings};
use mct_engine::source::Source;
use rfd::AsyncFileDialog;

use super::{Incoming, Results};
use crate::state::command::{File, FolderOf};

/// Extensions of the files that can be opened.
const EXTENSIONS: [&str; 7] = [
    "safetensors",
    "npz",
    "pkl",
    "pickle",
    "csv",
    "tsv",
    "session.json",
];

/// What is said where no dialog appears.
const NO_DIALOG: &str =
    "no file dialog appears on this system: it takes xdg-desktop-portal or zenity";

/// Whether a dialog that was begun then and has no answer can never have appeared: nobody is as quick.
fn never_appeared(begun: Instant) -> bool {
    cfg!(target_os = "linux") && begun.elapsed() < Duration::from_millis(300)
}

/// Says how files are opened without a dialog, where none has appeared.
fn say_without_dialog(begun: Instant, results: &Results) {
    if never_appeared(begun) {
        let text = format!(
            "{NO_DIALOG}. Drop files on the window, or name them on the command line: mct-app FILES"
        );
        results.send(Incoming::Failed(text));
    }
}

/// A file of this name in the current folder that does not exist yet.
fn free_file(name: &str) -> PathBuf {
    let path = Path::new(name);
    let (stem, ending) = (path.file_stem(), path.extension());
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = (part(stem), part(ending));
    let numbered = (2..).map(|number| PathBuf::from(format!("{stem}-{number}.{ending}")));
    let mut candidates = std::iter::once(path.to_owned()).chain(numbered);
    candidates
        .find(|path| !path.exists())
        .unwrap_or_else(|| path.to_owned())
}

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
        let begun = Instant::now();
        let Some(files) = pollster::block_on(dialog.pick_files()) else {
            return say_without_dialog(begun, &results);
        };
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
        let begun = Instant::now();
        let Some(file) = pollster::block_on(dialog.pick_file()) else {
            return say_without_dialog(begun, &results);
        };
        let name = file.path().display().to_string();
        results.send(match mct_corpus::regular::read(file.path(), 64 << 20) {
            Ok(bytes) => Incoming::Speakers(name, bytes),
            Err(error) => Incoming::Failed(format!("{name}: {error}")),
        });
    });
}

pub fn choose_folder(of: FolderOf, results: Results) {
    spawn(move || {
        let dialog = AsyncFileDialog::new().set_title(match of {
            FolderOf::Files => {
                "Open the folder of a run, of a table with its features, or of recordings"
            }
            FolderOf::Runs => "List the runs of a folder",
            FolderOf::Training => "Keep the next run in a folder",
        });
        let begun = Instant::now();
        match pollster::block_on(dialog.pick_folder()) {
            Some(folder) => {
                results.send(Incoming::Folder(of, folder.path().to_owned()));
            }
            None => say_without_dialog(begun, &results),
        }
    });
}

/// How many files are being written.
static WRITING: AtomicUsize = AtomicUsize::new(0);

/// A file that is being written.
struct Writing;

impl Writing {
    fn begin() -> Self {
        WRITING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for the files that are being written: the program is about to end.
pub fn finish_writing() {
    while WRITING.load(Ordering::SeqCst) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn save(file: File, folder: Option<PathBuf>, results: Results) {
    spawn(move || {
        let mut why = String::new();
        let path = match folder {
            Some(folder) => Some(folder.join(&file.name)),
            None => {
                let dialog = AsyncFileDialog::new().set_file_name(&file.name);
                let begun = Instant::now();
                let chosen = pollster::block_on(dialog.save_file());
                let chosen = chosen.map(|chosen| chosen.path().to_owned());
                chosen.or_else(|| {
                    never_appeared(begun).then(|| {
                        why = format!(" ({NO_DIALOG})");
                        std::path::absolute(free_file(&file.name))
                            .unwrap_or_else(|_| free_file(&file.name))
                    })
                })
            }
        };
        let Some(path) = path else { return };
        let _writing = Writing::begin();
        results.send(match mct_corpus::atomic::write(&path, &file.bytes) {
            Ok(()) => Incoming::Saved(format!("saved {}{why}", path.display())),
            Err(error) => Incoming::Failed(error.to_string()),
        });
    });
}

pub fn read_dropped(files: Vec<DroppedFileHandle>, results: Results) {
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    // A table is looked into.
    spawn(move || results.send_chosen(paths.into_iter().map(Source::Path).collect()));
}

/// A folder of this name that does not exist or is empty; numbered where the name is taken.
pub fn free_folder(wanted: &str) -> String {
    let taken = |name: &str| {
        let path = Path::new(name);
        let is_empty = |mut entries: std::fs::ReadDir| entries.next().is_none();
        path.exists() && !path.read_dir().is_ok_and(is_empty)
    };
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|number| format!("{wanted}-{number}"));
    let mut free = numbered.filter(|name| !taken(name));
    free.next().unwrap_or_else(|| wanted.to_owned())
}

/// Where a run is kept for which this folder was chosen: the folder itself where it is empty, and else one
/// in it of the name that was wanted before.
pub fn folder_in(chosen: &Path, wanted: &str) -> String {
    let is_empty = |mut entries: std::fs::ReadDir| entries.next().is_none();
    if chosen.read_dir().is_ok_and(is_empty) {
        return chosen.display().to_string();
    }
    let name = Path::new(wanted.trim()).file_name();
    let name = name.unwrap_or_else(|| "trained".as_ref());
    chosen.join(name).display().to_string()
}

/// What training into a folder of this name does.
pub fn where_to_train(wanted: &str) -> String {
    let free = free_folder(wanted);
    let path = std::path::absolute(&free).unwrap_or_else(|_| free.clone().into());
    let taken = match free == wanted {
        true => String::new(),
        false => format!(": {wanted} is taken"),
    };
    format!(
        "Train a new model on the open corpus, in {}{taken}",
        path.display()
    )
}

/// Run folders are never deleted.
pub const fn discard_unfinished() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_folder_that_has_something_gets_the_run_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = folder.path().join("runs");
        std::fs::create_dir(&chosen).unwrap();
        let name = |own: &Path| own.display().to_string();
        assert_eq!(folder_in(&chosen, "runs/first"), name(&chosen));
        std::fs::write(chosen.join("notes.txt"), "").unwrap();
        assert_eq!(
            folder_in(&chosen, "runs/first"),
            name(&chosen.join("first"))
        );
        assert_eq!(folder_in(&chosen, " "), name(&chosen.join("trained")));
    }

    #[test]
    fn a_taken_folder_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("run").display().to_string();
        assert_eq!(free_folder(&wanted), wanted);
        std::fs::create_dir(&wanted).unwrap();
        assert_eq!(free_folder(&wanted), wanted, "an empty one");
        std::fs::write(Path::new(&wanted).join("thesis.txt"), "").unwrap();
        assert_eq!(free_folder(&wanted), format!("{wanted}-2"));
    }
}
