//! A report folder: one self-contained HTML file, and the figures and numbers as files.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use mct_corpus::{Corpus, Task, atomic};
use mct_figures::{self as draw, Line};
use mct_hfr::training::learning_curves;
use mct_scores::{Bin, Metric, Predicted};

use crate::assess::{Assessment, Source};
use crate::corrupted;
use crate::output::score;
use crate::tables::{
    calibration_note, calibration_rows, class_rows, duration_rows, heading, interval_note,
    run_rows, sections,
};

/// Rates whose confusion matrix is drawn: those of the paper's figure 8.
const CONFUSION_RATES: [f64; 2] = [0.0, 0.5];

/// Writes `report.html`, `report.md`, `evaluation.json` and the figures.
///
/// # Errors
/// When a figure cannot be drawn or a file cannot be written.
pub fn write(
    folder: &Path,
    corpus: &Corpus,
    assessment: &Assessment,
    sources: &[Source],
) -> Result<()> {
    std::fs::create_dir_all(folder).context(folder.display().to_string())?;
    let save = |name: &str, text: &str| atomic::write(&folder.join(name), text.as_bytes());
    let figures = figures(corpus, assessment, sources)?;
    for (name, svg) in &figures {
        save(&format!("{name}.svg"), svg)?;
    }
    let json = serde_json::to_string_pretty(assessment)? + "\n";
    save("evaluation.json", &json)?;
    let title = &corpus.metadata.title;
    let mut page = Page::new(title);
    page.paragraph(&heading(&assessment.evaluation));
    if assessment.evaluation.synthetic {
        page.paragraph(
            "Synthetic data: these numbers say how close a model comes to the best that is possible, \
             and nothing about people.",
        );
    }
    for warning in &assessment.warnings {
        page.paragraph(&format!("Warning: {warning}."));
    }
    for section in sections(assessment) {
        let title = match section.title.as_str() {
            "" => "Scores by missing rate".to_owned(),
            target => format!("Scores by missing rate: {target}"),
        };
        let header: Vec<&str> = section.header.iter().map(String::as_str).collect();
        page.table(&title, &header, &section.rows);
    }
    page.paragraph(&format!(
        "{}.",
        interval_note(assessment.intervals.as_ref())
    ));
    let (columns, body) = calibration_rows(assessment);
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    if !body.is_empty() {
        page.table("Calibration", &header, &body);
        page.paragraph(
            "ECE: how far probability and share of right answers are apart, by 15 bins, which is never 0 of a \
             finite sample. NLL: mean negative logarithm of the probability of the true class.",
        );
    }
    if let Some(note) = calibration_note(assessment) {
        page.paragraph(&format!("{note}."));
    }
    page.paragraph(
        "AUILC is the area under a score over the missing rates, summed as in the paper.",
    );
    if !assessment.corrupted.is_empty() {
        let (columns, body) = corrupted::rows(&assessment.corrupted, &assessment.evaluation);
        let header: Vec<&str> = columns.iter().map(String::as_str).collect();
        page.table("Missing steps and corrupted input", &header, &body);
    }
    let (columns, body) = duration_rows(&assessment.evaluation);
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    let metric = Metric::main(assessment.evaluation.task).title();
    if !body.is_empty() {
        page.table(&format!("{metric} by duration"), &header, &body);
    }
    let (columns, body) = class_rows(assessment);
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    if !body.is_empty() {
        page.table("Precision, recall and F1 by class", &header, &body);
    }
    let (columns, body) = run_rows(assessment);
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    page.table("Runs", &header, &body);
    for (name, svg) in &figures {
        page.figure(name, svg);
    }
    for source in sources.iter().take(1) {
        page.listing("Config", &source.checkpoint.config.to_toml()?);
    }
    save("report.md", &page.markdown)?;
    save("report.html", &page.finish())?;
    Ok(())
}

