//! Passwords that are handed to a command: `curl -u name:password`.

use std::ops::Range;

use super::password;

/// How far behind the command its options are read.
const REACH: usize = 130;

/// How long a name and a password are together.
const LONGEST: usize = 120;

/// The password among the options that begin at `from`.
pub(super) fn password(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let line = &bytes[from - 1..bytes.len().min(from + REACH)];
    let ends = |at: &usize| line[*at] == b'\n' && (*at == 0 || line[at - 1] != b'\\');
    let line = &line[..(0..line.len()).find(ends).unwrap_or(line.len())];
    let flag = [&b" -u"[..], b" --user"].into_iter().find_map(|flag| {
        let at = memchr::memmem::find(line, flag)? + flag.len();
        matches!(line.get(at), Some(b' ' | b'=' | b'"' | b'\'')).then_some(at)
    })?;
    let rest = &line[flag..];
    let opened = rest.iter().position(|byte| !matches!(byte, b' ' | b'='))?;
    let start = from - 1 + flag + opened;
    pair(&bytes[start..bytes.len().min(start + LONGEST)]).map(|span| start + span.start..start + span.end)
}

/// Where the password stands in a name, a colon and a password, with or without quotes.
fn pair(text: &[u8]) -> Option<Range<usize>> {
    let quote = |at: usize| text.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let outer = quote(0);
    let ends = |byte: &u8, by: Option<u8>| by.map_or(byte.is_ascii_whitespace(), |by| *byte == by);
    let colon = text.iter().position(|byte| *byte == b':')?;
    if text[usize::from(outer.is_some())..colon].iter().any(|byte| ends(byte, outer)) {
        return None;
    }
    let inner = outer.or_else(|| quote(colon + 1));
    let start = colon + 1 + usize::from(outer.is_none() && inner.is_some());
    let length = text[start..].iter().position(|byte| ends(byte, inner)).or_else(|| {
        // What goes on behind the reach is no password.
        (inner.is_none() && text.len() < LONGEST).then_some(text.len() - start)
    })?;
    password::is_password(&text[start..start + length], true).then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let from = text.find("curl ")? + 5;
        password(text.as_bytes(), from).map(|span| &text[span])
    }

    #[test]
    fn passwords_of_commands_are_read() {
        assert_eq!(found("curl -u alice:Tr0ub4dor!3 https://a.example"), Some("Tr0ub4dor!3"));
        assert_eq!(found("curl -s --user 'alice:Tr0ub4dor!3' x"), Some("Tr0ub4dor!3"));
        assert_eq!(found("curl --user alice:'Tr0ub4dor!3' -X PUT"), Some("Tr0ub4dor!3"));
        assert_eq!(found("curl -X POST \\\n  -u \":Tr0ub4dor!3\" x"), Some("Tr0ub4dor!3"));
    }

    #[test]
    fn names_variables_and_other_lines_are_none() {
        for text in [
            "curl -u alice https://a.example:8443/Tr0ub4dor!3",
            "curl -u \"$USER:$PASS1!\" x",
            "curl -u user:password x",
            "curl x\n -u alice:Tr0ub4dor!3",
            "curl -user-agent a:Tr0ub4dor!3",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
