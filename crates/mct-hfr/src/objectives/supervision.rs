//! What the outputs of a view are held against: classes or intensities.

use burn::tensor::Tensor;

use crate::config::{RegressionLoss, Term};
use crate::objectives::cross_entropy::cross_entropy;

/// The targets of a batch with their loss.
#[derive(Debug, Clone)]
pub enum Supervision {
    /// One-hot, `[batch, classes]`.
    Classes(Tensor<2>),
    Intensities {
        /// Standardised, `[batch, targets]`.
        targets: Tensor<2>,
        /// 1 where an utterance is rated, 0 where not, of the same shape; `None` where all are.
        rated: Option<Tensor<2>>,
        loss: RegressionLoss,
    },
}

impl Supervision {
    /// What the loss of the incomplete view is called.
    pub const fn term(&self) -> Term {
        match self {
            Self::Classes(_) => Term::Classification,
            Self::Intensities { .. } => Term::Regression,
        }
    }

    /// `[1]`, from the outputs of a view, `[batch, outputs]`: the cross entropy (eq. 12), or the mean error
    /// over all that is rated.
    pub fn loss(&self, outputs: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Classes(targets) => cross_entropy(outputs, targets.clone()),
            Self::Intensities {
                targets,
                rated,
                loss,
            } => {
                let error = outputs - targets.clone();
                let error = match loss {
                    RegressionLoss::L1 => error.abs(),
                    RegressionLoss::Mse => error.square(),
                };
                match rated {
                    None => error.mean(),
                    Some(rated) => {
                        // The small constant so that a batch without any has no loss.
                        let count = rated.clone().sum() + 1e-6;
                        (error * rated.clone()).sum() / count
                    }
                }
            }
        }
    }
}
