//! Global Feature Alignment (eq. 16 and 17): the joint vectors of the incomplete and of the
//! complete view of the same utterances are drawn together.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor};

use crate::config::Distance;
use crate::smooth_l1::smooth_l1;

/// `FC(h, theta_p)` of eq. 17. Two layers of the joint vector's size fit the parameters that
/// Table 4 adds for training.
#[derive(Module, Debug)]
pub struct Predictor {
    inner: Linear,
    outer: Linear,
}

impl Predictor {
    pub fn new(size: usize, device: &Device) -> Self {
        let linear = || LinearConfig::new(size, size).init(device);
        Self {
            inner: linear(),
            outer: linear(),
        }
    }

    pub fn forward(&self, joint: Tensor<2>) -> Tensor<2> {
        self.outer.forward(relu(self.inner.forward(joint)))
    }

    /// Distance between the views, vectors `[batch, size]`. One-sided as in eq. 17, or the mean of
    /// both sides with the targets held still (the released code).
    pub fn alignment(
        &self,
        incomplete: Tensor<2>,
        complete: Tensor<2>,
        distance: Distance,
        symmetric: bool,
    ) -> Tensor<1> {
        if !symmetric {
            return between(self.forward(incomplete), complete, distance);
        }
        let forth = self.forward(complete.clone());
        let back = self.forward(incomplete.clone());
        let forth = between(forth, incomplete.detach(), distance);
        let back = between(back, complete.detach(), distance);
        (forth + back).mul_scalar(0.5)
    }
}

/// Distance between two batches of vectors `[batch, size]` (section 6.2.3).
pub fn between(a: Tensor<2>, b: Tensor<2>, distance: Distance) -> Tensor<1> {
    match distance {
        Distance::Cmd => central_moment_discrepancy(a, b),
        Distance::SmoothL1 => smooth_l1(a - b).mean(),
        Distance::Cosine => cosine_distance(a, b),
        Distance::Jsd => jensen_shannon(a, b),
    }
}

/// Orders of the moments that are compared (`K` of eq. 16).
const ORDERS: usize = 5;

/// Central Moment Discrepancy (eq. 16) over the batch.
fn central_moment_discrepancy(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
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
