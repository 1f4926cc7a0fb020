//! AdamW (Loshchilov and Hutter, 2019), with a state that is saved by parameter name.
//!
//! The update of a tensor is burn-optim's. Its `ModuleOptimizer` is not used: it keeps its state by
//! random ids, restores it on the process's default device (which in a browser may not be touched
//! synchronously) and leaves out what it cannot match, where a resumed run must be bit for bit the
//! uninterrupted one.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{AdamWState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::nn::parameters::{self, Path, Values};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Whether biases, norms and other vectors decay too, as in PyTorch.
    pub decay_vectors: bool,
    /// Gradient value clipping: bound on the absolute value of every entry; 0 for none.
    pub clip: f64,
    /// Gradient norm clipping: bound on the norm of all gradients together; 0 for none.
    pub clip_norm: f64,
}

impl AdamWConfig {
    /// PyTorch's defaults.
    pub const fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            weight_decay: 0.01,
            decay_vectors: true,
            clip: 0.0,
            clip_norm: 0.0,
        }
    }
}

/// PyTorch's; burn's default is 1e-5.
const EPSILON: f32 = 1e-8;

/// Moments and number of updates, flat, by parameter name. As in PyTorch the bias correction counts the
/// updates of each parameter, so that one whose first gradient comes late starts like all others.
#[derive(Clone)]
pub struct AdamW {
    config: AdamWConfig,
    update: burn::optim::AdamW,
    /// For parameters that do not decay.
    update_only: burn::optim::AdamW,
    states: BTreeMap<String, AdamWState<1>>,
    /// Sums of the gradients since the last update, flat.
    gradients: BTreeMap<String, Tensor<1>>,
    /// As many.
    accumulated: usize,
    /// The sum of their weights.
    weight: f64,
}

impl AdamW {
    pub fn new(config: AdamWConfig) -> Self {
        let update = |decay: f64| {
            let update = burn::optim::AdamWConfig::new().with_epsilon(EPSILON);
            update.with_weight_decay(decay as f32).build()
        };
        Self {
            update: update(config.weight_decay),
            update_only: update(0.0),
            config,
            states: BTreeMap::new(),
            gradients: BTreeMap::new(),
            accumulated: 0,
            weight: 0.0,
        }
    }

    /// Changes the learning rate from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }

    /// Adds the gradients of a batch, times `weight`, to those since the last update, but for parameters that are, or
    /// are within, one of `frozen`.
    pub fn accumulate<M: Module>(
        &mut self,
        module: &M,
        gradients: Gradients,
        weight: f64,
        frozen: &[String],
    ) {
        self.accumulated += 1;
        self.weight += weight;
        module.visit(&mut Accumulate {
            path: Path::default(),
            sums: &mut self.gradients,
            gradients,
            weight,
            frozen,
        });
    }

    /// How many batches have been added since the last update.
    pub const fn accumulated(&self) -> usize {
        self.accumulated
    }

    /// Updates every parameter that has a gradient, the weighted mean over the batches added, and forgets them; the
    /// others are unchanged.
    pub fn update<M: Module>(&mut self, module: M) -> M {
        let weight = std::mem::take(&mut self.weight);
        if weight != 1.0 {
            for sum in self.gradients.values_mut() {
                *sum = sum.clone().div_scalar(weight);
            }
        }
        self.accumulated = 0;
        if self.config.clip_norm > 0.0 {
            self.clip_norm();
        }
        module.map(&mut Update {
            path: Path::default(),
            optimizer: self,
        })
    }

    /// One update from the gradients of one batch.
    pub fn step<M: Module>(&mut self, module: M, gradients: Gradients) -> M {
        self.accumulate(&module, gradients, 1.0, &[]);
        self.update(module)
    }

    /// Scales all gradients so that their norm is within its bound.
    fn clip_norm(&mut self) {
        let squares = self.gradients.values();
        let squares: Vec<Tensor<1>> = squares
            .map(|gradient| gradient.clone().square().sum())
            .collect();
        if squares.is_empty() {
            return;
        }
        let norm = Tensor::cat(squares, 0).sum().sqrt();
        // PyTorch's small constant.
        let scale = (norm + 1e-6).recip().mul_scalar(self.config.clip_norm);
        let scale = scale.clamp_max(1.0);
        for gradient in self.gradients.values_mut() {
            *gradient = gradient.clone() * scale.clone();
        }
    }

