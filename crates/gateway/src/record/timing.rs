//! Where the time of a call goes.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// A call's clock: what of its time was spent on whom. What is left is the gateway's own.
#[derive(Debug)]
pub(crate) struct Timing {
    started: Instant,
    authenticated: Option<Duration>,
    /// Waiting for the client to send its body.
    upload: Duration,
    /// Waiting for a model that guardrails asked.
    guardrails: Duration,
    /// Pauses between calls to providers.
    paused: Duration,
    upstream: Duration,
    /// Since when a provider is being called.
    calling: Option<Instant>,
}

impl Timing {
    /// The request has arrived.
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
            authenticated: None,
            upload: Duration::ZERO,
            guardrails: Duration::ZERO,
            paused: Duration::ZERO,
            upstream: Duration::ZERO,
            calling: None,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The caller is known.
    pub(crate) fn authenticated(&mut self) {
        self.authenticated = Some(self.started.elapsed());
    }

    /// The body is here, which was waited for since `since`.
    pub(crate) fn uploaded(&mut self, since: Instant) {
        self.upload += since.elapsed();
    }

    /// A model that guardrails asked has answered, or was given up.
    pub(crate) fn guardrails_asked(&mut self, since: Instant) {
        self.guardrails += since.elapsed();
    }

    /// A pause between two calls to providers is over.
    pub(crate) fn paused(&mut self, pause: Duration) {
        self.paused += pause;
    }

    /// A provider is called.
    pub(crate) fn call_begins(&mut self) {
        self.calling = Some(Instant::now());
    }

    /// Whether a provider is being called.
    pub(crate) const fn is_calling(&self) -> bool {
        self.calling.is_some()
    }

    /// The provider is done, or given up.
    pub(crate) fn call_ends(&mut self) {
        if let Some(since) = self.calling.take() {
            self.upstream += since.elapsed();
        }
    }

    /// How long providers have taken so far; `None` if none was called.
    pub(crate) fn upstream(&self) -> Option<Duration> {
        let so_far = self.upstream + self.calling.map_or(Duration::ZERO, |since| since.elapsed());
        (self.calling.is_some() || !self.upstream.is_zero()).then_some(so_far)
    }

    /// What the gateway itself has taken so far.
    pub(crate) fn own(&self) -> Duration {
        let others = self.upload + self.guardrails + self.paused + self.upstream().unwrap_or_default();
        self.elapsed().saturating_sub(others)
    }

    /// Tells the client, in milliseconds: `auth` (a part of `gateway`), `upload`, `guardrails`, `retry`,
    /// `upstream` and `gateway`, all of which add up to `total`.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let mut text = String::with_capacity(96);
        let measured = |span: Duration| (!span.is_zero()).then_some(span);
        let parts = [
            ("auth", self.authenticated),
            ("upload", measured(self.upload)),
            ("guardrails", measured(self.guardrails)),
            ("retry", measured(self.paused)),
            ("upstream", self.upstream()),
            ("gateway", Some(self.own())),
            ("total", Some(self.elapsed())),
        ];
        for (name, span) in parts {
            let Some(span) = span else { continue };
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(name);
            text.push_str(";dur=");
            push_millis(&mut text, span);
        }
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(SERVER_TIMING, value);
        }
    }
}

/// Writes milliseconds with three places. By hand: every answer has some of them.
fn push_millis(text: &mut String, span: Duration) {
    let mut micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let mut digits = [0; 24];
    let mut at = digits.len();
    while micros > 0 || digits.len() - at < 5 {
        at -= 1;
        if digits.len() - at == 4 {
            digits[at] = b'.';
        } else {
            digits[at] = b'0' + u8::try_from(micros % 10).unwrap_or_default();
            micros /= 10;
        }
    }
    text.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn every_part_is_told_and_the_rest_is_the_gateways() {
        let millis = Duration::from_millis;
        let mut timing = Timing::start();
        advance(millis(2)).await;
        timing.authenticated();
        let since = Instant::now();
        advance(millis(30)).await;
        timing.uploaded(since);
        let since = Instant::now();
        advance(millis(400)).await;
        timing.guardrails_asked(since);
        timing.call_begins();
        advance(millis(100)).await;
        timing.call_ends();
        advance(millis(50)).await;
        timing.paused(millis(50));
        timing.call_begins();
        advance(millis(7)).await;
        assert_eq!((timing.upstream(), timing.own()), (Some(millis(107)), millis(2)));
        let mut headers = HeaderMap::new();
        timing.write(&mut headers);
        assert_eq!(
            headers["server-timing"],
            "auth;dur=2.000, upload;dur=30.000, guardrails;dur=400.000, retry;dur=50.000, upstream;dur=107.000, \
             gateway;dur=2.000, total;dur=589.000"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_did_not_happen_is_not_told() {
        let timing = Timing::start();
        assert_eq!(timing.upstream(), None);
        let mut headers = HeaderMap::new();
        timing.write(&mut headers);
        assert_eq!(headers["server-timing"], "gateway;dur=0.000, total;dur=0.000");
    }
}
