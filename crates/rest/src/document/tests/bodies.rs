//! Every body that the document shows is one that the API takes, and every link leads to what was made.

use std::sync::atomic::{AtomicU32, Ordering};

use promptgate_kernel::Clock;
use promptgate_store::Access;
use serde_json::{Value, json};

use super::openapi;
use crate::document::examples::{CREDENTIAL, GROUP, GUIDE, PLAN, PROVIDER};
use crate::testing::{Answer, Api, PASSWORD, request};

/// What shows a body and is not tried here, because more is needed than a thing to act on.
const NEED_MORE: [&str; 8] = [
    "/auth/backchannel-logout",
    "/auth/password",
    "/auth/password/change",
    "/auth/totp",
    "/auth/totp/confirm",
    "/auth/totp/disable",
    "/auth/totp/setup",
    "/api/v1/admin/projects/{uuid}/calls/{requestId}/replay",
];

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

/// The body that an operation shows, with its schema.
fn body(operation: &Value) -> Option<(Value, Value)> {
    let contents = operation["requestBody"]["content"].as_object()?;
    assert_eq!(contents.len(), 1, "{operation}");
    let content = contents.values().next()?;
    Some((content["example"].clone(), content["schema"].clone()))
}

#[test]
fn every_operation_says_what_it_does_who_may_and_how_it_ends() {
    let document = document();
    let is_known = |list: &Value, name: &Value| list.as_array().unwrap().iter().any(|it| it["name"] == *name);
    for (method, path, operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
        let tags = operation["tags"].as_array().unwrap();
        assert!(tags.len() == 1 && is_known(&document["tags"], &tags[0]), "{what}: {tags:?}");
        for requirement in operation["security"].as_array().unwrap_or_else(|| panic!("{what}: who may?")) {
            for scheme in requirement.as_object().unwrap().keys() {
                assert!(document["components"]["securitySchemes"][scheme].is_object(), "{what}: {scheme}");
            }
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with(['2', '3'])), "{what}");
        let of_process = matches!(path.as_str(), "/health" | "/livez" | "/readyz" | "/metrics");
        let fails = answers.keys().filter(|status| status.starts_with(['4', '5'])).count();
        assert!(fails > 1 || of_process, "{what}: {answers:?}");
        for (status, answer) in answers {
            let is_empty = matches!(status.as_str(), "204" | "302") || path == "/auth/backchannel-logout";
            let content = answer["content"].as_object();
            let described = content.is_some_and(|content| content.values().all(|it| !it["schema"].is_null()));
            assert!(described || is_empty && content.is_none(), "{what} {status}: {answer}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["schema"].is_null(), "{what}: {parameter}");
        }
    }
}

#[test]
fn every_object_that_is_sent_says_what_is_in_it() {
    let document = document();
    let free = [
        "metadata",
        "config",
        "guardrails",
        "inputSchema",
        "outputSchema",
        "input",
        "matchesSchema",
        "messages",
    ];
    let mut pending: Vec<(String, Value)> = operations(&document)
        .into_iter()
        .filter_map(|(method, path, operation)| Some((format!("{method} {path}"), body(&operation)?.1)))
        .collect();
    let mut seen = std::collections::HashSet::new();
    while let Some((what, schema)) = pending.pop() {
        if let Some(pointer) = schema["$ref"].as_str() {
            if seen.insert(pointer.to_owned()) {
                pending.push((pointer.to_owned(), document.pointer(&pointer[1..]).unwrap().clone()));
            }
            continue;
        }
        for key in ["oneOf", "allOf", "anyOf"] {
            pending.extend(schema[key].as_array().into_iter().flatten().map(|it| (what.clone(), it.clone())));
        }
        if schema["items"].is_object() {
            pending.push((format!("{what}[]"), schema["items"].clone()));
        }
        let kind = &schema["type"];
        let is_object =
            kind == "object" || kind.as_array().is_some_and(|kinds| kinds.contains(&"object".into()));
        // A map has names that nobody knows before.
        let entries = &schema["additionalProperties"];
        if entries.is_object() {
            pending.push((format!("{what}.*"), entries.clone()));
        }
        assert!(!is_object || schema["properties"].is_object() || entries.is_object(), "{what}: {schema}");
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if !free.iter().any(|free| *free == crate::casing::camel(name)) {
                pending.push((format!("{what}.{name}"), property.clone()));
            }
        }
    }
    assert!(seen.len() > 60, "{seen:?}");
}

