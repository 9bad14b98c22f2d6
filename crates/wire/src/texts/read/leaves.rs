//! Values in which everything is read.

use std::borrow::Cow;

use super::{Reader, SHORTEST_NUMBER, is_plain_name, short};
use crate::texts::literal::decoded;
use crate::texts::tape::{Kind, Node, Tape, number_length};
use crate::texts::{Channel, Form, Nested, Place};

/// How many texts a body may have.
const MAX_PARTS: usize = 1 << 18;

impl Reader<'_, '_> {
    /// Arguments of a tool: JSON inside of a text, as a rule.
    pub(super) fn arguments(&mut self, node: usize, channel: Channel) {
        let Node { kind: Kind::String { plain }, .. } = *self.tape.node(node) else {
            return self.leaves(None, self.tape, node, channel);
        };
        let raw = &self.text[self.tape.node(node).inner()];
        let text = if plain { Cow::Borrowed(raw) } else { decoded(raw) };
        match Tape::of(&text) {
            Ok(tape) => {
                let within = short(self.found.nested.len());
                let nested = Nested { node: short(node), text, tape: Tape::default() };
                self.found.nested.push(nested);
                self.leaves(Some(within), &tape, 0, channel);
                self.found.nested[within as usize].tape = tape;
            }
            // Its sense is the tool's alone.
            Err(_) => self.text(node, channel, false),
        }
    }

    /// Every text and suspicious name in a value. A text that is a document itself is read as one.
    pub(super) fn anything(&mut self, node: usize, channel: Channel) {
        match self.tape.node(node).kind {
            Kind::String { .. } if self.spelled(node).trim_start().starts_with(['{', '[']) => {
                self.arguments(node, channel);
            }
            Kind::Array => self.tape.elements(node).for_each(|element| self.anything(element, channel)),
            Kind::Object => {
                for (name, value) in self.tape.members(node) {
                    self.member_name(name, channel);
                    self.anything(value, channel);
                }
            }
            _ => self.leaves(None, self.tape, node, channel),
        }
    }

    /// The name of a member, if it is a suspicious one.
    pub(super) fn member_name(&mut self, name: usize, channel: Channel) {
        if !is_plain_name(&self.spelled(name)) {
            self.place(None, self.tape, name, channel, Form::Name);
        }
    }

    /// Every text, number and suspicious name in a value.
    pub(super) fn leaves(&mut self, within: Option<u32>, tape: &Tape, node: usize, channel: Channel) {
        let Node { kind, start, end, .. } = *tape.node(node);
        match kind {
            Kind::String { .. } => self.place(within, tape, node, channel, Form::Text),
            Kind::Number if self.reads_numbers && (end - start) as usize >= SHORTEST_NUMBER => {
                self.place(within, tape, node, channel, Form::Number);
            }
            Kind::Numbers if self.reads_numbers => self.numbers(within, tape, node, channel),
            Kind::Array => {
                for element in tape.elements(node) {
                    self.leaves(within, tape, element, channel);
                }
            }
            Kind::Object => {
                for (name, value) in tape.members(node) {
                    let spelled = tape.node(name).text(self.document(within));
                    if !spelled.is_some_and(|name| is_plain_name(&name)) {
                        self.place(within, tape, name, channel, Form::Name);
                    }
                    self.leaves(within, tape, value, channel);
                }
            }
            Kind::Number | Kind::Numbers | Kind::Word => {}
        }
    }

    fn numbers(&mut self, within: Option<u32>, tape: &Tape, node: usize, channel: Channel) {
        let Node { start, end, .. } = *tape.node(node);
        let (mut at, mut element) = (start as usize, 0);
        while at < end as usize {
            let length = number_length(&self.document(within).as_bytes()[at..]);
            if length >= SHORTEST_NUMBER {
                self.push(Place {
                    within,
                    node: short(node),
                    element: Some(element),
                    start: short(at),
                    end: short(at + length),
                    channel,
                    form: Form::Number,
                    is_signed: false,
                    decoded: None,
                });
            }
            element += u32::from(length > 0);
            at += length.max(1);
        }
    }

    fn document(&self, within: Option<u32>) -> &str {
        within.map_or(self.text, |nested| &self.found.nested[nested as usize].text)
    }

    pub(super) fn text(&mut self, node: usize, channel: Channel, is_signed: bool) {
        if matches!(self.tape.node(node).kind, Kind::String { .. }) {
            let before = self.found.places.len();
            self.place(None, self.tape, node, channel, Form::Text);
            if let Some(place) = self.found.places.get_mut(before) {
                place.is_signed = is_signed;
            }
        }
    }

    /// The names of what a tool takes stay as they are: its calls must have them, too.
    pub(super) fn place(
        &mut self,
        within: Option<u32>,
        tape: &Tape,
        node: usize,
        channel: Channel,
        form: Form,
    ) {
        let &Node { kind, start, end, .. } = tape.node(node);
        let decoded = match kind {
            Kind::String { plain: false } => {
                Some(decoded(&self.document(within)[tape.node(node).inner()]).into_owned())
            }
            _ => None,
        };
        let node = short(node);
        let is_signed = channel == Channel::ToolDefinition && form == Form::Name;
        self.push(Place { within, node, element: None, start, end, channel, form, is_signed, decoded });
    }

    fn push(&mut self, place: Place) {
        if self.found.places.len() < MAX_PARTS {
            self.found.places.push(place);
        } else {
            self.found.is_too_much = true;
        }
    }
}
