//! Where placeholders stand in a text that somebody has copied, and what they stand for.

use std::ops::Range;

use super::ContextualKind;

/// The longest name or address, in characters. What would be longer is no finding but a text that
/// somebody has dropped.
pub(super) const LONGEST: usize = 200;

/// Something in a text.
pub(super) type Found = (Range<usize>, ContextualKind);

/// What of `sent` stands under placeholders in `redacted`, in its order; `None` unless the one is the
/// other, character for character, but for that. Only blanks around the whole do not count.
///
/// Where the pieces between placeholders fit in several places, the first ones count: whichever they
/// are, everything that is under a placeholder is in one of the spans.
pub(super) fn align(sent: &str, redacted: &str) -> Option<Vec<Found>> {
    let begin = sent.len() - sent.trim_start().len();
    let sent = sent.trim();
    let Pieces { first, marks } = Pieces::of(redacted.trim());
    let mut rest = sent.strip_prefix(first)?;
    let Some(((last_kind, last), middle)) = marks.split_last() else {
        return rest.is_empty().then(Vec::new);
    };
    rest = rest.strip_suffix(last)?;
    let mut found = Vec::with_capacity(marks.len());
    let mut at = begin + first.len();
    let mut take = |length: usize, kind: ContextualKind, rest: &str, at: usize| {
        let fits = length > 0 && rest[..length].chars().count() <= LONGEST;
        found.push((at..at + length, kind));
        fits.then_some(())
    };
    for (kind, literal) in middle {
        // A placeholder stands for one character at least.
        let skipped = rest.chars().next()?.len_utf8();
        let length = skipped + rest[skipped..].find(literal)?;
        take(length, *kind, rest, at)?;
        at += length + literal.len();
        rest = &rest[length + literal.len()..];
    }
    take(rest.len(), *last_kind, rest, at)?;
    Some(found)
}

/// A text with placeholders: what comes before the first, and each with what comes after it.
struct Pieces<'a> {
    first: &'a str,
    marks: Vec<(ContextualKind, &'a str)>,
}

impl<'a> Pieces<'a> {
    /// Placeholders with nothing between them are one.
    fn of(text: &'a str) -> Self {
        let (first, mut next) = cut(text);
        let mut marks: Vec<(ContextualKind, &str)> = Vec::new();
        while let Some((kind, after)) = next {
            let (literal, following) = cut(after);
            match marks.last_mut().filter(|(_, between)| between.is_empty()) {
                Some((_, between)) => *between = literal,
                None => marks.push((kind, literal)),
            }
            next = following;
        }
        Self { first, marks }
    }
}

