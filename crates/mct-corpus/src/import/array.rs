//! Arrays of numbers and text as numpy keeps them in memory.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use half::f16;

use crate::error::Finding;
use crate::modality::Precision;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    /// Bytes, filled up with zeros.
    Bytes,
    /// UTF-32, filled up with zeros.
    Unicode,
    /// References to Python objects; only a pickle can hold them.
    Object,
}

/// The type of an array's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    pub kind: Kind,
    /// Bytes an item; never 0.
    pub size: usize,
    /// Whether numbers, and the characters of text, have their highest byte first.
    pub big_endian: bool,
}

impl Dtype {
    /// From numpy's code: `<f4`, `>f4`, `|S5`, `U9`. `None` for types that are neither numbers nor text
    /// (dates, complex numbers, structures).
    pub fn parse(code: &str) -> Option<Self> {
        let big_endian = code.starts_with('>');
        let code = code.strip_prefix(['<', '>', '|', '=']).unwrap_or(code);
        let mut chars = code.chars();
        let letter = chars.next()?;
        let size: usize = match chars.as_str() {
            "" if letter == 'O' => 8,
            size => size.parse().ok()?,
        };
        let (kind, size) = match (letter, size) {
            ('b', 1) => (Kind::Bool, 1),
            ('i', 1 | 2 | 4 | 8) => (Kind::Int, size),
            ('u', 1 | 2 | 4 | 8) => (Kind::Uint, size),
            ('f', 2 | 4 | 8) => (Kind::Float, size),
            ('S', 1..) => (Kind::Bytes, size),
            ('U', 1..) => (Kind::Unicode, size.checked_mul(4)?),
            ('O', _) => (Kind::Object, 8),
            _ => return None,
        };
        Some(Self {
            kind,
            size,
            big_endian,
        })
    }

    fn integer(self, item: &[u8]) -> i128 {
        let word = self.word(item);
        if self.kind == Kind::Int {
            let unused = 64 - 8 * self.size.min(8);
            i128::from(i64::from_le_bytes(word) << unused >> unused)
        } else {
            i128::from(u64::from_le_bytes(word))
        }
    }

    fn number(self, item: &[u8]) -> f64 {
        let word = self.word(item);
        match (self.kind, self.size) {
            (Kind::Float, 2) => f16::from_le_bytes([word[0], word[1]]).to_f64(),
            (Kind::Float, 4) => f32::from_le_bytes([word[0], word[1], word[2], word[3]]).into(),
            (Kind::Float, _) => f64::from_le_bytes(word),
            _ => self.integer(item) as f64,
        }
    }

    /// The text of one item, without the zeros that fill it up.
    fn text(self, item: &[u8]) -> Option<String> {
        match self.kind {
            Kind::Unicode => {
                let codes = item.as_chunks::<4>().0.iter();
                let code = match self.big_endian {
                    true => u32::from_be_bytes,
                    false => u32::from_le_bytes,
                };
                let codes: Vec<u32> = codes.map(|bytes| code(*bytes)).collect();
                let end = codes
                    .iter()
                    .rposition(|code| *code != 0)
                    .map_or(0, |last| last + 1);
                codes[..end]
                    .iter()
                    .map(|code| char::from_u32(*code))
                    .collect()
            }
            Kind::Bytes => {
                let end = item
                    .iter()
                    .rposition(|byte| *byte != 0)
                    .map_or(0, |last| last + 1);
                String::from_utf8(item[..end].to_vec()).ok()
            }
            Kind::Bool | Kind::Int | Kind::Uint => Some(self.integer(item).to_string()),
            Kind::Float => Some(self.number(item).to_string()),
            Kind::Object => None,
        }
    }

    /// The bytes of one number, the lowest first, filled up with zeros.
    fn word(self, item: &[u8]) -> [u8; 8] {
        let mut word = [0; 8];
        word.iter_mut().zip(item).for_each(|(to, from)| *to = *from);
        if self.big_endian {
            word[..self.size.min(8)].reverse();
        }
        word
    }

