//! Every system trains on the GPU path as on the CPU, also with sizes that fit no kernel.
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
use mct_hfr::config::{Config, System};
use mct_hfr::evaluation::predictions;
use mct_hfr::training::Trainer;
use support::runs::{Recorder, small_config};

/// Sequences of which every third has one step, of the first `modalities` modalities.
fn corpus(modalities: usize) -> Corpus {
    let mut corpus = demo::generate(1, 0.02).unwrap();
    corpus.metadata.process = None;
    corpus.modalities.truncate(modalities);
    for modality in &mut corpus.modalities {
        let mut builder = ModalityBuilder::new(modality.name.clone(), modality.dim, Precision::F32);
        for index in 0..corpus.utterances.len() {
            let values = modality.values(index);
            let steps = if index % 3 == 0 { 1 } else { 7 };
            builder.push(&values[..values.len().min(steps * modality.dim)]);
        }
        *modality = builder.build();
    }
    corpus
}

/// Three epochs with an odd number of channels.
fn config(system: System) -> Config {
    let mut config = small_config(system);
    config.model.d = 66;
    config.model.heads = 3;
    config.training.epochs = 3;
    config.training.batch_size = 13;
    config
}

/// Losses of the epochs, and what is predicted afterwards.
fn trained(corpus: &Corpus, config: &Config, device: &Device) -> (Vec<f64>, Vec<f32>) {
    let mut trainer = Trainer::new(corpus, config.clone(), device).unwrap();
    let mut recorder = Recorder::new(usize::MAX);
    pollster::block_on(trainer.run(&mut recorder)).unwrap();
    let losses = trainer
        .history()
        .iter()
        .map(|record| record.validation_loss);
    let losses = losses.collect();
    let missing = Missing::uniform(0.3, corpus.modalities.len());
    let (test, model) = (trainer.fold().test.clone(), trainer.model());
    let rows = predictions(&model, corpus, &test, Some((&missing, 1)), 8, device);
    (losses, pollster::block_on(rows).unwrap().concat())
}

#[test]
#[ignore = "on a processor that stands in for a GPU it takes half an hour: see CONTRIBUTING.md"]
fn every_system_trains_on_the_gpu_path_as_on_the_cpu() {
    compare(3);
}

#[test]
#[ignore = "on a processor that stands in for a GPU it takes minutes: see CONTRIBUTING.md"]
fn systems_of_one_modality_train_on_the_gpu_path_as_on_the_cpu() {
    compare(1);
}

/// Every system that takes so many modalities.
fn compare(count: usize) {
    let Some(gpu) = support::software() else {
        return;
    };
    let corpus = corpus(count);
    let mut worst = 0.0_f32;
    let fits = |system: &&System| system.fewest_modalities() <= count;
    for &system in System::ALL.iter().filter(fits) {
        let config = config(system);
        let (losses, rows) = trained(&corpus, &config, &Device::flex());
        let (gpu_losses, gpu_rows) = trained(&corpus, &config, &gpu);
        assert_eq!((losses.len(), gpu_losses.len()), (3, 3));
        for (cpu, gpu) in losses.iter().zip(&gpu_losses) {
            let deviation = (cpu - gpu).abs() / cpu.abs().max(1.0);
            assert!(
                deviation < 1e-3,
                "{system:?} of {count}: {losses:?}, {gpu_losses:?}"
            );
        }
        let deviations = rows
            .iter()
            .zip(&gpu_rows)
            .map(|(cpu, gpu)| (cpu - gpu).abs());
        let deviation = deviations.fold(0.0, f32::max);
        eprintln!("{system:?} of {count} modalities: {deviation:.1e}");
        assert!(deviation < 2e-3, "{system:?} of {count}: {deviation}");
        worst = worst.max(deviation);
    }
    eprintln!("probabilities after three epochs deviate by {worst:.1e} at most");
}
