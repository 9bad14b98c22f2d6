//! Looks at monitored services, over the same client that calls go over.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use promptgate_control::monitoring::ServiceChecker;
use promptgate_gateway::ports::{Upstream, UpstreamRequest};
use promptgate_monitoring::Seen;
use promptgate_upstream_http::HttpUpstream;
use tokio::time::{Instant, timeout};
use url::Url;

/// A service that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_REDIRECTS: usize = 5;
/// How much of the answer is read; the rest is left.
const MAX_BODY_BYTES: usize = 1_024;

/// The view that monitoring has of the outbound client.
pub(crate) struct OutboundChecker(pub(crate) HttpUpstream);

#[async_trait]
impl ServiceChecker for OutboundChecker {
    async fn look(&self, url: &str) -> Seen {
        let begun = Instant::now();
        let answer = timeout(PATIENCE, self.follow(url)).await;
        let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match answer {
            Ok(Ok(status)) => Seen { status_code: Some(status), error: String::new(), latency_ms },
            Ok(Err(error)) => Seen { status_code: None, error, latency_ms },
            Err(_) => Seen { status_code: None, error: "no answer within 5 seconds".to_owned(), latency_ms },
        }
    }
}

impl OutboundChecker {
    /// The status at an address, or at the one it leads to.
    async fn follow(&self, url: &str) -> Result<u16, String> {
        let mut url = Url::parse(url).map_err(|error| error.to_string())?;
        for _ in 0..=MAX_REDIRECTS {
            let (status, next) = self.ask(&url).await?;
            let Some(next) = next else { return Ok(status) };
            url = match url.join(&next) {
                Ok(next) if matches!(next.scheme(), "http" | "https") => next,
                Ok(_) | Err(_) => return Err("it redirects to what is no http address".to_owned()),
            };
        }
        Err(format!("more than {MAX_REDIRECTS} redirects"))
    }

    /// The status of one answer, and where it redirects to.
    async fn ask(&self, url: &Url) -> Result<(u16, Option<String>), String> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("PromptGate-Monitoring"));
        let call = UpstreamRequest {
            method: Method::GET,
            url: url.as_str().to_owned(),
            headers,
            body: Bytes::new(),
            connect_timeout: PATIENCE,
            first_byte_timeout: PATIENCE,
        };
        let mut answer = self.0.call(call).await.map_err(|error| chain(&error))?;
        let mut read = 0;
        while read < MAX_BODY_BYTES {
            match answer.body.next().await {
                Some(Ok(piece)) => read += piece.len(),
                Some(Err(error)) => return Err(chain(&error)),
                None => break,
            }
        }
        let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let location = answer.headers.get(LOCATION).filter(|_| is_redirect);
        let location = location.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((answer.status.as_u16(), location))
    }
}

/// An error and everything behind it, each once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_upstream_http::{HttpUpstreamOptions, Trust};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers each connection with the next of some answers; says where.
    async fn serving(answers: Vec<String>) -> (String, impl Future<Output = ()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move {
            for answer in answers {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 4_096];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(answer.as_bytes()).await;
            }
            std::future::pending::<()>().await;
        };
        (format!("http://{address}/health"), serve)
    }

    fn answer(head: &str) -> String {
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi")
    }

    async fn look(answers: Vec<String>) -> Seen {
        let checker =
            OutboundChecker(HttpUpstream::new(Trust::new(None).unwrap(), &HttpUpstreamOptions::default()));
        let (url, serve) = serving(answers).await;
        tokio::select! {
            () = serve => unreachable!("it never ends"),
            seen = checker.look(&url) => seen,
        }
    }

    #[tokio::test]
    async fn the_status_at_the_end_of_redirects_is_seen() {
        assert_eq!(look(vec![answer("204 No Content")]).await.status_code, Some(204));
        let redirect = answer("302 Found\r\nlocation: /other");
        let seen = look(vec![redirect.clone(), redirect.clone(), answer("503 Down")]).await;
        assert_eq!((seen.status_code, &*seen.error), (Some(503), ""));
        let seen = look(vec![redirect; 6]).await;
        assert_eq!((seen.status_code, &*seen.error), (None, "more than 5 redirects"));
        let seen = look(vec![answer("301 Moved\r\nlocation: file:///etc/passwd")]).await;
        assert_eq!((seen.status_code, seen.error.contains("passwd")), (None, false));
        assert_eq!(look(vec![answer("304 Not Modified")]).await.status_code, Some(304));
    }

    #[tokio::test]
    async fn a_long_answer_is_not_read_to_its_end() {
        let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n{}", "x".repeat(4_096));
        assert_eq!(look(vec![long]).await.status_code, Some(200));
    }

    #[tokio::test]
    async fn who_does_not_answer_has_no_status_and_a_reason() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        let checker =
            OutboundChecker(HttpUpstream::new(Trust::new(None).unwrap(), &HttpUpstreamOptions::default()));
        let seen = checker.look(&url).await;
        assert_eq!(seen.status_code, None);
        assert!(!seen.error.is_empty() && !seen.error.contains("http://"), "{}", seen.error);
    }
}
