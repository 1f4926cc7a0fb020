//! Splits into training, validation and test, in which a speaker never stands on two sides.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::{CorpusError, Result};
use crate::metadata::{Sex, Side};

/// How a corpus is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Leave one session out; its female speakers are the test set and its male ones the
    /// validation set (which reproduces the duration shares of the paper's Table 5), or the other
    /// way round. Where the corpus does not say who is who, the speakers of the session are sorted
    /// by name and the first half is the test set.
    Session { swap_roles: bool },
    /// Leave one speaker out; the next one by name is the validation set.
    Speaker,
    /// `k` groups of speakers of about equal size; the next group is the validation set.
    Groups { k: usize },
    /// The split that came with the file.
    File,
}

/// One split: indices of utterances, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// What is held out.
    pub name: String,
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

/// All folds of a protocol.
///
/// # Errors
/// When the corpus lacks what the protocol needs, a side would be empty, or a speaker would stand
/// on two sides.
pub fn folds(corpus: &Corpus, protocol: Protocol) -> Result<Vec<Fold>> {
    let folds = match protocol {
        Protocol::Session { swap_roles } => by_session(corpus, swap_roles)?,
        Protocol::Speaker => by_speaker_groups(corpus, &singles(corpus))?,
        Protocol::Groups { k } => by_speaker_groups(corpus, &balanced(corpus, k)?)?,
        Protocol::File => vec![by_side(corpus)?],
    };
    for fold in &folds {
        check(corpus, fold)?;
    }
    Ok(folds)
}

/// Fold number `index` of a protocol.
///
/// # Errors
/// As [`folds`], and when there is no such fold.
pub fn fold(corpus: &Corpus, protocol: Protocol, index: usize) -> Result<Fold> {
    let all = folds(corpus, protocol)?;
    let count = all.len();
    all.into_iter().nth(index).ok_or_else(|| {
        let expected = format!("0 to {}", count.saturating_sub(1));
        CorpusError::invalid(&corpus.source, "fold", index, expected)
    })
}

fn select(corpus: &Corpus, pick: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..corpus.len()).filter(|&index| pick(index)).collect()
}

fn by_session(corpus: &Corpus, swap_roles: bool) -> Result<Vec<Fold>> {
    let metadata = &corpus.metadata;
    if metadata.sessions.len() < 2 {
        let expected = "2 or more sessions to leave one out (or another protocol)";
        let found = metadata.sessions.len();
        return Err(CorpusError::invalid(
            &corpus.source,
            "sessions",
            found,
            expected,
        ));
    }
    let mut all = Vec::new();
    for (session, name) in metadata.sessions.iter().enumerate() {
        let held = |index: usize| corpus.utterances[index].session == Some(session);
        let speakers: BTreeSet<(&str, usize)> = select(corpus, held)
            .into_iter()
            .map(|index| corpus.utterances[index].speaker)
            .map(|speaker| (metadata.speakers[speaker].name.as_str(), speaker))
            .collect();
        let known = speakers
            .iter()
            .all(|(_, speaker)| metadata.speakers[*speaker].sex.is_some());
        let first: BTreeSet<usize> = speakers
            .iter()
            .enumerate()
            .filter(|(rank, (_, speaker))| {
                if known {
                    metadata.speakers[*speaker].sex == Some(Sex::Female)
                } else {
                    *rank < speakers.len().div_ceil(2)
                }
            })
            .map(|(_, (_, speaker))| *speaker)
            .collect();
        let is_test =
            |index: usize| first.contains(&corpus.utterances[index].speaker) != swap_roles;
        all.push(Fold {
            name: format!("session {name}"),
            train: select(corpus, |index| !held(index)),
            validation: select(corpus, |index| held(index) && !is_test(index)),
            test: select(corpus, |index| held(index) && is_test(index)),
        });
    }
    Ok(all)
}

fn speakers_by_name(corpus: &Corpus) -> Vec<usize> {
    let mut speakers: Vec<usize> = (0..corpus.metadata.speakers.len()).collect();
    speakers.sort_by(|a, b| {
        let name = |speaker: usize| &corpus.metadata.speakers[speaker].name;
        name(*a).cmp(name(*b))
    });
    speakers
}

