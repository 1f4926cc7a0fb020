//! The results that the paper reports; scores in percent.

use mct_corpus::Corpus;

/// The scores of tables 2 and 3 by row: UA, UF1, WA, WF1 on complete data, then their AUILC.
type Scores = [(&'static str, [f64; 8]); 9];

const IEMOCAP: Scores = [
    (
        "MulT",
        [76.39, 76.05, 75.88, 75.83, 63.63, 63.69, 63.50, 63.46],
    ),
    (
        "MISA",
        [77.13, 77.01, 76.75, 76.66, 64.23, 64.25, 64.03, 63.95],
    ),
    (
        "PMR",
        [77.36, 77.30, 77.15, 77.09, 65.36, 65.08, 65.01, 64.85],
    ),
    (
        "CHFN",
        [77.05, 76.85, 76.86, 76.64, 63.14, 63.31, 63.09, 63.09],
    ),
    (
        "TFR-Net†",
        [77.05, 76.40, 76.33, 76.10, 66.64, 65.92, 65.85, 65.61],
    ),
    (
        "EMT-DLFR†",
        [77.48, 77.07, 77.13, 76.87, 67.36, 66.96, 66.94, 66.73],
    ),
    (
        "MCT",
        [78.68, 77.75, 77.92, 77.39, 66.47, 65.81, 65.74, 65.51],
    ),
    (
        "MCT-HFR†",
        [78.68, 77.75, 77.92, 77.39, 67.78, 67.51, 67.38, 67.25],
    ),
    (
        "MCT-HFR⋆",
        [78.85, 78.43, 78.41, 78.21, 68.06, 67.80, 67.68, 67.57],
    ),
];

const MSP_IMPROV: Scores = [
    (
        "MulT",
        [68.50, 66.49, 67.00, 66.76, 58.27, 55.96, 56.17, 56.31],
    ),
    (
        "MISA",
        [70.42, 68.51, 68.97, 68.67, 59.83, 57.05, 57.21, 56.87],
    ),
    (
        "PMR",
        [68.44, 69.17, 70.89, 70.82, 58.74, 58.77, 59.25, 59.22],
    ),
    (
        "CHFN",
        [67.09, 67.62, 68.81, 68.63, 55.98, 57.19, 58.91, 58.58],
    ),
    (
        "TFR-Net†",
        [69.61, 68.02, 68.40, 68.02, 61.21, 59.58, 59.97, 59.95],
    ),
    (
        "EMT-DLFR†",
        [69.46, 69.01, 70.19, 70.30, 60.72, 60.17, 60.77, 60.77],
    ),
    (
        "MCT",
        [71.81, 70.34, 70.56, 70.34, 60.70, 59.96, 60.43, 60.41],
    ),
    (
        "MCT-HFR†",
        [71.81, 70.34, 70.56, 70.34, 61.38, 60.96, 61.47, 61.49],
    ),
    (
        "MCT-HFR⋆",
        [71.55, 71.93, 71.25, 71.86, 62.26, 61.60, 62.03, 61.92],
    ),
];

/// AUILC of UA by duration on IEMOCAP (table 5), and over all.
const DURATIONS: [(&str, [f64; 6]); 6] = [
    ("PMR", [61.88, 64.69, 66.76, 71.63, 72.72, 66.04]),
    ("TFR-Net", [65.09, 65.51, 65.92, 71.70, 73.18, 67.08]),
    ("MCT-HFR", [65.21, 65.86, 68.39, 74.14, 75.86, 68.06]),
    ("w/o γ_b", [64.63, 65.45, 66.87, 73.28, 75.23, 67.36]),
    ("w/o γ_e", [63.29, 64.23, 65.60, 71.37, 73.73, 66.14]),
    ("w/o γ_b, γ_e", [62.58, 63.11, 66.06, 72.44, 70.51, 65.54]),
];

/// Table 4: parameters (M) and multiply-accumulates (G) of a layer, for training and for inference.
pub const COMPLEXITY: [(&str, [f64; 6]); 5] = [
    ("MulT", [0.89, 0.15, 7.16, 1.47, 7.16, 1.47]),
    ("PMR", [0.99, 0.32, 4.59, 1.42, 4.59, 1.42]),
    ("TFR-Net", [1.34, 0.22, 12.25, 2.67, 8.95, 2.14]),
    ("EMT-DLFR", [0.99, 0.08, 5.26, 0.88, 4.57, 0.46]),
    ("MCT-HFR", [0.45, 0.07, 4.72, 1.18, 2.41, 0.42]),
];

fn find<const N: usize>(rows: &[(&str, [f64; N])], name: &str) -> Option<[f64; N]> {
    let found = rows.iter().find(|(row, _)| *row == name);
    found.map(|(_, values)| *values)
}

/// Whether the corpus is the paper's of this name, by its title.
fn is_paper_corpus(corpus: &Corpus, name: &str) -> bool {
    !corpus.metadata.synthetic && corpus.metadata.title.to_lowercase().contains(name)
}

/// The paper's scores of a row, where the corpus is one of the paper's.
pub fn scores(corpus: &Corpus, row: &str) -> Option<[f64; 8]> {
    if is_paper_corpus(corpus, "iemocap") {
        find(&IEMOCAP, row)
    } else if is_paper_corpus(corpus, "improv") {
        find(&MSP_IMPROV, row)
    } else {
        None
    }
}

/// The paper's AUILC of a row by duration.
pub fn durations(corpus: &Corpus, row: &str) -> Option<[f64; 6]> {
    is_paper_corpus(corpus, "iemocap")
        .then(|| find(&DURATIONS, row))
        .flatten()
}
