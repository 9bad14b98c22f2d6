//! Subscription plans.

use http::Method;
use serde_json::{Value, json};

use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/subscriptions
    POST /api/v1/admin/subscriptions
    GET /api/v1/admin/subscriptions/{id}
    PATCH /api/v1/admin/subscriptions/{id}
    DELETE /api/v1/admin/subscriptions/{id}
    PUT /api/v1/admin/subscriptions/{id}/default
";

const ALL: &str = "/subscriptions";
const ONE: &str = "/subscriptions/{id}";
const DEFAULT: &str = "/subscriptions/{id}/default";
const SORTS: [&str; 6] = ["name", "quota5hTokens", "quota7dTokens", "isDefault", "createdAt", "updatedAt"];

fn shape() -> Value {
    json!({
        "id": "uuid", "name": "text", "description": "str", "quota5hTokens": "int|null",
        "quota7dTokens": "int|null", "isDefault": "bool", "assignedUsersCount": "int",
        "assignedServiceAccountsCount": "int", "assignedDirectAccountsCount": "int",
        "assignedIndirectAccountsCount": "int", "assignedAccountsCount": "int", "createdAt": "time",
        "updatedAt": "time",
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let shape = shape();
    let body = json!({"name": " Gold ", "description": " d ", "quota5hTokens": 500, "quota7dTokens": 9000});
    let gold = api.post(ALL, &[], body).await.shows(201, &shape);
    assert_eq!((&gold["name"], &gold["description"]), (&json!("Gold"), &json!("d")));
    assert_eq!((&gold["isDefault"], &gold["assignedAccountsCount"]), (&json!(false), &json!(0)));
    let one = id(&gold);
    let other = api.post(ALL, &[], json!({"name": "Free"})).await.shows(201, &shape);
    assert_eq!((&other["quota5hTokens"], &other["quota7dTokens"]), (&Value::Null, &Value::Null));
    api.lists(ALL, &[], &shape, &SORTS).await;

    let plan = |body: Value| (body, 400, "invalid_subscription_plan");
    let wrong = [
        plan(json!({"name": " "})),
        plan(json!({"name": "n".repeat(121)})),
        plan(json!({"name": "x", "description": "d".repeat(2001)})),
        plan(json!({"name": "x", "quota5hTokens": 0})),
        plan(json!({"name": "x", "quota7dTokens": -1})),
        (json!({"name": "free"}), 409, "name_conflict"),
    ];
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.refuses(Method::PATCH, ONE, &[&one], &wrong).await;
    api.reads_strictly(Method::POST, ALL, &[], &json!({"name": "x"})).await;
    api.reads_strictly(Method::PATCH, ONE, &[&one], &json!({"name": "x"})).await;

    let renamed = api.patch(ONE, &[&one], json!({"name": "Gold+"})).await.shows(200, &shape);
    assert_eq!(
        (&renamed["name"], &renamed["quota5hTokens"]),
        (&json!("Gold+"), &json!(500)),
        "the rest stays"
    );
    let whole = json!({"name": "Gold", "description": "", "quota5hTokens": null, "quota7dTokens": 7, "isDefault": false});
    let whole = api.patch(ONE, &[&one], whole).await.shows(200, &shape);
    assert_eq!((&whole["quota5hTokens"], &whole["quota7dTokens"]), (&Value::Null, &json!(7)));

    let all = api.get(ALL, &[]).await.is(200);
    let seeded =
        all["items"].as_array().unwrap().iter().find(|plan| plan["isDefault"] == true).unwrap().clone();
    let former = id(&seeded);
    api.delete(ONE, &[&former]).await.refused(400, "default_plan_delete_denied");
    let undo = json!({"isDefault": false});
    api.patch(ONE, &[&former], undo).await.refused(400, "default_plan_required");
    let chosen = api.put(DEFAULT, &[&one], Value::Null).await.shows(200, &shape);
    assert_eq!(chosen["isDefault"], true);
    assert_eq!(api.get(ONE, &[&former]).await.shows(200, &shape)["isDefault"], false, "there is one default");
    let made = api.post(ALL, &[], json!({"name": "Next", "isDefault": true})).await.shows(201, &shape);
    assert_eq!(api.get(ONE, &[&one]).await.is(200)["isDefault"], false);
    let back = api.patch(ONE, &[&one], json!({"isDefault": true})).await.shows(200, &shape);
    assert_eq!(
        (&back["isDefault"], &api.get(ONE, &[&id(&made)]).await.is(200)["isDefault"]),
        (&json!(true), &json!(false))
    );

    counts(pass, &id(&other), &one).await;
    for wrong in [NOBODY, "no-uuid", &id(&other)] {
        api.get(ONE, &[wrong]).await.refused(404, "subscription_plan_not_found");
        api.patch(ONE, &[wrong], json!({"name": "x"})).await.refused(404, "subscription_plan_not_found");
        api.delete(ONE, &[wrong]).await.refused(404, "subscription_plan_not_found");
        api.put(DEFAULT, &[wrong], Value::Null).await.refused(404, "subscription_plan_not_found");
    }
}

/// Who has a plan, directly or because it is the default; the first plan is gone after this.
async fn counts(pass: &Pass, one: &str, default: &str) {
    let api = pass.operator();
    let ada = pass.person("ada@example.com", "user").await;
    let body = json!({"identifier": "robot", "name": "Robot"});
    let robot = pass.gateway.admin(Method::POST, "/service-accounts", &body).await.unwrap().expect(201);
    let robot = id(&robot.unwrap());
    let assign = async |plan: Value| {
        for path in [format!("/users/{ada}"), format!("/service-accounts/{robot}")] {
            let path = format!("{path}/subscription-plan");
            let answer = pass.gateway.admin(Method::PUT, &path, &json!({"planId": plan})).await.unwrap();
            answer.expect(200).unwrap();
        }
    };
    let counted = async |plan: &str| {
        let plan = api.get(ONE, &[plan]).await.is(200);
        ["Users", "ServiceAccounts", "DirectAccounts", "IndirectAccounts", "Accounts"]
            .map(|what| plan[format!("assigned{what}Count")].as_i64().unwrap())
    };
    assert_eq!(counted(default).await, [0, 0, 0, 3, 3]);
    assign(json!(one)).await;
    assert_eq!(counted(one).await, [1, 1, 2, 0, 2]);
    assert_eq!(counted(default).await, [0, 0, 0, 1, 1]);
    api.delete(ONE, &[one]).await.refused(409, "subscription_plan_assigned");
    assign(Value::Null).await;
    api.delete(ONE, &[one]).await.is_done();
}

#[tokio::test]
async fn subscriptions_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn subscriptions_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
