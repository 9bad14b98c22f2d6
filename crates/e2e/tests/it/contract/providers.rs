//! Providers, their models, their credentials, and templates.

use http::Method;
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};

use super::shape::{page_of, with};
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/providers
    POST /api/v1/admin/providers
    GET /api/v1/admin/providers/model-catalog
    GET /api/v1/admin/providers/{id}
    PATCH /api/v1/admin/providers/{id}
    DELETE /api/v1/admin/providers/{id}
    GET /api/v1/admin/providers/{id}/capabilities
    GET /api/v1/admin/credentials
    POST /api/v1/admin/credentials
    GET /api/v1/admin/credentials/{id}
    PATCH /api/v1/admin/credentials/{id}
    DELETE /api/v1/admin/credentials/{id}
    POST /api/v1/admin/credentials/{id}/rotate
    GET /api/v1/admin/provider-templates
    POST /api/v1/admin/provider-templates
    GET /api/v1/admin/provider-templates/{id}
    PATCH /api/v1/admin/provider-templates/{id}
    DELETE /api/v1/admin/provider-templates/{id}
";

const ALL: &str = "/providers";
const ONE: &str = "/providers/{id}";
const CATALOG: &str = "/providers/model-catalog";
const CAPABILITIES: &str = "/providers/{id}/capabilities";
const CREDENTIALS: &str = "/credentials";
const CREDENTIAL: &str = "/credentials/{id}";
const TEMPLATES: &str = "/provider-templates";
const TEMPLATE: &str = "/provider-templates/{id}";
const SORTS: [&str; 7] = ["name", "displayName", "type", "hasApiKey", "enabled", "createdAt", "updatedAt"];

/// Beyond the contract: the models that it is known to have.
fn shape() -> Value {
    json!({
        "id": "uuid", "name": "text", "displayName": "text", "type": "text", "baseUrl": "text",
        "hasApiKey": "bool", "config": "object", "enabled": "bool", "createdAt": "time",
        "updatedAt": "time", "models": ["text"],
    })
}

async fn pass(pass: &Pass) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let models = json!({"data": [{"id": "bge-1"}, {"id": "gpt-9"}]});
    upstream.handle(move |_| Reply::json(&models));
    let url = format!("{}/v1", upstream.url());
    let one = providers(pass, &url).await;
    let request = upstream.last_request();
    assert!(request.is_none(), "a definition asks nobody: {request:?}");
    catalog(pass, &one).await;
    let asked = upstream.last_request().unwrap();
    assert_eq!(asked.headers["authorization"], "Bearer canary-key-1234567890");
    capabilities(pass, &one).await;
    let credential = credentials(pass, &one).await;
    templates(pass, &one, &credential).await;
    let api = pass.operator();
    api.delete(ONE, &[&one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(ONE, &[wrong]).await.refused(404, "provider_not_found");
        api.patch(ONE, &[wrong], json!({"enabled": true})).await.refused(404, "provider_not_found");
        api.delete(ONE, &[wrong]).await.refused(404, "provider_not_found");
        api.get(CAPABILITIES, &[wrong]).await.refused(404, "provider_not_found");
    }
    let body = json!({"name": "corp", "type": "openai", "baseUrl": url});
    api.post(ALL, &[], body).await.shows(201, &shape());
}

