//! Parameters and multiply-accumulates (Table 4), in full and as the paper's tool counts them.
//!
//! Parameters are those of the module, multiply-accumulates (MACs) what its layers record in forward
//! passes ([`Mode::Counting`]). The paper used thop, which counts what it finds in linear, convolution,
//! recurrent and norm modules. The attention's input projections, PMR's gates and the weights of hubs
//! are raw parameters in the public code, so thop leaves them out, with their products; nor does it see
//! products of activations. Both counts are given.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use serde::Serialize;

use crate::config::{Config, InputShape, Interface};
use crate::data::Batch;
use crate::error::Result;
use crate::model::Model;
use crate::nn::mode::{Mode, Tally};
use crate::nn::parameters::Path;

/// Counts of one part, for one utterance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub parameters: u64,
    pub macs: u64,
    pub thop_parameters: u64,
    pub thop_macs: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complexity {
    /// Time steps per modality for which multiply-accumulates are counted.
    pub steps: Vec<u64>,
    /// One layer of the fusion.
    pub layer: Count,
    pub inference: Count,
    /// With what only training uses; multiply-accumulates of one forward pass of every part, those of
    /// inference twice where the complete view is aligned with the incomplete one.
    pub training: Count,
}

/// Modules whose parameters are raw in the public code, where thop does not find them.
const RAW: [&str; 6] = [
    "query",
    "key",
    "value",
    "gate_self",
    "gate_cross",
    "combine",
];

/// Counts the model of this config for inputs of this interface, at the maximal lengths.
///
/// # Errors
/// When the model has more than 2^31 parameters.
pub fn count(config: &Config, interface: &Interface) -> Result<Complexity> {
    let device = Device::flex().autodiff();
    Model::require_size(&config.model, interface)?;
    let model = Model::new(&config.model, interface, &[], 0, &device);
    let counter = Counter {
        parameters: Parameters::of(&model),
        config,
        interface,
        model,
    };
    let modalities = interface.modalities.iter();
    let steps: Vec<u64> = modalities
        .map(|shape| config.model.max_steps(&shape.name) as u64)
        .collect();
    let macs = counter.macs(&steps);
    let [layer, inference, training] = counter.parameters(macs);
    Ok(Complexity {
        steps,
        layer,
        inference,
        training,
    })
}

/// The trained parameters of a model.
struct Parameters(BTreeMap<ParamId, Parameter>);

struct Parameter {
    /// Within the network.
    name: String,
    size: u64,
}

impl Parameters {
    fn of(model: &Model) -> Self {
        struct Visitor {
            path: Path,
            found: BTreeMap<ParamId, Parameter>,
        }
        impl ModuleVisitor for Visitor {
            fn enter_module(&mut self, name: &str, container: &str) {
                self.path.enter(name, container);
            }
            fn exit_module(&mut self, _name: &str, _container: &str) {
                self.path.exit();
            }
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let name = self.path.name();
                // Not trained: feature statistics, and the running statistics of batch norm.
                if let Some(name) = name.strip_prefix("network.")
                    && !name.contains("running_")
                {
                    let (name, size) = (name.to_owned(), param.lazy_shape().num_elements() as u64);
                    self.found.insert(param.id, Parameter { name, size });
                }
            }
        }
        let mut visitor = Visitor {
            path: Path::default(),
            found: BTreeMap::new(),
        };
        model.visit(&mut visitor);
        Self(visitor.found)
    }
}

/// MACs of one layer, of inference and of training: in full, and as thop counts them.
type Macs = [[i64; 2]; 3];

/// Adds `times` of `other` to `sum`.
fn add(sum: &mut Macs, times: i64, other: &Macs) {
    for (sum, other) in sum.iter_mut().flatten().zip(other.iter().flatten()) {
        *sum += times * other;
    }
}

struct Counter<'a> {
    config: &'a Config,
    interface: &'a Interface,
    model: Model,
    parameters: Parameters,
}

