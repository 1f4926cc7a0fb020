//! Checkpoints and exported weights: one `.safetensors` file each.
//!
//! Tensors are named `model.NAME` and, where training can resume, `optimizer.m.NAME`,
//! `optimizer.v.NAME` and `average.NAME` (the EMA). The header's entry [`HEADER`] holds everything else:
//! the config, the interface, the state of training, and a SHA-256 of all of it, so that a damaged file
//! is recognised.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, TensorData};
use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::{Config, Interface};
use crate::data::LabelStatistics;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::parameters::{self, Values};
use crate::training::state::State;

/// The header entry that makes a safetensors file a checkpoint.
pub const HEADER: &str = "mct-hfr-checkpoint";
/// Those below 3 leave the extractors and the positions of unknown vectors out of the SHA-256.
const FORMAT_VERSION: u32 = 3;

/// How the weights of the network are stored. Statistics of features and labels are always in f32: features
/// of 1000 that differ by hundredths have no mean in f16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    F32,
    F16,
}

/// Everything a run is, at one moment.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub config: Config,
    pub interface: Interface,
    pub model: Values,
    /// The optimizer's moments; empty where training cannot resume.
    pub optimizer: Values,
    /// The EMA of the weights; empty where there is none.
    pub average: Values,
    pub state: Option<State>,
    /// SHA-256 of the corpus file that it was trained on, where it was kept with one.
    pub corpus: Option<String>,
    /// The file it came from, for messages.
    pub source: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format_version: u32,
    /// TOML, as in the config file of a run. It brings every number back as it was, to the last
    /// bit, which serde_json does not.
    config: String,
    interface: Interface,
    /// TOML too.
    state: Option<String>,
    /// SHA-256 of the corpus file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corpus: Option<String>,
    /// Of all of the above but the version, and of the tensors.
    sha256: String,
}

