//! The OpenAPI document, made from the code.

mod examples;
mod links;
mod snake;
mod values;

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::schema::SchemaFormat;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, Schema, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use crate::error::ErrorBody;
use crate::introspection::Problem;
use crate::{ApiState, admin, auth, health, help, introspection, keys, management, me, ops, setup};

const ADMIN_KEY: &str = "adminApiKey";
const PROJECT_TOKEN: &str = "projectToken";
const SESSION: &str = "session";
const ACCESS_TOKEN: &str = "accessToken";
const METRICS_TOKEN: &str = "metricsToken";

/// What only projects of some types have: everything below says so of the others.
const OF_SOME_TYPES: [&str; 2] =
    ["/api/v1/admin/projects/{uuid}/aliases", "/api/v1/admin/projects/{uuid}/endpoints"];

/// What everybody who signed in reads.
const FOR_EVERYBODY: [&str; 4] =
    ["/api/v1/faq", "/api/v1/monitoring/status", "/api/v1/tokens", "/api/v1/tokens/{id}"];

/// What answers 400, and not 404, to an id that is none.
const WITH_STRICT_IDS: [&str; 2] = ["/api/v1/admin/faqs/{id}", "/api/v1/admin/setup-guides/{id}"];

const DESCRIPTION: &str = "The control plane of PromptGate. `/api/v1/admin/**` is opened by the admin API key in \
    `X-Admin-API-Key` or the session of an administrator, `/api/v1/me/**` by a session; in place \
    of the session counts an access token of a configured identity provider. `/api/{uuid}/**` by a project's token. Every answer carries `x-request-id`. \
    A change of anything under `/api/v1` that carries `x-promptgate-wait-revision: true` (or `?wait_revision=true`; a number is a \
    bound in seconds, from 1 to 60, where `true` means 10) is answered when every proxy serves it: \
    `x-promptgate-revision` says which revision that is, `x-promptgate-revision-served` how many of how many proxies serve it, and \
    `x-promptgate-replicas-behind` which do not, if the time was over before.";

#[derive(OpenApi)]
#[openapi(
    info(title = "PromptGate API", description = DESCRIPTION),
    components(schemas(ErrorBody, Problem)),
    tags(
        (name = "auth", description = "Signing in and out"),
        (name = "me", description = "What belongs to whoever is signed in"),
        (name = "keys", description = "One's own keys"),
        (name = "users", description = "People"),
        (name = "service-accounts", description = "Accounts of programs"),
        (name = "members", description = "Who belongs to a project"),
        (name = "projects", description = "The tenants of the public routes"),
        (name = "tokens", description = "What programs present"),
        (name = "limits", description = "How limits stand now"),
        (name = "providers", description = "Upstream model services"),
        (name = "credentials", description = "The secrets of providers"),
        (name = "templates", description = "Choices of provider, model and settings that endpoints share"),
        (name = "provider-settings", description = "What a project does with each provider"),
        (name = "aliases", description = "A project's own names for models"),
        (name = "groups", description = "Which models accounts may call"),
        (name = "subscriptions", description = "How many tokens accounts may use"),
        (name = "endpoints", description = "AI endpoints and their versions"),
        (name = "evals", description = "Golden sets of AI endpoints, and their runs"),
        (name = "firewall", description = "Network rules: who may call from where"),
        (name = "guardrails", description = "What may pass, and what rules make of something"),
        (name = "pricing", description = "What models cost"),
        (name = "calls", description = "The log of calls, with what was said in them"),
        (name = "mcp", description = "Definitions of MCP servers"),
        (name = "monitoring", description = "Services that are looked at again and again"),
        (name = "jobs", description = "Recurring work: when it is due, how it went, and what was given up"),
        (name = "faq", description = "Questions and answers"),
        (name = "setup-guides", description = "How tools are pointed at the gateway"),
        (name = "audit", description = "Who did what"),
        (name = "admin-keys", description = "Keys that open what administrators manage"),
        (name = "setup", description = "How programs reach the gateway"),
        (name = "usage", description = "The record of every call"),
        (name = "dead-letters", description = "Calls that the database refused to record"),
        (name = "costs", description = "What calls cost, by day and by what they were for"),
        (name = "dashboards", description = "What everybody's calls add up to"),
        (name = "prompts", description = "What users wrote last in their calls"),
        (name = "settings", description = "What is switched on for the whole installation"),
        (name = "replicas", description = "The processes that run, and how new what they work from is"),
        (name = "management", description = "What a project's own token may manage"),
        (name = "introspection", description = "What a project's own token may read"),
        (name = "operations", description = "How the process is"),
    )
)]
struct Document;

/// The documented routes of the API's port, but for `ops`.
pub(crate) fn documented() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(health::routes())
        .merge(auth::routes())
        .merge(me::routes())
        .merge(admin::routes())
        .merge(setup::routes())
        .merge(help::routes())
        .merge(introspection::routes())
        .merge(keys::routes())
        .merge(management::routes())
}

