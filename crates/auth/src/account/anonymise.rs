//! Deletion that keeps history attributable.

use promptgate_kernel::{LimitSet, Timestamp};

use super::Account;
use crate::Role;

impl Account {
    /// The account after its deletion: the id, the kind and the dates stay, so that calls remain
    /// attributable to it; whatever named or let in somebody is gone.
    #[must_use]
    pub fn anonymise(self, now: Timestamp) -> Self {
        let account = self.changed(now);
        Self {
            issuer: None,
            subject: String::new(),
            username: String::new(),
            email: String::new(),
            name: String::new(),
            role: Role::None,
            plan_id: None,
            limits: LimitSet::default(),
            note: String::new(),
            active: false,
            firewall_override: false,
            expires_at: None,
            last_login_at: None,
            password: None,
            must_change_password: false,
            well_known_password: false,
            totp: None,
            deleted_at: Some(now),
            ..account
        }
    }
}