#[test]
fn every_body_is_shown_and_fits_its_schema() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let Some((example, schema)) = body(&operation) else { continue };
        assert!(example.is_object(), "{method} {path} shows no body");
        let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema],
            "components": document["components"]});
        let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{method} {path}: {wrong:?}");
    }
}

/// The names of the schemas that a source file makes: of two with one name, the document would keep one.
fn schema_names(source: &str) -> Vec<String> {
    let word = |text: &str| text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    let name = |text: &str| {
        let (head, rest) = text.split_once("struct ")?;
        Some(head.split_once("#[schema(as = ").map_or_else(|| word(rest), |(_, name)| word(name)))
    };
    source
        .split("#[derive(")
        .skip(1)
        .filter(|it| it.split(")]").next().is_some_and(|it| it.contains("ToSchema")))
        .filter_map(name)
        .collect()
}

#[test]
fn no_two_schemas_have_one_name() {
    let mut pending = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut names = std::collections::BTreeSet::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|it| it == "rs") {
            for name in schema_names(&std::fs::read_to_string(&path).unwrap()) {
                assert!(names.insert(name.clone()), "{name}, again in {}", path.display());
            }
        }
    }
    assert!(names.len() > 100, "{names:?}");
}

/// An installation in which every thing can be made from what the document shows.
struct World {
    api: Api,
    document: Value,
    cookie: String,
    provider: String,
    credential: String,
    made: AtomicU32,
}

impl World {
    async fn new() -> Self {
        let api = Api::new().await;
        api.patch("/api/v1/admin/settings", &json!({"managementApi": true})).await.ok();
        let provider = api.create_provider("team-openai", "openai").await;
        let credential = api.create_credential(&provider, "first").await;
        api.create_person("ada@example.com", "user").await;
        let cookie = api.sign_in("ada@example.com", PASSWORD).await.header("set-cookie").to_owned();
        Self { api, document: document(), cookie, provider, credential, made: AtomicU32::new(0) }
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        if let Some(project) = path.strip_prefix("/api/").filter(|rest| !rest.starts_with("v1/")) {
            let project = project.split('/').next().unwrap();
            let token = self.api.issue_scoped(project, &["chat", "models", "admin"]).await;
            let mut request = request(method, path, &body.to_string());
            request
                .headers_mut()
                .insert("authorization", format!("Bearer {}", token.secret).parse().unwrap());
            return self.api.answer(request).await;
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if path.starts_with("/api/v1/admin/") {
            return self.api.send(method, path, &body).await;
        }
        self.api.browser(&self.cookie).send(method, path, &body).await
    }

    /// What the document shows, about things that are there.
    async fn example(&self, method: &str, path: &str) -> Value {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let Some((example, _)) = body(operation) else { return Value::Null };
        let mut text = example.to_string();
        text = text.replace(PROVIDER, &self.provider).replace(CREDENTIAL, &self.credential);
        for (id, path) in [
            (GROUP, "/api/v1/admin/groups"),
            (PLAN, "/api/v1/admin/subscriptions"),
            (GUIDE, "/api/v1/admin/setup-guides"),
        ] {
            if text.contains(id) {
                let made = Box::pin(self.make(path, path)).await;
                text = text.replace(id, made["id"].as_str().unwrap());
            }
        }
        serde_json::from_str(&text).unwrap()
    }

    /// Makes a thing as the document shows, under a name of its own.
    async fn make(&self, template: &str, path: &str) -> Value {
        let mut body = self.example("POST", template).await;
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        for name in ["name", "identifier", "slug", "model"] {
            if let Some(text) = body[name].as_str() {
                body[name] = format!("{text}-{number}").into();
            }
        }
        if body["priority"].is_number() {
            body["priority"] = (100 + number).into();
        }
        let answer = self.send("POST", path, &body).await;
        assert_eq!(answer.status, 201, "POST {path} {body}: {}", answer.text());
        answer.json()
    }

    /// The id of something new among what is at a path.
    async fn id_of_new(&self, template: &str, path: &str, name: &str) -> String {
        match (template, name) {
            (_, "number") => return "1".to_owned(),
            (_, "providerId") => return self.provider.clone(),
            ("/api/v1/admin/tokens", _) => {
                let project = self.api.create_project("shown", "ai_wrapper").await;
                return self.api.issue_token(&project).await.id;
            }
            ("/api/v1/admin/jobs", _) => {
                let now = self.api.clock.now();
                let mut work = self.api.store.begin(Access::Write).await.unwrap();
                work.jobs().announce("tidy", "every 1h", now, now).await.unwrap();
                work.commit().await.unwrap();
                return "tidy".to_owned();
            }
            ("/api/v1/admin/users", _) | (_, "userId") => {
                let number = self.made.fetch_add(1, Ordering::Relaxed);
                return self.api.create_user(&format!("user-{number}")).await;
            }
            _ => {}
        }
        let links = &self.document["paths"][template]["post"]["responses"]["201"]["links"];
        let link = links.as_object().and_then(|links| links.values().next());
        let link = link.unwrap_or_else(|| panic!("{template} has no link"));
        let pointer = link["parameters"][name].as_str().unwrap().strip_prefix("$response.body#").unwrap();
        let made = Box::pin(self.make(template, path)).await;
        made.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer}: {made}"))
            .to_owned()
    }

