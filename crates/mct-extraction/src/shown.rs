//! What a person sees and hears of a recording.

use mct_networks::Picture;
use mct_networks::mtcnn::Face;
use serde::{Deserialize, Serialize};

/// What a modality is heard or seen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Medium {
    Sound,
    Pictures,
    Words,
}

/// The recording behind an utterance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// Sound of one channel; empty where there is none.
    pub samples: Vec<f32>,
    pub rate_hz: u32,
    /// [`FRAMES_HZ`](mct_recordings::FRAMES_HZ) a second.
    pub pictures: Vec<Thumbnail>,
    /// What each step of a modality of words stands for, by modality; empty for the others.
    pub words: Vec<Vec<String>>,
}

/// A small picture, and where the face was found in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thumbnail {
    pub width: usize,
    pub height: usize,
    /// `[height, width, 3]`: red, green, blue.
    #[serde(with = "serde_bytes")]
    pub rgb: Vec<u8>,
    /// Left, top, right and bottom of the face, as shares of width and height.
    pub face: Option<[f32; 4]>,
}

/// Pixels from top to bottom, at most.
const HEIGHT: usize = 120;

impl Thumbnail {
    pub(crate) fn of(picture: &Picture, face: Option<&Face>) -> Self {
        let (width, height) = (picture.width(), picture.height());
        let small = height.clamp(1, HEIGHT);
        let narrow = (width * small / height).clamp(1, 4 * HEIGHT);
        let rgb = picture.thumbnail(narrow, small);
        let (right, bottom) = (width as f32, height as f32);
        Self {
            width: narrow,
            height: small,
            rgb,
            face: face.map(|face| {
                let own = &face.rectangle;
                let share = |value: f32, all: f32| (value / all).clamp(0.0, 1.0);
                [
                    share(own.left, right),
                    share(own.top, bottom),
                    share(own.right, right),
                    share(own.bottom, bottom),
                ]
            }),
        }
    }
}
