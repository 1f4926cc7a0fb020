//! Tables as spreadsheets save them: separated by tabs, commas or semicolons, in UTF-8 or UTF-16.

use std::borrow::Cow;
use std::ops::Index;

use crate::error::Finding;

/// A table with a head. It takes a few times the bytes of its file, also where cells have a letter each.
#[derive(Debug)]
pub struct Sheet {
    pub columns: Vec<String>,
    /// Line of the file of each row, from 1.
    lines: Vec<u64>,
    /// All cells after each other, row by row.
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
}

/// The cells of a row.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'s> {
    sheet: &'s Sheet,
    row: usize,
}

impl<'s> Cells<'s> {
    pub fn get(self, column: usize) -> &'s str {
        self.sheet.cell(self.row, column)
    }

    pub fn iter(self) -> impl Iterator<Item = &'s str> {
        (0..self.sheet.columns.len()).map(move |column| self.get(column))
    }
}

impl Index<usize> for Cells<'_> {
    type Output = str;

    fn index(&self, column: usize) -> &str {
        self.get(column)
    }
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
        let mut sheet = Self {
            columns: Vec::new(),
            lines: Vec::new(),
            text: String::new(),
            ends: Vec::new(),
        };
        let mut record = csv::StringRecord::new();
        let unreadable = |error| Finding::new("table", error, "rows of cells");
        while reader.read_record(&mut record).map_err(unreadable)? {
            let line = record.position().map_or(0, |position| {
                // After CR LF a record counts as beginning at the LF.
                let first = text.as_bytes().get(position.byte() as usize);
                position.line() + u64::from(first == Some(&b'\n'))
            });
            if sheet.columns.is_empty() {
                sheet.columns = record.iter().map(str::to_owned).collect();
            } else if record.len() == sheet.columns.len() {
                sheet.push(line, &record)?;
            } else if record.iter().any(|cell| !cell.is_empty()) {
                let found = format!("{} cells", record.len());
                let expected = format!("{}, as in the head", sheet.columns.len());
                return Err(Finding::new(format!("line {line}"), found, expected));
            }
        }
        if sheet.columns.iter().all(String::is_empty) {
            let expected = "a line with the names of the columns";
            return Err(Finding::new("line 1", "nothing", expected));
        }
        Ok(sheet)
    }

    fn push(&mut self, line: u64, record: &csv::StringRecord) -> Result<(), Finding> {
        self.lines.push(line);
        for cell in record {
            self.text.push_str(cell);
            let end = u32::try_from(self.text.len());
            let end = end.map_err(|_| {
                let field = format!("line {line}");
                Finding::new(field, "more than 4 GiB of cells", "a smaller table")
            })?;
            self.ends.push(end);
        }
        Ok(())
    }

    /// How many rows there are, without the head.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A cell.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        assert!(column < self.columns.len());
        let place = row * self.columns.len() + column;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[place] as usize]
    }

    /// The line of the file, from 1, and the cells of each row.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Cells<'_>)> {
        let rows = self.lines.iter().enumerate();
        rows.map(|(row, line)| (*line, Cells { sheet: self, row }))
    }

    /// The cells of a column.
    pub fn cells_of(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.len()).map(move |row| self.cell(row, column))
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
            let rows = sheet.rows();
            let rows: Vec<_> = rows
                .map(|(line, cells)| (line, cells.iter().collect()))
                .collect();
            assert_eq!(rows, [(2, vec!["a", "b c"])]);
            assert_eq!(sheet.cells_of(1).collect::<Vec<_>>(), ["b c"]);
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
