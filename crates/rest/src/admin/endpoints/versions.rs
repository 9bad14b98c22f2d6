//! `/api/v1/admin/projects/{uuid}/endpoints/{id}/versions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::endpoints::{self, Differences, Range};
use promptgate_endpoints::EndpointVersion;
use promptgate_kernel::{ActorId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::view::EndpointView;
use super::{parse_address, version_not_found};
use crate::admin::Acting;
use crate::body::Params;
use crate::casing::{camel, rename};
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};
use crate::segment::Segments;

/// An earlier configuration of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionView {
    /// Its number, from 1.
    number: u32,
    /// `created`, `updated` or `restored from v…`.
    note: String,
    /// Who saved it; null for the admin API key.
    #[schema(value_type = Option<String>, format = "uuid")]
    author_id: Option<ActorId>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// The configuration.
    #[schema(value_type = Object)]
    config: Map<String, Value>,
}

/// What differs between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DifferencesView {
    /// The number of the older one; 0 where nothing was there before.
    from: u32,
    /// The number of the newer one.
    to: u32,
    /// The fields that differ, by name.
    changes: Vec<FieldChangeView>,
}

/// A field that two versions disagree about.
#[derive(Debug, Serialize, ToSchema)]
struct FieldChangeView {
    field: String,
    /// The value before, for people; null for nothing.
    before: Option<String>,
    /// The value after.
    after: Option<String>,
}

/// Which versions are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Compared {
    /// The older one; the one before the other unless given.
    #[param(value_type = Option<u32>)]
    from: Option<String>,
    /// The newer one; the newest unless given.
    #[param(value_type = Option<u32>)]
    to: Option<String>,
}

/// Lists the versions of an AI endpoint, newest first.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ListParams,
    ),
    responses(
        (status = OK, body = ListView<VersionView>),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn versions(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<VersionView>>, ApiError> {
    let page = endpoints::versions(&control, actor, parse_address(&segments)?, params.page()).await?;
    Ok(Json(ListView::of(page, VersionView::from)))
}

/// Shows one version of an AI endpoint.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions/{number}",
    tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("number" = u32, Path, description = "The version"),
    ),
    responses(
        (status = OK, body = VersionView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, \
            `endpoint_version_not_found`", body = ErrorBody),
    ))]
pub(super) async fn version(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<VersionView>, ApiError> {
    let address = parse_address(&segments)?;
    let number = parse_number(segments.named("number"))?;
    Ok(Json(endpoints::version(&control, actor, address, number).await?.into()))
}

/// Compares two versions of an AI endpoint: only the fields that differ.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions/diff", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        Compared,
    ),
    responses(
        (status = OK, body = DifferencesView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, \
            `endpoint_version_not_found`", body = ErrorBody),
    ))]
pub(super) async fn diff(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    Params(compared): Params<Compared>,
) -> Result<Json<DifferencesView>, ApiError> {
    let address = parse_address(&segments)?;
    let number = |text| given(text).map(|text| parse_number(&text)).transpose();
    let range = Range { from: number(compared.from)?, to: number(compared.to)? };
    Ok(Json(endpoints::diff(&control, actor, address, range).await?.into()))
}

