//! The arrays of a `.npz` (see [`Format::Npz`](super::Format::Npz)).

use std::borrow::Cow;

use super::Options;
use super::array::{Array, Kind, Order, byte_count};
use super::draft::{Draft, Row};
use super::field::{Field, Values};
use super::labels::LabelFields;
use super::npy::{self, LONGEST_HEADER};
use super::padding::{Lengths, Padded};
use super::pickle;
use super::sequences::{Known, Sequences, channel, consecutive, in_order};
use super::zip::Archive;
use crate::error::Finding;

const IDS: [&str; 3] = ["id", "ids", "utterance_id"];
const LABELS: [&str; 3] = ["label", "labels", "y"];
/// Names that a modality of one step for each utterance has.
const MODALITIES: [&str; 8] = [
    "audio", "vision", "text", "video", "visual", "acoustic", "language", "face",
];

/// More than anybody gives names to.
const MOST_ARRAYS: usize = 1000;

pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Draft, Finding> {
    let file = File {
        archive: Archive::open(bytes, options.most_unpacked(bytes.len()))?,
    };
    let names = file.names();
    if names.len() > MOST_ARRAYS {
        let found = format!("{} arrays", names.len());
        return Err(Finding::new(
            "file",
            found,
            format!("{MOST_ARRAYS} or fewer"),
        ));
    }
    let first = |known: &[&'static str]| {
        let mut known = known.iter();
        known.find(|name| names.iter().any(|n| n == *name)).copied()
    };
    let id_name = first(&IDS);
    let mut draft = Draft::default();
    let mut kinds: Vec<(&str, npy::Header)> = Vec::with_capacity(names.len());
    for name in &names {
        match file.known_header(name)? {
            Some(header) => kinds.push((name, header)),
            None => {
                let message = format!("`{name}` is left out: it holds neither numbers nor text");
                draft.notes.push(message);
            }
        }
    }
    let n = file.utterances(id_name, &kinds)?;
    let mut modalities: Vec<String> = kinds
        .iter()
        .filter(|(name, header)| file.is_modality(name, header, n, options))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    in_order(&mut modalities);
    if modalities.is_empty() {
        let found = format!("only {}", names.join(", "));
        let expected = "modalities: arrays [utterances, steps, features], or M [steps, features] with \
             M_lengths [utterances]";
        return Err(Finding::new("modalities", found, expected));
    }
    let ids = match id_name {
        Some(name) => Field::new(name, file.values(name)?).texts(n)?,
        None => (0..n).map(|index| format!("{index:04}")).collect(),
    };
    draft.rows.extend(ids.iter().map(|id| Row {
        id: id.clone(),
        ..Row::default()
    }));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let label = first(&LABELS);
    let of_modality = |name: &str| {
        let parts = ["rate_", "unknown_"].iter();
        let lengths = name.strip_suffix("_lengths");
        let of = parts
            .filter_map(|prefix| name.strip_prefix(prefix))
            .chain(lengths);
        std::iter::once(name)
            .chain(of)
            .any(|name| modalities.iter().any(|modality| modality == name))
    };
    let mut labels = LabelFields {
        class_names: file.names_of("class_names")?,
        target_names: file.names_of("target_names")?,
        ..LabelFields::default()
    };
    for (name, header) in &kinds {
        let other = ["class_names", "target_names"].contains(name);
        if other || Some(*name) == id_name || of_modality(name) {
            continue;
        }
        if header.shape.first() != Some(&n) {
            let message = format!("`{name}` is left out: it has not one value for each utterance");
            draft.notes.push(message);
            continue;
        }
        let values = match file.values(name) {
            Ok(values) => values,
            Err(finding) if Some(*name) == label => return Err(finding),
            Err(finding) => {
                draft.notes.push(format!("`{name}` is left out: {finding}"));
                continue;
            }
        };
        match Some(*name) == label {
            true => labels.fields.push(Field::new(*name, values)),
            false => draft.further.push(Field::new(*name, values)),
        }
    }
    draft.labels = labels;
    draft.fill_rows()?;
    for name in &modalities {
        let known = Known {
            rate_hz: file.rate(name)?,
            unknown: file.unknown(name)?,
        };
        let channel = file.with_sequences(name, &ids, options, &mut draft.notes, known)?;
        draft.channels.push(channel);
    }
    Ok(draft)
}

struct File<'a> {
    archive: Archive<'a>,
}

