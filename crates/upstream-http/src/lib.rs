//! Outbound HTTP: what the gateway calls providers with, and what traces are exported with.
//!
//! [`HttpUpstream`] is the gateway's port [`Upstream`](promptgate_gateway::ports::Upstream) over a
//! pooled client for HTTP/1.1 and HTTP/2, in the clear or over TLS with the machine's certificates
//! and a bundle of one's own. A call over HTTP/1.1 drives its connection itself, and hands on as one
//! piece what arrived together (`docs/adr/0008`). It follows no redirect, unpacks nothing, retries nothing that was
//! sent, and uses no proxy. [`Trust`] can be
//! read anew while calls are made. An [`AddressGuard`] looks at every address before it is connected to.
//! [`OtlpHttpClient`] lends the same client to the exporter of traces.

mod body;
mod client;
mod gate;
mod guard;
mod host;
mod line;
mod otlp;
mod shared;
mod tls;
mod upstream;

pub use client::HttpUpstreamOptions;
pub use guard::{
    AddressGuard, AddressKind, AllowedHosts, InvalidAllowedHost, NameServer, Reach, Refused, Resolve,
    SystemResolver,
};
pub use otlp::OtlpHttpClient;
pub use tls::{TlsSetupError, Trust};
pub use upstream::HttpUpstream;
