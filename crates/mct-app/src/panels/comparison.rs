//! Comparison of two models: the differences of their matrices, curves and predictions.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use eframe::egui::{self, RichText, Ui};
use egui_plot::{HLine, Line, LineStyle, Plot, PlotPoints};
use mct_corpus::Task;
use mct_engine::evaluation::Held;
use mct_scores::significance::{Answers, Cluster, Difference, mcnemar, paired};
use mct_scores::{Confusion, Metric, Scores};
use serde_json::json;

use super::{Format, counted, csv_of, fold_name, held_line, json_of};
use crate::state::Workspace;
use crate::state::models::{Curve, Evaluated, OpenModel};
use crate::theme;
use crate::widgets::axis;
use crate::widgets::legend::{self, Entry};
use crate::widgets::matrix::{self, Cell, Hit};

#[derive(Default)]
pub struct Panel {
    /// What was tested last, by a digest of it.
    tested: Option<(u64, Tested)>,
}

/// Whether one model is better than the other.
#[derive(Clone)]
struct Tested {
    /// Of UA, first minus second.
    difference: Difference,
    /// Speakers, or utterances where nobody knows who speaks.
    over: String,
    /// McNemar's p.
    p: f64,
}

/// Two models on the utterances that both predict.
struct Pair<'a> {
    first: &'a OpenModel,
    second: &'a OpenModel,
    /// Utterance, true class, class predicted by the first, class predicted by the second.
    common: Vec<(usize, usize, usize, usize)>,
    classes: &'a [String],
    /// What both hold for.
    held: &'a Held,
    /// Of the first and of the second.
    scores: (Scores, Scores),
}

