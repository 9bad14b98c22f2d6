//! What handlers are given.

use std::sync::Arc;

use axum::extract::FromRef;
use promptgate_auth::AdminKey;
use promptgate_control::Control;

/// What the handlers of the JSON API work with.
#[derive(Debug, Clone, FromRef)]
pub struct ApiState {
    /// The use cases' surroundings.
    pub control: Arc<Control>,
    /// The key that opens `/api/v1/admin`; `None` switches that key off.
    pub admin_key: Option<AdminKey>,
}
