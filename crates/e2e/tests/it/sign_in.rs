//! Signing in with a password, and what becomes of the session, over however many processes.

mod crowd;
mod ended;
mod fixation;
mod kept;
mod outage;
mod relay;
pub(crate) mod visitor;
mod walk;

use http::Method;
use promptgate_e2e::{Gateway, Installation};
use serde_json::Value;

/// What the first administrator signs in with.
pub(crate) const ADMINISTRATOR: &str = "admin@promptgate.dev";
pub(crate) const PASSWORD: &str = "three white horses";

/// With a first administrator whose password is set, and cheap hashes.
pub(crate) fn prepared(installation: Installation) -> Installation {
    installation.set("PROMPTGATE_ADMIN_PASSWORD", PASSWORD).set("PROMPTGATE_BCRYPT_COST", "4")
}

/// The rows of the audit log with this action, the newest first.
pub(crate) async fn audited(gateway: &Gateway, action: &str) -> Vec<Value> {
    let path = format!("/audit?action={action}&pageSize=100");
    let page = gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
    page["items"].as_array().unwrap().clone()
}
