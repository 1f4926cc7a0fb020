//! What a corpus holds, and values that no model can take.

use serde::Serialize;

use crate::corpus::Corpus;
use crate::error::{Finding, Result};
use crate::modality::Modality;

/// Counts of values that no model can take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NonFinite {
    pub nan: usize,
    pub infinite: usize,
}

fn non_finite(values: &[f32]) -> NonFinite {
    NonFinite {
        nan: values.iter().filter(|v| v.is_nan()).count(),
        infinite: values.iter().filter(|v| v.is_infinite()).count(),
    }
}

/// Findings about the feature values, one for each sequence that holds NaN or infinity where it is not
/// marked as missing.
pub fn values(corpus: &Corpus) -> Vec<Finding> {
    let mut findings = Vec::new();
    for modality in &corpus.modalities {
        for (index, utterance) in corpus.utterances.iter().enumerate() {
            let NonFinite { nan, infinite } = non_finite(&modality.values(index));
            if nan + infinite > 0 {
                let field = format!("modality.{} of [{index}] ({})", modality.name, utterance.id);
                let found = format!("{nan} NaN and {infinite} infinite values");
                findings.push(Finding::new(field, found, "finite values"));
            }
        }
    }
    findings
}

impl Corpus {
    /// Refuses a corpus with NaN or infinity in its features.
    ///
    /// # Errors
    /// Names the first such sequence and how many there are.
    pub fn require_finite(&self) -> Result<()> {
        let findings = values(self);
        let count = findings.len();
        match findings.into_iter().next() {
            None => Ok(()),
            Some(mut first) => {
                first.expected += &format!(" ({count} such sequences)");
                Err(first.in_file(&self.source))
            }
        }
    }

    /// What the corpus holds.
    pub fn info(&self) -> Info {
        let classes = self.metadata.classes.clone();
        let count = classes.len();
        let names = self.metadata.sessions.iter();
        let mut sessions: Vec<SessionInfo> =
            names.map(|name| SessionInfo::new(name, count)).collect();
        if self.utterances.iter().any(|u| u.session.is_none()) {
            let name = if sessions.is_empty() { "all" } else { "none" };
            sessions.push(SessionInfo::new(name, count));
        }
        for utterance in &self.utterances {
            let last = sessions.len() - 1;
            let session = &mut sessions[utterance.session.unwrap_or(last)];
            session.utterances += 1;
            match utterance.label {
                Some(label) => session.by_class[label] += 1,
                None => session.unlabelled += 1,
            }
        }
        let durations = self.utterances.iter().filter_map(|u| u.duration_secs);
        let targets = self.metadata.targets.iter().enumerate();
        Info {
            title: self.metadata.title.clone(),
            licence: self.metadata.licence.clone(),
            synthetic: self.metadata.synthetic,
            utterances: self.len(),
            all_missing: (0..self.len()).filter(|i| self.is_all_missing(*i)).count(),
            speakers: self.metadata.speakers.len(),
            speakers_guessed_from: self.metadata.speakers_guessed_from.clone(),
            unknown_speakers: self
                .utterances
                .iter()
                .filter(|u| u.speaker.is_none())
                .count(),
            classes,
            targets: targets
                .map(|(index, target)| TargetInfo {
                    name: target.name.clone(),
                    range: target.range,
                    values: Percentiles::of(
                        self.utterances.iter().filter_map(|u| u.targets[index]),
                    ),
                })
                .collect(),
            sessions,
            duration_secs: Percentiles::of(durations),
            columns: self.columns.iter().map(|c| c.name.clone()).collect(),
            modalities: self.modalities.iter().map(|m| self.describe(m)).collect(),
        }
    }

    fn describe(&self, modality: &Modality) -> ModalityInfo {
        let mut found = NonFinite::default();
        for index in 0..self.len() {
            let NonFinite { nan, infinite } = non_finite(&modality.values(index));
            found.nan += nan;
            found.infinite += infinite;
        }
        let steps = (0..self.len()).map(|index| modality.steps(index));
        let missing = (0..self.len()).map(|index| modality.missing_steps(index));
        ModalityInfo {
            name: modality.name.clone(),
            features: modality.dim,
            rate_hz: modality.rate_hz,
            unknown_vector: modality.unknown.is_some(),
            extractor: modality.extractor.clone(),
            total_steps: modality.total_steps(),
            absent: steps.clone().filter(|steps| *steps == 0).count(),
            missing_steps: missing.sum(),
            steps: Percentiles::of(steps.map(|steps| steps as f32)),
            non_finite: found,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Info {
    pub title: String,
    pub licence: String,
    pub synthetic: bool,
    pub utterances: usize,
    /// Utterances without a single step of any modality that is not missing by nature.
    pub all_missing: usize,
    pub speakers: usize,
    pub speakers_guessed_from: Option<String>,
    /// Utterances of which nobody knows who speaks.
    pub unknown_speakers: usize,
    pub classes: Vec<String>,
    pub targets: Vec<TargetInfo>,
    pub sessions: Vec<SessionInfo>,
    /// Of the utterances whose duration is known.
    pub duration_secs: Percentiles,
    /// Names of the further columns.
    pub columns: Vec<String>,
    pub modalities: Vec<ModalityInfo>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SessionInfo {
    pub name: String,
    pub utterances: usize,
    pub by_class: Vec<usize>,
    /// Utterances without a class.
    pub unlabelled: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct TargetInfo {
    pub name: String,
    pub range: [f32; 2],
    /// Of the utterances that are rated.
    pub values: Percentiles,
}

impl SessionInfo {
    fn new(name: &str, classes: usize) -> Self {
        Self {
            name: name.to_owned(),
            utterances: 0,
            by_class: vec![0; classes],
            unlabelled: 0,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct ModalityInfo {
    pub name: String,
    pub features: usize,
    pub rate_hz: Option<f32>,
    pub unknown_vector: bool,
    /// What made the features of recordings, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extractor: Option<String>,
    pub total_steps: usize,
    /// Utterances that do not have the modality.
    pub absent: usize,
    /// Steps that are marked as missing by nature.
    pub missing_steps: usize,
    pub steps: Percentiles,
    pub non_finite: NonFinite,
}

/// Percentiles by nearest rank.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Percentiles {
    /// How many values there are; without any all others are 0.
    pub count: usize,
    pub min: f32,
    pub p25: f32,
    pub p50: f32,
    pub p75: f32,
    pub p95: f32,
    pub max: f32,
}

impl Percentiles {
    fn of(values: impl Iterator<Item = f32>) -> Self {
        let mut sorted: Vec<f32> = values.collect();
        sorted.sort_by(f32::total_cmp);
        let quantile = |share: f32| {
            let last = sorted.len().saturating_sub(1);
            let index = (share * last as f32).round() as usize;
            sorted.get(index).copied().unwrap_or(0.0)
        };
        Self {
            count: sorted.len(),
            min: quantile(0.0),
            p25: quantile(0.25),
            p50: quantile(0.5),
            p75: quantile(0.75),
            p95: quantile(0.95),
            max: quantile(1.0),
        }
    }
}
