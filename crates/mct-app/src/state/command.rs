//! What panels ask for and cannot do themselves.

use mct_engine::evaluation::ModelId;
use mct_engine::source::Source;

use super::training::Run;

pub enum Command {
    /// Opens a corpus or a model.
    Open(Source),
    /// Asks for files, and opens them.
    ChooseFiles,
    /// Asks for the folder of a run, and opens it.
    ChooseFolder,
    Close(ModelId),
    Train(Run),
    PauseTraining,
    ContinueTraining,
    StopTraining,
    /// Starts a pipeline that has died again.
    Restart(Part),
    PauseProjection,
    ContinueProjection,
    RestartProjection,
    SetLearningRate(f32),
    /// Keeps bytes as a file, by dialog or download.
    Save(File),
    /// Keeps a picture of the window.
    SavePicture,
    ResetLayout,
    /// Forgets the training that an earlier page has left.
    DiscardUnfinished,
}

/// A file to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What can die and be started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Evaluation,
    Training,
    Embedding,
}

impl Part {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Training => "training",
            Self::Embedding => "embedding",
        }
    }
}