/// The OpenAPI document of every route that this crate serves.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut document) = documented().split_for_parts();
    let (_, ops) = ops::documented().split_for_parts();
    document.merge(ops);
    complete(&mut document);
    document
}

/// Adds the ways in.
fn add_schemes(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let key = ApiKeyValue::with_description(
        "X-Admin-API-Key",
        "The operator's key, PROMPTGATE_ADMIN_API_KEY, or one that was made with `POST /api/v1/admin/admin-keys`.",
    );
    components.add_security_scheme(ADMIN_KEY, SecurityScheme::ApiKey(ApiKey::Header(key)));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A project's token, `pg_live_…`."));
    let cookie = ApiKeyValue::with_description(
        "promptgate_session",
        "The session of a browser that signed in; PROMPTGATE_SESSION_COOKIE_NAME. What changes something \
         needs an `Origin` of the API, of the frontend or of an allowed one, and a body of `application/json`.",
    );
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let access_token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token of a configured identity provider, made for this installation."));
    components.add_security_scheme(ACCESS_TOKEN, SecurityScheme::Http(access_token.build()));
    components.add_security_scheme(PROJECT_TOKEN, SecurityScheme::Http(bearer.build()));
    let metrics = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("PROMPTGATE_METRICS_TOKEN; from the machine itself nothing is needed."));
    components.add_security_scheme(METRICS_TOKEN, SecurityScheme::Http(metrics.build()));
}

/// Adds what is true of whole groups of routes: who may call them, and how they fail.
fn complete(document: &mut utoipa::openapi::OpenApi) {
    add_schemes(document);
    values::say(document);
    for name in ["EndpointBody", "EndpointView", "LimitStandingsView"] {
        snake::add(document, name);
    }
    for (path, item) in &mut document.paths.paths {
        for (_, operation) in operations(item) {
            // Who asks does not matter, unless something else is said.
            operation.security.get_or_insert_default();
            name(operation);
            describe(operation);
            name_ids(operation);
            if path.starts_with("/api/v1/admin/") {
                administrators(path, operation);
            } else if path == "/metrics" {
                operation.security = Some(vec![
                    SecurityRequirement::default(),
                    SecurityRequirement::new(METRICS_TOKEN, Vec::<String>::new()),
                ]);
            } else if is_of_browser(path) {
                browser(path, operation);
            } else if path.starts_with("/api/v1/me/") {
                let by_key = (path == HELP).then_some(ADMIN_KEY);
                let opened_by = by_key.into_iter().chain([SESSION, ACCESS_TOKEN, PROJECT_TOKEN]);
                let opened_by = opened_by.map(|by| SecurityRequirement::new(by, Vec::<String>::new()));
                operation.security = Some(opened_by.collect());
                fail(
                    operation,
                    "ErrorBody",
                    &[
                        ("500", "`internal_error`, with `requestId`"),
                        ("503", "`store_unavailable`, with `requestId`"),
                    ],
                );
            } else if path.starts_with("/api/{uuid}/") {
                if path.starts_with("/api/{uuid}/admin/") || path.ends_with("/children") {
                    fail(
                        operation,
                        "Problem",
                        &[("429", "More than 30 a minute by this token; `Retry-After` says when")],
                    );
                }
                if operation.request_body.is_some() {
                    fail(
                        operation,
                        "Problem",
                        &[("408", "The body did not arrive in time"), ("413", "The body is too large")],
                    );
                }
                operation.security =
                    Some(vec![SecurityRequirement::new(PROJECT_TOKEN, Vec::<String>::new())]);
                fail(
                    operation,
                    "Problem",
                    &[
                        ("401", "The token is missing, malformed, unknown, expired or revoked"),
                        ("403", "The scope is missing, the project is another one, or it is inactive"),
                        ("500", "The gateway failed; `request_id` finds it in the log"),
                        ("503", "The store does not answer; try again"),
                    ],
                );
            }
        }
    }
    examples::add(document);
    links::add(document);
}

/// What is true of the routes that administrators and admin keys open.
fn administrators(path: &str, operation: &mut Operation) {
    operation.security = Some(vec![
        SecurityRequirement::new(ADMIN_KEY, Vec::<String>::new()),
        SecurityRequirement::new(SESSION, Vec::<String>::new()),
        SecurityRequirement::new(ACCESS_TOKEN, Vec::<String>::new()),
    ]);
    fail(
        operation,
        "ErrorBody",
        &[
            ("401", "`missing session`, `invalid session`, `invalid_token`, `invalid_admin_api_key`"),
            (
                "403",
                "`account_inactive`, `account_role_none`, `insufficient_role`, `forbidden`, \
                 `password_change_required`, `totp_required`, `cross_site_request`",
            ),
            ("415", "`unsupported_content_type`, with the session cookie"),
            ("500", "`internal_error`, with `requestId`"),
            ("503", "`store_unavailable`, with `requestId`"),
        ],
    );
    if has_query(operation) {
        fail(operation, "ErrorBody", &[("400", "`invalid_query`: a parameter is given twice")]);
    }
    if operation.request_body.is_some() {
        fail(
            operation,
            "ErrorBody",
            &[
                ("400", "`invalid_request_body`, or `invalid_…` with the `field` that is wrong"),
                ("408", "`request_timeout`: the body did not arrive within 30 s"),
                ("413", "`request_too_large`"),
            ],
        );
    }
    if WITH_STRICT_IDS.iter().any(|prefix| path.starts_with(prefix)) {
        fail_too(operation, "ErrorBody", ("400", "the id is no UUID"));
    }
    if OF_SOME_TYPES.iter().any(|prefix| path.starts_with(prefix)) {
        fail_too(operation, "ErrorBody", ("400", "`invalid_project_type`"));
    }
}

