//! Files that hold the sequence of one utterance: `.npy`, `.npz`, `.safetensors`, and tables with a line
//! for each step, such as OpenFace writes.

use std::borrow::Cow;

use half::f16;
use safetensors::{Dtype as TensorDtype, SafeTensors};

use super::Options;
use super::array::{Array, Order};
use super::npy;
use super::sheet::Sheet;
use super::zip::Archive;
use crate::error::Finding;
use crate::modality::Precision;

/// The sequence of one utterance.
pub(super) struct Sequence {
    /// `[steps, dim]` row by row.
    pub values: Vec<f32>,
    pub dim: usize,
    /// Steps that are missing by nature; empty for none.
    pub missing: Vec<bool>,
    pub rate_hz: Option<f32>,
    pub precision: Precision,
}

/// Endings of files that are read.
pub(super) const ENDINGS: [&str; 5] = ["npy", "npz", "safetensors", "csv", "tsv"];

/// Frames whose face was found with less confidence than this are missing, where the table does not say
/// itself whether it was a success.
const LEAST_CONFIDENCE: f32 = 0.5;

/// Reads a file by the ending of its name.
///
/// # Errors
/// When it is damaged, or holds no sequence or several.
pub(super) fn read(name: &str, bytes: &[u8], options: &Options) -> Result<Sequence, Finding> {
    let ending = name.rsplit('.').next().unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "npy" => of_array(&npy_array(name, Cow::Borrowed(bytes))?),
        "npz" => of_npz(name, bytes, options),
        "safetensors" => of_safetensors(name, bytes),
        _ => of_sheet(&Sheet::parse(bytes)?),
    }
}

fn npy_array<'a>(name: &str, bytes: Cow<'a, [u8]>) -> Result<Array<'a>, Finding> {
    let header = npy::header(&bytes).ok_or_else(|| {
        let expected = "an array of numbers as numpy saves it";
        Finding::new(name, "another header", expected)
    })?;
    let data = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(header.length..).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.drain(..header.length.min(bytes.len()));
            Cow::Owned(bytes)
        }
    };
    let order = match header.fortran {
        true => Order::FirstFastest,
        false => Order::LastFastest,
    };
    Array::new(name, header.dtype, header.shape, &order, data)
}

/// `[steps, features]`, or `[features]` for one step.
fn of_array(array: &Array<'_>) -> Result<Sequence, Finding> {
    let dim = match array.shape.as_slice() {
        [dim] | [_, dim] if array.dtype.is_number() && *dim > 0 => *dim,
        _ => array.extents::<2>("numbers of shape [steps, features]")?[1],
    };
    Ok(Sequence {
        values: array.values(0..array.shape.iter().product()),
        dim,
        missing: Vec::new(),
        rate_hz: None,
        precision: array.precision(),
    })
}

/// Of several entries the only one that is an array of numbers with two dimensions.
fn only<T>(name: &str, entries: Vec<(String, T)>) -> Result<T, Finding> {
    let names: Vec<String> = entries.iter().map(|(name, _)| name.clone()).collect();
    let mut entries = entries.into_iter();
    match (entries.next(), entries.next()) {
        (Some((_, entry)), None) => Ok(entry),
        (None, _) => Err(Finding::new(
            name,
            "no array of numbers",
            "one, [steps, features]",
        )),
        _ => {
            let found = format!("several arrays ({})", names.join(", "));
            Err(Finding::new(name, found, "one, [steps, features]"))
        }
    }
}

fn of_npz(name: &str, bytes: &[u8], options: &Options) -> Result<Sequence, Finding> {
    let archive = Archive::open(bytes, options.most_unpacked(bytes.len()))?;
    let mut arrays = Vec::new();
    for entry in archive.names() {
        let array = npy_array(&entry, archive.unpack(&entry, u64::MAX)?)?;
        if array.dtype.is_number() && array.shape.len() == 2 {
            arrays.push((entry, array));
        }
    }
    of_array(&only(name, arrays)?)
}

