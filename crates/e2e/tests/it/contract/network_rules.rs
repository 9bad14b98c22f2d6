//! Network rules: everybody's, a person's, a service account's, a project's, a token's.

use http::Method;
use serde_json::{Value, json};

use super::shape::with;
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/firewall/rules
    POST /api/v1/admin/firewall/rules
    GET /api/v1/admin/firewall/rules/{id}
    PATCH /api/v1/admin/firewall/rules/{id}
    DELETE /api/v1/admin/firewall/rules/{id}
    PATCH /api/v1/admin/firewall/rules/{id}/priority
    POST /api/v1/admin/firewall/simulate
    GET /api/v1/admin/users/{id}/firewall/rules
    POST /api/v1/admin/users/{id}/firewall/rules
    GET /api/v1/admin/users/{id}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/users/{id}/firewall/rules/{ruleId}
    DELETE /api/v1/admin/users/{id}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/users/{id}/firewall/rules/{ruleId}/priority
    POST /api/v1/admin/users/{id}/firewall/simulate
    GET /api/v1/admin/service-accounts/{id}/firewall/rules
    POST /api/v1/admin/service-accounts/{id}/firewall/rules
    GET /api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}
    DELETE /api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}/priority
    POST /api/v1/admin/service-accounts/{id}/firewall/simulate
    GET /api/v1/admin/projects/{uuid}/firewall/rules
    POST /api/v1/admin/projects/{uuid}/firewall/rules
    GET /api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}
    DELETE /api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}/priority
    POST /api/v1/admin/projects/{uuid}/firewall/simulate
    GET /api/v1/admin/tokens/{id}/firewall/rules
    POST /api/v1/admin/tokens/{id}/firewall/rules
    GET /api/v1/admin/tokens/{id}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/tokens/{id}/firewall/rules/{ruleId}
    DELETE /api/v1/admin/tokens/{id}/firewall/rules/{ruleId}
    PATCH /api/v1/admin/tokens/{id}/firewall/rules/{ruleId}/priority
    POST /api/v1/admin/tokens/{id}/firewall/simulate
    GET /api/v1/admin/firewall/default-action
    PUT /api/v1/admin/firewall/default-action
    GET /api/v1/admin/users/{id}/firewall/default-action
    PUT /api/v1/admin/users/{id}/firewall/default-action
    GET /api/v1/admin/service-accounts/{id}/firewall/default-action
    PUT /api/v1/admin/service-accounts/{id}/firewall/default-action
    GET /api/v1/admin/projects/{uuid}/firewall/default-action
    PUT /api/v1/admin/projects/{uuid}/firewall/default-action
    GET /api/v1/admin/tokens/{id}/firewall/default-action
    PUT /api/v1/admin/tokens/{id}/firewall/default-action
";

const SORTS: [&str; 7] =
    ["priority", "address", "description", "action", "enabled", "createdAt", "updatedAt"];
const GONE: &str = "firewall_rule_not_found";

/// Whose rules, and where they are.
struct Scope<'a> {
    all: &'static str,
    one: &'static str,
    priority: &'static str,
    simulate: &'static str,
    default_action: &'static str,
    owner: Vec<&'a str>,
    /// The member that names whose they are, and the code for an owner that does not exist.
    owned: Option<(&'static str, &'static str)>,
    /// What holds if no rule matches.
    otherwise: bool,
}

