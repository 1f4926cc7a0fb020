//! The report of an experiment: one HTML file with all tables and figures, and the same as Markdown,
//! CSV, JSON and SVG.

mod calibration;
mod scores;
mod sweep;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use mct_corpus::{Corpus, Task, atomic};
use mct_scores::significance::{Comparison, Scored};
use mct_scores::{Calibration, Evaluation, Metric, PAPER_RATES, Spread};
use serde::Serialize;

use crate::assess::LimitCurve;
use crate::experiment::catalogue::{Experiment, Row, View};
use crate::experiment::chosen::Chosen;
use crate::experiment::plan::Setting;
use crate::experiment::scores::{RowScores, Table};
use crate::experiment::store::Store;
use crate::experiment::{embedding, paper, warnings};
use crate::missing::{MASK_SEEDS, MissingArgs};
use crate::output::{remark, say, table};
use crate::report::{Page, bold};
use crate::tables::class_cells;
use mct_figures::{self as draw, Line};

/// `numbers.json`: all numbers of a report.
#[derive(Serialize)]
struct Numbers<'a> {
    title: &'a str,
    corpus: &'a str,
    synthetic: bool,
    utterances: usize,
    /// The scores of the columns of each row: on complete data, then their AUILC.
    metrics: &'a [Metric],
    folds: &'a [usize],
    seeds: &'a [u64],
    rows: Vec<RowNumbers<'a>>,
    limit: &'a Option<LimitCurve>,
    /// Of seeds, and of what settings were chosen by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// As [`warnings::of`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(flatten)]
    compared: Compared,
}

/// What the systems are worth beyond the people who were tested, per score that is tested.
#[derive(Serialize, Default)]
struct Compared {
    /// Of each row.
    intervals: BTreeMap<Metric, Vec<Scored>>,
    /// The last row minus each row.
    significance: BTreeMap<Metric, Vec<Comparison>>,
}

#[derive(Serialize)]
struct RowNumbers<'a> {
    row: &'a Row,
    columns: Vec<Spread>,
    seeds: Vec<SeedNumbers<'a>>,
    /// On the validation sets: the main score on complete data and its AUILC.
    validation: [Spread; 2],
    /// The same on the test sets, of the epochs that they would choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_selected: Option<[Spread; 2]>,
}

#[derive(Serialize)]
struct SeedNumbers<'a> {
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    /// Of the validation sets.
    validation: &'a Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: &'a Option<Calibration>,
}

/// A score as part of a file name.
fn file_name(metric: Metric) -> String {
    metric.title().to_lowercase().replace(' ', "-")
}

/// The data of a report, and its page so far.
struct Report<'a> {
    folder: &'a Path,
    corpus: &'a Corpus,
    table: &'a Table,
    limit: &'a Option<LimitCurve>,
    page: Page,
    /// Whether what the test set would choose is said too.
    also_test_selected: bool,
}

/// On the validation sets: the main score on complete data, and its AUILC.
fn validation(row: &RowScores, main: Metric) -> [Spread; 2] {
    [
        row.validation(|e| e.curves.at(0).get(main)),
        row.validation(|e| e.auilc.get(main)),
    ]
}

/// On the test sets, of the epochs that they would choose: the main score on complete data, and its AUILC.
fn test_selected(row: &RowScores, main: Metric) -> Option<[Spread; 2]> {
    let complete = row.test_selected(|e| e.curves.at(0).get(main))?;
    Some([complete, row.test_selected(|e| e.auilc.get(main))?])
}

/// A score as tables show it: a share in percent, and anything else as it is.
fn shown(metric: Metric, spread: Spread) -> String {
    let (scale, digits) = scale(metric);
    let mean = spread.mean * scale;
    match spread.deviation {
        Some(deviation) => format!("{mean:.digits$} ±{:.digits$}", deviation * scale),
        None => format!("{mean:.digits$}"),
    }
}

/// By what a score is multiplied where it is shown, and with how many decimals.
const fn scale(metric: Metric) -> (f64, usize) {
    if metric.is_share() {
        (100.0, 2)
    } else {
        (1.0, 3)
    }
}

