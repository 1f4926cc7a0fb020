//! Everything that is wrong with the structure of a corpus.

use std::collections::HashMap;

use crate::error::Finding;
use crate::metadata::{Metadata, Utterance};
use crate::modality::Modality;

/// Findings about the structure: what must hold before any other code may touch the corpus.
pub(crate) fn structure(
    metadata: &Metadata,
    utterances: &[Utterance],
    modalities: &[Modality],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let n = utterances.len();
    if n == 0 {
        findings.push(Finding::new("utterances", 0, "1 or more"));
    }
    if metadata.classes.len() < 2 {
        let found = metadata.classes.len();
        findings.push(Finding::new("header.classes", found, "2 or more"));
    }
    if modalities.is_empty() {
        findings.push(Finding::new("header.modalities", 0, "1 or more"));
    }
    let names = |names: Vec<&str>, field: &str, findings: &mut Vec<Finding>| {
        let mut seen = HashMap::new();
        for (index, name) in names.into_iter().enumerate() {
            if let Some(first) = seen.insert(name.to_owned(), index) {
                let found = format!("`{name}` again (first at {first})");
                findings.push(Finding::new(
                    format!("{field}[{index}]"),
                    found,
                    "a name once",
                ));
            }
        }
    };
    let ids = utterances.iter().map(|u| u.id.as_str()).collect();
    names(ids, "ids", &mut findings);
    let speakers = metadata.speakers.iter().map(|s| s.name.as_str()).collect();
    names(speakers, "header.speakers", &mut findings);
    let modality_names = modalities.iter().map(|m| m.name.as_str()).collect();
    names(modality_names, "header.modalities", &mut findings);

    let has_sides = utterances.iter().any(|u| u.side.is_some());
    for (index, utterance) in utterances.iter().enumerate() {
        let id = &utterance.id;
        let mut below = |field: &str, value: usize, bound: usize| {
            if value >= bound {
                let expected = format!("below {bound}");
                findings.push(Finding::new(
                    format!("{field}[{index}] ({id})"),
                    value,
                    expected,
                ));
            }
        };
        below("labels", utterance.label, metadata.classes.len());
        below("speakers", utterance.speaker, metadata.speakers.len());
        if let Some(session) = utterance.session {
            below("sessions", session, metadata.sessions.len());
        } else if !metadata.sessions.is_empty() {
            let field = format!("sessions[{index}] ({id})");
            findings.push(Finding::new(field, "none", "a session for every utterance"));
        }
        if has_sides && utterance.side.is_none() {
            let field = format!("sides[{index}] ({id})");
            findings.push(Finding::new(field, "none", "a side for every utterance"));
        }
        if !(utterance.duration_secs.is_finite() && utterance.duration_secs >= 0.0) {
            let field = format!("durations_secs[{index}] ({id})");
            let found = utterance.duration_secs;
            findings.push(Finding::new(field, found, "a finite number from 0 up"));
        }
    }
    for modality in modalities {
        let name = &modality.name;
        if modality.offsets.len() != n + 1 {
            let field = format!("modality.{name}.offsets");
            let found = format!("{} offsets", modality.offsets.len());
            findings.push(Finding::new(field, found, n + 1));
            continue;
        }
        for (index, utterance) in utterances.iter().enumerate() {
            if modality.steps(index) == 0 {
                let field = format!("modality.{name} of [{index}] ({})", utterance.id);
                findings.push(Finding::new(field, "0 steps", "1 or more"));
            }
        }
        let unknown = modality.unknown.iter().flatten();
        if unknown.clone().any(|value| !value.is_finite()) {
            let field = format!("modality.{name}.unknown");
            findings.push(Finding::new(field, "NaN or infinity", "finite values"));
        }
    }
    findings
}