fn figures(
    corpus: &Corpus,
    assessment: &Assessment,
    sources: &[Source],
) -> Result<Vec<(String, String)>> {
    let Assessment {
        evaluation, limit, ..
    } = assessment;
    let line = |name: String, values: &[f64], bound| Line {
        name,
        points: evaluation
            .rates
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect(),
        bound,
    };
    let is_regression = evaluation.task == Task::Regression;
    let drawn = [Metric::Mae, Metric::Corr, Metric::Acc2, Metric::F1];
    let mut curves: Vec<Line> = (evaluation.curves.0.iter())
        .filter(|(metric, _)| !is_regression || drawn.contains(metric))
        .map(|(metric, curve)| {
            let area = score(evaluation.auilc.get(*metric));
            line(format!("{} (AUILC {area})", metric.title()), curve, false)
        })
        .collect();
    if let Some(limit) = limit {
        let name = format!("exact limit of UA (AUILC {})", score(limit.auilc));
        curves.push(line(name, &limit.ua, true));
    }
    let title = format!("scores over missing rates, {}", heading(evaluation));
    let mut figures = vec![("curves".to_owned(), draw::curves(&title, &curves)?)];
    if !assessment.corrupted.is_empty() {
        let svg = corrupted::figure(&assessment.corrupted, evaluation)?;
        figures.push(("corrupted".to_owned(), svg));
    }
    for matrices in evaluation.matrices() {
        for (rate, counts) in evaluation.rates.iter().zip(matrices.confusion) {
            if CONFUSION_RATES.contains(rate) {
                let (of, name) = match matrices.target {
                    "" => (String::new(), String::new()),
                    target => (format!(" of {target}"), format!("{}-", file_name(target))),
                };
                let title = format!("confusion{of} at missing rate {rate}");
                let svg = draw::confusion(&title, matrices.classes, counts)?;
                figures.push((format!("confusion-{name}{rate}"), svg));
            }
        }
    }
    figures.extend(reliability(assessment)?);
    figures.extend(scatter(corpus, assessment)?);
    if let [source] = sources
        && !source.history.is_empty()
    {
        figures.push((
            "training".to_owned(),
            draw::training(learning_curves(evaluation.task, &source.history))?,
        ));
    }
    Ok(figures)
}

const POSTERIOR: &str = "exact posterior";

/// The share of right answers against the probability of the answer, at the rates of [`CONFUSION_RATES`], as
/// predicted, scaled and of the exact posterior.
fn reliability(assessment: &Assessment) -> Result<Vec<(String, String)>> {
    let Some(calibration) = &assessment.calibration else {
        return Ok(Vec::new());
    };
    let fitted = calibration.fitted.as_ref().map(|own| &own.scaled);
    let limit = assessment.limit.as_ref().map(|own| &own.reliability);
    let lines = [
        ("as predicted", Some(&calibration.as_predicted)),
        ("scaled", fitted),
        (POSTERIOR, limit),
    ];
    let rates = assessment.evaluation.rates.iter().enumerate();
    let rates = rates.filter(|(_, rate)| CONFUSION_RATES.contains(rate));
    rates
        .map(|(index, rate)| {
            let lines = lines.iter().filter_map(|(name, own)| {
                let bins = &own.as_ref()?.bins[index];
                let draws = assessment.evaluation.mask_draws;
                Some(Line {
                    name: (*name).to_owned(),
                    points: Bin::points(bins, draws),
                    bound: false,
                })
            });
            let title = format!("reliability at missing rate {rate}");
            let svg = draw::reliability(&title, lines.collect())?;
            Ok((format!("reliability-{rate}"), svg))
        })
        .collect()
}

/// Predicted against true intensities of each target, at the rates of [`CONFUSION_RATES`].
fn scatter(corpus: &Corpus, assessment: &Assessment) -> Result<Vec<(String, String)>> {
    let mut figures = Vec::new();
    let (indices, draws) = &assessment.predicted;
    let Some(predicted) = draws.first() else {
        return Ok(figures);
    };
    for (t, target) in corpus.metadata.targets.iter().enumerate() {
        for (rate, predicted) in assessment.evaluation.rates.iter().zip(predicted) {
            let Predicted::Intensities(rows) = predicted else {
                continue;
            };
            if !CONFUSION_RATES.contains(rate) {
                continue;
            }
            let rows = indices.iter().zip(rows);
            let points = rows.filter_map(|(index, row)| {
                let truth = corpus.utterances[*index].targets[t]?;
                Some((truth, row[t]))
            });
            let points: Vec<(f32, f32)> = points.collect();
            let title = format!("{} at missing rate {rate}", target.name);
            let svg = draw::intensities(&title, target.range, &points)?;
            figures.push((
                format!("intensities-{}-{rate}", file_name(&target.name)),
                svg,
            ));
        }
    }
    Ok(figures)
}