impl Checkpoint {
    /// The bytes of the file.
    ///
    /// # Errors
    /// When the format cannot hold it.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>> {
        self.to_bytes_of(self.corpus.as_deref(), precision)
    }

    /// The bytes of the file, which say that it was trained on the corpus file of this SHA-256.
    ///
    /// # Errors
    /// When the format cannot hold it.
    pub fn to_bytes_of(&self, corpus: Option<&str>, precision: Precision) -> Result<Vec<u8>> {
        let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
        let groups = [
            ("model", &self.model),
            ("optimizer", &self.optimizer),
            ("average", &self.average),
        ];
        for (group, values) in groups {
            for (name, data) in values {
                let floats = crate::device::floats(data)?;
                let name = format!("{group}.{name}");
                let halves = precision == Precision::F16 && name.starts_with("model.network.");
                let stored = |value: f32| match halves {
                    true => f16::from_f32(value).to_f32(),
                    false => value,
                };
                if let Some(value) = floats.iter().find(|value| !stored(**value).is_finite()) {
                    let expected = match halves {
                        true => "a number of up to 65504, as f16 has",
                        false => "a finite number",
                    };
                    return Err(Error::invalid(&self.source, name, value, expected));
                }
                let (dtype, bytes) = match halves {
                    false => {
                        let bytes = floats.iter().flat_map(|v| v.to_le_bytes()).collect();
                        (Dtype::F32, bytes)
                    }
                    true => {
                        let halves = floats.iter().map(|v| f16::from_f32(*v));
                        (Dtype::F16, halves.flat_map(f16::to_le_bytes).collect())
                    }
                };
                tensors.insert(name, (dtype, data.shape().to_vec(), bytes));
            }
        }
        let unwritable = |error: &dyn std::fmt::Debug| self.unwritable(error);
        let state = self.state.as_ref().map(toml::to_string).transpose();
        let mut header = Header {
            format_version: FORMAT_VERSION,
            config: self.config.to_toml()?,
            interface: self.interface.clone(),
            state: state.map_err(|error| unwritable(&error))?,
            corpus: corpus.map(str::to_owned),
            sha256: String::new(),
        };
        let named = tensors.iter();
        let named = named.map(|(name, (_, _, bytes))| (name.as_str(), &bytes[..]));
        header.sha256 = header.digest(named);
        let json = serde_json::to_string(&header).map_err(|error| self.unwritable(&error))?;
        let mut views = Vec::with_capacity(tensors.len());
        for (name, (dtype, shape, bytes)) in &tensors {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            views.push((name.clone(), view.map_err(|error| self.unwritable(&error))?));
        }
        safetensors::serialize(views, Some(HashMap::from([(HEADER.to_owned(), json)])))
            .map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &dyn std::fmt::Debug) -> Error {
        let found = format!("{error:?}");
        Error::invalid(&self.source, "checkpoint", found, "writable values")
    }

    /// Reads a checkpoint; `source` is its name for messages.
    ///
    /// # Errors
    /// When the file is no checkpoint, of another version, cut or damaged.
    pub fn from_bytes(source: &str, bytes: &[u8]) -> Result<Self> {
        let bad = |field: &str, found: String, expected: &str| {
            Error::invalid(source, field, found, expected)
        };
        let complete = "a complete safetensors file";
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| bad("file", error.to_string(), complete))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|error| bad("file", error.to_string(), complete))?;
        let json = metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(HEADER))
            .ok_or_else(|| bad("header", "none".into(), "a checkpoint of mct-hfr"))?;
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let unreadable =
            |error: serde_json::Error| bad("header", error.to_string(), "a checkpoint's header");
        let version: Version = serde_json::from_str(json).map_err(unreadable)?;
        if !(1..=FORMAT_VERSION).contains(&version.format_version) {
            let (found, expected) = (version.format_version, format!("1 to {FORMAT_VERSION}"));
            return Err(bad("header.format_version", found.to_string(), &expected));
        }
        let header: Header = serde_json::from_str(json).map_err(unreadable)?;
        let config = Config::from_toml(&format!("{source}: header.config"), &header.config)?;
        let state = header
            .state
            .as_deref()
            .map(toml::from_str::<State>)
            .transpose();
        let state = state.map_err(|error| {
            let found = error.to_string();
            bad("header.state", found, "the state of training")
        })?;
        let mut named: Vec<(String, TensorView<'_>)> = tensors.tensors();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let found = header.digest(
            named
                .iter()
                .map(|(name, view)| (name.as_str(), view.data())),
        );
        // A fuzzer would not get behind it.
        if found != header.sha256 && !cfg!(fuzzing) {
            return Err(bad("content", format!("SHA-256 {found}"), &header.sha256));
        }
        let (mut model, mut optimizer, mut average) = (Values::new(), Values::new(), Values::new());
        for (name, view) in named {
            let floats: Vec<f32> = match view.dtype() {
                Dtype::F32 => {
                    let chunks = view.data().as_chunks::<4>().0.iter();
                    chunks.map(|bytes| f32::from_le_bytes(*bytes)).collect()
                }
                Dtype::F16 => {
                    let chunks = view.data().as_chunks::<2>().0.iter();
                    chunks
                        .map(|bytes| f16::from_le_bytes(*bytes).to_f32())
                        .collect()
                }
                other => return Err(bad(&name, format!("{other:?}"), "F32 or F16")),
            };
            if floats.iter().any(|value| !value.is_finite()) {
                return Err(bad(&name, "NaN or infinity".into(), "finite values"));
            }
            let data = TensorData::new(floats, view.shape().to_vec());
            match name.split_once('.') {
                Some(("model", name)) => model.insert(name.to_owned(), data),
                Some(("optimizer", name)) => optimizer.insert(name.to_owned(), data),
                Some(("average", name)) => average.insert(name.to_owned(), data),
                _ => {
                    return Err(bad(
                        &name,
                        "an unknown tensor".into(),
                        "model.*, optimizer.* or average.*",
                    ));
                }
            };
        }
        Ok(Self {
            config,
            interface: header.interface,
            model,
            optimizer,
            average,
            state,
            corpus: header.corpus,
            source: source.to_owned(),
        })
    }

    /// Whether all of its values are finite, as a file's have to be.
    pub(crate) fn is_finite(&self) -> bool {
        let groups = [&self.model, &self.optimizer, &self.average];
        let mut values = groups.into_iter().flat_map(|values| values.values());
        let is_finite = |data: &TensorData| {
            let floats = crate::device::floats(data);
            floats.is_ok_and(|floats| floats.iter().all(|value| value.is_finite()))
        };
        values.all(is_finite)
    }

    /// Whether the model has a prior; those of older versions have none.
    pub(crate) fn has_prior(&self) -> bool {
        self.model.contains_key("prior")
    }

    /// Refuses an interface with other features than the file has vectors for, which bounds how many it can
    /// claim.
    fn require_inputs(&self) -> Result<()> {
        for (index, modality) in self.interface.modalities.iter().enumerate() {
            let name = format!("inputs.{index}.replacement");
            let found = self.model.get(&name).map_or(0, TensorData::num_elements);
            let positions = modality.unknown_positions.unwrap_or(1);
            if modality.features == 0 || modality.features.checked_mul(positions) != Some(found) {
                let expected = format!("{} for each of {positions} positions", modality.features);
                let found = format!("{found} values");
                return Err(Error::invalid(&self.source, &name, found, expected));
            }
        }
        Ok(())
    }

    /// The model of this checkpoint.
    ///
    /// # Errors
    /// When the tensors are not those of the config's model: says which differ.
    pub fn model(&self, device: &Device) -> Result<Model> {
        let system = self.config.model.system;
        system.require(&self.interface, &self.source)?;
        self.require_inputs()?;
        // A file of a few bytes may ask for a model of any size: none is made before all values are there.
        let model = Model::uninitialised(&self.config.model, &self.interface, &[], device);
        let task = self.config.model.task;
        let labels = LabelStatistics::placeholder(task, self.interface.outputs());
        let model = match self.has_prior() {
            true => model.with_labels(&labels, device),
            false => model,
        };
        parameters::assign(model, &self.model, &self.source, device)
    }
}

impl Header {
    /// SHA-256 over the header's own parts, and the names and bytes of the tensors in their order.
    fn digest<'a>(&self, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(self.config.as_bytes());
        part(self.state.as_deref().unwrap_or_default().as_bytes());
        for class in &self.interface.classes {
            part(class.as_bytes());
        }
        for target in &self.interface.targets {
            part(target.name.as_bytes());
            for end in target.range {
                part(&end.to_le_bytes());
            }
        }
        for modality in &self.interface.modalities {
            part(modality.name.as_bytes());
            part(&(modality.features as u64).to_le_bytes());
            if self.format_version > 2 {
                part(modality.extractor.as_deref().unwrap_or_default().as_bytes());
                let positions = modality.unknown_positions.unwrap_or_default();
                part(&(positions as u64).to_le_bytes());
            }
        }
        // Those of older versions have none.
        if let Some(corpus) = &self.corpus {
            part(corpus.as_bytes());
        }
        for (name, bytes) in tensors {
            part(name.as_bytes());
            part(bytes);
        }
        let bytes = hash.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
