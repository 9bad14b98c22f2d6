//! That no route is forgotten: neither one that is served, nor one that the contract has.

use std::collections::BTreeSet;

use promptgate_e2e::{Client, Gateway, Installation};

use super::listed;

/// The routes that each part of the pass says it calls; it fails if it does not.
const PARTS: [&str; 23] = [
    super::dashboards::ROUTES,
    super::endpoints::ROUTES,
    super::faqs::ROUTES,
    super::groups::ROUTES,
    super::guardrails::ROUTES,
    super::accounting::ROUTES,
    super::jobs::ROUTES,
    super::keys::ROUTES,
    super::limits::ROUTES,
    super::management::ROUTES,
    super::mcp_servers::ROUTES,
    super::me::ROUTES,
    super::monitoring::ROUTES,
    super::network_rules::ROUTES,
    super::operations::ROUTES,
    super::pricing::ROUTES,
    super::projects::ROUTES,
    super::providers::ROUTES,
    super::service_accounts::ROUTES,
    super::setup_guides::ROUTES,
    super::sign_in::ROUTES,
    super::subscriptions::ROUTES,
    super::users::ROUTES,
];

/// The five that anybody may call.
const PUBLIC: &str = "GET /health /auth/login /auth/callback /auth/logout /auth/session";

/// The one of a session, then those of people with a role.
const OWN: &str = "
    GET / /usage /prompts /quota /help/setup /groups /dashboard/tokens /dashboard/messages
        /dashboard/duration /dashboard/activity /dashboard/top-models /dashboard/top-provider-names
        /dashboard/top-provider-types";
const EVERYBODYS: &str = "GET /monitoring/status /faq /tokens POST /tokens DELETE /tokens/{id}";

/// Those of administrators, by area.
const ADMINS: [(&str, usize, &str); 13] = [
    (
        "users",
        18,
        "GET /users /users/{id} /users/{id}/statistics /users/{id}/tokens /users/{id}/groups
             /users/{id}/firewall/rules /users/{id}/firewall/rules/{ruleId}
         PATCH /users/{id} /users/{id}/note /users/{id}/firewall/rules/{ruleId}
             /users/{id}/firewall/rules/{ruleId}/priority
         DELETE /users/{id} /users/{id}/tokens/{tokenId} /users/{id}/firewall/rules/{ruleId}
         PUT /users/{id}/groups /users/{id}/subscription-plan
         POST /users/{id}/firewall/rules /users/{id}/firewall/simulate",
    ),
    ("prompts", 1, "GET /prompts"),
    (
        "dashboard",
        9,
        "GET /dashboard/tokens /dashboard/messages /dashboard/duration /dashboard/activity
             /dashboard/top-models /dashboard/top-provider-names /dashboard/top-provider-types
             /dashboard/adoption /dashboard/top-identities",
    ),
    (
        "service accounts",
        17,
        "GET /service-accounts /service-accounts/{id} /service-accounts/{id}/tokens
             /service-accounts/{id}/firewall/rules /service-accounts/{id}/firewall/rules/{ruleId}
         POST /service-accounts /service-accounts/{id}/tokens /service-accounts/{id}/firewall/rules
             /service-accounts/{id}/firewall/simulate
         PATCH /service-accounts/{id} /service-accounts/{id}/note
             /service-accounts/{id}/firewall/rules/{ruleId}
             /service-accounts/{id}/firewall/rules/{ruleId}/priority
         DELETE /service-accounts/{id} /service-accounts/{id}/tokens/{tokenId}
             /service-accounts/{id}/firewall/rules/{ruleId}
         PUT /service-accounts/{id}/subscription-plan",
    ),
    (
        "firewall",
        7,
        "GET /firewall/rules /firewall/rules/{id} POST /firewall/rules /firewall/simulate
         PATCH /firewall/rules/{id} /firewall/rules/{id}/priority DELETE /firewall/rules/{id}",
    ),
    (
        "subscriptions",
        6,
        "GET /subscriptions /subscriptions/{id} POST /subscriptions PATCH /subscriptions/{id}
         DELETE /subscriptions/{id} PUT /subscriptions/{id}/default",
    ),
    (
        "groups",
        8,
        "GET /groups /groups/{id} POST /groups /groups/model-patterns/validate PATCH /groups/{id}
         DELETE /groups/{id} /groups/{id}/members/{userId} PUT /groups/{id}/members/{userId}",
    ),
    (
        "providers",
        6,
        "GET /providers /providers/{id} /providers/model-catalog POST /providers PATCH /providers/{id}
         DELETE /providers/{id}",
    ),
    (
        "pricing",
        8,
        "GET /pricing /pricing/models/{id} /pricing/check PUT /pricing
         PATCH /pricing/fallback /pricing/models/{id} POST /pricing/models DELETE /pricing/models/{id}",
    ),
    (
        "MCP",
        5,
        "GET /mcp/servers /mcp/servers/{id} POST /mcp/servers PATCH /mcp/servers/{id}
         DELETE /mcp/servers/{id}",
    ),
    (
        "monitoring",
        6,
        "GET /monitoring/services /monitoring/services/{id}
         POST /monitoring/services /monitoring/services/{id}/check
         PATCH /monitoring/services/{id} DELETE /monitoring/services/{id}",
    ),
    (
        "questions",
        7,
        "GET /faqs /faqs/{id} POST /faqs /faqs/preview PATCH /faqs/{id} /faqs/{id}/position
         DELETE /faqs/{id}",
    ),
    (
        "set-up guides",
        7,
        "GET /setup-guides /setup-guides/{id} POST /setup-guides /setup-guides/validate
         PUT /setup-guides/reorder PATCH /setup-guides/{id} DELETE /setup-guides/{id}",
    ),
];

