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

const STEPS: u64 = 2;
/// A forward pass and an update, each step.
const STAGES: u64 = 2 * STEPS;

/// The largest deviation of losses and updated parameters from the CPU's, relative to their size.
///
/// # Errors
/// When the device fails.
pub async fn deviation(device: &Device) -> Result<f32> {
    deviation_with(device, &mut |_| {}).await
}

/// [`deviation`] that tells which share of its stages is done. The first stages of a GPU take by far the
/// longest: its kernels are compiled.
///
/// # Errors
/// When the device fails.
pub async fn deviation_with(device: &Device, done: &mut dyn FnMut(f32)) -> Result<f32> {
    let corpus = demo::generate(1, 0.01)?;
    let mut config = Config::preset("demo")?;
    config.model.d = 16;
    config.model.layers = 1;
    let mut stage = 0;
    let mut next = || {
        stage += 1;
        done(stage as f32 / STAGES as f32);
    };
    let own = answer(&corpus, &config, device, &mut next).await?;
    let reference = answer(&corpus, &config, &Device::flex(), &mut || {}).await?;
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
async fn answer(
    corpus: &Corpus,
    config: &Config,
    on: &Device,
    stage: &mut dyn FnMut(),
) -> Result<Vec<f32>> {
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
    for step in 0..STEPS {
        let mut mode = Mode::Training(Noise::new(1, step));
        let losses = model.losses(&batch, &config.training, true, &mut mode);
        out.extend(device::read(losses.total.clone().inner()).await?);
        stage();
        let gradients = losses.total.backward();
        model = optimizer.step(model, gradients);
        // Waits for the step.
        parameters::read_async(&model).await?;
        stage();
    }
    for data in parameters::read_async(&model).await?.values() {
        out.extend(device::floats(data)?);
    }
    Ok(out)
}
