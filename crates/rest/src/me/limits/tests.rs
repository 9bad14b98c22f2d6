//! What programs and people learn of their own limits, and what they do not.

use serde_json::{Value, json};

use crate::document::openapi;
use crate::testing::{Api, PASSWORD, TestToken};

const OWN: &str = "/api/v1/me/limits";

/// An AI endpoint beside another one that is off; its project.
async fn with_endpoints(api: &Api) -> (String, String) {
    let endpoint = api.create_endpoint("Mail").await;
    let (endpoints, id) = endpoint.rsplit_once('/').unwrap();
    let provider = api.get(&endpoint).await.ok()["providerId"].clone();
    for (name, is_active) in [("Other", true), ("Off", false)] {
        let body = json!({"name": name, "providerId": provider, "providerModel": "m", "monthlyTokenCap": 7});
        let made = api.post(endpoints, &body).await.created();
        let path = format!("{endpoints}/{}", made["id"].as_str().unwrap());
        api.patch(&path, &json!({"isActive": is_active})).await.ok();
    }
    (endpoints.split('/').nth(5).unwrap().to_owned(), id.to_owned())
}

#[tokio::test]
async fn a_token_is_shown_the_endpoints_that_it_may_call_and_no_other() {
    let api = Api::new().await;
    let (project, mail) = with_endpoints(&api).await;
    let (plain, admin) =
        (api.issue_scoped(&project, &["chat"]).await, api.issue_scoped(&project, &["admin"]).await);
    for token in [&plain, &admin] {
        let path = format!("/api/v1/admin/tokens/{}", token.id);
        api.patch(&path, &json!({"endpointIds": [mail]})).await.ok();
    }
    let public = format!("/api/{project}/tokens/self/limits");
    let ask = async |token: &TestToken, endpoint: &str| {
        let own = api.with_token(&format!("{OWN}?endpoint={endpoint}"), &token.secret).await;
        let other = api.with_token(&format!("{public}?endpoint={endpoint}"), &token.secret).await;
        assert_eq!(own.status, other.status, "{endpoint}");
        (own.status, own.json()["error"].as_str().map(str::to_owned))
    };
    let refused = |status, code: &str| (status, Some(code.to_owned()));
    assert_eq!(ask(&plain, "mail").await, (200, None));
    assert_eq!(ask(&plain, &mail).await, (200, None));
    assert_eq!(ask(&plain, "other").await, refused(403, "endpoint_not_allowed"));
    assert_eq!(ask(&plain, "off").await, refused(404, "endpoint_not_found"));
    assert_eq!(ask(&plain, "nothing").await, refused(404, "endpoint_not_found"));
    for endpoint in ["mail", "other", "off"] {
        assert_eq!(ask(&admin, endpoint).await, (200, None), "{endpoint}");
    }
    assert_eq!(ask(&admin, "nothing").await, refused(404, "endpoint_not_found"));
    // Without a list of its own a token may call each that is on.
    let free = api.issue_scoped(&project, &["chat"]).await;
    assert_eq!(ask(&free, "other").await, (200, None));
    assert_eq!(ask(&free, "off").await, refused(404, "endpoint_not_found"));
    // Administrators look at each, whatever a token may call.
    for endpoint in ["mail", "other", "off"] {
        api.get(&format!("/api/v1/admin/tokens/{}/limits?endpoint={endpoint}", plain.id)).await.ok();
    }
}

