//! Values that no extractor should give, in one step of one utterance: training and evaluation either refuse
//! them in words or stay finite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::Device;
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, ModalityBuilder, Precision, demo};
use mct_hfr::config::{Select, System};
use mct_hfr::error::Error;
use mct_hfr::evaluation::predictions;
use mct_hfr::training::Trainer;
use support::runs::{Recorder, small_config};

/// The demo corpus with `value` in the first step of the utterance `poisoned`, in one modality.
fn corpus(poisoned: usize, modality: usize, value: f32) -> Corpus {
    let mut corpus = demo::generate(1, 0.02).unwrap();
    let own = &corpus.modalities[modality];
    let mut builder = ModalityBuilder::new(own.name.clone(), own.dim, Precision::F32);
    for index in 0..corpus.len() {
        let mut values = own.values(index);
        if index == poisoned {
            values[0] = value;
        }
        builder.push(&values);
    }
    corpus.modalities[modality] = builder.rate_hz(own.rate_hz).build();
    corpus
}

#[test]
fn odd_values_are_refused_or_harmless_in_every_system() {
    const VALUES: [(f32, bool); 8] = [
        // Whether it has to be refused.
        (f32::NAN, true),
        (f32::INFINITY, true),
        (f32::NEG_INFINITY, true),
        (1e-40, false),
        (-0.0, false),
        (1e20, false),
        (1e38, false),
        (f32::MIN, false),
    ];
    let device = Device::flex();
    let (mut refused, mut finite) = (0, 0);
    for (number, system) in System::ALL.iter().copied().enumerate() {
        for (index, (value, must)) in VALUES.into_iter().enumerate() {
            let what = format!("{system:?} with {value}");
            // Of the training set, in each modality by turns.
            let corpus = corpus(40, (number + index) % 3, value);
            let mut trainer = match Trainer::new(&corpus, small_config(system), &device) {
                Ok(trainer) => trainer,
                Err(error) => {
                    assert!(must, "{what}: {error}");
                    assert!(error.to_string().contains("expected"), "{what}: {error}");
                    refused += 1;
                    continue;
                }
            };
            assert!(!must, "{what}: was taken");
            assert!(trainer.fold().train.contains(&40));
            let mut recorder = Recorder::new(usize::MAX);
            if let Err(error) = pollster::block_on(trainer.run(&mut recorder)) {
                assert!(error.to_string().contains("loss"), "{what}: {error}");
                refused += 1;
                continue;
            }
            let all: Vec<usize> = (30..50).collect();
            let missing = Missing::uniform(0.3, 3);
            let masks = Some((&missing, 1));
            let model = trainer.model();
            let rows = predictions(&model, &corpus, &all, masks, 8, &device);
            for row in pollster::block_on(rows).unwrap() {
                let sum: f32 = row.iter().sum();
                assert!((sum - 1.0).abs() < 1e-3, "{what}: {row:?}");
            }
            finite += 1;
        }
    }
    assert!(
        refused >= 3 * System::ALL.len() && finite > 0,
        "{refused} {finite}"
    );
}

/// A loss that is no number would be neither better nor worse than any.
#[test]
fn a_validation_loss_that_is_no_number_ends_the_training_and_is_no_best() {
    let device = Device::flex();
    let mut refused = 0;
    for value in [1e30, 1e38, f32::MAX] {
        let whole = corpus(40, 0, 0.0);
        let trainer = Trainer::new(&whole, small_config(System::Mct), &device).unwrap();
        let validated = trainer.fold().validation[0];
        let corpus = corpus(validated, 0, value);
        let mut trainer = Trainer::new(&corpus, small_config(System::Mct), &device).unwrap();
        let mut recorder = Recorder::new(usize::MAX);
        match pollster::block_on(trainer.run(&mut recorder)) {
            Err(error) => {
                assert!(error.to_string().contains("loss is"), "{value}: {error}");
                assert!(recorder.best.is_none(), "{value}");
                refused += 1;
            }
            Ok(_) => {
                let history = trainer.history();
                assert!(
                    history
                        .iter()
                        .all(|epoch| epoch.validation_loss.is_finite())
                );
            }
        }
    }
    assert!(refused > 0);
}

/// Nor would an area of predictions that are no numbers.
#[test]
fn predictions_of_the_validation_set_that_are_no_numbers_end_a_training_that_chooses_by_auilc() {
    let device = Device::flex();
    let mut config = small_config(System::Mct);
    config.training.select = Select::Auilc;
    let whole = corpus(40, 0, 0.0);
    let trainer = Trainer::new(&whole, config.clone(), &device).unwrap();
    // The loss is of one draw of the missing steps, which may hide what the area shows.
    let mut hidden = 0;
    for validated in trainer.fold().validation.clone() {
        let corpus = corpus(validated, 0, 1e38);
        let mut trainer = Trainer::new(&corpus, config.clone(), &device).unwrap();
        let mut recorder = Recorder::new(usize::MAX);
        if let Err(error) = pollster::block_on(trainer.run(&mut recorder)) {
            assert!(recorder.best.is_none(), "{validated}");
            hidden += usize::from(matches!(error, Error::NoNumbers));
        }
    }
    assert!(hidden > 0);
}
