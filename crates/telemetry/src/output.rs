//! Where log lines go: to standard output. The lines of calls go together, some at a time, because
//! each alone would cost a call to the system, which is more than it takes to write it.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The lines of which there is one for each call.
const OF_CALLS: &str = "promptgate::request";
/// How long a line of a call may wait for others.
const GATHERING: Duration = Duration::from_millis(10);
/// So much may wait; whoever adds to more writes all of it himself.
const MOST_WAITING: usize = 256 * 1024;

/// Standard output for log lines, in their order. Clones are the same.
#[derive(Clone)]
pub(crate) struct Output {
    shared: Arc<Shared>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// There was nothing, and now there is.
    begun: Condvar,
    /// Held by whoever writes, from before the lines are taken until they are out.
    out: Mutex<Box<dyn Write + Send>>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Whether nothing waits any more.
    over: bool,
}

impl Output {
    /// Standard output, with a thread that writes what has waited long enough.
    pub(crate) fn stdout() -> io::Result<Self> {
        let output = Self::to(Box::new(io::stdout()));
        let shared = Arc::clone(&output.shared);
        thread::Builder::new()
            .name("log-lines".to_owned())
            .spawn(move || shared.write_every_now_and_then())?;
        Ok(output)
    }

    fn to(out: Box<dyn Write + Send>) -> Self {
        let shared = Shared { waiting: Mutex::default(), begun: Condvar::new(), out: Mutex::new(out) };
        Self { shared: Arc::new(shared) }
    }

    /// Writes what waits; from now on nothing does.
    pub(crate) fn end(&self) {
        lock(&self.shared.waiting).over = true;
        // Nobody is left to be told.
        let _ = self.shared.write_waiting();
    }
}

impl Shared {
    fn write_every_now_and_then(&self) {
        loop {
            let mut waiting = lock(&self.waiting);
            while waiting.lines.is_empty() {
                waiting = self.begun.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            thread::sleep(GATHERING);
            let _ = self.write_waiting();
        }
    }

    fn write_waiting(&self) -> io::Result<()> {
        let mut out = lock(&self.out);
        let lines = std::mem::take(&mut lock(&self.waiting).lines);
        out.write_all(&lines)?;
        out.flush()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes one line.
pub(crate) struct Line<'a> {
    shared: &'a Shared,
    may_wait: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut waiting = lock(&self.shared.waiting);
        let is_first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(bytes);
        let is_due = !self.may_wait || waiting.over || waiting.lines.len() > MOST_WAITING;
        drop(waiting);
        if is_due {
            self.shared.write_waiting()
        } else {
            if is_first {
                self.shared.begun.notify_one();
            }
            Ok(())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.shared, may_wait: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.shared, may_wait: metadata.target() == OF_CALLS }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::TextLines;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Buffer {
        /// The messages, without what is around them.
        fn said(&self) -> Vec<String> {
            let bytes = lock(&self.0).clone();
            let text = String::from_utf8(bytes).unwrap();
            let message = |line: &str| line.split("msg=").nth(1)?.split(' ').next().map(str::to_owned);
            text.lines().filter_map(message).collect()
        }
    }

    fn logging(log: impl FnOnce(&Buffer, &Output)) {
        let buffer = Buffer::default();
        let output = Output::to(Box::new(buffer.clone()));
        let layer = tracing_subscriber::fmt::layer().event_format(TextLines).with_writer(output.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || log(&buffer, &output));
    }

    #[test]
    fn lines_of_calls_wait_until_anything_else_is_said_and_keep_their_order() {
        logging(|buffer, _| {
            tracing::info!(target: "promptgate::request", "one");
            tracing::info!(target: "promptgate::request", "two");
            assert_eq!(buffer.said().len(), 0);
            tracing::warn!("three");
            assert_eq!(buffer.said(), ["one", "two", "three"]);
        });
    }

    #[test]
    fn nothing_waits_at_the_end_or_after_it() {
        logging(|buffer, output| {
            tracing::info!(target: "promptgate::request", "one");
            output.end();
            assert_eq!(buffer.said(), ["one"]);
            tracing::info!(target: "promptgate::request", "two");
            assert_eq!(buffer.said(), ["one", "two"]);
        });
    }

    #[test]
    fn so_much_waits_and_no_more() {
        logging(|buffer, _| {
            let long = "x".repeat(MOST_WAITING / 2);
            for _ in 0..2 {
                tracing::info!(target: "promptgate::request", long, "one");
            }
            assert_eq!(buffer.said().len(), 2, "memory is not for lines");
        });
    }

    #[test]
    fn a_line_that_nothing_follows_is_written_before_long() {
        let buffer = Buffer::default();
        let output = Output::to(Box::new(buffer.clone()));
        let shared = Arc::clone(&output.shared);
        let writing = thread::spawn(move || shared.write_every_now_and_then());
        Line { shared: &output.shared, may_wait: true }.write_all(b"msg=one \n").unwrap();
        while buffer.said().is_empty() {
            assert!(!writing.is_finished());
            thread::yield_now();
        }
        assert_eq!(buffer.said(), ["one"]);
    }
}
