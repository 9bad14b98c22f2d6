//! Reads public lists of prices: of an address, over the same client that calls go over, or of a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use promptgate_control::prices::{FetchedPrices, ListInUse, PriceKeeper, PriceSource};
use promptgate_gateway::ports::{Upstream, UpstreamRequest};
use promptgate_settings::Settings;
use promptgate_store::{Bus, Store};
use promptgate_upstream_http::HttpUpstream;
use promptgate_usage::RefreshStatus;
use tokio::time::timeout;
use url::Url;

use crate::base::Base;
use crate::outbound;

/// A list that takes longer is not read.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest list that is read.
const MAX_BYTES: usize = 16 << 20;

/// Whoever keeps prices new, with the list of the settings.
pub(crate) fn keeper(base: &Base, store: &Arc<dyn Store>, bus: &Arc<dyn Bus>) -> anyhow::Result<PriceKeeper> {
    let source = ListInUse::new(list(&base.settings, &outbound::trusted(base)?)?);
    Ok(PriceKeeper {
        store: Arc::clone(store),
        bus: Arc::clone(bus),
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&base.entropy),
        source,
    })
}

/// Reads the list of the settings at a signal, and from then on where they say now. Prices stay as they are
/// where it cannot be read.
pub(crate) fn read_on_signal(base: &Base, keeper: &PriceKeeper) -> anyhow::Result<()> {
    let (keeper, client) = (keeper.clone(), outbound::trusted(base)?);
    base.reloads.add("the list of prices", "prices", move |settings| {
        let (keeper, client) = (keeper.clone(), client.clone());
        async move {
            keeper.source.replace(list(&settings, &client)?);
            let Some(name) = keeper.source.name() else { return Ok(false) };
            let done = keeper.refresh().await?;
            match done.into_iter().find(|done| done.source == name && done.status == RefreshStatus::Failed) {
                Some(failed) => bail!("{name}: {}", failed.error.unwrap_or_default()),
                None => Ok(true),
            }
        }
    });
    Ok(())
}

/// The list that the settings name, if they name one.
fn list(settings: &Settings, client: &HttpUpstream) -> anyhow::Result<Option<Arc<dyn PriceSource>>> {
    let settings = settings.scheduler()?;
    Ok(match (settings.prices_url, settings.prices_file) {
        (Some(url), _) => {
            let url = Url::parse(&url).context("PROMPTGATE_PRICES_URL")?;
            Some(Arc::new(PricesAt::new(url, client.clone())))
        }
        (None, Some(path)) => Some(Arc::new(PricesIn::new(path))),
        (None, None) => None,
    })
}

/// A list at an address.
struct PricesAt {
    url: Url,
    name: String,
    client: HttpUpstream,
}

impl PricesAt {
    fn new(url: Url, client: HttpUpstream) -> Self {
        // What may be secret about an address is before its host and behind its path.
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let name = format!("{}://{host}{port}{}", url.scheme(), url.path());
        Self { url, name, client }
    }

    async fn read(&self, etag: Option<&str>) -> Result<FetchedPrices, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(IF_NONE_MATCH, etag);
        }
        let call = UpstreamRequest {
            method: Method::GET,
            url: self.url.as_str().to_owned(),
            headers,
            body: Bytes::new(),
            connect_timeout: PATIENCE,
            first_byte_timeout: PATIENCE,
        };
        let mut answer = self.client.call(call).await.map_err(|error| error.to_string())?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(FetchedPrices::Unchanged),
            status => return Err(format!("it answers {status}")),
        }
        let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let mut json = Vec::new();
        while let Some(piece) = answer.body.next().await {
            json.extend_from_slice(&piece.map_err(|error| error.to_string())?);
            if json.len() > MAX_BYTES {
                return Err(format!("it is larger than {MAX_BYTES} bytes"));
            }
        }
        Ok(FetchedPrices::List { json, etag })
    }
}

#[async_trait]
impl PriceSource for PricesAt {
    fn name(&self) -> &str {
        &self.name
    }

    async fn fetch(&self, etag: Option<&str>) -> Result<FetchedPrices, String> {
        let read = timeout(PATIENCE, self.read(etag)).await;
        read.unwrap_or_else(|_| Err(format!("it did not come within {} s", PATIENCE.as_secs())))
    }
}

/// A list in a file.
struct PricesIn {
    path: PathBuf,
    name: String,
}

impl PricesIn {
    fn new(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), path }
    }
}

#[async_trait]
impl PriceSource for PricesIn {
    fn name(&self) -> &str {
        &self.name
    }

    async fn fetch(&self, _: Option<&str>) -> Result<FetchedPrices, String> {
        let json = tokio::fs::read(&self.path).await.map_err(|error| error.to_string())?;
        Ok(FetchedPrices::List { json, etag: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_upstream_http::{HttpUpstreamOptions, Trust};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers each connection with the next of some answers, and gives what was asked.
    async fn serving(answers: Vec<String>) -> (Url, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:word@{}/list.json?key=secret", listener.local_addr().unwrap());
        let tasks = tokio_util::task::TaskTracker::new();
        let serve = tasks.spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4_096];
                let read = connection.read(&mut request).await.unwrap();
                asked.push(String::from_utf8_lossy(&request[..read]).to_ascii_lowercase());
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        (Url::parse(&url).unwrap(), serve)
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_list_is_read_once_as_long_as_it_stays_the_same() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let answers = vec![
            answer("200 OK\r\netag: \"one\"", "{}"),
            answer("304 Not Modified", ""),
            answer("404 Not Found", ""),
        ];
        let (url, served) = serving(answers).await;
        let list = PricesAt::new(
            url.clone(),
            HttpUpstream::new(Trust::new(None).unwrap(), &HttpUpstreamOptions::default()),
        );
        assert_eq!(list.name(), format!("http://{}/list.json", url.socket_addrs(|| None).unwrap()[0]));
        let read = FetchedPrices::List { json: b"{}".to_vec(), etag: Some("\"one\"".into()) };
        assert_eq!(list.fetch(None).await, Ok(read));
        assert_eq!(list.fetch(Some("\"one\"")).await, Ok(FetchedPrices::Unchanged));
        assert!(list.fetch(Some("\"one\"")).await.unwrap_err().contains("404"));
        let asked = served.await.unwrap();
        assert!(
            !asked[0].contains("if-none-match") && asked[1].contains("if-none-match: \"one\""),
            "{asked:?}"
        );
    }

    #[tokio::test]
    async fn a_file_is_read_and_one_that_is_not_there_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("prices.json");
        std::fs::write(&path, "{}").unwrap();
        let read = FetchedPrices::List { json: b"{}".to_vec(), etag: None };
        assert_eq!(PricesIn::new(path.clone()).fetch(None).await, Ok(read));
        std::fs::remove_file(&path).unwrap();
        assert!(PricesIn::new(path).fetch(None).await.is_err());
    }
}
