//! What is open: the corpus and the models, and what is to be said of them.

use std::cell::OnceCell;

use mct_corpus::fold::{Fold, fold, fold_names};
use mct_corpus::{Corpus, Task, Utterance};
use mct_hfr::config::ProtocolKind;
use mct_hfr::model::Model;
use mct_hfr::training::truncations;
use sha2::{Digest as _, Sha256};

use super::{CorpusCard, Evaluation, ModalityCard, ModelCard, ModelId, Response, Split};
use crate::error::message;
use crate::source::{Content, OpenedCorpus, OpenedModel, Source, Unreadable};

pub(super) struct OpenCorpus {
    source: Source,
    pub(super) corpus: Corpus,
    /// Of its file, once somebody wants to know.
    sha256: OnceCell<Option<String>>,
}

pub(super) struct OpenModel {
    pub(super) card: ModelCard,
    pub(super) model: Model,
    /// The corpus that it was trained on and its SHA-256, where known.
    trained_on: Option<TrainedOn>,
}

impl Evaluation {
    pub(super) async fn open(&mut self, source: Source, id: ModelId) {
        let name = source.name();
        let opened = match source.read().await {
            Ok(Content::Corpus(opened)) => self.set_corpus(source, *opened).map_err(Into::into),
            Ok(Content::Model(opened)) => self
                .set_model(name.clone(), *opened, id)
                .await
                .map_err(Into::into),
            Err(unreadable) => Err(unreadable),
        };
        self.outbox.respond(match opened {
            Ok(()) => Response::Opened(id),
            Err(Unreadable {
                message,
                is_features,
            }) => Response::Refused {
                id,
                name,
                message,
                is_features,
            },
        });
    }

    /// The open corpus as a file.
    pub(super) fn corpus_file(&self) -> Result<Response, String> {
        let open = self.corpus.as_ref().ok_or("no corpus is open")?;
        let bytes = open.corpus.to_bytes().map_err(message)?;
        Ok(Response::CorpusFile(bytes.into()))
    }

    fn set_corpus(
        &mut self,
        source: Source,
        OpenedCorpus { corpus, notes }: OpenedCorpus,
    ) -> Result<(), String> {
        corpus.require_finite().map_err(message)?;
        let card = corpus_card(&source, &corpus, notes);
        self.outbox.respond(Response::Corpus(Box::new(card)));
        self.corpus = Some(OpenCorpus {
            source,
            corpus,
            sha256: OnceCell::new(),
        });
        let open_corpus = self.corpus.as_ref();
        for open in self.models.values_mut() {
            open.card.fit(open_corpus.map(|open| &open.corpus));
            open.card.note = note(open.trained_on.as_ref(), open_corpus)
                .or_else(|| note_of_start(&open.card, open_corpus));
            self.outbox
                .respond(Response::Model(Box::new(open.card.clone())));
        }
        Ok(())
    }

    async fn set_model(
        &mut self,
        name: String,
        opened: OpenedModel,
        id: ModelId,
    ) -> Result<(), String> {
        let checkpoint = &opened.checkpoint;
        let model = checkpoint.model(&self.device).map_err(message)?;
        // A run opens its corpus, unless one is open that it can be evaluated on: that was asked for.
        let mut absent = None;
        if let Some((source, _)) = &opened.corpus {
            let fits = |open: &OpenCorpus| {
                open.source.is(source)
                    || checkpoint.interface.require_features(&open.corpus).is_ok()
            };
            if !self.corpus.as_ref().is_some_and(fits) {
                match source.corpus().await {
                    Ok(corpus) => self.set_corpus(source.clone(), corpus.into())?,
                    // It may have moved.
                    Err(error) => {
                        absent = Some(format!(
                            "its corpus cannot be opened ({error}): open it, wherever it is"
                        ));
                    }
                }
            }
        }
        let trained_on = match opened.corpus {
            Some((source, sha256)) => Some(TrainedOn {
                source: Some(source),
                sha256,
            }),
            None => checkpoint.corpus.clone().map(|sha256| TrainedOn {
                source: None,
                sha256,
            }),
        };
        let mut card = ModelCard {
            id,
            name,
            config: checkpoint.config.clone(),
            interface: checkpoint.interface.clone(),
            parameters: parameters(&model),
            history: opened.history,
            unfinished: opened.unfinished,
            note: absent.or_else(|| note(trained_on.as_ref(), self.corpus.as_ref())),
            fold: Err(String::new()),
            cut: Vec::new(),
        };
        card.fit(self.corpus.as_ref().map(|open| &open.corpus));
        let of_start = || note_of_start(&card, self.corpus.as_ref());
        card.note = card.note.clone().or_else(of_start);
        self.outbox.respond(Response::Model(Box::new(card.clone())));
        self.models.insert(
            id,
            OpenModel {
                card,
                model,
                trained_on,
            },
        );
        Ok(())
    }
}

fn parameters(model: &Model) -> usize {
    use mct_hfr::nn::parameters::shapes;

    shapes(model)
        .values()
        .map(|shape| shape.iter().product::<usize>())
        .sum()
}

