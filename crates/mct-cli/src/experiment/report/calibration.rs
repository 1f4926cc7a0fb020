//! The part of a report about probabilities: calibration by missing rate.

use anyhow::Result;
use mct_figures::{self as draw, Line};
use mct_scores::{Bin, Calibration, Fitted, PAPER_RATES};

use super::Report;
use crate::assess::LimitCurve;
use crate::experiment::scores::RowScores;
use crate::missing::MASK_SEEDS;

/// The missing rates whose reliability is drawn.
const DRAWN_RATES: [f64; 2] = [0.0, 0.5];

/// One figure by missing rate.
struct ByRate {
    title: &'static str,
    file: &'static str,
    of_row: fn(&Calibration) -> Option<&[f64]>,
    of_limit: fn(&LimitCurve) -> Option<&[f64]>,
}

const BY_RATE: [ByRate; 5] = [
    ByRate {
        title: "ECE",
        file: "ece",
        of_row: |own| Some(&own.as_predicted.ece),
        of_limit: |own| Some(&own.reliability.ece),
    },
    ByRate {
        title: "NLL",
        file: "nll",
        of_row: |own| Some(&own.as_predicted.nll),
        of_limit: |own| Some(&own.reliability.nll),
    },
    ByRate {
        title: "ECE after temperature scaling",
        file: "ece-scaled",
        of_row: |own| Some(&own.fitted.as_ref()?.scaled.ece),
        of_limit: |own| Some(&own.fitted.as_ref()?.scaled.ece),
    },
    ByRate {
        title: "coverage of the sets",
        file: "coverage",
        of_row: |own| Some(&own.fitted.as_ref()?.coverage),
        of_limit: |own| Some(&own.fitted.as_ref()?.coverage),
    },
    ByRate {
        title: "classes in a set",
        file: "set-size",
        of_row: |own| Some(&own.fitted.as_ref()?.set_size),
        of_limit: |own| Some(&own.fitted.as_ref()?.set_size),
    },
];

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl RowScores {
    /// The calibrations of the seeds.
    fn calibrations(&self) -> impl Iterator<Item = &Calibration> {
        self.seeds
            .iter()
            .filter_map(|seed| seed.calibration.as_ref())
    }

    /// Of a list over the missing rates the mean over the seeds.
    fn by_rate(&self, pick: fn(&Calibration) -> Option<&[f64]>) -> Option<Vec<f64>> {
        let lists: Vec<&[f64]> = self.calibrations().filter_map(pick).collect();
        let at = |rate: usize| {
            let values: Vec<f64> = lists.iter().map(|list| list[rate]).collect();
            mean(&values)
        };
        (!lists.is_empty()).then(|| (0..PAPER_RATES.len()).map(at).collect())
    }

    /// The bins of all seeds together at one rate.
    fn bins(&self, rate: usize) -> Vec<Bin> {
        let mut sum: Vec<Bin> = Vec::new();
        for own in self.calibrations() {
            let bins = &own.as_predicted.bins[rate];
            sum.resize(bins.len(), Bin::default());
            for (sum, bin) in sum.iter_mut().zip(bins) {
                let all = sum.answers + bin.answers;
                let pooled = |a: f64, b: f64| {
                    (a * sum.answers as f64 + b * bin.answers as f64) / all.max(1) as f64
                };
                *sum = Bin {
                    answers: all,
                    confidence: pooled(sum.confidence, bin.confidence),
                    accuracy: pooled(sum.accuracy, bin.accuracy),
                };
            }
        }
        sum
    }
}

fn line(name: &str, bins: &[Bin], times: usize) -> Line {
    Line {
        name: name.to_owned(),
        points: Bin::points(bins, times),
        bound: false,
    }
}

