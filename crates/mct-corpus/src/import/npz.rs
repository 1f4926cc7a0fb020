//! Ragged sequences in a `.npz` (see [`Format::Npz`](super::Format::Npz)).

use std::borrow::Cow;

use super::Options;
use super::array::{Array, byte_count};
use super::draft::{Channel, Draft, Row};
use super::labels::named;
use super::npy::{self, LONGEST_HEADER};
use super::speakers::parse_sex;
use super::zip::Archive;
use crate::error::Finding;

/// These come first, in this order; the others follow alphabetically.
const FIRST: [&str; 3] = ["audio", "vision", "text"];

pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Draft, Finding> {
    let file = File {
        archive: Archive::open(bytes)?,
    };
    let ids = file.array("id")?.texts()?;
    let classes = match (file.optional("class_names")?, &options.class_names) {
        (Some(names), given) => named(names.texts()?, given.as_deref())?,
        (None, Some(given)) => given.clone(),
        (None, None) => {
            let expected = "the names of the classes, here or as an option";
            return Err(Finding::new("class_names", "no such array", expected));
        }
    };
    let n = ids.len();
    let labels = of_length("label", n, file.array("label")?.counts()?)?;
    let speakers = of_length("speaker", n, file.array("speaker")?.texts()?)?;
    let mut rows: Vec<Row> = ids
        .into_iter()
        .zip(labels.into_iter().zip(speakers))
        .map(|(id, (label, speaker))| Row {
            id,
            label,
            speaker,
            ..Row::default()
        })
        .collect();
    if let Some(sessions) = file.optional("session")? {
        let sessions = of_length("session", n, sessions.texts()?)?;
        for (row, session) in rows.iter_mut().zip(sessions) {
            row.session = Some(session);
        }
    }
    if let Some(sexes) = file.optional("sex")? {
        let sexes = of_length("sex", n, sexes.texts()?)?;
        for (index, (row, sex)) in rows.iter_mut().zip(sexes).enumerate() {
            let parsed = parse_sex(&sex);
            let wrong = || Finding::new(format!("sex[{index}]"), format!("`{sex}`"), "F or M");
            row.sex = Some(parsed.ok_or_else(wrong)?);
        }
    }
    if let Some(durations) = file.optional("duration")? {
        let durations = of_length("duration", n, durations.numbers()?)?;
        for (row, duration) in rows.iter_mut().zip(durations) {
            row.duration_secs = Some(duration as f32);
        }
    }
    if let Some(transcripts) = file.optional("transcript")? {
        let transcripts = of_length("transcript", n, transcripts.texts()?)?;
        for (row, transcript) in rows.iter_mut().zip(transcripts) {
            row.transcript = Some(transcript);
        }
    }
    let channels = file
        .modalities()
        .iter()
        .map(|name| file.channel(name, &rows, options))
        .collect::<Result<_, _>>()?;
    Ok(Draft {
        classes,
        rows,
        channels,
    })
}

fn of_length<T>(name: &str, n: usize, column: Vec<T>) -> Result<Vec<T>, Finding> {
    if column.len() == n {
        Ok(column)
    } else {
        let found = format!("{} values", column.len());
        Err(Finding::new(name, found, format!("{n}, one for each id")))
    }
}

struct File<'a> {
    archive: Archive<'a>,
}

impl<'a> File<'a> {
    fn has(&self, name: &str) -> bool {
        self.archive.size(&entry_name(name)).is_some()
    }

