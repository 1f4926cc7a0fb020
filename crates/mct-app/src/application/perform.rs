//! Commands of the panels, and incoming files.

use eframe::egui::Context;
use mct_engine::embedding;
use mct_engine::evaluation::{self, ModelId};
use mct_engine::extraction::Recording;
use mct_engine::pipeline::Handle;
use mct_engine::source::Source;
use mct_engine::training::{self, Start};

use super::Application;
#[cfg(not(target_arch = "wasm32"))]
use super::RECENT;
use crate::files::Incoming;
use crate::layout;
use crate::panels::Pane;
#[cfg(not(target_arch = "wasm32"))]
use crate::state::command::FolderOf;
use crate::state::command::{Command, Part};
use crate::state::notices::Kind;
use crate::state::training::{Phase, Run};

#[cfg(not(target_arch = "wasm32"))]
fn is_session(path: &std::path::Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().ends_with(super::session::ENDING)
}

impl Application {
    pub(super) fn take_files(&mut self, context: &Context) {
        self.files.take_dropped(context);
        for incoming in self.files.incoming() {
            match incoming {
                Incoming::Chosen(source) => self.workspace.open(source),
                #[cfg(not(target_arch = "wasm32"))]
                Incoming::Folder(of, path) => self.take_folder(of, path),
                Incoming::Recordings(recordings) => self.open_recordings(recordings),
                Incoming::Speakers(name, bytes) => {
                    if let Some(importing) = self.workspace.importing.front_mut() {
                        importing.set_speakers(name, &bytes);
                    }
                }
                Incoming::Failed(text) => self.workspace.notices.add(Kind::Error, text),
                Incoming::Saved(text) => self.workspace.notices.add(Kind::Done, text),
            }
        }
    }

    /// Takes a folder that was chosen.
    #[cfg(not(target_arch = "wasm32"))]
    fn take_folder(&mut self, of: FolderOf, path: std::path::PathBuf) {
        match of {
            FolderOf::Files => self.workspace.open(Source::Path(path)),
            FolderOf::Runs => {
                self.workspace.runs.folder = path.display().to_string();
                self.workspace.runs.looked = None;
            }
            FolderOf::Training => {
                let settings = &mut self.workspace.training.settings;
                settings.folder = crate::files::folder_in(&path, &settings.folder);
            }
        }
    }