/// What the numbers of a table are.
const fn unit(task: Task) -> &'static str {
    match task {
        Task::Classification => " in percent",
        Task::Regression => " (Acc and F1 in percent)",
    }
}

/// The unit of one score.
const fn unit_of(metric: Metric) -> &'static str {
    if metric.is_share() { " in percent" } else { "" }
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
        let quoted = |cell: &str| {
            let cell = mct_corpus::formula::defused(cell);
            format!("\"{}\"", cell.replace('"', "\"\""))
        };
        let line = |cells: Vec<String>| cells.join(",") + "\n";
        let mut csv = line(header.iter().map(|cell| quoted(cell)).collect());
        for row in &rows {
            csv += &line(row.iter().map(|cell| quoted(cell)).collect());
        }
        self.save(&format!("{name}.csv"), &csv)?;
        say(format!("{title}\n\n{}\n", table(header, &rows)));
        Ok(())
    }

    /// The scores that figures show.
    fn drawn(&self) -> Vec<Metric> {
        let all = match self.table.task {
            Task::Classification => &[Metric::Ua, Metric::Uf1][..],
            Task::Regression => &[Metric::Mae, Metric::Corr, Metric::Acc2, Metric::F1],
        };
        let metrics = self.table.metrics();
        let drawn = all.iter().filter(|metric| metrics.contains(metric));
        drawn.copied().collect()
    }

    fn curves(&mut self) -> Result<()> {
        for metric in self.drawn() {
            let mut lines = self.lines(|row, rate| row.spread(|e| e.curves.get(metric)[rate]));
            if let (Some(limit), Metric::Ua) = (self.limit, metric) {
                let points = limit.rates.iter().copied().zip(limit.ua.iter().copied());
                lines.push(Line {
                    name: "exact limit".to_owned(),
                    points: points.collect(),
                    bound: true,
                });
            }
            let file = format!("curves-{}", file_name(metric));
            self.curve(&file, "", metric, &lines)?;
            let lines = self.lines(|row, rate| row.validation(|e| e.curves.get(metric)[rate]));
            let file = format!("{file}-validation");
            self.curve(&file, ", on the validation sets", metric, &lines)?;
        }
        Ok(())
    }

    /// A line for each row over the paper's rates: the means of what `pick` says of a row at `PAPER_RATES[rate]`.
    fn lines(&self, pick: impl Fn(&RowScores, usize) -> Spread) -> Vec<Line> {
        let of_row = |row: &RowScores| Line {
            name: row.row.name.clone(),
            points: PAPER_RATES
                .iter()
                .enumerate()
                .map(|(index, rate)| (*rate, pick(row, index).mean))
                .collect(),
            bound: false,
        };
        self.table.rows.iter().map(of_row).collect()
    }

    /// Lines of a score over the missing rates as a figure and a table, whose titles end with `of`.
    fn curve(&mut self, file: &str, of: &str, metric: Metric, lines: &[Line]) -> Result<()> {
        let name = metric.title();
        let title = format!("{name} over missing rates{of}");
        let svg = draw::comparison(&title, name, lines)?;
        self.figure(file, &svg)?;
        let rates: Vec<String> = PAPER_RATES.iter().map(f64::to_string).collect();
        let mut header = vec!["system"];
        header.extend(rates.iter().map(String::as_str));
        let (scale, digits) = scale(metric);
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| {
                let points = line.points.iter();
                let values = points.map(|(_, y)| format!("{:.digits$}", y * scale));
                std::iter::once(line.name.clone()).chain(values).collect()
            })
            .collect();
        let title = format!("{name}{} by missing rate{of}", unit_of(metric));
        self.table(file, &title, &header, &rows)
    }

    fn durations(&mut self) -> Result<()> {
        let Some(first) = self.table.rows.first().and_then(|row| row.seeds.first()) else {
            return Ok(());
        };
        let metric = Metric::main(self.table.task);
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
        header.extend(["overall", "validation, overall"]);
        let count = bins.len();
        let mut rows = Vec::new();
        for row in &self.table.rows {
            let by_bin = (0..count).map(|bin| row.spread(|e| e.durations[bin].auilc));
            let overall = [
                row.spread(|e| e.auilc.get(metric)),
                row.validation(|e| e.auilc.get(metric)),
            ];
            let values = by_bin.chain(overall);
            let mut cells = vec![row.row.name.clone()];
            cells.extend(values.map(|value| shown(metric, value)));
            rows.push(cells);
            if let Some(paper) = paper::durations(self.corpus, &row.row.name)
                && self.table.task == Task::Classification
            {
                let mut cells = vec!["  the paper".to_owned()];
                cells.extend(paper.iter().map(|value| format!("{value:.2}")));
                cells.push("–".to_owned());
                rows.push(cells);
            }
        }
        let title = format!("AUILC of {}{} by duration", metric.title(), unit_of(metric));
        self.table("durations", &title, &header, &rows)
    }

    fn bars(&mut self) -> Result<()> {
        let metrics = self.drawn();
        let titles = metrics.iter().map(|metric| metric.title().to_owned());
        let areas = metrics
            .iter()
            .map(|metric| format!("AUILC {}", metric.title()));
        let groups: Vec<String> = titles.chain(areas).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let rows = &self.table.rows;
        let names: Vec<String> = rows.iter().map(|row| row.row.name.clone()).collect();
        let by_row: Vec<Vec<Spread>> = rows.iter().map(|row| row.columns(&metrics)).collect();
        let spreads: Vec<Vec<Spread>> = (0..groups.len())
            .map(|group| by_row.iter().map(|row| row[group]).collect())
            .collect();
        let values: Vec<Vec<(f64, Option<f64>)>> = spreads
            .iter()
            .map(|group| group.iter().map(|s| (s.mean, s.deviation)).collect())
            .collect();
        let svg = draw::bars("complete and incomplete data", &groups, &names, &values)?;
        self.figure("bars", &svg)?;
        let mut header = vec!["system"];
        header.extend(groups.iter().copied());
        let main = Metric::main(self.table.task);
        let of_validation = ["", "AUILC "].map(|of| format!("validation {of}{}", main.title()));
        header.extend(of_validation.iter().map(String::as_str));
        let cells: Vec<Vec<String>> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let columns = spreads.iter().enumerate();
                let values =
                    columns.map(|(group, s)| shown(metrics[group % metrics.len()], s[index]));
                let chosen_by = validation(&rows[index], main).map(|value| shown(main, value));
                std::iter::once(name.clone())
                    .chain(values)
                    .chain(chosen_by)
                    .collect()
            })
            .collect();
        let title = format!("Scores{}", unit(self.table.task));
        self.table("bars", &title, &header, &cells)
    }

    fn confusion(&mut self) -> Result<()> {
        for (index, row) in self.table.rows.iter().enumerate() {
            for (rate_index, rate) in PAPER_RATES.iter().enumerate() {
                if !CONFUSION_RATES.contains(rate) {
                    continue;
                }
                let Some(seed) = row.seeds.first() else {
                    continue;
                };
                for (output, matrices) in seed.evaluation.matrices().iter().enumerate() {
                    let (of, number) = match matrices.target {
                        "" => (String::new(), String::new()),
                        target => (format!(", {target}"), format!("-{}", output + 1)),
                    };
                    let title = format!("{}{of} at missing rate {rate}", row.row.name);
                    let counts = row.confusion(output, rate_index);
                    let svg = draw::confusion(&title, matrices.classes, &counts)?;
                    let name = format!("confusion-{}{number}-{rate}", index + 1);
                    self.save(&format!("{name}.svg"), &svg)?;
                    self.page.figure(&name, &svg);
                }
            }
        }
        if self.table.task == Task::Classification {
            self.classes()?;
        }
        Ok(())
    }

    /// Precision, recall and F1 of each class of each row, at the rates of the confusion matrices.
    fn classes(&mut self) -> Result<()> {
        let percent = |share: f64| format!("{:.2}", share * 100.0);
        let mut rows = Vec::new();
        for row in &self.table.rows {
            for rate in CONFUSION_RATES {
                let Some(place) = PAPER_RATES.iter().position(|own| *own == rate) else {
                    continue;
                };
                let by_class = row.confusion(0, place).by_class();
                let times = row.seeds.len() * MASK_SEEDS.len();
                for (name, class) in self.corpus.metadata.classes.iter().zip(&by_class) {
                    let names = [row.row.name.clone(), rate.to_string(), name.clone()];
                    rows.push(
                        names
                            .into_iter()
                            .chain(class_cells(class, times, percent))
                            .collect(),
                    );
                }
            }
        }
        let header = [
            "system",
            "missing rate",
            "class",
            "utterances",
            "predicted",
            "precision",
            "recall",
            "F1",
        ];
        self.table("classes", "Scores of each class in percent", &header, &rows)
    }
}

