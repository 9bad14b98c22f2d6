//! An operator's way from a credential to a call that is looked at and repeated.

use http::Method;
use promptgate_e2e::{Gateway, Installation, Project, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// What must come out nowhere.
const CANARY: &str = "sk-canary-7f3a9c2e51b84d06";

/// The admin routes of one gateway; every answer is kept.
struct Operator<'a> {
    gateway: &'a Gateway,
    said: String,
}

impl Operator<'_> {
    async fn call(&mut self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let answer = self.gateway.admin(method, path, &body).await.unwrap();
        self.said.push_str(&answer.text());
        answer.expect(status).unwrap()
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, body, 201).await
    }

    async fn get(&mut self, path: &str) -> Value {
        self.call(Method::GET, path, Value::Null, 200).await
    }
}

fn id(view: &Value) -> String {
    view["id"].as_str().unwrap().to_owned()
}

/// Asks the endpoint until the data plane knows it as it is meant to be.
async fn answered(project: &Project, slug: &str, expected: &str) -> Value {
    eventually(&format!("an answer `{expected}`"), Duration::from_secs(30), || async {
        let answer =
            project.client.post(&project.url(&format!("/{slug}")), &json!({"message": "Ahoy"})).await;
        let answer = answer.ok()?.expect(200).ok()?;
        (answer["content"] == expected).then_some(answer)
    })
    .await
    .unwrap()
}

/// The ids of all calls of a project, read two at a time; none comes twice.
async fn every_call(operator: &mut Operator<'_>, project: &Project) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = operator.get(&format!("/calls?limit=2&projectId={}{cursor}", project.id)).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(id));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert!(seen.len() >= 8 && once.len() == seen.len(), "{seen:?}");
    seen
}

