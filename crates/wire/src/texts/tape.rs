//! A JSON document as a flat list of where its values stand, read in one pass.

use std::sync::OnceLock;

use super::Unreadable;
use super::literal::special;

/// How deep values may be nested: what is deeper is refused by most readers, too.
pub(crate) const MAX_DEPTH: usize = 128;
/// How many values a document may have. Numbers in lists of nothing but numbers do not count.
const MAX_NODES: usize = 1 << 20;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    /// A list of nothing but numbers, at least one. They have no nodes of their own.
    Numbers,
    /// A text; a member's name too. `plain` says that it has no escapes.
    String {
        plain: bool,
    },
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// A value, or the name of a member, which stands before its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Where it begins; that of a text at its quote.
    pub(crate) start: u32,
    /// Where it ends.
    pub(crate) end: u32,
    /// The first node behind it that is not inside of it.
    pub(crate) next: u32,
    pub(crate) kind: Kind,
}

/// The values of a document, in the order in which they begin. The first is the document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tape {
    nodes: Vec<Node>,
    /// Where each of them is, once somebody asked.
    spots: OnceLock<Vec<Spot>>,
}

/// Where a value or a name is among its siblings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The object or the list that it is in.
    pub(crate) parent: u32,
    /// How many members or elements are before it.
    pub(crate) index: u32,
    /// Whether it is the name of a member.
    pub(crate) is_name: bool,
}

impl Tape {
    /// Reads a document.
    pub(crate) fn of(text: &str) -> Result<Self, Unreadable> {
        if u32::try_from(text.len()).is_err() {
            return Err(Unreadable::TooMuch);
        }
        let nodes = Vec::with_capacity((text.len() / 48).clamp(8, 4096));
        let mut builder = Builder { bytes: text.as_bytes(), at: 0, nodes, open: Vec::with_capacity(8) };
        builder.document()?;
        Ok(Self { nodes: builder.nodes, spots: OnceLock::new() })
    }

    pub(crate) fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// How many values and names there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where a node is. To know it of one takes a look at all of them, so that is done once.
    pub(crate) fn spot(&self, node: usize) -> Spot {
        self.spots.get_or_init(|| self.all_spots())[node]
    }

    fn all_spots(&self) -> Vec<Spot> {
        let mut spots = vec![Spot::default(); self.nodes.len()];
        for parent in 0..self.nodes.len() {
            for (index, (name, value)) in self.members(parent).enumerate() {
                let spot = Spot { parent: short(parent), index: short(index), is_name: false };
                (spots[name], spots[value]) = (Spot { is_name: true, ..spot }, spot);
            }
            for (index, element) in self.elements(parent).enumerate() {
                spots[element] = Spot { parent: short(parent), index: short(index), is_name: false };
            }
        }
        spots
    }

    /// The elements of a list.
    pub(crate) fn elements(&self, array: usize) -> Elements<'_> {
        let Node { kind, next, .. } = self.nodes[array];
        let upto = if kind == Kind::Array { next as usize } else { array + 1 };
        Elements { tape: self, at: array + 1, upto }
    }

    /// The members of an object: the nodes of their names and of their values.
    pub(crate) fn members(&self, object: usize) -> impl Iterator<Item = (usize, usize)> {
        let Node { kind, next, .. } = self.nodes[object];
        let upto = if kind == Kind::Object { next as usize } else { object + 1 };
        let mut at = object + 1;
        std::iter::from_fn(move || {
            let name = (at < upto).then_some(at)?;
            at = self.nodes[name + 1].next as usize;
            Some((name, name + 1))
        })
    }
}

/// The elements of a list, in order.
pub(crate) struct Elements<'t> {
    tape: &'t Tape,
    at: usize,
    upto: usize,
}

impl Iterator for Elements<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let element = (self.at < self.upto).then_some(self.at)?;
        self.at = self.tape.nodes[element].next as usize;
        Some(element)
    }
}

struct Builder<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The objects and lists that are not closed yet.
    open: Vec<usize>,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    CommaOrEnd,
}

