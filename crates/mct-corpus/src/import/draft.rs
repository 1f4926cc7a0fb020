//! What an importer collects, and how a corpus is made of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::channel::Channel;
use super::field::Field;
use super::labels::{self, LabelFields, Labels};
use super::{Import, Options};
use crate::corpus::Corpus;
use crate::error::Finding;
use crate::metadata::{Column, Metadata, Sex, Side, Speaker, Utterance};

/// What a file says of one utterance.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub id: String,
    pub speaker: Option<String>,
    pub sex: Option<Sex>,
    pub session: Option<String>,
    pub duration_secs: Option<f32>,
    pub transcript: Option<String>,
    pub side: Option<Side>,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Draft {
    pub rows: Vec<Row>,
    pub labels: LabelFields,
    /// Everything else that it says of each utterance.
    pub further: Vec<Field>,
    pub channels: Vec<Channel>,
    /// From what speakers were guessed, where the file names none.
    pub speakers_guessed_from: Option<&'static str>,
    /// What a user may not expect.
    pub notes: Vec<String>,
}

/// The fields of one utterance that become its row, by the names that people give them.
const ROW_FIELDS: [(&str, &[&str]); 6] = [
    ("speaker", &["speaker", "speakers", "speaker_id"]),
    ("session", &["session", "sessions"]),
    ("sex", &["sex", "gender"]),
    ("duration", &["duration", "durations", "duration_secs"]),
    ("transcript", &["transcript", "transcripts", "raw_text"]),
    ("side", &["side", "split", "mode"]),
];

/// What field `name` says of a row, by the canonical name.
fn row_field(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let mut fields = ROW_FIELDS.iter();
    let found = fields.find(|(_, names)| names.contains(&name.as_str()));
    found.map(|(field, _)| *field)
}

impl Draft {
    /// Moves what `further` says of speaker, session, sex, duration, transcript and side into the rows.
    ///
    /// # Errors
    /// When a sex, a side or a duration cannot be understood.
    pub fn fill_rows(&mut self) -> Result<(), Finding> {
        let n = self.rows.len();
        let (fields, further): (Vec<Field>, Vec<Field>) = std::mem::take(&mut self.further)
            .into_iter()
            .partition(|field| row_field(&field.name).is_some());
        self.further = further;
        for field in fields {
            let (name, kind) = (field.name.clone(), row_field(&field.name));
            if kind == Some("speaker") {
                self.speakers_guessed_from = None;
            }
            if kind == Some("duration") {
                let seconds = field.numbers(n)?;
                for (row, seconds) in self.rows.iter_mut().zip(seconds) {
                    row.duration_secs = Some(seconds as f32).filter(|s| *s > 0.0);
                }
                continue;
            }
            for (row, text) in self.rows.iter_mut().zip(field.texts(n)?) {
                let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
                let Some(text) = text else { continue };
                let wrong = |expected: &str| {
                    let field = format!("{name} of {}", row.id);
                    Finding::new(field, format!("`{text}`"), expected)
                };
                match kind {
                    Some("speaker") => row.speaker = Some(text),
                    Some("session") => row.session = Some(text),
                    Some("transcript") => row.transcript = Some(text),
                    Some("sex") => {
                        let sex = parse_sex(&text);
                        row.sex = Some(sex.ok_or_else(|| wrong("F, M, female or male"))?);
                    }
                    _ => {
                        let side = parse_side(&text);
                        row.side = Some(side.ok_or_else(|| wrong("train, valid or test"))?);
                    }
                }
            }
        }
        Ok(())
    }

