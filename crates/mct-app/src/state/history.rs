//! Undo and redo: of the selection, the side, the missing steps and the masks edited by hand.

use std::collections::BTreeMap;

use mct_engine::evaluation::Side;

use super::Workspace;
use super::missing::MissingSettings;
use super::selection::Selection;

/// So many steps are kept.
const KEPT: usize = 200;

/// What can be undone, as it was at a time.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    selection: Selection,
    side: Side,
    missing: MissingSettings,
    edited: BTreeMap<usize, Vec<Vec<bool>>>,
}

impl Step {
    fn of(workspace: &Workspace) -> Self {
        Self {
            selection: workspace.selection.clone(),
            side: workspace.side,
            missing: workspace.missing.clone(),
            edited: workspace.inspector.edited.clone(),
        }
    }

    /// Whether nothing has changed since.
    fn is(&self, workspace: &Workspace) -> bool {
        self.side == workspace.side
            && self.missing == workspace.missing
            && self.selection == workspace.selection
            && self.edited == workspace.inspector.edited
    }

    fn restore(&self, workspace: &mut Workspace) {
        workspace.selection = self.selection.clone();
        workspace.side = self.side;
        workspace.missing = self.missing.clone();
        workspace.inspector.edited.clone_from(&self.edited);
    }
}

/// The steps that can be undone and redone, of one corpus.
#[derive(Default)]
pub struct History {
    corpus_version: u64,
    now: Option<Step>,
    before: Vec<Step>,
    after: Vec<Step>,
}

impl History {
    /// Looks whether something has changed. Called where nothing is being dragged, so that a drag is one
    /// step.
    pub fn observe(&mut self, workspace: &Workspace) {
        // Another corpus has other utterances and modalities.
        if self.corpus_version != workspace.corpus_version {
            *self = Self {
                corpus_version: workspace.corpus_version,
                ..Self::default()
            };
        }
        match &self.now {
            Some(now) if now.is(workspace) => {}
            _ => {
                if let Some(now) = self.now.replace(Step::of(workspace)) {
                    self.before.push(now);
                    self.after.clear();
                }
                let too_many = self.before.len().saturating_sub(KEPT);
                self.before.drain(..too_many);
            }
        }
    }

    pub fn can_undo(&self) -> bool {
        !self.before.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.after.is_empty()
    }

    /// Goes back a step, if there is one.
    pub fn undo(&mut self, workspace: &mut Workspace) {
        self.observe(workspace);
        if let Some(step) = self.before.pop() {
            step.restore(workspace);
            self.after.extend(self.now.replace(step));
        }
    }

    /// Takes an undone step again, if nothing else has been done since.
    pub fn redo(&mut self, workspace: &mut Workspace) {
        self.observe(workspace);
        if let Some(step) = self.after.pop() {
            step.restore(workspace);
            self.before.extend(self.now.replace(step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_undone_and_redone_until_something_else_is_done() {
        let (mut workspace, mut history) = (Workspace::new(), History::default());
        history.observe(&workspace);
        assert!(!history.can_undo());
        workspace.selection.one(3);
        history.observe(&workspace);
        workspace.missing.rate = 0.5;
        // Not observed yet, as while a slider is dragged.
        workspace.missing.rate = 0.7;
        history.undo(&mut workspace);
        assert_eq!(
            (workspace.missing.rate, workspace.selection.len()),
            (0.0, 1)
        );
        history.undo(&mut workspace);
        history.undo(&mut workspace);
        assert!(workspace.selection.is_empty() && !history.can_undo());
        history.redo(&mut workspace);
        history.redo(&mut workspace);
        assert_eq!(
            (workspace.missing.rate, workspace.selection.len()),
            (0.7, 1)
        );
        assert!(!history.can_redo());
        history.undo(&mut workspace);
        workspace.side = Side::Train;
        history.observe(&workspace);
        assert!(!history.can_redo());
        history.undo(&mut workspace);
        assert_eq!(workspace.side, Side::Test);
        // A new corpus has no past.
        workspace.corpus_version += 1;
        workspace.selection.clear();
        history.observe(&workspace);
        assert!(!history.can_undo() && !history.can_redo());
    }
}
