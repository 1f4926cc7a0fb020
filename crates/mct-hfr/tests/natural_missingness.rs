//! What is missing by nature is missing in every view, and is never learned from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::Device;
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, ModalityBuilder, demo};
use mct_hfr::config::System;
use mct_hfr::data::{Batch, feature_statistics};
use mct_hfr::evaluation::{Attending, inspect, predictions};
use mct_hfr::model::Model;
use mct_hfr::nn::mode::Mode;
use mct_hfr::training::{Checkpoint, Precision, Trainer};
use support::floats;
use support::runs::{Recorder, model, small_config};

/// The demo corpus with what `change` makes of the steps of utterance and modality: values, and which of
/// them are missing by nature.
fn changed(change: impl Fn(usize, usize, Vec<f32>, usize) -> (Vec<f32>, Vec<bool>)) -> Corpus {
    let whole = demo::generate(3, 0.02).unwrap();
    let modalities = whole.modalities.iter().enumerate().map(|(m, modality)| {
        let mut builder = ModalityBuilder::new(&modality.name, modality.dim, modality.precision)
            .rate_hz(modality.rate_hz)
            .unknown(modality.unknown.clone());
        for index in 0..whole.len() {
            let (values, missing) = change(index, m, modality.values(index), modality.dim);
            builder.push_masked(&values, &missing);
        }
        builder.build()
    });
    let modalities = modalities.collect();
    Corpus::new(
        "changed",
        whole.metadata.clone(),
        whole.utterances,
        modalities,
    )
    .unwrap()
}

fn predicted(model: &Model, corpus: &Corpus, missing: Option<&Missing>) -> Vec<Vec<f32>> {
    let all: Vec<usize> = (0..corpus.len()).collect();
    let masking = missing.map(|missing| (missing, 1));
    let device = Device::flex();
    pollster::block_on(predictions(model, corpus, &all, masking, 8, &device)).unwrap()
}

/// Every third step of vision has no value.
fn third(step: usize) -> bool {
    step.is_multiple_of(3)
}

#[test]
fn the_model_sees_the_same_whether_nature_or_an_experiment_takes_a_step_away() {
    let device = Device::flex();
    let whole = changed(|_, _, values, _| (values, Vec::new()));
    let natural = changed(|_, m, mut values, dim| {
        if m != 1 {
            return (values, Vec::new());
        }
        let missing: Vec<bool> = (0..values.len() / dim).map(third).collect();
        for (step, row) in values.chunks_exact_mut(dim).enumerate() {
            if third(step) {
                row.fill(0.0);
            }
        }
        (values, missing)
    });
    for system in System::ALL {
        let config = small_config(*system);
        let model = model(&whole, &config, &device);
        let all: Vec<usize> = (0..8).collect();
        let masks = |index: usize| {
            let steps = |m: usize| 0..whole.modalities[m].steps(index);
            Some(
                (0..3)
                    .map(|m| steps(m).map(|t| m == 1 && third(t)).collect())
                    .collect(),
            )
        };
        let by_experiment = Batch::read(&whole, &all, model.config(), masks, &device);
        let by_nature = Batch::read(&natural, &all, model.config(), |_| None, &device);
        assert_eq!(by_nature.missing_counts, [0, 0, 0], "nature is no target");
        let mut mode = Mode::Evaluation;
        let expected = floats(
            &model
                .incomplete(&by_experiment, &mut mode)
                .logits
                .into_data(),
        );
        let complete = floats(&model.complete(&by_nature, &mut mode).logits.into_data());
        let incomplete = floats(&model.incomplete(&by_nature, &mut mode).logits.into_data());
        assert_eq!(expected, complete, "{system:?}");
        assert_eq!(expected, incomplete, "{system:?}");
    }
}