/// What tokens open too, of what belongs to whoever is signed in.
const FOR_PROGRAMS_TOO: [&str; 2] = [HELP, "/api/v1/me/limits"];
/// The set-up helper, which the admin key opens besides.
const HELP: &str = "/api/v1/me/help/setup";

/// Whether the session of whoever signed in, and nothing else, opens a route.
fn is_of_browser(path: &str) -> bool {
    path == "/api/v1/me"
        || path.starts_with("/api/v1/me/") && !FOR_PROGRAMS_TOO.contains(&path)
        || path.starts_with("/auth/")
        || FOR_EVERYBODY.contains(&path)
}

/// The routes of signing in that nobody needs a session for.
const WITHOUT_SESSION: [&str; 5] =
    ["/auth/password", "/auth/login", "/auth/logout", "/auth/callback", "/auth/backchannel-logout"];

/// What is true of the routes that the session cookie opens.
fn browser(path: &str, operation: &mut Operation) {
    if !WITHOUT_SESSION.contains(&path) {
        let mut opened_by = vec![SecurityRequirement::new(SESSION, Vec::<String>::new())];
        if path.starts_with("/api/v1/") {
            opened_by.push(SecurityRequirement::new(ACCESS_TOKEN, Vec::<String>::new()));
        }
        operation.security = Some(opened_by);
    }
    let is_of_account = path.starts_with("/api/") || path.starts_with("/auth/totp/");
    if is_of_account {
        let why = "`account_inactive`, `account_role_none`, `password_change_required`, `totp_required`";
        fail(
            operation,
            "ErrorBody",
            &[("401", "`missing session`, `invalid session`, `invalid_token`"), ("403", why)],
        );
    }
    fail(
        operation,
        "ErrorBody",
        &[
            ("500", "`internal_error`, with `requestId`"),
            ("503", "`store_unavailable`, with `requestId`; the session is what it was"),
        ],
    );
    if operation.request_body.is_some() {
        fail_too(operation, "ErrorBody", ("400", "`invalid_request_body`"));
        fail_too(operation, "ErrorBody", ("403", "`cross_site_request`"));
        fail(
            operation,
            "ErrorBody",
            &[
                ("408", "`request_timeout`: the body did not arrive within 30 s"),
                ("413", "`request_too_large`"),
                ("415", "`unsupported_content_type`"),
            ],
        );
    }
}

/// Every operation has a name of its own: handlers of different things are called the same.
fn name(operation: &mut Operation) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first());
    if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
}

/// What stands in a path is an id, but for the number of a version and the id of a request, which the
/// client may have chosen.
fn name_ids(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && matches!(parameter.parameter_in, ParameterIn::Path)
            && !matches!(parameter.name.as_str(), "number" | "requestId")
            && let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
        {
            object.format = Some(SchemaFormat::Custom("uuid".to_owned()));
        }
    }
}

/// A response needs a description; the good ones have nothing to add to their status.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse::<http::StatusCode>().ok();
            response.description =
                status.and_then(|status| status.canonical_reason()).unwrap_or("Answer").into();
        }
    }
}

fn has_query(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| match parameter {
        RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Query),
        RefOr::Ref(_) => false,
    })
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let methods = [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn fail(operation: &mut Operation, schema: &str, answers: &[(&str, &str)]) {
    for (status, description) in answers {
        let mut response = Response::new(*description);
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(schema))));
        response.content.insert("application/json".to_owned(), RefOr::T(content));
        operation.responses.responses.entry((*status).to_owned()).or_insert(RefOr::T(response));
    }
}

/// Adds a refusal to what is said of its status already.
fn fail_too(operation: &mut Operation, schema: &str, (status, refusal): (&str, &str)) {
    match operation.responses.responses.get_mut(status) {
        Some(RefOr::T(response)) if response.description.contains(refusal) => {}
        Some(RefOr::T(response)) => response.description = format!("{}; {refusal}", response.description),
        Some(RefOr::Ref(_)) | None => fail(operation, schema, &[(status, refusal)]),
    }
}

#[cfg(test)]
mod tests;
