//! What a process reads anew on SIGHUP, and what it says of what it cannot.

use std::fs;
use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, eventually};
use serde_json::{Value, json};

const CERTIFICATES: &[u8] = include_bytes!("../../../upstream-http/tests/data/ca.pem");
const PATIENCE: Duration = Duration::from_secs(30);

async fn metric(gateway: &Gateway, part: &str, outcome: &str) -> u64 {
    let metrics = Client::new().get(&format!("{}/metrics", gateway.api)).await.unwrap().text();
    let wanted = |line: &&str| {
        line.starts_with("promptgate_reloads_total")
            && line.contains(&format!("part=\"{part}\""))
            && line.contains(&format!("outcome=\"{outcome}\""))
    };
    let line = metrics.lines().find(wanted);
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Sends the signal and waits for what the process says when it is done with it.
async fn reload(gateway: &Gateway) -> String {
    let before = gateway.process().said().len();
    gateway.process().signal("HUP").unwrap();
    eventually("the end of the reload", PATIENCE, || async {
        let said = gateway.process().said()[before..].to_owned();
        said.contains("read anew: ")
            .then_some(())
            .filter(|()| said.lines().any(|line| line.contains("reloaded=")))
    })
    .await
    .unwrap();
    // What needs a restart is said last.
    tokio::time::sleep(Duration::from_millis(200)).await;
    gateway.process().said()[before..].to_owned()
}

fn list(dollars: f64) -> String {
    json!({"lists": [{"kind": "openai", "model": "gpt-of-tomorrow", "input": dollars, "output": dollars}]})
        .to_string()
}

async fn price(gateway: &Gateway) -> Option<f64> {
    let listed = gateway.admin(Method::GET, "/pricing/list-prices", &Value::Null).await.unwrap().json();
    let price = listed["items"].as_array()?.iter().find(|price| price["model"] == "gpt-of-tomorrow")?;
    price["input"].as_f64()
}

#[tokio::test]
async fn files_and_settings_are_read_anew_and_bad_ones_change_nothing() {
    let installation = Installation::embedded().unwrap();
    let [certificates, prices, settings] =
        ["ca.pem", "prices.json", ".env"].map(|name| installation.path().join(name));
    fs::write(&certificates, CERTIFICATES).unwrap();
    fs::write(&prices, list(1.0)).unwrap();
    fs::write(&settings, "PROMPTGATE_LOG_LEVEL=info\n").unwrap();
    let installation = installation
        .set("PROMPTGATE_CA_FILE", &certificates.to_string_lossy())
        .set("PROMPTGATE_PRICES_FILE", &prices.to_string_lossy());
    let gateway = Gateway::run_all(&installation).await.unwrap();

    fs::write(&prices, list(2.0)).unwrap();
    let said = reload(&gateway).await;
    for part in ["the certificates of calls to the outside", "the configuration", "the list of prices"] {
        assert!(said.contains(&format!("{part}: read anew")), "{part}: {said}");
    }
    assert_eq!(price(&gateway).await, Some(2.0), "{said}");

    // What is wrong is named, and the others are read all the same.
    fs::write(&certificates, "no certificate").unwrap();
    fs::write(&prices, "no list").unwrap();
    let said = reload(&gateway).await;
    for part in ["the certificates of calls to the outside", "the list of prices"] {
        assert!(said.contains(&format!("{part}: could not be read anew; going on with")), "{part}: {said}");
    }
    assert!(said.contains("the configuration: read anew"), "{said}");
    assert_eq!(price(&gateway).await, Some(2.0));
    for part in ["certificates", "prices"] {
        assert_eq!(metric(&gateway, part, "failed").await, 1, "{part}");
    }

    // Settings: one that acts at once, one that does not, one that cannot be.
    fs::write(&certificates, CERTIFICATES).unwrap();
    fs::write(&settings, "PROMPTGATE_LOG_LEVEL=debug\nPROMPTGATE_PROXY_AUTH_CACHE_TTL=7s\n").unwrap();
    let said = reload(&gateway).await;
    assert!(said.contains("PROMPTGATE_LOG_LEVEL") && said.contains("the certificates of calls"), "{said}");
    assert!(said.contains("in force only after a restart: PROMPTGATE_PROXY_AUTH_CACHE_TTL"), "{said}");
    fs::write(&settings, "PROMPTGATE_LOG_LEVEL=loud\n").unwrap();
    let said = reload(&gateway).await;
    assert!(said.contains("the settings could not be read anew"), "{said}");
    // A setting is wrong as well when it names a file that is.
    assert_eq!(metric(&gateway, "settings", "failed").await, 2);
    assert!(gateway.admin(Method::GET, "/projects", &Value::Null).await.unwrap().status.is_success());
    gateway.stop().await.unwrap();
}

/// A machine's certificates that cannot be read at the start are missed, whoever reads them first; those that
/// cannot be read later leave in force what was read.
#[tokio::test]
async fn certificates_of_the_machine_that_are_broken_are_told_and_put_nothing_out_of_force() {
    let installation = Installation::embedded().unwrap();
    let certificates = installation.path().join("machine.pem");
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    fs::write(&certificates, broken).unwrap();
    // Traces are exported with them before there are logs.
    let installation = installation
        .set("SSL_CERT_FILE", &certificates.to_string_lossy())
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let said = gateway.process().said();
    assert_eq!(said.matches("a certificate of this machine cannot be loaded").count(), 1, "{said}");
    assert!(said.contains("this machine has no certificates"), "{said}");

    let what = "the certificates of calls to the outside";
    fs::write(&certificates, CERTIFICATES).unwrap();
    let said = reload(&gateway).await;
    assert!(said.contains(&format!("{what}: read anew")), "{said}");
    for bad in [broken, ""] {
        fs::write(&certificates, bad).unwrap();
        let said = reload(&gateway).await;
        assert!(said.contains(&format!("{what}: could not be read anew; going on with")), "{said}");
        assert!(!said.contains("PROMPTGATE_CA_FILE"), "{said}");
    }
    assert_eq!(metric(&gateway, "certificates", "failed").await, 2);
    gateway.stop().await.unwrap();
}
