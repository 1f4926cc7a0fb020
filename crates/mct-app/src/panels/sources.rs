//! The open corpus and models: which is shown, which it is compared with, what they are.

use eframe::egui::{self, RichText, Ui};
use mct_engine::evaluation::{CorpusCard, ModelId, Side};

use crate::state::Workspace;
use crate::state::command::Command;
use crate::state::controls::Controls;
use crate::state::models::OpenModel;
use crate::theme;
use crate::widgets::mark;

const SIDES: [(Side, &str, &str); 4] = [
    (
        Side::Test,
        "test",
        "The utterances that the model's fold holds out",
    ),
    (
        Side::Validation,
        "validation",
        "Those by which the best epoch was chosen",
    ),
    (
        Side::Train,
        "training",
        "Those that the model was trained on",
    ),
    (
        Side::All,
        "all",
        "Every utterance of the corpus, whether the model was trained on it or not",
    ),
];

pub fn ui(ui: &mut Ui, workspace: &mut Workspace) {
    ui.horizontal(|ui| {
        ui.strong("Corpus");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let hint =
                "A corpus, a checkpoint, features as .npz or .pkl; or drop them on the window";
            let open = ui.small_button("Open files…").on_hover_text(hint);
            workspace.controls.note("open files", &open);
            if open.clicked() {
                workspace.command(Command::ChooseFiles);
            }
            if cfg!(not(target_arch = "wasm32"))
                && ui
                    .small_button("Run…")
                    .on_hover_text("The folder of a run")
                    .clicked()
            {
                workspace.command(Command::ChooseFolder);
            }
        });
    });
    match &workspace.corpus {
        None => {
            ui.weak("none is open");
        }
        Some(card) => corpus(ui, card),
    }
    ui.horizontal(|ui| {
        for (side, name, hint) in SIDES {
            let chosen = workspace.side == side;
            if ui
                .selectable_label(chosen, name)
                .on_hover_text(hint)
                .clicked()
            {
                workspace.side = side;
            }
        }
    });
    ui.separator();
    ui.strong("Models");
    if workspace.models.is_empty() {
        ui.weak("none is open");
    }
    let mut change = None;
    let mut controls = std::mem::take(&mut workspace.controls);
    for open in workspace.models.iter() {
        let place = workspace.models.place(open.card.id);
        ui.push_id(open.card.id.0, |ui| {
            if let Some(wanted) = model(ui, open, place, workspace, &mut controls) {
                change = Some(wanted);
            }
        });
    }
    workspace.controls = controls;
    match change {
        Some(Change::Show(id)) => {
            workspace.models.shown = Some(id);
            if workspace.models.compared == Some(id) {
                workspace.models.compared = None;
            }
        }
        Some(Change::Compare(other)) => workspace.models.compared = other,
        Some(Change::Close(id)) => workspace.command(Command::Close(id)),
        None => {}
    }
}

fn corpus(ui: &mut Ui, card: &CorpusCard) {
    let metadata = &card.metadata;
    ui.label(&metadata.title).on_hover_text(&metadata.licence);
    let speakers = metadata.speakers.len();
    ui.weak(format!(
        "{} utterances, {speakers} speakers",
        card.utterances.len()
    ));
    let modalities = card.modalities.iter();
    let modalities: Vec<String> = modalities
        .map(|m| match m.rate_hz {
            Some(rate) => format!("{} {} × {rate} Hz", m.name, m.features),
            None => format!("{} {}", m.name, m.features),
        })
        .collect();
    ui.weak(modalities.join(", "))
        .on_hover_text("Features a step, and steps a second");
    if metadata.synthetic {
        ui.label(RichText::new("synthetic").color(theme::WRONG)).on_hover_text(
            "Generated from a known process: its numbers say nothing about people, but the best \
             possible score is known exactly",
        );
    }
}

enum Change {
    Show(ModelId),
    Compare(Option<ModelId>),
    Close(ModelId),
}

fn model(
    ui: &mut Ui,
    open: &OpenModel,
    place: usize,
    workspace: &Workspace,
    controls: &mut Controls,
) -> Option<Change> {
    let card = &open.card;
    let (shown, compared) = (workspace.models.shown, workspace.models.compared);
    let mut change = None;
    ui.horizontal(|ui| {
        mark::dot(ui, theme::qualitative(place));
        let name = RichText::new(&card.name);
        let name = ui
            .selectable_label(shown == Some(card.id), name)
            .on_hover_ui(|ui| {
                details(ui, open);
            });
        controls.note(format!("show {}", card.name), &name);
        if name.clicked() {
            change = Some(Change::Show(card.id));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let close = ui
                .small_button("×")
                .on_hover_text(format!("Close {}", card.name));
            if close.clicked() {
                change = Some(Change::Close(card.id));
            }
            if shown != Some(card.id) {
                let is = compared == Some(card.id);
                let hint = "Compare the model that is shown with this one";
                if ui
                    .selectable_label(is, "compare")
                    .on_hover_text(hint)
                    .clicked()
                {
                    change = Some(Change::Compare((!is).then_some(card.id)));
                }
            }
        });
    });
    if let Err(problem) = &card.fold {
        ui.indent("problem", |ui| {
            ui.colored_label(ui.visuals().warn_fg_color, problem);
        });
    }
    change
}

fn details(ui: &mut Ui, open: &OpenModel) {
    let card = &open.card;
    let (model, training) = (&card.config.model, &card.config.training);
    let strategy = format!("{:?}", training.strategy).to_lowercase();
    ui.label(format!(
        "{}, {strategy} training, seed {}",
        model.system.title(),
        training.seed
    ));
    ui.label(format!(
        "{} parameters: d {}, {} layers, {} heads",
        card.parameters, model.d, model.layers, model.heads
    ));
    if let Ok(fold) = &card.fold {
        ui.label(format!(
            "{}: {} to train on, {} to validate, {} to test",
            fold.name,
            fold.train.len(),
            fold.validation.len(),
            fold.test.len()
        ));
    }
    if !card.history.is_empty() {
        ui.label(format!("trained for {} epochs", card.history.len()));
    }
}
