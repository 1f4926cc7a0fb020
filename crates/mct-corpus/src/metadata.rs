//! What a corpus says of itself and of each utterance.

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

/// What the corpus says of itself, kept in the header of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub title: String,
    /// Under which terms the data may be used.
    pub licence: String,
    /// Numbers from a synthetic corpus are labelled so wherever they are shown.
    pub synthetic: bool,
    /// Class names; a label is an index into them.
    pub classes: Vec<String>,
    pub speakers: Vec<Speaker>,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    pub id: String,
    /// Index into [`Metadata::classes`].
    pub label: usize,
    /// Index into [`Metadata::speakers`].
    pub speaker: usize,
    /// Index into [`Metadata::sessions`]; `None` where the corpus has none.
    pub session: Option<usize>,
    pub duration_secs: f32,
    pub transcript: Option<String>,
    pub side: Option<Side>,
}
