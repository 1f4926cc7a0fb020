//! BERT and networks of its form, such as MiniLM: contextual vectors of word pieces (section 5.2.1).

use std::path::Path;

use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Deserialize;

use crate::files;
use crate::gelu::gelu;
use crate::layers::{LayerNorm, Linear, SelfAttention, values};
use crate::weights::{Weights, WeightsError};
use crate::wordpiece::WordPiece;

/// Layers whose outputs are averaged.
const LAST: usize = 4;

/// `config.json` of Hugging Face.
#[derive(Debug, Deserialize)]
struct Config {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "epsilon")]
    layer_norm_eps: f64,
    #[serde(default = "activation")]
    hidden_act: String,
}

const fn epsilon() -> f64 {
    1e-12
}

fn activation() -> String {
    "gelu".to_owned()
}

#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
}

/// A tokeniser that splits texts in a way that is not built here.
fn tokenizer_refused(folder: &Path, field: &'static str, expected: bool) -> WeightsError {
    WeightsError::Configuration {
        file: folder.join("tokenizer_config.json").display().to_string(),
        field,
        found: (!expected).to_string(),
        expected: expected.to_string(),
    }
}

/// The network with its vocabulary.
#[derive(Debug)]
pub struct Bert {
    words: WordPiece,
    word_embeddings: Tensor<2>,
    /// Positions with the embedding of the first segment added.
    positions: Tensor<2>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    device: Device,
}

#[derive(Debug)]
struct Layer {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Bert {
    /// Opens a folder of Hugging Face: `config.json`, `vocab.txt`, and `model.safetensors` or
    /// `pytorch_model.bin`.
    ///
    /// # Errors
    /// When a file is missing or does not fit: names it and the layer.
    pub fn open(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let config: Config = crate::weights::json(&folder.join("config.json"))?;
        let tokenizer = folder.join("tokenizer_config.json");
        let tokenizer: TokenizerConfig = match files::exists(&tokenizer) {
            true => crate::weights::json(&tokenizer)?,
            false => TokenizerConfig::default(),
        };
        let lower_case = tokenizer.do_lower_case.unwrap_or(true);
        // Accents follow from case here, as where nothing is said.
        if tokenizer
            .strip_accents
            .is_some_and(|strips| strips != lower_case)
        {
            return Err(tokenizer_refused(folder, "strip_accents", lower_case));
        }
        if tokenizer.tokenize_chinese_chars == Some(false) {
            return Err(tokenizer_refused(folder, "tokenize_chinese_chars", true));
        }
        let words = WordPiece::open(&folder.join("vocab.txt"), lower_case)?;
        let weights = Weights::of_folder(folder, device)?
            .within(&["", "bert."], "embeddings.word_embeddings.weight");
        let width = config.hidden_size;
        if config.hidden_act != "gelu" {
            return Err(weights.refused("hidden_act", &config.hidden_act, "gelu"));
        }
        weights.require_transformer(width, config.num_attention_heads, config.num_hidden_layers)?;
        // [CLS], a piece and [SEP].
        let places = config.max_position_embeddings;
        weights.within_range("max_position_embeddings", places, 3..=1_000_000)?;
        if words.len() > config.vocab_size {
            let found = words.len();
            return Err(weights.refused("vocab.txt", found, config.vocab_size));
        }
        let positions = weights.tensor("embeddings.position_embeddings.weight", [places, width])?;
        let segments = weights.shape("embeddings.token_type_embeddings.weight");
        let segments = segments
            .and_then(|shape| shape.first().copied())
            .unwrap_or(2);
        let segment: Tensor<2> =
            weights.tensor("embeddings.token_type_embeddings.weight", [segments, width])?;
        let norm = |name: &str| LayerNorm::load(&weights, name, width, config.layer_norm_eps);
        let layer = |index: usize| -> Result<Layer, WeightsError> {
            let of = |part: &str| format!("encoder.layer.{index}.{part}");
            let names = ["self.query", "self.key", "self.value", "output.dense"];
            let names = names.map(|name| of(&format!("attention.{name}")));
            Ok(Layer {
                attention: SelfAttention::load(
                    &weights,
                    names.each_ref().map(String::as_str),
                    width,
                    config.num_attention_heads,
                )?,
                attention_norm: norm(&of("attention.output.LayerNorm"))?,
                intermediate: Linear::load(
                    &weights,
                    &of("intermediate.dense"),
                    width,
                    config.intermediate_size,
                )?,
                output: Linear::load(
                    &weights,
                    &of("output.dense"),
                    config.intermediate_size,
                    width,
                )?,
                output_norm: norm(&of("output.LayerNorm"))?,
            })
        };
        Ok(Self {
            word_embeddings: weights.tensor(
                "embeddings.word_embeddings.weight",
                [config.vocab_size, width],
            )?,
            positions: positions + segment.narrow(0, 0, 1),
            norm: norm("embeddings.LayerNorm")?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<Result<_, _>>()?,
            words,
            device: device.clone(),
        })
    }

