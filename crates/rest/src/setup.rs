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
use promptgate_tokens::{AccessDenied, MalformedToken, PresentedToken, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::admin::setup_guides::GuideView;
use crate::admin::{Acting, projects};
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

/// Who asks: whoever holds the admin key, a program with a token of ours, or whoever signed in.
struct Asking(SetupFor);

impl FromRequestParts<ApiState> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        if parts.headers.contains_key("x-admin-api-key") {
            let Acting(actor) = Acting::from_request_parts(parts, state).await?;
            return Ok(Self(SetupFor::Operator(actor)));
        }
        let Ok(bearer) = Bearer::from_request_parts(parts, state).await;
        if bearer.as_deref().is_some_and(is_of_ours) {
            let caller = authenticate_own(&state.control, bearer.presented(), Scope::Models).await?;
            return Ok(Self(SetupFor::Program(Box::new(caller))));
        }
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self(SetupFor::Person(signed_in.actor)))
    }
}

/// Whether a text wants to be one of our tokens; else it is an access token, or nothing.
fn is_of_ours(text: &str) -> bool {
    !matches!(PresentedToken::parse(text), Err(MalformedToken::Prefix))
}

/// Says how programs reach the providers that the caller may use. Answers whoever is signed in, the
/// admin key, and a token with the scope `models` of an `ai_wrapper` or `agent_proxy` project. An account, and a
/// token that acts for one, sees what the account's groups allow.
#[utoipa::path(get, path = "/api/v1/me/help/setup", tag = "setup", responses(
    (status = OK, body = SetupView),
    (status = BAD_REQUEST, description = "`invalid_project_type`", body = ErrorBody),
    (status = UNAUTHORIZED, description = "`missing session`, `invalid session`, \
        `invalid_admin_api_key`, `invalid_token`", body = ErrorBody),
    (status = FORBIDDEN, description = "`insufficient_scope`, `project_inactive`, `account_inactive`, \
        `account_role_none`, `insufficient_role`, `password_change_required`, `totp_required`", body = ErrorBody),
))]
async fn help(
    Asking(whom): Asking,
    State(control): State<Arc<Control>>,
    State(base): State<ProxyBaseUrl>,
) -> Result<Json<SetupView>, ApiError> {
    let offers = setup(&control, whom).await?;
    let guides = setup_guides::enabled(&control).await?;
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
    async fn whoever_is_signed_in_sees_what_the_groups_allow() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        api.create_provider("hidden", "openai").await;
        let person = api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let none = browser.get(PATH).await.ok();
        assert_eq!((&none["providers"], &none["guides"]), (&json!([]), &json!([])), "in no group");
        let group = json!({"name": "one", "displayName": "One", "providerIds": [main],
            "excludedModelPatterns": ["-2$"]});
        let group =
            api.post("/api/v1/admin/groups", &group).await.created()["id"].as_str().unwrap().to_owned();
        api.send("PUT", &format!("/api/v1/admin/groups/{group}/members/{person}"), "").await.no_content();
        let allowed = browser.get(PATH).await.ok();
        assert_eq!(
            (&allowed["providers"][0]["name"], &allowed["providers"][0]["models"]),
            (&json!("main"), &json!(["listed-1"]))
        );
        assert_eq!(allowed["providers"].as_array().unwrap().len(), 1);
        api.patch(&format!("/api/v1/admin/users/{person}"), &json!({"role": "none"})).await.ok();
        browser.get(PATH).await.refused(403, "account_role_none");
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
}
