//! The open models with their predictions.

use std::collections::HashMap;

use mct_corpus::Utterance;
use mct_engine::evaluation::{ModelCard, ModelId, Predictions};
use mct_scores::{Confusion, PAPER_RATES, Scores, auilc, most_probable};

/// The missing rates of the curves.
pub const RATES: [f64; 10] = PAPER_RATES;

/// The open models.
#[derive(Default)]
pub struct Models {
    open: Vec<OpenModel>,
    /// The model that the views show.
    pub shown: Option<ModelId>,
    /// The model that it is compared with.
    pub compared: Option<ModelId>,
    last_id: u32,
}

/// An open model with its results.
pub struct OpenModel {
    pub card: ModelCard,
    /// Its predictions under the current conditions.
    pub evaluated: Option<Evaluated>,
    pub curve: Curve,
    /// Where it can be opened again.
    pub source: mct_engine::source::Source,
}

/// The predictions of a model for the utterances of a side.
pub struct Evaluated {
    /// Indices into the corpus.
    pub utterances: Vec<usize>,
    /// Row by utterance.
    rows: HashMap<usize, usize>,
    /// `[utterances, classes]` row by row.
    probabilities: Vec<f32>,
    classes: usize,
    /// The most probable class per utterance.
    pub predicted: Vec<usize>,
    pub confusion: Confusion,
    pub scores: Scores,
    /// Time of the computation, in milliseconds.
    pub millis: f32,
}

impl Evaluated {
    /// `None` when the predictions do not match the utterances or classes.
    pub fn of(predictions: Predictions, utterances: &[Utterance], classes: usize) -> Option<Self> {
        let Predictions {
            utterances: indices,
            probabilities,
            millis,
            ..
        } = predictions;
        if probabilities.len() != indices.len() * classes {
            return None;
        }
        let mut confusion = Confusion::new(classes);
        let mut predicted = Vec::with_capacity(indices.len());
        for (index, row) in indices.iter().zip(probabilities.chunks_exact(classes)) {
            let class = most_probable(row);
            if let Some(label) = utterances.get(*index)?.label {
                confusion.add(label, class);
            }
            predicted.push(class);
        }
        let rows = indices.iter().enumerate();
        Some(Self {
            rows: rows.map(|(row, index)| (*index, row)).collect(),
            scores: confusion.scores(),
            utterances: indices,
            probabilities,
            classes,
            predicted,
            confusion,
            millis,
        })
    }

    /// The predicted class of an utterance; `None` where it is not on this side.
    pub fn class_of(&self, utterance: usize) -> Option<usize> {
        self.rows.get(&utterance).map(|row| self.predicted[*row])
    }

    /// The class probabilities of an utterance, `[classes]`; `None` where it is not on this side.
    pub fn probabilities_of(&self, utterance: usize) -> Option<&[f32]> {
        let row = self.rows.get(&utterance)?;
        self.probabilities
            .get(row * self.classes..(row + 1) * self.classes)
    }
}

/// Scores at [`RATES`]; `None` where they have not been computed yet.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    pub points: [Option<Scores>; RATES.len()],
}

/// One of the four scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Score {
    #[default]
    Ua,
    Wa,
    Uf1,
    Wf1,
}

impl Score {
    pub const ALL: [Self; 4] = [Self::Ua, Self::Wa, Self::Uf1, Self::Wf1];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ua => "UA",
            Self::Wa => "WA",
            Self::Uf1 => "UF1",
            Self::Wf1 => "WF1",
        }
    }

    /// What the score measures, for hover texts.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ua => "unweighted accuracy: the mean recall of the classes",
            Self::Wa => "weighted accuracy: the share of correct predictions",
            Self::Uf1 => "unweighted F1: the mean F1 of the classes",
            Self::Wf1 => "weighted F1: the mean F1 of the classes, weighted by their size",
        }
    }

    /// The value of this score, 0 to 1.
    pub const fn of(self, scores: &Scores) -> f64 {
        match self {
            Self::Ua => scores.ua,
            Self::Wa => scores.wa,
            Self::Uf1 => scores.uf1,
            Self::Wf1 => scores.wf1,
        }
    }
}

