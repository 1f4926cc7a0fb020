//! The Multimodal Re-scaled Attention Unit (eq. 5 to 10).
//!
//! Keys and values of all modalities are concatenated along time into the hyper-modality, from which
//! every modality is reinforced. Since all of them attend to the same keys, their queries are
//! concatenated too: one matrix product instead of one per modality, with the same result.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{InputShape, Interface, ModelConfig};
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
    #[module(skip)]
    outer_dropout: f64,
    /// Whether attention dropout differs between the modalities' queries.
    #[module(skip)]
    dropout_differs: bool,
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
                    let balance = if config.balance { balance } else { 1.0 };
                    // Of a single step in all, both logarithms are 0.
                    let extrapolation = if config.extrapolation && log_base > 0.0 {
                        (*total as f64).ln() / log_base
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
    pub fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self {
        let shapes = || interface.modalities.iter();
        let dropout = |shape: &InputShape| {
            let own = config.modality(&shape.name).attention_dropout;
            own.unwrap_or(config.dropout.attention)
        };
        let unit = |shape: &InputShape| {
            let mut config = config.clone();
            config.dropout.attention = dropout(shape);
            AttentionUnit::new(&config, device)
        };
        Self {
            units: shapes().map(unit).collect(),
            outer_residual: config.outer_residual,
            outer_dropout: config.dropout.outer,
            dropout_differs: shapes().any(|shape| dropout(shape) != config.dropout.attention),
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
        let bias = Some(&hyper.mask.bias);
        let context = if self.dropout_differs {
            None
        } else {
            // The attention has no parameters; every unit has the same.
            let (attention, queries) = (&self.units[0].attention, queries.clone());
            Some(attention.attend(queries, keys.clone(), values.clone(), bias, mode))
        };
        let mut start = 0;
        let mut outputs = Vec::with_capacity(inputs.len());
        for (unit, input) in self.units.iter().zip(inputs) {
            let time = input.dims()[1];
            let own = |all: &Tensor<4>| all.clone().narrow(2, start, time);
            let modality_context = match &context {
                Some(context) => own(context),
                None => {
                    let (keys, values) = (keys.clone(), values.clone());
                    (unit.attention).attend(own(&queries), keys, values, bias, mode)
                }
            };
            start += time;
            let attended = unit.attention.merge_heads(modality_context, mode);
            let output = unit.finish(attended, input.clone(), mode); // eq. 9 and 10
            outputs.push(if self.outer_residual {
                input + mode.dropout(output, self.outer_dropout)
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
