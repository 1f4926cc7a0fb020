//! What a reader of an experiment's scores has to know of the corpus, its split and the sequences.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_hfr::config::{Config, Interface};
use mct_hfr::training::{remarks, truncations};
use mct_runs::{Manifest, read_checkpoint};

use crate::experiment::catalogue::Row;
use crate::experiment::plan::Setting;

/// The warnings of the folds, of what a row's training does other than its words say, and of truncated test
/// sequences, each once, with the folds that it holds for.
///
/// # Errors
/// A protocol that the corpus does not allow, or rows that are no valid config.
pub fn of(setting: &Setting, rows: &[Row], corpus: &Corpus) -> Result<Vec<String>> {
    let mut folds_of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut add = |message: String, index: usize| {
        let folds = folds_of.entry(message).or_default();
        if !folds.contains(&index) {
            folds.push(index);
        }
    };
    let (task, protocol) = (setting.base.model.task, setting.base.training.protocol);
    let mut folds = BTreeMap::new();
    for index in &setting.folds {
        let fold = fold(corpus, task, protocol.into(), *index)?;
        for message in &fold.warnings {
            add(message.clone(), *index);
        }
        folds.insert(*index, fold);
    }
    for row in rows {
        for index in &setting.folds {
            // Of one-to-one training that at the highest rate: at 0 nothing is missing by intention.
            let runs = setting.runs(row, *index, setting.seeds[0])?;
            let Some(Manifest {
                model, training, ..
            }) = runs.last().map(|run| run.manifest.clone())
            else {
                continue;
            };
            let interface = Interface::of(corpus, model.task);
            for message in remarks(&Config { model, training }, &interface) {
                add(message, *index);
            }
        }
    }
    let mut starts = BTreeSet::new();
    for run in setting.all(rows)?.values() {
        let index = run.manifest.training.fold;
        if let Some(weights) = &run.manifest.training.weights {
            starts.insert((weights.path.clone(), index));
        }
        let Some(fold) = folds.get(&index) else {
            continue;
        };
        let model = run.manifest.model.clone();
        let model = model.with_steps_of(corpus, &fold.train);
        for message in truncations(corpus, &model, &fold.test) {
            add(message, index);
        }
    }
    for (path, index) in &starts {
        let Some(fold) = folds.get(index) else {
            continue;
        };
        if let Some(message) = seen_before(setting, corpus, path, &fold.test)? {
            add(message, *index);
        }
    }
    let all = setting.folds.len();
    let text = |(message, folds): (String, Vec<usize>)| match &folds[..] {
        every if every.len() == all => message,
        [one] => format!("fold {one}: {message}"),
        some => format!("folds {some:?}: {message}"),
    };
    Ok(folds_of.into_iter().map(text).collect())
}

/// What is to be said where training starts from weights whose own training may have seen utterances that are
/// tested.
fn seen_before(
    setting: &Setting,
    corpus: &Corpus,
    path: &str,
    test: &[usize],
) -> Result<Option<String>> {
    let weights = read_checkpoint(Path::new(path))?;
    match &weights.corpus {
        None => Ok(Some(format!(
            "{path} does not say which utterances the weights were trained on that training starts from"
        ))),
        Some(own) if *own != setting.corpus.sha256 => Ok(None),
        Some(_) => {
            let training = &weights.config.training;
            let task = weights.config.model.task;
            let own = fold(corpus, task, training.protocol.into(), training.fold)?;
            let trained: BTreeSet<usize> = own.train.into_iter().collect();
            let both = test.iter().filter(|index| trained.contains(index)).count();
            Ok((both > 0).then(|| {
                format!(
                    "{both} of {} test utterances are in the training set of {path}, from which training starts",
                    test.len()
                )
            }))
        }
    }
}
