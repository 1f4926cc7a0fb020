//! Responses of the pipelines.

use mct_engine::evaluation;
use mct_engine::pipeline::Received;
use mct_engine::source::{Bytes, Source};
use mct_engine::training;
#[cfg(not(target_arch = "wasm32"))]
use mct_hfr::training::FinishReason;

use super::Application;
use crate::state::command::{Command, File, Part};
use crate::state::importing::Importing;
use crate::state::notices::Kind;
use crate::state::training::Phase;

impl Application {
    pub(super) fn receive_evaluation(&mut self) {
        let messages: Vec<_> = self.evaluation.received().collect();
        for received in messages {
            match received {
                Received::Response(response) => self.receive_response(response),
                Received::Died(text) => self.workspace.notices.died(Part::Evaluation, text),
            }
        }
    }

    fn receive_response(&mut self, response: evaluation::Response) {
        use evaluation::Response;

        let workspace = &mut self.workspace;
        match response {
            Response::Testing(share) => workspace.device_tested = share,
            Response::Ready(card) => {
                if let Some(warning) = &card.warning {
                    workspace.notices.add(Kind::Warning, warning.clone());
                }
                workspace.device = Some(card);
            }
            Response::Corpus(card) => {
                for note in card.notes.iter().flatten() {
                    workspace.notices.add(Kind::Warning, note.clone());
                }
                workspace.set_corpus(*card);
                self.show_recordings();
            }
            Response::Model(card) => {
                let id = card.id;
                let source = self.opening.remove(&id);
                if source.is_some() {
                    // Its weights may have changed.
                    self.requests.forget_model(id);
                }
                if workspace.models.set(*card, source) {
                    workspace.settled = None;
                }
            }
            Response::Opened(id) => {
                self.opening.remove(&id);
            }
            Response::CorpusFile(bytes) => self.workspace.command(Command::Save(File {
                name: "corpus.safetensors".to_owned(),
                bytes: bytes.to_vec(),
            })),
            Response::Refused {
                id,
                name,
                message,
                is_features,
            } => {
                let source = self.opening.remove(&id);
                let recordings = &mut workspace.recordings;
                recordings
                    .extracted
                    .take_if(|own| source.as_ref() == Some(&own.corpus));
                if let Some(source) = source.filter(|_| is_features) {
                    let importing = Importing::new(source.features(), Some(message));
                    workspace.importing.push_back(importing);
                    return;
                }
                let text = if message.contains(&name) {
                    message
                } else {
                    format!("{name}: {message}")
                };
                workspace.notices.add(Kind::Error, text);
            }
            response => self.requests.receive(response, workspace),
        }
    }

    pub(super) fn receive_training(&mut self) {
        use training::Response;

        let messages: Vec<_> = self.training.received().collect();
        for received in messages {
            let workspace = &mut self.workspace;
            let run = &mut workspace.training;
            match received {
                Received::Died(text) => {
                    if run.phase.is_busy() {
                        run.phase = Phase::Failed;
                        run.problem = Some("training has stopped".to_owned());
                    }
                    workspace.notices.died(Part::Training, text);
                }
                Received::Response(Response::Began(config, history)) => run.began(*config, history),
                Received::Response(Response::Event(event)) => {
                    if let mct_hfr::training::Event::Warning { message } = &event {
                        workspace.notices.add(Kind::Warning, message.clone());
                    }
                    workspace.training.event(&event);
                }
                Received::Response(Response::Best(bytes)) => {
                    run.best = Some(bytes.clone());
                    self.open_best(bytes);
                }
                Received::Response(Response::Last(bytes)) => run.last = Some(bytes),
                Received::Response(Response::NotKept(reason)) => {
                    let text =
                        format!("the training is not kept when the page is closed: {reason}");
                    run.not_kept = Some(reason);
                    workspace.notices.add(Kind::Warning, text);
                }
                Received::Response(Response::Paused) => {
                    run.phase = Phase::Paused;
                    run.forget_speed();
                }
                Received::Response(Response::Ended(reason)) => {
                    run.phase = Phase::Ended(reason);
                    #[cfg(not(target_arch = "wasm32"))]
                    if reason != FinishReason::Interrupted {
                        // Where the run is open as a folder there is nothing to resume any more.
                        let own = Source::Path(run.folder.clone().into());
                        workspace.models.finished(&own);
                    }
                }
                Received::Response(Response::Failed(message)) => {
                    run.phase = Phase::Failed;
                    run.problem = Some(message.clone());
                    workspace.notices.add(Kind::Error, message);
                }
            }
        }
    }

    /// Opens the best weights so far as a model.
    fn open_best(&mut self, bytes: Bytes) {
        let run = &mut self.workspace.training;
        let id = match run.model {
            Some(id) => id,
            None => self.workspace.models.new_id(),
        };
        let run = &mut self.workspace.training;
        run.model = Some(id);
        let source = Source::Bytes {
            name: run.model_name(),
            bytes,
        };
        self.request_open(source, id);
    }

    pub(super) fn receive_embedding(&mut self) {
        let messages: Vec<_> = self.embedding.received().collect();
        for received in messages {
            match received {
                Received::Response(response) => self
                    .requests
                    .receive_embedding(response, &mut self.workspace),
                Received::Died(text) => self.workspace.notices.died(Part::Embedding, text),
            }
        }
    }
}
