//! Requests that are wrong, and what every answer carries.

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project};
use serde_json::{Value, json};

async fn set_up(installation: &Installation) -> (Gateway, Project) {
    let gateway = Gateway::run_all(installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    (gateway, project)
}

#[tokio::test]
async fn every_answer_names_its_request_and_where_it_went() {
    let installation = Installation::embedded().unwrap();
    let (gateway, mut project) = set_up(&installation).await;
    let answer = project.chat("echo:echo").await.unwrap();
    answer.expect(200).unwrap();
    let minted = answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(answer.header("x-promptgate-provider"), Some("echo"));
    assert_eq!(answer.header("x-promptgate-model"), Some("echo"));
    assert!(answer.header("x-promptgate-revision").unwrap().parse::<u64>().unwrap() > 0);

    project.client = project.client.header("x-request-id", "mine-1");
    let answer = project.chat("echo:echo").await.unwrap();
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    let events = gateway.usage(&project, 3).await.unwrap();
    let ids: Vec<_> = events.iter().map(|event| event["requestId"].as_str().unwrap()).collect();
    assert_eq!(&ids[..2], ["mine-1", &minted]);
}

#[tokio::test]
async fn refusals_have_the_shape_of_their_surface_and_an_event() {
    let installation =
        Installation::embedded().unwrap().set("PROMPTGATE_PROXY_MAX_BUFFERED_REQUEST_BYTES", "2000");
    let (gateway, project) = set_up(&installation).await;
    let chat = |model: &str| json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]});
    let twice = r#"{"model":"echo:echo","Model":"other","messages":[]}"#.to_owned();
    let cases = [
        ("{ no json", 400),
        (twice.as_str(), 400),
        (&chat("nobody:m").to_string(), 404),
        (&json!({"model": "echo:echo", "messages": "x".repeat(3000)}).to_string(), 413),
    ]
    .map(|(body, status)| (body.to_owned(), status));
    for (body, status) in &cases {
        let url = project.url("/v1/chat/completions");
        let answer = project.client.send(Method::POST, &url, body.clone()).await.unwrap();
        let error = answer.expect(*status).unwrap()["error"].clone();
        for member in ["message", "type", "param", "code"] {
            assert!(error.get(member).is_some(), "no `{member}` in {error}");
        }
        assert!(error["message"].is_string() && error["type"].is_string(), "{error}");

        let answer =
            project.client.send(Method::POST, &project.url("/v1/messages"), body.clone()).await.unwrap();
        let answer = answer.expect(*status).unwrap();
        assert_eq!(answer["type"], "error", "{answer}");
        assert!(answer["error"]["type"].is_string() && answer["error"]["message"].is_string(), "{answer}");
        assert!(answer["request_id"].is_string(), "{answer}");
    }
    let events = gateway.usage(&project, 1 + 2 * cases.len()).await.unwrap();
    let refused = events.iter().filter(|event| event["outcome"] == "refused").count();
    assert_eq!(refused, 2 * cases.len(), "{events:?}");
}

#[tokio::test]
async fn who_may_not_is_told_so_and_makes_no_event() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project) = set_up(&installation).await;
    let url = project.url("/v1/models");
    let garbage = Client::new().bearer("sk-of-somebody-else");
    let unknown = Client::new().bearer(&format!("pg_live_{}", "0".repeat(49)));
    for client in [Client::new(), garbage, unknown] {
        let answer = client.get(&url).await.unwrap();
        let error = answer.expect(401).unwrap()["error"].clone();
        assert!(error["message"].is_string(), "{error}");
    }

    let narrow = json!({"name": "Narrow", "scopes": ["admin"]});
    let issued =
        gateway.admin(Method::POST, &format!("/projects/{}/tokens", project.id), &narrow).await.unwrap();
    let issued = issued.expect(201).unwrap();
    let narrow = Client::new().bearer(issued["token"].as_str().unwrap());
    narrow
        .post(&project.url("/v1/chat/completions"), &json!({"model": "echo:echo"}))
        .await
        .unwrap()
        .expect(403)
        .unwrap();

    let other = gateway.project().await.unwrap();
    let elsewhere = project.client.get(&other.url("/v1/models")).await.unwrap();
    assert_eq!(elsewhere.status, 403, "{}", elsewhere.text());
    // What comes after it is on record, so that it would be, too.
    other.chat("echo:echo").await.unwrap().expect(200).unwrap();
    let events = gateway.usage(&other, 2).await.unwrap();
    assert_eq!(events.len(), 2, "the stranger is not on the project's record: {events:?}");
}

#[tokio::test]
async fn both_ports_answer_what_a_token_may_know() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project) = set_up(&installation).await;
    for base in [&gateway.api, &gateway.proxy] {
        let health = Client::new().get(&format!("{base}/health")).await.unwrap();
        assert_eq!(health.expect(200).unwrap()["status"], "ok");
        for route in ["info", "endpoints", "tokens"] {
            let answer = project.client.get(&format!("{base}/api/{}/{route}", project.id)).await.unwrap();
            let answer = answer.expect(200).unwrap();
            assert_eq!(answer["ok"], true, "{route}: {answer}");
            assert!(!answer.to_string().contains(&project.token), "{route} shows the token");
        }
        let models = project.client.get(&format!("{base}/api/{}/models", project.id)).await.unwrap();
        assert_eq!(models.expect(200).unwrap()["object"], "list");
        let missing = project.client.get(&format!("{base}/no/such/path")).await.unwrap();
        assert_eq!(missing.status, 404);
    }
    let document = Client::new().get(&format!("{}/api/openapi.json", gateway.api)).await.unwrap();
    assert!(document.expect(200).unwrap()["openapi"].is_string());
    let page = Client::new().get(&format!("{}/api/docs/", gateway.api)).await.unwrap();
    assert!(page.status == 200 && page.text().contains("swagger"), "{}: {}", page.status, page.text());
}

#[tokio::test]
async fn the_admin_routes_want_their_key_once_and_right() {
    let installation = Installation::embedded().unwrap();
    let (gateway, _) = set_up(&installation).await;
    let url = format!("{}/api/v1/admin/projects", gateway.api);
    let right = promptgate_e2e::ADMIN_KEY;
    let clients = [
        Client::new(),
        Client::new().header("x-admin-api-key", ""),
        Client::new().header("x-admin-api-key", "wrong"),
        Client::new().header("x-admin-api-key", right).header("x-admin-api-key", right),
    ];
    for client in clients {
        let answer = client.get(&url).await.unwrap();
        let answer: Value = answer.expect(401).unwrap();
        assert!(answer["error"].is_string(), "{answer}");
    }
}
