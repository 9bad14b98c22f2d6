//! What stands between browsers and the API: pages of strangers, addresses that lead elsewhere, proxies.

mod cors;
mod cross_site;
mod forwarded;
mod limits;
mod log;
mod nginx;
mod pages;
mod redirects;

use promptgate_e2e::{Gateway, Installation};

use crate::sign_in::prepared;

/// Everything in one process with these settings besides.
async fn with(settings: &[(&str, &str)]) -> (Installation, Gateway) {
    let installation = prepared(Installation::embedded().unwrap());
    let installation = settings.iter().fold(installation, |all, (name, value)| all.set(name, value));
    let gateway = Gateway::run_all(&installation).await.unwrap();
    (installation, gateway)
}

/// The host and port of an address.
fn host_of(base: &str) -> &str {
    base.split_once("://").unwrap().1
}
