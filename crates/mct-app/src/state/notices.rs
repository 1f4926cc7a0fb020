//! Notices to the user: refused files, warnings, pipelines that have died.

use web_time::{Duration, Instant};

use super::command::Part;

/// How long a notice stays on screen; it remains in the list.
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

/// All notices, and the pipelines that have died.
#[derive(Default)]
pub struct Notices {
    all: Vec<Notice>,
    /// Pipelines that have died, with the error.
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

    /// Records that a pipeline has died.
    pub fn died(&mut self, part: Part, text: String) {
        if self.dead.iter().all(|(dead, _)| *dead != part) {
            self.dead.push((part, text));
        }
    }

    /// Records that a pipeline was restarted.
    pub fn revived(&mut self, part: Part) {
        self.dead.retain(|(dead, _)| *dead != part);
    }

    /// The pipelines that have died, with the error.
    pub fn dead(&self) -> &[(Part, String)] {
        &self.dead
    }

    /// The notices on screen, newest first, with their index. Errors stay until dismissed.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Notice)> {
        let fresh =
            |notice: &Notice| notice.kind == Kind::Error || notice.since.elapsed() < SHOWN_FOR;
        let newest_first = self.all.iter().enumerate().rev();
        newest_first.filter(move |(_, notice)| !notice.dismissed && fresh(notice))
    }

    /// Removes a notice from the screen.
    pub fn dismiss(&mut self, index: usize) {
        if let Some(notice) = self.all.get_mut(index) {
            notice.dismissed = true;
        }
    }

    /// All notices, oldest first.
    pub fn all(&self) -> &[Notice] {
        &self.all
    }
}