impl Counter<'_> {
    /// MACs at these lengths.
    ///
    /// Attention pairs two steps and nothing relates three, so MACs are a polynomial of second degree in
    /// the lengths. Passes over sequences of one to three steps determine it (Newton's forward
    /// differences), which is exact and takes no memory for long sequences.
    fn macs(&self, steps: &[u64]) -> Macs {
        let beyond: Vec<i64> = steps.iter().map(|steps| *steps as i64 - 1).collect();
        // MACs when the sequences of these modalities are one step longer, for each time it is named.
        let longer = |modalities: &[usize]| {
            let mut lengths = vec![1; steps.len()];
            modalities.iter().for_each(|m| lengths[*m] += 1);
            self.pass(&lengths)
        };
        let base = longer(&[]);
        let mut sum = base;
        for (i, x) in beyond.iter().enumerate().filter(|(_, x)| **x > 0) {
            let one = longer(&[i]);
            add(&mut sum, *x, &one);
            add(&mut sum, -x, &base);
            if *x > 1 {
                let pairs = x * (x - 1) / 2;
                add(&mut sum, pairs, &longer(&[i, i]));
                add(&mut sum, -2 * pairs, &one);
                add(&mut sum, pairs, &base);
            }
            for (j, y) in beyond
                .iter()
                .enumerate()
                .skip(i + 1)
                .filter(|(_, y)| **y > 0)
            {
                add(&mut sum, x * y, &longer(&[i, j]));
                add(&mut sum, -x * y, &one);
                add(&mut sum, -x * y, &longer(&[j]));
                add(&mut sum, x * y, &base);
            }
        }
        sum
    }

    /// MACs of forward passes over one utterance with sequences of these lengths.
    fn pass(&self, lengths: &[usize]) -> Macs {
        let batch = self.batch(lengths);
        let tally = |auxiliary: bool| {
            let mut mode = Mode::Counting(Tally::default());
            let training = &self.config.training;
            self.model.losses(&batch, training, auxiliary, &mut mode);
            match mode {
                Mode::Counting(tally) => tally,
                Mode::Evaluation | Mode::Training(_) => Tally::default(),
            }
        };
        let inference = tally(false);
        [
            self.sum(&inference, |name| self.is_in_layer(name)),
            self.sum(&inference, |_| true),
            self.sum(&tally(true), |_| true),
        ]
    }

    /// MACs of the parameters whose name `keep` holds of, in full and as thop counts them.
    fn sum(&self, tally: &Tally, keep: impl Fn(&str) -> bool) -> [i64; 2] {
        let mut sum = [0; 2];
        for (id, Parameter { name, .. }) in &self.parameters.0 {
            if keep(name) {
                let weights = tally.weights.get(id).copied().unwrap_or(0) as i64;
                let activations = tally.activations.get(id).copied().unwrap_or(0) as i64;
                sum[0] += weights + activations;
                sum[1] += if is_raw(name) { 0 } else { weights };
            }
        }
        sum
    }

    /// The counts of one layer, inference and training, with these MACs.
    fn parameters(&self, macs: Macs) -> [Count; 3] {
        let in_inference = self.in_inference();
        let mut counts = macs.map(|[macs, thop_macs]| Count {
            macs: macs as u64,
            thop_macs: thop_macs as u64,
            ..Count::default()
        });
        for (id, Parameter { name, size }) in &self.parameters.0 {
            let belongs_to = [self.is_in_layer(name), in_inference.contains(id), true];
            for (count, belongs) in counts.iter_mut().zip(belongs_to) {
                if belongs {
                    count.parameters += size;
                    count.thop_parameters += if is_raw(name) { 0 } else { *size };
                }
            }
        }
        counts
    }

    /// The parameters that inference uses: those that the classification loss has a gradient for.
    fn in_inference(&self) -> BTreeSet<ParamId> {
        struct Visitor {
            gradients: Gradients,
            found: BTreeSet<ParamId>,
        }
        impl ModuleVisitor for Visitor {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if param.val().grad(&self.gradients).is_some() {
                    self.found.insert(param.id);
                }
            }
        }
        let batch = self.batch(&vec![1; self.interface.modalities.len()]);
        let mut mode = Mode::Evaluation;
        let training = &self.config.training;
        let losses = self.model.losses(&batch, training, false, &mut mode);
        let mut visitor = Visitor {
            gradients: losses.total.backward(),
            found: BTreeSet::new(),
        };
        self.model.visit(&mut visitor);
        visitor.found
    }

    /// One utterance of zeros with sequences of these lengths, all of its steps missing.
    fn batch(&self, lengths: &[usize]) -> Batch {
        let device = Device::flex().autodiff();
        let shapes = self.interface.modalities.iter().zip(lengths);
        let features = shapes.map(|(shape, steps)| {
            let values = TensorData::zeros::<f32, _>([1, *steps, shape.features]);
            Tensor::from_data(values, &device)
        });
        let ones = |steps: &usize| {
            let values = TensorData::ones::<f32, _>([1, *steps, 1]);
            Tensor::from_data(values, &device)
        };
        let outputs = self.interface.outputs();
        Batch {
            features: features.collect(),
            absent: vec![None; lengths.len()],
            missing: lengths.iter().map(ones).collect(),
            valid: lengths.iter().map(ones).collect(),
            lengths: lengths.iter().map(|steps| vec![*steps]).collect(),
            missing_counts: lengths.to_vec(),
            present: None,
            observed: None,
            targets: Tensor::zeros([1, outputs], &device),
            rated: None,
            labels: vec![Some(0)],
        }
    }

    fn is_in_layer(&self, name: &str) -> bool {
        let patterns = self.model.network().first_layer().iter();
        patterns
            .copied()
            .any(|pattern| starts_with_pattern(name, pattern))
    }
}

