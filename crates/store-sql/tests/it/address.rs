//! What is said when a database cannot be opened.

use std::error::Error;

use promptgate_store_sql::{ConnectError, SqlOptions, connect};

use crate::OPTIONS;

async fn refused(url: &str) -> ConnectError {
    connect(url, OPTIONS).await.err().expect("it cannot be opened")
}

/// The error and its causes, as they are shown to an operator.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_wrong_url_is_refused_without_repeating_it() {
    for url in
        ["mysql://u:canary@h/d", "canary", "postgres://u:canary@h:notaport/d", "postgres://u:canary@h:99999"]
    {
        let error = chain(&refused(url).await);
        assert!(!error.contains("canary"), "{error}");
        assert!(error.contains("postgres:"), "{error}");
    }
}

#[tokio::test]
async fn a_sqlite_file_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("missing/promptgate.db"), directory.path().to_owned()] {
        let error = chain(&refused(&format!("sqlite:{}", path.display())).await);
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    let readable = directory.path().join("readable.db");
    connect(&format!("sqlite:{}", readable.display()), OPTIONS).await.unwrap().close().await;
    let error = chain(&refused(&format!("sqlite:{}?mode=ro", readable.display())).await);
    assert!(error.contains("for writing") && error.contains("readable.db"), "{error}");
}

#[tokio::test]
async fn postgresql_may_be_away_at_first_and_no_error_tells_the_password() {
    // Nothing listens on the discard port of this machine.
    let options = SqlOptions { acquire_timeout: std::time::Duration::from_millis(200), ..OPTIONS };
    let connected = connect("postgres://gate:canary@127.0.0.1:9/promptgate", options).await.unwrap();
    let ping = connected.store().ping().await.unwrap_err();
    let schema = connected.check_schema().await.unwrap_err();
    for error in [chain(&ping), chain(&schema)] {
        assert!(!error.contains("canary"), "{error}");
    }
}
