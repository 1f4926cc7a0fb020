//! The model against the PyTorch reference of `tests/reference`: every intermediate that the paper
//! names, every loss, every gradient, and three AdamW steps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::{Device, Tensor};
use mct_hfr::config::PoolingKind;
use mct_hfr::noise::{Mode, Noise};
use mct_hfr::optimizer::{AdamW, AdamWConfig};
use mct_hfr::parameters;
use support::{Fixture, deviation, floats, gradients, software};

const ALL: [&str; 14] = [
    "paper",
    "released",
    "no_balance",
    "no_extrapolation",
    "standardize",
    "final_norm",
    "smooth_l1",
    "cosine",
    "jsd",
    "one_modality",
    "two_modalities",
    "mct",
    "mct_gfa",
    "mct_lfi",
];

/// Collects what deviates, so that a failure shows all of it.
struct Comparison {
    name: String,
    tolerance: f32,
    wrong: Vec<String>,
    compared: usize,
}

impl Comparison {
    fn new(name: &str, tolerance: f32) -> Self {
        Self {
            name: name.to_owned(),
            tolerance,
            wrong: Vec::new(),
            compared: 0,
        }
    }

    fn check(&mut self, what: &str, found: &[f32], expected: &[f32]) {
        self.check_within(1.0, what, found, expected);
    }

    /// Within so many times the tolerance.
    fn check_within(&mut self, times: f32, what: &str, found: &[f32], expected: &[f32]) {
        self.compared += 1;
        let deviation = deviation(found, expected);
        if deviation > times * self.tolerance {
            self.wrong.push(format!("{what}: {deviation:.1e}"));
        }
    }

    fn finish(self, at_least: usize) {
        let Self {
            name,
            wrong,
            compared,
            ..
        } = self;
        assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n  "));
        assert!(
            compared >= at_least,
            "{name}: only {compared} tensors were compared"
        );
    }
}

/// Values of a tensor over time with padding set to zero, as in the fixtures.
fn unpadded(tensor: &Tensor<3>, real: &[bool]) -> Vec<f32> {
    let width = tensor.dims()[2];
    let mut values = floats(&tensor.clone().into_data());
    for (row, real) in values.chunks_mut(width).zip(real) {
        if !real {
            row.fill(0.0);
        }
    }
    values
}

/// Without dropout; the released classifier then uses batch statistics, as in the fixtures.
fn mode() -> Mode {
    Mode::Training(Noise::new(1, 0))
}

