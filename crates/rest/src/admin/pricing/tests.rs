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

#[tokio::test]
async fn every_class_of_tokens_may_have_a_rate_of_its_own() {
    let api = api().await;
    let all = json!({"input": 1.0, "output": 2.0, "cacheRead": 3.0, "cacheWrite": 4.0, "cacheWrite1h": 5.0,
        "audioInput": 6.0, "audioOutput": 7.0, "reasoning": 8.0, "embedding": 9.0});
    let mut body = all.clone();
    body["providerName"] = json!("main");
    body["model"] = json!("m");
    let created = api.post(MODELS, &body).await.created();
    let path = format!("{MODELS}/{}", created["id"].as_str().unwrap());
    for (name, rate) in all.as_object().unwrap() {
        assert_eq!(&created[name], rate, "{name}");
        if matches!(name.as_str(), "input" | "output") {
            continue;
        }
        let mut change = json!({});
        change[name] = json!(null);
        assert_eq!(api.patch(&path, &change).await.ok().get(name), None, "{name}");
        change[name] = json!(-1);
        let refused = api.patch(&path, &change).await.refused(400, "invalid_price");
        assert_eq!(refused["field"], json!(name));
        assert_eq!(api.patch(&format!("{PATH}/fallback"), &json!({(name): 0.5})).await.ok()[name], 0.5);
    }
}

#[tokio::test]
async fn what_a_price_was_is_shown() {
    let api = api().await;
    let path = create(&api, "main", "m").await;
    api.patch(&path, &json!({"output": 3})).await.ok();
    api.delete(&path).await.no_content();
    let versions = format!("{PATH}/versions");
    let listed = api.get(&format!("{versions}?providerName=main&model=m")).await.ok();
    assert_eq!(listed["total"], 3);
    let shown: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["rates"]["output"].clone(), item["before"]["output"].clone()))
        .collect();
    let [none, two, three] = [json!(null), json!(2.0), json!(3.0)];
    assert_eq!(shown, [(none.clone(), three.clone()), (three, two.clone()), (two, none)]);
    let second = &listed["items"][1];
    let version = second["priceVersion"].as_str().unwrap();
    assert!(
        version.ends_with("@2") && second["until"].is_string() && second["origin"] == "manual",
        "{second}"
    );
    assert_eq!(&api.get(&format!("{versions}/{version}")).await.ok(), second);
    assert_eq!(api.get(&format!("{versions}?priceVersion={version}")).await.ok()["total"], 3);
    let before = format!("{versions}?priceVersion=stored:{}", second["from"].as_str().unwrap());
    assert!(api.get(&before).await.ok()["total"].as_u64() >= Some(1), "as calls of before name it");
    assert_eq!(api.get(&format!("{versions}?priceVersion=2026-10-24")).await.ok()["total"], 0);
    for wrong in ["x", "018f4e6e-0000-7000-8000-000000000001@1"] {
        api.get(&format!("{versions}/{wrong}")).await.refused(404, "price_version_not_found");
    }
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out_again() {
    let api = api().await;
    let import = format!("{PATH}/import");
    let file = json!({"models": [{"providerName": "main", "model": "m", "input": 1, "output": 2}],
        "lists": [{"kind": "openai", "model": "*", "input": 3, "output": 4}]});
    let looked = api.post(&format!("{import}?dryRun=true"), &file).await.ok();
    assert_eq!((&looked["dryRun"], looked["changes"].as_array().unwrap().len()), (&json!(true), 2));
    assert_eq!(looked["changes"][0]["before"], json!(null));
    assert_eq!(api.get(PATH).await.ok()["models"], json!([]));
    let done = api.post(&import, &file).await.ok();
    assert_eq!((&done["dryRun"], &done["changes"]), (&json!(false), &looked["changes"]));
    let exported = api.get(&format!("{PATH}/export")).await.ok();
    assert_eq!(exported["lists"], json!([{"kind": "openai", "model": "*", "input": 3.0, "output": 4.0}]));
    let again = api.post(&import, &exported).await.ok();
    assert_eq!((&again["changes"], &again["unchanged"]), (&json!([]), &json!(3)));

    let lists = format!("{PATH}/list-prices");
    let listed = api.get(&lists).await.ok();
    assert_eq!(
        (&listed["items"][0]["origin"], &listed["items"][0]["input"]),
        (&json!("manual"), &json!(3.0))
    );
    let one = format!("{lists}/{}", listed["items"][0]["id"].as_str().unwrap());
    api.delete(&one).await.no_content();
    api.delete(&one).await.refused(404, "pricing_not_found");
    let bad = json!({"models": [{"providerName": "main", "model": "m", "input": -1, "output": 2}]});
    let refused = api.post(&import, &bad).await.refused(400, "invalid_price_file");
    let fault = refused["errors"]["models[0] (main m)"][0].as_str().unwrap();
    assert!(fault.starts_with("input: "), "{refused}");
    api.post(&import, &json!({"a": 1})).await.refused(400, "invalid_price_file");
    api.post(&format!("{import}?dryRun=perhaps"), &file).await.refused(400, "invalid_filter");
    api.get(&format!("{PATH}/export?all=perhaps")).await.refused(400, "invalid_filter");
    assert_eq!(api.get(&format!("{PATH}/refreshes")).await.ok(), json!({"items": []}));
}

