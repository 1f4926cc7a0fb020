//! From a file to a corpus.

use std::ops::Range;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::{ColumnHeader, FORMAT_VERSION, HEADER, Header, ModalityHeader};
use crate::corpus::Corpus;
use crate::error::Finding;
use crate::metadata::{Cells, Column, Metadata, Side, Utterance};
use crate::modality::{Bytes, Modality, Precision, StepMask};

/// The corpus in `bytes`; `source` is the file's name.
///
/// # Errors
/// Everything that is wrong with its structure.
pub(super) fn corpus(source: &str, bytes: Bytes) -> Result<Corpus, Vec<Finding>> {
    let parts = parts(&bytes).map_err(|finding| vec![finding])?;
    let modalities = parts.layouts.into_iter();
    let modalities = modalities.map(|layout| layout.over(&bytes)).collect();
    Corpus::new(source, parts.metadata, parts.utterances, modalities)?.with_columns(parts.columns)
}

struct Parts {
    metadata: Metadata,
    utterances: Vec<Utterance>,
    columns: Vec<Column>,
    layouts: Vec<Layout>,
}

/// Where a modality lies in the file.
struct Layout {
    name: String,
    dim: usize,
    rate_hz: Option<f32>,
    unknown: Option<Vec<f32>>,
    extractor: Option<String>,
    precision: Precision,
    offsets: Vec<usize>,
    values_start: usize,
    mask_start: Option<usize>,
}

impl Layout {
    fn over(self, bytes: &Bytes) -> Modality {
        let steps = self.offsets.last().copied().unwrap_or(0);
        Modality {
            name: self.name,
            dim: self.dim,
            rate_hz: self.rate_hz,
            unknown: self.unknown,
            extractor: self.extractor,
            precision: self.precision,
            offsets: self.offsets,
            bytes: bytes.clone(),
            start: self.values_start,
            missing: self
                .mask_start
                .map(|start| StepMask::over(bytes, start..start + steps)),
        }
    }
}

fn header(bytes: &[u8]) -> Result<Header, Finding> {
    let unreadable = |error| Finding::new("file", error, "a complete safetensors file");
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let entries = metadata.metadata().as_ref();
    let json = entries.and_then(|entries| entries.get(HEADER));
    let json = json.ok_or_else(|| {
        let expected = format!("an entry `{HEADER}` (is this a corpus?)");
        Finding::new("header", "none", expected)
    })?;
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
    }
    let wrong = |error| Finding::new("header", error, "a corpus header");
    let version: Version = serde_json::from_str(json).map_err(wrong)?;
    if !(1..=FORMAT_VERSION).contains(&version.format_version) {
        let found = version.format_version;
        let expected = format!("1 to {FORMAT_VERSION}");
        return Err(Finding::new("header.format_version", found, expected));
    }
    serde_json::from_str(json).map_err(wrong)
}

fn parts(bytes: &[u8]) -> Result<Parts, Finding> {
    let unreadable = |error| Finding::new("file", error, "a complete safetensors file");
    let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let header = header(bytes)?;
    let file = File {
        tensors,
        version: header.format_version,
    };
    let metadata = header.metadata;
    let labels = file.known("labels", None)?;
    let n = labels.len();
    let speakers = file.known("speakers", Some(n))?;
    let sessions = match metadata.sessions.as_slice() {
        [] => vec![None; n],
        _ => file.known("sessions", Some(n))?,
    };
    let targets = file.targets(n, metadata.targets.len())?;
    let durations = file.floats("durations_secs", n)?;
    let sides = file.sides(n)?;
    let ids = file.texts("ids", n)?;
    let transcripts = match file.has("transcripts.bytes") {
        true => file
            .texts("transcripts", n)?
            .into_iter()
            .map(|text| Some(text).filter(|text| !text.is_empty()))
            .collect(),
        false => vec![None; n],
    };
    let mut utterances = Vec::with_capacity(n);
    let texts = ids.into_iter().zip(transcripts).zip(targets);
    for (index, ((id, transcript), targets)) in texts.enumerate() {
        utterances.push(Utterance {
            id,
            label: labels[index],
            targets,
            speaker: speakers[index],
            session: sessions[index],
            duration_secs: Some(durations[index]).filter(|secs| *secs != 0.0),
            transcript,
            side: sides[index],
        });
    }
    let columns = header.columns.into_iter();
    let columns = columns.map(|column| file.further(column, n));
    let base = bytes.as_ptr().addr();
    let modalities = header.modalities.into_iter();
    let layouts = modalities.map(|modality| file.layout(modality, n, base));
    Ok(Parts {
        metadata,
        utterances,
        columns: columns.collect::<Result<_, _>>()?,
        layouts: layouts.collect::<Result<_, _>>()?,
    })
}

