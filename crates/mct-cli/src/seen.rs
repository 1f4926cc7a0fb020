//! Which of the utterances that a model is scored on were in its training set, or in that of the weights that its
//! training started from.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_hfr::config::StartingWeights;
use mct_hfr::training::Checkpoint;
use mct_runs::{CorpusReference, RunFolder, read_checkpoint};

/// The training set of one model, by the ids of its utterances.
pub struct Seen {
    /// What was trained, as the subject of a sentence.
    model: String,
    /// Or why nobody knows.
    trained: Result<HashSet<String>, String>,
}

impl Seen {
    /// What the training of a checkpoint has seen, and before it that of the weights that it started from, as far
    /// back as can be read. `run` is the corpus of the run that the checkpoint lies in; one with the digest of
    /// `reference` is `corpus`, which is open.
    ///
    /// # Errors
    /// A protocol that the corpus of the training does not allow.
    pub fn by(
        model: &str,
        checkpoint: &Checkpoint,
        run: Option<&CorpusReference>,
        (reference, corpus): (&CorpusReference, &Corpus),
    ) -> Result<Vec<Self>> {
        let unknown = |why: String| Self {
            model: model.to_owned(),
            trained: Err(why),
        };
        let opened;
        let sha256 = run.map(|run| &run.sha256).or(checkpoint.corpus.as_ref());
        let own = match (sha256, run.map(CorpusReference::open)) {
            (None, _) => Err(unknown(
                "the weights do not say of which corpus they are".into(),
            )),
            (Some(sha256), _) if *sha256 == reference.sha256 => Ok(corpus),
            (_, None) => Err(unknown("the weights are of another corpus".into())),
            (_, Some(Err(error))) => Err(unknown(error.to_string())),
            (_, Some(Ok(other))) => {
                opened = other;
                Ok(&opened)
            }
        };
        let config = &checkpoint.config;
        let mut seen = vec![match own {
            Err(unknown) => unknown,
            Ok(own) => {
                let protocol = config.training.protocol.into();
                let fold = fold(own, config.model.task, protocol, config.training.fold)?;
                let ids = fold
                    .train
                    .iter()
                    .map(|index| own.utterances[*index].id.clone());
                Self {
                    model: model.to_owned(),
                    trained: Ok(ids.collect()),
                }
            }
        }];
        if let Some(start) = &config.training.weights {
            seen.extend(Self::by_start(start, (reference, corpus))?);
        }
        Ok(seen)
    }

    /// The same of weights that a training starts from.
    ///
    /// # Errors
    /// As for [`Seen::by`].
    pub fn by_start(
        start: &StartingWeights,
        here: (&CorpusReference, &Corpus),
    ) -> Result<Vec<Self>> {
        let model = format!("{}, from which training starts,", start.path);
        let path = Path::new(&start.path);
        let unknown = |why: String| {
            vec![Self {
                model: model.clone(),
                trained: Err(why),
            }]
        };
        match CorpusReference::of(path) {
            Err(error) => return Ok(unknown(error.to_string())),
            Ok(found) if found.sha256 != start.sha256 => {
                return Ok(unknown("the file is another one than it was".into()));
            }
            Ok(_) => {}
        }
        let checkpoint = match read_checkpoint(path) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return Ok(unknown(error.to_string())),
        };
        // A checkpoint in the folder of its run, which knows where the corpus is.
        let folders = path.ancestors().skip(1).take(2);
        let run = folders
            .filter_map(|folder| RunFolder::open(folder).ok())
            .next();
        let run = run.map(|run| run.manifest.corpus);
        let run = run.filter(|run| {
            checkpoint
                .corpus
                .as_ref()
                .is_none_or(|own| *own == run.sha256)
        });
        Self::by(&model, &checkpoint, run.as_ref(), here)
    }

    /// What a reader of scores on `indices` has to know; `name` is what these are, such as "test utterances".
    pub fn among(&self, corpus: &Corpus, indices: &[usize], name: &str) -> Option<String> {
        const NAMED: usize = 5;
        let Self { model, trained } = self;
        let trained = match trained {
            Ok(trained) => trained,
            Err(why) => {
                return Some(format!(
                    "which utterances {model} was trained on is not known: {why}"
                ));
            }
        };
        let ids = (indices.iter()).map(|index| corpus.utterances[*index].id.as_str());
        let both: Vec<&str> = ids.filter(|id| trained.contains(*id)).collect();
        let more = if both.len() > NAMED { ", …" } else { "" };
        let named = both[..both.len().min(NAMED)].join(", ");
        (!both.is_empty()).then(|| {
            format!(
                "{model} was trained on {} of these {} {name} (by id: {named}{more})",
                both.len(),
                indices.len(),
            )
        })
    }
}
