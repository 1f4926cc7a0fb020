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

/// The type of an array's items; numbers are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    pub kind: Kind,
    /// Bytes an item; never 0.
    pub size: usize,
}

impl Dtype {
    /// From numpy's code: `<f4`, `|S5`, `U9`. `None` for big-endian types (`>f4`) and those that are
    /// neither numbers nor text (dates, complex numbers, structures).
    pub fn parse(code: &str) -> Option<Self> {
        let code = code.strip_prefix(['<', '|', '=']).unwrap_or(code);
        let mut chars = code.chars();
        let letter = chars.next()?;
        let size: usize = chars.as_str().parse().ok()?;
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
        Some(Self { kind, size })
    }

    fn integer(self, item: &[u8]) -> i128 {
        let word = word(item);
        if self.kind == Kind::Int {
            let unused = 64 - 8 * self.size.min(8);
            i128::from(i64::from_le_bytes(word) << unused >> unused)
        } else {
            i128::from(u64::from_le_bytes(word))
        }
    }

    fn number(self, item: &[u8]) -> f64 {
        let word = word(item);
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
                let codes: Vec<u32> = codes.map(|code| u32::from_le_bytes(*code)).collect();
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

    pub fn is_number(self) -> bool {
        !matches!(self.kind, Kind::Bytes | Kind::Unicode | Kind::Object)
    }
}

/// The bytes of one number, filled up with zeros.
fn word(item: &[u8]) -> [u8; 8] {
    let mut word = [0; 8];
    word.iter_mut().zip(item).for_each(|(to, from)| *to = *from);
    word
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

/// An array whose shape and bytes agree; the last dimension is the fastest.
#[derive(Debug, Clone)]
pub(super) struct Array<'a> {
    /// What it is called in messages.
    field: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    data: Cow<'a, [u8]>,
}

impl<'a> Array<'a> {
    /// `fortran`: the first dimension is the fastest in `data`.
    ///
    /// # Errors
    /// When `data` has not the bytes that the type and the shape ask for.
    pub fn new(
        field: impl Into<String>,
        dtype: Dtype,
        shape: Vec<usize>,
        fortran: bool,
        data: Cow<'a, [u8]>,
    ) -> Result<Self, Finding> {
        let field = field.into();
        if byte_count(dtype, &shape) != Some(data.len()) {
            let found = format!("{} bytes", data.len());
            let expected = format!("as many as a {dtype} array of shape {shape:?} has");
            return Err(Finding::new(field, found, expected));
        }
        let data = if fortran && shape.len() > 1 {
            Cow::Owned(last_fastest(&data, dtype.size, &shape))
        } else {
            data
        };
        Ok(Self {
            field,
            dtype,
            shape,
            data,
        })
    }

    /// Bytes of all items.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    fn items(&self) -> impl Iterator<Item = &[u8]> {
        self.data.chunks_exact(self.dtype.size)
    }

    fn wrong(&self, expected: &str) -> Finding {
        let found = format!("a {} array of shape {:?}", self.dtype, self.shape);
        Finding::new(&self.field, found, expected)
    }

    /// All items as numbers, whatever the shape.
    pub fn numbers(&self) -> Result<Vec<f64>, Finding> {
        if !self.dtype.is_number() {
            return Err(self.wrong("numbers"));
        }
        Ok(self.items().map(|item| self.dtype.number(item)).collect())
    }

    /// All items as whole numbers from 0 up, whatever the shape.
    pub fn counts(&self) -> Result<Vec<usize>, Finding> {
        if !matches!(self.dtype.kind, Kind::Int | Kind::Uint) {
            return Err(self.wrong("whole numbers"));
        }
        let counts = self.items().enumerate().map(|(index, item)| {
            let number = self.dtype.integer(item);
            usize::try_from(number).map_err(|_| {
                let field = format!("{}[{index}]", self.field);
                Finding::new(field, number, "a number from 0 up")
            })
        });
        counts.collect()
    }

    /// All items as text, whatever the shape; numbers are written out.
    pub fn texts(&self) -> Result<Vec<String>, Finding> {
        let texts = self.items().enumerate().map(|(index, item)| {
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

    /// Values `range` in the order of memory. The range must lie in the array.
    pub fn values(&self, range: Range<usize>) -> Vec<f32> {
        let size = self.dtype.size;
        let bytes = &self.data[range.start * size..range.end * size];
        let items = bytes.chunks_exact(size);
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

/// Reorders items from first dimension fastest to last dimension fastest.
fn last_fastest(data: &[u8], size: usize, shape: &[usize]) -> Vec<u8> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = size;
    for extent in shape {
        strides.push(stride);
        stride *= extent;
    }
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for _ in 0..data.len() / size {
        out.extend_from_slice(&data[at..at + size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}
