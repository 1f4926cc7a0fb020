//! The entries of the page and of its workers. Both start from one wasm module: `web/page.js` makes a
//! `Page`, `web/worker.js` calls `serve` with the name of a pipeline.
#![cfg(target_arch = "wasm32")]

use js_sys::{Function, Uint8Array};
use mct_app::application::{Application, Options, demo_corpus};
use mct_app::summary::summary;
use mct_engine::embedding::Embedding;
use mct_engine::evaluation::Evaluation;
use mct_engine::pipeline::{self, Pipeline as _};
use mct_engine::source::Source;
use mct_engine::training::{self, Training};
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

/// Runs the constructors of the module, once: thousands, which register the types of the GPU's kernels.
///
/// Where nobody calls them, the linker takes the module for a command and has every call from JavaScript
/// run them all, be it for four bytes of memory.
#[wasm_bindgen(start)]
#[allow(unsafe_code)] // a function of the linker's
fn construct() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: it is there in every module that has constructors, and `start` runs before anything else.
    unsafe { __wasm_call_ctors() }
}

/// The application on a canvas.
#[wasm_bindgen]
pub struct Page {
    runner: eframe::WebRunner,
}

#[wasm_bindgen]
impl Page {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self {
            runner: eframe::WebRunner::new(),
        }
    }

    /// Starts it. `device` is `auto`, `webgpu` or `flex`; `files` are the addresses of corpora and
    /// checkpoints to open instead of the demo, whose model is at `demo`; `set` are values for the
    /// next training, `key=value` each.
    ///
    /// # Errors
    /// When the canvas cannot be drawn on, or the browser allows no workers.
    pub async fn start(
        &self,
        canvas: HtmlCanvasElement,
        device: String,
        demo: String,
        files: Vec<String>,
        set: Vec<String>,
    ) -> Result<(), JsValue> {
        let unfinished = training::unfinished().await;
        let options = Options {
            device,
            open: if files.is_empty() {
                let model = Source::Url {
                    name: "MCT-HFR, demo".to_owned(),
                    url: demo,
                };
                vec![demo_corpus(), model]
            } else {
                files.into_iter().map(beside).collect()
            },
            set,
            save_to: None,
            unfinished: unfinished.map(|(run, last)| (run.name, run.corpus, last)),
        };
        let create = move |creation: &eframe::CreationContext<'_>| {
            let application = Application::new(&creation.egui_ctx, creation.storage, options)?;
            Ok(Box::new(application) as Box<dyn eframe::App>)
        };
        self.runner
            .start(canvas, eframe::WebOptions::default(), Box::new(create))
            .await
    }

    /// The state in a few numbers, as JSON; `undefined` before it has started and after a panic.
    pub fn state(&self) -> Option<String> {
        let application = self.runner.app_mut::<Application>()?;
        Some(summary(&application.workspace).to_string())
    }

    /// What it said when it broke.
    pub fn panic(&self) -> Option<String> {
        self.runner.panic_summary().map(|panic| panic.message())
    }
}

/// A file that an address names.
fn beside(url: String) -> Source {
    let name = url.rsplit('/').next().unwrap_or(&url).to_owned();
    Source::Url { name, url }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a pipeline in this worker; returns what takes its messages.
///
/// # Errors
/// When there is no such pipeline.
#[wasm_bindgen]
pub fn serve(name: &str, setup: &Uint8Array) -> Result<Function, JsValue> {
    match name {
        Evaluation::NAME => pipeline::serve::<Evaluation>(setup),
        Training::NAME => pipeline::serve::<Training>(setup),
        Embedding::NAME => pipeline::serve::<Embedding>(setup),
        other => Err(format!("no pipeline {other}").into()),
    }
}
