//! Training: its settings, its progress and its results.

use eframe::egui::{
    self, Button, ComboBox, DragValue, Grid, ProgressBar, RichText, ScrollArea, TextEdit, Ui,
};
use mct_corpus::Task;
use mct_engine::evaluation::CorpusCard;
use mct_engine::source::Source;
use mct_engine::training::Begin;
use mct_hfr::config::{PRESETS, ProtocolKind, Strategy, System, Term};
use mct_hfr::training::{EpochRecord, FinishReason, learning_curves};
use mct_scores::intensity::TargetBins;
use serde_json::json;
#[cfg(not(target_arch = "wasm32"))]
use web_time::{Duration, Instant};

use super::{Format, csv, json as to_json, shown};
use crate::state::Workspace;
use crate::state::command::{Command, File, FolderOf};
use crate::state::training::{Phase, Run, Settings, Training};
use crate::theme;
use crate::widgets;
use crate::widgets::history::{self, History, Look};
use crate::widgets::matrix::{self, Cell};

#[derive(Default)]
pub struct Panel {
    look: Look,
    /// A wanted folder, where its run would be kept, and when that was looked up.
    #[cfg(not(target_arch = "wasm32"))]
    free: Option<(String, String, Instant)>,
}

const STRATEGIES: [(Strategy, &str); 3] = [
    (
        Strategy::Dynamic,
        "New missing steps in every epoch, in a growing share of the utterances (section 4.4.2)",
    ),
    (
        Strategy::OneToOne,
        "The same missing steps in every epoch, at one rate",
    ),
    (Strategy::Complete, "No steps are missing"),
];

impl Panel {
    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        ScrollArea::vertical().id_salt("training").show(ui, |ui| {
            let has_corpus = workspace.corpus.is_some();
            let busy = workspace.training.phase.is_busy();
            unfinished(ui, workspace);
            #[cfg(not(target_arch = "wasm32"))]
            open_runs(ui, workspace);
            let corpus = workspace.corpus.as_ref();
            let settings = ui.add_enabled_ui(!busy, |ui| {
                settings(ui, &mut workspace.training.settings, corpus)
            });
            if settings.inner {
                workspace.command(Command::ChooseFolder(FolderOf::Training));
            }
            buttons(ui, workspace, has_corpus);
            #[cfg(not(target_arch = "wasm32"))]
            self.taken(ui, workspace);
            if let Some(reason) = &workspace.training.not_kept {
                ui.weak(format!(
                    "Training is not kept when the page is closed: {reason}. Save its checkpoints below."
                ));
            }
            progress(ui, &workspace.training);
            if let Some(problem) = &workspace.training.problem {
                ui.colored_label(ui.visuals().error_fg_color, problem);
            }
            checkpoints(ui, workspace);
            ui.separator();
            if !workspace.training.steps.is_empty() || !workspace.training.history.is_empty() {
                ui.horizontal_wrapped(|ui| self.look.controls(ui));
            }
            let wide = ui.available_width() > 560.0;
            let training = &workspace.training;
            if training.steps.is_empty() && training.history.is_empty() {
                ui.weak("losses and validation scores are drawn here while a model is trained");
                return;
            }
            let categories = workspace.corpus.as_ref().zip(training.config.as_ref());
            let categories = categories.map(|(card, config)| {
                let metadata = &card.metadata;
                match config.model.task {
                    Task::Classification => metadata.classes.clone(),
                    Task::Regression => metadata
                        .targets
                        .first()
                        .map_or_else(Vec::new, |target| TargetBins::of(target).names()),
                }
            });
            if wide {
                ui.columns(2, |columns| {
                    losses(&mut columns[0], training, self.look);
                    validation(&mut columns[1], training, self.look);
                });
            } else {
                losses(ui, training, self.look);
                validation(ui, training, self.look);
            }
            if let (Some(record), Some(categories)) = (training.history.last(), categories) {
                confusion(ui, record, &categories);
            }
        });
    }

    /// Says where the next run is kept, where that is not the folder that is named.
    #[cfg(not(target_arch = "wasm32"))]
    fn taken(&mut self, ui: &mut Ui, workspace: &Workspace) {
        let wanted = workspace.training.settings.folder.trim();
        if workspace.training.phase.is_busy() || wanted.is_empty() {
            return;
        }
        // Not in every frame: the folder may be far away.
        let is_fresh = |at: &Instant| at.elapsed() < Duration::from_secs(1);
        let known = self.free.take();
        let known = known.filter(|(of, _, at)| of == wanted && is_fresh(at));
        let (of, free, at) = known.unwrap_or_else(|| {
            let free = crate::files::free_folder(wanted);
            (wanted.to_owned(), free, Instant::now())
        });
        if free != of {
            ui.weak(format!("The next run is kept in {free}: {of} is taken."));
        }
        self.free = Some((of, free, at));
    }
}