impl<'a> File<'a> {
    /// Names of the arrays.
    fn names(&self) -> Vec<String> {
        let names = self.archive.names();
        let arrays = names.iter().filter_map(|name| name.strip_suffix(".npy"));
        arrays.map(str::to_owned).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.archive.size(&entry_name(name)).is_some()
    }

    /// `None` for an array that holds neither numbers nor text.
    ///
    /// # Errors
    /// When the array has not the bytes that its header promises: a shape may say anything.
    fn known_header(&self, name: &str) -> Result<Option<npy::Header>, Finding> {
        let entry = entry_name(name);
        let start = self.archive.unpack(&entry, LONGEST_HEADER)?;
        let Some(header) = npy::header(&start) else {
            return Ok(None);
        };
        let size = self.archive.size(&entry);
        let needed = byte_count(header.dtype, &header.shape)
            .and_then(|count| u64::try_from(count.checked_add(header.length)?).ok());
        if header.dtype.kind != Kind::Object && needed != size {
            let (dtype, shape) = (header.dtype, &header.shape);
            let found = format!("{} bytes", size.unwrap_or(0));
            let expected = format!("as many as a {dtype} array of shape {shape:?} has");
            return Err(Finding::new(name, found, expected));
        }
        Ok(Some(header))
    }

    fn header(&self, name: &str) -> Result<npy::Header, Finding> {
        self.known_header(name)?.ok_or_else(|| {
            let expected = "an array of numbers or text as numpy saves it";
            Finding::new(name, "another header", expected)
        })
    }

    /// How many utterances there are: as many as ids, lengths, or padded sequences.
    fn utterances(
        &self,
        id_name: Option<&str>,
        kinds: &[(&str, npy::Header)],
    ) -> Result<usize, Finding> {
        let extent = |(_, header): &(&str, npy::Header)| header.shape.first().copied();
        let found = match id_name {
            Some(name) => kinds.iter().find(|(other, _)| *other == name),
            None => {
                let mut all = kinds.iter();
                let lengths = all.find(|(name, _)| name.ends_with("_lengths"));
                lengths.or_else(|| kinds.iter().find(|(_, header)| header.shape.len() == 3))
            }
        };
        let count = found.and_then(extent).filter(|count| *count > 0);
        count.ok_or_else(|| {
            let expected = "ids [utterances], M_lengths [utterances], or a modality M [utterances, steps, \
                 features]";
            Finding::new("id", "nothing that tells utterances apart", expected)
        })
    }

    /// Whether an array holds the sequences of `n` utterances.
    fn is_modality(&self, name: &str, header: &npy::Header, n: usize, options: &Options) -> bool {
        let label = LABELS.contains(&name) || options.labels.iter().any(|label| label == name);
        if label || IDS.contains(&name) {
            return false;
        }
        let lengths = self.has(&format!("{name}_lengths"));
        match (header.dtype.kind, header.shape.as_slice()) {
            (Kind::Bytes | Kind::Unicode, _) => false,
            // A ragged array of arrays, if its name says so: looking into it means reading it.
            (Kind::Object, [first]) => *first == n && (lengths || MODALITIES.contains(&name)),
            (_, [first, _, _]) => *first == n,
            (_, [_, _]) if lengths => true,
            (_, [first, _]) => *first == n && MODALITIES.contains(&name),
            _ => false,
        }
    }

