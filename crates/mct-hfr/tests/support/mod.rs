//! What the tests of this crate share: fixtures, devices, small corpora.
#![allow(dead_code)]

pub mod runs;

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use mct_hfr::config::{Config, InputShape, Interface, MaxSteps, ModalityConfig, PredictorKind};
use mct_hfr::data::Batch;
use mct_hfr::model::Model;
use mct_hfr::nn::parameters::{self, Path, Values};
use safetensors::{Dtype, SafeTensors};

pub fn fixtures() -> PathBuf {
    // Asked at run time: a target folder may have been filled from another checkout.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    PathBuf::from(package).join("../../tests/fixtures")
}

/// The software rasteriser, on which the GPU path runs without a GPU. `None`, said loudly, where
/// there is none; with `MCT_HFR_REQUIRE_GPU` set that is a failure.
pub fn software() -> Option<Device> {
    match mct_hfr::device::by_name("software") {
        Ok(named) if named.description.contains("SwiftShader") => Some(named.device),
        other => {
            let found = other.map_or_else(|error| error.to_string(), |named| named.description);
            let message = format!("SKIPPED: the GPU path needs SwiftShader; found {found}");
            assert!(
                std::env::var_os("MCT_HFR_REQUIRE_GPU").is_none(),
                "{message}"
            );
            eprintln!("\n*** {message} ***\n");
            None
        }
    }
}

/// A fixture of `tests/reference`.
pub struct Fixture {
    pub config: Config,
    pub tensors: BTreeMap<String, TensorData>,
    lengths: Vec<Vec<usize>>,
    labels: Vec<usize>,
    interface: Interface,
}

impl Fixture {
    pub fn read(name: &str) -> Self {
        let bytes = std::fs::read(fixtures().join(format!("parity/{name}.safetensors"))).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let text = &metadata.metadata().as_ref().unwrap()["config"];
        let own: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut tensors = BTreeMap::new();
        let mut whole: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (name, view) in file.tensors() {
            let shape = view.shape().to_vec();
            if view.dtype() == Dtype::I64 {
                let chunks = view.data().as_chunks::<8>().0.iter();
                let values = chunks.map(|bytes| i64::from_le_bytes(*bytes) as usize);
                whole.insert(name, (shape, values.collect()));
            } else {
                assert_eq!(view.dtype(), Dtype::F32, "{name}");
                let chunks = view.data().as_chunks::<4>().0.iter();
                let values: Vec<f32> = chunks.map(|bytes| f32::from_le_bytes(*bytes)).collect();
                tensors.insert(name, TensorData::new(values, shape));
            }
        }
        let (shape, flat) = &whole["lengths"];
        let modalities = shape[1];
        let lengths = (0..modalities).map(|m| flat.chunks(modalities).map(|row| row[m]).collect());
        let (config, interface) = translate(&own);
        Self {
            lengths: lengths.collect(),
            labels: whole["labels"].1.clone(),
            config,
            interface,
            tensors,
        }
    }

    /// The tensors whose name starts so, without that start.
    pub fn under(&self, start: &str) -> Values {
        let named = self.tensors.iter();
        named
            .filter_map(|(name, data)| Some((name.strip_prefix(start)?.to_owned(), data.clone())))
            .collect()
    }

    pub fn model(&self, device: &Device) -> Model {
        let model = Model::new(&self.config.model, &self.interface, &[], 1, device);
        let weights = self.under("weight/").into_iter();
        let weights = weights
            .map(|(name, data)| (full_name(&name), data))
            .collect();
        parameters::assign(model, &weights, "fixture", device).unwrap()
    }

    pub fn batch(&self, device: &Device) -> Batch {
        let (batch, classes) = (self.labels.len(), self.interface.classes.len());
        let mut targets = vec![0.0f32; batch * classes];
        for (row, label) in self.labels.iter().enumerate() {
            targets[row * classes + label] = 1.0;
        }
        let modalities = 0..self.lengths.len();
        let tensor = |data: &TensorData| Tensor::<3>::from_data(data.clone(), device);
        let missing = |m: usize| &self.tensors[&format!("missing/{m}")];
        let valid = |m: usize| {
            let steps = missing(m).shape()[1];
            let rows = self.lengths[m].iter();
            let flags = rows.flat_map(|length| (0..steps).map(move |t| f32::from(t < *length)));
            let flags: Vec<f32> = flags.collect();
            Tensor::from_data(TensorData::new(flags, [batch, steps, 1]), device)
        };
        Batch {
            features: modalities
                .clone()
                .map(|m| tensor(&self.tensors[&format!("input/{m}")]))
                .collect(),
            absent: vec![None; self.lengths.len()],
            present: None,
            observed: None,
            missing: modalities
                .clone()
                .map(|m| Tensor::<2>::from_data(missing(m).clone(), device).unsqueeze_dim(2))
                .collect(),
            valid: modalities.clone().map(valid).collect(),
            missing_counts: modalities
                .map(|m| {
                    floats(missing(m))
                        .iter()
                        .filter(|flag| **flag > 0.0)
                        .count()
                })
                .collect(),
            lengths: self.lengths.clone(),
            targets: Tensor::from_data(TensorData::new(targets, [batch, classes]), device),
            rated: None,
            labels: self.labels.iter().copied().map(Some).collect(),
        }
    }

