//! What the window asks of the graphics card.

use std::sync::Arc;

use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup};

/// The usual configuration, but for textures: as large as the card has them, where others ask for 8192 and get
/// no device from a card that ends at 4096.
pub fn configuration() -> WgpuConfiguration {
    let mut configuration = WgpuConfiguration::default();
    if let WgpuSetup::CreateNew(setup) = &mut configuration.wgpu_setup {
        let usual = Arc::clone(&setup.device_descriptor);
        setup.device_descriptor = Arc::new(move |adapter| {
            let mut descriptor = usual(adapter);
            let side = &mut descriptor.required_limits.max_texture_dimension_2d;
            *side = (*side).min(adapter.limits().max_texture_dimension_2d);
            descriptor
        });
    }
    configuration
}