async fn providers(pass: &Pass, url: &str) -> String {
    let api = pass.operator();
    let shape = shape();
    let body = json!({"name": " Corp ", "displayName": "Corporate", "type": "openai", "baseUrl": format!("{url}//"),
        "apiKey": " canary-key-1234567890 ", "config": {"any": [1]}, "enabled": true});
    let made = api.post(ALL, &[], body).await;
    assert!(!made.response.text().contains("canary"), "{}", made.response.text());
    let made = made.shows(201, &shape);
    assert_eq!((&made["name"], &made["baseUrl"]), (&json!("corp"), &json!(url)));
    assert_eq!((&made["hasApiKey"], &made["config"]), (&json!(true), &json!({"any": [1]})));
    let one = id(&made);
    let off = json!({"name": "dark", "type": "ollama", "baseUrl": "http://127.0.0.1:9/v1", "apiKey": "", "config": null,
        "displayName": "Dark", "enabled": false});
    let off = api.post(ALL, &[], off).await.shows(201, &shape);
    assert_eq!(
        (&off["enabled"], &off["hasApiKey"], &off["config"]),
        (&json!(false), &json!(false), &json!({}))
    );
    api.lists(ALL, &[], &shape, &SORTS).await;

    let of = |name: &str, kind: &str, url: &str| json!({"name": name, "type": kind, "baseUrl": url, "displayName": "x"});
    let at = |url: &str| (of("x", "openai", url), 400, "invalid_url");
    let shared =
        [(of("x", "bedrock", url), 400, "invalid_type"), at(""), at("ftp://a.example"), at("http://")];
    let wrong = [
        (of("a_b", "openai", url), 400, "invalid_name"),
        (of("", "openai", url), 400, "invalid_name"),
        (of("a--b", "openai", url), 400, "invalid_name"),
        (of("corp", "openai", url), 409, "name_conflict"),
    ];
    api.refuses(Method::POST, ALL, &[], &[wrong.as_slice(), &shared].concat()).await;
    let patches = shared.map(|(mut body, status, code)| {
        body.as_object_mut().unwrap().remove("name");
        (body, status, code)
    });
    api.refuses(Method::PATCH, ONE, &[&one], &patches).await;
    api.patch(ONE, &[&one], json!({"name": "other"})).await.refused(400, "invalid_request_body");
    api.reads_strictly(Method::POST, ALL, &[], &of("x", "openai", url)).await;
    api.reads_strictly(Method::PATCH, ONE, &[&one], &json!({"enabled": true})).await;

    let kept = api.patch(ONE, &[&one], json!({"displayName": "Corp"})).await.shows(200, &shape);
    assert_eq!((&kept["hasApiKey"], &kept["config"]), (&json!(true), &json!({"any": [1]})), "the rest stays");
    let cleared = api.patch(ONE, &[&one], json!({"apiKey": ""})).await.shows(200, &shape);
    assert_eq!(cleared["hasApiKey"], false);
    let whole = json!({"displayName": "Corp", "type": "openai", "baseUrl": url, "apiKey": "canary-key-1234567890",
        "config": {}, "enabled": true});
    let whole = api.patch(ONE, &[&one], whole).await.shows(200, &shape);
    assert_eq!((&whole["hasApiKey"], &whole["config"]), (&json!(true), &json!({})));
    assert_eq!(api.get(ONE, &[&one]).await.shows(200, &shape), whole);
    one
}

async fn catalog(pass: &Pass, one: &str) {
    let api = pass.operator();
    let shape = json!([
        {"id": "uuid", "name": "text", "displayName": "text", "models": ["text"], "modelsError?": "text"}
    ]);
    let listed = api.get(&format!("{ALL}?pageSize=100"), &[]).await.is(200);
    let id_of = |name: &str| {
        let found = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == name);
        id(found.unwrap())
    };
    let (dark, echo) = (id_of("dark"), id_of("echo"));
    let every = api.get(CATALOG, &[]).await.shows(200, &shape);
    let names: Vec<_> = every.as_array().unwrap().iter().map(|offer| offer["name"].clone()).collect();
    assert_eq!(names, ["corp", "echo"], "those that are on");
    assert_eq!(every[0]["models"], json!(["bge-1", "gpt-9"]));
    let asked = format!("{CATALOG}?providerId={echo}&providerId={dark}&providerIds={one},{echo}");
    let asked = api.get(&asked, &[]).await.shows(200, &shape);
    let names: Vec<_> = asked.as_array().unwrap().iter().map(|offer| offer["name"].clone()).collect();
    assert_eq!(names, ["echo", "dark", "corp"], "in the order of the request, each once");
    assert_eq!((&asked[1]["modelsError"], &asked[1]["models"]), (&json!("provider is disabled"), &json!([])));
    for query in
        [format!("providerId={NOBODY}"), "providerId=x".to_owned(), format!("providerIds={one},{NOBODY}")]
    {
        api.get(&format!("{CATALOG}?{query}"), &[]).await.refused(404, "provider_not_found");
    }
}