impl ModelCard {
    /// Says what the model has of the open corpus.
    fn fit(&mut self, corpus: Option<&Corpus>) {
        self.fold = fold_of(self, corpus);
        self.cut = match (&self.fold, corpus) {
            (Ok(_), Some(corpus)) => {
                let all: Vec<usize> = (0..corpus.len()).collect();
                truncations(corpus, &self.config.model, &all)
            }
            _ => Vec::new(),
        };
    }
}

/// The fold of a model; of a corpus without labels that it knows, all of whose utterances are predicted, a
/// test set.
fn fold_of(card: &ModelCard, corpus: Option<&Corpus>) -> Result<Fold, String> {
    let corpus = corpus.ok_or("no corpus is open")?;
    let task = card.config.model.task;
    if !card.interface.knows_labels_of(corpus) {
        card.interface.require_features(corpus).map_err(message)?;
        return Ok(Fold {
            name: "utterances without a label of the model".to_owned(),
            train: Vec::new(),
            validation: Vec::new(),
            test: (0..corpus.len()).collect(),
            warnings: Vec::new(),
        });
    }
    let fitted = card.interface.fit(corpus).map_err(message)?;
    let training = &card.config.training;
    fold(&fitted, task, training.protocol.into(), training.fold).map_err(message)
}

/// What a model was trained on.
struct TrainedOn {
    /// Where that was, for a run.
    source: Option<Source>,
    /// Of the corpus file.
    sha256: String,
}

/// That a model was trained on another corpus than the open one.
fn note(trained_on: Option<&TrainedOn>, open: Option<&OpenCorpus>) -> Option<String> {
    let (TrainedOn { source, sha256 }, open) = (trained_on?, open?);
    if !open.is_labelled() {
        return None;
    }
    let found = open.sha256();
    // Where nobody knows which corpus is open, weights alone say nothing of it.
    if found == Some(sha256) || found.is_none() && source.is_none() {
        return None;
    }
    let is_moved = |source: &Source| open.source.is(source);
    if found.is_some() && source.as_ref().is_some_and(is_moved) {
        return Some("its corpus has changed since it was trained".to_owned());
    }
    let of = source
        .as_ref()
        .map_or_else(String::new, |source| format!(" ({})", source.name()));
    Some(format!(
        "trained on another corpus{of}: what is a test utterance here, it may have been trained on"
    ))
}

/// That test utterances may have been in the training set of the weights that training started from.
fn note_of_start(card: &ModelCard, open: Option<&OpenCorpus>) -> Option<String> {
    let start = card.config.training.weights.as_ref()?;
    if !open?.is_labelled() {
        return None;
    }
    #[cfg(not(target_arch = "wasm32"))]
    if let (Some(open), Ok(fold)) = (open, &card.fold)
        && let Some(sha256) = open.sha256()
    {
        let mut inquiry = mct_runs::Inquiry::new(sha256, &open.corpus);
        let seen = inquiry.of_start(start);
        let mut said = seen.iter().filter_map(|seen| {
            let name = "test utterances";
            seen.among(&open.corpus, &fold.test, name)
        });
        return said.next();
    }
    // A page reads no other file.
    let file = start.path.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(format!(
        "which utterances {file}, from which training started, was trained on is not known"
    ))
}

impl OpenCorpus {
    /// Whether anything is scored.
    fn is_labelled(&self) -> bool {
        let is_labelled =
            |own: &Utterance| own.label.is_some() || own.targets.iter().any(Option::is_some);
        self.corpus.utterances.iter().any(is_labelled)
    }

    /// Of its file, or of the file that a run of it is kept with.
    fn sha256(&self) -> Option<&String> {
        let read = || {
            #[cfg(not(target_arch = "wasm32"))]
            if let Some(path) = self.source.corpus_file() {
                let reference = mct_runs::CorpusReference::of(path).ok()?;
                return Some(reference.sha256);
            }
            let is_generated = matches!(self.source, Source::Demo { .. });
            let hash = match self.source.corpus_bytes() {
                Some(bytes) => Sha256::digest(bytes),
                // A page has no memory for a second corpus; one that is generated has a size that is known.
                None if cfg!(target_arch = "wasm32") && !is_generated => return None,
                None => Sha256::digest(self.corpus.to_bytes().ok()?),
            };
            Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        self.sha256.get_or_init(read).as_ref()
    }
}

fn corpus_card(source: &Source, corpus: &Corpus, notes: Option<Vec<String>>) -> CorpusCard {
    let modalities = corpus.modalities.iter().map(|modality| ModalityCard {
        name: modality.name.clone(),
        features: modality.dim,
        rate_hz: modality.rate_hz,
        steps: (0..corpus.len())
            .map(|i| modality.steps(i) as u32)
            .collect(),
    });
    let labelled = [
        (Task::Classification, !corpus.metadata.classes.is_empty()),
        (Task::Regression, !corpus.metadata.targets.is_empty()),
    ];
    let labelled = labelled.into_iter().filter(|(_, is_labelled)| *is_labelled);
    let splits = labelled.flat_map(|(task, _)| {
        ProtocolKind::ALL.map(|protocol| Split {
            task,
            protocol,
            folds: fold_names(corpus, task, protocol.into()).map_err(message),
        })
    });
    CorpusCard {
        splits: splits.collect(),
        source: source.clone(),
        metadata: corpus.metadata.clone(),
        modalities: modalities.collect(),
        utterances: corpus.utterances.clone(),
        columns: corpus.columns.clone(),
        notes,
    }
}
