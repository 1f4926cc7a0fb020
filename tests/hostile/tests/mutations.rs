//! Files with errors in them, many of each format: the same ones every time.
#![allow(clippy::print_stderr, clippy::expect_used)] // which file it was

use std::sync::{Mutex, PoisonError};

use mct_hostile::{FORMATS, Format, crafted};

/// Mutated files of each format.
const FILES: usize = 10_000;

/// Numbers that lengths and offsets are compared with.
const ODD: [u64; 9] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    u64::MAX,
];

/// A generator of numbers (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Changes `bytes` at one place, or splices them with another file.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], numbers: &mut Numbers) {
    let place = numbers.below(bytes.len());
    let end = (place + numbers.below(64)).min(bytes.len());
    match numbers.below(8) {
        0 if !bytes.is_empty() => bytes[place] ^= 1 << numbers.below(8),
        1 if !bytes.is_empty() => bytes[place] = numbers.next() as u8,
        2 => {
            // Little and big endian, of every width.
            let odd = ODD[numbers.below(ODD.len())];
            let width = 1 << numbers.below(4);
            let mut word = odd.to_le_bytes()[..width].to_vec();
            if numbers.below(2) == 1 {
                word.reverse();
            }
            let end = (place + width).min(bytes.len());
            bytes[place..end].copy_from_slice(&word[..end - place]);
        }
        3 => drop(bytes.drain(place..end)),
        4 => {
            let twice = bytes[place..end].to_vec();
            bytes.splice(place..place, twice);
        }
        5 => {
            let from = numbers.below(other.len());
            bytes.truncate(place);
            bytes.extend_from_slice(&other[from..]);
        }
        6 => {
            // A number of a text.
            let digits: Vec<usize> = (0..bytes.len())
                .filter(|at| bytes[*at].is_ascii_digit())
                .collect();
            if let Some(at) = digits.get(numbers.below(digits.len())) {
                let more = [&b"9999999999999"[..], b"-", b"1e999", b"nan", b"0"];
                let more = more[numbers.below(more.len())];
                bytes.splice(*at..=*at, more.iter().copied());
            }
        }
        _ => bytes.truncate(place),
    }
}

/// Memory is counted for the whole process: what one test makes its files of must not count for the other.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn mutated_files_neither_panic_nor_take_more_memory_than_they_may() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for format in FORMATS {
        let seeds = (format.seeds)();
        assert!(!seeds.is_empty(), "{}", format.name);
        for seed in &seeds {
            format.try_out(seed).ok();
        }
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for file in 0..FILES {
            let mut bytes = seeds[file % seeds.len()].clone();
            for _ in 0..=numbers.below(4) {
                let other = numbers.below(seeds.len());
                mutate(&mut bytes, &seeds[other], &mut numbers);
            }
            let outcome = std::panic::catch_unwind(|| format.try_out(&bytes).ok());
            if let Err(panic) = outcome {
                eprintln!("file {file} of {}", format.name);
                std::panic::resume_unwind(panic);
            }
        }
    }
}

#[test]
fn small_files_that_claim_to_be_large_are_refused_in_few_words() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (what, format, bytes) in crafted::all() {
        let outcome = Format::named(format).try_out(&bytes);
        eprintln!("{what}: {outcome:?}");
        let error = outcome.expect_err(what);
        assert!(error.len() < 3000, "{what}: {} bytes", error.len());
    }
}
