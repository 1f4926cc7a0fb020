//! Everything that can be configured, with the presets.
//!
//! A run writes the config that reproduces it; a preset is a file of `presets/`; `--set key=value`
//! changes single values by their path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub model: ModelConfig,
    pub training: TrainingConfig,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub system: System,
    /// Channels of every sequence after the convolution.
    pub d: usize,
    pub heads: usize,
    /// Stacked layers of the fusion, `N`.
    pub layers: usize,
    /// Pairs of self- and cross-attention in each LFI decoder.
    pub decoder_layers: usize,
    /// `gamma_b` and `gamma_e` of eq. 6.
    pub balance: bool,
    pub extrapolation: bool,
    /// Standardise features with the training set's mean and deviation.
    pub standardize: bool,
    /// `sqrt(d)` in front of the convolved input (released code).
    pub scaled_input: bool,
    /// A residual around each layer (released code).
    pub outer_residual: bool,
    /// A layer norm after the last layer (released code, Table 4).
    pub final_norm: bool,
    pub pooling: PoolingKind,
    pub classifier: ClassifierKind,
    pub distance: Distance,
    /// GFA from both sides with stopped gradients (released code).
    pub gfa_symmetric: bool,
    pub dropout: Dropout,
    /// By modality name; `other` serves the names that are not listed.
    pub modality: BTreeMap<String, ModalityConfig>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModalityConfig {
    /// Kernel of the convolution in steps, odd.
    pub kernel: usize,
    /// `T_m^max`: longer sequences are cut.
    pub max_steps: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    pub embedding: f64,
    pub attention: f64,
    pub feed_forward: f64,
    pub residual: f64,
    pub classifier: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolingKind {
    Attention,
    GatedGru,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassifierKind {
    Linear,
    Released,
}

/// Distance of GFA (section 6.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    Cmd,
    SmoothL1,
    Cosine,
    Jsd,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    pub strategy: Strategy,
    /// Dynamic: the probability of a missing step. One-to-one: the rate that is tested.
    pub missing_rate: f64,
    /// Dynamic: where above `missing_rate`, each incomplete sample has a rate drawn uniformly
    /// between the two.
    pub missing_rate_max: f64,
    /// Dynamic: epochs over which the share of incomplete samples rises from 0 to 1.
    pub rise_epochs: usize,
    pub batch_size: usize,
    pub epochs: usize,
    /// Epochs without a better validation score before training stops.
    pub patience: usize,
    pub select: Select,
    pub learning_rate: f64,
    /// The learning rate falls to this one linearly over the epochs.
    pub final_learning_rate: f64,
    pub weight_decay: f64,
    /// Bound on the size of every gradient value; 0 for none.
    pub clip: f64,
    /// Weight of the past in the moving average of the weights that is validated and kept as the
    /// best; 0 for none.
    pub average: f64,
    /// Weights of GFA and LFI (eq. 18).
    pub alpha: f64,
    pub beta: f64,
    /// The first epoch, from 0, with the auxiliary losses.
    pub auxiliary_from_epoch: usize,
    pub seed: u64,
    pub protocol: ProtocolKind,
    pub fold: usize,
}

/// The compared systems: MCT-HFR with or without its reconstruction parts (section 6.2.2), and the
/// baselines of section 5.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    Mult,
    Misa,
    Pmr,
    Chfn,
    TfrNet,
    EmtDlfr,
    Mct,
    MctGfa,
    MctLfi,
    MctHfr,
}

impl System {
    pub const ALL: [Self; 10] = [
        Self::Mult,
        Self::Misa,
        Self::Pmr,
        Self::Chfn,
        Self::TfrNet,
        Self::EmtDlfr,
        Self::Mct,
        Self::MctGfa,
        Self::MctLfi,
        Self::MctHfr,
    ];

