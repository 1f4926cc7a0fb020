//! Splits into training, validation and test. A speaker never stands on two sides, unless the split is
//! the file's own: then that is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::{CorpusError, Result};
use crate::metadata::{Sex, Side, Task};

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

/// One split: indices of utterances, ascending. Utterances that are not labelled for the task stand on
/// no side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// What is held out.
    pub name: String,
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
    /// What its scores do not promise, such as that no speaker stands on two sides.
    pub warnings: Vec<String>,
}

/// How many folds a protocol has.
///
/// # Errors
/// When the corpus lacks what the protocol needs.
pub fn fold_count(corpus: &Corpus, task: Task, protocol: Protocol) -> Result<usize> {
    Ok(Split::new(corpus, task, protocol)?.len())
}

/// What each fold of a protocol holds out, in their order.
///
/// # Errors
/// When the corpus lacks what the protocol needs, or none of the first folds can be used.
pub fn fold_names(corpus: &Corpus, task: Task, protocol: Protocol) -> Result<Vec<String>> {
    /// So many are tried.
    const TRIED: usize = 20;
    let split = Split::new(corpus, task, protocol)?;
    let check = |index| split.check(&mut split.fold(index));
    let mut tried = (0..split.len().min(TRIED)).map(check);
    if let Some(Err(error)) = tried.next()
        && tried.all(|checked| checked.is_err())
    {
        return Err(error);
    }
    Ok((0..split.len()).map(|index| split.name(index)).collect())
}

/// Fold number `index` of a protocol.
///
/// # Errors
/// When the corpus lacks what the protocol needs, there is no such fold, or a side would be empty.
pub fn fold(corpus: &Corpus, task: Task, protocol: Protocol, index: usize) -> Result<Fold> {
    let split = Split::new(corpus, task, protocol)?;
    if index >= split.len() {
        let expected = format!("0 to {}", split.len().saturating_sub(1));
        return Err(split.wrong("fold", index, &expected));
    }
    let mut fold = split.fold(index);
    split.check(&mut fold)?;
    Ok(fold)
}

/// A corpus with what decides which utterance stands where.
struct Split<'c> {
    corpus: &'c Corpus,
    task: Task,
    kind: Kind,
    labelled: Vec<usize>,
}

enum Kind {
    /// For each session, its speakers that are tested.
    Session(Vec<BTreeSet<usize>>),
    /// Groups of speakers, and the group of each speaker.
    Groups(Vec<Vec<usize>>, BTreeMap<usize, usize>),
    File,
}

impl<'c> Split<'c> {
    fn new(corpus: &'c Corpus, task: Task, protocol: Protocol) -> Result<Self> {
        let is_labelled = |index: &usize| corpus.utterances[*index].is_labelled(task);
        let mut split = Self {
            corpus,
            task,
            kind: Kind::File,
            labelled: (0..corpus.len()).filter(is_labelled).collect(),
        };
        if split.labelled.is_empty() {
            let expected = match task {
                Task::Classification if corpus.metadata.targets.is_empty() => {
                    "classes of utterances"
                }
                Task::Classification => {
                    "classes of utterances: train with --task regression, or make classes of the \
                     intensities with `corpus import --bins`"
                }
                Task::Regression => "intensities of utterances: train without --task regression",
            };
            return Err(split.wrong("labels", "none", expected));
        }
        split.kind = match protocol {
            Protocol::Session { swap_roles } => split.sessions(swap_roles)?,
            Protocol::Speaker => {
                let speakers = split.speakers()?.into_iter();
                split.groups(speakers.map(|(speaker, _)| vec![speaker]).collect())?
            }
            Protocol::Groups { k } => split.groups(split.balanced(k)?)?,
            Protocol::File => split.sides()?,
        };
        Ok(split)
    }

    fn len(&self) -> usize {
        match &self.kind {
            Kind::Session(sessions) => sessions.len(),
            Kind::Groups(groups, _) => groups.len(),
            Kind::File => 1,
        }
    }

    fn wrong(&self, field: &str, found: impl std::fmt::Display, expected: &str) -> CorpusError {
        CorpusError::invalid(&self.corpus.source, field, found, expected)
    }

