//! What the outputs of a view are held against: classes or intensities.

use burn::tensor::Tensor;

use crate::config::{RegressionLoss, Term};
use crate::objectives::cross_entropy::{cross_entropy, weighted_cross_entropy};

/// The targets of a batch with their loss.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// One-hot `[batch, classes]`, or standardised intensities `[batch, targets]`.
    pub targets: Tensor<2>,
    /// 1 where an utterance is rated, 0 where not, `[batch, targets]`; `None` where all are, and for classes.
    pub rated: Option<Tensor<2>>,
    /// Of the classes in the cross entropy, `[classes]`; `None` where all weigh the same.
    pub class_weights: Option<Tensor<1>>,
    /// The share of a class's target that is spread evenly over the classes.
    pub smoothing: f64,
    pub kind: Kind,
}

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    CrossEntropy,
    Regression(RegressionLoss),
}

impl Supervision {
    /// What the loss of the incomplete view is called.
    pub const fn term(&self) -> Term {
        match self.kind {
            Kind::CrossEntropy => Term::Classification,
            Kind::Regression(_) => Term::Regression,
        }
    }

    /// `[1]`, from the outputs of a view, `[batch, outputs]`: the cross entropy (eq. 12), or the mean error
    /// over all that is rated.
    pub fn loss(&self, outputs: Tensor<2>) -> Tensor<1> {
        let targets = self.targets.clone();
        let error = match self.kind {
            Kind::CrossEntropy => return self.cross_entropy(outputs),
            Kind::Regression(RegressionLoss::L1) => (outputs - targets).abs(),
            Kind::Regression(RegressionLoss::Mse) => (outputs - targets).square(),
        };
        match &self.rated {
            None => error.mean(),
            Some(rated) => {
                // The small constant so that a batch without any has no loss.
                let count = rated.clone().sum() + 1e-6;
                (error * rated.clone()).sum() / count
            }
        }
    }

    /// What the mean of [`Self::loss`] is over, `[1]`: utterances, each with the weight of its class or with the share
    /// of the targets that it is rated in. Losses of batches together are their mean by these weights.
    pub fn weight(&self) -> Tensor<1> {
        let [batch, outputs] = self.targets.dims();
        match (&self.class_weights, &self.rated) {
            (Some(weights), _) if self.kind == Kind::CrossEntropy => {
                (self.targets.clone() * weights.clone().unsqueeze::<2>()).sum()
            }
            (_, Some(rated)) if self.kind != Kind::CrossEntropy => {
                rated.clone().sum().div_scalar(outputs as f64)
            }
            _ => Tensor::full([1], batch as f64, &self.targets.device()),
        }
    }

    fn cross_entropy(&self, logits: Tensor<2>) -> Tensor<1> {
        let targets = self.targets.clone();
        match &self.class_weights {
            None if self.smoothing == 0.0 => cross_entropy(logits, targets),
            weights => {
                let classes = logits.dims()[1];
                let even = || Tensor::ones([classes], &logits.device());
                let weights = weights.clone().unwrap_or_else(even);
                weighted_cross_entropy(logits, targets, weights, self.smoothing)
            }
        }
    }
}
