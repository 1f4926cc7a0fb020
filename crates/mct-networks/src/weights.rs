//! Weights as they are published: Hugging Face's safetensors, PyTorch archives old and new, shards of
//! TensorFlow.js. They are read as data; nothing in them is executed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};
use std::ops::RangeInclusive;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use mct_corpus::import::pickled_arrays;
use pytorch_reader::PytorchReader;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::files;

/// Why weights cannot be used. The file is named.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("{file}: {cause}")]
    Unreadable { file: String, cause: String },
    #[error("{file}: no layer {layer}, expected one of shape {expected:?}")]
    NoLayer {
        file: String,
        layer: String,
        expected: Vec<usize>,
    },
    #[error("{file}: the layer {layer} has shape {found:?}, expected {expected:?}")]
    Shape {
        file: String,
        layer: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error("{file}: {field}: found {found}, expected {expected}")]
    Configuration {
        file: String,
        field: &'static str,
        found: String,
        expected: String,
    },
}

/// Named tensors of one file.
#[derive(Debug)]
pub struct Weights {
    file: String,
    prefix: String,
    layers: BTreeMap<String, Layer>,
    device: Device,
}

#[derive(Debug)]
struct Layer {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Weights {
    /// Reads a file by its ending: `.safetensors`, `weights_manifest.json` with its shard beside it, `.pkl` with a
    /// dictionary of numpy arrays, and else what `torch.save` writes.
    ///
    /// # Errors
    /// When the file cannot be read or is not of that format.
    pub fn open(path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let file = path.display().to_string();
        let unreadable = |cause: String| WeightsError::Unreadable {
            file: file.clone(),
            cause,
        };
        let read = || files::read(path).map_err(|error| error.to_string());
        let layers = match path.extension().and_then(|ending| ending.to_str()) {
            Some("safetensors") => read().and_then(|bytes| safetensors(&bytes)),
            Some("json") => read().and_then(|bytes| {
                tfjs(&bytes, |shard| {
                    files::read(&path.with_file_name(shard))
                        .map_err(|error| format!("its shard {shard}: {error}"))
                })
            }),
            Some("pkl" | "pickle") => read().and_then(|bytes| numpy(&bytes)),
            _ => pytorch(path),
        };
        Ok(Self {
            layers: layers.map_err(unreadable)?,
            file,
            prefix: String::new(),
            device: device.clone(),
        })
    }

    /// Opens the weights in a folder of Hugging Face: `model.safetensors`, else `pytorch_model.bin`.
    ///
    /// # Errors
    /// When neither is there, or the one that is cannot be read.
    pub fn of_folder(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        const NAMES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
        let path = NAMES.iter().map(|name| folder.join(name));
        match path.into_iter().find(|path| files::exists(path)) {
            Some(path) => Self::open(&path, device),
            None => Err(WeightsError::Unreadable {
                file: folder.display().to_string(),
                cause: format!("has neither {} nor {}", NAMES[0], NAMES[1]),
            }),
        }
    }

    /// Where its tensors are put.
    pub(crate) const fn device(&self) -> &Device {
        &self.device
    }

    /// The path that was opened.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Looks for names behind the first of `prefixes` behind which there is a layer `probe`: published
    /// files hold a network alone or as a part of a larger one.
    #[must_use]
    pub fn within(mut self, prefixes: &[&str], probe: &str) -> Self {
        let held = |prefix: &&&str| self.layers.contains_key(&format!("{prefix}{probe}"));
        if let Some(prefix) = prefixes.iter().find(held) {
            self.prefix = (*prefix).to_owned();
        }
        self
    }

    /// The shape of a layer, where there is one.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        let layer = self.layers.get(&format!("{}{name}", self.prefix));
        layer.map(|layer| layer.shape.as_slice())
    }

    /// Refuses a setting that is not in `range`: what follows from it would be nothing, or too much.
    pub(crate) fn within_range(
        &self,
        field: &'static str,
        found: usize,
        range: RangeInclusive<usize>,
    ) -> Result<(), WeightsError> {
        match range.contains(&found) {
            true => Ok(()),
            false => {
                let expected = format!("{} to {}", range.start(), range.end());
                Err(self.refused(field, found, expected))
            }
        }
    }

