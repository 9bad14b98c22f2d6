//! Items 1, 2, 3, 5 and 9: who is refused, before anybody is asked.

use http::Method;
use promptgate_e2e::Client;
use serde_json::{Value, json};

use super::House;

#[tokio::test]
async fn item_01_both_routes_answer_with_the_status_of_the_matrix() {
    let house = House::new().await;
    house.endpoint("e", json!({})).await;
    let (gateway, project) = (&house.gateway, &house.project);
    let issue = async |id: &str, body: Value| gateway.token(id, &body).await.unwrap();
    let (inactive, inactive_id) = issue(&project.id, json!({"name": "off", "scopes": ["chat"]})).await;
    let path = format!("/tokens/{inactive_id}");
    house.change(Method::PATCH, &path, &json!({"isActive": false})).await;
    let (scopeless, _) = issue(&project.id, json!({"name": "s", "scopes": ["models"]})).await;
    let (admin, _) = issue(&project.id, json!({"name": "a", "scopes": ["admin"]})).await;
    let foreign = gateway.project_of("ai_gateway").await.unwrap().token;
    let unknown = format!("{}x", &project.token[..project.token.len() - 1]);
    let body = json!({"endpoint": "e", "message": "hi"});
    for route in ["/e", "/chat/completions"] {
        let url = project.url(route);
        let anonymous = Client::new().post(&url, &body).await.unwrap();
        assert_eq!((anonymous.status.as_u16(), &anonymous.json()["ok"]), (401, &json!(false)), "{route}");
        for (token, status) in [
            ("sk-wrong", 401),
            (unknown.as_str(), 401),
            (inactive.as_str(), 401),
            (scopeless.as_str(), 403),
            (admin.as_str(), 403),
            (foreign.as_str(), 403),
        ] {
            let answer = Client::new().bearer(token).post(&url, &body).await.unwrap();
            let told = answer.expect(status).unwrap();
            assert!(told["ok"] == false && told["error"].is_string(), "{told}");
        }
    }
    house.change(Method::PATCH, &format!("/projects/{}", project.id), &json!({"isActive": false})).await;
    for route in ["/e", "/chat/completions"] {
        let answer = project.client.post(&project.url(route), &body).await.unwrap();
        assert!(answer.expect(403).unwrap()["error"].as_str().unwrap().contains("inactive"));
    }
    assert_eq!(house.upstream.counts().requests, 0);
}

#[tokio::test]
async fn item_02_the_wrong_project_type_is_400_and_names_the_right_path() {
    let house = House::new().await;
    for kind in ["ai_wrapper", "agent_proxy", "api_gateway", "mcp_gateway"] {
        let project = house.gateway.project_of(kind).await.unwrap();
        let token = json!({"name": "t", "scopes": ["chat"]});
        let (token, _) = house.gateway.token(&project.id, &token).await.unwrap();
        let client = Client::new().bearer(&token);
        for route in ["/e", "/chat/completions"] {
            let body = json!({"endpoint": "e", "message": "hi"});
            let told = client.post(&project.url(route), &body).await.unwrap().expect(400).unwrap();
            let text = told["error"].as_str().unwrap();
            assert!(text.contains("not an AI gateway project"), "{kind}: {text}");
            let is_wrapper = ["ai_wrapper", "agent_proxy"].contains(&kind);
            assert_eq!(text.contains("/v1/chat/completions"), is_wrapper, "{kind}: {text}");
        }
    }
    let chat = json!({"model": "e", "messages": [{"role": "user", "content": "hi"}]});
    let told = house.call("v1/chat/completions", chat).await.expect(400).unwrap();
    assert_eq!(told["error"]["code"], "invalid_project_type");
}