impl Builder<'_> {
    fn document(&mut self) -> Result<(), Unreadable> {
        let mut next = Next::Value;
        loop {
            self.skip_blanks();
            let Some(&byte) = self.bytes.get(self.at) else { return Err(Unreadable::NotJson) };
            next = match (next, byte) {
                (Next::Value | Next::ValueOrEnd, b'{') => {
                    self.begin(Kind::Object)?;
                    Next::NameOrEnd
                }
                (Next::Value | Next::ValueOrEnd, b'[') => self.array()?,
                (Next::ValueOrEnd, b']') | (Next::NameOrEnd, b'}') => self.end(byte)?,
                (Next::Value | Next::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    Next::CommaOrEnd
                }
                (Next::Name | Next::NameOrEnd, b'"') => {
                    self.string()?;
                    self.skip_blanks();
                    if self.bytes.get(self.at) != Some(&b':') {
                        return Err(Unreadable::NotJson);
                    }
                    self.at += 1;
                    Next::Value
                }
                (Next::CommaOrEnd, b',') => {
                    self.at += 1;
                    if self.in_object() { Next::Name } else { Next::Value }
                }
                (Next::CommaOrEnd, b'}' | b']') => self.end(byte)?,
                _ => return Err(Unreadable::NotJson),
            };
            if self.open.is_empty() {
                self.skip_blanks();
                return if self.at == self.bytes.len() { Ok(()) } else { Err(Unreadable::NotJson) };
            }
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn in_object(&self) -> bool {
        self.open.last().is_some_and(|open| self.nodes[*open].kind == Kind::Object)
    }

    fn push(&mut self, kind: Kind, start: usize) -> Result<(), Unreadable> {
        if self.nodes.len() == MAX_NODES {
            return Err(Unreadable::TooMuch);
        }
        let next = self.nodes.len() + 1;
        self.nodes.push(Node { start: short(start), end: short(self.at), next: short(next), kind });
        Ok(())
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Unreadable> {
        if self.open.len() == MAX_DEPTH {
            return Err(Unreadable::TooDeep);
        }
        self.open.push(self.nodes.len());
        self.at += 1;
        self.push(kind, self.at - 1)
    }

    fn end(&mut self, byte: u8) -> Result<Next, Unreadable> {
        let Some(open) = self.open.pop() else { return Err(Unreadable::NotJson) };
        self.at += 1;
        let (end, next) = (short(self.at), short(self.nodes.len()));
        let node = &mut self.nodes[open];
        (node.end, node.next) = (end, next);
        let closed = if node.kind == Kind::Object { b'}' } else { b']' };
        if byte == closed { Ok(Next::CommaOrEnd) } else { Err(Unreadable::NotJson) }
    }

    /// A list begins. One of numbers is read to its end at once.
    fn array(&mut self) -> Result<Next, Unreadable> {
        let start = self.at;
        self.at += 1;
        loop {
            self.skip_blanks();
            let number = number_length(&self.bytes[self.at..]);
            self.at += number;
            self.skip_blanks();
            match self.bytes.get(self.at) {
                Some(b',') if number > 0 => self.at += 1,
                Some(b']') if number > 0 => {
                    self.at += 1;
                    self.push(Kind::Numbers, start)?;
                    return Ok(Next::CommaOrEnd);
                }
                _ => break,
            }
        }
        self.at = start;
        self.begin(Kind::Array)?;
        Ok(Next::ValueOrEnd)
    }

    fn scalar(&mut self, first: u8) -> Result<(), Unreadable> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let (kind, length) = match first {
            b'"' => return self.string(),
            b't' if rest.starts_with(b"true") => (Kind::Word, 4),
            b'n' if rest.starts_with(b"null") => (Kind::Word, 4),
            b'f' if rest.starts_with(b"false") => (Kind::Word, 5),
            _ => (Kind::Number, number_length(rest)),
        };
        if length == 0 {
            return Err(Unreadable::NotJson);
        }
        self.at += length;
        self.push(kind, start)
    }

    fn string(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        let mut plain = true;
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let run = special(rest).ok_or(Unreadable::NotJson)?;
            self.at += run + 1;
            if rest[run] == b'"' {
                return self.push(Kind::String { plain }, start);
            }
            plain = false;
            self.at += escape_length(&rest[run + 1..]).ok_or(Unreadable::NotJson)?;
        }
    }
}

/// How long the escape is whose backslash stands before `rest`.
pub(crate) fn escape_length(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(1),
        b'u' if rest.len() >= 5 && rest[1..5].iter().all(u8::is_ascii_hexdigit) => Some(5),
        _ => None,
    }
}

/// How long the number is that `rest` begins with; 0 if it begins with none.
pub(crate) fn number_length(rest: &[u8]) -> usize {
    let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(rest.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && rest[at] == b'0') {
        return 0;
    }
    at += whole;
    if rest.get(at) == Some(&b'.') {
        match digits(at + 1) {
            0 => return 0,
            count => at += 1 + count,
        }
    }
    if let Some(b'e' | b'E') = rest.get(at) {
        at += 1 + usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
        match digits(at) {
            0 => return 0,
            count => at += count,
        }
    }
    at
}

/// Lengths fit, because longer documents are refused.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn refused(text: &str) -> Unreadable {
        Tape::of(text).unwrap_err()
    }

    #[test]
    fn values_and_names_stand_in_order() {
        let text = r#" {"a" : [1, -2.5e+3] , "b\n":{"c":[true,""]}} "#;
        let tape = Tape::of(text).unwrap();
        let texts: Vec<_> = (0..tape.nodes.len())
            .map(|index| {
                let node = tape.node(index);
                (&text[node.start as usize..node.end as usize], node.next)
            })
            .collect();
        assert_eq!(
            texts,
            [
                (text.trim(), 9),
                (r#""a""#, 2),
                ("[1, -2.5e+3]", 3),
                (r#""b\n""#, 4),
                (r#"{"c":[true,""]}"#, 9),
                (r#""c""#, 6),
                (r#"[true,""]"#, 9),
                ("true", 8),
                (r#""""#, 9)
            ]
        );
        let members: Vec<_> = tape.members(0).collect();
        assert_eq!(members, [(1, 2), (3, 4)]);
        assert_eq!(tape.elements(6).collect::<Vec<_>>(), [7, 8]);
        assert_eq!((tape.elements(2).count(), tape.members(7).count()), (0, 0));
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Tape::of(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(refused(&deep(MAX_DEPTH + 1)), Unreadable::TooDeep);
        assert_eq!(refused(&format!("[{}1]", "\"\",".repeat(MAX_NODES))), Unreadable::TooMuch);
        assert_eq!(Tape::of(&format!("[{}1]", "1,".repeat(MAX_NODES))).unwrap().nodes.len(), 1);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":1,}",
            "[}",
            "01",
            "1.",
            "-",
            "1e",
            "tru",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "{} x",
            "]",
            "nulll",
        ] {
            assert_eq!(refused(text), Unreadable::NotJson, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_others_read(text in r#"[\[\]{}:,"\\a0-2.eE+nulltruefs \n-]{0,24}"#) {
            let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            // Line ends in a text are all that it minds less.
            let ours = Tape::of(&text).is_ok();
            prop_assert!(ours == theirs || (ours && text.contains('\n')), "{text}");
        }
    }
}
