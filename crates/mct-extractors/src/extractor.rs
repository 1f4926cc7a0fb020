//! The extractors by name.

use std::fmt;

use mct_networks::resnet::STAGES;
use mct_networks::wav2vec::Output;

/// What features are extracted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Samples at [`SAMPLE_RATE_HZ`](crate::SAMPLE_RATE_HZ).
    Sound,
    /// A transcript.
    Words,
    /// The face in a picture.
    Faces,
}

/// An extractor and what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extractor {
    /// The logarithm of the energy in 40 mel bands, at 50 Hz.
    LogMel,
    /// Descriptors of voice and spectrum, named after eGeMAPS where they are its, at 50 Hz.
    LowLevel,
    /// A fixed random vector for each word.
    Words,
    /// MiniLM, a vector a word piece; `with_ends` those of `[CLS]` and `[SEP]`, too.
    MiniLm { with_ends: bool },
    /// BERT, likewise.
    Bert { with_ends: bool },
    /// States of Silero VAD, at 31.25 Hz.
    Silero,
    /// States of Resemblyzer's voice encoder, at 20 Hz.
    Resemblyzer,
    /// wav2vec 2.0, at 50 Hz.
    Wav2Vec2(Output),
    /// HuBERT, at 50 Hz.
    Hubert(Output),
    /// WavLM, at 50 Hz.
    WavLm(Output),
    /// face-api.js's expression network, one step a picture.
    Expression,
    /// ResNet-50 of VGGFace2, the pooled features of a stage (1 to 4), one step a picture.
    ResNet50 { stage: usize },
}

impl Extractor {
    /// Each with what it is asked for where nothing is said.
    pub const ALL: [Self; 12] = [
        Self::LogMel,
        Self::LowLevel,
        Self::Words,
        Self::MiniLm { with_ends: false },
        Self::Silero,
        Self::Resemblyzer,
        Self::Expression,
        Self::Bert { with_ends: false },
        Self::Wav2Vec2(Output::Normalised),
        Self::Hubert(Output::Normalised),
        Self::WavLm(Output::Normalised),
        Self::ResNet50 { stage: STAGES },
    ];

