//! The window: its layout, its pipelines, and what goes between them.

mod frame;
mod hear;
mod perform;

use std::sync::Arc;

use eframe::egui::{Context, Ui};
use egui_tiles::Tree;
use mct_engine::embedding::Embedding;
use mct_engine::evaluation::{Evaluation, ModelId};
use mct_engine::pipeline::{Handle, Wake};
use mct_engine::source::Source;
use mct_engine::training::Training;
use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::panels::{Pane, Panels};
use crate::requests::Requests;
use crate::state::{Workspace, embedding as projection, missing, training as trained};
use crate::{layout, theme};

/// How the application is started.
pub struct Options {
    /// The name of the device that computes.
    pub device: String,
    /// What is opened first.
    pub open: Vec<Source>,
    /// Values for the next training, `key=value` each.
    pub set: Vec<String>,
    /// Where saved files go instead of a dialog: for tests.
    pub save_to: Option<std::path::PathBuf>,
    /// The training that an earlier page has left.
    pub unfinished: Option<(String, Source, mct_engine::source::Bytes)>,
}

/// What is kept between starts.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    layout: Tree<Pane>,
    missing: missing::MissingSettings,
    projection: projection::Settings,
    training: trained::Settings,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            layout: layout::standard(),
            missing: missing::MissingSettings::default(),
            projection: projection::Settings::default(),
            training: trained::Settings::default(),
        }
    }
}

const KEPT: &str = "mct-app";

pub struct Application {
    pub workspace: Workspace,
    panels: Panels,
    layout: Tree<Pane>,
    requests: Requests,
    evaluation: Handle<Evaluation>,
    training: Handle<Training>,
    embedding: Handle<Embedding>,
    files: Files,
    device: String,
    wake: Wake,
    /// Models that were asked for, with where they come from, until they are told.
    opening: Vec<(ModelId, Source)>,
    show_messages: bool,
    /// What was compared in the last frame.
    compared: Option<ModelId>,
}

impl Application {
    /// Starts the pipelines and opens what the options name.
    ///
    /// # Errors
    /// When the system has no thread or worker to give.
    pub fn new(
        context: &Context,
        storage: Option<&dyn eframe::Storage>,
        options: Options,
    ) -> Result<Self, String> {
        theme::set(context);
        let repaint = context.clone();
        let wake: Wake = Arc::new(move || repaint.request_repaint());
        let device = options.device;
        let kept = storage.and_then(|storage| eframe::get_value::<Kept>(storage, KEPT));
        let kept = kept.unwrap_or_default();
        let mut workspace = Workspace::new();
        workspace.missing = kept.missing;
        workspace.projection.settings = kept.projection;
        workspace.training.settings = kept.training;
        workspace.training.unfinished = options.unfinished;
        if !options.set.is_empty() {
            workspace.training.settings.more = options.set.join("\n");
        }
        for source in options.open {
            workspace.open(source);
        }
        Ok(Self {
            workspace,
            panels: Panels::default(),
            layout: layout::checked(kept.layout),
            requests: Requests::default(),
            evaluation: Handle::start(device.clone(), wake.clone())?,
            training: Handle::start(device.clone(), wake.clone())?,
            embedding: Handle::start((), wake.clone())?,
            files: Files::new(wake.clone(), options.save_to),
            device,
            wake,
            opening: Vec::new(),
            show_messages: false,
            compared: None,
        })
    }

    /// Takes in what has come, and asks what follows. Called before each frame, and while the window is
    /// hidden.
    pub fn work(&mut self, context: &Context) {
        self.hear_evaluation();
        self.hear_training();
        self.hear_embedding();
        self.take_files(context);
        for command in self.workspace.take_commands() {
            self.perform(command, context);
        }
        let compared = self.workspace.models.compared;
        if compared.is_some() && compared != self.compared {
            layout::show(&mut self.layout, Pane::Comparison);
        }
        self.compared = compared;
        let seen = layout::is_seen(&self.layout, Pane::Embedding);
        let Self {
            requests,
            workspace,
            evaluation,
            embedding,
            ..
        } = self;
        requests.request(workspace, evaluation, embedding, seen);
    }

    /// The layout and the settings, as they are kept.
    pub fn keep(&self, storage: &mut dyn eframe::Storage) {
        let kept = Kept {
            layout: self.layout.clone(),
            missing: self.workspace.missing.clone(),
            projection: self.workspace.projection.settings.clone(),
            training: self.workspace.training.settings.clone(),
        };
        eframe::set_value(storage, KEPT, &kept);
    }
}

impl eframe::App for Application {
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.work(context);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        Application::ui(self, ui);
        // What a panel has asked for is done in the next frame, which may otherwise wait for the mouse.
        if self.workspace.has_commands() {
            ui.ctx().request_repaint();
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.keep(storage);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
}

/// The synthetic corpus, of the size of the paper's.
pub const fn demo_corpus() -> Source {
    Source::Demo {
        seed: 1,
        scale: 1.0,
    }
}