#[test]
fn what_is_missing_by_nature_changes_no_feature_statistics() {
    let filled = |value: f32| {
        changed(move |_, _, mut values, dim| {
            let missing: Vec<bool> = (0..values.len() / dim).map(third).collect();
            for (step, row) in values.chunks_exact_mut(dim).enumerate() {
                if third(step) {
                    row.fill(value);
                }
            }
            (values, missing)
        })
    };
    let all: Vec<usize> = (0..20).collect();
    let statistics = feature_statistics(&filled(0.0), &all);
    assert_eq!(statistics, feature_statistics(&filled(1000.0), &all));
    assert!(statistics[0].mean.iter().all(|mean| mean.abs() < 10.0));
}

#[test]
fn every_system_trains_without_a_modality_and_gives_the_prior_where_everything_is_missing() {
    // Every second utterance has no vision, every fifth nothing at all.
    let corpus = changed(|index, m, values, _| match index {
        index if index % 5 == 0 => (Vec::new(), Vec::new()),
        index if index % 2 == 0 && m == 1 => (Vec::new(), Vec::new()),
        _ => (values, Vec::new()),
    });
    let device = Device::flex();
    for system in System::ALL {
        let mut trainer = Trainer::new(&corpus, small_config(*system), &device).unwrap();
        let mut shares = vec![0.0; corpus.class_count()];
        let train = trainer.fold().train.clone();
        for index in &train {
            shares[corpus.utterances[*index].label.unwrap()] += 1.0 / train.len() as f32;
        }
        let mut face = Recorder::new(usize::MAX);
        pollster::block_on(trainer.run(&mut face)).unwrap();
        let bytes = face.best.unwrap().to_bytes(Precision::F32).unwrap();
        let checkpoint = Checkpoint::from_bytes("best", &bytes).unwrap();
        let model = checkpoint.model(&device).unwrap();
        for rate in [0.0, 0.5] {
            let rows = predicted(&model, &corpus, Some(&Missing::uniform(rate, 3)));
            for (index, row) in rows.iter().enumerate() {
                assert!(row.iter().all(|p| p.is_finite()), "{system:?} {index}");
                let is_prior = row.iter().zip(&shares).all(|(a, b)| (a - b).abs() < 1e-6);
                if index % 5 == 0 {
                    assert!(is_prior, "{system:?} {index}: {row:?}, not {shares:?}");
                }
            }
        }
        let nothing = predicted(&model, &corpus, Some(&Missing::uniform(1.0, 3)));
        assert!(nothing.iter().all(|row| *row == nothing[0]), "{system:?}");
        // A checkpoint of an older version has no prior, and still predicts.
        let mut older = checkpoint.clone();
        older.model.remove("prior").unwrap();
        let rows = predicted(&older.model(&device).unwrap(), &corpus, None);
        assert!(rows.iter().flatten().all(|p| p.is_finite()), "{system:?}");
    }
}

#[test]
fn the_inspector_shows_what_is_missing_by_nature() {
    let corpus = changed(|_, m, values, dim| match m {
        0 => {
            let missing = (0..values.len() / dim).map(third).collect();
            (values, missing)
        }
        1 => (Vec::new(), Vec::new()),
        _ => (values, Vec::new()),
    });
    let device = Device::flex();
    let model = model(&corpus, &small_config(System::MctHfr), &device);
    let masks = (0..3)
        .map(|m| vec![true; corpus.modalities[m].steps(2)])
        .collect();
    let seen = pollster::block_on(inspect(
        &model,
        &corpus,
        2,
        &masks,
        Attending::default(),
        &device,
    ))
    .unwrap();
    let [audio, vision, text] = &seen.modalities[..] else {
        panic!("three modalities");
    };
    assert!((0..audio.steps()).all(|t| audio.absent[t] == third(t)));
    assert!((0..audio.steps()).all(|t| audio.missing[t] != audio.absent[t]));
    assert_eq!((vision.steps(), vision.values.len()), (0, 0));
    assert!(text.absent.iter().all(|absent| !absent));
    let size = audio.steps() + text.steps();
    assert_eq!(seen.attention.unwrap().len(), size * size);
}