    /// The corpus; `source` is the file's name.
    pub fn finish(mut self, source: &str, options: &Options) -> Result<Import, Finding> {
        let n = self.rows.len();
        let mut notes = std::mem::take(&mut self.notes);
        refuse_unknown_modalities(&self.channels, options)?;
        self.choose_labels(options)?;
        let guessed = self.speakers_guessed_from.is_some();
        notes.extend(ids_of_sides(&mut self.rows, guessed)?);
        let guessed = self.speakers(options)?;
        let rows = &mut self.rows;
        let sexes = sexes(rows, options)?;
        let Labels {
            classes,
            labels,
            targets,
            values,
        } = labels::read(self.labels, n, options, &mut notes, &mut self.further)?;
        let (speakers, speaker_index) = number(rows.iter().filter_map(|r| r.speaker.as_deref()));
        let (sessions, session_index) = number(rows.iter().filter_map(|r| r.session.as_deref()));
        if n > 1 && speakers.len() == n {
            notes.push(
                "every utterance is by a speaker of its own: `groups` and `speaker` cannot promise that \
                 no person stands on two sides (--speaker-from-id PATTERN takes the speaker out of the id)"
                    .into(),
            );
        } else if let Some(from) = &guessed {
            notes.push(format!(
                "the file names no speakers; {from} stands for one ({} of them, a guess; \
                 the part of the ids that is the speaker, or a table of speakers, says better)",
                speakers.len()
            ));
        }
        let durations: Vec<Option<f32>> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                row.duration_secs
                    .or_else(|| duration(&self.channels, index))
            })
            .collect();
        let labelled = labels.into_iter().zip(values).zip(durations);
        let utterances = self.rows.into_iter().zip(labelled);
        let utterances = utterances.map(|(row, ((label, targets), duration_secs))| Utterance {
            id: row.id,
            label,
            targets,
            speaker: row.speaker.map(|name| speaker_index[&name]),
            session: row.session.map(|name| session_index[&name]),
            duration_secs,
            transcript: row.transcript,
            side: row.side,
        });
        let utterances: Vec<Utterance> = utterances.collect();
        let mut columns: Vec<Column> = Vec::new();
        for field in self.further {
            let name = field.name.clone();
            if field.values.len() != n {
                notes.push(format!(
                    "`{name}` is left out: it has not one value for each utterance"
                ));
            } else if let Some(column) = field.column() {
                columns.push(column);
            } else {
                notes.push(format!(
                    "`{name}` is left out: it has several numbers for each utterance and is neither a \
                     modality nor a label"
                ));
            }
        }
        let modalities = self.channels.into_iter();
        let modalities: Vec<_> = modalities
            .map(|channel| channel.finish(&mut notes))
            .collect::<Result<_, _>>()?;
        let file_name = source.rsplit(['/', '\\']).next().unwrap_or(source);
        let title = options.title.clone();
        let licence = options.licence.clone();
        let metadata = Metadata {
            title: title.unwrap_or_else(|| file_name.to_owned()),
            licence: licence.unwrap_or_else(|| "not stated".to_owned()),
            classes,
            targets,
            speakers: speakers
                .into_iter()
                .map(|name| Speaker {
                    sex: sexes.get(&name).copied(),
                    name,
                })
                .collect(),
            speakers_guessed_from: guessed.map(str::to_owned),
            sessions,
            ..Metadata::default()
        };
        let corpus = Corpus::new(source, metadata, utterances, modalities)
            .and_then(|corpus| corpus.with_columns(columns));
        let corpus = corpus.map_err(|findings| {
            let more = findings.len().saturating_sub(1);
            let mut findings = findings.into_iter();
            let mut first = findings
                .next()
                .unwrap_or_else(|| Finding::new("file", "nothing", "a corpus"));
            if more > 0 {
                first.expected += &format!(" (and {more} more findings)");
            }
            first
        })?;
        Ok(Import { corpus, notes })
    }

    /// Takes the label fields that the options name, from everything that the file has.
    fn choose_labels(&mut self, options: &Options) -> Result<(), Finding> {
        if options.labels.is_empty() {
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.labels.fields);
        all.append(&mut self.further);
        for name in &options.labels {
            let Some(place) = all.iter().position(|field| field.name == *name) else {
                let names: Vec<&str> = all.iter().map(|field| field.name.as_str()).collect();
                let expected = format!("one of {}", names.join(", "));
                return Err(Finding::new(
                    "labels",
                    format!("no field `{name}`"),
                    expected,
                ));
            };
            self.labels.fields.push(all.remove(place));
        }
        self.further = all;
        Ok(())
    }

    /// The speaker of every row, from the table, from the id or from the file; returns from what they were
    /// guessed.
    fn speakers(&mut self, options: &Options) -> Result<Option<&'static str>, Finding> {
        if let Some(pattern) = &options.speaker_from_id {
            let pattern = super::speakers::IdPattern::new(pattern)?;
            for row in &mut self.rows {
                row.speaker = Some(pattern.speaker(&row.id)?);
            }
            return Ok(None);
        }
        let by_id = options.speakers.as_ref().filter(|table| table.is_by_id());
        let Some(table) = by_id else {
            if self.rows.iter().any(|row| row.speaker.is_some()) {
                return Ok(self.speakers_guessed_from);
            }
            // So that the corpus can be split at all; what that is worth is said where it is split.
            for row in &mut self.rows {
                row.speaker = Some(row.id.clone());
            }
            return Ok(Some("the id"));
        };
        for row in &mut self.rows {
            let entry = table.get(&row.id);
            let speaker = entry.and_then(|entry| entry.speaker.clone());
            let Some(speaker) = speaker else {
                let expected = "a row for every utterance of the corpus";
                let field = format!("utterance {}", row.id);
                return Err(Finding::new(field, "no row in the speaker table", expected));
            };
            row.speaker = Some(speaker);
        }
        Ok(None)
    }
}

