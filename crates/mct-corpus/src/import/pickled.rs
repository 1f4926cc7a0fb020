//! The pickles of MMSA, TFR-Net, EMT and MMSA-FET, and those of MulT (see
//! [`Format`](super::Format)).
//!
//! Both are a dict of sides; each side is a dict with one entry for each utterance in every field. What
//! extraction tools write today differs in every part of that: one side or none, a single clip, two
//! modalities, lists instead of padded arrays, no lengths, no classes. All of it is read here.
//!
//! How long a padded sequence is say `audio_lengths` and so on, and for the text the mask in `text_bert`
//! (rows: token ids, mask, segments).

use std::ops::Range;

use super::clips;
use super::draft::{Draft, Row};
use super::field::{Field, Values};
use super::labels::LabelFields;
use super::padding::{Lengths, Padded};
use super::pickle::{self, Value};
use super::sequences::{Known, Sequences, channel, in_order};
use super::{Format, Options};
use crate::error::Finding;
use crate::metadata::Side;

pub(super) const TOKENS: &str = "text_bert";
/// Label fields of MMSA, the one to prefer first.
pub(super) const MMSA_LABELS: [&str; 3] =
    ["classification_labels", "annotations", "regression_labels"];
pub(super) const MULT_LABELS: &str = "labels";
/// The order in the labels of IEMOCAP (MulT's `eval_iemocap`).
const EMOTIONS: [&str; 4] = ["Neutral", "Happy", "Sad", "Angry"];

/// The sides by the names that they have in files.
const SIDES: [(&str, Side); 5] = [
    ("train", Side::Train),
    ("valid", Side::Validation),
    ("val", Side::Validation),
    ("dev", Side::Validation),
    ("test", Side::Test),
];

/// More than anybody gives names to.
const MOST_FIELDS: usize = 1000;

/// One side, or all there is.
struct Part<'t> {
    name: &'static str,
    side: Option<Side>,
    fields: Vec<(&'t str, Value<'t>)>,
    ids: Vec<String>,
    /// Who speaks, as far as the id tells.
    speakers: Vec<Option<String>>,
}

pub(super) fn read(bytes: &[u8], format: Format, options: &Options) -> Result<Draft, Finding> {
    let tree = pickle::read(bytes)?;
    if let Some(clips) = clips::of(tree.root()) {
        return clips::read(&clips, options);
    }
    let parts = parts(tree.root(), format)?;
    let mut notes = Vec::new();
    let has = |key: &str| parts.iter().any(|part| part.get(key).is_some());
    let is_mult = match format {
        Format::Mult => true,
        Format::Mmsa => false,
        _ => has(MULT_LABELS) && !MMSA_LABELS.iter().any(|key| has(key)),
    };
    let names = modalities(&parts)?;
    let channels = names
        .iter()
        .map(|name| {
            let of_part = parts.iter().map(|part| {
                let sequences = match part.get(name) {
                    Some(_) => Some(part.sequences(name, is_mult, &mut notes)?),
                    None => None,
                };
                Ok((part.ids(), sequences))
            });
            let of_parts = of_part.collect::<Result<Vec<_>, Finding>>()?;
            channel(name, &of_parts, Known::default(), options)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let labels = labels(&parts, is_mult)?;
    let mut further = Vec::new();
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in parts.iter().flat_map(|part| &part.fields) {
        let lengths = key.strip_suffix("_lengths");
        let used = names
            .iter()
            .any(|name| name == key || Some(name.as_str()) == lengths)
            || labels.fields.iter().any(|field| field.name == *key)
            || ["id", TOKENS].contains(key);
        if !used && !keys.contains(key) {
            keys.push(key);
        }
    }
    for key in keys {
        match field(&parts, key) {
            Ok(field) => further.push(field),
            Err(finding) => notes.push(format!("`{key}` is left out: {finding}")),
        }
    }
    let mut rows = Vec::new();
    for part in &parts {
        rows.extend(
            part.ids
                .iter()
                .zip(&part.speakers)
                .map(|(id, speaker)| Row {
                    id: id.clone(),
                    speaker: speaker.clone(),
                    side: part.side,
                    ..Row::default()
                }),
        );
    }
    let mut draft = Draft {
        rows,
        labels,
        further,
        channels,
        speakers_guessed_from: Some("the video in the id"),
        notes,
    };
    draft.fill_rows()?;
    Ok(draft)
}

/// The sides of the file; a file without sides is one part.
fn parts<'t>(root: Value<'t>, format: Format) -> Result<Vec<Part<'t>>, Finding> {
    let fields = root.entries().ok_or_else(|| {
        let expected = "a dict of train, valid and test, or of the fields of clips";
        Finding::new("pickle", root.describe(), expected)
    })?;
    let mut parts = Vec::new();
    for (name, side) in SIDES {
        let found = fields.iter().find(|(key, _)| *key == name);
        if let Some(fields) = found.and_then(|(_, value)| value.entries()) {
            parts.push(Part::new(name, Some(side), fields, format)?);
        }
    }
    if parts.is_empty() {
        parts.push(Part::new("", None, fields, format)?);
    }
    Ok(parts)
}

