//! Where calls go, and where they do not.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};
use promptgate_gateway::ports::{Upstream, UpstreamError, UpstreamRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::{HttpUpstream, HttpUpstreamOptions, Trust};

/// Gives each question the next answer; the last one stays.
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers.iter().map(|all| all.iter().map(|one| one.parse().unwrap()).collect());
        Arc::new(Self(Mutex::new(parsed.collect())))
    }
}

#[async_trait]
impl Resolve for Scripted {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut left = self.0.lock().unwrap();
        let next = left.pop_front().unwrap_or_default();
        if left.is_empty() {
            left.push_back(next.clone());
        }
        Ok(next)
    }
}

fn guard(reach: Reach, allowed: &[&str], answers: &[&[&str]]) -> AddressGuard {
    AddressGuard::new(reach, AllowedHosts::parse(allowed.iter().copied()).unwrap(), Scripted::new(answers))
}

fn public(answers: &[&[&str]]) -> AddressGuard {
    guard(Reach::Public, &[], answers)
}

/// A server that counts who connects; its port.
async fn server() -> (u16, Arc<Mutex<usize>>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let serving = async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            *counted.lock().unwrap() += 1;
            let mut request = [0; 4_096];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        }
    };
    let handle = tokio::runtime::Handle::current().spawn(serving);
    (port, count, handle)
}

fn upstream(guard: AddressGuard) -> HttpUpstream {
    let options = HttpUpstreamOptions { guard, ..HttpUpstreamOptions::default() };
    HttpUpstream::new(Trust::new(None).unwrap(), &options)
}

async fn call(upstream: &HttpUpstream, url: &str) -> Result<u16, String> {
    let request = UpstreamRequest {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        connect_timeout: Duration::from_secs(5),
        first_byte_timeout: Duration::from_secs(5),
    };
    match upstream.call(request).await {
        Ok(answer) => Ok(answer.status.as_u16()),
        Err(UpstreamError::Connect(error)) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            Err(text)
        }
        Err(other) => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_is_refused_then() {
    let (port, count, serving) = server().await;
    // What was checked first does not help it: what is connected to is checked.
    let guard = public(&[&["93.184.216.34"], &["127.0.0.1"]]);
    assert_eq!(guard.check(&format!("http://rebind.example:{port}/")).await, Ok(()));
    let refused = call(&upstream(guard), &format!("http://rebind.example:{port}/")).await.unwrap_err();
    for word in ["rebind.example", "127.0.0.1", "loopback", "PROMPTGATE_SSRF_ALLOWED_HOSTS"] {
        assert!(refused.contains(word), "{refused}");
    }
    assert_eq!(*count.lock().unwrap(), 0);
    serving.abort();
}

#[tokio::test]
async fn one_address_that_may_not_be_called_refuses_all() {
    for answers in [&["8.8.8.8", "10.0.0.1"][..], &["2606:4700::1", "::1"], &["8.8.8.8", "64:ff9b::7f00:1"]] {
        let refused = public(&[answers]).check("https://mixed.example/x").await.unwrap_err();
        let Refused::Address { host, address, .. } = refused else { panic!("{refused}") };
        assert_eq!((host.as_str(), address.to_string()), ("mixed.example", answers[1].to_owned()));
    }
    assert_eq!(public(&[&["8.8.8.8", "2606:4700::1"]]).check("https://good.example").await, Ok(()));
}

#[tokio::test]
async fn addresses_are_seen_through_whatever_they_are_written_like() {
    let guard = public(&[&["8.8.8.8"]]);
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://127。0。0。1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[2002:a00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://user:secret@169.254.169.254/latest/meta-data",
        "http://example.com@10.0.0.1/",
        "http://0/",
    ] {
        let refused = guard.check(url).await.unwrap_err();
        assert!(matches!(refused, Refused::Address { .. }), "{url}: {refused}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
    for url in
        ["ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://", "x", "//a.b/", ""]
    {
        assert!(matches!(guard.check(url).await, Err(Refused::NoHttp(_))), "{url}");
    }
}

#[tokio::test]
async fn who_calls_an_address_is_refused_before_it_connects() {
    let (port, count, serving) = server().await;
    let guarded = upstream(public(&[&["127.0.0.1"]]));
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "a.example", "2130706433", "0x7f.1", "a.example."] {
        let refused = call(&guarded, &format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(refused.contains("127.0.0.1") && refused.contains("loopback"), "{host}: {refused}");
    }
    assert_eq!(*count.lock().unwrap(), 0);
    for allowed in ["a.example", "127.0.0.0/8", "*"] {
        let guarded = upstream(guard(Reach::Public, &[allowed], &[&["127.0.0.1"]]));
        assert_eq!(call(&guarded, &format!("http://A.example.:{port}/")).await, Ok(200), "{allowed}");
    }
    assert_eq!(*count.lock().unwrap(), 3);
    serving.abort();
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_refused_as_such() {
    let unknown = public(&[&[]]).check("http://nowhere.example/").await.unwrap_err();
    assert_eq!(unknown.to_string(), "the host `nowhere.example` cannot be resolved: it has no address");
    assert!(matches!(unknown, Refused::Unresolved { .. }));
}

#[tokio::test]
async fn providers_may_be_anywhere_but_where_machines_are_told_their_secrets() {
    let trusted = |answer: &str| guard(Reach::Trusted, &[], &[&[answer]]);
    for fine in ["127.0.0.1", "10.0.0.1", "fd12::1", "100.64.0.1"] {
        assert_eq!(trusted(fine).check("http://ollama.internal:11434").await, Ok(()), "{fine}");
    }
    for secret in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "fd00:ec2::254",
        "fd00:42::42",
        "fe80::a9fe:a9fe",
    ] {
        let refused = trusted(secret).check("http://metadata.internal").await.unwrap_err();
        assert!(matches!(refused, Refused::Address { kind: AddressKind::Metadata, .. }), "{secret}");
    }
    let listed = guard(Reach::Trusted, &["169.254.169.254"], &[&[]]);
    assert_eq!(listed.check("http://169.254.169.254/").await, Ok(()));
}
