//! Set-up guides. Their errors are sentences.

use http::Method;
use serde_json::{Value, json};

use super::shape::with;
use super::shapes::guide;
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/setup-guides
    POST /api/v1/admin/setup-guides
    PUT /api/v1/admin/setup-guides/reorder
    POST /api/v1/admin/setup-guides/validate
    GET /api/v1/admin/setup-guides/{id}
    PATCH /api/v1/admin/setup-guides/{id}
    DELETE /api/v1/admin/setup-guides/{id}
";

const ALL: &str = "/setup-guides";
const ONE: &str = "/setup-guides/{id}";
const REORDER: &str = "/setup-guides/reorder";
const VALIDATE: &str = "/setup-guides/validate";

fn new(identifier: &str) -> Value {
    json!({
        "identifier": identifier, "title": "Mine", "subtitle": "s", "icon": "mdi-robot",
        "compatibility": "both", "modelMode": "all", "filePaths": ["~/.mine"],
        "template": "{{#models}}{{model}}{{/models}} {{token}}", "enabled": false, "position": 12,
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let (shape, list) = (guide(), json!({"items": [guide()]}));
    let seeded = api.get(ALL, &[]).await.shows(200, &list);
    let seeded: Vec<_> =
        seeded["items"].as_array().unwrap().iter().map(|guide| guide["identifier"].clone()).collect();
    assert_eq!(
        seeded,
        [
            "curl",
            "python",
            "go",
            "java",
            "aspnet",
            "powershell",
            "lua",
            "cline",
            "continue",
            "openclaw",
            "opencode",
            "claude-code"
        ]
    );
    let made = api.post(ALL, &[], new("mine")).await.shows(201, &shape);
    for (member, value) in new("mine").as_object().unwrap() {
        assert_eq!(&made[member], value, "{member}");
    }
    let one = id(&made);
    api.post(ALL, &[], new("mine")).await.refused(409, "setup_guide_identifier_conflict");
    api.patch(ONE, &[&one], new("curl")).await.refused(409, "setup_guide_identifier_conflict");
    for more in [
        json!({"identifier": "Not kebab"}),
        json!({"title": " "}),
        json!({"icon": "robot"}),
        json!({"compatibility": "all"}),
        json!({"modelMode": "some"}),
        json!({"position": -1}),
        json!({"template": ""}),
        json!({"template": "{{nonsense}}"}),
        json!({"template": "{{#models}}"}),
        json!({"template": "{{/models}}"}),
        json!({"template": "{{#token}}{{/token}}"}),
        json!({"template": "{{token"}),
    ] {
        let wrong = with(&new("wrong"), &more);
        for answer in [api.post(ALL, &[], wrong.clone()).await, api.patch(ONE, &[&one], wrong.clone()).await]
        {
            let said = answer.shows(400, &super::shape::refusal());
            assert!(said["error"].as_str().unwrap().contains(' '), "a sentence: {said}");
        }
    }
    api.reads_strictly(Method::POST, ALL, &[], &new("strict")).await;
    api.reads_strictly(Method::PATCH, ONE, &[&one], &new("strict")).await;
    let whole = with(&new("mine"), &json!({"title": "Yours", "filePaths": [], "enabled": true}));
    let changed = api.patch(ONE, &[&one], whole).await.shows(200, &shape);
    assert_eq!((&changed["title"], &changed["filePaths"]), (&json!("Yours"), &json!([])));
    assert_eq!(api.get(ONE, &[&one]).await.shows(200, &shape), changed);

    order(pass, &list).await;
    templates(pass).await;
    api.delete(ONE, &[&one]).await.is_done();
    for (wrong, status, code) in [
        (NOBODY, 404, "setup_guide_not_found"),
        (&one, 404, "setup_guide_not_found"),
        ("no-uuid", 400, "invalid setup guide id"),
    ] {
        api.get(ONE, &[wrong]).await.refused(status, code);
        api.patch(ONE, &[wrong], new("x")).await.refused(status, code);
        api.delete(ONE, &[wrong]).await.refused(status, code);
    }
}

async fn order(pass: &Pass, list: &Value) {
    let api = pass.operator();
    let listed = api.get(ALL, &[]).await.is(200);
    let mut ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(id).collect();
    ids.reverse();
    let reordered = api.put(REORDER, &[], json!({"ids": ids})).await.shows(200, list);
    for (number, (guide, id)) in reordered["items"].as_array().unwrap().iter().zip(&ids).enumerate() {
        assert_eq!((&guide["id"], &guide["position"]), (&json!(id), &json!(number)));
    }
    let all_once = "ids must contain every setup guide exactly once";
    let twice = [ids.as_slice(), &ids[..1]].concat();
    for wrong in [json!(ids[1..]), json!(twice), json!([])] {
        api.put(REORDER, &[], json!({"ids": wrong})).await.refused(400, all_once);
    }
    api.put(REORDER, &[], json!({"ids": ["x"]})).await.refused(400, "invalid setup guide id");
    api.reads_strictly(Method::PUT, REORDER, &[], &json!({"ids": ids})).await;
}

async fn templates(pass: &Pass) {
    let api = pass.operator();
    let valid = json!({"valid": "bool"});
    let names = [
        "token",
        "baseUrl",
        "openaiBaseUrl",
        "anthropicBaseUrl",
        "model",
        "models",
        "providerName",
        "providerDisplayName",
    ];
    for name in names {
        let body = json!({"template": format!("a {{{{{name}}}}} b")});
        assert_eq!(api.post(VALIDATE, &[], body).await.shows(200, &valid), json!({"valid": true}), "{name}");
    }
    let invalid = json!({"valid": "bool", "error": "text"});
    for template in ["", "{{x}}", "{{#models}}", "a }} b"] {
        let said = api.post(VALIDATE, &[], json!({"template": template})).await.shows(400, &invalid);
        assert_eq!(said["valid"], false);
    }
    api.reads_strictly(Method::POST, VALIDATE, &[], &json!({"template": "x"})).await;
}

#[tokio::test]
async fn setup_guides_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn setup_guides_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
