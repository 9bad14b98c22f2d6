use promptgate_tokens::Overlap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fixture::{ADMIN, Fixture, new_project, new_provider};
use async_trait::async_trait;
use promptgate_control::projects::UpdateProjectError;
use promptgate_control::{projects, providers, tokens};
use promptgate_kernel::PageRequest;
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
