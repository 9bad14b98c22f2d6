//! The connections to one host between calls.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::line::Line;
use crate::shared::{Shared, Stream};

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeping {
    pub(crate) idle_timeout: Duration,
    pub(crate) max_idle: usize,
}

/// A connection to send a request over.
pub(crate) enum Link {
    /// HTTP/1.1: it is the call's own.
    Line(Box<Line>),
    /// HTTP/2: a place on one that other calls use as well.
    Stream(Stream),
}

/// A scheme, a name and a port, and the unused connections to it.
pub(crate) struct Host {
    /// Where to connect to.
    pub(crate) uri: Uri,
    /// What HTTP/1.1 says in `Host`.
    pub(crate) header: HeaderValue,
    keeping: Keeping,
    kept: Mutex<Kept>,
    /// Woken when something happens to a connection that is kept.
    watch: Arc<Watch>,
    /// Of the watch.
    watcher: Waker,
}

#[derive(Default)]
struct Watch(Notify);

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

#[derive(Default)]
struct Kept {
    /// Since when nobody uses them, the oldest first.
    lines: VecDeque<(Instant, Box<Line>)>,
    /// The first one that has a place is used, so that those that are only sometimes needed are to end.
    shared: Vec<Shared>,
    /// Closes what nobody uses for too long, and what the other side closes. There while there is
    /// something to close.
    sweeper: Option<JoinHandle<()>>,
}

impl Host {
    pub(crate) fn new(scheme: Scheme, authority: &Authority, keeping: Keeping) -> Result<Self, http::Error> {
        let port = authority.port_u16();
        let is_default = port == Some(if scheme == Scheme::HTTPS { 443 } else { 80 });
        let header = match port.filter(|_| !is_default) {
            Some(port) => HeaderValue::try_from(format!("{}:{port}", authority.host()))?,
            None => HeaderValue::from_str(authority.host())?,
        };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(authority.clone())
            .path_and_query(PathAndQuery::from_static("/"))
            .build()?;
        let watch = Arc::new(Watch::default());
        let watcher = Waker::from(Arc::clone(&watch));
        Ok(Self { uri, header, keeping, kept: Mutex::default(), watch, watcher })
    }

    /// A connection that can be used at once: the one that was used last, because those that were not
    /// needed for long are to end.
    pub(crate) fn take(&self) -> Option<Link> {
        loop {
            let now = Instant::now();
            let is_fresh = |since| now.saturating_duration_since(since) < self.keeping.idle_timeout;
            let mut kept = self.kept();
            kept.shared.retain(|shared| is_fresh(shared.unused_since()) && !shared.is_closed());
            if let Some(stream) = kept.shared.iter().find_map(Shared::stream) {
                return Some(Link::Stream(stream));
            }
            let (since, mut line) = kept.lines.pop_back()?;
            drop(kept);
            if is_fresh(since) && line.is_free(&self.watcher) {
                return Some(Link::Line(line));
            }
        }
    }

    /// Keeps a connection for the next call, if it can be used again; closes it otherwise.
    pub(crate) fn give_back(self: &Arc<Self>, mut line: Box<Line>) {
        // Without a runtime its socket is dead, and nobody could close it in time.
        let Ok(runtime) = Handle::try_current() else { return };
        if !line.is_free(&self.watcher) {
            return;
        }
        let mut kept = self.kept();
        if kept.lines.len() < self.keeping.max_idle {
            if line.is_woken() {
                // Whoever was told of it did not find it here.
                self.watcher.wake_by_ref();
            }
            kept.lines.push_back((Instant::now(), line));
            self.have_swept(&mut kept, &runtime);
        }
    }

    /// Lets all calls use a new HTTP/2 connection. If there is a place on an older one by now, the call
    /// that connected gets that, and the new one is closed. Says also whether it is from before.
    pub(crate) fn share(self: &Arc<Self>, shared: Shared, own: Stream) -> (Stream, bool) {
        let Ok(runtime) = Handle::try_current() else { return (own, false) };
        let mut kept = self.kept();
        kept.shared.retain(|shared| !shared.is_closed());
        if let Some(stream) = kept.shared.iter().find_map(Shared::stream) {
            return (stream, true);
        }
        if kept.shared.len() < self.keeping.max_idle {
            kept.shared.push(shared);
            self.have_swept(&mut kept, &runtime);
        }
        (own, false)
    }

    /// Whether there is nothing that is worth to be remembered.
    pub(crate) fn is_empty(&self) -> bool {
        let kept = self.kept();
        kept.lines.is_empty() && kept.shared.is_empty()
    }

    fn have_swept(self: &Arc<Self>, kept: &mut Kept, runtime: &Handle) {
        if kept.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            let (host, watch) = (Arc::downgrade(self), Arc::clone(&self.watch));
            kept.sweeper = Some(runtime.spawn(sweep(host, watch, self.keeping.idle_timeout)));
        }
    }

    /// Closes what nobody uses for too long, or what the other side has closed, and says when there is
    /// more to close, if there is.
    fn close_unused(&self) -> Option<Instant> {
        let now = Instant::now();
        let is_over = |since: Instant| now.saturating_duration_since(since) >= self.keeping.idle_timeout;
        let mut kept = self.kept();
        let over = kept.lines.partition_point(|(since, _)| is_over(*since));
        let closed: Vec<_> = kept.lines.drain(..over).collect();
        kept.lines.retain_mut(|(_, line)| !line.is_woken() || line.is_free(&self.watcher));
        kept.shared.retain(|shared| !is_over(shared.unused_since()) && !shared.is_closed());
        let line = kept.lines.front().map(|(since, _)| *since);
        let oldest = line.into_iter().chain(kept.shared.iter().map(Shared::unused_since)).min();
        if oldest.is_none() {
            kept.sweeper = None;
        }
        drop(kept);
        drop(closed);
        oldest.map(|since| since + self.keeping.idle_timeout)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections for as long as there are some.
async fn sweep(host: Weak<Host>, watch: Arc<Watch>, idle_timeout: Duration) {
    let mut next = Instant::now() + idle_timeout;
    loop {
        // Either is a reason to look.
        let _ = timeout_at(next, watch.0.notified()).await;
        let Some(host) = host.upgrade() else { return };
        let Some(later) = host.close_unused() else { return };
        next = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_is_not_said() {
        let keeping = Keeping { idle_timeout: Duration::from_secs(1), max_idle: 1 };
        for (url, header) in [
            ("http://a.test/v1", "a.test"),
            ("http://a.test:80/", "a.test"),
            ("http://a.test:443/", "a.test:443"),
            ("https://a.test:443/", "a.test"),
            ("https://user@a.test:8443/", "a.test:8443"),
            ("http://[::1]:8080/", "[::1]:8080"),
        ] {
            let uri: Uri = url.parse().unwrap();
            let scheme = uri.scheme().unwrap().clone();
            let host = Host::new(scheme, uri.authority().unwrap(), keeping).unwrap();
            assert_eq!(host.header, header, "{url}");
        }
    }
}
