//! The state shared by the panels: the open corpus and models, the settings, and the results.
//!
//! Panels read and change this and nothing else. Requests that follow from a change are sent to the
//! pipelines by `requests.rs`; actions outside the state are [`Command`]s.

pub mod categories;
pub mod command;
pub mod controls;
pub mod embedding;
pub mod history;
pub mod importing;
pub mod missing;
pub mod modalities;
pub mod models;
pub mod natural;
pub mod notices;
pub mod recordings;
#[cfg(not(target_arch = "wasm32"))]
pub mod runs;
pub mod selection;
pub mod slices;
pub mod training;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mct_engine::evaluation::{Combination, CorpusCard, DeviceCard, Held, LeftOut, ModelId, Side};
use mct_engine::source::Source;
use mct_hfr::evaluation::{Attending, Inspection};

use crate::actions::Settled;
use categories::Categories;
use command::Command;
use controls::Controls;
use embedding::Projection;
use importing::Importing;
use missing::MissingSettings;
use modalities::ByModality;
use models::{Models, OpenModel};
use notices::Notices;
use recordings::Recordings;
#[cfg(not(target_arch = "wasm32"))]
use runs::Runs;
use selection::Selection;
use training::Training;

/// The state of the application.
pub struct Workspace {
    pub corpus: Option<CorpusCard>,
    /// Increased with every opened corpus, so that requests about an older one are outdated.
    pub corpus_version: u64,
    pub models: Models,
    pub side: Side,
    pub missing: MissingSettings,
    pub selection: Selection,
    pub inspector: Inspector,
    pub recordings: Recordings,
    pub projection: Projection,
    pub training: Training,
    /// Dialogs that wait for an answer, one shown at a time.
    pub importing: VecDeque<Importing>,
    pub notices: Notices,
    pub controls: Controls,
    /// The compute device, once it has been tested.
    pub device: Option<DeviceCard>,
    /// Progress of the device's known-answer test, 0 to 1.
    pub device_tested: f32,
    /// The exact limit of UA at [`models::RATES`], where the corpus has one.
    pub limit: Option<Vec<f64>>,
    /// The exact limit of UA under the current conditions.
    pub limit_now: Option<f64>,
    /// The shown model with some of the modalities, once it was asked for.
    pub by_modality: Option<ByModality>,
    /// Selections that were given a name, of the open corpus.
    pub kept: Vec<(String, BTreeSet<usize>)>,
    /// The runs of a folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub runs: Runs,
    /// The views in front, by their slugs, where they are not those of the first start.
    pub front: Vec<String>,
    /// The conditions that the window began with or that were asked for, once it has become like that.
    pub settled: Option<Settled>,
    /// How often it has.
    pub settlings: u32,
    commands: Vec<Command>,
}

/// The state of the inspector.
#[derive(Default)]
pub struct Inspector {
    /// The masks `[modality][time]` of utterances, edited by hand.
    pub edited: BTreeMap<usize, Vec<Vec<bool>>>,
    /// Whose attention is shown.
    pub attending: Attending,
    /// Whether it is shown how much each step counts.
    pub weighs: bool,
    /// What the latest request was for: the missing steps in words.
    pub asked: String,
    /// Whether the latest inspection is of the latest request.
    pub is_current: bool,
    /// The latest inspection.
    pub seen: Option<Seen>,
    /// The same utterance with the compared model.
    pub compared: Option<Seen>,
    /// Whether that is of the latest request.
    pub compared_is_current: bool,
    /// What the shown model predicts without some of the steps, as far as it was asked for.
    pub left_out: Option<Weighed>,
    /// What is predicted from each combination of modalities, of a model and an utterance.
    pub combined: Option<(ModelId, usize, Vec<Combination>)>,
}

/// An inspection, with its model and utterance.
pub struct Seen {
    pub model: ModelId,
    pub utterance: usize,
    pub inspection: Inspection,
    /// The missing steps in words.
    pub conditions: String,
    /// Increased with every inspection.
    pub version: u64,
}

/// What a model predicts of an utterance when windows of its steps are left out.
pub struct Weighed {
    pub model: ModelId,
    pub utterance: usize,
    /// The steps that are missing in any case, `[modality][time]`.
    pub masks: Vec<Vec<bool>>,
    pub windows: Vec<LeftOut>,
}

