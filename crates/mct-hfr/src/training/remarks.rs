//! What a training says before it starts: of its config, of what is left out, and of sequences that are truncated.

use mct_corpus::Corpus;

use crate::config::{
    ClassWeights, Config, InputShape, Interface, ModelConfig, Schedule, Strategy, System,
};
use crate::data::FeatureStatistics;

/// What of a config does something other than its words make expect.
pub fn remarks(config: &Config, interface: &Interface) -> Vec<String> {
    let system = config.model.system;
    let mut remarks = Vec::new();
    let training = &config.training;
    let mct = System::Mct.title();
    let never_missing = |shape: &InputShape| training.modality_rates.get(&shape.name) == Some(&0.0);
    let modalities = interface.modalities.len();
    let takes_away = training.absent_modality > 0.0 && modalities > 1;
    let is_masked = takes_away || !interface.modalities.iter().all(never_missing);
    // One modality is never taken away.
    let mut without = training.clone();
    without.absent_modality = if takes_away {
        training.absent_modality
    } else {
        0.0
    };
    let makes_incomplete = without.makes_incomplete() && is_masked;
    if !makes_incomplete && system.has_gfa() {
        remarks.push(format!(
            "trained on complete data, {} is {mct} with dropout between two equal views: nothing is missing that \
             could be imagined or aligned",
            system.title(),
        ));
    } else if !makes_incomplete && system.has_lfi() {
        remarks.push(format!(
            "trained on complete data, {} is {mct}: nothing is missing that could be imagined",
            system.title(),
        ));
    }
    let weights = training.weights(system);
    if (system.has_lfi() || system.has_gfa()) && weights.values().all(|weight| *weight == 0.0) {
        remarks.push(format!(
            "with all loss weights 0, {} is {mct}",
            system.title()
        ));
    }
    let auxiliary = !system.loss_terms().is_empty();
    if auxiliary && training.auxiliary_from_epoch >= training.epochs {
        remarks.push(format!(
            "training.auxiliary_from_epoch={}: {} has none of its further losses in {} epochs",
            training.auxiliary_from_epoch,
            system.title(),
            training.epochs,
        ));
    }
    if !makes_incomplete && matches!(system, System::TfrNet | System::EmtDlfr) {
        remarks.push(format!(
            "trained on complete data, {} learns to restore nothing: its two views are equal but for dropout",
            system.title(),
        ));
    }
    let of_modalities = interface.modalities.iter();
    let mut rates = of_modalities.map(|shape| training.modality_rates.get(&shape.name));
    if rates.all(|rate| rate == Some(&1.0)) {
        remarks.push(
            "training.modality_rates: every step of an incomplete sample is missing: nothing can be learned from it"
                .to_owned(),
        );
    }
    if training.absent_modality > 0.0 && modalities == 1 {
        remarks.push(
            "training.absent_modality: there is one modality, which is never taken away".to_owned(),
        );
    }
    let is_drawn =
        training.strategy == Strategy::Dynamic && training.missing_rate < training.missing_rate_max;
    if training.rate_per_modality && !is_drawn {
        remarks.push(
            "training.rate_per_modality: no rate is drawn, so that it is the same in all modalities".to_owned(),
        );
    }
    if training.balanced_batches && training.class_weights == ClassWeights::Balanced {
        remarks.push(
            "training.balanced_batches and training.class_weights=balanced: rare classes are made up for twice"
                .to_owned(),
        );
    }
    let compared = match system {
        System::EmtDlfr => Some("attraction"),
        System::Misa => Some("difference"),
        _ => None,
    };
    if let Some(term) = compared.filter(|_| training.batch_size == 1) {
        remarks.push(format!(
            "training.batch_size=1: the {term} loss of {} is over the utterances of a batch, and nothing is learned \
             from it with one",
            system.title(),
        ));
    }
    let is_level = training.final_learning_rate == training.learning_rate;
    if training.schedule == Schedule::Cosine && is_level {
        remarks.push(format!(
            "training.schedule=cosine: the learning rate stays at {0}, since training.final_learning_rate is {0} too",
            training.learning_rate,
        ));
    }
    if system == System::Chfn
        && interface.text().is_none()
        && let Some(last) = interface.modalities.last()
    {
        remarks.push(format!(
            "no modality is called `text`: CHFN shifts the steps of {}, the last one, as if they were words",
            last.name,
        ));
    }
    if system == System::Misa && interface.text().is_none() {
        remarks.push(
            "no modality is called `text`: MISA reads all of them with its LSTM, as it does audio and vision"
                .to_owned(),
        );
    }
    remarks
}