/// The modalities of all parts: fields with a sequence for each utterance.
fn modalities(parts: &[Part<'_>]) -> Result<Vec<String>, Finding> {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        let sequences = part.fields.iter().filter(|(key, value)| {
            let label = *key == MULT_LABELS || MMSA_LABELS.contains(key);
            !label && *key != TOKENS && part.is_sequences(*value)
        });
        names.extend(sequences.map(|(key, _)| (*key).to_owned()));
    }
    in_order(&mut names);
    names.dedup();
    if names.is_empty() {
        let keys = parts.iter().flat_map(|part| &part.fields);
        let mut keys: Vec<&str> = keys.map(|(key, _)| *key).collect();
        keys.dedup();
        let found = format!("only {}", keys.join(", "));
        let expected = "arrays of features (audio, vision, text, …)";
        return Err(Finding::new("modalities", found, expected));
    }
    Ok(names)
}

fn labels(parts: &[Part<'_>], is_mult: bool) -> Result<LabelFields, Finding> {
    let mut labels = LabelFields {
        target_names: Some(vec!["sentiment".into()]),
        ..LabelFields::default()
    };
    let keys: &[&str] = if is_mult {
        &[MULT_LABELS]
    } else {
        &MMSA_LABELS
    };
    for key in keys {
        if parts.iter().any(|part| part.get(key).is_some()) {
            labels.fields.push(field(parts, key)?);
        }
    }
    if let [field] = labels.fields.as_slice()
        && is_mult
        && matches!(field.values, Values::Rows { width: 4, .. })
    {
        labels.class_names = Some(EMOTIONS.map(str::to_owned).to_vec());
    }
    Ok(labels)
}

/// Field `key` of all parts; empty for the utterances of a part that lacks it.
fn field(parts: &[Part<'_>], key: &str) -> Result<Field, Finding> {
    let of_parts = parts.iter().map(|part| part.values(key));
    let of_parts = of_parts.collect::<Result<Vec<_>, _>>()?;
    let known = of_parts.iter().flatten().next();
    let mut all = known.map_or(Values::Numbers(Vec::new()), |values| values.empty(0));
    for (part, values) in parts.iter().zip(&of_parts) {
        let values = match values {
            Some(values) => values.clone(),
            None => all.empty(part.ids.len()),
        };
        if !all.append(values) {
            let expected = "the same kind on every side";
            return Err(Finding::new(
                key,
                "numbers, text or rows of numbers",
                expected,
            ));
        }
    }
    Ok(Field::new(key, all))
}

impl<'t> Part<'t> {
    fn new(
        name: &'static str,
        side: Option<Side>,
        fields: Vec<(&'t str, Value<'t>)>,
        format: Format,
    ) -> Result<Self, Finding> {
        if fields.len() > MOST_FIELDS {
            let found = format!("{} fields", fields.len());
            let what = if name.is_empty() { "pickle" } else { name };
            return Err(Finding::new(what, found, format!("{MOST_FIELDS} or fewer")));
        }
        let mut part = Self {
            name,
            side,
            fields,
            ids: Vec::new(),
            speakers: Vec::new(),
        };
        let of_video = |id: &str| match format {
            // MMSA's own mark.
            Format::Mmsa => id
                .split_once("$_$")
                .map_or(id, |(video, _)| video)
                .to_owned(),
            _ => without_clip(id).to_owned(),
        };
        match part.get("id") {
            Some(value) => {
                for mut parts in id_parts(&part.field_name("id"), value)? {
                    if parts.is_empty() {
                        let expected = "text";
                        return Err(Finding::new(
                            part.field_name("id"),
                            "an id without parts",
                            expected,
                        ));
                    }
                    let speaker = match parts.as_slice() {
                        [id] => of_video(id),
                        [video, ..] => video.clone(),
                        [] => String::new(),
                    };
                    let id = match parts.len() {
                        1 => parts.remove(0),
                        _ => parts.join("_"),
                    };
                    part.ids.push(id);
                    part.speakers.push(Some(speaker));
                }
            }
            None => {
                let prefix = if name.is_empty() { "clip" } else { name };
                let ids = (0..part.count()?).map(|index| format!("{prefix}-{index}"));
                part.ids = ids.collect();
                part.speakers = vec![None; part.ids.len()];
            }
        }
        Ok(part)
    }

    fn ids(&self) -> Vec<&str> {
        self.ids.iter().map(String::as_str).collect()
    }

    /// What field `key` is called in messages.
    fn field_name(&self, key: &str) -> String {
        match self.name {
            "" => key.to_owned(),
            side => format!("{side}.{key}"),
        }
    }

    /// As in Python the last entry of a key counts, and None is no value.
    fn get(&self, key: &str) -> Option<Value<'t>> {
        let mut entries = self.fields.iter().rev();
        let (_, value) = entries.find(|(name, _)| *name == key)?;
        Some(*value).filter(|value| !value.is_none())
    }

    /// Utterances of a part without ids.
    fn count(&self) -> Result<usize, Finding> {
        let mut lengths = self
            .fields
            .iter()
            .filter_map(|(_, value)| match value.shape() {
                Some([n, _, _]) if value.is_packed_array() => Some(*n),
                _ if value.is_packed_array() => None,
                _ => value.items("").ok().map(|items| items.len()),
            });
        lengths.next().ok_or_else(|| {
            let found = format!("{} fields, none with utterances", self.fields.len());
            Finding::new(self.field_name("id"), found, "ids, or arrays of features")
        })
    }

    /// Whether a field holds a sequence for each utterance.
    fn is_sequences(&self, value: Value<'t>) -> bool {
        let n = self.ids.len();
        if value.is_packed_array() {
            return match value.shape() {
                Some([first, _, _]) => *first == n && value.is_numbers(),
                _ => false,
            };
        }
        let Ok(items) = value.items("") else {
            return false;
        };
        let is_sequence = |item: &Value<'_>| matches!(item.shape(), Some([_, _]));
        items.len() == n && items.iter().any(is_sequence)
    }

    fn sequences(
        &self,
        key: &str,
        is_mult: bool,
        notes: &mut Vec<String>,
    ) -> Result<Sequences<'t>, Finding> {
        let field = self.field_name(key);
        let ids = self.ids();
        let value = self.get(key).ok_or_else(|| {
            let expected = "a sequence for every utterance";
            Finding::new(&field, "no such key", expected)
        })?;
        if !value.is_packed_array() {
            let items = value.items(&field)?;
            if items.len() != ids.len() {
                let found = format!("{} sequences", items.len());
                return Err(Finding::new(field, found, ids.len()));
            }
            return Sequences::each(&field, &items);
        }
        let array = value.array(&field)?;
        let padded = Padded::new(field, array)?;
        let lengths = self.lengths(key, is_mult, &padded)?;
        Sequences::padded(padded, lengths, &ids, notes)
    }

    fn lengths(&self, key: &str, is_mult: bool, padded: &Padded<'_>) -> Result<Lengths, Finding> {
        let lengths_key = format!("{key}_lengths");
        if let Some(value) = self.get(&lengths_key) {
            let name = self.field_name(&lengths_key);
            let values = Values::of_value(&name, value)?;
            let lengths = Field::new(&name, values).counts(self.ids.len())?;
            let too_long = lengths.iter().zip(&self.ids);
            if let Some((length, id)) = { too_long }.find(|(length, _)| **length > padded.steps) {
                let found = format!("{length} steps");
                let expected = format!("a whole number up to {}", padded.steps);
                return Err(Finding::new(format!("{name} of {id}"), found, expected));
            }
            return Ok(Lengths::Steps(lengths));
        }
        if key == "text" && self.get(TOKENS).is_some() {
            return Ok(Lengths::Ranges(self.token_ranges(padded.steps)?));
        }
        Ok(match is_mult {
            true => Lengths::Trimmed,
            false => Lengths::Unknown,
        })
    }

    /// From the first to the last one in the token mask of each utterance; a mask has `steps` steps.
    fn token_ranges(&self, steps: usize) -> Result<Vec<Range<usize>>, Finding> {
        let n = self.ids.len();
        let field = self.field_name(TOKENS);
        let expected = format!("numbers of shape [{n}, 3, {steps}], as many steps as the text has");
        let value = self.get(TOKENS);
        let value = value.ok_or_else(|| Finding::new(&field, "no such key", &expected))?;
        let array = value.array(&field)?;
        let extents: [usize; 3] = array.extents(&expected)?;
        if extents != [n, 3, steps] {
            return Err(Finding::new(field, array.describe(), expected));
        }
        let range = |index: usize| {
            let first = (index * 3 + 1) * steps;
            let mask = array.values(first..first + steps);
            let set = |flag: &f32| *flag != 0.0;
            match (mask.iter().position(set), mask.iter().rposition(set)) {
                (Some(first), Some(last)) => first..last + 1,
                _ => 0..0,
            }
        };
        Ok((0..n).map(range).collect())
    }

    /// The values of field `key`; `None` where the part lacks it.
    fn values(&self, key: &str) -> Result<Option<Values>, Finding> {
        let name = self.field_name(key);
        let n = self.ids.len();
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let values = Values::of_value(&name, value)?;
        if values.len() != n {
            let found = format!("{} values", values.len());
            return Err(Finding::new(
                name,
                found,
                format!("{n}, one for each utterance"),
            ));
        }
        // For each class how much speaks against it and for it.
        if let (Some([_, classes, 2]), Values::Rows { numbers, .. }) = (value.shape(), &values) {
            let pairs = numbers.as_chunks::<2>().0.iter();
            let flags = pairs.map(|[against, for_it]| f64::from(u8::from(for_it > against)));
            return Ok(Some(Values::Rows {
                width: *classes,
                numbers: flags.collect(),
            }));
        }
        Ok(Some(values))
    }
}

