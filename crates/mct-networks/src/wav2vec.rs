//! wav2vec 2.0, HuBERT and WavLM: a convolutional encoder of samples and a transformer on its output.

use std::path::Path;

use burn::tensor::activation::sigmoid;
use burn::tensor::module::conv1d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use crate::files;
use crate::gelu::gelu;
use crate::layers::{Conv1d, LayerNorm, Linear, SelfAttention, values};
use crate::weights::{Weights, WeightsError, json};

/// Distances from here on share a position bias in WavLM.
const FURTHEST: f64 = 800.0;

/// What is taken as features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// The convolutional encoder, as it is.
    Convolution,
    /// The convolutional encoder through the layer norm that the transformer reads it through. This is
    /// what Hugging Face calls `extract_features`.
    Normalised,
    /// A layer of the transformer; 0 is what the first one reads.
    Layer(usize),
}

/// `config.json` of Hugging Face.
#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    conv_dim: Vec<usize>,
    conv_kernel: Vec<usize>,
    conv_stride: Vec<usize>,
    #[serde(default)]
    conv_bias: bool,
    feat_extract_norm: String,
    #[serde(default)]
    do_stable_layer_norm: bool,
    #[serde(default = "yes")]
    feat_proj_layer_norm: bool,
    num_conv_pos_embeddings: usize,
    num_conv_pos_embedding_groups: usize,
    #[serde(default = "epsilon")]
    layer_norm_eps: f64,
}

const fn yes() -> bool {
    true
}

const fn epsilon() -> f64 {
    1e-5
}

#[derive(Debug, Deserialize)]
struct Preprocessor {
    #[serde(default = "yes")]
    do_normalize: bool,
}

/// The network.
#[derive(Debug)]
pub struct Wav2Vec {
    normalises: bool,
    encoder: Vec<Convolution>,
    /// `None` where the projection reads the encoder's output as it is.
    norm: Option<LayerNorm>,
    projection: Linear,
    positions: PositionalConvolution,
    transformer_norm: LayerNorm,
    layers: Vec<Layer>,
    /// Whether norms come before what they norm (large models) instead of behind.
    pre_norm: bool,
    relative: Option<RelativePositions>,
    device: Device,
}

#[derive(Debug)]
struct Convolution {
    conv: Conv1d,
    norm: Norm,
    stride: usize,
    width: usize,
}

#[derive(Debug)]
enum Norm {
    None,
    /// Each channel over the time of the whole recording.
    Channels(Tensor<2>, Tensor<2>),
    /// Each step over its channels.
    Steps(LayerNorm),
}

/// Positions as a grouped convolution of the sequence with itself.
#[derive(Debug)]
struct PositionalConvolution {
    weight: Tensor<3>,
    bias: Tensor<1>,
    kernel: usize,
    groups: usize,
}

#[derive(Debug)]
struct Layer {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
    gate: Option<Gate>,
}

/// How much a layer of WavLM listens to positions.
#[derive(Debug)]
struct Gate {
    linear: Linear,
    constant: Tensor<4>,
}

/// The position bias of WavLM, which all layers share.
#[derive(Debug)]
struct RelativePositions {
    /// A row a bucket of distances, row by row.
    embedding: Vec<f32>,
    buckets: usize,
    heads: usize,
}

impl Wav2Vec {
    /// Opens a folder of Hugging Face: `config.json`, `model.safetensors` or `pytorch_model.bin`, and where
    /// it is there `preprocessor_config.json`.
    ///
    /// # Errors
    /// When a file is missing or does not fit: names it and the layer.
    pub fn open(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let config: Config = json(&folder.join("config.json"))?;
        let preprocessor = folder.join("preprocessor_config.json");
        let normalises = match files::exists(&preprocessor) {
            true => json::<Preprocessor>(&preprocessor)?.do_normalize,
            // The base model of WavLM alone was trained on samples as they are.
            false => config.model_type != "wavlm",
        };
        let prefixes = ["", "wav2vec2.", "hubert.", "wavlm."];
        let weights = Weights::of_folder(folder, device)?
            .within(&prefixes, "feature_extractor.conv_layers.0.conv.weight");
        const KINDS: [&str; 3] = ["wav2vec2", "hubert", "wavlm"];
        if !KINDS.contains(&config.model_type.as_str()) {
            let expected = KINDS.join(", ");
            return Err(weights.refused("model_type", &config.model_type, expected));
        }
        let is_wavlm = config.model_type == "wavlm";
        let width = config.hidden_size;
        weights.require_transformer(width, config.num_attention_heads, config.num_hidden_layers)?;
        let kernel = config.num_conv_pos_embeddings;
        weights.within_range("num_conv_pos_embeddings", kernel, 1..=4096)?;
        let layer = |index| Layer::load(&weights, &config, index, is_wavlm);
        let encoder = encoder(&weights, &config)?;
        let encoded = encoder.last().map_or(0, |last| last.width);
        let norm =
            |name: &str, width| LayerNorm::load(&weights, name, width, config.layer_norm_eps);
        let normed = config.model_type != "hubert" || config.feat_proj_layer_norm;
        Ok(Self {
            normalises,
            norm: normed
                .then(|| norm("feature_projection.layer_norm", encoded))
                .transpose()?,
            projection: Linear::load(&weights, "feature_projection.projection", encoded, width)?,
            positions: PositionalConvolution::load(&weights, &config)?,
            transformer_norm: norm("encoder.layer_norm", width)?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<Result<_, _>>()?,
            pre_norm: config.do_stable_layer_norm,
            relative: is_wavlm
                .then(|| RelativePositions::load(&weights, &config))
                .transpose()?,
            encoder,
            device: device.clone(),
        })
    }

