//! Training (section 4.4 and 5.3): one async loop for the command line, the desktop and the browser.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mct_corpus::Corpus;
use mct_corpus::fold::{self, Fold};
use mct_scores::{Confusion, Evaluation, Metric, PAPER_RATES, Predicted, Scores};

use crate::config::{Config, Interface, Select, Term, TrainingConfig};
use crate::data::{
    Batch, LabelStatistics, copies, evaluation_batches, feature_statistics, training_batches,
};
use crate::device;
use crate::error::{Error, Result};
use crate::evaluation::predictions;
use crate::model::Model;
use crate::nn::mode::Mode;
use crate::nn::parameters;
use crate::objectives::losses::Losses;
use crate::training::checkpoint::Checkpoint;
use crate::training::ema::Ema;
use crate::training::event::{EpochRecord, Event, FinishReason, ImaginationRecord, LossRecord};
use crate::training::masks::TrainingMasks;
use crate::training::optimizer::{AdamW, AdamWConfig};
use crate::training::remarks::{computes_otherwise, left_out, remarks, truncations, unscaled};
use crate::training::schedule::learning_rate;
use crate::training::state::State;

/// What training needs of its surroundings.
pub trait Face {
    fn event(&mut self, event: Event) -> Result<()>;
    /// Keeps a checkpoint safe: the last, or the best so far.
    ///
    /// # Errors
    /// When it cannot be kept; training then ends.
    fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> Result<()>;
    /// Keeps the weights of the epoch that is the best so far on the test set, where a config asks for them.
    ///
    /// # Errors
    /// As [`Self::save`].
    fn save_test_selected(&mut self, weights: &Checkpoint) -> Result<()>;
    /// Whether to stop after the current step; in a validation, which is then done anew by the resumed run, after the
    /// current batch, or the current rate where an area is computed. Whatever else runs in this thread (the page, in
    /// a browser) has its turn before.
    fn stop_requested(&mut self) -> impl Future<Output = bool>;
    /// Whether enough has been done since the last save that it should not be lost.
    fn save_due(&self) -> bool;
    /// Waits while the training is paused.
    fn pause(&mut self) -> impl Future<Output = ()>;
}

/// One training run.
pub struct Trainer<'a> {
    corpus: &'a Corpus,
    config: Config,
    interface: Interface,
    fold: Fold,
    device: Device,
    model: Model,
    optimizer: AdamW,
    /// Where the config asks for one.
    ema: Option<Ema>,
    state: State,
    /// Whether it has the weights that the config says it starts from.
    is_started: bool,
    /// What is to be said of its weights and features before it starts.
    notes: Vec<String>,
}

/// Refuses names that freeze nothing, or everything.
fn require_frozen(model: &Model, frozen: &[String]) -> Result<()> {
    let refused = |found: &str, expected: &str| {
        Err(Error::invalid("config", "training.freeze", found, expected))
    };
    // What is known of features and labels is not trained, nor are the statistics of a batch norm.
    let names = parameters::shapes(model).into_keys();
    let names: Vec<String> = names
        .filter(|name| name.starts_with("network.") && !name.contains(".running_"))
        .collect();
    let is_within = |name: &String, part: &String| parameters::is_within(name, part);
    for part in frozen {
        if !names.iter().any(|name| is_within(name, part)) {
            let expected = format!(
                "the name of a trained parameter, or of a part that holds some, such as {}",
                names.get(names.len() / 2).map_or("", String::as_str)
            );
            return refused(part, &expected);
        }
    }
    let is_frozen = |name: &String| frozen.iter().any(|part| is_within(name, part));
    match names.iter().all(is_frozen) {
        true => refused("all that is trained", "some parameters left to train"),
        false => Ok(()),
    }
}

/// Losses are read from the device once per so many steps, in one transaction.
const READ_EVERY: usize = 10;

