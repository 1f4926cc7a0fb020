//! Counter-based randomness: a number depends on its key and on nothing else.
//!
//! A mask, a shuffle or a dropout pattern is the same in every batch order, on every device and
//! after every resume, because nothing is drawn from a shared sequence: the caller names what the
//! number is for (seed, epoch, utterance, modality, step) and gets it.

/// The 64-bit finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
#[inline]
pub const fn scramble(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A 64-bit hash of the words, in order.
#[inline]
pub fn key(words: &[u64]) -> u64 {
    words
        .iter()
        .fold(0x6D63_742D_6866_7221, |hash, &word| scramble(hash ^ word))
}

/// A hash of text that is stable over platforms and versions (FNV-1a).
pub fn text_key(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A number in `[0, 1)` with 53 random bits.
#[inline]
pub fn uniform(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The numbers that belong to one key, one after the other.
#[derive(Debug, Clone)]
pub struct Stream {
    key: u64,
    counter: u64,
}

impl Stream {
    pub fn new(words: &[u64]) -> Self {
        Self {
            key: key(words),
            counter: 0,
        }
    }

    #[inline]
    pub fn next_word(&mut self) -> u64 {
        let word = scramble(self.key ^ scramble(self.counter));
        self.counter += 1;
        word
    }

    /// A number in `[0, 1)`.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        uniform(self.next_word())
    }

    /// An index below `bound` (which must not be 0). The bias is below `bound / 2^64`.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_word()) * bound as u128) >> 64) as usize
    }

    /// A standard normal number (Box-Muller). `libm` gives the same bits on every platform.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// An index drawn with the given weights.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// Fisher-Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_the_key_alone() {
        let first: Vec<u64> = (0..5).map(|_| Stream::new(&[1, 2]).next_word()).collect();
        assert!(first.iter().all(|word| *word == first[0]));
        assert_ne!(Stream::new(&[2, 1]).next_word(), first[0]);
        assert_ne!(key(&[0]), key(&[0, 0]));
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let mut stream = Stream::new(&[7]);
        let n = 100_000;
        let uniform: f64 = (0..n).map(|_| stream.uniform()).sum::<f64>() / f64::from(n);
        assert!((uniform - 0.5).abs() < 0.005, "{uniform}");
        let normal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Stream::new(&[3]).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
