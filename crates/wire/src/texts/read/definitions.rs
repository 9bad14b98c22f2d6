//! What describes tools, their arguments and the form of answers.
//!
//! A model reads all of it. Names that calls must repeat are read, too, and stay as they are.

use super::{Reader, is_plain_name};
use crate::texts::tape::Kind;
use crate::texts::{Channel, Form};

/// A label is not longer.
const LONGEST_LABEL: usize = 64;

/// What an object in a definition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// A tool, or what holds some.
    Tool,
    /// A JSON schema.
    Schema,
    /// The schemas of members, by their names.
    Members,
}

impl Reader<'_, '_> {
    /// Tools, or the form of an answer.
    pub(super) fn definitions(&mut self, node: usize) {
        self.defined(node, Level::Tool);
    }

    fn defined(&mut self, node: usize, level: Level) {
        match self.tape.node(node).kind {
            Kind::String { .. } => self.text(node, Channel::ToolDefinition, false),
            Kind::Array => self.tape.elements(node).for_each(|element| self.defined(element, level)),
            Kind::Object => {
                for (name, value) in self.tape.members(node) {
                    self.names(name);
                    self.member(name, value, level);
                }
            }
            Kind::Numbers | Kind::Number | Kind::Word => {}
        }
    }

    fn member(&mut self, name: usize, value: usize, level: Level) {
        let is_text = matches!(self.tape.node(value).kind, Kind::String { .. });
        match (level, &*self.spelled(name)) {
            (Level::Members, _) => self.defined(value, Level::Schema),
            (_, "type" | "format") if self.is_label(value) => {}
            (_, "$ref" | "$schema" | "$id") if is_text => {}
            (Level::Schema, "properties" | "patternProperties" | "$defs" | "definitions") => {
                self.defined(value, Level::Members);
            }
            (Level::Schema, "default" | "const" | "enum" | "example" | "examples")
            | (Level::Tool, "input_examples") => self.leaves(None, self.tape, value, Channel::ToolDefinition),
            (Level::Schema, "required") | (Level::Tool, "name" | "allowed_tools" | "tool_names") => {
                self.names(value);
            }
            (Level::Tool, "parameters" | "input_schema" | "output_schema" | "schema") => {
                self.defined(value, Level::Schema);
            }
            (Level::Tool, name) if is_operators(name) => {}
            _ => self.defined(value, level),
        }
    }

    /// Names that calls must repeat.
    fn names(&mut self, node: usize) {
        match self.tape.node(node).kind {
            Kind::String { .. } if !is_plain_name(&self.spelled(node)) => {
                self.place(None, self.tape, node, Channel::ToolDefinition, Form::Name);
            }
            Kind::Array => self.tape.elements(node).for_each(|element| self.names(element)),
            Kind::Object => self.tape.members(node).for_each(|(_, value)| self.names(value)),
            _ => {}
        }
    }

    /// Whether a value is one of the words that schemas are made of, or a list of such.
    fn is_label(&self, node: usize) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        match self.tape.node(node).kind {
            Kind::String { .. } => {
                let label = self.spelled(node);
                label.len() <= LONGEST_LABEL && label.bytes().all(is_plain)
            }
            Kind::Array => self.tape.elements(node).all(|element| self.is_label(element)),
            _ => false,
        }
    }
}

/// Whether a member of a tool is for those who run it, and not for the model.
fn is_operators(name: &str) -> bool {
    let known =
        ["authorization", "authorization_token", "headers", "server_url", "cache_control", "container"];
    known.contains(&name) || name.ends_with("_id") || name.ends_with("_ids")
}
