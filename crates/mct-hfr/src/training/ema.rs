//! An exponential moving average (EMA) of the weights (Polyak and Juditsky, 1992), which validation and
//! the best checkpoint use where it is switched on: with few validation speakers the scores of single
//! epochs are mostly noise.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::Result;
use crate::nn::parameters::{self, Path, Values};

/// The moving average of every parameter, flat, by name.
#[derive(Debug, Clone)]
pub struct Ema {
    decay: f64,
    values: BTreeMap<String, Tensor<1>>,
}

impl Ema {
    /// `decay` is the weight of the past per update.
    pub fn new(decay: f64) -> Self {
        Self {
            decay,
            values: BTreeMap::new(),
        }
    }

    /// Updates with the model after update number `count`, from 1.
    pub fn update<M: Module>(&mut self, model: &M, count: u64) {
        // Early on there is little past, and it begins with random weights.
        let warm = (1 + count) as f64 / (10 + count) as f64;
        model.visit(&mut Update {
            path: Path::default(),
            decay: self.decay.min(warm),
            ema: self,
        });
    }

    /// The plain copy of `model` with averaged weights.
    pub fn apply<M: Module>(&self, model: &M) -> M {
        model.valid().map(&mut Apply {
            path: Path::default(),
            ema: self,
        })
    }

    /// The averages as named tensors.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read_async(&self) -> Result<Values> {
        let values = self.values.iter();
        let named = values.map(|(name, value)| (name.clone(), value.clone()));
        parameters::read_flat(named.collect()).await
    }

    /// Restores what [`Ema::read_async`] has given; it is empty before the first step.
    pub fn restore(decay: f64, values: &Values, device: &Device) -> Self {
        let tensor = |data: &TensorData| Tensor::from_data(data.clone(), device);
        let values = values.iter();
        Self {
            decay,
            values: values
                .map(|(name, data)| (name.clone(), tensor(data)))
                .collect(),
        }
    }
}

struct Update<'a> {
    path: Path,
    decay: f64,
    ema: &'a mut Ema,
}

impl ModuleVisitor for Update<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value: Tensor<1> = param.val().inner().reshape([-1]);
        let name = self.path.name();
        let value = match self.ema.values.remove(&name) {
            None => value,
            // In this form what is frozen stays as it is to the last bit.
            Some(past) => past.clone() + (value - past).mul_scalar(1.0 - self.decay),
        };
        self.ema.values.insert(name, value);
    }
}

struct Apply<'a> {
    path: Path,
    ema: &'a Ema,
}

impl ModuleMapper for Apply<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let value = match self.ema.values.get(&self.path.name()) {
            None => tensor,
            Some(average) => average.clone().reshape(shape),
        };
        Param::from_mapped_value(id, value, mapper)
    }
}
