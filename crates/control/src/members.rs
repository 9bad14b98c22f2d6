//! Who is a member of what: looked up where a use case is about one project.

use promptgate_auth::{Actor, Role, Who};
use promptgate_kernel::{ProjectId, RepositoryError};
use promptgate_store::UnitOfWork;

/// The actor as a member of a project, for [`Actor::require_in`]. Only people whose role does not open
/// everything anyway are looked up, in the same unit of work as what they want to do.
pub(crate) async fn actor_in(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    project: ProjectId,
) -> Result<Actor, RepositoryError> {
    match actor.who {
        Who::Person { id, role: Role::User | Role::Manager } => {
            Ok(actor.as_member(work.memberships().find(project, id).await?))
        }
        Who::Person { .. } | Who::AdminKey(_) | Who::System | Who::Token { .. } => Ok(actor),
    }
}
