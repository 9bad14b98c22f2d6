//! Server-sent events, read from any split of their bytes.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// The longest event that is read. A whole answer with its images is far smaller.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// An event is longer than anything that a model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {MAX_EVENT_BYTES} bytes")]
pub struct TooLong;

/// Finds the events in a stream of bytes. It may be split anywhere, within a character too.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    after_cr: bool,
    begun: bool,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on, and hands over each event that is complete: its name, if it has one, and its data.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut event: impl FnMut(Option<&str>, &str),
    ) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                return self.keep(bytes);
            };
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            self.after_cr = bytes[end] == b'\r';
            bytes = rest;
            if self.line.is_empty() {
                // Most lines come in one piece, and need not be put together.
                self.take(line, &mut event)?;
            } else {
                self.keep(line)?;
                self.end_line(&mut event)?;
            }
        }
        Ok(())
    }

    /// The stream is over: hands over an event whose empty line never came, as lenient clients do.
    pub fn end(&mut self, mut event: impl FnMut(Option<&str>, &str)) -> Result<(), TooLong> {
        if !self.line.is_empty() {
            self.end_line(&mut event)?;
        }
        self.dispatch(&mut event);
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, event: &mut impl FnMut(Option<&str>, &str)) -> Result<(), TooLong> {
        let mut line = std::mem::take(&mut self.line);
        self.take(&line, event)?;
        line.clear();
        self.line = line;
        Ok(())
    }

    /// Takes a whole line in.
    fn take(&mut self, line: &[u8], event: &mut impl FnMut(Option<&str>, &str)) -> Result<(), TooLong> {
        let mut text = line;
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            self.dispatch(event);
            return Ok(());
        }
        self.field(text)
    }

    fn field(&mut self, line: &[u8]) -> Result<(), TooLong> {
        let colon = memchr(b':', line);
        let (name, value) = match colon {
            Some(0) => return Ok(()),
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        // Several times as fast where nothing is to be replaced.
        let value = str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed);
        match name {
            b"event" => {
                self.name.clear();
                self.name.push_str(&value);
            }
            b"data" => {
                if self.data.len() + value.len() > MAX_EVENT_BYTES {
                    return Err(TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(&value);
            }
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, event: &mut impl FnMut(Option<&str>, &str)) {
        if self.has_data {
            event((!self.name.is_empty()).then_some(self.name.as_str()), &self.data);
        }
        self.has_data = false;
        self.name.clear();
        self.data.clear();
    }
}

/// Writes an event: a name, if the format has them, and one line of data.
pub(crate) fn write(out: &mut Vec<u8>, name: Option<&str>, data: impl FnOnce(&mut Vec<u8>)) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    data(out);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "\u{feff}: hello\nevent: a\ndata: {\"x\":\ndata: \"é🦀\"}\n\ndata:one\r\n\r\n\
        retry: 3\rdata\r\rid: 7\n\nevent: lost\n\ndata: last";

    fn read(parts: &[&[u8]]) -> Vec<(Option<String>, String)> {
        let mut seen = Vec::new();
        let mut decoder = Decoder::new();
        let mut keep = |name: Option<&str>, data: &str| {
            seen.push((name.map(str::to_owned), data.to_owned()));
        };
        for part in parts {
            decoder.push(part, &mut keep).unwrap();
        }
        decoder.end(&mut keep).unwrap();
        seen
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        let event = |name: Option<&str>, data: &str| (name.map(str::to_owned), data.to_owned());
        let expected =
            [event(Some("a"), "{\"x\":\n\"é🦀\"}"), event(None, "one"), event(None, ""), event(None, "last")];
        assert_eq!(read(&[STREAM.as_bytes()]), expected);
    }

    #[test]
    fn any_split_reads_the_same() {
        let whole = read(&[STREAM.as_bytes()]);
        for at in 0..=STREAM.len() {
            let (left, right) = STREAM.as_bytes().split_at(at);
            assert_eq!(read(&[left, right]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes), whole);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = Decoder::new();
        let part = vec![b'x'; 1024 * 1024];
        let result = (0..20).try_for_each(|_| decoder.push(&part, |_, _| {}));
        assert_eq!(result, Err(TooLong));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = Decoder::new();
        let mut part = b"data: ".to_vec();
        part.resize(1024 * 1024, b'x');
        part.push(b'\n');
        let result = (0..20).try_for_each(|_| decoder.push(&part, |_, _| {}));
        assert_eq!(result, Err(TooLong));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&[&bytes]);
        }
    }
}