impl Report<'_> {
    /// Calibration: means over the rates as a table, each rate as figures, and reliability.
    pub(super) fn calibration(&mut self) -> Result<()> {
        let table = self.table;
        if table.rows.iter().all(|row| row.calibrations().count() == 0) {
            return Ok(());
        }
        self.means()?;
        let limit = self.limit.as_ref();
        for by_rate in &BY_RATE {
            let points = |values: &[f64]| {
                let pairs = PAPER_RATES.iter().copied().zip(values.iter().copied());
                pairs.collect::<Vec<(f64, f64)>>()
            };
            let rows = table.rows.iter().filter_map(|row| {
                Some(Line {
                    name: row.row.name.clone(),
                    points: points(&row.by_rate(by_rate.of_row)?),
                    bound: false,
                })
            });
            let of_limit = limit.and_then(by_rate.of_limit).map(|values| Line {
                name: "exact posterior".to_owned(),
                points: points(values),
                bound: true,
            });
            let lines: Vec<Line> = rows.chain(of_limit).collect();
            if lines.is_empty() {
                continue;
            }
            let file = format!("calibration-{}", by_rate.file);
            let svg = draw::comparison(by_rate.title, by_rate.title, &lines)?;
            self.figure(&file, &svg)?;
            let rates: Vec<String> = PAPER_RATES.iter().map(f64::to_string).collect();
            let mut header = vec!["system"];
            header.extend(rates.iter().map(String::as_str));
            let cells = lines.iter().map(|line| {
                let values = line.points.iter().map(|(_, y)| format!("{y:.3}"));
                std::iter::once(line.name.clone()).chain(values).collect()
            });
            let title = format!("{} by missing rate", by_rate.title);
            self.table(&file, &title, &header, &cells.collect::<Vec<_>>())?;
        }
        for rate in DRAWN_RATES {
            let Some(index) = PAPER_RATES.iter().position(|other| *other == rate) else {
                continue;
            };
            let rows = table.rows.iter();
            let rows = rows.map(|row| {
                let times = row.seeds.len() * MASK_SEEDS.len();
                line(&row.row.name, &row.bins(index), times)
            });
            let of_limit = limit.map(|own| {
                line(
                    "exact posterior",
                    &own.reliability.bins[index],
                    MASK_SEEDS.len(),
                )
            });
            let title = format!("reliability at missing rate {rate}");
            let svg = draw::reliability(&title, rows.chain(of_limit).collect())?;
            self.figure(&format!("reliability-{rate}"), &svg)?;
        }
        Ok(())
    }

    /// The table of means over the rates.
    fn means(&mut self) -> Result<()> {
        let header = [
            "system",
            "ECE",
            "NLL",
            "temperature",
            "ECE scaled",
            "NLL scaled",
            "coverage",
            "classes in a set",
        ];
        let number = |value: Option<Vec<f64>>| match value {
            Some(values) => format!("{:.3}", mean(&values)),
            None => "–".to_owned(),
        };
        let mut rows = Vec::new();
        for row in &self.table.rows {
            let fitted: Vec<&Fitted> = row
                .calibrations()
                .filter_map(|own| own.fitted.as_ref())
                .collect();
            let temperatures = fitted.iter().flat_map(|own| own.temperatures.clone());
            let temperatures: Vec<f64> = temperatures.collect();
            rows.push(vec![
                row.row.name.clone(),
                number(row.by_rate(|own| Some(&own.as_predicted.ece))),
                number(row.by_rate(|own| Some(&own.as_predicted.nll))),
                number((!temperatures.is_empty()).then_some(temperatures)),
                number(row.by_rate(|own| Some(&own.fitted.as_ref()?.scaled.ece))),
                number(row.by_rate(|own| Some(&own.fitted.as_ref()?.scaled.nll))),
                number(row.by_rate(|own| Some(&own.fitted.as_ref()?.coverage))),
                number(row.by_rate(|own| Some(&own.fitted.as_ref()?.set_size))),
            ]);
        }
        if let Some(limit) = self.limit {
            let (own, fitted) = (&limit.reliability, limit.fitted.as_ref());
            let of = |pick: fn(&Fitted) -> &Vec<f64>| number(fitted.map(|own| pick(own).clone()));
            rows.push(vec![
                "exact posterior".to_owned(),
                number(Some(own.ece.clone())),
                number(Some(own.nll.clone())),
                of(|own| &own.temperatures),
                of(|own| &own.scaled.ece),
                of(|own| &own.scaled.nll),
                of(|own| &own.coverage),
                of(|own| &own.set_size),
            ]);
        }
        self.table(
            "calibration",
            "Calibration, means over the rates",
            &header,
            &rows,
        )?;
        self.page.paragraph(
            "ECE: how far probability and share of right answers are apart, by 15 bins, which is never 0 of a \
             finite sample. NLL: mean negative logarithm of the probability of the true class. Scaled: after a \
             temperature that is fitted on the validation set of each fold, at all rates. Coverage: how often a \
             set of classes, whose threshold is fitted there for each rate to hold the true one in 90 %, does so. \
             The exact posterior, which is one for all folds, is fitted on all validation sets, those of a protocol \
             by speaker with utterances that other folds test.",
        );
        Ok(())
    }
}
