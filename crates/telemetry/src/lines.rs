//! Log lines as `key=value` text.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

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
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warn",
            tracing::Level::INFO => "info",
            tracing::Level::DEBUG => "debug",
            tracing::Level::TRACE => "trace",
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        write!(writer, " level={level} msg=")?;
        write_value(&mut writer, &fields.message)?;
        writer.write_str(&fields.rest)?;
        writeln!(writer, " target={}", event.metadata().target())
    }
}

/// The fields of an event, the message apart.
#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Fields {
    fn add(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name if name.starts_with("log.") => {}
            name => {
                let _ = write!(self.rest, " {name}=");
                let _ = write_value(&mut self.rest, value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.add(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

fn write_value(writer: &mut impl Write, value: &str) -> fmt::Result {
    let is_plain = !value.is_empty()
        && value
            .chars()
            .all(|letter| !letter.is_whitespace() && !letter.is_control() && !"\"=".contains(letter));
    if is_plain { writer.write_str(value) } else { write!(writer, "{value:?}") }
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
