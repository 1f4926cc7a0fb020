//! The known-answer test of a device at start-up, and the device that is used after it.
//!
//! Drivers and shader compilers that silently compute wrong numbers are the real risk of training on
//! whatever GPU happens to be there. A small forward and backward pass is compared with the CPU.

use burn::tensor::Device;
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, demo};

use crate::config::{Config, Interface};
use crate::data::Batch;
use crate::device::{self, Named};
use crate::error::Result;
use crate::evaluation::static_masks;
use crate::model::Model;
use crate::nn::mode::Mode;
use crate::nn::parameters;
use crate::training::{AdamW, AdamWConfig};

/// The largest relative deviation from the CPU that still counts as the same answer.
pub const TOLERANCE: f32 = 1e-3;

const STEPS: u64 = 2;
/// A forward pass and an update per step.
const STAGES: u64 = 2 * STEPS;

/// The largest deviation of losses and updated parameters from the CPU's, relative to the largest of
/// them. `progress` is called with the share of the stages that are done, 0 to 1; the first stages of a
/// GPU take by far the longest, since its kernels are compiled.
///
/// # Errors
/// When the device fails.
pub async fn deviation(device: &Device, progress: &mut dyn FnMut(f32)) -> Result<f32> {
    let corpus = demo::generate(1, 0.01)?;
    let mut config = Config::preset("demo")?;
    config.model.d = 16;
    config.model.layers = 1;
    let mut stage = 0;
    let mut next = || {
        stage += 1;
        progress(stage as f32 / STAGES as f32);
    };
    let answered = answer(&corpus, &config, device, &mut next).await?;
    let reference = answer(&corpus, &config, &Device::flex(), &mut || {}).await?;
    let scale = reference.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let pairs = answered.iter().zip(&reference);
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
    device: &Device,
    stage: &mut dyn FnMut(),
) -> Result<Vec<f32>> {
    let autodiff = device.clone().autodiff();
    let interface = Interface::of(corpus, mct_corpus::Task::Classification);
    let mut model = Model::new(&config.model, &interface, &[], 1, &autodiff);
    let mut optimizer = AdamW::new(AdamWConfig::new(1e-3));
    let missing = Missing::uniform(0.3, corpus.modalities.len());
    let masks = |index| Some(static_masks(corpus, &missing, 1, index));
    let batch = Batch::read(corpus, &[0, 1, 2, 3], &config.model, masks, &autodiff);
    let mut out = Vec::new();
    for step in 0..STEPS {
        let mut mode = Mode::training(1, step);
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

/// A device, and why it is not the one that was asked for.
#[derive(Debug, Clone)]
pub struct Choice {
    pub named: Named,
    pub warning: Option<String>,
}

/// The device of this name if it passes its known-answer test, else the CPU. `progress` is called with
/// the share of the test that is done, 0 to 1.
///
/// # Errors
/// When there is no such device: says which there are.
pub async fn choose(name: &str, progress: &mut dyn FnMut(f32)) -> Result<Choice> {
    let named = device::open(name).await?;
    if named.name == device::CPU {
        return Ok(Choice {
            named,
            warning: None,
        });
    }
    let problem = match deviation(&named.device, progress).await {
        Ok(deviation) if deviation <= TOLERANCE => {
            return Ok(Choice {
                named,
                warning: None,
            });
        }
        Ok(deviation) => {
            format!("deviates from the CPU by {deviation:.1e} (at most {TOLERANCE:.0e})")
        }
        Err(error) => format!("fails: {error}"),
    };
    let Named {
        name, description, ..
    } = &named;
    let warning = format!(
        "the known-answer test of {name} ({description}) {problem}; using {} (CPU)",
        device::CPU
    );
    Ok(Choice {
        named: device::cpu(),
        warning: Some(warning),
    })
}
