//! Extractors with their weights.

use std::path::{Path, PathBuf};

use mct_networks::bert::Bert;
use mct_networks::expression::{self, Expression};
use mct_networks::mtcnn::{Face, Mtcnn};
use mct_networks::resemblyzer::{self, Resemblyzer};
use mct_networks::resnet::{self, ResNet, Style};
use mct_networks::silero::{self, Silero};
use mct_networks::wav2vec::{Output, Wav2Vec};
use mct_networks::{Device, Picture, WeightsError};

use crate::extractor::{Extractor, Input};
use crate::weights::Weights;
use crate::{SAMPLE_RATE_HZ, log_mel, low_level, spectrum, voice_mel, words};

/// States of the voice encoder of which one is kept.
const EVERY: usize = 5;
/// Smallest face: this share of the shorter side of a picture, and never fewer pixels than its network can
/// tell.
const SMALLEST_SHARE: usize = 20;
const SMALLEST: usize = 20;
/// Least probability of a face. The detector itself gives up at 0.7, and what is below 0.95 is a hand, a
/// pattern or a face that is turned away.
const LEAST_PROBABILITY: f32 = 0.95;

/// Why an extractor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{extractor} needs weights, and {} has no {missing}: {advice}", folder.display())]
    Missing {
        extractor: String,
        folder: PathBuf,
        missing: String,
        advice: String,
    },
    #[error("{file}: {error}")]
    Io { file: String, error: std::io::Error },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("{extractor}: {found}, expected {expected}")]
    Choice {
        extractor: String,
        found: String,
        expected: String,
    },
}

/// Extractors that are used together.
#[derive(Debug)]
pub struct Extractors {
    all: Vec<Loaded>,
    faces: Option<Mtcnn>,
}

/// An extractor with its weights.
#[derive(Debug)]
pub struct Loaded {
    extractor: Extractor,
    /// Of all its weights.
    digest: Option<String>,
    network: Network,
}

#[derive(Debug)]
enum Network {
    None,
    Bert(Box<Bert>),
    Silero(Box<Silero>),
    Resemblyzer(Box<Resemblyzer>),
    Wav2Vec(Box<Wav2Vec>),
    Expression(Box<Expression>),
    ResNet(Box<ResNet>),
}

impl Extractors {
    /// Reads the weights that `extractors` need from `folder`, in which each network has a folder.
    ///
    /// # Errors
    /// When weights are missing, or do not fit.
    pub fn load(
        extractors: &[Extractor],
        folder: &Path,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let sees = extractors.iter().find(|own| own.input() == Input::Faces);
        let faces = match sees {
            None => None,
            Some(own) => {
                files(*own, "mtcnn", folder)?;
                Some(Mtcnn::open(&folder.join("mtcnn"), device)?)
            }
        };
        let all = extractors.iter();
        let all = all.map(|&own| Loaded::load(own, folder, device));
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
            faces,
        })
    }

    /// In the order in which they were asked for.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Loaded> {
        self.all.iter()
    }

    /// The most prominent face in a picture: the largest of those that are no doubt faces.
    pub fn face(&self, picture: &Picture) -> Option<Face> {
        let smallest = picture.width().min(picture.height()) / SMALLEST_SHARE;
        let faces = self.faces.as_ref()?.detect(picture, smallest.max(SMALLEST));
        faces
            .into_iter()
            .find(|face| face.probability >= LEAST_PROBABILITY)
    }
}

/// The files of the weights `name`.
fn files(extractor: Extractor, name: &str, folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let Some(weights) = Weights::of_name(name) else {
        return Ok(Vec::new());
    };
    weights.paths(folder).map_err(|missing| LoadError::Missing {
        extractor: extractor.to_string(),
        folder: folder.join(name),
        missing,
        advice: weights.advice(folder),
    })
}

