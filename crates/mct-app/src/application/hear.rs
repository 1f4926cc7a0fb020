//! What the pipelines tell.

use mct_engine::evaluation;
use mct_engine::pipeline::Told;
use mct_engine::source::{Bytes, Source};
use mct_engine::training;

use super::Application;
use crate::state::command::Part;
use crate::state::notices::Kind;
use crate::state::training::Phase;

impl Application {
    pub(super) fn hear_evaluation(&mut self) {
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

    pub(super) fn hear_training(&mut self) {
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
    fn open_best(&mut self, bytes: Bytes) {
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

    pub(super) fn hear_embedding(&mut self) {
        let told: Vec<_> = self.embedding.told().collect();
        for told in told {
            match told {
                Told::Tell(tell) => self.questions.answer_embedding(tell, &mut self.workspace),
                Told::Died(text) => self.workspace.notices.died(Part::Embedding, text),
            }
        }
    }
}
