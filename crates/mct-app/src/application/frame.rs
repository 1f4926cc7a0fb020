//! The frame around the panels: menus, status bar, messages and the tree of tiles.

use eframe::egui::{
    self, CentralPanel, Context, Key, KeyboardShortcut, Modifiers, ProgressBar, ThemePreference, Ui,
};

use super::panes::Panes;
use super::{Application, demo_corpus};
use crate::layout::{self, Room};
use crate::panels::{Pane, importing, messages, missing, sources};
use crate::state::command::{Command, FolderOf};

const UNDO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Z);
const REDO: KeyboardShortcut =
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);

#[cfg(not(target_arch = "wasm32"))]
const QUIT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Q);

/// As other systems have it.
const REDO_TOO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Y);

impl Application {
    /// Draws the window.
    pub fn ui(&mut self, ui: &mut Ui) {
        self.workspace.controls.clear();
        self.undo_by_keys(ui.ctx());
        let room = Room::of(ui.available_width());
        if room != self.room {
            // Other views are in front, which nobody chose.
            self.workspace.settled = None;
            self.room = room;
        }
        egui::Panel::top("top").show(ui, |ui| self.top(ui));
        egui::Panel::bottom("bottom").show(ui, |ui| self.bottom(ui));
        messages::newest(ui, &mut self.workspace, &mut self.show_messages);
        if self.room != Room::Phone {
            egui::Panel::left("left")
                .default_size(270.0)
                .resizable(true)
                .show(ui, |ui| self.sources(ui));
        }
        // No view shows what is of another choice, not even in this frame.
        self.request();
        let central = CentralPanel::default().show(ui, |ui| {
            if self.room == Room::Phone && self.shows_sources {
                self.sources(ui);
                return None;
            }
            let mut panes = Panes::new(&mut self.panels, &mut self.workspace, self.room);
            match self.room {
                Room::Wide => self.layout.ui(&mut panes, ui),
                Room::Narrow | Room::Phone => self.one_by_one.ui(&mut panes, ui),
            }
            panes.chosen_in
        });
        // What is chosen is looked at, but where it was chosen stays in sight.
        if let Some(pane) = central.inner
            && self.room == Room::Wide
            && layout::is_open(&self.layout, Pane::Inspector)
            && !layout::are_tabs_together(&self.layout, pane, Pane::Inspector)
        {
            layout::show(&mut self.layout, Pane::Inspector);
        }
        let context = ui.ctx().clone();
        importing::dialog(&context, &mut self.workspace);
        self.messages_window(&context);
        drop_hint(&context);
        self.closing_dialog(&context);
    }

    /// Corpus, models and missing steps.
    fn sources(&mut self, ui: &mut Ui) {
        egui::ScrollArea::vertical().show(ui, |ui| {
            ui.add_space(4.0);
            sources::ui(ui, &mut self.workspace);
            ui.separator();
            missing::ui(ui, &mut self.workspace);
        });
    }

    fn top(&mut self, ui: &mut Ui) {
        egui::MenuBar::new().ui(ui, |ui| {
            ui.menu_button("File", |ui| self.file_menu(ui));
            ui.menu_button("Edit", |ui| self.edit_menu(ui));
            ui.menu_button("View", |ui| self.view_menu(ui));
            if self.room == Room::Phone {
                let sources = ui.selectable_label(self.shows_sources, "Data");
                let hint = "Corpus, models and missing steps";
                self.workspace.controls.note("data", &sources);
                if sources.on_hover_text(hint).clicked() {
                    self.shows_sources = !self.shows_sources;
                }
                return;
            }
            ui.weak("MCT-HFR: emotion from audio, vision and text that are partly missing");
        });
        messages::dead(ui, &mut self.workspace);
    }

