//! Which path leads where. A path is read as it came: an encoded letter of a fixed word, a trailing
//! or doubled slash and a dot segment lead nowhere, so that nobody behind the gateway reads another
//! path than the gateway did.

use http::Method;
use promptgate_gateway::{Forwarded, Route};
use promptgate_providers::{Operation, ProviderName};

use crate::endpoint_api::slug;

/// Whose path it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner<'p> {
    /// `/api/{project}/…`; what stands in the place of the project's id.
    Project(&'p str),
    /// `/{provider}/…`; the provider's name, which is one that a provider may have.
    Provider(&'p str),
}

/// Under whose paths something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// `/api/{project}` alone.
    Project,
    /// `/{provider}` alone.
    Provider,
    Both,
}

/// One part of a path, or all that is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// This word, as it is.
    Word(&'static str),
    /// The id of something that a provider keeps: a plain word, encoded or not.
    Id(&'static str),
    /// Whatever is left: one such word or more.
    Ids(&'static str),
    /// Whatever is left: the name of a model, which may have slashes.
    Model,
    /// The slug of an AI endpoint.
    Slug,
}

/// A path, and what is there. `HEAD` is answered where `GET` is.
#[derive(Debug)]
struct Line {
    side: Side,
    path: &'static [Part],
    routes: &'static [Route],
}

/// Every path there is. The first line that fits counts, and no other line fits.
const TABLE: &[Line] = {
    use Part::{Id, Ids, Model, Slug, Word};
    use Side::{Both, Project, Provider};
    const RESPONSE: Part = Id("response");
    const CONVERSATION: Part = Id("conversation");
    const fn line(side: Side, path: &'static [Part], routes: &'static [Route]) -> Line {
        Line { side, path, routes }
    }
    &[
        line(
            Both,
            &[Word("v1"), Word("chat"), Word("completions")],
            &[Route::Model(Operation::ChatCompletions)],
        ),
        line(Both, &[Word("v1"), Word("messages")], &[Route::Model(Operation::Messages)]),
        line(
            Both,
            &[Word("v1"), Word("messages"), Word("count_tokens")],
            &[Route::Model(Operation::CountTokens)],
        ),
        line(Both, &[Word("v1"), Word("responses")], &[Route::Model(Operation::Responses)]),
        line(Both, &[Word("v1"), Word("embeddings")], &[Route::Model(Operation::Embeddings)]),
        line(Both, &[Word("v1"), Word("models")], &[Route::ModelList]),
        line(Both, &[Word("v1"), Word("models"), Model], &[Route::ModelDetail]),
        line(
            Both,
            &[Word("v1"), Word("responses"), RESPONSE],
            &[Route::Forward(Forwarded::RetrieveResponse), Route::Forward(Forwarded::DeleteResponse)],
        ),
        line(
            Both,
            &[Word("v1"), Word("responses"), RESPONSE, Word("cancel")],
            &[Route::Forward(Forwarded::CancelResponse)],
        ),
        line(
            Both,
            &[Word("v1"), Word("responses"), RESPONSE, Word("input_items")],
            &[Route::Forward(Forwarded::ListInputItems)],
        ),
        line(
            Provider,
            &[Word("v1"), Word("conversations")],
            &[Route::Forward(Forwarded::CreateConversation)],
        ),
        line(
            Provider,
            &[Word("v1"), Word("conversations"), CONVERSATION],
            &[
                Route::Forward(Forwarded::RetrieveConversation),
                Route::Forward(Forwarded::UpdateConversation),
                Route::Forward(Forwarded::DeleteConversation),
            ],
        ),
        line(
            Provider,
            &[Word("v1"), Word("conversations"), CONVERSATION, Word("items")],
            &[Route::Forward(Forwarded::ListItems), Route::Forward(Forwarded::CreateItems)],
        ),
        line(
            Provider,
            &[Word("v1"), Word("conversations"), CONVERSATION, Word("items"), Id("item")],
            &[Route::Forward(Forwarded::RetrieveItem), Route::Forward(Forwarded::DeleteItem)],
        ),
        line(
            Provider,
            &[Word("api"), Word("event_logging"), Ids("events")],
            &[Route::Forward(Forwarded::LogEvents)],
        ),
        line(Project, &[Word("chat"), Word("completions")], &[Route::EndpointDispatch]),
        line(Project, &[Slug], &[Route::Endpoint]),
    ]
};

/// A path that leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place<'p> {
    pub(crate) owner: Owner<'p>,
    /// What is there. `HEAD` is answered where `GET` is.
    routes: &'static [Route],
    /// What the path names, decoded: a response, a conversation and its item, a model.
    pub(crate) ids: Vec<String>,
}

impl Place<'_> {
    /// What a method leads to.
    pub(crate) fn route(&self, method: &Method) -> Option<Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.iter().find(|route| method_of(**route) == *method).copied()
    }

    /// The value of the header `Allow`.
    pub(crate) fn allow(&self) -> String {
        let methods: Vec<Method> = self.routes.iter().map(|route| method_of(*route)).collect();
        let mut methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
        if let Some(at) = methods.iter().position(|method| *method == "GET") {
            methods.insert(at + 1, "HEAD");
        }
        methods.join(", ")
    }
}

