//! JSON that was cut off, made whole.

/// Where the JSON was last whole but for closing brackets.
#[derive(Debug, Clone, Copy)]
struct Safe {
    end: usize,
    depth: usize,
}

/// Closes what is open at the end of a document that was cut off. A text that was cut is kept as far
/// as it goes; a member without a value is left out. `None` if this cannot be the beginning of a
/// document.
pub(super) fn mend(cut: &[u8]) -> Option<Vec<u8>> {
    let cut = longest_text(cut);
    let mut open: Vec<u8> = Vec::new();
    let mut safe: Option<Safe> = None;
    let mut is_value = true;
    let mut at = 0;
    while let Some(&byte) = cut.get(at) {
        match byte {
            b'{' | b'[' => {
                open.push(if byte == b'{' { b'}' } else { b']' });
                at += 1;
                is_value = byte == b'[';
                safe = Some(Safe { end: at, depth: open.len() });
            }
            b'}' | b']' => {
                if open.pop() != Some(byte) {
                    return None;
                }
                at += 1;
                safe = Some(Safe { end: at, depth: open.len() });
            }
            b':' => {
                is_value = true;
                at += 1;
            }
            b',' => {
                is_value = open.last() == Some(&b']');
                at += 1;
            }
            b'"' => match string(&cut[at..]) {
                Text::Whole(length) => {
                    at += length;
                    if is_value {
                        safe = Some(Safe { end: at, depth: open.len() });
                    }
                }
                Text::Cut(length) if is_value => {
                    let mut whole = cut[..at + length].to_vec();
                    whole.push(b'"');
                    whole.extend(open.iter().rev());
                    return Some(whole);
                }
                Text::Cut(_) => break,
            },
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let rest = &cut[at..];
                let length = rest.iter().position(|byte| b",]} \n\r\t".contains(byte));
                let Some(length) = length.filter(|length| *length > 0) else { break };
                at += length;
                safe = Some(Safe { end: at, depth: open.len() });
            }
        }
    }
    let safe = safe?;
    let mut whole = cut[..safe.end].to_vec();
    // Brackets that were opened behind the safe place do not exist there: opening one makes a safe
    // place, and so does closing one.
    open.truncate(safe.depth);
    whole.extend(open.iter().rev());
    Some(whole)
}

/// A text at the beginning of the bytes.
enum Text {
    /// Its length with both quotes.
    Whole(usize),
    /// How much of it can be kept.
    Cut(usize),
}

fn string(bytes: &[u8]) -> Text {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Text::Whole(at + 1),
            b'\\' => {
                // Half of a pair of surrogates is no character.
                let length = match &bytes[at + 1..] {
                    [b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
                    [b'u', ..] => 6,
                    _ => 2,
                };
                if at + length > bytes.len() {
                    return Text::Cut(at);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    Text::Cut(bytes.len())
}

/// Without the character that was cut in the middle.
fn longest_text(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_becomes_a_document() {
        let whole =
            r#"{"a": [1, -2.5e3, {"b": "x\"\u00e9\ud83e\udd80é🦀", "c": null}], "d": {"e": true, "f": []}}"#;
        for end in 1..=whole.len() {
            let mended = mend(&whole.as_bytes()[..end]).unwrap();
            let text = std::str::from_utf8(&mended).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{end}: {text}");
        }
        assert_eq!(mend(whole.as_bytes()).unwrap(), whole.as_bytes());
    }

    #[test]
    fn a_cut_text_is_kept() {
        assert_eq!(mend(br#"{"a":{"b":"hel"#).unwrap(), br#"{"a":{"b":"hel"}}"#);
        assert_eq!(mend(br#"{"a":1,"b"#).unwrap(), br#"{"a":1}"#);
        assert_eq!(mend(br#"{"a":1,"b":tr"#).unwrap(), br#"{"a":1}"#);
    }

    #[test]
    fn what_is_no_document_is_left_alone() {
        assert_eq!(mend(b"<html>"), None);
        assert_eq!(mend(b"]"), None);
        assert_eq!(mend(b""), None);
    }
}
