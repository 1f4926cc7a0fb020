//! Which utterances are selected: one set, shared by all views.

use std::collections::BTreeSet;

/// Indices into the corpus.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selection {
    chosen: BTreeSet<usize>,
    focus: Option<usize>,
    /// What was done last, in words.
    pub reason: String,
}

impl Selection {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// These and no others; the first is looked into.
    pub fn set(&mut self, chosen: impl IntoIterator<Item = usize>, reason: impl Into<String>) {
        self.chosen = chosen.into_iter().collect();
        self.reason = reason.into();
        if self.focus.is_none_or(|focus| !self.chosen.contains(&focus)) {
            self.focus = self.chosen.first().copied();
        }
    }

    /// These besides those that are selected already.
    pub fn add(&mut self, chosen: impl IntoIterator<Item = usize>, reason: impl Into<String>) {
        self.chosen.extend(chosen);
        self.reason = reason.into();
        if self.focus.is_none() {
            self.focus = self.chosen.first().copied();
        }
    }

    /// This one alone.
    pub fn one(&mut self, index: usize) {
        self.chosen = BTreeSet::from([index]);
        self.focus = Some(index);
        self.reason.clear();
    }

    /// Adds it, or takes it away.
    pub fn toggle(&mut self, index: usize) {
        if self.chosen.remove(&index) {
            if self.focus == Some(index) {
                self.focus = self.chosen.first().copied();
            }
        } else {
            self.chosen.insert(index);
            self.focus = Some(index);
        }
    }

    /// Looks into one of those that are selected, or into another and selects it alone.
    pub fn look(&mut self, index: usize) {
        if self.chosen.contains(&index) {
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

    /// The utterance that is looked into.
    pub fn focus(&self) -> Option<usize> {
        self.focus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_focus_is_always_one_of_the_selected() {
        let mut selection = Selection::default();
        selection.set([3, 5, 9], "a cell");
        assert_eq!(selection.focus(), Some(3));
        selection.look(5);
        assert_eq!((selection.focus(), selection.len()), (Some(5), 3));
        selection.toggle(5);
        assert_eq!((selection.focus(), selection.len()), (Some(3), 2));
        selection.look(7);
        assert_eq!((selection.focus(), selection.len()), (Some(7), 1));
        selection.set([], "nothing");
        assert_eq!(selection.focus(), None);
    }
}
