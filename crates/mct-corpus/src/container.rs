//! The corpus file: one `.safetensors`, ragged sequences concatenated along time, with offsets.
//!
//! | tensor | type | shape |
//! |---|---|---|
//! | `labels`, `speakers` | I64 | `[n]`, indices into the header's lists |
//! | `sessions` (optional) | I64 | `[n]` |
//! | `durations_secs` | F32 | `[n]` |
//! | `sides` (optional) | U8 | `[n]`, 0 train, 1 validation, 2 test |
//! | `ids.bytes`, `ids.offsets` | U8, I64 | `[bytes]`, `[n + 1]`, UTF-8 |
//! | `transcripts.bytes`, `transcripts.offsets` (optional) | U8, I64 | as above |
//! | `modality.NAME.values` | F32 or F16 | `[steps, features]` |
//! | `modality.NAME.offsets` | I64 | `[n + 1]`, in steps |
//! | `modality.NAME.unknown` (optional) | F32 | `[features]` |
//!
//! The header's metadata entry [`HEADER`] holds everything else as JSON.

use std::collections::HashMap;
use std::ops::Range;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::Arc;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::corpus::Corpus;
use crate::error::{CorpusError, Finding, Result};
use crate::metadata::{Metadata, Side, Utterance};
use crate::modality::{Bytes, Modality, Precision};

/// The header entry that makes a safetensors file a corpus.
pub const HEADER: &str = "mct-corpus";
/// Raised when an older reader could no longer make sense of the file.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format_version: u32,
    metadata: Metadata,
    modalities: Vec<ModalityHeader>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModalityHeader {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_hz: Option<f32>,
}