    /// The name without what it is asked for; that of its folder of weights where it has one.
    pub const fn base(self) -> &'static str {
        match self {
            Self::LogMel => "log-mel",
            Self::LowLevel => "low-level",
            Self::Words => "words",
            Self::MiniLm { .. } => "minilm",
            Self::Bert { .. } => "bert",
            Self::Silero => "silero",
            Self::Resemblyzer => "resemblyzer",
            Self::Wav2Vec2(_) => "wav2vec2",
            Self::Hubert(_) => "hubert",
            Self::WavLm(_) => "wavlm",
            Self::Expression => "expression",
            Self::ResNet50 { .. } => "resnet50",
        }
    }

    /// What can be asked for behind `/`, in words; `None` where nothing can.
    pub const fn choices(self) -> Option<&'static str> {
        match self {
            Self::MiniLm { .. } | Self::Bert { .. } => Some("with-ends"),
            Self::Wav2Vec2(_) | Self::Hubert(_) | Self::WavLm(_) => Some("raw, layer-N"),
            Self::ResNet50 { .. } => Some("stage-N"),
            _ => None,
        }
    }

    /// The extractor of this name, such as `log-mel` or `wav2vec2/layer-9`.
    ///
    /// # Errors
    /// When there is no such extractor, or it cannot be asked for that.
    pub fn parse(name: &str) -> Result<Self, String> {
        let (base, choice) = match name.split_once('/') {
            Some((base, choice)) => (base, Some(choice)),
            None => (name, None),
        };
        let own = Self::ALL.into_iter().find(|own| own.base() == base);
        let own = own.ok_or_else(|| {
            let names = Self::ALL.map(Self::base).join(", ");
            format!("`{base}` is no extractor (there are {names})")
        })?;
        let Some(choice) = choice else {
            return Ok(own);
        };
        let refused = || match own.choices() {
            Some(choices) => {
                format!("`{base}/{choice}`: expected {base} or {base}/ with {choices}")
            }
            None => format!("`{base}/{choice}`: expected {base} alone"),
        };
        let number = |prefix: &str| choice.strip_prefix(prefix)?.parse::<usize>().ok();
        let output = || match choice {
            "raw" => Some(Output::Convolution),
            _ => number("layer-").map(Output::Layer),
        };
        let asked = match own {
            Self::MiniLm { .. } if choice == "with-ends" => Some(Self::MiniLm { with_ends: true }),
            Self::Bert { .. } if choice == "with-ends" => Some(Self::Bert { with_ends: true }),
            Self::Wav2Vec2(_) => output().map(Self::Wav2Vec2),
            Self::Hubert(_) => output().map(Self::Hubert),
            Self::WavLm(_) => output().map(Self::WavLm),
            Self::ResNet50 { .. } => number("stage-")
                .filter(|stage| (1..=STAGES).contains(stage))
                .map(|stage| Self::ResNet50 { stage }),
            _ => None,
        };
        asked.ok_or_else(refused)
    }

    pub const fn input(self) -> Input {
        match self {
            Self::Words | Self::MiniLm { .. } | Self::Bert { .. } => Input::Words,
            Self::Expression | Self::ResNet50 { .. } => Input::Faces,
            Self::LogMel
            | Self::LowLevel
            | Self::Silero
            | Self::Resemblyzer
            | Self::Wav2Vec2(_)
            | Self::Hubert(_)
            | Self::WavLm(_) => Input::Sound,
        }
    }

    /// The modality that its features are, where nobody says another name.
    pub const fn modality(self) -> &'static str {
        match self.input() {
            Input::Sound => "audio",
            Input::Words => "text",
            Input::Faces => "vision",
        }
    }

    /// The folders of weights that it reads.
    pub fn weights(self) -> Vec<&'static str> {
        match self {
            Self::LogMel | Self::LowLevel | Self::Words => Vec::new(),
            Self::Expression | Self::ResNet50 { .. } => vec!["mtcnn", self.base()],
            other => vec![other.base()],
        }
    }
}

impl fmt::Display for Extractor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.base())?;
        match *self {
            Self::MiniLm { with_ends: true } | Self::Bert { with_ends: true } => {
                f.write_str("/with-ends")
            }
            Self::Wav2Vec2(output) | Self::Hubert(output) | Self::WavLm(output) => match output {
                Output::Convolution => f.write_str("/raw"),
                Output::Normalised => Ok(()),
                Output::Layer(layer) => write!(f, "/layer-{layer}"),
            },
            Self::ResNet50 { stage } if stage != STAGES => write!(f, "/stage-{stage}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let further = [
            "bert/with-ends",
            "minilm/with-ends",
            "wav2vec2/raw",
            "hubert/layer-0",
            "wavlm/layer-12",
            "resnet50/stage-2",
        ];
        let all = Extractor::ALL.map(|own| own.to_string());
        for name in all.iter().map(String::as_str).chain(further) {
            assert_eq!(Extractor::parse(name).unwrap().to_string(), name);
        }
        let last = Extractor::parse("resnet50/stage-4").unwrap();
        assert_eq!(last.to_string(), "resnet50");
    }

    #[test]
    fn what_cannot_be_asked_for_is_said() {
        let error = |name: &str| Extractor::parse(name).unwrap_err();
        assert!(error("mel").contains("`mel` is no extractor (there are log-mel"));
        assert!(error("log-mel/raw").contains("expected log-mel alone"));
        assert!(error("wav2vec2/12").contains("raw, layer-N"));
        assert!(error("resnet50/stage-5").contains("stage-N"));
        assert!(error("bert/").contains("with-ends"));
    }
}