/// The name of a target as part of a file name.
fn file_name(target: &str) -> String {
    let safe = |letter: char| {
        if letter.is_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    target.chars().map(safe).collect()
}

/// The same text as HTML and as Markdown.
pub struct Page {
    html: String,
    pub markdown: String,
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Text that Markdown shows as it is.
fn markdown_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\r' => shown.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' => {
                shown.push('\\');
                shown.push(character);
            }
            // What would begin a list: a dash, a plus, or a number with its point.
            '-' | '+' if shown.is_empty() => {
                shown.push('\\');
                shown.push(character);
            }
            '.' | ')'
                if characters.peek().is_none_or(|next| *next == ' ')
                    && !shown.is_empty()
                    && shown.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                shown.push('\\');
                shown.push(character);
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// The same of a cell, which may be marked as bold.
fn markdown_cell(cell: &str) -> String {
    match bold(cell) {
        Some(inner) => format!("**{}**", markdown_text(inner)),
        None => markdown_text(cell),
    }
}

/// The text of a cell that is marked as bold.
pub fn bold(cell: &str) -> Option<&str> {
    cell.strip_prefix("**")?.strip_suffix("**")
}

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.15rem .5rem;text-align:right;white-space:nowrap;border-bottom:1px solid #ddd}\
th{white-space:normal;vertical-align:bottom}td{font-size:.95em}\
td:first-child,th:first-child{text-align:left}summary{font-weight:bold;cursor:pointer;margin:1rem 0}pre{background:#f4f4f4;padding:1rem;overflow:auto}\
figure{display:inline-block;margin:.5rem}svg{max-width:100%;height:auto}";

impl Page {
    pub fn new(title: &str) -> Self {
        let shown = escape(title);
        Self {
            html: format!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
                 <title>{shown}</title><style>{STYLE}</style></head><body>\n<h1>{shown}</h1>\n"
            ),
            markdown: format!("# {}\n", markdown_text(title)),
        }
    }

    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p>{}</p>", escape(text));
        let _ = writeln!(self.markdown, "\n{}", markdown_text(text));
    }

    pub fn table(&mut self, title: &str, header: &[&str], rows: &[Vec<String>]) {
        let html_row = |tag: &str, row: &mut dyn Iterator<Item = &str>| {
            let cells = row.map(|cell| match bold(cell) {
                Some(cell) => format!("<{tag}><b>{}</b></{tag}>", escape(cell)),
                None => format!("<{tag}>{}</{tag}>", escape(cell)),
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let _ = write!(self.html, "<h2>{}</h2>\n<table>\n", escape(title));
        self.html += &html_row("th", &mut header.iter().copied());
        let markdown_row = |row: &mut dyn Iterator<Item = &str>| -> String {
            let cells = row.map(markdown_cell).collect::<Vec<_>>();
            format!("| {} |", cells.join(" | "))
        };
        let head = markdown_row(&mut header.iter().copied());
        let _ = writeln!(self.markdown, "\n## {}\n\n{head}", markdown_text(title));
        let _ = writeln!(self.markdown, "|{}", "---|".repeat(header.len()));
        for row in rows {
            self.html += &html_row("td", &mut row.iter().map(String::as_str));
            let line = markdown_row(&mut row.iter().map(String::as_str));
            let _ = writeln!(self.markdown, "{line}");
        }
        self.html += "</table>\n";
    }

    pub fn figure(&mut self, name: &str, svg: &str) {
        let _ = writeln!(self.html, "<figure>{svg}</figure>");
        let _ = writeln!(self.markdown, "\n![{name}]({name}.svg)");
    }

    pub fn listing(&mut self, title: &str, text: &str) {
        let shown = escape(text);
        let _ = writeln!(
            self.html,
            "<details><summary>{}</summary>\n<pre>{shown}</pre></details>",
            escape(title)
        );
        // A fence that is longer than any in the text.
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let title = markdown_text(title);
        let _ = writeln!(self.markdown, "\n## {title}\n\n{fence}toml\n{text}{fence}");
    }

    pub fn finish(self) -> String {
        self.html + "</body></html>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_what_is_in_a_cell() {
        let mut page = Page::new("a | b");
        page.table(
            "*t*",
            &["x"],
            &[vec!["**0.5**".to_owned()], vec!["p|q\n<b>".to_owned()]],
        );
        let lines: Vec<&str> = page.markdown.lines().collect();
        assert_eq!(lines[0], "# a \\| b");
        assert!(lines.contains(&"## \\*t\\*"), "{lines:?}");
        assert!(lines.contains(&"| **0.5** |"), "{lines:?}");
        assert!(lines.contains(&"| p\\|q \\<b\\> |"), "{lines:?}");
    }
}