impl Workspace {
    /// An empty workspace with default settings.
    pub fn new() -> Self {
        Self {
            corpus: None,
            corpus_version: 0,
            models: Models::default(),
            side: Side::default(),
            missing: MissingSettings::default(),
            selection: Selection::default(),
            inspector: Inspector::default(),
            recordings: Recordings::default(),
            projection: Projection::default(),
            training: Training::default(),
            importing: VecDeque::new(),
            notices: Notices::default(),
            controls: Controls::default(),
            device: None,
            device_tested: 0.0,
            limit: None,
            limit_now: None,
            by_modality: None,
            kept: Vec::new(),
            #[cfg(not(target_arch = "wasm32"))]
            runs: Runs::default(),
            front: Vec::new(),
            settled: None,
            settlings: 0,
            commands: Vec::new(),
        }
    }

    /// Queues a command.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Takes the queued commands, in order.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Whether commands are queued.
    pub fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Sets the open corpus, and removes what depends on the old one.
    pub fn set_corpus(&mut self, card: CorpusCard) {
        let names: Vec<&str> = card.modalities.iter().map(|m| m.name.as_str()).collect();
        self.missing.set_modalities(&names);
        self.selection.clear();
        self.inspector.edited.clear();
        self.inspector.seen = None;
        self.inspector.combined = None;
        self.inspector.compared = None;
        self.inspector.left_out = None;
        self.recordings.corpus_opened(&card.source);
        if self.recordings.opened.is_none()
            && let Some(side) = self.recordings.side_before.take()
        {
            self.side = side;
        }
        self.projection.forget();
        self.limit = None;
        self.limit_now = None;
        self.by_modality = None;
        self.kept.clear();
        self.models.forget();
        self.training.settings.fit(&card);
        self.corpus = Some(card);
        self.corpus_version += 1;
    }

    /// Opens a corpus or a model.
    pub fn open(&mut self, source: Source) {
        self.command(Command::Open(source));
    }

    /// What the views call a class: what the shown model predicts, or what the corpus is labelled with.
    pub fn categories(&self) -> Option<Categories> {
        let card = self.corpus.as_ref()?;
        let target = self.models.target();
        Some(match self.models.shown() {
            Some(open) if open.card.fold.is_ok() => {
                Categories::of_model(&card.metadata, &open.card.interface, target)
            }
            _ => Categories::of_corpus(&card.metadata, target),
        })
    }

    /// Whether the exact limit of the open corpus can be computed.
    pub fn has_limit(&self) -> bool {
        let card = self.corpus.as_ref();
        card.is_some_and(|card| card.metadata.process.is_some())
    }

    /// The shown model, and what its predictions hold for; `None` before it has any.
    pub fn shown_held(&self) -> Option<(&OpenModel, &Held)> {
        let open = self.models.shown()?;
        Some((open, &open.evaluated.as_ref()?.held))
    }

    /// Side and conditions in words.
    pub fn conditions_of(&self, held: &Held) -> String {
        let conditions = self.missing.describe(&held.conditions);
        format!("{} side, {conditions}", held.side.title())
    }

    /// What an answer about a model holds for, in words, and whether that is what is chosen.
    pub fn holds(&self, model: ModelId, held: &Held) -> (String, bool) {
        let name = self.models.get(model).map(|open| open.card.name.as_str());
        let Held { side, conditions } = held;
        let text = format!("{}, {}", name.unwrap_or_default(), self.conditions_of(held));
        let is_current = *side == self.side && *conditions == self.missing.conditions();
        (text, is_current && self.models.shown == Some(model))
    }

    /// The same for what the shown model predicts, as a file carries it; `None` before there is anything.
    pub fn shown_holds(&self) -> Option<serde_json::Value> {
        let card = self.corpus.as_ref()?;
        let (open, Held { side, conditions }) = self.shown_held()?;
        Some(serde_json::json!({
            "synthetic": card.metadata.synthetic,
            "corpus": card.metadata.title,
            "model": open.card.name,
            "fold": open.card.fold.as_ref().ok().map(|fold| &fold.name),
            "side": side.title(),
            "conditions": conditions,
            "note": open.card.note,
        }))
    }

    /// The utterance in the inspector: the focus of the selection.
    pub fn focus(&self) -> Option<usize> {
        let count = self.corpus.as_ref().map_or(0, |card| card.utterances.len());
        self.selection.focus().filter(|index| *index < count)
    }

    /// The missing steps of an utterance, `[modality][time]`: edited by hand, or drawn at the missing
    /// rates. `None` where no corpus is open.
    pub fn masks(&self, utterance: usize) -> Option<Vec<Vec<bool>>> {
        if let Some(masks) = self.inspector.edited.get(&utterance) {
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