fn of_safetensors(name: &str, bytes: &[u8]) -> Result<Sequence, Finding> {
    let expected = "a complete safetensors file";
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| Finding::new(name, error, expected))?;
    let tensors = file.tensors().into_iter();
    let view = only(
        name,
        tensors
            .filter(|(_, view)| view.shape().len() == 2)
            .collect(),
    )?;
    let (values, precision): (Vec<f32>, _) = match view.dtype() {
        TensorDtype::F32 => {
            let values = view.data().as_chunks::<4>().0.iter();
            (
                values.map(|v| f32::from_le_bytes(*v)).collect(),
                Precision::F32,
            )
        }
        TensorDtype::F16 => {
            let values = view.data().as_chunks::<2>().0.iter();
            let values = values.map(|v| f16::from_le_bytes(*v).to_f32());
            (values.collect(), Precision::F16)
        }
        TensorDtype::F64 => {
            let values = view.data().as_chunks::<8>().0.iter();
            (
                values.map(|v| f64::from_le_bytes(*v) as f32).collect(),
                Precision::F32,
            )
        }
        other => return Err(Finding::new(name, format!("{other:?}"), "F16, F32 or F64")),
    };
    let dim = view.shape()[1];
    if dim == 0 {
        return Err(Finding::new(name, "0 features", "1 or more"));
    }
    Ok(Sequence {
        values,
        dim,
        missing: Vec::new(),
        rate_hz: None,
        precision,
    })
}

/// A table with a line for each step. An empty cell is a value that is missing; of OpenFace's columns
/// `success` and `confidence` say in which frames there is a face, `timestamp` gives the rate, and of
/// several faces the first is taken.
fn of_sheet(sheet: &Sheet) -> Result<Sequence, Finding> {
    let place = |name: &str| sheet.column(name);
    let marks = ["frame", "face_id", "timestamp", "confidence", "success"].map(place);
    let [_, face, timestamp, confidence, success] = marks;
    let features: Vec<usize> = (0..sheet.columns.len())
        .filter(|column| !marks.contains(&Some(*column)))
        .collect();
    if features.is_empty() {
        let found = format!("only {}", sheet.columns.join(", "));
        return Err(Finding::new("columns", found, "columns of features"));
    }
    let (mut values, mut missing, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for (line, cells) in sheet.rows() {
        let number = |column: usize| {
            let cell = cells.get(column);
            if cell.is_empty() {
                return Ok(f32::NAN);
            }
            cell.parse::<f32>().map_err(|_| {
                let field = format!("line {line}, {}", sheet.columns[column]);
                Finding::new(field, format!("`{cell}`"), "a number")
            })
        };
        let mark = |column: Option<usize>| column.map(number).transpose();
        if mark(face)?.is_some_and(|face| face > 0.0) {
            continue;
        }
        let there = match (mark(success)?, mark(confidence)?) {
            (Some(success), _) => success > 0.0,
            (None, Some(confidence)) => confidence >= LEAST_CONFIDENCE,
            (None, None) => true,
        };
        missing.push(!there);
        seconds.extend(mark(timestamp)?);
        for column in &features {
            values.push(number(*column)?);
        }
    }
    let rate_hz = match (seconds.first(), seconds.last()) {
        (Some(first), Some(last)) if last > first => {
            Some((seconds.len() - 1) as f32 / (last - first))
        }
        _ => None,
    };
    Ok(Sequence {
        values,
        dim: features.len(),
        missing,
        rate_hz,
        precision: Precision::F32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_a_face_are_missing() {
        let table = "frame, face_id, timestamp, confidence, success, AU01_r, AU02_r\n\
             1, 0, 0.00, 0.98, 1, 0.5, 1.5\n\
             1, 1, 0.00, 0.98, 1, 9.0, 9.0\n\
             2, 0, 0.04, 0.10, 0, 0.0, 0.0\n\
             3, 0, 0.08, 0.95, 1, , 2.5\n";
        let read = read("clip.csv", table.as_bytes(), &Options::default()).expect("a sequence");
        assert_eq!((read.dim, read.missing), (2, vec![false, true, false]));
        assert_eq!(read.values[..4], [0.5, 1.5, 0.0, 0.0]);
        assert!(read.values[4].is_nan() && read.values[5] == 2.5);
        assert!((read.rate_hz.expect("a rate") - 25.0).abs() < 1e-3);
    }

    #[test]
    fn confidence_alone_decides_and_other_tables_are_features() {
        let of = |table: &str| read("clip.csv", table.as_bytes(), &Options::default());
        let confident = of("confidence,x\n0.9,1\n0.2,2\n").expect("a sequence");
        assert_eq!(confident.missing, [false, true]);
        let plain = of("mfcc_0;mfcc_1\n1.5;2\n").expect("a sequence");
        assert_eq!((plain.values, plain.missing), (vec![1.5, 2.0], vec![false]));
        let error = of("x\nyes\n").err().expect("no number").to_string();
        assert!(error.contains("line 2, x: found `yes`"), "{error}");
    }
}
