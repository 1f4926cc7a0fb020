//! Pickled dicts of single clips: one clip's fields, as extraction tools write for a single video, a dict
//! from ids to such dicts, or a list of them.

use std::collections::BTreeSet;

use super::Options;
use super::draft::{Draft, Row};
use super::field::{Field, Values, written};
use super::labels::LabelFields;
use super::pickle::Value;
use super::pickled::{MMSA_LABELS, MULT_LABELS, TOKENS};
use super::sequences::{Known, Sequences, channel, in_order};
use crate::error::Finding;

/// What people call labels where they write clips themselves.
const OWN_LABELS: [&str; 3] = ["label", "emotion", "class"];

/// The fields of one clip.
pub(super) struct Clip<'t> {
    /// Its key in the dict of clips; none where the file is one clip.
    id: Option<&'t str>,
    fields: Vec<(&'t str, Value<'t>)>,
}

/// The clips of a file; `None` where it has another layout.
pub(super) fn of(root: Value<'_>) -> Option<Vec<Clip<'_>>> {
    if let Ok(items) = root.items("pickle") {
        let clips = items.into_iter().map(|item| {
            let fields = item.entries().filter(|fields| is_clip(fields))?;
            Some(Clip { id: None, fields })
        });
        let clips: Vec<Clip<'_>> = clips.collect::<Option<_>>()?;
        return (!clips.is_empty()).then_some(clips);
    }
    let entries = root.entries()?;
    if is_clip(&entries) {
        let clip = Clip {
            id: None,
            fields: entries,
        };
        return Some(vec![clip]);
    }
    let clips = entries.into_iter().map(|(id, value)| {
        let fields = value.entries().filter(|fields| is_clip(fields))?;
        Some(Clip {
            id: Some(id),
            fields,
        })
    });
    let clips: Vec<Clip<'_>> = clips.collect::<Option<_>>()?;
    (!clips.is_empty()).then_some(clips)
}

/// Whether there is an array `[steps, features]`, and no array of several clips.
fn is_clip(fields: &[(&str, Value<'_>)]) -> bool {
    let of_clip = fields.iter().any(|(key, value)| is_sequence(key, *value));
    let of_several = fields.iter().any(|(key, value)| {
        let of_one = matches!(value.shape(), Some([1, _, _]));
        *key != TOKENS && matches!(value.shape(), Some([_, _, _])) && !of_one
    });
    of_clip && !of_several
}

fn is_sequence(key: &str, value: Value<'_>) -> bool {
    let is_label = key == MULT_LABELS || MMSA_LABELS.contains(&key);
    let shape = matches!(value.shape(), Some([_, _]));
    key != TOKENS && !is_label && shape && value.is_packed_array() && value.is_numbers()
}

/// # Errors
/// When clips differ in features, or a field cannot be read.
pub(super) fn read(clips: &[Clip<'_>], options: &Options) -> Result<Draft, Finding> {
    let keys = clips.iter().flat_map(|clip| &clip.fields);
    let keys: BTreeSet<&str> = keys.map(|(key, _)| *key).collect();
    let mut draft = Draft {
        labels: LabelFields {
            target_names: Some(vec!["sentiment".into()]),
            ..LabelFields::default()
        },
        ..Draft::default()
    };
    for (place, clip) in clips.iter().enumerate() {
        let id = match (clip.id, clip.get("id")) {
            (Some(id), _) => id.to_owned(),
            (None, Some(value)) => value.texts("id")?.join("_"),
            (None, None) if clips.len() == 1 => "clip".to_owned(),
            (None, None) => format!("{place:04}"),
        };
        draft.rows.push(Row {
            id,
            ..Row::default()
        });
    }
    let ids: Vec<String> = draft.rows.iter().map(|row| row.id.clone()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let is_modality = |key: &&str| {
        let values = clips.iter().filter_map(|clip| clip.get(key));
        { values }.any(|value| is_sequence(key, value))
    };
    let (modalities, others): (Vec<&str>, Vec<&str>) = keys.into_iter().partition(is_modality);
    let mut names: Vec<String> = modalities.into_iter().map(str::to_owned).collect();
    in_order(&mut names);
    for name in &names {
        let arrays = clips.iter().zip(&ids).map(|(clip, id)| {
            let field = format!("{name} of {id}");
            let value = clip.get(name);
            let array = value.map(|value| value.array(&field)).transpose()?;
            Ok(array.filter(|array| array.shape.first() != Some(&0)))
        });
        let sequences = Sequences::Each(arrays.collect::<Result<_, Finding>>()?);
        let parts = [(ids.clone(), Some(sequences))];
        let known = Known::default();
        draft.channels.push(channel(name, &parts, known, options)?);
    }
    for key in others {
        let used = key == "id" || key == TOKENS || key.ends_with("_lengths");
        let Some(field) = field(clips, key).filter(|_| !used) else {
            continue;
        };
        match label_rank(key).is_some() {
            true => draft.labels.fields.push(field),
            false => draft.further.push(field),
        }
    }
    draft
        .labels
        .fields
        .sort_by_key(|field| label_rank(&field.name));
    draft.fill_rows()?;
    Ok(draft)
}

/// Which of the fields of labels comes first: those of the known tools before those of one's own.
fn label_rank(name: &str) -> Option<usize> {
    let known = MMSA_LABELS.iter().chain([&MULT_LABELS]).chain(&OWN_LABELS);
    { known }.position(|label| *label == name)
}

impl<'t> Clip<'t> {
    fn get(&self, key: &str) -> Option<Value<'t>> {
        let mut entries = self.fields.iter().rev();
        let (_, value) = entries.find(|(name, _)| *name == key)?;
        Some(*value).filter(|value| !value.is_none())
    }
}

/// Field `key`: one number or text for each clip; `None` where it is something else.
fn field(clips: &[Clip<'_>], key: &str) -> Option<Field> {
    let mut texts = Vec::with_capacity(clips.len());
    for clip in clips {
        let text = match clip.get(key) {
            None => String::new(),
            Some(value) => match (value.numbers(key), value.texts(key)) {
                (Ok(numbers), _) if numbers.len() == 1 => written(numbers[0]),
                (Err(_), Ok(mut texts)) if texts.len() == 1 => texts.remove(0),
                _ => return None,
            },
        };
        texts.push(text);
    }
    Some(Field::new(key, Values::Texts(texts).parsed()))
}
