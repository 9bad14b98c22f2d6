//! Every client shape answered by every wire format, by the vendors' own clients; and every kind of
//! provider. `docs/compatibility.md` is what these tests find: `cargo xtask compatibility` writes it,
//! the tests compare.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use http::Method;
use promptgate_e2e::{Gateway, Installation, Project};
use promptgate_testkit::upstream::ScriptedUpstream;
use promptgate_testkit::vendor;
use serde_json::{Value, json};

use super::home;

/// The wire formats: the provider's name, its kind, its base path, and options.
fn formats() -> [(&'static str, &'static str, &'static str, Value); 5] {
    [
        ("chat-completions", "openai_compatible", "/v1", json!({})),
        ("responses", "openai_compatible", "/v1", json!({"shapes": ["responses"]})),
        ("messages", "anthropic", "", json!({})),
        ("generate-content", "google", "/v1beta", json!({})),
        ("cohere-chat", "cohere", "", json!({})),
    ]
}

const SHAPES: [&str; 3] = ["chat-completions", "responses", "messages"];

/// Every kind with an address of its own: its base path and a model of its family.
const KINDS: [(&str, &str, &str); 10] = [
    ("openai", "/v1", "gpt-4o"),
    ("anthropic", "", "claude-sonnet-4-5"),
    ("google", "/v1beta", "gemini-2.5-flash"),
    ("mistral", "/v1", "mistral-large-latest"),
    ("groq", "/openai/v1", "llama-3.3-70b-versatile"),
    ("together", "/v1", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("cohere", "", "command-a-03-2025"),
    ("ollama", "/v1", "llama3.2"),
    ("azure_openai", "/openai/v1", "gpt-4o"),
    ("openai_compatible", "/v1", "any/model:free"),
];

/// `(shape, upstream, check)` to what came of it, by client.
type Found = BTreeMap<(String, String, String), BTreeMap<String, String>>;

async fn provider(gateway: &Gateway, name: &str, kind: &str, base_url: &str, config: &Value) {
    let body = json!({
        "name": name, "displayName": name, "type": kind, "baseUrl": base_url,
        "apiKey": format!("key-of-{name}"), "config": config, "enabled": true,
    });
    gateway.admin(Method::POST, "/providers", &body).await.unwrap().expect(201).unwrap();
}

fn run(mut command: Command, project: &Project, upstreams: &str) -> String {
    command
        .env("PROMPTGATE_BASE", &project.base)
        .env("PROMPTGATE_TOKEN", &project.token)
        .env("PROMPTGATE_UPSTREAMS", upstreams);
    for name in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "NODE_PATH"]
    {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("every check passed"), "{said}{errors}");
    said
}

fn collect(said: &str, found: &mut Found) {
    for line in said.lines() {
        let parts: Vec<_> = line.split('\t').map(str::to_owned).collect();
        if let [client, shape, upstream, check, result] = parts.as_slice() {
            let place = (shape.clone(), upstream.clone(), check.clone());
            found.entry(place).or_default().insert(client.clone(), result.clone());
        }
    }
}

#[tokio::test]
async fn every_client_is_answered_by_every_format() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.handle(vendor::answer);
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    for (name, kind, path, config) in formats() {
        let base = format!("{}{path}", upstream.url());
        provider(&gateway, name, kind, &base, &config).await;
        // A provider that was too busy is left in peace for a while, so each client has its own.
        for (shape, client) in SHAPES.iter().flat_map(|shape| [(shape, "python"), (shape, "node")]) {
            provider(&gateway, &format!("{name}-busy-{shape}-{client}"), kind, &base, &config).await;
        }
    }
    let smoke = smoke(&gateway, &upstream.url()).await;
    let project = gateway.project().await.unwrap();

    let home = home();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
    let upstreams = formats().map(|(name, ..)| name).join(",");
    let mut python = Command::new(home.join("python/bin/python"));
    python.arg(sources.join("python/matrix.py"));
    // Modules are looked for beside the script.
    let script = home.join("node/matrix.mjs");
    std::fs::copy(sources.join("node/matrix.mjs"), &script).unwrap();
    let mut node = Command::new("node");
    node.arg(script);
    let runs = [python, node].map(|command| {
        let (project, upstreams) = (project.clone(), upstreams.clone());
        tokio::task::spawn_blocking(move || run(command, &project, &upstreams))
    });
    let mut found = Found::new();
    for said in runs {
        collect(&said.await.unwrap(), &mut found);
    }
    compare(&page(&found, &smoke));
}

