//! Where a value is, in words.

use std::fmt::Write as _;

use super::literal::decoded;
use super::read::is_plain_name;
use super::tape::{Kind, Tape};

/// Writes the way from the document to a node. `at` is where the number stands that is meant of a list
/// of numbers.
pub(crate) fn write(text: &str, tape: &Tape, target: usize, at: usize, path: &mut String) {
    let mut here = 0;
    while here != target {
        let inside = |first: usize, value: usize| (first..tape.node(value).next as usize).contains(&target);
        match tape.node(here).kind {
            Kind::Object => {
                let found = tape.members(here).enumerate().find(|(_, (name, value))| inside(*name, *value));
                let Some((index, (name, value))) = found else { return };
                let spelled = decoded(&text[tape.node(name).inner()]);
                if is_plain_name(&spelled) {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&spelled);
                } else {
                    // Writing to a text cannot fail.
                    let _ = write!(path, ".{{{index}}}");
                }
                if name == target {
                    path.push('#');
                    return;
                }
                here = value;
            }
            Kind::Array => {
                let found = tape.elements(here).enumerate().find(|(_, element)| inside(*element, *element));
                let Some((index, element)) = found else { return };
                let _ = write!(path, "[{index}]");
                here = element;
            }
            _ => return,
        }
    }
    let node = tape.node(here);
    if node.kind == Kind::Numbers && at > node.start as usize {
        let index = text[node.start as usize..at].matches(',').count();
        let _ = write!(path, "[{index}]");
    }
}
