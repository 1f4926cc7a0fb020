//! Median time of a training step and of an inference batch, at the sizes of the paper: the same
//! arithmetic as `tests/reference/benchmark.py`, which `tests/reference/benchmark.sh` runs beside it.
//!
//! `cargo run --release --example benchmark -- [DEVICE] [BATCH] [REPEATS]`
#![allow(clippy::print_stdout, reason = "prints its one result")]

use std::time::Instant;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor, TensorData};
use mct_corpus::counter::Stream;
use mct_hfr::config::Config;
use mct_hfr::data::Batch;
use mct_hfr::evaluation::complexity::paper_interface;
use mct_hfr::model::Model;
use mct_hfr::nn::mode::Mode;
use mct_hfr::training::{AdamW, AdamWConfig};
use mct_hfr::{Result, device};

const STEPS: [usize; 3] = [400, 40, 50];

/// Utterances of maximal length, half of whose steps are missing.
fn batch(size: usize, device: &Device) -> Batch {
    let mut stream = Stream::new(&[1]);
    let interface = paper_interface();
    let column = |values: Vec<f32>, steps| {
        Tensor::from_data(TensorData::new(values, [size, steps, 1]), device)
    };
    let (mut features, mut missing, mut valid, mut counts) = (vec![], vec![], vec![], vec![]);
    for (shape, steps) in interface.modalities.iter().zip(STEPS) {
        let count = size * steps * shape.features;
        let values: Vec<f32> = (0..count).map(|_| stream.uniform() as f32 - 0.5).collect();
        let values = TensorData::new(values, [size, steps, shape.features]);
        features.push(Tensor::from_data(values, device));
        let flags: Vec<f32> = (0..size * steps)
            .map(|_| f32::from(stream.uniform() < 0.5))
            .collect();
        counts.push(flags.iter().filter(|flag| **flag > 0.0).count());
        missing.push(column(flags, steps));
        valid.push(column(vec![1.0; size * steps], steps));
    }
    let classes = interface.classes.len();
    let labels: Vec<usize> = (0..size).map(|row| row % classes).collect();
    let targets = labels
        .iter()
        .flat_map(|label| (0..classes).map(move |c| f32::from(c == *label)));
    let targets = TensorData::new(targets.collect::<Vec<f32>>(), [size, classes]);
    Batch {
        features,
        absent: vec![None; STEPS.len()],
        present: None,
        observed: None,
        missing,
        valid,
        lengths: STEPS.iter().map(|steps| vec![*steps; size]).collect(),
        missing_counts: counts,
        targets: Tensor::from_data(targets, device),
        rated: None,
        labels: labels.into_iter().map(Some).collect(),
    }
}

fn median(repeats: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?; // Compiles and tunes kernels.
    let mut seconds = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[repeats / 2])
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let named = device::by_name(&arguments.next().unwrap_or_else(|| "flex".into()))?;
    let mut number = |other| {
        arguments
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(other)
    };
    let (size, repeats) = (number(32), number(5).max(1));
    let mut config = Config::preset("paper")?;
    // The reference has no dropout.
    for probability in [
        &mut config.model.dropout.embedding,
        &mut config.model.dropout.feed_forward,
        &mut config.model.dropout.residual,
        &mut config.model.dropout.classifier,
    ] {
        *probability = 0.0;
    }
    let device = named.device.clone().autodiff();
    let mut model = Model::new(&config.model, &paper_interface(), &[], 1, &device);
    let mut optimizer = AdamW::new(AdamWConfig::new(1e-3));
    let data = batch(size, &device);
    let read = |tensor: Tensor<1>| -> Result<()> {
        // Nothing has been computed before it is asked for.
        pollster::block_on(tensor.into_data_async())?;
        Ok(())
    };
    let train = median(repeats, || {
        let mut mode = Mode::training(1, 0);
        let losses = model.losses(&data, &config.training, true, &mut mode);
        model = optimizer.step(model.clone(), losses.total.backward());
        read(losses.total.inner())?;
        named.device.sync()?;
        Ok(())
    })?;
    let (plain, data) = (model.valid(), batch(size, &named.device));
    let infer = median(repeats, || {
        let view = plain.incomplete(&data, &mut Mode::Evaluation);
        read(view.logits.reshape([-1]))
    })?;
    println!(
        "{{\"train_step_secs\": {train:.3}, \"inference_secs\": {infer:.3}, \"batch\": {size}, \"device\": \"{}\"}}",
        named.name
    );
    Ok(())
}
