//! Everything that can be configured, with the presets.
//!
//! A run writes the config that reproduces it; a preset is a file of `presets/`; `--set key=value`
//! changes single values by their path.

mod interface;
mod model;
mod steps;
mod system;
mod term;
mod training;

use mct_corpus::Task;
use mct_scores::Metric;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use interface::{InputShape, Interface};
pub use model::{
    Alignment, ClassifierKind, Distance, Dropout, ModalityConfig, ModelConfig, PoolingKind,
    PositionsKind, PredictorKind, QueriesKind,
};
pub use steps::MaxSteps;
pub(crate) use system::with_systems;
pub use system::{DefaultWeight, System};
pub use term::Term;
pub use training::{
    ClassWeights, ProtocolKind, RegressionLoss, Schedule, Select, StartingWeights, Strategy,
    TrainingConfig,
};

/// Everything that makes a run, but for corpus and device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub model: ModelConfig,
    pub training: TrainingConfig,
}

/// Names of the presets.
pub const PRESETS: [&str; 4] = ["paper", "released", "table4", "demo"];

impl Config {
    /// A preset by name.
    ///
    /// # Errors
    /// When there is no such preset.
    pub fn preset(name: &str) -> Result<Self> {
        let text = match name {
            "paper" => include_str!("presets/paper.toml"),
            "released" => include_str!("presets/released.toml"),
            "table4" => include_str!("presets/table4.toml"),
            "demo" => include_str!("presets/demo.toml"),
            other => {
                return Err(Error::invalid(
                    "arguments",
                    "preset",
                    other,
                    PRESETS.join(", "),
                ));
            }
        };
        Self::from_toml(&format!("preset {name}"), text)
    }

