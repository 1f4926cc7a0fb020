//! The weighted sum of a system's loss terms (eq. 18 for MCT-HFR).

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::config::Term;

/// The terms of a loss, each `[1]`, added in the order of the calls.
#[derive(Debug, Clone)]
pub struct Losses {
    pub total: Tensor<1>,
    /// Unweighted.
    pub terms: BTreeMap<Term, Tensor<1>>,
    weights: BTreeMap<Term, f64>,
}

impl Losses {
    /// Starts with the supervised loss of the incomplete view, `[1]`, whose weight is 1; `weights` are
    /// those of the terms to come.
    pub fn new(term: Term, supervised: Tensor<1>, weights: BTreeMap<Term, f64>) -> Self {
        Self {
            total: supervised.clone(),
            terms: BTreeMap::from([(term, supervised)]),
            weights,
        }
    }

    /// Adds a term `[1]` with its weight.
    pub fn add(&mut self, term: Term, loss: Tensor<1>) {
        let weight = self.weights.get(&term).copied().unwrap_or(1.0);
        let weighted = loss.clone().mul_scalar(weight);
        self.total = self.total.clone() + weighted;
        self.terms.insert(term, loss);
    }
}
