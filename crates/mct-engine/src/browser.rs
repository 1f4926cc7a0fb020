//! Browser services for the pipelines: files at URLs, and the page's own storage.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetFileOptions,
    FileSystemWritableFileStream, Response, StorageManager,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(then: &Function, millis: i32);
}

/// Waits for `millis` milliseconds.
pub async fn pause(millis: i32) {
    let pause = Promise::new(&mut |resolve, _| set_timeout(&resolve, millis));
    JsFuture::from(pause).await.ok();
}

/// A page has 4 GiB of memory, and a file is in it twice while it is read: bytes of a file at most.
pub const LARGEST: f64 = 1.5e9;

/// The bytes of a file at a URL.
///
/// # Errors
/// When the request fails, or its status is not a success.
pub async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let failed = |error: JsValue| format!("{url}: {}", describe(&error));
    let global = js_sys::global();
    let fetch = Reflect::get(&global, &"fetch".into()).map_err(failed)?;
    let fetch: Function = fetch.dyn_into().map_err(failed)?;
    let request = fetch.call1(&global, &url.into()).map_err(failed)?;
    let response = JsFuture::from(Promise::from(request)).await;
    let response: Response = response.and_then(JsCast::dyn_into).map_err(failed)?;
    if !response.ok() {
        return Err(format!(
            "{url}: found status {}, expected 200",
            response.status()
        ));
    }
    let require = |length: f64| match length > LARGEST {
        true => {
            let found = length / 1e9;
            Err(format!(
                "{url}: found {found:.1} GB, expected 1.5 GB at most in a browser"
            ))
        }
        false => Ok(()),
    };
    let length = response.headers().get("content-length").ok().flatten();
    if let Some(length) = length.and_then(|text| text.parse().ok()) {
        require(length)?;
    }
    let buffer = response.array_buffer().map_err(failed)?;
    let buffer = JsFuture::from(buffer).await.map_err(failed)?;
    let bytes = Uint8Array::new(&buffer);
    // What was compressed is longer than was said.
    require(f64::from(bytes.length()))?;
    Ok(bytes.to_vec())
}

fn describe(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok();
    let message = message.and_then(|message| message.as_string());
    message.unwrap_or_else(|| format!("{error:?}"))
}

/// Files of the page's own storage (the origin-private file system), which outlive the page.
pub mod storage {
    use super::*;

    async fn root() -> Result<FileSystemDirectoryHandle, JsValue> {
        // Page and worker have different kinds of navigators.
        let navigator = Reflect::get(&js_sys::global(), &"navigator".into())?;
        let storage = Reflect::get(&navigator, &"storage".into())?;
        let storage: StorageManager = storage.dyn_into()?;
        require(&storage, "getDirectory")?;
        JsFuture::from(storage.get_directory()).await?.dyn_into()
    }

    /// Refuses an object of an older browser.
    fn require(object: &JsValue, method: &str) -> Result<(), JsValue> {
        match Reflect::has(object, &method.into())? {
            true => Ok(()),
            false => Err(JsValue::from_str(&format!("it has no {method} yet"))),
        }
    }

    async fn handle(name: &str, create: bool) -> Result<FileSystemFileHandle, JsValue> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(create);
        let root = root().await?;
        let handle = root.get_file_handle_with_options(name, &options);
        JsFuture::from(handle).await?.dyn_into()
    }

    /// Writes a file, replacing it atomically once all bytes are written.
    ///
    /// # Errors
    /// When the browser has no such storage, or its quota is exceeded.
    pub async fn write(name: &str, bytes: &[u8]) -> Result<(), String> {
        let write = async {
            let file = handle(name, true).await?;
            require(&file, "createWritable")?;
            let stream = JsFuture::from(file.create_writable()).await?;
            let stream: FileSystemWritableFileStream = stream.dyn_into()?;
            JsFuture::from(stream.write_with_u8_array(bytes)?).await?;
            JsFuture::from(stream.close()).await
        };
        let written: Result<JsValue, JsValue> = write.await;
        written.map_err(|error| format!("the browser's storage: {}", describe(&error)))?;
        Ok(())
    }

    /// The bytes of a file; `None` where it does not exist.
    pub async fn read(name: &str) -> Option<Vec<u8>> {
        let file = JsFuture::from(handle(name, false).await.ok()?.get_file()).await;
        let file: Blob = file.ok()?.dyn_into().ok()?;
        let buffer = JsFuture::from(file.array_buffer()).await.ok()?;
        Some(Uint8Array::new(&buffer).to_vec())
    }

    /// Removes a file, if it exists.
    pub async fn remove(name: &str) {
        if let Ok(root) = root().await {
            JsFuture::from(root.remove_entry(name)).await.ok();
        }
    }
}