#[tokio::test]
async fn a_minted_token_is_not_told_what_its_owner_uses() {
    let api = Api::new().await;
    let body = json!({"identifier": "ci", "name": "CI", "limits": {"monthlyCost": 2}});
    let service = api.post("/api/v1/admin/service-accounts", &body).await.created();
    let keys = format!("/api/v1/admin/service-accounts/{}/tokens", service["id"].as_str().unwrap());
    let key = api.post(&keys, &json!({"name": "k", "expiresInDays": 7})).await.created();
    let id = key["tokenInfo"]["id"].as_str().unwrap();
    let project = api.get(&format!("/api/v1/admin/tokens/{id}")).await.ok()["projectId"].clone();
    let children = format!("/api/{}/tokens/children", project.as_str().unwrap());
    let child = json!({"name": "c", "daily_token_cap": 70});
    let child = api.post_with_token(&children, &child, key["token"].as_str().unwrap()).await.created();
    let spent = async |secret: &Value| {
        let answer = api.with_token(OWN, secret.as_str().unwrap()).await.ok();
        let limits = answer["limits"].as_array().unwrap().clone();
        limits.iter().map(|limit| (limit["subject"].clone(), limit["spent"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(spent(&key["token"]).await, [(json!("owner"), json!(0.0))]);
    let told = spent(&child["data"]["token"]).await;
    assert_eq!(told, [(json!("token"), json!(0)), (json!("owner"), json!(null))]);
}

#[tokio::test]
async fn what_one_request_may_have_to_read_is_listed_too() {
    let api = Api::new().await;
    let (project, mail) = with_endpoints(&api).await;
    let capped = json!({"limits": {"requestTokens": 900, "dailyTokens": 5_000}});
    api.patch(&format!("/api/v1/admin/projects/{project}"), &capped).await.ok();
    let endpoint = format!("/api/v1/admin/projects/{project}/endpoints/{mail}");
    api.patch(&endpoint, &json!({"usageHardLimitTokens": 2_000})).await.ok();
    let token = api.issue_token(&project).await;
    let path = format!("/api/v1/admin/tokens/{}", token.id);
    api.patch(&path, &json!({"requestTokenCap": 1_000})).await.ok();

    let own = api.with_token(&format!("{OWN}?endpoint=mail"), &token.secret).await.ok();
    let by_token = api.get(&format!("{path}/limits?endpoint=mail")).await.ok();
    for answer in [own, by_token] {
        let rows = answer["limits"].as_array().unwrap();
        let of_requests: Vec<_> = rows.iter().skip_while(|row| row["window"] != "request").collect();
        let told = of_requests.iter().map(|row| (&row["subject"], &row["limit"], &row["isTightest"]));
        // Those of an endpoint count in another way.
        let expected = [("token", 1_000, false), ("endpoint", 2_000, true), ("project", 900, true)];
        let expected = expected.map(|(subject, cap, tightest)| (json!(subject), json!(cap), json!(tightest)));
        assert!(
            told.eq(expected.iter().map(|(subject, cap, tightest)| (subject, cap, tightest))),
            "{answer}"
        );
        for row in of_requests {
            assert_eq!((&row["measure"], &row["window"]), (&json!("tokens"), &json!("request")));
            for nothing in ["model", "spent", "reserved", "remaining", "resetsAt"] {
                assert_eq!(row[nothing], json!(null), "{nothing}");
            }
        }
        assert_eq!((&rows[0]["window"], &rows[0]["isTightest"]), (&json!("day"), &json!(true)));
    }
    let caps = async |path: &str| {
        let answer = api.get(&format!("{path}/limits")).await.ok();
        let rows = answer["limits"].as_array().unwrap().clone();
        let rows = rows.into_iter().filter(|row| row["window"] == "request");
        rows.map(|row| row["limit"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(caps(&endpoint).await, [2_000, 900]);
    assert_eq!(caps(&format!("/api/v1/admin/projects/{project}")).await, [900]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_as_the_document_says() {
    let api = Api::new().await;
    let document = serde_json::to_value(openapi()).unwrap();
    let says = |status: u16, code: &str| {
        let described = &document["paths"][OWN]["get"]["responses"][status.to_string()]["description"];
        described.as_str().is_some_and(|text| text.contains(&format!("`{code}`")))
    };
    api.create_person("a@example.com", "user").await;
    let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
    // Which endpoint is called matters to no limit of a person.
    let refused = browser.get(&format!("{OWN}?endpoint=mail")).await.refused(400, "invalid_query");
    assert_eq!(refused["field"], "endpoint");
    browser.get(&format!("{OWN}?endpoint=")).await.ok();
    let project = api.create_project("x", "ai_wrapper").await;
    let token = api.issue_token(&project).await;
    api.with_token(&format!("{OWN}?model=a&model=b"), &token.secret).await.refused(400, "invalid_query");
    let guarded = json!({"ipAllowlist": {"enabled": true, "cidrs": ["192.0.2.0/24"]}});
    api.patch(&format!("/api/v1/admin/projects/{project}/guardrails"), &guarded).await.ok();
    api.with_token(OWN, &token.secret).await.refused(403, "guardrail_blocked");
    for (status, code) in [
        (400, "invalid_query"),
        (403, "guardrail_blocked"),
        (403, "endpoint_not_allowed"),
        (404, "endpoint_not_found"),
    ] {
        assert!(says(status, code), "{status} {code}");
    }
}
