//! What a reader of an experiment's scores has to know of the corpus, its split and the sequences.

use std::collections::BTreeMap;

use anyhow::Result;
use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_hfr::training::truncations;

use crate::experiment::plan::{Run, Setting};

/// The warnings of the folds and of truncated test sequences, each once, with the folds that it holds for.
///
/// # Errors
/// A protocol that the corpus does not allow.
pub fn of<'a>(
    setting: &Setting,
    runs: impl IntoIterator<Item = &'a Run>,
    corpus: &Corpus,
) -> Result<Vec<String>> {
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
    for run in runs {
        let index = run.manifest.training.fold;
        let Some(fold) = folds.get(&index) else {
            continue;
        };
        let model = run.manifest.model.clone();
        let model = model.with_steps_of(corpus, &fold.train);
        for message in truncations(corpus, &model, &fold.test) {
            add(message, index);
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