    /// Layers of the transformer.
    pub const fn layers(&self) -> usize {
        self.layers.len()
    }

    /// The width of a step.
    pub fn width(&self, output: Output) -> usize {
        match output {
            Output::Convolution | Output::Normalised => {
                self.encoder.last().map_or(0, |layer| layer.width)
            }
            Output::Layer(_) => self.projection.width(),
        }
    }

    /// Samples a step is further than the one before.
    pub fn step(&self) -> usize {
        self.encoder.iter().map(|layer| layer.stride).product()
    }

    /// Features `[steps, width]` row by row of samples at 16 kHz; none of less than one window (25 ms).
    pub fn extract(&self, samples: &[f32], output: Output) -> Vec<f32> {
        let mut steps = samples.len();
        for layer in &self.encoder {
            steps = layer.conv.steps(steps);
        }
        if steps == 0 {
            return Vec::new();
        }
        let encoded = self.encode(samples);
        if output == Output::Convolution {
            return values(encoded);
        }
        let normalised = match &self.norm {
            Some(norm) => norm.forward(encoded),
            None => encoded,
        };
        match output {
            Output::Layer(layer) => values(self.transform(normalised, layer)),
            _ => values(normalised),
        }
    }

    /// The convolutional encoder: samples to `[steps, channels]`.
    fn encode(&self, samples: &[f32]) -> Tensor<2> {
        let mut samples = samples.to_vec();
        if self.normalises {
            let count = samples.len() as f64;
            let mean = samples.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let squares = samples.iter().map(|&v| (f64::from(v) - mean).powi(2));
            let scale = (squares.sum::<f64>() / count + 1e-7).sqrt();
            for v in &mut samples {
                *v = ((f64::from(*v) - mean) / scale) as f32;
            }
        }
        let shape = [samples.len(), 1];
        let mut x: Tensor<2> = Tensor::from_data(TensorData::new(samples, shape), &self.device);
        for layer in &self.encoder {
            x = gelu(layer.forward(x));
        }
        x
    }

    /// The output of a layer of the transformer, `[steps, width]`.
    fn transform(&self, encoded: Tensor<2>, layer: usize) -> Tensor<2> {
        let mut x = self.projection.forward(encoded);
        x = x.clone() + self.positions.forward(x);
        if !self.pre_norm {
            x = self.transformer_norm.forward(x);
        }
        let [steps, _] = x.dims();
        let bias = self.relative.as_ref();
        let bias = bias.map(|relative| relative.bias(steps, &self.device));
        for own in self.layers.iter().take(layer) {
            x = own.forward(x, bias.as_ref(), self.pre_norm);
        }
        if self.pre_norm && layer >= self.layers.len() {
            x = self.transformer_norm.forward(x);
        }
        x
    }
}

/// Samples of a step.
const STRIDES: std::ops::RangeInclusive<usize> = 40..=16_000;