/// The settings of the next run. Returns whether its folder is to be chosen in a dialog.
fn settings(ui: &mut Ui, settings: &mut Settings, corpus: Option<&CorpusCard>) -> bool {
    let mut chooses_folder = false;
    Grid::new("training settings")
        .num_columns(4)
        .show(ui, |ui| {
            let label = ui.label("system");
            ComboBox::from_id_salt("system")
                .selected_text(settings.system.title())
                .show_ui(ui, |ui| {
                    for &system in System::ALL {
                        ui.selectable_value(&mut settings.system, system, system.title());
                    }
                })
                .response
                .labelled_by(label.id);
            let label = ui.label("preset");
            let before = settings.preset.clone();
            ComboBox::from_id_salt("preset")
                .selected_text(&settings.preset)
                .show_ui(ui, |ui| {
                    for preset in PRESETS {
                        ui.selectable_value(&mut settings.preset, preset.to_owned(), preset);
                    }
                })
                .response
                .labelled_by(label.id)
                .on_hover_text("paper and released are large: minutes per step on a CPU");
            if settings.preset != before {
                let name = settings.preset.clone();
                settings.take_preset(&name);
            }
            ui.end_row();
            let task = settings.task;
            task_choice(ui, settings);
            if let Some(card) = corpus {
                if settings.task != task {
                    settings.fit_split(card);
                }
                protocol_choice(ui, settings, card);
            }
            ui.end_row();
            let label = ui.label("strategy");
            ComboBox::from_id_salt("strategy")
                .selected_text(settings.strategy.name())
                .show_ui(ui, |ui| {
                    for (strategy, hint) in STRATEGIES {
                        ui.selectable_value(&mut settings.strategy, strategy, strategy.name())
                            .on_hover_text(hint);
                    }
                })
                .response
                .labelled_by(label.id);
            number(
                ui,
                "epochs",
                "Maximum number of epochs",
                DragValue::new(&mut settings.epochs).range(1..=10_000),
            );
            ui.end_row();
            match corpus.map(|card| settings.folds(card)) {
                Some(Ok(names)) => fold_choice(ui, &mut settings.fold, names),
                _ => number(
                    ui,
                    "fold",
                    "The fold of the corpus that is held out, from 0",
                    DragValue::new(&mut settings.fold),
                ),
            }
            let hint = "Another seed gives other initial weights and masks";
            let label = ui.label("seed").on_hover_text(hint);
            ui.horizontal(|ui| {
                let seed = widgets::seed(ui, &mut settings.seed);
                seed.labelled_by(label.id).on_hover_text(hint);
            });
            ui.end_row();
            let rate = |value| {
                DragValue::new(value)
                    .range(0.0..=0.99)
                    .speed(0.01)
                    .fixed_decimals(2)
            };
            let complete = settings.strategy == Strategy::Complete;
            ui.add_enabled_ui(!complete, |ui| ui.label("missing rate"));
            ui.add_enabled_ui(!complete, |ui| {
                ui.horizontal(|ui| {
                    ui.add(rate(&mut settings.missing_rate))
                        .on_hover_text("The lowest missing rate in training");
                    if settings.strategy == Strategy::Dynamic {
                        ui.label("to");
                        ui.add(rate(&mut settings.missing_rate_max))
                            .on_hover_text("Each incomplete utterance has a rate in this range");
                    }
                });
            });
            let step = DragValue::new(&mut settings.learning_rate)
                .range(1e-6..=1.0)
                .speed(1e-5);
            number(
                ui,
                "learning rate",
                "Of AdamW, at the start",
                step.max_decimals(6),
            );
            ui.end_row();
            let size = DragValue::new(&mut settings.batch_size).range(2..=4096);
            number(ui, "batch size", "Utterances per step", size);
            if cfg!(not(target_arch = "wasm32")) {
                let label = ui.label("folder");
                ui.add(TextEdit::singleline(&mut settings.folder).desired_width(150.0))
                    .labelled_by(label.id)
                    .on_hover_text(
                        "The run folder to create; the command line can evaluate and resume it",
                    );
                let hint = "In a dialog: the run is kept in it if it is empty, and else in a new folder in it";
                chooses_folder = ui.button("Choose…").on_hover_text(hint).clicked();
            }
            ui.end_row();
        });
    ui.collapsing("more values", |ui| {
        let hint = "model.d = 32\nmodel.layers = 1\ntraining.patience = 20";
        ui.add(
            TextEdit::multiline(&mut settings.more)
                .hint_text(hint)
                .code_editor()
                .desired_rows(3),
        )
        .on_hover_text("Config values by path, one per line: key = value");
    });
    chooses_folder
}

