//! Which path leads where. A path is read as it came: an encoded letter of a fixed word, a trailing
//! or doubled slash and a dot segment lead nowhere, so that nobody behind the gateway reads another
//! path than the gateway did.

use http::Method;
use promptgate_gateway::{Forwarded, Route};
use promptgate_providers::{Operation, ProviderName};

use crate::endpoint_api::endpoint;

/// Whose path it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner<'p> {
    /// `/api/{project}/…`; what stands in the place of the project's id.
    Project(&'p str),
    /// `/{provider}/…`; the provider's name, which is one that a provider may have.
    Provider(&'p str),
}

/// A path that leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place<'p> {
    pub(crate) owner: Owner<'p>,
    /// What is there, by method. `HEAD` is answered where `GET` is.
    pub(crate) routes: Vec<(Method, Route)>,
    /// What the path names, decoded: a response, a conversation and its item, a model.
    pub(crate) ids: Vec<String>,
}

impl Place<'_> {
    /// What a method leads to.
    pub(crate) fn route(&self, method: &Method) -> Option<Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.iter().find(|(each, _)| each == method).map(|(_, route)| *route)
    }

    /// The value of the header `Allow`.
    pub(crate) fn allow(&self) -> String {
        let mut methods: Vec<&str> = self.routes.iter().map(|(method, _)| method.as_str()).collect();
        if let Some(at) = methods.iter().position(|method| *method == "GET") {
            methods.insert(at + 1, "HEAD");
        }
        methods.join(", ")
    }
}

/// What is under a path.
pub(crate) fn find(path: &str) -> Option<Place<'_>> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    match &segments[..] {
        // The JSON API and the control plane, which have their own routers.
        ["api", "v1" | "control", ..] => None,
        ["api", project, "v1", rest @ ..] => {
            let (routes, ids) = model_api(rest)?;
            Some(Place { owner: Owner::Project(project), routes, ids })
        }
        ["api", project, rest @ ..] => {
            let (routes, ids) = endpoint(rest)?;
            Some(Place { owner: Owner::Project(project), routes, ids })
        }
        [provider, rest @ ..] if is_provider(provider) => {
            let (routes, ids) = native(rest)?;
            Some(Place { owner: Owner::Provider(provider), routes, ids })
        }
        _ => None,
    }
}

/// Whether a provider may have the name, as it stands: `Openai` would be another one.
fn is_provider(name: &str) -> bool {
    ProviderName::parse(name).is_ok_and(|parsed| parsed.as_str() == name)
}

pub(crate) type Found = (Vec<(Method, Route)>, Vec<String>);

/// Behind `/v1/` of both surfaces.
fn model_api(rest: &[&str]) -> Option<Found> {
    let model = |operation| Some((vec![(Method::POST, Route::Model(operation))], Vec::new()));
    match rest {
        ["chat", "completions"] => model(Operation::ChatCompletions),
        ["embeddings"] => model(Operation::Embeddings),
        ["messages"] => model(Operation::Messages),
        ["messages", "count_tokens"] => model(Operation::CountTokens),
        ["models"] => Some((vec![(Method::GET, Route::ModelList)], Vec::new())),
        ["models", id @ ..] => {
            let id = name(&id.join("/"))?;
            Some((vec![(Method::GET, Route::ModelDetail)], vec![id]))
        }
        ["responses"] => model(Operation::Responses),
        ["responses", id] => forwarded(&[Forwarded::RetrieveResponse, Forwarded::DeleteResponse], &[id]),
        ["responses", id, "cancel"] => forwarded(&[Forwarded::CancelResponse], &[id]),
        ["responses", id, "input_items"] => forwarded(&[Forwarded::ListInputItems], &[id]),
        _ => None,
    }
}

/// Behind a provider's name.
fn native(rest: &[&str]) -> Option<Found> {
    match rest {
        ["v1", "conversations"] => forwarded(&[Forwarded::CreateConversation], &[]),
        ["v1", "conversations", id] => forwarded(
            &[Forwarded::RetrieveConversation, Forwarded::UpdateConversation, Forwarded::DeleteConversation],
            &[id],
        ),
        ["v1", "conversations", id, "items"] => {
            forwarded(&[Forwarded::ListItems, Forwarded::CreateItems], &[id])
        }
        ["v1", "conversations", id, "items", item] => {
            forwarded(&[Forwarded::RetrieveItem, Forwarded::DeleteItem], &[id, item])
        }
        ["v1", rest @ ..] => model_api(rest),
        ["api", "event_logging", rest @ ..] if !rest.is_empty() => forwarded(&[Forwarded::LogEvents], rest),
        _ => None,
    }
}

