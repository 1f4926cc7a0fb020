//! The part of a report about scores: their table, their intervals and the differences of the systems.

use anyhow::{Context as _, Result};
use mct_corpus::Task;
use mct_figures::{self as draw, Ranged};
use mct_scores::significance::{Comparison, Scored};
use mct_scores::{Metric, Spread};

use super::{Compared, Report, file_name, scale, shown, test_selected, unit, unit_of, validation};
use crate::experiment::paper;
use crate::missing::MASK_SEEDS;

/// In place of an interval: of one speaker, or of a few for whom all is alike, nothing follows for others.
const TOO_FEW: &str = "– (too few speakers)";

/// A p as it is printed.
fn printed(p: f64) -> String {
    match p < 0.001 {
        true => "<0.001".to_owned(),
        false => format!("{p:.3}"),
    }
}

impl Report<'_> {
    pub(super) fn scores(&mut self, compared: &Compared) -> Result<()> {
        let metrics = self.table.metrics();
        let rows = self.table.rows.iter();
        let columns: Vec<Vec<Spread>> = rows.map(|row| row.columns(&metrics)).collect();
        let metric_of = |column: usize| metrics[column % metrics.len()];
        // Compared as printed: equal scores can differ in their last bits.
        let merit = |column: usize, value: f64| {
            let metric = metric_of(column);
            let (scale, digits) = scale(metric);
            (metric.merit(value) * scale * 10f64.powi(digits as i32)).round()
        };
        let best: Vec<f64> = (0..2 * metrics.len())
            .map(|c| {
                let column = columns.iter().map(|row| merit(c, row[c].mean));
                column.fold(f64::MIN, f64::max)
            })
            .collect();
        let titles = metrics.iter().map(|metric| metric.title().to_owned());
        let areas = metrics
            .iter()
            .map(|metric| format!("AUILC {}", metric.title()));
        let main = Metric::main(self.table.task);
        let of_validation = ["", "AUILC "].map(|of| format!("validation {of}{}", main.title()));
        let header: Vec<String> = std::iter::once("system".to_owned())
            .chain(titles)
            .chain(areas)
            .chain(of_validation)
            .collect();
        let mut rows = Vec::new();
        for (row, values) in self.table.rows.iter().zip(&columns) {
            let mut cells = vec![row.row.name.clone()];
            cells.extend(values.iter().enumerate().map(|(c, value)| {
                let text = shown(metric_of(c), *value);
                if merit(c, value.mean) == best[c] {
                    format!("**{text}**")
                } else {
                    text
                }
            }));
            cells.extend(validation(row, main).map(|value| shown(main, value)));
            rows.push(cells);
            if let Some(paper) = paper::scores(self.corpus, &row.row.name)
                && self.table.task == Task::Classification
            {
                let mut cells = vec!["  the paper (difference)".to_owned()];
                let pairs = paper.iter().zip(values);
                cells.extend(pairs.map(|(paper, ours)| {
                    format!("{paper:.2} ({:+.2})", ours.mean * 100.0 - paper)
                }));
                cells.extend(["–".to_owned(), "–".to_owned()]);
                rows.push(cells);
            }
        }
        if let Some(limit) = self.limit {
            let mut cells = vec!["exact limit".to_owned()];
            let value = |value: f64| format!("{:.2}", value * 100.0);
            let none = || "–".to_owned();
            cells.extend([value(limit.ua[0]), none(), value(limit.accuracy[0]), none()]);
            cells.extend([value(limit.auilc), none(), none(), none(), none(), none()]);
            rows.push(cells);
        }
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let title = format!("Scores{}", unit(self.table.task));
        self.table("scores", &title, &header, &rows)?;
        let meanings: Vec<String> = (metrics.iter())
            .map(|metric| format!("{}: {}", metric.title(), metric.meaning()))
            .collect();
        let of_limit = match self.limit {
            Some(_) => {
                " The limit's WA is its accuracy. Its prior are the true class shares of what is scored."
            }
            None => "",
        };
        self.page.paragraph(&format!(
            "Folds pooled, mean and standard deviation over seeds; bold: the best of a column. {}. AUILC: area under \
             the score over missing rates 0.0 to 0.9. † one model per missing rate, ⋆ dynamic incomplete training.{of_limit}",
            meanings.join("; "),
        ));
        if self.also_test_selected {
            self.test_selected()?;
        } else {
            // Of an earlier report, which was asked for it.
            let path = self.folder.join("test-selected.csv");
            if path.exists() {
                std::fs::remove_file(&path).context(path.display().to_string())?;
            }
        }
        for (metric, scored) in &compared.intervals {
            self.intervals(*metric, scored)?;
        }
        // One system alone is compared with none.
        let several = self.table.rows.len() > 1;
        if let Some(last) = self.table.rows.last().filter(|_| several) {
            let reference = last.row.name.clone();
            for (metric, comparisons) in &compared.significance {
                self.significance(*metric, &reference, comparisons)?;
            }
        }
        let of_differences = match several {
            true => {
                " Differences are paired; two-sided p, and p corrected by Holm's method for the differences of a table. \
                 Intervals are of one difference each, not corrected."
            }
            false => "",
        };
        self.page.paragraph(&format!(
            "Bootstrap over speakers (utterances where nobody knows who speaks), seeds and {} draws of the missing \
             steps, 2000 resamples, and no narrower than by Student's t.{of_differences}",
            MASK_SEEDS.len()
        ));
        Ok(())
    }

    /// What the same trainings would have reported with the epochs that the test sets choose.
    fn test_selected(&mut self) -> Result<()> {
        let main = Metric::main(self.table.task);
        let name = main.title();
        let header = [
            "system".to_owned(),
            name.to_owned(),
            format!("test-selected {name}"),
            format!("AUILC {name}"),
            format!("test-selected AUILC {name}"),
        ];
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut rows = Vec::new();
        for row in &self.table.rows {
            let Some([complete, area]) = test_selected(row, main) else {
                continue;
            };
            let own = row.columns(&[main]);
            let values = [own[0], complete, own[1], area].map(|value| shown(main, value));
            rows.push(
                std::iter::once(row.row.name.clone())
                    .chain(values)
                    .collect(),
            );
        }
        let title = format!(
            "Epochs chosen by validation, and by the test sets: {name}{}",
            unit_of(main)
        );
        self.table("test-selected", &title, &header, &rows)?;
        self.page.paragraph(
            "Test-selected: the epoch of each training is the best on its test set, by what the config chooses epochs \
             by. Such a score is of no use as an estimate; it says how much of a published score the choice of the \
             epoch can be.",
        );
        Ok(())
    }

    /// The 95 % intervals of all rows in one score, as a figure and a table.
    fn intervals(&mut self, metric: Metric, scored: &[Scored]) -> Result<()> {
        let (scale, digits) = scale(metric);
        let name = metric.title();
        let area = format!("AUILC {name}");
        let of_row = |own: &Scored| [own.complete, own.incomplete];
        let panel = |place: usize| -> Vec<Ranged> {
            let of = |own: &Scored| {
                let own = of_row(own)[place];
                let ends = [own.low, own.high].map(|end| end * scale);
                (own.mean * scale, own.low.is_finite().then_some(ends))
            };
            scored.iter().map(of).collect()
        };
        let title = format!("95 % intervals{}: {name}", unit_of(metric));
        let file = match metric {
            Metric::Ua => "intervals".to_owned(),
            other => format!("intervals-{}", file_name(other)),
        };
        let names: Vec<String> = (self.table.rows.iter())
            .map(|row| row.row.name.clone())
            .collect();
        let svg = draw::intervals(&title, &names, &[(name, panel(0)), (&area, panel(1))])?;
        self.figure(&file, &svg)?;
        let header = ["system", name, "95 %", &area, "95 %"];
        let rows: Vec<Vec<String>> = names
            .into_iter()
            .zip(scored)
            .map(|(name, own)| {
                let cells = of_row(own).map(|own| {
                    let [mean, low, high] =
                        [own.mean, own.low, own.high].map(|value| value * scale);
                    let ends = match low.is_nan() {
                        true => TOO_FEW.to_owned(),
                        false => format!("{low:.digits$} to {high:.digits$}"),
                    };
                    [format!("{mean:.digits$}"), ends]
                });
                std::iter::once(name)
                    .chain(cells.into_iter().flatten())
                    .collect()
            })
            .collect();
        self.table(&file, &title, &header, &rows)
    }

    /// The table of differences from the last row in one score.
    fn significance(
        &mut self,
        metric: Metric,
        reference: &str,
        comparisons: &[Comparison],
    ) -> Result<()> {
        let name = metric.title();
        let (scale, digits) = scale(metric);
        let unit = if metric.is_share() { " (points)" } else { "" };
        let title = format!("{reference} minus each system{unit}: {name}");
        let area = format!("AUILC {name}");
        let header = [
            "system", name, "95 %", "p", "p (Holm)", &area, "95 %", "p", "p (Holm)",
        ];
        let others = self.table.rows.len() - 1;
        let pairs = self.table.rows.iter().zip(comparisons).take(others);
        let rows: Vec<Vec<String>> = pairs
            .map(|(row, comparison)| {
                let mut cells = vec![row.row.name.clone()];
                for d in [comparison.complete, comparison.incomplete] {
                    let [mean, low, high] = [d.mean, d.low, d.high].map(|value| value * scale);
                    cells.push(format!("{mean:+.digits$}"));
                    cells.push(match low.is_nan() {
                        true => TOO_FEW.to_owned(),
                        false => format!("{low:+.digits$} to {high:+.digits$}"),
                    });
                    cells.extend([d.p, d.p_holm].map(printed));
                }
                cells
            })
            .collect();
        let file = match metric {
            Metric::Ua => "significance".to_owned(),
            other => format!("significance-{}", file_name(other)),
        };
        self.table(&file, &title, &header, &rows)
    }
}
