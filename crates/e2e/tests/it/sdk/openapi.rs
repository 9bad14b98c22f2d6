//! The API tried against its own OpenAPI document, by a tool that makes up requests and follows links.

use std::path::Path;
use std::process::Command;

use promptgate_e2e::{ADMIN_KEY, Gateway, Installation};

use super::home;

#[tokio::test]
async fn the_api_does_what_its_document_says() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk/python/schemathesis.toml");
    let mut command = Command::new(home().join("python/bin/schemathesis"));
    command
        .arg("--config-file")
        .arg(settings)
        .args(["run", &format!("{}/api/openapi.json", gateway.api)])
        .args(["--header", &format!("X-Admin-API-Key: {ADMIN_KEY}")])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        // The same requests in every run; the metrics are no JSON and need no trying out.
        .args(["--generation-deterministic", "--exclude-path-regex", "^/(metrics|readyz|livez)$"])
        .args(["--continue-on-failure", "--warnings", "off", "--no-color"])
        .current_dir(installation.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    // Made-up bodies make things that need nothing else; the links of all the others are followed beside
    // the document.
    let links = said.split_once("API Links:").and_then(|(_, rest)| rest.split_whitespace().next());
    let links = links.and_then(|number| number.parse::<u32>().ok());
    assert!(links.is_some_and(|followed| followed >= 10), "the links were not followed: {said}");
    gateway.stop().await.unwrap();
}
