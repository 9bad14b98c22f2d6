//! The vendors' own clients, with only base URL, token and model changed.

mod compatibility;
mod oidc;
mod openapi;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use promptgate_e2e::{Gateway, Installation};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::json;

fn home() -> PathBuf {
    let home = std::env::var_os("PROMPTGATE_TEST_SDK").map(PathBuf::from);
    home.expect("`cargo xtask test` installs the vendors' clients and says where they are")
}

async fn run(make: impl FnOnce(&Path, &Path) -> Command) {
    let busy = ScriptedUpstream::start().await.unwrap();
    let error = json!({"type": "error", "error": {"message": "slow down", "type": "rate_limit_error"}});
    busy.otherwise(Reply::status(429).header("retry-after", "7").with_json(&error));

    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("busy", "openai_compatible", &format!("{}/v1", busy.url())).await.unwrap();
    gateway.provider("busy-claude", "anthropic", &busy.url()).await.unwrap();
    let project = gateway.project().await.unwrap();

    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
    let mut command = make(&home(), &sources);
    command.env("PROMPTGATE_BASE", &project.base).env("PROMPTGATE_TOKEN", &project.token);
    for name in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "NODE_PATH"]
    {
        command.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("every check passed"), "{said}");
}

#[tokio::test]
async fn python() {
    run(|home, sources| {
        let mut command = Command::new(home.join("python/bin/python"));
        command.arg(sources.join("python/check.py"));
        command
    })
    .await;
}

#[tokio::test]
async fn node() {
    run(|home, sources| {
        let mut command = Command::new("node");
        // Modules are looked for beside the script.
        let script = home.join("node/check.mjs");
        std::fs::copy(sources.join("node/check.mjs"), &script).unwrap();
        command.arg(script);
        command
    })
    .await;
}
