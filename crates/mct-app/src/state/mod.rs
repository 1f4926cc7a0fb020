//! What the panels share: the open corpus and models, what is asked of them, and what is known.
//!
//! Panels read and change this and nothing else. What follows from a change is asked of the pipelines
//! by `questions.rs`; what can only be done outside the window is a [`Command`].

pub mod command;
pub mod controls;
pub mod embedding;
pub mod missing;
pub mod models;
pub mod notices;
pub mod selection;
pub mod training;

use mct_engine::evaluation::{CorpusCard, DeviceCard, ModelId, Side};
use mct_engine::source::Source;
use mct_hfr::evaluation::Inspection;

use command::Command;
use controls::Controls;
use embedding::Projection;
use missing::MissingSettings;
use models::Models;
use notices::Notices;
use selection::Selection;
use training::Training;

pub struct Workspace {
    pub corpus: Option<CorpusCard>,
    /// Rises with every corpus, so that answers about an older one can be told.
    pub corpus_version: u64,
    pub models: Models,
    pub side: Side,
    pub missing: MissingSettings,
    pub selection: Selection,
    pub inspector: Inspector,
    pub projection: Projection,
    pub training: Training,
    pub notices: Notices,
    pub controls: Controls,
    /// What computes, once it has been tested.
    pub device: Option<DeviceCard>,
    /// Which share of its test is done, before there is one.
    pub device_tested: f32,
    /// The exact limit over [`models::RATES`], where the corpus has one.
    pub limit: Option<Vec<f64>>,
    /// The limit at the rates that are set now.
    pub limit_now: Option<f64>,
    commands: Vec<Command>,
}

/// The utterance that is looked into.
#[derive(Default)]
pub struct Inspector {
    /// Steps that were masked or unmasked by hand, for this utterance alone.
    pub edited: Option<(usize, Vec<Vec<bool>>)>,
    /// The layer whose attention is shown.
    pub layer: usize,
    /// The answer, with the utterance and the model that it is about.
    pub seen: Option<Seen>,
}

pub struct Seen {
    pub model: ModelId,
    pub utterance: usize,
    pub inspection: Inspection,
    /// Rises with every answer.
    pub version: u64,
}

impl Workspace {
    pub fn new() -> Self {
        Self {
            corpus: None,
            corpus_version: 0,
            models: Models::default(),
            side: Side::default(),
            missing: MissingSettings::default(),
            selection: Selection::default(),
            inspector: Inspector::default(),
            projection: Projection::default(),
            training: Training::default(),
            notices: Notices::default(),
            controls: Controls::default(),
            device: None,
            device_tested: 0.0,
            limit: None,
            limit_now: None,
            commands: Vec::new(),
        }
    }

    /// Asks for something outside the window.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    pub fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Another corpus is open: what was known of the old one is forgotten.
    pub fn set_corpus(&mut self, card: CorpusCard) {
        let names: Vec<&str> = card.modalities.iter().map(|m| m.name.as_str()).collect();
        self.missing.set_modalities(&names);
        self.selection.clear();
        self.inspector.edited = None;
        self.inspector.seen = None;
        self.projection.forget();
        self.limit = None;
        self.limit_now = None;
        self.models.forget();
        self.corpus = Some(card);
        self.corpus_version += 1;
    }

    /// Opens a corpus or a model.
    pub fn open(&mut self, source: Source) {
        self.command(Command::Open(source));
    }

    /// The utterance that is looked into: the focus of the selection.
    pub fn focus(&self) -> Option<usize> {
        let count = self.corpus.as_ref().map_or(0, |card| card.utterances.len());
        self.selection.focus().filter(|index| *index < count)
    }

    /// The missing steps of an utterance, a modality: as edited by hand, or as the rates say.
    pub fn masks(&self, utterance: usize) -> Option<Vec<Vec<bool>>> {
        if let Some((edited, masks)) = &self.inspector.edited
            && *edited == utterance
        {
            return Some(masks.clone());
        }
        let card = self.corpus.as_ref()?;
        Some(self.missing.masks(card, utterance))
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}
