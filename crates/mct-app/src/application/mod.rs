//! The window: its layout, its pipelines, and the messages between them.

mod frame;
mod panes;
mod perform;
mod receive;
mod recordings;
#[cfg(not(target_arch = "wasm32"))]
mod runs;
#[cfg(not(target_arch = "wasm32"))]
mod session;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::{self, Context, Ui, ViewportCommand};
use egui_tiles::Tree;
use mct_engine::embedding::Embedding;
use mct_engine::evaluation::{Evaluation, ModelId};
use mct_engine::extraction::Extraction;
use mct_engine::pipeline::{Handle, Wake};
use mct_engine::source::Source;
use mct_engine::training::Training;
use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::files::Files;
use crate::layout::Room;
use crate::panels::{Pane, Panels};
use crate::requests::Requests;
use crate::state::command::Command;
use crate::state::history::History;
use crate::state::notices::Kind;
use crate::state::training::Phase;
use crate::state::{Workspace, embedding as projection, missing, training as trained};
use crate::{layout, theme};

/// Options of the start.
pub struct Options {
    /// The name of the compute device.
    pub device: String,
    /// The sources to open at the start.
    pub open: Vec<Source>,
    /// Config values for the next training run, each `key=value`.
    pub set: Vec<String>,
    /// The folder to save files to without a dialog: for tests.
    pub save_to: Option<PathBuf>,
    /// The unfinished run of an earlier page: its name, its corpus and its last checkpoint.
    pub unfinished: Option<(String, Source, mct_engine::source::Bytes)>,
    /// Why trainings are not kept beyond this page; `None` where they are.
    pub not_kept: Option<String>,
}

/// What is stored between sessions.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    layout: Tree<Pane>,
    missing: missing::MissingSettings,
    projection: projection::Settings,
    training: trained::Settings,
    recent: Vec<PathBuf>,
    /// The folder whose runs are listed.
    runs: String,
}

/// Whether the window is about to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Closing {
    #[default]
    No,
    /// It asks what becomes of the training under way.
    Asks,
    /// Once that is saved.
    Saving,
}

/// Whether a signal has asked the program to end: it saves what is under way and closes.
pub static ENDING: AtomicBool = AtomicBool::new(false);

/// So many files and folders are offered to be opened again.
#[cfg(not(target_arch = "wasm32"))]
const RECENT: usize = 10;

impl Default for Stored {
    fn default() -> Self {
        Self {
            layout: layout::standard(),
            missing: missing::MissingSettings::default(),
            projection: projection::Settings::default(),
            training: trained::Settings::default(),
            recent: Vec::new(),
            runs: "runs".to_owned(),
        }
    }
}

const STORAGE_KEY: &str = "mct-app";

/// The application: its state, its panels and its pipelines.
pub struct Application {
    pub workspace: Workspace,
    panels: Panels,
    layout: Tree<Pane>,
    /// In place of the layout where there is room for one pane.
    one_by_one: Tree<Pane>,
    /// The room in the last frame.
    room: Room,
    /// Whether a phone shows corpus, models and missing steps in place of a pane.
    shows_sources: bool,
    requests: Requests,
    evaluation: Handle<Evaluation>,
    training: Handle<Training>,
    embedding: Handle<Embedding>,
    /// Started with the first recording.
    extraction: Option<Handle<Extraction>>,
    /// Requests to it so far.
    extractions: u64,
    files: Files,
    history: History,
    device: String,
    wake: Wake,
    /// Requested sources, until the response.
    opening: BTreeMap<ModelId, Source>,
    show_messages: bool,
    closing: Closing,
    /// The files and folders that were opened last, the newest first.
    recent: Vec<PathBuf>,
    #[cfg(not(target_arch = "wasm32"))]
    search: runs::Search,
    /// The conditions of a session that is being opened.
    #[cfg(not(target_arch = "wasm32"))]
    wanted: Option<crate::actions::Conditions>,
    /// The config values of the options, and those that were stored before: theirs are for this start alone.
    given: Option<(String, String)>,
}

