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

/// Findings about the feature values, one for each sequence that holds NaN or infinity.
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
        let mut sessions: Vec<SessionInfo> = match self.metadata.sessions.as_slice() {
            [] => vec![SessionInfo::new("all", classes.len())],
            names => names
                .iter()
                .map(|name| SessionInfo::new(name, classes.len()))
                .collect(),
        };
        for utterance in &self.utterances {
            let session = &mut sessions[utterance.session.unwrap_or(0)];
            session.utterances += 1;
            session.by_class[utterance.label] += 1;
        }
        let mut durations: Vec<f32> = self.utterances.iter().map(|u| u.duration_secs).collect();
        durations.sort_by(f32::total_cmp);
        Info {
            title: self.metadata.title.clone(),
            licence: self.metadata.licence.clone(),
            synthetic: self.metadata.synthetic,
            utterances: self.len(),
            speakers: self.metadata.speakers.len(),
            classes,
            sessions,
            duration_secs: Percentiles::of(&durations),
            modalities: self.modalities.iter().map(|m| self.describe(m)).collect(),
        }
    }

    fn describe(&self, modality: &Modality) -> ModalityInfo {
        let mut steps: Vec<f32> = (0..self.len()).map(|i| modality.steps(i) as f32).collect();
        steps.sort_by(f32::total_cmp);
        let mut found = NonFinite::default();
        for index in 0..self.len() {
            let NonFinite { nan, infinite } = non_finite(&modality.values(index));
            found.nan += nan;
            found.infinite += infinite;
        }
        ModalityInfo {
            name: modality.name.clone(),
            features: modality.dim,
            rate_hz: modality.rate_hz,
            unknown_vector: modality.unknown.is_some(),
            total_steps: modality.total_steps(),
            steps: Percentiles::of(&steps),
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
    pub speakers: usize,
    pub classes: Vec<String>,
    pub sessions: Vec<SessionInfo>,
    pub duration_secs: Percentiles,
    pub modalities: Vec<ModalityInfo>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SessionInfo {
    pub name: String,
    pub utterances: usize,
    pub by_class: Vec<usize>,
}

impl SessionInfo {
    fn new(name: &str, classes: usize) -> Self {
        Self {
            name: name.to_owned(),
            utterances: 0,
            by_class: vec![0; classes],
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct ModalityInfo {
    pub name: String,
    pub features: usize,
    pub rate_hz: Option<f32>,
    pub unknown_vector: bool,
    pub total_steps: usize,
    pub steps: Percentiles,
    pub non_finite: NonFinite,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Percentiles {
    pub min: f32,
    pub p25: f32,
    pub p50: f32,
    pub p75: f32,
    pub p95: f32,
    pub max: f32,
}

impl Percentiles {
    /// Of sorted values, nearest rank.
    fn of(sorted: &[f32]) -> Self {
        let quantile = |share: f32| {
            let last = sorted.len().saturating_sub(1);
            let index = (share * last as f32).round() as usize;
            sorted.get(index).copied().unwrap_or(0.0)
        };
        Self {
            min: quantile(0.0),
            p25: quantile(0.25),
            p50: quantile(0.5),
            p75: quantile(0.75),
            p95: quantile(0.95),
            max: quantile(1.0),
        }
    }
}
