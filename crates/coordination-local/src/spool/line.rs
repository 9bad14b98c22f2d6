//! One event, one line: the CRC-32 of the rest in eight hexadecimal digits, a space, the event as JSON.
//!
//! JSON holds no line break, so that a torn line spoils only itself.

use promptgate_usage::UsageEvent;

const CHECKSUM_LENGTH: usize = 8;
/// Most lines are shorter.
const USUAL_LENGTH: usize = 2048;

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// An event.
    Event(Box<UsageEvent>),
    /// Not what was written: the process or the power ended in the middle of it.
    Torn,
    /// Whole, but no event of this version: the JSON.
    Foreign(Vec<u8>),
}

/// The line of an event, line break included.
pub(super) fn encode(event: &UsageEvent) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(USUAL_LENGTH);
    line.resize(CHECKSUM_LENGTH + 1, b' ');
    serde_json::to_writer(&mut line, event)?;
    let checksum = format!("{:08x}", crc32fast::hash(&line[CHECKSUM_LENGTH + 1..]));
    line[..CHECKSUM_LENGTH].copy_from_slice(checksum.as_bytes());
    line.push(b'\n');
    Ok(line)
}

/// Reads a line, line break included.
pub(super) fn decode(line: &[u8]) -> Line {
    let Some(json) = checked(line) else { return Line::Torn };
    match serde_json::from_slice(json) {
        Ok(event) => Line::Event(Box::new(event)),
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

    #[test]
    fn an_event_survives_and_any_missing_end_is_noticed() {
        let event = sample::event(1);
        let line = encode(&event).unwrap();
        assert_eq!(decode(&line), Line::Event(Box::new(event)));
        for length in 0..line.len() {
            assert_eq!(decode(&line[..length]), Line::Torn, "cut at {length}");
        }
        let mut changed = line;
        changed[40] ^= 1;
        assert_eq!(decode(&changed), Line::Torn);
        assert_eq!(decode(&[0; 64]), Line::Torn);
    }

    #[test]
    fn what_another_version_wrote_is_kept_apart() {
        let json = b"{\"later\":true}";
        let line = [format!("{:08x} ", crc32fast::hash(json)).as_bytes(), json, b"\n"].concat();
        assert_eq!(decode(&line), Line::Foreign(json.to_vec()));
    }
}