    fn optional(&self, name: &str) -> Result<Option<Array<'a>>, Finding> {
        self.has(name).then(|| self.array(name)).transpose()
    }

    fn array(&self, name: &str) -> Result<Array<'a>, Finding> {
        let entry = entry_name(name);
        let Some(size) = self.archive.size(&entry) else {
            return Err(Finding::new(name, "no such array", "an array of this name"));
        };
        // The header first: an entry that is larger than its array is not unpacked.
        let start = self.archive.unpack(&entry, LONGEST_HEADER)?;
        let header = npy::header(&start).ok_or_else(|| {
            let expected = "an array of little-endian numbers or text as numpy saves it";
            Finding::new(name, "another header", expected)
        })?;
        let needed = byte_count(header.dtype, &header.shape)
            .and_then(|count| u64::try_from(count.checked_add(header.length)?).ok());
        if needed != Some(size) {
            let (dtype, shape) = (header.dtype, &header.shape);
            let expected = format!("as many as a {dtype} array of shape {shape:?} has");
            return Err(Finding::new(name, format!("{size} bytes"), expected));
        }
        if header.fortran {
            let expected = "C order (numpy.ascontiguousarray)";
            return Err(Finding::new(name, "an array in Fortran order", expected));
        }
        let data = match self.archive.unpack(&entry, u64::MAX)? {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[header.length..]),
            Cow::Owned(mut bytes) => {
                bytes.drain(..header.length);
                Cow::Owned(bytes)
            }
        };
        Array::new(name, header.dtype, header.shape, false, data)
    }

    /// Names that have both steps and lengths.
    fn modalities(&self) -> Vec<String> {
        let names = self.archive.names();
        let arrays = names.iter().filter_map(|name| name.strip_suffix(".npy"));
        let mut modalities: Vec<String> = arrays
            .filter(|name| self.has(&format!("{name}_lengths")))
            .map(str::to_owned)
            .collect();
        modalities.sort_by_key(|name| {
            let rank = FIRST.iter().position(|first| first == name);
            (rank.unwrap_or(FIRST.len()), name.clone())
        });
        modalities
    }

    fn channel(&self, name: &str, rows: &[Row], options: &Options) -> Result<Channel, Finding> {
        let lengths_name = format!("{name}_lengths");
        let lengths = self.array(&lengths_name)?.counts()?;
        let lengths = of_length(&lengths_name, rows.len(), lengths)?;
        let values = self.array(name)?;
        let [total, dim] = values.extents("[total steps, features]")?;
        let sum = lengths
            .iter()
            .try_fold(0usize, |sum, length| sum.checked_add(*length));
        if sum != Some(total) {
            let sum = sum.map_or("more than fit".to_owned(), |sum| sum.to_string());
            let expected = format!("{total}, the steps of {name}");
            return Err(Finding::new(
                format!("sum of {lengths_name}"),
                sum,
                expected,
            ));
        }
        let unknown = self.optional(&format!("unknown_{name}"))?;
        let unknown = unknown
            .map(|vector| unknown_vector(&vector, dim))
            .transpose()?;
        let rate = self.rate(&format!("rate_{name}"))?;
        let precision = values.precision();
        let mut channel = Channel::new(name, dim, precision, rate, unknown, options)?;
        let mut first = 0;
        for (row, length) in rows.iter().zip(lengths) {
            let end = first + length * dim;
            channel.push(&row.id, values.values(first..end))?;
            first = end;
        }
        Ok(channel)
    }

    fn rate(&self, name: &str) -> Result<Option<f32>, Finding> {
        let Some(rate) = self.optional(name)? else {
            return Ok(None);
        };
        match rate.numbers()?.as_slice() {
            [rate] => Ok(Some(*rate as f32)),
            other => {
                let found = format!("{} numbers", other.len());
                Err(Finding::new(name, found, "one, the steps a second"))
            }
        }
    }
}

fn unknown_vector(vector: &Array<'_>, dim: usize) -> Result<Vec<f32>, Finding> {
    let [length] = vector.extents("[features]")?;
    if length != dim {
        let found = format!("{length} features");
        return Err(Finding::new(
            "unknown vector",
            found,
            format!("{dim}, as in each step"),
        ));
    }
    Ok(vector.values(0..dim))
}

fn entry_name(array: &str) -> String {
    format!("{array}.npy")
}
