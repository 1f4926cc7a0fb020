//! Which of the utterances that a model is scored on were in its training set or its validation set, or in those of the
//! weights that its training started from.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_hfr::config::{Config, StartingWeights};
use mct_hfr::training::Checkpoint;

use crate::{CorpusReference, RunFolder, read_checkpoint};

/// What one model has seen.
#[derive(Clone)]
pub struct Seen {
    /// What was trained, as the subject of a sentence.
    model: String,
    /// Or why nobody knows.
    known: Result<Known, String>,
}

/// The training and the validation set of a model, by the ids of their utterances.
#[derive(Clone)]
struct Known {
    train: HashSet<String>,
    validation: HashSet<String>,
}

/// Finds out what was trained on; each file is read once.
pub struct Inquiry<'a> {
    sha256: &'a str,
    corpus: &'a Corpus,
    /// Other corpora, by their SHA-256.
    others: BTreeMap<String, Result<Corpus, String>>,
    /// Of weights that trainings started from, by their SHA-256.
    starts: BTreeMap<String, Vec<Seen>>,
}

/// The corpus of the run in whose folder a checkpoint lies.
pub fn run_of(path: &Path, checkpoint: &Checkpoint) -> Option<CorpusReference> {
    let path = path.canonicalize().ok()?;
    // A run has its checkpoints in a folder of their own.
    let mut folders = path.ancestors().skip(1).take(2);
    let run = folders.find_map(|folder| RunFolder::open(folder).ok())?;
    let corpus = run.manifest.corpus;
    (checkpoint.corpus.as_ref() == Some(&corpus.sha256)).then_some(corpus)
}

impl<'a> Inquiry<'a> {
    /// About models that are scored on `corpus`, whose file has this SHA-256.
    pub const fn new(sha256: &'a str, corpus: &'a Corpus) -> Self {
        Self {
            sha256,
            corpus,
            others: BTreeMap::new(),
            starts: BTreeMap::new(),
        }
    }

    /// What the training of a checkpoint has seen, and before it that of the weights that it started from, as far
    /// back as can be read. `run` is the corpus of the run that the checkpoint is of.
    pub fn of(
        &mut self,
        model: &str,
        checkpoint: &Checkpoint,
        run: Option<&CorpusReference>,
    ) -> Vec<Seen> {
        let sha256 = run.map(|run| &run.sha256).or(checkpoint.corpus.as_ref());
        let known = match (sha256, run) {
            (None, _) => Err("the weights do not say of which corpus they are".to_owned()),
            (Some(own), _) if own == self.sha256 => ids(self.corpus, &checkpoint.config),
            (Some(_), None) => Err("the weights are of another corpus".to_owned()),
            (Some(own), Some(run)) => {
                let open = || run.open().map_err(|error| error.to_string());
                let other = self.others.entry(own.clone()).or_insert_with(open);
                match other {
                    Ok(other) => ids(other, &checkpoint.config),
                    Err(error) => Err(error.clone()),
                }
            }
        };
        let mut seen = vec![Seen {
            model: model.to_owned(),
            known,
        }];
        if let Some(start) = &checkpoint.config.training.weights {
            seen.extend(self.of_start(start));
        }
        seen
    }

    /// The same of weights that a training starts from.
    pub fn of_start(&mut self, start: &StartingWeights) -> Vec<Seen> {
        if let Some(seen) = self.starts.get(&start.sha256) {
            return seen.clone();
        }
        let model = format!("{}, from which training started,", start.path);
        let seen = match opened(start) {
            Ok((checkpoint, run)) => self.of(&model, &checkpoint, run.as_ref()),
            Err(why) => vec![Seen {
                model,
                known: Err(why),
            }],
        };
        self.starts.insert(start.sha256.clone(), seen.clone());
        seen
    }
}

/// The file that a training started from, if it is still there, and the corpus of its run.
fn opened(start: &StartingWeights) -> Result<(Checkpoint, Option<CorpusReference>), String> {
    let path = Path::new(&start.path);
    // Exported weights keep only its name.
    if path.is_relative() {
        return Err("where that file is did not come with the weights".to_owned());
    }
    let found = CorpusReference::of(path).map_err(|error| error.to_string())?;
    if found.sha256 != start.sha256 {
        return Err("the file has changed since".to_owned());
    }
    let checkpoint = read_checkpoint(path).map_err(|error| error.to_string())?;
    let run = run_of(path, &checkpoint);
    Ok((checkpoint, run))
}

/// The ids of the training and the validation set of a config.
fn ids(corpus: &Corpus, config: &Config) -> Result<Known, String> {
    let protocol = config.training.protocol.into();
    let fold = fold(corpus, config.model.task, protocol, config.training.fold);
    let fold = fold.map_err(|error| error.to_string())?;
    let of = |indices: &[usize]| {
        let ids = indices.iter();
        ids.map(|index| corpus.utterances[*index].id.clone())
            .collect()
    };
    Ok(Known {
        train: of(&fold.train),
        validation: of(&fold.validation),
    })
}

impl Seen {
    /// What a reader of scores on `indices` has to know of what the model was trained on; `name` is what these are,
    /// such as "test utterances".
    pub fn among(&self, corpus: &Corpus, indices: &[usize], name: &str) -> Option<String> {
        let model = &self.model;
        match &self.known {
            Ok(known) => shared(&known.train, corpus, indices, name)
                .map(|those| format!("{model} was trained on {those}")),
            Err(why) => Some(format!(
                "which utterances {model} was trained on is not known: {why}"
            )),
        }
    }

    /// The same of what its epochs were validated on, if that is known.
    pub fn validated_on(&self, corpus: &Corpus, indices: &[usize], name: &str) -> Option<String> {
        let known = self.known.as_ref().ok()?;
        let those = shared(&known.validation, corpus, indices, name)?;
        Some(format!(
            "the training of {} was validated on {those}",
            self.model
        ))
    }
}

/// How many of the utterances `indices` are among `known`, and some of them; `None` where none is.
fn shared(
    known: &HashSet<String>,
    corpus: &Corpus,
    indices: &[usize],
    name: &str,
) -> Option<String> {
    const NAMED: usize = 5;
    let ids = (indices.iter()).map(|index| corpus.utterances[*index].id.as_str());
    let both: Vec<&str> = ids.filter(|id| known.contains(*id)).collect();
    let more = if both.len() > NAMED { ", …" } else { "" };
    let named = both[..both.len().min(NAMED)].join(", ");
    (!both.is_empty()).then(|| {
        format!(
            "{} of these {} {name} (by id: {named}{more})",
            both.len(),
            indices.len()
        )
    })
}