impl<'a> Trainer<'a> {
    /// A new run. Its config has the number of steps of the training set where `max_steps` is `"auto"`.
    ///
    /// # Errors
    /// When the config or the corpus cannot be used: no such fold, an empty side, NaN in features.
    pub fn new(corpus: &'a Corpus, mut config: Config, device: &Device) -> Result<Self> {
        config.validate("config")?;
        corpus.require_finite()?;
        let fold = fold::fold(
            corpus,
            config.model.task,
            config.training.protocol.into(),
            config.training.fold,
        )?;
        config.model = config.model.with_steps_of(corpus, &fold.train);
        let task = config.model.task;
        let interface = Interface::of(corpus, task);
        config.model.system.require(&interface, &corpus.source)?;
        Model::require_size(&config.model, &interface)?;
        let training = &config.training;
        TrainingMasks { corpus, training }.require()?;
        let statistics = feature_statistics(corpus, &fold.train);
        let device = device.clone().autodiff();
        let seed = config.training.seed;
        let model = Model::new(&config.model, &interface, &statistics, seed, &device)
            .with_labels(&LabelStatistics::of(corpus, task, &fold.train), &device);
        require_frozen(&model, &config.training.freeze)?;
        let model = parameters::hold_statistics(model, &config.training.freeze);
        Ok(Self {
            is_started: config.training.weights.is_none(),
            notes: unscaled(&interface, &config.model, &statistics),
            optimizer: AdamW::new(optimizer_config(&config)),
            ema: ema_decay(&config).map(Ema::new),
            corpus,
            config,
            interface,
            fold,
            device,
            model,
            state: State::default(),
        })
    }

    /// Resumes from a checkpoint. On the same device the result is bit for bit that of the run that was
    /// never interrupted.
    ///
    /// # Errors
    /// When the checkpoint holds no training state or does not fit the corpus.
    pub fn resume(corpus: &'a Corpus, checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let source = &checkpoint.source;
        let state = checkpoint.state.clone().ok_or_else(|| {
            Error::invalid(source, "header.state", "none", "the state of training")
        })?;
        checkpoint.interface.require(corpus)?;
        let mut trainer = Self::new(corpus, checkpoint.config.clone(), device)?;
        let device = trainer.device.clone();
        if !checkpoint.has_prior() {
            trainer.model = trainer.model.without_prior();
        }
        trainer.model = parameters::assign(trainer.model, &checkpoint.model, source, &device)?;
        trainer.optimizer = AdamW::restore(
            optimizer_config(&trainer.config),
            state.total_steps,
            &checkpoint.optimizer,
            &parameters::shapes(&trainer.model),
            source,
            &device.clone().inner(),
        )?;
        if let Some(decay) = ema_decay(&trainer.config) {
            let shapes = parameters::shapes(&trainer.model);
            let sizes = shapes
                .iter()
                .map(|(name, shape)| (name, shape.iter().product()));
            let found = checkpoint.average.iter();
            let found = found.map(|(name, data)| (name, data.num_elements()));
            if state.total_steps > 0 && !sizes.eq(found) {
                let found = format!("{} tensors", checkpoint.average.len());
                let expected = "one per parameter of the model";
                return Err(Error::invalid(source, "average", found, expected));
            }
            trainer.ema = Some(Ema::restore(decay, &checkpoint.average, &device.inner()));
        }
        trainer.state = state;
        trainer.is_started = true;
        Ok(trainer)
    }

