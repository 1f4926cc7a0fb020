//! Compute devices by name.
//!
//! `flex` is the CPU. A GPU is named by its kind and number: `discrete:0`, `integrated:0`,
//! `virtual:0`. A software rasteriser is named `software` and never chosen by `auto`.

use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{Error, Result};

/// A device with its name and what it is.
#[derive(Debug, Clone)]
pub struct Named {
    pub name: String,
    /// The part's own name, where it tells.
    pub description: String,
    pub device: Device,
}

/// Every device that can be used, hardware GPUs first, then `flex`, then software.
pub fn list() -> Vec<Named> {
    let mut all = gpus();
    let software = all.iter().position(|named| named.name == "software");
    let place = software.unwrap_or(all.len());
    all.insert(place, flex());
    all
}

/// The device of this name; `auto` is the first of [`list`] and so never a software rasteriser
/// before the CPU.
///
/// # Errors
/// When there is no such device: says which there are.
pub fn by_name(name: &str) -> Result<Named> {
    if name == "flex" {
        // Without asking any driver.
        return Ok(flex());
    }
    let all = list();
    let names: Vec<String> = all.iter().map(|named| named.name.clone()).collect();
    let mut all = all.into_iter();
    let found = match name {
        "auto" => all.next(),
        _ => all.find(|named| named.name == name),
    };
    found.ok_or_else(|| {
        let expected = format!("auto or one of {}", names.join(", "));
        Error::invalid("arguments", "--device", name, expected)
    })
}

fn flex() -> Named {
    Named {
        name: "flex".into(),
        description: "CPU".into(),
        device: Device::flex(),
    }
}

#[cfg(feature = "gpu")]
fn gpus() -> Vec<Named> {
    use burn::tensor::DeviceKind;

    let kinds = |index| {
        [
            (format!("discrete:{index}"), DeviceKind::DiscreteGpu(index)),
            (
                format!("integrated:{index}"),
                DeviceKind::IntegratedGpu(index),
            ),
            (format!("virtual:{index}"), DeviceKind::VirtualGpu(index)),
        ]
    };
    let software = ("software".to_owned(), DeviceKind::Cpu);
    let present = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec();
    let candidates = (0..8).flat_map(kinds).chain([software]);
    candidates
        .map(|(name, kind)| (name, Device::wgpu(kind)))
        .filter(|(_, device)| present.contains(device))
        .map(|(name, device)| Named {
            description: device.identity().map_or_else(String::new, |who| who.name),
            name,
            device,
        })
        .collect()
}

#[cfg(not(feature = "gpu"))]
fn gpus() -> Vec<Named> {
    Vec::new()
}

/// The values of a tensor, row by row.
///
/// # Errors
/// When the device fails.
pub(crate) async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    floats(&tensor.into_data_async().await?)
}

/// The values of f32 data.
///
/// # Errors
/// When they are of another type.
pub(crate) fn floats(data: &TensorData) -> Result<Vec<f32>> {
    data.try_to_vec::<f32>()
        .map_err(|error| Error::Device(format!("{error:?}")))
}
