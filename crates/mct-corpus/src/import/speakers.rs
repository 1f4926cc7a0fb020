//! A table of speakers that says what a file does not: sex and session.

use std::collections::HashMap;

use crate::error::{CorpusError, Result};
use crate::metadata::Sex;

/// Sex and session of speakers, from a table with tabs between its cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpeakerTable {
    rows: HashMap<String, SpeakerRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SpeakerRow {
    pub sex: Option<Sex>,
    pub session: Option<String>,
}

impl SpeakerTable {
    /// Reads a table whose first line names the columns `speaker`, `session` and `sex`, in any order
    /// and with tabs between them; `session` and `sex` may be left out. Sex is `F` or `M`. `source`
    /// is the table's name for messages.
    ///
    /// # Errors
    /// Names the line: an unknown column, too few or too many cells, an empty cell, a speaker twice,
    /// a sex that is neither `F` nor `M`.
    pub fn parse(source: &str, text: &str) -> Result<Self> {
        let mut lines = text.lines().enumerate();
        let header = lines.next().map_or("", |(_, line)| line);
        let columns: Vec<&str> = header.split('\t').collect();
        let known = |column: &&str| matches!(*column, "speaker" | "session" | "sex");
        let distinct = |(index, column): (usize, &&str)| !columns[..index].contains(column);
        if !columns.contains(&"speaker")
            || !columns.iter().all(known)
            || !columns.iter().enumerate().all(distinct)
        {
            let expected = "`speaker`, and `session` and `sex` where known, with tabs between";
            let found = format!("`{header}`");
            return Err(CorpusError::invalid(source, "line 1", found, expected));
        }
        let mut rows = HashMap::new();
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |found: String, expected: &str| {
                let field = format!("line {}", index + 1);
                CorpusError::invalid(source, field, found, expected)
            };
            let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
            if cells.len() != columns.len() || cells.iter().any(|cell| cell.is_empty()) {
                let expected = "a filled cell for every column";
                return Err(wrong(format!("`{line}`"), expected));
            }
            let mut speaker = "";
            let mut row = SpeakerRow::default();
            for (column, cell) in columns.iter().zip(cells) {
                match *column {
                    "speaker" => speaker = cell,
                    "session" => row.session = Some(cell.to_owned()),
                    _ => {
                        let sex = parse_sex(cell);
                        row.sex = Some(sex.ok_or_else(|| wrong(format!("`{cell}`"), "F or M"))?);
                    }
                }
            }
            if rows.insert(speaker.to_owned(), row).is_some() {
                return Err(wrong(
                    format!("speaker `{speaker}` again"),
                    "a speaker once",
                ));
            }
        }
        Ok(Self { rows })
    }

    pub(super) fn get(&self, speaker: &str) -> Option<&SpeakerRow> {
        self.rows.get(speaker)
    }
}

pub(super) fn parse_sex(text: &str) -> Option<Sex> {
    match text {
        "F" => Some(Sex::Female),
        "M" => Some(Sex::Male),
        _ => None,
    }
}
