//! `GET /api/v1/me/help/setup`

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
use promptgate_control::Control;
use promptgate_control::catalog::Offer;
use promptgate_control::introspection::{Denied, authenticate_own};
use promptgate_control::setup::{SetupError, SetupFor, setup};
use promptgate_control::setup_guides;
use promptgate_providers::WireFormat;
use promptgate_tokens::{AccessDenied, PresentedToken, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::admin::setup_guides::GuideView;
use crate::admin::{ADMIN_KEY, Acting, projects};
use crate::error::{ApiError, ErrorBody};
use crate::introspection::Bearer;
use crate::session::SignedIn;
use crate::state::ProxyBaseUrl;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(help))
}

/// What a program needs to be pointed at the gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SetupView {
    /// Where programs reach the proxy.
    proxy_base_url: String,
    /// The providers that may be used, by name.
    providers: Vec<ProviderSetupView>,
    /// How tools are pointed at the gateway: the enabled guides, in order.
    guides: Vec<GuideView>,
}

/// How a provider is reached through the gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderSetupView {
    name: String,
    display_name: String,
    /// The provider's kind.
    r#type: &'static str,
    /// What its routes on the proxy begin with.
    route_prefix: String,
    /// The base URL for OpenAI's SDKs.
    #[serde(skip_serializing_if = "Option::is_none")]
    openai_base_url: Option<String>,
    /// The base URL for Anthropic's SDKs.
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_base_url: Option<String>,
    models: Vec<String>,
    /// Why it could not be asked for its models.
    #[serde(skip_serializing_if = "Option::is_none")]
    models_error: Option<String>,
}

/// Who asks: whoever holds the admin key, else whoever holds a token, else whoever signed in.
struct Asking(SetupFor);

impl FromRequestParts<ApiState> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        if parts.headers.contains_key(ADMIN_KEY) {
            let Acting(actor) = Acting::from_request_parts(parts, state).await?;
            return Ok(Self(SetupFor::Operator(actor)));
        }
        let Ok(bearer) = Bearer::from_request_parts(parts, state).await;
        // What is no token of ours is an access token of an identity provider, or nothing.
        if !bearer.as_deref().is_some_and(PresentedToken::is_meant) {
            let signed_in = SignedIn::from_request_parts(parts, state).await?;
            return Ok(Self(SetupFor::Person(signed_in.actor)));
        }
        let caller = authenticate_own(&state.control, bearer.presented(), Scope::Models).await?;
        Ok(Self(SetupFor::Program(Box::new(caller))))
    }
}