impl<'a> Pair<'a> {
    fn of(workspace: &'a Workspace) -> Result<Self, &'a str> {
        let card = workspace
            .corpus
            .as_ref()
            .ok_or("open a corpus and two models")?;
        let models = &workspace.models;
        let first = models.shown().ok_or("open two models")?;
        let second = models
            .compared()
            .ok_or("choose “compare” beside another model in the list of models")?;
        for open in [first, second] {
            open.card.fold.as_ref().map_err(String::as_str)?;
        }
        let evaluated = |open: &'a OpenModel| open.evaluated.as_ref().ok_or("evaluating…");
        let (a, b): (&Evaluated, &Evaluated) = (evaluated(first)?, evaluated(second)?);
        if a.held != b.held {
            // One of them is older.
            return Err("evaluating…");
        }
        if a.categories != b.categories {
            return Err("the two models do not predict the same: classes, or intensities");
        }
        let common: Vec<_> = a
            .utterances
            .iter()
            .zip(&a.predicted)
            .filter_map(|(utterance, first)| {
                let second = b.class_of(*utterance)?;
                let label = a.categories.label(&card.utterances[*utterance])?;
                Some((*utterance, label, *first, second))
            })
            .collect();
        if common.is_empty() {
            return Err("the two models have no utterance in common on this side of their folds");
        }
        let indices: Vec<usize> = common.iter().map(|(utterance, ..)| *utterance).collect();
        let on = |evaluated: &Evaluated| evaluated.scores_on(&indices, &card.utterances);
        Ok(Self {
            first,
            second,
            common,
            classes: &a.categories.names,
            held: &a.held,
            scores: (on(a), on(b)),
        })
    }

    /// The confusion matrix of the first or the second model on the common utterances.
    fn confusion(&self, second: bool) -> Confusion {
        let mut confusion = Confusion::new(self.classes.len());
        for (_, label, a, b) in &self.common {
            confusion.add(*label, if second { *b } else { *a });
        }
        confusion
    }

    /// The utterances on which the first and the second model are right or wrong as given.
    fn agreement(&self, first: bool, second: bool) -> Vec<usize> {
        self.common
            .iter()
            .filter(|(_, label, a, b)| (a == label, b == label) == (first, second))
            .map(|(utterance, ..)| *utterance)
            .collect()
    }
}

impl Panel {
    /// The tests of the pair, computed once; `None` for intensities.
    fn test(&mut self, pair: &Pair<'_>, workspace: &Workspace) -> Option<Tested> {
        let card = workspace.corpus.as_ref()?;
        let evaluated = pair.first.evaluated.as_ref()?;
        if evaluated.categories.task() != Task::Classification {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (workspace.corpus_version, &pair.common).hash(&mut hasher);
        let digest = hasher.finish();
        if let Some((known, tested)) = &self.tested
            && *known == digest
        {
            return Some(tested.clone());
        }
        let answers = pair.common.iter().map(|(utterance, label, a, b)| Answers {
            cluster: match card.utterances[*utterance].speaker {
                Some(speaker) => Cluster::Speaker(speaker),
                None => Cluster::Utterance(*utterance),
            },
            label: *label,
            right: [a == label, b == label],
        });
        let answers: Vec<Answers> = answers.collect();
        let (difference, clusters) = paired(pair.classes.len(), &answers);
        let of_speakers = answers
            .iter()
            .all(|own| matches!(own.cluster, Cluster::Speaker(_)));
        let over = match of_speakers {
            true if clusters == 1 => "1 speaker".to_owned(),
            true => format!("{clusters} speakers"),
            false => "utterances, since nobody knows who speaks".to_owned(),
        };
        let only = |first, second| pair.agreement(first, second).len();
        let tested = Tested {
            difference,
            over,
            p: mcnemar(only(true, false), only(false, true)),
        };
        self.tested = Some((digest, tested.clone()));
        Some(tested)
    }

    pub fn ui(&mut self, ui: &mut Ui, workspace: &mut Workspace) {
        let pair = match Pair::of(workspace) {
            Ok(pair) => pair,
            Err(text) => return matrix::placeholder(ui, text),
        };
        let (a, b) = (pair.confusion(false), pair.confusion(true));
        let tested = self.test(&pair, workspace);
        let names = (&pair.first.card.name, &pair.second.card.name);
        let of_first = pair
            .first
            .evaluated
            .as_ref()
            .map_or(0, |evaluated| evaluated.utterances.len());
        let mut chosen: Option<(Vec<usize>, String)> = None;
        ui.label(format!(
            "{} minus {}, on {}",
            names.0,
            names.1,
            counted(pair.common.len(), "utterance")
        ));
        let (_, is_current) = workspace.holds(pair.first.card.id, pair.held);
        held_line(ui, &(workspace.conditions_of(pair.held), is_current), "");
        if pair.common.len() != of_first {
            ui.weak("the models are of different folds: only common utterances are compared");
        }
        egui::ScrollArea::vertical()
            .id_salt("comparison")
            .show(ui, |ui| {
                scores(ui, &pair);
                if let Some(tested) = &tested {
                    significance(ui, tested);
                }
                agreement(ui, &pair, &mut chosen);
                ui.strong("Difference of the confusion matrices, in utterances");
                ui.weak("blue: the first is better; orange: the second");
                let largest = largest_difference(&a, &b);
                let background = ui.visuals().extreme_bg_color;
                let height = matrix::height(pair.classes.len());
                ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
                    let hit = matrix::show(
                        ui,
                        "difference",
                        pair.classes,
                        |_| String::new(),
                        |label, predicted| {
                            let (first, second) = (a.0[label][predicted], b.0[label][predicted]);
                            let difference = first as i64 - second as i64;
                            // More on the diagonal is better, elsewhere worse.
                            let better = match label == predicted {
                                true => difference,
                                false => -difference,
                            };
                            let (colour, share) = match better {
                                0.. => (theme::RIGHT, better),
                                _ => (theme::WRONG, -better),
                            };
                            let share = share as f32 / largest as f32;
                            let fill = background.lerp_to_gamma(colour, share);
                            Cell {
                                ink: theme::ink_on(fill),
                                fill,
                                text: match difference {
                                    0 => "0".to_owned(),
                                    _ => format!("{difference:+}"),
                                },
                                small: format!("{first}, {second}"),
                                hint: format!("{first} of {}, {second} of {}", names.0, names.1),
                                selected: 0.0,
                            }
                        },
                    );
                    if let Some(Hit::Cell { label, predicted }) = hit {
                        let differing = pair
                            .common
                            .iter()
                            .filter(|(_, class, a, b)| {
                                *class == label && (*a == predicted) != (*b == predicted)
                            })
                            .map(|(utterance, ..)| *utterance)
                            .collect();
                        let reason = format!(
                            "{} that only one predicts as {}",
                            pair.classes[label], pair.classes[predicted]
                        );
                        chosen = Some((differing, reason));
                    }
                });
                curves(ui, &pair);
            });
        if let Some((utterances, reason)) = chosen {
            workspace.selection.set(utterances, reason);
        }
    }
}

/// The largest absolute difference of two cells, at least 1.
fn largest_difference(a: &Confusion, b: &Confusion) -> i64 {
    let pairs = a.0.iter().flatten().zip(b.0.iter().flatten());
    let differences = pairs.map(|(a, b)| (*a as i64 - *b as i64).abs());
    differences.max().unwrap_or(0).max(1)
}

fn scores(ui: &mut Ui, pair: &Pair<'_>) {
    let (a, b) = &pair.scores;
    ui.horizontal_wrapped(|ui| {
        for (metric, value) in a.iter() {
            let difference = value - b.get(metric);
            ui.label(metric.title()).on_hover_text(metric.meaning());
            let colour = if metric.merit(difference) >= 0.0 {
                theme::RIGHT
            } else {
                theme::WRONG
            };
            let colour = theme::legible(ui.visuals(), colour);
            let (text, hint) = match metric.is_share() {
                true => (
                    format!("{:+.1}", difference * 100.0),
                    "in percentage points",
                ),
                false => (format!("{difference:+.3}"), "first minus second"),
            };
            ui.label(RichText::new(text).color(colour).strong())
                .on_hover_text(hint);
        }
    });
}