    pub fn is_number(self) -> bool {
        !matches!(self.kind, Kind::Bytes | Kind::Unicode | Kind::Object)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = 8 * self.size.min(8);
        match self.kind {
            Kind::Bool => write!(f, "bool"),
            Kind::Int => write!(f, "int{bits}"),
            Kind::Uint => write!(f, "uint{bits}"),
            Kind::Float => write!(f, "float{bits}"),
            Kind::Bytes => write!(f, "bytes"),
            Kind::Unicode => write!(f, "text"),
            Kind::Object => write!(f, "Python object"),
        }
    }
}

/// Bytes of an array; `None` where no computer could hold it.
pub(super) fn byte_count(dtype: Dtype, shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(dtype.size, |count, extent| count.checked_mul(*extent))
}

/// In which order the items of an array lie in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// The last dimension is the fastest (C).
    LastFastest,
    /// The first dimension is the fastest (Fortran).
    FirstFastest,
    /// As `LastFastest`, but dimension `k` of the array is dimension `axes[k]` of the memory (numpy's
    /// `transpose`, which it pickles as order "K").
    Transposed(Vec<usize>),
}

/// An array whose shape and bytes agree.
#[derive(Debug, Clone)]
pub(super) struct Array<'a> {
    /// What it is called in messages.
    field: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Bytes from one item of each dimension to the next; `None` where the last dimension is the fastest.
    strides: Option<Vec<usize>>,
    data: Cow<'a, [u8]>,
}

impl<'a> Array<'a> {
    /// `shape` is that of the memory.
    ///
    /// # Errors
    /// When `data` has not the bytes that the type and the shape ask for, or the axes of the order are
    /// not those of the shape.
    pub fn new(
        field: impl Into<String>,
        dtype: Dtype,
        shape: Vec<usize>,
        order: &Order,
        data: Cow<'a, [u8]>,
    ) -> Result<Self, Finding> {
        let field = field.into();
        if byte_count(dtype, &shape) != Some(data.len()) {
            let found = format!("{} bytes", data.len());
            let expected = format!("as many as a {dtype} array of shape {shape:?} has");
            return Err(Finding::new(field, found, expected));
        }
        let (shape, strides) = match order {
            Order::LastFastest => (shape, None),
            Order::FirstFastest => {
                let strides = strides(dtype.size, shape.iter());
                (shape, Some(strides))
            }
            Order::Transposed(axes) => {
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..shape.len()) {
                    let found = format!("axes {axes:?}");
                    let expected = format!("an order of {} dimensions", shape.len());
                    return Err(Finding::new(field, found, expected));
                }
                let mut in_memory = strides(dtype.size, shape.iter().rev());
                in_memory.reverse();
                let strides = axes.iter().map(|axis| in_memory[*axis]).collect();
                (
                    axes.iter().map(|axis| shape[*axis]).collect(),
                    Some(strides),
                )
            }
        };
        Ok(Self {
            field,
            dtype,
            strides: strides.filter(|_| shape.len() > 1),
            shape,
            data,
        })
    }

    /// What it is called in messages.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Bytes of all items.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The items `range`, counted with the last dimension as the fastest.
    fn items(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> {
        let size = self.dtype.size;
        let contiguous = self.strides.is_none();
        let (bytes, scattered): (&[u8], _) = if contiguous {
            (&self.data[range.start * size..range.end * size], 0..0)
        } else {
            (&[], range)
        };
        let scattered = scattered.map(move |item| {
            let place = self.place(item);
            &self.data[place..place + size]
        });
        bytes.chunks_exact(size).chain(scattered)
    }

    /// Where item number `item` of a scattered array lies.
    fn place(&self, mut item: usize) -> usize {
        let mut place = 0;
        let strides = self.strides.as_deref().unwrap_or_default();
        for (extent, stride) in self.shape.iter().zip(strides).rev() {
            place += item % extent * stride;
            item /= extent;
        }
        place
    }

    fn all(&self) -> Range<usize> {
        0..self.data.len() / self.dtype.size
    }

    fn wrong(&self, expected: &str) -> Finding {
        Finding::new(&self.field, self.describe(), expected)
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        format!("a {} array of shape {:?}", self.dtype, self.shape)
    }

    /// All items as numbers, whatever the shape.
    pub fn numbers(&self) -> Result<Vec<f64>, Finding> {
        if !self.dtype.is_number() {
            return Err(self.wrong("numbers"));
        }
        let items = self.items(self.all());
        Ok(items.map(|item| self.dtype.number(item)).collect())
    }

    /// All items as text, whatever the shape; numbers are written out.
    pub fn texts(&self) -> Result<Vec<String>, Finding> {
        let texts = self.items(self.all()).enumerate().map(|(index, item)| {
            self.dtype.text(item).ok_or_else(|| {
                let field = format!("{}[{index}]", self.field);
                Finding::new(field, "bytes that are no text", "text in UTF-8 or UTF-32")
            })
        });
        texts.collect()
    }

    /// The extents `[rows, features]` or `[utterances, rows, features]` of an array of numbers with
    /// `N` dimensions and 1 feature or more.
    pub fn extents<const N: usize>(&self, expected: &str) -> Result<[usize; N], Finding> {
        match <[usize; N]>::try_from(self.shape.as_slice()) {
            Ok(extents) if self.dtype.is_number() && extents.last() != Some(&0) => Ok(extents),
            _ => Err(self.wrong(expected)),
        }
    }

    /// Values `range`, counted with the last dimension as the fastest. The range must lie in the array.
    pub fn values(&self, range: Range<usize>) -> Vec<f32> {
        let items = self.items(range);
        items.map(|item| self.dtype.number(item) as f32).collect()
    }

    /// The precision that loses least.
    pub fn precision(&self) -> Precision {
        match (self.dtype.kind, self.dtype.size) {
            (Kind::Float, 2) => Precision::F16,
            _ => Precision::F32,
        }
    }
}