#[tokio::test]
async fn item_03_an_inactive_endpoint_is_404_and_another_one_than_allowed_403() {
    let house = House::new().await;
    let id = house.endpoint("e", json!({})).await;
    let other = house.endpoint("other", json!({})).await;
    let body = json!({"name": "only", "scopes": ["chat"], "endpointIds": [other]});
    let (token, _) = house.gateway.token(&house.project.id, &body).await.unwrap();
    let limited = Client::new().bearer(&token);
    let ask = async |slug: &str| {
        limited.post(&house.project.url(&format!("/{slug}")), &json!({"message": "hi"})).await.unwrap()
    };
    ask("other").await.expect(200).unwrap();
    ask("e").await.expect(403).unwrap();
    let told = ask("missing").await.expect(404).unwrap();
    assert!(told["error"].as_str().unwrap().contains("`missing`"), "{told}");
    house.say("e", "hi").await.expect(200).unwrap();
    let path = format!("{}/{id}/deactivate", house.endpoints());
    house.change(Method::PATCH, &path, &Value::Null).await;
    assert!(house.say("e", "hi").await.expect(404).unwrap()["error"].as_str().unwrap().contains("`e`"));
    assert_eq!(ask("e").await.status, 404, "unknown comes before not allowed");
    for method in [Method::GET, Method::PUT] {
        let url = house.project.url("/other");
        let answer = house.project.client.send(method, &url, "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("POST")));
    }
}

#[tokio::test]
async fn item_05_an_input_above_the_cap_is_422() {
    let house = House::new().await;
    house.endpoint("capped", json!({"usageHardLimitTokens": 10, "prompt": "x".repeat(400)})).await;
    house.say("capped", &"é".repeat(40)).await.expect(200).unwrap();
    let refused = house.say("capped", &"é".repeat(41)).await;
    let told = refused.expect(422).unwrap();
    let text = told["error"].as_str().unwrap();
    assert!(text.contains("11") && text.contains("10"), "{text}");
    assert_eq!(house.upstream.counts().requests, 1);
    assert_eq!(house.record_of(&refused).await["status"], 422);
}

#[tokio::test]
async fn item_09_variables_are_typed_and_their_values_never_echoed() {
    let house = House::new().await;
    let variables = json!([
        {"name": "city", "type": "string", "maxLength": 20},
        {"name": "days", "type": "int", "min": 1, "max": 7},
        {"name": "rain", "type": "bool", "required": false},
        {"name": "size", "type": "enum", "enum": ["s", "m"], "required": false},
    ]);
    let more = json!({"variables": variables, "prompt": "In {{city}}.", "userPromptTemplate": "{{days}}/{{rain}}/{{size}}"});
    house.endpoint("weather", more).await;
    let fill = async |values: Value| house.say("weather", &values.to_string()).await;
    for (values, name) in [
        (json!({"city": "canary", "days": 1, "other": "canary"}), "other"),
        (json!({"city": "canary"}), "days"),
        (json!({"city": "canary", "days": "canary"}), "days"),
        (json!({"city": "canary", "days": 8}), "days"),
        (json!({"city": "canary".repeat(4), "days": 1}), "city"),
        (json!({"city": "canary", "days": 1, "rain": "canary"}), "rain"),
        (json!({"city": "canary", "days": 1, "size": "canary"}), "size"),
    ] {
        let answer = fill(values.clone()).await;
        answer.expect(422).unwrap();
        assert!(answer.text().contains(&format!("`{name}`")), "{values}: {}", answer.text());
        assert!(!answer.text().contains("canary"), "{values}: {}", answer.text());
    }
    house.say("weather", "no object").await.expect(422).unwrap();
    assert_eq!(house.upstream.counts().requests, 0);
    fill(json!({"city": "Rome", "days": "3", "rain": "yes", "size": "m"})).await.expect(200).unwrap();
    let sent = house.upstream.last_request().unwrap().json();
    let expected =
        json!([{"role": "system", "content": "In Rome."}, {"role": "user", "content": "3/true/m"}]);
    assert_eq!(sent["messages"], expected);
    // The dispatcher takes them as well.
    let message = json!({"city": "Rome", "days": 1}).to_string();
    let body = json!({"endpoint": "weather", "message": message});
    house.call("chat/completions", body).await.expect(200).unwrap();
}

#[tokio::test]
async fn an_input_schema_sees_the_whole_body() {
    let house = House::new().await;
    let schema =
        json!({"type": "object", "required": ["locale"], "properties": {"locale": {"type": "string"}}});
    house.endpoint("strict", json!({"inputSchema": schema})).await;
    let told = house.say("strict", "hi").await.expect(422).unwrap();
    assert!(told["error"].as_str().unwrap().contains("locale"), "{told}");
    assert_eq!(house.upstream.counts().requests, 0);
    house.call("strict", json!({"message": "hi", "locale": "de"})).await.expect(200).unwrap();
    house.call("strict", json!({"locale": "de"})).await.expect(200).unwrap();
    let sent = house.upstream.last_request().unwrap().json();
    assert_eq!(sent["messages"][0]["content"], r#"{"locale":"de"}"#);
}

#[tokio::test]
async fn names_that_are_routes_are_taken() {
    let house = House::new().await;
    for slug in ["chat", "v1", "info", "endpoints", "tokens", "models"] {
        let body = json!({"name": "e", "slug": slug, "providerId": house.corp, "providerModel": "m"});
        let refused = house.admin(Method::POST, &house.endpoints(), &body).await;
        let told = refused.expect(400).unwrap();
        assert!(told.to_string().contains("slug"), "{slug}: {told}");
    }
    for name in ["api", "promptgate", "health"] {
        let body =
            json!({"name": name, "displayName": "P", "type": "openai", "baseUrl": "http://127.0.0.1:9/v1"});
        let told = house.admin(Method::POST, "/providers", &body).await.expect(400).unwrap();
        assert!(told.to_string().contains("name"), "{name}: {told}");
    }
}