    /// Starts from these weights instead of random ones. What is known of the features and labels of the
    /// training set (means, deviations, shares of the classes) stays that of this corpus. MCT and its variants start
    /// from each other: what only one of them has (LFI's decoders, GFA's predictor) is left out, or stays random.
    ///
    /// # Errors
    /// When they do not fit the config or the corpus: says what differs.
    pub fn start_from(&mut self, weights: &Checkpoint) -> Result<()> {
        weights.interface.require(self.corpus)?;
        let [theirs, own] = [&weights.config.model, &self.config.model];
        let parts = [
            ("lfi", own.system.has_lfi(), theirs.system.has_lfi()),
            ("gfa", own.has_predictor(), theirs.has_predictor()),
        ];
        let are_mct = own.system.is_mct() && theirs.system.is_mct();
        if theirs.system != own.system && !are_mct {
            let (found, expected) = (theirs.system.name(), own.system.name());
            let field = "config.model.system";
            return Err(Error::invalid(&weights.source, field, found, expected));
        }
        let differing = parts
            .into_iter()
            .filter(|(_, own, theirs)| are_mct && own != theirs);
        let differing: Vec<_> = differing.collect();
        let is_optional = |name: &str| {
            let mut parts = differing.iter();
            parts.any(|(part, ..)| parameters::is_within(name, part))
        };
        // Whatever the file knows of the features and labels of another training set is of no shape that this
        // one must have.
        let of_network = weights.model.iter().filter_map(|(name, data)| {
            let name = name.strip_prefix("network.")?;
            Some((name.to_owned(), data.clone()))
        });
        let (values, source) = (of_network.collect(), &weights.source);
        let model = self.model.clone();
        self.model = model.with_network(&values, is_optional, source, &self.device)?;
        let random = differing.iter().filter(|(_, own, _)| *own);
        self.notes.extend(random.map(|(part, ..)| {
            format!("{source} has no network.{part}, which starts from random values")
        }));
        let own = &self.config.model;
        self.notes.extend(computes_otherwise(source, theirs, own));
        self.is_started = true;
        Ok(())
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The epochs that are done.
    pub fn history(&self) -> &[EpochRecord] {
        &self.state.history
    }

    pub fn fold(&self) -> &Fold {
        &self.fold
    }

    /// A copy of the model that is validated, without gradients: the EMA where the config asks for it.
    pub fn model(&self) -> Model {
        match &self.ema {
            Some(ema) => ema.apply(&self.model),
            None => self.model.valid(),
        }
    }

    /// Trains to the end, or until the face asks to stop.
    ///
    /// # Errors
    /// When the loss is no longer finite, the device fails, or a checkpoint cannot be kept.
    pub async fn run(&mut self, face: &mut impl Face) -> Result<FinishReason> {
        let training = self.config.training.clone();
        if let Some(weights) = training.weights.as_ref().filter(|_| !self.is_started) {
            let expected = "no file to start from: none can be read here";
            return Err(Error::invalid(
                "config",
                "training.weights",
                &weights.path,
                expected,
            ));
        }
        face.event(Event::Started {
            fold: self.fold.name.clone(),
            train: self.fold.train.len(),
            validation: self.fold.validation.len(),
            parameters: self.model.num_params(),
            epochs: training.epochs,
            from_epoch: self.state.epoch,
        })?;
        let warnings = self.fold.warnings.iter().cloned();
        let truncations = truncations(self.corpus, &self.config.model, &self.fold.train);
        let of_config = remarks(&self.config, &self.interface);
        let left_out = left_out(&self.config, self.fold.train.len());
        let of_start = self.notes.iter().cloned();
        let of_training = of_config.into_iter().chain(left_out).chain(of_start);
        for message in warnings.chain(truncations).chain(of_training) {
            face.event(Event::Warning { message })?;
        }
        let reason = loop {
            if let Some(reason) = self.done() {
                break reason;
            }
            if !self.epoch(face).await? {
                break FinishReason::Interrupted;
            }
        };
        let best_epoch = self.state.best.map_or(0, |(_, epoch)| epoch);
        face.event(Event::Finished { best_epoch, reason })?;
        Ok(reason)
    }

    fn done(&self) -> Option<FinishReason> {
        let State { epoch, best, .. } = self.state;
        let training = &self.config.training;
        if best.is_some_and(|(_, best)| epoch > best + training.patience) {
            return Some(FinishReason::EarlyStop);
        }
        (epoch >= training.epochs).then_some(FinishReason::Epochs)
    }

    fn masks(&self) -> TrainingMasks<'_> {
        TrainingMasks {
            corpus: self.corpus,
            training: &self.config.training,
        }
    }

