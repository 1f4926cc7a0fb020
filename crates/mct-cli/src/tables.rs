//! Scores as rows of text, for the terminal and for reports.

use mct_scores::{Curves, Evaluation, Metric, Scores};

use crate::assess::{Assessment, LimitCurve};
use crate::output::score;

/// A table of scores by missing rate.
pub struct Section {
    /// The target; empty for classes.
    pub title: String,
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// Scores by missing rate, with the limit: one table, or one for each target.
pub fn sections(assessment: &Assessment) -> Vec<Section> {
    let Assessment {
        evaluation, limit, ..
    } = assessment;
    let rates = &evaluation.rates;
    let of_all = |title: &str, limit| {
        let (curves, auilc) = (&evaluation.curves, &evaluation.auilc);
        section(title.to_owned(), rates, curves, auilc, limit)
    };
    if evaluation.targets.is_empty() {
        return vec![of_all("", limit.as_ref())];
    }
    let mut sections = Vec::new();
    for target in &evaluation.targets {
        let [low, high] = target.range;
        let title = format!(
            "{} ({low} to {high}), {} utterances",
            target.name, target.utterances
        );
        sections.push(section(title, rates, &target.curves, &target.auilc, None));
    }
    if evaluation.targets.len() > 1 {
        sections.push(of_all("mean of the targets", None));
    }
    sections
}

fn section(
    title: String,
    rates: &[f64],
    curves: &Curves,
    auilc: &Scores,
    limit: Option<&LimitCurve>,
) -> Section {
    let mut header = vec!["rate"];
    header.extend(auilc.iter().map(|(metric, _)| metric.title()));
    if limit.is_some() {
        header.extend(["limit UA", "below"]);
    }
    let line = |name: String, scores: &Scores, limit: Option<f64>| {
        let mut row = vec![name];
        row.extend(scores.iter().map(|(_, value)| score(value)));
        let below = |limit: f64| [score(limit), score(limit - scores.get(Metric::Ua))];
        row.extend(limit.into_iter().flat_map(below));
        row
    };
    let mut rows: Vec<Vec<String>> = (rates.iter().enumerate())
        .map(|(i, rate)| {
            let limit = limit.map(|limit| limit.ua[i]);
            line(rate.to_string(), &curves.at(i), limit)
        })
        .collect();
    rows.push(line("AUILC".into(), auilc, limit.map(|limit| limit.auilc)));
    Section {
        title,
        header,
        rows,
    }
}

/// The main score by duration as rows of text, at the first, the middle and the last rate, with the AUILC.
pub fn duration_rows(evaluation: &Evaluation) -> (Vec<String>, Vec<Vec<String>>) {
    let metric = Metric::main(evaluation.task);
    let last = evaluation.rates.len() - 1;
    let mut columns = vec![0, last.div_ceil(2), last];
    columns.dedup();
    let mut header = vec!["duration".to_owned(), "utterances".to_owned()];
    header.extend(
        columns
            .iter()
            .map(|i| format!("{} at {}", metric.title(), evaluation.rates[*i])),
    );
    header.push("AUILC".into());
    let bins = evaluation.durations.iter().filter(|bin| bin.utterances > 0);
    let rows = bins.map(|bin| {
        let mut row = vec![bin.name.clone(), bin.utterances.to_string()];
        let curve = bin.curves.get(metric);
        row.extend(columns.iter().map(|i| score(curve[*i])));
        row.push(score(bin.auilc));
        row
    });
    (header, rows.collect())
}

/// The number of utterances, and whether they are synthetic.
pub fn heading(evaluation: &Evaluation) -> String {
    let kind = if evaluation.synthetic {
        "synthetic "
    } else {
        ""
    };
    format!("{} {kind}utterances", evaluation.utterances)
}

/// The main score of each run as rows of text.
pub fn run_rows(assessment: &Assessment) -> (Vec<String>, Vec<Vec<String>>) {
    let evaluation = &assessment.evaluation;
    let metric = Metric::main(evaluation.task);
    let first = format!("{} at {}", metric.title(), evaluation.rates[0]);
    let header = ["run", "fold", "seed", first.as_str(), "AUILC"];
    let rows = assessment.runs.iter().map(|run| {
        let (first, area) = (score(run.first(metric)), score(run.auilc.get(metric)));
        let seed = run.seed.to_string();
        vec![run.run.clone(), run.fold.clone(), seed, first, area]
    });
    (header.map(str::to_owned).to_vec(), rows.collect())
}
