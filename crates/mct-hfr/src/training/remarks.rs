//! What a training says before it starts: of its config, of what is left out, and of sequences that are cut.

use mct_corpus::Corpus;

use crate::config::{Config, Interface, ModelConfig, Schedule, System};

/// What of a config does something other than its words make expect.
pub fn remarks(config: &Config, interface: &Interface) -> Vec<String> {
    let system = config.model.system;
    let mut remarks = Vec::new();
    if !config.training.makes_incomplete() && (system.has_lfi() || system.has_gfa()) {
        remarks.push(format!(
            "trained on complete data, {} is {} with dropout between two equal views: nothing is missing that \
             could be imagined or aligned",
            system.title(),
            System::Mct.title(),
        ));
    }
    if !config.training.makes_incomplete() && matches!(system, System::TfrNet | System::EmtDlfr) {
        remarks.push(format!(
            "trained on complete data, {} learns to restore nothing: its two views are equal but for dropout",
            system.title(),
        ));
    }
    let training = &config.training;
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
    remarks
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