    /// The bytes of an array, after its header.
    fn data(&self, name: &str, header: &npy::Header) -> Result<Cow<'a, [u8]>, Finding> {
        Ok(match self.archive.unpack(&entry_name(name), u64::MAX)? {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[header.length..]),
            Cow::Owned(mut bytes) => {
                bytes.drain(..header.length);
                Cow::Owned(bytes)
            }
        })
    }

    /// An array of numbers or text.
    fn array(&self, name: &str) -> Result<Array<'a>, Finding> {
        if !self.has(name) {
            return Err(Finding::new(name, "no such array", "an array of this name"));
        }
        // The header first: an entry that is larger than its array is not unpacked.
        let header = self.header(name)?;
        let data = self.data(name, &header)?;
        let order = match header.fortran {
            true => Order::FirstFastest,
            false => Order::LastFastest,
        };
        Array::new(name, header.dtype, header.shape, &order, data)
    }

    /// One entry for each utterance; an array of Python objects is read as the pickle that it is.
    fn values(&self, name: &str) -> Result<Values, Finding> {
        let header = self.header(name)?;
        if header.dtype.kind != Kind::Object {
            Values::require_narrow(name, &header.dtype, &header.shape)?;
            self.archive
                .charge(name, Values::bytes_of(&header.dtype, &header.shape))?;
            return Values::of_array(&self.array(name)?);
        }
        let data = self.data(name, &header)?;
        let tree = pickle::read(&data).map_err(|finding| objects(name, &finding))?;
        Values::of_value(name, tree.root()).map_err(|finding| objects(name, &finding))
    }

    fn names_of(&self, name: &str) -> Result<Option<Vec<String>>, Finding> {
        if !self.has(name) {
            return Ok(None);
        }
        let values = self.values(name)?;
        let count = values.len();
        Field::new(name, values).texts(count).map(Some)
    }

    /// Modality `name`.
    fn with_sequences(
        &self,
        name: &str,
        ids: &[&str],
        options: &Options,
        notes: &mut Vec<String>,
        known: Known,
    ) -> Result<super::channel::Channel, Finding> {
        let header = self.header(name)?;
        if header.dtype.kind == Kind::Object {
            let data = self.data(name, &header)?;
            let tree = pickle::read(&data).map_err(|finding| objects(name, &finding))?;
            let items = tree.root().items(name)?;
            if items.len() != ids.len() {
                let found = format!("{} sequences", items.len());
                return Err(Finding::new(name, found, ids.len()));
            }
            let sequences = Sequences::each(name, &items)?;
            return channel(name, &[(ids.to_vec(), Some(sequences))], known, options);
        }
        let array = self.array(name)?;
        let lengths_name = format!("{name}_lengths");
        let lengths = match self.has(&lengths_name) {
            true => {
                let lengths = Field::new(&lengths_name, self.values(&lengths_name)?);
                Some(lengths.counts(ids.len())?)
            }
            false => None,
        };
        let sequences = if array.shape.len() == 3 {
            let padded = Padded::new(name, array)?;
            let lengths = match lengths {
                None => Lengths::Unknown,
                Some(lengths) => {
                    let steps = padded.steps;
                    let too_long = lengths.iter().zip(ids);
                    if let Some((length, id)) = { too_long }.find(|(l, _)| **l > steps) {
                        let field = format!("{lengths_name} of {id}");
                        let found = format!("{length} steps");
                        return Err(Finding::new(field, found, format!("{steps} or fewer")));
                    }
                    Lengths::Steps(lengths)
                }
            };
            Sequences::padded(padded, lengths, ids, notes)?
        } else {
            let [total, _] = array.extents("[steps, features]")?;
            let lengths = lengths.unwrap_or_else(|| vec![1; ids.len()]);
            let ranges = consecutive(&lengths_name, &lengths, total)?;
            Sequences::Concatenated(array, ranges)
        };
        channel(name, &[(ids.to_vec(), Some(sequences))], known, options)
    }

    /// The vector for a missing step.
    fn unknown(&self, modality: &str) -> Result<Option<Vec<f32>>, Finding> {
        let name = format!("unknown_{modality}");
        if !self.has(&name) {
            return Ok(None);
        }
        let vector = self.array(&name)?;
        let [length] = vector.extents("[features]")?;
        Ok(Some(vector.values(0..length)))
    }

    /// Steps a second.
    fn rate(&self, modality: &str) -> Result<Option<f32>, Finding> {
        let name = format!("rate_{modality}");
        if !self.has(&name) {
            return Ok(None);
        }
        match self.array(&name)?.numbers()?.as_slice() {
            [rate] => Ok(Some(*rate as f32)),
            other => {
                let found = format!("{} numbers", other.len());
                Err(Finding::new(name, found, "one, the steps a second"))
            }
        }
    }
}

/// Why an array of Python objects could not be read, with the line that converts it.
fn objects(name: &str, finding: &Finding) -> Finding {
    let found = format!("Python objects that are not understood ({finding})");
    let expected = format!(
        "numbers, text, or an array [steps, features] for each utterance; convert with \
         `{name} = numpy.array(list({name}), dtype=str)` for text, or \
         `numpy.savez(…, {name}=numpy.concatenate(list({name})), {name}_lengths=[len(x) for x in {name}])` \
         for sequences"
    );
    Finding::new(name, found, expected)
}

fn entry_name(array: &str) -> String {
    format!("{array}.npy")
}
