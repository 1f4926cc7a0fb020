//! Scores over the missing rates, and by duration (Table 5).

use mct_corpus::Corpus;
use serde::{Deserialize, Serialize};

use crate::auilc::auilc;
use crate::confusion::{Confusion, Scores};

/// Upper edges of the duration bins of Table 5, in seconds; the last bin is open.
pub const DURATION_EDGES_SECS: [f32; 4] = [2.0, 4.0, 6.0, 8.0];

/// Which bin of Table 5 a duration falls into.
pub fn duration_bin(secs: f32) -> usize {
    DURATION_EDGES_SECS
        .iter()
        .take_while(|edge| secs > **edge)
        .count()
}

/// Scores over the missing rates; every list over rates has one entry per rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evaluation {
    pub synthetic: bool,
    pub utterances: usize,
    pub classes: Vec<String>,
    pub rates: Vec<f64>,
    pub ua: Vec<f64>,
    pub wa: Vec<f64>,
    pub uf1: Vec<f64>,
    pub wf1: Vec<f64>,
    /// Area under each score (eq. 19).
    pub auilc: Scores,
    /// Per rate, counts of true class (row) against predicted class (column).
    pub confusion: Vec<Confusion>,
    /// The duration bins of Table 5.
    pub durations: Vec<DurationBin>,
}

/// The utterances of one duration bin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DurationBin {
    pub name: String,
    pub utterances: usize,
    /// UA per rate.
    pub ua: Vec<f64>,
    /// Area under UA over the rates.
    pub auilc: f64,
}

/// Counts the predictions of the labelled utterances among `indices` that `keep` holds of.
fn count(
    corpus: &Corpus,
    indices: &[usize],
    predicted: &[usize],
    keep: impl Fn(usize) -> bool,
) -> Confusion {
    let mut confusion = Confusion::new(corpus.class_count());
    for (index, class) in indices.iter().zip(predicted) {
        if let Some(label) = corpus.utterances[*index].label
            && keep(*index)
        {
            confusion.add(label, *class);
        }
    }
    confusion
}

impl Evaluation {
    /// Scores of the predicted classes `predicted[rate][utterance]` of the utterances `indices` of
    /// `corpus`, in their order.
    pub fn of(corpus: &Corpus, indices: &[usize], rates: &[f64], predicted: &[Vec<usize>]) -> Self {
        let confusion: Vec<Confusion> = predicted
            .iter()
            .map(|classes| count(corpus, indices, classes, |_| true))
            .collect();
        let scores: Vec<Scores> = confusion.iter().map(Confusion::scores).collect();
        let ua: Vec<f64> = scores.iter().map(|s| s.ua).collect();
        let wa: Vec<f64> = scores.iter().map(|s| s.wa).collect();
        let uf1: Vec<f64> = scores.iter().map(|s| s.uf1).collect();
        let wf1: Vec<f64> = scores.iter().map(|s| s.wf1).collect();
        Self {
            synthetic: corpus.metadata.synthetic,
            utterances: indices.len(),
            classes: corpus.metadata.classes.clone(),
            rates: rates.to_vec(),
            auilc: Scores {
                ua: auilc(rates, &ua),
                wa: auilc(rates, &wa),
                uf1: auilc(rates, &uf1),
                wf1: auilc(rates, &wf1),
            },
            durations: by_duration(corpus, indices, rates, predicted),
            ua,
            wa,
            uf1,
            wf1,
            confusion,
        }
    }
}

/// UA in each duration bin of Table 5, of the utterances whose duration is known.
fn by_duration(
    corpus: &Corpus,
    indices: &[usize],
    rates: &[f64],
    predicted: &[Vec<usize>],
) -> Vec<DurationBin> {
    let names = ["up to 2 s", "2 to 4 s", "4 to 6 s", "6 to 8 s", "over 8 s"];
    let bins = names.iter().enumerate().map(|(bin, name)| {
        let duration = |index: usize| corpus.utterances[index].duration_secs;
        let inside = |index: usize| duration(index).map(duration_bin) == Some(bin);
        let ua: Vec<f64> = predicted
            .iter()
            .map(|classes| count(corpus, indices, classes, inside).scores().ua)
            .collect();
        DurationBin {
            name: (*name).to_owned(),
            utterances: indices.iter().filter(|index| inside(**index)).count(),
            auilc: auilc(rates, &ua),
            ua,
        }
    });
    bins.collect()
}
