//! Calls over TLS, with a certificate that only our own bundle vouches for.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use promptgate_gateway::ports::{Upstream, UpstreamError};
use promptgate_upstream_http::{HttpUpstream, HttpUpstreamOptions, TlsSetupError, Trust};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::request;

pub(crate) const CA: &[u8] = include_bytes!("../data/ca.pem");

/// TLS with the certificate that the bundle vouches for.
pub(crate) fn server_config() -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("../data/server.pem"))
        .collect::<Result<Vec<_>, _>>()
        .expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(&include_bytes!("../data/server.key.der")[..]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from(key))
        .expect("a key that fits")
}

/// Serves connections one after the other, as many as there are answers wanted.
fn serve(connections: usize) -> String {
    let config = Arc::new(server_config());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().take(connections).flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
            let mut stream = StreamOwned::new(session, stream);
            // A client that does not believe the certificate is gone here.
            if stream.read(&mut [0; 4096]).is_ok() {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("it waits");
            }
        }
    });
    url
}

#[tokio::test]
async fn a_certificate_of_ones_own_needs_the_bundle() {
    let url = serve(2);
    let call = async |bundle: Option<&[u8]>| {
        let upstream = HttpUpstream::new(Trust::new(bundle).unwrap(), &HttpUpstreamOptions::default());
        upstream.call(request(&url)).await.map(|response| response.status)
    };
    assert!(matches!(call(None).await, Err(UpstreamError::Connect(_))));
    assert_eq!(call(Some(CA)).await.unwrap(), 200);
}

/// A connection is as believable as its certificate: none outlives the trust that it was made with.
#[tokio::test]
async fn what_is_believed_changes_while_calls_are_made() {
    let (url, calls) = serve_all();
    let trust = Trust::new(None).unwrap();
    let upstream = HttpUpstream::new(trust.clone(), &HttpUpstreamOptions::default());
    let call = async || {
        let mut answer = upstream.call(request(&url)).await?;
        while answer.body.next().await.is_some() {}
        Ok::<_, UpstreamError>(answer.status)
    };
    assert!(matches!(call().await, Err(UpstreamError::Connect(_))));
    trust.replace(Some(CA)).unwrap();
    assert_eq!(call().await.unwrap(), 200);
    assert_eq!(call().await.unwrap(), 200);
    assert_eq!(calls.load(Ordering::SeqCst), 1, "both over one connection");
    assert!(matches!(trust.replace(Some(b"no certificate")), Err(TlsSetupError::NoCertificate)));
    assert_eq!(call().await.unwrap(), 200, "what cannot be read changes nothing");
    trust.replace(None).unwrap();
    assert!(matches!(call().await, Err(UpstreamError::Connect(_))));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// Serves calls over connections that stay; counts the connections that were used for some.
fn serve_all() -> (String, Arc<AtomicUsize>) {
    let config = Arc::new(server_config());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("it is bound"));
    let used = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&used);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, counting) = (Arc::clone(&config), Arc::clone(&counting));
            std::thread::spawn(move || {
                let session = ServerConnection::new(config).expect("a session");
                let mut stream = StreamOwned::new(session, stream);
                let mut calls = 0;
                while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    calls += 1;
                    if calls == 1 {
                        counting.fetch_add(1, Ordering::SeqCst);
                    }
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, used)
}
