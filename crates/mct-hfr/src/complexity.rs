//! Parameters and multiply-accumulates (Table 4), in full and as the paper's tool counts them.
//!
//! The paper used thop, which counts what it finds in linear, convolution and norm modules. The
//! attention's input projections are raw parameters there, so thop leaves them out, with their
//! products; nor does it see the products of queries, keys and values. Both counts are given.

use serde::Serialize;

use crate::config::{ClassifierKind, Config, Interface, ModelConfig, PoolingKind, System};
use crate::pooling::Pooling;
use crate::systems::mult::MEMORY_LAYERS;
use crate::systems::tfr_net::TEMPORAL_LAYERS;

/// Counts of one part, for one utterance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub parameters: u64,
    pub macs: u64,
    pub thop_parameters: u64,
    pub thop_macs: u64,
}

impl std::ops::Add for Count {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            parameters: self.parameters + other.parameters,
            macs: self.macs + other.macs,
            thop_parameters: self.thop_parameters + other.thop_parameters,
            thop_macs: self.thop_macs + other.thop_macs,
        }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| sum + part)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complexity {
    /// Steps of each modality for which multiply-accumulates are counted.
    pub steps: Vec<u64>,
    /// One layer of the fusion.
    pub layer: Count,
    pub inference: Count,
    /// With what only training uses; multiply-accumulates of one forward pass of every part, those of
    /// inference twice where the complete view is aligned with the incomplete one.
    pub training: Count,
}

/// A linear layer of `rows` applications.
fn linear(d_in: u64, d_out: u64, bias: bool, rows: u64) -> Count {
    let parameters = d_in * d_out + if bias { d_out } else { 0 };
    let macs = d_in * d_out * rows;
    Count {
        parameters,
        macs,
        thop_parameters: parameters,
        thop_macs: macs,
    }
}

/// A norm's scale and shift; its arithmetic is not counted as multiply-accumulates.
fn norm(d: u64) -> Count {
    Count {
        parameters: 2 * d,
        thop_parameters: 2 * d,
        ..Count::default()
    }
}

/// Parameters that thop does not see.
fn hidden(parameters: u64, macs: u64) -> Count {
    Count {
        parameters,
        macs,
        ..Count::default()
    }
}

/// Attention of `queries` steps to `keys` steps, `sources` of which it projects.
fn attention(d: u64, queries: u64, sources: u64, keys: u64) -> Count {
    hidden(3 * (d * d + d), d * d * (queries + 2 * sources))
        + hidden(0, 2 * queries * keys * d)
        + linear(d, d, true, queries)
}

fn feed_forward(d: u64, rows: u64) -> Count {
    linear(d, 4 * d, true, rows) + linear(4 * d, d, true, rows)
}

/// An attention unit: attention, feed-forward and their norms.
fn unit(d: u64, queries: u64, sources: u64, keys: u64) -> Count {
    attention(d, queries, sources, keys) + feed_forward(d, queries) + norm(d) + norm(d)
}

/// What is counted of a model: its sizes, at the maximal lengths.
struct Sizes<'a> {
    model: &'a ModelConfig,
    interface: &'a Interface,
    d: u64,
    /// `T_m^max`, and their sum.
    steps: Vec<u64>,
    all: u64,
    modalities: u64,
}

/// The parts of a model that are counted apart.
struct Parts {
    layer: Count,
    inference: Count,
    /// What training adds.
    auxiliary: Count,
    /// Whether training passes through the whole model once more, for the complete view.
    twice: bool,
}

