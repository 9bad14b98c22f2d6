use serde_json::{Value, json};

use crate::testing::{Api, PASSWORD};

const PATH: &str = "/api/v1/admin/audit";

async fn actions(api: &Api, query: &str) -> Vec<String> {
    let page = api.get(&format!("{PATH}?{query}")).await.ok();
    let text = |item: &Value| item["action"].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn a_change_is_listed_with_what_it_changed_and_who_did_it() {
    let api = Api::new().await;
    let project = api.create_project("Search", "ai_gateway").await;
    let token = api.issue_token(&project).await.id;
    let path = format!("/api/v1/admin/tokens/{token}");
    api.patch(&path, &json!({"isActive": false, "rateLimitPerMinute": 5})).await.ok();
    let page = api.get(PATH).await.ok();
    assert_eq!((&page["total"], &page["page"]), (&json!(3), &json!(1)));
    let newest = &page["items"][0];
    assert_eq!(newest["action"], "token.updated");
    assert_eq!((&newest["severity"], &newest["position"]), (&json!("info"), &json!(3)));
    assert_eq!((&newest["actorKind"], &newest["actorLabel"]), (&json!("admin_key"), &json!("environment")));
    assert_eq!((&newest["targetKind"], &newest["targetId"]), (&json!("token"), &json!(token)));
    assert_eq!(newest["projectId"], json!(project));
    assert_eq!(newest["before"], json!({"isActive": "true", "rateLimitPerMinute": "null"}));
    assert_eq!(newest["after"], json!({"isActive": "false", "rateLimitPerMinute": "5"}));
    assert_eq!(newest["via"], Value::Null);
    assert_eq!(page["items"][2]["severity"], "ok");
}

#[tokio::test]
async fn filters_narrow_and_wrong_ones_are_named() {
    let api = Api::new().await;
    let project = api.create_project("Search", "ai_gateway").await;
    let token = api.issue_token(&project).await.id;
    api.delete(&format!("/api/v1/admin/tokens/{token}")).await;
    api.create_provider("main", "openai").await;
    let all = ["project.created", "token.created", "token.revoked", "provider.created"];
    assert_eq!(actions(&api, "sortBy=createdAt&sortDir=asc").await, all);
    assert_eq!(actions(&api, "severity=warn").await, ["token.revoked"]);
    assert_eq!(actions(&api, "action=token.created").await, ["token.created"]);
    assert_eq!(actions(&api, "search=REVOKED").await, ["token.revoked"]);
    assert_eq!(actions(&api, "search=environment").await.len(), 4);
    assert_eq!(
        actions(&api, &format!("projectId={project}&severity=ok")).await,
        ["token.created", "project.created"]
    );
    assert_eq!(actions(&api, "actorId=x").await, [""; 0]);
    assert_eq!(actions(&api, "until=2000-01-01T00:00:00Z").await, [""; 0]);
    assert_eq!(actions(&api, "since=2000-01-01T00:00:00Z").await.len(), 4);
    for (query, code, field) in [
        ("severity=loud", "invalid_filter", "severity"),
        ("projectId=x", "invalid_filter", "projectId"),
        ("since=yesterday", "invalid_filter", "since"),
        ("sortBy=action", "invalid_sort", "sortBy"),
    ] {
        let refused = api.get(&format!("{PATH}?{query}")).await.refused(400, code);
        assert_eq!(refused["field"], field, "{query}");
    }
}

#[tokio::test]
async fn an_export_has_every_row_once_and_every_column() {
    let api = Api::new().await;
    for number in 0..501 {
        api.create_project(&format!("=p{number}"), "ai_gateway").await;
    }
    let csv = api.get(&format!("{PATH}/export")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = csv.text().split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 502);
    assert_eq!(lines[0].split(',').count(), 17);
    assert!(lines[1].contains(",1,") && lines[501].contains(",501,"), "the oldest first");
    let jsonl = api.get(&format!("{PATH}/export?format=jsonl&search=project")).await;
    let rows: Vec<Value> = jsonl.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[500]["position"]), (501, &json!(501)));
    assert_eq!(rows[0].as_object().unwrap().len(), 17);
    let none = api.get(&format!("{PATH}/export?until=2000-01-01T00:00:00Z")).await;
    assert_eq!(none.text().lines().count(), 1);
    api.get(&format!("{PATH}/export?format=xml")).await.refused(400, "invalid_format");
}

#[tokio::test]
async fn people_are_named_by_what_they_are_called_now_and_only_administrators_look() {
    let api = Api::new().await;
    api.create_person("a@example.com", "admin").await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    let page = browser.get(&format!("{PATH}?action=auth.login")).await.ok();
    let login = &page["items"][0];
    assert_eq!((&login["actorKind"], &login["severity"]), (&json!("account"), &json!("ok")));
    assert!(login["actorLabel"].is_string());
    api.create_person("b@example.com", "manager").await;
    let manager = api.browser(api.sign_in("b@example.com", PASSWORD).await.header("set-cookie"));
    for path in [PATH.to_owned(), format!("{PATH}/export")] {
        manager.get(&path).await.refused(403, "insufficient_role");
        api.without_key("GET", &path).await.refused(401, "missing session");
    }
}
