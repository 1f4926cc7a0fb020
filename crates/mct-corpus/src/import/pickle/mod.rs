//! Reads pickles as data and runs nothing.
//!
//! A pickle is a program for a small stack machine that can call any function of Python. This reader
//! knows the opcodes that plain values and numpy arrays need, and a call is resolved only to the few
//! functions with which numpy writes its arrays; everything else is an error that names it.
//!
//! A general pickle crate does not do: the maintained one, serde-pickle, turns every REDUCE into
//! `None` or an error, so that it cannot rebuild numpy arrays, and it unfolds shared values.
//!
//! Values live in one list and refer to each other by index, as Python's references do. So a file
//! costs memory in proportion to its size: sharing is not unfolded, cycles do no harm, and nothing
//! recurses. Bytes are borrowed from the file. What has to be copied out is charged to a
//! [`Budget`](heap::Budget), which catches shared values that unfold on the way out.

mod heap;
mod machine;
mod numpy;
mod text;
mod tree;

use std::collections::BTreeMap;

use crate::error::Finding;

pub(super) use machine::read;
pub(super) use tree::Value;

/// The shape of an array and its values, row by row.
pub type Shaped = (Vec<usize>, Vec<f32>);

/// The arrays of numbers in a pickled dictionary, such as the weights of a network, by their names. What else is in
/// it is left out.
///
/// # Errors
/// When it is no pickle, no dictionary, or one that would run something.
pub fn arrays(pickle: &[u8]) -> Result<BTreeMap<String, Shaped>, Finding> {
    let tree = read(pickle)?;
    let root = tree.root();
    let expected = || Finding::new("pickle", root.describe(), "a dictionary of arrays");
    let mut arrays = BTreeMap::new();
    for (name, value) in root.entries().ok_or_else(expected)? {
        if value.is_packed_array() {
            let array = value.array(name)?;
            let count = array.shape.iter().product();
            // Any number of names may share an array.
            value.charge(size_of::<f32>().saturating_mul(count))?;
            arrays.insert(
                name.to_owned(),
                (array.shape.clone(), array.values(0..count)),
            );
        }
    }
    Ok(arrays)
}