    /// The state as named tensors: the moments `m.NAME` and `v.NAME`, and the number of updates `t.NAME`,
    /// `[1]`.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read_async(&self) -> Result<Values> {
        let moments = self.states.iter().flat_map(|(name, state)| {
            let AdaptiveMomentumState {
                moment_1, moment_2, ..
            } = &state.momentum;
            [
                (format!("m.{name}"), moment_1.clone()),
                (format!("v.{name}"), moment_2.clone()),
            ]
        });
        let mut values = parameters::read_flat(moments.collect()).await?;
        for (name, state) in &self.states {
            let time = TensorData::new(vec![state.momentum.time as f32], [1]);
            values.insert(format!("t.{name}"), time);
        }
        Ok(values)
    }

    /// Restores what [`AdamW::read_async`] has given. A state from before `t.NAME` was kept has updated
    /// every parameter in every one of its `steps`.
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
        let mut states = BTreeMap::new();
        let mut known = 0;
        for (key, moment_1) in values {
            let Some(name) = key.strip_prefix("m.") else {
                continue;
            };
            let field = format!("optimizer state of {name}");
            let size: Option<usize> = shapes.get(name).map(|shape| shape.iter().product());
            let moment_2 = values.get(&format!("v.{name}"));
            let (Some(moment_2), Some(size)) = (moment_2, size) else {
                let expected = "both moments of a parameter of the model";
                return Err(Error::invalid(source, field, "something else", expected));
            };
            if moment_1.num_elements() != size || moment_2.num_elements() != size {
                let found = format!(
                    "{} and {}",
                    moment_1.num_elements(),
                    moment_2.num_elements()
                );
                let expected = format!("{size} values");
                return Err(Error::invalid(source, field, found, expected));
            }
            let time = match values.get(&format!("t.{name}")) {
                None => steps as usize,
                Some(time) => {
                    known += 1;
                    updates(time).ok_or_else(|| {
                        let found = format!("{time:?}");
                        Error::invalid(source, &field, found, "a number of updates, 1 or more")
                    })?
                }
            };
            let flat = |data: &TensorData| Tensor::<1>::from_data(data.clone(), device);
            let momentum = AdaptiveMomentumState::new(time, flat(moment_1), flat(moment_2));
            states.insert(name.to_owned(), AdamWState::new(momentum));
            known += 2;
        }
        if values.len() != known {
            let found = format!("{} tensors", values.len());
            let expected = "two moments and a number of updates per parameter";
            return Err(Error::invalid(source, "optimizer state", found, expected));
        }
        Ok(Self {
            states,
            ..Self::new(config)
        })
    }
}

/// A number of updates, `[1]`.
fn updates(time: &TensorData) -> Option<usize> {
    match time.try_to_vec::<f32>().ok()?.as_slice() {
        [time] if *time >= 1.0 && time.fract() == 0.0 => Some(*time as usize),
        _ => None,
    }
}

struct Accumulate<'a> {
    path: Path,
    sums: &'a mut BTreeMap<String, Tensor<1>>,
    gradients: Gradients,
    weight: f64,
    frozen: &'a [String],
}

impl ModuleVisitor for Accumulate<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = param.val().grad_remove(&mut self.gradients) else {
            return;
        };
        let name = self.path.name();
        if self
            .frozen
            .iter()
            .any(|part| parameters::is_within(&name, part))
        {
            return;
        }
        let mut gradient: Tensor<1> = gradient.reshape([-1]);
        if self.weight != 1.0 {
            gradient = gradient.mul_scalar(self.weight);
        }
        let sum = match self.sums.remove(&name) {
            None => gradient,
            Some(sum) => sum + gradient,
        };
        self.sums.insert(name, sum);
    }
}

struct Update<'a> {
    path: Path,
    optimizer: &'a mut AdamW,
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
        let name = self.path.name();
        let Some(mut gradient) = self.optimizer.gradients.remove(&name) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let AdamW {
            config,
            update,
            update_only,
            states,
            ..
        } = &mut *self.optimizer;
        let shape = tensor.dims();
        if config.clip > 0.0 {
            gradient = gradient.clamp(-config.clip, config.clip);
        }
        let decays = D > 1 || config.decay_vectors;
        let update = if decays { update } else { update_only };
        let state = states.remove(&name);
        let value = tensor.inner().reshape([-1]);
        let (value, state) = update.step(config.learning_rate, value, gradient, state);
        if let Some(state) = state {
            states.insert(name, state);
        }
        let value = Tensor::from_inner(value.reshape(shape)).require_grad();
        Param::from_mapped_value(id, value, mapper)
    }
}
