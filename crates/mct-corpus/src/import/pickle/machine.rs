//! The stack machine that a pickle is a program for.

use std::borrow::Cow;
use std::collections::HashMap;

use super::heap::{Budget, Global, Heap, Node, Ref, most_memory};
use super::text::{unescape_string, unescape_unicode};
use super::tree::Tree;
use crate::error::Finding;

/// About what an entry of the memo takes.
const MEMO_BYTES: usize = 32;

/// The newest protocol there is.
const PROTOCOL: u8 = 5;

/// Reads a pickle of protocol 0 to 5. What follows its end is ignored, as Python does.
pub(in crate::import) fn read(input: &[u8]) -> Result<Tree<'_>, Finding> {
    let mut machine = Machine {
        input,
        heap: Heap {
            nodes: Vec::new(),
            budget: Budget::of(input.len()),
            position: 0,
        },
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        items: 0,
    };
    loop {
        if let Some(root) = machine.step()? {
            return Ok(Tree {
                heap: machine.heap,
                root,
            });
        }
    }
}

struct Machine<'a> {
    input: &'a [u8],
    heap: Heap<'a>,
    stack: Vec<Ref>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<usize, Ref>,
    /// References in lists, tuples and dicts.
    items: usize,
}

impl<'a> Machine<'a> {
    /// Refuses a file whose values take far more memory than itself.
    fn require_memory(&self) -> Result<(), Finding> {
        let used = self.heap.nodes.len() * size_of::<Node<'_>>()
            + (self.stack.len() + self.items) * size_of::<Ref>()
            + self.marks.len() * size_of::<usize>()
            + self.memo.len() * MEMO_BYTES;
        let most = most_memory(self.input.len());
        if used > most {
            let found = format!(
                "{used} bytes of Python values in a file of {}",
                self.input.len()
            );
            let expected = "features in numpy arrays, not in lists of numbers";
            return Err(self.heap.wrong(found, expected));
        }
        Ok(())
    }

