//! The report of an experiment: one HTML file with all tables and figures, and the same as Markdown,
//! CSV, JSON and SVG.

use std::path::Path;

use anyhow::{Context as _, Result};
use mct_corpus::{Corpus, atomic};
use mct_scores::significance::Comparison;
use mct_scores::{Evaluation, PAPER_RATES, Spread};
use serde::Serialize;

use crate::assess::LimitCurve;
use crate::experiment::catalogue::{Experiment, Row, View};
use crate::experiment::plan::Setting;
use crate::experiment::scores::{RowScores, Table};
use crate::experiment::store::Store;
use crate::experiment::{embedding, paper};
use crate::missing::{MASK_SEED, MissingArgs};
use crate::output::{say, table};
use crate::report::{Page, bold};
use mct_figures::{self as draw, Line};

/// Names of the columns of tables 2 and 3.
const COLUMNS: [&str; 8] = [
    "UA",
    "UF1",
    "WA",
    "WF1",
    "AUILC UA",
    "AUILC UF1",
    "AUILC WA",
    "AUILC WF1",
];

/// `numbers.json`: all numbers of a report.
#[derive(Serialize)]
struct Numbers<'a> {
    title: &'a str,
    corpus: &'a str,
    synthetic: bool,
    utterances: usize,
    folds: &'a [usize],
    seeds: &'a [u64],
    rows: Vec<RowNumbers<'a>>,
    limit: &'a Option<LimitCurve>,
    /// The last row minus each row.
    significance: Vec<Comparison>,
}

#[derive(Serialize)]
struct RowNumbers<'a> {
    row: &'a Row,
    columns: Vec<Spread>,
    seeds: Vec<&'a Evaluation>,
}

/// The data of a report, and its page so far.
struct Report<'a> {
    folder: &'a Path,
    corpus: &'a Corpus,
    table: &'a Table,
    limit: &'a Option<LimitCurve>,
    page: Page,
}

fn percent(spread: Spread) -> String {
    match spread.deviation {
        Some(deviation) => format!("{:.2} ±{:.2}", spread.mean * 100.0, deviation * 100.0),
        None => format!("{:.2}", spread.mean * 100.0),
    }
}

