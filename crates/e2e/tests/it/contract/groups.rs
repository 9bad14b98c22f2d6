//! Access groups.

use http::Method;
use serde_json::{Value, json};

use super::shapes::group;
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/groups
    POST /api/v1/admin/groups
    POST /api/v1/admin/groups/model-patterns/validate
    GET /api/v1/admin/groups/{id}
    PATCH /api/v1/admin/groups/{id}
    DELETE /api/v1/admin/groups/{id}
    PUT /api/v1/admin/groups/{id}/members/{userId}
    DELETE /api/v1/admin/groups/{id}/members/{userId}
";

const ALL: &str = "/groups";
const ONE: &str = "/groups/{id}";
const MEMBER: &str = "/groups/{id}/members/{userId}";
const VALIDATE: &str = "/groups/model-patterns/validate";
const SORTS: [&str; 7] =
    ["name", "displayName", "providerCount", "modelPatternCount", "memberCount", "createdAt", "updatedAt"];

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let (shape, echo) = (group(), pass.echo().await);
    let body = json!({"name": " Team-1 ", "displayName": " Team ", "providerIds": [echo, echo]});
    let made = api.post(ALL, &[], body).await.shows(201, &shape);
    assert_eq!((&made["name"], &made["displayName"]), (&json!("team-1"), &json!("Team")));
    assert_eq!((&made["modelPatterns"], &made["excludedModelPatterns"]), (&json!([".*"]), &json!([])));
    assert_eq!((&made["providerCount"], &made["memberCount"]), (&json!(1), &json!(0)));
    assert_eq!((&made["allProviders"], &made["forNewAccounts"]), (&json!(false), &json!(false)));
    let one = id(&made);
    api.lists(ALL, &[], &shape, &SORTS).await;
    for (search, total) in [("TEAM-1", 1), ("team", 1), ("t", 2), ("zzz", 0)] {
        let page = api.get(&format!("{ALL}?search={search}"), &[]).await.is(200);
        assert_eq!(page["total"], total, "{search}");
    }
    refusals(pass, &one, &echo).await;

    let body = json!({"name": "other", "description": " d ", "modelPatterns": [" ^a ", "", "^a", "b"],
        "excludedModelPatterns": ["c", " "]});
    let changed = api.patch(ONE, &[&one], body).await.shows(200, &shape);
    assert_eq!(
        (&changed["name"], &changed["displayName"]),
        (&json!("team-1"), &json!("Team")),
        "a name stays"
    );
    assert_eq!(
        (&changed["modelPatterns"], &changed["excludedModelPatterns"]),
        (&json!(["^a", "b"]), &json!(["c"]))
    );
    assert_eq!((&changed["modelPatternCount"], &changed["description"]), (&json!(2), &json!("d")));
    let emptied = json!({"modelPatterns": [], "excludedModelPatterns": []});
    let emptied = api.patch(ONE, &[&one], emptied).await.shows(200, &shape);
    assert_eq!((&emptied["modelPatterns"], &emptied["excludedModelPatterns"]), (&json!([".*"]), &json!([])));

    let ada = pass.person("ada@example.com", "user").await;
    let body = json!({"identifier": "robot", "name": "Robot"});
    let robot = pass.gateway.admin(Method::POST, "/service-accounts", &body).await.unwrap().expect(201);
    let robot = id(&robot.unwrap());
    for member in [&ada, &robot, &ada] {
        api.put(MEMBER, &[&one, member], Value::Null).await.is_done();
    }
    let read = api.get(ONE, &[&one]).await.shows(200, &shape);
    assert_eq!((&read["memberCount"], read["members"].as_array().unwrap().len()), (&json!(2), 2));
    for _ in 0..2 {
        api.delete(MEMBER, &[&one, &ada]).await.is_done();
    }
    assert_eq!(api.get(ONE, &[&one]).await.is(200)["memberCount"], 1);
    for wrong in [NOBODY, "no-uuid"] {
        api.put(MEMBER, &[wrong, &ada], Value::Null).await.refused(404, "group_not_found");
        api.delete(MEMBER, &[wrong, &ada]).await.refused(404, "group_not_found");
        api.put(MEMBER, &[&one, wrong], Value::Null).await.refused(404, "user_not_found");
        api.delete(MEMBER, &[&one, wrong]).await.refused(404, "user_not_found");
    }
    patterns(pass, &echo).await;
    api.delete(ONE, &[&one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(ONE, &[wrong]).await.refused(404, "group_not_found");
        api.patch(ONE, &[wrong], json!({})).await.refused(404, "group_not_found");
        api.delete(ONE, &[wrong]).await.refused(404, "group_not_found");
    }
    let body = json!({"name": "team-1", "displayName": "Again", "providerIds": [echo]});
    api.post(ALL, &[], body).await.shows(201, &shape);
}