/// What the community contract has for tokens that look at their project and manage it.
const COMMUNITY: &str = "
    GET /info /endpoints /tokens /models POST /admin/tokens /admin/tokens/{tokenUuid}/rotate
    DELETE /admin/tokens/{tokenUuid} POST /admin/endpoints
    PUT /admin/endpoints/{endpointUuid} PATCH /admin/endpoints/{endpointUuid}";

/// The routes of a table in which a method stands for all paths behind it.
fn routes(base: &str, table: &str) -> Vec<String> {
    let mut method = "";
    let mut routes = Vec::new();
    for word in table.split_whitespace() {
        match word.strip_prefix('/') {
            Some("") => routes.push(format!("{method} {base}")),
            Some(_) => routes.push(format!("{method} {base}{word}")),
            None => method = word,
        }
    }
    routes
}

/// The contract's whole inventory.
fn inventory() -> BTreeSet<String> {
    let public = routes("", PUBLIC);
    let own = [routes("/api/v1/me", OWN), routes("/api/v1", EVERYBODYS)].concat();
    assert_eq!((public.len(), own.len()), (5, 1 + 17));
    let mut all = [public, own].concat();
    for (area, count, table) in ADMINS {
        let routes = routes("/api/v1/admin", table);
        assert_eq!(routes.len(), count, "{area}");
        all.extend(routes);
    }
    let unique: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!((all.len(), unique.len()), (128, 128));
    unique
}

fn called() -> BTreeSet<String> {
    PARTS.iter().flat_map(|routes| listed(routes)).collect()
}

#[test]
fn the_pass_calls_the_whole_inventory() {
    let called = called();
    let community: BTreeSet<_> = routes("/api/{uuid}", COMMUNITY).into_iter().collect();
    for inventory in [inventory(), community] {
        let missing: Vec<_> = inventory.difference(&called).collect();
        assert!(missing.is_empty(), "in the contract, but not in the pass: {missing:#?}");
    }
}

#[tokio::test]
async fn the_pass_calls_every_route_that_is_served() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let url = format!("{}/api/openapi.json", gateway.api);
    let document = Client::new().get(&url).await.unwrap().expect(200).unwrap();
    let mut served = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            if operations[method].is_object() {
                served.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert!(served.len() > 200, "{}", served.len());
    let called = called();
    let missing: Vec<_> = served.difference(&called).collect();
    assert!(missing.is_empty(), "served, but not in the pass: {missing:#?}");
    let gone: Vec<_> = called.difference(&served).collect();
    assert!(gone.is_empty(), "in the pass, but not served: {gone:#?}");
}
