//! `GET /api/v1/admin/prompts`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prompts};
use promptgate_kernel::{AccountId, Page};
use promptgate_usage::{ListedPrompt, PromptFilter, PromptSort};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Acting;
use crate::ApiState;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};
use crate::prompts::{PromptSearch, PromptView, SORTS};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Whose prompts are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// Only those of this account.
    user_id: Option<String>,
}

/// What somebody wrote last in a call, and who it was. A project's own token acts for nobody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AdminPromptView {
    #[serde(flatten)]
    prompt: PromptView,
    #[schema(value_type = Option<String>, format = "uuid")]
    user_id: Option<AccountId>,
    user_name: String,
    user_email: String,
    user_preferred_username: String,
    client_ip: String,
}

impl From<ListedPrompt> for AdminPromptView {
    fn from(mut listed: ListedPrompt) -> Self {
        let take = std::mem::take::<String>;
        Self {
            user_id: listed.owner,
            user_name: take(&mut listed.user_name),
            user_email: take(&mut listed.user_email),
            user_preferred_username: take(&mut listed.username),
            client_ip: take(&mut listed.client_ip),
            prompt: listed.into(),
        }
    }
}

/// Lists what users wrote last in their calls, as long as it is kept. `sortBy`: createdAt (default,
/// newest first), prompt, provider, model, durationMs, inputTokens, outputTokens, totalTokens, userName,
/// userEmail, clientIp.
#[utoipa::path(get, path = "/api/v1/admin/prompts", tag = "prompts", params(ListParams, PromptSearch, Whose),
    responses(
        (status = OK, body = ListView<AdminPromptView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(search): Params<PromptSearch>,
    Params(whose): Params<Whose>,
) -> Result<Json<ListView<AdminPromptView>>, ApiError> {
    let more = [
        ("userName", PromptSort::UserName),
        ("userEmail", PromptSort::UserEmail),
        ("clientIp", PromptSort::ClientIp),
    ];
    let sorts: Vec<(&str, PromptSort)> = SORTS.into_iter().chain(more).collect();
    let filter = search.filter(&params, &sorts)?;
    let page = match given(whose.user_id).map(|id| id.parse::<AccountId>()).transpose() {
        Ok(owner) => {
            let filter = PromptFilter { owner, ..filter };
            prompts::list(&control, actor, &filter, params.page()).await?
        }
        // What is no id is nobody's.
        Err(_) => Page { items: Vec::new(), request: params.page(), total: 0 },
    };
    Ok(Json(ListView::of(page, AdminPromptView::from)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn administrators_see_everybodys_prompts_and_who_wrote_them() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await.id;
        let ada = api.create_person("a@example.com", "user").await;
        for (owner, text, address) in [(Some(&ada), "own", "192.0.2.2"), (None, "nobody's", "192.0.2.1")] {
            let said = api.record_call_with(&project, &token, "r", |event, content| {
                event.owner = owner.map(|owner| owner.parse().unwrap());
                event.client_ip = Some(address.to_owned());
                content.prompt = Some(text.to_owned());
            });
            said.await;
            api.advance_secs(1);
        }
        let list = async |query: &str| {
            let page = api.get(&format!("/api/v1/admin/prompts?{query}")).await.ok();
            let items = page["items"].as_array().unwrap().clone();
            items.iter().map(|item| item["prompt"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(list("").await, ["nobody's", "own"]);
        assert_eq!(list("page=0&pageSize=x").await, ["nobody's", "own"], "wrong pages are put right");
        assert_eq!(list(&format!("userId={ada}")).await, ["own"]);
        assert_eq!(list("userId=x").await, Vec::<String>::new());
        assert_eq!(list("sortBy=clientIp&sortDir=desc").await, ["own", "nobody's"]);
        assert_eq!(list("sortBy=userEmail").await, ["own", "nobody's"], "what is missing comes last");
        let page = api.get(&format!("/api/v1/admin/prompts?userId={ada}")).await.ok();
        let item = &page["items"][0];
        assert_eq!((&item["userId"], &item["userEmail"]), (&json!(ada), &json!("a@example.com")));
        assert_eq!(
            (&item["userPreferredUsername"], &item["clientIp"]),
            (&json!("a@example.com"), &json!("192.0.2.2"))
        );
        let page = api.get("/api/v1/admin/prompts?search=NOBODY").await.ok();
        assert_eq!((&page["items"][0]["userId"], &page["items"][0]["userName"]), (&Value::Null, &json!("")));
        api.get("/api/v1/admin/prompts?sortBy=id").await.refused(400, "invalid_sort");
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        browser.get("/api/v1/admin/prompts").await.refused(403, "insufficient_role");
    }
}
