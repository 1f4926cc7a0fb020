//! Corrupted input beside missing steps: the scores of the same recordings whose features were extracted
//! after corruption, and at which missing rate the clean ones are as hard.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use mct_corpus::Corpus;
use mct_figures::{self as draw, Line};
use mct_scores::{Evaluation, Metric};
use serde::Serialize;

use crate::assess::{Conditions, Source, corpus_of};

use crate::output::score;

/// The scores of one corrupted corpus.
#[derive(Serialize)]
pub struct Corrupted {
    pub corpus: PathBuf,
    /// How it was corrupted: what its title says beyond that of the clean one.
    pub kind: String,
    /// The main score of the task, at missing rate 0.
    pub score: f64,
    /// The missing rate at which the clean corpus has this score; `None` beyond the rates that were
    /// evaluated.
    pub as_missing_rate: Option<f64>,
}

/// Scores the models on the corrupted corpora at `paths`, on the utterances that `clean` was scored on.
///
/// # Errors
/// When a corpus cannot be opened, is not of the same utterances, or does not fit a model.
pub fn assess(
    paths: &[PathBuf],
    conditions: &Conditions,
    clean: &Evaluation,
    sources: &[Source],
) -> Result<Vec<Corrupted>> {
    // Whatever else is missing is missing in both.
    let missing = conditions.missing.at(vec![0.0]);
    let metric = Metric::main(clean.task);
    let mut all = Vec::new();
    for path in paths {
        let (reference, corpus) = corpus_of(Some(path), sources)?;
        let corpus = match sources.first() {
            Some(source) => source.checkpoint.interface.fit(&corpus)?,
            None => corpus,
        };
        require_same(path, &corpus, conditions.corpus)?;
        let own = Conditions {
            corpus: &corpus,
            reference: &reference,
            missing: &missing,
            calibrate: false,
            once_more: true,
            ..*conditions
        };
        let assessment = own.assess(sources)?;
        let curve = assessment.evaluation.curves.get(metric);
        let value = curve.first().copied().unwrap_or(f64::NAN);
        all.push(Corrupted {
            corpus: path.clone(),
            kind: kind(&corpus.metadata.title, &conditions.corpus.metadata.title),
            score: value,
            as_missing_rate: rate_of(value, &clean.rates, clean.curves.get(metric)),
        });
    }
    Ok(all)
}

fn require_same(path: &Path, corpus: &Corpus, clean: &Corpus) -> Result<()> {
    let ids = |corpus: &Corpus| -> HashSet<String> {
        corpus.utterances.iter().map(|own| own.id.clone()).collect()
    };
    let (own, expected) = (ids(corpus), ids(clean));
    if let Some(id) = expected.symmetric_difference(&own).min() {
        let where_ = if own.contains(id) {
            "the other corpus has not"
        } else {
            "is not in it"
        };
        bail!(
            "--corrupted: {}: expected the utterances of {}, but {id} {where_}",
            path.display(),
            clean.source
        );
    }
    Ok(())
}

/// What the title of a corrupted corpus says beyond that of the clean one.
fn kind(corrupted: &str, clean: &str) -> String {
    let own = corrupted.strip_prefix(clean);
    let own = own.and_then(|rest| rest.strip_prefix(": "));
    own.unwrap_or(corrupted).to_owned()
}

/// Where the curve over `rates` first passes through `value`, between its points on straight lines.
fn rate_of(value: f64, rates: &[f64], curve: &[f64]) -> Option<f64> {
    let points: Vec<(f64, f64)> = rates.iter().copied().zip(curve.iter().copied()).collect();
    points.windows(2).find_map(|pair| {
        let [(from, before), (to, after)] = *pair else {
            return None;
        };
        let (low, high) = (before.min(after), before.max(after));
        if !(low..=high).contains(&value) {
            return None;
        }
        let share = if before == after {
            0.0
        } else {
            (value - before) / (after - before)
        };
        Some(from + share * (to - from))
    })
}

/// The table: its header and rows.
pub fn rows(corrupted: &[Corrupted], clean: &Evaluation) -> (Vec<String>, Vec<Vec<String>>) {
    let metric = Metric::main(clean.task);
    let header = [
        "corrupted input",
        metric.title(),
        "as hard as a missing rate of",
    ];
    let rows = corrupted.iter().map(|own| {
        let rate = match own.as_missing_rate {
            Some(rate) => format!("{rate:.2}"),
            None => "outside of the rates".to_owned(),
        };
        vec![own.kind.clone(), score(own.score), rate]
    });
    (header.map(str::to_owned).to_vec(), rows.collect())
}

/// The curve over missing rates, and each corrupted corpus as a level across it.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn figure(corrupted: &[Corrupted], clean: &Evaluation) -> Result<String> {
    let metric = Metric::main(clean.task);
    let points = |of: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
        let rates = clean.rates.iter().copied().enumerate();
        rates.map(|(index, rate)| (rate, of(index))).collect()
    };
    let curve = clean.curves.get(metric);
    let mut lines = vec![Line {
        name: "missing steps".to_owned(),
        points: points(&|index| curve[index]),
        bound: false,
    }];
    lines.extend(corrupted.iter().map(|own| Line {
        name: own.kind.clone(),
        points: points(&|_| own.score),
        bound: false,
    }));
    Ok(draw::comparison(
        "missing steps and corrupted input",
        metric.title(),
        &lines,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_what_the_title_adds() {
        assert_eq!(kind("A: noise at 3 dB", "A"), "noise at 3 dB");
        assert_eq!(kind("B: noise at 3 dB", "A"), "B: noise at 3 dB");
    }

    #[test]
    fn a_score_is_found_between_rates() {
        let (rates, curve) = ([0.0, 0.5, 0.9], [0.8, 0.6, 0.3]);
        let found = |value| rate_of(value, &rates, &curve);
        assert_eq!(found(0.7).map(|rate| (rate * 100.0).round()), Some(25.0));
        assert_eq!(found(0.8), Some(0.0));
        assert_eq!(found(0.3).map(|rate| (rate * 100.0).round()), Some(90.0));
        assert_eq!((found(0.9), found(0.1)), (None, None));
        assert_eq!(rate_of(f64::NAN, &rates, &curve), None);
        // Errors rise where scores fall.
        let rising = rate_of(0.35, &rates, &[0.3, 0.4, 0.5]);
        assert_eq!(rising.map(|rate| (rate * 100.0).round()), Some(25.0));
    }
}