async fn pass(pass: &Pass) {
    let ada = pass.person("ada@example.com", "user").await;
    let body = json!({"identifier": "robot", "name": "Robot"});
    let robot = pass.gateway.admin(Method::POST, "/service-accounts", &body).await.unwrap().expect(201);
    let robot = id(&robot.unwrap());
    let project = pass.gateway.project().await.unwrap();
    let (_, token) = pass.gateway.token(&project.id, &json!({"name": "kept in"})).await.unwrap();
    let scopes = [
        Scope {
            all: "/firewall/rules",
            one: "/firewall/rules/{id}",
            priority: "/firewall/rules/{id}/priority",
            simulate: "/firewall/simulate",
            default_action: "/firewall/default-action",
            owner: vec![],
            owned: None,
            otherwise: true,
        },
        Scope {
            all: "/users/{id}/firewall/rules",
            one: "/users/{id}/firewall/rules/{ruleId}",
            priority: "/users/{id}/firewall/rules/{ruleId}/priority",
            simulate: "/users/{id}/firewall/simulate",
            default_action: "/users/{id}/firewall/default-action",
            owner: vec![&ada],
            owned: Some(("userId", "user_not_found")),
            otherwise: false,
        },
        Scope {
            all: "/service-accounts/{id}/firewall/rules",
            one: "/service-accounts/{id}/firewall/rules/{ruleId}",
            priority: "/service-accounts/{id}/firewall/rules/{ruleId}/priority",
            simulate: "/service-accounts/{id}/firewall/simulate",
            default_action: "/service-accounts/{id}/firewall/default-action",
            owner: vec![&robot],
            owned: Some(("serviceAccountId", "service_account_not_found")),
            otherwise: false,
        },
        Scope {
            all: "/projects/{uuid}/firewall/rules",
            one: "/projects/{uuid}/firewall/rules/{ruleId}",
            priority: "/projects/{uuid}/firewall/rules/{ruleId}/priority",
            simulate: "/projects/{uuid}/firewall/simulate",
            default_action: "/projects/{uuid}/firewall/default-action",
            owner: vec![&project.id],
            owned: Some(("projectId", "project_not_found")),
            otherwise: true,
        },
        Scope {
            all: "/tokens/{id}/firewall/rules",
            one: "/tokens/{id}/firewall/rules/{ruleId}",
            priority: "/tokens/{id}/firewall/rules/{ruleId}/priority",
            simulate: "/tokens/{id}/firewall/simulate",
            default_action: "/tokens/{id}/firewall/default-action",
            owner: vec![&token],
            owned: Some(("tokenId", "token_not_found")),
            otherwise: true,
        },
    ];
    for scope in &scopes {
        rules(pass, scope).await;
        simulation(pass, scope).await;
        defaults(pass, scope).await;
    }
    owners(pass, &scopes[1], &[&robot, NOBODY, "no-uuid"]).await;
    owners(pass, &scopes[2], &[&ada, NOBODY, "no-uuid"]).await;
    owners(pass, &scopes[3], &[&ada, NOBODY, "no-uuid"]).await;
    owners(pass, &scopes[4], &[&project.id, NOBODY, "no-uuid"]).await;
}

fn shape(scope: &Scope<'_>) -> Value {
    let rule = json!({
        "id": "uuid", "address": "text", "description": "str", "priority": "int",
        "action": "'allow'|'deny'", "enabled": "bool", "createdAt": "time", "updatedAt": "time",
    });
    match scope.owned {
        Some((member, _)) => with(&rule, &json!({member: "uuid"})),
        None => rule,
    }
}

fn rule(address: &str, priority: i64, action: &str) -> Value {
    json!({"address": address, "priority": priority, "action": action, "enabled": true})
}

