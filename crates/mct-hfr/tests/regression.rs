//! Intensities: every system learns them, and what is not rated teaches nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::{Device, Tensor, TensorData};
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, Target, Task, demo};
use mct_hfr::config::{MaxSteps, RegressionLoss, Select, System, Term};
use mct_hfr::evaluation::predictions;
use mct_hfr::model::Model;
use mct_hfr::objectives::supervision::{Kind, Supervision};
use mct_hfr::training::{Checkpoint, Precision, Trainer};
use mct_scores::{Evaluation, Metric, Predicted};
use support::floats;
use support::runs::{Recorder, small_config};

/// The demo corpus without classes: rated with what its class says, arousal for two of three.
fn rated(scale: f64) -> Corpus {
    let mut corpus = demo::generate(3, scale).unwrap();
    let target = |name: &str, range| Target {
        name: name.to_owned(),
        range,
    };
    corpus.metadata.targets = vec![
        target("valence", [-3.0, 3.0]),
        target("arousal", [1.0, 5.0]),
    ];
    corpus.metadata.classes.clear();
    corpus.metadata.process = None;
    for (index, utterance) in corpus.utterances.iter_mut().enumerate() {
        let class = utterance.label.take().unwrap();
        let valence = [-2.0, 2.0, 0.0, -1.0][class] + (index % 5) as f32 / 10.0;
        let arousal = [5.0, 4.0, 3.0, 1.0][class];
        utterance.targets = vec![Some(valence), (index % 3 > 0).then_some(arousal)];
    }
    corpus
}

fn trained(corpus: &Corpus, config: mct_hfr::config::Config) -> (Recorder, Vec<usize>) {
    let mut trainer = Trainer::new(corpus, config, &Device::flex()).unwrap();
    let mut face = Recorder::new(usize::MAX);
    pollster::block_on(trainer.run(&mut face)).unwrap();
    (face, trainer.fold().test.clone())
}

fn predicted(model: &Model, corpus: &Corpus, indices: &[usize], rate: f64) -> Vec<Vec<f32>> {
    let missing = Missing::uniform(rate, corpus.modalities.len());
    let masking = Some((&missing, 1));
    let device = Device::flex();
    let rows = predictions(model, corpus, indices, masking, 8, &device);
    pollster::block_on(rows).unwrap()
}

#[test]
fn every_system_learns_intensities_by_either_loss() {
    let corpus = rated(0.02);
    for &system in System::ALL {
        for loss in [RegressionLoss::L1, RegressionLoss::Mse] {
            let mut config = small_config(system).with_task(Task::Regression);
            config.training.regression_loss = loss;
            config.training.epochs = 2;
            let (face, _) = trained(&corpus, config);
            let history = face.last.unwrap().state.unwrap().history;
            let (first, last) = (&history[0].losses, &history[1].losses);
            let term = Term::Regression;
            assert!(last[&term] < first[&term], "{system:?} {loss:?}");
            assert!(!last.contains_key(&Term::Classification));
            let mae = history[1].validation.get(Metric::Mae);
            assert!(mae > 0.0 && mae < 3.0, "{system:?} {loss:?}: {mae}");
            assert_eq!(history[1].confusion.0.len(), 7, "the bins of valence");
        }
    }
}

#[test]
fn a_trained_model_is_better_than_the_mean_and_says_the_mean_where_nothing_is_seen() {
    let corpus = rated(0.06);
    let mut config = small_config(System::MctHfr).with_task(Task::Regression);
    config.training.epochs = 14;
    config.training.learning_rate = 4e-3;
    config.training.average = 0.9;
    config.training.select = Select::Mae;
    let (face, test) = trained(&corpus, config);
    let best = face.best.unwrap();
    let bytes = best.to_bytes(Precision::F32).unwrap();
    let again = Checkpoint::from_bytes("again", &bytes).unwrap();
    assert_eq!(again.interface, best.interface);
    let model = again.model(&Device::flex()).unwrap();
    let rows = predicted(&model, &corpus, &test, 0.0);
    let nothing = predicted(&model, &corpus, &test, 1.0);
    assert!(nothing.iter().all(|row| row == &nothing[0]));
    let score = |rows: &[Vec<f32>]| {
        let predicted = [vec![Predicted::of(Task::Regression, rows.to_vec())]];
        Evaluation::of(&corpus, Task::Regression, &test, &[0.0], &predicted)
    };
    let (model, mean) = (score(&rows), score(&nothing));
    let mae = |evaluation: &Evaluation| evaluation.curves.get(Metric::Mae)[0];
    assert!(
        mae(&model) < 0.7 * mae(&mean),
        "{} {}",
        mae(&model),
        mae(&mean)
    );
    assert!(model.curves.get(Metric::Corr)[0] > 0.6);
    assert_eq!(mean.curves.get(Metric::Corr)[0], 0.0);
    let train: Vec<usize> = (0..corpus.len()).filter(|i| !test.contains(i)).collect();
    let all = train
        .iter()
        .filter_map(|i| corpus.utterances[*i].targets[1]);
    let all: Vec<f32> = all.collect();
    let average = all.iter().sum::<f32>() / all.len() as f32;
    assert!(
        (nothing[0][1] - average).abs() < 0.3,
        "{} {average}",
        nothing[0][1]
    );
    // Valence has scores of its scale, arousal those of any.
    let keys = |target: usize| model.targets[target].curves.0.len();
    assert_eq!((keys(0), keys(1)), (10, 3));
}