    /// The width of a vector.
    pub fn width(&self) -> usize {
        self.word_embeddings.dims()[1]
    }

    /// The vocabulary.
    pub const fn words(&self) -> &WordPiece {
        &self.words
    }

    /// Hidden states `[pieces, width]`: what the first layer reads, and what each layer gives.
    pub fn hidden_states(&self, pieces: &[u32]) -> Vec<Tensor<2>> {
        let ids: Vec<i64> = pieces.iter().map(|&id| i64::from(id)).collect();
        let count = ids.len();
        let ids: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [1, count]), &self.device);
        let words = embedding(self.word_embeddings.clone(), ids);
        let words = words.reshape([count, self.width()]);
        let mut hidden = self
            .norm
            .forward(words + self.positions.clone().narrow(0, 0, count));
        let mut states = vec![hidden.clone()];
        for layer in &self.layers {
            let attended = layer.attention.forward(&hidden, None);
            hidden = layer.attention_norm.forward(attended + hidden);
            let inner = gelu(layer.intermediate.forward(hidden.clone()));
            hidden = layer
                .output_norm
                .forward(layer.output.forward(inner) + hidden);
            states.push(hidden.clone());
        }
        states
    }

    /// The pieces of a text that are read, with `[CLS]` and `[SEP]`.
    fn read(&self, text: &str) -> Vec<u32> {
        let mut pieces = vec![self.words.cls()];
        pieces.extend(self.words.encode(text));
        pieces.truncate(self.positions.dims()[0] - 1);
        pieces.push(self.words.sep());
        pieces
    }

    /// The piece that each vector of [`extract`](Self::extract) is of.
    pub fn pieces(&self, text: &str, with_ends: bool) -> Vec<&str> {
        let pieces = self.read(text);
        let kept = match (pieces.len() > 2, with_ends) {
            (false, _) => &[],
            (true, true) => &pieces[..],
            (true, false) => &pieces[1..pieces.len() - 1],
        };
        kept.iter().map(|&id| self.words.piece(id)).collect()
    }

    /// A vector `[pieces, width]` a word piece: the mean of the last four layers, row by row. `[CLS]` and `[SEP]`
    /// are always read; their vectors are kept `with_ends`. A text of more pieces than there are positions
    /// is cut.
    pub fn extract(&self, text: &str, with_ends: bool) -> Vec<f32> {
        let pieces = self.read(text);
        let inside = pieces.len() - 2;
        if inside == 0 {
            return Vec::new();
        }
        let states = self.hidden_states(&pieces);
        let last = states.len().saturating_sub(LAST).max(1);
        let count = (states.len() - last) as f32;
        let sum = states.into_iter().skip(last).reduce(|sum, one| sum + one);
        let Some(sum) = sum else {
            return Vec::new();
        };
        let mean = sum / count;
        values(match with_ends {
            true => mean,
            false => mean.narrow(0, 1, inside),
        })
    }
}
