use promptgate_tokens::{KeyName, Overlap, TokenChanges};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fixture::{ADMIN, Fixture, new_project, new_provider};
use async_trait::async_trait;
use promptgate_auth::{AccountChanges, AccountKind, Role};
use promptgate_control::accounts::CreatePerson;
use promptgate_control::keys::IssueKey;
use promptgate_control::projects::UpdateProjectError;
use promptgate_control::tokens::{RevokeTokenError, RotateTokenError, UpdateTokenError};
use promptgate_control::{accounts, keys, projects, providers, tokens};
use promptgate_kernel::{AccountId, PageRequest, SecretString, TokenId};
use promptgate_projects::{ProjectChanges, ProjectFilter, ProjectType};
use promptgate_store::{Announcement, Bus, BusError, Signal, Subscription};
use promptgate_store_sql::{SqlOptions, connect};

/// A bus whose connection is gone.
#[derive(Default)]
struct BrokenBus {
    tried: AtomicU32,
}

struct Silence;

#[async_trait]
impl Subscription for Silence {
    async fn next(&mut self) -> Signal {
        std::future::pending().await
    }
}

#[async_trait]
impl Bus for BrokenBus {
    async fn announce(&self, _: Announcement) -> Result<(), BusError> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        Err(BusError("no connection".into()))
    }

    async fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(Silence)
    }
}

#[tokio::test]
async fn a_lost_announcement_is_no_failure_of_the_change() {
    let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let bus = Arc::new(BrokenBus::default());
    let fixture = Fixture::with_bus(&connected, bus.clone());
    let project =
        projects::create(&fixture.control, ADMIN, new_project(ProjectType::AiWrapper)).await.unwrap();
    assert_eq!(bus.tried.load(Ordering::SeqCst), 1);
    assert_eq!(projects::find(&fixture.control, ADMIN, project.id).await.unwrap(), project);
}

#[tokio::test]
async fn every_commit_is_announced_with_its_revision() {
    let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let bus = promptgate_coordination_local::LocalBus::new();
    let fixture = Fixture::with_bus(&connected, Arc::new(bus.clone()));
    let mut listener = bus.subscribe().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let token = fixture.token(project.id, None).await.token;
    tokens::revoke(&fixture.control, ADMIN, token.id.into()).await.unwrap();
    for revision in [1, 2] {
        match listener.next().await {
            Signal::Announced(announced) => assert_eq!(announced.revision.number(), revision),
            Signal::Missed => panic!("nothing was missed"),
        }
    }
}

#[tokio::test]
async fn writers_at_the_same_time_all_get_through_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    writers_get_through(&format!("sqlite:{}", folder.path().join("many.db").display())).await;
}

#[tokio::test]
async fn writers_at_the_same_time_all_get_through_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    writers_get_through(database.url()).await;
}

