//! One call, one line: the CRC-32 of the rest in eight hexadecimal digits, a space, the event as JSON.
//! What was said in the call is the last member of that JSON, `content`, so that a version that knows
//! nothing of it reads the event all the same.
//!
//! JSON holds no line break, so that a torn line spoils only itself.

use promptgate_usage::{CallContent, FinishedCall};
use serde::Deserialize;

use super::call::size;

const CHECKSUM_LENGTH: usize = 8;
/// Most lines without a content are shorter.
const USUAL_LENGTH: usize = 2048;
const CONTENT: &[u8] = b",\"content\":";

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A call.
    Call(Box<FinishedCall>),
    /// Not what was written: the process or the power ended in the middle of it.
    Torn,
    /// Whole, but no event of this version: the JSON.
    Foreign(Vec<u8>),
}

#[derive(Deserialize)]
struct ContentOfLine {
    content: Option<CallContent>,
}

/// The line of a call, line break included.
pub(super) fn encode(call: &FinishedCall) -> serde_json::Result<Vec<u8>> {
    let mut line =
        Vec::with_capacity(USUAL_LENGTH + call.content.as_ref().map_or(0, |content| size(content) * 5 / 4));
    line.resize(CHECKSUM_LENGTH + 1, b' ');
    serde_json::to_writer(&mut line, &call.event)?;
    if let Some(content) = &call.content {
        line.pop();
        line.extend_from_slice(CONTENT);
        serde_json::to_writer(&mut line, content)?;
        line.push(b'}');
    }
    let checksum = format!("{:08x}", crc32fast::hash(&line[CHECKSUM_LENGTH + 1..]));
    line[..CHECKSUM_LENGTH].copy_from_slice(checksum.as_bytes());
    line.push(b'\n');
    Ok(line)
}

/// Reads a line, line break included.
pub(super) fn decode(line: &[u8]) -> Line {
    let Some(json) = checked(line) else { return Line::Torn };
    match serde_json::from_slice(json) {
        // An event is worth more than a content of another version.
        Ok(event) => {
            let content = serde_json::from_slice(json).ok().and_then(|line: ContentOfLine| line.content);
            Line::Call(Box::new(FinishedCall { event, content }))
        }
        Err(_) => Line::Foreign(json.to_vec()),
    }
}

fn checked(line: &[u8]) -> Option<&[u8]> {
    let (checksum, rest) = line.strip_suffix(b"\n")?.split_at_checked(CHECKSUM_LENGTH)?;
    let json = rest.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    (checksum == crc32fast::hash(json)).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn with_checksum(json: &[u8]) -> Vec<u8> {
        [format!("{:08x} ", crc32fast::hash(json)).as_bytes(), json, b"\n"].concat()
    }

    #[test]
    fn a_call_survives_and_any_missing_end_is_noticed() {
        for content in [None, Some(sample::content(1, 100))] {
            let event = sample::event(1);
            let call = FinishedCall { event, content };
            let line = encode(&call).unwrap();
            assert_eq!(decode(&line), Line::Call(Box::new(call)));
            for length in 0..line.len() {
                assert_eq!(decode(&line[..length]), Line::Torn, "cut at {length}");
            }
            let mut changed = line;
            changed[40] ^= 1;
            assert_eq!(decode(&changed), Line::Torn);
        }
        assert_eq!(decode(&[0; 64]), Line::Torn);
    }

    #[test]
    fn what_another_version_wrote_is_kept_apart() {
        let json = b"{\"later\":true}";
        assert_eq!(decode(&with_checksum(json)), Line::Foreign(json.to_vec()));
    }

    #[test]
    fn a_content_of_another_version_does_not_cost_the_event() {
        let mut json = serde_json::to_value(sample::event(1)).unwrap();
        json["content"] = serde_json::json!({"later": true});
        let line = with_checksum(&serde_json::to_vec(&json).unwrap());
        assert_eq!(decode(&line), Line::Call(Box::new(FinishedCall::clone(&sample::call(1)))));
    }

    #[test]
    fn a_version_that_knows_no_content_reads_the_event() {
        let line = encode(&sample::long_call(1, 10)).unwrap();
        let read: promptgate_usage::UsageEvent = serde_json::from_slice(checked(&line).unwrap()).unwrap();
        assert_eq!(read, sample::event(1));
    }
}
