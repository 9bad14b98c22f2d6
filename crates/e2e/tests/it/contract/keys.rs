//! Keys of people and of service accounts.

use http::Method;
use serde_json::{Value, json};

use super::caller::Caller;
use super::shapes::{issued_key, key};
use super::{ADMINISTRATOR, NOBODY, Pass, id, text};

pub(super) const ROUTES: &str = "
    POST /api/v1/tokens
    GET /api/v1/tokens
    DELETE /api/v1/tokens/{id}
    GET /api/v1/admin/users/{id}/tokens
    DELETE /api/v1/admin/users/{id}/tokens/{tokenId}
    GET /api/v1/admin/service-accounts/{id}/tokens
    POST /api/v1/admin/service-accounts/{id}/tokens
    DELETE /api/v1/admin/service-accounts/{id}/tokens/{tokenId}
";

const OWN: &str = "/api/v1/tokens";
const OWN_ONE: &str = "/api/v1/tokens/{id}";
const OF_USER: &str = "/users/{id}/tokens";
const OF_USER_ONE: &str = "/users/{id}/tokens/{tokenId}";
const OF_SERVICE: &str = "/service-accounts/{id}/tokens";
const OF_SERVICE_ONE: &str = "/service-accounts/{id}/tokens/{tokenId}";
const SORTS: [&str; 7] =
    ["-createdAt", "name", "description", "expiresAt", "revokedAt", "expiredAt", "status"];

async fn pass(pass: &Pass) {
    let ada = pass.person("ada@example.com", "user").await;
    let page = pass.signed_in("ada@example.com").await;
    let admin = pass.signed_in(ADMINISTRATOR).await;
    let body = json!({"identifier": "robot", "name": "Robot"});
    let robot = pass.gateway.admin(Method::POST, "/service-accounts", &body).await.unwrap().expect(201);
    let robot = id(&robot.unwrap());
    creation(&page, &admin).await;
    own(&page, &admin, &ada).await;
    of_users(pass, &page, &ada, &robot).await;
    of_services(pass, &robot).await;
}

/// For how many days a key is good.
fn days(issued: &Value) -> i64 {
    let date = |member: &str| {
        let text = text(&issued["tokenInfo"][member]);
        let number = |range: std::ops::Range<usize>| text.get(range).unwrap().parse::<i64>().unwrap();
        // Days since the beginning of a March, by the calendar that the gateway uses.
        let (year, month, day) = (number(0..4), number(5..7), number(8..10));
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day
    };
    date("expiresAt") - date("createdAt")
}

async fn creation(page: &Caller<'_>, admin: &Caller<'_>) {
    let shape = issued_key();
    let issued = page.post(OWN, &[], json!({"name": "laptop"})).await.shows(201, &shape);
    assert!(text(&issued["token"]).starts_with("pg_live_"), "{issued}");
    assert_eq!((days(&issued), &issued["tokenInfo"]["description"]), (7, &json!("")));
    let issued = admin.post(OWN, &[], json!({"name": "admins"})).await.shows(201, &shape);
    assert_eq!(days(&issued), 30, "administrators' keys live longer");
    let long = "n".repeat(64);
    for (name, lifetime) in [(long.as_str(), 1), ("_-9", 30)] {
        let body = json!({"name": name, "description": " <as> given ", "expiresInDays": lifetime});
        let issued = page.post(OWN, &[], body).await.shows(201, &shape);
        assert_eq!((days(&issued), &issued["tokenInfo"]["name"]), (lifetime, &json!(name)));
        assert_eq!(issued["tokenInfo"]["description"], " <as> given ");
    }
    page.post(OWN, &[], json!({"name": "laptop"})).await.shows(201, &shape);
    let name = |name: &str| (json!({"name": name}), 400, "invalid_token_name");
    let ttl = |days: i64| (json!({"name": "x", "expiresInDays": days}), 400, "invalid_token_ttl");
    let wrong = [name(""), name("A"), name(" a"), name("ä"), name(&"n".repeat(65))];
    page.refuses(Method::POST, OWN, &[], &wrong).await;
    page.refuses(Method::POST, OWN, &[], &[ttl(0), ttl(-1), ttl(31), ttl(366)]).await;
    page.reads_strictly(Method::POST, OWN, &[], &json!({"name": "x"})).await;
}