impl Application {
    /// Starts the pipelines and opens the sources of the options.
    ///
    /// # Errors
    /// When a thread or worker cannot be started.
    pub fn new(
        context: &Context,
        storage: Option<&dyn eframe::Storage>,
        options: Options,
    ) -> Result<Self, String> {
        theme::set(context);
        // Where something was scrolled to says nothing at another start, of another corpus.
        #[cfg(not(target_arch = "wasm32"))]
        context.data_mut(|data| data.remove_by_type::<egui::scroll_area::State>());
        let repaint = context.clone();
        let wake: Wake = Arc::new(move || repaint.request_repaint());
        let device = options.device;
        let stored: Stored = storage
            .and_then(|storage| storage.get_string(STORAGE_KEY))
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let mut workspace = Workspace::new();
        workspace.missing = stored.missing;
        workspace.projection.settings = stored.projection;
        workspace.training.settings = stored.training;
        #[cfg(not(target_arch = "wasm32"))]
        workspace.runs.folder.clone_from(&stored.runs);
        if let Some((name, corpus, _)) = &options.unfinished {
            let corpus = corpus.name();
            let text = format!(
                "the training “{name}” on {corpus} was not finished: the panel Training goes on with it"
            );
            workspace.notices.add(Kind::Warning, text);
        }
        workspace.training.unfinished = options.unfinished;
        workspace.training.not_kept = options.not_kept;
        let mut given = None;
        if !options.set.is_empty() {
            let settings = &mut workspace.training.settings;
            let stored = std::mem::replace(&mut settings.more, options.set.join("\n"));
            given = Some((settings.more.clone(), stored));
            if let Err(problem) = settings.config() {
                workspace.notices.add(Kind::Error, problem);
            }
        }
        for source in options.open {
            workspace.open(source);
        }
        Ok(Self {
            workspace,
            panels: Panels::default(),
            layout: layout::checked(stored.layout),
            one_by_one: layout::one_by_one(),
            room: Room::default(),
            shows_sources: false,
            requests: Requests::default(),
            evaluation: Handle::start(device.clone(), wake.clone())?,
            training: Handle::start(device.clone(), wake.clone())?,
            embedding: Handle::start((), wake.clone())?,
            extraction: None,
            extractions: 0,
            files: Files::new(wake.clone(), options.save_to),
            history: History::default(),
            device,
            wake,
            opening: BTreeMap::new(),
            show_messages: false,
            closing: Closing::No,
            recent: stored.recent,
            #[cfg(not(target_arch = "wasm32"))]
            search: runs::Search::default(),
            #[cfg(not(target_arch = "wasm32"))]
            wanted: None,
            given,
        })
    }

    /// Receives responses, performs commands and sends requests. Called before each frame, and while the
    /// window is hidden.
    pub fn work(&mut self, context: &Context) {
        self.receive_evaluation();
        self.receive_training();
        self.receive_embedding();
        self.receive_extraction();
        self.follow_sound(context);
        self.take_files(context);
        for command in self.workspace.take_commands() {
            self.perform(command, context);
        }
        self.extract_waiting();
        #[cfg(not(target_arch = "wasm32"))]
        self.follow_session();
        self.save_before_closing(context);
        let front = layout::front(self.drawn());
        let before = std::mem::replace(&mut self.workspace.front, front);
        if !self.workspace.settle(&before) {
            context.request_repaint();
        }
        self.request();
        #[cfg(not(target_arch = "wasm32"))]
        self.look_for_runs(layout::is_seen(self.drawn(), Pane::Runs), context);
    }

    /// The tree of panes that there is room for.
    const fn drawn(&self) -> &Tree<Pane> {
        self.room.of_trees(&self.layout, &self.one_by_one)
    }

    /// Sends the requests that follow from what is chosen, and takes away what was of another choice.
    fn request(&mut self) {
        let Self {
            requests,
            workspace,
            evaluation,
            embedding,
            ..
        } = self;
        let drawn = self.room.of_trees(&self.layout, &self.one_by_one);
        let is_seen = |pane| layout::is_seen(drawn, pane);
        requests.request(workspace, evaluation, embedding, is_seen);
    }