fn task_choice(ui: &mut Ui, settings: &mut Settings) {
    let tasks = [
        (Task::Classification, "Predict the class of an utterance"),
        (
            Task::Regression,
            "Predict the intensities that utterances are rated with",
        ),
    ];
    let label = ui.label("task");
    ComboBox::from_id_salt("task")
        .selected_text(settings.task.name())
        .show_ui(ui, |ui| {
            for (task, hint) in tasks {
                ui.selectable_value(&mut settings.task, task, task.name())
                    .on_hover_text(hint);
            }
        })
        .response
        .labelled_by(label.id);
}

const PROTOCOLS: [(ProtocolKind, &str); 5] = [
    (
        ProtocolKind::Session,
        "Leave one session out: test on its female speakers, validate on its male ones",
    ),
    (
        ProtocolKind::SessionSwapped,
        "Leave one session out: test on its male speakers, validate on its female ones",
    ),
    (
        ProtocolKind::Speaker,
        "Leave one speaker out; the next one validates",
    ),
    (
        ProtocolKind::Groups,
        "Five groups of speakers, of which one tests and the next validates",
    ),
    (ProtocolKind::File, "The split that came with the file"),
];

fn protocol_choice(ui: &mut Ui, settings: &mut Settings, card: &CorpusCard) {
    let label = ui.label("protocol");
    ComboBox::from_id_salt("protocol")
        .selected_text(settings.protocol.name())
        .show_ui(ui, |ui| {
            for (protocol, hint) in PROTOCOLS {
                let lacks = settings
                    .splits(card)
                    .find(|split| split.protocol == protocol);
                let lacks = lacks.and_then(|split| split.folds.as_ref().err());
                let entry = Button::selectable(settings.protocol == protocol, protocol.name());
                let entry = ui.add_enabled(lacks.is_none(), entry);
                let entry = match lacks {
                    None => entry.on_hover_text(hint),
                    Some(lacks) => entry.on_disabled_hover_text(lacks),
                };
                if entry.clicked() {
                    settings.protocol = protocol;
                    settings.fold = 0;
                }
            }
        })
        .response
        .labelled_by(label.id)
        .on_hover_text("How the corpus is split into training, validation and test");
}

fn fold_choice(ui: &mut Ui, fold: &mut usize, names: &[String]) {
    let label = ui.label("held out");
    let chosen = names.get(*fold).map_or("", String::as_str);
    ComboBox::from_id_salt("fold")
        .selected_text(format!("{fold}: {chosen}"))
        .truncate()
        .show_ui(ui, |ui| {
            let height = ui.spacing().interact_size.y;
            ScrollArea::vertical().show_rows(ui, height, names.len(), |ui, rows| {
                for index in rows {
                    let text = format!("{index}: {}", names[index]);
                    ui.selectable_value(fold, index, text);
                }
            });
        })
        .response
        .labelled_by(label.id)
        .on_hover_text("The fold: what is not trained on");
}

fn number(ui: &mut Ui, name: &str, hint: &str, value: DragValue<'_>) {
    let label = ui.label(name).on_hover_text(hint);
    ui.add(value).labelled_by(label.id).on_hover_text(hint);
}