    fn file_menu(&mut self, ui: &mut Ui) {
        if ui.button("Open files…").clicked() {
            self.workspace.command(Command::ChooseFiles);
        }
        if ui
            .button("Open a folder…")
            .on_hover_text(sources::FOLDER)
            .clicked()
        {
            self.workspace
                .command(Command::ChooseFolder(FolderOf::Files));
        }
        #[cfg(not(target_arch = "wasm32"))]
        if !self.recent.is_empty() {
            ui.menu_button("Open recent", |ui| {
                for path in self.recent.clone() {
                    let name = path.display().to_string();
                    if ui.button(name).clicked() {
                        self.workspace.open(mct_engine::source::Source::Path(path));
                    }
                }
            });
        }
        if ui
            .button("Open the demo")
            .on_hover_text("The synthetic corpus, generated")
            .clicked()
        {
            self.workspace.open(demo_corpus());
        }
        ui.separator();
        let is_open = self.workspace.corpus.is_some();
        let save = ui.add_enabled(is_open, egui::Button::new("Save the corpus…"));
        if save
            .on_hover_text("As a file of mct-hfr, which the command line reads")
            .clicked()
        {
            self.workspace.command(Command::SaveCorpus);
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            let save = ui.add_enabled(is_open, egui::Button::new("Save the session…"));
            let hint = "Files, model, side, missing steps, selection and views, to be opened again";
            if save.on_hover_text(hint).clicked() {
                self.workspace.command(Command::SaveSession);
            }
        }
        if ui.button("Save a picture of the window…").clicked() {
            self.workspace.command(Command::SavePicture);
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            ui.separator();
            let quit = egui::Button::new("Quit").shortcut_text(ui.ctx().format_shortcut(&QUIT));
            if ui.add(quit).clicked() {
                ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
            }
        }
    }

    fn edit_menu(&mut self, ui: &mut Ui) {
        let text = |name: &str, shortcut| {
            let shortcut = ui.ctx().format_shortcut(shortcut);
            egui::Button::new(name).shortcut_text(shortcut)
        };
        let (undo, redo) = (text("Undo", &UNDO), text("Redo", &REDO));
        let hint = "Of the selection, the side, the missing steps and those hidden by hand";
        let undo = ui.add_enabled(self.history.can_undo(), undo);
        if undo.on_hover_text(hint).clicked() {
            self.history.undo(&mut self.workspace);
        }
        let redo = ui.add_enabled(self.history.can_redo(), redo);
        if redo.on_hover_text(hint).clicked() {
            self.history.redo(&mut self.workspace);
        }
    }

    /// Undo and redo by keys, where no text is being edited.
    fn undo_by_keys(&mut self, context: &Context) {
        if !context.text_edit_focused() {
            let redo = context.input_mut(|input| {
                input.consume_shortcut(&REDO) || input.consume_shortcut(&REDO_TOO)
            });
            if redo {
                self.history.redo(&mut self.workspace);
            } else if context.input_mut(|input| input.consume_shortcut(&UNDO)) {
                self.history.undo(&mut self.workspace);
            }
        }
        if !context.input(|input| input.pointer.any_down()) {
            self.history.observe(&self.workspace);
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
        for pane in Pane::ALL.iter().copied() {
            let mut open = layout::is_open(&self.layout, pane);
            if ui.checkbox(&mut open, pane.title()).changed() {
                layout::set_open(&mut self.layout, pane, open);
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
            if let Some(extracting) = &self.workspace.recordings.extracting {
                ui.separator();
                ui.spinner();
                ui.label(match &extracting.recordings[..] {
                    [one] => format!("extracting the features of {}", one.file.name()),
                    all => format!(
                        "extracting features: {} of {} recordings",
                        extracting.done,
                        all.len()
                    ),
                });
            }
            let training = &self.workspace.training;
            if training.phase.is_busy() {
                ui.separator();
                ui.label(format!("training: {:.0} %", training.progress() * 100.0));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let count = self.workspace.notices.all().len();
                let text = match count {
                    1 => "1 message".to_owned(),
                    count => format!("{count} messages"),
                };
                ui.toggle_value(&mut self.show_messages, text).on_hover_text("All messages so far");
                messages::done(ui, &self.workspace);
            });
        });
    }

    fn messages_window(&mut self, context: &Context) {
        let mut open = self.show_messages;
        egui::Window::new("Messages")
            .open(&mut open)
            .default_pos(context.content_rect().right_bottom() - egui::vec2(420.0, 460.0))
            .default_size([400.0, 330.0])
            .show(context, |ui| {
                egui::ScrollArea::vertical()
                    .max_height(300.0)
                    .min_scrolled_height(300.0)
                    .auto_shrink([false, true])
                    .show(ui, |ui| {
                        messages::list(ui, &self.workspace);
                    });
            });
        self.show_messages = open;
    }
}

/// Shown while files are dragged over the window.
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
    let text = "drop a corpus, a checkpoint, features or recordings";
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        text,
        font,
        egui::Color32::WHITE,
    );
}
