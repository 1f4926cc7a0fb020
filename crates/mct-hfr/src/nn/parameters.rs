//! A model's parameters by name: how they are saved, loaded and compared.

use std::collections::BTreeMap;

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor, TensorData, Transaction};

use crate::error::{Error, Result};

/// The path in the module tree; the variant names of enums are left out.
#[derive(Default, Debug, Clone)]
pub struct Path(Vec<Option<String>>);

impl Path {
    pub fn enter(&mut self, name: &str, container: &str) {
        let named = !container.starts_with("Enum:");
        self.0.push(named.then(|| name.to_owned()));
    }

    pub fn exit(&mut self) {
        self.0.pop();
    }

    pub fn name(&self) -> String {
        let parts: Vec<&str> = self.0.iter().flatten().map(String::as_str).collect();
        parts.join(".")
    }
}

/// Shapes and values (f32) of parameters, by name.
pub type Values = BTreeMap<String, TensorData>;

#[derive(Default)]
struct Collect {
    path: Path,
    tensors: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        self.tensors
            .push((self.path.name(), shape, tensor.inner().reshape([-1])));
    }
}

/// Reads every parameter in one transaction.
///
/// # Errors
/// When the device fails.
pub async fn read_async<M: Module>(module: &M) -> Result<Values> {
    let mut collect = Collect::default();
    module.visit(&mut collect);
    let mut transaction = Transaction::default();
    for (_, _, tensor) in &collect.tensors {
        transaction = transaction.register(tensor.clone());
    }
    let data = transaction.execute_async().await?;
    let named = collect.tensors.into_iter().zip(data);
    named
        .map(|((name, shape, _), data)| {
            let values = data.convert_dtype(DType::F32).try_into_vec::<f32>();
            let values = values.map_err(|error| Error::Device(format!("{error:?}")))?;
            Ok((name, TensorData::new(values, shape)))
        })
        .collect()
}

/// Reads flat tensors in one transaction.
///
/// # Errors
/// When the device fails.
pub async fn read_flat(named: Vec<(String, Tensor<1>)>) -> Result<Values> {
    let mut transaction = Transaction::default();
    let mut names = Vec::with_capacity(named.len());
    for (name, tensor) in named {
        transaction = transaction.register(tensor);
        names.push(name);
    }
    let data = transaction.execute_async().await?;
    Ok(names.into_iter().zip(data).collect())
}

/// Gives every parameter its value, which burn draws when it is first looked at.
pub fn initialise<M: Module>(module: &M) {
    module.visit(&mut Collect::default());
}

#[derive(Default)]
struct Shapes {
    path: Path,
    found: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().to_vec();
        self.found.insert(self.path.name(), shape);
    }
}

/// Names and shapes of all parameters, which need no values for it.
pub fn shapes<M: Module>(module: &M) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = Shapes::default();
    module.visit(&mut shapes);
    shapes.found
}

/// Whether the parameter of this name is `part`, or within it.
pub fn is_within(name: &str, part: &str) -> bool {
    let part = part.trim_end_matches('.');
    let rest = name.strip_prefix(part);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

struct HoldStatistics<'a> {
    path: Path,
    frozen: &'a [String],
}

impl ModuleMapper for HoldStatistics<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let name = self.path.name();
        match self.frozen.iter().any(|part| is_within(&name, part)) {
            true => flag.with_value(false),
            false => flag,
        }
    }
}

/// Batch norms within one of the parts `frozen` use the statistics they have and no longer count.
pub fn hold_statistics<M: Module>(module: M, frozen: &[String]) -> M {
    module.map(&mut HoldStatistics {
        path: Path::default(),
        frozen,
    })
}

struct Assign<'a> {
    path: Path,
    values: &'a Values,
    device: Device,
}

impl ModuleMapper for Assign<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.values.get(&self.path.name()) else {
            return param;
        };
        let id = param.id;
        let value = Tensor::from_data(data.clone(), &self.device);
        param.transform_for_load(value, id)
    }
}

/// Replaces every parameter by the value of its name, on `device`. Those without values yet need none.
///
/// # Errors
/// When names or shapes differ: all of them are listed.
pub fn assign<M: Module>(module: M, values: &Values, source: &str, device: &Device) -> Result<M> {
    assign_some(module, values, |_| false, source, device)
}

/// As [`assign`], but a parameter whose name `is_optional` may be in the module or the values alone.
///
/// # Errors
/// When other names or shapes differ: all of them are listed.
pub fn assign_some<M: Module>(
    module: M,
    values: &Values,
    is_optional: impl Fn(&str) -> bool,
    source: &str,
    device: &Device,
) -> Result<M> {
    let expected_shapes = shapes(&module);
    let mut differences = Vec::new();
    for (name, shape) in &expected_shapes {
        match values.get(name) {
            None if is_optional(name) => {}
            None => differences.push(format!("{name} {shape:?} is missing")),
            Some(data) if data.shape().to_vec() != *shape => {
                differences.push(format!(
                    "{name} is {:?}, not {shape:?}",
                    data.shape().to_vec()
                ));
            }
            Some(_) => {}
        }
    }
    for name in values
        .keys()
        .filter(|name| !expected_shapes.contains_key(*name) && !is_optional(name))
    {
        differences.push(format!("{name} is not in the model"));
    }
    if !differences.is_empty() {
        let found = differences.join("; ");
        let expected = "the model's parameters";
        return Err(Error::invalid(source, "parameters", found, expected));
    }
    Ok(module.map(&mut Assign {
        path: Path::default(),
        values,
        device: device.clone(),
    }))
}
