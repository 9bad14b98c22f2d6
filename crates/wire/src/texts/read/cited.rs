//! What an answer refers to, and what a model thought.

use super::Reader;
use crate::texts::Channel;
use crate::texts::tape::Kind;

impl Reader<'_, '_> {
    /// Every text of what refers to something, but for the labels that only programs read.
    pub(super) fn cited(&mut self, node: usize, channel: Channel) {
        match self.tape.node(node).kind {
            Kind::String { .. } if !is_encoded(&self.spelled(node)) => self.text(node, channel, false),
            Kind::Array => self.tape.elements(node).for_each(|element| self.cited(element, channel)),
            Kind::Object => {
                for (name, value) in self.tape.members(node) {
                    let is_text = matches!(self.tape.node(value).kind, Kind::String { .. });
                    if !(is_text && is_label(&self.spelled(name))) {
                        self.cited(value, channel);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a model thought, in pieces of several kinds. Some are encrypted.
    pub(super) fn reasoning_details(&mut self, node: usize) {
        for element in self.tape.elements(node) {
            self.reasoning_details(element);
        }
        let says = |(name, value): (usize, usize)| {
            self.spelled(name) == "type" && self.spelled(value) == "reasoning.encrypted"
        };
        let is_encrypted = self.tape.members(node).any(says);
        for (name, value) in self.tape.members(node) {
            match &*self.spelled(name) {
                "format" => {}
                "data" if is_encrypted => {}
                name if is_label(name) => {}
                _ => self.cited(value, Channel::Reasoning),
            }
        }
    }
}

/// Whether a member of a name is a label, or means something to its vendor alone.
fn is_label(name: &str) -> bool {
    matches!(name, "type" | "id" | "signature") || name.ends_with("_id") || name.starts_with("encrypted_")
}

/// Whether a text is a picture or a file.
fn is_encoded(text: &str) -> bool {
    text.starts_with("data:") && text.bytes().take(100).any(|byte| byte == b',') && text.contains(";base64,")
}
