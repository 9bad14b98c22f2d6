//! Who calls with an access token of an identity provider, or with what looks like one.

use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client};
use serde_json::{Value, json};

use super::cast::{Stage, text};
use super::issuer::Issuer;

/// How somebody comes who signs in at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    RoleNone,
    Inactive,
    /// Whose access has ended.
    Ended,
    User,
    Manager,
    /// A member of the project.
    Developer,
    Administrator,
    /// A user, in the browser of an administrator.
    UserWithSession,
    /// Somebody whom the provider knows and the gateway does not.
    NeverSignedIn,
    // From here on all speak of an administrator.
    Over,
    OverWithSession,
    /// With the admin key besides.
    OverWithKey,
    /// A token that was made for another program.
    ForAnother,
    /// One of a provider that nobody has configured.
    OfForeignIssuer,
    /// One that such a provider signed in the name of ours.
    OfForeignKey,
    IdToken,
    /// A good one, twice.
    Twice,
    /// A good one in the place of a session.
    AsSession,
}

impl Bearer {
    pub(super) const ALL: [Self; 18] = [
        Self::RoleNone,
        Self::Inactive,
        Self::Ended,
        Self::User,
        Self::Manager,
        Self::Developer,
        Self::Administrator,
        Self::UserWithSession,
        Self::NeverSignedIn,
        Self::Over,
        Self::OverWithSession,
        Self::OverWithKey,
        Self::ForAnother,
        Self::OfForeignIssuer,
        Self::OfForeignKey,
        Self::IdToken,
        Self::Twice,
        Self::AsSession,
    ];

    /// What the account is, if there is one.
    const fn role(self) -> Option<&'static str> {
        match self {
            Self::NeverSignedIn => None,
            Self::RoleNone => Some("none"),
            Self::Ended | Self::User | Self::UserWithSession | Self::Developer => Some("user"),
            Self::Inactive | Self::Manager => Some("manager"),
            _ => Some("admin"),
        }
    }

    /// How somebody is refused, whatever they want.
    pub(super) const fn refused_at_once(self) -> Option<(u16, &'static str)> {
        match self {
            Self::RoleNone | Self::Ended => Some((403, "account_role_none")),
            Self::Inactive => Some((403, "account_inactive")),
            Self::User | Self::Manager | Self::Developer | Self::Administrator | Self::UserWithSession => {
                None
            }
            Self::AsSession => Some((401, "invalid session")),
            _ => Some((401, "invalid_token")),
        }
    }
}

/// Somebody with a token of `issuer`; what `foreign` signs counts nowhere.
pub(super) async fn client(
    stage: &Stage<'_>,
    [issuer, foreign]: [&Issuer; 2],
    who: Bearer,
    projects: [&String; 2],
) -> Client {
    let subject = format!("at-provider-{who:?}").to_lowercase();
    if let Some(role) = who.role() {
        let id = signed_in(stage, issuer, &subject, role).await;
        match who {
            Bearer::Developer => {
                for project in projects {
                    let path = format!("/projects/{project}/members/{id}");
                    stage.admin(Method::PUT, &path, json!({"role": "developer"}), 200).await;
                }
            }
            Bearer::Inactive => stage.switch_off(&id).await,
            Bearer::Ended => stage.end_access(&id).await,
            _ => {}
        }
    }
    let good = issuer.access_token(&subject);
    let over = issuer.token_that_is_over(&subject);
    let administrator = async || stage.administrator(&format!("beside-{subject}@example.com")).await;
    match who {
        Bearer::UserWithSession => administrator().await.bearer(&good),
        Bearer::Over => Client::new().bearer(&over),
        Bearer::OverWithSession => administrator().await.bearer(&over),
        Bearer::OverWithKey => Client::new().header("x-admin-api-key", ADMIN_KEY).bearer(&over),
        Bearer::ForAnother => Client::new().bearer(&issuer.token_for_another(&subject)),
        Bearer::OfForeignIssuer => Client::new().bearer(&foreign.access_token(&subject)),
        Bearer::OfForeignKey => Client::new().bearer(&foreign.token_in_the_name_of(issuer, &subject)),
        Bearer::IdToken => Client::new().bearer(&issuer.id_token(&subject)),
        Bearer::Twice => Client::new().bearer(&good).bearer(&good),
        Bearer::AsSession => stage.with_cookie(&format!("promptgate_session={good}")),
        _ => Client::new().bearer(&good),
    }
}

/// Lets somebody sign in, and gives them their role; the id.
async fn signed_in(stage: &Stage<'_>, issuer: &Issuer, subject: &str, role: &str) -> String {
    issuer.sign_in(&stage.gateway.api, subject).await;
    let found = stage.admin(Method::GET, &format!("/users?search={subject}@"), Value::Null, 200).await;
    assert_eq!(found["total"], 1, "{found}");
    let id = text(&found["items"][0]["id"]);
    stage.admin(Method::PATCH, &format!("/users/{id}"), json!({"role": role}), 200).await;
    id
}