impl Curve {
    /// Missing rate and score of the points computed so far.
    pub fn points(&self, score: Score) -> Vec<(f64, f64)> {
        RATES
            .iter()
            .zip(&self.points)
            .filter_map(|(rate, scores)| Some((*rate, score.of(scores.as_ref()?))))
            .collect()
    }

    /// Area under the curve (eq. 19), once all points are computed.
    pub fn auilc(&self, score: Score) -> Option<f64> {
        let points = self.points(score);
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        (points.len() == RATES.len()).then(|| auilc(&RATES, &values))
    }
}

impl Models {
    /// The id of a model to be opened.
    pub fn new_id(&mut self) -> ModelId {
        self.last_id += 1;
        ModelId(self.last_id)
    }

    /// Updates an open model, or adds a new one. A new one without a source is ignored.
    pub fn set(&mut self, card: ModelCard, source: Option<mct_engine::source::Source>) {
        let id = card.id;
        match self.open.iter_mut().find(|open| open.card.id == id) {
            Some(open) => {
                open.card = card;
                if let Some(source) = source {
                    open.source = source;
                }
            }
            None => {
                let Some(source) = source else { return };
                self.open.push(OpenModel {
                    card,
                    evaluated: None,
                    curve: Curve::default(),
                    source,
                });
            }
        }
        if self.shown.is_none() {
            self.shown = Some(id);
        }
    }

    /// Removes all predictions: another corpus is open.
    pub fn forget(&mut self) {
        for open in &mut self.open {
            open.evaluated = None;
            open.curve = Curve::default();
        }
    }

    /// Removes a model; where it was shown, the first remaining one is shown.
    pub fn close(&mut self, id: ModelId) {
        self.open.retain(|open| open.card.id != id);
        if self.compared == Some(id) {
            self.compared = None;
        }
        if self.shown == Some(id) {
            self.shown = self.open.first().map(|open| open.card.id);
            if self.shown == self.compared {
                self.compared = None;
            }
        }
    }

    pub fn get(&self, id: ModelId) -> Option<&OpenModel> {
        self.open.iter().find(|open| open.card.id == id)
    }

    pub fn get_mut(&mut self, id: ModelId) -> Option<&mut OpenModel> {
        self.open.iter_mut().find(|open| open.card.id == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &OpenModel> {
        self.open.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The position in the list, which determines the colour of a model.
    pub fn position(&self, id: ModelId) -> usize {
        self.open
            .iter()
            .position(|open| open.card.id == id)
            .unwrap_or(0)
    }

    pub fn shown(&self) -> Option<&OpenModel> {
        self.get(self.shown?)
    }

    pub fn compared(&self) -> Option<&OpenModel> {
        self.get(self.compared?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance(label: usize) -> Utterance {
        Utterance {
            id: format!("u{label}"),
            label: Some(label),
            ..Utterance::default()
        }
    }

    #[test]
    fn predictions_are_counted_against_the_labels() {
        let utterances = [utterance(0), utterance(1), utterance(1)];
        let predictions = Predictions {
            ticket: 1,
            model: ModelId(1),
            utterances: vec![2, 0],
            probabilities: vec![0.2, 0.8, 0.4, 0.6],
            millis: 1.0,
        };
        let evaluated = Evaluated::of(predictions, &utterances, 2).unwrap();
        assert_eq!(evaluated.confusion.0, [[0, 1], [0, 1]]);
        assert_eq!(evaluated.class_of(2), Some(1));
        assert_eq!(evaluated.class_of(1), None);
        assert_eq!(evaluated.probabilities_of(0), Some(&[0.4, 0.6][..]));
    }

    #[test]
    fn the_area_requires_all_points() {
        let mut curve = Curve::default();
        let scores = Scores {
            ua: 1.0,
            ..Scores::default()
        };
        curve.points[..9].fill(Some(scores));
        assert_eq!(curve.auilc(Score::Ua), None);
        curve.points[9] = Some(scores);
        assert!((curve.auilc(Score::Ua).unwrap() - 0.9).abs() < 1e-12);
    }
}
