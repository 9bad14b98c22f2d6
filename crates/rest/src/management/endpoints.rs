//! `/api/{uuid}/admin/endpoints`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use promptgate_control::endpoints::EndpointAddress;
use promptgate_control::{Control, endpoints};
use promptgate_endpoints::NewEndpoint;
use promptgate_tokens::Scope;

use super::body;
use super::door::{Admitted, Knock};
use super::view::ManagedEndpoint;
use crate::admin::endpoints::EndpointBody;
use crate::error::ApiError;
use crate::introspection::{Answer, Problem, ProjectError};

/// Creates an AI endpoint. Needs the scope `endpoints:write`.
#[utoipa::path(post, path = "/api/{uuid}/admin/endpoints", tag = "management",
    operation_id = "create_endpoint",
    params(("uuid" = String, Path, description = "The project")),
    request_body(content = ref("#/components/schemas/ManagedEndpointBody"), description = "All that is configured"),
    responses(
        (status = CREATED, body = Answer<ManagedEndpoint>),
        (status = UNPROCESSABLE_ENTITY, description = "The body is wrong, by `errors`", body = Problem),
    ))]
pub(super) async fn create(
    State(control): State<Arc<Control>>,
    knock: Knock,
    request: Request,
) -> Result<(StatusCode, Json<Answer<ManagedEndpoint>>), ProjectError> {
    let admitted = knock.manage(&control, Scope::EndpointsWrite).await?;
    let body: EndpointBody = body::read_renamed(request).await?;
    let (project, new) = (admitted.caller.project.id, body.onto(NewEndpoint::default()));
    let created = endpoints::create(&control, admitted.actor(), project, new).await;
    Ok((StatusCode::CREATED, Json(Answer::of(created.map_err(ApiError::from)?.into()))))
}

/// Replaces an AI endpoint, as a new version: what is left out has its default, but for the slug and
/// whether it answers, which stay. Needs the scope `endpoints:write`.
#[utoipa::path(put, path = "/api/{uuid}/admin/endpoints/{endpointUuid}", tag = "management",
    operation_id = "replace_endpoint",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("endpointUuid" = String, Path, description = "The endpoint"),
    ),
    request_body(content = ref("#/components/schemas/ManagedEndpointBody"), description = "All that is configured"),
    responses(
        (status = OK, body = Answer<ManagedEndpoint>),
        (status = NOT_FOUND, description = "The project has no such endpoint", body = Problem),
        (status = CONFLICT, description = "It is being changed", body = Problem),
        (status = UNPROCESSABLE_ENTITY, description = "The body is wrong, by `errors`", body = Problem),
    ))]
pub(super) async fn replace(
    State(control): State<Arc<Control>>,
    knock: Knock,
    request: Request,
) -> Result<Json<Answer<ManagedEndpoint>>, ProjectError> {
    let admitted = knock.manage(&control, Scope::EndpointsWrite).await?;
    let body: EndpointBody = body::read_renamed(request).await?;
    let (address, new) = (address(&knock, &admitted)?, body.onto(NewEndpoint::default()));
    let replaced = endpoints::replace(&control, admitted.actor(), address, new).await;
    Ok(Json(Answer::of(replaced.map_err(ApiError::from)?.into())))
}

/// Changes what is given of an AI endpoint; `{"is_active": false}` switches it off. Needs the scope
/// `endpoints:write`.
#[utoipa::path(patch, path = "/api/{uuid}/admin/endpoints/{endpointUuid}", tag = "management",
    operation_id = "change_endpoint",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("endpointUuid" = String, Path, description = "The endpoint"),
    ),
    request_body(content = ref("#/components/schemas/ManagedEndpointBody"), description = "What changes"),
    responses(
        (status = OK, body = Answer<ManagedEndpoint>),
        (status = NOT_FOUND, description = "The project has no such endpoint", body = Problem),
        (status = CONFLICT, description = "It is being changed", body = Problem),
        (status = UNPROCESSABLE_ENTITY, description = "The body is wrong, by `errors`", body = Problem),
    ))]
pub(super) async fn change(
    State(control): State<Arc<Control>>,
    knock: Knock,
    request: Request,
) -> Result<Json<Answer<ManagedEndpoint>>, ProjectError> {
    let admitted = knock.manage(&control, Scope::EndpointsWrite).await?;
    let body: EndpointBody = body::read_renamed(request).await?;
    let address = address(&knock, &admitted)?;
    let changed = endpoints::amend(&control, admitted.actor(), address, |present| body.onto(present)).await;
    Ok(Json(Answer::of(changed.map_err(ApiError::from)?.into())))
}

fn address(knock: &Knock, admitted: &Admitted) -> Result<EndpointAddress, ProjectError> {
    let missing = |_| ProjectError::new(StatusCode::NOT_FOUND, "the project has no such endpoint");
    let id = knock.segment("endpointUuid").parse().map_err(missing)?;
    Ok(EndpointAddress { project: admitted.caller.project.id, id })
}
