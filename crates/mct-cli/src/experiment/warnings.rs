//! What a reader of an experiment's scores has to know of the corpus, its split and the sequences.

use std::collections::BTreeMap;

use anyhow::Result;
use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_hfr::config::{Config, Interface};
use mct_hfr::training::{left_out, remarks, truncations};
use mct_runs::{Inquiry, Manifest};

use crate::experiment::catalogue::Row;
use crate::experiment::plan::Setting;

/// The warnings of the folds, of what a row's training does other than its words say, of utterances that the
/// weights were trained on from which training started, and of truncated test sequences, each once, with the
/// folds that it holds for.
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
    let mut inquiry = Inquiry::new(&setting.corpus.sha256, corpus);
    for run in setting.all(rows)?.into_values() {
        let Manifest {
            model, training, ..
        } = run.manifest;
        let index = training.fold;
        let Some(fold) = folds.get(&index) else {
            continue;
        };
        let model = model.with_steps_of(corpus, &fold.train);
        for message in truncations(corpus, &model, &fold.test) {
            add(message, index);
        }
        if let Some(start) = &training.weights {
            let sides = [
                (&fold.test, "test utterances"),
                (&fold.validation, "validation utterances"),
            ];
            for seen in inquiry.of_start(start) {
                let trained = sides.map(|(indices, name)| seen.among(corpus, indices, name));
                let [(tested, name), _] = sides;
                let chosen = seen.validated_on(corpus, tested, name);
                let messages = trained.into_iter().chain([chosen]).flatten();
                messages.for_each(|message| add(message, index));
            }
        }
        let config = Config { model, training };
        left_out(&config, fold.train.len())
            .into_iter()
            .for_each(|message| add(message, index));
    }
    let all = setting.folds.len();
    let text = |(message, folds): (String, Vec<usize>)| match &folds[..] {
        every if every.len() == all => message,
        [one] => format!("fold {one}: {message}"),
        some => format!("folds {some:?}: {message}"),
    };
    Ok(folds_of.into_iter().map(text).collect())
}
