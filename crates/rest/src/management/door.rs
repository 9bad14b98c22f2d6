//! Who may come in.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use promptgate_auth::{Actor, Origin, SignInKey, Switch, Via};
use promptgate_control::introspection::{self, Caller};
use promptgate_control::{Control, switches};
use promptgate_tokens::Scope;

use crate::introspection::{Bearer, ProjectError};
use crate::segment::Segments;
use crate::session;

const CALLS: u32 = 30;
const WINDOW: Duration = Duration::from_mins(1);

/// A request at the door: what it presents, where it wants to, where it comes from.
pub(super) struct Knock {
    bearer: Bearer,
    segments: Segments,
    origin: Origin,
}

/// A token that was let in.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) origin: Origin,
}

impl Admitted {
    pub(super) fn actor(&self) -> Actor {
        self.caller.actor().coming_from(self.origin)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Knock {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            bearer: Bearer::from_request_parts(parts, state).await?,
            segments: Segments::from_request_parts(parts, state).await?,
            origin: Origin { via: Via::ManagementApi, ..session::origin(parts) },
        })
    }
}

impl Knock {
    /// What stands in one part of the address.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.segments.named(name)
    }

    /// Lets a token in that has the scope, if the door is open and it did not come too often.
    pub(super) async fn manage(&self, control: &Control, scope: Scope) -> Result<Admitted, ProjectError> {
        let project = self.segment("uuid").parse().ok();
        let caller = introspection::authenticate(control, self.bearer.presented(), project, scope).await?;
        if !switches::is_on(control, Switch::ManagementApi).await? {
            return Err(ProjectError::new(
                StatusCode::FORBIDDEN,
                "the management API is switched off; an administrator can switch it on",
            ));
        }
        self.count(control, caller).await
    }

    /// Lets any token in that did not come too often.
    pub(super) async fn mint(&self, control: &Control) -> Result<Admitted, ProjectError> {
        let project = self.segment("uuid").parse().ok();
        let caller = introspection::authenticate_any(control, self.bearer.presented(), project).await?;
        self.count(control, caller).await
    }

    async fn count(&self, control: &Control, caller: Caller) -> Result<Admitted, ProjectError> {
        let key = SignInKey::of("management", &caller.token.id.to_string());
        let throttle = &control.sign_in.state().throttle;
        let verdict = throttle.hit(&key, CALLS, WINDOW, control.clock.now()).await?;
        if !verdict.allowed {
            let message = format!("a token may do this {CALLS} times a minute");
            return Err(
                ProjectError::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(verdict.retry_after)
            );
        }
        Ok(Admitted { caller, origin: self.origin })
    }
}
