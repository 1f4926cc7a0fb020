//! What a corpus says of itself and of each utterance.
//!
//! What is not known is `None`: an utterance may have no label, no speaker, no duration.

use serde::{Deserialize, Serialize};

use crate::process::Process;

/// How a person of the corpus is marked; decides test and validation in leave-one-session-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sex {
    #[serde(rename = "F")]
    Female,
    #[serde(rename = "M")]
    Male,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speaker {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
}

/// What is predicted of an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Its class.
    #[default]
    Classification,
    /// Its intensities, one number for each of [`Metadata::targets`].
    Regression,
}

impl Task {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
        }
    }
}

/// One intensity that utterances are rated with, such as sentiment or arousal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub name: String,
    /// The ends of its scale.
    pub range: [f32; 2],
}

/// What the corpus says of itself, kept in the header of its file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub title: String,
    /// Under which terms the data may be used.
    pub licence: String,
    /// Numbers from a synthetic corpus are labelled so wherever they are shown.
    pub synthetic: bool,
    /// Class names; a label is an index into them. Empty where no utterance has a class.
    pub classes: Vec<String>,
    /// What utterances are rated with besides, or instead of, classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    pub speakers: Vec<Speaker>,
    /// Where the file names no speakers: from what they were guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers_guessed_from: Option<String>,
    /// Session names; empty where the corpus has no sessions.
    pub sessions: Vec<String>,
    /// The generative process of a demo corpus, from which its exact limit follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// The sides of a split that came with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Train,
    Validation,
    Test,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Utterance {
    pub id: String,
    /// Index into [`Metadata::classes`].
    pub label: Option<usize>,
    /// One for each of [`Metadata::targets`].
    pub targets: Vec<Option<f32>>,
    /// Index into [`Metadata::speakers`].
    pub speaker: Option<usize>,
    /// Index into [`Metadata::sessions`]; `None` where the corpus has none.
    pub session: Option<usize>,
    pub duration_secs: Option<f32>,
    pub transcript: Option<String>,
    pub side: Option<Side>,
}

impl Utterance {
    /// Whether it can be trained on, or a prediction of it scored.
    pub fn is_labelled(&self, task: Task) -> bool {
        match task {
            Task::Classification => self.label.is_some(),
            Task::Regression => self.targets.iter().any(Option::is_some),
        }
    }
}

/// What else a file says of its utterances: dialogue, turn, language, the labels of single raters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub cells: Cells,
}

/// The cells of a column, one for each utterance; `None` where it is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cells {
    Text(Vec<Option<String>>),
    Number(Vec<Option<f64>>),
}

impl Cells {
    pub fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Number(cells) => cells.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell of utterance `index` as text; empty where the cell is.
    pub fn text(&self, index: usize) -> String {
        match self {
            Self::Text(cells) => cells[index].clone().unwrap_or_default(),
            Self::Number(cells) => cells[index].map_or_else(String::new, |cell| cell.to_string()),
        }
    }
}