/// Routes of what a provider keeps. Its ids are plain words, encoded or not.
fn forwarded(calls: &[Forwarded], ids: &[&str]) -> Option<Found> {
    let ids = ids.iter().map(|id| name(id).filter(|id| is_plain(id))).collect::<Option<_>>()?;
    let routes = calls.iter().map(|call| (call.method(), Route::Forward(*call))).collect();
    Some((routes, ids))
}

/// Whether a text can be put into a path as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A name in a path, decoded: no control characters, no dot segments, nothing that is not UTF-8.
pub(crate) fn name(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (hexadecimal(*high)? * 16 + hexadecimal(*low)?, after),
            (b'%', _) => return None,
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    let name = String::from_utf8(bytes).ok()?;
    let climbs = name.split(['/', '\\']).any(|part| part.is_empty() || part == "." || part == "..");
    (!climbs && !name.contains(char::is_control)).then_some(name)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leads(method: &Method, path: &str) -> Option<Route> {
        find(path)?.route(method)
    }

    #[test]
    fn both_surfaces_have_the_model_api() {
        for start in ["/api/018f4e6e-0000-7000-8000-000000000001", "/main"] {
            for operation in Operation::ALL {
                let path = format!("{start}{}", operation.path());
                assert_eq!(leads(&Method::POST, &path), Some(Route::Model(operation)), "{path}");
                assert_eq!(leads(&Method::PUT, &path), None);
                assert_eq!(find(&path).unwrap().allow(), "POST");
            }
            assert_eq!(leads(&Method::HEAD, &format!("{start}/v1/models")), Some(Route::ModelList));
            let response = find(&format!("{start}/v1/responses/resp_1")).map(|place| place.allow());
            assert_eq!(response.as_deref(), Some("GET, HEAD, DELETE"));
        }
    }

    #[test]
    fn conversations_and_event_logs_belong_to_providers_only() {
        let (project, provider) = ("/api/018f4e6e-0000-7000-8000-000000000001", "/main");
        for path in ["/v1/conversations", "/v1/conversations/c/items/i", "/api/event_logging/batch"] {
            assert_eq!(find(&format!("{project}{path}")), None, "{path}");
            assert!(find(&format!("{provider}{path}")).is_some(), "{path}");
        }
    }

    #[test]
    fn model_names_are_decoded_and_may_have_slashes() {
        for (path, id) in [
            ("/main/v1/models/gpt-4o", "gpt-4o"),
            ("/main/v1/models/or:meta/llama:7b", "or:meta/llama:7b"),
            ("/main/v1/models/or%3Ameta%2fllama", "or:meta/llama"),
            ("/main/v1/models/%E6%A8%A1", "模"),
        ] {
            assert_eq!(find(path).unwrap().ids, [id], "{path}");
        }
    }

    #[test]
    fn whatever_is_read_differently_elsewhere_leads_nowhere() {
        for path in [
            "",
            "/",
            "v1/models",
            "/main",
            "/main/",
            "/main/v1",
            "/main/v1/responses/",
            "/main/v1/chat/completions/",
            "/main//v1/messages",
            "/main/v1/chat%2Fcompletions",
            "/main/%761/messages",
            "/main/./v1/messages",
            "/main/v1/models/..",
            "/main/v1/models/a/%2e%2E/b",
            "/main/v1/models/a%2F..%2Fb",
            "/main/v1/models/%ff",
            "/main/v1/models/%4",
            "/main/v1/models/a%00",
            "/main/v1/responses/..",
            "/main/v1/responses/a%2Fcancel",
            "/main/v1/responses/a/cancel/b",
            "/main/v1/responses/a/other",
            "/main/v1/completions",
            "/main/v1/files",
            "/main/v1/audio/speech",
            "/main/api/event_logging",
            "/main/api/chat",
            "/Main/v1/messages",
            "/ma_in/v1/messages",
            "/v1/messages",
            "/v1/v1/messages",
            "/api/v1/chat/completions",
            "/api/v1/v1/messages",
            "/api/control/v1/messages",
            "/health/v1/messages",
            "/console/v1/messages",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read(path in "/[a-z0-9/%._:-]{0,40}") {
            if let Some(place) = find(&path) {
                prop_assert!(!place.routes.is_empty());
                prop_assert!(place.ids.iter().all(|id| !id.is_empty() && !id.contains("..")));
            }
        }
    }
}
