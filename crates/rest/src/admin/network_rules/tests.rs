//! The routes of network rules, in each namespace.

use crate::testing::Api;
use serde_json::{Value, json};

/// Where rules of each kind are: everybody's, a user's, a service account's, a project's, a token's.
async fn places(api: &Api) -> [String; 5] {
    let (user, service) = (api.create_user("ada").await, api.create_service("ci").await);
    let project = api.create_project("walled", "ai_wrapper").await;
    let token = api.issue_token(&project).await.id;
    [
        "firewall".to_owned(),
        format!("users/{user}/firewall"),
        format!("service-accounts/{service}/firewall"),
        format!("projects/{project}/firewall"),
        format!("tokens/{token}/firewall"),
    ]
    .map(|place| format!("/api/v1/admin/{place}"))
}

fn rule(address: &str, priority: i64, action: &str) -> Value {
    json!({"address": address, "description": "", "priority": priority, "action": action, "enabled": true})
}

/// Creates a rule; says where it is.
async fn create(api: &Api, place: &str, body: &Value) -> String {
    let created = api.post(&format!("{place}/rules"), body).await.created();
    format!("{place}/rules/{}", created["id"].as_str().unwrap())
}

async fn priorities(api: &Api, place: &str) -> Vec<(String, i64)> {
    let listed = api.get(&format!("{place}/rules")).await.ok();
    let items = listed["items"].as_array().unwrap().iter();
    items.map(|item| (item["address"].as_str().unwrap().into(), item["priority"].as_i64().unwrap())).collect()
}

async fn simulated(api: &Api, place: &str, client: &str) -> (bool, Value) {
    let answer = api.post(&format!("{place}/simulate"), &json!({"clientIp": client})).await.ok();
    (answer["allowed"].as_bool().unwrap(), answer["matchedRule"]["priority"].clone())
}

#[tokio::test]
async fn what_was_sent_comes_back_with_whose_rule_it_is() {
    let api = Api::new().await;
    let places = places(&api).await;
    let before = api.revision().await;
    let owners = [None, Some("userId"), Some("serviceAccountId"), Some("projectId"), Some("tokenId")];
    for (place, owner) in places.iter().zip(owners) {
        let body =
            json!({"address": " 10.1.2.3/8 ", "description": " office ", "priority": 7, "action": "deny"});
        let view = api.post(&format!("{place}/rules"), &body).await.created();
        assert_eq!((&view["address"], &view["description"]), (&json!("10.1.2.3/8"), &json!("office")));
        assert_eq!((&view["enabled"], &view["priority"]), (&json!(false), &json!(7)));
        for member in ["userId", "serviceAccountId", "projectId", "tokenId"] {
            let id = view.get(member).and_then(Value::as_str);
            assert_eq!(id.is_some(), owner == Some(member), "{view}");
            assert!(id.is_none_or(|id| place.contains(id)));
        }
        let path = format!("{place}/rules/{}", view["id"].as_str().unwrap());
        assert_eq!(api.get(&path).await.ok(), view);
        let changed = api.patch(&path, &json!({"description": "", "enabled": true})).await.ok();
        assert_eq!((&changed["description"], &changed["action"]), (&json!(""), &json!("deny")));
        api.delete(&path).await.no_content();
        api.delete(&path).await.refused(404, "firewall_rule_not_found");
    }
    assert_eq!(api.revision().await.number(), before.number() + 15, "each change is one that calls go by");
    let actions = api.audit_actions().await;
    let expected = ["network_rule.created", "network_rule.updated", "network_rule.deleted"];
    assert_eq!(actions[actions.len() - 3..], expected);
}

