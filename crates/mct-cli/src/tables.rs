//! Scores as rows of text, for the terminal and for reports.

use mct_scores::{ClassScores, Curves, Evaluation, Intervals, Metric, Scores};

use crate::assess::{Assessment, LimitCurve};
use crate::output::score;

/// A table of scores by missing rate.
pub struct Section {
    /// The target; empty for classes.
    pub title: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Scores by missing rate, with the limit: one table, or one for each target.
pub fn sections(assessment: &Assessment) -> Vec<Section> {
    let Assessment {
        evaluation,
        validation,
        limit,
        intervals,
        ..
    } = assessment;
    let rates = &evaluation.rates;
    let main = Metric::main(evaluation.task);
    let of_all = |title: &str, limit| {
        let beside = Beside {
            main,
            intervals: intervals.as_ref(),
            validation: (validation.as_ref())
                .filter(|own| own.is_rated())
                .map(|own| (&own.curves, &own.auilc)),
            limit,
        };
        let (curves, auilc) = (&evaluation.curves, &evaluation.auilc);
        section(title.to_owned(), rates, curves, auilc, &beside)
    };
    if evaluation.targets.is_empty() {
        return vec![of_all("", limit.as_ref())];
    }
    let mut sections = Vec::new();
    for (index, target) in evaluation.targets.iter().enumerate() {
        let [low, high] = target.range;
        let title = format!(
            "{} ({low} to {high}), {} utterances",
            target.name, target.utterances
        );
        if !target.is_rated() {
            // Nothing to score is not 0.
            sections.push(Section {
                title,
                header: vec!["rate".to_owned()],
                rows: Vec::new(),
            });
            continue;
        }
        // The intervals are of the mean of the targets, which of a single one is its own.
        let validation = validation.as_ref().map(|own| &own.targets[index]);
        let beside = Beside {
            main,
            intervals: intervals.as_ref().filter(|_| evaluation.targets.len() == 1),
            validation: validation
                .filter(|own| own.is_rated())
                .map(|own| (&own.curves, &own.auilc)),
            limit: None,
        };
        let (curves, auilc) = (&target.curves, &target.auilc);
        sections.push(section(title, rates, curves, auilc, &beside));
    }
    if evaluation.targets.len() > 1 {
        let title = match evaluation.is_rated() {
            true => "mean of the targets",
            false => "mean of the targets that are rated",
        };
        sections.push(of_all(title, None));
    }
    sections
}

/// What stands beside the scores, of the main one.
struct Beside<'a> {
    main: Metric,
    intervals: Option<&'a Intervals>,
    validation: Option<(&'a Curves, &'a Scores)>,
    limit: Option<&'a LimitCurve>,
}

