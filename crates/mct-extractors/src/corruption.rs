//! Corruption of what features are extracted of, so that robustness is measured where it happens: noise
//! over sound, spans of silence, words that were misheard, pictures that are black or covered.
//!
//! What is corrupted follows from the seed and the id of an utterance alone.

use mct_corpus::counter::{Stream, text_key};

use crate::SAMPLE_RATE_HZ;
use crate::words::split;

/// Shortest and longest span of silence in samples: 0.1 and 0.5 s.
const SPAN: [usize; 2] = [SAMPLE_RATE_HZ as usize / 10, SAMPLE_RATE_HZ as usize / 2];

/// How sound and words are corrupted; by nothing as the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Corruption {
    /// White noise, this many decibels below (or, negative, above) the power of the sound.
    pub noise_db: Option<f64>,
    /// Share of the samples that are silenced, in spans of 0.1 to 0.5 s.
    pub dropped: f64,
    /// Probability that a word is another one.
    pub wrong_words: f64,
    /// Probability that a picture is black.
    pub black: f64,
    /// Share of every picture that a square covers, at the same place throughout an utterance.
    pub occluded: f64,
    pub seed: u64,
}

/// What numbers are drawn for, so that one kind of corruption does not move another.
#[derive(Clone, Copy)]
enum Purpose {
    Noise = 1,
    Spans = 2,
    Words = 3,
    Black = 4,
    Square = 5,
}

impl Corruption {
    /// Whether it leaves everything as it is.
    pub fn is_none(&self) -> bool {
        let Self {
            noise_db,
            dropped,
            wrong_words,
            black,
            occluded,
            seed: _,
        } = self;
        noise_db.is_none()
            && [dropped, wrong_words, black, occluded]
                .iter()
                .all(|&v| *v == 0.0)
    }

    fn stream(&self, purpose: Purpose, id: &str) -> Stream {
        Stream::new(&[self.seed, purpose as u64, text_key(id)])
    }

    /// Corrupts the sound of utterance `id`: first spans are silenced, then noise lies over all of it.
    pub fn sound(&self, id: &str, samples: &mut [f32]) {
        let energy: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
        let power = energy / samples.len().max(1) as f64;
        self.silence(id, samples);
        if let Some(db) = self.noise_db {
            let deviation = (power * 10.0_f64.powf(-db / 10.0)).sqrt();
            let mut stream = self.stream(Purpose::Noise, id);
            for sample in samples {
                *sample += (deviation * stream.normal()) as f32;
            }
        }
    }

    fn silence(&self, id: &str, samples: &mut [f32]) {
        let mut left = (self.dropped.clamp(0.0, 1.0) * samples.len() as f64).round() as usize;
        // Spans do not overlap: what is kept is divided at random between them.
        let mut stream = self.stream(Purpose::Spans, id);
        let kept = samples.len() - left;
        let mut spans = Vec::new();
        while left > 0 {
            let span = (SPAN[0] + stream.below(SPAN[1] - SPAN[0] + 1)).min(left);
            spans.push(span);
            left -= span;
        }
        let mut cuts: Vec<usize> = spans.iter().map(|_| stream.below(kept + 1)).collect();
        cuts.sort_unstable();
        let (mut at, mut before) = (0, 0);
        for (span, cut) in spans.into_iter().zip(cuts) {
            at += cut - before;
            before = cut;
            samples[at..at + span].fill(0.0);
            at += span;
        }
    }

    /// Corrupts picture `index` of utterance `id`, `[height, width, 3]` row by row.
    pub fn picture(&self, id: &str, index: usize, width: usize, rgb: &mut [u8]) {
        if self.black > 0.0 {
            let mut stream = self.stream(Purpose::Black, id);
            // As many numbers as there are pictures before, so that each has its own.
            let chance = (0..=index).map(|_| stream.uniform()).last();
            if chance.is_some_and(|chance| chance < self.black) {
                rgb.fill(0);
                return;
            }
        }
        let height = rgb.len() / 3 / width.max(1);
        if self.occluded > 0.0 && height > 0 {
            let area = self.occluded * (width * height) as f64;
            let side = area.sqrt();
            // As wide as is needed where a square would be higher than the picture, and the other way round.
            let wide = (area / side.min(height as f64)).round().min(width as f64) as usize;
            let high = (area / side.min(width as f64)).round().min(height as f64) as usize;
            let mut stream = self.stream(Purpose::Square, id);
            let left = stream.below(width - wide + 1);
            let top = stream.below(height - high + 1);
            for row in rgb.chunks_exact_mut(3 * width).skip(top).take(high) {
                row[3 * left..3 * (left + wide)].fill(0);
            }
        }
    }

    /// The transcript of utterance `id` as it was misheard: a wrong word is another one of `vocabulary`, which
    /// is sorted and has each word once.
    pub fn words(&self, id: &str, transcript: &str, vocabulary: &[String]) -> String {
        if self.wrong_words == 0.0 || vocabulary.len() < 2 {
            return transcript.to_owned();
        }
        let mut stream = self.stream(Purpose::Words, id);
        // Another word in the place of this one, or nothing.
        let mut misheard = |word: &String| {
            // Both are drawn for every word, so that more wrong words are the same ones and some.
            let (chance, other) = (stream.uniform(), stream.below(vocabulary.len() - 1));
            let own = vocabulary.binary_search(word).unwrap_or(vocabulary.len());
            (chance < self.wrong_words)
                .then(|| vocabulary[other + usize::from(other >= own)].as_str())
        };
        // What is heard right keeps its letters and the signs around it, which some networks read.
        let part = |part: &str| {
            let words = split(part);
            let heard: Vec<Option<&str>> = words.iter().map(&mut misheard).collect();
            match heard.as_slice() {
                [] => part.to_owned(),
                all if all.iter().all(Option::is_none) => part.to_owned(),
                [Some(other)] => {
                    let is_sign = |c: char| !c.is_alphanumeric();
                    let start = part.len() - part.trim_start_matches(is_sign).len();
                    let end = part.trim_end_matches(is_sign).len();
                    match part.get(start..end) {
                        Some(_) => format!("{}{other}{}", &part[..start], &part[end..]),
                        None => (*other).to_owned(),
                    }
                }
                all => {
                    let pairs = words.iter().zip(all);
                    let heard: Vec<&str> = pairs.map(|(own, other)| other.unwrap_or(own)).collect();
                    heard.join(" ")
                }
            }
        };
        transcript
            .split_whitespace()
            .map(part)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The different words of some transcripts, sorted.
pub fn vocabulary<'t>(transcripts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut words: Vec<String> = transcripts.into_iter().flat_map(split).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Vec<f32> {
        (0..32_000)
            .map(|at| 0.3 * (at as f32 * 0.05).sin())
            .collect()
    }