    /// Offers what was opened to be opened again.
    #[cfg(not(target_arch = "wasm32"))]
    fn remember(&mut self, path: &std::path::Path) {
        // What is stored is text.
        if path.to_str().is_none() {
            return;
        }
        // By its whole name, whatever folder the next start is in.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recent.retain(|known| *known != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }

    pub(super) fn request_open(&mut self, source: Source, model: ModelId) {
        self.opening.insert(model, source.clone());
        self.evaluation
            .request(evaluation::Request::Open { source, model });
    }

    pub(super) fn perform(&mut self, command: Command, context: &Context) {
        match command {
            #[cfg(not(target_arch = "wasm32"))]
            Command::Open(Source::Path(path)) if is_session(&path) => {
                self.remember(&path);
                self.open_session(&path);
            }
            Command::Open(source) if source.is_recording() => {
                self.files.prepare(vec![Recording::new(source)]);
            }
            #[cfg(not(target_arch = "wasm32"))]
            Command::Open(source) if !source.recordings().is_empty() => {
                self.files.prepare(source.recordings());
            }
            Command::Open(source) => {
                #[cfg(not(target_arch = "wasm32"))]
                if let Source::Path(path) = &source {
                    self.remember(path);
                }
                let id = self.workspace.models.new_id();
                self.request_open(source, id);
            }
            Command::ChooseFiles => self.files.choose(),
            Command::ChooseFolder(of) => self.files.choose_folder(of),
            Command::ChooseSpeakers => self.files.choose_speakers(),
            Command::Transcribe(utterance, text) => self.transcribe(utterance, text),
            #[cfg(not(target_arch = "wasm32"))]
            Command::SaveSession => self.save_session(),
            Command::SaveCorpus => self.evaluation.request(evaluation::Request::SaveCorpus),
            Command::Close(id) => {
                self.workspace.models.close(id);
                self.requests.forget_model(id);
                self.evaluation.request(evaluation::Request::Close(id));
            }
            Command::Train(run) => self.train(run),
            // The run may have ended in the meantime.
            Command::PauseTraining | Command::ContinueTraining | Command::StopTraining
                if !self.workspace.training.phase.is_busy() => {}
            Command::PauseTraining => {
                self.workspace.training.phase = Phase::Pausing;
                self.training.request(training::Request::Pause);
            }
            Command::ContinueTraining => {
                self.workspace.training.phase = Phase::Running;
                self.training.request(training::Request::Continue);
            }
            Command::StopTraining => {
                self.workspace.training.phase = Phase::Stopping;
                self.training.request(training::Request::Stop);
            }
            Command::Restart(part) => self.restart(part),
            Command::PauseProjection => self.embedding.request(embedding::Request::Pause),
            Command::ContinueProjection => self.embedding.request(embedding::Request::Continue),
            Command::RestartProjection => self.workspace.projection.restarts += 1,
            Command::SetLearningRate(rate) => {
                self.embedding
                    .request(embedding::Request::LearningRate(rate));
            }
            Command::Save(file) => self.files.save(file),
            Command::SavePicture => self.files.save_picture(context),
            Command::Show(pane) => self.bring(pane),
            Command::ResetLayout => self.layout = layout::standard(),
            Command::DiscardUnfinished => crate::files::discard_unfinished(),
        }
    }

    fn train(&mut self, run: Run) {
        let open_corpus = self
            .workspace
            .corpus
            .as_ref()
            .map(|card| card.source.clone());
        let Some(corpus) = run.corpus.or(open_corpus) else {
            return;
        };
        let resumed = matches!(run.begin, training::Begin::Resume(_));
        let folder = if resumed || cfg!(target_arch = "wasm32") {
            run.folder
        } else {
            crate::files::free_folder(&run.folder)
        };
        self.bring(Pane::Training);
        let state = &mut self.workspace.training;
        if resumed {
            state.resume(folder.clone(), corpus.clone());
        } else {
            state.start(folder.clone(), corpus.clone());
        }
        let keep = self.workspace.training.not_kept.is_none();
        self.training
            .request(training::Request::Start(Box::new(Start {
                corpus,
                begin: run.begin,
                folder,
                keep,
            })));
    }

    /// Restarts a pipeline that has died, and reopens the open corpus and models.
    fn restart(&mut self, part: Part) {
        self.workspace.notices.revived(part);
        let device = self.device.clone();
        let started = match part {
            Part::Evaluation => Handle::start(device, self.wake.clone()).map(|handle| {
                self.evaluation = handle;
                self.requests.forget_all();
                let corpus = self
                    .workspace
                    .corpus
                    .as_ref()
                    .map(|card| card.source.clone());
                if let Some(source) = corpus {
                    let id = self.workspace.models.new_id();
                    self.request_open(source, id);
                }
                let models: Vec<(ModelId, Source)> = self
                    .workspace
                    .models
                    .iter()
                    .map(|open| (open.card.id, open.source.clone()))
                    .collect();
                for (id, source) in models {
                    self.request_open(source, id);
                }
            }),
            Part::Training => Handle::start(device, self.wake.clone()).map(|handle| {
                self.training = handle;
                if let Some(last) = self.workspace.training.last.clone() {
                    let run = self.workspace.training.resumed(last);
                    self.workspace.command(Command::Train(run));
                }
            }),
            Part::Extraction => {
                self.restart_extraction();
                Ok(())
            }
            Part::Embedding => Handle::start((), self.wake.clone()).map(|handle| {
                self.embedding = handle;
                self.requests.forget_projection();
            }),
        };
        if let Err(text) = started {
            self.workspace.notices.died(part, text);
        }
    }
}
