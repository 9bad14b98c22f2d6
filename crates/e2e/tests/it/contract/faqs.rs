//! Questions and answers.

use http::Method;
use serde_json::{Value, json};

use super::{ADMINISTRATOR, NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/faqs
    POST /api/v1/admin/faqs
    POST /api/v1/admin/faqs/preview
    GET /api/v1/admin/faqs/{id}
    PATCH /api/v1/admin/faqs/{id}
    DELETE /api/v1/admin/faqs/{id}
    PATCH /api/v1/admin/faqs/{id}/position
    GET /api/v1/faq
";

const ALL: &str = "/faqs";
const ONE: &str = "/faqs/{id}";
const POSITION: &str = "/faqs/{id}/position";
const PREVIEW: &str = "/faqs/preview";
const SORTS: [&str; 5] = ["position", "question", "published", "createdAt", "updatedAt"];

fn shape() -> Value {
    json!({
        "id": "uuid", "question": "text", "answer": "text", "renderedHtml": "str", "position": "int",
        "published": "bool", "createdAt": "time", "updatedAt": "time",
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let shape = shape();
    let mut made = Vec::new();
    for (position, published) in [(0, true), (1, false), (2, true)] {
        let body = json!({"question": format!(" Q{position}? "), "answer": " #Title\n*yes* ", "published": published});
        let entry = api.post(ALL, &[], body).await.shows(201, &shape);
        assert_eq!((&entry["position"], &entry["published"]), (&json!(position), &json!(published)));
        assert_eq!(
            (&entry["question"], &entry["answer"]),
            (&json!(format!("Q{position}?")), &json!("#Title\n*yes*"))
        );
        let html = entry["renderedHtml"].as_str().unwrap();
        assert!(html.contains("<h1") && html.contains("<em>yes</em>"), "{html}");
        made.push(id(&entry));
    }
    api.lists(ALL, &[], &shape, &SORTS).await;
    let longest = "ü".repeat(300);
    api.patch(ONE, &[&made[0]], json!({"question": longest})).await.shows(200, &shape);
    let wrong = [
        (json!({"question": " ", "answer": "a"}), 400, "question_required"),
        (json!({"question": format!("{longest}x"), "answer": "a"}), 400, "question_too_long"),
        (json!({"question": "q", "answer": " "}), 400, "answer_required"),
        (json!({"question": "q", "answer": "a".repeat(65_537)}), 400, "answer_too_long"),
    ];
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.refuses(Method::PATCH, ONE, &[&made[0]], &wrong).await;
    api.reads_strictly(Method::POST, ALL, &[], &json!({"question": "q", "answer": "a"})).await;
    api.reads_strictly(Method::PATCH, ONE, &[&made[0]], &json!({"published": true})).await;
    let kept = api.patch(ONE, &[&made[1]], json!({"answer": "new"})).await.shows(200, &shape);
    assert_eq!((&kept["question"], &kept["published"]), (&json!("Q1?"), &json!(false)));
    assert_eq!(api.get(ONE, &[&made[1]]).await.shows(200, &shape)["answer"], "new");

    let order = async || {
        let page = api.get(ALL, &[]).await.is(200);
        let items = page["items"].as_array().unwrap().clone();
        for (number, item) in items.iter().enumerate() {
            assert_eq!(item["position"], number, "{page}");
        }
        items.iter().map(id).collect::<Vec<_>>()
    };
    let [a, b, c] = [0, 1, 2].map(|number: usize| made[number].clone());
    let moved = api.patch(POSITION, &[&c], json!({"position": 0})).await.shows(200, &shape);
    assert_eq!((&moved["position"], order().await), (&json!(0), vec![c.clone(), a.clone(), b.clone()]));
    for position in [-1, 3] {
        let body = json!({"position": position});
        api.patch(POSITION, &[&c], body).await.refused(400, "invalid_position");
    }
    api.reads_strictly(Method::PATCH, POSITION, &[&c], &json!({"position": 0})).await;

    let page = pass.signed_in(ADMINISTRATOR).await;
    let public = json!([{"id": "uuid", "question": "text", "renderedHtml": "str", "position": "int"}]);
    let published = page.get("/api/v1/faq", &[]).await.shows(200, &public);
    let ids: Vec<_> = published.as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, [c.clone(), a.clone()]);
    preview(pass).await;

    api.delete(ONE, &[&c]).await.is_done();
    assert_eq!(order().await, [a, b], "no gap is left");
    for (wrong, status, code) in
        [(NOBODY, 404, "faq_not_found"), (&c, 404, "faq_not_found"), ("no-uuid", 400, "invalid_id")]
    {
        api.get(ONE, &[wrong]).await.refused(status, code);
        api.patch(ONE, &[wrong], json!({"published": true})).await.refused(status, code);
        api.patch(POSITION, &[wrong], json!({"position": 0})).await.refused(status, code);
        api.delete(ONE, &[wrong]).await.refused(status, code);
    }
}

async fn preview(pass: &Pass) {
    let api = pass.operator();
    let text = "## Head\n<script>alert(1)</script>\n[bad](javascript:alert(1)) [good](https://a.example)\n\n| a |\n| - |\n| b |";
    let shown =
        api.post(PREVIEW, &[], json!({"markdown": text})).await.shows(200, &json!({"renderedHtml": "text"}));
    let html = shown["renderedHtml"].as_str().unwrap();
    assert!(html.contains("<h2 id=\"head\"") && html.contains("<table>"), "{html}");
    assert!(
        html.contains("https://a.example") && !html.contains("javascript:") && !html.contains("<script"),
        "{html}"
    );
    api.reads_strictly(Method::POST, PREVIEW, &[], &json!({"markdown": "x"})).await;
}

#[tokio::test]
async fn faqs_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn faqs_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
