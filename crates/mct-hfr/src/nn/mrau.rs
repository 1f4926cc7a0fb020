//! The Multimodal Re-scaled Attention Unit (eq. 5 to 10).
//!
//! Keys and values of all modalities are concatenated along time into the hyper-modality, from which
//! every modality is reinforced. Since all of them attend to the same keys, their queries are
//! concatenated too: one matrix product instead of one per modality, with the same result.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::ModelConfig;
use crate::nn::attention::{AttentionUnit, attention_weights};
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;

/// One layer.
#[derive(Module, Debug)]
pub struct Mrau {
    /// Projections, norms and feed-forward, per modality.
    units: Vec<AttentionUnit>,
    #[module(skip)]
    outer_residual: bool,
}

/// What all layers share for one batch: key re-scaling and padding.
#[derive(Debug, Clone)]
pub struct HyperModality {
    /// `gamma_b * gamma_e`, per modality: `[batch, 1, 1]`.
    gamma: Vec<Tensor<3>>,
    mask: PaddingMask,
}

impl HyperModality {
    /// `masks` and `max_steps` per modality: `T_m`, the valid steps, and `T_m^max`.
    pub fn new(
        config: &ModelConfig,
        masks: &[PaddingMask],
        max_steps: &[usize],
        device: &Device,
    ) -> Self {
        let all = PaddingMask::concat(&masks.iter().collect::<Vec<_>>());
        let log_base = (max_steps.iter().sum::<usize>() as f64).ln();
        let gamma = |mask: &PaddingMask| {
            let lengths = mask.lengths.iter().zip(&all.lengths);
            let gamma: Vec<f32> = lengths
                .map(|(length, total)| {
                    let balance = (*length as f64).powf(-0.5);
                    let extrapolation = (*total as f64).ln() / log_base;
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
            gamma: masks.iter().map(gamma).collect(),
            mask: all,
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
        }
    }

    /// `E_m` from `H_m`, per modality `[batch, time, d_model]` (eq. 5).
    pub fn forward(
        &self,
        inputs: Vec<Tensor<3>>,
        hyper: &HyperModality,
        mode: &mut Mode,
    ) -> Vec<Tensor<3>> {
        let (queries, keys) = self.queries_and_keys(&inputs, hyper, mode);
        let values = self.units.iter().zip(&inputs);
        let values = values.map(|(unit, input)| unit.attention.values(input.clone(), mode));
        let values = Tensor::cat(values.collect(), 2); // eq. 8
        // The attention has no parameters; every unit has the same.
        let attention = &self.units[0].attention;
        let context = attention.attend(queries, keys, values, Some(&hyper.mask.bias), mode);
        let mut start = 0;
        let mut outputs = Vec::with_capacity(inputs.len());
        for (unit, input) in self.units.iter().zip(inputs) {
            let time = input.dims()[1];
            let modality_context = context.clone().narrow(2, start, time);
            start += time;
            let attended = unit.attention.merge_heads(modality_context, mode);
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
    /// `[batch, heads, queries, keys]`, both axes over the concatenated modalities.
    pub fn attention(&self, inputs: &[Tensor<3>], hyper: &HyperModality) -> Tensor<4> {
        let (queries, keys) = self.queries_and_keys(inputs, hyper, &mut Mode::Evaluation);
        attention_weights(queries, keys, Some(&hyper.mask.bias))
    }

    /// Queries and re-scaled keys of the concatenated modalities, `[batch, heads, time, d_k]`.
    fn queries_and_keys(
        &self,
        inputs: &[Tensor<3>],
        hyper: &HyperModality,
        mode: &mut Mode,
    ) -> (Tensor<4>, Tensor<4>) {
        let mut queries = Vec::with_capacity(inputs.len());
        let mut keys = Vec::with_capacity(inputs.len());
        for ((unit, input), gamma) in self.units.iter().zip(inputs).zip(&hyper.gamma) {
            let attention = &unit.attention;
            queries.push(attention.queries(input.clone(), mode));
            let rescaled = attention.keys(input.clone(), mode) * gamma.clone(); // eq. 6
            keys.push(attention.split_heads(rescaled));
        }
        (Tensor::cat(queries, 2), Tensor::cat(keys, 2)) // eq. 7
    }
}
