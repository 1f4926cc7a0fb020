//! Global Feature Alignment (eq. 16 and 17): the joint vectors of the incomplete and of the complete
//! view of the same utterances are drawn together, or what is predicted from them.

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{log_softmax, relu, softmax};
use burn::tensor::{Device, Tensor};

use mct_corpus::Task;

use crate::config::{Distance, PredictorKind};
use crate::nn::linear::linear;
use crate::nn::mode::Mode;
use crate::objectives::smooth_l1::smooth_l1;

/// `FC(h, theta_p)` of eq. 17. Two layers of the joint vector's width fit the parameters that
/// Table 4 adds for training; the released code's are half as wide inside, with batch norm.
#[derive(Module, Debug)]
pub struct Predictor {
    inner: Linear,
    norm: Option<BatchNorm>,
    outer: Linear,
}

impl Predictor {
    /// For joint vectors of width `d_joint`.
    pub fn new(kind: PredictorKind, d_joint: usize, device: &Device) -> Self {
        let is_full = kind == PredictorKind::Full;
        let width = if is_full { d_joint } else { d_joint / 2 };
        Self {
            // Batch norm has a bias of its own.
            inner: LinearConfig::new(d_joint, width)
                .with_bias(is_full)
                .init(device),
            norm: (!is_full).then(|| BatchNormConfig::new(width).init(device)),
            outer: LinearConfig::new(width, d_joint).init(device),
        }
    }

    /// `[batch, d_joint]` to the same.
    pub fn forward(&self, joint: Tensor<2>, mode: &mut Mode) -> Tensor<2> {
        let mut inner = linear(&self.inner, joint, mode);
        if let Some(norm) = &self.norm {
            inner = norm.forward(inner);
        }
        linear(&self.outer, relu(inner), mode)
    }

    /// Distance `[1]` between the views' joint vectors `[batch, d_joint]`: one-sided as in eq. 17, or the
    /// mean of both directions with stop-gradient on the targets (the released code).
    pub fn alignment(
        &self,
        incomplete: Tensor<2>,
        complete: Tensor<2>,
        distance: Distance,
        symmetric: bool,
        mode: &mut Mode,
    ) -> Tensor<1> {
        if !symmetric {
            return distance_between(self.forward(incomplete, mode), complete, distance);
        }
        let from_complete = self.forward(complete.clone(), mode);
        let from_incomplete = self.forward(incomplete.clone(), mode);
        let forth = distance_between(from_complete, incomplete.detach(), distance);
        let back = distance_between(from_incomplete, complete.detach(), distance);
        (forth + back).mul_scalar(0.5)
    }
}

/// Distance `[1]` between two batches of vectors `[batch, d_joint]` (section 6.2.3).
pub fn distance_between(a: Tensor<2>, b: Tensor<2>, distance: Distance) -> Tensor<1> {
    match distance {
        Distance::Cmd => central_moment_discrepancy(a, b, 1.0),
        Distance::CmdBounded => central_moment_discrepancy(a.tanh(), b.tanh(), 2.0),
        Distance::SmoothL1 => smooth_l1(a - b).mean(),
        Distance::Cosine => cosine_distance(a, b),
        Distance::Jsd => jensen_shannon(a, b),
    }
}

/// Distance `[1]` between what the views predict, from their outputs `[batch, outputs]`: how far the
/// incomplete view's are from the complete view's, a teacher that this does not train (stop-gradient), or
/// the mean of both directions.
pub fn distillation(
    incomplete: Tensor<2>,
    complete: Tensor<2>,
    task: Task,
    symmetric: bool,
) -> Tensor<1> {
    let distance = match task {
        Task::Classification => divergence,
        Task::Regression => |outputs: Tensor<2>, target| smooth_l1(outputs - target).mean(),
    };
    let forth = distance(incomplete.clone(), complete.clone().detach());
    if !symmetric {
        return forth;
    }
    let back = distance(complete, incomplete.detach());
    (forth + back).mul_scalar(0.5)
}

/// Kullback-Leibler divergence `[1]` of the classes of `logits` from those of `target`, in nats, mean over
/// the batch.
fn divergence(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    let batch = logits.dims()[0] as f64;
    let (log_p, log_q) = (log_softmax(target.clone(), 1), log_softmax(logits, 1));
    (softmax(target, 1) * (log_p - log_q))
        .sum()
        .div_scalar(batch)
}

/// Orders of the moments that are compared (`K` of eq. 16).
const ORDERS: usize = 5;

/// Central Moment Discrepancy (eq. 16) over the batch, the moment of order `k` divided by `width^k`: the
/// width of the interval that the values are from, or 1 as the paper writes it.
fn central_moment_discrepancy(a: Tensor<2>, b: Tensor<2>, width: f64) -> Tensor<1> {
    // Dividing the values divides each moment by that power.
    let (a, b) = if width == 1.0 {
        (a, b)
    } else {
        (a.div_scalar(width), b.div_scalar(width))
    };
    // The epsilon inside the root keeps the gradient finite where the moments are equal.
    let norm = |difference: Tensor<2>| (difference.square().sum() + 1e-12).sqrt();
    let (mean_a, mean_b) = (a.clone().mean_dim(0), b.clone().mean_dim(0));
    let mut total = norm(mean_a.clone() - mean_b.clone());
    let (a, b) = (a - mean_a, b - mean_b);
    let (mut power_a, mut power_b) = (a.clone(), b.clone());
    for _ in 2..=ORDERS {
        power_a = power_a * a.clone();
        power_b = power_b * b.clone();
        total = total + norm(power_a.clone().mean_dim(0) - power_b.clone().mean_dim(0));
    }
    total
}

/// One minus the mean cosine similarity.
fn cosine_distance(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    let norm = |x: Tensor<2>| (x.square().sum_dim(1) + 1e-16).sqrt();
    let product = (a.clone() * b.clone()).sum_dim(1);
    (product / (norm(a) * norm(b))).mean().neg() + 1.0
}

/// Jensen-Shannon divergence between the softmaxes, in nats, mean over the batch.
fn jensen_shannon(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    let (p, q) = (softmax(a, 1), softmax(b, 1));
    let mixture = (p.clone() + q.clone()).mul_scalar(0.5);
    let log = |x: Tensor<2>| (x + 1e-12).log();
    let divergence = |p: Tensor<2>| {
        (p.clone() * (log(p) - log(mixture.clone())))
            .sum_dim(1)
            .mean()
    };
    (divergence(p) + divergence(q)).mul_scalar(0.5)
}
