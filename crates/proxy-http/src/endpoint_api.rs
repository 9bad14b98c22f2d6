//! The AI endpoints of a project: `POST /api/{project}/{slug}`, and `POST
//! /api/{project}/chat/completions`, whose body names the endpoint.

use http::Method;
use promptgate_gateway::Route;

use crate::paths::{Found, name};

/// What else may stand behind a project's id. No endpoint has such a slug.
const OTHERS: [&str; 9] = ["admin", "chat", "endpoints", "info", "mcp", "models", "proxy", "tokens", "v1"];

/// What is behind a project's id, if it is an endpoint. Whether there is one of the slug, the gateway
/// says: only to those who may know.
pub(crate) fn endpoint(rest: &[&str]) -> Option<Found> {
    match rest {
        ["chat", "completions"] => Some((vec![(Method::POST, Route::EndpointDispatch)], Vec::new())),
        [slug] => {
            let slug = name(slug).filter(|slug| !OTHERS.contains(&slug.as_str()) && !slug.contains('/'))?;
            Some((vec![(Method::POST, Route::Endpoint)], vec![slug]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_endpoints::{InvalidSlug, Slug};

    fn leads(rest: &[&str]) -> Option<(Route, Vec<String>)> {
        let (routes, ids) = endpoint(rest)?;
        assert_eq!(routes.len(), 1);
        Some((routes[0].1, ids))
    }

    #[test]
    fn a_slug_and_the_dispatcher_lead_to_endpoints() {
        assert_eq!(leads(&["summarise"]), Some((Route::Endpoint, vec!["summarise".to_owned()])));
        assert_eq!(leads(&["chat", "completions"]), Some((Route::EndpointDispatch, vec![])));
    }

    #[test]
    fn no_endpoint_is_hidden_behind_another_route() {
        for word in OTHERS {
            assert_eq!(Slug::parse(word), Err(InvalidSlug::Reserved), "{word}");
        }
    }

    #[test]
    fn words_of_other_routes_and_longer_paths_do_not() {
        for rest in OTHERS.iter().map(|word| vec![*word]).chain([
            vec![],
            vec!["chat", "other"],
            vec!["summarise", "more"],
            vec!["%2e%2e"],
            vec!["a%2Fb"],
            vec!["%6ccp%"],
            vec!["%76%31"],
        ]) {
            assert_eq!(leads(&rest), None, "{rest:?}");
        }
    }
}
