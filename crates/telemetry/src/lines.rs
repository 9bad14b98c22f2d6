//! Log lines as `key=value` text.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Most lines are shorter.
const USUAL_LENGTH: usize = 1024;
/// The place of a longer line is given back.
const LONGEST_KEPT: usize = 16 * 1024;

/// Writes `time=… level=info msg="…" key=value target=…`, one event a line. A value with blanks,
/// quotes or control characters is quoted and escaped, so that no value can forge a line.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextLines;

impl<S, N> FormatEvent<S, N> for TextLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("time=")?;
        SystemTime.format_time(&mut writer)?;
        writer.write_str(match *event.metadata().level() {
            tracing::Level::ERROR => " level=error",
            tracing::Level::WARN => " level=warn",
            tracing::Level::INFO => " level=info",
            tracing::Level::DEBUG => " level=debug",
            tracing::Level::TRACE => " level=trace",
        })?;
        let mut pairs = Pairs { text: SCRATCH.take() };
        pairs.text.reserve(USUAL_LENGTH);
        event.record(&mut pairs);
        pairs.text.push_str(" target=");
        pairs.text.push_str(event.metadata().target());
        pairs.text.push('\n');
        let written = writer.write_str(&pairs.text);
        if pairs.text.capacity() <= LONGEST_KEPT {
            pairs.text.clear();
            SCRATCH.set(pairs.text);
        }
        written
    }
}

thread_local! {
    /// Where the next line of the thread is put together. A line that is written while another one is
    /// gets a place of its own.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// The fields of an event, in their order; the message is the first of those that have one.
struct Pairs {
    text: String,
}

impl Pairs {
    /// Begins a pair; `false` if it is not shown.
    fn begin(&mut self, field: &Field) -> bool {
        let name = match field.name() {
            "message" => "msg",
            name if name.starts_with("log.") => return false,
            name => name,
        };
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push('=');
        true
    }

    /// Writes a pair whose value `write` appends, and quotes the value if it must be.
    fn add(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        if !self.begin(field) {
            return;
        }
        let start = self.text.len();
        write(&mut self.text);
        if !is_plain(&self.text[start..]) {
            let value = self.text.split_off(start);
            let _ = write!(self.text, "{value:?}");
        }
    }
}

impl Visit for Pairs {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.begin(field) {
            self.text.push_str(if value { "true" } else { "false" });
        }
    }

    // Numbers are plain.
    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.begin(field) {
            let _ = write!(self.text, "{value}");
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if self.begin(field) {
            let _ = write!(self.text, "{value}");
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if self.begin(field) {
            let _ = write!(self.text, "{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, |text| text.push_str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field, |text| {
            let _ = write!(text, "{value}");
            let mut source = value.source();
            while let Some(cause) = source {
                let _ = write!(text, ": {cause}");
                source = cause.source();
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, |text| {
            let _ = write!(text, "{value:?}");
        });
    }
}

fn is_plain(value: &str) -> bool {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && !"\"=".contains(letter);
    let plain_ascii = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
    !value.is_empty() && (value.bytes().all(plain_ascii) || value.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while writing").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(log: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer =
            tracing_subscriber::fmt::layer().event_format(TextLines).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = buffer.0.lock().expect("no test panics while writing").clone();
        String::from_utf8(bytes).expect("lines are text")
    }

    #[test]
    fn an_event_is_one_line_of_pairs() {
        let line = lines(|| {
            tracing::warn!(request.id = "a1", path = "/a b", status = 503_u16, ok = false, "request failed");
        });
        let rest = line.split_once(' ').expect("the time comes first").1;
        assert_eq!(
            rest,
            "level=warn msg=\"request failed\" request.id=a1 path=\"/a b\" status=503 ok=false \
             target=promptgate_telemetry::lines::tests\n"
        );
        assert!(line.starts_with("time=2"));
    }

    #[test]
    fn no_value_forges_a_line_and_an_error_is_a_value() {
        let cause = io::Error::other("disk\nlevel=error msg=forged");
        let line = lines(|| {
            tracing::info!(error = &cause as &(dyn std::error::Error + 'static), empty = "", "msg");
        });
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains(r#"error="disk\nlevel=error msg=forged" empty="""#), "{line}");
    }
}