async fn capabilities(pass: &Pass, one: &str) {
    let shape = json!({
        "providerId": "uuid", "type": "text", "model": "text", "entry": "str", "source": "text",
        "date": "str", "overridden": "bool", "shapes": ["text"], "modalities": ["text"],
        "features": ["text"], "parameters": "object", "maximums": "object", "betas": ["text"],
        "defaultMaxOutput": "int|null",
    });
    let api = pass.operator();
    let shown = api.get(&format!("{CAPABILITIES}?model=gpt-4o"), &[one]).await.shows(200, &shape);
    assert_eq!((&shown["type"], &shown["model"]), (&json!("openai"), &json!("gpt-4o")));
}

/// A credential of the provider.
async fn credentials(pass: &Pass, provider: &str) -> String {
    let api = pass.operator();
    let base = json!({
        "id": "uuid", "providerId": "uuid", "name": "text", "preview": "str", "isActive": "bool",
        "weight": "int", "previousUntil": "time|null", "createdAt": "time", "updatedAt": "time",
    });
    let counted =
        with(&base, &json!({"usedBy": {"templates": "int", "endpoints": "int", "projectSettings": "int"}}));
    let named = with(
        &base,
        &json!({"usedBy": {
            "templates": [{"id": "uuid", "name": "text"}],
            "endpoints": [{"id": "uuid", "name": "text", "slug": "text", "projectId": "uuid", "isActive": "bool"}],
            "projects": [{"id": "uuid", "name": "text"}],
        }}),
    );
    let new = |name: &str, secret: &str| json!({"providerId": provider, "name": name, "secret": secret});
    let made = api.post(CREDENTIALS, &[], new("main", "canary-secret-0123456789")).await;
    assert!(!made.response.text().contains("canary-secret"), "{}", made.response.text());
    let made = made.shows(201, &base);
    assert_eq!((&made["isActive"], &made["weight"]), (&json!(true), &json!(1)));
    let one = id(&made);
    let second = api.post(CREDENTIALS, &[], new("spare", "canary-secret-9876543210")).await.shows(201, &base);
    let keys = ["name", "provider", "isActive", "createdAt", "updatedAt"];
    api.lists(CREDENTIALS, &[], &counted, &keys).await;
    let of =
        api.get(&format!("{CREDENTIALS}?providerId={provider}"), &[]).await.shows(200, &page_of(&counted));
    assert_eq!(of["total"], 3, "the provider's own key is one: {of}");
    api.get(&format!("{CREDENTIALS}?providerId=no-uuid"), &[]).await.refused(404, "provider_not_found");
    api.get(&format!("{CREDENTIALS}?isActive=maybe"), &[]).await.refused(400, "invalid_filter");
    api.get(CREDENTIAL, &[&one]).await.shows(200, &named);
    let wrong = [
        (new("", "canary-secret-1"), 400, "invalid_name"),
        (new("x", "a b"), 400, "invalid_secret"),
        (with(&new("x", "canary-secret-1"), &json!({"weight": 101})), 400, "invalid_weight"),
        (with(&new("x", "canary-secret-1"), &json!({"providerId": NOBODY})), 404, "provider_not_found"),
    ];
    api.refuses(Method::POST, CREDENTIALS, &[], &wrong).await;
    api.reads_strictly(Method::POST, CREDENTIALS, &[], &new("x", "canary-secret-1")).await;
    let changed = json!({"name": "renamed", "isActive": false, "weight": 5});
    let changed = api.patch(CREDENTIAL, &[&one], changed).await.shows(200, &base);
    assert_eq!((&changed["name"], &changed["weight"]), (&json!("renamed"), &json!(5)));
    api.reads_strictly(Method::PATCH, CREDENTIAL, &[&one], &json!({"weight": 1})).await;
    let rotate = "/credentials/{id}/rotate";
    let body = json!({"secret": "canary-secret-new-12345", "overlapSeconds": 60});
    let rotated = api.post(rotate, &[&one], body.clone()).await.shows(200, &base);
    assert!(rotated["previousUntil"].is_string(), "{rotated}");
    let long = with(&body, &json!({"overlapSeconds": 2_592_001}));
    api.post(rotate, &[&one], long).await.refused(400, "invalid_overlap");
    api.reads_strictly(Method::POST, rotate, &[&one], &body).await;
    let second = id(&second);
    api.delete(CREDENTIAL, &[&second]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &second] {
        api.get(CREDENTIAL, &[wrong]).await.refused(404, "credential_not_found");
        api.patch(CREDENTIAL, &[wrong], json!({"weight": 1})).await.refused(404, "credential_not_found");
        api.post(rotate, &[wrong], body.clone()).await.refused(404, "credential_not_found");
        api.delete(CREDENTIAL, &[wrong]).await.refused(404, "credential_not_found");
    }
    one
}

