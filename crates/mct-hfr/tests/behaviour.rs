//! What must hold whatever the weights: invariances, missing data, training and resuming.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod support;

use burn::tensor::{Device, TensorData};
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, Task, demo};
use mct_hfr::config::{
    Alignment, ClassifierKind, Config, Interface, MaxSteps, ModelConfig, PredictorKind,
    ProtocolKind, Select, Strategy, System, Term,
};
use mct_hfr::data::Batch;
use mct_hfr::device::{TOLERANCE, deviation};
use mct_hfr::evaluation::{predictions, static_masks};
use mct_hfr::model::Model;
use mct_hfr::nn::mode::Mode;
use mct_hfr::nn::parameters;
use mct_hfr::training::{Checkpoint, Event, Face, FinishReason, Precision, Trainer};
use mct_scores::{Evaluation, Metric, PAPER_RATES, Predicted};
use support::runs::{Recorder, model, small_config};
use support::{floats, gradients, software};

fn corpus() -> Corpus {
    demo::generate(3, 0.02).unwrap()
}

fn config() -> Config {
    let mut config = small_config(System::MctHfr);
    config.training.epochs = 3;
    config
}

/// Every system, and MCT-HFR by the released recipe.
fn recipes() -> Vec<(&'static str, System)> {
    let mut recipes = vec![("released", System::MctHfr)];
    recipes.extend(System::ALL.iter().map(|system| ("demo", *system)));
    recipes
}

