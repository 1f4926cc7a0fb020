//! Gradients against central differences, for every parameter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::{Device, TensorData};
use mct_corpus::missing::Missing;
use mct_corpus::{Target, Task, demo};
use mct_hfr::config::{Alignment, Config, Interface, RegressionLoss, System, TrainingConfig};
use mct_hfr::data::Batch;
use mct_hfr::evaluation::static_masks;
use mct_hfr::model::Model;
use mct_hfr::nn::mode::Mode;
use mct_hfr::nn::parameters::{self, Values};
use support::runs::{model, small_config};
use support::{Fixture, floats, gradients};

/// Along its own gradient the loss must rise by the gradient's norm.
fn check(name: &str, model: &Model, batch: &Batch, training: &TrainingConfig, auxiliary: bool) {
    let device = batch.targets.device();
    let loss = |model: &Model| {
        let mut mode = Mode::training(1, 0);
        model.losses(batch, training, auxiliary, &mut mode).total
    };
    let values = pollster::block_on(parameters::read_async(model)).unwrap();
    let found = gradients(model, &loss(model).backward());
    let mut checked = 0;
    for (parameter, gradient) in &found {
        let gradient = floats(gradient);
        let squares = gradient.iter().map(|g| f64::from(*g).powi(2));
        let norm = squares.sum::<f64>().sqrt();
        if norm < 1e-2 {
            continue;
        }
        // Larger steps cross the kinks of the ReLUs, smaller ones drown in single precision.
        let step = 1e-3;
        let loss_along = |sign: f64| {
            let mut moved: Values = values.clone();
            let point = floats(&values[parameter]);
            let pairs = point.iter().zip(&gradient);
            let along =
                pairs.map(|(x, g)| (f64::from(*x) + sign * step * f64::from(*g) / norm) as f32);
            let shape = values[parameter].shape().to_vec();
            let along = TensorData::new(along.collect::<Vec<f32>>(), shape);
            moved.insert(parameter.clone(), along);
            let model = parameters::assign(model.clone(), &moved, "test", &device).unwrap();
            let loss = loss(&model);
            let value = f64::from(floats(&loss.clone().into_data())[0]);
            // The graph of a loss is kept until it is walked back.
            drop(loss.backward());
            value
        };
        let slope = (loss_along(1.0) - loss_along(-1.0)) / (2.0 * step);
        let error = (slope - norm).abs();
        assert!(
            error < 0.03 * norm + 1e-3,
            "{name}: {parameter}: {slope} against {norm}"
        );
        checked += 1;
    }
    let all = found.len();
    assert!(3 * checked > all, "{name}: only {checked} of {all} checked");
}

#[test]
fn every_gradient_is_the_slope_of_the_loss() {
    let device = Device::flex().autodiff();
    // MISA and EMT-DLFR hold parts of their own losses still, which differences cannot do.
    for (name, auxiliary) in [
        ("paper", true),
        ("final_norm", true),
        ("jsd", true),
        ("mct_lfi", true),
        ("mult", true),
        ("pmr", true),
        ("chfn", true),
        ("tfr_net", true),
        ("misa", false),
        ("emt_dlfr", false),
    ] {
        let fixture = Fixture::read(name);
        let (model, batch) = (fixture.model(&device), fixture.batch(&device));
        check(name, &model, &batch, &fixture.config.training, auxiliary);
    }
}

/// The released recipe holds the targets of GFA still, which differences cannot do: there the
/// classification alone is looked at, with the parts that only that recipe has.
#[test]
fn the_released_recipes_gradients_are_the_slope_of_the_classification() {
    let device = Device::flex().autodiff();
    let corpus = demo::generate(3, 0.02).unwrap();
    let mut config = Config::preset("released").unwrap();
    config.model.d = 8;
    config.model.layers = 1;
    let dropout = &mut config.model.dropout;
    for probability in [
        &mut dropout.embedding,
        &mut dropout.attention,
        &mut dropout.feed_forward,
        &mut dropout.residual,
        &mut dropout.classifier,
    ] {
        *probability = 0.0;
    }
    let model = Model::new(
        &config.model,
        &Interface::of(&corpus, Task::Classification),
        &[],
        1,
        &device,
    );
    let missing = Missing::uniform(0.3, corpus.modalities.len());
    let masks = |index| Some(static_masks(&corpus, &missing, 1, index));
    let indices: Vec<usize> = (0..12).collect();
    let batch = Batch::read(&corpus, &indices, &config.model, masks, &device);
    check("released", &model, &batch, &config.training, false);
}

/// The loss of intensities, of which some are not rated.
#[test]
fn the_gradients_of_the_losses_of_intensities_are_their_slopes() {
    let device = Device::flex().autodiff();
    let mut corpus = demo::generate(3, 0.02).unwrap();
    corpus.metadata.targets = ["valence", "arousal"].map(scale).to_vec();
    for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
        let value = (index % 7) as f32 - 3.0;
        utterance.targets = vec![Some(value), (index % 3 > 0).then_some(value / 2.0)];
    }
    for loss in [RegressionLoss::L1, RegressionLoss::Mse] {
        let mut config = small_config(System::MctHfr).with_task(Task::Regression);
        config.training.regression_loss = loss;
        // The slope of a loss with a stop-gradient is not its gradient: see the parity fixtures.
        config.model.alignment = Alignment::JointVectors;
        config.model.gfa_symmetric = false;
        for probability in [
            &mut config.model.dropout.embedding,
            &mut config.model.dropout.feed_forward,
            &mut config.model.dropout.residual,
            &mut config.model.dropout.classifier,
        ] {
            *probability = 0.0;
        }
        let model = model(&corpus, &config, &device);
        let missing = Missing::uniform(0.3, corpus.modalities.len());
        let masks = |index| Some(static_masks(&corpus, &missing, 1, index));
        let indices: Vec<usize> = (0..12).collect();
        let batch = Batch::read(&corpus, &indices, model.config(), masks, &device);
        check(&format!("{loss:?}"), &model, &batch, &config.training, true);
    }
}

fn scale(name: &str) -> Target {
    Target {
        name: name.to_owned(),
        range: [-3.0, 3.0],
    }
}
