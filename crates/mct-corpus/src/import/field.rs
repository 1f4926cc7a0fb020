//! Fields of a file that have one entry for each utterance.

use super::array::{Array, Dtype, Kind};
use super::pickle::Value;
use crate::error::Finding;
use crate::metadata::{Cells, Column};

/// A field with one entry for each utterance.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub name: String,
    pub values: Values,
}

#[derive(Debug, Clone)]
pub(super) enum Values {
    /// NaN where there is none.
    Numbers(Vec<f64>),
    /// Empty where there is none.
    Texts(Vec<String>),
    /// Several numbers for each utterance, row by row.
    Rows { width: usize, numbers: Vec<f64> },
}

/// Numbers of a field for one utterance: more are a sequence.
const MOST_IN_A_ROW: usize = 256;

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
            Self::Rows { width, numbers } => numbers.len() / width,
        }
    }

    /// As many entries of the same kind, all empty.
    pub fn empty(&self, count: usize) -> Self {
        match self {
            Self::Numbers(_) => Self::Numbers(vec![f64::NAN; count]),
            Self::Texts(_) => Self::Texts(vec![String::new(); count]),
            Self::Rows { width, .. } => Self::Rows {
                width: *width,
                numbers: vec![f64::NAN; count * width],
            },
        }
    }

    /// Bytes in memory of the values of an array.
    pub fn bytes_of(dtype: &Dtype, shape: &[usize]) -> u64 {
        let count = shape
            .iter()
            .fold(1_u64, |count, extent| count.saturating_mul(*extent as u64));
        let each = match dtype.is_number() {
            true => size_of::<f64>(),
            false => size_of::<String>() + dtype.size,
        };
        count.saturating_mul(each as u64)
    }

    /// Refuses an array that holds more than a few values for each utterance.
    ///
    /// # Errors
    /// Names its type and shape.
    pub fn require_narrow(field: &str, dtype: &Dtype, shape: &[usize]) -> Result<(), Finding> {
        let n = shape.first().copied().unwrap_or(1);
        let count = shape
            .iter()
            .fold(1_usize, |count, extent| count.saturating_mul(*extent));
        let width = count.checked_div(n).unwrap_or(0);
        if width > MOST_IN_A_ROW || (width > 1 && !dtype.is_number()) {
            let found = format!("a {dtype} array of shape {shape:?}");
            let expected =
                format!("a text, a number or {MOST_IN_A_ROW} numbers at most for each utterance");
            return Err(Finding::new(field, found, expected));
        }
        Ok(())
    }

    /// From an array whose first dimension is the utterances.
    ///
    /// # Errors
    /// When its items are neither numbers nor text.
    pub fn of_array(array: &Array<'_>) -> Result<Self, Finding> {
        let n = array.shape.first().copied().unwrap_or(1);
        Self::require_narrow(array.field(), &array.dtype, &array.shape)?;
        if matches!(array.dtype.kind, Kind::Bytes | Kind::Unicode) {
            return Ok(Self::Texts(array.texts()?));
        }
        let numbers = array.numbers()?;
        Ok(match numbers.len().checked_div(n) {
            Some(width) if width > 1 => Self::Rows { width, numbers },
            _ => Self::Numbers(numbers),
        })
    }

    /// From a value of a pickle: an array, or a list of numbers, texts or equally long lists of numbers.
    ///
    /// # Errors
    /// When it is none of those.
    pub fn of_value(field: &str, value: Value<'_>) -> Result<Self, Finding> {
        if value.is_packed_array() {
            return Self::of_array(&value.array(field)?);
        }
        if let Ok(numbers) = value.numbers(field) {
            return Ok(Self::Numbers(numbers));
        }
        let items = value.items(field)?;
        let rows = items.first().filter(|first| !first.is_scalar());
        if let Some(Ok(first)) = rows.map(|first| first.numbers(field)) {
            let width = first.len();
            let mut numbers = Vec::with_capacity(items.len() * width);
            for (index, item) in items.iter().enumerate() {
                let row = item.numbers(field)?;
                if row.len() != width {
                    let found = format!("{} numbers", row.len());
                    let expected = format!("{width}, as for the first utterance");
                    return Err(Finding::new(format!("{field}[{index}]"), found, expected));
                }
                numbers.extend(row);
            }
            return Ok(match width {
                0 | 1 => Self::Numbers(numbers),
                width => Self::Rows { width, numbers },
            });
        }
        Ok(Self::Texts(value.texts(field)?))
    }

    /// Texts that are all numbers or empty become numbers.
    pub fn parsed(self) -> Self {
        let Self::Texts(texts) = &self else {
            return self;
        };
        let number = |text: &String| match text.trim() {
            "" => Some(f64::NAN),
            text => text.parse().ok().filter(|number: &f64| number.is_finite()),
        };
        let numbers: Option<Vec<f64>> = texts.iter().map(number).collect();
        let some = |numbers: &Vec<f64>| numbers.iter().any(|number| !number.is_nan());
        match numbers.filter(some) {
            Some(numbers) => Self::Numbers(numbers),
            None => self,
        }
    }

    pub fn append(&mut self, other: Self) -> bool {
        match (self, other) {
            (Self::Numbers(all), Self::Numbers(more)) => all.extend(more),
            (Self::Texts(all), Self::Texts(more)) => all.extend(more),
            (
                Self::Rows { width, numbers },
                Self::Rows {
                    width: other,
                    numbers: more,
                },
            ) if *width == other => numbers.extend(more),
            _ => return false,
        }
        true
    }
}