async fn templates(pass: &Pass, provider: &str, credential: &str) {
    let api = pass.operator();
    let shape = json!({
        "id": "uuid", "name": "text", "slug": "text", "description": "str", "providerId": "uuid",
        "model": "text", "credentialId": "uuid|null", "temperature": "num|null", "topP": "num|null",
        "maxOutputTokens": "int|null", "tags": ["text"], "isActive": "bool", "createdAt": "time",
        "updatedAt": "time",
    });
    let used = with(
        &shape,
        &json!({"endpoints": [
            {"id": "uuid", "name": "text", "slug": "text", "projectId": "uuid", "isActive": "bool"}
        ]}),
    );
    let new =
        |more: Value| with(&json!({"name": "My Model", "providerId": provider, "model": "gpt-9"}), &more);
    let whole = json!({"credentialId": credential, "temperature": 0.5, "topP": 0.9, "maxOutputTokens": 100,
        "tags": ["fast"], "description": "d", "isActive": true});
    let made = api.post(TEMPLATES, &[], new(whole.clone())).await.shows(201, &shape);
    for (member, value) in whole.as_object().unwrap() {
        assert_eq!(&made[member], value, "{member}");
    }
    assert_eq!(made["slug"], "my-model");
    let one = id(&made);
    let other = api.post(TEMPLATES, &[], new(json!({}))).await.shows(201, &shape);
    assert_ne!(other["slug"], made["slug"]);
    api.lists(TEMPLATES, &[], &shape, &["name", "slug", "createdAt", "updatedAt"]).await;
    api.get(&format!("{TEMPLATES}?isActive=maybe"), &[]).await.refused(400, "invalid_filter");
    api.get(TEMPLATE, &[&one]).await.shows(200, &used);
    let wrong = [
        (new(json!({"name": ""})), 400, "invalid_name"),
        (new(json!({"slug": "A b"})), 400, "invalid_slug"),
        (new(json!({"slug": "my-model"})), 409, "slug_conflict"),
        (new(json!({"model": " "})), 400, "invalid_model"),
        (new(json!({"temperature": 2.1})), 400, "invalid_temperature"),
        (new(json!({"topP": -0.1})), 400, "invalid_top_p"),
        (new(json!({"maxOutputTokens": 0})), 400, "invalid_max_output_tokens"),
        (new(json!({"tags": ["a", "a"]})), 400, "invalid_tags"),
        (new(json!({"providerId": NOBODY})), 404, "provider_not_found"),
        (new(json!({"credentialId": NOBODY})), 404, "credential_not_found"),
    ];
    api.refuses(Method::POST, TEMPLATES, &[], &wrong).await;
    api.reads_strictly(Method::POST, TEMPLATES, &[], &new(json!({}))).await;
    let changed = api
        .patch(TEMPLATE, &[&one], json!({"temperature": null, "isActive": false}))
        .await
        .shows(200, &shape);
    assert_eq!(
        (&changed["temperature"], &changed["isActive"], &changed["topP"]),
        (&Value::Null, &json!(false), &json!(0.9))
    );
    let elsewhere = pass.echo().await;
    let body = json!({"providerId": elsewhere, "credentialId": credential});
    api.patch(TEMPLATE, &[&one], body).await.refused(400, "credential_provider_mismatch");
    api.reads_strictly(Method::PATCH, TEMPLATE, &[&one], &json!({"isActive": true})).await;
    api.delete(TEMPLATE, &[&one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(TEMPLATE, &[wrong]).await.refused(404, "provider_template_not_found");
        api.patch(TEMPLATE, &[wrong], json!({"isActive": true}))
            .await
            .refused(404, "provider_template_not_found");
        api.delete(TEMPLATE, &[wrong]).await.refused(404, "provider_template_not_found");
    }
}

#[tokio::test]
async fn providers_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn providers_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