fn buttons(ui: &mut Ui, workspace: &mut Workspace, has_corpus: bool) {
    let phase = workspace.training.phase;
    ui.horizontal(|ui| {
        if phase.is_busy() {
            match phase {
                Phase::Paused => {
                    let resume = ui.button("Continue").on_hover_text("Continue training");
                    workspace.controls.note("pause training", &resume);
                    if resume.clicked() {
                        workspace.command(Command::ContinueTraining);
                    }
                }
                _ => {
                    let can_pause = phase == Phase::Running;
                    let hint = "After the current step, with a checkpoint";
                    let pause = ui
                        .add_enabled(can_pause, Button::new("Pause"))
                        .on_hover_text(hint);
                    workspace.controls.note("pause training", &pause);
                    if pause.clicked() {
                        workspace.command(Command::PauseTraining);
                    }
                }
            }
            let can_stop = phase != Phase::Stopping;
            let hint = "After the current step; the run can be resumed";
            let stop = ui
                .add_enabled(can_stop, Button::new("Stop"))
                .on_hover_text(hint);
            workspace.controls.note("stop training", &stop);
            if stop.clicked() {
                workspace.command(Command::StopTraining);
            }
            return;
        }
        let settings = &workspace.training.settings;
        let run = settings.run().and_then(|run| match &workspace.corpus {
            // A split that the corpus does not have.
            Some(card) => settings.folds(card).map(|_| run).map_err(str::to_owned),
            None => Ok(run),
        });
        let start = Button::new(RichText::new("Train").strong());
        let start = ui.add_enabled(has_corpus && run.is_ok(), start);
        let start = match &run {
            Ok(_) => start.on_hover_ui(|ui| {
                let folder = &workspace.training.settings.folder;
                ui.label(crate::files::where_to_train(folder));
            }),
            Err(problem) => start.on_disabled_hover_text(problem),
        };
        if let Err(problem) = &run {
            ui.colored_label(ui.visuals().error_fg_color, problem);
        }
        workspace.controls.note("start training", &start);
        if start.clicked()
            && let Ok(run) = run
        {
            workspace.command(Command::Train(run));
        }
        let last = workspace.training.last.clone().filter(|_| {
            matches!(
                phase,
                Phase::Ended(FinishReason::Interrupted) | Phase::Failed
            )
        });
        if let Some(last) = last {
            let resume = ui
                .button("Resume")
                .on_hover_text("Resume from the last checkpoint");
            workspace.controls.note("resume training", &resume);
            if resume.clicked() {
                workspace.command(Command::Train(workspace.training.resumed(last)));
            }
        }
    });
}

/// Offers to resume the runs that are open and not finished.
#[cfg(not(target_arch = "wasm32"))]
fn open_runs(ui: &mut Ui, workspace: &mut Workspace) {
    let training = &workspace.training;
    let corpus = workspace.corpus.as_ref().map(|card| card.source.clone());
    let Some(corpus) = corpus.filter(|_| !training.phase.is_busy()) else {
        return;
    };
    let runs = workspace
        .models
        .iter()
        .filter_map(|open| match &open.source {
            // Not on another corpus than its own.
            Source::Path(path)
                if open.card.unfinished && open.card.fold.is_ok() && open.card.note.is_none() =>
            {
                let folder = path.display().to_string();
                // Where it has a checkpoint already, the button below resumes it.
                let is_last = folder == training.folder && training.last.is_some();
                (!is_last).then_some((folder, open.source.clone(), open.card.id))
            }
            _ => None,
        });
    let runs: Vec<_> = runs.collect();
    for (folder, source, id) in runs {
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("the run {folder} has not finished"));
            if ui
                .button("Resume")
                .on_hover_text("Resume from its last checkpoint")
                .clicked()
            {
                // Its best weights are the model that is open already.
                workspace.training.start(folder.clone(), corpus.clone());
                workspace.training.model = Some(id);
                workspace.command(Command::Train(Run {
                    begin: Begin::Resume(source),
                    folder,
                    corpus: None,
                }));
            }
        });
    }
}

