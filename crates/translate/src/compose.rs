//! Writing JSON member by member, in the order the vendors' documentation shows, without a tree in
//! between.

use serde::Serialize;

use crate::Json;

/// An object under way.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

/// An array under way.
pub(crate) struct Array<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

/// Writes an object.
pub(crate) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, empty: true });
    out.push(b'}');
}

fn array(out: &mut Vec<u8>, fill: impl FnOnce(&mut Array<'_>)) {
    out.push(b'[');
    fill(&mut Array { out, empty: true });
    out.push(b']');
}

fn value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("texts, numbers and JSON can be written to memory");
}

/// Keeps what was written as a piece of JSON.
pub(crate) fn json(fill: impl FnOnce(&mut Object<'_>)) -> Json {
    let mut out = Vec::new();
    object(&mut out, fill);
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    Json::parse(&text).expect("what was composed is JSON")
}

impl Object<'_> {
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        value(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// Adds a member.
    pub(crate) fn set(&mut self, name: &str, what: &(impl Serialize + ?Sized)) {
        value(self.name(name), what);
    }

    /// Adds a member if there is one. What is absent stays absent, it does not become `null`.
    pub(crate) fn maybe(&mut self, name: &str, what: Option<&(impl Serialize + ?Sized)>) {
        if let Some(what) = what {
            self.set(name, what);
        }
    }

    /// Adds a `null`.
    pub(crate) fn null(&mut self, name: &str) {
        self.name(name).extend_from_slice(b"null");
    }

    /// Adds an object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.name(name), fill);
    }

    /// Adds an array.
    pub(crate) fn array(&mut self, name: &str, fill: impl FnOnce(&mut Array<'_>)) {
        array(self.name(name), fill);
    }
}

impl Array<'_> {
    fn next(&mut self) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, what: &(impl Serialize + ?Sized)) {
        value(self.next(), what);
    }

    /// Adds an object.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.next(), fill);
    }
}
