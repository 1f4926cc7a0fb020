//! Recordings: those to be opened, and what is heard and seen of the open ones.

use std::collections::BTreeMap;

use mct_engine::evaluation::{Side, Ticket};
use mct_engine::extraction::{Media, Medium, Recording};
use mct_engine::source::Source;

use crate::sound::Player;

/// Recordings on their way, and the open ones.
#[derive(Default)]
pub struct Recordings {
    /// They wait for the model that is to predict them.
    pub waiting: Vec<Recording>,
    /// Features are being extracted of these.
    pub extracting: Option<Extracting>,
    /// The corpus that was made of them has not been opened yet.
    pub extracted: Option<Opened>,
    /// The utterances of the open corpus are these.
    pub opened: Option<Opened>,
    pub player: Player,
    /// The utterance that is played.
    pub heard: Option<usize>,
    /// The side that was chosen before they were opened.
    pub side_before: Option<Side>,
}

/// Recordings of which features are being extracted.
pub struct Extracting {
    pub ticket: Ticket,
    pub recordings: Vec<Recording>,
    /// So many are done.
    pub done: usize,
}

/// Recordings as an open corpus.
pub struct Opened {
    /// Increased with every extraction.
    pub version: Ticket,
    /// The corpus that was made of them.
    pub corpus: Source,
    pub recordings: Vec<Recording>,
    /// By utterance.
    pub media: Vec<Media>,
    /// Why modalities are missing, or for how long, by utterance.
    pub missing: Vec<BTreeMap<String, String>>,
    /// The recording of each utterance.
    pub places: Vec<usize>,
    /// By modality; `None` where nobody knows.
    pub kinds: Vec<Option<Medium>>,
}

impl Recordings {
    /// The corpus of this source has been opened.
    pub fn corpus_opened(&mut self, source: &Source) {
        self.player.stop();
        self.heard = None;
        if let Some(extracted) = self.extracted.take_if(|own| own.corpus == *source) {
            self.opened = Some(extracted);
        }
        self.opened.take_if(|opened| opened.corpus != *source);
    }

    /// The recording behind an utterance of the open corpus.
    pub fn media(&self, utterance: usize) -> Option<&Media> {
        self.opened.as_ref()?.media.get(utterance)
    }
}

impl Opened {
    /// The modality that is heard or seen as this.
    pub fn modality(&self, medium: Medium) -> Option<usize> {
        self.kinds.iter().position(|kind| *kind == Some(medium))
    }
}