async fn rules(pass: &Pass, scope: &Scope<'_>) {
    let api = pass.operator();
    let (shape, owner) = (shape(scope), scope.owner.as_slice());
    let ids = |rule: &'static str| [owner, &[rule]].concat();
    let body =
        json!({"address": " 10.1.2.3/8 ", "description": " office ", "priority": 10, "action": "deny"});
    let first = api.post(scope.all, owner, body).await.shows(201, &shape);
    assert_eq!((&first["address"], &first["enabled"]), (&json!("10.1.2.3/8"), &json!(false)), "as typed");
    assert_eq!(first["description"], "office");
    if let Some((member, _)) = scope.owned {
        assert_eq!(first[member], owner[0]);
    }
    let second = api.post(scope.all, owner, rule("192.0.2.7", 1, "allow")).await.shows(201, &shape);
    let third = api.post(scope.all, owner, rule("2001:db8::/32", 9999, "deny")).await.shows(201, &shape);
    assert_eq!(third["address"], "2001:db8::/32", "version 6 too, on purpose");
    api.lists(scope.all, owner, &shape, &SORTS).await;
    let priorities = api.get(scope.all, owner).await.is(200)["items"].clone();
    let priorities: Vec<_> =
        priorities.as_array().unwrap().iter().map(|rule| rule["priority"].clone()).collect();
    assert_eq!(priorities, [1, 10, 9999]);

    let wrong = [
        (rule("ten", 5, "deny"), 400, "invalid_ipv4_address"),
        (rule("10.0.0.0/33", 5, "deny"), 400, "invalid_ipv4_address"),
        (rule("", 0, "odd"), 400, "invalid_ipv4_address"),
        (rule("10.0.0.1", 0, "odd"), 400, "priority_out_of_range"),
        (rule("10.0.0.1", -1, "deny"), 400, "priority_out_of_range"),
        (rule("10.0.0.1", 10_000, "deny"), 400, "priority_out_of_range"),
        (rule("10.0.0.1", 5, "Deny"), 400, "invalid_action"),
        (rule("10.0.0.1", 9999, "odd"), 400, "invalid_action"),
    ];
    api.refuses(Method::POST, scope.all, owner, &wrong).await;
    api.post(scope.all, owner, rule("10.0.0.1", 10, "deny")).await.refused(409, "priority_conflict");
    api.reads_strictly(Method::POST, scope.all, owner, &rule("10.0.0.1", 5, "deny")).await;

    let (first, second) = (id(&first), id(&second));
    let one = [owner, &[first.as_str()]].concat();
    api.refuses(Method::PATCH, scope.one, &one, &wrong).await;
    api.reads_strictly(Method::PATCH, scope.one, &one, &json!({"priority": 3})).await;
    let changed = api.patch(scope.one, &one, json!({"description": "new"})).await.shows(200, &shape);
    assert_eq!((&changed["description"], &changed["priority"]), (&json!("new"), &json!(10)));
    assert_eq!(api.get(scope.one, &one).await.shows(200, &shape)["description"], "new");
    let swapped = api.patch(scope.one, &one, json!({"priority": 1})).await.shows(200, &shape);
    assert_eq!(swapped["priority"], 1);
    let two = [owner, &[second.as_str()]].concat();
    assert_eq!(api.get(scope.one, &two).await.is(200)["priority"], 10, "they change places");

    let go = |direction: &str| json!({"direction": direction});
    let moved = api.patch(scope.priority, &two, go("decrease")).await.shows(200, &shape);
    assert_eq!(moved["priority"], 9, "up by one, over no gap");
    api.patch(scope.one, &two, json!({"priority": 2})).await.shows(200, &shape);
    let moved = api.patch(scope.priority, &one, go("increase")).await.shows(200, &shape);
    assert_eq!(moved["priority"], 2);
    assert_eq!(api.get(scope.one, &two).await.is(200)["priority"], 1);
    api.patch(scope.priority, &two, go("decrease")).await.refused(400, "priority_out_of_range");
    let last = id(&third);
    let three = [owner, &[last.as_str()]].concat();
    api.patch(scope.priority, &three, go("increase")).await.refused(400, "priority_out_of_range");
    api.patch(scope.priority, &two, go("up")).await.refused(400, "invalid_direction");
    api.reads_strictly(Method::PATCH, scope.priority, &two, &go("increase")).await;

    for wrong in [NOBODY, "no-uuid"] {
        let ids = ids(wrong);
        api.get(scope.one, &ids).await.refused(404, GONE);
        api.patch(scope.one, &ids, json!({"priority": 3})).await.refused(404, GONE);
        api.patch(scope.priority, &ids, go("increase")).await.refused(404, GONE);
        api.delete(scope.one, &ids).await.refused(404, GONE);
    }
    api.delete(scope.one, &three).await.is_done();
    api.delete(scope.one, &three).await.refused(404, GONE);
}

