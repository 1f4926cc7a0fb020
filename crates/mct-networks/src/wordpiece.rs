//! WordPiece, the tokeniser of BERT.
//!
//! Written here because the `tokenizers` crate brings 76 others and does not promise the same pieces in a
//! browser. The pieces are those of Hugging Face's: the tests compare odd sentences.

use std::collections::HashMap;
use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::files;
use crate::weights::WeightsError;

/// A longer word is `[UNK]` as a whole.
const LONGEST_WORD: usize = 100;

/// Pieces with a meaning of their own, wherever they stand in a text.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// A vocabulary of word pieces.
#[derive(Debug)]
pub struct WordPiece {
    ids: HashMap<String, u32>,
    pieces: Vec<String>,
    special: [u32; 5],
    lower_case: bool,
}

impl WordPiece {
    /// Reads `vocab.txt`, a piece a line. With `lower_case` (an uncased model) accents are removed, too.
    ///
    /// # Errors
    /// When the file cannot be read or lacks a special piece.
    pub fn open(path: &Path, lower_case: bool) -> Result<Self, WeightsError> {
        let file = path.display().to_string();
        let unreadable = |cause: String| WeightsError::Unreadable {
            file: file.clone(),
            cause,
        };
        let bytes = files::read(path).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
        Self::new(&text, lower_case).map_err(|piece| WeightsError::Unreadable {
            file,
            cause: format!("is no vocabulary of word pieces: it has no {piece}"),
        })
    }

    fn new(text: &str, lower_case: bool) -> Result<Self, &'static str> {
        let pieces: Vec<String> = text.lines().map(str::to_owned).collect();
        let numbered = (0u32..).zip(&pieces);
        let ids: HashMap<String, u32> = numbered.map(|(id, one)| (one.clone(), id)).collect();
        let mut special = [0; 5];
        for (id, piece) in special.iter_mut().zip(SPECIAL) {
            *id = *ids.get(piece).ok_or(piece)?;
        }
        Ok(Self {
            ids,
            pieces,
            special,
            lower_case,
        })
    }

    /// Pieces in the vocabulary.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The piece of a number.
    pub fn piece(&self, id: u32) -> &str {
        self.pieces.get(id as usize).map_or("", String::as_str)
    }

    /// Stands for what is not in the vocabulary.
    pub const fn unknown(&self) -> u32 {
        self.special[1]
    }

    /// Begins a text.
    pub const fn cls(&self) -> u32 {
        self.special[2]
    }

    /// Ends a text.
    pub const fn sep(&self) -> u32 {
        self.special[3]
    }

    /// The pieces of a text, without `[CLS]` and `[SEP]`.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut from = 0;
        for (at, _) in text.match_indices('[') {
            let here = &text[at..];
            // One that is within another is none.
            if let Some(which) = SPECIAL.iter().position(|special| here.starts_with(special))
                && at >= from
            {
                self.words(&text[from..at], &mut ids);
                ids.push(self.special[which]);
                from = at + SPECIAL[which].len();
            }
        }
        self.words(&text[from..], &mut ids);
        ids
    }

    fn words(&self, text: &str, ids: &mut Vec<u32>) {
        let normalised = self.normalise(text);
        let mut word = String::new();
        for character in normalised.chars() {
            let splits = is_punctuation(character);
            if splits || character.is_whitespace() {
                self.word(&std::mem::take(&mut word), ids);
            } else {
                word.push(character);
            }
            if splits {
                self.word(&character.to_string(), ids);
            }
        }
        self.word(&word, ids);
    }

    /// Without control characters, with ideographs as words of their own, and in lower case without accents
    /// where the model is uncased.
    fn normalise(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '\0' | '\u{fffd}' => {}
                '\t' | '\n' | '\r' => clean.push(' '),
                _ if is_control(character) => {}
                _ if character.is_whitespace() => clean.push(' '),
                _ if is_ideograph(character) => {
                    clean.push(' ');
                    clean.push(character);
                    clean.push(' ');
                }
                _ => clean.push(character),
            }
        }
        if !self.lower_case {
            return clean;
        }
        let is_accent = |c: &char| c.general_category() == GeneralCategory::NonspacingMark;
        let plain = clean.nfd().filter(|character| !is_accent(character));
        plain.flat_map(char::to_lowercase).collect()
    }

    /// The longest piece first, again and again.
    fn word(&self, word: &str, ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        if word.chars().count() > LONGEST_WORD {
            ids.push(self.unknown());
            return;
        }
        let before = ids.len();
        let mut start = 0;
        let mut candidate = String::new();
        while start < word.len() {
            let ends = word[start..]
                .char_indices()
                .map(|(at, c)| start + at + c.len_utf8());
            let ends: Vec<usize> = ends.collect();
            let found = ends.iter().rev().find_map(|&end| {
                candidate.clear();
                if start > 0 {
                    candidate.push_str("##");
                }
                candidate.push_str(&word[start..end]);
                Some((*self.ids.get(&candidate)?, end))
            });
            let Some((id, end)) = found else {
                ids.truncate(before);
                ids.push(self.unknown());
                return;
            };
            ids.push(id);
            start = end;
        }
    }
}

fn is_control(character: char) -> bool {
    character.general_category_group() == GeneralCategoryGroup::Other
}

fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation()
        || character.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// The blocks that BERT calls Chinese characters.
const fn is_ideograph(character: char) -> bool {
    matches!(character as u32,
        0x4E00..=0x9FFF
        | 0x3400..=0x4DBF
        | 0x20000..=0x2A6DF
        | 0x2A700..=0x2B73F
        | 0x2B740..=0x2B81F
        | 0x2B920..=0x2CEAF
        | 0xF900..=0xFAFF
        | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<String> {
        let vocabulary =
            "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhappy\nun\n##happy\n##ness\n!\ncafe\n中";
        let own = WordPiece::new(vocabulary, true).unwrap();
        let ids = own.encode(text);
        ids.iter().map(|&id| own.piece(id).to_owned()).collect()
    }

    #[test]
    fn the_longest_piece_is_taken_first() {
        assert_eq!(pieces("Unhappyness!"), ["un", "##happy", "##ness", "!"]);
        assert_eq!(pieces("happyx"), ["[UNK]"]);
    }

    #[test]
    fn special_pieces_stand_for_themselves_wherever_they_are() {
        assert_eq!(
            pieces("[[MASK]happy[SEP][UNK"),
            ["[UNK]", "[MASK]", "happy", "[SEP]", "[UNK]", "[UNK]"]
        );
        assert_eq!(pieces(&"[UNK]".repeat(200_000)).len(), 200_000);
    }

    #[test]
    fn accents_controls_and_ideographs() {
        assert_eq!(pieces("CAFÉ\u{200b}\u{0}\t中中"), ["cafe", "中", "中"]);
    }

    #[test]
    fn special_pieces_stand_for_themselves() {
        assert_eq!(pieces("happy[MASK]happy"), ["happy", "[MASK]", "happy"]);
        assert_eq!(pieces(&"a".repeat(101)), ["[UNK]"]);
    }

    #[test]
    fn a_vocabulary_without_special_pieces_is_refused() {
        assert_eq!(WordPiece::new("a\nb", true).err(), Some("[PAD]"));
    }
}
