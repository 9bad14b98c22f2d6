use promptgate_kernel::testing::{SeededEntropy, TestClock};

use super::*;
use crate::permission::GRANTS;
use crate::{ManagementScope, ProjectRole};

fn project(seed: u64) -> ProjectId {
    ProjectId::mint(&TestClock::at_millis(1), &SeededEntropy::new(seed))
}

fn account(seed: u64) -> AccountId {
    AccountId::mint(&TestClock::at_millis(1), &SeededEntropy::new(seed))
}

fn token(scopes: &[ManagementScope]) -> Actor {
    let id = TokenId::mint(&TestClock::at_millis(1), &SeededEntropy::new(9));
    Actor::token(id, project(1), scopes.iter().copied().collect())
}

fn person(role: Role) -> Actor {
    Actor::of(Who::Person { id: account(1), role })
}

fn member(role: Role, project_role: ProjectRole) -> Actor {
    person(role).as_member(Some(Membership { project: project(1), account: account(1), role: project_role }))
}

/// What an actor may do in project 1, and only there.
fn opened(actor: Actor) -> Vec<Permission> {
    Permission::ALL
        .into_iter()
        .filter(|permission| {
            assert_eq!(
                actor.require(*permission).is_ok(),
                actor.require_in(project(2), *permission).is_ok(),
                "another project opens what the whole installation does: {permission:?}"
            );
            actor.require_in(project(1), *permission).is_ok()
        })
        .collect()
}

#[test]
fn every_permission_has_its_row() {
    for (row, permission) in GRANTS.iter().zip(Permission::ALL) {
        assert_eq!(row.permission, permission);
        assert_eq!(permission.grant().permission, permission);
    }
}

// Written out a second time on purpose: a changed cell of the table must be changed here too.
#[test]
fn every_column_opens_what_it_should() {
    use Permission as P;
    let own = vec![P::UseOwnAccount];
    let with = |permissions: &[P]| {
        let wanted = |it: &P| own.contains(it) || permissions.contains(it);
        P::ALL.into_iter().filter(wanted).collect::<Vec<_>>()
    };
    let viewer = [P::ReadProject, P::ReadUsage];
    let developer = [P::ReadProject, P::ReadUsage, P::ReadContents, P::ManageEndpoints];
    let admin = [
        P::ReadProject,
        P::ReadUsage,
        P::ReadContents,
        P::ManageEndpoints,
        P::ManageTokens,
        P::ManageGuardrails,
        P::ConfigureProject,
    ];
    assert_eq!(opened(Actor::admin_key()), P::ALL);
    assert_eq!(opened(Actor::system()), P::ALL);
    for role in Role::ALL {
        let expected = match role {
            Role::None => vec![],
            Role::User | Role::Manager => own.clone(),
            Role::Admin => P::ALL.to_vec(),
        };
        assert_eq!(opened(person(role)), expected, "{role:?}");
        for project_role in ProjectRole::ALL {
            let in_project = match (role, project_role) {
                (Role::None, _) => vec![],
                (Role::Admin, _) => P::ALL.to_vec(),
                (_, ProjectRole::Viewer) => with(&viewer),
                (_, ProjectRole::Developer) => with(&developer),
                (_, ProjectRole::Admin) => with(&admin),
            };
            assert_eq!(opened(member(role, project_role)), in_project, "{role:?} {project_role:?}");
        }
    }
    assert_eq!(opened(token(&[])), [P::ReadProject]);
    for scope in ManagementScope::ALL {
        let expected = match scope {
            ManagementScope::Admin => vec![P::ReadProject, P::ManageTokens, P::ManageEndpoints],
            ManagementScope::TokensWrite => vec![P::ReadProject, P::ManageTokens],
            ManagementScope::EndpointsWrite => vec![P::ReadProject, P::ManageEndpoints],
            // The listing of credentials comes with the management routes.
            ManagementScope::CredentialsRead => vec![P::ReadProject],
        };
        assert_eq!(opened(token(&[scope])), expected, "{scope:?}");
    }
}

#[test]
fn a_membership_of_somebody_else_opens_nothing() {
    let foreign = Membership { project: project(1), account: account(2), role: ProjectRole::Admin };
    let actor = person(Role::User).as_member(Some(foreign));
    assert!(actor.require_in(project(1), Permission::ReadProject).is_err());
}

#[test]
fn nobody_creates_or_deletes_projects_by_membership() {
    let actor = member(Role::Manager, ProjectRole::Admin);
    assert!(actor.require_in(project(1), Permission::ManageProjects).is_err());
}

#[test]
fn the_audit_log_learns_who_it_was() {
    let key = AdminKeyId::mint(&TestClock::at_millis(1), &SeededEntropy::new(3));
    let named = Actor::of(Who::AdminKey(Some(key)));
    assert_eq!((named.kind(), named.id()), ("admin_key", Some(key.to_string())));
    assert_eq!((Actor::admin_key().kind(), Actor::admin_key().id()), ("admin_key", None));
    let ada = person(Role::User);
    assert_eq!(
        (ada.kind(), ada.id(), ada.account()),
        ("account", Some(account(1).to_string()), Some(account(1)))
    );
    let refused = ada.require(Permission::ReadAudit).unwrap_err().to_string();
    assert_eq!(refused, format!("the account {} may not do this: ReadAudit is needed", account(1)));
}