/// UA with its interval, and McNemar's test.
fn significance(ui: &mut Ui, tested: &Tested) {
    let Difference {
        mean, low, high, p, ..
    } = tested.difference;
    let points = |value: f64| format!("{:+.1}", value * 100.0);
    let of_ua = match low.is_nan() {
        true => format!(
            "UA {} points, without an interval: nothing follows for others (over {})",
            points(mean),
            tested.over
        ),
        false => format!(
            "UA {} points, 95 % {} to {}, p {} (over {})",
            points(mean),
            points(low),
            points(high),
            match p < 0.001 {
                true => "below 0.001".to_owned(),
                false => format!("{p:.3}"),
            },
            tested.over
        ),
    };
    ui.label(of_ua)
        .on_hover_text("Paired bootstrap over speakers: how much training varies is not in it");
    ui.label(format!("McNemar's exact test p {:.3}", tested.p)).on_hover_text(
        "Of the utterances that only one of the two gets right: as if all utterances were independent, which \
         those of one speaker are not",
    );
}

fn agreement(ui: &mut Ui, pair: &Pair<'_>, chosen: &mut Option<(Vec<usize>, String)>) {
    let names = (&pair.first.card.name, &pair.second.card.name);
    let cells = [
        (true, true, "both right".to_owned()),
        (true, false, format!("only {} right", names.0)),
        (false, true, format!("only {} right", names.1)),
        (false, false, "both wrong".to_owned()),
    ];
    ui.horizontal_wrapped(|ui| {
        for (first, second, text) in cells {
            let utterances = pair.agreement(first, second);
            let button = ui.button(format!("{text}: {}", utterances.len()));
            if button.on_hover_text("Select these utterances").clicked() {
                *chosen = Some((utterances, text));
            }
        }
    });
}

/// First minus second, at each missing rate computed for both.
fn difference(first: &Curve, second: &Curve, score: Metric) -> Vec<(f64, f64)> {
    let (a, b) = (first.points(score), second.points(score));
    let second_at = |rate: f64| {
        b.iter()
            .find(|(other, _)| *other == rate)
            .map(|(_, value)| *value)
    };
    a.iter()
        .filter_map(|(rate, value)| Some((*rate, value - second_at(*rate)?)))
        .collect()
}

/// The scores that both have.
fn metrics(pair: &Pair<'_>) -> Vec<Metric> {
    pair.scores.0.iter().map(|(metric, _)| metric).collect()
}

fn curves(ui: &mut Ui, pair: &Pair<'_>) {
    ui.strong("Difference of the curves");
    let scores = metrics(pair).into_iter().enumerate();
    let entries = scores.map(|(index, score)| Entry::dot(score.title(), theme::qualitative(index)));
    let hidden = legend::of_lines(ui, "differences", &entries.collect::<Vec<_>>());
    let plot = Plot::new("differences").height(180.0).allow_scroll(false);
    let plot = axis::over_rates(plot, "missing rate");
    let plot = axis::of_values(plot, "", false);
    plot.show(ui, |plot| {
        plot.add(HLine::new("no difference", 0.0).style(LineStyle::dashed_dense()));
        for (index, score) in metrics(pair).into_iter().enumerate() {
            if hidden.contains(score.title()) {
                continue;
            }
            let points = difference(&pair.first.curve, &pair.second.curve, score);
            let points = points.into_iter().map(|(x, y)| [x, y]);
            let line = Line::new(score.title(), PlotPoints::from_iter(points));
            plot.line(line.color(theme::qualitative(index)));
        }
    });
}

pub fn export(format: Format, workspace: &Workspace) -> Option<String> {
    let pair = Pair::of(workspace).ok()?;
    let card = workspace.corpus.as_ref()?;
    let names = (&pair.first.card.name, &pair.second.card.name);
    let (a, b) = (pair.confusion(false), pair.confusion(true));
    match format {
        Format::Svg => {
            let held = workspace.conditions_of(pair.held);
            let folds = (fold_name(pair.first), fold_name(pair.second));
            let title = format!(
                "{} (fold {}) minus {} (fold {}), {held}",
                names.0, folds.0, names.1, folds.1
            );
            mct_figures::confusion_difference(&title, pair.classes, &a, &b).ok()
        }
        Format::Csv => {
            let header = ["id", "true", names.0, names.1].map(str::to_owned);
            let rows = pair.common.iter().map(|(utterance, label, a, b)| {
                let class = |class: usize| pair.classes[class].clone();
                vec![
                    card.utterances[*utterance].id.clone(),
                    class(*label),
                    class(*a),
                    class(*b),
                ]
            });
            Some(csv_of(workspace, header.to_vec(), rows.collect()))
        }
        Format::Json => {
            let differences = metrics(&pair).into_iter().map(|score| {
                let points = difference(&pair.first.curve, &pair.second.curve, score);
                json!({"score": score.title(), "points": points})
            });
            json_of(
                workspace,
                json!({
                    "first": names.0,
                    "second": names.1,
                    "fold_of_second": fold_name(pair.second),
                    "utterances": pair.common.len(),
                    "classes": pair.classes,
                    "confusion_first": a,
                    "confusion_second": b,
                    "curves_first_minus_second": differences.collect::<Vec<_>>(),
                }),
            )
        }
    }
}