impl Report<'_> {
    fn save(&self, name: &str, text: &str) -> Result<()> {
        Ok(atomic::write(&self.folder.join(name), text.as_bytes())?)
    }

    fn figure(&mut self, name: &str, svg: &str) -> Result<()> {
        self.save(&format!("{name}.svg"), svg)?;
        self.page.figure(name, svg);
        Ok(())
    }

    /// A table in the page, in the terminal and as CSV.
    fn table(
        &mut self,
        name: &str,
        title: &str,
        header: &[&str],
        rows: &[Vec<String>],
    ) -> Result<()> {
        self.page.table(title, header, rows);
        let plain = |cell: &String| bold(cell).unwrap_or(cell).to_owned();
        let rows: Vec<Vec<String>> = (rows.iter())
            .map(|row| row.iter().map(plain).collect())
            .collect();
        let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
        let line = |cells: Vec<String>| cells.join(",") + "\n";
        let mut csv = line(header.iter().map(|cell| quoted(cell)).collect());
        for row in &rows {
            csv += &line(row.iter().map(|cell| quoted(cell)).collect());
        }
        self.save(&format!("{name}.csv"), &csv)?;
        say(format!("{title}\n\n{}\n", table(header, &rows)))
    }

    fn scores(&mut self, comparisons: &[Comparison]) -> Result<()> {
        let columns: Vec<Vec<Spread>> = self.table.rows.iter().map(RowScores::columns).collect();
        // Compared as printed: equal scores can differ in their last bits.
        let shown = |value: f64| (value * 10_000.0).round();
        let best: Vec<f64> = (0..COLUMNS.len())
            .map(|c| {
                columns
                    .iter()
                    .map(|row| shown(row[c].mean))
                    .fold(0.0, f64::max)
            })
            .collect();
        let mut header = vec!["system"];
        header.extend(COLUMNS);
        let mut rows = Vec::new();
        for (row, values) in self.table.rows.iter().zip(&columns) {
            let mut cells = vec![row.row.name.clone()];
            cells.extend(values.iter().zip(&best).map(|(value, best)| {
                if shown(value.mean) == *best {
                    format!("**{}**", percent(*value))
                } else {
                    percent(*value)
                }
            }));
            rows.push(cells);
            if let Some(paper) = paper::scores(self.corpus, &row.row.name) {
                let mut cells = vec!["  the paper (difference)".to_owned()];
                let pairs = paper.iter().zip(values);
                cells.extend(pairs.map(|(paper, ours)| {
                    format!("{paper:.2} ({:+.2})", ours.mean * 100.0 - paper)
                }));
                rows.push(cells);
            }
        }
        if let Some(limit) = self.limit {
            let mut cells = vec!["exact limit".to_owned()];
            let value = |value: f64| format!("{:.2}", value * 100.0);
            let none = || "–".to_owned();
            cells.extend([value(limit.ua[0]), none(), value(limit.accuracy[0]), none()]);
            cells.extend([value(limit.auilc), none(), none(), none()]);
            rows.push(cells);
        }
        self.table("scores", "Scores in percent", &header, &rows)?;
        self.page.paragraph(
            "Folds pooled, mean and standard deviation over seeds. UA: mean recall of the classes; UF1: their \
             mean F1; WA and WF1: weighted by class size. AUILC: area under the score over missing rates 0.0 \
             to 0.9, at most 90. † one model per missing rate, ⋆ dynamic incomplete training. The limit's WA is \
             its accuracy.",
        );
        let Some(last) = self.table.rows.last() else {
            return Ok(());
        };
        let title = format!("{} minus each system (points)", last.row.name);
        let header = ["system", "UA", "95 %", "p", "AUILC UA", "95 %", "p"];
        let others = self.table.rows.len() - 1;
        let pairs = self.table.rows.iter().zip(comparisons).take(others);
        let rows: Vec<Vec<String>> = pairs
            .map(|(row, comparison)| {
                let mut cells = vec![row.row.name.clone()];
                for d in [comparison.complete, comparison.incomplete] {
                    let (low, high) = (d.low * 100.0, d.high * 100.0);
                    cells.push(format!("{:+.2}", d.mean * 100.0));
                    cells.push(format!("{low:+.2} to {high:+.2}"));
                    cells.push(format!("{:.3}", d.p));
                }
                cells
            })
            .collect();
        self.table("significance", &title, &header, &rows)?;
        self.page.paragraph(
            "Paired bootstrap over utterances and seeds, 2000 resamples, two-sided p, not corrected for the \
             number of comparisons.",
        );
        Ok(())
    }

    fn curves(&mut self) -> Result<()> {
        type Pick = fn(&Evaluation) -> &Vec<f64>;
        let scores: [(&str, Pick); 2] = [("UA", |e| &e.ua), ("UF1", |e| &e.uf1)];
        for (name, pick) in scores {
            let rows = self.table.rows.iter();
            let mut lines: Vec<Line> = rows
                .map(|row| Line {
                    name: row.row.name.clone(),
                    points: (0..PAPER_RATES.len())
                        .map(|i| (PAPER_RATES[i], row.spread(|e| pick(e)[i]).mean))
                        .collect(),
                    bound: false,
                })
                .collect();
            if let (Some(limit), "UA") = (self.limit, name) {
                let points = limit.rates.iter().copied().zip(limit.ua.iter().copied());
                lines.push(Line {
                    name: "exact limit".to_owned(),
                    points: points.collect(),
                    bound: true,
                });
            }
            let title = format!("{name} over missing rates");
            let svg = draw::comparison(&title, name, &lines)?;
            self.figure(&format!("curves-{}", name.to_lowercase()), &svg)?;
            let rates: Vec<String> = PAPER_RATES.iter().map(f64::to_string).collect();
            let mut header = vec!["system"];
            header.extend(rates.iter().map(String::as_str));
            let rows: Vec<Vec<String>> = lines
                .iter()
                .map(|line| {
                    let points = line.points.iter();
                    let values = points.map(|(_, y)| format!("{:.2}", y * 100.0));
                    std::iter::once(line.name.clone()).chain(values).collect()
                })
                .collect();
            let title = format!("{name} in percent by missing rate");
            self.table(
                &format!("curves-{}", name.to_lowercase()),
                &title,
                &header,
                &rows,
            )?;
        }
        Ok(())
    }

    fn durations(&mut self) -> Result<()> {
        let Some(first) = self.table.rows.first().and_then(|row| row.seeds.first()) else {
            return Ok(());
        };
        let bins = &first.evaluation.durations;
        let names: Vec<String> = bins
            .iter()
            .map(|bin| {
                let share = 100.0 * bin.utterances as f64 / self.table.indices.len() as f64;
                format!("{} ({share:.1} %)", bin.name)
            })
            .collect();
        let mut header = vec!["system"];
        header.extend(names.iter().map(String::as_str));
        header.push("overall");
        let count = bins.len();
        let mut rows = Vec::new();
        for row in &self.table.rows {
            let by_bin = (0..count).map(|bin| row.spread(|e| e.durations[bin].auilc));
            let values = by_bin.chain([row.spread(|e| e.auilc.ua)]);
            let mut cells = vec![row.row.name.clone()];
            cells.extend(values.map(percent));
            rows.push(cells);
            if let Some(paper) = paper::durations(self.corpus, &row.row.name) {
                let mut cells = vec!["  the paper".to_owned()];
                cells.extend(paper.iter().map(|value| format!("{value:.2}")));
                rows.push(cells);
            }
        }
        self.table(
            "durations",
            "AUILC of UA in percent by duration",
            &header,
            &rows,
        )
    }

    fn bars(&mut self) -> Result<()> {
        let groups = ["UA", "UF1", "AUILC UA", "AUILC UF1"];
        let picks: [fn(&Evaluation) -> f64; 4] =
            [|e| e.ua[0], |e| e.uf1[0], |e| e.auilc.ua, |e| e.auilc.uf1];
        let rows = &self.table.rows;
        let names: Vec<String> = rows.iter().map(|row| row.row.name.clone()).collect();
        let spreads: Vec<Vec<Spread>> = picks
            .iter()
            .map(|pick| rows.iter().map(|row| row.spread(pick)).collect())
            .collect();
        let values: Vec<Vec<(f64, Option<f64>)>> = spreads
            .iter()
            .map(|group| group.iter().map(|s| (s.mean, s.deviation)).collect())
            .collect();
        let svg = draw::bars("complete and incomplete data", &groups, &names, &values)?;
        self.figure("bars", &svg)?;
        let mut header = vec!["system"];
        header.extend(groups);
        let cells: Vec<Vec<String>> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let values = spreads.iter().map(|group| percent(group[index]));
                std::iter::once(name.clone()).chain(values).collect()
            })
            .collect();
        self.table("bars", "Scores in percent", &header, &cells)
    }

    fn sweep(&mut self) -> Result<()> {
        let mut panels: Vec<&str> = Vec::new();
        for row in &self.table.rows {
            if let Some((panel, _)) = &row.row.sweep
                && !panels.contains(&panel.as_str())
            {
                panels.push(panel);
            }
        }
        for (index, panel) in panels.into_iter().enumerate() {
            let rows: Vec<(f64, &RowScores)> = self
                .table
                .rows
                .iter()
                .filter_map(|row| match &row.row.sweep {
                    Some((row_panel, value)) if row_panel == panel => Some((*value, row)),
                    _ => None,
                })
                .collect();
            let line = |name: &str, pick: fn(&Evaluation) -> f64| Line {
                name: name.to_owned(),
                points: rows
                    .iter()
                    .map(|(x, row)| (*x, row.spread(pick).mean))
                    .collect(),
                bound: false,
            };
            let lines = [line("UA", |e| e.auilc.ua), line("UF1", |e| e.auilc.uf1)];
            let svg = draw::sweep(&format!("AUILC against {panel}"), panel, &lines)?;
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|(value, row)| {
                    let (ua, uf1) = (row.spread(|e| e.auilc.ua), row.spread(|e| e.auilc.uf1));
                    vec![value.to_string(), percent(ua), percent(uf1)]
                })
                .collect();
            let name = format!("sweep-{}", index + 1);
            self.figure(&name, &svg)?;
            let title = format!("AUILC in percent against {panel}");
            self.table(&name, &title, &[panel, "UA", "UF1"], &cells)?;
        }
        Ok(())
    }

    fn confusion(&mut self) -> Result<()> {
        for (index, row) in self.table.rows.iter().enumerate() {
            for (rate_index, rate) in PAPER_RATES.iter().enumerate() {
                if ![0.0, 0.5].contains(rate) {
                    continue;
                }
                let title = format!("{} at missing rate {rate}", row.row.name);
                let classes = &self.corpus.metadata.classes;
                let svg = draw::confusion(&title, classes, &row.confusion(rate_index))?;
                let name = format!("confusion-{}-{rate}", index + 1);
                self.save(&format!("{name}.svg"), &svg)?;
                self.page.figure(&name, &svg);
            }
        }
        Ok(())
    }
}

