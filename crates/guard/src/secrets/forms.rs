//! The public forms of tokens, by field.

mod ai;
mod cloud;
mod code;
mod services;
mod web;

use super::class::Class;
use super::form::{Form, Part};

/// All forms.
pub(super) fn all() -> impl Iterator<Item = Form> {
    [ai::FORMS, cloud::FORMS, code::FORMS, services::FORMS, web::FORMS].into_iter().flatten().copied()
}

/// Exactly so many bytes of a class.
const fn of(class: Class, length: usize) -> Part {
    Part::Of(class, length, length)
}

/// As many bytes of a class as there are, within bounds.
const fn span(class: Class, least: usize, most: usize) -> Part {
    Part::Of(class, least, most)
}

/// These very bytes.
const fn text(text: &'static str) -> Part {
    Part::Text(text)
}

/// A UUID.
const UUID: [Part; 9] = [
    of(super::class::ANY_HEX, 8),
    text("-"),
    of(super::class::ANY_HEX, 4),
    text("-"),
    of(super::class::ANY_HEX, 4),
    text("-"),
    of(super::class::ANY_HEX, 4),
    text("-"),
    of(super::class::ANY_HEX, 12),
];

/// As many as there are: the token says by its prefix what it is, and is swallowed to its end.
const ENDLESS: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use super::super::class::RUN;
    use super::super::kind::SecretKind;
    use super::*;

    #[test]
    fn every_form_names_a_kind_and_starts_a_run() {
        for form in all() {
            assert!(SecretKind::named(form.kind).is_some(), "{}", form.kind);
            assert!(form.prefix.len() >= 2, "{}", form.prefix);
            assert!(RUN.holds(&form.prefix.as_bytes()[..2]), "{}", form.prefix);
        }
    }
}