/// Walks the whole way; everything that was answered and logged meanwhile.
async fn journey(gateway: Gateway) -> String {
    let mut operator = Operator { gateway: &gateway, said: String::new() };
    let project = gateway.project_of("ai_gateway").await.unwrap();

    // A provider with two credentials, one of which is rotated and one switched off.
    let provider = gateway.provider("parrot", "echo", "http://echo.invalid").await.unwrap();
    let secret = |name: &str| json!({"providerId": provider, "name": name, "secret": CANARY});
    let main = operator.post("/credentials", secret("main")).await;
    let mut spare = secret("spare");
    spare["isActive"] = false.into();
    let spare = operator.post("/credentials", spare).await;
    assert_eq!((&spare["isActive"], &main["preview"]), (&json!(false), &json!("sk-c…d06")));
    let rotation = json!({"secret": format!("{CANARY}-new"), "overlapSeconds": 60});
    let path = format!("/credentials/{}", id(&main));
    let rotated = operator.call(Method::POST, &format!("{path}/rotate"), rotation, 200).await;
    assert_eq!((id(&rotated), rotated["previousUntil"].is_string()), (id(&main), true));

    // A template with the credential, an endpoint with the template.
    let template =
        json!({"name": "Parrot", "providerId": provider, "model": "echo", "credentialId": id(&main)});
    let template = operator.post("/provider-templates", template).await;
    let endpoints = format!("/projects/{}/endpoints", project.id);
    let endpoint = json!({"name": "Greet", "providerTemplateId": id(&template),
        "userPromptTemplate": "<{{input}}>",
        "failover": [{"credentialId": id(&spare), "providerModel": "echo"}]});
    let endpoint = operator.post(&endpoints, endpoint).await;
    let used_by = operator.get(&path).await["usedBy"].clone();
    assert_eq!(
        (&used_by["templates"][0]["id"], &used_by["endpoints"][0]["slug"]),
        (&template["id"], &json!("greet"))
    );
    let path = format!("{endpoints}/{}", id(&endpoint));
    answered(&project, "greet", "<Ahoy>").await;

    // Another version, and the first one again.
    let changed =
        operator.call(Method::PATCH, &path, json!({"userPromptTemplate": "({{input}})"}), 200).await;
    assert_eq!(changed["version"], 2);
    answered(&project, "greet", "(Ahoy)").await;
    let diff = operator.get(&format!("{path}/versions/diff")).await;
    assert_eq!(
        diff["changes"],
        json!([{"field": "userPromptTemplate", "before": "<{{input}}>", "after": "({{input}})"}])
    );
    let restored = operator.call(Method::POST, &format!("{path}/versions/1/restore"), Value::Null, 200).await;
    assert_eq!(restored["version"], 3);
    let call = answered(&project, "greet", "<Ahoy>").await;

    // A golden set: the process that is asked runs it through a pipeline of its own.
    let items = json!([
        {"name": "polite", "input": {"message": "Ahoy"}, "expected": {"contains": ["<ahoy>"]}},
        {"name": "rude", "input": {"message": "Ahoy"}, "expected": {"contains": ["goodbye"]}},
    ]);
    let set = operator.post(&format!("{path}/evals"), json!({"name": "Manners", "items": items})).await;
    let runs = format!("{path}/evals/{}/runs", id(&set));
    let run = operator.post(&runs, Value::Null).await;
    assert_eq!((&run["passed"], &run["failed"], &run["endpointVersion"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!(run["items"][1]["failures"][0]["kind"], "missing");
    // What was changed a moment ago counts at once.
    operator.call(Method::PATCH, &path, json!({"userPromptTemplate": "goodbye {{input}}"}), 200).await;
    let second = operator.post(&runs, Value::Null).await;
    let diff = &second["diff"];
    assert_eq!((&diff["newlyFailing"], &diff["newlyPassing"]), (&json!(["polite"]), &json!(["rude"])));

    // The call from before, repeated through the present configuration.
    let request = call["meta"]["request_id"].as_str().unwrap().to_owned();
    let again = eventually("a call that can be repeated", Duration::from_secs(30), || async {
        let path = format!("/projects/{}/calls/{request}/replay", project.id);
        gateway.admin(Method::POST, &path, &json!({})).await.ok()?.expect(200).ok()
    })
    .await
    .unwrap();
    assert_eq!((&again["status"], &again["body"]["content"]), (&json!(200), &json!("goodbye Ahoy")));

    // The log: page by page, each call once, the repeated one by the one that it repeats.
    let repeated = eventually("the record of the repeated call", Duration::from_secs(30), || async {
        let path = format!("/calls?parentRequestId={request}");
        let page = gateway.admin(Method::GET, &path, &Value::Null).await.ok()?.expect(200).ok()?;
        page["items"].as_array()?.first().cloned()
    })
    .await
    .unwrap();
    assert_eq!((&repeated["id"], &repeated["endpointSlug"]), (&again["callId"], &json!("greet")));
    let call = operator.get(&format!("/calls/{}", id(&repeated))).await;
    assert_eq!(
        (&call["content"]["prompt"], &call["tried"][0]["provider"]),
        (&json!("Ahoy"), &json!("parrot"))
    );
    let seen = every_call(&mut operator, &project).await;
    for result in run["items"].as_array().unwrap() {
        assert!(seen.contains(&result["callId"].as_str().unwrap().to_owned()), "{result}");
    }

    // What is deleted takes nothing along, and nobody keeps the name of what is gone.
    operator.call(Method::DELETE, &format!("/credentials/{}", id(&spare)), Value::Null, 204).await;
    let failover = operator.get(&path).await["failover"].clone();
    assert_eq!(failover, json!([{"credentialId": null, "providerId": provider, "providerModel": "echo"}]));
    operator.call(Method::DELETE, &format!("/credentials/{}", id(&main)), Value::Null, 204).await;
    answered(&project, "greet", "goodbye Ahoy").await;

    let Operator { mut said, .. } = operator;
    said.extend(gateway.processes.iter().map(promptgate_e2e::Process::said));
    gateway.stop().await.unwrap();
    said
}

fn judge(said: &str) {
    assert!(said.contains("sk-c…d06") && !said.contains(CANARY), "a secret came out");
    // Each process tells what it does, whatever its database's driver asks of the log meanwhile.
    for line in ["POST /api/v1/admin/credentials answered 201", "configuration loaded"] {
        assert!(said.contains(line), "no line `{line}`");
    }
}

#[tokio::test]
async fn from_a_credential_to_a_repeated_call() {
    let installation = Installation::embedded().unwrap();
    let said = journey(Gateway::run_all(&installation).await.unwrap()).await;
    judge(&said);
}

#[tokio::test]
async fn from_a_credential_to_a_repeated_call_in_separate_processes() {
    let installation = Installation::on_postgres().await.unwrap();
    let said = journey(Gateway::separate(&installation).await.unwrap()).await;
    judge(&said);
}