impl Sizes<'_> {
    fn final_norm(&self, size: u64) -> Count {
        if self.model.final_norm {
            norm(size)
        } else {
            Count::default()
        }
    }

    fn features(&self) -> impl Iterator<Item = u64> {
        self.interface.modalities.iter().map(|m| m.features as u64)
    }

    fn stacked(&self, layer: Count) -> Count {
        (0..self.model.layers).map(|_| layer).sum()
    }

    fn convolutions(&self) -> Count {
        let shapes = self.interface.modalities.iter().zip(&self.steps);
        shapes
            .map(|(shape, t)| {
                let kernel = self.model.modality(&shape.name).kernel;
                linear((shape.features * kernel) as u64, self.d, false, *t)
            })
            .sum()
    }

    fn pooled(&self, size: u64) -> u64 {
        Pooling::pooled_size(self.model, size as usize) as u64
    }

    fn pooling(&self, size: u64, t: u64) -> Count {
        match self.model.pooling {
            // thop's published count includes the pooling vector.
            PoolingKind::Attention => Count {
                parameters: size,
                macs: 2 * size * t,
                thop_parameters: size,
                thop_macs: 0,
            },
            PoolingKind::GatedGru => {
                let h = size / 2;
                let direction = linear(size, 3 * h, true, t) + linear(h, 3 * h, true, t);
                let directions = (0..4).map(|_| direction).sum::<Count>();
                directions + linear(3 * size, 1, true, t) + linear(2 * size, h, true, t)
            }
        }
    }

    /// Poolings of sequences of `size` channels, and the classifier of all of them.
    fn head(&self, size: u64, steps: &[u64]) -> Count {
        let poolings: Count = steps.iter().map(|t| self.pooling(size, *t)).sum();
        poolings + self.classifier(steps.len() as u64 * self.pooled(size))
    }

    fn classifier(&self, joint: u64) -> Count {
        let classes = self.interface.classes.len() as u64;
        match self.model.classifier {
            ClassifierKind::Linear => linear(joint, classes, true, 1),
            ClassifierKind::Released => {
                norm(joint) + linear(joint, self.d, true, 1) + linear(self.d, classes, true, 1)
            }
        }
    }

    fn mct(&self) -> Parts {
        let (model, d) = (self.model, self.d);
        let layer: Count = self.steps.iter().map(|t| unit(d, *t, *t, self.all)).sum();
        let norms = (0..self.modalities).map(|_| self.final_norm(d)).sum();
        let mut auxiliary = Count::default();
        if model.system.has_lfi() {
            for (features, t) in self.features().zip(&self.steps) {
                let pair = unit(d, *t, *t, *t) + unit(d, *t, *t, *t);
                let layers: Count = (0..model.decoder_layers).map(|_| pair).sum();
                let generator = linear(d, features, false, *t);
                auxiliary = auxiliary + layers + self.final_norm(d) + generator;
            }
        }
        if model.system.has_gfa() {
            let joint = self.modalities * self.pooled(d);
            auxiliary = auxiliary + linear(joint, joint, true, 1) + linear(joint, joint, true, 1);
        }
        Parts {
            layer,
            inference: self.convolutions()
                + self.stacked(layer)
                + norms
                + self.head(d, &self.steps),
            auxiliary,
            twice: model.system.has_gfa(),
        }
    }

    /// One layer of every cross-modal stack.
    fn cross_modal(&self) -> Count {
        let pair = |(m, s): (usize, usize)| {
            let (target, source) = (self.steps[m], self.steps[s]);
            unit(self.d, target, source, source)
        };
        let count = self.steps.len();
        let pairs = (0..count).flat_map(|m| (0..count).map(move |s| (m, s)));
        pairs.filter(|(m, s)| m != s).map(pair).sum()
    }

    fn mult(&self) -> Parts {
        let layer = self.cross_modal();
        let size = (self.modalities - 1) * self.d;
        let memory = |t: &u64| -> Count {
            let layers = (0..MEMORY_LAYERS).map(|_| unit(size, *t, *t, *t));
            layers.sum::<Count>() + self.final_norm(size)
        };
        let stacks = self.modalities * (self.modalities - 1);
        let norms = (0..stacks).map(|_| self.final_norm(self.d)).sum();
        Parts {
            layer,
            inference: self.convolutions()
                + self.stacked(layer)
                + norms
                + self.steps.iter().map(memory).sum()
                + self.head(size, &self.steps),
            auxiliary: Count::default(),
            twice: false,
        }
    }

    fn tfr_net(&self) -> Parts {
        let own = |t: &u64| unit(self.d, *t, *t, *t);
        let layer = self.cross_modal() + self.steps.iter().map(own).sum();
        let size = self.modalities * self.d;
        let stacks = self.modalities * self.modalities;
        let norms = (0..stacks).map(|_| self.final_norm(self.d)).sum();
        // The sequence that this attends over are the channels; its width is time.
        let temporal = |(t, features): (&u64, u64)| -> Count {
            let layers = (0..TEMPORAL_LAYERS).map(|_| unit(*t, size, size, size));
            layers.sum::<Count>() + linear(size, features, true, *t)
        };
        Parts {
            layer,
            inference: self.convolutions()
                + self.stacked(layer)
                + norms
                + self.head(size, &self.steps),
            auxiliary: self.steps.iter().zip(self.features()).map(temporal).sum(),
            twice: false,
        }
    }

    /// The weights of versions of `t` steps; they are raw parameters in the public code.
    fn combination(&self, t: u64) -> Count {
        let (d, versions) = (self.d, self.modalities);
        hidden(d * d + 2 * d, versions * (d * d + d + 2 * t * d))
    }

    fn pmr(&self) -> Parts {
        let d = self.d;
        let reinforcement = |target: u64, source: u64| {
            attention(d, target, target, target)
                + attention(d, target, source, source)
                + hidden(2 * d * d + d, 2 * d * d * target)
                + feed_forward(d, target)
                + norm(d)
                + norm(d)
        };
        let both = |t: &u64| reinforcement(*t, self.all) + reinforcement(self.all, *t);
        let layer = self.steps.iter().map(both).sum::<Count>() + self.combination(self.all);
        let mut pooled = self.steps.clone();
        pooled.push(self.all);
        Parts {
            layer,
            inference: self.convolutions() + self.stacked(layer) + self.head(d, &pooled),
            auxiliary: Count::default(),
            twice: false,
        }
    }

    fn emt_dlfr(&self) -> Parts {
        let (d, tokens) = (self.d, self.modalities);
        let promotion = |target: u64, context: u64| {
            attention(d, target, context, context)
                + attention(d, target, target, target)
                + feed_forward(d, target)
                + norm(d)
                + norm(d)
                + norm(d)
        };
        let both = |t: &u64| promotion(*t, tokens) + promotion(tokens, *t);
        let layer = self.steps.iter().map(both).sum::<Count>() + self.combination(tokens);
        let poolings: Count = self.steps.iter().map(|t| self.pooling(d, *t)).sum();
        let attraction = |size: u64| {
            linear(size, size, true, 2)
                + linear(size, size / 2, false, 2)
                + linear(size / 2, size, true, 2)
        };
        let generators = self.features().zip(&self.steps);
        let generators: Count = generators.map(|(f, t)| linear(d, f, true, *t)).sum();
        let poolings_attracted = (0..tokens).map(|_| attraction(self.pooled(d)));
        Parts {
            layer,
            inference: self.convolutions()
                + self.stacked(layer)
                + poolings
                + self.classifier(tokens * (self.pooled(d) + d)),
            auxiliary: generators + poolings_attracted.sum() + attraction(tokens * d),
            twice: true,
        }
    }

    fn chfn(&self) -> Parts {
        let words = self.interface.text().unwrap_or(self.steps.len() - 1);
        let (own, context) = (self.steps[words], self.all - self.steps[words]);
        let layer = unit(self.d, own, context, context);
        Parts {
            layer,
            inference: self.convolutions()
                + self.stacked(layer)
                + norm(self.d)
                + self.head(self.d, &[own]),
            auxiliary: Count::default(),
            twice: false,
        }
    }

    fn misa(&self) -> Parts {
        let (d, count) = (self.d, self.modalities);
        let lstm = |input: u64, t: u64| linear(input, 4 * d, true, t) + linear(d, 4 * d, false, t);
        let mut vectors = Count::default();
        for (m, (features, t)) in self.features().zip(&self.steps).enumerate() {
            let size = if Some(m) == self.interface.text() {
                features
            } else {
                let directions = [features, features, 2 * d, 2 * d];
                vectors = vectors + directions.map(|input| lstm(input, *t)).into_iter().sum();
                vectors = vectors + norm(2 * d);
                4 * d
            };
            vectors = vectors + linear(size, d, true, 1) + norm(d) + linear(d, d, true, 1);
        }
        let mut shared = linear(d, d, true, 1);
        shared.macs *= count;
        shared.thop_macs *= count;
        let layer = unit(d, 2 * count, 2 * count, 2 * count);
        let joint = 2 * count * d;
        let classes = self.interface.classes.len() as u64;
        let head = linear(joint, joint / 2, true, 1) + linear(joint / 2, classes, true, 1);
        Parts {
            layer,
            inference: vectors + shared + layer + head,
            auxiliary: (0..count).map(|_| linear(d, d, true, 1)).sum(),
            twice: false,
        }
    }
}

