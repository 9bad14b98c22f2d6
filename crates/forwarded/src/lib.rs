//! What reverse proxies tell of a client: its address, its scheme and the host it asked for.
//!
//! Forwarded headers are texts that anybody can send. [`ProxyTrust`] says whose word counts;
//! [`client_address`] and [`asked_for`] read the headers by it. The crate opens no connection and knows
//! no server; both ports of the gateway use it, so that they never disagree about who called.
//!
//! ```
//! use http::HeaderMap;
//! use promptgate_forwarded::{ProxyTrust, Scheme, asked_for, client_address};
//!
//! let trust = ProxyTrust::Networks(vec!["10.0.0.0/8".parse().unwrap()]);
//! let mut headers = HeaderMap::new();
//! headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
//! headers.insert("x-forwarded-proto", "https".parse().unwrap());
//!
//! let proxy = "10.0.0.1".parse().unwrap();
//! assert_eq!(client_address(proxy, &headers, &trust).to_string(), "203.0.113.9");
//! assert_eq!(asked_for(proxy, &headers, &trust).scheme, Some(Scheme::Https));
//!
//! let stranger = "198.51.100.7".parse().unwrap();
//! assert_eq!(client_address(stranger, &headers, &trust), stranger);
//! assert_eq!(asked_for(stranger, &headers, &trust).scheme, None);
//! ```

mod asked;
mod client_address;
mod entries;

pub use asked::{Asked, Scheme, asked_for, is_forwarded};
pub use client_address::{ProxyTrust, client_address};