fn singles(corpus: &Corpus) -> Vec<Vec<usize>> {
    let speakers = speakers_by_name(corpus).into_iter();
    speakers.map(|speaker| vec![speaker]).collect()
}

/// Largest speaker first, each to the group with the fewest utterances so far.
fn balanced(corpus: &Corpus, k: usize) -> Result<Vec<Vec<usize>>> {
    let speakers = speakers_by_name(corpus);
    if k < 3 || k > speakers.len() {
        let expected = format!("3 to {} (the number of speakers)", speakers.len());
        return Err(CorpusError::invalid(
            &corpus.source,
            "groups of speakers",
            k,
            expected,
        ));
    }
    let mut sizes = vec![0usize; speakers.len()];
    for utterance in &corpus.utterances {
        sizes[utterance.speaker] += 1;
    }
    let mut by_size = speakers;
    by_size.sort_by_key(|speaker| std::cmp::Reverse(sizes[*speaker]));
    let mut groups = vec![(0usize, Vec::new()); k];
    for speaker in by_size {
        if let Some((size, group)) = groups.iter_mut().min_by_key(|(size, _)| *size) {
            *size += sizes[speaker];
            group.push(speaker);
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

fn by_speaker_groups(corpus: &Corpus, groups: &[Vec<usize>]) -> Result<Vec<Fold>> {
    if groups.len() < 3 {
        let expected = "3 or more speakers: one to test, one to validate, one to train on";
        let found = groups.len();
        return Err(CorpusError::invalid(
            &corpus.source,
            "speakers",
            found,
            expected,
        ));
    }
    let folds = groups.iter().enumerate().map(|(index, group)| {
        let next = &groups[(index + 1) % groups.len()];
        let is_by = |group: &[usize], i: usize| group.contains(&corpus.utterances[i].speaker);
        let names: Vec<&str> = group
            .iter()
            .map(|speaker| corpus.metadata.speakers[*speaker].name.as_str())
            .collect();
        Fold {
            name: format!("speaker {}", names.join(", ")),
            train: select(corpus, |i| !is_by(group, i) && !is_by(next, i)),
            validation: select(corpus, |i| is_by(next, i)),
            test: select(corpus, |i| is_by(group, i)),
        }
    });
    Ok(folds.collect())
}

fn by_side(corpus: &Corpus) -> Result<Fold> {
    if corpus.utterances.iter().all(|u| u.side.is_none()) {
        let expected = "a split in the file (or another protocol)";
        return Err(CorpusError::invalid(
            &corpus.source,
            "sides",
            "none",
            expected,
        ));
    }
    let on_side = |side| select(corpus, |index| corpus.utterances[index].side == Some(side));
    Ok(Fold {
        name: "the file's split".into(),
        train: on_side(Side::Train),
        validation: on_side(Side::Validation),
        test: on_side(Side::Test),
    })
}

fn check(corpus: &Corpus, fold: &Fold) -> Result<()> {
    let sides = [
        ("training", &fold.train),
        ("validation", &fold.validation),
        ("test", &fold.test),
    ];
    let mut seen: Vec<(&str, BTreeSet<usize>)> = Vec::new();
    for (side, indices) in sides {
        let field = format!("fold {}", fold.name);
        if indices.is_empty() {
            let found = format!("an empty {side} side");
            let expected = "1 or more utterances on every side";
            return Err(CorpusError::invalid(&corpus.source, field, found, expected));
        }
        let speakers: BTreeSet<usize> = indices
            .iter()
            .map(|index| corpus.utterances[*index].speaker)
            .collect();
        for (other, earlier) in &seen {
            if let Some(both) = speakers.intersection(earlier).next() {
                let name = &corpus.metadata.speakers[*both].name;
                let found = format!("speaker {name} on the {other} and the {side} side");
                let expected = "every speaker on one side";
                return Err(CorpusError::invalid(&corpus.source, field, found, expected));
            }
        }
        seen.push((side, speakers));
    }
    Ok(())
}
