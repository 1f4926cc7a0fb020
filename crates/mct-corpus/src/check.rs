//! Everything that is wrong with the structure of a corpus.

use std::collections::HashMap;

use crate::error::Finding;
use crate::metadata::{Column, Metadata, Utterance};
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
    if metadata.classes.len() == 1 {
        let expected = "2 or more, or none";
        findings.push(Finding::new("header.classes", 1, expected));
    }
    if modalities.is_empty() {
        findings.push(Finding::new("header.modalities", 0, "1 or more"));
    }
    let ids = utterances.iter().map(|u| u.id.as_str());
    names(ids, "ids", &mut findings);
    let classes = metadata.classes.iter().map(String::as_str);
    names(classes, "header.classes", &mut findings);
    let targets = metadata.targets.iter().map(|t| t.name.as_str());
    names(targets, "header.targets", &mut findings);
    let speakers = metadata.speakers.iter().map(|s| s.name.as_str());
    names(speakers, "header.speakers", &mut findings);
    let modality_names = modalities.iter().map(|m| m.name.as_str());
    names(modality_names, "header.modalities", &mut findings);
    for (index, target) in metadata.targets.iter().enumerate() {
        let [low, high] = target.range;
        if !(low.is_finite() && high.is_finite() && low < high) {
            let field = format!("header.targets[{index}].range");
            let found = format!("{low} to {high}");
            findings.push(Finding::new(
                field,
                found,
                "finite ends, the lower one first",
            ));
        }
    }

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
        for (field, number, bound) in [
            ("labels", utterance.label, metadata.classes.len()),
            ("speakers", utterance.speaker, metadata.speakers.len()),
            ("sessions", utterance.session, metadata.sessions.len()),
        ] {
            if let Some(number) = number {
                below(field, number, bound);
            }
        }
        let count = metadata.targets.len();
        if utterance.targets.len() != count {
            let field = format!("targets[{index}] ({id})");
            let found = utterance.targets.len();
            findings.push(Finding::new(field, found, count));
        }
        if utterance.targets.iter().flatten().any(|t| !t.is_finite()) {
            let field = format!("targets[{index}] ({id})");
            findings.push(Finding::new(field, "NaN or infinity", "finite numbers"));
        }
        if let Some(secs) = utterance.duration_secs.filter(|secs| !is_duration(*secs)) {
            let field = format!("durations_secs[{index}] ({id})");
            findings.push(Finding::new(field, secs, "a finite number above 0"));
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
        if modality.dim > MOST_FEATURES {
            let field = format!("modality.{name}.values");
            let found = format!("{} features", modality.dim);
            findings.push(Finding::new(
                field,
                found,
                format!("{MOST_FEATURES} or fewer"),
            ));
        }
        if let Some(place) = modality.mask_bytes().and_then(not_a_flag) {
            let field = format!("modality.{name}.missing[{place}]");
            findings.push(Finding::new(
                field,
                "another value",
                "0, or 1 where the step is missing",
            ));
        }
        let unknown = modality.unknown.iter().flatten();
        if unknown.clone().any(|value| !value.is_finite()) {
            let field = format!("modality.{name}.unknown");
            findings.push(Finding::new(field, "NaN or infinity", "finite values"));
        }
        if let Some(unknown) = &modality.unknown
            && (unknown.is_empty() || unknown.len() % modality.dim.max(1) != 0)
        {
            let expected = format!("rows of {} features", modality.dim);
            let field = format!("modality.{name}.unknown");
            findings.push(Finding::new(
                field,
                format!("{} values", unknown.len()),
                expected,
            ));
        }
    }
    findings
}

/// No extractor has as many, and a file without steps could claim any number.
const MOST_FEATURES: usize = 1 << 20;

fn is_duration(secs: f32) -> bool {
    secs.is_finite() && secs > 0.0
}

fn not_a_flag(mask: &[u8]) -> Option<usize> {
    mask.iter().position(|flag| *flag > 1)
}

/// Findings about the further columns of a corpus of `n` utterances.
pub(crate) fn columns(columns: &[Column], n: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let column_names = columns.iter().map(|column| column.name.as_str());
    names(column_names, "header.columns", &mut findings);
    for column in columns.iter().filter(|column| column.cells.len() != n) {
        let found = format!("{} cells", column.cells.len());
        findings.push(Finding::new(format!("column.{}", column.name), found, n));
    }
    findings
}

/// Each of `names` has to be there once, and not empty.
fn names<'n>(names: impl Iterator<Item = &'n str>, field: &str, findings: &mut Vec<Finding>) {
    let mut seen = HashMap::new();
    for (index, name) in names.enumerate() {
        let field = format!("{field}[{index}]");
        if name.is_empty() {
            findings.push(Finding::new(&field, "an empty name", "a name"));
        }
        if let Some(first) = seen.insert(name, index) {
            let found = format!("`{name}` again (first at {first})");
            findings.push(Finding::new(field, found, "a name once"));
        }
    }
}