const fn method_of(route: Route) -> Method {
    match route {
        Route::Model(_) | Route::Endpoint | Route::EndpointDispatch | Route::Contextual => Method::POST,
        Route::ModelList | Route::ModelDetail => Method::GET,
        Route::Forward(call) => call.method(),
    }
}

/// Every route, as documentation names it: the method and the path.
pub(crate) fn routes() -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for line in TABLE {
        for (owner, other) in [("/api/{project}", Side::Provider), ("/{provider}", Side::Project)] {
            if line.side != other {
                let path = line.path.iter().fold(owner.to_owned(), |path, part| match part {
                    Part::Word(word) => format!("{path}/{word}"),
                    Part::Id(name) | Part::Ids(name) => format!("{path}/{{{name}}}"),
                    Part::Model => format!("{path}/{{model}}"),
                    Part::Slug => format!("{path}/{{slug}}"),
                });
                routes.extend(line.routes.iter().map(|route| (method_of(*route), path.clone())));
            }
        }
    }
    routes
}

/// What is under a path.
pub(crate) fn find(path: &str) -> Option<Place<'_>> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let (owner, other, rest) = match &segments[..] {
        // The JSON API and the control plane, which have their own routers.
        ["api", "v1" | "control", ..] => return None,
        ["api", project, rest @ ..] => (Owner::Project(project), Side::Provider, rest),
        [provider, rest @ ..] if is_provider(provider) => (Owner::Provider(provider), Side::Project, rest),
        _ => return None,
    };
    let mut lines = TABLE.iter().filter(|line| line.side != other);
    let (routes, ids) = lines.find_map(|line| Some((line.routes, fit(line.path, rest)?)))?;
    Some(Place { owner, routes, ids })
}

/// What segments name, if they are a path.
fn fit(path: &[Part], segments: &[&str]) -> Option<Vec<String>> {
    let mut ids = Vec::new();
    let mut rest = segments;
    for part in path {
        let [first, after @ ..] = rest else { return None };
        rest = match part {
            Part::Word(word) if word == first => after,
            Part::Word(_) => return None,
            Part::Id(_) => {
                ids.push(plain(first)?);
                after
            }
            Part::Ids(_) => {
                for segment in rest {
                    ids.push(plain(segment)?);
                }
                &[]
            }
            Part::Model => {
                ids.push(name(&rest.join("/"))?);
                &[]
            }
            Part::Slug => {
                ids.push(slug(first)?);
                after
            }
        };
    }
    rest.is_empty().then_some(ids)
}

/// Whether a provider may have the name, as it stands: `Openai` would be another one.
fn is_provider(name: &str) -> bool {
    ProviderName::parse(name).is_ok_and(|parsed| parsed.as_str() == name)
}

/// The id of something that a provider keeps, decoded.
fn plain(segment: &str) -> Option<String> {
    name(segment).filter(|id| is_plain(id))
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

    #[test]
    fn every_route_is_found_where_it_is_said_to_be() {
        let routes = routes();
        for (method, path) in &routes {
            let filled = path
                .replace("{project}", "018f4e6e-0000-7000-8000-000000000001")
                .replace("{provider}", "main")
                .replace("{model}", "meta/llama");
            let filled = filled.replace(['{', '}'], "");
            let place = find(&filled).unwrap_or_else(|| panic!("{path}"));
            let route = place.route(method).unwrap_or_else(|| panic!("{method} {path}"));
            assert_eq!(method_of(route), *method);
        }
        for line in TABLE {
            for route in line.routes {
                let twice = TABLE.iter().flat_map(|line| line.routes).filter(|it| *it == route).count();
                assert_eq!(twice, 1, "{route:?}");
            }
        }
        let once: std::collections::HashSet<_> = routes.iter().collect();
        assert_eq!(once.len(), routes.len());
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
