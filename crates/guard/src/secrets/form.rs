//! Forms of tokens: a prefix, then parts of stated characters and lengths.

use super::class::{ALNUM, Class};

/// A piece of a token after its prefix.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// These very bytes.
    Text(&'static str),
    /// So many bytes of a class.
    Of(Class, usize, usize),
}

/// What may stand before a token, beyond what stands before every token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Anything that ends a token.
    Any,
    /// Nothing that tokens are made of: for prefixes that turn up within encoded data and paths.
    Break,
    /// So many characters and a dot, which belong to the token.
    AlnumDot(usize),
}

/// How much a form says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing else has it.
    Certain,
    /// Hardly anything else has it, if small letters, capitals and digits are in it.
    Mixed,
    /// It needs a key that names a credential or the vendor; alone it is a shape.
    Key,
    /// A CRC-32 in base62 ends it: right, it is certain; wrong, it is likely an edited one.
    Crc,
}

/// The form of a vendor's tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) kind: &'static str,
    pub(super) prefix: &'static str,
    pub(super) parts: &'static [Part],
    pub(super) before: Before,
    pub(super) proof: Proof,
    /// Whether bodies that look filled in by hand count too.
    pub(super) any_body: bool,
    /// How many bytes at its start are no part of the secret.
    pub(super) lead: usize,
}

/// A form that nothing else has.
pub(super) const fn form(kind: &'static str, prefix: &'static str, parts: &'static [Part]) -> Form {
    Form { kind, prefix, parts, before: Before::Any, proof: Proof::Certain, any_body: false, lead: 0 }
}

impl Form {
    /// The same after something.
    pub(super) const fn after(self, before: Before) -> Self {
        Self { before, ..self }
    }

    /// The same, which needs a key to be more than a shape.
    pub(super) const fn with_key(self) -> Self {
        Self { proof: Proof::Key, ..self }
    }

    /// The same, which needs all sorts of characters to be more than a shape.
    pub(super) const fn mixed(self) -> Self {
        Self { proof: Proof::Mixed, ..self }
    }

    /// The same, ended by a checksum.
    pub(super) const fn with_crc(self) -> Self {
        Self { proof: Proof::Crc, ..self }
    }

    /// The same, whatever its body looks like.
    pub(super) const fn any_body(self) -> Self {
        Self { any_body: true, ..self }
    }

    /// The same, where the first bytes are a name and no secret.
    pub(super) const fn lead(self, bytes: usize) -> Self {
        Self { lead: bytes, ..self }
    }

    /// Whether the prefix starts with these bytes.
    #[inline]
    pub(super) fn starts_with(&self, first: u8, second: u8) -> bool {
        self.prefix.as_bytes()[..2] == [first, second]
    }

    /// Where a token of this form ends that starts at `start`.
    pub(super) fn end(&self, bytes: &[u8], start: usize) -> Option<usize> {
        if !bytes[start..].starts_with(self.prefix.as_bytes()) {
            return None;
        }
        let mut at = start + self.prefix.len();
        let mut class_of_end = ALNUM;
        for part in self.parts {
            match *part {
                Part::Text(text) => {
                    if !bytes[at..].starts_with(text.as_bytes()) {
                        return None;
                    }
                    at += text.len();
                    class_of_end = ALNUM;
                }
                Part::Of(class, least, most) => {
                    let end = class.end(bytes, at, most);
                    let length = end - at;
                    if length < least {
                        return None;
                    }
                    class_of_end = if length == 0 { class_of_end } else { class };
                    at = end;
                }
            }
        }
        let goes_on = bytes.get(at).is_some_and(|next| class_of_end.or(ALNUM).has(*next));
        (!goes_on).then_some(at)
    }

    /// Where a token starts whose prefix stands at `at`, if what is before it is right.
    pub(super) fn start(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let run = super::class::RUN;
        match self.before {
            Before::Any => Some(at),
            Before::Break => (at == 0 || !run.has(bytes[at - 1]) || is_escaped(bytes, at)).then_some(at),
            Before::AlnumDot(length) => {
                let dot = at.checked_sub(1).filter(|dot| bytes[*dot] == b'.')?;
                let start = ALNUM.start(bytes, dot, dot.saturating_sub(length + 1));
                (dot - start == length).then_some(start)
            }
        }
    }
}

/// Whether the byte at `at` comes after an escape such as `\n` or `%3D`.
pub(super) fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[..at];
    matches!(before, [.., b'\\', b'n' | b'r' | b't'])
        || matches!(before, [.., b'%', high, low] if super::class::ANY_HEX.has(*high) && super::class::ANY_HEX.has(*low))
}

/// The forms by the first two bytes of their prefixes.
#[derive(Debug)]
pub(super) struct Forms {
    /// Where the forms of a bucket start among `forms`, and one more.
    starts: Box<[u16; BUCKETS + 1]>,
    forms: Vec<Form>,
}

const BUCKETS: usize = 2048;

fn bucket(first: u8, second: u8) -> usize {
    (usize::from(first) * 37 + usize::from(second) * 131) % BUCKETS
}

impl Forms {
    pub(super) fn new(forms: impl Iterator<Item = Form>) -> Self {
        let key = |form: &Form| bucket(form.prefix.as_bytes()[0], form.prefix.as_bytes()[1]);
        let mut forms: Vec<Form> = forms.collect();
        forms.sort_by_key(|form| (key(form), std::cmp::Reverse(form.prefix.len())));
        let mut starts = Box::new([0; BUCKETS + 1]);
        for (at, start) in starts.iter_mut().enumerate() {
            let before = forms.partition_point(|form| key(form) < at);
            *start = u16::try_from(before).expect("there are fewer forms than that");
        }
        Self { starts, forms }
    }

    /// The forms whose prefix may start with these bytes, the longest prefixes first.
    #[inline]
    pub(super) fn starting(&self, first: u8, second: u8) -> &[Form] {
        let bucket = bucket(first, second);
        &self.forms[usize::from(self.starts[bucket])..usize::from(self.starts[bucket + 1])]
    }
}

#[cfg(test)]
mod tests {
    use super::super::class::{HEX, URL};
    use super::*;

    #[test]
    fn a_form_ends_where_it_must() {
        let form = form("k", "ab_", &[Part::Of(HEX, 4, 4), Part::Text("-"), Part::Of(URL, 2, 5)]);
        assert_eq!(form.end(b"ab_12ef-xY_9", 0), Some(12));
        assert_eq!(form.end(b"ab_12ef-xY_9 ", 0), Some(12));
        assert_eq!(form.end(b"ab_12ef-xY_9zz", 0), None, "too long");
        assert_eq!(form.end(b"ab_12e-xY_9", 0), None, "too short");
        assert_eq!(form.end(b"ab_12ef-", 0), None);
    }

    #[test]
    fn what_stands_before_counts() {
        let broken = form("k", "AA", &[]).after(Before::Break);
        assert_eq!(broken.start(b"/AA", 1), None);
        assert_eq!(broken.start(b"=AA", 1), Some(1));
        assert_eq!(broken.start(b"\\nAA", 2), Some(2));
    }
}
