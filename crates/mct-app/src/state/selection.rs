//! The selected utterances: one set, shared by all views.

use std::collections::BTreeSet;
use std::rc::Rc;

/// Selected utterances, by index into the corpus.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selection {
    chosen: BTreeSet<usize>,
    /// The utterance in the inspector.
    focus: Option<usize>,
    /// What was chosen at once: its words and its utterances, of which some may have been taken out since.
    parts: Vec<(String, Rc<BTreeSet<usize>>)>,
    /// What is selected, in words; empty where it was chosen by hand.
    pub reason: String,
}

impl Selection {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Selects these and no others; unless the focus is among them, it moves to the first.
    pub fn set(&mut self, chosen: impl IntoIterator<Item = usize>, reason: impl Into<String>) {
        self.chosen = chosen.into_iter().collect();
        self.parts = vec![(reason.into(), Rc::new(self.chosen.clone()))];
        if self.focus.is_none_or(|focus| !self.chosen.contains(&focus)) {
            self.focus = self.chosen.first().copied();
        }
        self.describe();
    }

    /// Adds to the selection.
    pub fn add(&mut self, chosen: impl IntoIterator<Item = usize>, reason: impl Into<String>) {
        let chosen: BTreeSet<usize> = chosen.into_iter().collect();
        if chosen.is_subset(&self.chosen) {
            return;
        }
        self.chosen.extend(&chosen);
        let reason = reason.into();
        // What was taken out in part and is there again is said once.
        self.parts
            .retain(|(other, own)| *other != reason || !own.is_subset(&chosen));
        self.parts.push((reason, Rc::new(chosen)));
        if self.focus.is_none() {
            self.focus = self.chosen.first().copied();
        }
        self.describe();
    }

    /// Takes these away.
    pub fn remove(&mut self, chosen: impl IntoIterator<Item = usize>) {
        for index in chosen {
            self.take_out(index);
        }
        if self.is_empty() {
            return self.clear();
        }
        self.describe();
    }

    /// Selects this one only.
    pub fn one(&mut self, index: usize) {
        self.chosen = BTreeSet::from([index]);
        self.focus = Some(index);
        self.parts.clear();
        self.describe();
    }

    /// Adds an utterance, or removes it.
    pub fn toggle(&mut self, index: usize) {
        if !self.take_out(index) {
            self.chosen.insert(index);
            self.focus = Some(index);
        }
        self.describe();
    }

    /// Takes one out, where it is selected; the focus goes from it to the first that is left.
    fn take_out(&mut self, index: usize) -> bool {
        let was_in = self.chosen.remove(&index);
        if was_in && self.focus == Some(index) {
            self.focus = self.chosen.first().copied();
        }
        was_in
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

    /// Puts into words what is selected: what was chosen at once, as far as it is still there, and how many others.
    fn describe(&mut self) {
        let Self { chosen, parts, .. } = self;
        parts.retain(|(_, own)| !own.is_disjoint(chosen));
        let words = parts
            .iter()
            .map(|(reason, own)| match own.is_subset(chosen) {
                true => reason.clone(),
                false => format!("{reason} (in part)"),
            });
        let mut words: Vec<String> = words.collect();
        let by_hand = chosen.iter();
        let by_hand = by_hand.filter(|index| parts.iter().all(|(_, own)| !own.contains(index)));
        match by_hand.count() {
            0 => {}
            _ if words.is_empty() => {}
            1 => words.push("1 other".to_owned()),
            others => words.push(format!("{others} others")),
        }
        self.reason = words.join("; ");
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
        assert_eq!(selection.reason, "angry (in part); sad; 1 other");
        selection.add([3, 5], "angry");
        assert_eq!(selection.reason, "sad; angry; 1 other");
        selection.remove([3, 5]);
        assert_eq!(selection.reason, "sad; 1 other", "the angry are gone");
        selection.set([], "fearful");
        assert_eq!(selection.reason, "", "nothing is selected");
        selection.one(4);
        assert_eq!(selection.reason, "");
        selection.add([5], "sad");
        assert_eq!(selection.reason, "sad; 1 other");
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