/// Counts the model of this config for inputs of this interface, at the maximal lengths.
pub fn count(config: &Config, interface: &Interface) -> Complexity {
    let model = &config.model;
    let shapes = interface.modalities.iter();
    let steps: Vec<u64> = shapes
        .map(|shape| model.modality(&shape.name).max_steps as u64)
        .collect();
    let sizes = Sizes {
        model,
        interface,
        d: model.d as u64,
        all: steps.iter().sum(),
        modalities: steps.len() as u64,
        steps,
    };
    let parts = match model.system {
        System::Mult => sizes.mult(),
        System::Misa => sizes.misa(),
        System::Pmr => sizes.pmr(),
        System::Chfn => sizes.chfn(),
        System::TfrNet => sizes.tfr_net(),
        System::EmtDlfr => sizes.emt_dlfr(),
        System::Mct | System::MctGfa | System::MctLfi | System::MctHfr => sizes.mct(),
    };
    let mut training = parts.inference + parts.auxiliary;
    if parts.twice {
        training.macs += parts.inference.macs;
        training.thop_macs += parts.inference.thop_macs;
    }
    Complexity {
        steps: sizes.steps,
        layer: parts.layer,
        inference: parts.inference,
        training,
    }
}

/// The paper's inputs: wav2vec 512, VGGFace 512, BERT 768, four classes.
pub fn paper_interface() -> Interface {
    let shape = |name: &str, features| crate::config::InputShape {
        name: name.into(),
        features,
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PRESETS;
    use crate::model::Model;
    use crate::parameters;
    use burn::module::Module as _;
    use burn::tensor::Device;

    #[test]
    fn a_layer_and_the_table_4_recipe_have_the_papers_counts() {
        let table4 = count(&Config::preset("table4").unwrap(), &paper_interface());
        assert_eq!(table4.layer.parameters, 594_816);
        assert_eq!(table4.layer.thop_parameters, 446_208);
        assert_eq!(table4.inference.thop_parameters, 2_410_116);
        assert_eq!(table4.training.thop_parameters, 4_720_772);
    }

    /// Layer-wise counts of Table 4, to the digits that are printed there.
    #[test]
    fn the_layers_of_the_compared_systems_have_the_papers_counts() {
        for (system, parameters, gigamacs) in [
            (System::Mult, 892_416, 0.15),
            (System::Pmr, 991_488, 0.32),
            (System::TfrNet, 1_338_624, 0.22),
            // The paper's 991,488 has two norms a unit, the unit of EMT's own paper three.
            (System::EmtDlfr, 993_024, 0.08),
            (System::MctHfr, 446_208, 0.07),
        ] {
            let mut config = Config::preset("table4").unwrap();
            config.model.system = system;
            let layer = count(&config, &paper_interface()).layer;
            assert_eq!(layer.thop_parameters, parameters, "{system:?}");
            let found = layer.thop_macs as f64 / 1e9;
            assert!((found - gigamacs).abs() < 0.006, "{system:?}: {found}");
        }
    }

    #[test]
    fn full_counts_are_those_of_the_real_model() {
        for system in System::ALL {
            for preset in PRESETS {
                let mut config = Config::preset(preset).unwrap();
                config.model.system = system;
                config.model.standardize = false;
                let interface = paper_interface();
                let model = Model::new(&config.model, &interface, &[], 1, &Device::flex());
                let counted = count(&config, &interface).training.parameters;
                // Not trained: the replacement vectors, and the running statistics of batch norm.
                let untrained: usize = parameters::shapes(&model)
                    .iter()
                    .filter(|(name, _)| name.starts_with("inputs.") || name.contains("running"))
                    .map(|(_, shape)| shape.iter().product::<usize>())
                    .sum();
                let all = model.num_params();
                assert_eq!(counted as usize + untrained, all, "{system:?} {preset}");
            }
        }
    }
}
