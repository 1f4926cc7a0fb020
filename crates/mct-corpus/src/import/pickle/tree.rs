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

    /// The entry `key` of a dict. As in Python the last one counts, and None is no value.
    pub fn get(self, key: &str) -> Option<Self> {
        let Node::Dict(entries) = self.node() else {
            return None;
        };
        let is_key = |node: Ref| match self.tree.node(node) {
            Node::Str(text) => text == key,
            Node::Bytes(bytes) => **bytes == *key.as_bytes(),
            _ => false,
        };
        let entry = entries.iter().rev().find(|(name, _)| is_key(*name))?;
        let value = self.at(entry.1);
        (!matches!(value.node(), Node::None)).then_some(value)
    }

    /// The shape of a numpy array; `None` for everything else.
    pub fn shape(self) -> Option<&'t [usize]> {
        match self.node() {
            Node::Array(array) => Some(&array.shape),
            _ => None,
        }
    }

    /// A numpy array of numbers or text.
    pub fn array(self, field: &str) -> Result<Array<'t>, Finding> {
        let wrong = || self.wrong(field, "a numpy array of numbers or text");
        let Node::Array(array) = self.node() else {
            return Err(wrong());
        };
        let Node::Bytes(data) = self.tree.node(array.data) else {
            return Err(wrong());
        };
        if array.fortran {
            self.tree.heap.budget.take(data.len())?;
        }
        let data = Cow::Borrowed(&**data);
        Array::new(field, array.dtype, array.shape.clone(), array.fortran, data)
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

    /// The numbers of an array of any shape, or of a list.
    pub fn numbers(self, field: &str) -> Result<Vec<f64>, Finding> {
        if self.is_packed_array() {
            let array = self.array(field)?;
            self.tree.heap.budget.take(array.bytes())?;
            return array.numbers();
        }
        let numbers = self
            .items(field)?
            .into_iter()
            .map(|item| match item.node() {
                Node::Bool(value) => Ok(f64::from(u8::from(*value))),
                Node::Int(value) => Ok(*value as f64),
                Node::Float(value) => Ok(*value),
                _ => Err(item.wrong(field, "a list of numbers")),
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

    fn text(self, field: &str) -> Result<String, Finding> {
        let text: &str = match self.node() {
            Node::Str(text) => text,
            // What Python 2 calls a string.
            Node::Bytes(bytes) => std::str::from_utf8(bytes)
                .map_err(|error| Finding::new(field, error, "text in UTF-8"))?,
            Node::Int(number) => return Ok(number.to_string()),
            Node::Float(number) => return Ok(number.to_string()),
            _ => return Err(self.wrong(field, "text")),
        };
        self.tree.heap.budget.take(text.len())?;
        Ok(text.to_owned())
    }

    /// An array whose items are not Python objects.
    fn is_packed_array(self) -> bool {
        matches!(self.node(), Node::Array(array) if array.dtype.kind != Kind::Object)
    }
}
