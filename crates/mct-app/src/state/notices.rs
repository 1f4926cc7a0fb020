//! What a person should know: refused files, warnings, what has died.

use web_time::{Duration, Instant};

use super::command::Part;

/// How long a notice stays on screen by itself; it is kept in the list.
const SHOWN_FOR: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Done,
    Warning,
    Error,
}

#[derive(Debug, Clone)]
pub struct Notice {
    pub kind: Kind,
    pub text: String,
    since: Instant,
    dismissed: bool,
}

#[derive(Default)]
pub struct Notices {
    all: Vec<Notice>,
    /// Pipelines that have died, with their last words.
    dead: Vec<(Part, String)>,
}

impl Notices {
    pub fn add(&mut self, kind: Kind, text: impl Into<String>) {
        self.all.push(Notice {
            kind,
            text: text.into(),
            since: Instant::now(),
            dismissed: false,
        });
    }

    pub fn died(&mut self, part: Part, text: String) {
        if self.dead.iter().all(|(dead, _)| *dead != part) {
            self.dead.push((part, text));
        }
    }

    pub fn revived(&mut self, part: Part) {
        self.dead.retain(|(dead, _)| *dead != part);
    }

    pub fn dead(&self) -> &[(Part, String)] {
        &self.dead
    }

    /// Those that are still on screen, newest first, with their number. Errors stay until dismissed.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Notice)> {
        let fresh =
            |notice: &Notice| notice.kind == Kind::Error || notice.since.elapsed() < SHOWN_FOR;
        let all = self.all.iter().enumerate().rev();
        all.filter(move |(_, notice)| !notice.dismissed && fresh(notice))
    }

    pub fn dismiss(&mut self, number: usize) {
        if let Some(notice) = self.all.get_mut(number) {
            notice.dismissed = true;
        }
    }

    pub fn all(&self) -> &[Notice] {
        &self.all
    }
}
