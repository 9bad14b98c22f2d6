//! A text as the lexicon reads it: small letters, no accents, one blank between words.

use unicode_normalization::char::decompose_canonical;

/// How many bytes are folded at once where nothing but ASCII stands.
const CHUNK: usize = 32;

/// A folded text that knows where everything stood in what was folded.
#[derive(Debug, Default)]
pub(in crate::injection) struct Folded {
    text: String,
    /// Pairs of places, folded and plain, from which on both run alike.
    steps: Vec<(usize, usize)>,
}

impl Folded {
    /// Folds a text.
    pub(in crate::injection) fn of(plain: &str) -> Self {
        fold(plain)
    }

    /// The folded text.
    pub(in crate::injection) fn text(&self) -> &str {
        &self.text
    }

    /// The folded text alone.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Where a place of the folded text stands in the plain one.
    pub(in crate::injection) fn plain(&self, folded: usize) -> usize {
        let after = self.steps.partition_point(|step| step.0 <= folded);
        match after.checked_sub(1).map(|index| self.steps[index]) {
            Some((from, to)) => to + (folded - from),
            None => folded,
        }
    }
}

/// Folds a text.
pub(super) fn fold(plain: &str) -> Folded {
    let bytes = plain.as_bytes();
    let mut text = Vec::with_capacity(bytes.len() + 8);
    let mut steps = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        at += copy_simple(&bytes[at..], &mut text);
        let Some(byte) = bytes.get(at) else { break };
        if byte.is_ascii() {
            at += copy_blanks(&bytes[at..], &mut text);
        } else {
            let letter = plain[at..].chars().next().unwrap_or(' ');
            at += letter.len_utf8();
            let within = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
            if letter == '€' && (within(text.last()) || within(bytes.get(at))) {
                text.push(b'e');
            } else {
                fold_letter(letter, &mut text);
            }
        }
        if text.len().wrapping_sub(at)
            != steps.last().map_or(0, |step: &(usize, usize)| step.0.wrapping_sub(step.1))
        {
            steps.push((text.len(), at));
        }
    }
    Folded { text: String::from_utf8(text).unwrap_or_default(), steps }
}

/// Copies ASCII up to the next letter beyond it or the next run of blanks; returns how many bytes.
fn copy_simple(bytes: &[u8], text: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..=at + CHUNK) {
        let mut odd = 0;
        for (byte, next) in chunk[..CHUNK].iter().zip(&chunk[1..]) {
            odd |= (*byte & 0x80) | (u8::from(*byte <= b' ') & u8::from(*next <= b' '));
        }
        if odd != 0 {
            break;
        }
        text.extend(chunk[..CHUNK].iter().map(|byte| small(*byte)));
        at += CHUNK;
    }
    while at < bytes.len() && bytes[at].is_ascii() {
        if is_blank(bytes[at]) && bytes.get(at + 1).is_some_and(|next| is_blank(*next)) {
            break;
        }
        text.push(small(bytes[at]));
        at += 1;
    }
    at
}

/// Copies a run of blanks as one: a line break where an empty line stood, else a space.
fn copy_blanks(bytes: &[u8], text: &mut Vec<u8>) -> usize {
    let run = bytes.iter().take_while(|byte| is_blank(**byte)).count();
    let breaks = memchr::memchr_iter(b'\n', &bytes[..run]).count();
    text.push(if breaks > 1 { b'\n' } else { b' ' });
    run
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

const fn small(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\t' | b'\r') { b' ' } else { byte.to_ascii_lowercase() }
}

fn fold_letter(letter: char, text: &mut Vec<u8>) {
    match u32::from(letter) {
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => text.push(b' '),
        0x00AD | 0x0300..=0x036F | 0x0591..=0x05C7 | 0x0640 | 0x064B..=0x0652 | 0x093C => {}
        0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2064 | 0xFEFF => {}
        0x2010..=0x2015 => text.push(b'-'),
        0x2018 | 0x2019 | 0x201A | 0x2032 => text.push(b'\''),
        0x201C..=0x201E | 0x00AB | 0x00BB | 0x2033 => text.push(b'"'),
        0x2026 => text.extend(b"..."),
        0x00DF => text.extend(b"ss"),
        0x00C6 | 0x00E6 => text.extend(b"ae"),
        0x0152 | 0x0153 => text.extend(b"oe"),
        0x00D8 | 0x00F8 => text.push(b'o'),
        0x0110 | 0x0111 => text.push(b'd'),
        0x0141 | 0x0142 => text.push(b'l'),
        0x0130 | 0x0131 => text.push(b'i'),
        0x0401 | 0x0451 => push('е', text),
        0x0622 | 0x0623 | 0x0625 | 0x0671 => push('ا', text),
        0x0629 => push('ه', text),
        0x0649 | 0x06CC => push('ي', text),
        0x06A9 => push('ك', text),
        0x0400..=0x052F => letter.to_lowercase().for_each(|small| push(small, text)),
        0x00C0..=0x03FF | 0x0958..=0x095F | 0x1E00..=0x1FFF => decompose_canonical(letter, |part| {
            if !matches!(u32::from(part), 0x0300..=0x036F | 0x093C) {
                part.to_lowercase().for_each(|small| push(if small == 'ς' { 'σ' } else { small }, text));
            }
        }),
        _ => push(letter, text),
    }
}

fn push(letter: char, text: &mut Vec<u8>) {
    text.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_small_and_lose_their_accents() {
        assert_eq!(fold("IGNORÉ Straße Łódź ИЁ").text(), "ignore strasse lodz ие");
        assert_eq!(fold("“Bỏ qua”").text(), "\"bo qua\"");
    }

    #[test]
    fn blanks_are_one_and_an_empty_line_stays() {
        assert_eq!(fold("a  b\nc \n\n d").text(), "a b c\nd");
    }

    #[test]
    fn every_place_is_known_in_the_plain_text() {
        let plain = "Été  où — one two three four five six seven eight nine ten\n\n\tend";
        let folded = fold(plain);
        for word in ["ou", "one", "ten", "end"] {
            let at = folded.text().find(word).unwrap();
            let there = folded.plain(at);
            assert_eq!(
                plain[there..].chars().next().map(|c| fold(&c.to_string()).into_text()).unwrap(),
                word[..1]
            );
        }
    }
}