    /// Labelled utterances of each speaker, by name.
    fn speakers(&self) -> Result<Vec<(usize, usize)>> {
        let mut sizes = BTreeMap::new();
        for index in &self.labelled {
            let utterance = &self.corpus.utterances[*index];
            let Some(speaker) = utterance.speaker else {
                let field = format!("speaker of {}", utterance.id);
                let expected = "a speaker for every utterance \
                     (`corpus import` with --speaker-from-id or --speakers; or another protocol)";
                return Err(self.wrong(&field, "none", expected));
            };
            *sizes.entry(speaker).or_insert(0) += 1;
        }
        let mut speakers: Vec<(usize, usize)> = sizes.into_iter().collect();
        speakers.sort_by_key(|(speaker, _)| &self.corpus.metadata.speakers[*speaker].name);
        Ok(speakers)
    }

    fn sessions(&self, swap_roles: bool) -> Result<Kind> {
        let metadata = &self.corpus.metadata;
        if metadata.sessions.len() < 2 {
            let expected = "2 or more sessions to leave one out (or another protocol)";
            return Err(self.wrong("sessions", metadata.sessions.len(), expected));
        }
        let by_name: Vec<usize> = self.speakers()?.into_iter().map(|(s, _)| s).collect();
        let rank: BTreeMap<usize, usize> = by_name.iter().copied().zip(0..).collect();
        let mut ranks = vec![BTreeSet::new(); metadata.sessions.len()];
        for index in &self.labelled {
            let utterance = &self.corpus.utterances[*index];
            let Some(session) = utterance.session else {
                let field = format!("session of {}", utterance.id);
                let expected = "a session for every utterance (or another protocol)";
                return Err(self.wrong(&field, "none", expected));
            };
            ranks[session].extend(utterance.speaker.and_then(|speaker| rank.get(&speaker)));
        }
        let speakers = ranks.into_iter();
        let speakers =
            speakers.map(|ranks: BTreeSet<usize>| ranks.into_iter().map(|rank| by_name[rank]));
        let sex = |speaker: &usize| metadata.speakers[*speaker].sex;
        let tested = speakers.map(|speakers| {
            let speakers: Vec<usize> = speakers.collect();
            let known = speakers.iter().all(|speaker| sex(speaker).is_some());
            let half = speakers.len().div_ceil(2);
            let all = speakers.iter().copied().enumerate();
            let first = all.filter(|(rank, speaker)| match known {
                true => sex(speaker) == Some(Sex::Female),
                false => *rank < half,
            });
            let first: BTreeSet<usize> = first.map(|(_, speaker)| speaker).collect();
            match swap_roles {
                true => speakers
                    .into_iter()
                    .filter(|s| !first.contains(s))
                    .collect(),
                false => first,
            }
        });
        Ok(Kind::Session(tested.collect()))
    }

