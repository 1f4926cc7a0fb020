//! Who speaks, where a file does not say: a table, or a pattern that finds the speaker in the id.

use std::collections::HashMap;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use super::draft::parse_sex;
use super::sheet::Sheet;
use crate::error::{Finding, Result};
use crate::metadata::Sex;

/// Sex and session of speakers, or the speaker of each utterance, from a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeakerTable {
    rows: HashMap<String, SpeakerRow>,
    by_id: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpeakerRow {
    /// Where the table is by utterance.
    pub speaker: Option<String>,
    pub sex: Option<Sex>,
    pub session: Option<String>,
}

impl SpeakerTable {
    /// Reads a table whose first line names the columns `speaker`, `session` and `sex`, in any order;
    /// `session` and `sex` may be left out. With a column `id` it has a line for each utterance instead of
    /// each speaker. Cells are separated by tabs, commas or semicolons. `source` is the table's name for
    /// messages.
    ///
    /// # Errors
    /// Names the line: an unknown column, too few or too many cells, an empty cell, a speaker or id twice,
    /// a sex that is neither `F`, `M`, `female` nor `male`.
    pub fn parse(source: &str, bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|finding| finding.in_file(source))
    }

    fn read(bytes: &[u8]) -> Result<Self, Finding> {
        let sheet = Sheet::parse(bytes)?;
        let names: Vec<String> = sheet
            .columns
            .iter()
            .map(|column| match column.to_ascii_lowercase().as_str() {
                "gender" => "sex".to_owned(),
                column => column.to_owned(),
            })
            .collect();
        let known = |name: &String| matches!(name.as_str(), "id" | "speaker" | "session" | "sex");
        let distinct = |(index, name): (usize, &String)| !names[..index].contains(name);
        if !names.iter().any(|name| name == "speaker")
            || !names.iter().all(known)
            || !names.iter().enumerate().all(distinct)
        {
            let found = format!("columns {}", sheet.columns.join(", "));
            let expected = "`speaker`, and `id`, `session` and `sex` where known";
            return Err(Finding::new("line 1", found, expected));
        }
        let by_id = names.iter().any(|name| name == "id");
        let mut rows = HashMap::new();
        for (line, cells) in sheet.rows() {
            let wrong = |found: String, expected: &str| {
                Finding::new(format!("line {line}"), found, expected)
            };
            if cells.iter().any(str::is_empty) {
                let found = format!("`{}`", cells.iter().collect::<Vec<_>>().join(", "));
                return Err(wrong(found, "a filled cell for every column"));
            }
            let mut key = String::new();
            let mut row = SpeakerRow::default();
            for (name, cell) in names.iter().zip(cells.iter().map(str::to_owned)) {
                match name.as_str() {
                    "id" => key = cell,
                    "speaker" if by_id => row.speaker = Some(cell),
                    "speaker" => key = cell,
                    "session" => row.session = Some(cell),
                    _ => {
                        let sex = parse_sex(&cell);
                        let expected = "F, M, female or male";
                        row.sex = Some(sex.ok_or_else(|| wrong(format!("`{cell}`"), expected))?);
                    }
                }
            }
            if rows.contains_key(&key) {
                let what = if by_id { "utterance" } else { "speaker" };
                let found = format!("{what} `{key}` again");
                return Err(wrong(found, "one line for each"));
            }
            rows.insert(key, row);
        }
        Ok(Self { rows, by_id })
    }

    /// Whether it has a line for each utterance.
    pub(super) fn is_by_id(&self) -> bool {
        self.by_id
    }

    pub(super) fn get(&self, key: &str) -> Option<&SpeakerRow> {
        self.rows.get(key)
    }
}

/// A pattern that finds the speaker in an id.
pub(super) struct IdPattern(Regex);

impl IdPattern {
    /// # Errors
    /// When it is no regular expression.
    pub fn new(pattern: &str) -> Result<Self, Finding> {
        let regex = Regex::new(pattern);
        let regex = regex.map_err(|error| {
            let found = format!("`{pattern}` ({error})");
            Finding::new("speaker from id", found, "a regular expression")
        })?;
        Ok(Self(regex))
    }

    /// What the pattern's first group matches, or the whole pattern where it has none.
    ///
    /// # Errors
    /// When the pattern does not match.
    pub fn speaker(&self, id: &str) -> Result<String, Finding> {
        let found = self.0.captures(id);
        let group = found.and_then(|groups| groups.get(1).or_else(|| groups.get(0)));
        let speaker = group.map(|group| group.as_str()).filter(|s| !s.is_empty());
        speaker.map(str::to_owned).ok_or_else(|| {
            let expected = format!("an id that `{}` finds a speaker in", self.0.as_str());
            Finding::new("speaker from id", format!("`{id}`"), expected)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speaker_is_the_first_group_or_the_match() {
        let speaker = |pattern: &str, id: &str| IdPattern::new(pattern)?.speaker(id);
        assert_eq!(
            speaker("Actor_([0-9]+)", "03-01/Actor_07").ok().as_deref(),
            Some("07")
        );
        assert_eq!(
            speaker("^Ses..[FM]", "Ses01F_impro01").ok().as_deref(),
            Some("Ses01F")
        );
        let error = speaker("Actor_([0-9]+)", "clip").expect_err("no match");
        assert!(error.to_string().contains("found `clip`"), "{error}");
        assert!(speaker("(", "clip").is_err());
    }

    #[test]
    fn a_table_is_by_speaker_or_by_utterance() {
        let table = SpeakerTable::parse("t", b"speaker,sex\ns0,female\ns1,M\n").expect("a table");
        assert!(!table.is_by_id());
        assert_eq!(table.get("s0").and_then(|row| row.sex), Some(Sex::Female));
        let table = SpeakerTable::parse("t", b"id\tspeaker\tGender\nu0\ts1\tm\n").expect("a table");
        let row = table.get("u0").expect("a row");
        assert_eq!(
            (row.speaker.as_deref(), row.sex),
            (Some("s1"), Some(Sex::Male))
        );
    }
}
