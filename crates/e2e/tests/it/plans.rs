//! Plans that change while their people call: what the control plane shows and what a data plane of its own lets
//! in are the same, within a second.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, eventually};
use serde_json::{Value, json};

const PASSWORD: &str = "a password of many words";
const SOON: Duration = Duration::from_secs(1);
/// What a call may need: twenty-nine tokens read, sixteen written.
const NEEDED: u64 = 45;
const PATIENCE: Duration = Duration::from_secs(30);

async fn admin(gateway: &Gateway, method: Method, path: &str, body: Value, status: u16) -> Value {
    gateway.admin(method, path, &body).await.unwrap().expect(status).unwrap()
}

async fn a_change_of_a_plan_is_seen_at_once(installation: Installation) {
    // By what is announced, and not because it is asked for.
    let installation = installation
        .set("PROMPTGATE_PROXY_POLL_INTERVAL", "1h")
        .set("PROMPTGATE_ADMIN_PASSWORD", PASSWORD)
        .set("PROMPTGATE_BCRYPT_COST", "4");
    let gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider_with("echo", "echo", "http://echo.invalid", &json!({"models": ["echo"]})).await.unwrap();
    let email = "ada@example.com";
    let arguments = ["user", "create", email, "--name", "Ada", "--role", "user"];
    let ended = installation.operate(&arguments, PASSWORD).await.unwrap();
    assert!(ended.status.success(), "{}{}", ended.output, ended.errors);
    let found = admin(&gateway, Method::GET, &format!("/users?search={email}"), Value::Null, 200).await;
    let ada = found["items"][0]["id"].as_str().unwrap().to_owned();
    let page = Client::new().header("origin", &gateway.api);
    let body = json!({"email": email, "password": PASSWORD});
    let signed_in = page.post(&format!("{}/auth/password", gateway.api), &body).await.unwrap();
    signed_in.expect(200).unwrap();
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = page.header("cookie", &cookie);
    let issued =
        page.post(&format!("{}/api/v1/tokens", gateway.api), &json!({"name": "laptop"})).await.unwrap();
    let key = issued.expect(201).unwrap()["token"].as_str().unwrap().to_owned();

    let plan = json!({"name": "Gold", "quota5hTokens": 100_000, "quota7dTokens": 200_000});
    let plan = admin(&gateway, Method::POST, "/subscriptions", plan, 201).await;
    let plan = format!("/subscriptions/{}", plan["id"].as_str().unwrap());
    let chosen = json!({"planId": plan.rsplit('/').next()});
    admin(&gateway, Method::PUT, &format!("/users/{ada}/subscription-plan"), chosen, 200).await;
    let client = Client::new().bearer(&key);
    let call = async || {
        let url = format!("{}/echo/v1/chat/completions", gateway.proxy);
        let body =
            json!({"model": "echo", "max_tokens": 16, "messages": [{"role": "user", "content": "Hello"}]});
        client.post(&url, &body).await.unwrap()
    };
    let quota =
        async || page.get(&format!("{}/api/v1/me/quota", gateway.api)).await.unwrap().expect(200).unwrap();
    eventually("a data plane that knows the key", PATIENCE, || async {
        (call().await.status == 200).then_some(())
    })
    .await
    .unwrap();
    let used = eventually("what was used", PATIENCE, || async {
        quota().await["used5hTokens"].as_u64().filter(|used| *used > 0)
    })
    .await
    .unwrap();
    let shown = quota().await;
    assert_eq!((&shown["remaining5hTokens"], &shown["used7dTokens"]), (&json!(100_000 - used), &json!(used)));

    // To less than another call needs, and back: as soon as the change is answered the page shows it, and within a second the
    // other process keeps to it.
    let too_few = used + NEEDED - 1;
    for (tokens, status) in [(too_few, 429), (100_000, 200), (too_few, 429)] {
        admin(&gateway, Method::PATCH, &plan, json!({"quota5hTokens": tokens}), 200).await;
        let shown = quota().await;
        assert_eq!(
            (&shown["quota5hTokens"], &shown["plan"]["quota5hTokens"]),
            (&json!(tokens), &json!(tokens))
        );
        assert_eq!(shown["remaining5hTokens"], tokens - shown["used5hTokens"].as_u64().unwrap().min(tokens));
        let answer = eventually(&format!("{status} by the data plane"), SOON, || async {
            Some(call().await).filter(|answer| answer.status == status)
        })
        .await
        .unwrap();
        if status == 429 {
            let (said, after) = (answer.json(), answer.header("retry-after"));
            assert!(
                after.is_some_and(|after| after.parse::<u64>().is_ok_and(|after| after > 0)),
                "{after:?}"
            );
            assert_eq!((&said["window"], &said["quotaTokens"]), (&json!("5h"), &json!(tokens)), "{said}");
        }
    }
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn a_change_of_a_plan_is_seen_over_postgres() {
    a_change_of_a_plan_is_seen_at_once(Installation::on_postgres().await.unwrap()).await;
}

#[tokio::test]
async fn a_change_of_a_plan_is_seen_over_postgres_and_redis() {
    a_change_of_a_plan_is_seen_at_once(Installation::on_postgres_and_redis().await.unwrap()).await;
}