impl Loaded {
    fn load(extractor: Extractor, folder: &Path, device: &Device) -> Result<Self, LoadError> {
        let mut digests = Vec::new();
        for name in extractor.weights() {
            let paths = files(extractor, name, folder)?;
            let digest = Weights::of_name(name).map(|weights| weights.digest(&paths));
            let digest = digest.transpose().map_err(|error| LoadError::Io {
                file: folder.join(name).display().to_string(),
                error,
            })?;
            digests.extend(digest);
        }
        let own = folder.join(extractor.base());
        let network = match extractor {
            Extractor::LogMel | Extractor::LowLevel | Extractor::Words => Network::None,
            Extractor::MiniLm { .. } | Extractor::Bert { .. } => {
                Network::Bert(Box::new(Bert::open(&own, device)?))
            }
            Extractor::Silero => {
                let path = own.join("silero_vad_16k.safetensors");
                Network::Silero(Box::new(Silero::open(&path, device)?))
            }
            Extractor::Resemblyzer => {
                let path = own.join("pretrained.pt");
                Network::Resemblyzer(Box::new(Resemblyzer::open(&path, device)?))
            }
            Extractor::Wav2Vec2(output) | Extractor::Hubert(output) | Extractor::WavLm(output) => {
                let network = Wav2Vec::open(&own, device)?;
                if let Output::Layer(layer) = output
                    && layer > network.layers()
                {
                    return Err(LoadError::Choice {
                        extractor: extractor.to_string(),
                        found: format!("layer {layer}"),
                        expected: format!("0 to {}", network.layers()),
                    });
                }
                Network::Wav2Vec(Box::new(network))
            }
            Extractor::Expression => {
                let manifest = own.join("face_expression_model-weights_manifest.json");
                Network::Expression(Box::new(Expression::open(&manifest, device)?))
            }
            Extractor::ResNet50 { .. } => {
                let paths = files(extractor, extractor.base(), folder)?;
                let path = paths.into_iter().next().unwrap_or_default();
                Network::ResNet(Box::new(ResNet::open(&path, Style::Caffe, device)?))
            }
        };
        Ok(Self {
            extractor,
            // One name for several sets of weights.
            digest: (!digests.is_empty()).then(|| digests.join("+")),
            network,
        })
    }

    pub const fn extractor(&self) -> Extractor {
        self.extractor
    }

