//! Prices.

use http::Method;
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

use super::shape::with;
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/pricing
    PUT /api/v1/admin/pricing
    PATCH /api/v1/admin/pricing/fallback
    POST /api/v1/admin/pricing/models
    GET /api/v1/admin/pricing/models/{id}
    PATCH /api/v1/admin/pricing/models/{id}
    DELETE /api/v1/admin/pricing/models/{id}
    GET /api/v1/admin/pricing/check
    GET /api/v1/admin/pricing/export
    POST /api/v1/admin/pricing/import
    GET /api/v1/admin/pricing/list-prices
    DELETE /api/v1/admin/pricing/list-prices/{id}
    GET /api/v1/admin/pricing/refreshes
    GET /api/v1/admin/pricing/repricings
    POST /api/v1/admin/pricing/repricings
    GET /api/v1/admin/pricing/repricings/{id}
    POST /api/v1/admin/pricing/repricings/{id}/cancel
    POST /api/v1/admin/pricing/repricings/{id}/resume
    GET /api/v1/admin/pricing/unpriced
    GET /api/v1/admin/pricing/versions
    GET /api/v1/admin/pricing/versions/{version}
";

const BOOK: &str = "/pricing";
const FALLBACK: &str = "/pricing/fallback";
const MODELS: &str = "/pricing/models";
const MODEL: &str = "/pricing/models/{id}";
const CHECK: &str = "/pricing/check";

/// Beyond the contract: rates of cached tokens and of embeddings, where they are set.
fn rates() -> Value {
    json!({"input": "num", "output": "num", "cacheRead?": "num", "cacheWrite?": "num", "cacheWrite1h?": "num",
        "audioInput?": "num", "audioOutput?": "num", "reasoning?": "num", "embedding?": "num"})
}

fn price() -> Value {
    let price = json!({
        "id": "uuid", "providerName": "text", "model": "text", "createdAt": "time", "updatedAt": "time",
    });
    with(&price, &rates())
}

fn of(provider: &str, model: &str, input: f64, output: f64) -> Value {
    json!({"providerName": provider, "model": model, "input": input, "output": output})
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let book = json!({"fallback": rates(), "models": [price()]});
    let before = api.get(BOOK, &[]).await.shows(200, &book);
    assert_eq!((&before["fallback"]["input"], &before["fallback"]["output"]), (&json!(5.0), &json!(30.0)));

    let made = api.post(MODELS, &[], of("echo", "m1", 1.5, 2.25)).await.shows(201, &price());
    assert_eq!((&made["input"], &made["output"]), (&json!(1.5), &json!(2.25)));
    let one = id(&made);
    let read = api.get(MODEL, &[&one]).await.shows(200, &price());
    assert_eq!(read, made);
    let sent_back = with(&made, &json!({"output": 3.0}));
    let changed = api.patch(MODEL, &[&one], sent_back).await.shows(200, &price());
    assert_eq!((&changed["output"], &changed["id"]), (&json!(3.0), &made["id"]));

    let wrong = [
        (of("echo", "m2", -1.0, 1.0), 400, "invalid_price"),
        (of("echo", "m2", 1.0, -0.5), 400, "invalid_price"),
        (json!({"providerName": "echo", "model": "m2"}), 400, "invalid_price"),
        (of(" ", "m2", 1.0, 1.0), 400, "invalid_price_target"),
        (of("echo", "  ", 1.0, 1.0), 400, "invalid_price_target"),
    ];
    api.refuses(Method::POST, MODELS, &[], &wrong).await;
    api.post(MODELS, &[], of("nobody", "m2", 1.0, 1.0)).await.refused(404, "provider_not_found");
    api.post(MODELS, &[], of("echo", "m1", 1.0, 1.0)).await.refused(409, "pricing_conflict");
    let moved = [
        (of("echo", "m1", -1.0, 1.0), 400, "invalid_price"),
        (of("echo", "m2", 1.0, 1.0), 400, "immutable_price_target"),
        (of("other", "m1", 1.0, 1.0), 400, "immutable_price_target"),
    ];
    api.refuses(Method::PATCH, MODEL, &[&one], &moved).await;
    let fallback = json!({"input": 6, "output": 31});
    let fallback = api.patch(FALLBACK, &[], fallback).await.shows(200, &rates());
    assert_eq!((&fallback["input"], &fallback["output"]), (&json!(6.0), &json!(31.0)));
    assert_eq!(api.get(MODEL, &[&one]).await.is(200)["output"], 3.0, "models stay what they were");
    api.patch(FALLBACK, &[], json!({"input": -1, "output": 1})).await.refused(400, "invalid_price");
    api.reads_strictly(Method::PATCH, FALLBACK, &[], &json!({"input": 1, "output": 1})).await;
    api.reads_strictly(Method::POST, MODELS, &[], &of("echo", "m3", 1.0, 1.0)).await;
    api.reads_strictly(Method::PATCH, MODEL, &[&one], &of("echo", "m1", 1.0, 1.0)).await;

    replaced(pass, &book).await;
    let gone = id(&api.get(BOOK, &[]).await.is(200)["models"][0]);
    api.delete(MODEL, &[&gone]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &gone] {
        api.get(MODEL, &[wrong]).await.refused(404, "pricing_not_found");
        api.delete(MODEL, &[wrong]).await.refused(404, "pricing_not_found");
        let body = of("echo", "m1", 1.0, 1.0);
        api.patch(MODEL, &[wrong], body).await.refused(404, "pricing_not_found");
    }
    let wrong_first = of("echo", "m1", -1.0, 1.0);
    api.patch(MODEL, &[NOBODY], wrong_first).await.refused(400, "invalid_price");
    check(pass).await;
    beyond(pass).await;
}

