//! A pickle that has been read, and views of its values.

use std::borrow::Cow;

use super::heap::{Heap, Node, Ref};
use crate::error::Finding;
use crate::import::array::{Array, Kind};

/// A pickle that has been read.
pub(in crate::import) struct Tree<'a> {
    pub(super) heap: Heap<'a>,
    pub(super) root: Ref,
}

impl<'a> Tree<'a> {
    pub fn root(&self) -> Value<'_> {
        Value {
            tree: self,
            node: self.root,
        }
    }

    fn node(&self, node: Ref) -> &Node<'a> {
        self.heap.node(node)
    }
}

/// A value of a [`Tree`]. `field` is what it is called in errors.
#[derive(Clone, Copy)]
pub(in crate::import) struct Value<'t> {
    tree: &'t Tree<'t>,
    node: Ref,
}

impl<'t> Value<'t> {
    fn at(self, node: Ref) -> Self {
        Self { node, ..self }
    }

    fn node(self) -> &'t Node<'t> {
        self.tree.node(self.node)
    }

    fn wrong(self, field: &str, expected: &str) -> Finding {
        Finding::new(field, self.describe(), expected)
    }

    /// What it is, for messages.
    pub fn describe(self) -> String {
        match self.node() {
            Node::None => "None".to_owned(),
            Node::Bool(value) => value.to_string(),
            Node::Int(value) => value.to_string(),
            Node::Float(value) => value.to_string(),
            Node::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Node::Str(text) => format!("text of {} bytes", text.len()),
            Node::List(items) => format!("a list of {}", items.len()),
            Node::Tuple(items) => format!("a tuple of {}", items.len()),
            Node::Dict(entries) => format!("a dict of {}", entries.len()),
            Node::Array(array) => format!("a {} array of shape {:?}", array.dtype, array.shape),
            Node::Dtype(_) | Node::Unbuilt | Node::Global(_) => "a part of an array".to_owned(),
        }
    }

    /// The entries of a dict whose keys are short text; `None` for everything else.
    pub fn entries(self) -> Option<Vec<(&'t str, Self)>> {
        let Node::Dict(entries) = self.node() else {
            return None;
        };
        let mut named = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            match self.tree.heap.name_of(*key) {
                Some(key) => named.push((key, self.at(*value))),
                // No entry is lost without a word.
                None if self.tree.heap.is_text(*key) => return None,
                None => {}
            }
        }
        Some(named)
    }

    /// Whether it is one number, text or nothing.
    pub fn is_scalar(self) -> bool {
        let of_several = matches!(self.node(), Node::List(_) | Node::Tuple(_) | Node::Dict(_));
        !of_several && self.shape().is_none_or(<[usize]>::is_empty)
    }

    pub fn is_none(self) -> bool {
        matches!(self.node(), Node::None)
    }

    /// An array of numbers.
    pub fn is_numbers(self) -> bool {
        matches!(self.node(), Node::Array(array) if array.dtype.is_number())
    }

    /// The shape of a numpy array; `None` for everything else.
    pub fn shape(self) -> Option<&'t [usize]> {
        match self.node() {
            Node::Array(array) => Some(&array.shape),
            _ => None,
        }
    }

    /// Charges bytes that are copied out of the pickle.
    pub fn charge(self, bytes: usize) -> Result<(), Finding> {
        self.tree.heap.budget.take(bytes)
    }

    /// A numpy array of numbers or text.
    pub fn array(self, field: &str) -> Result<Array<'t>, Finding> {
        let wrong = || match self.node() {
            Node::List(_) | Node::Tuple(_) => self.wrong(
                field,
                "a numpy array of numbers or text (in Python, before it is saved: \
                 `x = [numpy.asarray(item, \"float32\") for item in x]`)",
            ),
            _ => self.wrong(field, "a numpy array of numbers or text"),
        };
        let Node::Array(array) = self.node() else {
            return Err(wrong());
        };
        let Node::Bytes(data) = self.tree.node(array.data) else {
            return Err(wrong());
        };
        let data = Cow::Borrowed(&**data);
        Array::new(field, array.dtype, array.shape.clone(), &array.order, data)
    }

    /// The items of a list, a tuple or an array of objects (of any shape).
    pub fn items(self, field: &str) -> Result<Vec<Self>, Finding> {
        let node = match self.node() {
            Node::Array(array) => self.tree.node(array.data),
            node => node,
        };
        let (Node::List(items) | Node::Tuple(items)) = node else {
            return Err(self.wrong(field, "a list"));
        };
        self.tree.heap.budget.take(items.len())?;
        Ok(items.iter().map(|item| self.at(*item)).collect())
    }

    /// The numbers of an array of any shape, or of a list; a number by itself counts as a list of one, and
    /// None as NaN.
    pub fn numbers(self, field: &str) -> Result<Vec<f64>, Finding> {
        if self.is_packed_array() {
            let array = self.array(field)?;
            self.tree.heap.budget.take(array.bytes())?;
            return array.numbers();
        }
        if let Some(number) = self.number() {
            return Ok(vec![number]);
        }
        let numbers = self.items(field)?.into_iter().map(|item| {
            let number = item.number();
            number.ok_or_else(|| item.wrong(field, "a list of numbers"))
        });
        numbers.collect()
    }

    /// The texts of an array of any shape or of a list; a text by itself counts as a list of one.
    pub fn texts(self, field: &str) -> Result<Vec<String>, Finding> {
        if self.is_packed_array() {
            let array = self.array(field)?;
            self.tree.heap.budget.take(array.bytes())?;
            return array.texts();
        }
        match self.node() {
            Node::List(_) | Node::Tuple(_) | Node::Array(_) => {
                let items = self.items(field)?.into_iter();
                items.map(|item| item.text(field)).collect()
            }
            _ => Ok(vec![self.text(field)?]),
        }
    }

    fn number(self) -> Option<f64> {
        match self.node() {
            Node::None => Some(f64::NAN),
            Node::Bool(value) => Some(f64::from(u8::from(*value))),
            Node::Int(value) => Some(*value as f64),
            Node::Float(value) => Some(*value),
            // An array without dimensions.
            Node::Array(array) if array.shape.is_empty() => {
                let number = self.array("").and_then(|array| array.numbers());
                number.ok()?.first().copied()
            }
            _ => None,
        }
    }

    fn text(self, field: &str) -> Result<String, Finding> {
        let text: &str = match self.node() {
            Node::Str(text) => text,
            // What Python 2 calls a string.
            Node::Bytes(bytes) => std::str::from_utf8(bytes)
                .map_err(|error| Finding::new(field, error, "text in UTF-8"))?,
            Node::Int(number) => return Ok(number.to_string()),
            Node::Float(number) => return Ok(number.to_string()),
            Node::None => return Ok(String::new()),
            _ => return Err(self.wrong(field, "text")),
        };
        self.tree.heap.budget.take(text.len())?;
        Ok(text.to_owned())
    }

    /// An array whose items are not Python objects.
    pub fn is_packed_array(self) -> bool {
        matches!(self.node(), Node::Array(array) if array.dtype.kind != Kind::Object)
    }
}
