//! What an event of a stream says about texts, in the words of all formats.

use std::borrow::Cow;

use super::track::Key;
use crate::texts::read::Manner;
use crate::texts::tape::{Kind, Tape};

/// The texts of an event.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Texts that begin anew: what had their key is over before the event.
    pub(super) renewed: Vec<Key>,
    /// Texts that go on, and where.
    pub(super) deltas: Vec<(usize, Key)>,
    /// Texts that are repeated as a whole, and where.
    pub(super) repeats: Vec<(usize, Key)>,
    /// Whether what is repeated is complete: a text that never came in pieces comes with this event.
    pub(super) is_complete: bool,
    /// What holds texts that are there as a whole, and what it is.
    pub(super) wholes: Vec<(usize, Manner)>,
    /// Which texts are over with this event.
    pub(super) ends: Vec<Ends>,
    /// Where the event's number is.
    pub(super) number: Option<usize>,
}

/// Which texts are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    All,
    Group(u64),
    One(Key),
}

impl Ends {
    pub(super) fn with(self, key: Key) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => key.group == group,
            Self::One(one) => key == one,
        }
    }
}

/// An event's data.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) tape: &'a Tape,
}

impl<'a> Document<'a> {
    /// The member of a name; the last of them, as most readers take it.
    pub(super) fn get(self, object: usize, name: &str) -> Option<usize> {
        let is_meant = |(node, _): &(usize, usize)| self.text(*node).is_some_and(|text| text == name);
        self.tape.members(object).filter(is_meant).last().map(|(_, value)| value)
    }

    /// Members that others of the same name overrule, because readers take the last.
    pub(super) fn overruled(self) -> Vec<usize> {
        let mut overruled = Vec::new();
        for object in 0..self.tape.len() {
            let members = self.tape.members(object);
            let mut members: Vec<_> = members.map(|(name, value)| (self.text(name), value)).collect();
            members.sort_unstable();
            let is_overruled = |pair: &&[(Option<Cow<'_, str>>, usize)]| pair[0].0 == pair[1].0;
            overruled.extend(members.windows(2).filter(is_overruled).map(|pair| pair[0].1));
        }
        overruled
    }

    /// A member that is a text and not empty.
    pub(super) fn text_of(self, object: usize, name: &str) -> Option<Cow<'a, str>> {
        self.text(self.get(object, name)?).filter(|text| !text.is_empty())
    }

    pub(super) fn text(self, node: usize) -> Option<Cow<'a, str>> {
        self.tape.node(node).text(self.text)
    }

    pub(super) fn is_text(self, node: usize) -> bool {
        matches!(self.tape.node(node).kind, Kind::String { .. })
    }

    /// A member that is a text, empty or not.
    pub(super) fn literal(self, object: usize, name: &str) -> Option<usize> {
        self.get(object, name).filter(|node| self.is_text(*node))
    }

    pub(super) fn raw(self, node: usize) -> &'a str {
        &self.text[self.tape.node(node).range()]
    }

    /// The same in one line: outside of texts, where JSON has line ends, a blank means the same.
    pub(super) fn line(self, node: usize) -> String {
        self.raw(node).replace(['\n', '\r'], " ")
    }

    pub(super) fn number(self, object: usize, name: &str) -> Option<u64> {
        self.raw(self.get(object, name)?).parse().ok()
    }

    pub(super) fn elements(self, object: usize, name: &str) -> impl Iterator<Item = usize> {
        self.get(object, name).into_iter().flat_map(move |array| self.tape.elements(array))
    }

    /// Whether a member is there and says something.
    pub(super) fn says(self, object: usize, name: &str) -> bool {
        self.get(object, name).is_some_and(|node| self.raw(node) != "null")
    }
}
