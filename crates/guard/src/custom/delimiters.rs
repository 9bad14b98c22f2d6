//! The delimiters and flags of PCRE.

/// What the flags behind a pattern say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, as PCRE has them")]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) spaced: bool,
    pub(super) lazy: bool,
}

/// The pattern between its delimiters with the flags behind them; the pattern as it stands, if it has none.
pub(super) fn read(written: &str) -> Result<(String, Flags), String> {
    let plain = || Ok((written.to_owned(), Flags::default()));
    let Some(open) =
        written.chars().next().filter(|c| matches!(c, '/' | '#' | '~' | '!' | '%' | '@' | ',' | ';' | '{'))
    else {
        return plain();
    };
    let close = if open == '{' { '}' } else { open };
    let Some(end) =
        written.rfind(close).filter(|end| *end > 0 && written[end + 1..].chars().all(char::is_alphabetic))
    else {
        return plain();
    };
    let mut flags = Flags::default();
    let mut anchored = false;
    for flag in written[end + 1..].chars() {
        match flag {
            'i' => flags.ignore_case = true,
            'm' => flags.multi_line = true,
            's' => flags.dot_all = true,
            'x' => flags.spaced = true,
            'U' => flags.lazy = true,
            'A' => anchored = true,
            // Text is Unicode here, and an unmarked `$` is the end of it; the rest are hints.
            'u' | 'D' | 'S' | 'X' | 'J' | 'n' => {}
            _ => return Err(format!("unknown flag `{flag}`")),
        }
    }
    let inner = &written[1..end];
    Ok((if anchored { format!("\\A(?:{inner})") } else { inner.to_owned() }, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_flags_are_read() {
        let read = |written| read(written).expect("pattern is sound");
        assert_eq!(read("/a\\/b/i"), ("a\\/b".to_owned(), Flags { ignore_case: true, ..Flags::default() }));
        assert_eq!(read("#ab#").0, "ab");
        assert_eq!(read("{ab}s"), ("ab".to_owned(), Flags { dot_all: true, ..Flags::default() }));
        assert_eq!(read("/ab/A").0, "\\A(?:ab)");
        for plain in ["ab", "[ab]c", "(a|b)", "/ab", "#1"] {
            assert_eq!(read(plain), (plain.to_owned(), Flags::default()));
        }
    }
}
