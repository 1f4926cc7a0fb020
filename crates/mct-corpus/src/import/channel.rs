//! A modality while its utterances are collected.

use std::fmt::Write as _;

use half::f16;

use super::{NonFinite, Options};
use crate::error::Finding;
use crate::modality::{Modality, ModalityBuilder, Precision};

/// Frames that are stacked into one, at most: longer than any word.
const LONGEST_STACK: usize = 1000;

/// Names of utterances in a message, at most.
const MOST_NAMES: usize = 5;

/// A modality while its utterances are collected: stacks steps, and sees to values that no model can
/// take.
pub(super) struct Channel {
    pub name: String,
    dim: usize,
    stack: usize,
    /// Steps a second before stacking.
    rate_hz: Option<f32>,
    /// Steps of each utterance before stacking.
    steps: Vec<usize>,
    precision: Precision,
    builder: ModalityBuilder,
    #[cfg(not(target_arch = "wasm32"))]
    spill: Option<super::spill::Spill>,
    non_finite: NonFinite,
    /// Steps of NaN are what the maker of the features meant.
    gaps: bool,
    zero_infinite: bool,
    nan: Count,
    infinite: Count,
    minus_infinite: Count,
    /// Values beyond the range of float16, where that is how they are stored.
    too_large: Count,
    absent: Count,
}

/// How many there are, and the utterances where.
#[derive(Debug, Default)]
pub(super) struct Count {
    values: usize,
    utterances: usize,
    names: Vec<String>,
}

impl Count {
    pub fn add(&mut self, utterance: &str, values: usize) {
        if values == 0 {
            return;
        }
        self.values += values;
        self.utterances += 1;
        if self.names.len() < MOST_NAMES {
            self.names.push(utterance.to_owned());
        }
    }

    /// `3 utterances (a, b, c)`.
    pub fn utterances(&self) -> String {
        let plural = if self.utterances == 1 { "" } else { "s" };
        let mut out = format!("{} utterance{plural}", self.utterances);
        let more = self.utterances - self.names.len();
        let rest = if more > 0 { ", …" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(out, " ({}{rest})", self.names.join(", "));
        out
    }

    pub fn is_zero(&self) -> bool {
        self.utterances == 0
    }
}

impl Channel {
    /// `dim`, `native` (the file's precision), `rate_hz` and `unknown` are those of the file.
    ///
    /// # Errors
    /// When the options ask for what cannot be: a rate or a stack that is out of range.
    pub fn new(
        name: &str,
        dim: usize,
        native: Precision,
        rate_hz: Option<f32>,
        unknown: Option<Vec<f32>>,
        options: &Options,
    ) -> Result<Self, Finding> {
        let stack = chosen(&options.stack, name).unwrap_or(1);
        let stacked = dim.checked_mul(stack);
        let Some(stacked) = stacked.filter(|_| (1..=LONGEST_STACK).contains(&stack)) else {
            let expected = format!("1 to {LONGEST_STACK} steps");
            return Err(Finding::new(format!("stack of {name}"), stack, expected));
        };
        let rate_hz = chosen(&options.rates, name).or(rate_hz);
        if let Some(rate) = rate_hz.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            let expected = "steps a second, more than 0";
            return Err(Finding::new(format!("rate of {name}"), rate, expected));
        }
        let precision = options.precision.unwrap_or(native);
        let stands_in = || {
            options
                .unknowns
                .iter()
                .find(|(modality, _)| modality == name)
        };
        let unknown = unknown.or_else(|| stands_in().map(|(_, vector)| vector.clone()));
        let gaps = options.gaps.iter().any(|modality| modality == name);
        let mut extractors = options.extractors.iter().rev();
        let extractor = extractors.find(|(modality, _)| modality == name);
        let builder = ModalityBuilder::new(name, stacked, precision)
            .rate_hz(rate_hz.map(|rate| rate / stack as f32))
            .unknown(unknown.map(|rows| stacked_unknown(&rows, dim, stack)))
            .extractor(extractor.map(|(_, made)| made.clone()));
        Ok(Self {
            name: name.to_owned(),
            dim,
            stack,
            rate_hz,
            steps: Vec::new(),
            precision,
            builder,
            #[cfg(not(target_arch = "wasm32"))]
            spill: match &options.spill {
                Some(folder) => Some(super::spill::Spill::new(folder)?),
                None => None,
            },
            non_finite: match gaps {
                true => NonFinite::Missing,
                false => options.non_finite,
            },
            gaps,
            zero_infinite: options.zero_infinite,
            nan: Count::default(),
            infinite: Count::default(),
            minus_infinite: Count::default(),
            too_large: Count::default(),
            absent: Count::default(),
        })
    }

    /// Features per step, before stacking.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Leaves the rate open, unless the options say it.
    pub fn forget_rate(&mut self, options: &Options) {
        self.rate_hz = chosen(&options.rates, &self.name);
        let stacked = self.rate_hz.map(|rate| rate / self.stack as f32);
        self.builder.set_rate_hz(stacked);
    }