/// After [`rules`], 192.0.2.7 is allowed, and a rule for 10.0.0.0/8 is switched off.
async fn simulation(pass: &Pass, scope: &Scope<'_>) {
    let api = pass.operator();
    let owner = scope.owner.as_slice();
    let answer = json!({"allowed": "bool", "matchedRule": super::shape::or_null(&shape(scope))});
    let simulate = async |ip: &str| {
        let body = json!({"clientIp": ip});
        let answer = api.post(scope.simulate, owner, body).await.shows(200, &answer);
        (answer["allowed"] == true, answer["matchedRule"]["address"].as_str().map(str::to_owned))
    };
    let named = Some("192.0.2.7".to_owned());
    assert_eq!(simulate("192.0.2.7").await, (true, named.clone()));
    assert_eq!(simulate("192.0.2.7:5000").await, (true, named));
    assert_eq!(simulate("10.9.9.9").await, (scope.otherwise, None), "a rule that is off counts for nothing");
    assert_eq!(simulate("2001:db8::1").await, (scope.otherwise, None));
    for wrong in ["", "ten", "10.0.0.0/8"] {
        let body = json!({"clientIp": wrong});
        api.post(scope.simulate, owner, body).await.refused(400, "invalid_ipv4_address");
    }
    api.reads_strictly(Method::POST, scope.simulate, owner, &json!({"clientIp": "10.0.0.1"})).await;
}

/// What happens to addresses that no rule is about can be set; simulations go by it.
async fn defaults(pass: &Pass, scope: &Scope<'_>) {
    let api = pass.operator();
    let owner = scope.owner.as_slice();
    let is = |action: &str| json!({"defaultAction": action});
    let before = if scope.otherwise { "allow" } else { "deny" };
    assert_eq!(api.get(scope.default_action, owner).await.is(200), is(before));
    for action in ["deny", "allow"] {
        assert_eq!(api.put(scope.default_action, owner, is(action)).await.is(200), is(action));
        assert_eq!(api.get(scope.default_action, owner).await.is(200), is(action));
        let simulated = api.post(scope.simulate, owner, json!({"clientIp": "203.0.113.9"})).await.is(200);
        assert_eq!(simulated, json!({"allowed": action == "allow", "matchedRule": null}));
    }
    let wrong = [(is("Deny"), 400, "invalid_action"), (is(""), 400, "invalid_action")];
    api.refuses(Method::PUT, scope.default_action, owner, &wrong).await;
    api.reads_strictly(Method::PUT, scope.default_action, owner, &is("allow")).await;
    api.put(scope.default_action, owner, is(before)).await.is(200);
}

/// Whose account does not exist, or is of the other kind, is asked before the body is read.
async fn owners(pass: &Pass, scope: &Scope<'_>, wrong: &[&str]) {
    let api = pass.operator();
    let (_, code) = scope.owned.unwrap();
    let rule = id(&api.get(scope.all, &scope.owner).await.is(200)["items"][0]);
    for wrong in wrong {
        api.get(scope.all, &[wrong]).await.refused(404, code);
        api.post(scope.all, &[wrong], json!({})).await.refused(404, code);
        api.post(scope.simulate, &[wrong], json!({})).await.refused(404, code);
        let ids = [*wrong, rule.as_str()];
        api.get(scope.one, &ids).await.refused(404, code);
        api.patch(scope.one, &ids, json!({})).await.refused(404, code);
        api.patch(scope.priority, &ids, json!({})).await.refused(404, code);
        api.delete(scope.one, &ids).await.refused(404, code);
    }
}

#[tokio::test]
async fn network_rules_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn network_rules_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
