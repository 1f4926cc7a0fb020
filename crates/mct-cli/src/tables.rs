//! Scores as rows of text, for the terminal and for reports.

use mct_scores::Evaluation;

use crate::assess::Assessment;
use crate::output::score;

/// Rates, scores and limit as rows of text.
pub fn rows(assessment: &Assessment) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let Assessment {
        evaluation, limit, ..
    } = assessment;
    let mut header = vec!["rate", "UA", "WA", "UF1", "WF1"];
    if limit.is_some() {
        header.extend(["limit UA", "below"]);
    }
    let line = |name: String, ua: f64, wa: f64, uf1: f64, wf1: f64, limit: Option<f64>| {
        let mut row = vec![name, score(ua), score(wa), score(uf1), score(wf1)];
        row.extend(
            limit
                .iter()
                .flat_map(|limit| [score(*limit), score(limit - ua)]),
        );
        row
    };
    let mut rows: Vec<Vec<String>> = (0..evaluation.rates.len())
        .map(|i| {
            line(
                format!("{}", evaluation.rates[i]),
                evaluation.ua[i],
                evaluation.wa[i],
                evaluation.uf1[i],
                evaluation.wf1[i],
                limit.as_ref().map(|limit| limit.ua[i]),
            )
        })
        .collect();
    let area = &evaluation.auilc;
    let limit = limit.as_ref().map(|limit| limit.auilc);
    rows.push(line(
        "AUILC".into(),
        area.ua,
        area.wa,
        area.uf1,
        area.wf1,
        limit,
    ));
    (header, rows)
}

/// UA by duration as rows of text, at the first, the middle and the last rate, with the AUILC.
pub fn duration_rows(evaluation: &Evaluation) -> (Vec<String>, Vec<Vec<String>>) {
    let last = evaluation.rates.len() - 1;
    let mut columns = vec![0, last.div_ceil(2), last];
    columns.dedup();
    let mut header = vec!["duration".to_owned(), "utterances".to_owned()];
    header.extend(
        columns
            .iter()
            .map(|i| format!("UA at {}", evaluation.rates[*i])),
    );
    header.push("AUILC".into());
    let bins = evaluation.durations.iter().filter(|bin| bin.utterances > 0);
    let rows = bins.map(|bin| {
        let mut row = vec![bin.name.clone(), bin.utterances.to_string()];
        row.extend(columns.iter().map(|i| score(bin.ua[*i])));
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

/// The scores of each run as rows of text.
pub fn run_rows(assessment: &Assessment) -> (Vec<String>, Vec<Vec<String>>) {
    let first = format!("UA at {}", assessment.evaluation.rates[0]);
    let header = ["run", "fold", "seed", first.as_str(), "AUILC"];
    let rows = assessment.runs.iter().map(|run| {
        let (ua, area) = (score(run.ua[0]), score(run.auilc_ua));
        let seed = run.seed.to_string();
        vec![run.run.clone(), run.fold.clone(), seed, ua, area]
    });
    (header.map(str::to_owned).to_vec(), rows.collect())
}
