//! What members of a project may do there, through the use cases.

use promptgate_auth::{Account, Actor, Membership, OidcPerson, Origin, ProjectRole, Role};
use promptgate_control::tokens::{FindTokenError, IssueTokenError};
use promptgate_control::{endpoints, projects, tokens};
use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::{AccountId, Clock, ProjectId};
use promptgate_projects::{ProjectChanges, ProjectType};
use promptgate_store::Access;

use crate::fixture::{Fixture, issue_token};

/// A person with a role, who is a member of the project.
pub(crate) async fn member(
    fixture: &Fixture,
    project: ProjectId,
    role: Role,
    in_project: ProjectRole,
) -> Actor {
    let control = &fixture.control;
    let id = AccountId::mint(&*control.clock, &*control.entropy);
    let known = OidcPerson {
        issuer: "https://id.example.com".into(),
        subject: id.to_string(),
        username: id.to_string(),
        email: String::new(),
        name: String::new(),
    };
    let account = Account::person_by_oidc(id, known, role, fixture.clock.now()).unwrap();
    let mut work = control.store.begin(Access::Write).await.unwrap();
    work.accounts().insert(&account).await.unwrap();
    work.memberships().set(&Membership { project, account: id, role: in_project }).await.unwrap();
    work.commit().await.unwrap();
    Actor::person(&account, Origin::UNKNOWN)
}

/// Which of reading, making an endpoint, issuing a token, changing and deleting the project is refused.
async fn refused(fixture: &Fixture, actor: Actor, project: ProjectId) -> [bool; 5] {
    let control = &fixture.control;
    let read = projects::find(control, actor, project).await;
    let new = NewEndpoint { name: "Mail".into(), ..NewEndpoint::default() };
    let endpoint = endpoints::create(control, actor, project, new).await;
    let token = tokens::issue(control, actor, issue_token(project, None)).await;
    let changed = projects::update(control, actor, project, ProjectChanges::default()).await;
    let deleted = projects::delete(control, actor, project).await;
    [
        matches!(read, Err(projects::FindProjectError::Forbidden(_))),
        matches!(endpoint, Err(endpoints::EndpointError::Forbidden(_))),
        matches!(token, Err(IssueTokenError::Forbidden(_))),
        matches!(changed, Err(projects::UpdateProjectError::Forbidden(_))),
        matches!(deleted, Err(projects::DeleteProjectError::Forbidden(_))),
    ]
}

#[tokio::test]
async fn each_role_opens_what_it_should_and_only_in_its_project() {
    let fixture = Fixture::new().await;
    let own = fixture.project(ProjectType::AiGateway).await.id;
    let other = fixture.project(ProjectType::AiGateway).await.id;
    for (role, expected) in [
        (ProjectRole::Viewer, [false, true, true, true, true]),
        (ProjectRole::Developer, [false, false, true, true, true]),
        (ProjectRole::Admin, [false, false, false, false, true]),
    ] {
        let actor = member(&fixture, own, Role::User, role).await;
        assert_eq!(refused(&fixture, actor, own).await, expected, "{role:?}");
        assert_eq!(refused(&fixture, actor, other).await, [true; 5], "{role:?} elsewhere");
    }
    let without_role = member(&fixture, own, Role::None, ProjectRole::Admin).await;
    assert_eq!(refused(&fixture, without_role, own).await, [true; 5]);
}

#[tokio::test]
async fn a_membership_that_ended_opens_nothing_at_once() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await.id;
    let token = fixture.token(project, None).await.token.id;
    let actor = member(&fixture, project, Role::User, ProjectRole::Viewer).await;
    assert!(tokens::find(&fixture.control, actor, token.into()).await.is_ok());
    let mut work = fixture.control.store.begin(Access::Write).await.unwrap();
    work.memberships().remove(project, actor.account().unwrap()).await.unwrap();
    work.commit().await.unwrap();
    let refused = tokens::find(&fixture.control, actor, token.into()).await.unwrap_err();
    assert!(matches!(refused, FindTokenError::Forbidden(_)));
}
