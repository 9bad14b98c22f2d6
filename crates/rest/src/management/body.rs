//! Bodies with the names of the public contract. They are read once the token was let in: a stranger makes
//! nobody hold anything.

use axum::extract::Request;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body;
use crate::casing::{camel, rename, snake};
use crate::introspection::ProjectError;

/// A body, read strictly.
pub(super) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, ProjectError> {
    Ok(body::parse(&body::read(request.into_body()).await?)?)
}

/// A body that may be left out.
pub(super) async fn read_optional<T: DeserializeOwned + Default>(
    request: Request,
) -> Result<T, ProjectError> {
    Ok(body::parse_optional(&body::read(request.into_body()).await?)?)
}

/// A body of the JSON API, whose members have the names of the public contract.
pub(super) async fn read_renamed<T: DeserializeOwned>(request: Request) -> Result<T, ProjectError> {
    let members: Map<String, Value> = read(request).await?;
    if let Some(unknown) = members.keys().find(|name| snake(name) != **name) {
        return Err(ProjectError::of_field(unknown, format!("unknown field `{unknown}`")));
    }
    let renamed = serde_json::to_vec(&rename(Value::Object(members), camel)).unwrap_or_default();
    Ok(body::parse(&renamed)?)
}
