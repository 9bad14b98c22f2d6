//! `GET /api/v1/me/prompts`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prompts};

use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::prompts::{PromptSearch, PromptView, SORTS};
use crate::session::SignedIn;

/// Lists what one wrote last in one's calls, as long as it is kept. Unlike other lists, this one
/// refuses wrong pages. `sortBy`: createdAt (default, newest first), prompt, provider, model, durationMs,
/// inputTokens, outputTokens, totalTokens.
#[utoipa::path(get, path = "/api/v1/me/prompts", tag = "me", params(ListParams, PromptSearch), responses(
    (status = OK, body = ListView<PromptView>),
    (status = BAD_REQUEST, description = "`invalid_pagination`, `invalid_sort`", body = ErrorBody),
))]
pub(super) async fn prompts(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(search): Params<PromptSearch>,
) -> Result<Json<ListView<PromptView>>, ApiError> {
    let page = params.strict_page()?;
    let filter = search.filter(&params, &SORTS)?;
    let page = prompts::mine(&control, signed_in.actor, signed_in.account.id, filter, page).await?;
    Ok(Json(ListView::of(page, PromptView::from)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};
    use serde_json::Value;

    #[tokio::test]
    async fn one_finds_ones_own_prompts_alone() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await.id;
        let [ada, bob] = [
            api.create_person("a@example.com", "user").await,
            api.create_person("b@example.com", "user").await,
        ];
        for (owner, text, latency) in
            [(&ada, "why blue?", 3_000), (&bob, "why red?", 1_000), (&ada, "how?", 2_000)]
        {
            let said = api.record_call_with(&project, &token, "r", |event, content| {
                event.owner = Some(owner.parse().unwrap());
                event.latency_us = latency;
                content.prompt = Some(text.to_owned());
            });
            said.await;
            api.advance_secs(1);
        }
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let list = async |query: &str| {
            let page = browser.get(&format!("/api/v1/me/prompts{query}")).await.ok();
            let items = page["items"].as_array().unwrap();
            let texts: Vec<String> =
                items.iter().map(|item| item["prompt"].as_str().unwrap().to_owned()).collect();
            (texts.join(","), page["total"].as_u64().unwrap())
        };
        assert_eq!(list("").await, ("how?,why blue?".into(), 2));
        assert_eq!(list("?search=WHY").await, ("why blue?".into(), 1));
        assert_eq!(list("?sortBy=durationMs&sortDir=desc").await, ("why blue?,how?".into(), 2));
        assert_eq!(list("?page=2&pageSize=1").await, ("why blue?".into(), 2));
        assert_eq!(list("?page=9&pageSize=100").await, (String::new(), 2));
        let page = browser.get("/api/v1/me/prompts?search=how").await.ok();
        let item = page["items"][0].as_object().unwrap();
        let mut members: Vec<&str> = item.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(
            members,
            [
                "createdAt",
                "durationMs",
                "id",
                "inputTokens",
                "interceptionId",
                "model",
                "outputTokens",
                "prompt",
                "provider",
                "providerResponseId",
                "providerType",
                "totalTokens"
            ]
        );
        assert_eq!((&item["durationMs"], &item["totalTokens"]), (&Value::from(2), &Value::from(10)));
        for query in ["page=0", "page=x", "page=-1", "pageSize=0", "pageSize=101", "pageSize=x"] {
            let path = format!("/api/v1/me/prompts?{query}");
            browser.get(&path).await.refused(400, "invalid_pagination");
        }
        for key in ["userName", "userEmail", "clientIp", "id"] {
            let path = format!("/api/v1/me/prompts?sortBy={key}");
            browser.get(&path).await.refused(400, "invalid_sort");
        }
        api.get("/api/v1/me/prompts").await.refused(401, "missing session");
    }
}
