//! How an event looks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use promptgate_control::audit::ListedEvent;
use promptgate_kernel::{AuditEventId, CallId, ProjectId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditEventView {
    #[schema(value_type = String, format = "uuid")]
    id: AuditEventId,
    /// Its place in the log, without gaps.
    position: i64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// `info`, `ok`, `warn` or `err`.
    #[schema(example = "warn")]
    severity: &'static str,
    /// What was done.
    #[schema(example = "token.revoked")]
    action: String,
    /// `account`, `admin_key`, `token`, `system` or `anonymous`.
    actor_kind: String,
    actor_id: Option<String>,
    /// The name of the admin key, `environment` for that of the settings; of a person the user name.
    actor_label: Option<String>,
    target_kind: String,
    target_id: String,
    #[schema(value_type = Option<String>, format = "uuid")]
    project_id: Option<ProjectId>,
    #[schema(value_type = Option<String>, example = "198.51.100.7")]
    ip_address: Option<IpAddr>,
    #[schema(value_type = Option<String>, format = "uuid")]
    request_id: Option<CallId>,
    /// `cli` or `management_api`; null for the JSON API and the console.
    via: Option<String>,
    /// What changed fields were.
    before: BTreeMap<String, String>,
    /// What they are.
    after: BTreeMap<String, String>,
    /// What else is known.
    metadata: BTreeMap<String, String>,
}

/// The columns of an export, in order.
pub(super) const COLUMNS: [&str; 17] = [
    "id",
    "position",
    "createdAt",
    "severity",
    "action",
    "actorKind",
    "actorId",
    "actorLabel",
    "targetKind",
    "targetId",
    "projectId",
    "ipAddress",
    "requestId",
    "via",
    "before",
    "after",
    "metadata",
];

impl From<ListedEvent> for AuditEventView {
    fn from(ListedEvent { row, actor_label }: ListedEvent) -> Self {
        let event = row.event;
        Self {
            id: event.id,
            position: row.position,
            created_at: event.at,
            severity: event.severity.as_str(),
            action: event.action,
            actor_kind: event.actor.kind,
            actor_id: event.actor.id,
            actor_label,
            target_kind: event.target_kind,
            target_id: event.target_id,
            project_id: event.project_id,
            ip_address: event.came.address,
            request_id: event.came.request,
            via: event.came.via,
            before: event.before,
            after: event.after,
            metadata: event.details,
        }
    }
}

impl AuditEventView {
    /// One line of comma-separated values, in the order of [`COLUMNS`].
    pub(super) fn to_csv(&self) -> String {
        let texts = |map: &BTreeMap<String, String>| {
            if map.is_empty() { String::new() } else { serde_json::to_string(map).unwrap_or_default() }
        };
        let optional = |text: Option<String>| text.unwrap_or_default();
        let cells = [
            self.id.to_string(),
            self.position.to_string(),
            self.created_at.to_string(),
            self.severity.to_owned(),
            self.action.clone(),
            self.actor_kind.clone(),
            optional(self.actor_id.clone()),
            optional(self.actor_label.clone()),
            self.target_kind.clone(),
            self.target_id.clone(),
            optional(self.project_id.map(|id| id.to_string())),
            optional(self.ip_address.map(|address| address.to_string())),
            optional(self.request_id.map(|id| id.to_string())),
            optional(self.via.clone()),
            texts(&self.before),
            texts(&self.after),
            texts(&self.metadata),
        ];
        let mut line = cells.iter().map(|cell| cell_of(cell)).collect::<Vec<_>>().join(",");
        line.push_str("\r\n");
        line
    }
}

/// A cell that no spreadsheet takes for a formula, and no reader for two.
fn cell_of(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guarded = if is_formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\r', '\n', '\'']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::cell_of;

    #[test]
    fn no_cell_is_a_formula_or_two_cells() {
        for (text, cell) in [
            ("a", "a"),
            ("", ""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-1", "\"'-1\""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("1-2", "1-2"),
        ] {
            assert_eq!(cell_of(text), cell, "{text:?}");
        }
    }
}
