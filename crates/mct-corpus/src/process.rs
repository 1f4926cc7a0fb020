//! The generative process of a synthetic corpus, from which its exact limit follows.

use serde::{Deserialize, Serialize};

use crate::counter::Stream;

/// The generative process, kept in the file's header: everything the exact posterior needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    pub seed: u64,
    /// Ticks of the hidden chain per second.
    pub tick_hz: f64,
    /// Mean stay in the neutral and in the expressive state, in seconds.
    pub neutral_secs: f64,
    pub expressive_secs: f64,
    /// Speakers fall into this many styles, equally likely.
    pub styles: usize,
    /// What all modalities show besides; the first process has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    pub modalities: Vec<Channel>,
}

/// A hidden chain of contents (words, visemes) that the modalities share. Emotion is a change in how a
/// content looks, a different one for each, so that reading emotion needs the content; and a step that is
/// missing can be told from its neighbours and from the other modalities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// How many there are.
    pub count: usize,
    /// Mean stay in one, in seconds; the next is any other, equally likely.
    pub secs: f64,
    /// Length of what a content shows, in standard deviations of the noise.
    pub length: f64,
    /// Dimensions of a modality's features in which all that the contents show lies; noise and the styles of
    /// speakers are outside of it too.
    pub rank: usize,
}

/// How one modality shows the hidden state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    pub name: String,
    pub features: usize,
    /// Ticks per step.
    pub ticks_a_step: usize,
    /// The prototype that each class shows in an expressive moment.
    pub prototype_of_class: Vec<usize>,
    /// Length of the prototypes, and of the style offsets, in standard deviations of the noise.
    pub expression: f64,
    pub style: f64,
    /// Length of the vector that replaces a missing step; 0 for none.
    pub unknown: f64,
}

/// Mean vectors of one channel.
pub(crate) struct Means {
    /// `[state][content]`: the neutral state, then one per prototype; without content there is one.
    pub(crate) states: Vec<Vec<Vec<f64>>>,
    pub(crate) styles: Vec<Vec<f64>>,
    pub(crate) unknown: Vec<f64>,
}

/// Keeps the mean vectors apart from everything else that is drawn with the same seed.
const MEANS: u64 = 3;
const CONTENT_MEANS: u64 = 6;

impl Process {
    /// The process of `mct-hfr corpus demo`.
    pub fn standard(seed: u64) -> Self {
        let channel =
            |name: &str, features, ticks_a_step, prototypes: [usize; 4], expression| Channel {
                name: name.into(),
                features,
                ticks_a_step,
                prototype_of_class: prototypes.to_vec(),
                expression,
                style: 1.0,
                unknown: 0.0,
            };
        let mut modalities = vec![
            // Arousal: angry and happy against neutral and sad.
            channel("audio", 16, 1, [0, 0, 1, 1], 1.5),
            // Valence: angry and sad look alike.
            channel("vision", 12, 2, [0, 1, 2, 0], 1.9),
            // Words: happy and neutral sound alike.
            channel("text", 20, 4, [0, 1, 1, 2], 2.5),
        ];
        modalities[2].unknown = 2.0;
        Self {
            seed,
            tick_hz: 10.0,
            neutral_secs: 1.0,
            expressive_secs: 0.6,
            styles: 4,
            content: None,
            modalities,
        }
    }

    /// The process of `mct-hfr corpus demo --process content`.
    pub fn with_content(seed: u64) -> Self {
        let mut process = Self::standard(seed);
        for (channel, features) in process.modalities.iter_mut().zip([64, 48, 64]) {
            channel.features = features;
        }
        process.content = Some(Content {
            count: 8,
            secs: 0.6,
            length: 14.0,
            rank: 12,
        });
        process
    }

    /// How many contents there are, and the probability a tick to leave one.
    pub(crate) fn contents(&self) -> (usize, f64) {
        match &self.content {
            None => (1, 0.0),
            Some(content) => (content.count, 1.0 / (content.secs * self.tick_hz)),
        }
    }

    /// Probability a tick to leave the neutral and the expressive state.
    pub(crate) fn leave(&self) -> [f64; 2] {
        [
            1.0 / (self.neutral_secs * self.tick_hz),
            1.0 / (self.expressive_secs * self.tick_hz),
        ]
    }

    /// Share of ticks in the neutral and in the expressive state.
    pub(crate) fn stationary(&self) -> [f64; 2] {
        let total = self.neutral_secs + self.expressive_secs;
        [self.neutral_secs / total, self.expressive_secs / total]
    }

    pub(crate) fn means(&self, modality: usize) -> Means {
        let channel = &self.modalities[modality];
        let mut stream = Stream::new(&[MEANS, self.seed, modality as u64]);
        let mut vector = |length: f64| {
            let direction: Vec<f64> = (0..channel.features).map(|_| stream.normal()).collect();
            let norm = libm::sqrt(direction.iter().map(|x| x * x).sum());
            direction.iter().map(|x| x * length / norm).collect()
        };
        let prototypes = channel.prototype_of_class.iter().max().map_or(0, |p| p + 1);
        let states = match &self.content {
            None => {
                let mut states = vec![vec![vec![0.0; channel.features]]];
                states.extend((0..prototypes).map(|_| vec![vector(channel.expression)]));
                states
            }
            Some(content) => self.content_means(content, modality, prototypes),
        };
        Means {
            states,
            styles: (0..self.styles).map(|_| vector(channel.style)).collect(),
            unknown: vector(channel.unknown),
        }
    }

    /// `[state][content]` of one modality, all in a space of `rank` dimensions.
    fn content_means(
        &self,
        content: &Content,
        modality: usize,
        prototypes: usize,
    ) -> Vec<Vec<Vec<f64>>> {
        let Channel {
            features,
            expression,
            ..
        } = self.modalities[modality];
        let mut stream = Stream::new(&[CONTENT_MEANS, self.seed, modality as u64]);
        let basis: Vec<Vec<f64>> = (0..content.rank)
            .map(|_| (0..features).map(|_| stream.normal()).collect())
            .collect();
        let mut vector = |length: f64| {
            let mut sum = vec![0.0; features];
            for direction in &basis {
                let weight = stream.normal();
                for (sum, value) in sum.iter_mut().zip(direction) {
                    *sum += weight * value;
                }
            }
            let norm = libm::sqrt(sum.iter().map(|x| x * x).sum());
            sum.iter().map(|x| x * length / norm).collect::<Vec<f64>>()
        };
        let plain: Vec<Vec<f64>> = (0..content.count).map(|_| vector(content.length)).collect();
        let mut states = vec![plain.clone()];
        for _ in 0..prototypes {
            let changed = plain.iter().map(|plain| {
                let change = vector(expression);
                plain.iter().zip(change).map(|(a, b)| a + b).collect()
            });
            states.push(changed.collect());
        }
        states
    }
}