    /// Appends the steps of utterance `id`, `[steps, dim]` row by row; without any the modality is
    /// missing in it. `missing` marks steps that are missing by nature; empty for none.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn push(&mut self, id: &str, values: Vec<f32>, missing: Vec<bool>) -> Result<(), Finding> {
        let steps = values.len() / self.dim;
        let (mut values, mut missing) = (values, missing);
        missing.resize(steps, false);
        self.absent.add(id, usize::from(steps == 0));
        self.check(id, &mut values, &mut missing);
        self.builder_push(values, missing);
        self.steps.push(steps);
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(spill) = &mut self.spill {
            spill.write(&mut self.builder)?;
        }
        Ok(())
    }

    /// Counts the values that no model can take, and does with them what the options say.
    fn check(&mut self, id: &str, values: &mut [f32], missing: &mut [bool]) {
        let [mut nan, mut infinite, mut minus, mut large] = [0; 4];
        for (row, missing) in values.chunks_exact_mut(self.dim).zip(missing) {
            let mut whole = true;
            for value in row.iter_mut().filter(|_| !*missing) {
                if value.is_finite() {
                    let half = self.precision == Precision::F16;
                    large += usize::from(half && f16::from_f32(*value).is_infinite());
                    continue;
                }
                if value.is_nan() {
                    nan += 1;
                    whole = false;
                } else if *value > 0.0 {
                    infinite += 1;
                    whole = false;
                } else {
                    minus += 1;
                    whole &= self.zero_infinite;
                }
                *value = 0.0;
            }
            *missing |= !whole && self.non_finite == NonFinite::Missing;
            if *missing {
                row.fill(0.0);
            }
        }
        self.nan.add(id, nan);
        self.infinite.add(id, infinite);
        self.minus_infinite.add(id, minus);
        self.too_large.add(id, large);
    }

    /// Stacks steps: the last one is repeated to fill an incomplete group, and a group of which a step is
    /// missing is missing.
    fn builder_push(&mut self, mut values: Vec<f32>, mut missing: Vec<bool>) {
        if self.stack > 1 && !missing.is_empty() {
            fill_groups(&mut values, self.dim, self.stack);
            let groups = missing.chunks(self.stack);
            missing = groups.map(|group| group.contains(&true)).collect();
            let width = self.dim * self.stack;
            let rows = values.chunks_exact_mut(width).zip(&missing);
            rows.filter(|(_, missing)| **missing)
                .for_each(|(row, _)| row.fill(0.0));
        }
        self.builder.push_masked(&values, &missing);
    }

    /// Seconds of utterance `index`, where the rate is known and the modality there.
    pub fn duration_secs(&self, index: usize) -> Option<f32> {
        let steps = *self.steps.get(index).filter(|steps| **steps > 0)?;
        self.rate_hz.map(|rate| steps as f32 / rate)
    }

    /// The modality; `notes` gets what was done with values that no model can take.
    ///
    /// # Errors
    /// When such values are refused, or float16 cannot hold a value.
    pub fn finish(self, notes: &mut Vec<String>) -> Result<Modality, Finding> {
        let name = &self.name;
        if !self.too_large.is_zero() {
            let (values, at) = (self.too_large.values, self.too_large.utterances());
            let found = format!("{values} values beyond 65504 in {at}");
            let expected = "values that float16 can hold, or float32";
            return Err(Finding::new(format!("modality.{name}"), found, expected));
        }
        if !self.absent.is_zero() {
            let at = self.absent.utterances();
            notes.push(format!("{name} is missing by nature in {at}"));
        }
        for (count, what) in [
            (&self.nan, "NaN"),
            (&self.infinite, "+inf"),
            (&self.minus_infinite, "-inf"),
        ] {
            if count.is_zero() || (self.gaps && what == "NaN") {
                continue;
            }
            let (values, at) = (count.values, count.utterances());
            let plural = if values == 1 { "" } else { "s" };
            let found = format!("{values} value{plural} of {what} in {at}");
            let zeroed = what == "-inf" && self.zero_infinite;
            let also = match what {
                "-inf" => ", or --zero-infinite to make -inf 0 (the log of silence)",
                _ => "",
            };
            match self.non_finite {
                _ if zeroed => notes.push(format!("{name}: {found} became 0")),
                NonFinite::Zero => notes.push(format!("{name}: {found} became 0")),
                NonFinite::Missing => notes.push(format!(
                    "{name}: {found}; the steps that hold them count as missing by nature \
                     (--non-finite zero would make the values 0{also})"
                )),
                NonFinite::Refuse => {
                    let expected =
                        format!("finite values (--non-finite missing|zero takes them{also})");
                    return Err(Finding::new(format!("modality.{name}"), found, expected));
                }
            }
        }
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(spill) = self.spill {
            return spill.build(self.builder);
        }
        Ok(self.builder.build())
    }
}

/// Repeats the last of the steps, `dim` values each, until they are whole groups of `stack`, each of which is then
/// one step with `stack * dim` values.
pub fn fill_groups(values: &mut Vec<f32>, dim: usize, stack: usize) {
    let whole = values.len();
    let Some(last) = whole.checked_sub(dim) else {
        return;
    };
    let steps = whole / dim.max(1);
    for _ in steps..steps.next_multiple_of(stack.max(1)) {
        values.extend_from_within(last..whole);
    }
}

/// What stands for a missing step of `stack * dim` values, from what stands for one of `dim` at each position.
pub fn stacked_unknown(rows: &[f32], dim: usize, stack: usize) -> Vec<f32> {
    let mut rows = rows.to_vec();
    fill_groups(&mut rows, dim, stack);
    rows
}

/// What the options say about modality `name`; the last one counts.
fn chosen<T: Copy>(options: &[(String, T)], name: &str) -> Option<T> {
    let mut matching = options.iter().rev().filter(|(key, _)| key == name);
    matching.next().map(|(_, value)| *value)
}