    /// What made the features: the extractor, and which weights it had.
    pub fn identity(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.extractor),
            None => self.extractor.to_string(),
        }
    }

    /// Features of a step.
    pub fn dim(&self) -> usize {
        match (&self.network, self.extractor) {
            (Network::Bert(network), _) => network.width(),
            (Network::Silero(_), _) => silero::WIDTH,
            (Network::Resemblyzer(_), _) => resemblyzer::WIDTH,
            (
                Network::Wav2Vec(network),
                Extractor::Wav2Vec2(output) | Extractor::Hubert(output) | Extractor::WavLm(output),
            ) => network.width(output),
            (Network::Expression(_), _) => expression::WIDTH,
            (Network::ResNet(network), Extractor::ResNet50 { stage }) => network.width(stage),
            (_, Extractor::LowLevel) => low_level::NAMES.len(),
            (_, Extractor::Words) => words::DIM,
            _ => log_mel::BANDS,
        }
    }

    /// Steps a second of sound; of words and pictures they do not follow from it.
    pub fn rate_hz(&self) -> Option<f32> {
        let rate = SAMPLE_RATE_HZ as f32;
        match &self.network {
            Network::None if self.extractor.input() == Input::Sound => {
                Some(rate / spectrum::HOP as f32)
            }
            Network::Silero(_) => Some(rate / silero::STEP as f32),
            Network::Resemblyzer(_) => Some(voice_mel::RATE_HZ / EVERY as f32),
            Network::Wav2Vec(network) => Some(rate / network.step() as f32),
            _ => None,
        }
    }

    /// The longest sound that it takes, in seconds; any where there is no such limit. What wav2vec 2.0 and its
    /// like compute of a minute takes half a gigabyte, and the attention of their layers grows with the
    /// square of it.
    pub const fn longest_secs(&self) -> Option<usize> {
        match &self.network {
            Network::Wav2Vec(_) => Some(60),
            _ => None,
        }
    }

    /// `[steps, dim]` row by row of samples at [`SAMPLE_RATE_HZ`]; without a step where they are fewer than
    /// one window, and of an extractor of something else.
    pub fn of_sound(&self, samples: &[f32]) -> Vec<f32> {
        match (&self.network, self.extractor) {
            (Network::Silero(network), _) => network.extract(samples),
            (Network::Resemblyzer(network), _) => {
                network.extract(&voice_mel::extract(&voice_mel::raised(samples)), EVERY)
            }
            (
                Network::Wav2Vec(network),
                Extractor::Wav2Vec2(output) | Extractor::Hubert(output) | Extractor::WavLm(output),
            ) => network.extract(samples, output),
            (_, Extractor::LogMel) => log_mel::extract(samples),
            (_, Extractor::LowLevel) => low_level::extract(samples),
            _ => Vec::new(),
        }
    }

    /// `[steps, dim]` row by row of a transcript; without a step where it has no words, and of an extractor of
    /// something else.
    pub fn of_words(&self, transcript: &str) -> Vec<f32> {
        match (&self.network, self.extractor) {
            (
                Network::Bert(network),
                Extractor::MiniLm { with_ends } | Extractor::Bert { with_ends },
            ) => network.extract(transcript, with_ends),
            (_, Extractor::Words) => words::extract(transcript),
            _ => Vec::new(),
        }
    }

    /// What each step of [`of_words`](Self::of_words) is of: a word or a piece of one.
    pub fn pieces(&self, transcript: &str) -> Vec<String> {
        match (&self.network, self.extractor) {
            (
                Network::Bert(network),
                Extractor::MiniLm { with_ends } | Extractor::Bert { with_ends },
            ) => {
                let pieces = network.pieces(transcript, with_ends).into_iter();
                pieces.map(str::to_owned).collect()
            }
            (_, Extractor::Words) => words::split(transcript),
            _ => Vec::new(),
        }
    }

    /// `[positions, dim]` row by row: what stands for a word that is missing. A network of words has one for
    /// `[UNK]`, which the paper puts in its place (section 5.2.1), at each position of an utterance; which other
    /// words are there, it cannot know beforehand.
    pub fn unknown(&self) -> Option<Vec<f32>> {
        /// More than an utterance of the paper's corpora has pieces.
        const POSITIONS: usize = 128;
        let Network::Bert(network) = &self.network else {
            return None;
        };
        let mut rows = network.extract(&"[UNK] ".repeat(POSITIONS), false);
        if let Extractor::MiniLm { with_ends: true } | Extractor::Bert { with_ends: true } =
            self.extractor
        {
            // In front of the first word there is [CLS].
            let first = rows[..network.width()].to_vec();
            rows.splice(0..0, first);
        }
        Some(rows)
    }

    /// `[dim]`: the features of a face; nothing of an extractor of something else.
    pub fn of_face(&self, picture: &Picture, face: &Face) -> Vec<f32> {
        match (&self.network, self.extractor) {
            (Network::Expression(network), _) => {
                network.extract(&Expression::crop(picture, &face.landmarks))
            }
            (Network::ResNet(network), Extractor::ResNet50 { stage }) => {
                network.extract(&ResNet::crop(picture, &face.rectangle), resnet::SIZE, stage)
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_weights_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let load = |name: &str| {
            let extractor = Extractor::parse(name).unwrap();
            Extractors::load(&[extractor], folder.path(), &Device::flex())
        };
        let error = load("minilm").unwrap_err().to_string();
        assert!(
            error.contains("has no config.json, vocab.txt, model.safetensors"),
            "{error}"
        );
        assert!(error.contains("weights fetch minilm"), "{error}");
        let error = load("resnet50").unwrap_err().to_string();
        assert!(
            error.contains("resnet50 needs weights") && error.contains("fetch mtcnn"),
            "{error}"
        );
        let error = load("wav2vec2").unwrap_err().to_string();
        assert!(
            error.contains("model.safetensors or pytorch_model.bin"),
            "{error}"
        );
        assert!(error.contains("put them there"), "{error}");
    }

    #[test]
    fn what_needs_no_weights_is_there() {
        let all = ["log-mel", "low-level", "words"].map(|name| Extractor::parse(name).unwrap());
        let all = Extractors::load(&all, Path::new("/nowhere"), &Device::flex()).unwrap();
        let tone: Vec<f32> = (0..16_000).map(|i| (i as f32 / 20.0).sin()).collect();
        for own in all.iter() {
            assert_eq!(own.identity(), own.extractor().to_string());
            let values = match own.extractor().input() {
                Input::Words => own.of_words("hello world"),
                _ => own.of_sound(&tone),
            };
            assert!(
                !values.is_empty() && values.len().is_multiple_of(own.dim()),
                "{own:?}"
            );
        }
    }
}
