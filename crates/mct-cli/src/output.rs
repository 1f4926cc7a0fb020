//! Output and exit codes.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

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

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Prints to standard output. Where its reader has closed it (`| head`) nothing is printed any more, and what
/// the command makes besides is made all the same.
///
/// # Errors
/// When it cannot be written for another reason, such as a full disk.
pub fn say(text: impl fmt::Display) -> Result<()> {
    static CLOSED: AtomicBool = AtomicBool::new(false);
    if CLOSED.load(Ordering::Relaxed) {
        return Ok(());
    }
    match writeln!(io::stdout(), "{}", plain(&text.to_string())) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            CLOSED.store(true, Ordering::Relaxed);
            Ok(())
        }
        printed => Ok(printed?),
    }
}

/// Prints progress and remarks to standard error; that it is closed is not an error.
pub fn remark(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", plain(&text.to_string()));
}

/// Text without what steers a terminal: an id or a title may hold anything.
fn plain(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    match text.contains(steers) {
        true => Cow::Owned(text.replace(steers, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A cell of a table: in one line, and without the character that ends a cell.
pub fn cell(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

/// Prints one value as a line of JSON.
pub fn say_json(value: &impl Serialize) -> Result<()> {
    say(serde_json::to_string(value)?)
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
