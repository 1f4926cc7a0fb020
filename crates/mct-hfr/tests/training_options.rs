//! Every option of training does what it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::Device;
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, Target, Task, demo};
use mct_hfr::config::{
    Alignment, ClassWeights, ClassifierKind, Config, Distance, Interface, Schedule, Select,
    Strategy, System, Term, TrainingConfig,
};
use mct_hfr::data::{Batch, FeatureStatistics};
use mct_hfr::evaluation::static_masks;
use mct_hfr::model::Model;
use mct_hfr::nn::mode::Mode;
use mct_hfr::nn::parameters::{self, Values};
use mct_hfr::training::{
    AdamW, AdamWConfig, Event, FinishReason, Trainer, left_out, remarks, unscaled,
};
use support::floats;
use support::runs::{Recorder, model, small_config};

fn corpus() -> Corpus {
    demo::generate(1, 0.05).unwrap()
}

fn values(model: &Model) -> Values {
    pollster::block_on(parameters::read_async(model)).unwrap()
}

/// A trained model, and the events of its training.
fn train(corpus: &Corpus, config: &Config, stop_after: usize) -> (Values, Recorder) {
    let mut trainer = Trainer::new(corpus, config.clone(), &Device::flex()).unwrap();
    let mut recorder = Recorder::new(stop_after);
    pollster::block_on(trainer.run(&mut recorder)).unwrap();
    let last = recorder.last.as_ref().expect("a checkpoint");
    (last.model.clone(), recorder)
}

fn batch(corpus: &Corpus, config: &Config, indices: &[usize], device: &Device) -> Batch {
    let missing = Missing::uniform(0.3, corpus.modalities.len());
    let all: Vec<usize> = (0..corpus.len()).collect();
    let of_model = config.model.clone().with_steps_of(corpus, &all);
    let masks = |index| Some(static_masks(corpus, &missing, 1, index));
    Batch::read(corpus, indices, &of_model, masks, device)
}

fn squares(values: &Values, start: &str) -> f64 {
    let named = values.iter().filter(|(name, _)| name.starts_with(start));
    named
        .flat_map(|(_, data)| floats(data))
        .map(|value| f64::from(value).powi(2))
        .sum()
}

#[test]
fn frozen_parameters_stay_as_they_were() {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    let start = Trainer::new(&corpus, config.clone(), &Device::flex());
    let start = values(&start.unwrap().model());
    config.training.freeze = vec![
        "network.unimodal".to_owned(),
        "network.layers.0.units.1".to_owned(),
    ];
    let (trained, _) = train(&corpus, &config, usize::MAX);
    let (mut still, mut moved) = (0, 0);
    for (name, before) in &start {
        let frozen = config
            .training
            .freeze
            .iter()
            .any(|start| name.starts_with(start));
        let same = floats(before) == floats(&trained[name]);
        if frozen {
            assert!(same, "{name}");
            still += 1;
        } else if name.starts_with("network.") {
            moved += usize::from(!same);
        }
    }
    assert!(still > 10 && moved > 20, "{still} {moved}");
    config.training.freeze = vec!["network.encoder".to_owned()];
    let error = Trainer::new(&corpus, config, &Device::flex())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("network.encoder") && error.contains("a part that holds some"),
        "{error}"
    );
}

