//! Files in a browser: read into memory, saved as downloads.

use std::path::PathBuf;

use eframe::egui::DroppedFileHandle;
use js_sys::{Array, Uint8Array};
use mct_engine::source::Source;
use rfd::AsyncFileDialog;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlAnchorElement, Url};

use super::{Incoming, Results};
use crate::state::command::File;

fn chosen(name: String, bytes: Vec<u8>) -> Incoming {
    Incoming::Chosen(Source::Bytes {
        name,
        bytes: bytes.into(),
    })
}

pub fn choose(results: Results) {
    spawn_local(async move {
        for file in AsyncFileDialog::new()
            .pick_files()
            .await
            .into_iter()
            .flatten()
        {
            let bytes = file.read().await;
            results.send(chosen(file.file_name(), bytes));
        }
    });
}

/// Browsers do not open folders; opens files instead.
pub fn choose_folder(results: Results) {
    choose(results);
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

pub fn read_dropped(file: DroppedFileHandle, results: Results) {
    spawn_local(async move {
        let name = file.path().display().to_string();
        results.send(match file.bytes_async().await {
            Ok(bytes) => chosen(name, bytes),
            Err(error) => Incoming::Failed(format!("{name}: {error}")),
        });
    });
}

/// The page's own storage holds a single run, whatever its name.
pub fn free_folder(wanted: &str) -> String {
    wanted.to_owned()
}

/// Deletes the unfinished run from the page's own storage.
pub fn discard_unfinished() {
    spawn_local(mct_engine::training::discard());
}
