//! Tables as spreadsheets save them: separated by tabs, commas or semicolons, in UTF-8 or UTF-16.

use std::borrow::Cow;

use crate::error::Finding;

/// A table with a head.
#[derive(Debug)]
pub struct Sheet {
    pub columns: Vec<String>,
    /// Line of the file, from 1, and the cells.
    pub rows: Vec<(u64, Vec<String>)>,
}

impl Sheet {
    /// # Errors
    /// When the bytes are no text, there is no head, or a row has not the cells of the head.
    pub fn parse(bytes: &[u8]) -> Result<Self, Finding> {
        let text = text(bytes)?;
        let head = text.lines().next().unwrap_or_default();
        let count = |delimiter: char| head.matches(delimiter).count();
        let delimiter = match (count('\t'), count(';'), count(',')) {
            (1.., _, _) => b'\t',
            (_, semicolons, commas) if semicolons > commas => b';',
            _ => b',',
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut columns: Vec<String> = Vec::new();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| Finding::new("table", error, "rows of cells"))?;
            let line = record.position().map_or(0, |position| {
                // After CR LF a record counts as beginning at the LF.
                let first = text.as_bytes().get(position.byte() as usize);
                position.line() + u64::from(first == Some(&b'\n'))
            });
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if columns.is_empty() {
                columns = cells;
            } else if cells.len() == columns.len() {
                rows.push((line, cells));
            } else if cells.iter().any(|cell| !cell.is_empty()) {
                let found = format!("{} cells", cells.len());
                let expected = format!("{}, as in the head", columns.len());
                return Err(Finding::new(format!("line {line}"), found, expected));
            }
        }
        if columns.iter().all(String::is_empty) {
            let expected = "a line with the names of the columns";
            return Err(Finding::new("line 1", "nothing", expected));
        }
        Ok(Self { columns, rows })
    }

    /// The place of the column of this name, in upper or lower case.
    pub fn column(&self, name: &str) -> Option<usize> {
        let mut columns = self.columns.iter();
        columns.position(|column| column.eq_ignore_ascii_case(name))
    }
}

/// The text of a file with or without a byte-order mark.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Finding> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(Cow::Owned)
            .map_err(|error| Finding::new("text", error, "UTF-16, as its mark says"))
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => {
            let text = std::str::from_utf8(rest).map_err(|error| {
                let expected =
                    "UTF-8, or UTF-16 with its mark (in a spreadsheet: save as CSV UTF-8)";
                Finding::new("text", error, expected)
            })?;
            Ok(Cow::Borrowed(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spreadsheets_save_is_one_table() {
        let plain = "id\tname\na\tb c\n";
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let marked = std::iter::once(0xFEFF).chain(plain.encode_utf16());
            marked.flat_map(unit).collect()
        };
        for bytes in [
            plain.as_bytes().to_vec(),
            "\u{FEFF}id\tname\r\na\tb c\r\n".into(),
            "id,name\na,\"b c\"\n".into(),
            "id;name\na;b c\n\n".into(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
        ] {
            let sheet = Sheet::parse(&bytes).expect("a table");
            assert_eq!(sheet.columns, ["id", "name"]);
            assert_eq!(sheet.rows, [(2, vec!["a".to_owned(), "b c".to_owned()])]);
            assert_eq!(sheet.column("Name"), Some(1));
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let error = |bytes: &[u8]| Sheet::parse(bytes).expect_err("an error").to_string();
        assert!(error(b"").contains("line 1"));
        assert!(error(b"id,name\na\n").contains("line 2: found 1 cells"));
        assert!(error(b"id\n\xFF\n").contains("UTF-8"));
    }
}