/// Whether a dotted name begins like the pattern, in which `*` stands for one part.
fn starts_with_pattern(name: &str, pattern: &str) -> bool {
    let mut parts = name.split('.');
    pattern.trim_end_matches('.').split('.').all(|expected| {
        parts
            .next()
            .is_some_and(|part| expected == "*" || part == expected)
    })
}

/// Whether thop does not see the parameter.
fn is_raw(name: &str) -> bool {
    name.split('.').any(|part| RAW.contains(&part))
}

/// The paper's inputs: wav2vec 512, VGGFace 512, BERT 768, four classes.
pub fn paper_interface() -> Interface {
    let shape = |name: &str, features| InputShape {
        name: name.into(),
        features,
        extractor: None,
        unknown_positions: None,
    };
    Interface {
        modalities: vec![
            shape("audio", 512),
            shape("vision", 512),
            shape("text", 768),
        ],
        classes: ["angry", "happy", "neutral", "sad"]
            .map(String::from)
            .to_vec(),
        targets: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MaxSteps, PRESETS, System};

    fn table4(system: System) -> Complexity {
        let config = Config::preset("table4").unwrap().with_system(system);
        count(&config, &paper_interface()).unwrap()
    }

    #[test]
    fn a_layer_and_the_table_4_recipe_have_the_papers_counts() {
        let counts = table4(System::MctHfr);
        assert_eq!(counts.layer.parameters, 594_816);
        assert_eq!(counts.layer.thop_parameters, 446_208);
        assert_eq!(counts.inference.thop_parameters, 2_410_116);
        assert_eq!(counts.training.thop_parameters, 4_720_772);
    }

    /// Layer-wise counts of Table 4, to the digits that are printed there.
    #[test]
    fn the_layers_of_the_compared_systems_have_the_papers_counts() {
        for (system, parameters, gigamacs) in [
            (System::Mult, 892_416, 0.15),
            (System::Pmr, 991_488, 0.32),
            (System::TfrNet, 1_338_624, 0.22),
            // The paper's 991,488 has two norms per unit, the unit of EMT's own paper three.
            (System::EmtDlfr, 993_024, 0.08),
            (System::MctHfr, 446_208, 0.07),
        ] {
            let layer = table4(system).layer;
            assert_eq!(layer.thop_parameters, parameters, "{system:?}");
            let found = layer.thop_macs as f64 / 1e9;
            assert!((found - gigamacs).abs() < 0.006, "{system:?}: {found}");
        }
    }

    /// Worked out by hand from the architectures, before layers counted themselves:
    /// `[parameters, MACs, parameters (thop), MACs (thop)]`.
    const BY_HAND: &str = include_str!("../../../../tests/fixtures/complexity.json");

    #[test]
    fn what_the_layers_record_is_what_the_architectures_say() {
        let by_hand: serde_json::Value = serde_json::from_str(BY_HAND).unwrap();
        for (name, expected) in by_hand.as_object().unwrap() {
            let (preset, system) = name.split_once('/').unwrap();
            let config = Config::preset(preset).unwrap();
            let mut config = config.with_system(System::named("x", system).unwrap());
            if preset == "demo" {
                // What the demo corpus gives it.
                for (name, steps) in [("audio", 200), ("vision", 80), ("text", 50)] {
                    let modality = config.model.modality.get_mut(name).unwrap();
                    modality.max_steps = MaxSteps::Most(steps);
                }
            }
            let counts = count(&config, &paper_interface()).unwrap();
            for (part, count) in [
                ("layer", counts.layer),
                ("inference", counts.inference),
                ("training", counts.training),
            ] {
                let mut expected: [u64; 4] =
                    serde_json::from_value(expected[part].clone()).unwrap();
                // The released predictor is half as wide inside as what was counted by hand (with a batch norm
                // for a bias), and applied in both directions instead of in one: as many MACs.
                if preset == "released" && part == "training" && config.model.system.has_gfa() {
                    let joint = 3 * 64;
                    expected[0] -= joint * joint;
                    expected[2] -= joint * joint;
                }
                // Counted by hand with the predictor, which GFA of predictions has none of: two layers of the
                // joint vectors' width, for one view of a batch of one.
                if preset == "demo" && part == "training" && config.model.system.has_gfa() {
                    let joint = 3 * config.model.d as u64;
                    let weights = 2 * joint * joint;
                    expected[0] -= weights + 2 * joint;
                    expected[1] -= weights;
                    expected[2] -= weights + 2 * joint;
                    expected[3] -= weights;
                }
                let found = [
                    count.parameters,
                    count.macs,
                    count.thop_parameters,
                    count.thop_macs,
                ];
                assert_eq!(found, expected, "{name}: {part}");
            }
        }
        assert_eq!(by_hand.as_object().unwrap().len(), 4 * System::ALL.len());
        assert!(
            PRESETS
                .iter()
                .all(|preset| by_hand.get(format!("{preset}/mct")).is_some())
        );
    }

    #[test]
    fn macs_at_any_length_are_those_of_a_pass_at_that_length() {
        for &system in System::ALL {
            let mut config = Config::preset("demo").unwrap().with_system(system);
            config.model.d = 8;
            let interface = paper_interface();
            let model = Model::new(
                &config.model,
                &interface,
                &[],
                0,
                &Device::flex().autodiff(),
            );
            let counter = Counter {
                parameters: Parameters::of(&model),
                config: &config,
                interface: &interface,
                model,
            };
            for lengths in [[7usize, 5, 6], [1, 2, 9], [4, 1, 1]] {
                let steps = lengths.map(|steps| steps as u64);
                assert_eq!(counter.macs(&steps), counter.pass(&lengths), "{system:?}");
            }
        }
    }

    /// Where the paper's totals of MulT and TFR-Net come from, as far as they can be decoded: an attention
    /// over channels of two layers per modality, where MulT has one over time, and which TFR-Net here
    /// needs in training alone.
    #[test]
    fn attention_over_channels_gives_the_papers_totals_of_mult_and_tfr_net() {
        let unit = |width: u64| {
            // Output projection, feed-forward and two norms, as thop counts.
            let linear = |d_in: u64, d_out: u64| d_in * d_out + d_out;
            linear(width, width) + linear(width, 4 * width) + linear(4 * width, width) + 4 * width
        };
        let stack = |width: u64| 2 * unit(width) + 2 * width; // with a final norm
        let over_channels: u64 = [400, 40, 50].map(stack).iter().sum();
        assert_eq!(over_channels, 2_964_580);
        let memory = 3 * stack(256);
        let millions = |count: u64| (count as f64 / 1e4).round() / 100.0;
        let mult = table4(System::Mult).inference.thop_parameters;
        assert_eq!(millions(mult), 7.75);
        assert_eq!(millions(mult - memory + over_channels), 7.16);
        let tfr_net = table4(System::TfrNet).inference.thop_parameters;
        assert_eq!(millions(tfr_net), 5.99);
        assert_eq!(millions(tfr_net + over_channels), 8.95);
    }
}