    /// As config files and the command line write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mult => "mult",
            Self::Misa => "misa",
            Self::Pmr => "pmr",
            Self::Chfn => "chfn",
            Self::TfrNet => "tfr-net",
            Self::EmtDlfr => "emt-dlfr",
            Self::Mct => "mct",
            Self::MctGfa => "mct-gfa",
            Self::MctLfi => "mct-lfi",
            Self::MctHfr => "mct-hfr",
        }
    }

    /// As the paper writes it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Mult => "MulT",
            Self::Misa => "MISA",
            Self::Pmr => "PMR",
            Self::Chfn => "CHFN",
            Self::TfrNet => "TFR-Net",
            Self::EmtDlfr => "EMT-DLFR",
            Self::Mct => "MCT",
            Self::MctGfa => "MCT-GFA",
            Self::MctLfi => "MCT-LFI",
            Self::MctHfr => "MCT-HFR",
        }
    }

    pub const fn has_lfi(self) -> bool {
        matches!(self, Self::MctLfi | Self::MctHfr)
    }

    pub const fn has_gfa(self) -> bool {
        matches!(self, Self::MctGfa | Self::MctHfr)
    }

    /// Whether it is MCT, with or without its reconstruction parts.
    pub const fn is_mct(self) -> bool {
        matches!(self, Self::Mct | Self::MctGfa | Self::MctLfi | Self::MctHfr)
    }

    /// Refuses a corpus that the system cannot work on.
    ///
    /// # Errors
    /// When a baseline, which relates modalities to each other, finds only one.
    pub fn require(self, interface: &Interface, source: &str) -> Result<()> {
        let count = interface.modalities.len();
        if count > 1 || (count == 1 && self.is_mct()) {
            return Ok(());
        }
        let expected = format!("two or more for {}", self.title());
        Err(Error::invalid(source, "modalities", count, expected))
    }
}

/// How incomplete training data come about (section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Fresh masks each epoch, a rising share of incomplete samples.
    Dynamic,
    /// Fixed masks at the rate that is tested.
    OneToOne,
    /// Complete data only.
    Complete,
}

/// The validation score by which the best epoch is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// Cross entropy, with the missing steps of the strategy.
    Loss,
    /// UA, with the missing steps of the strategy.
    Ua,
    /// The area under UA over the rates 0.0 to 0.9, with masks as in evaluation: ten times the work.
    Auilc,
}

/// How the corpus is split; see [`mct_corpus::fold::Protocol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolKind {
    /// Leave one session out, test on its female speakers.
    Session,
    /// The same with the roles of the speakers swapped.
    SessionSwapped,
    /// Leave one speaker out.
    Speaker,
    /// Five groups of speakers.
    Groups,
    /// The split of the file.
    File,
}

impl From<ProtocolKind> for mct_corpus::fold::Protocol {
    fn from(kind: ProtocolKind) -> Self {
        match kind {
            ProtocolKind::Session => Self::Session { swap_roles: false },
            ProtocolKind::SessionSwapped => Self::Session { swap_roles: true },
            ProtocolKind::Speaker => Self::Speaker,
            ProtocolKind::Groups => Self::Groups { k: 5 },
            ProtocolKind::File => Self::File,
        }
    }
}

/// What a model takes and gives: fixed by the corpus it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    pub modalities: Vec<InputShape>,
    pub classes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputShape {
    pub name: String,
    pub features: usize,
}

impl Interface {
    /// The modality named `text`, which some systems treat in a way of its own.
    pub fn text(&self) -> Option<usize> {
        self.modalities.iter().position(|m| m.name == "text")
    }

    pub fn of(corpus: &mct_corpus::Corpus) -> Self {
        Self {
            modalities: corpus
                .modalities
                .iter()
                .map(|modality| InputShape {
                    name: modality.name.clone(),
                    features: modality.dim,
                })
                .collect(),
            classes: corpus.metadata.classes.clone(),
        }
    }