/// The missing rates of figure 8.
const CONFUSION_RATES: [f64; 2] = [0.0, 0.5];

/// What is to be said of a table of one seed.
const ONE_SEED: &str = "there is one seed: how much training itself varies is in no number here";

/// Writes the report of an experiment whose runs are finished; where a setting is chosen, with what the test set
/// would choose if that is asked for.
///
/// # Errors
/// When predictions cannot be read, a figure cannot be drawn or a file cannot be written.
pub fn write(
    folder: &Path,
    experiment: &Experiment,
    setting: &Setting,
    store: &Store,
    corpus: &Corpus,
    also_test_selected: bool,
) -> Result<()> {
    std::fs::create_dir_all(folder).context(folder.display().to_string())?;
    let scores = Table::read(setting, store, &experiment.rows, corpus)?;
    let limit = match &corpus.metadata.process {
        None => None,
        Some(_) if scores.task == Task::Regression => None,
        Some(_) => {
            let (missing, indices) = (MissingArgs::curve(), &scores.indices);
            let of_validation = &scores.validation;
            let limit = LimitCurve::of(corpus, indices, of_validation, &missing, &MASK_SEEDS)?;
            Some(limit)
        }
    };
    let mut compared = Compared::default();
    if experiment.views.contains(&View::Scores) {
        for (metric, resamples) in scores.resamples(corpus) {
            let last = scores.rows.len() - 1;
            compared.intervals.insert(metric, resamples.scores());
            compared
                .significance
                .insert(metric, resamples.differences(last));
        }
    }
    let metrics = scores.metrics();
    let mut report = Report {
        folder,
        corpus,
        table: &scores,
        limit: &limit,
        page: Page::new(&experiment.title),
        also_test_selected,
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
    let sweeps = experiment.views.contains(&View::Sweep);
    let chosen = match &experiment.chosen {
        Some(chosen) => chosen.notes(setting, corpus)?,
        // In a sweep it is the reader who chooses.
        None if sweeps => Vec::from_iter(Chosen::by(setting)?.tested_too(setting, corpus)?),
        None => Vec::new(),
    };
    let of_training = (seeds.len() == 1).then(|| ONE_SEED.to_owned());
    let notes: Vec<String> = of_training.into_iter().chain(chosen).collect();
    for note in &notes {
        remark(format!("note: {note}"));
        report.page.paragraph(&format!("Note: {note}."));
    }
    let warnings = warnings::of(setting, &experiment.rows, corpus)?;
    for warning in &warnings {
        remark(format!("warning: {warning}"));
        report.page.paragraph(&format!("Warning: {warning}."));
    }
    for view in &experiment.views {
        match view {
            View::Scores => report.scores(&compared)?,
            View::Curves => report.curves()?,
            View::Calibration => report.calibration()?,
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
        metrics: &metrics,
        folds,
        seeds,
        rows: scores
            .rows
            .iter()
            .map(|row| RowNumbers {
                row: &row.row,
                columns: row.columns(&metrics),
                seeds: row
                    .seeds
                    .iter()
                    .map(|seed| SeedNumbers {
                        evaluation: &seed.evaluation,
                        validation: &seed.validation,
                        calibration: &seed.calibration,
                    })
                    .collect(),
                validation: validation(row, Metric::main(scores.task)),
                test_selected: test_selected(row, Metric::main(scores.task)),
            })
            .collect(),
        limit: &limit,
        notes,
        warnings,
        compared,
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