    /// One epoch from where the state stands; `false` when it was interrupted.
    async fn epoch(&mut self, face: &mut impl Face) -> Result<bool> {
        let training = self.config.training.clone();
        let epoch = self.state.epoch;
        let train = &self.fold.train;
        let mut batches = training_batches(self.corpus, train, &self.config, epoch);
        if self.model.needs_batches() {
            batches.retain(|batch| batch.len() > 1);
        }
        if batches.is_empty() {
            let found = format!("batches of one of {} utterances", self.fold.train.len());
            let expected = "two utterances in a batch, for batch norm";
            return Err(Error::invalid(
                &self.corpus.source,
                "the training set",
                found,
                expected,
            ));
        }
        let steps = batches.len();
        let copies = copies(&batches);
        let mut pending: Vec<StepLosses> = Vec::new();
        for (indices, copies) in batches.iter().zip(&copies).skip(self.state.step) {
            let mut copies = copies.iter();
            let masks = |index| {
                let copy = copies.next().copied().unwrap_or_default();
                self.masks().in_epoch(self.state.epoch, index, copy)
            };
            let model_config = &self.config.model;
            let batch = Batch::read(self.corpus, indices, model_config, masks, &self.device);
            let mut mode = Mode::training(training.seed, self.state.total_steps);
            let auxiliary = epoch >= training.auxiliary_from_epoch;
            let losses = self.model.losses(&batch, &training, auxiliary, &mut mode);
            pending.push(StepLosses::new(&losses));
            let gradients = losses.total.backward();
            let weight = match training.accumulate {
                1 => 1.0,
                _ => indices.len() as f64 / training.batch_size as f64,
            };
            self.optimizer
                .accumulate(&self.model, gradients, weight, &training.freeze);
            let rate = learning_rate(&training, epoch, self.state.step, steps);
            self.state.step += 1;
            self.state.total_steps += 1;
            // What is left at the end of an epoch is a smaller update.
            let full = self.optimizer.accumulated() == training.accumulate;
            let updates = full || self.state.step == steps;
            if updates {
                self.optimizer.set_learning_rate(rate);
                self.model = self.optimizer.update(self.model.clone());
                if let Some(ema) = &mut self.ema {
                    let of_epoch = |steps: usize| steps.div_ceil(training.accumulate);
                    let updates = epoch * of_epoch(steps) + of_epoch(self.state.step);
                    ema.update(&self.model, updates as u64);
                }
            }
            let stop = face.stop_requested().await;
            // A checkpoint has no gradients: it waits for an update.
            let save = (stop || face.save_due()) && self.state.step < steps && updates;
            if pending.len() == READ_EVERY || self.state.step == steps || save {
                let losses = self.read_losses(std::mem::take(&mut pending)).await?;
                let step = self.state.step;
                face.event(Event::Step {
                    epoch,
                    step,
                    steps,
                    losses,
                })?;
            }
            if save {
                self.save(face, false).await?;
                if stop {
                    return Ok(false);
                }
            }
            // Where a face pauses a training, it is saved: at the last step, after its validation.
            if updates && self.state.step < steps {
                face.pause().await;
            }
        }
        if !self.end_of_epoch(steps, face).await? {
            return Ok(false);
        }
        if self.done().is_none() {
            face.pause().await;
        }
        Ok(!face.stop_requested().await || self.done().is_some())
    }

    /// Reads losses from the device, adds them to the epoch's sums and returns their mean.
    async fn read_losses(&mut self, pending: Vec<StepLosses>) -> Result<LossRecord> {
        let count = pending.len();
        let values = pending.iter().map(|step| step.values.clone()).collect();
        let mut values = device::read(Tensor::cat(values, 0)).await?.into_iter();
        let mut sums = BTreeMap::new();
        for (index, StepLosses { terms, .. }) in pending.iter().enumerate() {
            for (term, value) in terms.iter().zip(values.by_ref()) {
                if !value.is_finite() {
                    return Err(Error::NotFinite {
                        loss: value,
                        epoch: self.state.epoch,
                        step: self.state.step + 1 + index - count,
                    });
                }
                // Step by step into the epoch's sums, so that they do not depend on when losses are
                // read.
                *sums.entry(*term).or_insert(0.0) += f64::from(value);
                *self.state.sums.entry(*term).or_insert(0.0) += f64::from(value);
            }
        }
        Ok(mean(&sums, count))
    }

    /// Validation, the record and the checkpoints of an epoch. Interrupted in the validation it keeps what was
    /// trained, returns `false`, and is done anew by the resumed run.
    async fn end_of_epoch(&mut self, steps: usize, face: &mut impl Face) -> Result<bool> {
        let training = &self.config.training;
        let epoch = self.state.epoch;
        let Some(validation) = self.validate(&self.fold.validation, face).await? else {
            self.save(face, false).await?;
            return Ok(false);
        };
        let of_test = match training.also_test_selected {
            false => None,
            true => match self.validate(&self.fold.test, face).await? {
                Some(own) => Some(own),
                None => {
                    self.save(face, false).await?;
                    return Ok(false);
                }
            },
        };
        for own in std::iter::once(&validation).chain(&of_test) {
            if !own.loss.is_finite() {
                return Err(Error::NotFinite {
                    loss: own.loss as f32,
                    epoch,
                    step: steps,
                });
            }
        }
        let test_selected = of_test.is_some_and(|own| {
            let score = self.merit(&own);
            let best = self.state.best_on_test;
            let better = best.is_none_or(|(best, _)| score > best);
            if better {
                self.state.best_on_test = Some((score, epoch));
            }
            better
        });
        let score = self.merit(&validation);
        let Validation {
            loss: validation_loss,
            scores: validation,
            confusion,
            auilc: validation_auilc,
            imagination,
        } = validation;
        let best = self.state.best.is_none_or(|(best, _)| score > best);
        if best {
            self.state.best = Some((score, epoch));
        }
        let record = EpochRecord {
            epoch,
            losses: mean(&self.state.sums, steps),
            validation_loss,
            validation,
            confusion,
            validation_auilc,
            imagination,
            best,
        };
        self.state.history.push(record.clone());
        self.state.epoch += 1;
        self.state.step = 0;
        self.state.sums.clear();
        self.state.finished = self.done().is_some();
        face.event(Event::Epoch(record))?;
        // The best first: when the process dies between the two, the last is the older one, and
        // the resumed run writes the same best again.
        if best {
            self.save(face, true).await?;
        }
        if test_selected {
            face.save_test_selected(&self.weights(&self.model()).await?)?;
        }
        self.save(face, false).await?;
        Ok(true)
    }