fn section(
    title: String,
    rates: &[f64],
    curves: &Curves,
    auilc: &Scores,
    beside: &Beside,
) -> Section {
    let Beside {
        main,
        intervals,
        validation,
        limit,
    } = *beside;
    let mut header = vec!["rate"];
    header.extend(auilc.iter().map(|(metric, _)| metric.title()));
    let of_interval = intervals.map(|_| format!("95 % of {}", main.title()));
    header.extend(of_interval.as_deref());
    let of_validation = validation.map(|_| format!("validation {}", main.title()));
    header.extend(of_validation.as_deref());
    if limit.is_some() {
        header.extend(["limit UA", "below"]);
    }
    let line = |name: String,
                scores: &Scores,
                limit: Option<f64>,
                interval: Option<[f64; 2]>,
                validation: Option<f64>| {
        let mut row = vec![name];
        row.extend(scores.iter().map(|(_, value)| score(value)));
        row.extend(interval.map(|[low, high]| format!("{} to {}", score(low), score(high))));
        row.extend(validation.map(score));
        let below = |limit: f64| [score(limit), score(limit - scores.get(Metric::Ua))];
        row.extend(limit.into_iter().flat_map(below));
        row
    };
    let mut rows: Vec<Vec<String>> = (rates.iter().enumerate())
        .map(|(i, rate)| {
            let limit = limit.map(|limit| limit.ua[i]);
            let interval = intervals.and_then(|all| all.rates.get(&main)?.get(i).copied());
            let validation = validation.map(|(curves, _)| curves.at(i).get(main));
            line(rate.to_string(), &curves.at(i), limit, interval, validation)
        })
        .collect();
    let limit = limit.map(|limit| limit.auilc);
    let interval = intervals.and_then(|all| all.auilc.get(&main).copied());
    let validation = validation.map(|(_, auilc)| auilc.get(main));
    rows.push(line("AUILC".into(), auilc, limit, interval, validation));
    Section {
        title,
        header: header.into_iter().map(str::to_owned).collect(),
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

/// What the intervals are over.
pub fn interval_note(intervals: Option<&Intervals>) -> String {
    let Some(intervals) = intervals else {
        return "no 95 % intervals: of one speaker nothing follows for others (score the folds together)"
            .to_owned();
    };
    let over = match intervals.of_speakers {
        true => format!("the {} speakers", intervals.clusters),
        false => "utterances, since nobody knows who speaks".to_owned(),
    };
    match intervals.mask_draws {
        1 => format!(
            "95 %: bootstrap over {over}; how much the draw of the missing steps and training vary is not in it"
        ),
        draws => format!(
            "95 %: bootstrap over {over} and {draws} draws of the missing steps; how much training varies is not in it"
        ),
    }
}

/// Calibration by missing rate as rows of text; empty for intensities.
pub fn calibration_rows(assessment: &Assessment) -> (Vec<String>, Vec<Vec<String>>) {
    let Some(calibration) = &assessment.calibration else {
        return (Vec::new(), Vec::new());
    };
    let limit = assessment.limit.as_ref();
    let fitted = calibration.fitted.as_ref();
    let mut header = vec!["rate", "ECE", "NLL"];
    let mut columns = vec![&calibration.as_predicted.ece, &calibration.as_predicted.nll];
    if let Some(fitted) = fitted {
        header.extend(["ECE scaled", "NLL scaled", "coverage", "classes in a set"]);
        let scaled = [&fitted.scaled.ece, &fitted.scaled.nll];
        columns.extend(
            scaled
                .into_iter()
                .chain([&fitted.coverage, &fitted.set_size]),
        );
    }
    if let Some(limit) = limit {
        header.extend(["posterior ECE", "posterior NLL"]);
        columns.extend([&limit.reliability.ece, &limit.reliability.nll]);
        if let Some(fitted) = &limit.fitted {
            header.extend(["posterior coverage", "posterior classes in a set"]);
            columns.extend([&fitted.coverage, &fitted.set_size]);
        }
    }
    let rates = assessment.evaluation.rates.iter().enumerate();
    let rows = rates.map(|(index, rate)| {
        let values = columns.iter().map(|column| score(column[index]));
        std::iter::once(rate.to_string()).chain(values).collect()
    });
    (
        header.into_iter().map(str::to_owned).collect(),
        rows.collect(),
    )
}

/// What was fitted for the calibration.
pub fn calibration_note(assessment: &Assessment) -> Option<String> {
    let fitted = assessment.calibration.as_ref()?.fitted.as_ref()?;
    let temperatures = fitted.temperatures.iter().map(|own| format!("{own:.2}"));
    Some(format!(
        "fitted on validation: temperature {}; sets of classes that would hold the true one in {:.0} % at each rate \
         if test speakers were like validation speakers",
        temperatures.collect::<Vec<_>>().join(", "),
        fitted.promised * 100.0
    ))
}

/// Precision, recall and F1 of each class at the first rate as rows of text; empty for intensities.
pub fn class_rows(assessment: &Assessment) -> (Vec<String>, Vec<Vec<String>>) {
    let evaluation = &assessment.evaluation;
    let Some(classes) = assessment.by_class.first() else {
        return (Vec::new(), Vec::new());
    };
    let at = format!("class, at {}", evaluation.rates[0]);
    let header = [&at, "utterances", "predicted", "precision", "recall", "F1"];
    let rows = evaluation.classes.iter().zip(classes).map(|(name, class)| {
        let cells = class_cells(class, evaluation.mask_draws, score);
        std::iter::once(name.clone()).chain(cells).collect()
    });
    (header.map(str::to_owned).to_vec(), rows.collect())
}

/// Utterances of a class, those predicted as it, and precision, recall and F1 as `shown`. Counts are over `times` of
/// each utterance.
pub fn class_cells(class: &ClassScores, times: usize, shown: fn(f64) -> String) -> [String; 5] {
    let share = |value: Option<f64>| value.map_or("–".to_owned(), shown);
    let each = |count: usize| match count.is_multiple_of(times) {
        true => (count / times).to_string(),
        false => format!("{:.1}", count as f64 / times as f64),
    };
    [
        each(class.utterances),
        each(class.predicted),
        share(class.precision),
        share(class.recall),
        share(class.f1),
    ]
}

/// The number of utterances, whether they are synthetic, and how often each counts.
pub fn heading(evaluation: &Evaluation) -> String {
    let kind = if evaluation.synthetic {
        "synthetic "
    } else {
        ""
    };
    let draws = match evaluation.mask_draws {
        1 => String::new(),
        draws => format!(", each in {draws} draws of the missing steps"),
    };
    format!("{} {kind}utterances{draws}", evaluation.utterances)
}

/// The main score of each run as rows of text.
pub fn run_rows(assessment: &Assessment) -> (Vec<String>, Vec<Vec<String>>) {
    let evaluation = &assessment.evaluation;
    let metric = Metric::main(evaluation.task);
    let first = format!("{} at {}", metric.title(), evaluation.rates[0]);
    let mut header = vec!["run", "fold", "seed", first.as_str(), "AUILC"];
    header.extend((assessment.validation.as_ref()).map(|_| "validation AUILC"));
    let rows = assessment.runs.iter().map(|run| {
        let (first, area) = (score(run.first(metric)), score(run.auilc.get(metric)));
        let seed = run.seed.to_string();
        let mut row = vec![run.run.clone(), run.fold.clone(), seed, first, area];
        let of_validation = (run.validation_auilc.as_ref()).map(|own| score(own.get(metric)));
        let none = || "–".to_owned();
        row.extend((assessment.validation.as_ref()).map(|_| of_validation.unwrap_or_else(none)));
        row
    });
    let header = header.into_iter().map(str::to_owned);
    (header.collect(), rows.collect())
}