impl Field {
    pub fn new(name: impl Into<String>, values: Values) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }

    /// # Errors
    /// When it has not `n` entries.
    pub fn require_length(&self, n: usize) -> Result<(), Finding> {
        if self.values.len() == n {
            return Ok(());
        }
        let found = format!("{} values", self.values.len());
        Err(Finding::new(
            &self.name,
            found,
            format!("{n}, one for each utterance"),
        ))
    }

    /// One text for each of `n` utterances; numbers are written out.
    ///
    /// # Errors
    /// When there are fewer or more.
    pub fn texts(self, n: usize) -> Result<Vec<String>, Finding> {
        self.require_length(n)?;
        match self.values {
            Values::Texts(texts) => Ok(texts),
            Values::Numbers(numbers) => Ok(numbers.iter().map(|n| written(*n)).collect()),
            Values::Rows { width, .. } => {
                let found = format!("{width} numbers for each utterance");
                Err(Finding::new(self.name, found, "one text or number"))
            }
        }
    }

    /// One number for each of `n` utterances.
    ///
    /// # Errors
    /// When there are fewer or more, or text.
    pub fn numbers(self, n: usize) -> Result<Vec<f64>, Finding> {
        self.require_length(n)?;
        match self.values.parsed() {
            Values::Numbers(numbers) => Ok(numbers),
            Values::Texts(_) => Err(Finding::new(self.name, "text", "numbers")),
            Values::Rows { width, .. } => {
                let found = format!("{width} numbers for each utterance");
                Err(Finding::new(self.name, found, "one"))
            }
        }
    }

    /// A whole number from 0 up for each of `n` utterances.
    ///
    /// # Errors
    /// As [`Field::numbers`], and when one is negative or not whole.
    pub fn counts(self, n: usize) -> Result<Vec<usize>, Finding> {
        let name = self.name.clone();
        let numbers = self.numbers(n)?.into_iter().enumerate();
        let counts = numbers.map(|(index, number)| {
            // Below 2^53 every whole number is exact.
            if number >= 0.0 && number.fract() == 0.0 && number < 9e15 {
                return Ok(number as usize);
            }
            let field = format!("{name}[{index}]");
            Err(Finding::new(field, number, "a whole number from 0 up"))
        });
        counts.collect()
    }

    /// The column of a corpus; `None` where there are several numbers for each utterance.
    pub fn column(self) -> Option<Column> {
        let cells = match self.values.parsed() {
            Values::Numbers(numbers) => {
                let cells = numbers.into_iter();
                Cells::Number(cells.map(|n| Some(n).filter(|n| !n.is_nan())).collect())
            }
            Values::Texts(texts) => {
                let cells = texts.into_iter();
                Cells::Text(cells.map(|t| Some(t).filter(|t| !t.is_empty())).collect())
            }
            Values::Rows { .. } => return None,
        };
        Some(Column {
            name: self.name,
            cells,
        })
    }
}

/// A number as text; nothing for NaN.
pub(super) fn written(number: f64) -> String {
    if number.is_nan() {
        String::new()
    } else {
        number.to_string()
    }
}
