//! A provider's own list of models, asked of the provider. Nothing of an answer passes that was not
//! read here.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Method};
use promptgate_providers::{UnknownModel, WireFormat};
use promptgate_wire::{ModelRow, Surface, model_detail, models_list};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::address::{check_granted, check_open, model_project, named_provider};
use crate::authenticate::Authenticated;
use crate::candidate::Candidate;
use crate::fault::Fault;
use crate::headers::{outgoing, passes};
use crate::pipeline::Shared;
use crate::ports::{UpstreamError, UpstreamRequest};
use crate::receive::Route;
use crate::record::{Record, shortened};
use crate::refusal::Refusal;
use crate::snapshot::CompiledProvider;

/// No vendor's list is near it.
const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;
/// Nobody waits longer for a list.
const LONGEST: Duration = Duration::from_secs(20);
/// As many models as Anthropic tells at once.
const WHOLE_LIST: &str = "limit=1000";

/// The list of a provider's models, or one of them.
pub(crate) async fn provider_models(
    authenticated: Authenticated,
    name: &str,
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Bytes, Refusal> {
    let Authenticated { route, ids, query, headers, project, snapshot, caller, .. } = authenticated;
    model_project(&project)?;
    let provider = named_provider(name, route, &snapshot, record)?;
    check_granted(provider, caller.as_deref())?;
    check_open(provider, &project)?;
    record.provider = Some(Arc::clone(provider));
    let wanted = ids.first().filter(|_| route == Route::ModelDetail);
    let allows =
        |model: &str| caller.as_ref().is_none_or(|caller| caller.allows_model(&provider.provider, model));
    if !provider.provider.kind.lists_models() {
        return configured(provider, wanted.map(String::as_str), record.surface, allows);
    }
    let query = match wanted {
        Some(_) => Some(WHOLE_LIST).filter(|_| provider.provider.kind.wire_format() == WireFormat::Anthropic),
        None => query.as_deref(),
    };
    let candidate = Candidate::new(provider, "", project.credential(provider.provider.id));
    let request = request(&candidate, &headers, query, shared, record)?;
    let asked = tokio::time::timeout(LONGEST, ask(request, shared));
    let answer = asked.await.unwrap_or(Err(Fault::TotalTimeout));
    let listed = answer.and_then(|body| read(&body, wanted.map(String::as_str), allows));
    let failed = |fault| Refusal::Upstream { provider: name.to_owned(), fault };
    match listed.map_err(failed)? {
        Some(body) => Ok(body),
        None => Err(no_model(wanted.map_or("", String::as_str))),
    }
}

/// What the operator knows of a provider that tells nothing itself.
fn configured(
    provider: &CompiledProvider,
    wanted: Option<&str>,
    surface: Surface,
    allows: impl Fn(&str) -> bool,
) -> Result<Bytes, Refusal> {
    let provider = &provider.provider;
    let row = |model: &String| ModelRow {
        id: model.clone(),
        owned_by: provider.name.as_str().to_owned(),
        created_at: provider.created_at,
        alias: None,
    };
    match wanted {
        None => {
            let models = provider.models.iter().filter(|model| allows(model));
            Ok(models_list(surface, &models.map(row).collect::<Vec<_>>()))
        }
        Some(id) => {
            let found = provider.models.iter().find(|model| *model == id && allows(model));
            found.map(|model| model_detail(surface, &row(model))).ok_or_else(|| no_model(id))
        }
    }
}

fn no_model(id: &str) -> Refusal {
    Refusal::UnknownModel { message: UnknownModel::NoMatch { model: shortened(id) }.to_string() }
}

fn request(
    candidate: &Candidate,
    headers: &HeaderMap,
    query: Option<&str>,
    shared: &Shared,
    record: &Record,
) -> Result<UpstreamRequest, Refusal> {
    let provider = &candidate.provider;
    let usable = match candidate.credential {
        Some(id) => provider.credential(id),
        None => provider.credentials.iter().max_by_key(|credential| credential.weight),
    };
    let unusable = || Refusal::CredentialUnusable { provider: provider.provider.name.as_str().to_owned() };
    let secret = usable.ok_or_else(unusable)?.secrets.first();
    let passing = headers.iter().filter(|(name, _)| passes(name));
    let passing = passing.map(|(name, value)| (name.clone(), value.clone())).collect();
    let url = provider.provider.resource_url(&["models"]).expect("the word is a plain one");
    let url = match query.filter(|query| !query.is_empty()) {
        Some(query) => format!("{url}?{query}"),
        None => url,
    };
    let times = provider.timeouts;
    Ok(UpstreamRequest {
        method: Method::GET,
        url,
        headers: outgoing(&passing, candidate, None, secret, record, &mut Vec::new()),
        body: Bytes::new(),
        connect_timeout: times.connect.unwrap_or(shared.limits.connect_timeout),
        first_byte_timeout: times.first_byte.unwrap_or(shared.limits.first_byte_timeout),
    })
}

async fn ask(request: UpstreamRequest, shared: &Shared) -> Result<Bytes, Fault> {
    let response = shared.upstream.call(request).await?;
    let status = response.status.as_u16();
    if matches!(status, 401 | 403) {
        return Err(Fault::AuthFailed { status });
    }
    if !response.status.is_success() {
        return Err(Fault::Failed { status, message: None, retry_after: None });
    }
    let is_encoded = |value: &http::HeaderValue| {
        let value = value.as_bytes().trim_ascii();
        !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
    };
    if response.headers.get_all(CONTENT_ENCODING).iter().any(is_encoded) {
        return Err(Fault::Compressed);
    }
    let mut body = response.body;
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await.transpose()? {
        if whole.len() + piece.len() > MAX_LIST_BYTES {
            return Err(UpstreamError::TooLarge.into());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// A list, row by row as the vendor writes it.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    models: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    has_more: Option<bool>,
}

/// The list as its client gets it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<&'a RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Vec<&'a RawValue>>,
    #[serde(flatten)]
    page: Option<Page<'a>>,
}

/// Where an Anthropic list goes on.
#[derive(Serialize)]
struct Page<'a> {
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// Whatever names a model.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    display_name: Option<Cow<'a, str>>,
}

/// The list without what has no name or is not allowed, or the one that is wanted; `None` if it is not there. What is
/// no list passes in no case.
fn read(body: &[u8], wanted: Option<&str>, allows: impl Fn(&str) -> bool) -> Result<Option<Bytes>, Fault> {
    // Together tells its models without anything around them.
    let bare = || -> Result<List<'_>, Fault> {
        let data = serde_json::from_slice(body).map_err(|_| Fault::Broken)?;
        Ok(List { object: Some("list".into()), data: Some(data), models: None, has_more: None })
    };
    let List { object, data, models, has_more } = serde_json::from_slice(body).or_else(|_| bare())?;
    if data.is_none() && models.is_none() {
        return Err(Fault::Broken);
    }
    let named = |rows| named(rows, &allows);
    let (data, models) = (data.map(named), models.map(named));
    if let Some(wanted) = wanted {
        let mut rows = data.iter().chain(&models).flatten();
        let found = rows.find(|(name, _)| name == wanted);
        return Ok(found.map(|(_, row)| Bytes::copy_from_slice(row.get().as_bytes())));
    }
    let rows = data.as_deref().unwrap_or_default();
    let page = has_more.map(|has_more| Page {
        has_more,
        first_id: rows.first().map(|(name, _)| name.as_str()),
        last_id: rows.last().map(|(name, _)| name.as_str()),
    });
    let told =
        Told { object, data: data.as_deref().map(rows_of), models: models.as_deref().map(rows_of), page };
    let told = serde_json::to_vec(&told).expect("rows that were read are written");
    Ok(Some(told.into()))
}

