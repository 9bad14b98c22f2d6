//! The members of a JSON object, where they stand.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::BadRequest;

/// One member of an object.
pub(crate) struct Member<'a> {
    /// Its name, escapes resolved.
    pub(crate) name: Cow<'a, str>,
    /// Its value, as written.
    pub(crate) value: &'a RawValue,
    /// Where the value stands, in bytes from the beginning of the text that was read.
    pub(crate) span: Range<usize>,
}

/// Reads the members of the object that `text` is, in order, duplicates included.
pub(crate) fn of_object(text: &str) -> Result<Vec<Member<'_>>, BadRequest> {
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(BadRequest::json("the body must be a JSON object"));
    }
    let Entries(entries) = serde_json::from_str(text)
        .map_err(|error| BadRequest::json(format!("the body is not valid JSON: {error}")))?;
    let origin = text.as_ptr().addr();
    let placed = entries.into_iter().map(|(Name(name), value)| {
        let start = value.get().as_ptr().addr() - origin;
        Member { name, value, span: start..start + value.get().len() }
    });
    Ok(placed.collect())
}

/// The member of a name.
pub(crate) fn find<'m, 'a>(members: &'m [Member<'a>], name: &str) -> Option<&'m Member<'a>> {
    members.iter().find(|member| member.name == name)
}

/// Refuses an object in which one of `names` stands twice, or in another case: readers differ in
/// which of them they take.
pub(crate) fn refuse_ambiguous(
    members: &[Member<'_>],
    names: &[&str],
    prefix: &str,
) -> Result<(), BadRequest> {
    for (index, member) in members.iter().enumerate() {
        let Some(meant) = names.iter().find(|name| reads_as(&member.name, name)) else { continue };
        let again = || members[..index].iter().any(|earlier| earlier.name == member.name);
        if member.name != *meant || again() {
            return Err(BadRequest::ambiguous(&format!("{prefix}{meant}")));
        }
    }
    Ok(())
}

/// Whether a reader that ignores case takes `given` for `name`; some fold U+017F and U+212A too.
fn reads_as(given: &str, name: &str) -> bool {
    given == name
        || given.eq_ignore_ascii_case(name)
        || (!given.is_ascii()
            && given.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name))
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct Entries<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor).map(Entries)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(Name<'de>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(12);
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
