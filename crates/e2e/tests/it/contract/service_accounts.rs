//! Service accounts.

use http::Method;
use serde_json::{Value, json};

use super::shapes::service_account;
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/service-accounts
    POST /api/v1/admin/service-accounts
    GET /api/v1/admin/service-accounts/{id}
    PATCH /api/v1/admin/service-accounts/{id}
    DELETE /api/v1/admin/service-accounts/{id}
    PATCH /api/v1/admin/service-accounts/{id}/note
    PUT /api/v1/admin/service-accounts/{id}/subscription-plan
";

const ALL: &str = "/service-accounts";
const ONE: &str = "/service-accounts/{id}";
const NOTE: &str = "/service-accounts/{id}/note";
const PLAN: &str = "/service-accounts/{id}/subscription-plan";
const GONE: &str = "service_account_not_found";
const SORTS: [&str; 7] =
    ["-createdAt", "name", "identifier", "isActive", "updatedAt", "inputTokens", "outputTokens"];

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let shape = service_account();
    let body = json!({"identifier": " CI_Robot-1 ", "name": " The robot ", "isActive": false});
    let made = api.post(ALL, &[], body).await.shows(201, &shape);
    assert_eq!((&made["identifier"], &made["name"]), (&json!("ci_robot-1"), &json!("The robot")));
    assert_eq!((&made["isActive"], &made["firewallOverrideEnabled"]), (&json!(false), &json!(false)));
    assert_eq!((&made["subscriptionPlanId"], &made["note"]), (&Value::Null, &json!("")));
    let one = id(&made);
    let other =
        json!({"identifier": "other", "name": "Other", "isActive": true, "firewallOverrideEnabled": true});
    let other = api.post(ALL, &[], other).await.shows(201, &shape);
    assert_eq!((&other["isActive"], &other["firewallOverrideEnabled"]), (&json!(true), &json!(true)));
    let other = id(&other);
    api.lists(ALL, &[], &shape, &SORTS).await;

    let name = |identifier: &str, name: &str| json!({"identifier": identifier, "name": name});
    let long = "x".repeat(65);
    let wrong = [
        (name("", "x"), 400, "invalid_identifier"),
        (name("a b", "x"), 400, "invalid_identifier"),
        (name("ä", "x"), 400, "invalid_identifier"),
        (name(&long, "x"), 400, "invalid_identifier"),
        (name("fresh", "  "), 400, "invalid_name"),
        (name("OTHER", "x"), 409, "identifier_conflict"),
    ];
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.refuses(Method::PATCH, ONE, &[&one], &wrong).await;
    api.reads_strictly(Method::POST, ALL, &[], &name("fresh", "x")).await;
    api.reads_strictly(Method::PATCH, ONE, &[&one], &name("fresh", "x")).await;

    let whole = json!({"identifier": "ci", "name": "CI", "isActive": true, "firewallOverrideEnabled": true});
    let changed = api.patch(ONE, &[&one], whole).await.shows(200, &shape);
    assert_eq!((&changed["identifier"], &changed["isActive"]), (&json!("ci"), &json!(true)));
    let renamed = api.patch(ONE, &[&one], json!({"name": "Ci"})).await.shows(200, &shape);
    assert_eq!(
        (&renamed["identifier"], &renamed["isActive"]),
        (&json!("ci"), &json!(true)),
        "the rest stays"
    );
    assert_eq!(renamed["firewallOverrideEnabled"], true);
    let off = api.patch(ONE, &[&one], json!({"firewallOverrideEnabled": false})).await.shows(200, &shape);
    assert_eq!(off["firewallOverrideEnabled"], false);
    assert_eq!(api.get(ONE, &[&one]).await.shows(200, &shape)["name"], "Ci");

    let noted = api.patch(NOTE, &[&one], json!({"note": " keep "})).await.shows(200, &shape);
    assert_eq!(noted["note"], " keep ");
    let long = json!({"note": "n".repeat(2001)});
    api.patch(NOTE, &[&one], long).await.refused(400, "invalid_note");
    let plan = json!({"name": "Silver"});
    let plan = pass.gateway.admin(Method::POST, "/subscriptions", &plan).await.unwrap().expect(201).unwrap();
    let assigned = api.put(PLAN, &[&one], json!({"planId": plan["id"]})).await.shows(200, &shape);
    assert_eq!((&assigned["subscriptionPlanId"], &assigned["note"]), (&plan["id"], &json!(" keep ")));
    assert_eq!(assigned["subscriptionPlan"]["name"], "Silver");
    let freed = api.put(PLAN, &[&one], json!({"planId": null})).await.shows(200, &shape);
    assert_eq!(freed["subscriptionPlanId"], Value::Null);
    let wrong = json!({"planId": NOBODY});
    api.put(PLAN, &[&one], wrong).await.refused(400, "invalid_subscription_assignment");
    api.reads_strictly(Method::PUT, PLAN, &[&one], &json!({"planId": null})).await;
    api.reads_strictly(Method::PATCH, NOTE, &[&one], &json!({"note": ""})).await;

    let person = pass.person("ada@example.com", "user").await;
    for wrong in [NOBODY, "no-uuid", &person] {
        api.get(ONE, &[wrong]).await.refused(404, GONE);
        api.patch(ONE, &[wrong], json!({"name": "x"})).await.refused(404, GONE);
        api.patch(NOTE, &[wrong], json!({"note": "x"})).await.refused(404, GONE);
        api.put(PLAN, &[wrong], json!({"planId": null})).await.refused(404, GONE);
        api.delete(ONE, &[wrong]).await.refused(404, GONE);
    }
    api.delete(ONE, &[&other]).await.is_done();
    api.delete(ONE, &[&other]).await.refused(404, GONE);
    let again = api.post(ALL, &[], name("other", "Again")).await.shows(201, &shape);
    assert_ne!(id(&again), other, "the identifier of a deleted account is free");
}

#[tokio::test]
async fn service_accounts_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn service_accounts_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
