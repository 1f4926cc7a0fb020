//! Compute devices by name.
//!
//! `flex` is the CPU. A GPU is named by its kind and number: `discrete:0`, `integrated:0`,
//! `virtual:0`; a browser has one, `webgpu`. A software rasteriser is named `software` and never chosen
//! by `auto`.

pub use burn::tensor::Device;
use burn::tensor::{Tensor, TensorData};

use crate::error::{Error, Result};

/// The name of the CPU.
pub const CPU: &str = "flex";

/// A device with its name and what it is.
#[derive(Debug, Clone)]
pub struct Named {
    pub name: String,
    /// The part's own name, where it tells.
    pub description: String,
    pub device: Device,
}

/// Whether this is the CPU without gradients: where evaluation may take short cuts.
pub(crate) fn is_plain_cpu(device: &Device) -> bool {
    // Devices are equal with and without gradients.
    !device.is_autodiff() && *device == Device::flex()
}

pub(crate) fn cpu() -> Named {
    Named {
        name: CPU.into(),
        description: "CPU".into(),
        device: Device::flex(),
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::{by_name, list};

/// The device of this name, native or in a browser.
///
/// # Errors
/// When there is no such device: says which there are.
#[cfg(not(target_arch = "wasm32"))]
pub async fn open(name: &str) -> Result<Named> {
    by_name(name)
}

#[cfg(target_arch = "wasm32")]
pub use web::open;

/// Devices are enumerated, and come up when they are first used.
#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::{CPU, Named, cpu};
    use crate::error::{Error, Result};

    /// Every device that can be used, hardware GPUs first, then `flex`, then software.
    pub fn list() -> Vec<Named> {
        let mut all = gpus();
        let software = all.iter().position(|named| named.name == "software");
        let place = software.unwrap_or(all.len());
        all.insert(place, cpu());
        all
    }

    /// The device of this name; `auto` is the first of [`list`] and so never a software rasteriser
    /// before the CPU.
    ///
    /// # Errors
    /// When there is no such device: says which there are.
    pub fn by_name(name: &str) -> Result<Named> {
        if name == CPU {
            // Without asking any driver.
            return Ok(cpu());
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

    #[cfg(feature = "gpu")]
    fn gpus() -> Vec<Named> {
        use burn::tensor::{Device, DeviceKind};

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
}

/// A browser has at most one GPU to offer, and has to be asked for it and waited for.
#[cfg(target_arch = "wasm32")]
mod web {
    use super::{CPU, Named, cpu};
    use crate::error::{Error, Result};

    /// The device of this name. `auto` is the GPU where it is not software.
    ///
    /// # Errors
    /// [`Error::Device`] when the browser offers no GPU, now; [`Error::Invalid`] for another name.
    pub async fn open(name: &str) -> Result<Named> {
        match name {
            CPU => Ok(cpu()),
            "auto" => Ok(match webgpu().await.map_err(Error::Device)? {
                (named, false) => named,
                // A rasteriser in disguise is slower than the CPU itself.
                (_, true) => cpu(),
            }),
            "webgpu" => {
                let (named, _) = webgpu().await.map_err(Error::Device)?;
                Ok(named)
            }
            other => Err(Error::invalid(
                "page",
                "device",
                other,
                "auto, webgpu or flex",
            )),
        }
    }

    /// The browser's GPU, and whether it is software.
    #[cfg(feature = "gpu")]
    async fn webgpu() -> Result<(Named, bool), String> {
        use burn::tensor::Device;
        use burn::tensor::wgpu::wgpu::DeviceType;

        let options = Device::wgpu_options();
        let asked = options.init_with_setup_async().await;
        let (device, setup) = asked.map_err(|error| format!("WebGPU: {error}"))?;
        let info = setup.adapter.get_info();
        let software = info.device_type == DeviceType::Cpu;
        let named = Named {
            name: "webgpu".into(),
            description: info.name,
            device,
        };
        Ok((named, software))
    }

    #[cfg(not(feature = "gpu"))]
    async fn webgpu() -> Result<(Named, bool), String> {
        Err("WebGPU: not built in".into())
    }
}

/// Whether the device still computes. One that was lost does not, and never will again.
pub async fn answers(device: &Device) -> bool {
    let two = Tensor::<1>::from_floats([1.0], device) + 1.0;
    matches!(read(two).await.as_deref(), Ok([2.0]))
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