#[test]
fn a_stopped_regression_goes_on_as_if_it_had_not_been() {
    let corpus = rated(0.02);
    let mut config = small_config(System::MctHfr).with_task(Task::Regression);
    config.training.epochs = 2;
    let (whole, _) = trained(&corpus, config.clone());
    let mut first = Recorder::new(5);
    let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    pollster::block_on(trainer.run(&mut first)).unwrap();
    let saved = first.last.unwrap();
    let mut rest = Recorder::new(usize::MAX);
    let mut trainer = Trainer::resume(&corpus, &saved, &Device::flex()).unwrap();
    pollster::block_on(trainer.run(&mut rest)).unwrap();
    let (whole, rest) = (whole.last.unwrap(), rest.last.unwrap());
    assert_eq!(whole.state, rest.state);
    assert!(whole.model == rest.model);
}

#[test]
fn what_is_not_rated_is_no_error() {
    let device = Device::flex();
    let tensor = |values: [f32; 4]| -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [2, 2]), &device)
    };
    let supervision = |loss| Supervision {
        class_weights: None,
        smoothing: 0.0,
        targets: tensor([1.0, 0.0, -1.0, 0.5]),
        rated: Some(tensor([1.0, 0.0, 1.0, 1.0])),
        kind: Kind::Regression(loss),
    };
    let outputs = || tensor([2.0, 100.0, 1.0, 1.0]);
    let value = |loss| floats(&supervision(loss).loss(outputs()).into_data())[0];
    assert!((value(RegressionLoss::L1) - 3.5 / 3.0).abs() < 1e-5);
    assert!((value(RegressionLoss::Mse) - 5.25 / 3.0).abs() < 1e-5);
}

#[test]
fn a_corpus_without_what_is_trained_is_refused_with_the_way_on() {
    let corpus = rated(0.02);
    let refused = |corpus: &Corpus, task| {
        let config = small_config(System::MctHfr).with_task(task);
        match Trainer::new(corpus, config, &Device::flex()) {
            Ok(_) => panic!("{task:?} was taken"),
            Err(error) => error.to_string(),
        }
    };
    let message = refused(&corpus, Task::Classification);
    assert!(message.contains("--task regression"), "{message}");
    let classes = demo::generate(3, 0.02).unwrap();
    let message = refused(&classes, Task::Regression);
    assert!(message.contains("intensities"), "{message}");
}

#[test]
fn automatic_steps_are_those_of_the_training_set_without_its_outliers() {
    let corpus = demo::generate(3, 0.1).unwrap();
    let config = small_config(System::MctHfr);
    assert!(config.model.modality("audio").max_steps.is_auto());
    let trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    let fold = trainer.fold();
    for modality in &corpus.modalities {
        let longest = fold.train.iter().map(|i| modality.steps(*i)).max();
        let found = trainer.config().model.modality(&modality.name).max_steps;
        assert_eq!(
            Some(found),
            longest.map(MaxSteps::Most),
            "{}",
            modality.name
        );
    }
    // One sequence far longer than all others counts as the 99th percentile.
    let all: Vec<usize> = (0..corpus.len()).collect();
    let mut modality = mct_corpus::ModalityBuilder::new("audio", 1, corpus.modalities[0].precision);
    for index in &all {
        let steps = if *index == 7 { 900 } else { 1 + index % 10 };
        modality.push_masked(&vec![0.5; steps], &vec![false; steps]);
    }
    let metadata = corpus.metadata.clone();
    let short = Corpus::new("one", metadata, corpus.utterances, vec![modality.build()]).unwrap();
    let model = small_config(System::MctHfr)
        .model
        .with_steps_of(&short, &all);
    assert_eq!(model.max_steps("audio"), 10);
    let truncated = mct_hfr::training::truncations(&short, &model, &all);
    assert!(truncated[0].contains("1 of"), "{truncated:?}");
}
