//! Whose rules a request is about.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use promptgate_auth::Actor;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::Namespace;

use super::{unknown_project, unknown_service, unknown_token, unknown_user};
use crate::ApiState;
use crate::admin::Acting;
use crate::error::ApiError;
use crate::segment::Segments;

/// Who acts, and on whose rules. A handler takes it first: an account that is not there is not found
/// before anything of the body is read.
pub(super) struct OfUser(pub(super) Actor, pub(super) Namespace);

/// The same below a service account.
pub(super) struct OfService(pub(super) Actor, pub(super) Namespace);

/// The same below a project.
pub(super) struct OfProject(pub(super) Actor, pub(super) Namespace);

/// The same below a token.
pub(super) struct OfToken(pub(super) Actor, pub(super) Namespace);

impl FromRequestParts<ApiState> for OfUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let (actor, id) = named(parts, state, "id").await?;
        let namespace = Namespace::Person(id.parse().map_err(unknown_user)?);
        checked(actor, namespace, state).await.map(|()| Self(actor, namespace))
    }
}

impl FromRequestParts<ApiState> for OfService {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let (actor, id) = named(parts, state, "id").await?;
        let namespace = Namespace::Service(id.parse().map_err(unknown_service)?);
        checked(actor, namespace, state).await.map(|()| Self(actor, namespace))
    }
}

impl FromRequestParts<ApiState> for OfProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let (actor, id) = named(parts, state, "uuid").await?;
        let namespace = Namespace::Project(id.parse().map_err(unknown_project)?);
        checked(actor, namespace, state).await.map(|()| Self(actor, namespace))
    }
}

impl FromRequestParts<ApiState> for OfToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let (actor, id) = named(parts, state, "id").await?;
        let namespace = Namespace::Token(id.parse().map_err(unknown_token)?);
        checked(actor, namespace, state).await.map(|()| Self(actor, namespace))
    }
}

/// Who acts, and what stands in a part of the address.
async fn named(parts: &mut Parts, state: &ApiState, part: &str) -> Result<(Actor, String), ApiError> {
    let Acting(actor) = Acting::from_request_parts(parts, state).await?;
    let Ok(segments) = Segments::from_request_parts(parts, state).await;
    Ok((actor, segments.named(part).to_owned()))
}

async fn checked(actor: Actor, namespace: Namespace, state: &ApiState) -> Result<(), ApiError> {
    let control: Arc<Control> = FromRef::from_ref(state);
    Ok(network_rules::check(&control, actor, namespace).await?)
}
