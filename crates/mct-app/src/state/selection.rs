//! The selected utterances: one set, shared by all views.

use std::collections::BTreeSet;

/// Selected utterances, by index into the corpus.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selection {
    chosen: BTreeSet<usize>,
    /// The utterance in the inspector.
    focus: Option<usize>,
    /// The last action, in words.
    pub reason: String,
}

/// Of a selection that has been changed one by one since.
const CHANGED: &str = ", and changed";

impl Selection {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Selects these and no others; unless the focus is among them, it moves to the first.
    pub fn set(&mut self, chosen: impl IntoIterator<Item = usize>, reason: impl Into<String>) {
        self.chosen = chosen.into_iter().collect();
        self.reason = reason.into();
        if self.chosen.is_empty() {
            self.reason.clear();
        }
        if self.focus.is_none_or(|focus| !self.chosen.contains(&focus)) {
            self.focus = self.chosen.first().copied();
        }
    }

    /// Adds to the selection.
    pub fn add(&mut self, chosen: impl IntoIterator<Item = usize>, reason: impl Into<String>) {
        let before = self.chosen.len();
        self.chosen.extend(chosen);
        if self.chosen.len() == before {
            return;
        }
        self.reason = match (before, reason.into()) {
            (0, reason) => reason,
            // What was chosen by hand has no words.
            (_, reason) if self.reason.is_empty() => format!("several, {reason}"),
            (_, reason) => format!("{}; {reason}", self.reason),
        };
        if self.focus.is_none() {
            self.focus = self.chosen.first().copied();
        }
    }

    /// Takes these away.
    pub fn remove(&mut self, chosen: impl IntoIterator<Item = usize>) {
        for index in chosen {
            if self.contains(index) {
                self.toggle(index);
            }
        }
        if self.is_empty() {
            self.clear();
        }
    }

    /// Selects this one only.
    pub fn one(&mut self, index: usize) {
        self.chosen = BTreeSet::from([index]);
        self.focus = Some(index);
        self.reason.clear();
    }

    /// Adds an utterance, or removes it.
    pub fn toggle(&mut self, index: usize) {
        if !self.reason.is_empty() && !self.reason.ends_with(CHANGED) {
            self.reason += CHANGED;
        }
        if self.chosen.remove(&index) {
            if self.focus == Some(index) {
                self.focus = self.chosen.first().copied();
            }
        } else {
            self.chosen.insert(index);
            self.focus = Some(index);
        }
    }

    /// Moves the focus; an utterance that is not selected becomes the only one selected.
    pub fn focus_on(&mut self, index: usize) {
        if self.chosen.contains(&index) {
            self.focus = Some(index);
        } else {
            self.one(index);
        }
    }

    /// Moves the focus by a step: among several that are selected it leaves them alone.
    pub fn step_to(&mut self, index: usize) {
        if self.chosen.len() > 1 {
            self.focus = Some(index);
        } else {
            self.one(index);
        }
    }

    pub fn contains(&self, index: usize) -> bool {
        self.chosen.contains(&index)
    }

    pub fn len(&self) -> usize {
        self.chosen.len()
    }

    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.chosen.iter().copied()
    }

    /// The utterance in the inspector.
    pub fn focus(&self) -> Option<usize> {
        self.focus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_tell_all_that_is_selected() {
        let mut selection = Selection::default();
        selection.set([3, 5], "angry");
        selection.add([7], "sad");
        assert_eq!(selection.reason, "angry; sad");
        selection.add([3], "happy");
        assert_eq!(selection.reason, "angry; sad", "nothing was added");
        selection.toggle(5);
        selection.toggle(8);
        assert_eq!(selection.reason, "angry; sad, and changed");
        selection.set([], "fearful");
        assert_eq!(selection.reason, "", "nothing is selected");
        selection.one(4);
        selection.add([5], "sad");
        assert_eq!(selection.reason, "several, sad");
    }

    #[test]
    fn the_focus_follows_the_selected() {
        let mut selection = Selection::default();
        selection.set([3, 5, 9], "a cell");
        assert_eq!(selection.focus(), Some(3));
        selection.focus_on(5);
        assert_eq!((selection.focus(), selection.len()), (Some(5), 3));
        selection.toggle(5);
        assert_eq!((selection.focus(), selection.len()), (Some(3), 2));
        selection.focus_on(7);
        assert_eq!((selection.focus(), selection.len()), (Some(7), 1));
        selection.set([], "nothing");
        assert_eq!(selection.focus(), None);
        // Looking at a neighbour of several does not lose them.
        selection.set([3, 5], "a cell");
        selection.step_to(4);
        assert_eq!((selection.focus(), selection.len()), (Some(4), 2));
        selection.one(1);
        selection.step_to(2);
        assert_eq!((selection.focus(), selection.len()), (Some(2), 1));
    }
}