#[tokio::test]
async fn what_is_wrong_has_its_code_in_the_order_of_the_contract() {
    let api = Api::new().await;
    for place in places(&api).await {
        let rules = format!("{place}/rules");
        let path = create(&api, &place, &rule("10.0.0.1", 5, "deny")).await;
        let missing = json!({});
        for (body, status, code, field) in [
            (&rule("x", 0, "drop"), 400, "invalid_ipv4_address", "address"),
            (&rule("1.2.3.4/33", 1, "deny"), 400, "invalid_ipv4_address", "address"),
            (&missing, 400, "invalid_ipv4_address", "address"),
            (&rule("::1", 0, "drop"), 400, "priority_out_of_range", "priority"),
            (&rule("::1", 10_000, "deny"), 400, "priority_out_of_range", "priority"),
            (&rule("::1", 5, "Deny"), 400, "invalid_action", "action"),
            (&rule("2001:db8::/32", 5, "deny"), 409, "priority_conflict", "priority"),
        ] {
            assert_eq!(api.post(&rules, body).await.refused(status, code)["field"], field, "{body}");
        }
        api.post(&rules, &json!({"rule": 1})).await.refused(400, "invalid_request_body");
        api.send("POST", &rules, "").await.refused(400, "invalid_request_body");
        api.patch(&path, &json!({"address": "y"})).await.refused(400, "invalid_ipv4_address");
        api.patch(&path, &json!({"priority": 0})).await.refused(400, "priority_out_of_range");
        api.patch(&path, &json!({"action": ""})).await.refused(400, "invalid_action");
        api.patch(&format!("{path}/priority"), &json!({"direction": "up"}))
            .await
            .refused(400, "invalid_direction");
        api.get(&format!("{rules}?sortBy=name")).await.refused(400, "invalid_sort");
        for id in ["x", "018f4e6e-0000-7000-8000-00000000dead"] {
            let nobody = format!("{rules}/{id}");
            api.get(&nobody).await.refused(404, "firewall_rule_not_found");
            api.patch(&nobody, &json!({"enabled": true})).await.refused(404, "firewall_rule_not_found");
            api.patch(&nobody, &json!({})).await.refused(404, "firewall_rule_not_found");
            let moved = json!({"direction": "increase"});
            api.patch(&format!("{nobody}/priority"), &moved).await.refused(404, "firewall_rule_not_found");
            api.delete(&nobody).await.refused(404, "firewall_rule_not_found");
        }
        let simulate = format!("{place}/simulate");
        for wrong in ["", "x", "10.0.0.0/8"] {
            api.post(&simulate, &json!({"clientIp": wrong})).await.refused(400, "invalid_ipv4_address");
        }
    }
}

#[tokio::test]
async fn rules_of_one_place_are_unknown_in_the_others() {
    let api = Api::new().await;
    let places = places(&api).await;
    for place in &places {
        let path = create(&api, place, &rule("10.0.0.1", 5, "deny")).await;
        let id = path.rsplit('/').next().unwrap();
        for other in places.iter().filter(|other| *other != place) {
            let path = format!("{other}/rules/{id}");
            api.get(&path).await.refused(404, "firewall_rule_not_found");
            api.patch(&path, &json!({"priority": 6})).await.refused(404, "firewall_rule_not_found");
            api.delete(&path).await.refused(404, "firewall_rule_not_found");
        }
    }
    for place in &places {
        assert_eq!(priorities(&api, place).await, [("10.0.0.1".to_owned(), 5)]);
    }
}

#[tokio::test]
async fn an_account_that_is_not_there_is_told_before_anything_of_the_body() {
    let api = Api::new().await;
    let (user, service) = (api.create_user("ada").await, api.create_service("ci").await);
    let nobody = "018f4e6e-0000-7000-8000-00000000dead".to_owned();
    for (kind, code, wrong) in [
        ("users", "user_not_found", [&service, &nobody, &"x".to_owned()]),
        ("service-accounts", "service_account_not_found", [&user, &nobody, &"x".to_owned()]),
    ] {
        for id in wrong {
            let place = format!("/api/v1/admin/{kind}/{id}/firewall");
            api.get(&format!("{place}/rules")).await.refused(404, code);
            api.get(&format!("{place}/rules/x")).await.refused(404, code);
            api.delete(&format!("{place}/rules/x")).await.refused(404, code);
            for (method, path) in
                [("POST", "rules"), ("PATCH", "rules/x"), ("PATCH", "rules/x/priority"), ("POST", "simulate")]
            {
                api.send(method, &format!("{place}/{path}"), "not JSON").await.refused(404, code);
            }
        }
    }
}

