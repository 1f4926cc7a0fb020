//! Files in a browser: read into memory, saved as downloads.

use std::path::PathBuf;

use eframe::egui::DroppedFileHandle;
use js_sys::{Array, Reflect, Uint8Array};
use mct_engine::browser::LARGEST;
use mct_engine::extraction::Recording;
use mct_engine::source::{Source, group};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlAnchorElement, HtmlInputElement, Url};

use super::{Incoming, Results, video};
use crate::state::command::{File, FolderOf};

fn chosen(name: String, bytes: Vec<u8>) -> Source {
    Source::Bytes {
        name,
        bytes: bytes.into(),
    }
}

pub fn choose(results: Results) {
    pick(Kind::Files, results, |files, results| async move {
        if let Some(sources) = read(files, &results).await {
            results.send_chosen(sources);
        }
    });
}

/// Fetches recordings, and has the browser decode what only it can: there is no ffmpeg.
pub fn prepare(recordings: Vec<Recording>, results: Results) {
    spawn_local(async move {
        let mut prepared = Vec::new();
        let share = 1.0 / recordings.len().max(1) as f64;
        for mut recording in recordings {
            let name = recording.file.name();
            match video::decode(&mut recording, share).await {
                Ok(problem) => {
                    if let Some(text) = problem {
                        results.send(Incoming::Failed(format!("{name}: {text}")));
                    }
                    prepared.push(recording);
                }
                Err(text) => results.send(Incoming::Failed(format!("{name}: {text}"))),
            }
        }
        if !prepared.is_empty() {
            results.send(Incoming::Recordings(prepared));
        }
    });
}

pub fn choose_speakers(results: Results) {
    pick(Kind::File, results, |files, results| async move {
        let sources = read(files, &results).await.into_iter().flatten();
        for source in sources {
            if let Source::Bytes { name, bytes } = source {
                results.send(Incoming::Speakers(name, bytes.to_vec()));
            }
        }
    });
}

/// Opens a table and the features in its folder: a page chooses folders to open alone.
pub fn choose_folder(_: FolderOf, results: Results) {
    pick(Kind::Folder, results, |files, results| async move {
        let Some(sources) = read(files, &results).await else {
            return;
        };
        let mut grouped = group(sources);
        grouped.retain(|source| matches!(source, Source::Features(_)));
        if grouped.is_empty() {
            let message =
                "the folder has no table of utterances: expected a .csv or .tsv with a column `id`";
            results.send(Incoming::Failed(message.to_owned()));
        }
        for source in grouped {
            results.send(Incoming::Chosen(source));
        }
    });
}

/// What is chosen.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Files,
    Folder,
}

/// Opens the browser's dialog; `then` gets what is chosen there.
fn pick<F: Future<Output = ()> + 'static>(
    kind: Kind,
    results: Results,
    then: impl FnOnce(Vec<web_sys::File>, Results) -> F + 'static,
) {
    let failed = results.clone();
    if let Err(error) = show_input(kind, results, then) {
        failed.send(Incoming::Failed(format!("no dialog: {error:?}")));
    }
}

/// The dialog is that of a file input, which nobody sees.
fn show_input<F: Future<Output = ()> + 'static>(
    kind: Kind,
    results: Results,
    then: impl FnOnce(Vec<web_sys::File>, Results) -> F + 'static,
) -> Result<(), JsValue> {
    let document = web_sys::window()
        .and_then(|window| window.document())
        .ok_or("no document")?;
    let input: HtmlInputElement = document.create_element("input")?.dyn_into()?;
    input.set_type("file");
    input.set_multiple(kind == Kind::Files);
    if kind == Kind::Folder {
        input.set_attribute("webkitdirectory", "")?;
    }
    // In the document, so that it lives until something is chosen.
    input.set_attribute("hidden", "")?;
    let body = document.body().ok_or("no body")?;
    body.append_child(&input)?;
    let picked = input.clone();
    let on_change = Closure::once_into_js(move || {
        let files = picked.files();
        picked.remove();
        let files = files
            .iter()
            .flat_map(|files| (0..files.length()).map(|i| files.get(i)));
        spawn_local(then(files.flatten().collect(), results));
    });
    input.set_onchange(Some(on_change.unchecked_ref()));
    input.click();
    Ok(())
}

/// Files by their path in the folder that was chosen, or by their name; `None` where one cannot be read,
/// which is said.
async fn read(files: Vec<web_sys::File>, results: &Results) -> Option<Vec<Source>> {
    let mut sources = Vec::new();
    let mut sum = 0.0;
    for file in files {
        let path = Reflect::get(&file, &"webkitRelativePath".into());
        let path = path.ok().and_then(|path| path.as_string());
        let name = path
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| file.name());
        sum += file.size();
        if sum > LARGEST {
            let found = sum / 1e9;
            let text =
                format!("{name}: {found:.1} GB so far, expected 1.5 GB at most in a browser");
            results.send(Incoming::Failed(text));
            return None;
        }
        match JsFuture::from(file.array_buffer()).await {
            Ok(buffer) => sources.push(chosen(name, Uint8Array::new(&buffer).to_vec())),
            Err(error) => {
                results.send(Incoming::Failed(format!("{name}: {error:?}")));
                return None;
            }
        }
    }
    Some(sources)
}

pub fn save(file: File, _folder: Option<PathBuf>, results: Results) {
    let failed = |error: JsValue| Incoming::Failed(format!("{}: {error:?}", file.name));
    results.send(match download(&file) {
        Ok(()) => Incoming::Saved(format!("downloaded {}", file.name)),
        Err(error) => failed(error),
    });
}

fn download(file: &File) -> Result<(), JsValue> {
    let content = Array::of1(&Uint8Array::from(&file.bytes[..]));
    let blob = Blob::new_with_u8_array_sequence(&content)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window()
        .and_then(|window| window.document())
        .ok_or("no document")?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    anchor.set_href(&url);
    anchor.set_download(&file.name);
    anchor.click();
    Url::revoke_object_url(&url)
}

pub fn read_dropped(files: Vec<DroppedFileHandle>, results: Results) {
    spawn_local(async move {
        let files = files.iter().filter_map(|file| file.web_file().cloned());
        if let Some(sources) = read(files.collect(), &results).await {
            results.send_chosen(sources);
        }
    });
}

/// What training does.
pub fn where_to_train(_name: &str) -> String {
    "Train a new model on the open corpus".to_owned()
}

/// The page's own storage holds a single run, whatever its name.
pub fn free_folder(wanted: &str) -> String {
    wanted.to_owned()
}

/// Deletes the unfinished run from the page's own storage.
pub fn discard_unfinished() {
    spawn_local(mct_engine::training::discard());
}