fn outputs_and_losses(name: &str, device: &Device, tolerance: f32) {
    let fixture = Fixture::read(name);
    let mut compare = Comparison::new(name, tolerance);
    let device = device.clone().autodiff();
    let (model, batch) = (fixture.model(&device), fixture.batch(&device));
    let expected = |key: &str| floats(&fixture.tensors[key]);
    let view = model.incomplete(&batch, &mut mode());
    let imagined = model.imagine(&view, &batch, &mut mode());
    let config = &fixture.config.model;
    for m in 0..batch.features.len() {
        let real = fixture.real_steps(m);
        let mut over_time = |kind: &str, tensor: &Tensor<3>| {
            let found = unpadded(tensor, &real);
            compare.check(kind, &found, &expected(&format!("out/{kind}.{m}")));
        };
        over_time("unimodal", &view.convolved[m]);
        over_time("embedded", &view.embedded[m]);
        for n in 0..config.layers {
            over_time(&format!("layer.{n}"), &view.layers[n][m]);
        }
        if let Some(imagined) = &imagined {
            over_time("decoded", &imagined[m]);
        }
        let pooled = floats(&view.pooled[m].clone().into_data());
        compare.check("pooled", &pooled, &expected(&format!("out/pooled.{m}")));
    }
    compare.check(
        "logits",
        &floats(&view.logits.into_data()),
        &expected("out/logits"),
    );
    if config.gfa {
        let view = model.complete(&batch, &mut mode());
        let logits = floats(&view.logits.into_data());
        compare.check("complete.logits", &logits, &expected("out/complete.logits"));
    }
    let losses = model.losses(&batch, &fixture.config.training, true, &mut mode());
    let terms = [
        ("loss/total", Some(losses.total.clone())),
        ("loss/ce", Some(losses.classification)),
        ("loss/ce_complete", losses.complete),
        ("loss/distance", losses.distance),
        ("loss/lfi", losses.imagination),
    ];
    for (key, loss) in terms {
        assert_eq!(
            loss.is_some(),
            fixture.tensors.contains_key(key),
            "{name}: {key}"
        );
        if let Some(loss) = loss {
            compare.check(key, &floats(&loss.into_data()), &expected(key));
        }
    }
    let found = gradients(&model, &losses.total.backward());
    let expected = fixture.under("grad/");
    for (parameter, expected) in &expected {
        let expected = floats(expected);
        let gradient = found.get(parameter).map(floats);
        // Exactly zero in theory: a shift of all keys of a softmax changes nothing.
        if expected.iter().all(|x| x.abs() < 1e-7) {
            let small = gradient.is_none_or(|gradient| gradient.iter().all(|x| x.abs() < 1e-5));
            assert!(small, "{name}: gradient of {parameter} is not zero");
            continue;
        }
        let gradient = gradient.unwrap_or_else(|| panic!("{name}: no gradient of {parameter}"));
        // Rounding adds up on the way back through the decoders.
        compare.check_within(
            5.0,
            &format!("gradient of {parameter}"),
            &gradient,
            &expected,
        );
    }
    assert!(
        found
            .keys()
            .all(|parameter| expected.contains_key(parameter)),
        "{name}"
    );
    compare.finish(50);
}

#[test]
fn outputs_losses_and_gradients_agree_on_the_cpu() {
    for name in ALL {
        outputs_and_losses(name, &Device::flex(), 1e-5);
    }
}

#[test]
fn three_adamw_steps_agree_on_the_cpu() {
    adamw(&Device::flex(), 1e-5);
}

fn adamw(device: &Device, tolerance: f32) {
    let fixture = Fixture::read("paper");
    let mut compare = Comparison::new("adamw", tolerance);
    let device = device.clone().autodiff();
    let (mut model, batch) = (fixture.model(&device), fixture.batch(&device));
    let mut optimizer = AdamW::new(AdamWConfig {
        learning_rate: 1e-3,
        weight_decay: 0.01,
        clip: 0.0,
    });
    for step in 1..=3 {
        let losses = model.losses(&batch, &fixture.config.training, true, &mut mode());
        model = optimizer.step(model, losses.total.backward());
        let found = pollster::block_on(parameters::read_async(&model)).unwrap();
        for (parameter, expected) in fixture.under(&format!("adamw/{step}/")) {
            // The gradient is zero in theory; AdamW makes whole steps of its rounding.
            if parameter.starts_with("lfi.") && parameter.ends_with("key.bias") {
                continue;
            }
            compare.check(
                &format!("step {step} of {parameter}"),
                &floats(&found[&parameter]),
                &floats(&expected),
            );
        }
    }
    compare.finish(300);
}

/// The GPU path, on a software rasteriser where there is no GPU. One fixture of each recipe: every
/// shape costs a compilation of its kernels.
#[test]
fn outputs_losses_and_gradients_agree_on_the_gpu_path() {
    let Some(device) = software() else { return };
    for name in ["paper", "released"] {
        outputs_and_losses(name, &device, 1e-3);
    }
}

#[test]
fn the_released_fixture_has_the_released_parts() {
    let config = Fixture::read("released").config.model;
    assert_eq!(config.pooling, PoolingKind::GatedGru);
    assert!(config.scaled_input && config.outer_residual && config.gfa_symmetric);
}