/// Makes the configuration of an older version the present one, as a new version.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions/{number}/restore",
    tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("number" = u32, Path, description = "The version"),
    ),
    responses(
        (status = OK, body = EndpointView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, \
            `endpoint_version_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`version_is_newest`, `version_does_not_fit` with `errors`, \
            `version_unreadable`, `slug_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn restore(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<EndpointView>, ApiError> {
    let address = parse_address(&segments)?;
    let number = parse_number(segments.named("number"))?;
    Ok(Json(endpoints::restore(&control, actor, address, number).await?.into()))
}

/// What is no number is the number of no version.
fn parse_number(text: &str) -> Result<u32, ApiError> {
    text.parse().map_err(|_| version_not_found("the endpoint has no such version; they are numbered from 1"))
}

/// Whether the members of a field have names of ours, too.
fn is_nested(field: &str) -> bool {
    matches!(field, "failover" | "timeouts" | "variables")
}

/// A value for people, with the names of this API.
fn shown_field(field: &str, shown: String) -> String {
    if !is_nested(field) {
        return shown;
    }
    let renamed = serde_json::from_str(&shown).map(|value| rename(value, camel));
    renamed.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or(shown)
}

impl From<EndpointVersion> for VersionView {
    fn from(version: EndpointVersion) -> Self {
        let member = |(name, value): (String, Value)| {
            let value = if is_nested(&name) { rename(value, camel) } else { value };
            (camel(&name), value)
        };
        Self {
            number: version.number,
            note: version.note.to_string(),
            author_id: version.author,
            created_at: version.created_at,
            config: version.snapshot.into_iter().map(member).collect(),
        }
    }
}

impl From<Differences> for DifferencesView {
    fn from(differences: Differences) -> Self {
        let change = |change: promptgate_endpoints::FieldChange| FieldChangeView {
            before: change.before.map(|shown| shown_field(&change.field, shown)),
            after: change.after.map(|shown| shown_field(&change.field, shown)),
            field: camel(&change.field),
        };
        Self {
            from: differences.from,
            to: differences.to,
            changes: differences.changes.into_iter().map(change).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn every_save_makes_a_version_that_can_be_compared_and_restored() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        api.patch(&path, &json!({"prompt": "one", "timeouts": {"idleMs": 5}})).await.ok();
        api.patch(&path, &json!({"prompt": "two"})).await.ok();
        let listed = api.get(&format!("{path}/versions?pageSize=2")).await.ok();
        let row = |index: usize| (&listed["items"][index]["number"], &listed["items"][index]["note"]);
        assert_eq!((row(0), row(1)), ((&json!(3), &json!("updated")), (&json!(2), &json!("updated"))));
        assert_eq!(listed["total"], 3);
        let first = api.get(&format!("{path}/versions/2")).await.ok();
        assert_eq!(
            (&first["config"]["prompt"], &first["config"]["timeouts"]["idleMs"]),
            (&json!("one"), &json!(5))
        );

        let diff = api.get(&format!("{path}/versions/diff")).await.ok();
        assert_eq!(
            diff,
            json!({"from": 2, "to": 3, "changes": [{"field": "prompt", "before": "one", "after": "two"}]})
        );
        let diff = api.get(&format!("{path}/versions/diff?from=1&to=3")).await.ok();
        assert_eq!((&diff["from"], diff["changes"].as_array().unwrap().len()), (&json!(1), 2));
        let diff = api.get(&format!("{path}/versions/diff?to=1")).await.ok();
        assert!(diff["changes"].as_array().unwrap().iter().any(|change| change["field"] == "providerModel"));

        let restored = api.send("POST", &format!("{path}/versions/2/restore"), "").await.ok();
        assert_eq!((&restored["prompt"], &restored["version"]), (&json!("one"), &json!(4)));
        assert_eq!(api.audit_actions().await.last().unwrap(), "endpoint.version.restore");
        let newest = api.get(&format!("{path}/versions/4")).await.ok();
        assert_eq!(newest["note"], "restored from v2");
        api.send("POST", &format!("{path}/versions/4/restore"), "").await.refused(409, "version_is_newest");
        for (method, rest) in [
            ("GET", "9"),
            ("GET", "0"),
            ("GET", "x"),
            ("POST", "9/restore"),
            ("GET", "diff?from=9"),
            ("GET", "diff?to=x"),
        ] {
            let answer = api.send(method, &format!("{path}/versions/{rest}"), "").await;
            answer.refused(404, "endpoint_version_not_found");
        }
    }

    #[tokio::test]
    async fn a_version_whose_provider_is_gone_does_not_fit_any_more() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        let provider = api.get(&path).await.ok()["providerId"].as_str().unwrap().to_owned();
        let other = api.create_provider("other", "openai").await;
        api.patch(&path, &json!({"providerId": other})).await.ok();
        api.delete(&format!("/api/v1/admin/providers/{provider}")).await.no_content();
        let refused = api.send("POST", &format!("{path}/versions/1/restore"), "").await;
        let refused = refused.refused(409, "version_does_not_fit");
        assert!(refused["errors"]["providerId"].is_array(), "{refused}");
    }
}