/// What the contract does not have: versions, files, lists, and other prices for calls of the past.
async fn beyond(pass: &Pass) {
    let api = pass.operator();
    let versions = api.get("/pricing/versions", &[]).await.is(200);
    let version = versions["items"][0]["priceVersion"].as_str().unwrap();
    let one = api.get("/pricing/versions/{version}", &[version]).await.is(200);
    assert_eq!(one, versions["items"][0]);
    let exported = api.get("/pricing/export", &[]).await.is(200);
    let imported = api.post("/pricing/import", &[], exported).await.is(200);
    assert_eq!(imported["changes"], json!([]), "what was written is what is there");
    let lists = api.get("/pricing/list-prices", &[]).await.is(200);
    let built_in = &lists["items"][0];
    assert_eq!(built_in["origin"], "built_in", "the prices of the program are there");
    api.delete("/pricing/list-prices/{id}", &[&id(built_in)]).await.is_done();
    let refreshes = api.get("/pricing/refreshes", &[]).await.is(200);
    assert_eq!(refreshes["items"][0]["status"], "succeeded", "{refreshes}");
    api.get("/pricing/unpriced", &[]).await.is(200);
    let range = json!({"from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "dryRun": true});
    let looked = api.post("/pricing/repricings", &[], range).await.is(201);
    assert_eq!((&looked["state"], &looked["dryRun"]), (&json!("done"), &json!(true)));
    let one = id(&looked);
    assert_eq!(api.get("/pricing/repricings/{id}", &[&one]).await.is(200), looked);
    assert_eq!(api.post("/pricing/repricings/{id}/resume", &[&one], json!({})).await.is(200), looked);
    assert_eq!(api.get("/pricing/repricings", &[]).await.is(200)["items"][0], looked);
    // It is over, and stays so.
    assert_eq!(api.post("/pricing/repricings/{id}/cancel", &[&one], json!({})).await.is(200), looked);
}

async fn replaced(pass: &Pass, book: &Value) {
    let api = pass.operator();
    let whole = |models: Value| json!({"fallback": {"input": 5, "output": 30}, "models": models});
    let models = json!([of("echo", "zeta", 1.0, 2.0), of("echo", "alpha", 3.0, 4.0)]);
    let replaced = api.put(BOOK, &[], whole(models)).await.shows(200, book);
    let names: Vec<_> =
        replaced["models"].as_array().unwrap().iter().map(|price| price["model"].clone()).collect();
    assert_eq!(names, ["alpha", "zeta"], "by provider and model");
    let again = api.put(BOOK, &[], replaced.clone()).await.shows(200, book);
    assert_eq!(again["models"][0]["id"], replaced["models"][0]["id"], "what was read can be sent back");
    let wrong = [
        (whole(json!([of("echo", "a", -1.0, 2.0)])), 400, "invalid_price"),
        (whole(json!([of("echo", "", 1.0, 2.0)])), 400, "invalid_price_target"),
        (whole(json!([of("echo", "a", 1.0, 2.0), of("echo", "a", 1.0, 2.0)])), 400, "invalid_price_target"),
        (whole(json!([of("nobody", "a", 1.0, 2.0)])), 404, "provider_not_found"),
    ];
    api.refuses(Method::PUT, BOOK, &[], &wrong).await;
    api.reads_strictly(Method::PUT, BOOK, &[], &whole(json!([]))).await;
    assert_eq!(api.get(BOOK, &[]).await.is(200)["models"], again["models"], "nothing was replaced meanwhile");
}

/// What has no price, and who could not be asked.
async fn check(pass: &Pass) {
    let api = pass.operator();
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.otherwise(Reply::status(500));
    pass.gateway.provider("broken", "openai", &format!("{}/v1", upstream.url())).await.unwrap();
    let shape = json!({
        "configured": "bool", "missingPrices": [{"providerName": "text", "model": "text"}],
        "providerErrors": [{"providerName": "text", "message": "text"}], "checkedAt": "time",
    });
    let checked = api.get(CHECK, &[]).await.shows(200, &shape);
    assert_eq!(checked["configured"], false);
    let missing = checked["missingPrices"].as_array().unwrap();
    assert!(missing.contains(&json!({"providerName": "echo", "model": "echo"})), "{checked}");
    assert_eq!(checked["providerErrors"][0]["providerName"], "broken", "{checked}");
}

#[tokio::test]
async fn pricing_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn pricing_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