/// Bytes from one item of each dimension to the next; the first of `shape` is the fastest.
fn strides<'s>(size: usize, shape: impl Iterator<Item = &'s usize>) -> Vec<usize> {
    let mut stride = size;
    let next = shape.map(|extent| {
        let this = stride;
        stride = stride.saturating_mul(*extent);
        this
    });
    next.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_memory_gives_the_same_array() {
        let byte = Dtype::parse("|u1").expect("a type");
        let array = |shape: &[usize], order: &Order, data: &'static [u8]| {
            Array::new("a", byte, shape.to_vec(), order, Cow::Borrowed(data)).expect("an array")
        };
        let numbers = |array: &Array<'_>| array.numbers().expect("numbers");
        let plain = array(&[2, 3], &Order::LastFastest, &[0, 1, 2, 3, 4, 5]);
        let fortran = array(&[2, 3], &Order::FirstFastest, &[0, 3, 1, 4, 2, 5]);
        let transposed = Order::Transposed(vec![1, 0]);
        let transposed = array(&[3, 2], &transposed, &[0, 3, 1, 4, 2, 5]);
        for other in [&fortran, &transposed] {
            assert_eq!(other.shape, [2, 3]);
            assert_eq!(numbers(other), numbers(&plain));
            assert_eq!(other.values(2..5), [2.0, 3.0, 4.0]);
        }
        // numpy.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)
        let bytes: &[u8] = &[
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
        ];
        let cube = array(&[2, 3, 4], &Order::Transposed(vec![2, 0, 1]), bytes);
        assert_eq!(cube.shape, [4, 2, 3]);
        assert_eq!(cube.values(0..6), [0.0, 4.0, 8.0, 12.0, 16.0, 20.0]);
        assert_eq!(cube.values(6..8), [1.0, 5.0]);
        let twice = Order::Transposed(vec![1, 1]);
        let wrong = Array::new("a", byte, vec![2, 3], &twice, Cow::Borrowed(&bytes[..6]));
        assert!(wrong.is_err());
    }
}
