//! The slugs of a project's AI endpoints: `POST /api/{project}/{slug}`.

use crate::paths::name;

/// What else may stand behind a project's id. No endpoint has such a slug.
const OTHERS: [&str; 9] = ["admin", "chat", "endpoints", "info", "mcp", "models", "proxy", "tokens", "v1"];

/// The slug of an endpoint, decoded. Whether there is one, the gateway says: only to those who may know.
pub(crate) fn slug(segment: &str) -> Option<String> {
    name(segment).filter(|slug| !OTHERS.contains(&slug.as_str()) && !slug.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::find;
    use http::Method;
    use promptgate_endpoints::{InvalidSlug, Slug};
    use promptgate_gateway::Route;

    fn leads(rest: &str) -> Option<(Route, Vec<String>)> {
        let path = format!("/api/018f4e6e-0000-7000-8000-000000000001/{rest}");
        let place = find(&path)?;
        Some((place.route(&Method::POST)?, place.ids))
    }

    #[test]
    fn a_slug_and_the_dispatcher_lead_to_endpoints() {
        assert_eq!(leads("summarise"), Some((Route::Endpoint, vec!["summarise".to_owned()])));
        assert_eq!(leads("chat/completions"), Some((Route::EndpointDispatch, vec![])));
    }

    #[test]
    fn no_endpoint_is_hidden_behind_another_route() {
        for word in OTHERS {
            assert_eq!(Slug::parse(word), Err(InvalidSlug::Reserved), "{word}");
        }
    }

    #[test]
    fn words_of_other_routes_and_longer_paths_do_not() {
        let others = ["", "chat/other", "summarise/more", "%2e%2e", "a%2Fb", "%6ccp%", "%76%31"];
        for rest in OTHERS.into_iter().chain(others) {
            assert_eq!(leads(rest), None, "{rest:?}");
        }
    }
}