    fn power(samples: &[f32]) -> f64 {
        samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64
    }

    #[test]
    fn noise_has_the_ratio_that_was_asked_for() {
        for db in [-5.0, 0.0, 20.0] {
            let corruption = Corruption {
                noise_db: Some(db),
                ..Corruption::default()
            };
            let (clean, mut noisy) = (sound(), sound());
            corruption.sound("a", &mut noisy);
            let noise: Vec<f32> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
            let found = 10.0 * (power(&clean) / power(&noise)).log10();
            assert!((found - db).abs() < 0.1, "{found} for {db}");
            let mut again = sound();
            corruption.sound("a", &mut again);
            assert_eq!(noisy, again);
            let mut other = sound();
            corruption.sound("b", &mut other);
            assert_ne!(noisy, other);
        }
    }

    #[test]
    fn the_share_that_was_asked_for_is_silent_in_spans() {
        for share in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let corruption = Corruption {
                dropped: share,
                ..Corruption::default()
            };
            for id in ["a", "b", "c"] {
                let mut samples = vec![1.0; 32_000];
                corruption.sound(id, &mut samples);
                let silent = samples.iter().filter(|sample| **sample == 0.0).count();
                assert_eq!(silent, (share * 32_000.0) as usize);
                let edges = samples.windows(2).filter(|pair| pair[0] != pair[1]).count();
                // Two a span of 0.1 s at least, and a last one of any length.
                assert!(edges <= 2 * (silent / SPAN[0] + 1), "{edges}");
            }
        }
    }

    #[test]
    fn pictures_are_black_or_covered() {
        let corruption = |black, occluded| Corruption {
            black,
            occluded,
            ..Corruption::default()
        };
        let dark = |corruption: &Corruption, index| {
            let mut rgb = vec![9; 3 * 20 * 10];
            corruption.picture("a", index, 20, &mut rgb);
            rgb.iter().filter(|v| **v == 0).count() as f64 / 600.0
        };
        let black = corruption(0.3, 0.0);
        let shares: Vec<f64> = (0..200).map(|index| dark(&black, index)).collect();
        let count = shares.iter().filter(|share| **share == 1.0).count();
        assert!((40..80).contains(&count), "{count}");
        assert_eq!(
            shares.iter().filter(|share| **share == 0.0).count(),
            200 - count
        );
        // A square of 50 pixels has 7 a side.
        assert_eq!(dark(&corruption(0.0, 0.25), 3), 0.245);
        assert_eq!(dark(&corruption(0.0, 0.8), 3), 0.8);
        assert_eq!(dark(&corruption(0.0, 1.0), 3), 1.0);
        assert_eq!(dark(&corruption(0.0, 0.0), 0), 0.0);
    }

    #[test]
    fn wrong_words_are_others_of_the_vocabulary() {
        let text = "kids are talking by the door ".repeat(200);
        let vocabulary = vocabulary([text.as_str(), "dogs sit"]);
        assert_eq!(vocabulary.len(), 8);
        let heard = |wrong_words: f64| {
            let corruption = Corruption {
                wrong_words,
                ..Corruption::default()
            };
            split(&corruption.words("a", &text, &vocabulary))
        };
        let few = Corruption {
            wrong_words: 0.3,
            ..Corruption::default()
        };
        let shown = few.words("b", "Oh, NO! I can't... \"stay\" half-way", &vocabulary);
        let (kept, all) = (
            shown.split(' ').collect::<Vec<_>>(),
            ["Oh,", "NO!", "I", "can't...", "\"stay\""],
        );
        for (heard, said) in kept.iter().zip(all) {
            let sign = said.trim_matches(|c: char| c.is_alphanumeric() || c == '\'');
            assert!(
                *heard == said || sign.is_empty() || heard.ends_with(&sign[sign.len() - 1..]),
                "{shown}"
            );
        }
        assert!(kept.contains(&"NO!") || kept.contains(&"Oh,"), "{shown}");
        let said = split(&text);
        let wrong = |heard: &[String]| {
            let pairs = said.iter().zip(heard);
            pairs.map(|(a, b)| a != b).collect::<Vec<bool>>()
        };
        assert_eq!(heard(0.0), said);
        let (some, more) = (wrong(&heard(0.2)), wrong(&heard(0.5)));
        let share = |wrong: &[bool]| wrong.iter().filter(|w| **w).count() as f64 / 1200.0;
        assert!((share(&some) - 0.2).abs() < 0.04 && (share(&more) - 0.5).abs() < 0.05);
        assert!(some.iter().zip(&more).all(|(some, more)| !some || *more));
        assert!(wrong(&heard(1.0)).iter().all(|wrong| *wrong));
        assert!(heard(1.0).iter().all(|word| vocabulary.contains(word)));
    }
}
