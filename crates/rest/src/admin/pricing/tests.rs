//! The routes of pricing, one behind the other.

use crate::testing::Api;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/admin/pricing";
const MODELS: &str = "/api/v1/admin/pricing/models";

async fn api() -> Api {
    let api = Api::new().await;
    api.create_provider("main", "openai").await;
    api.create_provider("other", "openai").await;
    api
}

async fn create(api: &Api, provider: &str, model: &str) -> String {
    let body = json!({"providerName": provider, "model": model, "input": 1, "output": 2});
    let created = api.post(MODELS, &body).await.created();
    format!("{MODELS}/{}", created["id"].as_str().unwrap())
}

async fn put(api: &Api, body: &Value) -> crate::testing::Answer {
    api.send("PUT", PATH, &body.to_string()).await
}

#[tokio::test]
async fn the_seeded_fallback_is_there_and_is_changed_in_parts() {
    let api = Api::new().await;
    assert_eq!(api.get(PATH).await.ok(), json!({"fallback": {"input": 5.0, "output": 30.0}, "models": []}));
    let path = format!("{PATH}/fallback");
    let before = api.revision().await;
    let changed = api.patch(&path, &json!({"output": 31.5, "embedding": 0.02})).await.ok();
    assert_eq!(changed, json!({"input": 5.0, "output": 31.5, "embedding": 0.02}));
    assert!(api.revision().await > before, "the data plane is told");
    assert_eq!(api.audit_actions().await, ["price.fallback_updated"]);
    let whole = json!({"input": 0, "output": 0, "embedding": null});
    assert_eq!(api.patch(&path, &whole).await.ok(), json!({"input": 0.0, "output": 0.0}));
    let before = (api.revision().await, api.audit_actions().await);
    api.patch(&path, &json!({})).await.ok();
    assert_eq!((api.revision().await, api.audit_actions().await), before);
    for wrong in [json!({"input": -1}), json!({"output": 1e30}), json!({"cacheRead": -0.1})] {
        api.patch(&path, &wrong).await.refused(400, "invalid_price");
    }
    api.patch(&path, &json!({"price": 1})).await.refused(400, "invalid_request_body");
    let fixed = "00000000-0000-0000-0000-000000000001";
    api.get(&format!("{MODELS}/{fixed}")).await.refused(404, "pricing_not_found");
    api.delete(&format!("{MODELS}/{fixed}")).await.refused(404, "pricing_not_found");
}