impl Corpus {
    /// Opens a corpus file, memory-mapped.
    ///
    /// # Errors
    /// Names the file, the field, what was found and what was expected.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: &std::path::Path) -> Result<Self> {
        let source = path.display().to_string();
        Self::parse(&source, map(path)?).map_err(|findings| first_of(&source, findings))
    }

    /// Reads a corpus from the bytes of a file; `source` is its name for messages.
    ///
    /// # Errors
    /// As [`Corpus::open`].
    pub fn from_bytes(source: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::parse(source, Bytes::Owned(bytes.into()))
            .map_err(|findings| first_of(source, findings))
    }

    /// Opens a corpus file and returns everything that is wrong with its structure.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn inspect(path: &std::path::Path) -> Result<Result<Self, Vec<Finding>>> {
        Ok(Self::parse(&path.display().to_string(), map(path)?))
    }

    fn parse(source: &str, bytes: Bytes) -> Result<Self, Vec<Finding>> {
        let parsed = Parsed::read(&bytes).map_err(|finding| vec![finding])?;
        let (metadata, utterances, layouts) = parsed;
        let modalities = layouts
            .into_iter()
            .map(|layout| layout.over(&bytes))
            .collect();
        Corpus::new(source, metadata, utterances, modalities)
    }

    /// The bytes of the corpus file.
    ///
    /// # Errors
    /// When the corpus is too large for the format's header.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let n = self.len();
        let numbers = |values: &mut dyn Iterator<Item = usize>| -> Vec<u8> {
            values.flat_map(|v| (v as i64).to_le_bytes()).collect()
        };
        let column =
            |pick: &dyn Fn(&Utterance) -> usize| numbers(&mut self.utterances.iter().map(pick));
        tensors.push(("labels".into(), Dtype::I64, vec![n], column(&|u| u.label)));
        tensors.push((
            "speakers".into(),
            Dtype::I64,
            vec![n],
            column(&|u| u.speaker),
        ));
        if !self.metadata.sessions.is_empty() {
            let sessions = column(&|u| u.session.unwrap_or(usize::MAX));
            tensors.push(("sessions".into(), Dtype::I64, vec![n], sessions));
        }
        let durations = self.utterances.iter();
        let durations = durations.flat_map(|u| u.duration_secs.to_le_bytes());
        tensors.push((
            "durations_secs".into(),
            Dtype::F32,
            vec![n],
            durations.collect(),
        ));
        if self.utterances.iter().any(|u| u.side.is_some()) {
            let sides = self.utterances.iter();
            let sides = sides.map(|u| u.side.map_or(u8::MAX, |side| side as u8));
            tensors.push(("sides".into(), Dtype::U8, vec![n], sides.collect()));
        }
        let mut texts = |name: &str, pick: &dyn Fn(&Utterance) -> &str| {
            let text: Vec<u8> = self
                .utterances
                .iter()
                .flat_map(|u| pick(u).bytes())
                .collect();
            let mut end = 0;
            let ends = self.utterances.iter().map(|u| {
                end += pick(u).len();
                end
            });
            let offsets = numbers(&mut std::iter::once(0).chain(ends));
            tensors.push((format!("{name}.bytes"), Dtype::U8, vec![text.len()], text));
            tensors.push((format!("{name}.offsets"), Dtype::I64, vec![n + 1], offsets));
        };
        texts("ids", &|u| &u.id);
        if self.utterances.iter().any(|u| u.transcript.is_some()) {
            texts("transcripts", &|u| u.transcript.as_deref().unwrap_or(""));
        }
        for modality in &self.modalities {
            let name = &modality.name;
            let dtype = match modality.precision {
                Precision::F32 => Dtype::F32,
                Precision::F16 => Dtype::F16,
            };
            let shape = vec![modality.total_steps(), modality.dim];
            let values = modality.value_bytes().to_vec();
            tensors.push((format!("modality.{name}.values"), dtype, shape, values));
            let offsets = numbers(&mut modality.offsets.iter().copied());
            tensors.push((
                format!("modality.{name}.offsets"),
                Dtype::I64,
                vec![n + 1],
                offsets,
            ));
            if let Some(unknown) = &modality.unknown {
                let values = unknown.iter().flat_map(|v| v.to_le_bytes()).collect();
                let name = format!("modality.{name}.unknown");
                tensors.push((name, Dtype::F32, vec![modality.dim], values));
            }
        }
        let header = Header {
            format_version: FORMAT_VERSION,
            metadata: self.metadata.clone(),
            modalities: self
                .modalities
                .iter()
                .map(|modality| ModalityHeader {
                    name: modality.name.clone(),
                    rate_hz: modality.rate_hz,
                })
                .collect(),
        };
        let unwritable =
            |what: String| CorpusError::invalid(&self.source, "corpus", what, "a writable corpus");
        let json = serde_json::to_string(&header).map_err(|error| unwritable(error.to_string()))?;
        let views: Vec<(String, TensorView<'_>)> = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.clone(), view))
            })
            .collect::<Result<_, _>>()
            .map_err(|error| unwritable(error.to_string()))?;
        safetensors::serialize(views, Some(HashMap::from([(HEADER.to_owned(), json)])))
            .map_err(|error| unwritable(error.to_string()))
    }

    /// Writes the corpus file: complete or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written or the disk is full; no partial file is left.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn save(&self, path: &std::path::Path) -> Result<()> {
        crate::atomic::write(path, &self.to_bytes()?)
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[expect(
    unsafe_code,
    reason = "mapping is unsafe because another process may change the file; every read is bounds-checked, so the worst is wrong values, never wrong memory"
)]
fn map(path: &std::path::Path) -> Result<Bytes> {
    let source = path.display().to_string();
    let file = std::fs::File::open(path).map_err(CorpusError::io(&source))?;
    let kind = file.metadata().map_err(CorpusError::io(&source))?;
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "no regular file"
        };
        return Err(CorpusError::invalid(source, "file", found, "a corpus file"));
    }
    if kind.len() == 0 {
        let expected = "a corpus file";
        return Err(CorpusError::invalid(source, "file", "0 bytes", expected));
    }
    // SAFETY: the map is read-only and every access is bounds-checked (see the reason above).
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(CorpusError::io(&source))?;
    Ok(Bytes::Mapped(Arc::new(map)))
}

fn first_of(source: &str, findings: Vec<Finding>) -> CorpusError {
    let more = findings.len().saturating_sub(1);
    let mut first = findings
        .into_iter()
        .next()
        .unwrap_or_else(|| Finding::new("file", "nothing", "a corpus"));
    if more > 0 {
        first.expected += &format!(" (and {more} more findings: `mct-hfr corpus check`)");
    }
    first.in_file(source)
}

/// Where a modality lies in the file.
struct Layout {
    name: String,
    dim: usize,
    rate_hz: Option<f32>,
    unknown: Option<Vec<f32>>,
    precision: Precision,
    offsets: Vec<usize>,
    start: usize,
}

impl Layout {
    fn over(self, bytes: &Bytes) -> Modality {
        Modality {
            name: self.name,
            dim: self.dim,
            rate_hz: self.rate_hz,
            unknown: self.unknown,
            precision: self.precision,
            offsets: self.offsets,
            bytes: bytes.clone(),
            start: self.start,
        }
    }
}

type Parsed = (Metadata, Vec<Utterance>, Vec<Layout>);

trait ParseFile: Sized {
    fn read(bytes: &[u8]) -> Result<Self, Finding>;
}

