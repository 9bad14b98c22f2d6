//! What a sign-in answers.

use promptgate_auth::{Account, SessionStage};
use promptgate_control::sign_in::Opened;
use promptgate_kernel::{AccountId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Somebody's profile.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileView {
    #[schema(value_type = String, format = "uuid")]
    id: AccountId,
    /// The identity provider's name for the person; `local:…` for one who signs in with a password.
    sub: String,
    preferred_username: String,
    /// May be blank.
    email: String,
    name: String,
    /// `user` or `service`.
    r#type: &'static str,
    /// `none`, `user`, `manager` or `admin`.
    role: &'static str,
    is_active: bool,
    /// Whether the person's own network rules come before everybody's.
    firewall_override_enabled: bool,
    #[schema(value_type = String, format = "date-time")]
    last_login_at: Timestamp,
}

impl ProfileView {
    /// An account at this time: one whose access has ended shows the role `none`.
    pub(crate) fn of(account: Account, now: Timestamp) -> Self {
        let expired = account.expires_at.is_some_and(|at| at <= now);
        Self {
            id: account.id,
            sub: account.subject,
            preferred_username: account.username,
            email: account.email,
            name: account.name,
            r#type: account.kind.as_str(),
            role: if expired { "none" } else { account.role.as_str() },
            is_active: account.active,
            firewall_override_enabled: account.firewall_override,
            last_login_at: account.last_login_at.unwrap_or(account.created_at),
        }
    }
}

/// How far a sign-in is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignInView {
    /// `signed_in`, `password_change_required` (only `/auth/password/change` is open) or
    /// `totp_required` (only `/auth/totp` is).
    status: &'static str,
    /// Who signed in; only once every step is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<ProfileView>,
}

impl SignInView {
    pub(super) fn of(opened: Opened, now: Timestamp) -> Self {
        match opened.session.stage {
            SessionStage::Full => {
                Self { status: "signed_in", user: Some(ProfileView::of(opened.account, now)) }
            }
            SessionStage::MustChangePassword => Self { status: "password_change_required", user: None },
            SessionStage::NeedsTotp => Self { status: "totp_required", user: None },
        }
    }
}
