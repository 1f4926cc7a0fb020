//! Output and exit codes.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::Result;
use serde::Serialize;

/// A usage error: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Marks an error as a usage error.
pub fn usage(error: impl fmt::Display) -> anyhow::Error {
    Usage(error.to_string()).into()
}

/// A usage error where the run folder holds a run already.
pub fn existing_run(error: mct_runs::Error) -> anyhow::Error {
    match error {
        mct_runs::Error::Exists { folder } => usage(format!(
            "{folder} already holds a run; continue it with `mct-hfr resume {folder}` or choose another folder"
        )),
        error => error.into(),
    }
}

/// Stopped by Ctrl-C: exit code 130.
#[derive(Debug)]
pub struct Interrupted(pub String);

impl Interrupted {
    /// Of work on the run in this folder, which goes on from where it was.
    pub fn resumable(run: impl fmt::Display) -> Self {
        Self(format!("interrupted; continue with `mct-hfr resume {run}`"))
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// A word as a POSIX shell takes it, whatever is in it.
pub fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/=,:+@%".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Why nothing is printed any more.
static CLOSED: OnceLock<io::Error> = OnceLock::new();

/// Prints to standard output. Where its reader has closed it (`| head`) or its disk is full nothing is printed
/// any more, and what the command makes besides is made all the same; see [`printed`].
pub fn say(text: impl fmt::Display) {
    if CLOSED.get().is_none()
        && let Err(error) = writeln!(io::stdout(), "{}", plain(&text.to_string()))
    {
        let _ = CLOSED.set(error);
    }
}

/// Whether everything was printed that somebody wanted to read.
///
/// # Errors
/// When standard output could not be written, but for a reader that has closed it.
pub fn printed() -> Result<()> {
    // What is still in the buffer.
    if CLOSED.get().is_none()
        && let Err(error) = io::stdout().flush()
    {
        let _ = CLOSED.set(error);
    }
    match CLOSED.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Prints progress and remarks to standard error; that it is closed is not an error.
pub fn remark(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", plain(&text.to_string()));
}

/// Text without what steers a terminal: an id or a title may hold anything.
fn plain(text: &str) -> Cow<'_, str> {
    // Also what turns the direction of letters.
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || turns(c);
    match text.contains(steers) {
        true => Cow::Owned(text.replace(steers, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A cell of a table: in one line, without the character that ends a cell, and no formula.
pub fn cell(text: &str) -> String {
    let line = text.replace(['\t', '\n', '\r'], " ");
    mct_corpus::formula::defused(&line).into_owned()
}

/// Prints one value as a line of JSON.
pub fn say_json(value: &impl Serialize) -> Result<()> {
    say(serde_json::to_string(value)?);
    Ok(())
}

/// Prints the error and returns the exit code.
pub fn failure(error: &anyhow::Error) -> ExitCode {
    if error.is::<Interrupted>() {
        remark(error);
        return ExitCode::from(130);
    }
    remark(format!("error: {error:#}"));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// A table whose first column is left- and whose other columns are right-aligned.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cell: &str| cell.replace(['\t', '\n', '\r'], " ");
    let header: Vec<String> = header.iter().map(|cell| line(cell)).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = (rows.iter())
        .map(|row| row.iter().map(|cell| line(cell)).collect())
        .collect();
    let (header, rows) = (&header[..], &rows[..]);
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// A score from 0 to 1, with three decimals.
pub fn score(value: f64) -> String {
    format!("{value:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\tb\nc"), "a\tb\nc");
        assert_eq!(
            plain("\u{1b}[2Jgone\u{7}\u{9b}"),
            "\u{fffd}[2Jgone\u{fffd}\u{fffd}"
        );
        assert_eq!(cell("a\tb\r\nc"), "a b  c");
    }
}