    /// Refuses sizes of which no transformer is made.
    pub(crate) fn require_transformer(
        &self,
        width: usize,
        heads: usize,
        layers: usize,
    ) -> Result<(), WeightsError> {
        self.within_range("hidden_size", width, 1..=65_536)?;
        self.within_range("num_attention_heads", heads, 1..=width.min(128))?;
        self.within_range("num_hidden_layers", layers, 1..=1000)?;
        match width.is_multiple_of(heads) {
            true => Ok(()),
            false => {
                let expected = format!("a divisor of {width}");
                Err(self.refused("num_attention_heads", heads, expected))
            }
        }
    }

    pub(crate) fn refused(
        &self,
        field: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> WeightsError {
        WeightsError::Configuration {
            file: self.file.clone(),
            field,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// The values of a layer of this shape.
    pub(crate) fn values(&self, name: &str, shape: &[usize]) -> Result<&[f32], WeightsError> {
        let name = format!("{}{name}", self.prefix);
        let Some(layer) = self.layers.get(&name) else {
            return Err(WeightsError::NoLayer {
                file: self.file.clone(),
                layer: name,
                expected: shape.to_vec(),
            });
        };
        // Nothing is computed with nothing.
        if layer.shape != shape || shape.contains(&0) {
            return Err(WeightsError::Shape {
                file: self.file.clone(),
                layer: name,
                found: layer.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(&layer.values)
    }

    /// A layer of this shape.
    pub(crate) fn tensor<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
    ) -> Result<Tensor<D>, WeightsError> {
        let values = self.values(name, &shape)?.to_vec();
        Ok(self.upload(values, shape))
    }

    /// Values as a tensor on the device of these weights.
    pub(crate) fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}

/// Reads a file of settings.
pub(crate) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, WeightsError> {
    let unreadable = |cause: String| WeightsError::Unreadable {
        file: path.display().to_string(),
        cause,
    };
    let bytes = files::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

type Layers = Result<BTreeMap<String, Layer>, String>;

fn safetensors(bytes: &[u8]) -> Layers {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut layers = BTreeMap::new();
    for (name, view) in file.iter() {
        let values = match view.dtype() {
            Dtype::F32 => floats(view.data()),
            Dtype::F64 => doubles(view.data()),
            Dtype::F16 => halves(view.data()),
            Dtype::BF16 => brains(view.data()),
            // Positions and other indices, which no layer is made of.
            _ => continue,
        };
        let shape = view.shape().to_vec();
        layers.insert(name.to_owned(), Layer { shape, values });
    }
    Ok(layers)
}

fn numpy(pickle: &[u8]) -> Layers {
    let arrays = pickled_arrays(pickle).map_err(|finding| finding.to_string())?;
    let layers = arrays.into_iter();
    Ok(layers
        .map(|(name, (shape, values))| (name, Layer { shape, values }))
        .collect())
}

fn pytorch(path: &Path) -> Layers {
    // The reader says nothing of a file that is not there.
    let mut file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_or(0, |file| file.len());
    require_small_pickle(&mut file)?;
    // Weights alone, or under a key beside the state of an optimizer.
    const KEYS: [&str; 4] = ["model_state", "state_dict", "model", "model_state_dict"];
    let nested = KEYS
        .iter()
        .filter_map(|key| PytorchReader::with_top_level_key(path, key).ok())
        .find(|reader| !reader.is_empty());
    let reader = match nested {
        Some(reader) => reader,
        None => PytorchReader::new(path).map_err(|error| error.to_string())?,
    };
    let tensors = reader.into_tensors();
    // A view of a few values can claim any shape.
    let claimed = tensors.values().map(|tensor| tensor.byte_len() as u64);
    let claimed = claimed.fold(0, u64::saturating_add);
    if claimed > length.saturating_mul(4).saturating_add(64 << 20) {
        return Err(format!("claims {claimed} bytes of values in {length}"));
    }
    let mut layers = BTreeMap::new();
    for (name, tensor) in tensors {
        use pytorch_reader::DType;
        let convert = match tensor.dtype() {
            DType::F32 => floats,
            DType::F64 => doubles,
            DType::F16 => halves,
            DType::BF16 => brains,
            _ => continue,
        };
        let bytes = tensor.read().map_err(|error| error.to_string())?;
        let shape = tensor.shape().to_vec();
        let values = convert(&bytes);
        layers.insert(name, Layer { shape, values });
    }
    Ok(layers)
}

/// Refuses archives whose reader would take far more memory than they have: its stack has 88 bytes for each byte of
/// the pickle, and a tar may have holes.
fn require_small_pickle(file: &mut (impl Read + Seek)) -> Result<(), String> {
    const MOST: u64 = 4 << 20;
    let mut head = Vec::new();
    let read = file.by_ref().take(512).read_to_end(&mut head);
    read.map_err(|error| error.to_string())?;
    if head.get(257..262) == Some(b"ustar") {
        return Err("is a tar, as PyTorch wrote them before 0.1.10".to_owned());
    }
    let Ok(mut archive) = zip::ZipArchive::new(file) else {
        return Ok(());
    };
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index);
        let entry = entry.map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?;
        let found = entry.size().max(entry.compressed_size());
        let is_packed = entry.compression() != zip::CompressionMethod::Stored;
        if name.ends_with(".pkl") && (is_packed || found > MOST) {
            let packed = if is_packed { ", packed" } else { "" };
            return Err(format!(
                "{name}: found {found} bytes{packed}, expected {MOST} or fewer as they are"
            ));
        }
    }
    Ok(())
}

/// A group of weights in a manifest of TensorFlow.js.
#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Deserialize)]
struct Quantization {
    dtype: String,
    scale: f32,
    min: f32,
}

fn tfjs(manifest: &[u8], read: impl Fn(&str) -> Result<Vec<u8>, String>) -> Layers {
    let groups: Vec<Group> = serde_json::from_slice(manifest)
        .map_err(|error| format!("is no manifest of TensorFlow.js weights: {error}"))?;
    let mut layers = BTreeMap::new();
    let mut shards = BTreeSet::new();
    for group in groups {
        let mut bytes = Vec::new();
        for shard in &group.paths {
            // A name of a file beside the manifest; not a way out of its folder.
            if shard.contains(['/', '\\']) || shard == ".." {
                return Err(format!("its shard {shard} lies elsewhere"));
            }
            if !shards.insert(shard.clone()) {
                return Err(format!("its shard {shard} is named twice"));
            }
            bytes.extend(read(shard)?);
        }
        let mut rest = bytes.as_slice();
        for Stored {
            name,
            shape,
            dtype,
            quantization,
        } in group.weights
        {
            let stored = quantization.as_ref().map_or(&dtype, |how| &how.dtype);
            let width = match stored.as_str() {
                "float32" => 4,
                "uint8" => 1,
                "uint16" | "float16" => 2,
                other => return Err(format!("{name}: unknown type of values {other}")),
            };
            let count = shape
                .iter()
                .try_fold(width, |n: usize, &d| n.checked_mul(d));
            let part = count.and_then(|count| rest.split_at_checked(count));
            let Some((part, after)) = part else {
                return Err(format!("{name}: its shard ends before it does"));
            };
            rest = after;
            let scaled = |values: Vec<f32>| match &quantization {
                Some(how) => values.iter().map(|v| v * how.scale + how.min).collect(),
                None => values,
            };
            let values = match stored.as_str() {
                "float32" => floats(part),
                "float16" => halves(part),
                "uint8" => scaled(part.iter().map(|&v| f32::from(v)).collect()),
                _ => scaled(
                    part.as_chunks()
                        .0
                        .iter()
                        .map(|&v| f32::from(u16::from_le_bytes(v)))
                        .collect(),
                ),
            };
            layers.insert(name, Layer { shape, values });
        }
    }
    Ok(layers)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|&v| f32::from_le_bytes(v)).collect()
}

fn doubles(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|&v| f64::from_le_bytes(v) as f32).collect()
}

fn halves(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values
        .map(|&v| half::f16::from_le_bytes(v).to_f32())
        .collect()
}

fn brains(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values
        .map(|&v| half::bf16::from_le_bytes(v).to_f32())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(stored: &str) -> Layers {
        let json = format!(r#"[{{"paths": ["a.bin"], "weights": [{stored}]}}]"#);
        tfjs(json.as_bytes(), |_| Ok(vec![0, 128, 255, 7]))
    }

    #[test]
    fn a_quantised_shard_is_scaled() {
        let stored = r#"{"name": "a", "shape": [3], "dtype": "float32",
            "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1}}"#;
        let layers = manifest(stored).unwrap();
        assert_eq!(layers["a"].values, [-1.0, 63.0, 126.5]);
    }

    #[test]
    fn a_pickle_of_arrays_is_read_and_runs_nothing() {
        // By Python: `pickle.dumps({"fc.weight": numpy.arange(6, dtype="f4").reshape(2, 3), "step": 3}, 2)`.
        let pickle = b"\x80\x02}q\x00(X\x09\x00\x00\x00fc.weightq\x01cnumpy._core.multiarray\x0a_reconstruct\x0aq\x02cnumpy\x0andarray\x0aq\x03K\x00\x85q\x04c_codecs\x0aencode\x0aq\x05X\x01\x00\x00\x00bq\x06X\x06\x00\x00\x00latin1q\x07\x86q\x08Rq\x09\x87q\x0aRq\x0b(K\x01K\x02K\x03\x86q\x0ccnumpy\x0adtype\x0aq\x0dX\x02\x00\x00\x00f4q\x0e\x89\x88\x87q\x0fRq\x10(K\x03X\x01\x00\x00\x00<q\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x12b\x89h\x05X\x1b\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\x80?\x00\x00\x00@\x00\x00@@\x00\x00\xc2\x80@\x00\x00\xc2\xa0@q\x13h\x07\x86q\x14Rq\x15tq\x16bX\x04\x00\x00\x00stepq\x17K\x03u.";
        let layers = numpy(pickle).unwrap();
        assert_eq!(layers.len(), 1);
        let layer = &layers["fc.weight"];
        assert_eq!(layer.shape, [2, 3]);
        assert_eq!(layer.values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let error = numpy(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")
            .err()
            .unwrap();
        assert!(error.contains("system"), "{error}");
    }

    #[test]
    fn an_archive_that_would_take_far_more_memory_is_refused() {
        use std::io::{Cursor, Write as _};
        let archive = |method, length: usize| {
            let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            zip.start_file("a/data.pkl", options).unwrap();
            zip.write_all(&vec![b'N'; length]).unwrap();
            zip.finish().unwrap()
        };
        let refused = |mut file: Cursor<Vec<u8>>| {
            file.set_position(0);
            require_small_pickle(&mut file).err().unwrap_or_default()
        };
        assert_eq!(refused(archive(zip::CompressionMethod::Stored, 1000)), "");
        let long = refused(archive(zip::CompressionMethod::Stored, 5 << 20));
        assert!(long.contains("a/data.pkl: found 5242880 bytes"), "{long}");
        let packed = refused(archive(zip::CompressionMethod::Deflated, 1000));
        assert!(packed.contains("packed"), "{packed}");
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(refused(Cursor::new(tar)).contains("is a tar"));
    }

    #[test]
    fn a_shard_that_is_named_again_is_refused() {
        let json = r#"[{"paths": ["a.bin", "a.bin"], "weights": []}]"#;
        let error = tfjs(json.as_bytes(), |_| Ok(vec![0])).err().unwrap();
        assert!(error.contains("a.bin is named twice"), "{error}");
    }

    #[test]
    fn a_shard_that_is_too_short_names_the_layer() {
        let stored = r#"{"name": "fc", "shape": [2], "dtype": "float32"}"#;
        let error = manifest(stored).err().unwrap();
        assert!(error.contains("fc: its shard ends"), "{error}");
    }

    #[test]
    fn what_does_not_fit_names_the_layer() {
        let mut layers = BTreeMap::new();
        let values = vec![0.0; 6];
        let shape = vec![2, 3];
        layers.insert("a.b".to_owned(), Layer { shape, values });
        let weights = Weights {
            file: "w.bin".to_owned(),
            prefix: String::new(),
            layers,
            device: Device::flex(),
        }
        .within(&["x.", "a."], "b");
        let error = weights.tensor("b", [3, 2]).unwrap_err().to_string();
        assert!(
            error.contains("w.bin: the layer a.b has shape [2, 3], expected [3, 2]"),
            "{error}"
        );
        let error = weights.tensor("c", [1]).unwrap_err().to_string();
        assert!(error.contains("no layer a.c"), "{error}");
    }
}