async fn own(page: &Caller<'_>, admin: &Caller<'_>, ada: &str) {
    let listed = page.get(OWN, &[]).await.is(200);
    assert_eq!((&listed["total"], &listed["items"][0]["userId"]), (&json!(4), &json!(ada)));
    let first = id(&listed["items"][0]);
    page.delete(OWN_ONE, &[&first]).await.is_done();
    page.delete(OWN_ONE, &[&first]).await.is_done();
    page.lists(OWN, &[], &key(), &SORTS).await;
    let found = async |query: &str| {
        let page = page.get(&format!("{OWN}?{query}"), &[]).await.is(200);
        page["total"].as_u64().unwrap()
    };
    assert_eq!(found("status=all").await, 4);
    assert_eq!(found("status=").await, 4);
    assert_eq!(found("status=active").await, 3);
    assert_eq!(found("status=revoked").await, 1);
    assert_eq!(found("status=expired").await, 0);
    assert_eq!(found("search=LAPTOP").await, 2);
    assert_eq!(found("search=%3Cas%3E").await, 2, "by description");
    assert_eq!(found(&format!("search={first}")).await, 1, "by id");
    let revoked = page.get(&format!("{OWN}?status=revoked"), &[]).await.is(200);
    assert!(revoked["items"][0]["revokedAt"].is_string(), "{revoked}");
    let ranks = page.get(&format!("{OWN}?sortBy=status&sortDir=desc"), &[]).await.is(200);
    assert_eq!(ranks["items"][0]["id"], json!(first), "revoked ones come last, or first when it falls");
    page.get(&format!("{OWN}?status=odd"), &[]).await.refused(400, "invalid_sort");
    let theirs = id(&admin.get(OWN, &[]).await.is(200)["items"][0]);
    for wrong in [NOBODY, "no-uuid", &theirs] {
        page.delete(OWN_ONE, &[wrong]).await.refused(404, "token_not_found");
    }
}

async fn of_users(pass: &Pass, page: &Caller<'_>, ada: &str, robot: &str) {
    let api = pass.operator();
    api.lists(OF_USER, &[ada], &key(), &SORTS).await;
    let listed = api.get(OF_USER, &[ada]).await.is(200);
    assert_eq!(listed["total"], 4, "revoked ones too");
    for unknown in [NOBODY, "no-uuid", robot] {
        assert_eq!(api.get(OF_USER, &[unknown]).await.is(200)["total"], 0, "{unknown}");
    }
    let active = id(&page.get(&format!("{OWN}?status=active"), &[]).await.is(200)["items"][0]);
    for wrong in [NOBODY, "no-uuid", robot] {
        api.delete(OF_USER_ONE, &[wrong, &active]).await.refused(404, "token_not_found");
        api.delete(OF_USER_ONE, &[ada, wrong]).await.refused(404, "token_not_found");
    }
    for _ in 0..2 {
        api.delete(OF_USER_ONE, &[ada, &active]).await.is_done();
    }
    let none = json!({"role": "none"});
    let path = format!("/users/{ada}");
    pass.gateway.admin(Method::PATCH, &path, &none).await.unwrap().expect(200).unwrap();
    let listed = api.get(OF_USER, &[ada]).await.is(200);
    let mut items = listed["items"].as_array().unwrap().iter();
    assert!(items.all(|item| item["revokedAt"].is_string()), "without a role no key is left: {listed}");
    page.get(OWN, &[]).await.refused(403, "account_role_none");
}

async fn of_services(pass: &Pass, robot: &str) {
    let api = pass.operator();
    let shape = issued_key();
    for (body, lifetime) in [
        (json!({"name": "week"}), 7),
        (json!({"name": "year", "description": "d", "expiresInDays": 365}), 365),
    ] {
        let issued = api.post(OF_SERVICE, &[robot], body).await.shows(201, &shape);
        assert_eq!((days(&issued), &issued["tokenInfo"]["userId"]), (lifetime, &json!(robot)));
    }
    let third = api.post(OF_SERVICE, &[robot], json!({"name": "third"})).await.shows(201, &shape);
    let ttl = |days: i64| (json!({"name": "x", "expiresInDays": days}), 400, "invalid_token_ttl");
    let wrong = [ttl(0), ttl(366), (json!({"name": "A"}), 400, "invalid_token_name")];
    api.refuses(Method::POST, OF_SERVICE, &[robot], &wrong).await;
    api.reads_strictly(Method::POST, OF_SERVICE, &[robot], &json!({"name": "x"})).await;
    let third = id(&third["tokenInfo"]);
    api.delete(OF_SERVICE_ONE, &[robot, &third]).await.is_done();
    api.lists(OF_SERVICE, &[robot], &key(), &SORTS).await;
    assert_eq!(api.get(OF_SERVICE, &[robot]).await.is(200)["total"], 2, "revoked ones are hidden");
    for (query, total) in [("includeRevoked=true", 3), ("includeRevoked=false", 2), ("includeRevoked=1", 2)] {
        let page = api
            .get(&format!("{OF_SERVICE}?{query}"), &[robot])
            .await
            .shows(200, &super::shape::page_of(&key()));
        assert_eq!(page["total"], total, "{query}");
    }
    for wrong in [NOBODY, "no-uuid"] {
        let gone = "service_account_not_found";
        api.get(OF_SERVICE, &[wrong]).await.refused(404, gone);
        api.post(OF_SERVICE, &[wrong], json!({"name": "x"})).await.refused(404, gone);
        api.delete(OF_SERVICE_ONE, &[wrong, &third]).await.refused(404, gone);
        api.delete(OF_SERVICE_ONE, &[robot, wrong]).await.refused(404, "token_not_found");
    }
}

#[tokio::test]
async fn keys_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn keys_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