/// Says how programs reach the providers that the caller may use. Whoever signed in, administrators too,
/// and a token that acts for an account see what the account's groups allow; without a group that is
/// nothing. A project's own token, with the scope `models`, of an `ai_wrapper` or `agent_proxy` project,
/// sees what the project may use; the admin key sees every enabled provider.
#[utoipa::path(get, path = "/api/v1/me/help/setup", tag = "setup", responses(
    (status = OK, body = SetupView),
    (status = BAD_REQUEST, description = "`invalid_project_type`", body = ErrorBody),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`, `invalid_admin_api_key`, \
        `invalid_token`", body = ErrorBody),
    (status = FORBIDDEN, description = "`insufficient_scope`, `project_inactive`, `account_inactive`, \
        `insufficient_role`, `firewall_denied`, `guardrail_blocked`, `account_role_none`, `password_change_required`, \
        `totp_required`", body = ErrorBody),
    (status = INTERNAL_SERVER_ERROR, body = ErrorBody,
        description = "`load_user_access_failed`, `load_setup_guides_failed`, with `requestId`"),
    (status = SERVICE_UNAVAILABLE, body = ErrorBody,
        description = "`load_user_access_failed`, `load_setup_guides_failed`, `store_unavailable`, with `requestId`"),
))]
async fn help(
    Asking(whom): Asking,
    State(control): State<Arc<Control>>,
    State(base): State<ProxyBaseUrl>,
) -> Result<Json<SetupView>, ApiError> {
    let offers = setup(&control, whom).await;
    let offers = offers.map_err(|error| ApiError::from(error).of_store("load_user_access_failed"))?;
    let guides = setup_guides::enabled(&control).await;
    let guides = guides.map_err(|error| ApiError::from(error).of_store("load_setup_guides_failed"))?;
    let providers = offers.into_iter().map(|offer| ProviderSetupView::of(offer, &base)).collect();
    Ok(Json(SetupView {
        proxy_base_url: base.as_str().to_owned(),
        providers,
        guides: guides.into_iter().map(GuideView::from).collect(),
    }))
}

impl ProviderSetupView {
    fn of(Offer { provider, models, error }: Offer, base: &ProxyBaseUrl) -> Self {
        let speaks_anthropic = provider.kind.wire_format() == WireFormat::Anthropic;
        let version = if speaks_anthropic { "" } else { "/v1" };
        let route_prefix = format!("/{}{version}", provider.name);
        let url = format!("{}{route_prefix}", base.as_str());
        Self {
            name: provider.name.as_str().to_owned(),
            display_name: provider.display_name,
            r#type: provider.kind.as_str(),
            openai_base_url: (!speaks_anthropic).then(|| url.clone()),
            anthropic_base_url: speaks_anthropic.then_some(url),
            route_prefix,
            models,
            models_error: error,
        }
    }
}

impl From<SetupError> for ApiError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Forbidden(error) => error.into(),
            error @ SetupError::WrongType(_) => projects::wrong_type(error),
            SetupError::Store(error) => error.into(),
        }
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Store(error) => error.into(),
            denied @ (Denied::Missing
            | Denied::Malformed(_)
            | Denied::Unknown
            | Denied::Refused(AccessDenied::Revoked | AccessDenied::Expired { .. })) => {
                Self::new(StatusCode::UNAUTHORIZED, "invalid_token").message(denied)
            }
            denied @ Denied::Refused(AccessDenied::MissingScope { .. } | AccessDenied::ForeignProject) => {
                Self::new(StatusCode::FORBIDDEN, "insufficient_scope").message(denied)
            }
            denied @ Denied::AccountInactive => {
                Self::new(StatusCode::FORBIDDEN, "account_inactive").message(denied)
            }
            denied @ Denied::InsufficientRole => {
                Self::new(StatusCode::FORBIDDEN, "insufficient_role").message(denied)
            }
            denied @ Denied::AddressDenied { .. } => {
                Self::new(StatusCode::FORBIDDEN, "firewall_denied").message(denied)
            }
            denied @ Denied::Guardrail(_) => {
                Self::new(StatusCode::FORBIDDEN, "guardrail_blocked").message(denied)
            }
            denied @ Denied::ProjectInactive => {
                Self::new(StatusCode::FORBIDDEN, "project_inactive").message(denied)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    const PATH: &str = "/api/v1/me/help/setup";

    #[tokio::test]
    async fn a_program_learns_how_to_reach_what_its_project_may_use() {
        let api = Api::new().await;
        api.create_provider("main", "openai").await;
        let claude = api.create_provider("claude", "anthropic").await;
        let hidden = api.create_provider("hidden", "openai").await;
        let project = api.create_project("x", "agent_proxy").await;
        let setting = format!("/api/v1/admin/projects/{project}/provider-settings/{hidden}");
        api.send("PUT", &setting, r#"{"enabled":false}"#).await.ok();
        let token = api.issue_token(&project).await;
        let answer = api.with_token(PATH, &token.secret).await.ok();
        let models = json!(["listed-1", "listed-2"]);
        assert_eq!(
            answer,
            json!({"proxyBaseUrl": "https://gate.example", "guides": [], "providers": [
                {"name": "claude", "displayName": "claude", "type": "anthropic", "routePrefix": "/claude",
                    "anthropicBaseUrl": "https://gate.example/claude", "models": models},
                {"name": "main", "displayName": "main", "type": "openai", "routePrefix": "/main/v1",
                    "openaiBaseUrl": "https://gate.example/main/v1", "models": models},
            ]})
        );
        let all = api.get(PATH).await.ok();
        assert_eq!(all["providers"].as_array().unwrap().len(), 3, "the operator sees all enabled ones");
        api.patch(&format!("/api/v1/admin/providers/{claude}"), &json!({"enabled": false})).await.ok();
        let answer = api.with_token(PATH, &token.secret).await.ok();
        assert_eq!(answer["providers"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn others_are_refused_with_a_code() {
        let api = Api::new().await;
        api.without_key("GET", PATH).await.refused(401, "missing session");
        api.with_key("GET", PATH, "wrong").await.refused(401, "invalid_admin_api_key");
        api.with_token(PATH, "pg_live_nonsense").await.refused(401, "invalid_token");
        let project = api.create_project("x", "ai_wrapper").await;
        let admin = api.issue_scoped(&project, &["admin"]).await;
        api.with_token(PATH, &admin.secret).await.refused(403, "insufficient_scope");
        let gateway = api.create_project("y", "ai_gateway").await;
        let token = api.issue_token(&gateway).await;
        api.with_token(PATH, &token.secret).await.refused(400, "invalid_project_type");
        let token = api.issue_token(&project).await;
        api.patch(&format!("/api/v1/admin/projects/{project}"), &json!({"isActive": false})).await.ok();
        api.with_token(PATH, &token.secret).await.refused(403, "project_inactive");
    }

    #[tokio::test]
    async fn whoever_signed_in_sees_what_the_groups_grant() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        let claude = api.create_provider("claude", "anthropic").await;
        let off = api.create_provider("off", "openai").await;
        api.patch(&format!("/api/v1/admin/providers/{off}"), &json!({"enabled": false})).await.ok();
        for (email, role) in [("a@example.com", "user"), ("b@example.com", "admin")] {
            let person = api.create_person(email, role).await;
            let browser = api.browser(api.sign_in(email, PASSWORD).await.header("set-cookie"));
            let nothing = browser.get(PATH).await.ok();
            assert_eq!((&nothing["providers"], &nothing["guides"]), (&json!([]), &json!([])), "{role}");
            let group = json!({"name": role, "displayName": role, "providerIds": [main, off],
                "modelPatterns": ["1$"]});
            let group = api.post("/api/v1/admin/groups", &group).await.created()["id"].clone();
            let member = format!("/api/v1/admin/groups/{}/members/{person}", group.as_str().unwrap());
            api.put(&member, &json!({})).await.no_content();
            assert_eq!(
                browser.get(PATH).await.ok()["providers"],
                json!([{"name": "main", "displayName": "main", "type": "openai", "routePrefix": "/main/v1",
                    "openaiBaseUrl": "https://gate.example/main/v1", "models": ["listed-1"]}]),
                "{role}"
            );
        }
        // Keys live in one project, which may use less than there is.
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        browser.post("/api/v1/tokens", &json!({"name": "k"})).await.created();
        let projects = api.get("/api/v1/admin/projects").await.ok();
        let project = projects["items"][0]["uuid"].as_str().unwrap();
        let settings = format!("/api/v1/admin/projects/{project}/provider-settings");
        api.put(&format!("{settings}/{claude}"), &json!({"enabled": false})).await.ok();
        assert_eq!(browser.get(PATH).await.ok()["providers"][0]["name"], "main");
        api.put(&format!("{settings}/{main}"), &json!({"enabled": false})).await.ok();
        assert_eq!(browser.get(PATH).await.ok()["providers"], json!([]));
        api.create_person("c@example.com", "none").await;
        let nobody = api.browser(api.sign_in("c@example.com", PASSWORD).await.header("set-cookie"));
        nobody.get(PATH).await.refused(403, "account_role_none");
        api.browser("promptgate_session=bad").get(PATH).await.refused(401, "invalid session");
    }
}