fn encoder(weights: &Weights, config: &Config) -> Result<Vec<Convolution>, WeightsError> {
    let by_step = match config.feat_extract_norm.as_str() {
        "layer" => true,
        "group" => false,
        other => return Err(weights.refused("feat_extract_norm", other, "group or layer")),
    };
    let count = config.conv_dim.len();
    if count == 0 || config.conv_kernel.len() != count || config.conv_stride.len() != count {
        let found = format!("{:?}, {:?}", config.conv_kernel, config.conv_stride);
        return Err(weights.refused(
            "conv_kernel and conv_stride",
            found,
            format!("{count} each"),
        ));
    }
    for (&kernel, &stride) in config.conv_kernel.iter().zip(&config.conv_stride) {
        weights.within_range("conv_kernel", kernel, 1..=4096)?;
        weights.within_range("conv_stride", stride, 1..=4096)?;
    }
    // Published ones have 320: attention is over all steps, and with few samples a step they are too many.
    let product = config
        .conv_stride
        .iter()
        .try_fold(1, |all: usize, &stride| all.checked_mul(stride));
    weights.within_range(
        "product of conv_stride",
        product.unwrap_or(usize::MAX),
        STRIDES,
    )?;
    let mut input = 1;
    let mut layers = Vec::new();
    for (index, &width) in config.conv_dim.iter().enumerate() {
        let name = format!("feature_extractor.conv_layers.{index}");
        let (kernel, stride) = (config.conv_kernel[index], config.conv_stride[index]);
        let norm = format!("{name}.layer_norm");
        let channels = |part: &str| -> Result<Tensor<2>, WeightsError> {
            let values: Tensor<1> = weights.tensor(&format!("{norm}.{part}"), [width])?;
            Ok(values.reshape([1, width]))
        };
        layers.push(Convolution {
            conv: Conv1d::load(
                weights,
                &format!("{name}.conv"),
                [width, input, kernel],
                stride,
                config.conv_bias,
            )?,
            norm: match (by_step, index) {
                (true, _) => Norm::Steps(LayerNorm::load(weights, &norm, width, 1e-5)?),
                (false, 0) => Norm::Channels(channels("weight")?, channels("bias")?),
                (false, _) => Norm::None,
            },
            stride,
            width,
        });
        input = width;
    }
    Ok(layers)
}

impl Convolution {
    /// `[time, input]` to `[steps, width]`.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.conv.forward(x);
        match &self.norm {
            Norm::None => x,
            Norm::Channels(weight, bias) => {
                let mean = x.clone().mean_dim(0);
                let variance = (x.clone() - mean.clone()).square().mean_dim(0);
                let scale = weight.clone() / (variance + 1e-5).sqrt();
                let shift = bias.clone() - mean * scale.clone();
                x * scale + shift
            }
            Norm::Steps(norm) => norm.forward(x),
        }
    }
}

impl PositionalConvolution {
    fn load(weights: &Weights, config: &Config) -> Result<Self, WeightsError> {
        let (width, kernel) = (config.hidden_size, config.num_conv_pos_embeddings);
        let groups = config.num_conv_pos_embedding_groups;
        if groups == 0 || !width.is_multiple_of(groups) {
            return Err(weights.refused(
                "num_conv_pos_embedding_groups",
                groups,
                format!("a divisor of {width}"),
            ));
        }
        let name = "encoder.pos_conv_embed.conv";
        // The weight is stored as direction and length of each place in the kernel; newer files say so in
        // other words.
        let [length, direction] = match weights.shape(&format!("{name}.weight_g")) {
            Some(_) => ["weight_g", "weight_v"],
            None => [
                "parametrizations.weight.original0",
                "parametrizations.weight.original1",
            ],
        };
        let length = weights.values(&format!("{name}.{length}"), &[1, 1, kernel])?;
        let shape = [width, width / groups, kernel];
        let mut values = weights
            .values(&format!("{name}.{direction}"), &shape)?
            .to_vec();
        for place in 0..kernel {
            let own = || values[place..].iter().step_by(kernel);
            let norm = own().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            let scale = f64::from(length[place]) / norm;
            for v in values[place..].iter_mut().step_by(kernel) {
                *v = (f64::from(*v) * scale) as f32;
            }
        }
        Ok(Self {
            weight: weights.upload(values, shape),
            bias: weights.tensor(&format!("{name}.bias"), [width])?,
            kernel,
            groups,
        })
    }

    /// `[steps, width]` to the same.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [steps, width] = x.dims();
        let half = self.kernel / 2;
        // An even kernel gives one step more than there are: the last one is cut off.
        let end = half - usize::from(self.kernel.is_multiple_of(2));
        let options = ConvOptions::new_with_padding([1], [(half, end)], [1], self.groups);
        let x = x.transpose().reshape([1, width, steps]);
        let x = conv1d(x, self.weight.clone(), Some(self.bias.clone()), options);
        gelu(x).reshape([width, steps]).transpose()
    }
}

