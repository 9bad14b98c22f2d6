//! `GET /livez`

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// A process that answers is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveView {
    /// Always `ok`.
    status: &'static str,
}

/// Tells that the process answers. Looks at nothing else: a restart would not help a database.
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = OK, body = LiveView)))]
pub(super) async fn livez() -> Json<LiveView> {
    Json(LiveView { status: "ok" })
}

#[cfg(test)]
mod tests {
    use super::super::Readiness;
    use super::super::tests::fake;
    use crate::testing::{Answer, request};

    #[tokio::test]
    async fn a_draining_process_is_alive() {
        let answer = Answer::of(fake(Readiness::Draining, None), request("GET", "/livez", "")).await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"status":"ok"}"#));
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
}