    /// The same for all modalities end to end.
    pub fn real_hub_steps(&self) -> Vec<bool> {
        let modalities: Vec<Vec<bool>> = (0..self.lengths.len())
            .map(|m| self.real_steps(m))
            .collect();
        let batch = self.labels.len();
        let row = |flags: &Vec<bool>, b: usize| {
            let steps = flags.len() / batch;
            flags[b * steps..(b + 1) * steps].to_vec()
        };
        (0..batch)
            .flat_map(|b| modalities.iter().flat_map(move |flags| row(flags, b)))
            .collect()
    }

    /// How many stages of a view the fixture has.
    pub fn layers(&self) -> usize {
        (0..)
            .take_while(|n| self.tensors.contains_key(&format!("out/layer.{n}.0")))
            .count()
    }

    /// 1 at real steps of modality `m`, `[batch][step]` flat.
    pub fn real_steps(&self, m: usize) -> Vec<bool> {
        let steps = self.tensors[&format!("missing/{m}")].shape()[1];
        let rows = self.lengths[m].iter();
        rows.flat_map(|length| (0..steps).map(move |t| t < *length))
            .collect()
    }
}

/// The reference names the parameters of networks without saying so.
pub fn full_name(name: &str) -> String {
    if name.starts_with("inputs.") {
        name.to_owned()
    } else {
        format!("network.{name}")
    }
}

/// The reference's configuration as this crate's.
fn translate(own: &serde_json::Value) -> (Config, Interface) {
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    let flag = |key: &str| own[key].as_bool().unwrap();
    let mut config = Config::preset("paper").unwrap();
    let model = &mut config.model;
    model.d = number(&own["d"]);
    model.heads = number(&own["heads"]);
    model.layers = number(&own["layers"]);
    model.decoder_layers = number(&own["decoder_layers"]);
    model.system = serde_json::from_value(own["system"].clone()).unwrap();
    model.balance = flag("balance");
    model.extrapolation = flag("extrapolation");
    model.standardize = flag("standardize");
    model.scaled_input = flag("scaled_input");
    model.outer_residual = flag("outer_residual");
    model.final_norm = flag("final_norm");
    model.gfa_symmetric = flag("gfa_symmetric");
    model.pooling = serde_json::from_value(own["pooling"].clone()).unwrap();
    model.classifier = serde_json::from_value(own["classifier"].clone()).unwrap();
    model.alignment = serde_json::from_value(own["alignment"].clone()).unwrap();
    model.distance = serde_json::from_value(own["distance"].clone()).unwrap();
    model.positions = serde_json::from_value(own["positions"].clone()).unwrap();
    model.predictor = serde_json::from_value(own["predictor"].clone()).unwrap();
    model.queries = serde_json::from_value(own["queries"].clone()).unwrap();
    let dropout = &mut model.dropout;
    for probability in [
        &mut dropout.embedding,
        &mut dropout.attention,
        &mut dropout.feed_forward,
        &mut dropout.residual,
        &mut dropout.classifier,
    ] {
        *probability = 0.0;
    }
    config.training.alpha = own["alpha"].as_f64().unwrap();
    config.training.beta = own["beta"].as_f64().unwrap();
    let mut modalities = Vec::new();
    let is_released = model.predictor == PredictorKind::Bottleneck;
    for (m, dim) in own["dims"].as_array().unwrap().iter().enumerate() {
        let name = own["names"][m].as_str().unwrap().to_owned();
        let settings = ModalityConfig {
            kernel: number(&own["kernels"][m]),
            max_steps: MaxSteps::Most(number(&own["max_steps"][m])),
            // None at all, but by the way of the released code: a modality's own.
            attention_dropout: (is_released && m == 1).then_some(1e-9),
        };
        model.modality.insert(name.clone(), settings);
        let features = number(dim);
        modalities.push(InputShape {
            name,
            features,
            extractor: None,
            unknown_positions: None,
        });
    }
    let classes = (0..number(&own["classes"]))
        .map(|class| format!("c{class}"))
        .collect();
    (
        config,
        Interface {
            modalities,
            classes,
            targets: Vec::new(),
        },
    )
}

pub fn floats(data: &TensorData) -> Vec<f32> {
    data.try_to_vec::<f32>().unwrap()
}

/// The largest difference, relative to the largest of what is expected.
pub fn deviation(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-12f32, |most, x| most.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0f32, |most, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_nan() {
            f32::INFINITY
        } else {
            most.max(difference)
        }
    }) / scale
}

struct Collect<'a> {
    path: Path,
    gradients: &'a Gradients,
    found: Values,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if !tensor.is_require_grad() {
            return;
        }
        if let Some(gradient) = tensor.grad(self.gradients) {
            self.found.insert(self.path.name(), gradient.into_data());
        }
    }
}

/// The gradient of every parameter that has one, by name.
pub fn gradients(model: &Model, gradients: &Gradients) -> Values {
    let mut collect = Collect {
        path: Path::default(),
        gradients,
        found: Values::new(),
    };
    model.visit(&mut collect);
    collect.found
}