/// One chat with each kind of provider; the format in which it was asked.
async fn smoke(gateway: &Gateway, url: &str) -> Vec<(&'static str, String)> {
    for (kind, path, _) in KINDS {
        provider(gateway, &kind.replace('_', "-"), kind, &format!("{url}{path}"), &json!({})).await;
    }
    let project = gateway.project().await.unwrap();
    let mut found = Vec::new();
    for (kind, _, model) in KINDS {
        let answer = project.chat(&format!("{}:{model}", kind.replace('_', "-"))).await.unwrap();
        let body = answer.expect(200).unwrap();
        let text = body["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
        let format = text.strip_prefix("Hello from ").and_then(|rest| rest.strip_suffix(": Hello"));
        found.push((kind, format.unwrap_or_else(|| panic!("{kind}: {body}")).to_owned()));
    }
    let echo = project.chat("echo:echo").await.unwrap().expect(200).unwrap();
    assert_eq!(echo["choices"][0]["message"]["content"], "Hello");
    found.push(("echo", "built in".to_owned()));
    found
}

fn page(found: &Found, smoke: &[(&str, String)]) -> String {
    let mut page = String::from(
        "# Who is answered by whom\n\n\
         The official OpenAI and Anthropic clients for Python and Node, each in its own shape, answered by every\n\
         wire format. `cargo xtask compatibility` writes this page from what the clients got, and `cargo xtask\n\
         test` compares. **ok**: the client rebuilt exactly what was sent. **refused**: 400\n\
         `unsupported_by_provider`, naming what the other side cannot do.\n",
    );
    let mut shapes: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, String>>> = BTreeMap::new();
    for ((shape, upstream, check), clients) in found {
        let mut results: Vec<_> = clients.values().collect();
        results.dedup();
        assert_eq!(clients.len(), 2, "{check} of {shape} answered by {upstream} is not for every client");
        let cell = match results.as_slice() {
            [one] => (*one).clone(),
            _ => clients
                .iter()
                .map(|(client, result)| format!("{client}: {result}"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        shapes.entry(shape).or_default().entry(upstream).or_default().insert(check, cell);
    }
    for (shape, upstreams) in &shapes {
        let checks: std::collections::BTreeSet<_> = upstreams.values().flat_map(BTreeMap::keys).collect();
        let _ = write!(page, "\n## Clients of `{shape}`\n\n| answered by |");
        for check in &checks {
            let _ = write!(page, " {check} |");
        }
        let _ = write!(page, "\n| --- |{}\n", " --- |".repeat(checks.len()));
        for (upstream, cells) in upstreams {
            let _ = write!(page, "| `{}` |", upstream.replace('-', "_"));
            for check in &checks {
                let _ = write!(page, " {} |", cells.get(**check).map_or("", String::as_str));
            }
            page.push('\n');
        }
    }
    page.push_str("\n## Kinds of providers\n\nA chat completion, and the wire format in which the provider was asked.\n\n| kind | asked in |\n| --- | --- |\n");
    for (kind, format) in smoke {
        let _ = writeln!(page, "| `{kind}` | `{format}` |");
    }
    page
}

fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    if std::env::var_os("PROMPTGATE_WRITE_COMPATIBILITY").is_some() {
        std::fs::write(path, page).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/compatibility.md is not what was found: run `cargo xtask compatibility`\n{page}"
    );
}