/// Offers to resume the unfinished run of an earlier page.
fn unfinished(ui: &mut Ui, workspace: &mut Workspace) {
    let Some((name, corpus, last)) = workspace.training.unfinished.clone() else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(format!(
            "the training “{name}” on {} was not finished",
            corpus.name()
        ));
        let resume = ui
            .button("Go on")
            .on_hover_text("Resume from its last checkpoint");
        workspace.controls.note("resume unfinished", &resume);
        if resume.clicked() {
            workspace.training.unfinished = None;
            // Its model is shown on its own corpus.
            let open = workspace.corpus.as_ref().map(|card| &card.source);
            if open != Some(&corpus) {
                workspace.open(corpus.clone());
            }
            workspace.command(Command::Train(Run {
                begin: Begin::Resume(Source::Bytes {
                    name: name.clone(),
                    bytes: last,
                }),
                folder: name,
                corpus: Some(corpus),
            }));
        }
        if ui.button("Discard").on_hover_text("Delete it").clicked() {
            workspace.training.unfinished = None;
            workspace.command(Command::DiscardUnfinished);
        }
    });
}

fn progress(ui: &mut Ui, training: &Training) {
    let text = match training.phase {
        Phase::Idle => return,
        Phase::Starting => "starting…".to_owned(),
        Phase::Running => "training".to_owned(),
        Phase::Pausing => "pausing…".to_owned(),
        Phase::Paused => "paused".to_owned(),
        Phase::Stopping => "stopping…".to_owned(),
        Phase::Ended(FinishReason::Epochs) => "finished".to_owned(),
        Phase::Ended(FinishReason::EarlyStop) => "finished: no better epoch came".to_owned(),
        Phase::Ended(FinishReason::Interrupted) => "stopped".to_owned(),
        Phase::Failed => "failed".to_owned(),
    };
    let mut phrases = vec![text];
    if training.epochs > 0 {
        phrases.push(format!(
            "epoch {} of {}",
            training.epoch + 1,
            training.epochs
        ));
        if training.steps_per_epoch > 0 {
            phrases.push(format!(
                "step {} of {}",
                training.step, training.steps_per_epoch
            ));
        }
    }
    if let (Phase::Running, Some(left)) = (training.phase, training.seconds_left()) {
        phrases.push(if left > 90.0 {
            format!("about {:.0} min left", left / 60.0)
        } else {
            format!("about {left:.0} s left")
        });
    }
    ui.add(ProgressBar::new(training.progress()).text(phrases.join(", ")));
    let system = training
        .config
        .as_ref()
        .map_or("", |config| config.model.system.title());
    if cfg!(target_arch = "wasm32") {
        ui.weak(format!("{system} {}", training.fold));
    } else {
        let what = [system, &training.fold].join(" ");
        let what = match what.trim() {
            "" => String::new(),
            what => format!("{what}, "),
        };
        ui.weak(format!("{what}in {}", training.folder));
    }
}

/// Buttons that save the checkpoints as files.
fn checkpoints(ui: &mut Ui, workspace: &mut Workspace) {
    let (best, last) = (
        workspace.training.best.clone(),
        workspace.training.last.clone(),
    );
    if best.is_none() && last.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        let files = [
            (
                best,
                "Save best…",
                "best.safetensors",
                "The weights of the best epoch, which the command line can evaluate",
            ),
            (
                last,
                "Save last…",
                "last.safetensors",
                "The full training state, to resume the run",
            ),
        ];
        for (bytes, text, name, hint) in files {
            let Some(bytes) = bytes else { continue };
            let save = ui.button(text).on_hover_text(hint);
            workspace.controls.note(format!("save {name}"), &save);
            if save.clicked() {
                workspace.command(Command::Save(File {
                    name: name.to_owned(),
                    bytes: bytes.to_vec(),
                }));
            }
        }
    });
}

fn losses(ui: &mut Ui, training: &Training, look: Look) {
    ui.strong("Losses")
        .on_hover_text("Per term, before weighting; mean of ten steps");
    let mut terms: Vec<Term> = training
        .steps
        .iter()
        .flat_map(|(_, losses)| losses.keys().copied())
        .collect();
    terms.sort_unstable();
    terms.dedup();
    let histories = terms.iter().enumerate().map(|(index, term)| {
        let points = training
            .steps
            .iter()
            .filter_map(|(step, losses)| Some([*step, f64::from(*losses.get(term)?)]));
        History {
            name: term.name().to_owned(),
            points: points.collect(),
            colour: theme::qualitative(index),
        }
    });
    let histories: Vec<History> = histories.collect();
    history::show(ui, "losses", ("step", 170.0), look, &[0.0], &histories);
}