    /// What the best epoch is chosen by; higher is better.
    fn merit(&self, validation: &Validation) -> f64 {
        let Config { model, training } = &self.config;
        let merit = match training.select {
            Select::Loss => -validation.loss,
            Select::Auilc => {
                let area = validation.auilc.unwrap_or(f64::NAN);
                Metric::main(model.task).merit(area)
            }
            Select::Ua | Select::Mae | Select::Corr | Select::Ccc => {
                let metric = training.select.metric();
                metric.map_or(0.0, |metric| metric.merit(validation.scores.get(metric)))
            }
        };
        // A correlation of predictions that are all the same is not defined: worse than any.
        if merit.is_nan() { f64::MIN } else { merit }
    }

    /// What epochs are chosen by, on the utterances `indices`; `None` when it was interrupted.
    async fn validate(
        &self,
        indices: &[usize],
        face: &mut impl Face,
    ) -> Result<Option<Validation>> {
        let model = self.model();
        let device = self.device.clone().inner();
        let (mut order, mut rows) = (Vec::new(), Vec::new());
        let (mut sum, mut weights) = (0.0, 0.0);
        let (mut imagination, mut imagined) = ([0.0; 2], 0.0);
        let TrainingConfig {
            batch_size, select, ..
        } = self.config.training;
        for indices in evaluation_batches(self.corpus, indices, &self.config.model, batch_size) {
            if face.stop_requested().await {
                return Ok(None);
            }
            let masks = |index| self.masks().of_validation(index);
            let batch = Batch::read(self.corpus, &indices, &self.config.model, masks, &device);
            let view = model.incomplete(&batch, &mut Mode::Evaluation);
            let supervision = model.supervision(&batch, &self.config.training);
            let of_imagination = model.imagination(&view, &batch);
            let loss = supervision.loss(view.logits.clone());
            let weight = supervision.weight();
            let predicted = model.predictions(view.logits, &batch, false);
            let (count, outputs) = (indices.len(), model.outputs());
            let mut flat = vec![loss, weight, predicted.reshape([count * outputs])];
            flat.extend(of_imagination.into_iter().flatten());
            let values = device::read(Tensor::cat(flat, 0)).await?;
            let weight = f64::from(values[1]);
            sum += f64::from(values[0]) * weight;
            weights += weight;
            let (predicted, of_imagination) = values[2..].split_at(count * outputs);
            rows.extend(predicted.chunks_exact(outputs).map(<[f32]>::to_vec));
            if !of_imagination.is_empty() {
                imagined += count as f64;
                for (sum, value) in imagination.iter_mut().zip(of_imagination) {
                    *sum += f64::from(*value) * count as f64;
                }
            }
            order.extend(indices);
        }
        let task = self.config.model.task;
        let predicted = [vec![Predicted::of(task, rows)]];
        let evaluation = Evaluation::of(self.corpus, task, &order, &[0.0], &predicted);
        let matrices = evaluation.matrices();
        let matrix = matrices
            .first()
            .and_then(|matrices| matrices.confusion.first());
        let confusion = matrix.cloned().unwrap_or_else(|| Confusion::new(0));
        let [own, of_another] = imagination.map(|sum| sum / imagined);
        // A run's history has numbers alone, and what is not one says nothing.
        let is_known = imagined > 0.0 && own.is_finite() && of_another.is_finite();
        let loss = sum / weights;
        let mut area = None;
        if select == Select::Auilc && loss.is_finite() {
            area = self.auilc(indices, face).await?;
            if area.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Validation {
            loss,
            scores: evaluation.curves.at(0),
            confusion,
            auilc: area,
            imagination: is_known.then_some(ImaginationRecord {
                loss: own,
                of_another,
            }),
        }))
    }

    /// AUILC of the main score on the utterances `indices`; `None` when it was interrupted.
    async fn auilc(&self, indices: &[usize], face: &mut impl Face) -> Result<Option<f64>> {
        let (model, device) = (self.model(), self.device.clone().inner());
        let corpus = self.corpus;
        let TrainingConfig {
            batch_size, seed, ..
        } = self.config.training;
        let task = self.config.model.task;
        let mut predicted = Vec::with_capacity(PAPER_RATES.len());
        for rate in PAPER_RATES {
            if face.stop_requested().await {
                return Ok(None);
            }
            let missing = self.masks().at(vec![rate; corpus.modalities.len()]);
            let missing = Some((&missing, seed));
            let rows = predictions(&model, corpus, indices, missing, batch_size, &device).await?;
            predicted.push(Predicted::of(task, rows));
        }
        let evaluation = Evaluation::of(corpus, task, indices, &PAPER_RATES, &[predicted]);
        Ok(Some(evaluation.auilc.get(Metric::main(task))))
    }

    /// Everything as it stands.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        Ok(Checkpoint {
            optimizer: self.optimizer.read_async().await?,
            average: match &self.ema {
                Some(ema) => ema.read_async().await?,
                None => parameters::Values::new(),
            },
            state: Some(self.state.clone()),
            // What batch norm has counted since it was last asked is not seen by a visit of its parameters.
            ..self.weights(&self.model.valid()).await?
        })
    }

    /// The weights of `model` alone, for evaluation.
    async fn weights(&self, model: &Model) -> Result<Checkpoint> {
        Ok(Checkpoint {
            config: self.config.clone(),
            interface: self.interface.clone(),
            model: parameters::read_async(model).await?,
            optimizer: parameters::Values::new(),
            average: parameters::Values::new(),
            state: None,
            corpus: None,
            source: "checkpoint".into(),
        })
    }

    async fn save(&self, face: &mut impl Face, best: bool) -> Result<()> {
        // Nothing is kept that was trained on another file than it says.
        self.corpus.require_unchanged()?;
        let checkpoint = if best {
            self.weights(&self.model()).await?
        } else {
            self.checkpoint().await?
        };
        let State { epoch, step, .. } = self.state;
        if !checkpoint.is_finite() {
            return Err(Error::NotFinite {
                loss: f32::NAN,
                epoch,
                step,
            });
        }
        face.save(&checkpoint, best)?;
        face.event(Event::Checkpoint { epoch, best })
    }
}