#[tokio::test]
async fn calls_without_a_price_are_named_and_get_one() {
    let api = api().await;
    let project = api.create_project("Search", "ai_wrapper").await;
    let token = api.issue_token(&project).await;
    let guessed = api
        .record_call_with(&project, &token.id, "one", |event, _| {
            (event.provider, event.model) = (Some("main".into()), Some("m".into()));
            event.price_basis = "fallback".into();
        })
        .await;
    api.record_call_with(&project, &token.id, "two", |event, _| {
        (event.provider, event.model) = (Some("main".into()), Some("n".into()));
        event.price_basis = "none".into();
        event.cost = promptgate_kernel::Money::ZERO;
    })
    .await;
    let unpriced = api.get(&format!("{PATH}/unpriced")).await.ok();
    assert_eq!((&unpriced["calls"], &unpriced["tokens"]), (&json!(1), &json!(12)));
    assert_eq!((&unpriced["estimatedCalls"], &unpriced["estimatedCostUsd"]), (&json!(1), &json!(0.0025)));
    let models: Vec<_> = unpriced["models"].as_array().unwrap().iter().map(|model| &model["model"]).collect();
    assert_eq!(models, ["n", "m"]);
    api.get(&format!("{PATH}/unpriced?since=yesterday")).await.refused(400, "invalid_filter");

    api.post(MODELS, &json!({"providerName": "main", "model": "m", "input": 1e6, "output": 0}))
        .await
        .created();
    let repricings = format!("{PATH}/repricings");
    let range = json!({"from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "model": "m"});
    let mut dry = range.clone();
    dry["dryRun"] = json!(true);
    let looked = api.post(&repricings, &dry).await.created();
    assert_eq!(
        (&looked["state"], &looked["examined"], &looked["changed"]),
        (&json!("done"), &json!(1), &json!(1))
    );
    assert_eq!((&looked["costBeforeUsd"], &looked["costAfterUsd"]), (&json!(0.0025), &json!(6.0)));
    let done = api.post(&repricings, &range).await.created();
    assert_eq!((&done["dryRun"], &done["differenceUsd"]), (&json!(false), &json!(5.9975)));
    let one = format!("{repricings}/{}", done["id"].as_str().unwrap());
    assert_eq!(api.get(&one).await.ok(), done);
    assert_eq!(api.post(&format!("{one}/resume"), &json!({})).await.ok(), done);
    assert_eq!(api.get(&repricings).await.ok()["items"].as_array().unwrap().len(), 2);
    let usage = api.get(&format!("/api/v1/admin/projects/{project}/usage?requestId=one")).await.ok();
    let call = &usage["items"][0];
    assert_eq!(
        (&call["id"], &call["costUsd"], &call["priceBasis"]),
        (&json!(guessed), &json!(6.0), &json!("exact"))
    );
    let version = call["priceVersion"].as_str().unwrap();
    let price = api.get(&format!("{PATH}/versions/{version}")).await.ok();
    assert_eq!((&price["model"], &price["rates"]["input"]), (&json!("m"), &json!(1e6)));
    let unpriced = api.get(&format!("{PATH}/unpriced")).await.ok();
    assert_eq!((&unpriced["calls"], &unpriced["estimatedCalls"]), (&json!(1), &json!(0)));

    let backwards = json!({"from": "2001-01-01T00:00:00Z", "to": "2000-01-01T00:00:00Z"});
    api.post(&repricings, &backwards).await.refused(400, "invalid_range");
    for wrong in ["x", "018f4e6e-0000-7000-8000-000000000001@1"] {
        let mut body = range.clone();
        body["priceVersion"] = json!(wrong);
        api.post(&repricings, &body).await.refused(404, "price_version_not_found");
    }
    api.get(&format!("{repricings}/x")).await.refused(404, "repricing_not_found");
    let nobody = format!("{repricings}/018f4e6e-0000-7000-8000-000000000001");
    api.post(&format!("{nobody}/resume"), &json!({})).await.refused(404, "repricing_not_found");
}
