//! What an importer collects, and how a corpus is made of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use half::f16;

use super::Options;
use crate::corpus::Corpus;
use crate::error::Finding;
use crate::metadata::{Metadata, Sex, Side, Speaker, Utterance};
use crate::modality::{Modality, ModalityBuilder, Precision};

/// Frames that are stacked into one, at most: longer than any word.
const LONGEST_STACK: usize = 1000;

/// What a file says of one utterance.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub id: String,
    /// Index of its class.
    pub label: usize,
    pub speaker: String,
    pub sex: Option<Sex>,
    pub session: Option<String>,
    pub duration_secs: Option<f32>,
    pub transcript: Option<String>,
    pub side: Option<Side>,
}

/// What a file says.
pub(super) struct Draft {
    pub classes: Vec<String>,
    pub rows: Vec<Row>,
    pub channels: Vec<Channel>,
}

/// A modality while its utterances are collected: stacks steps and counts values that no model can
/// take.
pub(super) struct Channel {
    name: String,
    dim: usize,
    stack: usize,
    /// Steps a second before stacking.
    rate_hz: Option<f32>,
    /// Steps of each utterance before stacking.
    steps: Vec<usize>,
    precision: Precision,
    builder: ModalityBuilder,
    nan: usize,
    infinite: usize,
    minus_infinite: usize,
    /// Values beyond the range of float16, where that is how they are stored.
    too_large: usize,
}

impl Channel {
    /// `dim`, `native` (the file's precision), `rate_hz` and `unknown` are those of the file.
    ///
    /// # Errors
    /// When the options ask for what cannot be: a rate or a stack that is out of range.
    pub fn new(
        name: &str,
        dim: usize,
        native: Precision,
        rate_hz: Option<f32>,
        unknown: Option<Vec<f32>>,
        options: &Options,
    ) -> Result<Self, Finding> {
        let stack = chosen(&options.stack, name).unwrap_or(1);
        let stacked = dim.checked_mul(stack);
        let Some(stacked) = stacked.filter(|_| (1..=LONGEST_STACK).contains(&stack)) else {
            let expected = format!("1 to {LONGEST_STACK} steps");
            return Err(Finding::new(format!("stack of {name}"), stack, expected));
        };
        let rate_hz = chosen(&options.rates, name).or(rate_hz);
        if let Some(rate) = rate_hz.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            let expected = "steps a second, more than 0";
            return Err(Finding::new(format!("rate of {name}"), rate, expected));
        }
        let precision = options.precision.unwrap_or(native);
        let builder = ModalityBuilder::new(name, stacked, precision)
            .rate_hz(rate_hz.map(|rate| rate / stack as f32))
            .unknown(unknown.map(|vector| vector.repeat(stack)));
        Ok(Self {
            name: name.to_owned(),
            dim,
            stack,
            rate_hz,
            steps: Vec::new(),
            precision,
            builder,
            nan: 0,
            infinite: 0,
            minus_infinite: 0,
            too_large: 0,
        })
    }

    /// Features per step, before stacking.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Appends the steps of utterance `id`, `[steps, dim]` row by row.
    ///
    /// # Errors
    /// When there is no step.
    pub fn push(&mut self, id: &str, mut values: Vec<f32>) -> Result<(), Finding> {
        let steps = values.len() / self.dim;
        let Some(last) = values.len().checked_sub(self.dim) else {
            let field = format!("{} of {id}", self.name);
            return Err(Finding::new(field, "0 steps", "1 or more"));
        };
        for value in &mut values {
            if value.is_nan() {
                self.nan += 1;
            } else if *value == f32::INFINITY {
                self.infinite += 1;
            } else if *value == f32::NEG_INFINITY {
                self.minus_infinite += 1;
                *value = 0.0;
            } else if self.precision == Precision::F16 && f16::from_f32(*value).is_infinite() {
                self.too_large += 1;
            }
        }
        let whole = values.len();
        for _ in steps..steps.next_multiple_of(self.stack) {
            values.extend_from_within(last..whole);
        }
        self.builder.push(&values);
        self.steps.push(steps);
        Ok(())
    }

    /// Seconds of utterance `index`, where the rate is known.
    fn duration_secs(&self, index: usize) -> Option<f32> {
        let steps = *self.steps.get(index)?;
        self.rate_hz.map(|rate| steps as f32 / rate)
    }

    fn finish(self, zero_infinite: bool) -> Result<Modality, Finding> {
        let finite = "finite values";
        let flag = "finite values, or --zero-infinite to make them 0";
        let float16 = "values that float16 can hold, or float32";
        let minus_infinite = if zero_infinite {
            0
        } else {
            self.minus_infinite
        };
        for (count, what, expected) in [
            (self.nan, "values of NaN", finite),
            (self.infinite, "values of +inf", finite),
            (minus_infinite, "values of -inf", flag),
            (self.too_large, "values beyond 65504", float16),
        ] {
            if count > 0 {
                let field = format!("modality.{}", self.name);
                return Err(Finding::new(field, format!("{count} {what}"), expected));
            }
        }
        Ok(self.builder.build())
    }
}

