//! AdamW (Loshchilov and Hutter, 2019), with a state that can be saved by parameter name.
//!
//! burn's optimiser keeps its state by random parameter ids, restores it on the process's default
//! device (which in a browser may not be touched synchronously) and leaves out what it cannot
//! match. A resumed run must be bit for bit the uninterrupted one, so the state is kept here, by
//! name and on the parameter's own device.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::nn::parameters::{self, Path, Values};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Bound on the size of every gradient value; 0 for none.
    pub clip: f64,
}

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// First and second moments, flat, by parameter name.
#[derive(Debug, Clone)]
pub struct AdamW {
    config: AdamWConfig,
    steps: u64,
    moments: BTreeMap<String, (Tensor<1>, Tensor<1>)>,
}

impl AdamW {
    pub fn new(config: AdamWConfig) -> Self {
        Self {
            config,
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// Changes the learning rate from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }

    /// Updates every parameter that has a gradient; the others stay as they are.
    pub fn step<M: Module>(&mut self, module: M, gradients: Gradients) -> M {
        self.steps += 1;
        module.map(&mut Update {
            path: Path::default(),
            optimizer: self,
            gradients,
        })
    }

    /// The state as named tensors: `m.NAME` and `v.NAME`.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read_async(&self) -> Result<Values> {
        let both = self.moments.iter().flat_map(|(name, (m, v))| {
            [
                (format!("m.{name}"), m.clone()),
                (format!("v.{name}"), v.clone()),
            ]
        });
        parameters::read_flat(both.collect()).await
    }

    /// Takes back what [`AdamW::read_async`] gave.
    ///
    /// # Errors
    /// When a moment lacks its other half, or the state names parameters that are not in `shapes`.
    pub fn restore(
        config: AdamWConfig,
        steps: u64,
        values: &Values,
        shapes: &BTreeMap<String, Vec<usize>>,
        source: &str,
        device: &Device,
    ) -> Result<Self> {
        let mut moments = BTreeMap::new();
        for (key, m) in values {
            let Some(name) = key.strip_prefix("m.") else {
                continue;
            };
            let field = format!("optimizer state of {name}");
            let size: Option<usize> = shapes.get(name).map(|shape| shape.iter().product());
            let v = values.get(&format!("v.{name}"));
            let (Some(v), Some(size)) = (v, size) else {
                let expected = "both moments of a parameter of the model";
                return Err(Error::invalid(source, field, "something else", expected));
            };
            if m.num_elements() != size || v.num_elements() != size {
                let found = format!("{} and {}", m.num_elements(), v.num_elements());
                return Err(Error::invalid(
                    source,
                    field,
                    found,
                    format!("{size} values"),
                ));
            }
            let flat = |data: &TensorData| Tensor::<1>::from_data(data.clone(), device);
            moments.insert(name.to_owned(), (flat(m), flat(v)));
        }
        if values.len() != 2 * moments.len() {
            let found = format!("{} tensors", values.len());
            let expected = "two per parameter";
            return Err(Error::invalid(source, "optimizer state", found, expected));
        }
        Ok(Self {
            config,
            steps,
            moments,
        })
    }
}

struct Update<'a> {
    path: Path,
    optimizer: &'a mut AdamW,
    gradients: Gradients,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = tensor.grad_remove(&mut self.gradients) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let AdamW {
            config,
            steps,
            moments,
        } = &mut *self.optimizer;
        let shape = tensor.dims();
        let value = tensor.inner();
        let mut gradient: Tensor<1> = gradient.reshape([-1]);
        if config.clip > 0.0 {
            gradient = gradient.clamp(-config.clip, config.clip);
        }
        let first = gradient.clone().mul_scalar(1.0 - BETA_1);
        let second = gradient.square().mul_scalar(1.0 - BETA_2);
        let name = self.path.name();
        let (m, v) = match moments.remove(&name) {
            Some((m, v)) => (m.mul_scalar(BETA_1) + first, v.mul_scalar(BETA_2) + second),
            None => (first, second),
        };
        let time = *steps as f64;
        let rate = config.learning_rate / (1.0 - BETA_1.powf(time));
        let root = (1.0 - BETA_2.powf(time)).sqrt();
        let denominator = v.clone().sqrt().div_scalar(root).add_scalar(EPSILON);
        let change = (m.clone().mul_scalar(rate) / denominator).reshape(shape);
        let decay = 1.0 - config.learning_rate * config.weight_decay;
        let value = value.mul_scalar(decay) - change;
        moments.insert(name, (m, v));
        let value = Tensor::from_inner(value).require_grad();
        Param::from_mapped_value(id, value, mapper)
    }
}