/// A text up to its first placeholder, which one that is, and what follows.
fn cut(text: &str) -> (&str, Option<(ContextualKind, &str)>) {
    let places =
        ContextualKind::ALL.into_iter().filter_map(|kind| Some((text.find(kind.placeholder())?, kind)));
    match places.min() {
        Some((at, kind)) => (&text[..at], Some((kind, &text[at + kind.placeholder().len()..]))),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    const PERSON: ContextualKind = ContextualKind::PersonName;
    const ADDRESS: ContextualKind = ContextualKind::Address;

    fn aligned(sent: &str, redacted: &str) -> Option<Vec<(String, ContextualKind)>> {
        let found = align(sent, redacted)?;
        Some(found.into_iter().map(|(span, kind)| (sent[span].to_owned(), kind)).collect())
    }

    fn written(text: &str, spans: &[Found]) -> String {
        let (mut out, mut copied) = (String::new(), 0);
        for (span, kind) in spans {
            out.push_str(&text[copied..span.start]);
            out.push_str(kind.placeholder());
            copied = span.end;
        }
        out + &text[copied..]
    }

    #[test]
    fn what_stands_under_placeholders_is_told_by_what_stands_around_them() {
        let sent = " Ada Lovelace lives at 12 St James's Square, London.\n";
        let redacted = "[PERSON REDACTED] lives at [ADDRESS REDACTED].";
        let expected =
            [("Ada Lovelace".to_owned(), PERSON), ("12 St James's Square, London".to_owned(), ADDRESS)];
        assert_eq!(aligned(sent, redacted).unwrap(), expected);
        assert_eq!(aligned("nobody", "nobody"), Some(Vec::new()));
        assert_eq!(aligned("Ödön", "[PERSON REDACTED]"), Some(vec![("Ödön".to_owned(), PERSON)]));
        let both = aligned("to Ada12 Elm St now", "to [PERSON REDACTED][ADDRESS REDACTED] now");
        assert_eq!(both.unwrap(), [("Ada12 Elm St".to_owned(), PERSON)]);
    }

    #[test]
    fn a_text_that_says_something_else_is_no_copy() {
        for (sent, redacted) in [
            ("Ada is here", "[PERSON REDACTED] was here"),
            ("Ada is here", "[PERSON REDACTED] is here, sure"),
            ("Ada is here", "Sure! [PERSON REDACTED] is here"),
            ("Ada is here", "Ada is [PERSON REDACTED]here"),
            ("Ada is here", ""),
            ("Ada, Bob", "[PERSON REDACTED]; [PERSON REDACTED]"),
            ("Ada", "[PERSON REDACTED] [PERSON REDACTED]"),
            ("Ada is here", "[person redacted] is here"),
        ] {
            assert_eq!(aligned(sent, redacted), None, "{redacted}");
        }
        assert_eq!(aligned(&"a".repeat(LONGEST + 1), "[PERSON REDACTED]"), None);
    }

    #[test]
    fn a_placeholder_of_the_text_itself_stands_for_itself() {
        let sent = "[PERSON REDACTED] met Bob";
        let redacted = "[PERSON REDACTED] met [PERSON REDACTED]";
        let expected = [(PERSON.placeholder().to_owned(), PERSON), ("Bob".to_owned(), PERSON)];
        assert_eq!(aligned(sent, redacted).unwrap(), expected);
    }

    /// Words that are all different, some of which are under placeholders.
    fn marked() -> impl Strategy<Value = (String, Vec<Found>)> {
        let word = "[A-Za-zäß王 ,.\\n\"\\\\]{0,6}";
        proptest::collection::vec((word, proptest::option::of(any::<bool>())), 1..12).prop_map(|words| {
            let (mut text, mut spans) = (String::new(), Vec::new());
            for (at, (word, mark)) in words.into_iter().enumerate() {
                let begin = text.len();
                let _ = write!(text, "{at}{word}{at}");
                if let Some(is_address) = mark {
                    spans.push((begin..text.len(), if is_address { ADDRESS } else { PERSON }));
                }
                let _ = write!(text, " -{at}- ");
            }
            (text, spans)
        })
    }

    proptest! {
        #[test]
        fn what_was_replaced_is_found_again((text, spans) in marked()) {
            prop_assert_eq!(align(&text, &written(&text, &spans)), Some(spans));
        }

        #[test]
        fn a_copy_with_a_mistake_is_none((text, spans) in marked(), at in any::<proptest::sample::Index>()) {
            let redacted = written(&text, &spans);
            let at = redacted.floor_char_boundary(at.index(redacted.len()));
            let tampered = format!("{}\u{1}{}", &redacted[..at], &redacted[at..]);
            prop_assert_eq!(align(&text, &tampered), None);
        }

        #[test]
        fn whatever_is_answered_spans_are_in_order_and_write_the_answer(
            sent in "[ab ]{0,20}",
            redacted in "([ab ]{0,4}(\\[(PERSON|ADDRESS) REDACTED\\])?){0,6}",
        ) {
            let Some(found) = align(&sent, &redacted) else { return Ok(()) };
            let mut before = 0;
            for (span, _) in &found {
                prop_assert!(before <= span.start && span.start < span.end && span.end <= sent.len());
                before = span.end;
            }
            let adjacent = redacted.contains("][");
            if !adjacent {
                let written = written(&sent, &found);
                prop_assert_eq!(written.trim(), redacted.trim());
            }
        }
    }
}
