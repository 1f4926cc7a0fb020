//! The window: its layout, its pipelines, and what goes between them.

use std::sync::Arc;

use eframe::egui::{self, CentralPanel, Context, ProgressBar, ThemePreference, Ui};
use egui_tiles::{Behavior, TileId, Tiles, Tree, UiResponse};
use mct_engine::embedding::{self, Embedding};
use mct_engine::evaluation::{self, Evaluation, ModelId};
use mct_engine::pipeline::{Handle, Told, Wake};
use mct_engine::source::Source;
use mct_engine::training::{self, Start, Training};
use serde::{Deserialize, Serialize};

use crate::files::{Files, Incoming};
use crate::layout;
use crate::panels::{Format, Pane, Panels, messages, missing, sources};
use crate::questions::Questions;
use crate::state::Workspace;
use crate::state::command::{Command, File, Part};
use crate::state::notices::Kind;
use crate::state::training::{Phase, Run};
use crate::state::{embedding as projection, hidden, training as trained};
use crate::theme;

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
    hidden: hidden::Hidden,
    projection: projection::Settings,
    training: trained::Settings,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            layout: layout::standard(),
            hidden: hidden::Hidden::default(),
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
    questions: Questions,
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
        workspace.hidden = kept.hidden;
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
            questions: Questions::default(),
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
            questions,
            workspace,
            evaluation,
            embedding,
            ..
        } = self;
        questions.ask(workspace, evaluation, embedding, seen);
    }

    fn hear_evaluation(&mut self) {
        let told: Vec<_> = self.evaluation.told().collect();
        for told in told {
            match told {
                Told::Tell(tell) => self.hear_answer(tell),
                Told::Died(text) => self.workspace.notices.died(Part::Evaluation, text),
            }
        }
    }

    fn hear_answer(&mut self, tell: evaluation::Tell) {
        use evaluation::Tell;

        let workspace = &mut self.workspace;
        match tell {
            Tell::Testing(share) => workspace.device_tested = share,
            Tell::Ready(card) => {
                if let Some(warning) = &card.warning {
                    workspace.notices.add(Kind::Warning, warning.clone());
                }
                workspace.device = Some(card);
            }
            Tell::Corpus(card) => workspace.set_corpus(*card),
            Tell::Model(card) => {
                let id = card.id;
                let place = self.opening.iter().position(|(own, _)| *own == id);
                let source = place.map(|place| self.opening.swap_remove(place).1);
                if source.is_some() {
                    // Its weights may be others than before.
                    self.questions.forget_model(id);
                }
                workspace.models.set(*card, source);
            }
            Tell::Refused { name, message } => {
                let text = if message.contains(&name) {
                    message
                } else {
                    format!("{name}: {message}")
                };
                workspace.notices.add(Kind::Error, text);
            }
            tell => self.questions.answer(tell, workspace),
        }
    }

    fn hear_training(&mut self) {
        use training::Tell;

        let told: Vec<_> = self.training.told().collect();
        for told in told {
            let workspace = &mut self.workspace;
            let run = &mut workspace.training;
            match told {
                Told::Died(text) => {
                    if run.phase.is_busy() {
                        run.phase = Phase::Failed;
                        run.problem = Some("training has stopped".to_owned());
                    }
                    workspace.notices.died(Part::Training, text);
                }
                Told::Tell(Tell::Began(config, history)) => run.began(*config, history),
                Told::Tell(Tell::Event(event)) => {
                    if let mct_hfr::event::Event::Warning { message } = &event {
                        workspace.notices.add(Kind::Warning, message.clone());
                    }
                    workspace.training.event(&event);
                }
                Told::Tell(Tell::Best(bytes)) => {
                    run.best = Some(bytes.clone());
                    self.open_best(bytes);
                }
                Told::Tell(Tell::Last(bytes)) => run.last = Some(bytes),
                Told::Tell(Tell::Paused) => {
                    run.phase = Phase::Paused;
                    run.forget_speed();
                }
                Told::Tell(Tell::Ended(reason)) => run.phase = Phase::Ended(reason),
                Told::Tell(Tell::Failed(message)) => {
                    run.phase = Phase::Failed;
                    run.problem = Some(message.clone());
                    workspace.notices.add(Kind::Error, message);
                }
            }
        }
    }

    /// The best weights so far are a model like any other.
    fn open_best(&mut self, bytes: mct_engine::source::Bytes) {
        let run = &mut self.workspace.training;
        let id = match run.model {
            Some(id) => id,
            None => self.workspace.models.new_id(),
        };
        let run = &mut self.workspace.training;
        run.model = Some(id);
        let system = run
            .config
            .as_ref()
            .map_or("model", |config| config.model.system.title());
        let source = Source::Bytes {
            name: format!("{system}, just trained"),
            bytes,
        };
        self.ask_open(source, id);
    }

    fn hear_embedding(&mut self) {
        let told: Vec<_> = self.embedding.told().collect();
        for told in told {
            match told {
                Told::Tell(tell) => self.questions.answer_embedding(tell, &mut self.workspace),
                Told::Died(text) => self.workspace.notices.died(Part::Embedding, text),
            }
        }
    }

    fn take_files(&mut self, context: &Context) {
        self.files.take_dropped(context);
        for incoming in self.files.incoming() {
            match incoming {
                Incoming::Chosen(source) => self.workspace.open(source),
                Incoming::Failed(text) => self.workspace.notices.add(Kind::Error, text),
                Incoming::Saved(text) => self.workspace.notices.add(Kind::Done, text),
            }
        }
    }

    fn ask_open(&mut self, source: Source, model: ModelId) {
        self.opening.retain(|(own, _)| *own != model);
        self.opening.push((model, source.clone()));
        self.evaluation.ask(evaluation::Ask::Open { source, model });
    }

    fn perform(&mut self, command: Command, context: &Context) {
        match command {
            Command::Open(source) => {
                let id = self.workspace.models.new_id();
                self.ask_open(source, id);
            }
            Command::ChooseFiles => self.files.choose(),
            Command::ChooseFolder => self.files.choose_folder(),
            Command::Close(id) => {
                self.workspace.models.close(id);
                self.questions.forget_model(id);
                self.evaluation.ask(evaluation::Ask::Close(id));
            }
            Command::Train(run) => self.train(run),
            Command::PauseTraining => {
                self.workspace.training.phase = Phase::Pausing;
                self.training.ask(training::Ask::Pause);
            }
            Command::ContinueTraining => {
                self.workspace.training.phase = Phase::Running;
                self.training.ask(training::Ask::Continue);
            }
            Command::StopTraining => {
                self.workspace.training.phase = Phase::Stopping;
                self.training.ask(training::Ask::Stop);
            }
            Command::Restart(part) => self.restart(part),
            Command::PauseProjection => self.embedding.ask(embedding::Ask::Pause),
            Command::ContinueProjection => self.embedding.ask(embedding::Ask::Continue),
            Command::RestartProjection => self.workspace.projection.restarts += 1,
            Command::SetLearningRate(rate) => {
                self.embedding.ask(embedding::Ask::LearningRate(rate));
            }
            Command::Save(file) => self.files.save(file),
            Command::SavePicture => self.files.save_picture(context),
            Command::ResetLayout => self.layout = layout::standard(),
            Command::DiscardUnfinished => crate::files::discard_unfinished(),
        }
    }

    fn train(&mut self, run: Run) {
        let open = self
            .workspace
            .corpus
            .as_ref()
            .map(|card| card.source.clone());
        let Some(corpus) = run.corpus.or(open) else {
            return;
        };
        let resumed = matches!(run.begin, training::Begin::Resume(_));
        let folder = if resumed || cfg!(target_arch = "wasm32") {
            run.folder
        } else {
            crate::files::free_folder(&run.folder)
        };
        layout::show(&mut self.layout, Pane::Training);
        self.workspace
            .training
            .start(folder.clone(), corpus.clone());
        self.training.ask(training::Ask::Start(Box::new(Start {
            corpus,
            begin: run.begin,
            folder,
        })));
    }

    /// Starts a pipeline that has died again, with what was open.
    fn restart(&mut self, part: Part) {
        self.workspace.notices.revived(part);
        let device = self.device.clone();
        let started = match part {
            Part::Evaluation => Handle::start(device, self.wake.clone()).map(|handle| {
                self.evaluation = handle;
                self.questions.forget_all();
                let corpus = self
                    .workspace
                    .corpus
                    .as_ref()
                    .map(|card| card.source.clone());
                if let Some(source) = corpus {
                    self.workspace.open(source);
                }
                let models: Vec<(ModelId, Source)> = self
                    .workspace
                    .models
                    .iter()
                    .map(|open| (open.card.id, open.source.clone()))
                    .collect();
                for (id, source) in models {
                    self.ask_open(source, id);
                }
            }),
            Part::Training => Handle::start(device, self.wake.clone()).map(|handle| {
                self.training = handle;
                if let Some(last) = self.workspace.training.last.clone() {
                    let run = self.workspace.training.resumed(last);
                    self.workspace.command(Command::Train(run));
                }
            }),
            Part::Embedding => Handle::start((), self.wake.clone()).map(|handle| {
                self.embedding = handle;
                self.questions.forget_projection();
            }),
        };
        if let Err(text) = started {
            self.workspace.notices.died(part, text);
        }
    }

    /// Draws everything.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.workspace.controls.clear();
        egui::Panel::top("top").show(ui, |ui| self.top(ui));
        egui::Panel::bottom("bottom").show(ui, |ui| self.bottom(ui));
        egui::Panel::left("left")
            .default_size(270.0)
            .resizable(true)
            .show(ui, |ui| {
                egui::ScrollArea::vertical().show(ui, |ui| {
                    ui.add_space(4.0);
                    sources::ui(ui, &mut self.workspace);
                    ui.separator();
                    missing::ui(ui, &mut self.workspace);
                });
            });
        CentralPanel::default().show(ui, |ui| {
            let mut panes = Panes {
                panels: &mut self.panels,
                workspace: &mut self.workspace,
            };
            self.layout.ui(&mut panes, ui);
        });
        let context = ui.ctx().clone();
        messages::overlay(&context, &mut self.workspace);
        self.messages_window(&context);
        drop_hint(&context);
    }

    fn top(&mut self, ui: &mut Ui) {
        egui::MenuBar::new().ui(ui, |ui| {
            ui.menu_button("File", |ui| self.file_menu(ui));
            ui.menu_button("View", |ui| self.view_menu(ui));
            ui.weak("MCT-HFR: emotion from audio, vision and text that are partly missing");
        });
        messages::dead(ui, &mut self.workspace);
    }

    fn file_menu(&mut self, ui: &mut Ui) {
        if ui.button("Open files…").clicked() {
            self.workspace.command(Command::ChooseFiles);
        }
        if cfg!(not(target_arch = "wasm32")) && ui.button("Open a run…").clicked() {
            self.workspace.command(Command::ChooseFolder);
        }
        if ui
            .button("Open the demo")
            .on_hover_text("The synthetic corpus, generated")
            .clicked()
        {
            self.workspace.open(demo_corpus());
        }
        ui.separator();
        if ui.button("Save a picture of the window…").clicked() {
            self.workspace.command(Command::SavePicture);
        }
    }

    fn view_menu(&mut self, ui: &mut Ui) {
        let context = ui.ctx().clone();
        let mut theme = context.options(|options| options.theme_preference);
        ui.selectable_value(&mut theme, ThemePreference::System, "As the system");
        ui.selectable_value(&mut theme, ThemePreference::Light, "Light");
        ui.selectable_value(&mut theme, ThemePreference::Dark, "Dark");
        context.set_theme(theme);
        ui.separator();
        for pane in Pane::ALL {
            let mut seen = layout::is_there(&self.layout, pane);
            if ui.checkbox(&mut seen, pane.title()).changed() {
                layout::set_there(&mut self.layout, pane, seen);
            }
        }
        if ui.button("Reset the layout").clicked() {
            self.workspace.command(Command::ResetLayout);
        }
    }

    fn bottom(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            match &self.workspace.device {
                None => {
                    let done = ProgressBar::new(self.workspace.device_tested);
                    ui.add(done.desired_width(80.0).animate(true));
                    ui.label("testing the device…").on_hover_text(
                        "Two small training steps with a known answer. A GPU compiles its kernels in the \
                         first, which takes by far the longest.",
                    );
                }
                Some(card) => {
                    let text = format!("computes on {} ({})", card.name, card.description);
                    let label = ui.label(text);
                    if let Some(warning) = &card.warning {
                        label.on_hover_text(warning);
                    }
                }
            }
            let training = &self.workspace.training;
            if training.phase.is_busy() {
                ui.separator();
                ui.label(format!("training: {:.0} %", training.progress() * 100.0));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let count = self.workspace.notices.all().len();
                let text = format!("{count} messages");
                ui.toggle_value(&mut self.show_messages, text).on_hover_text("All that was said");
            });
        });
    }

    fn messages_window(&mut self, context: &Context) {
        let mut open = self.show_messages;
        egui::Window::new("Messages")
            .open(&mut open)
            .show(context, |ui| {
                egui::ScrollArea::vertical()
                    .max_height(300.0)
                    .show(ui, |ui| {
                        messages::list(ui, &self.workspace);
                    });
            });
        self.show_messages = open;
    }

    /// The layout and the settings, as they are kept.
    pub fn keep(&self, storage: &mut dyn eframe::Storage) {
        let kept = Kept {
            layout: self.layout.clone(),
            hidden: self.workspace.hidden.clone(),
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

/// The panes, for the tree of tiles.
struct Panes<'a> {
    panels: &'a mut Panels,
    workspace: &'a mut Workspace,
}

impl Behavior<Pane> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        egui::Frame::NONE.inner_margin(6.0).show(ui, |ui| {
            self.panels.ui(ui, *pane, self.workspace);
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        pane.title().into()
    }

    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<Pane>,
        ui: &mut Ui,
        _tile: TileId,
        tabs: &egui_tiles::Tabs,
        _scroll: &mut f32,
    ) {
        let Some(pane) = tabs.active.and_then(|active| tiles.get_pane(&active)) else {
            return;
        };
        let menu = ui.menu_button("Save…", |ui| {
            for format in Format::ALL {
                let content = self.panels.export(*pane, format, self.workspace);
                let name = format!("{}.{}", pane.slug(), format.extension());
                let button = ui.add_enabled(content.is_some(), egui::Button::new(format.title()));
                if button.clicked()
                    && let Some(content) = content
                {
                    self.workspace.command(Command::Save(File {
                        name,
                        bytes: content.into_bytes(),
                    }));
                }
            }
        });
        let hint = format!("Take {} away as a file", pane.title().to_lowercase());
        self.workspace
            .controls
            .note(format!("save {}", pane.slug()), &menu.response);
        menu.response.on_hover_text(hint);
    }

    fn on_tab_button(
        &mut self,
        tiles: &mut Tiles<Pane>,
        tile: TileId,
        button: egui::Response,
    ) -> egui::Response {
        if let Some(pane) = tiles.get_pane(&tile) {
            let name = format!("tab {}", pane.slug());
            self.workspace.controls.note(name, &button);
        }
        button
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions {
            all_panes_must_have_tabs: true,
            ..Default::default()
        }
    }
}

/// While files hang over the window.
fn drop_hint(context: &Context) {
    if context.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let painter = context.layer_painter(egui::LayerId::new(
        egui::Order::Foreground,
        egui::Id::unique("drop"),
    ));
    let rect = context.content_rect();
    painter.rect_filled(rect, 0.0, egui::Color32::from_black_alpha(160));
    let font = egui::FontId::proportional(22.0);
    let text = "drop a corpus, a checkpoint or features";
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        text,
        font,
        egui::Color32::WHITE,
    );
}
