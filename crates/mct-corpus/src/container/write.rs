//! From a corpus to its file.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};

use super::{ColumnHeader, HEADER, Header, ModalityHeader};
use crate::corpus::Corpus;
use crate::error::{CorpusError, Result};
use crate::metadata::{Cells, Utterance};
use crate::modality::{Modality, Precision};

/// What one tensor of the file is made of.
struct Tensor<'c> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'c, [u8]>,
}

impl Corpus {
    /// The bytes of the corpus file.
    ///
    /// # Errors
    /// When the corpus is too large for the format's header.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let tensors = self.tensors();
        let header = self.header()?;
        let bytes = views(&tensors).and_then(|views| safetensors::serialize(views, Some(header)));
        bytes.map_err(|error| self.unwritable(&error))
    }

    /// Writes the corpus file: complete or not at all. The values are not copied in memory.
    ///
    /// # Errors
    /// When the folder cannot be written or the disk is full; no partial file is left.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn save(&self, path: &std::path::Path) -> Result<()> {
        let tensors = self.tensors();
        let header = self.header()?;
        crate::atomic::replace(path, |partial| {
            let written = views(&tensors)
                .and_then(|views| safetensors::serialize_to_file(views, Some(header), partial));
            written.map_err(|error| match error {
                SafeTensorError::IoError(error) => {
                    CorpusError::io(path.display().to_string())(error)
                }
                error => self.unwritable(&error),
            })
        })
    }

    fn unwritable(&self, error: &dyn std::fmt::Display) -> CorpusError {
        CorpusError::invalid(&self.source, "corpus", error, "a writable corpus")
    }

    /// Whether the file needs version 2 of the format.
    fn needs_version_2(&self) -> bool {
        let metadata = &self.metadata;
        let utterance = |u: &Utterance| {
            u.label.is_none()
                || u.speaker.is_none()
                || (u.session.is_none() && !metadata.sessions.is_empty())
        };
        let n = self.len();
        let modality = |m: &Modality| {
            let has_table = m.unknown.as_ref().is_some_and(|rows| rows.len() > m.dim);
            let is_absent = |index| m.steps(index) == 0;
            m.missing.is_some() || m.extractor.is_some() || has_table || (0..n).any(is_absent)
        };
        let some_sides = self.utterances.iter().any(|u| u.side.is_some());
        metadata.classes.is_empty()
            || !metadata.targets.is_empty()
            || metadata.speakers_guessed_from.is_some()
            || !self.columns.is_empty()
            || self.utterances.iter().any(utterance)
            || self.modalities.iter().any(modality)
            || (some_sides && self.utterances.iter().any(|u| u.side.is_none()))
    }

    fn header(&self) -> Result<HashMap<String, String>> {
        let modalities = self.modalities.iter().map(|modality| ModalityHeader {
            name: modality.name.clone(),
            rate_hz: modality.rate_hz,
            extractor: modality.extractor.clone(),
        });
        let columns = self.columns.iter().map(|column| ColumnHeader {
            name: column.name.clone(),
            number: matches!(column.cells, Cells::Number(_)),
        });
        let header = Header {
            format_version: if self.needs_version_2() { 2 } else { 1 },
            metadata: self.metadata.clone(),
            modalities: modalities.collect(),
            columns: columns.collect(),
        };
        let json = serde_json::to_string(&header).map_err(|error| self.unwritable(&error))?;
        Ok(HashMap::from([(HEADER.to_owned(), json)]))
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut tensors = Tensors {
            n: self.len(),
            out: Vec::new(),
        };
        let utterances = &self.utterances;
        tensors.indices("labels", utterances.iter().map(|u| u.label));
        tensors.indices("speakers", utterances.iter().map(|u| u.speaker));
        if !self.metadata.sessions.is_empty() {
            tensors.indices("sessions", utterances.iter().map(|u| u.session));
        }
        let floats = |values: &mut dyn Iterator<Item = f32>| -> Vec<u8> {
            values.flat_map(f32::to_le_bytes).collect()
        };
        let durations = utterances.iter().map(|u| u.duration_secs.unwrap_or(0.0));
        let durations = floats(&mut { durations });
        tensors.column("durations_secs", Dtype::F32, durations);
        let count = self.metadata.targets.len();
        if count > 0 {
            let targets = utterances.iter().flat_map(|u| &u.targets);
            let targets = floats(&mut targets.map(|target| target.unwrap_or(f32::NAN)));
            tensors.push("targets", Dtype::F32, vec![self.len(), count], targets);
        }
        if utterances.iter().any(|u| u.side.is_some()) {
            let sides = utterances.iter();
            let sides = sides.map(|u| u.side.map_or(u8::MAX, |side| side as u8));
            tensors.column("sides", Dtype::U8, sides.collect());
        }
        let ids = utterances.iter().map(|u| u.id.as_str());
        tensors.texts("ids", ids);
        if utterances.iter().any(|u| u.transcript.is_some()) {
            let transcripts = utterances.iter();
            let transcripts = transcripts.map(|u| u.transcript.as_deref().unwrap_or(""));
            tensors.texts("transcripts", transcripts);
        }
        for column in &self.columns {
            let name = format!("column.{}", column.name);
            match &column.cells {
                Cells::Text(cells) => {
                    let cells = cells.iter();
                    tensors.texts(&name, cells.map(|cell| cell.as_deref().unwrap_or("")));
                }
                Cells::Number(cells) => {
                    let cells = cells.iter().map(|cell| cell.unwrap_or(f64::NAN));
                    tensors.column(
                        &name,
                        Dtype::F64,
                        cells.flat_map(f64::to_le_bytes).collect(),
                    );
                }
            }
        }
        for modality in &self.modalities {
            tensors.modality(modality);
        }
        tensors.out
    }
}

