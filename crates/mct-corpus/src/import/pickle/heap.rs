//! The values that a pickle makes, while it is read and after.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Display;

use crate::error::Finding;
use crate::import::array::{Dtype, Order};

/// Index of a node.
pub(super) type Ref = u32;

pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Cow<'a, [u8]>),
    Str(Cow<'a, str>),
    List(Vec<Ref>),
    Tuple(Vec<Ref>),
    Dict(Vec<(Ref, Ref)>),
    Dtype(Dtype),
    Array(Box<ArrayNode>),
    /// An array before its state is set.
    Unbuilt,
    Global(Global),
}

pub(super) struct ArrayNode {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub order: Order,
    /// The node of its bytes, or of the list of its objects.
    pub data: Ref,
}

/// Bytes of memory for the values of a file of so many bytes. They are kept in lists that grow by copying
/// themselves, which takes three times as much for a moment.
pub(super) fn most_memory(file: usize) -> usize {
    file.saturating_mul(6).saturating_add(16 << 20)
}

/// How many bytes may still be copied.
pub(super) struct Budget(Cell<usize>);

impl Budget {
    /// For a file of `file` bytes. A complete read copies each of them a few times at most.
    pub fn of(file: usize) -> Self {
        Self(Cell::new(file.saturating_mul(8).saturating_add(1 << 16)))
    }

    pub fn take(&self, bytes: usize) -> Result<(), Finding> {
        let left = self.0.get().checked_sub(bytes).ok_or_else(|| {
            let found = "shared values that unfold to many times the size of the file";
            Finding::new("pickle", found, "about as much data as the file has bytes")
        })?;
        self.0.set(left);
        Ok(())
    }
}

/// The functions of Python that are understood, by what they make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Reconstruct,
    FromBuffer,
    Scalar,
    Ndarray,
    Dtype,
    /// `_codecs.encode`: how Python 3 writes bytes for Python 2.
    Encode,
    Bytes,
    ByteArray,
    OrderedDict,
}

impl Global {
    /// Modules are named as in numpy 1 (`core`) or 2 (`_core`).
    pub fn resolve(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Some(Self::Reconstruct)
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Some(Self::Scalar),
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Some(Self::FromBuffer),
            ("numpy", "ndarray") => Some(Self::Ndarray),
            ("numpy", "dtype") => Some(Self::Dtype),
            ("_codecs", "encode") => Some(Self::Encode),
            ("builtins" | "__builtin__", "bytes") => Some(Self::Bytes),
            ("builtins" | "__builtin__", "bytearray") => Some(Self::ByteArray),
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            _ => None,
        }
    }
}

/// All values of a pickle; they refer to each other by index.
pub(super) struct Heap<'a> {
    pub nodes: Vec<Node<'a>>,
    pub budget: Budget,
    /// How far the file has been read, for messages.
    pub position: usize,
}

impl<'a> Heap<'a> {
    pub fn wrong(&self, found: impl Display, expected: impl Display) -> Finding {
        Finding::new(
            format!("pickle, before byte {}", self.position),
            found,
            expected,
        )
    }

    pub fn node(&self, node: Ref) -> &Node<'a> {
        &self.nodes[node as usize]
    }

    /// As [`text_of`](Self::text_of), of a short text: a long one that many values share would be compared
    /// again and again.
    pub fn name_of(&self, node: Ref) -> Option<&str> {
        const LONGEST: usize = 256;
        match self.node(node) {
            Node::Str(text) if text.len() <= LONGEST => Some(text),
            Node::Bytes(bytes) if bytes.len() <= LONGEST => self.text_of(node),
            _ => None,
        }
    }

    /// Whether it is a string, also a Python 2 one.
    pub fn is_text(&self, node: Ref) -> bool {
        matches!(self.node(node), Node::Str(_) | Node::Bytes(_))
    }

    /// The text of a string, also of a Python 2 one.
    pub fn text_of(&self, node: Ref) -> Option<&str> {
        match self.node(node) {
            Node::Str(text) => Some(text),
            Node::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}