    /// Runs one instruction; returns the result after the last one.
    fn step(&mut self) -> Result<Option<Ref>, Finding> {
        self.require_memory()?;
        let [opcode] = self.chunk()?;
        match opcode {
            // Control.
            b'.' => return self.pop().map(Some),       // STOP
            0x80 => self.protocol()?,                  // PROTO
            0x95 => _ = self.take(8)?,                 // FRAME, a hint for buffered reading
            b'(' => self.marks.push(self.stack.len()), // MARK
            b'1' => _ = self.pop_mark()?,              // POP_MARK
            b'0' => self.discard()?,                   // POP
            b'2' => {
                let top = self.top()?;
                self.stack.push(top); // DUP
            }

            // Plain values.
            b'N' => self.push(Node::None)?,
            0x88 => self.push(Node::Bool(true))?,  // NEWTRUE
            0x89 => self.push(Node::Bool(false))?, // NEWFALSE
            b'I' => self.int_line()?,
            b'L' => {
                let line = self.line_text()?;
                let number = self.parsed(line.strip_suffix('L').unwrap_or(line))?;
                self.push(Node::Int(number))?;
            }
            b'F' => {
                let line = self.line_text()?;
                let number = self.parsed(line)?;
                self.push(Node::Float(number))?;
            }
            b'K' | b'M' => {
                let number = self.unsigned(if opcode == b'K' { 1 } else { 2 })?; // BININT1, 2
                self.push(Node::Int(number as i64))?;
            }
            b'J' => {
                let number = i32::from_le_bytes(self.chunk()?); // BININT
                self.push(Node::Int(number.into()))?;
            }
            0x8A | 0x8B => self.long(if opcode == 0x8A { 1 } else { 4 })?, // LONG1, LONG4
            b'G' => {
                let number = f64::from_be_bytes(self.chunk()?); // BINFLOAT
                self.push(Node::Float(number))?;
            }

            // Bytes and text. Strings of Python 2 (S, U, T) are bytes.
            b'S' => {
                let bytes = unescape_string(self.line()?);
                let bytes =
                    bytes.ok_or_else(|| self.heap.wrong("a broken string", "quoted text"))?;
                self.push(Node::Bytes(Cow::Owned(bytes)))?;
            }
            b'V' => {
                let text = unescape_unicode(self.line()?);
                let text =
                    text.ok_or_else(|| self.heap.wrong("a broken string", "Unicode text"))?;
                self.push(Node::Str(Cow::Owned(text)))?;
            }
            b'U' | b'C' => self.bytes(1)?, // SHORT_BINSTRING, SHORT_BINBYTES
            b'T' | b'B' => self.bytes(4)?, // BINSTRING, BINBYTES
            0x8E | 0x96 => self.bytes(8)?, // BINBYTES8, BYTEARRAY8
            0x8C => self.text(1)?,         // SHORT_BINUNICODE
            b'X' => self.text(4)?,         // BINUNICODE
            0x8D => self.text(8)?,         // BINUNICODE8

            // Containers.
            b']' => self.push(Node::List(Vec::new()))?,
            b'}' => self.push(Node::Dict(Vec::new()))?,
            b')' => self.push(Node::Tuple(Vec::new()))?,
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::List(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items))?;
            }
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3); // TUPLE1, 2, 3
                for _ in 0x85..=opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push(Node::Tuple(items))?;
            }
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Node::Dict(Vec::new()))?;
                self.set_items(&items)?;
            }
            b'a' => {
                let item = self.pop()?; // APPEND
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.pop_mark()?; // APPENDS
                self.append(items)?;
            }
            b's' => {
                let value = self.pop()?; // SETITEM
                let key = self.pop()?;
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?; // SETITEMS
                self.set_items(&items)?;
            }

            // Memo.
            b'p' | b'q' | b'r' | 0x94 => {
                let key = match opcode {
                    0x94 => self.memo.len(), // MEMOIZE
                    _ => self.memo_key(opcode - b'p')?,
                };
                let top = self.top()?;
                self.memo.insert(key, top);
            }
            b'g' | b'h' | b'j' => {
                let key = self.memo_key(match opcode {
                    b'g' => 0,
                    b'h' => 1,
                    _ => 2,
                })?;
                let found = self.memo.get(&key).copied();
                let expected = "one that was stored";
                let node = found.ok_or_else(|| {
                    self.heap
                        .wrong(format!("value {key} of the memo"), expected)
                })?;
                self.stack.push(node);
            }

            // Calls, as far as arrays need them.
            b'c' => {
                let module = self.line_text()?;
                let name = self.line_text()?;
                let global = self.global(module, name)?;
                self.push(Node::Global(global))?;
            }
            0x93 => {
                let name = self.pop()?; // STACK_GLOBAL
                let module = self.pop()?;
                let (Some(module), Some(name)) =
                    (self.heap.text_of(module), self.heap.text_of(name))
                else {
                    return Err(self.heap.wrong("a global without a name", "text"));
                };
                let global = self.global(module, name)?;
                self.push(Node::Global(global))?;
            }
            b'R' => {
                let arguments = self.pop()?; // REDUCE
                let function = self.pop()?;
                let node = self.heap.call(function, arguments)?;
                self.push(node)?;
            }
            b'b' => {
                let state = self.pop()?; // BUILD
                let object = self.top()?;
                let node = self.heap.build(object, state)?;
                self.heap.nodes[object as usize] = node;
            }
            _ => {
                let found = format!("opcode 0x{opcode:02x}");
                return Err(self
                    .heap
                    .wrong(found, "one that numpy arrays or plain data need"));
            }
        }
        Ok(None)
    }

    // Reading.

    fn take(&mut self, length: usize) -> Result<&'a [u8], Finding> {
        let input = self.input;
        let taken = input
            .get(self.heap.position..)
            .and_then(|rest| rest.get(..length));
        let expected = "more bytes";
        let taken = taken.ok_or_else(|| self.heap.wrong("the end of the file", expected))?;
        self.heap.position += length;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Finding> {
        let mut chunk = [0; N];
        chunk.copy_from_slice(self.take(N)?);
        Ok(chunk)
    }

    /// A number of `width` bytes (8 at most).
    fn unsigned(&mut self, width: usize) -> Result<u64, Finding> {
        let mut word = [0; 8];
        word[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(word))
    }

    /// Bytes with their length, a number of `width` bytes, before them.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], Finding> {
        let length = self.unsigned(width)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn line(&mut self) -> Result<&'a [u8], Finding> {
        let rest = self.input.get(self.heap.position..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.heap.wrong("the end of the file", "the end of a line"))?;
        let line = self.take(end)?;
        self.take(1)?;
        Ok(line)
    }

    fn line_text(&mut self) -> Result<&'a str, Finding> {
        let line = self.line()?;
        std::str::from_utf8(line).map_err(|error| self.heap.wrong(error, "UTF-8"))
    }

    fn parsed<T: std::str::FromStr>(&self, text: &str) -> Result<T, Finding> {
        text.parse().map_err(|_| {
            self.heap
                .wrong(format!("`{}`", text.escape_debug()), "a number of 64 bits")
        })
    }

    fn protocol(&mut self) -> Result<(), Finding> {
        let [version] = self.chunk()?;
        if version > PROTOCOL {
            let expected = format!("0 to {PROTOCOL}");
            return Err(self.heap.wrong(format!("protocol {version}"), expected));
        }
        Ok(())
    }

    fn int_line(&mut self) -> Result<(), Finding> {
        let line = self.line_text()?;
        let node = match line {
            "00" => Node::Bool(false),
            "01" => Node::Bool(true),
            _ => Node::Int(self.parsed(line)?),
        };
        self.push(node)
    }

    fn long(&mut self, width: usize) -> Result<(), Finding> {
        let bytes = self.counted(width)?;
        let negative = bytes.last().is_some_and(|last| *last >= 0x80);
        let mut word = [if negative { 0xFF } else { 0 }; 8];
        let Some(low) = word.get_mut(..bytes.len()) else {
            let found = format!("an integer of {} bytes", bytes.len());
            return Err(self.heap.wrong(found, "8 bytes or fewer"));
        };
        low.copy_from_slice(bytes);
        self.push(Node::Int(i64::from_le_bytes(word)))
    }

    fn bytes(&mut self, width: usize) -> Result<(), Finding> {
        let bytes = self.counted(width)?;
        self.push(Node::Bytes(Cow::Borrowed(bytes)))
    }

    fn text(&mut self, width: usize) -> Result<(), Finding> {
        let bytes = self.counted(width)?;
        let text = std::str::from_utf8(bytes).map_err(|error| self.heap.wrong(error, "UTF-8"))?;
        self.push(Node::Str(Cow::Borrowed(text)))
    }

    /// The key of a memo instruction, as a line (0), one byte (1) or four (2).
    fn memo_key(&mut self, form: u8) -> Result<usize, Finding> {
        if form == 0 {
            let line = self.line_text()?;
            return self.parsed(line);
        }
        let key = self.unsigned(if form == 1 { 1 } else { 4 })?;
        Ok(usize::try_from(key).unwrap_or(usize::MAX))
    }

    fn global(&self, module: &str, name: &str) -> Result<Global, Finding> {
        Global::resolve(module, name).ok_or_else(|| {
            let (module, name) = (module.escape_debug(), name.escape_debug());
            self.heap.wrong(
                format!("the global {module}.{name}"),
                "a numpy array or plain data",
            )
        })
    }

    // The stack.

    fn push(&mut self, node: Node<'a>) -> Result<(), Finding> {
        let next = Ref::try_from(self.heap.nodes.len()).ok();
        let Some(next) = next else {
            return Err(self.heap.wrong("too many values", "a corpus in arrays"));
        };
        self.heap.nodes.push(node);
        self.stack.push(next);
        Ok(())
    }

    /// The items above the last mark.
    fn above_mark(&self) -> &[Ref] {
        let mark = self.marks.last().copied().unwrap_or(0);
        self.stack.get(mark..).unwrap_or_default()
    }

    fn top(&self) -> Result<Ref, Finding> {
        let top = self.above_mark().last().copied();
        top.ok_or_else(|| self.heap.wrong("an empty stack", "a value on it"))
    }

    fn pop(&mut self) -> Result<Ref, Finding> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Result<Vec<Ref>, Finding> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| self.heap.wrong("no mark", "a mark on the stack"))?;
        self.items += self.stack.len().saturating_sub(mark);
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// Drops the top value, or the mark where there is none above it.
    fn discard(&mut self) -> Result<(), Finding> {
        if self.above_mark().is_empty() && self.marks.pop().is_some() {
            return Ok(());
        }
        self.pop()?;
        Ok(())
    }

    fn append(&mut self, items: Vec<Ref>) -> Result<(), Finding> {
        let list = self.top()?;
        match &mut self.heap.nodes[list as usize] {
            Node::List(values) => {
                values.extend(items);
                Ok(())
            }
            _ => Err(self.heap.wrong("items for what is no list", "a list")),
        }
    }

    fn set_items(&mut self, items: &[Ref]) -> Result<(), Finding> {
        let dict = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        match &mut self.heap.nodes[dict as usize] {
            Node::Dict(entries) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(self
                .heap
                .wrong("entries for what is no dict", "a dict, keys with values")),
        }
    }
}