/// Names of the validation scores of an epoch, and of the loss.
fn names(history: &[EpochRecord]) -> Vec<&'static str> {
    let first = history.first();
    let metrics = first
        .into_iter()
        .flat_map(|record| record.validation.iter());
    let names = metrics.map(|(metric, _)| metric.title());
    names.chain(["loss"]).collect()
}

/// Their values, in the same order.
fn values(record: &EpochRecord) -> Vec<f64> {
    let scores = record.validation.iter().map(|(_, value)| value);
    scores.chain([record.validation_loss]).collect()
}

fn validation(ui: &mut Ui, training: &Training, look: Look) {
    ui.strong("Validation")
        .on_hover_text("Per epoch, with the missing steps of the strategy");
    let names = names(&training.history).into_iter().enumerate();
    let histories = names.map(|(index, name)| {
        let points = training
            .history
            .iter()
            .filter_map(|record| Some([(record.epoch + 1) as f64, *values(record).get(index)?]));
        History {
            name: name.to_owned(),
            points: points.collect(),
            colour: theme::qualitative(index),
        }
    });
    let histories: Vec<History> = histories.collect();
    history::show(
        ui,
        "validation",
        ("epoch", 170.0),
        look,
        &[0.0, 1.0],
        &histories,
    );
}

fn confusion(ui: &mut Ui, record: &EpochRecord, classes: &[String]) {
    let rows = &record.confusion.0;
    if rows.len() != classes.len() || rows.iter().any(|row| row.len() != classes.len()) {
        return;
    }
    let first = record.validation.iter().next();
    let score = first.map_or_else(String::new, |(metric, value)| {
        format!(": {} {}", metric.title(), shown(metric, value))
    });
    let epoch = record.epoch + 1;
    ui.strong(format!("Validation after epoch {epoch}{score}"));
    let background = ui.visuals().extreme_bg_color;
    let height = matrix::height(classes.len());
    ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
        matrix::show(
            ui,
            "validation",
            classes,
            |_| String::new(),
            |label, predicted| {
                let row: usize = record.confusion.0[label].iter().sum();
                let count = record.confusion.0[label][predicted];
                let share = count as f32 / row.max(1) as f32;
                let fill = theme::cell(background, share);
                Cell {
                    ink: theme::ink_on(fill),
                    fill,
                    text: format!("{:.0} %", share * 100.0),
                    small: count.to_string(),
                    hint: format!("{count} of {row} validation utterances"),
                    selected: 0.0,
                }
            },
        );
    });
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let history = &workspace.training.history;
    if history.is_empty() {
        return None;
    }
    let config = workspace.training.config.as_ref();
    let task = config.map_or_else(Task::default, |config| config.model.task);
    match format {
        Format::Svg => mct_figures::training(learning_curves(task, history)).ok(),
        Format::Csv => {
            let training = &workspace.training;
            let of = ["system", "fold", "seed", "epoch", "training loss"];
            let mut header = of.map(str::to_owned).to_vec();
            let system = config.map_or("", |config| config.model.system.title());
            let seed = config.map_or_else(String::new, |c| c.training.seed.to_string());
            header.extend(
                names(history)
                    .iter()
                    .map(|name| format!("validation {name}")),
            );
            let rows = history.iter().map(|record| {
                let loss = record.losses.get(&Term::Total).copied().unwrap_or(f32::NAN);
                let mut cells = vec![
                    system.to_owned(),
                    training.fold.clone(),
                    seed.clone(),
                    (record.epoch + 1).to_string(),
                    loss.to_string(),
                ];
                cells.extend(values(record).iter().map(f64::to_string));
                cells
            });
            Some(csv(&header, &rows.collect::<Vec<_>>()))
        }
        Format::Json => to_json(&json!({
            "config": workspace.training.config,
            "fold": workspace.training.fold,
            "epochs": history,
        })),
    }
}