/// A training that would train nothing, or freeze nothing, is none.
#[test]
fn freezing_everything_or_what_is_never_trained_is_refused() {
    let corpus = corpus();
    let refused = |names: &[&str]| {
        let mut config = small_config(System::Mct);
        config.model.classifier = ClassifierKind::Released;
        config.training.freeze = names.iter().map(|name| (*name).to_owned()).collect();
        let error = Trainer::new(&corpus, config, &Device::flex()).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    for everything in [
        &["network"][..],
        &[
            "network.unimodal",
            "network.layers",
            "network.pooling",
            "network.classifier",
        ],
    ] {
        let error = refused(everything);
        assert!(error.contains("some parameters left to train"), "{error}");
    }
    for statistic in ["inputs", "prior", "network.classifier.norm.running_mean"] {
        let error = refused(&[statistic]);
        assert!(
            error.contains(statistic) && error.contains("a trained parameter"),
            "{error}"
        );
    }
    assert_eq!(refused(&["network.classifier.norm"]), "");
}

/// Also in the best weights, which are an average.
#[test]
fn an_average_of_what_is_frozen_is_what_it_was() {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    config.training.epochs = 3;
    config.training.average = 0.99;
    config.training.freeze = vec!["network.unimodal".to_owned()];
    let start = Trainer::new(&corpus, config.clone(), &Device::flex());
    let start = values(&start.unwrap().model());
    let (_, recorder) = train(&corpus, &config, usize::MAX);
    let best = recorder.best.unwrap().model;
    let is_frozen =
        |name: &&String| !name.starts_with("network.") || name.starts_with("network.unimodal");
    let frozen: Vec<&String> = start.keys().filter(is_frozen).collect();
    assert!(frozen.len() > 10);
    for name in frozen {
        assert_eq!(floats(&best[name]), floats(&start[name]), "{name}");
    }
}

/// The average begins with little past, counted in updates.
#[test]
fn an_average_counts_updates_and_not_their_batches() {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    config.training.average = 0.99;
    config.training.accumulate = 3;
    let count = Trainer::new(&corpus, config.clone(), &Device::flex());
    let count = count.unwrap().fold().train.len();
    config.training.batch_size = count.div_ceil(9);
    let (_, second) = train(&corpus, &config, 1);
    let second = second.last.unwrap();
    assert_eq!(second.state.as_ref().unwrap().step, 6);
    let (trained, third) = train(&corpus, &config, usize::MAX);
    let third = third.last.unwrap().average;
    for (name, found) in &third {
        let past = floats(&second.average[name]);
        let pairs = past.iter().zip(floats(&trained[name]));
        // A weight of (1 + 3) / (10 + 3) of the past.
        let expected = pairs.map(|(past, now)| past + (now - past) * (9.0 / 13.0));
        let deviation = support::deviation(&floats(found), &expected.collect::<Vec<f32>>());
        assert!(deviation < 1e-5, "{name}: {deviation}");
    }
    assert!(third.len() > 30);
}

/// MCT first, its reconstruction later, and back.
#[test]
fn mct_and_mct_hfr_start_from_each_other() {
    let corpus = corpus();
    let (_, recorder) = train(&corpus, &small_config(System::Mct), 2);
    let of_mct = recorder.last.unwrap();
    let start = |config: Config, weights| {
        let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
        let fresh = values(&trainer.model());
        trainer.start_from(weights)?;
        let mut recorder = Recorder::new(1);
        let started = values(&trainer.model());
        pollster::block_on(trainer.run(&mut recorder)).unwrap();
        Ok::<_, mct_hfr::Error>((fresh, started, recorder))
    };
    let said = |recorder: &Recorder| format!("{:?}", recorder.events);
    let (fresh, started, events) = start(small_config(System::MctHfr), &of_mct).unwrap();
    assert!(said(&events).contains("no network.lfi, which starts from random values"));
    assert!(
        !said(&events).contains("network.gfa"),
        "predictions are aligned without it"
    );
    let mut own = 0;
    for (name, value) in started
        .iter()
        .filter(|(name, _)| name.starts_with("network."))
    {
        let from = match name.starts_with("network.lfi.") {
            true => &fresh,
            false => &of_mct.model,
        };
        own += usize::from(name.starts_with("network.lfi."));
        assert_eq!(value, &from[name], "{name}");
    }
    assert!(own > 10);
    let of_hfr = events.last.unwrap();
    let (_, started, events) = start(small_config(System::Mct), &of_hfr).unwrap();
    assert!(!said(&events).contains("random"));
    assert_eq!(
        started["network.classifier.output.bias"],
        of_hfr.model["network.classifier.output.bias"]
    );
    // What both have must be there.
    let mut torn = of_hfr.clone();
    torn.model
        .retain(|name, _| !name.starts_with("network.lfi."));
    let error = start(small_config(System::MctHfr), &torn).err().unwrap();
    assert!(error.to_string().contains("is missing"), "{error}");
    let error = start(small_config(System::Pmr), &of_mct).err().unwrap();
    let expected = "config.model.system: found mct, expected pmr";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn large_features_that_are_not_standardised_are_said() {
    let mut config = small_config(System::Mct);
    config.model.standardize = false;
    let corpus = corpus();
    let said = |config: &Config, size: f32| {
        let interface = Interface::of(&corpus, config.model.task);
        let of = |features: usize| FeatureStatistics {
            mean: vec![0.6 * size; features],
            deviation: vec![0.8 * size; features],
            unknown: None,
        };
        let shapes = interface.modalities.iter();
        let statistics: Vec<_> = shapes.map(|shape| of(shape.features)).collect();
        unscaled(&interface, &config.model, &statistics).join("; ")
    };
    let found = said(&config, 300.0);
    assert!(
        found.contains("audio: features have a root mean square of 300"),
        "{found}"
    );
    assert_eq!(said(&config, 3.0), "");
    config.model.standardize = true;
    assert_eq!(said(&config, 300.0), "");
}

#[test]
fn a_part_is_frozen_whole_with_its_statistics_and_without_others_of_like_names() {
    let corpus = corpus();
    let mut config = small_config(System::MctHfr);
    config.model.classifier = ClassifierKind::Released;
    config.model.layers = 11;
    config.training.epochs = 1;
    let free = train(&corpus, &config, usize::MAX).0;
    config.training.freeze = vec![
        "network.classifier".to_owned(),
        "network.layers.1".to_owned(),
    ];
    let start = Trainer::new(&corpus, config.clone(), &Device::flex());
    let start = values(&start.unwrap().model());
    let trained = train(&corpus, &config, usize::MAX).0;
    let moved = |of: &Values, name: &str| floats(&of[name]) != floats(&start[name]);
    for statistic in ["running_mean", "running_var"] {
        let name = format!("network.classifier.norm.{statistic}");
        assert!(moved(&free, &name) && !moved(&trained, &name), "{name}");
    }
    let any = |part: &str| {
        let mut names = start.keys().filter(|name| name.starts_with(part));
        names.any(|name| moved(&trained, name))
    };
    assert!(!any("network.layers.1.") && any("network.layers.10."));
}

/// Also where they are not of one size, as the last batch of an epoch.
#[test]
fn accumulated_batches_are_one_of_all_their_utterances() {
    let corpus = corpus();
    let config = small_config(System::Mct);
    let device = Device::flex().autodiff();
    let gradients = |model: &Model, indices: &[usize]| {
        let batch = batch(&corpus, &config, indices, &device);
        // Without dropout.
        let losses = model.losses(&batch, &config.training, true, &mut Mode::Evaluation);
        losses.total.backward()
    };
    let start = model(&corpus, &config, &device);
    let adamw = || {
        AdamW::new(AdamWConfig {
            // The bound is of the mean, not of the sum.
            clip_norm: 0.1,
            ..AdamWConfig::new(1e-2)
        })
    };
    for parts in [[&[0, 1, 2][..], &[3, 4, 5]], [&[0, 1, 2, 3, 4], &[5]]] {
        let mut optimizer = adamw();
        for indices in parts {
            let weight = indices.len() as f64 / parts[0].len() as f64;
            optimizer.accumulate(&start, gradients(&start, indices), weight, &[]);
        }
        assert_eq!(optimizer.accumulated(), 2);
        optimizer.update(start.clone());
        let mut whole = adamw();
        whole.step(start.clone(), gradients(&start, &[0, 1, 2, 3, 4, 5]));
        let moments = |optimizer: &AdamW| pollster::block_on(optimizer.read_async()).unwrap();
        let (found, expected) = (moments(&optimizer), moments(&whole));
        let first = |name: &&String| name.starts_with("m.");
        for name in found.keys().filter(first) {
            // Zero in theory.
            if !name.ends_with("attention.key.bias") {
                let deviation = support::deviation(&floats(&found[name]), &floats(&expected[name]));
                assert!(deviation < 1e-4, "{name}: {deviation}");
            }
        }
        assert!(found.keys().filter(first).count() > 30);
    }
}

/// The trainer gives the last batch of an epoch, which is smaller, the weight of its utterances.
#[test]
fn a_small_batch_weighs_less_in_an_accumulated_update() {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    config.model.dropout.embedding = 0.0;
    config.model.dropout.feed_forward = 0.0;
    config.model.dropout.residual = 0.0;
    config.model.dropout.classifier = 0.0;
    config.training.strategy = Strategy::Complete;
    config.training.average = 0.0;
    let count = Trainer::new(&corpus, config.clone(), &Device::flex());
    let count = count.unwrap().fold().train.len();
    let moments = |batch_size: usize, accumulate: usize| {
        let mut config = config.clone();
        config.training.batch_size = batch_size;
        config.training.accumulate = accumulate;
        let (_, recorder) = train(&corpus, &config, usize::MAX);
        recorder.last.unwrap().optimizer
    };
    // All in one update: as one batch, or as two of which the second has one utterance.
    let (whole, parts) = (moments(count, 1), moments(count - 1, 2));
    let mut compared = 0;
    for (name, expected) in &whole {
        if name.starts_with("m.") && !name.ends_with("attention.key.bias") {
            let deviation = support::deviation(&floats(&parts[name]), &floats(expected));
            assert!(deviation < 1e-3, "{name}: {deviation}");
            compared += 1;
        }
    }
    assert!(compared > 30);
}

#[test]
fn an_epoch_with_accumulation_is_resumed_to_the_same_numbers() {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    config.training.accumulate = 3;
    let (whole, _) = train(&corpus, &config, usize::MAX);
    let (_, stopped) = train(&corpus, &config, 1);
    let stopped = stopped.last.unwrap();
    // At the update after the one at which it was asked, of three batches each.
    assert_eq!(stopped.state.as_ref().unwrap().step, 6);
    let mut resumed = Trainer::resume(&corpus, &stopped, &Device::flex()).unwrap();
    let mut recorder = Recorder::new(usize::MAX);
    pollster::block_on(resumed.run(&mut recorder)).unwrap();
    assert_eq!(recorder.last.unwrap().model, whole);
    config.training.accumulate = 1;
    assert_ne!(train(&corpus, &config, usize::MAX).0, whole);
}

#[test]
fn the_norm_of_all_gradients_is_bounded() {
    let corpus = corpus();
    let config = small_config(System::Mct);
    let device = Device::flex().autodiff();
    let start = model(&corpus, &config, &device);
    let norm = |clip_norm: f64| {
        let batch = batch(&corpus, &config, &[0, 1, 2, 3], &device);
        let losses = start.losses(&batch, &config.training, true, &mut Mode::Evaluation);
        let mut optimizer = AdamW::new(AdamWConfig {
            clip_norm,
            ..AdamWConfig::new(1e-3)
        });
        optimizer.step(start.clone(), losses.total.backward());
        let state = pollster::block_on(optimizer.read_async()).unwrap();
        // The first moment is a tenth of the first gradient.
        10.0 * squares(&state, "m.").sqrt()
    };
    let free = norm(0.0);
    assert!(free > 0.2, "{free}");
    assert!((norm(0.1) - 0.1).abs() < 1e-3, "{}", norm(0.1));
    assert!((norm(2.0 * free) - free).abs() < 1e-6 * free);
}

#[test]
fn vectors_may_be_left_out_of_the_decay() {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    config.training.weight_decay = 0.5;
    config.training.learning_rate = 0.02;
    let gains = |decay_vectors: bool, config: &mut Config| {
        config.training.decay_vectors = decay_vectors;
        let (trained, _) = train(&corpus, config, usize::MAX);
        let of = |part: &str| {
            let named = trained.iter().filter(|(name, _)| name.contains(part));
            named
                .map(|(_, data)| squares(&Values::from([(String::new(), data.clone())]), ""))
                .sum::<f64>()
        };
        (of("norm_attention.gamma"), of("query.weight"))
    };
    let (with, weights_with) = gains(true, &mut config);
    let (without, weights_without) = gains(false, &mut config);
    assert!(without > 1.2 * with, "{without} {with}");
    assert!((weights_with / weights_without - 1.0).abs() < 0.2);
}

/// A step without a gradient takes the decay from every parameter, or from those that are no vectors.
#[test]
fn neither_gains_nor_biases_are_decayed_where_vectors_are_left_out() {
    let corpus = corpus();
    let config = small_config(System::Mct);
    let device = Device::flex().autodiff();
    let start = model(&corpus, &config, &device);
    let batch = batch(&corpus, &config, &[0, 1, 2, 3], &device);
    let before = values(&start);
    for decay_vectors in [true, false] {
        let mut optimizer = AdamW::new(AdamWConfig {
            decay_vectors,
            weight_decay: 0.5,
            ..AdamWConfig::new(0.1)
        });
        let losses = start.losses(&batch, &config.training, true, &mut Mode::Evaluation);
        let gradients = losses.total.mul_scalar(0.0).backward();
        let after = values(&optimizer.step(start.clone(), gradients));
        let (mut vectors, mut others) = (0, 0);
        for (name, data) in &before {
            // Statistics, which are not trained.
            if name.starts_with("inputs.") || name == "prior" {
                continue;
            }
            let vector = data.shape().num_dims() == 1;
            let share = if vector && !decay_vectors { 1.0 } else { 0.95 };
            for (before, after) in floats(data).into_iter().zip(floats(&after[name])) {
                assert!(
                    (after - share * before).abs() <= 1e-6 * before.abs(),
                    "{name}"
                );
            }
            *(if vector { &mut vectors } else { &mut others }) += 1;
        }
        assert!(vectors > 20 && others > 20, "{vectors} {others}");
    }
}

/// The paper's CMD has no factor of scale, and aligns the joint vectors.
#[test]
fn the_papers_alignment_is_that_of_its_presets() {
    for name in ["paper", "released", "table4"] {
        let model = Config::preset(name).unwrap().model;
        assert_eq!(model.distance, Distance::Cmd, "{name}");
        assert_eq!(model.alignment, Alignment::JointVectors, "{name}");
    }
}

/// A corpus in which one class has few utterances.
fn uneven() -> Corpus {
    let mut corpus = corpus();
    let mut kept = 0;
    for utterance in &mut corpus.utterances {
        if utterance.label == Some(0) {
            kept += 1;
            utterance.label = Some(usize::from(kept % 5 != 0));
        }
    }
    corpus
}

/// A config whose training moves no weight.
fn still(system: System) -> Config {
    let mut config = small_config(system);
    config.training.learning_rate = 1e-30;
    config.training.final_learning_rate = 1e-30;
    config.training.weight_decay = 0.0;
    config.training.average = 0.0;
    config
}

#[test]
fn the_validation_loss_is_one_whatever_the_batches() {
    let loss = |corpus: &Corpus, config: &Config| {
        let (_, recorder) = train(corpus, config, usize::MAX);
        recorder.last.unwrap().state.unwrap().history[0].validation_loss
    };
    let mut config = still(System::Mct);
    config.training.class_weights = ClassWeights::Balanced;
    let corpus = uneven();
    let mut rated = Config::preset("demo").unwrap();
    rated = rated.with_task(Task::Regression);
    rated.model.d = 16;
    rated.model.layers = 1;
    rated.training = TrainingConfig {
        class_weights: ClassWeights::Equal,
        epochs: 1,
        select: Select::Loss,
        ..config.training.clone()
    };
    let mut intensities = corpus.clone();
    intensities.metadata.targets = ["valence", "arousal"]
        .map(|name| Target {
            name: name.into(),
            range: [-1.0, 1.0],
        })
        .to_vec();
    for (index, utterance) in intensities.utterances.iter_mut().enumerate() {
        let second = (index % 3 == 0).then_some(0.5 - (index % 7) as f32 / 7.0);
        utterance.targets = vec![Some((index % 5) as f32 / 5.0), second];
    }
    for (corpus, mut config) in [(corpus, config), (intensities, rated)] {
        let of = |size: usize, config: &mut Config| {
            config.training.batch_size = size;
            loss(&corpus, config)
        };
        let (large, small) = (of(64, &mut config), of(3, &mut config));
        assert!((large / small - 1.0).abs() < 1e-4, "{large} {small}");
    }
}

/// How far the weights move in two epochs, as a sum of squares.
fn way(change: impl FnOnce(&mut Config)) -> (f64, Values) {
    let corpus = corpus();
    let mut config = still(System::Mct);
    config.training.epochs = 2;
    let (start, _) = train(&corpus, &config, usize::MAX);
    config.training.learning_rate = 1e-3;
    config.training.final_learning_rate = 1e-4;
    change(&mut config);
    let (end, _) = train(&corpus, &config, usize::MAX);
    let moved = end.iter().map(|(name, data)| {
        let pairs = floats(data).into_iter().zip(floats(&start[name]));
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
    });
    (moved.sum(), end)
}

#[test]
fn warm_up_decay_and_bound_reach_the_updates() {
    let (free, linear) = way(|_| {});
    assert!(free > 1e-4, "{free}");
    // Of a thousand epochs of warm-up two are a thousandth of the rate.
    let (warming, _) = way(|config| config.training.warm_up_epochs = 1000.0);
    assert!(warming < 1e-4 * free, "{warming} {free}");
    // A gradient far below epsilon moves nothing.
    let (bounded, _) = way(|config| config.training.clip_norm = 1e-12);
    assert!(bounded < 1e-4 * free, "{bounded} {free}");
    // Both schedules have the same ends, and in three epochs the same middle.
    let four = |schedule| {
        let (_, end) = way(|config| {
            config.training.epochs = 4;
            config.training.schedule = schedule;
        });
        end
    };
    let (line, cosine) = (four(Schedule::Linear), four(Schedule::Cosine));
    assert_ne!(line, cosine);
    // The rate at the end counts.
    let (_, level) = way(|config| config.training.final_learning_rate = 1e-3);
    assert_ne!(level, linear);
}

#[test]
fn rare_classes_weigh_more_and_targets_are_smoothed() {
    let corpus = uneven();
    let mut config = small_config(System::Mct);
    let trainer = Trainer::new(&corpus, config.clone(), &Device::flex()).unwrap();
    let fold = trainer.fold().train.clone();
    let model = trainer.model();
    let indices: Vec<usize> = fold.iter().copied().take(40).collect();
    let loss = |config: &Config| {
        let batch = batch(&corpus, config, &indices, &Device::flex());
        let losses = model.losses(&batch, &config.training, false, &mut Mode::Evaluation);
        losses.terms[&Term::Classification]
            .clone()
            .into_scalar::<f32>()
    };
    let plain = loss(&config);
    config.training.class_weights = ClassWeights::Balanced;
    assert!((loss(&config) - plain).abs() > 1e-4);
    // Weights in inverse proportion to the shares: n / (classes n_c).
    let batch = batch(&corpus, &config, &indices, &Device::flex());
    let weights = model
        .supervision(&batch, &config.training)
        .class_weights
        .unwrap();
    let weights = floats(&weights.into_data());
    let classes = corpus.class_count();
    for (class, weight) in weights.iter().enumerate() {
        let count = fold
            .iter()
            .filter(|i| corpus.utterances[**i].label == Some(class))
            .count();
        let expected = fold.len() as f32 / (classes * count) as f32;
        assert!(
            (weight / expected - 1.0).abs() < 1e-4,
            "{weight}, expected {expected}"
        );
    }
    config.training.class_weights = ClassWeights::Equal;
    config.training.label_smoothing = 0.3;
    assert!((loss(&config) - plain).abs() > 1e-4);
    // Validation does not smooth.
    assert_eq!(model.supervision(&batch, &config.training).smoothing, 0.0);
}

#[test]
fn options_of_classes_are_refused_for_intensities_and_batches_of_one_for_batch_norm() {
    let preset = Config::preset("released").unwrap();
    let set = |assignments: &[(&str, &str)]| {
        let owned = assignments
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        preset.set("--set", &owned.collect::<Vec<_>>())
    };
    for (assignments, part) in [
        (&[("training.batch_size", "1")][..], "batch norm needs two"),
        (
            &[
                ("model.task", "regression"),
                ("training.class_weights", "balanced"),
            ],
            "no classes",
        ),
        (
            &[
                ("model.task", "regression"),
                ("training.label_smoothing", "0.1"),
            ],
            "no classes",
        ),
        (&[("training.label_smoothing", "1")], "0 up to, but not, 1"),
        (&[("training.accumulate", "0")], "1 to 65536"),
        (&[("training.clip_norm", "-1")], "from 0 up"),
        (
            &[("model.modality.vision.attention_dropout", "1.5")],
            "0 up to, but not, 1",
        ),
    ] {
        let error = set(assignments).unwrap_err().to_string();
        assert!(error.contains(part), "{assignments:?}: {error}");
    }
    let set = set(&[("training.freeze", "network.unimodal, network.pooling")]).unwrap();
    assert_eq!(set.training.freeze, ["network.unimodal", "network.pooling"]);
}

#[test]
fn weights_come_without_what_was_known_of_their_own_corpus() {
    let (first, second) = (corpus(), demo::generate(2, 0.05).unwrap());
    let config = small_config(System::Mct);
    let (_, recorder) = train(&first, &config, 2);
    let weights = recorder.last.unwrap();
    let mut trainer = Trainer::new(&second, config, &Device::flex()).unwrap();
    let fresh = values(&trainer.model());
    trainer.start_from(&weights).unwrap();
    let started = values(&trainer.model());
    for (name, value) in &started {
        let from = if name.starts_with("network.") {
            &weights.model
        } else {
            &fresh
        };
        assert_eq!(value, &from[name], "{name}");
    }
    assert_ne!(fresh["inputs.0.mean"], weights.model["inputs.0.mean"]);
    // Nor does the shape of what is not taken matter: one unknown vector, or one for each position.
    let mut other = weights.clone();
    let replacement = &weights.model["inputs.2.replacement"];
    let twice = [floats(replacement), floats(replacement)].concat();
    let size = twice.len();
    let replacement = burn::tensor::TensorData::new(twice, [size]);
    other
        .model
        .insert("inputs.2.replacement".into(), replacement);
    trainer.start_from(&other).unwrap();
    other.model.remove("network.classifier.output.bias");
    let error = trainer.start_from(&other).unwrap_err().to_string();
    assert!(
        error.contains("classifier.output.bias [4] is missing"),
        "{error}"
    );
}

#[test]
fn what_the_same_weights_compute_otherwise_is_said() {
    let corpus = corpus();
    let config = small_config(System::Mct);
    let (_, recorder) = train(&corpus, &config, 2);
    let weights = recorder.last.unwrap();
    let said = |set: &[(&str, &str)]| {
        let set = set
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        let config = config.set("--set", &set.collect::<Vec<_>>()).unwrap();
        let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
        trainer.start_from(&weights).unwrap();
        let mut face = Recorder::new(usize::MAX);
        pollster::block_on(trainer.run(&mut face)).unwrap();
        let warnings = face.events.iter().filter_map(|event| match event {
            Event::Warning { message } => Some(message.clone()),
            _ => None,
        });
        warnings
            .filter(|text| text.contains("something else"))
            .collect::<Vec<_>>()
    };
    assert!(said(&[("model.dropout.residual", "0.3")]).is_empty());
    assert!(said(&[("model.system", "mct-hfr"), ("model.queries", "positions")]).is_empty());
    let found = said(&[("model.heads", "2"), ("model.standardize", "false")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("model.heads=4, this has 2"), "{found:?}");
    assert!(found[1].contains("model.standardize=true, this has false"));
}

#[test]
fn weights_that_a_config_names_are_not_left_out() {
    let corpus = corpus();
    let path = ("training.weights".to_owned(), "some.safetensors".to_owned());
    let config = small_config(System::Mct).set("--set", &[path]).unwrap();
    let again = Config::from_toml("again", &config.to_toml().unwrap()).unwrap();
    assert_eq!(again.training.weights.unwrap().path, "some.safetensors");
    let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    let weights = pollster::block_on(trainer.checkpoint()).unwrap();
    let mut recorder = Recorder::new(1);
    let error = pollster::block_on(trainer.run(&mut recorder)).unwrap_err();
    assert!(error.to_string().contains("some.safetensors"), "{error}");
    trainer.start_from(&weights).unwrap();
    pollster::block_on(trainer.run(&mut recorder)).unwrap();
}

#[test]
fn a_training_set_that_batch_norm_cannot_use_is_refused() {
    let mut corpus = corpus();
    // Of all that is trained on, one has a label.
    let config = small_config(System::Mct);
    let fold = Trainer::new(&corpus, config.clone(), &Device::flex());
    let train_side = fold.unwrap().fold().train.clone();
    for index in &train_side[1..] {
        corpus.utterances[*index].label = None;
    }
    let mut config = config;
    config.model.classifier = ClassifierKind::Released;
    let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    assert_eq!(trainer.fold().train.len(), 1);
    let mut recorder = Recorder::new(usize::MAX);
    let error = pollster::block_on(trainer.run(&mut recorder)).unwrap_err();
    assert!(
        error.to_string().contains("two utterances in a batch"),
        "{error}"
    );
    assert!(recorder.best.is_none());
}

#[test]
fn a_complete_run_with_reconstruction_and_chfn_without_words_say_what_they_do() {
    let corpus = corpus();
    let mut config = small_config(System::MctHfr);
    config.training.strategy = Strategy::Complete;
    let warnings = |corpus: &Corpus, config: &Config| {
        let (_, recorder) = train(corpus, config, 1);
        let of = |event: &Event| match event {
            Event::Warning { message } => Some(message.clone()),
            _ => None,
        };
        recorder
            .events
            .iter()
            .filter_map(of)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let said = warnings(&corpus, &config);
    assert!(said.contains("MCT-HFR is MCT"), "{said}");
    // The same by other words.
    config.training.strategy = Strategy::OneToOne;
    config.training.missing_rate = 0.0;
    let said = warnings(&corpus, &config);
    assert!(said.contains("MCT-HFR is MCT"), "{said}");
    config.training.missing_rate = 0.5;
    assert!(!warnings(&corpus, &config).contains("is MCT"));
    config.training.schedule = Schedule::Cosine;
    config.training.final_learning_rate = config.training.learning_rate;
    let said = warnings(&corpus, &config);
    assert!(said.contains("the learning rate stays at"), "{said}");
    config.model.system = System::Mct;
    assert!(!warnings(&corpus, &config).contains("is MCT"));
    let mut complete = small_config(System::TfrNet);
    complete.training.strategy = Strategy::Complete;
    let said = warnings(&corpus, &complete);
    assert!(said.contains("TFR-Net learns to restore nothing"), "{said}");
    let mut alone = small_config(System::EmtDlfr);
    alone.training.epochs = 2;
    alone.training.batch_size = 1;
    let config_of = |config: &Config| {
        let interface = Interface::of(&corpus, config.model.task);
        remarks(config, &interface).join("; ")
    };
    assert!(config_of(&alone).contains("the attraction loss of EMT-DLFR"));
    alone.training.batch_size = 2;
    assert_eq!(config_of(&alone), "");
    // MCT in other words.
    for (preset, set, part) in [
        ("demo", &[("training.epochs", "1")][..], "MCT-HFR is MCT"),
        (
            "demo",
            &[("training.epochs", "1"), ("model.system", "mct-lfi")],
            "MCT-LFI is MCT: nothing is missing",
        ),
        (
            "demo",
            &[
                ("training.modality_rates.audio", "0"),
                ("training.modality_rates.vision", "0"),
                ("training.modality_rates.text", "0"),
            ],
            "MCT-HFR is MCT",
        ),
        (
            "paper",
            &[("training.alpha", "0"), ("training.beta", "0")],
            "with all loss weights 0, MCT-HFR is MCT",
        ),
        (
            "released",
            &[("training.epochs", "1")],
            "none of its further losses in 1 epochs",
        ),
        (
            "paper",
            &[
                ("training.class_weights", "balanced"),
                ("training.balanced_batches", "true"),
            ],
            "made up for twice",
        ),
        (
            "demo",
            &[
                ("training.modality_rates.audio", "1"),
                ("training.modality_rates.vision", "1"),
                ("training.modality_rates.text", "1"),
            ],
            "every step of an incomplete sample is missing",
        ),
        (
            "paper",
            &[("training.rate_per_modality", "true")],
            "no rate is drawn",
        ),
    ] {
        let set = set
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        let preset = Config::preset(preset).unwrap();
        let config = preset.set("--set", &set.collect::<Vec<_>>()).unwrap();
        let said = config_of(&config);
        assert!(said.contains(part), "{said}");
    }
    let mut renamed = corpus.clone();
    for modality in &mut renamed.modalities {
        if modality.name == "text" {
            modality.name = "words".to_owned();
        }
    }
    let config = small_config(System::Chfn);
    let said = warnings(&renamed, &config);
    assert!(said.contains("no modality is called `text`"), "{said}");
    let said = warnings(&renamed, &small_config(System::Misa));
    assert!(said.contains("MISA reads all of them"), "{said}");
}

/// A batch of its own is no batch for batch norm.
#[test]
fn an_utterance_that_is_left_out_is_said() {
    let mut released = Config::preset("released").unwrap();
    released.training.batch_size = 4;
    let said = |count| left_out(&released, count).unwrap_or_default();
    assert!(
        said(9).contains("MCT-HFR leaves out an utterance"),
        "{}",
        said(9)
    );
    assert_eq!(said(8) + &said(10), "");
    let mut config = small_config(System::MctHfr);
    config.training.batch_size = 4;
    assert_eq!(left_out(&config, 9), None);
}

#[test]
fn how_much_the_decoders_use_the_reinforced_sequences_is_in_the_history() {
    let corpus = corpus();
    let history = |system: System| {
        let mut config = small_config(system);
        config.training.epochs = 3;
        let (_, recorder) = train(&corpus, &config, usize::MAX);
        let finished = recorder.events.iter().any(|event| {
            matches!(
                event,
                Event::Finished {
                    reason: FinishReason::Epochs,
                    ..
                }
            )
        });
        assert!(finished);
        recorder.last.unwrap().state.unwrap().history
    };
    assert!(history(System::Mct)[0].imagination.is_none());
    for record in history(System::MctLfi) {
        let imagination = record.imagination.unwrap();
        assert!(imagination.loss > 0.0 && imagination.of_another > 0.0);
        assert_ne!(imagination.loss, imagination.of_another);
    }
}

#[test]
fn of_two_equal_utterances_each_has_the_reinforced_sequences_of_the_other() {
    let corpus = corpus();
    let config = small_config(System::MctLfi);
    let device = Device::flex();
    let model = model(&corpus, &config, &device);
    let losses = |indices: &[usize]| {
        let batch = batch(&corpus, &config, indices, &device);
        let view = model.incomplete(&batch, &mut Mode::Evaluation);
        let losses = model.imagination(&view, &batch).unwrap();
        losses.map(|loss| loss.into_scalar::<f32>())
    };
    let [own, of_another] = losses(&[4, 4]);
    assert_eq!(own, of_another);
    let [own, of_another] = losses(&[4, 5]);
    assert_ne!(own, of_another);
}

/// Of another utterance is `E_m` alone: where cross-attention takes nothing from it, nothing changes.
#[test]
fn decoders_that_take_nothing_from_the_reinforced_sequences_lose_nothing_without_them() {
    let corpus = corpus();
    let config = small_config(System::MctLfi);
    let device = Device::flex();
    let model = model(&corpus, &config, &device);
    let batch = batch(&corpus, &config, &[4, 5, 6], &device);
    let losses = |model: &Model| {
        let view = model.incomplete(&batch, &mut Mode::Evaluation);
        let losses = model.imagination(&view, &batch).unwrap();
        losses.map(|loss| loss.into_scalar::<f32>())
    };
    let [own, of_another] = losses(&model);
    assert_ne!(own, of_another);
    let mut without = values(&model);
    let of_values = without
        .iter_mut()
        .filter(|(name, _)| name.contains(".cross_attention.") && name.contains(".value."));
    let mut count = 0;
    for (_, data) in of_values {
        data.as_mut_slice::<f32>().unwrap().fill(0.0);
        count += 1;
    }
    assert!(count > 0);
    let without = parameters::assign(model, &without, "test", &device).unwrap();
    let [own, of_another] = losses(&without);
    assert_eq!(own, of_another);
}

/// Eq. 18, with the two parts of eq. 17 weighted apart.
#[test]
fn the_total_has_each_term_with_its_own_weight() {
    let corpus = corpus();
    let mut config = small_config(System::MctHfr);
    config.training.alpha = 0.3;
    config.training.alpha_complete = Some(0.7);
    config.training.beta = 1.9;
    let device = Device::flex();
    let model = model(&corpus, &config, &device);
    let batch = batch(&corpus, &config, &[0, 1, 2, 3], &device);
    let losses = model.losses(&batch, &config.training, true, &mut Mode::Evaluation);
    let weights = [
        (Term::Classification, 1.0),
        (Term::Complete, 0.7),
        (Term::Distance, 0.3),
        (Term::Imagination, 1.9),
    ];
    assert_eq!(losses.terms.len(), weights.len());
    let expected: f32 = weights
        .map(|(term, weight)| weight * losses.terms[&term].clone().into_scalar::<f32>())
        .iter()
        .sum();
    let total = losses.total.into_scalar::<f32>();
    assert!(
        (total - expected).abs() < 1e-5 * expected,
        "{total} {expected}"
    );
}