fn rows_of<'a>(named: &[(String, &'a RawValue)]) -> Vec<&'a RawValue> {
    named.iter().map(|(_, row)| *row).collect()
}

/// Those that have a name and are allowed, with it.
fn named(rows: Vec<&RawValue>, allows: impl Fn(&str) -> bool) -> Vec<(String, &RawValue)> {
    let named = rows.into_iter().filter_map(|row| Some((name_of(row)?, row)));
    named.filter(|(name, _)| allows(name)).collect()
}

/// The first of a model's names that is not blank.
fn name_of(row: &RawValue) -> Option<String> {
    let names: Names<'_> = serde_json::from_str(row.get()).ok()?;
    let mut names = [names.id, names.name, names.display_name].into_iter().flatten();
    names.find(|name| !name.trim().is_empty()).map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(body: &str) -> Result<Option<String>, Fault> {
        let read = read(body.as_bytes(), None, |_| true)?;
        Ok(read.map(|body| String::from_utf8(body.to_vec()).unwrap()))
    }

    #[test]
    fn models_pass_as_they_are_and_what_has_no_name_does_not() {
        let body =
            r#"{"object":"list","data":[{"id":"a", "x":1.0},{"owned_by":"b"},{"id":" ","name":"c"},7]}"#;
        let expected = r#"{"object":"list","data":[{"id":"a", "x":1.0},{"id":" ","name":"c"}]}"#;
        assert_eq!(listed(body).unwrap().unwrap(), expected);
        assert_eq!(listed(r#"[{"id":"a"}]"#).unwrap().unwrap(), r#"{"object":"list","data":[{"id":"a"}]}"#);
        let models = r#"{"models":[{"name":"a"}],"next":"b"}"#;
        assert_eq!(listed(models).unwrap().unwrap(), r#"{"models":[{"name":"a"}]}"#);
        let anthropic = r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true,"first_id":"a","last_id":"b"}"#;
        assert_eq!(listed(anthropic).unwrap().unwrap(), anthropic);
    }

    #[test]
    fn what_is_no_list_does_not_pass() {
        for body in ["", "{}", "null", "<html>", r#"{"data":{}}"#, r#"{"data":[],"data":[]}"#, "\u{1f}\u{8b}"]
        {
            assert_eq!(listed(body), Err(Fault::Broken), "{body}");
        }
    }

    #[test]
    fn one_model_is_found_by_its_name() {
        let body = br#"{"data":[{"id":"a/b"},{"id":"c", "y":2}]}"#;
        assert_eq!(read(body, Some("c"), |_| true).unwrap().unwrap(), r#"{"id":"c", "y":2}"#);
        assert_eq!(read(body, Some("d"), |_| true).unwrap(), None);
    }

    #[test]
    fn what_is_not_allowed_is_not_listed() {
        let allows = |model: &str| !model.starts_with("bge");
        let body = r#"{"data":[{"id":"a"},{"id":"bge-m3"}],"models":[{"name":"bge"},{"name":"c"}]}"#;
        let told = read(body.as_bytes(), None, allows).unwrap().unwrap();
        assert_eq!(told, r#"{"data":[{"id":"a"}],"models":[{"name":"c"}]}"#);
        assert_eq!(read(body.as_bytes(), Some("bge-m3"), allows).unwrap(), None);
        let anthropic =
            r#"{"data":[{"id":"bge"},{"id":"b"}],"has_more":false,"first_id":"bge","last_id":"b"}"#;
        let told = read(anthropic.as_bytes(), None, allows).unwrap().unwrap();
        assert_eq!(told, r#"{"data":[{"id":"b"}],"has_more":false,"first_id":"b","last_id":"b"}"#);
    }
}