fn views<'t>(tensors: &'t [Tensor<'_>]) -> Result<Vec<(String, TensorView<'t>)>, SafeTensorError> {
    let views = tensors.iter().map(|tensor| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)?;
        Ok((tensor.name.clone(), view))
    });
    views.collect()
}

/// Collects the tensors of a corpus of `n` utterances.
struct Tensors<'c> {
    n: usize,
    out: Vec<Tensor<'c>>,
}

impl<'c> Tensors<'c> {
    fn push(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: impl Into<Cow<'c, [u8]>>,
    ) {
        self.out.push(Tensor {
            name: name.to_owned(),
            dtype,
            shape,
            bytes: bytes.into(),
        });
    }

    /// `[n]`.
    fn column(&mut self, name: &str, dtype: Dtype, bytes: Vec<u8>) {
        self.push(name, dtype, vec![self.n], bytes);
    }

    fn indices(&mut self, name: &str, indices: impl Iterator<Item = Option<usize>>) {
        let numbers = indices.map(|index| index.map_or(-1, |index| index as i64));
        let bytes = numbers.flat_map(i64::to_le_bytes).collect();
        self.column(name, Dtype::I64, bytes);
    }

    /// `[n + 1]`.
    fn offsets(&mut self, name: &str, offsets: impl Iterator<Item = usize>) {
        let bytes: Vec<u8> = offsets.flat_map(|o| (o as i64).to_le_bytes()).collect();
        self.push(name, Dtype::I64, vec![self.n + 1], bytes);
    }

    fn texts<'t>(&mut self, name: &str, texts: impl Iterator<Item = &'t str>) {
        let (mut bytes, mut offsets) = (Vec::new(), vec![0]);
        for text in texts {
            bytes.extend(text.bytes());
            offsets.push(bytes.len());
        }
        let length = vec![bytes.len()];
        self.push(&format!("{name}.bytes"), Dtype::U8, length, bytes);
        self.offsets(&format!("{name}.offsets"), offsets.into_iter());
    }

    fn modality(&mut self, modality: &'c Modality) {
        let name = &modality.name;
        let dtype = match modality.precision {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
        };
        let field = |part: &str| format!("modality.{name}.{part}");
        let shape = vec![modality.total_steps(), modality.dim];
        self.push(&field("values"), dtype, shape, modality.value_bytes());
        self.offsets(&field("offsets"), modality.offsets.iter().copied());
        if let Some(mask) = modality.mask_bytes() {
            let shape = vec![modality.total_steps()];
            self.push(&field("missing"), Dtype::U8, shape, mask);
        }
        if let Some(unknown) = &modality.unknown {
            let bytes: Vec<u8> = unknown.iter().flat_map(|v| v.to_le_bytes()).collect();
            let shape = match unknown.len() / modality.dim {
                0 | 1 => vec![modality.dim],
                positions => vec![positions, modality.dim],
            };
            self.push(&field("unknown"), Dtype::F32, shape, bytes);
        }
    }
}
