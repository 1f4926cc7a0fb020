//! Commands: what panels request and cannot do themselves.

use mct_engine::evaluation::ModelId;
use mct_engine::source::Source;

use super::training::Run;
use crate::panels::Pane;

/// A command, performed by the application.
pub enum Command {
    /// Opens a corpus or a model.
    Open(Source),
    /// Opens a dialog for files, and opens the chosen ones.
    ChooseFiles,
    /// Opens a dialog for a folder.
    ChooseFolder(FolderOf),
    /// Opens a dialog for the speaker table of an import.
    ChooseSpeakers,
    /// Says what is said in the recording behind an utterance.
    Transcribe(usize, String),
    /// Saves what is open and how it is looked at.
    #[cfg(not(target_arch = "wasm32"))]
    SaveSession,
    /// Saves the open corpus as a file.
    SaveCorpus,
    Close(ModelId),
    Train(Run),
    PauseTraining,
    ContinueTraining,
    StopTraining,
    /// Restarts a pipeline that has died.
    Restart(Part),
    PauseProjection,
    ContinueProjection,
    RestartProjection,
    /// Sets the learning rate of t-SNE.
    SetLearningRate(f32),
    /// Saves a file, by dialog or download.
    Save(File),
    /// Saves a screenshot of the window.
    SavePicture,
    ResetLayout,
    /// Brings a view to the front.
    Show(Pane),
    /// Deletes the unfinished run of an earlier page.
    DiscardUnfinished,
}

/// What a folder is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderOf {
    /// A run, features or recordings to open.
    Files,
    /// The runs that are listed.
    Runs,
    /// The next run.
    Training,
}

/// A file to save.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A pipeline, which can die and be restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Evaluation,
    Training,
    Embedding,
    Extraction,
}

impl Part {
    /// The name in messages and in the state object.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Training => "training",
            Self::Embedding => "embedding",
            Self::Extraction => "extraction",
        }
    }
}