    /// A path with things that are there.
    async fn address(&self, path: &str) -> String {
        let kind = if path.contains("endpoints") { "ai_gateway" } else { "ai_wrapper" };
        let (mut template, mut filled) = (String::new(), String::new());
        for part in path.split('/').skip(1) {
            let name = part.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            let part_filled = match name {
                Some("uuid") => self.api.create_project("shown", kind).await,
                Some(name) => self.id_of_new(&template, &filled, name).await,
                None => part.to_owned(),
            };
            template = format!("{template}/{part}");
            filled = format!("{filled}/{part_filled}");
        }
        filled
    }
}

#[tokio::test]
async fn every_body_that_is_shown_is_taken() {
    let world = World::new().await;
    for (method, path, operation) in operations(&world.document) {
        if body(&operation).is_none() || NEED_MORE.contains(&path.as_str()) {
            continue;
        }
        let address = world.address(&path).await;
        let mut example = world.example(&method, &path).await;
        if path.ends_with("/reorder") {
            let guides = world.api.get("/api/v1/admin/setup-guides?pageSize=100").await.ok();
            let guides = guides.as_array().or(guides["items"].as_array()).unwrap().clone();
            example = json!({"ids": guides.iter().map(|guide| &guide["id"]).collect::<Vec<_>>()});
        }
        let answer = world.send(&method, &address, &example).await;
        let expected =
            operation["responses"].as_object().unwrap().keys().find(|status| status.starts_with('2'));
        assert_eq!(
            Some(&answer.status.to_string()),
            expected,
            "{method} {path} {example}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn every_link_leads_to_what_was_made() {
    let world = World::new().await;
    let mut followed = 0;
    for (method, path, operation) in operations(&world.document) {
        let links = operation["responses"]["201"]["links"].as_object();
        for link in links.into_iter().flat_map(|links| links.values()) {
            let (linked_method, linked, _) = operations(&world.document)
                .into_iter()
                .find(|(.., operation)| operation["operationId"] == link["operationId"])
                .unwrap_or_else(|| panic!("{method} {path} links to nothing: {link}"));
            assert!(
                linked.starts_with(&path)
                    && linked.matches('{').count() == link["parameters"].as_object().unwrap().len()
            );
            if linked_method == "GET" {
                let address = world.address(&linked).await;
                assert_eq!(world.send("GET", &address, &Value::Null).await.status, 200, "{linked}");
                followed += 1;
            }
        }
    }
    assert!(followed > 15, "{followed}");
}
