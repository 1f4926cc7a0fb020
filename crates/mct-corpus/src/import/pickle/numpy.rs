//! The calls with which Python writes numpy arrays, and the only ones that are understood.

use std::borrow::Cow;

use super::heap::{ArrayNode, Global, Heap, Node, Ref};
use crate::error::Finding;
use crate::import::array::{Array, Dtype, Kind, Order, byte_count};

/// numpy's own limit.
const MOST_DIMENSIONS: usize = 64;

impl<'a> Heap<'a> {
    /// What `function` makes of `arguments`.
    pub(super) fn call(&self, function: Ref, arguments: Ref) -> Result<Node<'a>, Finding> {
        let (Node::Global(global), Node::Tuple(arguments)) =
            (self.node(function), self.node(arguments))
        else {
            return Err(self.wrong("a call of a value", "a numpy array or plain data"));
        };
        match (global, arguments.as_slice()) {
            (Global::Reconstruct, [class, _, _])
                if matches!(self.node(*class), Node::Global(Global::Ndarray)) =>
            {
                Ok(Node::Unbuilt)
            }
            (Global::FromBuffer, [data, dtype, shape, order, axes @ ..]) if axes.len() < 2 => {
                let order = match (self.name_of(*order), axes) {
                    (Some("C"), _) => Order::LastFastest,
                    (Some("F"), _) => Order::FirstFastest,
                    // Since numpy 2.3: the shape in memory, and which of its dimensions comes where.
                    (Some("K"), [axes]) => Order::Transposed(self.whole_numbers(*axes)?),
                    _ => return Err(self.wrong("another memory order", "C, F, or K with axes")),
                };
                self.array(*data, *dtype, *shape, order)
            }
            (Global::Dtype, [code, ..]) => self.dtype(*code),
            (Global::Scalar, [dtype, data]) => self.scalar(*dtype, *data),
            (Global::Encode | Global::ByteArray, [text, encoding]) => self.encode(*text, *encoding),
            (Global::Bytes | Global::ByteArray, []) => Ok(Node::Bytes(Cow::Borrowed(&[]))),
            (Global::ByteArray, [data]) => {
                let Node::Bytes(bytes) = self.node(*data) else {
                    return Err(self.wrong("a bytearray of something else", "bytes"));
                };
                self.budget.take(bytes.len())?;
                Ok(Node::Bytes(bytes.clone()))
            }
            (Global::OrderedDict, []) => Ok(Node::Dict(Vec::new())),
            _ => {
                let found = format!("{global:?} with {} other arguments", arguments.len());
                Err(self.wrong(found, "the call that numpy writes"))
            }
        }
    }

    /// What `object` becomes when its state is set.
    pub(super) fn build(&self, object: Ref, state: Ref) -> Result<Node<'a>, Finding> {
        match (self.node(object), self.node(state)) {
            (Node::Unbuilt, Node::Tuple(state)) => {
                let &[_, shape, dtype, fortran, data] = state.as_slice() else {
                    let found = format!("an array's state of {} parts", state.len());
                    return Err(self.wrong(found, "5 parts"));
                };
                let order = match self.node(fortran) {
                    Node::Bool(false) | Node::Int(0) => Order::LastFastest,
                    Node::Bool(true) | Node::Int(_) => Order::FirstFastest,
                    _ => return Err(self.wrong("another memory order", "true or false")),
                };
                self.array(data, dtype, shape, order)
            }
            (Node::Dtype(dtype), Node::Tuple(state)) => {
                // Version, byte order, and then what only sub-arrays and structures have.
                let &[_, order, part, names, ..] = state.as_slice() else {
                    return Err(self.wrong("a type's state of other parts", "byte order"));
                };
                let plain = |part: Ref| matches!(self.node(part), Node::None);
                if !plain(part) || !plain(names) {
                    return Err(self.wrong("a structured type", "numbers or text"));
                }
                Ok(Node::Dtype(Dtype {
                    big_endian: self.name_of(order) == Some(">"),
                    ..*dtype
                }))
            }
            _ => Err(self.wrong("the state of an object", "a numpy array or plain data")),
        }
    }

    fn dtype(&self, code: Ref) -> Result<Node<'a>, Finding> {
        let code = self.name_of(code).unwrap_or("unnamed");
        let dtype = Dtype::parse(code).ok_or_else(|| {
            let found = format!("the numpy type {}", code.escape_debug());
            self.wrong(found, "numbers or text")
        })?;
        Ok(Node::Dtype(dtype))
    }

    fn array(&self, data: Ref, dtype: Ref, shape: Ref, order: Order) -> Result<Node<'a>, Finding> {
        let Node::Dtype(dtype) = self.node(dtype) else {
            return Err(self.wrong("an array without a type", "a type"));
        };
        let shape = self.whole_numbers(shape)?;
        // A shape may say anything.
        let (found, needed) = match (self.node(data), dtype.kind) {
            (Node::List(items), Kind::Object) => {
                let count = shape
                    .iter()
                    .try_fold(1_usize, |count, extent| count.checked_mul(*extent));
                (items.len(), count)
            }
            (Node::Bytes(bytes), kind) if kind != Kind::Object => {
                (bytes.len(), byte_count(*dtype, &shape))
            }
            _ => return Err(self.wrong("an array without its data", "bytes or a list")),
        };
        if needed != Some(found) {
            let what = if dtype.kind == Kind::Object {
                "items"
            } else {
                "bytes"
            };
            let expected = format!("as many as a {dtype} array of shape {shape:?} has");
            return Err(self.wrong(format!("{found} {what}"), expected));
        }
        Ok(Node::Array(Box::new(ArrayNode {
            dtype: *dtype,
            shape,
            order,
            data,
        })))
    }

    /// A tuple of extents or axes.
    fn whole_numbers(&self, tuple: Ref) -> Result<Vec<usize>, Finding> {
        let (Node::Tuple(items) | Node::List(items)) = self.node(tuple) else {
            return Err(self.wrong("an array without a shape", "a tuple of whole numbers"));
        };
        if items.len() > MOST_DIMENSIONS {
            let found = format!("{} dimensions", items.len());
            return Err(self.wrong(found, format!("{MOST_DIMENSIONS} or fewer")));
        }
        let number = |item: &Ref| match self.node(*item) {
            Node::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        };
        let numbers: Option<Vec<usize>> = items.iter().map(number).collect();
        numbers.ok_or_else(|| self.wrong("a shape of other things", "whole numbers"))
    }

    fn scalar(&self, dtype: Ref, data: Ref) -> Result<Node<'a>, Finding> {
        let (Node::Dtype(dtype), Node::Bytes(data)) = (self.node(dtype), self.node(data)) else {
            return Err(self.wrong("a scalar without type or bytes", "both"));
        };
        self.budget.take(data.len())?;
        let item = Array::new(
            "scalar",
            *dtype,
            Vec::new(),
            &Order::LastFastest,
            Cow::Borrowed(&**data),
        )?;
        if dtype.is_number() {
            let numbers = item.numbers()?;
            return Ok(Node::Float(numbers.first().copied().unwrap_or(f64::NAN)));
        }
        let text = item.texts()?.pop().unwrap_or_default();
        Ok(Node::Str(Cow::Owned(text)))
    }

    fn encode(&self, text: Ref, encoding: Ref) -> Result<Node<'a>, Finding> {
        let latin1 = matches!(self.name_of(encoding), Some("latin1" | "latin-1"));
        let Node::Str(text) = self.node(text) else {
            return Err(self.wrong("encoding of what is no text", "text"));
        };
        self.budget.take(text.len())?;
        let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
        match bytes {
            Some(bytes) if latin1 => Ok(Node::Bytes(Cow::Owned(bytes))),
            _ => Err(self.wrong("text in another encoding", "latin1")),
        }
    }
}
