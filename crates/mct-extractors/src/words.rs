//! Words without weights: each is a fixed random direction, so that equal words are equal and others
//! nearly orthogonal. There is no meaning in them.

use mct_corpus::counter::{Stream, text_key};

pub(crate) const DIM: usize = 64;

/// `[words, DIM]` row by row, every row of length 1.
pub(crate) fn extract(transcript: &str) -> Vec<f32> {
    let words = split(transcript);
    words.iter().flat_map(|word| direction(word)).collect()
}

/// Words in lower case: letters, digits and the apostrophes within them; a letter of a script without
/// spaces is one of its own.
pub(crate) fn split(transcript: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut finish = |word: &mut String| {
        let done = word.trim_matches('\'').to_owned();
        word.clear();
        if !done.is_empty() {
            words.push(done);
        }
    };
    for letter in transcript.chars().flat_map(char::to_lowercase) {
        match letter {
            '\u{2019}' => word.push('\''),
            letter if is_ideograph(letter) => {
                finish(&mut word);
                word.push(letter);
                finish(&mut word);
            }
            letter if letter.is_alphanumeric() || letter == '\'' || is_mark(letter) => {
                word.push(letter)
            }
            _ => finish(&mut word),
        }
    }
    finish(&mut word);
    words
}

/// Chinese characters, kana.
const fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Signs that stand above, below or behind a letter and belong to it.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{0300}'..='\u{036F}' | '\u{064B}'..='\u{065F}' | '\u{0900}'..='\u{0DFF}' | '\u{200C}' | '\u{200D}')
}

fn direction(word: &str) -> Vec<f32> {
    let mut stream = Stream::new(&[text_key(word)]);
    let signs = (0..DIM).map(|_| {
        if stream.next_word() >> 63 == 0 {
            1.0
        } else {
            -1.0
        }
    });
    let scale = 1.0 / (DIM as f32).sqrt();
    signs.map(|sign: f32| sign * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_they_are_said() {
        assert_eq!(
            split("I'm  quite-sure, 'tis 3!"),
            ["i'm", "quite", "sure", "tis", "3"]
        );
        assert_eq!(split("I\u{2019}M"), ["i'm"]);
        assert_eq!(split("我很好 ok"), ["我", "很", "好", "ok"]);
        assert_eq!(split("नमस्ते दुनिया").len(), 2);
        assert!(split(" … ").is_empty());
    }

    #[test]
    fn equal_words_are_equal_and_others_nearly_orthogonal() {
        let rows = extract("no No yes");
        let [a, b, c] = [0, 1, 2].map(|row| &rows[row * DIM..][..DIM]);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert_eq!(a, b);
        assert!((dot(a, a) - 1.0).abs() < 1e-6);
        assert!(dot(a, c).abs() < 0.5);
    }
}