impl Layer {
    fn load(
        weights: &Weights,
        config: &Config,
        index: usize,
        is_gated: bool,
    ) -> Result<Self, WeightsError> {
        let of = |part: &str| format!("encoder.layers.{index}.{part}");
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let norm = |name| LayerNorm::load(weights, &of(name), width, config.layer_norm_eps);
        let names = ["q_proj", "k_proj", "v_proj", "out_proj"];
        let names = names.map(|name| of(&format!("attention.{name}")));
        let heads = config.num_attention_heads;
        let gate = || -> Result<Gate, WeightsError> {
            Ok(Gate {
                linear: Linear::load(
                    weights,
                    &of("attention.gru_rel_pos_linear"),
                    width / heads,
                    8,
                )?,
                constant: weights.tensor(&of("attention.gru_rel_pos_const"), [1, heads, 1, 1])?,
            })
        };
        Ok(Self {
            attention: SelfAttention::load(
                weights,
                names.each_ref().map(String::as_str),
                width,
                heads,
            )?,
            attention_norm: norm("layer_norm")?,
            intermediate: Linear::load(
                weights,
                &of("feed_forward.intermediate_dense"),
                width,
                inner,
            )?,
            output: Linear::load(weights, &of("feed_forward.output_dense"), inner, width)?,
            output_norm: norm("final_layer_norm")?,
            gate: is_gated.then(gate).transpose()?,
        })
    }

    fn forward(&self, x: Tensor<2>, bias: Option<&Tensor<4>>, pre_norm: bool) -> Tensor<2> {
        let attend = |x: &Tensor<2>| {
            let bias = bias.map(|bias| match &self.gate {
                Some(gate) => gate.forward(x, bias),
                None => bias.clone(),
            });
            self.attention.forward(x, bias)
        };
        let feed = |x| self.output.forward(gelu(self.intermediate.forward(x)));
        if pre_norm {
            let x = x.clone() + attend(&self.attention_norm.forward(x));
            x.clone() + feed(self.output_norm.forward(x))
        } else {
            let x = self.attention_norm.forward(x.clone() + attend(&x));
            self.output_norm.forward(x.clone() + feed(x))
        }
    }
}

impl Gate {
    /// The bias `[1, heads, steps, steps]` by what each step of `[steps, width]` makes of it.
    fn forward(&self, x: &Tensor<2>, bias: &Tensor<4>) -> Tensor<4> {
        let [_, heads, steps, _] = bias.dims();
        let [_, width] = x.dims();
        let rows = x.clone().reshape([steps * heads, width / heads]);
        let gates = self.linear.forward(rows).reshape([steps, heads, 2, 4]);
        let gates = sigmoid(gates.sum_dim(3)).permute([3, 1, 0, 2]);
        let (a, b) = (gates.clone().narrow(3, 0, 1), gates.narrow(3, 1, 1));
        let gate = a * (b * self.constant.clone() - 1.0) + 2.0;
        gate * bias.clone()
    }
}

impl RelativePositions {
    fn load(weights: &Weights, config: &Config) -> Result<Self, WeightsError> {
        let name = "encoder.layers.0.attention.rel_attn_embed.weight";
        let heads = config.num_attention_heads;
        let buckets = weights.shape(name).and_then(|shape| shape.first().copied());
        let buckets = buckets.unwrap_or(320);
        // Two signs, each with near and far distances.
        weights.within_range("rel_attn_embed", buckets, 4..=65_536)?;
        Ok(Self {
            embedding: weights.values(name, &[buckets, heads])?.to_vec(),
            buckets,
            heads,
        })
    }

    /// The bucket of a distance: near ones have their own, further ones share one by their logarithm, and
    /// before and behind are told apart.
    fn bucket(&self, distance: isize) -> usize {
        let half = self.buckets / 2;
        let exact = half / 2;
        let near = distance.unsigned_abs();
        let within = if near < exact {
            near
        } else {
            let ratio = (near as f64 / exact as f64).ln() / (FURTHEST / exact as f64).ln();
            (exact + (ratio * (half - exact) as f64) as usize).min(half - 1)
        };
        within + if distance > 0 { half } else { 0 }
    }

    /// `[1, heads, steps, steps]`
    fn bias(&self, steps: usize, device: &Device) -> Tensor<4> {
        let mut values = vec![0.0; self.heads * steps * steps];
        for query in 0..steps {
            for key in 0..steps {
                let bucket = self.bucket(key as isize - query as isize);
                for head in 0..self.heads {
                    let place = (head * steps + query) * steps + key;
                    values[place] = self.embedding[bucket * self.heads + head];
                }
            }
        }
        Tensor::from_data(
            TensorData::new(values, [1, self.heads, steps, steps]),
            device,
        )
    }
}
