//! Sessions: what is open and how it is looked at, as a file.

use std::path::Path;

use mct_corpus::regular;
use mct_engine::source::Source;
use serde::{Deserialize, Serialize};

use super::Application;
use crate::actions::{Action, Conditions};
use crate::state::command::{Command, File};
use crate::state::notices::Kind;

/// How the names of sessions end.
pub const ENDING: &str = ".session.json";

/// A session. Files are named by their whole paths.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    /// Of the format: 1.
    version: u32,
    /// `None` where it is no file.
    corpus: Option<Source>,
    models: Vec<Source>,
    conditions: Conditions,
}

impl Application {
    /// Saves what is open. What is no file is said, and left out.
    pub(super) fn save_session(&mut self) {
        let workspace = &mut self.workspace;
        let Some(corpus) = workspace.corpus.as_ref().map(|card| card.source.clone()) else {
            return;
        };
        let mut left_out = Vec::new();
        let is_file = !matches!(corpus, Source::Bytes { .. });
        if !is_file {
            left_out.push(corpus.name());
        }
        let training = &workspace.training;
        let mut models = Vec::new();
        for open in workspace.models.iter() {
            match &open.source {
                // What was trained here lies in its run folder.
                Source::Bytes { .. } if training.model == Some(open.card.id) => {
                    models.push(whole(&Source::Path(training.folder.clone().into())));
                }
                Source::Bytes { .. } => left_out.push(open.card.name.clone()),
                source => models.push(whole(source)),
            }
        }
        let session = Session {
            version: 1,
            corpus: is_file.then(|| whole(&corpus)),
            models,
            conditions: workspace.conditions(),
        };
        for name in left_out {
            let text = format!("{name} is no file: a session cannot open it again");
            workspace.notices.add(Kind::Warning, text);
        }
        if let Ok(text) = serde_json::to_string_pretty(&session) {
            workspace.command(Command::Save(File {
                name: format!("mct-hfr{ENDING}"),
                bytes: (text + "\n").into_bytes(),
            }));
        }
    }

    /// Opens what a session names; its conditions follow once everything is open.
    pub(super) fn open_session(&mut self, path: &Path) {
        let name = path.display();
        let read = regular::read_text(path).map_err(|error| error.to_string());
        let session = read.and_then(|text| {
            let session: Session =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            match session.version {
                1 => Ok(session),
                other => Err(format!("version: found {other}, expected 1")),
            }
        });
        match session {
            Ok(session) => {
                for source in session.corpus.into_iter().chain(session.models) {
                    self.workspace.command(Command::Open(source));
                }
                self.wanted = Some(session.conditions);
            }
            Err(problem) => {
                let text = format!("{name}: {problem}, expected a session");
                self.workspace.notices.add(Kind::Error, text);
            }
        }
    }

    /// Takes the conditions of a session once everything that it names is open or refused.
    pub(super) fn follow_session(&mut self) {
        if self.opening.is_empty()
            && !self.workspace.has_commands()
            && self.workspace.corpus.is_some()
            && let Some(conditions) = self.wanted.take()
        {
            self.workspace.act(Action::Conditions(conditions));
        }
    }
}

/// By its whole name, whatever folder the next start is in.
fn whole(source: &Source) -> Source {
    match source {
        Source::Path(path) => {
            Source::Path(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        }
        other => other.clone(),
    }
}