/// The decay of the EMA, where there is one.
fn ema_decay(config: &Config) -> Option<f64> {
    let decay = config.training.average;
    (decay > 0.0).then_some(decay)
}

fn optimizer_config(config: &Config) -> AdamWConfig {
    AdamWConfig {
        learning_rate: config.training.learning_rate,
        weight_decay: config.training.weight_decay,
        decay_vectors: config.training.decay_vectors,
        clip: config.training.clip,
        clip_norm: config.training.clip_norm,
    }
}

/// What is measured on the validation set after every epoch.
struct Validation {
    /// Mean supervised loss.
    loss: f64,
    scores: Scores,
    /// Of the classes, or of the bins of the first target.
    confusion: Confusion,
    /// AUILC of the main score, where epochs are chosen by it.
    auilc: Option<f64>,
    imagination: Option<ImaginationRecord>,
}

/// The losses of one step, still on the device.
struct StepLosses {
    terms: Vec<Term>,
    /// `[terms]`.
    values: Tensor<1>,
}

impl StepLosses {
    fn new(losses: &Losses) -> Self {
        let (mut terms, mut values) = (vec![Term::Total], vec![losses.total.clone()]);
        for (term, loss) in &losses.terms {
            terms.push(*term);
            values.push(loss.clone());
        }
        Self {
            terms,
            values: Tensor::cat(values, 0).inner(),
        }
    }
}

/// A term that only some of the steps have counts as 0 in the others.
fn mean(sums: &BTreeMap<Term, f64>, count: usize) -> LossRecord {
    let mean = |sum: f64| (sum / count.max(1) as f64) as f32;
    sums.iter().map(|(term, sum)| (*term, mean(*sum))).collect()
}
