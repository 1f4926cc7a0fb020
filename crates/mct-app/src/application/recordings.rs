//! Recordings: extracted for a model that knows its extractors, and opened as a corpus.

use std::time::Duration;

use eframe::egui::Context;
use mct_engine::evaluation::Side;
use mct_engine::extraction::{Extract, Extracted, Extraction, Recording, Response};
use mct_engine::pipeline::{Handle, Received};
use mct_engine::source::Source;
use mct_hfr::config::Interface;

use super::Application;
use crate::panels::{Pane, duration_secs};
use crate::state::command::Part;
use crate::state::notices::Kind;
use crate::state::recordings::{Extracting, Opened};

impl Application {
    /// Opens recordings as soon as there is a model to predict them: it may have been chosen with them.
    pub(super) fn open_recordings(&mut self, recordings: Vec<Recording>) {
        let waiting = &mut self.workspace.recordings.waiting;
        for recording in recordings {
            if !waiting.contains(&recording) {
                waiting.push(recording);
            }
        }
    }

    /// Opens the recordings that wait for a model.
    pub(super) fn extract_waiting(&mut self) {
        let recordings = &mut self.workspace.recordings;
        // The model may be on its way, and what is being extracted is not thrown away.
        let is_busy = recordings.extracting.is_some() && self.extraction.is_some();
        if recordings.waiting.is_empty() || is_busy || !self.opening.is_empty() {
            return;
        }
        let knows = |interface: &&Interface| {
            let mut modalities = interface.modalities.iter();
            modalities.any(|modality| modality.extractor.is_some())
        };
        let models = &self.workspace.models;
        let shown = models.shown().into_iter();
        let all = shown.chain(models.iter());
        let mut interfaces = all.map(|open| &open.card.interface);
        let known: Option<Interface> = interfaces.find(knows).cloned();
        drop(interfaces);
        let is_none_open = models.is_empty();
        if let Some(interface) = known {
            let waiting = std::mem::take(&mut recordings.waiting);
            return self.extract(waiting, interface);
        }
        let name = recordings.waiting[0].file.name();
        recordings.waiting.clear();
        let text = match is_none_open {
            true => format!(
                "{name}: a recording; open the model that is to predict it first, and then the recording"
            ),
            false => format!(
                "{name}: a recording, and no open model knows what extracts its features: one that was trained on \
                 a corpus of `mct-hfr corpus extract` does"
            ),
        };
        self.workspace.notices.add(Kind::Error, text);
    }

    fn extract(&mut self, recordings: Vec<Recording>, interface: Interface) {
        self.extractions += 1;
        let ticket = self.extractions;
        self.workspace.recordings.extracting = Some(Extracting {
            ticket,
            recordings: recordings.clone(),
            done: 0,
        });
        let handle = match self.extraction.take() {
            Some(handle) => Ok(handle),
            None => Handle::<Extraction>::start((), self.wake.clone()),
        };
        match handle {
            Ok(handle) => {
                self.workspace.notices.revived(Part::Extraction);
                self.extraction.insert(handle).request(Extract {
                    ticket,
                    recordings,
                    interface,
                });
            }
            Err(text) => self.workspace.notices.died(Part::Extraction, text),
        }
    }

    /// Says what is said in a recording, which changes its features of words.
    pub(super) fn transcribe(&mut self, utterance: usize, transcript: String) {
        let Some(opened) = &self.workspace.recordings.opened else {
            return;
        };
        let mut recordings = opened.recordings.clone();
        let place = opened.places.get(utterance);
        if let Some(recording) = place.and_then(|place| recordings.get_mut(*place)) {
            recording.transcript = Some(transcript);
            self.open_recordings(recordings);
        }
    }

    pub(super) fn receive_extraction(&mut self) {
        let Some(extraction) = &self.extraction else {
            return;
        };
        let messages: Vec<_> = extraction.received().collect();
        for received in messages {
            let recordings = &mut self.workspace.recordings;
            let awaited = recordings.extracting.as_ref().map(|own| own.ticket);
            match received {
                Received::Response(Response::Done { ticket, count }) => {
                    if let Some(extracting) = &mut recordings.extracting
                        && extracting.ticket == ticket
                    {
                        extracting.done = count;
                    }
                }
                Received::Response(Response::Extracted(extracted)) => {
                    if awaited == Some(extracted.ticket) {
                        self.open_extracted(*extracted);
                    }
                }
                Received::Response(Response::Failed { ticket, message }) => {
                    if awaited == Some(ticket) {
                        recordings.extracting = None;
                        self.workspace.notices.add(Kind::Error, message);
                    }
                }
                Received::Died(text) => {
                    self.extraction = None;
                    self.workspace.notices.died(Part::Extraction, text);
                    return;
                }
            }
        }
    }

    fn open_extracted(&mut self, extracted: Extracted) {
        let Some(extracting) = self.workspace.recordings.extracting.take() else {
            return;
        };
        for note in extracted.notes {
            self.workspace.notices.add(Kind::Warning, note);
        }
        let source = Source::Bytes {
            name: extracted.title,
            bytes: extracted.corpus,
        };
        self.workspace.recordings.extracted = Some(Opened {
            version: extracted.ticket,
            corpus: source.clone(),
            recordings: extracting.recordings,
            media: extracted.media,
            missing: extracted.missing,
            places: extracted.places,
            kinds: extracted.kinds,
        });
        let id = self.workspace.models.new_id();
        self.request_open(source, id);
    }

    /// A corpus has been opened: where it is that of recordings, the first one is shown.
    pub(super) fn show_recordings(&mut self) {
        if self.workspace.recordings.opened.is_none() {
            return;
        }
        // No model was trained on them. The side comes back with another corpus.
        let before = std::mem::replace(&mut self.workspace.side, Side::All);
        self.workspace.recordings.side_before.get_or_insert(before);
        self.workspace.selection.one(0);
        self.bring(Pane::Inspector);
    }

    /// Follows the sound that is played, and ends it where another utterance is looked at.
    pub(super) fn follow_sound(&mut self, context: &Context) {
        let focus = self.workspace.focus();
        let recordings = &mut self.workspace.recordings;
        if recordings.heard != focus {
            recordings.player.stop();
            recordings.heard = focus;
        }
        if !recordings.player.is_playing() {
            return;
        }
        let media = focus.and_then(|index| recordings.opened.as_ref()?.media.get(index));
        let duration = media.map_or(0.0, duration_secs);
        if let Err(text) = recordings.player.follow(duration) {
            self.workspace.notices.add(Kind::Error, text);
        }
        context.request_repaint_after(Duration::from_millis(30));
    }

    /// Starts the extraction again that has died.
    pub(super) fn restart_extraction(&mut self) {
        if let Some(extracting) = self.workspace.recordings.extracting.take() {
            self.open_recordings(extracting.recordings);
        }
    }
}
