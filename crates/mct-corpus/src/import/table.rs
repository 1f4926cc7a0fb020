//! A table of utterances, and a file for each utterance and modality (see
//! [`Format::Table`](super::Format::Table)).

use std::collections::BTreeSet;

use super::array_file::{self, ENDINGS};
use super::channel::Channel;
use super::draft::{Draft, Row};
use super::field::{Field, Values};
use super::labels::LabelFields;
use super::sequences::in_order;
use super::sheet::Sheet;
use super::{Files, Options};
use crate::error::Finding;

const IDS: [&str; 4] = ["id", "ids", "utterance_id", "clip"];
const LABELS: [&str; 4] = ["label", "labels", "emotion", "class"];

/// Where the files of one modality are: for each utterance its path, where it has one.
type Paths = Vec<Option<String>>;

/// Whether these are the bytes of a table of utterances: its first line names a column of ids.
pub fn names_utterances(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next();
    let sheet = Sheet::parse(line.unwrap_or_default());
    sheet.is_ok_and(|sheet| IDS.iter().any(|name| sheet.column(name).is_some()))
}

pub(super) fn read(bytes: &[u8], files: &dyn Files, options: &Options) -> Result<Draft, Finding> {
    let sheet = Sheet::parse(bytes)?;
    let n = sheet.len();
    let Some(id) = IDS.iter().find_map(|name| sheet.column(name)) else {
        let found = format!("columns {}", sheet.columns.join(", "));
        return Err(Finding::new("line 1", found, "a column `id`"));
    };
    let column = |place: usize| sheet.cells_of(place);
    let mut draft = Draft::default();
    for (line, cells) in sheet.rows() {
        if cells[id].is_empty() {
            return Err(Finding::new(format!("line {line}"), "no id", "an id"));
        }
        draft.rows.push(Row {
            id: cells[id].to_owned(),
            ..Row::default()
        });
    }
    let (mut modalities, mut labels): (Vec<(String, Paths)>, Vec<Field>) = (Vec::new(), Vec::new());
    for (place, name) in sheet.columns.iter().enumerate() {
        if place == id {
            continue;
        }
        if column(place).any(|cell| !cell.is_empty()) && column(place).all(is_path_or_empty) {
            let path = |cell: &str| Some(cell.to_owned()).filter(|cell| !cell.is_empty());
            modalities.push((name.clone(), column(place).map(path).collect()));
            continue;
        }
        let texts = column(place).map(str::to_owned).collect();
        let field = Field::new(name, Values::Texts(texts));
        match LABELS.contains(&name.to_ascii_lowercase().as_str()) {
            true => labels.push(field),
            false => draft.further.push(field),
        }
    }
    if modalities.is_empty() {
        modalities = by_folder(&draft.rows, files)?;
    }
    if labels.is_empty() && options.labels.is_empty() {
        let names: Vec<&str> = draft
            .further
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        draft.notes.push(format!(
            "no column `label`: the utterances are not labelled (--labels NAME, one of {}, says which \
             column is)",
            names.join(", ")
        ));
    }
    // Further label columns are further columns.
    let mut labels = labels.into_iter();
    draft.labels = LabelFields {
        fields: labels.next().into_iter().collect(),
        ..LabelFields::default()
    };
    draft.further.extend(labels);
    draft.fill_rows()?;
    let mut read = Read {
        options,
        files: bytes.len() as u64,
        values: 0,
        known: BTreeSet::new(),
    };
    let mut names: Vec<String> = modalities.iter().map(|(name, _)| name.clone()).collect();
    in_order(&mut names);
    for name in names {
        let found = modalities.iter().find(|(other, _)| *other == name);
        let paths = found.map_or_else(|| vec![None; n], |(_, paths)| paths.clone());
        let channel = channel(&name, &paths, files, &mut draft, &mut read)?;
        draft.channels.push(channel);
    }
    Ok(draft)
}