#[tokio::test]
async fn a_change_of_priority_swaps_and_a_move_is_one_step() {
    let api = Api::new().await;
    for place in places(&api).await {
        let first = create(&api, &place, &rule("10.0.0.1", 1, "deny")).await;
        let last = create(&api, &place, &rule("10.0.0.2", 10, "deny")).await;
        let of = |first: i64, last: i64| {
            let mut all = vec![("10.0.0.1".to_owned(), first), ("10.0.0.2".to_owned(), last)];
            all.sort_by_key(|(_, priority)| *priority);
            all
        };
        let swapped = api.patch(&first, &json!({"priority": 10, "description": "last"})).await.ok();
        assert_eq!((&swapped["priority"], &swapped["description"]), (&json!(10), &json!("last")));
        assert_eq!(priorities(&api, &place).await, of(10, 1));
        assert_eq!(api.patch(&first, &json!({"priority": 11})).await.ok()["priority"], 11, "a free one");
        let step = async |path: &str, direction: &str| {
            api.patch(&format!("{path}/priority"), &json!({"direction": direction})).await
        };
        assert_eq!(step(&first, "decrease").await.ok()["priority"], 10, "no gap is jumped");
        step(&last, "decrease").await.refused(400, "priority_out_of_range");
        assert_eq!(step(&last, "increase").await.ok()["priority"], 2);
        api.patch(&last, &json!({"priority": 9})).await.ok();
        assert_eq!(step(&last, "increase").await.ok()["priority"], 10, "the other one makes room");
        assert_eq!(priorities(&api, &place).await, of(9, 10));
        api.patch(&first, &json!({"priority": 9_999})).await.ok();
        step(&first, "increase").await.refused(400, "priority_out_of_range");
        let before = api.audit_actions().await;
        assert_eq!(before.last().unwrap(), "network_rule.updated");
        api.patch(&first, &json!({})).await.ok();
        assert_eq!(api.audit_actions().await, before);
    }
}

#[tokio::test]
async fn simulation_names_the_rule_that_decides() {
    let api = Api::new().await;
    for (place, default) in places(&api).await.iter().zip([true, false, false, true, true]) {
        create(&api, place, &rule("10.0.0.0/8", 20, "allow")).await;
        create(&api, place, &rule("10.6.6.6", 10, "deny")).await;
        create(&api, place, &rule("2001:db8::/32", 30, "deny")).await;
        create(&api, place, &rule("127.0.0.1", 40, "allow")).await;
        let off = create(&api, place, &rule("10.0.0.9", 5, "deny")).await;
        api.patch(&off, &json!({"enabled": false})).await.ok();
        for (client, expected) in [
            ("10.6.6.6", (false, json!(10))),
            ("10.0.0.9:443", (true, json!(20))),
            ("::ffff:10.0.0.1", (true, json!(20))),
            ("[2001:db8::7]:80", (false, json!(30))),
            ("::1", (true, json!(40))),
            ("192.0.2.1", (default, json!(null))),
            ("2001:db9::1", (default, json!(null))),
        ] {
            assert_eq!(simulated(&api, place, client).await, expected, "{place} {client}");
        }
    }
}

#[tokio::test]
async fn rules_are_sorted_by_every_key_of_the_contract() {
    let api = Api::new().await;
    let [place, ..] = places(&api).await;
    for (address, priority, action) in
        [("9.0.0.1", 3, "deny"), ("10.0.0.1", 2, "allow"), ("8.0.0.1", 1, "deny")]
    {
        create(&api, &place, &rule(address, priority, action)).await;
    }
    for (query, first) in [
        ("", "8.0.0.1"),
        ("?sortBy=priority&sortDir=desc", "9.0.0.1"),
        ("?sortBy=address", "10.0.0.1"),
        ("?sortBy=action", "10.0.0.1"),
        ("?sortBy=createdAt", "9.0.0.1"),
        ("?sortBy=updatedAt&sortDir=desc", "8.0.0.1"),
    ] {
        let listed = api.get(&format!("{place}/rules{query}")).await.ok();
        assert_eq!((&listed["items"][0]["address"], &listed["total"]), (&json!(first), &json!(3)), "{query}");
    }
    for sort in ["description", "enabled"] {
        api.get(&format!("{place}/rules?sortBy={sort}")).await.ok();
    }
}