/// The tensors of a file, with the types and shapes that the format asks for.
struct File<'a> {
    tensors: SafeTensors<'a>,
    version: u32,
}

impl<'a> File<'a> {
    fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    fn tensor(&self, name: &str) -> Result<TensorView<'a>, Finding> {
        self.tensors
            .tensor(name)
            .map_err(|_| Finding::new(name, "no such tensor", "a tensor of this name"))
    }

    /// The bytes of a tensor of type `dtype` and one dimension, of `length` if it is given.
    fn column(&self, name: &str, dtype: Dtype, length: Option<usize>) -> Result<&'a [u8], Finding> {
        let view = self.tensor(name)?;
        let fits = view.dtype() == dtype
            && view.shape().len() == 1
            && length.is_none_or(|length| view.shape()[0] == length);
        if !fits {
            let found = format!("{:?} {:?}", view.dtype(), view.shape());
            let length = length.map_or("n".to_owned(), |length| length.to_string());
            return Err(Finding::new(name, found, format!("{dtype:?} [{length}]")));
        }
        Ok(view.data())
    }

    /// Indices of which, from version 2 on, -1 stands for unknown.
    fn known(&self, name: &str, length: Option<usize>) -> Result<Vec<Option<usize>>, Finding> {
        let bytes = self.column(name, Dtype::I64, length)?;
        let numbers = bytes.as_chunks::<8>().0.iter().enumerate();
        let indices = numbers.map(|(index, bytes)| match i64::from_le_bytes(*bytes) {
            -1 if self.version > 1 => Ok(None),
            number => whole(name, index, number).map(Some),
        });
        indices.collect()
    }

    fn indices(&self, name: &str, length: Option<usize>) -> Result<Vec<usize>, Finding> {
        let bytes = self.column(name, Dtype::I64, length)?;
        let numbers = bytes.as_chunks::<8>().0.iter();
        numbers
            .enumerate()
            .map(|(index, bytes)| whole(name, index, i64::from_le_bytes(*bytes)))
            .collect()
    }

    fn floats(&self, name: &str, length: usize) -> Result<Vec<f32>, Finding> {
        let bytes = self.column(name, Dtype::F32, Some(length))?;
        let numbers = bytes.as_chunks::<4>().0.iter();
        Ok(numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// `[n][targets]`.
    fn targets(&self, n: usize, targets: usize) -> Result<Vec<Vec<Option<f32>>>, Finding> {
        if targets == 0 {
            return Ok(vec![Vec::new(); n]);
        }
        let view = self.tensor("targets")?;
        if view.dtype() != Dtype::F32 || view.shape() != [n, targets] {
            let found = format!("{:?} {:?}", view.dtype(), view.shape());
            return Err(Finding::new(
                "targets",
                found,
                format!("F32 [{n}, {targets}]"),
            ));
        }
        let numbers = view.data().as_chunks::<4>().0.chunks_exact(targets);
        let known = |bytes: &[u8; 4]| Some(f32::from_le_bytes(*bytes)).filter(|t| !t.is_nan());
        Ok(numbers.map(|row| row.iter().map(known).collect()).collect())
    }

    fn sides(&self, n: usize) -> Result<Vec<Option<Side>>, Finding> {
        if !self.has("sides") {
            return Ok(vec![None; n]);
        }
        let bytes = self.column("sides", Dtype::U8, Some(n))?;
        let sides = bytes.iter().enumerate().map(|(index, side)| match side {
            0 => Ok(Some(Side::Train)),
            1 => Ok(Some(Side::Validation)),
            2 => Ok(Some(Side::Test)),
            255 if self.version > 1 => Ok(None),
            other => Err(Finding::new(
                format!("sides[{index}]"),
                other,
                "0 (train), 1 (validation) or 2 (test)",
            )),
        });
        sides.collect()
    }

    /// A further column; empty cells are text without a letter, and NaN.
    fn further(&self, header: ColumnHeader, n: usize) -> Result<Column, Finding> {
        let field = format!("column.{}", header.name);
        let cells = if header.number {
            let bytes = self.column(&field, Dtype::F64, Some(n))?;
            let numbers = bytes.as_chunks::<8>().0.iter();
            let numbers = numbers.map(|bytes| f64::from_le_bytes(*bytes));
            Cells::Number(numbers.map(|n| Some(n).filter(|n| !n.is_nan())).collect())
        } else {
            let texts = self.texts(&field, n)?.into_iter();
            Cells::Text(texts.map(|t| Some(t).filter(|t| !t.is_empty())).collect())
        };
        Ok(Column {
            name: header.name,
            cells,
        })
    }

    /// What stands for a missing step: `[features]`, or one for each position.
    fn stand_ins(&self, name: &str, dim: usize) -> Result<Vec<f32>, Finding> {
        let view = self.tensor(name)?;
        let is_table = matches!(*view.shape(), [rows, features] if rows > 0 && features == dim);
        if !is_table || self.version < 2 || view.dtype() != Dtype::F32 {
            return self.floats(name, dim);
        }
        let numbers = view.data().as_chunks::<4>().0.iter();
        Ok(numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn texts(&self, name: &str, n: usize) -> Result<Vec<String>, Finding> {
        let bytes_name = format!("{name}.bytes");
        let bytes = self.column(&bytes_name, Dtype::U8, None)?;
        let ranges = self.ranges(&format!("{name}.offsets"), n, bytes.len(), "bytes")?;
        let texts = ranges.into_iter().enumerate().map(|(index, range)| {
            // Copied before it is checked: another process may be writing to a mapped file.
            String::from_utf8(bytes[range].to_vec())
                .map_err(|error| Finding::new(format!("{bytes_name} of [{index}]"), error, "UTF-8"))
        });
        texts.collect()
    }

    /// `n` ranges that cover `total` without gap or overlap.
    fn ranges(
        &self,
        name: &str,
        n: usize,
        total: usize,
        unit: &str,
    ) -> Result<Vec<Range<usize>>, Finding> {
        let offsets = self.indices(name, Some(n + 1))?;
        check_offsets(name, &offsets, total, unit)?;
        let pairs = offsets.windows(2).map(|pair| pair[0]..pair[1]);
        Ok(pairs.collect())
    }

    fn layout(&self, header: ModalityHeader, n: usize, base: usize) -> Result<Layout, Finding> {
        let name = header.name;
        let field = format!("modality.{name}.values");
        let view = self.tensor(&field)?;
        let precision = match view.dtype() {
            Dtype::F32 => Precision::F32,
            Dtype::F16 => Precision::F16,
            other => return Err(Finding::new(field, format!("{other:?}"), "F32 or F16")),
        };
        let &[steps, dim] = view.shape() else {
            let found = format!("shape {:?}", view.shape());
            return Err(Finding::new(field, found, "[steps, features]"));
        };
        if dim == 0 {
            return Err(Finding::new(field, "0 features", "1 or more"));
        }
        let offsets_name = format!("modality.{name}.offsets");
        let offsets = self.indices(&offsets_name, Some(n + 1))?;
        check_offsets(&offsets_name, &offsets, steps, "steps")?;
        let unknown_name = format!("modality.{name}.unknown");
        let unknown = if self.has(&unknown_name) {
            Some(self.stand_ins(&unknown_name, dim)?)
        } else {
            None
        };
        let mask_name = format!("modality.{name}.missing");
        let mask = match self.has(&mask_name) {
            true => Some(self.column(&mask_name, Dtype::U8, Some(steps))?),
            false => None,
        };
        let start = |data: &[u8]| data.as_ptr().addr() - base;
        Ok(Layout {
            name,
            dim,
            rate_hz: header.rate_hz,
            unknown,
            extractor: header.extractor,
            precision,
            offsets,
            values_start: start(view.data()),
            mask_start: mask.map(start),
        })
    }
}

fn whole(name: &str, index: usize, number: i64) -> Result<usize, Finding> {
    let field = || format!("{name}[{index}]");
    usize::try_from(number).map_err(|_| Finding::new(field(), number, "a number from 0 up"))
}

/// Offsets start at 0, never fall and end at `total`.
fn check_offsets(name: &str, offsets: &[usize], total: usize, unit: &str) -> Result<(), Finding> {
    if offsets[0] != 0 {
        return Err(Finding::new(format!("{name}[0]"), offsets[0], 0));
    }
    for (index, pair) in offsets.windows(2).enumerate() {
        if pair[1] < pair[0] {
            let field = format!("{name}[{}]", index + 1);
            let expected = format!("{} or more (sequences must not overlap)", pair[0]);
            return Err(Finding::new(field, pair[1], expected));
        }
    }
    let last = offsets[offsets.len() - 1];
    if last != total {
        let field = format!("{name}[{}]", offsets.len() - 1);
        let expected = format!("{total}, the number of {unit}");
        return Err(Finding::new(field, last, expected));
    }
    Ok(())
}