    /// Largest speaker first, each to the group with the fewest utterances so far.
    fn balanced(&self, k: usize) -> Result<Vec<Vec<usize>>> {
        let mut speakers = self.speakers()?;
        if k < 3 || k > speakers.len() {
            let expected = format!("3 to {} (the number of speakers)", speakers.len());
            return Err(self.wrong("groups of speakers", k, &expected));
        }
        speakers.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let mut groups = vec![(0usize, Vec::new()); k];
        for (speaker, utterances) in speakers {
            if let Some((size, group)) = groups.iter_mut().min_by_key(|(size, _)| *size) {
                *size += utterances;
                group.push(speaker);
            }
        }
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    fn groups(&self, groups: Vec<Vec<usize>>) -> Result<Kind> {
        if groups.len() < 3 {
            let expected = "3 or more speakers: one to test, one to validate, one to train on";
            return Err(self.wrong("speakers", groups.len(), expected));
        }
        let of_speaker = groups.iter().enumerate();
        let of_speaker = of_speaker
            .flat_map(|(group, speakers)| speakers.iter().map(move |speaker| (*speaker, group)))
            .collect();
        Ok(Kind::Groups(groups, of_speaker))
    }

    fn sides(&self) -> Result<Kind> {
        if self.corpus.utterances.iter().all(|u| u.side.is_none()) {
            let expected = "a split in the file (or another protocol)";
            return Err(self.wrong("sides", "none", expected));
        }
        Ok(Kind::File)
    }

    fn fold(&self, index: usize) -> Fold {
        let mut fold = Fold {
            name: self.name(index),
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
            warnings: Vec::new(),
        };
        for utterance in &self.labelled {
            match self.side(index, *utterance) {
                Some(Side::Train) => fold.train.push(*utterance),
                Some(Side::Validation) => fold.validation.push(*utterance),
                Some(Side::Test) => fold.test.push(*utterance),
                None => {}
            }
        }
        fold
    }

    fn name(&self, index: usize) -> String {
        /// A name lists no more speakers than this.
        const MOST: usize = 8;
        let metadata = &self.corpus.metadata;
        match &self.kind {
            Kind::Session(_) => format!("session {}", metadata.sessions[index]),
            Kind::Groups(groups, _) => {
                let group = &groups[index];
                let named = group.iter().take(MOST);
                let named = named.map(|speaker| metadata.speakers[*speaker].name.as_str());
                let names = named.collect::<Vec<_>>().join(", ");
                match group.len().saturating_sub(MOST) {
                    0 => format!("speaker {names}"),
                    more => format!("speaker {names} and {more} more"),
                }
            }
            Kind::File => "the file's split".into(),
        }
    }

    /// Where an utterance stands in fold number `index`.
    fn side(&self, index: usize, utterance: usize) -> Option<Side> {
        let utterance = &self.corpus.utterances[utterance];
        match &self.kind {
            Kind::Session(_) if utterance.session != Some(index) => Some(Side::Train),
            Kind::Session(tested) => match tested[index].contains(&utterance.speaker?) {
                true => Some(Side::Test),
                false => Some(Side::Validation),
            },
            Kind::Groups(groups, of_speaker) => {
                let group = *of_speaker.get(&utterance.speaker?)?;
                if group == index {
                    Some(Side::Test)
                } else if group == (index + 1) % groups.len() {
                    Some(Side::Validation)
                } else {
                    Some(Side::Train)
                }
            }
            Kind::File => utterance.side,
        }
    }

    /// Refuses a fold with an empty side or, unless it is the file's own, with a speaker on two sides;
    /// adds what has to be said of it.
    fn check(&self, fold: &mut Fold) -> Result<()> {
        let field = format!("fold {}", fold.name);
        let sides = [
            ("training", &fold.train),
            ("validation", &fold.validation),
            ("test", &fold.test),
        ];
        for (side, indices) in sides {
            if indices.is_empty() {
                let found = format!("an empty {side} side");
                let expected = "1 or more utterances on every side";
                return Err(self.wrong(&field, found, expected));
            }
        }
        let mut warnings = Vec::new();
        let left_out = self.corpus.len() - self.labelled.len();
        if left_out > 0 {
            let what = match self.task {
                Task::Classification => "class",
                Task::Regression => "intensity",
            };
            let count = self.corpus.len();
            let message =
                format!("{left_out} of {count} utterances have no {what} and are left out");
            warnings.push(message);
        }
        let unplaced = match self.kind {
            Kind::File => {
                self.labelled.len() - sides.map(|(_, side)| side.len()).iter().sum::<usize>()
            }
            _ => 0,
        };
        if unplaced > 0 {
            warnings.push(format!(
                "{unplaced} utterances stand on no side of the file's split"
            ));
        }
        let by_side = sides.map(|(side, indices)| (side, self.speakers_of(indices)));
        for (first, second) in [(0, 1), (0, 2), (1, 2)] {
            let ((a, of_a), (b, of_b)) = (&by_side[first], &by_side[second]);
            let mut both = of_a.intersection(of_b);
            let Some(one) = both.next() else {
                continue;
            };
            let name = &self.corpus.metadata.speakers[*one].name;
            if !matches!(self.kind, Kind::File) {
                let found = format!("speaker {name} on the {a} and the {b} side");
                return Err(self.wrong(&field, found, "every speaker on one side"));
            }
            let count = both.count() + 1;
            warnings.push(format!(
                "the file's split is not independent of the speaker: on both the {a} and the {b} side \
                 there are {count} of {}, such as {name}",
                self.corpus.metadata.speakers.len()
            ));
        }
        warnings.extend(self.doubts());
        fold.warnings = warnings;
        Ok(())
    }

    fn speakers_of(&self, indices: &[usize]) -> BTreeSet<usize> {
        let speakers = indices.iter();
        let speakers = speakers.filter_map(|index| self.corpus.utterances[*index].speaker);
        speakers.collect()
    }

    /// Why one person may nevertheless stand on several sides.
    fn doubts(&self) -> Option<String> {
        let speakers = self.speakers_of(&self.labelled).len();
        let metadata = &self.corpus.metadata;
        if speakers == 0 {
            Some("the corpus does not say who speaks: one person may stand on several sides".into())
        } else if speakers == self.labelled.len() {
            let message = "every utterance is by a speaker of its own: that they are different people, \
                 and that no one stands on several sides, cannot be promised";
            Some(message.into())
        } else {
            let guess = metadata.speakers_guessed_from.as_ref()?;
            Some(format!(
                "speakers are guessed from {guess}: one person may stand on several sides"
            ))
        }
    }
}
