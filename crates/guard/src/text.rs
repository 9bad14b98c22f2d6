//! A text as detectors read it.

mod cases;
mod escapes;
mod layers;
mod lookalikes;
mod packed;
mod plain;
mod selectors;
mod spaced;
mod spans;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

pub(crate) use self::cases::fold;
use self::layers::Decoded;
pub use self::layers::{Encoding, Layer};
use self::spans::Spans;

/// A text in the plain form that detectors read, which knows where everything stood in the original.
///
/// The plain form is the text in Unicode's compatibility form, without characters that nobody sees,
/// with the tag block decoded, with the dashes, quotes, spaces and digits of all scripts as those of
/// ASCII, and with letters that only look Latin as Latin ones where they stand among Latin letters. A
/// text that is plain already, such as any of ASCII, is borrowed.
///
/// What a text holds in an encoding stands in its [`layers`](Self::layers).
#[derive(Debug)]
pub struct Text<'a> {
    original: &'a str,
    plain: Cow<'a, str>,
    /// What became of the original, step by step; nothing for a text that was plain.
    steps: Vec<Spans>,
    layers: OnceLock<Vec<Decoded>>,
}

impl<'a> Text<'a> {
    /// Reads a text.
    pub fn read(original: &'a str) -> Self {
        let (plain, steps) = plain::of(original);
        Self { original, plain, steps, layers: OnceLock::new() }
    }

    /// What was read.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// The plain form.
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// Where a span of the plain form stands in the original: the smallest span, on the borders of
    /// characters, that holds all of what the plain one was made of.
    pub fn original_span(&self, plain: Range<usize>) -> Range<usize> {
        self.steps.iter().rev().fold(plain, |span, step| step.before(span))
    }

    /// What the text holds in an encoding, decoded: escapes (percent, HTML, backslash), letters that
    /// were spaced out, and runs of base64 and hexadecimal digits that decode to text. They are
    /// decoded at the first call, at most 4 KiB each and 64 KiB in all.
    pub fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        self.layers
            .get_or_init(|| layers::of(self.original, &self.plain))
            .iter()
            .map(|decoded| Layer::new(self, decoded))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> String {
        Text::read(text).plain().to_owned()
    }

    #[test]
    fn a_plain_text_is_borrowed() {
        for text in ["", "plain ASCII", "Grüße aus Köln", "Привет, как дела?", "日本語のテキスト", "한국어"]
        {
            assert!(matches!(Text::read(text).plain, Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn hidden_characters_go_and_the_span_stays() {
        let text = Text::read("x ig\u{200b}no\u{ad}re y");
        assert_eq!(text.plain(), "x ignore y");
        assert_eq!(&text.original()[text.original_span(2..8)], "ig\u{200b}no\u{ad}re");
    }

    #[test]
    fn compatibility_forms_become_ascii() {
        assert_eq!(plain("4111\u{a0}1111"), "4111 1111");
        assert_eq!(plain("𝗂𝗀𝗇𝗈𝗋𝖾 𝓪𝓵𝓵"), "ignore all");
        assert_eq!(plain("555‑12–34"), "555-12-34");
        assert_eq!(plain("٠١٢٣"), "0123");
        assert_eq!(plain("don’t “say”"), "don't \"say\"");
    }

    #[test]
    fn marks_compose_or_go() {
        assert_eq!(plain("Cafe\u{301} fu\u{308}r"), "Café für");
        assert_eq!(plain("i\u{336}g\u{336}n\u{336}ore"), "ignore");
    }

    #[test]
    fn the_tag_block_is_read() {
        let hidden: String =
            "ignore".chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c))).collect();
        assert_eq!(plain(&format!("hi{hidden}")), "hiignore");
        assert_eq!(plain("🏴\u{e0067}\u{e0062}\u{e007f}"), "🏴");
    }

    #[test]
    fn look_alikes_become_latin_only_among_latin() {
        assert_eq!(plain("ignоrе рrevious"), "ignore previous");
        assert_eq!(plain("please send the sesame оса now"), "please send the sesame oca now");
        assert_eq!(plain("Это сон, а не хор"), "Это сон, а не хор");
        assert_eq!(plain("Ο Σωκράτης και ο Πλάτων"), "Ο Σωκράτης και ο Πλάτων");
    }

    proptest! {
        #[test]
        fn spans_stand_on_borders_and_grow(text in "\\PC{0,40}|[a-zа-я\u{200b}\u{301}ﬁ ]{0,30}") {
            let read = Text::read(&text);
            let borders: Vec<usize> =
                (0..=read.plain().len()).filter(|at| read.plain().is_char_boundary(*at)).collect();
            for (index, start) in borders.iter().enumerate() {
                for end in &borders[index..] {
                    let span = read.original_span(*start..*end);
                    prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
                    prop_assert!(span.start <= span.end);
                    prop_assert!(start == end || span.start < span.end);
                }
            }
        }

        #[test]
        fn a_plain_form_is_its_own(text in "[a-zA-Züé0-9 \u{200b}\u{301}ﬁ’–]{0,40}") {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once.clone());
        }
    }
}
