//! `/api/v1/admin/setup-guides`.

mod body;
mod create;
mod delete;
mod find;
mod list;
mod reorder;
mod update;
mod validate;

use http::StatusCode;
use promptgate_control::setup_guides::SetupGuideError;
use promptgate_help::{InvalidSetupGuide, SetupGuide};
use promptgate_kernel::{SetupGuideId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(reorder::reorder))
        .routes(routes!(validate::validate))
}

/// How one tool is pointed at the gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GuideView {
    #[schema(value_type = String, format = "uuid")]
    id: SetupGuideId,
    identifier: String,
    title: String,
    subtitle: String,
    /// The name of a Material Design icon.
    icon: String,
    /// Which providers it is for: `openai`, `anthropic` or `both`.
    compatibility: &'static str,
    /// Which models it fills in: `single`, `all` or `none`.
    model_mode: &'static str,
    /// Where its text belongs.
    file_paths: Vec<String>,
    /// Its text, in which whoever shows it fills in `{{token}}` and other tags.
    template: String,
    enabled: bool,
    position: u64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<SetupGuide> for GuideView {
    fn from(guide: SetupGuide) -> Self {
        Self {
            id: guide.id,
            identifier: guide.identifier,
            title: guide.title,
            subtitle: guide.subtitle,
            icon: guide.icon,
            compatibility: guide.compatibility.as_str(),
            model_mode: guide.model_mode.as_str(),
            file_paths: guide.file_paths,
            template: guide.template,
            enabled: guide.enabled,
            position: guide.position,
            created_at: guide.created_at,
            updated_at: guide.updated_at,
        }
    }
}

/// Reads the id in the address.
fn parse_id(text: &str) -> Result<SetupGuideId, ApiError> {
    text.parse().map_err(|error| ApiError::bad_request("invalid setup guide id").field("id").message(error))
}

/// What is wrong, in the sentences that stand in the place of a code here.
fn invalid(error: &InvalidSetupGuide) -> ApiError {
    let sentence = match error {
        InvalidSetupGuide::Identifier => "identifier must be kebab-case",
        InvalidSetupGuide::Title => "title required",
        InvalidSetupGuide::Subtitle => "invalid subtitle",
        InvalidSetupGuide::Icon => "icon must match ^mdi-[a-z0-9-]+$",
        InvalidSetupGuide::Compatibility => "invalid compatibility",
        InvalidSetupGuide::ModelMode => "invalid model mode",
        InvalidSetupGuide::FilePaths => "invalid file paths",
        InvalidSetupGuide::Position => "position must be >= 0",
        InvalidSetupGuide::Template(wrong) => wrong.sentence(),
    };
    ApiError::bad_request(sentence).field(error.field()).message(error)
}