#[test]
fn what_is_predicted_beside_an_utterance_changes_nothing() {
    let corpus = corpus();
    let all: Vec<usize> = (0..corpus.len()).collect();
    let some: Vec<usize> = all.iter().copied().step_by(3).collect();
    let missing = Missing::uniform(0.4, 3);
    for (preset, system) in recipes() {
        let mut config = Config::preset(preset).unwrap();
        config.model.system = system;
        config.model.d = 16;
        config.model.layers = 2;
        let cpu = Device::flex();
        let model = model(&corpus, &config, &cpu);
        let predict = |of: &[usize], size| {
            let missing = Some((&missing, 1));
            pollster::block_on(predictions(&model, &corpus, of, missing, size, &cpu)).unwrap()
        };
        // On the CPU not a digit.
        let single = predict(&all, 1);
        assert_eq!(predict(&all, 64), single, "{preset}");
        let expected: Vec<_> = some.iter().map(|index| single[*index].clone()).collect();
        assert_eq!(predict(&some, 5), expected, "{preset}");
        // In padded batches, as on a GPU and in training, no more than rounding.
        let masks = |index| Some(static_masks(&corpus, &missing, 1, index));
        for size in [2, 7, 64, 1000] {
            for batch in all.chunks(size) {
                let padded = Batch::read(&corpus, batch, model.config(), masks, &cpu);
                let view = model.incomplete(&padded, &mut Mode::Evaluation);
                let found = model.predictions(view.logits, &padded, false).into_data();
                let expected = batch.iter().flat_map(|index| &single[*index]);
                for (found, expected) in floats(&found).iter().zip(expected) {
                    assert!(
                        (found - expected).abs() < 1e-5,
                        "{preset}, batches of {size}"
                    );
                }
            }
        }
        let sums = single.iter().map(|row| row.iter().sum::<f32>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    }
}

#[test]
fn a_modality_or_everything_missing_gives_finite_outputs_and_gradients() {
    let corpus = corpus();
    for (preset, system) in recipes() {
        let mut config = Config::preset(preset).unwrap();
        config.model.system = system;
        config.model.d = 16;
        let device = Device::flex().autodiff();
        let model = model(&corpus, &config, &device);
        for gone in [vec![0], vec![1], vec![0, 1, 2]] {
            let masks = |index: usize| {
                let modalities = corpus.modalities.iter().enumerate();
                // Every step of the second sample is missing, whatever is gone from the others.
                Some(
                    modalities
                        .map(|(m, modality)| {
                            vec![index == 1 || gone.contains(&m); modality.steps(index)]
                        })
                        .collect(),
                )
            };
            let batch = Batch::read(&corpus, &[0, 1, 2, 3], model.config(), masks, &device);
            let mut mode = Mode::training(1, 0);
            let losses = model.losses(&batch, &config.training, true, &mut mode);
            assert!(floats(&losses.total.clone().into_data())[0].is_finite());
            for (name, gradient) in gradients(&model, &losses.total.backward()) {
                let finite = floats(&gradient).iter().all(|value| value.is_finite());
                assert!(finite, "{preset}, {gone:?} missing: gradient of {name}");
            }
            let view = model.incomplete(&batch, &mut Mode::Evaluation);
            assert!(
                floats(&view.logits.into_data())
                    .iter()
                    .all(|value| value.is_finite())
            );
        }
    }
}

/// MCT of one layer without any dropout, in training.
fn without_dropout(change: impl FnOnce(&mut ModelConfig)) -> (Corpus, Model) {
    let corpus = corpus();
    let mut config = small_config(System::Mct);
    config.model.outer_residual = true;
    let dropout = &mut config.model.dropout;
    for probability in [
        &mut dropout.embedding,
        &mut dropout.attention,
        &mut dropout.feed_forward,
        &mut dropout.residual,
        &mut dropout.outer,
        &mut dropout.classifier,
    ] {
        *probability = 0.0;
    }
    change(&mut config.model);
    let model = model(&corpus, &config, &Device::flex());
    (corpus, model)
}

#[test]
fn the_outer_residual_is_dropped_as_often_as_said() {
    let (corpus, model) = without_dropout(|model| model.dropout.outer = 0.25);
    let none = |_| None;
    let indices = [0, 1, 2, 3];
    let batch = Batch::read(&corpus, &indices, model.config(), none, &Device::flex());
    let view = model.incomplete(&batch, &mut Mode::training(1, 0));
    for (before, after) in view.embedded.into_iter().zip(&view.layers[0]) {
        let added = floats(&(after.clone() - before).into_data());
        let dropped = added.iter().filter(|value| **value == 0.0).count();
        let share = dropped as f64 / added.len() as f64;
        assert!((share - 0.25).abs() < 0.05, "{share}");
    }
}

#[test]
fn a_modality_has_its_own_dropout_of_attention() {
    let (corpus, model) = without_dropout(|model| {
        model.dropout.attention = 0.5;
        let vision = model.modality.get_mut("vision").unwrap();
        vision.attention_dropout = Some(0.0);
    });
    let none = |_| None;
    let batch = Batch::read(&corpus, &[0, 1], model.config(), none, &Device::flex());
    let layer = |step| {
        let view = model.incomplete(&batch, &mut Mode::training(1, step));
        let tensors = view.layers[0].clone().into_iter();
        tensors
            .map(|tensor| floats(&tensor.into_data()))
            .collect::<Vec<_>>()
    };
    let (first, second) = (layer(0), layer(1));
    for (m, modality) in corpus.modalities.iter().enumerate() {
        let is_same = first[m] == second[m];
        assert_eq!(is_same, modality.name == "vision", "{}", modality.name);
    }
}

/// Of one step in all, the logarithms of eq. 6's extrapolation are both 0.
#[test]
fn a_single_step_of_a_single_modality_has_a_prediction() {
    let whole = corpus();
    let mut alone = whole.clone();
    alone.modalities.truncate(1);
    let mut config = small_config(System::Mct);
    let name = alone.modalities[0].name.clone();
    let own = config.model.modality.get_mut(&name).unwrap();
    own.max_steps = MaxSteps::Most(1);
    let device = Device::flex();
    let model = model(&alone, &config, &device);
    let batch = Batch::read(&alone, &[0, 1, 2], model.config(), |_| None, &device);
    let view = model.incomplete(&batch, &mut Mode::Evaluation);
    let logits = floats(&view.logits.into_data());
    assert!(logits.iter().all(|value| value.is_finite()), "{logits:?}");
}

#[test]
fn the_unknown_vector_stands_for_missing_text() {
    let corpus = corpus();
    let text = corpus
        .modalities
        .iter()
        .position(|m| m.name == "text")
        .unwrap();
    assert!(corpus.modalities[text].unknown.is_some());
    let mut config = config();
    config.model.standardize = false;
    let device = Device::flex();
    let model = model(&corpus, &config, &device);
    let values = pollster::block_on(parameters::read_async(&model)).unwrap();
    let replacement = floats(&values[&format!("inputs.{text}.replacement")]);
    assert_eq!(Some(replacement), corpus.modalities[text].unknown);
    let other = floats(&values["inputs.0.replacement"]);
    assert!(other.iter().all(|value| *value == 0.0));
}

#[test]
fn a_run_stopped_at_any_step_ends_as_the_one_that_was_not() {
    stopped_at_any_step(&config());
}

/// The statistics of batch norm are no parameters.
#[test]
fn nor_does_a_stop_lose_what_batch_norm_has_counted() {
    let mut config = config();
    config.model.classifier = ClassifierKind::Released;
    config.model.predictor = PredictorKind::Bottleneck;
    config.model.alignment = Alignment::JointVectors;
    stopped_at_any_step(&config);
}

fn stopped_at_any_step(config: &Config) {
    let corpus = corpus();
    let config = || config.clone();
    let whole = {
        let mut trainer = Trainer::new(&corpus, config(), &Device::flex()).unwrap();
        let mut face = Recorder::new(usize::MAX);
        let reason = pollster::block_on(trainer.run(&mut face)).unwrap();
        assert_eq!(reason, FinishReason::Epochs);
        face
    };
    for every in [1, 4, 7] {
        let mut checkpoint: Option<Checkpoint> = None;
        let mut best = None;
        let mut starts = 0;
        loop {
            starts += 1;
            let mut trainer = match &checkpoint {
                None => Trainer::new(&corpus, config(), &Device::flex()).unwrap(),
                Some(saved) => {
                    // Through the file, as a process would.
                    let saved =
                        Checkpoint::from_bytes("x", &saved.to_bytes(Precision::F32).unwrap());
                    Trainer::resume(&corpus, &saved.unwrap(), &Device::flex()).unwrap()
                }
            };
            let mut face = Recorder::new(every);
            let reason = pollster::block_on(trainer.run(&mut face)).unwrap();
            best = face.best.or(best);
            checkpoint = face.last.or(checkpoint);
            if reason != FinishReason::Interrupted {
                break;
            }
        }
        assert!(starts > 2, "stopped only {starts} times");
        let stopped = format!("stopped every {every} steps");
        assert_same(&checkpoint.unwrap(), whole.last.as_ref().unwrap(), &stopped);
        assert_same(&best.unwrap(), whole.best.as_ref().unwrap(), &stopped);
    }
}

/// Bit for bit, and if not: where.
fn assert_same(found: &Checkpoint, expected: &Checkpoint, what: &str) {
    assert_eq!(found.state, expected.state, "{what}");
    for (part, found, expected) in [
        ("model", &found.model, &expected.model),
        ("optimizer", &found.optimizer, &expected.optimizer),
        ("average", &found.average, &expected.average),
    ] {
        assert!(found.keys().eq(expected.keys()), "{what}: names of {part}");
        let different = found
            .iter()
            .filter(|(name, data)| **data != expected[*name]);
        let different: Vec<&String> = different.map(|(name, _)| name).collect();
        assert!(different.is_empty(), "{what}: {part}: {different:?}");
    }
}

#[test]
fn the_best_by_auilc_has_the_auilc_of_an_evaluation() {
    let corpus = corpus();
    let mut config = config();
    config.training.select = Select::Auilc;
    let seed = config.training.seed;
    let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    let mut face = Recorder::new(usize::MAX);
    pollster::block_on(trainer.run(&mut face)).unwrap();
    let model = face.best.unwrap().model(&Device::flex()).unwrap();
    let side = &trainer.fold().validation;
    let predicted: Vec<Predicted> = PAPER_RATES
        .iter()
        .map(|rate| {
            let missing = Missing::uniform(*rate, corpus.modalities.len());
            let on = Device::flex();
            let rows = predictions(&model, &corpus, side, Some((&missing, seed)), 7, &on);
            let rows = pollster::block_on(rows).unwrap();
            Predicted::of(Task::Classification, rows)
        })
        .collect();
    let task = Task::Classification;
    let evaluation = Evaluation::of(&corpus, task, side, &PAPER_RATES, &[predicted]);
    let auilc = evaluation.auilc.get(Metric::Ua);
    let (best, _) = face.last.unwrap().state.unwrap().best.unwrap();
    assert!((best - auilc).abs() < 1e-12, "{best} {auilc}");
}

/// The test set chooses epochs as it would if it were the validation set, and changes nothing of what validation
/// chooses.
#[test]
fn what_is_test_selected_is_what_validation_chooses_where_the_two_sets_are_exchanged() {
    let corpus = corpus();
    let mut differ = 0;
    for (select, seeds) in [(Select::Loss, 1..4), (Select::Auilc, 1..2)] {
        for seed in seeds {
            let run = |protocol, also_test_selected| {
                let mut config = config();
                config.training.epochs = 4;
                config.training.learning_rate = 1e-2;
                config.training.seed = seed;
                config.training.select = select;
                config.training.protocol = protocol;
                config.training.also_test_selected = also_test_selected;
                let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
                let mut face = Recorder::new(usize::MAX);
                pollster::block_on(trainer.run(&mut face)).unwrap();
                face
            };
            let plain = run(ProtocolKind::Session, false);
            let also = run(ProtocolKind::Session, true);
            let exchanged = run(ProtocolKind::SessionSwapped, false);
            let best = |face: &Recorder| face.best.clone().unwrap().model;
            assert!(plain.test_selected.is_none());
            assert!(best(&plain) == best(&also));
            let test_selected = also.test_selected.clone().unwrap().model;
            assert!(test_selected == best(&exchanged), "{select:?} {seed}");
            differ += usize::from(test_selected != best(&also));
            let of = |face: &Recorder| face.last.clone().unwrap().state.unwrap();
            assert_eq!(of(&also).best_on_test, of(&exchanged).best);
        }
    }
    assert!(differ > 0, "both sets chose the same epochs each time");
}

#[test]
fn every_system_and_strategy_trains() {
    let corpus = corpus();
    for &system in System::ALL {
        for strategy in [Strategy::Dynamic, Strategy::OneToOne, Strategy::Complete] {
            let mut config = config();
            config.model.system = system;
            config.training.strategy = strategy;
            config.training.epochs = 2;
            config.training.missing_rate = 0.3;
            let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
            let mut face = Recorder::new(usize::MAX);
            pollster::block_on(trainer.run(&mut face)).unwrap();
            let history = face.last.unwrap().state.unwrap().history;
            let (first, last) = (&history[0].losses, &history[1].losses);
            let class = Term::Classification;
            assert!(last[&class] < first[&class], "{system:?} {strategy:?}");
            let missing = strategy != Strategy::Complete;
            for (term, expected) in [
                (Term::Distance, system.has_gfa()),
                (Term::Imagination, system.has_lfi() && missing),
                (
                    Term::Complete,
                    system.has_gfa() || system == System::EmtDlfr,
                ),
                (Term::Attraction, system == System::EmtDlfr),
                (Term::Similarity, system == System::Misa),
                (Term::Difference, system == System::Misa),
            ] {
                let found = last.get(&term).is_some_and(|loss| *loss > 0.0);
                assert_eq!(found, expected, "{system:?} {strategy:?} {term:?}");
            }
            let restores = matches!(system, System::TfrNet | System::EmtDlfr);
            let expected = system == System::Misa || (restores && missing);
            assert_eq!(
                last.contains_key(&Term::Reconstruction),
                expected,
                "{system:?}"
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_model_and_another_seed_another() {
    let corpus = corpus();
    let bytes = |seed| {
        let mut config = config();
        config.training.seed = seed;
        let trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
        let checkpoint = pollster::block_on(trainer.checkpoint()).unwrap();
        let mut values = checkpoint.model;
        floats(&values.remove("network.classifier.output.weight").unwrap())
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

/// burn has one random generator a process for the CPU.
#[test]
fn models_made_at_the_same_time_do_not_disturb_each_other() {
    let values = |seed: u64| {
        let (corpus, config) = (corpus(), config());
        let model = Model::new(
            &config.model,
            &Interface::of(&corpus, Task::Classification),
            &[],
            seed,
            &Device::flex(),
        );
        pollster::block_on(parameters::read_async(&model)).unwrap()
    };
    let alone: Vec<_> = (0..4).map(values).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| scope.spawn(move || values(seed)))
            .collect();
        for (thread, alone) in threads.into_iter().zip(&alone) {
            assert!(thread.join().unwrap() == *alone);
        }
    });
}

#[test]
fn weights_that_do_not_fit_say_what_differs() {
    let corpus = corpus();
    let trainer = Trainer::new(&corpus, config(), &Device::flex()).unwrap();
    let mut checkpoint = pollster::block_on(trainer.checkpoint()).unwrap();
    checkpoint.model.remove("network.classifier.output.bias");
    checkpoint
        .model
        .insert("extra".into(), TensorData::zeros::<f32, _>([2]));
    checkpoint.model.insert(
        "network.classifier.output.weight".into(),
        TensorData::zeros::<f32, _>([3, 4]),
    );
    let message = checkpoint.model(&Device::flex()).unwrap_err().to_string();
    for part in [
        "network.classifier.output.bias [4] is missing",
        "network.classifier.output.weight is [3, 4], not [48, 4]",
        "extra is not in the model",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn half_precision_weights_predict_nearly_the_same() {
    let corpus = corpus();
    let trainer = Trainer::new(&corpus, config(), &Device::flex()).unwrap();
    let checkpoint = pollster::block_on(trainer.checkpoint()).unwrap();
    let all: Vec<usize> = (0..corpus.len()).collect();
    let device = Device::flex();
    let predict = |precision| {
        let bytes = checkpoint.to_bytes(precision).unwrap();
        let model = Checkpoint::from_bytes("x", &bytes)
            .unwrap()
            .model(&device)
            .unwrap();
        let rows =
            pollster::block_on(predictions(&model, &corpus, &all, None, 8, &device)).unwrap();
        (bytes.len(), rows.concat())
    };
    let ((long, exact), (short, rounded)) = (predict(Precision::F32), predict(Precision::F16));
    assert!(short * 10 < long * 6, "{short} against {long} bytes");
    assert!(
        exact
            .iter()
            .zip(&rounded)
            .all(|(a, b)| (a - b).abs() < 5e-3)
    );
    // Features that f16 cannot tell apart, or not even hold, have their statistics in f32.
    let mut far = checkpoint.clone();
    let mean = [1e5f32, 1000.03].into_iter().cycle();
    let shape = checkpoint.model["inputs.0.mean"].shape().to_vec();
    let mean: Vec<f32> = mean.take(shape.iter().product()).collect();
    let mean = TensorData::new(mean, shape);
    far.model.insert("inputs.0.mean".into(), mean.clone());
    let bytes = far.to_bytes(Precision::F16).unwrap();
    let read = Checkpoint::from_bytes("x", &bytes).unwrap();
    assert_eq!(read.model["inputs.0.mean"], mean);
    // What it cannot hold of the network is refused, as is what no checkpoint may have.
    for (value, precision) in [
        (1e5, Precision::F16),
        (f32::NAN, Precision::F16),
        (f32::INFINITY, Precision::F32),
    ] {
        let bias = TensorData::new(vec![0.0, value, 0.0, 0.0], [4]);
        far.model
            .insert("network.classifier.output.bias".into(), bias);
        let error = far.to_bytes(precision).unwrap_err().to_string();
        assert!(error.contains("classifier.output.bias"), "{error}");
    }
}

#[test]
fn no_changed_or_missing_byte_of_a_checkpoint_goes_unnoticed() {
    let mut corpus = corpus();
    corpus.modalities[0].extractor = Some("some-extractor@0123456789abcdef".repeat(8));
    let trainer = Trainer::new(&corpus, config(), &Device::flex()).unwrap();
    let checkpoint = pollster::block_on(trainer.checkpoint()).unwrap();
    let good = checkpoint.to_bytes(Precision::F32).unwrap();
    for cut in [0, 1, 7, 8, 9, 100, good.len() / 2, good.len() - 1] {
        assert!(
            Checkpoint::from_bytes("cut", &good[..cut]).is_err(),
            "{cut} bytes"
        );
    }
    for place in (0..good.len()).step_by(good.len() / 200) {
        let mut bad = good.clone();
        bad[place] ^= 0x55;
        // The one byte that is nobody's: JSON may be written with other white space.
        if let Ok(read) = Checkpoint::from_bytes("changed", &bad) {
            assert_same(&read, &checkpoint, &format!("byte {place}"));
            assert_eq!(read.config, checkpoint.config);
            assert_eq!(read.interface, checkpoint.interface);
        }
    }
}

#[test]
fn the_cpu_passes_its_own_known_answer_test() {
    let deviation = pollster::block_on(deviation(&Device::flex(), &mut |_| {})).unwrap();
    assert_eq!(deviation, 0.0);
}

/// The same tiny training on the GPU path.
#[test]
fn training_on_the_gpu_path_agrees_with_the_cpu() {
    let Some(device) = software() else { return };
    let deviation = pollster::block_on(deviation(&device, &mut |_| {})).unwrap();
    assert!(deviation < TOLERANCE, "{deviation:e}");
    eprintln!("two training steps on the GPU path deviate by {deviation:.1e}");
}

/// Stops the so manieth time that it is asked.
struct Impatient {
    patience: usize,
    asked: usize,
    kept: Recorder,
}

impl Impatient {
    fn new(patience: usize) -> Self {
        Self {
            patience,
            asked: 0,
            kept: Recorder::new(usize::MAX),
        }
    }
}

impl Face for Impatient {
    fn event(&mut self, event: Event) -> mct_hfr::Result<()> {
        self.kept.event(event)
    }
    fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
        self.kept.save(checkpoint, best)
    }
    fn save_test_selected(&mut self, weights: &Checkpoint) -> mct_hfr::Result<()> {
        self.kept.save_test_selected(weights)
    }
    async fn stop_requested(&mut self) -> bool {
        self.asked += 1;
        self.asked >= self.patience
    }
    fn save_due(&self) -> bool {
        false
    }
    async fn pause(&mut self) {}
}

#[test]
fn a_validation_that_is_stopped_is_done_anew_and_nothing_changes() {
    let corpus = corpus();
    let mut config = config();
    config.training.epochs = 2;
    config.training.batch_size = 8;
    config.training.select = Select::Auilc;
    let device = Device::flex();
    let mut whole = Impatient::new(usize::MAX);
    let mut trainer = Trainer::new(&corpus, config.clone(), &device).unwrap();
    pollster::block_on(trainer.run(&mut whole)).unwrap();
    let history = |checkpoint: &Checkpoint| checkpoint.state.as_ref().unwrap().history.clone();
    let expected = whole.kept.last.as_ref().unwrap();
    let (mut in_validation, mut after) = (0, 0);
    for patience in (1..=whole.asked).step_by(2) {
        let mut face = Impatient::new(patience);
        let mut trainer = Trainer::new(&corpus, config.clone(), &device).unwrap();
        let reason = pollster::block_on(trainer.run(&mut face)).unwrap();
        let Some(last) = face.kept.last.clone() else {
            panic!("nothing was kept at {patience}");
        };
        let state = last.state.as_ref().unwrap();
        let steps = state.total_steps as usize / (state.epoch + 1);
        if state.step > 0
            && state.step == steps
            && (state.total_steps as usize).is_multiple_of(steps)
        {
            in_validation += 1;
        }
        if reason != FinishReason::Interrupted {
            after += 1;
        }
        let mut trainer = Trainer::resume(&corpus, &last, &device).unwrap();
        let mut rest = Impatient::new(usize::MAX);
        pollster::block_on(trainer.run(&mut rest)).unwrap();
        let resumed = rest.kept.last.as_ref().unwrap_or(&last);
        for (name, values) in &expected.model {
            let found = &resumed.model[name];
            assert_eq!(floats(values), floats(found), "{name} at {patience}");
        }
        assert_eq!(history(expected), history(resumed), "{patience}");
    }
    // Every second of the batches of the validation set and of ten rates, in each of two epochs.
    assert!(in_validation >= 10, "{in_validation}");
    assert!(after <= 1, "{after}");
}

/// Pauses wherever it can.
#[derive(Default)]
struct Sleepy {
    steps: usize,
    pauses: usize,
    is_saved: bool,
}

impl Face for Sleepy {
    fn event(&mut self, event: Event) -> mct_hfr::Result<()> {
        if matches!(event, Event::Step { .. }) {
            self.steps += 1;
            self.is_saved = false;
        }
        Ok(())
    }
    fn save(&mut self, _checkpoint: &Checkpoint, best: bool) -> mct_hfr::Result<()> {
        self.is_saved |= !best;
        Ok(())
    }
    fn save_test_selected(&mut self, _: &Checkpoint) -> mct_hfr::Result<()> {
        Ok(())
    }
    async fn stop_requested(&mut self) -> bool {
        false
    }
    fn save_due(&self) -> bool {
        true
    }
    async fn pause(&mut self) {
        assert!(self.is_saved, "at step {}", self.steps);
        self.pauses += 1;
    }
}

#[test]
fn where_a_training_is_paused_all_of_it_is_saved() {
    let corpus = corpus();
    let mut config = config();
    config.training.epochs = 2;
    config.training.batch_size = 8;
    let mut face = Sleepy::default();
    let mut trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    pollster::block_on(trainer.run(&mut face)).unwrap();
    // After each step, at the end of the first epoch too; after the last there is nothing to pause.
    assert!(face.steps > 4, "{}", face.steps);
    assert_eq!(face.pauses, face.steps - 1);
}