impl ParseFile for Parsed {
    fn read(bytes: &[u8]) -> Result<Self, Finding> {
        let unreadable = |error: String| Finding::new("file", error, "a complete safetensors file");
        let tensors =
            SafeTensors::deserialize(bytes).map_err(|error| unreadable(error.to_string()))?;
        let (_, file_header) =
            SafeTensors::read_metadata(bytes).map_err(|error| unreadable(error.to_string()))?;
        let json = file_header
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(HEADER))
            .ok_or_else(|| {
                let expected = format!("an entry `{HEADER}` (is this a corpus?)");
                Finding::new("header", "none", expected)
            })?;
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let version: Version = serde_json::from_str(json)
            .map_err(|error| Finding::new("header", error, "a corpus header"))?;
        if version.format_version != FORMAT_VERSION {
            let found = version.format_version;
            return Err(Finding::new("header.format_version", found, FORMAT_VERSION));
        }
        let header: Header = serde_json::from_str(json)
            .map_err(|error| Finding::new("header", error, "a corpus header"))?;
        let file = File { tensors };

        let labels = file.indices("labels", None)?;
        let n = labels.len();
        let speakers = file.indices("speakers", Some(n))?;
        let sessions = if header.metadata.sessions.is_empty() {
            vec![None; n]
        } else {
            let sessions = file.indices("sessions", Some(n))?;
            sessions.into_iter().map(Some).collect()
        };
        let durations = file.floats("durations_secs", n)?;
        let sides = if file.has("sides") {
            file.sides(n)?
        } else {
            vec![None; n]
        };
        let ids = file.texts("ids", n)?;
        let transcripts = if file.has("transcripts.bytes") {
            let texts = file.texts("transcripts", n)?;
            texts.into_iter().map(Some).collect()
        } else {
            vec![None; n]
        };
        let mut utterances = Vec::with_capacity(n);
        let columns = (ids.into_iter().zip(transcripts)).zip(labels.into_iter().zip(speakers));
        for (index, ((id, transcript), (label, speaker))) in columns.enumerate() {
            utterances.push(Utterance {
                id,
                label,
                speaker,
                session: sessions[index],
                duration_secs: durations[index],
                transcript,
                side: sides[index],
            });
        }
        let base = bytes.as_ptr().addr();
        let layouts = header
            .modalities
            .into_iter()
            .map(|modality| file.layout(modality, n, base))
            .collect::<Result<_, _>>()?;
        Ok((header.metadata, utterances, layouts))
    }
}

/// The tensors of a file, with the types and shapes that the format asks for.
struct File<'a> {
    tensors: SafeTensors<'a>,
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

    fn indices(&self, name: &str, length: Option<usize>) -> Result<Vec<usize>, Finding> {
        let bytes = self.column(name, Dtype::I64, length)?;
        let numbers = bytes.as_chunks::<8>().0.iter();
        numbers
            .enumerate()
            .map(|(index, bytes)| {
                let number = i64::from_le_bytes(*bytes);
                usize::try_from(number).map_err(|_| {
                    Finding::new(format!("{name}[{index}]"), number, "a number from 0 up")
                })
            })
            .collect()
    }

    fn floats(&self, name: &str, length: usize) -> Result<Vec<f32>, Finding> {
        let bytes = self.column(name, Dtype::F32, Some(length))?;
        let numbers = bytes.as_chunks::<4>().0.iter();
        Ok(numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn sides(&self, n: usize) -> Result<Vec<Option<Side>>, Finding> {
        let bytes = self.column("sides", Dtype::U8, Some(n))?;
        let sides = bytes.iter().enumerate().map(|(index, side)| match side {
            0 => Ok(Some(Side::Train)),
            1 => Ok(Some(Side::Validation)),
            2 => Ok(Some(Side::Test)),
            other => Err(Finding::new(
                format!("sides[{index}]"),
                other,
                "0 (train), 1 (validation) or 2 (test)",
            )),
        });
        sides.collect()
    }

    fn texts(&self, name: &str, n: usize) -> Result<Vec<String>, Finding> {
        let bytes_name = format!("{name}.bytes");
        let bytes = self.column(&bytes_name, Dtype::U8, None)?;
        let ranges = self.ranges(&format!("{name}.offsets"), n, bytes.len(), "bytes")?;
        let texts = ranges.into_iter().enumerate().map(|(index, range)| {
            std::str::from_utf8(&bytes[range])
                .map(str::to_owned)
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
            Some(self.floats(&unknown_name, dim)?)
        } else {
            None
        };
        Ok(Layout {
            name,
            dim,
            rate_hz: header.rate_hz,
            unknown,
            precision,
            offsets,
            start: view.data().as_ptr().addr() - base,
        })
    }
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
