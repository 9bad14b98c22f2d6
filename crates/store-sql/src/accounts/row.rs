//! A row of the table of accounts.

use promptgate_auth::{Account, PasswordHash, RecoveryHash, Totp};
use promptgate_kernel::{AccountId, PlanId, RepositoryError, Sealed, Timestamp};
use sqlx::FromRow;
use uuid::Uuid;

use crate::error::{corrupt, read_document};
use crate::value::verbatim;

#[derive(FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "the account has as many switches")]
pub(super) struct AccountRow {
    id: Uuid,
    kind: String,
    issuer: Option<String>,
    subject: String,
    username: String,
    email: String,
    name: String,
    role: String,
    plan_id: Option<Uuid>,
    note: String,
    active: bool,
    firewall_override: bool,
    expires_at: Option<i64>,
    last_login_at: Option<i64>,
    password_hash: Option<String>,
    must_change_password: bool,
    well_known_password: bool,
    totp_secret: Option<String>,
    totp_confirmed_at: Option<i64>,
    totp_last_step: Option<i64>,
    totp_recovery: String,
    deleted_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    version: i64,
    limits: String,
}

impl TryFrom<AccountRow> for Account {
    type Error = RepositoryError;

    fn try_from(row: AccountRow) -> Result<Self, RepositoryError> {
        let hashes: Vec<[u8; 32]> = read_document("accounts", row.id, &row.totp_recovery)?;
        let totp = row.totp_secret.map(|secret| Totp {
            secret: Sealed::from_text(secret),
            confirmed_at: row.totp_confirmed_at.map(Timestamp::from_micros),
            last_step: row.totp_last_step,
            recovery: hashes.into_iter().map(RecoveryHash::from_bytes).collect(),
        });
        Ok(Self {
            id: AccountId::from_uuid(row.id),
            kind: row.kind.parse().map_err(|error| corrupt("accounts", row.id, error))?,
            issuer: row.issuer,
            subject: row.subject,
            username: row.username,
            email: row.email,
            name: row.name,
            role: row.role.parse().map_err(|error| corrupt("accounts", row.id, error))?,
            plan_id: row.plan_id.map(PlanId::from_uuid),
            limits: read_document("accounts", row.id, &row.limits)?,
            note: row.note,
            active: row.active,
            firewall_override: row.firewall_override,
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_login_at: row.last_login_at.map(Timestamp::from_micros),
            password: row.password_hash.map(PasswordHash::from_text),
            must_change_password: row.must_change_password,
            well_known_password: row.well_known_password,
            totp,
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

/// The recovery codes that are left, as a document.
pub(super) fn recovery(totp: Option<&Totp>) -> String {
    let hashes: Vec<[u8; 32]> =
        totp.iter().flat_map(|totp| &totp.recovery).map(|hash| *hash.as_bytes()).collect();
    verbatim(&hashes)
}
