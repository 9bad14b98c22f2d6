//! Where a value is, in words.

use std::fmt::Write as _;

use super::literal::decoded;
use super::read::is_plain_name;
use super::tape::{Kind, Tape};

/// Writes the way from the document to a node. `element` says which number of a list of numbers is
/// meant.
pub(crate) fn write(text: &str, tape: &Tape, target: usize, element: Option<u32>, path: &mut String) {
    let mut steps = Vec::new();
    let mut here = target;
    while here != 0 {
        steps.push(here);
        here = tape.spot(here).parent as usize;
    }
    for here in steps.into_iter().rev() {
        let spot = tape.spot(here);
        if tape.node(spot.parent as usize).kind == Kind::Array {
            // Writing to a text cannot fail.
            let _ = write!(path, "[{}]", spot.index);
            continue;
        }
        let name = if spot.is_name { here } else { here - 1 };
        let spelled = decoded(&text[tape.node(name).inner()]);
        if is_plain_name(&spelled) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&spelled);
        } else {
            let _ = write!(path, ".{{{}}}", spot.index);
        }
        if spot.is_name {
            path.push('#');
        }
    }
    if let Some(index) = element {
        let _ = write!(path, "[{index}]");
    }
}