    /// Reads a config file.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn from_toml(source: &str, text: &str) -> Result<Self> {
        let mut config: Self = toml::from_str(text).map_err(|error| {
            let message = error.to_string();
            Error::invalid(source, "config", message.trim_end(), "a complete config")
        })?;
        config.validate(source)?;
        config.training.fill_weights(config.model.system);
        Ok(config)
    }

    /// The same config for another system, with that system's loss weights.
    pub fn with_system(mut self, system: System) -> Self {
        if system != self.model.system {
            self.model.system = system;
            self.training.loss_weights.clear();
        }
        self.training.fill_weights(system);
        self
    }

    /// The same config for another task. Where the best epoch is chosen by a score that the task does
    /// not have, it is chosen by its main score instead.
    pub fn with_task(mut self, task: Task) -> Self {
        self.model.task = task;
        if !self.training.select.fits(task) {
            self.training.select = match Metric::main(task) {
                Metric::Mae => Select::Mae,
                _ => Select::Ua,
            };
        }
        self
    }

    /// The file that reproduces this config.
    ///
    /// # Errors
    /// Never for a valid config.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::invalid("config", "config", error, "a config"))
    }

    /// Changes single values: `("training.epochs", "3")`. Another system comes with its own loss weights, and
    /// another learning rate with a final one in the same proportion. Errors name `source`, where the values were
    /// given.
    ///
    /// # Errors
    /// When a key does not exist or its value has another type.
    pub fn set(&self, source: &str, assignments: &[(String, String)]) -> Result<Self> {
        let is_system = |(key, _): &&(String, String)| key == "model.system";
        let system = assignments.iter().filter(is_system);
        let others = assignments
            .iter()
            .filter(|assignment| !is_system(assignment));
        let mut config = self.clone();
        for (_, name) in system {
            config = config.with_system(System::named(source, name)?);
        }
        for (_, name) in assignments.iter().filter(|(key, _)| key == "model.task") {
            let task = [Task::Classification, Task::Regression]
                .into_iter()
                .find(|task| task.name() == name);
            let expected = "classification or regression";
            let task = task.ok_or_else(|| Error::invalid(source, "model.task", name, expected))?;
            config = config.with_task(task);
        }
        let mut root = toml::Value::try_from(&config)
            .map_err(|error| Error::invalid("config", "config", error, "a config"))?;
        for (key, value) in others {
            assign(&mut root, source, key, value)?;
        }
        let mut config: Self = root.try_into().map_err(|error: toml::de::Error| {
            let found = error.to_string();
            Error::invalid(source, "config", found.trim_end(), "a valid config")
        })?;
        let is_set = |name: &str| assignments.iter().any(|(key, _)| key == name);
        let (before, after) = (&self.training, &mut config.training);
        if is_set("training.learning_rate") && !is_set("training.final_learning_rate") {
            after.final_learning_rate = match before.final_learning_rate == before.learning_rate {
                true => after.learning_rate,
                false => after.learning_rate / before.learning_rate * before.final_learning_rate,
            };
        }
        config.validate(source)?;
        Ok(config)
    }

    /// Refuses assignments that do nothing in this config, which they have made.
    ///
    /// # Errors
    /// Names the key, and what has to be set beside it.
    pub fn require_effect(&self, source: &str, assignments: &[(String, String)]) -> Result<()> {
        let system = self.model.system;
        if let Some((key, _)) = assignments.iter().find(|(key, _)| !system.uses(key)) {
            let found = "a value that would do nothing";
            let expected = format!(
                "a system that has this part, which {} has not",
                system.title()
            );
            return Err(Error::invalid(source, key, found, expected));
        }
        let is_set = |name: &str| assignments.iter().any(|(key, _)| key == name);
        // Who sets the alignment too, as a search that draws both, knows what goes with it.
        let draws_predictions = self.model.system.has_gfa()
            && self.model.alignment == Alignment::Predictions
            && !is_set("model.alignment");
        let of_joint_vectors = ["model.distance", "model.predictor"];
        let idle = of_joint_vectors.into_iter().find(|key| is_set(key));
        idle.filter(|_| draws_predictions).map_or(Ok(()), |key| {
            let expected = "model.alignment=joint-vectors beside it: predictions have neither";
            let found = "a value that would do nothing";
            Err(Error::invalid(source, key, found, expected))
        })
    }

    /// Refuses values that make no model or no training.
    ///
    /// # Errors
    /// Names the field.
    pub fn validate(&self, source: &str) -> Result<()> {
        let (model, training) = (&self.model, &self.training);
        let check = |ok: bool, field: &str, found: &dyn std::fmt::Display, expected: &str| {
            if ok {
                Ok(())
            } else {
                Err(Error::invalid(source, field, found, expected))
            }
        };
        let positive = |field: &str, value: usize, most: usize| {
            let expected = format!("1 to {most}");
            check((1..=most).contains(&value), field, &value, &expected)
        };
        positive("model.d", model.d, 4096)?;
        positive("model.heads", model.heads, 256)?;
        positive("model.layers", model.layers, 64)?;
        positive("model.decoder_layers", model.decoder_layers, 64)?;
        positive("training.batch_size", training.batch_size, 65_536)?;
        positive("training.epochs", training.epochs, 1_000_000)?;
        positive("training.accumulate", training.accumulate, 65_536)?;
        let expected = "2 or more: batch norm needs two utterances";
        let enough = training.batch_size > 1 || !model.needs_batches();
        check(
            enough,
            "training.batch_size",
            &training.batch_size,
            expected,
        )?;
        let smoothing = training.label_smoothing;
        let in_range = (0.0..1.0).contains(&smoothing);
        let expected = "0 up to, but not, 1";
        check(in_range, "training.label_smoothing", &smoothing, expected)?;
        if model.task == Task::Regression {
            let expected = "the default: intensities have no classes";
            for (field, is_default) in [
                (
                    "class_weights",
                    training.class_weights == ClassWeights::Equal,
                ),
                ("balanced_batches", !training.balanced_batches),
                ("label_smoothing", smoothing == 0.0),
            ] {
                let field = format!("training.{field}");
                check(is_default, &field, &"another value", expected)?;
            }
        }
        let divides = model.d % model.heads == 0 && model.d % 2 == 0;
        check(
            divides,
            "model.d",
            &model.d,
            "even and a multiple of model.heads",
        )?;
        let other = model.modality.contains_key("other");
        check(other, "model.modality", &"no `other`", "an entry `other`")?;
        for (name, modality) in &model.modality {
            let field = |key: &str| format!("model.modality.{name}.{key}");
            positive(&field("kernel"), modality.kernel, 99)?;
            let odd = modality.kernel % 2 == 1;
            check(odd, &field("kernel"), &modality.kernel, "an odd number")?;
            positive(&field("max_steps"), modality.max_steps.steps(), steps::MOST)?;
        }
        let dropout = &model.dropout;
        let of_modality = model.modality.iter().filter_map(|(name, modality)| {
            let field = format!("model.modality.{name}.attention_dropout");
            Some((field, modality.attention_dropout?))
        });
        let of_all = [
            ("embedding", dropout.embedding),
            ("attention", dropout.attention),
            ("feed_forward", dropout.feed_forward),
            ("residual", dropout.residual),
            ("outer", dropout.outer),
            ("classifier", dropout.classifier),
        ];
        let of_all = of_all.map(|(name, value)| (format!("model.dropout.{name}"), value));
        for (field, value) in of_all.into_iter().chain(of_modality) {
            check(
                (0.0..1.0).contains(&value),
                &field,
                &value,
                "0 up to, but not, 1",
            )?;
        }
        let average = (0.0..1.0).contains(&training.average);
        let expected = "0 up to, but not, 1";
        check(average, "training.average", &training.average, expected)?;
        let fits = training.select.fits(model.task);
        let expected = match model.task {
            Task::Classification => "loss, ua or auilc for classification",
            Task::Regression => "loss, mae, corr, ccc or auilc for regression",
        };
        check(fits, "training.select", &kebab(training.select), expected)?;
        let rate = training.missing_rate;
        let in_range = (0.0..=1.0).contains(&rate);
        check(in_range, "training.missing_rate", &rate, "0 to 1")?;
        let most = training.missing_rate_max;
        let in_range = (rate..=1.0).contains(&most);
        let expected = "training.missing_rate to 1";
        check(in_range, "training.missing_rate_max", &most, expected)?;
        let burst = training.burst_steps;
        let is_run = burst == 0.0 || (burst.is_finite() && burst >= 1.0);
        let expected = "0, or 1 step or more";
        check(is_run, "training.burst_steps", &burst, expected)?;
        let absent = training.absent_modality;
        let in_range = (0.0..=1.0).contains(&absent);
        check(in_range, "training.absent_modality", &absent, "0 to 1")?;
        for (name, rate) in &training.modality_rates {
            let field = format!("training.modality_rates.{name}");
            check((0.0..=1.0).contains(rate), &field, rate, "0 to 1")?;
        }
        for (name, value) in [
            ("learning_rate", training.learning_rate),
            ("final_learning_rate", training.final_learning_rate),
            ("weight_decay", training.weight_decay),
            ("warm_up_epochs", training.warm_up_epochs),
            ("clip", training.clip),
            ("clip_norm", training.clip_norm),
            ("alpha", training.alpha),
            ("alpha_complete", training.alpha_complete.unwrap_or(0.0)),
            ("beta", training.beta),
        ] {
            let field = format!("training.{name}");
            let ok = value.is_finite() && value >= 0.0;
            check(ok, &field, &value, "a finite number from 0 up")?;
        }
        let rate = training.learning_rate;
        check(rate > 0.0, "training.learning_rate", &rate, "above 0")?;
        let terms = model.system.loss_terms();
        for (term, weight) in &training.loss_weights {
            let field = format!("training.loss_weights.{}", term.name());
            let known = terms.iter().any(|(other, _)| other == term);
            let names: Vec<&str> = terms.iter().map(|(term, _)| term.name()).collect();
            let expected = match names.as_slice() {
                [] => format!("none: {} adds no term", model.system.title()),
                names => format!("{} for {}", names.join(", "), model.system.title()),
            };
            check(known, &field, &term.name(), &expected)?;
            let ok = weight.is_finite() && *weight >= 0.0;
            check(ok, &field, weight, "a finite number from 0 up")?;
        }
        Ok(())
    }
}

