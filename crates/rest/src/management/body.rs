//! Bodies with the names of the public contract.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body::{OptionalJson, StrictJson, parse};
use crate::casing::{camel, rename, snake};
use crate::introspection::ProjectError;

/// A body, as [`StrictJson`] reads it.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ProjectError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProjectError> {
        let StrictJson(body) = StrictJson::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A body that may be left out.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = ProjectError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProjectError> {
        let OptionalJson(body) = OptionalJson::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A body of the JSON API, whose members have the names of the public contract.
pub(super) struct Renamed<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Renamed<T> {
    type Rejection = ProjectError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProjectError> {
        let StrictJson(members): StrictJson<Map<String, Value>> =
            StrictJson::from_request(request, state).await?;
        if let Some(unknown) = members.keys().find(|name| snake(name) != **name) {
            return Err(ProjectError::of_field(unknown, format!("unknown field `{unknown}`")));
        }
        let renamed = serde_json::to_vec(&rename(Value::Object(members), camel)).unwrap_or_default();
        Ok(Self(parse(&renamed)?))
    }
}