/// An id is one text or number, or several parts, the video first (`[video, start, end]` in MOSEI).
fn id_parts(field: &str, value: Value<'_>) -> Result<Vec<Vec<String>>, Finding> {
    let of_parts = |shape: &&[usize]| shape.len() > 1 || value.is_packed_array();
    if let Some(shape) = value.shape().filter(of_parts) {
        let texts = value.texts(field)?;
        let parts = texts.len().checked_div(shape.first().copied().unwrap_or(1));
        let parts = parts.filter(|parts| *parts > 0);
        let parts = parts.ok_or_else(|| Finding::new(field, "no ids", "1 or more"))?;
        return Ok(texts.chunks(parts).map(<[String]>::to_vec).collect());
    }
    match value.items(field) {
        Ok(items) => items.into_iter().map(|item| item.texts(field)).collect(),
        // The id of a single clip.
        Err(_) => Ok(vec![value.texts(field)?]),
    }
}

/// An id without the number of the clip at its end: `video[3]`, `video_3`, `video$_$3`.
fn without_clip(id: &str) -> &str {
    if let Some((video, _)) = id.split_once("$_$").filter(|(video, _)| !video.is_empty()) {
        return video;
    }
    let stem = id.strip_suffix(']').unwrap_or(id);
    let stem = stem.trim_end_matches(|char: char| char.is_ascii_digit());
    let video = ["_", "["].iter().find_map(|mark| stem.strip_suffix(mark));
    video.filter(|video| !video.is_empty()).unwrap_or(id)
}