/// What weights that were trained with the settings `theirs` compute otherwise with the settings `own`, though their
/// shapes fit; `source` is where they come from.
pub fn computes_otherwise(source: &str, theirs: &ModelConfig, own: &ModelConfig) -> Vec<String> {
    // What else is a setting of the network has shapes of its own, is of dropout, or of a loss.
    const SETTINGS: [&str; 8] = [
        "heads",
        "positions",
        "balance",
        "extrapolation",
        "standardize",
        "scaled_input",
        "outer_residual",
        "queries",
    ];
    let systems = [theirs, own].map(|model| model.system);
    let tables = [theirs, own].map(|model| toml::Value::try_from(model).ok());
    let [Some(theirs), Some(own)] = tables else {
        return Vec::new();
    };
    let differs = |key: &&str| {
        let key_of_config = format!("model.{key}");
        let is_used = systems.iter().all(|system| system.uses(&key_of_config));
        is_used && theirs.get(key) != own.get(key)
    };
    let said = |key: &str| {
        let [theirs, own] = [&theirs, &own].map(|table| {
            let value = table.get(key);
            value.map_or_else(String::new, toml::Value::to_string)
        });
        format!(
            "{source} was trained with model.{key}={theirs}, this has {own}: the same weights compute something else"
        )
    };
    SETTINGS.into_iter().filter(differs).map(said).collect()
}

/// Says that an utterance that would be a batch of its own is left out of each epoch, where a training set has this
/// many utterances and the model has batch norm.
pub fn left_out(config: &Config, utterances: usize) -> Option<String> {
    let alone = utterances.checked_rem(config.training.batch_size) == Some(1);
    (alone && config.model.needs_batches()).then(|| {
        format!(
            "each epoch of {} leaves out an utterance that would be a batch of its own: batch norm needs two",
            config.model.system.title()
        )
    })
}

/// Features of a root mean square above this are far from the scale that layers are initialised for.
const LARGE: f64 = 10.0;

/// Says of each modality whose features are large that they are not standardised, where they are not.
pub fn unscaled(
    interface: &Interface,
    config: &ModelConfig,
    statistics: &[FeatureStatistics],
) -> Vec<String> {
    let of_modality = |(shape, statistics): (&InputShape, &FeatureStatistics)| {
        let pairs = statistics.mean.iter().zip(&statistics.deviation);
        let squares: f64 = pairs
            .map(|(mean, deviation)| f64::from(*mean).powi(2) + f64::from(*deviation).powi(2))
            .sum();
        let size = (squares / shape.features.max(1) as f64).sqrt();
        (!config.standardize && size > LARGE).then(|| {
            format!(
                "{}: features have a root mean square of {size:.0} and are not standardised \
                 (model.standardize=true does)",
                shape.name
            )
        })
    };
    let pairs = interface.modalities.iter().zip(statistics);
    pairs.filter_map(of_modality).collect()
}

/// Says of each modality how many sequences of the utterances `indices` are longer than the model's
/// `max_steps`.
pub fn truncations(corpus: &Corpus, config: &ModelConfig, indices: &[usize]) -> Vec<String> {
    let of_modality = |modality: &mct_corpus::Modality| {
        let most = config.max_steps(&modality.name);
        let steps = indices.iter().map(|index| modality.steps(*index));
        let longest = steps.clone().max()?;
        let count = steps.filter(|steps| *steps > most).count();
        let (name, all) = (&modality.name, indices.len());
        (count > 0).then(|| {
            format!(
                "{name}: {count} of {all} sequences are truncated to {most} of up to {longest} steps \
                 (model.modality.{name}.max_steps={longest} reads all of them)"
            )
        })
    };
    corpus.modalities.iter().filter_map(of_modality).collect()
}