    /// Refuses a corpus with other modalities, feature sizes or classes.
    ///
    /// # Errors
    /// Says what differs.
    pub fn require(&self, corpus: &mct_corpus::Corpus) -> Result<()> {
        let found = Self::of(corpus);
        let differs = |field: &str, found: String, expected: String| {
            Err(Error::invalid(&corpus.source, field, found, expected))
        };
        if found.modalities != self.modalities {
            let list = |interface: &Self| {
                let shapes = interface.modalities.iter();
                let shapes: Vec<String> = shapes
                    .map(|m| format!("{} ({})", m.name, m.features))
                    .collect();
                shapes.join(", ")
            };
            return differs("modalities (features)", list(&found), list(self));
        }
        if found.classes != self.classes {
            return differs("classes", found.classes.join(", "), self.classes.join(", "));
        }
        Ok(())
    }
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
        let config: Self = toml::from_str(text).map_err(|error| {
            let message = error.to_string();
            Error::invalid(source, "config", message.trim_end(), "a complete config")
        })?;
        config.validate(source)?;
        Ok(config)
    }

    /// The file that reproduces this config.
    ///
    /// # Errors
    /// Never for a valid config.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::invalid("config", "config", error, "a config"))
    }

    /// Changes single values: `("training.epochs", "3")`.
    ///
    /// # Errors
    /// When a key does not exist or its value has another type.
    pub fn set(&self, assignments: &[(String, String)]) -> Result<Self> {
        let mut root = toml::Value::try_from(self)
            .map_err(|error| Error::invalid("config", "config", error, "a config"))?;
        for (key, value) in assignments {
            assign(&mut root, key, value)?;
        }
        let config: Self = root.try_into().map_err(|error: toml::de::Error| {
            let found = error.to_string();
            Error::invalid("--set", "config", found.trim_end(), "a valid config")
        })?;
        config.validate("--set")?;
        Ok(config)
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
            positive(&field("max_steps"), modality.max_steps, 100_000)?;
        }
        let dropout = &model.dropout;
        for (name, value) in [
            ("embedding", dropout.embedding),
            ("attention", dropout.attention),
            ("feed_forward", dropout.feed_forward),
            ("residual", dropout.residual),
            ("classifier", dropout.classifier),
        ] {
            let field = format!("model.dropout.{name}");
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
        let rate = training.missing_rate;
        let in_range = (0.0..=1.0).contains(&rate);
        check(in_range, "training.missing_rate", &rate, "0 to 1")?;
        let most = training.missing_rate_max;
        let in_range = (rate..=1.0).contains(&most);
        let expected = "training.missing_rate to 1";
        check(in_range, "training.missing_rate_max", &most, expected)?;
        for (name, value) in [
            ("learning_rate", training.learning_rate),
            ("final_learning_rate", training.final_learning_rate),
            ("weight_decay", training.weight_decay),
            ("clip", training.clip),
            ("alpha", training.alpha),
            ("beta", training.beta),
        ] {
            let field = format!("training.{name}");
            let ok = value.is_finite() && value >= 0.0;
            check(ok, &field, &value, "a finite number from 0 up")?;
        }
        Ok(())
    }
}

impl ModelConfig {
    /// Settings of the modality of this name.
    pub fn modality(&self, name: &str) -> ModalityConfig {
        let other = ModalityConfig {
            kernel: 1,
            max_steps: 100,
        };
        let named = self.modality.get(name);
        *named
            .or_else(|| self.modality.get("other"))
            .unwrap_or(&other)
    }
}

fn assign(root: &mut toml::Value, key: &str, text: &str) -> Result<()> {
    let unknown = || Error::invalid("--set", key, "no such key", "a key of the config");
    let mut place = root;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let table = place.as_table_mut().ok_or_else(unknown)?;
        // A modality may be added by name; it starts as a copy of `other`.
        let modality = key.starts_with("model.modality.") && !table.contains_key(part);
        if modality && parts.peek().is_some() {
            let other = table.get("other").cloned().ok_or_else(unknown)?;
            table.insert(part.to_owned(), other);
        }
        place = table.get_mut(part).ok_or_else(unknown)?;
    }
    let wrong = |expected: &str| Error::invalid("--set", key, text, expected);
    *place = match place {
        toml::Value::Integer(_) => {
            toml::Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?)
        }
        toml::Value::Float(_) => toml::Value::Float(text.parse().map_err(|_| wrong("a number"))?),
        toml::Value::Boolean(_) => {
            toml::Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?)
        }
        toml::Value::String(_) => toml::Value::String(text.to_owned()),
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
            preset.set(&[(key.to_owned(), value.to_owned())])
        };
        assert_eq!(set("training.epochs", "3").unwrap().training.epochs, 3);
        assert_eq!(
            set("model.distance", "jsd").unwrap().model.distance,
            Distance::Jsd
        );
        let gaze = set("model.modality.gaze.max_steps", "7").unwrap();
        assert_eq!(gaze.model.modality("gaze").max_steps, 7);
        for (key, value, part) in [
            ("training.epoch", "3", "no such key"),
            ("training.epochs", "three", "a whole number"),
            ("training.missing_rate", "1.5", "expected 0 to 1"),
            ("model.heads", "3", "multiple of model.heads"),
            ("model.distance", "l3", "cmd"),
        ] {
            let error = set(key, value).unwrap_err().to_string();
            assert!(error.contains(part), "{key}: {error}");
        }
    }
}
