//! `/api/v1/admin/faqs`.

mod create;
mod delete;
mod find;
mod list;
mod place;
mod preview;
mod update;

use promptgate_control::faq::FaqError;
use promptgate_help::{FaqEntry, InvalidFaqEntry, render};
use promptgate_kernel::{FaqEntryId, Timestamp};
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
        .routes(routes!(place::place))
        .routes(routes!(preview::preview))
}

/// A question and its answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FaqView {
    #[schema(value_type = String, format = "uuid")]
    id: FaqEntryId,
    question: String,
    /// In Markdown.
    answer: String,
    /// The answer as HTML that is safe to show.
    rendered_html: String,
    /// From 0, without gaps.
    position: u64,
    /// Whether everybody reads it.
    published: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<FaqEntry> for FaqView {
    fn from(entry: FaqEntry) -> Self {
        Self {
            id: entry.id,
            question: entry.question,
            rendered_html: render(&entry.answer),
            answer: entry.answer,
            position: entry.position,
            published: entry.published,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
        }
    }
}

/// Reads the id in the address.
fn parse_id(text: &str) -> Result<FaqEntryId, ApiError> {
    text.parse().map_err(|error| ApiError::bad_request("invalid_id").field("id").message(error))
}

impl From<FaqError> for ApiError {
    fn from(error: FaqError) -> Self {
        match error {
            FaqError::Forbidden(error) => error.into(),
            error @ FaqError::NotFound(_) => Self::not_found("faq_not_found").message(error),
            FaqError::Invalid(error) => {
                let code = match error {
                    InvalidFaqEntry::QuestionRequired => "question_required",
                    InvalidFaqEntry::QuestionTooLong => "question_too_long",
                    InvalidFaqEntry::AnswerRequired => "answer_required",
                    InvalidFaqEntry::AnswerTooLong => "answer_too_long",
                };
                Self::bad_request(code).field(error.field()).message(error)
            }
            FaqError::Position(error) => {
                Self::bad_request("invalid_position").field("position").message(error)
            }
            error @ FaqError::Changed(_) => Self::changed(&error),
            FaqError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const PATH: &str = "/api/v1/admin/faqs";
    const NOBODY: &str = "018f4e6e-0000-7000-8000-000000000001";

    async fn create(api: &Api, question: &str) -> String {
        let body = json!({"question": question, "answer": "#A\n<script>x</script>[b](javascript:c)"});
        api.post(PATH, &body).await.created()["id"].as_str().unwrap().to_owned()
    }

    async fn order(api: &Api) -> Vec<(String, u64)> {
        let listed = api.get(PATH).await.ok();
        let entry = |item: &Value| {
            (item["question"].as_str().unwrap().to_owned(), item["position"].as_u64().unwrap())
        };
        listed["items"].as_array().unwrap().iter().map(entry).collect()
    }

    #[tokio::test]
    async fn places_stay_contiguous_through_moves_and_deletion() {
        let api = Api::new().await;
        let (a, _, c) = (create(&api, "a").await, create(&api, "b").await, create(&api, "c").await);
        let at = |names: [&str; 3]| names.map(str::to_owned).into_iter().zip(0..).collect::<Vec<_>>();
        assert_eq!(order(&api).await, at(["a", "b", "c"]));
        let place = format!("{PATH}/{c}/position");
        assert_eq!(api.patch(&place, &json!({"position": 0})).await.ok()["position"], 0);
        assert_eq!(order(&api).await, at(["c", "a", "b"]));
        for wrong in [3, -1] {
            api.patch(&place, &json!({"position": wrong})).await.refused(400, "invalid_position");
        }
        api.delete(&format!("{PATH}/{a}")).await.no_content();
        assert_eq!(order(&api).await, [("c".to_owned(), 0), ("b".to_owned(), 1)]);
        let actions = api.audit_actions().await;
        assert_eq!(actions[3..], ["faq_entry.moved", "faq_entry.deleted"]);
    }

    #[tokio::test]
    async fn answers_are_rendered_and_nothing_in_them_runs() {
        let api = Api::new().await;
        let path = format!("{PATH}/{}", create(&api, " a ").await);
        let shown = api.get(&path).await.ok();
        let html = shown["renderedHtml"].as_str().unwrap();
        assert!(html.contains("<h1 id=\"a\">A</h1>"), "{html}");
        assert!(!html.contains("script"), "{html}");
        assert_eq!((&shown["question"], &shown["published"]), (&json!("a"), &json!(false)));
        let preview = api.post(&format!("{PATH}/preview"), &json!({"markdown": "**b**"})).await.ok();
        assert_eq!(preview, json!({"renderedHtml": "<p><strong>b</strong></p>\n"}));
        let published = api.patch(&path, &json!({"published": true})).await.ok();
        assert_eq!((&published["published"], &published["question"]), (&json!(true), &json!("a")));
    }

    #[tokio::test]
    async fn what_is_wrong_has_its_code() {
        let api = Api::new().await;
        for (body, code) in [
            (json!({"answer": "a"}), "question_required"),
            (json!({"question": "q".repeat(301), "answer": "a"}), "question_too_long"),
            (json!({"question": "q", "answer": " "}), "answer_required"),
            (json!({"question": "q", "answer": "a", "position": 1}), "invalid_request_body"),
        ] {
            api.post(PATH, &body).await.refused(400, code);
        }
        for (method, end) in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PATCH", "/position")] {
            let body = if end.is_empty() { "{}" } else { r#"{"position":0}"# };
            api.send(method, &format!("{PATH}/x{end}"), body).await.refused(400, "invalid_id");
            api.send(method, &format!("{PATH}/{NOBODY}{end}"), body).await.refused(404, "faq_not_found");
        }
        api.get(&format!("{PATH}?sortBy=answer")).await.refused(400, "invalid_sort");
    }
}