/// Whoever writes takes the audit log before the change log, so no two wait for each other.
async fn writers_get_through(url: &str) {
    let connected = connect(url, SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let fixture = Fixture::over(&connected);
    let control = &fixture.control;
    let provider = providers::create(control, ADMIN, new_provider("main", "sk-1")).await.unwrap().provider;
    let kept = fixture.project(ProjectType::AiWrapper).await;
    let token = fixture.token(kept.id, None).await.token;
    let create = || projects::create(control, ADMIN, new_project(ProjectType::AiWrapper));
    let (a, b, c, deleted, rotated) = tokio::join!(
        create(),
        create(),
        create(),
        providers::delete(control, ADMIN, provider.id),
        tokens::rotate(control, ADMIN, token.id.into(), Overlap::NONE),
    );
    for created in [a, b, c] {
        created.unwrap();
    }
    deleted.unwrap();
    rotated.unwrap();
    let filter = ProjectFilter::default();
    let page = projects::list(control, ADMIN, &filter, PageRequest::default()).await.unwrap();
    assert_eq!((page.total, fixture.revision().await.number()), (4, 7));
    assert_eq!(fixture.audit().await.len(), 8);
}

#[tokio::test]
async fn of_two_who_change_the_same_thing_one_is_told_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    let connected = connect(database.url(), SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let fixture = Fixture::over(&connected);
    let id = fixture.project(ProjectType::AiWrapper).await.id;
    let named = || ProjectChanges { active: Some(true), ..ProjectChanges::default() };
    let update = || projects::update(&fixture.control, ADMIN, id, named());
    let mut applied = 1;
    for _ in 0..10 {
        let (one, other) = tokio::join!(update(), update());
        for result in [one, other] {
            match result {
                Ok(_) => applied += 1,
                Err(UpdateProjectError::Changed(changed)) => assert_eq!(changed, id),
                Err(other) => panic!("{other}"),
            }
        }
    }
    let project = projects::find(&fixture.control, ADMIN, id).await.unwrap();
    assert_eq!(project.version, applied, "nothing that was told to be done was lost");
    assert_eq!(fixture.revision().await.number(), applied);
}

async fn key(fixture: &Fixture, owner: AccountId, name: &str) -> TokenId {
    let name = KeyName::parse(name).unwrap();
    let command = IssueKey { owner, kind: None, name, description: String::new(), days: None };
    keys::issue(&fixture.control, ADMIN, command).await.unwrap().token.id
}

/// A person with four keys, the third of which is below the second.
async fn person_with_keys(fixture: &Fixture, round: u32) -> (AccountId, [TokenId; 4]) {
    let new = CreatePerson {
        email: format!("person-{round}@example.com"),
        name: String::new(),
        role: Role::User,
        password: SecretString::new("correct horse battery".into()),
        must_change_password: false,
    };
    let owner = accounts::create_person(&fixture.control, ADMIN, new).await.unwrap().account.id;
    let [one, two] = [key(fixture, owner, "one").await, key(fixture, owner, "two").await];
    (owner, [one, two, fixture.below(two, None).await, key(fixture, owner, "three").await])
}

/// Whoever changes a key has its row and wants the audit log; whoever ends an account ends its keys, and
/// must not have the log by then.
#[tokio::test]
async fn keys_and_their_owners_are_changed_at_once_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    let connected = connect(database.url(), SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let fixture = Fixture::over(&connected);
    let control = &fixture.control;
    for round in 0..12 {
        let (owner, ids) = person_with_keys(&fixture, round).await;
        let rotate = |id: TokenId| tokens::rotate(control, ADMIN, id.into(), Overlap::NONE);
        let renamed = || TokenChanges { is_active: Some(true), ..TokenChanges::default() };
        let end = async {
            if round % 2 == 0 {
                accounts::delete(control, ADMIN, AccountKind::Person, owner).await.unwrap();
            } else {
                let none = AccountChanges { role: Some(Role::None), ..AccountChanges::default() };
                let ended = accounts::update(control, ADMIN, AccountKind::Person, owner, none).await;
                assert_eq!(ended.unwrap().account.role, Role::None);
            }
        };
        let (one, two, updated, revoked, ()) = tokio::join!(
            rotate(ids[0]),
            rotate(ids[2]),
            tokens::update(control, ADMIN, ids[1].into(), renamed()),
            tokens::revoke(control, ADMIN, ids[3].into()),
            end,
        );
        for rotated in [one, two] {
            assert!(!matches!(rotated, Err(RotateTokenError::Store(_))), "{rotated:?}");
        }
        assert!(!matches!(updated, Err(UpdateTokenError::Store(_))), "{updated:?}");
        assert!(!matches!(revoked, Err(RevokeTokenError::Store(_))), "{revoked:?}");
        for id in ids {
            let token = tokens::find(control, ADMIN, id.into()).await.unwrap();
            assert!(matches!(token.state, promptgate_tokens::TokenState::Revoked { .. }), "{token:?}");
        }
    }
    fixture.audit().await;
}
