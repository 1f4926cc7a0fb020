//! The Multimodal Re-scaled Attention Unit (eq. 5 to 10).
//!
//! Keys and values of all modalities are put end to end into the hyper-modality, from which every
//! modality is reinforced. Since all of them attend to the same keys, their queries are put end to
//! end too: one product in place of one a modality, with the same result.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::attention::{AttentionUnit, attend, weights};
use crate::config::ModelConfig;
use crate::noise::Mode;
use crate::steps::Steps;

/// One layer.
#[derive(Module, Debug)]
pub struct Mrau {
    /// Projections, norms and feed-forward of each modality.
    units: Vec<AttentionUnit>,
    #[module(skip)]
    outer_residual: bool,
    #[module(skip)]
    attention_dropout: f64,
}

/// What all layers share for one batch: key re-scaling and padding.
#[derive(Debug, Clone)]
pub struct HyperModality {
    /// `gamma_b * gamma_e` for the keys of each modality: `[batch, 1, 1]`.
    gamma: Vec<Tensor<3>>,
    steps: Steps,
}

impl HyperModality {
    /// `max_steps[m]` is `T_m^max`; `T_m` are the true lengths of `steps`, one a modality.
    pub fn new(
        config: &ModelConfig,
        steps: &[Steps],
        max_steps: &[usize],
        device: &Device,
    ) -> Self {
        let all = Steps::joined(&steps.iter().collect::<Vec<_>>());
        let log_base = (max_steps.iter().sum::<usize>() as f64).ln();
        let gamma = |own: &Steps| {
            let lengths = own.lengths.iter().zip(&all.lengths);
            let gamma: Vec<f32> = lengths
                .map(|(own, all)| {
                    let balance = (*own as f64).powf(-0.5);
                    let extrapolation = (*all as f64).ln() / log_base;
                    let balance = if config.balance { balance } else { 1.0 };
                    let extrapolation = if config.extrapolation {
                        extrapolation
                    } else {
                        1.0
                    };
                    (balance * extrapolation) as f32
                })
                .collect();
            let shape = [gamma.len(), 1, 1];
            Tensor::from_data(TensorData::new(gamma, shape), device)
        };
        Self {
            gamma: steps.iter().map(gamma).collect(),
            steps: all,
        }
    }
}

impl Mrau {
    pub fn new(config: &ModelConfig, modalities: usize, device: &Device) -> Self {
        Self {
            units: (0..modalities)
                .map(|_| AttentionUnit::new(config, device))
                .collect(),
            outer_residual: config.outer_residual,
            attention_dropout: config.dropout.attention,
        }
    }

    /// `E_m` from `H_m`, each `[batch, steps of m, d]` (eq. 5).
    pub fn forward(
        &self,
        inputs: Vec<Tensor<3>>,
        hyper: &HyperModality,
        mode: &mut Mode,
    ) -> Vec<Tensor<3>> {
        let (queries, keys) = self.queries_and_keys(&inputs, hyper);
        let values = self.units.iter().zip(&inputs);
        let values = values.map(|(unit, input)| unit.attention.values(input.clone()));
        let context = attend(
            queries,
            keys,
            Tensor::cat(values.collect(), 2), // eq. 8
            Some(&hyper.steps.bias),
            self.attention_dropout,
            mode,
        );
        let mut start = 0;
        let mut outputs = Vec::with_capacity(inputs.len());
        for (unit, input) in self.units.iter().zip(inputs) {
            let steps = input.dims()[1];
            let own = context.clone().narrow(2, start, steps);
            start += steps;
            let attended = unit.attention.join(own, mode);
            let output = unit.finish(attended, input.clone(), mode); // eq. 9 and 10
            outputs.push(if self.outer_residual {
                input + output
            } else {
                output
            });
        }
        outputs
    }

    /// How much each step of every modality attends to each step of the hyper-modality,
    /// `[batch, heads, steps of all, steps of all]`, the modalities end to end.
    pub fn attention(&self, inputs: &[Tensor<3>], hyper: &HyperModality) -> Tensor<4> {
        let (queries, keys) = self.queries_and_keys(inputs, hyper);
        weights(queries, keys, Some(&hyper.steps.bias))
    }

    /// Queries and re-scaled keys of all modalities, `[batch, heads, steps of all, d_k]`.
    fn queries_and_keys(
        &self,
        inputs: &[Tensor<3>],
        hyper: &HyperModality,
    ) -> (Tensor<4>, Tensor<4>) {
        let mut queries = Vec::with_capacity(inputs.len());
        let mut keys = Vec::with_capacity(inputs.len());
        for ((unit, input), gamma) in self.units.iter().zip(inputs).zip(&hyper.gamma) {
            let attention = &unit.attention;
            queries.push(attention.queries(input.clone()));
            let rescaled = attention.keys(input.clone()) * gamma.clone(); // eq. 6
            keys.push(attention.split(rescaled));
        }
        (Tensor::cat(queries, 2), Tensor::cat(keys, 2)) // eq. 7
    }
}
