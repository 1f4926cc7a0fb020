//! The part of a report about a setting that takes several values: AUILC against it, and which is chosen.

use anyhow::Result;
use mct_figures::{self as draw, Line};
use mct_scores::Metric;

use super::{Report, shown, unit};
use crate::experiment::scores::RowScores;
use crate::output::say;

impl Report<'_> {
    pub(super) fn sweep(&mut self) -> Result<()> {
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
            let metrics = self.drawn();
            let area = |row: &RowScores, side: &str, metric| match side {
                "test" => row.spread(|e| e.auilc.get(metric)),
                _ => row.validation(|e| e.auilc.get(metric)),
            };
            // What a value is chosen by comes first.
            let columns: Vec<(&str, Metric)> = ["validation", "test"]
                .into_iter()
                .flat_map(|side| metrics.iter().map(move |metric| (side, *metric)))
                .collect();
            let line = |(side, metric): &(&str, Metric)| Line {
                name: format!("{side} {}", metric.title()),
                points: rows
                    .iter()
                    .map(|(x, row)| (*x, area(row, side, *metric).mean))
                    .collect(),
                bound: false,
            };
            let lines: Vec<Line> = columns.iter().map(line).collect();
            let svg = draw::sweep(&format!("AUILC against {panel}"), panel, &lines)?;
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|(value, row)| {
                    let areas = columns.iter();
                    let areas = areas.map(|(side, m)| shown(*m, area(row, side, *m)));
                    std::iter::once(value.to_string()).chain(areas).collect()
                })
                .collect();
            let name = format!("sweep-{}", index + 1);
            self.figure(&name, &svg)?;
            let title = format!("AUILC{} against {panel}", unit(self.table.task));
            let titles: Vec<String> = lines.into_iter().map(|line| line.name).collect();
            let mut header = vec![panel];
            header.extend(titles.iter().map(String::as_str));
            self.table(&name, &title, &header, &cells)?;
            let main = Metric::main(self.table.task);
            let best = |side: &str| {
                let merit = |row: &RowScores| main.merit(area(row, side, main).mean);
                rows.iter()
                    .max_by(|(_, a), (_, b)| merit(a).total_cmp(&merit(b)))
            };
            let said = |side: &str, how: &str| {
                best(side).map(|(value, row)| {
                    let reached = shown(main, area(row, "test", main));
                    let name = main.title();
                    format!("{how}: {panel} {value}, test AUILC of {name} {reached}.")
                })
            };
            let mut text = said("validation", "Chosen on validation").unwrap_or_default();
            if self.also_test_selected
                && let Some(said) = said("test", "Test-selected, which no honest report claims")
            {
                text += &format!(" {said}");
            }
            say(format!("{text}\n"));
            self.page.paragraph(&text);
        }
        Ok(())
    }
}