/// As a config file writes it.
fn kebab(select: Select) -> String {
    format!("{select:?}").to_lowercase()
}

/// Ends of the keys that a config need not have.
const OPTIONAL: [&str; 2] = [".attention_dropout", "training.alpha_complete"];

/// The key of the file that training starts from.
const WEIGHTS: &str = "training.weights";

/// Changes the value at the path `key` to what `text` says; `source` is where it was given.
fn assign(root: &mut toml::Value, source: &str, key: &str, text: &str) -> Result<()> {
    let unknown = || Error::invalid(source, key, "no such key", "a key of the config");
    // Tables are made on the way, and no key is deeper than `model.modality.NAME.FIELD`.
    if key.split('.').nth(4).is_some() {
        return Err(unknown());
    }
    if key == WEIGHTS
        && let Some(training) = root.get_mut("training").and_then(|t| t.as_table_mut())
    {
        training.insert("weights".into(), toml::Value::Table(toml::Table::new()));
    }
    let mut place = root;
    let mut parts = key.split('.').peekable();
    let of_names = ["training.loss_weights.", "training.modality_rates."];
    let is_named = of_names.iter().any(|start| key.starts_with(start));
    while let Some(part) = parts.next() {
        let table = place.as_table_mut().ok_or_else(unknown)?;
        // What so far has its default; validation knows which terms the system has.
        if is_named && !table.contains_key(part) {
            let new = match parts.peek() {
                Some(_) => toml::Value::Table(toml::Table::new()),
                None => toml::Value::Float(0.0),
            };
            table.insert(part.to_owned(), new);
        }
        // A modality may be added by name; it starts as a copy of `other`.
        let modality = key.starts_with("model.modality.") && !table.contains_key(part);
        if modality && parts.peek().is_some() {
            let other = table.get("other").cloned().ok_or_else(unknown)?;
            table.insert(part.to_owned(), other);
        } else if parts.peek().is_none() && OPTIONAL.iter().any(|end| key.ends_with(end)) {
            let value = table.entry(part.to_owned());
            value.or_insert(toml::Value::Float(0.0));
        }
        place = table.get_mut(part).ok_or_else(unknown)?;
    }
    // In quotes as in a config file, or without.
    let unquoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = unquoted.unwrap_or(text);
    let wrong = |expected: &str| Error::invalid(source, key, text, expected);
    let is_steps = key.starts_with("model.modality.") && key.ends_with(".max_steps");
    *place = match place {
        toml::Value::Integer(_) | toml::Value::String(_) if is_steps => match text.parse() {
            Ok(steps) => toml::Value::Integer(steps),
            Err(_) => toml::Value::String(text.to_owned()),
        },
        toml::Value::Integer(_) => {
            toml::Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?)
        }
        toml::Value::Float(_) => toml::Value::Float(text.parse().map_err(|_| wrong("a number"))?),
        toml::Value::Boolean(_) => {
            toml::Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?)
        }
        toml::Value::String(_) => toml::Value::String(text.to_owned()),
        toml::Value::Table(_) if key == WEIGHTS => {
            let path = ("path".to_owned(), toml::Value::String(text.to_owned()));
            toml::Value::Table([path].into_iter().collect())
        }
        toml::Value::Array(_) => {
            let names = text
                .trim_start_matches('[')
                .trim_end_matches(']')
                .split(',');
            let names = names.map(|name| name.trim().trim_matches('"'));
            let names = names.filter(|name| !name.is_empty());
            toml::Value::Array(names.map(|name| toml::Value::String(name.into())).collect())
        }
        _ => return Err(wrong("the key of a single value")),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid_and_survives_its_own_file() {
        for name in PRESETS {
            let preset = Config::preset(name).unwrap();
            let again = Config::from_toml(name, &preset.to_toml().unwrap()).unwrap();
            assert_eq!(preset, again, "{name}");
        }
        assert!(Config::preset("papre").is_err());
    }

    #[test]
    fn single_values_are_set_by_their_path() {
        let set = |key: &str, value: &str| {
            let preset = Config::preset("paper").unwrap();
            preset.set("--set", &[(key.to_owned(), value.to_owned())])
        };
        assert_eq!(set("training.epochs", "3").unwrap().training.epochs, 3);
        let quoted = set("model.distance", "\"jsd\"").unwrap();
        assert_eq!(quoted.model.distance, Distance::Jsd);
        assert_eq!(
            set("model.distance", "jsd").unwrap().model.distance,
            Distance::Jsd
        );
        let gaze = set("model.modality.gaze.max_steps", "7").unwrap();
        assert_eq!(gaze.model.max_steps("gaze"), 7);
        let automatic = set("model.modality.vision.max_steps", "auto").unwrap();
        assert!(automatic.model.modality("vision").max_steps.is_auto());
        let regression = set("model.task", "regression").unwrap();
        assert!(regression.training.select.fits(Task::Regression));
        for (key, value, part) in [
            ("training.epoch", "3", "no such key"),
            ("training.epochs", "three", "a whole number"),
            ("training.missing_rate", "1.5", "expected 0 to 1"),
            ("model.heads", "3", "multiple of model.heads"),
            ("model.distance", "l3", "cmd"),
            ("model.system", "mulk", "emt-dlfr"),
            ("model.task", "ranking", "classification or regression"),
            ("training.select", "mae", "for classification"),
            ("model.modality.vision.max_steps", "most", "auto"),
            (
                "training.loss_weights.difference",
                "1",
                "complete, distance",
            ),
            ("training.loss_weights.imagination", "-1", "from 0 up"),
            ("training.loss_weights", "1", "no such key"),
        ] {
            let error = set(key, value).unwrap_err().to_string();
            assert!(error.contains(part), "{key}: {error}");
        }
    }

    /// What goes beyond the paper's training is off in its presets.
    #[test]
    fn the_papers_presets_train_as_the_paper_does() {
        for name in ["paper", "released", "table4"] {
            let TrainingConfig {
                warm_up_epochs,
                decay_vectors,
                clip_norm,
                accumulate,
                freeze,
                weights,
                class_weights,
                balanced_batches,
                label_smoothing,
                average,
                burst_steps,
                absent_modality,
                same_moment,
                rate_per_modality,
                modality_rates,
                missing_rate,
                missing_rate_max,
                learning_rate,
                final_learning_rate,
                alpha,
                alpha_complete,
                beta,
                ..
            } = Config::preset(name).unwrap().training;
            let off = [
                warm_up_epochs,
                clip_norm,
                label_smoothing,
                average,
                burst_steps,
                absent_modality,
            ];
            assert_eq!(off, [0.0; 6], "{name}");
            assert!(
                !balanced_batches && !same_moment && !rate_per_modality,
                "{name}"
            );
            assert!(
                decay_vectors && accumulate == 1 && freeze.is_empty(),
                "{name}"
            );
            assert!(weights.is_none() && modality_rates.is_empty(), "{name}");
            assert_eq!(class_weights, ClassWeights::Equal, "{name}");
            // Section 5.4.
            assert_eq!([missing_rate, missing_rate_max], [0.2; 2], "{name}");
            assert_eq!(learning_rate, final_learning_rate, "{name}");
            assert_eq!((alpha, beta), (0.4, 0.6), "{name}");
            assert!(alpha_complete.is_none_or(|own| own == alpha), "{name}");
        }
    }

    #[test]
    fn another_learning_rate_decays_in_the_same_proportion() {
        let rates = |preset: &str, set: &[(&str, &str)]| {
            let set = set
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()));
            let preset = Config::preset(preset).unwrap();
            let training = preset
                .set("--set", &set.collect::<Vec<_>>())
                .unwrap()
                .training;
            [training.learning_rate, training.final_learning_rate]
        };
        let key = "training.learning_rate";
        assert_eq!(rates("paper", &[(key, "1e-3")]), [1e-3, 1e-3]);
        assert_eq!(rates("paper", &[(key, "4.4e-4")]), [4.4e-4, 4.4e-4]);
        assert_eq!(rates("demo", &[(key, "1e-3")]), rates("demo", &[]));
        let [_, half] = rates("demo", &[(key, "5e-4")]);
        assert!((half - 2.5e-5).abs() < 1e-12, "{half}");
        let both = [("training.final_learning_rate", "1e-6"), (key, "5e-4")];
        assert_eq!(rates("demo", &both), [5e-4, 1e-6]);
    }

    #[test]
    fn a_value_that_would_do_nothing_is_refused() {
        let set = |set: &[(&str, &str)]| {
            let set = set
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()));
            let set: Vec<(String, String)> = set.collect();
            let config = Config::preset("demo").unwrap().set("--set", &set)?;
            config.require_effect("--set", &set)
        };
        for key in ["model.distance", "model.predictor"] {
            let value = if key == "model.distance" {
                "cosine"
            } else {
                "bottleneck"
            };
            let error = set(&[(key, value)]).unwrap_err().to_string();
            assert!(
                error.contains(key) && error.contains("model.alignment=joint-vectors"),
                "{error}"
            );
            let beside = [(key, value), ("model.alignment", "joint-vectors")];
            set(&beside).unwrap();
            set(&[(key, value), ("model.alignment", "predictions")]).unwrap();
            let error = set(&[(key, value), ("model.system", "mct")]).unwrap_err();
            assert!(error.to_string().contains("which MCT has not"), "{error}");
        }
        for (system, key, value) in [
            ("mct-lfi", "training.alpha", "1"),
            ("mct-gfa", "training.beta", "1"),
            ("mult", "model.balance", "false"),
            ("misa", "model.positions", "concatenated"),
            ("pmr", "training.auxiliary_from_epoch", "1"),
        ] {
            let error = set(&[("model.system", system), (key, value)]).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
            set(&[("model.system", "mct-hfr"), (key, value)]).unwrap();
        }
        let error = set(&[("training.learning_rate", "0")]).unwrap_err();
        assert!(error.to_string().contains("above 0"), "{error}");
    }

    #[test]
    fn batch_norm_is_where_the_system_has_one() {
        let needs = |system: System| {
            let released = Config::preset("released").unwrap();
            released.with_system(system).model.needs_batches()
        };
        assert!(needs(System::Mct) && needs(System::MctHfr) && needs(System::TfrNet));
        // Its classifier is its own.
        assert!(!needs(System::Misa));
    }

    #[test]
    fn every_system_has_its_own_loss_weights() {
        let preset = Config::preset("paper").unwrap();
        let set = |assignments: &[(&str, &str)]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            preset.set("--set", &assignments.iter().map(owned).collect::<Vec<_>>())
        };
        let weights = |config: &Config| config.training.weights(config.model.system);
        let alpha_and_beta = [
            (Term::Complete, 0.4),
            (Term::Distance, 0.4),
            (Term::Imagination, 0.6),
        ];
        assert_eq!(weights(&preset), alpha_and_beta.into());
        let distance = set(&[("training.loss_weights.distance", "0.1")]).unwrap();
        assert_eq!(weights(&distance)[&Term::Distance], 0.1);
        assert_eq!(weights(&distance)[&Term::Complete], 0.4);
        let apart = set(&[
            ("training.alpha", "0.2"),
            ("training.alpha_complete", "0.7"),
        ])
        .unwrap();
        let apart = weights(&apart);
        assert_eq!((apart[&Term::Distance], apart[&Term::Complete]), (0.2, 0.7));
        // The system first, in whatever order they are written.
        let misa = set(&[
            ("training.loss_weights.similarity", "0.5"),
            ("model.system", "misa"),
        ])
        .unwrap();
        let written = misa.to_toml().unwrap();
        for line in [
            "difference = 0.3",
            "similarity = 0.5",
            "reconstruction = 1.0",
        ] {
            assert!(written.contains(line), "{line}: {written}");
        }
        assert_eq!(Config::from_toml("x", &written).unwrap(), misa);
        // Those of another system would be ignored.
        let error = misa.with_system(System::Pmr).set(
            "--set",
            &[("training.loss_weights.similarity".into(), "0.5".into())],
        );
        assert!(error.unwrap_err().to_string().contains("PMR adds no term"));
    }

    #[test]
    fn a_key_of_any_depth_is_no_key() {
        let preset = Config::preset("demo").unwrap();
        for start in [
            "training.loss_weights",
            "training.modality_rates",
            "model.modality",
        ] {
            let key = format!("{start}{}", ".a".repeat(1_000_000));
            let error = preset.set("--set", &[(key, "1".into())]).unwrap_err();
            assert!(error.to_string().contains("no such key"), "{start}");
        }
    }

    #[test]
    fn the_list_of_systems_is_consistent() {
        for system in System::ALL {
            assert_eq!(System::named("x", system.name()).unwrap(), *system);
            let json = serde_json::to_value(system).unwrap();
            assert_eq!(json, system.name());
            let mut terms: Vec<Term> = system.loss_terms().iter().map(|(term, _)| *term).collect();
            terms.dedup();
            assert_eq!(terms.len(), system.loss_terms().len(), "{system:?}");
        }
    }
}