/// What the options say about modality `name`; the last one counts.
fn chosen<T: Copy>(options: &[(String, T)], name: &str) -> Option<T> {
    let mut matching = options.iter().rev().filter(|(key, _)| key == name);
    matching.next().map(|(_, value)| *value)
}

impl Draft {
    /// The corpus; `source` is the file's name.
    pub fn finish(self, source: &str, options: &Options) -> Result<Corpus, Finding> {
        let Self {
            classes,
            mut rows,
            channels,
        } = self;
        refuse_unknown_modalities(&channels, options)?;
        let sexes = sexes(&mut rows, options)?;
        let (speakers, speaker_index) = number(rows.iter().map(|row| row.speaker.as_str()));
        let (sessions, session_index) = number(rows.iter().filter_map(|r| r.session.as_deref()));
        let durations: Vec<f32> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                row.duration_secs
                    .unwrap_or_else(|| duration(&channels, index))
            })
            .collect();
        let utterances = rows
            .into_iter()
            .zip(durations)
            .map(|(row, duration_secs)| Utterance {
                label: row.label,
                speaker: speaker_index[&row.speaker],
                session: row.session.map(|name| session_index[&name]),
                id: row.id,
                duration_secs,
                transcript: row.transcript,
                side: row.side,
            })
            .collect();
        let modalities = channels
            .into_iter()
            .map(|channel| channel.finish(options.zero_infinite))
            .collect::<Result<_, _>>()?;
        let file_name = source.rsplit(['/', '\\']).next().unwrap_or(source);
        let metadata = Metadata {
            title: options
                .title
                .clone()
                .unwrap_or_else(|| file_name.to_owned()),
            licence: options
                .licence
                .clone()
                .unwrap_or_else(|| "not stated".to_owned()),
            synthetic: false,
            classes,
            speakers: speakers
                .into_iter()
                .map(|name| Speaker {
                    sex: sexes.get(&name).copied(),
                    name,
                })
                .collect(),
            sessions,
            process: None,
        };
        Corpus::new(source, metadata, utterances, modalities).map_err(|findings| {
            let more = findings.len().saturating_sub(1);
            let mut findings = findings.into_iter();
            let mut first = findings
                .next()
                .unwrap_or_else(|| Finding::new("file", "nothing", "a corpus"));
            if more > 0 {
                first.expected += &format!(" (and {more} more findings)");
            }
            first
        })
    }
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
        let field = || format!("speaker {}", row.speaker);
        let mut sex = row.sex;
        if let Some(table) = &options.speakers {
            let Some(entry) = table.get(&row.speaker) else {
                let expected = "a row for every speaker of the corpus";
                return Err(Finding::new(
                    field(),
                    "no row in the speaker table",
                    expected,
                ));
            };
            sex = entry.sex.or(sex);
            if row.session.is_none() {
                row.session.clone_from(&entry.session);
            }
        }
        if let Some(sex) = sex
            && sexes
                .insert(row.speaker.clone(), sex)
                .is_some_and(|before| before != sex)
        {
            let field = format!("sex of speaker {}", row.speaker);
            return Err(Finding::new(field, "both F and M", "one of them"));
        }
    }
    Ok(sexes)
}

/// Seconds of utterance `index` from its steps, the longest of all modalities; 0 where no rate is
/// known.
fn duration(channels: &[Channel], index: usize) -> f32 {
    let known = channels
        .iter()
        .filter_map(|channel| channel.duration_secs(index));
    known.fold(0.0, f32::max)
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