    /// Brings a pane to the front.
    fn bring(&mut self, pane: Pane) {
        layout::show(&mut self.layout, pane);
        layout::show(&mut self.one_by_one, pane);
        self.shows_sources = false;
    }

    /// Performs an action from around the window, given as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn act(&mut self, action: &str) -> Result<(), String> {
        let action: Action = serde_json::from_str(action).map_err(|error| error.to_string())?;
        self.workspace.act(action);
        (self.wake)();
        Ok(())
    }

    /// A window that is to be closed while it trains asks; asked a second time it waits for the current step and
    /// its checkpoint, and a third time it closes at once.
    fn save_before_closing(&mut self, context: &Context) {
        let asked = context.input(|input| input.viewport().close_requested());
        let busy = self.workspace.training.phase.is_busy();
        // Nobody may be there to answer.
        if ENDING.swap(false, Ordering::SeqCst) && self.closing != Closing::Saving {
            match busy {
                true => self.save_and_close(context),
                false => context.send_viewport_cmd(ViewportCommand::Close),
            }
        } else if asked && busy && self.closing != Closing::Saving {
            context.send_viewport_cmd(ViewportCommand::CancelClose);
            match self.closing {
                Closing::Asks => self.save_and_close(context),
                _ => self.closing = Closing::Asks,
            }
        } else if self.closing != Closing::No && self.workspace.training.phase == Phase::Failed {
            // It is not saved: the window stays, and says why.
            self.closing = Closing::No;
        } else if self.closing == Closing::Saving && !busy {
            context.send_viewport_cmd(ViewportCommand::Close);
        } else if self.closing == Closing::Asks && !busy {
            // The training has ended while it asked: nobody has said that the window is to close.
            self.closing = Closing::No;
        }
    }

    fn save_and_close(&mut self, context: &Context) {
        self.closing = Closing::Saving;
        self.perform(Command::StopTraining, context);
    }

    /// Asks what becomes of the training under way, or says that it is being saved.
    fn closing_dialog(&mut self, context: &Context) {
        if self.closing == Closing::No {
            return;
        }
        egui::Modal::new(egui::Id::unique("closing")).show(context, |ui| {
            if self.closing == Closing::Saving {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label("saving the training under way, then the window closes");
                });
                ui.weak("It can be resumed: open its run folder. Closing once more does not wait.");
                return;
            }
            ui.label("A model is being trained.");
            ui.horizontal(|ui| {
                let save = ui.button("Save and close");
                let hint = "After the current step; open its run folder to resume it";
                self.workspace.controls.note("save and close", &save);
                if save.on_hover_text(hint).clicked() {
                    self.save_and_close(context);
                }
                let keep = ui.button("Keep training");
                self.workspace.controls.note("keep training", &keep);
                if keep.clicked() {
                    self.closing = Closing::No;
                }
            });
        });
    }

    /// Stores the layout and the settings.
    pub fn store(&self, storage: &mut dyn eframe::Storage) {
        let mut training = self.workspace.training.settings.clone();
        if let Some((given, before)) = &self.given
            && training.more == *given
        {
            training.more.clone_from(before);
        }
        let stored = Stored {
            layout: self.layout.clone(),
            missing: self.workspace.missing.clone(),
            projection: self.workspace.projection.settings.clone(),
            training,
            recent: self.recent.clone(),
            #[cfg(not(target_arch = "wasm32"))]
            runs: self.workspace.runs.folder.clone(),
            #[cfg(target_arch = "wasm32")]
            runs: String::new(),
        };
        match serde_json::to_string(&stored) {
            Ok(text) => storage.set_string(STORAGE_KEY, text),
            Err(error) => debug_assert!(false, "the settings are not stored: {error}"),
        }
    }
}

impl eframe::App for Application {
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.work(context);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        Application::ui(self, ui);
        // Commands are performed in the next frame, which would otherwise wait for input.
        if self.workspace.has_commands() {
            ui.ctx().request_repaint();
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.store(storage);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
}

/// The synthetic corpus, of the size of the paper's corpus.
pub const fn demo_corpus() -> Source {
    Source::Demo {
        seed: 1,
        scale: 1.0,
    }
}