fn is_path_or_empty(cell: &str) -> bool {
    let ending = cell
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    cell.is_empty() || ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The layout `features/MODALITY/ID.npy`.
fn by_folder(rows: &[Row], files: &dyn Files) -> Result<Vec<(String, Paths)>, Finding> {
    let all = files.features()?;
    let mut modalities: Vec<(String, Paths)> = Vec::new();
    for (modality, listed) in all {
        let paths = rows.iter().map(|row| {
            let mut names = ENDINGS.iter().map(|ending| format!("{}.{ending}", row.id));
            let name = names.find(|name| listed.contains_key(name))?;
            listed.get(&name).cloned()
        });
        let paths: Paths = paths.collect();
        if paths.iter().any(Option::is_some) {
            modalities.push((modality, paths));
        }
    }
    if modalities.is_empty() {
        let expected = "a column of paths for each modality, or files features/MODALITY/ID.npy beside the \
             table (--features names another folder; `mct-hfr corpus extract --from table` makes features of \
             recordings)";
        return Err(Finding::new("modalities", "none", expected));
    }
    Ok(modalities)
}

/// What was read so far.
struct Read<'a> {
    options: &'a Options,
    /// Bytes of the table and of all its files, each counted once, and of the values in them.
    files: u64,
    values: u64,
    known: BTreeSet<String>,
}

impl Read<'_> {
    /// Counts a file with the bytes of its values; a table may name one file any number of times.
    fn count(&mut self, path: &str, file: usize, values: usize) -> Result<(), Finding> {
        let is_new = self.known.insert(path.to_owned());
        if is_new {
            self.files = self.files.saturating_add(file as u64);
        }
        // What is read again is read for nothing, however little of it is kept.
        let values = if is_new { values } else { values.max(file) };
        self.values = self.values.saturating_add(values as u64);
        let most = self
            .options
            .most_unpacked(usize::try_from(self.files).unwrap_or(usize::MAX));
        if self.values > most {
            let found = format!(
                "{} bytes of features in {} of files",
                self.values, self.files
            );
            let expected = format!("{most} or fewer (--max-unpacked allows more)");
            return Err(Finding::new(path, found, expected));
        }
        Ok(())
    }
}

/// Reads the files of one modality.
fn channel(
    name: &str,
    paths: &Paths,
    files: &dyn Files,
    draft: &mut Draft,
    read: &mut Read<'_>,
) -> Result<Channel, Finding> {
    let options = read.options;
    let mut channel: Option<Channel> = None;
    let mut rates: Vec<f32> = Vec::new();
    let mut first_without = 0;
    for (index, path) in paths.iter().enumerate() {
        let id = draft.rows[index].id.clone();
        let Some(path) = path else {
            match &mut channel {
                Some(channel) => channel.push(&id, Vec::new(), Vec::new())?,
                // Those in front of the first file.
                None => first_without += 1,
            }
            continue;
        };
        let in_file = |mut finding: Finding| {
            finding.field = format!("{path}: {}", finding.field);
            finding
        };
        let bytes = files.read(path).map_err(in_file)?;
        let sequence = array_file::read(path, &bytes, options).map_err(in_file)?;
        read.count(path, bytes.len(), size_of_val(&*sequence.values))?;
        let channel = match &mut channel {
            Some(channel) => channel,
            None => {
                let (dim, precision) = (sequence.dim, sequence.precision);
                let rate = sequence.rate_hz;
                let mut new = Channel::new(name, dim, precision, rate, None, options)?;
                for row in &draft.rows[..first_without] {
                    new.push(&row.id, Vec::new(), Vec::new())?;
                }
                channel.insert(new)
            }
        };
        if sequence.dim != channel.dim() {
            let found = format!("{} features", sequence.dim);
            let expected = format!("{}, as in the first file of {name}", channel.dim());
            return Err(Finding::new(path, found, expected));
        }
        if let Some(rate) = sequence.rate_hz {
            rates.push(rate);
            let seconds = (sequence.values.len() / sequence.dim) as f32 / rate;
            draft.rows[index].duration_secs.get_or_insert(seconds);
        }
        channel.push(&id, sequence.values, sequence.missing)?;
    }
    let mut channel = channel.ok_or_else(|| Finding::new(name, "no file", "one at least"))?;
    let ends = rates
        .iter()
        .copied()
        .reduce(f32::min)
        .zip(rates.iter().copied().reduce(f32::max));
    if let Some((low, high)) = ends.filter(|(low, high)| high / low > 1.02) {
        channel.forget_rate(options);
        draft.notes.push(format!(
            "{name}: the files have {low:.1} to {high:.1} steps a second, so that none is stored \
             (--rate {name}=HZ says one)"
        ));
    }
    Ok(channel)
}