/// Tells utterances of one id apart by their side, where ids restart on every side; and their speakers,
/// where these were `guessed` from the ids.
fn ids_of_sides(rows: &mut [Row], guessed: bool) -> Result<Option<String>, Finding> {
    let mut seen = HashSet::new();
    let twice = rows.iter().find(|row| !seen.insert(row.id.as_str()));
    let Some(twice) = twice.map(|row| row.id.clone()) else {
        return Ok(None);
    };
    let mut by_side = HashSet::new();
    for row in rows.iter() {
        let Some(side) = row.side else {
            let expected = "an id once";
            return Err(Finding::new("ids", format!("`{twice}` again"), expected));
        };
        if !by_side.insert((side as u8, row.id.as_str())) {
            let found = format!("`{}` again on the same side", row.id);
            return Err(Finding::new("ids", found, "an id once on a side"));
        }
    }
    for row in rows {
        let side = match row.side {
            Some(Side::Train) => "train",
            Some(Side::Validation) => "valid",
            _ => "test",
        };
        row.id = format!("{side}/{}", row.id);
        if let Some(speaker) = row.speaker.as_mut().filter(|_| guessed) {
            *speaker = format!("{side}/{speaker}");
        }
    }
    Ok(Some(format!(
        "ids restart on every side (`{twice}`): utterances are called train/ID, valid/ID and test/ID"
    )))
}

/// An option for a modality that does not exist is a typing error that must not go unnoticed.
fn refuse_unknown_modalities(channels: &[Channel], options: &Options) -> Result<(), Finding> {
    let stacks = options.stack.iter().map(|(name, _)| ("stack", name));
    let rates = options.rates.iter().map(|(name, _)| ("rate", name));
    for (option, name) in stacks.chain(rates) {
        if !channels.iter().any(|channel| channel.name == *name) {
            let known: Vec<&str> = channels
                .iter()
                .map(|channel| channel.name.as_str())
                .collect();
            let expected = format!("one of {}", known.join(", "));
            return Err(Finding::new(
                format!("{option} of {name}"),
                "no such modality",
                expected,
            ));
        }
    }
    Ok(())
}

/// The sex of each speaker where it is known, from the table before the file; gives `rows` without a
/// session that of the table.
fn sexes(rows: &mut [Row], options: &Options) -> Result<BTreeMap<String, Sex>, Finding> {
    let mut sexes = BTreeMap::new();
    for row in rows {
        let Some(speaker) = &row.speaker else {
            continue;
        };
        let mut sex = row.sex;
        if let Some(table) = &options.speakers {
            let key = if table.is_by_id() { &row.id } else { speaker };
            let Some(entry) = table.get(key) else {
                let (field, expected) = (
                    format!("speaker {speaker}"),
                    "a row for every speaker of the corpus",
                );
                return Err(Finding::new(field, "no row in the speaker table", expected));
            };
            sex = entry.sex.or(sex);
            if row.session.is_none() {
                row.session.clone_from(&entry.session);
            }
        }
        if let Some(sex) = sex
            && sexes
                .insert(speaker.clone(), sex)
                .is_some_and(|before| before != sex)
        {
            let field = format!("sex of speaker {speaker}");
            return Err(Finding::new(field, "both F and M", "one of them"));
        }
    }
    Ok(sexes)
}

/// Seconds of utterance `index` from its steps, the longest of all modalities; `None` where no rate is
/// known.
fn duration(channels: &[Channel], index: usize) -> Option<f32> {
    let known = channels
        .iter()
        .filter_map(|channel| channel.duration_secs(index));
    known.reduce(f32::max)
}

/// The distinct names in their natural order ("2" before "10"), and the index of each.
fn number<'n>(names: impl Iterator<Item = &'n str>) -> (Vec<String>, HashMap<String, usize>) {
    let distinct: BTreeSet<(Option<i64>, &str)> =
        names.map(|name| (name.parse().ok(), name)).collect();
    let names: Vec<String> = distinct
        .into_iter()
        .map(|(_, name)| name.to_owned())
        .collect();
    let index = names.iter().cloned().zip(0..).collect();
    (names, index)
}

/// `F`, `M` and the words, in upper or lower case.
pub(super) fn parse_sex(text: &str) -> Option<Sex> {
    match text.trim().to_ascii_lowercase().as_str() {
        "f" | "female" => Some(Sex::Female),
        "m" | "male" => Some(Sex::Male),
        _ => None,
    }
}

fn parse_side(text: &str) -> Option<Side> {
    match text.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Side::Train),
        "valid" | "validation" | "val" | "dev" => Some(Side::Validation),
        "test" => Some(Side::Test),
        _ => None,
    }
}