/// Writes the report of an experiment whose runs are finished.
///
/// # Errors
/// When predictions cannot be read, a figure cannot be drawn or a file cannot be written.
pub fn write(
    folder: &Path,
    experiment: &Experiment,
    setting: &Setting,
    store: &Store,
    corpus: &Corpus,
) -> Result<()> {
    std::fs::create_dir_all(folder).context(folder.display().to_string())?;
    let scores = Table::read(setting, store, &experiment.rows, corpus)?;
    let limit = match &corpus.metadata.process {
        None => None,
        Some(_) => {
            let (missing, indices) = (MissingArgs::curve(), &scores.indices);
            Some(LimitCurve::of(corpus, indices, &missing, MASK_SEED)?)
        }
    };
    let comparisons = if experiment.views.contains(&View::Scores) {
        scores.compare(corpus, scores.rows.len() - 1)
    } else {
        Vec::new()
    };
    let mut report = Report {
        folder,
        corpus,
        table: &scores,
        limit: &limit,
        page: Page::new(&experiment.title),
    };
    let Setting { folds, seeds, .. } = setting;
    report.page.paragraph(&format!(
        "{}: {} test utterances of folds {folds:?}, seeds {seeds:?}.",
        corpus.metadata.title,
        scores.indices.len()
    ));
    if corpus.metadata.synthetic {
        report.page.paragraph(
            "Synthetic data: these numbers compare systems on a known process, and say nothing about people.",
        );
    }
    for view in &experiment.views {
        match view {
            View::Scores => report.scores(&comparisons)?,
            View::Curves => report.curves()?,
            View::Durations => report.durations()?,
            View::Bars => report.bars()?,
            View::Sweep => report.sweep()?,
            View::Confusion => report.confusion()?,
            View::Embedding => {
                for (name, svg) in embedding::figures(experiment, setting, store, corpus)? {
                    report.figure(&name, &svg)?;
                }
                report.page.paragraph(embedding::NOTE);
            }
        }
    }
    let numbers = Numbers {
        title: &experiment.title,
        corpus: &corpus.metadata.title,
        synthetic: corpus.metadata.synthetic,
        utterances: scores.indices.len(),
        folds,
        seeds,
        rows: scores
            .rows
            .iter()
            .map(|row| RowNumbers {
                row: &row.row,
                columns: row.columns(),
                seeds: row.seeds.iter().map(|seed| &seed.evaluation).collect(),
            })
            .collect(),
        limit: &limit,
        significance: comparisons,
    };
    report.save(
        "numbers.json",
        &(serde_json::to_string_pretty(&numbers)? + "\n"),
    )?;
    let rows = toml::to_string(experiment)?;
    report.page.listing("Experiment", &rows);
    let config = setting.base.to_toml()?;
    report.page.listing("Base config of the rows", &config);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let machine = format!(
        "mct-hfr {}\ndevice {}\ncores {cores}\nsystem {} {}\ncorpus SHA-256 {}\n",
        env!("CARGO_PKG_VERSION"),
        setting.device,
        std::env::consts::OS,
        std::env::consts::ARCH,
        setting.corpus.sha256,
    );
    report.page.listing("Machine", &machine);
    report.save("report.md", &report.page.markdown)?;
    let Report { page, .. } = report;
    atomic::write(&folder.join("report.html"), page.finish().as_bytes())?;
    Ok(())
}