impl From<SetupGuideError> for ApiError {
    fn from(error: SetupGuideError) -> Self {
        match error {
            SetupGuideError::Forbidden(error) => error.into(),
            error @ SetupGuideError::NotFound(_) => Self::not_found("setup_guide_not_found").message(error),
            SetupGuideError::Invalid(error) => invalid(&error),
            error @ SetupGuideError::Incomplete => {
                Self::bad_request("ids must contain every setup guide exactly once")
                    .field("ids")
                    .message(error)
            }
            error @ SetupGuideError::IdentifierTaken => {
                Self::new(StatusCode::CONFLICT, "setup_guide_identifier_conflict")
                    .field("identifier")
                    .message(error)
            }
            error @ SetupGuideError::Changed(_) => Self::changed(&error),
            SetupGuideError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const PATH: &str = "/api/v1/admin/setup-guides";
    const NOBODY: &str = "018f4e6e-0000-7000-8000-000000000001";

    fn guide(identifier: &str) -> Value {
        json!({"identifier": identifier, "title": identifier, "subtitle": "s", "icon": "mdi-x",
            "compatibility": "both", "modelMode": "all", "filePaths": ["~/.x"], "template": "{{token}}",
            "enabled": true, "position": 0})
    }

    async fn create(api: &Api, identifier: &str) -> Value {
        api.post(PATH, &guide(identifier)).await.created()
    }

    #[tokio::test]
    async fn a_change_may_name_one_member_or_all() {
        let api = Api::new().await;
        let made = create(&api, "curl").await;
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        let changed = api.patch(&path, &json!({"title": "cURL"})).await.ok();
        let mut expected = made.clone();
        for other in ["title", "updatedAt"] {
            expected[other] = changed[other].clone();
        }
        assert_eq!((&changed["title"], &changed), (&json!("cURL"), &expected), "what is left out stays");
        let mut whole = guide("other");
        whole["enabled"] = false.into();
        let changed = api.patch(&path, &whole).await.ok();
        for (member, value) in whole.as_object().unwrap() {
            assert_eq!(&changed[member], value, "{member}");
        }
        assert_eq!(api.get(&path).await.ok(), changed);
        api.patch(&path, &json!({"enabled": true})).await.ok();
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "setup_guide_not_found");
        let actions = api.audit_actions().await;
        assert_eq!(actions[0], "setup_guide.created");
        assert_eq!(actions[actions.len() - 2..], ["setup_guide.activated", "setup_guide.deleted"]);
    }

    #[tokio::test]
    async fn a_new_order_names_every_guide_once() {
        let api = Api::new().await;
        let ids = [create(&api, "a").await, create(&api, "b").await].map(|guide| guide["id"].clone());
        let path = format!("{PATH}/reorder");
        let send = |ids: Value| {
            let body = json!({"ids": ids}).to_string();
            let (api, path) = (&api, &path);
            async move { api.send("PUT", path, &body).await }
        };
        let listed = send(json!([ids[1], ids[0]])).await.ok();
        let places: Vec<_> =
            listed["items"].as_array().unwrap().iter().map(|item| (&item["id"], &item["position"])).collect();
        assert_eq!(places, [(&ids[1], &json!(0)), (&ids[0], &json!(1))]);
        assert_eq!(api.get(PATH).await.ok(), listed);
        let sentence = "ids must contain every setup guide exactly once";
        for wrong in [json!([ids[0]]), json!([ids[0], ids[0]]), json!([ids[0], ids[1], ids[1]]), json!([])] {
            send(wrong).await.refused(400, sentence);
        }
        send(json!(["x"])).await.refused(400, "invalid setup guide id");
    }

    #[tokio::test]
    async fn templates_are_tried_out() {
        let api = Api::new().await;
        let path = format!("{PATH}/validate");
        let fine = api.post(&path, &json!({"template": "{{#models}}{{model}}{{/models}}"})).await;
        assert_eq!(fine.ok(), json!({"valid": true}));
        let wrong = api.post(&path, &json!({"template": "{{host}}"})).await;
        assert_eq!(wrong.status, 400);
        assert_eq!(wrong.json(), json!({"valid": false, "error": "unknown template variable: host"}));
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_in_a_sentence() {
        let api = Api::new().await;
        create(&api, "taken").await;
        let with = |member: &str, value: Value| {
            let mut body = guide("a");
            body[member] = value;
            body
        };
        for (body, status, sentence) in [
            (with("identifier", json!("A b")), 400, "identifier must be kebab-case"),
            (with("identifier", json!("taken")), 409, "setup_guide_identifier_conflict"),
            (with("title", json!(" ")), 400, "title required"),
            (with("icon", json!("fa-x")), 400, "icon must match ^mdi-[a-z0-9-]+$"),
            (with("compatibility", json!("x")), 400, "invalid compatibility"),
            (with("modelMode", json!("x")), 400, "invalid model mode"),
            (with("position", json!(-1)), 400, "position must be >= 0"),
            (with("template", json!("{{x}}")), 400, "unknown template variable"),
            (with("id", json!("x")), 400, "invalid_request_body"),
        ] {
            api.post(PATH, &body).await.refused(status, sentence);
        }
        for method in ["GET", "PATCH", "DELETE"] {
            api.send(method, &format!("{PATH}/x"), "{}").await.refused(400, "invalid setup guide id");
            api.send(method, &format!("{PATH}/{NOBODY}"), "{}").await.refused(404, "setup_guide_not_found");
        }
    }

    #[tokio::test]
    async fn programs_see_the_guides_that_are_enabled() {
        let api = Api::new().await;
        create(&api, "shown").await;
        let mut hidden = guide("hidden");
        hidden["enabled"] = false.into();
        api.post(PATH, &hidden).await.created();
        let guides = api.get("/api/v1/me/help/setup").await.ok()["guides"].clone();
        let identifiers: Vec<_> =
            guides.as_array().unwrap().iter().map(|guide| guide["identifier"].clone()).collect();
        assert_eq!(identifiers, ["shown"]);
    }
}
