use crate::fixture::{ADMIN, Fixture, new_project, new_provider};
use promptgate_auth::{Actor, ManagementScopes};
use promptgate_control::project_providers::{self, SetProvider};
use promptgate_control::projects::{self, CreateProjectError, DeleteProjectError, UpdateProjectError};
use promptgate_control::{aliases, endpoints, providers};
use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::Revision;
use promptgate_projects::{ProjectChanges, ProjectName, ProjectType};
use promptgate_providers::{NewAlias, Preset};
use promptgate_store::{Access, Change};

#[tokio::test]
async fn a_change_its_audit_event_and_its_revision_come_together() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    assert_eq!(fixture.revision().await, Revision::from_number(1));
    assert_eq!(fixture.last_change().await, Some(Change::Project(project.id)));
    let events = fixture.audit().await;
    let event = &events[0].event;
    assert_eq!((event.action.as_str(), event.target_id.clone()), ("project.created", project.id.to_string()));
    assert_eq!((event.actor.kind.as_str(), event.project_id), ("admin_key", Some(project.id)));
}

#[tokio::test]
async fn a_refused_change_leaves_nothing() {
    let fixture = Fixture::new().await;
    let mut new = new_project(ProjectType::AiWrapper);
    new.default_provider = Some("018f4e6e-0000-7000-8000-00000000dead".parse().unwrap());
    let refused = projects::create(&fixture.control, ADMIN, new).await.unwrap_err();
    assert!(matches!(refused, CreateProjectError::UnknownProvider(_)));
    assert_eq!(fixture.revision().await, Revision::default());
    assert!(fixture.audit().await.is_empty());
}

#[tokio::test]
async fn updates_are_named_by_what_they_do() {
    let fixture = Fixture::new().await;
    let id = fixture.project(ProjectType::AiWrapper).await.id;
    let name = ProjectName::parse("Other").unwrap();
    for changes in [
        ProjectChanges { active: Some(false), ..Default::default() },
        ProjectChanges { active: Some(true), ..Default::default() },
        ProjectChanges { active: Some(false), name: Some(name), ..Default::default() },
    ] {
        projects::update(&fixture.control, ADMIN, id, changes).await.unwrap();
    }
    projects::delete(&fixture.control, ADMIN, id).await.unwrap();
    let expected =
        ["project.created", "project.deactivated", "project.activated", "project.updated", "project.deleted"];
    assert_eq!(fixture.actions().await, expected);
    let events = fixture.audit().await;
    assert_eq!(events[3].event.details["fields"], "name,isActive");
    assert!(!format!("{events:?}").contains("Other"), "content stays out of the log");
    let refused = projects::update(&fixture.control, ADMIN, id, ProjectChanges::default()).await.unwrap_err();
    assert!(matches!(refused, UpdateProjectError::NotFound(_)));
    let refused = projects::delete(&fixture.control, ADMIN, id).await.unwrap_err();
    assert!(matches!(refused, DeleteProjectError::NotFound(_)));
}

#[tokio::test]
async fn a_token_manages_no_project() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let token = fixture.token(project.id, None).await.token;
    let actor = Actor::token(token.id, project.id, ManagementScopes::default());
    let refused = projects::delete(&fixture.control, actor, project.id).await.unwrap_err();
    assert!(matches!(refused, DeleteProjectError::Forbidden(_)));
}

#[tokio::test]
async fn a_deleted_project_keeps_nothing_that_is_only_its_own() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let provider = providers::create(control, ADMIN, new_provider("main", "")).await.unwrap().provider.id;
    let gateway = fixture.project(ProjectType::AiGateway).await.id;
    let wrapper = fixture.project(ProjectType::AiWrapper).await.id;
    let other = fixture.project(ProjectType::AiWrapper).await.id;
    let new = NewEndpoint {
        name: "Mail".to_owned(),
        provider_id: Some(provider),
        provider_model: Some("m".to_owned()),
        ..NewEndpoint::default()
    };
    endpoints::create(control, ADMIN, gateway, new).await.unwrap();
    for project_id in [wrapper, other] {
        let alias = NewAlias {
            project_id,
            name: "fast".to_owned(),
            provider_id: provider,
            model: "m".to_owned(),
            description: String::new(),
            preset: Preset::default(),
        };
        aliases::create(control, ADMIN, alias).await.unwrap();
        let off = SetProvider { enabled: false, credential_id: None, position: None };
        project_providers::save(control, ADMIN, project_id, provider, off).await.unwrap();
    }
    for project in [gateway, wrapper] {
        projects::delete(control, ADMIN, project).await.unwrap();
    }
    let mut work = control.store.begin(Access::Read).await.unwrap();
    assert_eq!(work.endpoints().list_all().await.unwrap(), []);
    let left: Vec<_> =
        work.aliases().list_all().await.unwrap().iter().map(|alias| alias.project_id).collect();
    assert_eq!(left, [other]);
    let left = work.project_providers().list_all().await.unwrap();
    assert_eq!(left.iter().map(|setting| setting.project_id).collect::<Vec<_>>(), [other]);
}
