//! Who belongs to a project.

use promptgate_kernel::{AccountId, ProjectId};

use crate::ProjectRole;

/// What one account may do in one project, on top of what its role opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The project.
    pub project: ProjectId,
    /// The member.
    pub account: AccountId,
    /// What the member may do there.
    pub role: ProjectRole,
}
