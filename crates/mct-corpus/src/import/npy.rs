//! The header of an `.npy` file.
//!
//! npyz reads it with a general parser of Python literals, which a hostile header can drive into
//! unbounded recursion, and multiplies the shape unchecked. The three entries that numpy writes need
//! no such parser.

use super::array::Dtype;

/// Headers of plain arrays are about 128 bytes long; longer ones describe structures.
pub(super) const LONGEST_HEADER: u64 = 4096;

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Whether the first dimension is the fastest.
    pub fortran: bool,
    /// Where the data starts.
    pub length: usize,
}

/// The header at the start of `bytes`; `None` where it is not one of an array of numbers or text.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (text_length, rest) = match version {
        [1, 0] => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2 | 3, 0] => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
        }
        _ => return None,
    };
    let text = std::str::from_utf8(rest.get(..text_length)?).ok()?;
    let (code, _) = value(text, "descr")?.strip_prefix('\'')?.split_once('\'')?;
    let (fortran, _) = value(text, "fortran_order")?.split_once(',')?;
    let (extents, _) = value(text, "shape")?.strip_prefix('(')?.split_once(')')?;
    let extents = extents.split(',').map(str::trim);
    Some(Header {
        dtype: Dtype::parse(code)?,
        shape: extents
            .filter(|extent| !extent.is_empty())
            .map(|extent| extent.parse().ok())
            .collect::<Option<_>>()?,
        fortran: match fortran.trim() {
            "True" => true,
            "False" => false,
            _ => return None,
        },
        length: bytes.len() - rest.len() + text_length,
    })
}

/// What follows a key of the header.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("'{key}':"))?;
    Some(rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Header> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        header(&bytes)
    }

    #[test]
    fn numpys_header_is_read() {
        let found = of("{'descr': '<f2', 'fortran_order': False, 'shape': (265223, 40), }  \n");
        let found = found.expect("a header");
        assert_eq!(found.shape, [265_223, 40]);
        assert_eq!(Some(found.dtype), Dtype::parse("<f2"));
        assert!(!found.fortran);
        let scalar = of("{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n");
        assert!(scalar.expect("a header").shape.is_empty());
    }

    #[test]
    fn structures_and_nonsense_are_refused() {
        assert_eq!(
            of("{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (1,), }"),
            None
        );
        assert_eq!(
            of("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"),
            None
        );
        assert_eq!(
            of("{'descr': '<f4', 'fortran_order': False, 'shape': ((((((("),
            None
        );
        assert_eq!(of(""), None);
    }
}
