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
    /// How often it was said.
    pub times: usize,
    /// Grows with every notice that is said, also again.
    pub number: usize,
    /// When it was said last.
    since: Instant,
    dismissed: bool,
}

impl Notice {
    /// How long ago it was said last, in words.
    pub fn age(&self) -> String {
        match self.since.elapsed().as_secs() {
            0..60 => "just now".to_owned(),
            seconds @ 60..7200 => format!("{} min ago", seconds / 60),
            seconds => format!("{} h ago", seconds / 3600),
        }
    }

    /// With how often it was said, where that is more than once.
    pub fn shown(&self) -> String {
        match self.times {
            1 => self.text.clone(),
            times => format!("{} ({times} times)", self.text),
        }
    }
}

/// All notices, and the pipelines that have died.
#[derive(Default)]
pub struct Notices {
    all: Vec<Notice>,
    /// How many were said.
    said: usize,
    /// Pipelines that have died, with the error.
    dead: Vec<(Part, String)>,
}

impl Notices {
    /// Adds a notice; one that was said before is said again.
    pub fn add(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        self.said += 1;
        let same = |notice: &Notice| notice.kind == kind && notice.text == text;
        let before = self.all.iter().position(same);
        let times = before.map_or(0, |index| self.all.remove(index).times);
        self.all.push(Notice {
            kind,
            text,
            times: times + 1,
            number: self.said,
            since: Instant::now(),
            dismissed: false,
        });
    }

    /// Removes all notices from the screen; they stay in the list.
    pub fn dismiss_all(&mut self) {
        for notice in &mut self.all {
            notice.dismissed = true;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_one_notice_and_all_can_be_dismissed() {
        let mut notices = Notices::default();
        for text in ["no file", "another", "no file", "no file"] {
            notices.add(Kind::Error, text);
        }
        let shown: Vec<String> = notices.shown().map(|(_, notice)| notice.shown()).collect();
        assert_eq!(shown, ["no file (3 times)", "another"]);
        notices.dismiss_all();
        assert_eq!(notices.shown().count(), 0);
        assert_eq!(notices.all().len(), 2);
        notices.add(Kind::Error, "another");
        assert_eq!(notices.shown().count(), 1, "said again, it is seen again");
    }
}
