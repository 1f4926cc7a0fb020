//! Files in a browser: read as a whole, saved as downloads.

use std::path::PathBuf;

use eframe::egui::DroppedFileHandle;
use js_sys::{Array, Uint8Array};
use mct_engine::source::Source;
use rfd::AsyncFileDialog;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlAnchorElement, Url};

use super::{Answer, Incoming};
use crate::state::command::File;

fn chosen(name: String, bytes: Vec<u8>) -> Incoming {
    Incoming::Chosen(Source::Bytes {
        name,
        bytes: bytes.into(),
    })
}

pub fn choose(answer: Answer) {
    spawn_local(async move {
        for file in AsyncFileDialog::new()
            .pick_files()
            .await
            .into_iter()
            .flatten()
        {
            let bytes = file.read().await;
            answer.give(chosen(file.file_name(), bytes));
        }
    });
}

/// A browser gives no folders.
pub fn choose_folder(answer: Answer) {
    choose(answer);
}

pub fn save(file: File, _folder: Option<PathBuf>, answer: Answer) {
    let failed = |error: JsValue| Incoming::Failed(format!("{}: {error:?}", file.name));
    answer.give(match download(&file) {
        Ok(()) => Incoming::Saved(format!("downloaded {}", file.name)),
        Err(error) => failed(error),
    });
}

fn download(file: &File) -> Result<(), JsValue> {
    let parts = Array::of1(&Uint8Array::from(&file.bytes[..]));
    let blob = Blob::new_with_u8_array_sequence(&parts)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document());
    let document = document.ok_or("no document")?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    anchor.set_href(&url);
    anchor.set_download(&file.name);
    anchor.click();
    Url::revoke_object_url(&url)
}

pub fn read_dropped(file: DroppedFileHandle, answer: Answer) {
    spawn_local(async move {
        let name = file.path().display().to_string();
        answer.give(match file.bytes_async().await {
            Ok(bytes) => chosen(name, bytes),
            Err(error) => Incoming::Failed(format!("{name}: {error}")),
        });
    });
}

/// The page's own storage keeps one run.
pub fn free_folder(wanted: &str) -> String {
    wanted.to_owned()
}

pub fn discard_unfinished() {
    spawn_local(mct_engine::training::discard());
}