async fn refusals(pass: &Pass, one: &str, echo: &str) {
    let api = pass.operator();
    let body = |name: &str, display: &str, providers: Value| json!({"name": name, "displayName": display, "providerIds": providers});
    let mut wrong = vec![
        (body("a_b", "x", json!([echo])), 400, "invalid_name"),
        (body("", "x", json!([echo])), 400, "invalid_name"),
        (body("-a", "x", json!([echo])), 400, "invalid_name"),
        (body("team-1", "x", json!([echo])), 409, "name_conflict"),
    ];
    let shared = [
        (body("ok", "  ", json!([echo])), 400, "invalid_display_name"),
        (body("ok", "x", json!([])), 400, "provider_required"),
        (body("ok", "x", json!([NOBODY])), 404, "provider_not_found"),
        (body("ok", "x", json!(["no-uuid"])), 404, "provider_not_found"),
        (
            super::shape::with(&body("ok", "x", json!([echo])), &json!({"modelPatterns": ["("]})),
            400,
            "invalid_regex",
        ),
        (
            super::shape::with(&body("ok", "x", json!([echo])), &json!({"excludedModelPatterns": ["("]})),
            400,
            "invalid_regex",
        ),
    ];
    api.refuses(Method::PATCH, ONE, &[one], &shared).await;
    wrong.extend(shared);
    wrong.push((json!({"name": "ok", "displayName": "x"}), 400, "provider_required"));
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.reads_strictly(Method::POST, ALL, &[], &body("ok", "x", json!([echo]))).await;
    api.reads_strictly(Method::PATCH, ONE, &[one], &json!({"displayName": "x"})).await;
}

async fn patterns(pass: &Pass, echo: &str) {
    let api = pass.operator();
    let shape = json!({
        "matchedModelCount": "int", "matchedModels": ["text"], "unavailableProviderCount": "int",
        "providerResults": [{
            "id": "uuid", "name": "text", "displayName": "text", "availableModelCount": "int",
            "matchedModelCount": "int", "matchedModels": ["text"], "modelsError?": "text",
        }],
    });
    let off = json!({"name": "dark", "type": "openai", "baseUrl": "http://127.0.0.1:9", "enabled": false});
    let off = pass.gateway.admin(Method::POST, "/providers", &off).await.unwrap().expect(201).unwrap();
    let body =
        json!({"providerIds": [echo, off["id"]], "modelPatterns": ["^ech"], "excludedModelPatterns": []});
    let tried = api.post(VALIDATE, &[], body).await.shows(200, &shape);
    assert_eq!((&tried["matchedModels"], &tried["unavailableProviderCount"]), (&json!(["echo"]), &json!(1)));
    assert_eq!(tried["providerResults"][1]["modelsError"], "provider is disabled");
    let every = json!({"modelPatterns": [], "excludedModelPatterns": ["."]});
    let every = api.post(VALIDATE, &[], every).await.shows(200, &shape);
    assert_eq!((&every["matchedModelCount"], &every["providerResults"][0]["id"]), (&json!(0), &json!(echo)));
    let wrong = [
        (json!({"modelPatterns": ["("]}), 400, "invalid_regex"),
        (json!({"excludedModelPatterns": ["["]}), 400, "invalid_regex"),
        (json!({"providerIds": [NOBODY]}), 404, "provider_not_found"),
        (json!({"providerIds": ["x"]}), 404, "provider_not_found"),
    ];
    api.refuses(Method::POST, VALIDATE, &[], &wrong).await;
    api.reads_strictly(Method::POST, VALIDATE, &[], &json!({"modelPatterns": []})).await;
}

#[tokio::test]
async fn groups_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn groups_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
