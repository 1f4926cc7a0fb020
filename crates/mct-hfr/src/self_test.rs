//! A known answer at start-up: a small forward and backward pass on a device against the CPU.
//!
//! Drivers and shader compilers that silently compute wrong numbers are the real risk of training
//! on any GPU that happens to be there.

use burn::tensor::Device;
use mct_corpus::{Corpus, demo};

use crate::batch::Batch;
use crate::config::{Config, Interface};
use crate::device;
use crate::error::Result;
use crate::evaluate::static_masks;
use crate::model::Model;
use crate::noise::{Mode, Noise};
use crate::optimizer::{AdamW, AdamWConfig};
use crate::parameters;
use mct_corpus::missing::Missing;

/// The largest relative deviation from the CPU that still counts as the same answer.
pub const TOLERANCE: f32 = 1e-3;

/// The largest deviation of losses and updated parameters from the CPU's, relative to their size.
///
/// # Errors
/// When the device fails.
pub async fn deviation(device: &Device) -> Result<f32> {
    let corpus = demo::generate(1, 0.01)?;
    let mut config = Config::preset("demo")?;
    config.model.d = 16;
    config.model.layers = 1;
    let own = answer(&corpus, &config, device).await?;
    let reference = answer(&corpus, &config, &Device::flex()).await?;
    let scale = reference.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let pairs = own.iter().zip(&reference);
    let worst = pairs.fold(0.0f32, |worst, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_nan() {
            f32::INFINITY
        } else {
            worst.max(difference)
        }
    });
    Ok(worst / scale)
}

/// The losses of two steps and the parameters after them.
async fn answer(corpus: &Corpus, config: &Config, on: &Device) -> Result<Vec<f32>> {
    let on = on.clone().autodiff();
    let interface = Interface::of(corpus);
    let mut model = Model::new(&config.model, &interface, &[], 1, &on);
    let mut optimizer = AdamW::new(AdamWConfig {
        learning_rate: 1e-3,
        weight_decay: 0.01,
        clip: 0.0,
    });
    let missing = Missing::uniform(0.3, corpus.modalities.len());
    let masks = |index| Some(static_masks(corpus, &missing, 1, index));
    let batch = Batch::read(corpus, &[0, 1, 2, 3], &config.model, masks, &on);
    let mut out = Vec::new();
    for step in 0..2 {
        let mut mode = Mode::Training(Noise::new(1, step));
        let losses = model.losses(&batch, &config.training, true, &mut mode);
        out.extend(device::read(losses.total.clone().inner()).await?);
        model = optimizer.step(model, losses.total.backward());
    }
    for data in parameters::read_async(&model).await?.values() {
        out.extend(device::floats(data)?);
    }
    Ok(out)
}
