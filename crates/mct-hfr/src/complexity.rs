//! Parameters and multiply-accumulates (Table 4), in full and as the paper's tool counts them.
//!
//! The paper used thop, which counts what it finds in linear, convolution and norm modules. The
//! attention's input projections are raw parameters there, so thop leaves them out, with their
//! products; nor does it see the products of queries, keys and values. Both counts are given.

use serde::Serialize;

use crate::config::{ClassifierKind, Config, Interface, PoolingKind};

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
    /// One MRAU layer.
    pub layer: Count,
    pub inference: Count,
    /// With the reconstruction branch; multiply-accumulates of one forward pass of every part, the
    /// encoder twice (incomplete and complete view) where GFA is on.
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

/// An attention unit whose `queries` steps attend to `keys` steps, `sources` of which it projects.
fn unit(d: u64, queries: u64, sources: u64, keys: u64) -> Count {
    hidden(3 * (d * d + d), d * d * (queries + 2 * sources))
        + hidden(0, 2 * queries * keys * d)
        + linear(d, d, true, queries)
        + linear(d, 4 * d, true, queries)
        + linear(4 * d, d, true, queries)
        + norm(d)
        + norm(d)
}

/// Counts the model of this config for inputs of this interface, at the maximal lengths.
pub fn count(config: &Config, interface: &Interface) -> Complexity {
    let model = &config.model;
    let d = model.d as u64;
    let shapes = &interface.modalities;
    let settings: Vec<_> = shapes
        .iter()
        .map(|shape| model.modality(&shape.name))
        .collect();
    let steps: Vec<u64> = settings
        .iter()
        .map(|setting| setting.max_steps as u64)
        .collect();
    let all: u64 = steps.iter().sum();
    let final_norm = if model.final_norm {
        norm(d)
    } else {
        Count::default()
    };

    let layer: Count = steps.iter().map(|t| unit(d, *t, *t, all)).sum();
    let mut encoder = Count::default();
    for ((shape, setting), t) in shapes.iter().zip(&settings).zip(&steps) {
        let input = (shape.features * setting.kernel) as u64;
        encoder = encoder + linear(input, d, false, *t) + final_norm;
    }
    encoder = encoder + (0..model.layers).map(|_| layer).sum();
    let pooled = match model.pooling {
        PoolingKind::Attention => d,
        PoolingKind::GatedGru => d / 2,
    };
    for t in &steps {
        encoder = encoder
            + match model.pooling {
                // thop's published count includes the pooling vector.
                PoolingKind::Attention => Count {
                    parameters: d,
                    macs: 2 * d * t,
                    thop_parameters: d,
                    thop_macs: 0,
                },
                PoolingKind::GatedGru => {
                    let h = d / 2;
                    let direction = linear(d, 3 * h, true, *t) + linear(h, 3 * h, true, *t);
                    let directions = (0..4).map(|_| direction).sum::<Count>();
                    directions + linear(3 * d, 1, true, *t) + linear(2 * d, h, true, *t)
                }
            };
    }
    let joint = pooled * shapes.len() as u64;
    let classes = interface.classes.len() as u64;
    encoder = encoder
        + match model.classifier {
            ClassifierKind::Linear => linear(joint, classes, true, 1),
            ClassifierKind::Released => {
                norm(joint) + linear(joint, d, true, 1) + linear(d, classes, true, 1)
            }
        };
    let mut training = encoder;
    if model.lfi {
        for (shape, t) in shapes.iter().zip(&steps) {
            let pair = unit(d, *t, *t, *t) + unit(d, *t, *t, *t);
            let layers: Count = (0..model.decoder_layers).map(|_| pair).sum();
            let generator = linear(d, shape.features as u64, false, *t);
            training = training + layers + final_norm + generator;
        }
    }
    if model.gfa {
        let predictor = linear(joint, joint, true, 1) + linear(joint, joint, true, 1);
        // The complete view goes through the same weights once more.
        training = training + predictor;
        training.macs += encoder.macs;
        training.thop_macs += encoder.thop_macs;
    }
    Complexity {
        steps,
        layer,
        inference: encoder,
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
    use crate::model::MctHfr;
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

    #[test]
    fn full_counts_are_those_of_the_real_model() {
        for preset in ["paper", "released", "table4", "demo"] {
            let mut config = Config::preset(preset).unwrap();
            config.model.standardize = false;
            let interface = paper_interface();
            let model = MctHfr::new(&config.model, &interface, &[], 1, &Device::flex());
            // Not trained: the replacement vectors, and the running statistics of the batch norm.
            let mut extra = 512 + 512 + 768;
            if preset == "released" {
                extra += 2 * 192;
            }
            let counted = count(&config, &interface).training.parameters;
            assert_eq!(counted as usize + extra, model.num_params(), "{preset}");
        }
    }
}