#[tokio::test]
async fn a_price_is_set_changed_and_removed_and_leaves_the_others_alone() {
    let api = api().await;
    let body = json!({"providerName": " main ", "model": " gpt-x ", "input": 0.000_000_001, "output": 2.5,
        "cacheRead": 0.25, "cacheWrite": 3, "embedding": 0, "id": "", "createdAt": "", "updatedAt": ""});
    let created = api.post(MODELS, &body).await.created();
    assert_eq!((&created["providerName"], &created["model"]), (&json!("main"), &json!("gpt-x")));
    assert_eq!((&created["input"], &created["cacheRead"]), (&json!(1e-9), &json!(0.25)));
    let path = format!("{MODELS}/{}", created["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.ok(), created);
    let other = create(&api, "main", "a").await;

    let whole = json!({"providerName": "main", "model": "gpt-x", "input": 7, "output": 8, "id": created["id"],
        "createdAt": created["createdAt"], "updatedAt": created["updatedAt"]});
    let changed = api.patch(&path, &whole).await.ok();
    assert_eq!((&changed["input"], &changed["cacheRead"]), (&json!(7.0), &json!(0.25)));
    let cleared = api.patch(&path, &json!({"cacheRead": null})).await.ok();
    assert_eq!((cleared.get("cacheRead"), &cleared["output"]), (None, &json!(8.0)));

    let listed = api.get(PATH).await.ok();
    let models: Vec<_> = listed["models"].as_array().unwrap().iter().map(|price| &price["model"]).collect();
    assert_eq!(models, ["a", "gpt-x"]);
    assert_eq!(listed["fallback"], json!({"input": 5.0, "output": 30.0}));
    api.delete(&path).await.no_content();
    api.delete(&path).await.refused(404, "pricing_not_found");
    api.get(&other).await.ok();
    let actions = api.audit_actions().await;
    assert_eq!(actions[actions.len() - 2..], ["price.updated", "price.deleted"]);
}

#[tokio::test]
async fn what_is_wrong_has_its_code_in_the_order_of_the_contract() {
    let api = api().await;
    let path = create(&api, "main", "m").await;
    let with = |field: &str, value: Value| {
        let mut body = json!({"providerName": "main", "model": "n", "input": 1, "output": 2});
        body[field] = value;
        body
    };
    for (body, status, code, field) in [
        (with("input", json!(-0.1)), 400, "invalid_price", json!("input")),
        (with("output", json!(null)), 400, "invalid_price", json!("output")),
        (with("cacheWrite", json!(-1)), 400, "invalid_price", json!("cacheWrite")),
        (with("providerName", json!(" ")), 400, "invalid_price_target", json!("providerName")),
        (with("model", json!("")), 400, "invalid_price_target", json!("model")),
        (with("providerName", json!("nobody")), 404, "provider_not_found", json!("providerName")),
        (with("providerName", json!("Main")), 404, "provider_not_found", json!("providerName")),
        (with("model", json!("m")), 409, "pricing_conflict", json!(null)),
        (with("extra", json!(1)), 400, "invalid_request_body", json!("extra")),
    ] {
        assert_eq!(api.post(MODELS, &body).await.refused(status, code)["field"], field, "{body}");
    }
    api.patch(&path, &json!({"model": "n"})).await.refused(400, "immutable_price_target");
    api.patch(&path, &json!({"providerName": "other"})).await.refused(400, "immutable_price_target");
    api.patch(&path, &json!({"providerName": ""})).await.refused(400, "invalid_price_target");
    api.patch(&format!("{MODELS}/x"), &json!({"input": 1})).await.refused(404, "pricing_not_found");
    let nobody = format!("{MODELS}/018f4e6e-0000-7000-8000-00000000dead");
    api.patch(&nobody, &json!({"input": -1})).await.refused(400, "invalid_price");
    api.patch(&nobody, &json!({"model": "z"})).await.refused(404, "pricing_not_found");
}

#[tokio::test]
async fn all_prices_are_replaced_together_or_not_at_all() {
    let api = api().await;
    let kept = create(&api, "main", "kept").await;
    create(&api, "main", "gone").await;
    let price = |model: &str, input: f64| json!({"providerName": "main", "model": model, "input": input, "output": 1});
    let before = api.get(PATH).await.ok();
    for (models, code) in [
        (json!([price("a", 1.0), price(" a", 2.0)]), "invalid_price_target"),
        (json!([price("a", 1.0), price("b", -2.0)]), "invalid_price"),
    ] {
        let body = json!({"fallback": {"input": 1, "output": 1}, "models": models});
        put(&api, &body).await.refused(400, code);
    }
    put(&api, &json!({"models": []})).await.refused(400, "invalid_price");
    let stranger = json!({"providerName": "nobody", "model": "m", "input": 1, "output": 1});
    let body = json!({"fallback": {"input": 1, "output": 1}, "models": [stranger]});
    put(&api, &body).await.refused(404, "provider_not_found");
    assert_eq!(api.get(PATH).await.ok(), before);

    let body = json!({"fallback": {"input": 1, "output": 2, "cacheRead": 0.5},
        "models": [price("new", 3.0), price("kept", 4.0)]});
    let replaced = put(&api, &body).await.ok();
    assert_eq!(replaced["fallback"], json!({"input": 1.0, "output": 2.0, "cacheRead": 0.5}));
    let models: Vec<_> = replaced["models"].as_array().unwrap().iter().map(|price| &price["model"]).collect();
    assert_eq!(models, ["kept", "new"]);
    assert_eq!(api.get(&kept).await.ok()["input"], 4.0, "the same price, changed");
    assert_eq!(put(&api, &replaced).await.ok(), replaced, "what is shown can be sent back");
    assert_eq!(api.audit_actions().await.last().unwrap(), "price.replaced");
}

#[tokio::test]
async fn prices_stay_when_their_provider_goes() {
    let api = Api::new().await;
    let provider = api.create_provider("main", "openai").await;
    let path = create(&api, "main", "m").await;
    api.delete(&format!("/api/v1/admin/providers/{provider}")).await.no_content();
    assert_eq!(api.get(&path).await.ok()["providerName"], "main");
    api.patch(&path, &json!({"input": 2})).await.refused(404, "provider_not_found");
    api.create_provider("main", "openai").await;
    api.patch(&path, &json!({"input": 2})).await.ok();
}

#[tokio::test]
async fn the_check_names_the_models_without_a_price() {
    let api = api().await;
    let check = format!("{PATH}/check");
    create(&api, "main", "listed-1").await;
    let found = api.get(&check).await.ok();
    let missing = |provider: &str, model: &str| json!({"providerName": provider, "model": model});
    assert_eq!(
        found["missingPrices"],
        json!([missing("main", "listed-2"), missing("other", "listed-1"), missing("other", "listed-2")])
    );
    assert_eq!((&found["configured"], &found["providerErrors"]), (&json!(false), &json!([])));
    assert!(found["checkedAt"].is_string());
    for (provider, model) in [("main", "listed-2"), ("other", "listed-1"), ("other", "listed-2")] {
        create(&api, provider, model).await;
    }
    let found = api.get(&check).await.ok();
    assert_eq!((&found["configured"], &found["missingPrices"]), (&json!(true), &json!([])));
}
