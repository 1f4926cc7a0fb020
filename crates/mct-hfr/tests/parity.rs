//! The model against the PyTorch reference of `tests/reference`: every intermediate that the paper
//! names, every loss, every gradient, and three AdamW steps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor};
use mct_hfr::config::{Config, ModelConfig, PoolingKind, System, Term};
use mct_hfr::nn::mode::Mode;
use mct_hfr::nn::parameters;
use mct_hfr::training::{AdamW, AdamWConfig};
use support::{Fixture, deviation, floats, full_name, gradients, software};

const ALL: [&str; 24] = [
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
    "mult",
    "misa",
    "pmr",
    "chfn",
    "tfr_net",
    "emt_dlfr",
    "cmd_bounded",
    "distilled",
    "distilled_both",
    "query_positions",
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
    Mode::training(1, 0)
}

fn outputs_and_losses(name: &str, device: &Device, tolerance: f32) {
    let fixture = Fixture::read(name);
    let mut compare = Comparison::new(name, tolerance);
    let device = device.clone().autodiff();
    let (model, batch) = (fixture.model(&device), fixture.batch(&device));
    let expected = |key: &str| floats(&fixture.tensors[key]);
    let view = model.incomplete(&batch, &mut mode());
    let imagined = model.imagine(&view, &batch, &mut mode());
    let system = fixture.config.model.system;
    let real: Vec<Vec<bool>> = (0..batch.features.len())
        .map(|m| fixture.real_steps(m))
        .collect();
    let mut over_time = |kind: &str, tensors: &[Tensor<3>]| {
        for (m, tensor) in tensors.iter().enumerate() {
            let found = match real.get(m) {
                // CHFN's words are the last modality.
                _ if system == System::Chfn && kind.starts_with("layer") => {
                    unpadded(tensor, &real[real.len() - 1])
                }
                Some(real) => unpadded(tensor, real),
                None if system == System::Pmr => unpadded(tensor, &fixture.real_hub_steps()),
                None => floats(&tensor.clone().into_data()),
            };
            compare.check(kind, &found, &expected(&format!("out/{kind}.{m}")));
        }
    };
    over_time("unimodal", &view.convolved);
    over_time("embedded", &view.embedded);
    if system != System::Misa {
        for (n, layer) in view.layers.iter().take(fixture.layers()).enumerate() {
            over_time(&format!("layer.{n}"), layer);
        }
    }
    over_time("decoded", &imagined.unwrap_or_default());
    for (m, pooled) in view.pooled.iter().enumerate() {
        let pooled = floats(&pooled.clone().into_data());
        compare.check("pooled", &pooled, &expected(&format!("out/pooled.{m}")));
    }
    compare.check(
        "logits",
        &floats(&view.logits.into_data()),
        &expected("out/logits"),
    );
    if fixture.tensors.contains_key("out/complete.logits") {
        let view = model.complete(&batch, &mut mode());
        let logits = floats(&view.logits.into_data());
        compare.check("complete.logits", &logits, &expected("out/complete.logits"));
    }
    let losses = model.losses(&batch, &fixture.config.training, true, &mut mode());
    compare.check(
        "loss/total",
        &floats(&losses.total.clone().into_data()),
        &expected("loss/total"),
    );
    for (term, key) in [
        (Term::Classification, "loss/ce"),
        (Term::Complete, "loss/ce_complete"),
        (Term::Distance, "loss/distance"),
        (Term::Imagination, "loss/lfi"),
        (Term::Reconstruction, "loss/reconstruction"),
        (Term::Attraction, "loss/attraction"),
        (Term::Similarity, "loss/similarity"),
        (Term::Difference, "loss/difference"),
    ] {
        let loss = losses.terms.get(&term);
        assert_eq!(
            loss.is_some(),
            fixture.tensors.contains_key(key),
            "{name}: {key}"
        );
        if let Some(loss) = loss {
            compare.check(key, &floats(&loss.clone().into_data()), &expected(key));
        }
    }
    let found = gradients(&model, &losses.total.backward());
    let expected = fixture.under("grad/");
    let all = expected.values().flat_map(floats);
    let largest = all.fold(0.0f32, |most, x| most.max(x.abs()));
    for (parameter, expected) in &expected {
        let expected = floats(expected);
        let gradient = found.get(&full_name(parameter)).map(floats);
        // Exactly zero in theory: a shift of all keys of a softmax changes nothing.
        if expected.iter().all(|x| x.abs() < 1e-7) {
            let small = gradient.is_none_or(|gradient| gradient.iter().all(|x| x.abs() < 1e-5));
            assert!(small, "{name}: gradient of {parameter} is not zero");
            continue;
        }
        let gradient = gradient.unwrap_or_else(|| panic!("{name}: no gradient of {parameter}"));
        // Rounding adds up on the way back, and what is small beside the largest gradient is a sum
        // of larger parts that nearly cancel.
        let own_largest = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let times = 5.0 * (0.01 * largest / own_largest).max(1.0);
        let what = format!("gradient of {parameter}");
        compare.check_within(times, &what, &gradient, &expected);
    }
    let known: BTreeSet<String> = expected.keys().map(|name| full_name(name)).collect();
    assert!(
        found.keys().all(|parameter| known.contains(parameter)),
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
    adamw("paper", &[true; 3], &Device::flex(), 1e-5);
}

/// PyTorch corrects the bias of the moments by the updates of each parameter.
#[test]
fn adamw_steps_of_parameters_whose_gradient_comes_late_agree_on_the_cpu() {
    let auxiliary = [false, false, true, true, true];
    adamw("adamw_late", &auxiliary, &Device::flex(), 1e-5);
}

/// One step per entry of `auxiliary`, with or without the auxiliary losses.
fn adamw(name: &str, auxiliary: &[bool], device: &Device, tolerance: f32) {
    let fixture = Fixture::read(name);
    let mut compare = Comparison::new(name, tolerance);
    let device = device.clone().autodiff();
    let (mut model, batch) = (fixture.model(&device), fixture.batch(&device));
    let mut optimizer = AdamW::new(AdamWConfig::new(1e-3));
    for (step, auxiliary) in auxiliary.iter().enumerate() {
        let training = &fixture.config.training;
        let losses = model.losses(&batch, training, *auxiliary, &mut mode());
        model = optimizer.step(model, losses.total.backward());
        let found = pollster::block_on(parameters::read_async(&model)).unwrap();
        for (parameter, expected) in fixture.under(&format!("adamw/{}/", step + 1)) {
            // The gradient is zero in theory; AdamW makes whole steps of its rounding.
            if parameter.starts_with("lfi.") && parameter.ends_with("attention.key.bias") {
                continue;
            }
            compare.check(
                &format!("step {} of {parameter}", step + 1),
                &floats(&found[&full_name(&parameter)]),
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
    for name in ["paper", "released", "tfr_net", "emt_dlfr"] {
        outputs_and_losses(name, &device, 1e-3);
    }
}

#[test]
fn the_released_fixture_has_the_released_parts() {
    let config = Fixture::read("released").config.model;
    assert_eq!(config.pooling, PoolingKind::GatedGru);
    assert!(config.scaled_input && config.outer_residual && config.gfa_symmetric);
    // What is compared with PyTorch is what the preset is made of.
    let preset = Config::preset("released").unwrap().model;
    let structure = |model: &ModelConfig| {
        let mut table = toml::Table::try_from(model).unwrap();
        for size in [
            "d",
            "heads",
            "layers",
            "decoder_layers",
            "modality",
            "dropout",
        ] {
            table.remove(size);
        }
        table
    };
    assert_eq!(structure(&preset), structure(&config));
    // The released code has these, and no dropout of the attention of vision.
    let [audio, vision] = ["audio", "vision"].map(|name| preset.modality[name]);
    assert_eq!((preset.dropout.attention, preset.dropout.outer), (0.1, 0.1));
    assert_eq!(
        (audio.attention_dropout, vision.attention_dropout),
        (None, Some(0.0))
    );
    assert!(
        config
            .modality
            .values()
            .any(|own| own.attention_dropout.is_some())
    );
}
