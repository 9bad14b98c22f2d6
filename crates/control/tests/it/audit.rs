use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_audit::{Altered, Culprit, EventFilter, Failure, Severity};
use promptgate_auth::{Actor, Origin, Via};
use promptgate_control::audit::{AuditKeeper, VerifyError, Whole, list, verify, write_failures};
use promptgate_control::projects;
use promptgate_kernel::{Clock, KeyRing, PageRequest, RepositoryError, SecretsKey, SortDirection};
use promptgate_projects::{ProjectChanges, ProjectType};
use promptgate_store::{Access, Store, UnitOfWork};

use crate::fixture::{ADMIN, Fixture, keys};

const DAY: Duration = Duration::from_hours(24);

fn keeper(fixture: &Fixture) -> AuditKeeper {
    AuditKeeper {
        store: Arc::clone(&fixture.control.store),
        clock: fixture.clock.clone(),
        keys: keys(),
        keep: DAY * 400,
    }
}

/// Closes and removes; says how many rows went.
async fn tidy(keeper: &AuditKeeper) -> u64 {
    let over = keeper.close().await.unwrap();
    let mut removed = 0;
    loop {
        match keeper.remove_some(over, 2).await.unwrap() {
            0 => return removed,
            some => removed += some,
        }
    }
}

async fn whole(fixture: &Fixture) -> Whole {
    verify(&fixture.control, ADMIN).await.unwrap()
}

async fn checkpoints(fixture: &Fixture) -> Vec<(i64, bool)> {
    let mut work = fixture.control.store.begin(Access::Read).await.unwrap();
    let all = work.audit().checkpoints_after(0, 100).await.unwrap();
    all.iter().map(|it| (it.claim.position, it.claim.released_at.is_some())).collect()
}

#[tokio::test]
async fn a_segment_is_closed_each_day_and_goes_when_its_time_is_over() {
    let fixture = Fixture::new().await;
    let keeper = keeper(&fixture);
    assert_eq!(tidy(&keeper).await, 0, "there is nothing to sign yet");
    let first = fixture.project(ProjectType::AiGateway).await;
    fixture.token(first.id, None).await;
    for (advance, expected) in [
        (Duration::ZERO, vec![(2, false)]),
        (Duration::from_hours(23), vec![(2, false)]),
        (DAY, vec![(2, false)]),
    ] {
        fixture.clock.advance(advance);
        tidy(&keeper).await;
        assert_eq!(checkpoints(&fixture).await, expected, "nothing new is nothing to sign");
    }
    projects::delete(&fixture.control, ADMIN, first.id).await.unwrap();
    tidy(&keeper).await;
    let there = whole(&fixture).await;
    assert_eq!((checkpoints(&fixture).await.len(), there.checkpoints), (2, 2));
    assert!(there.signed_to > 0 && there.signed_to <= i64::try_from(there.rows).unwrap());
    fixture.clock.advance(DAY * 399);
    assert_eq!(tidy(&keeper).await, 2);
    assert_eq!(checkpoints(&fixture).await[0], (2, true));
    assert_eq!(whole(&fixture).await.rows, there.rows - 2);
    fixture.clock.advance(DAY * 2);
    assert_eq!(tidy(&keeper).await, there.rows - 2);
    assert_eq!(whole(&fixture).await.rows, 0, "a log that was let go is whole");
    fixture.project(ProjectType::AiGateway).await;
    assert_eq!(whole(&fixture).await.rows, 1);
}

#[tokio::test]
async fn a_log_that_nobody_signed_is_closed_before_it_goes() {
    let fixture = Fixture::new().await;
    fixture.project(ProjectType::AiGateway).await;
    fixture.clock.advance(DAY * 401);
    let kept = fixture.project(ProjectType::AiWrapper).await;
    assert_eq!(tidy(&keeper(&fixture)).await, 1);
    assert_eq!(checkpoints(&fixture).await, [(1, true)]);
    assert_eq!(
        fixture
            .control
            .store
            .begin(Access::Read)
            .await
            .unwrap()
            .projects()
            .find(kept.id)
            .await
            .unwrap()
            .unwrap()
            .id,
        kept.id
    );
    assert_eq!(whole(&fixture).await.rows, 1);
}

#[tokio::test]
async fn without_the_key_nothing_goes_and_nothing_is_proved() {
    let fixture = Fixture::new().await;
    fixture.project(ProjectType::AiGateway).await;
    tidy(&keeper(&fixture)).await;
    fixture.clock.advance(DAY * 401);
    let stranger =
        AuditKeeper { keys: KeyRing::new(SecretsKey::from_bytes([9; 32]), vec![]), ..keeper(&fixture) };
    assert_eq!(tidy(&stranger).await, 0);
    let mut control = fixture.control.clone();
    control.keys = stranger.keys;
    let unproved = verify(&control, ADMIN).await.unwrap_err();
    let VerifyError::Altered(Altered::Checkpoint { position: 1, .. }) = unproved else {
        panic!("{unproved}");
    };
}

#[tokio::test]
async fn a_row_that_is_gone_before_its_time_is_missed() {
    let fixture = Fixture::new().await;
    fixture.project(ProjectType::AiGateway).await;
    fixture.project(ProjectType::AiWrapper).await;
    tidy(&keeper(&fixture)).await;
    assert_eq!(keeper(&fixture).remove_some(1, 10).await.unwrap(), 1);
    let error = verify(&fixture.control, ADMIN).await.unwrap_err().to_string();
    assert!(error.contains("row 1 was removed"), "{error}");
}

#[tokio::test]
async fn a_row_says_what_changed_from_where_and_through_which_door() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiGateway).await;
    let origin = Origin { address: Some(IpAddr::from([192, 0, 2, 7])), via: Via::CommandLine, request: None };
    let changes = ProjectChanges { active: Some(false), ..ProjectChanges::default() };
    projects::update(&fixture.control, Actor::system_for(origin), project.id, changes).await.unwrap();
    let row = fixture.audit().await.remove(1).event;
    assert_eq!((row.action.as_str(), row.severity), ("project.deactivated", Severity::Warn));
    assert_eq!((row.came.address, row.came.via.as_deref()), (origin.address, Some("cli")));
    let one = |value: &str| [("isActive".to_owned(), value.to_owned())].into();
    assert_eq!((row.before, row.after), (one("true"), one("false")));
    let first = fixture.audit().await.remove(0).event;
    assert_eq!((first.actor.label.as_deref(), first.severity), (Some("environment"), Severity::Ok));
}

#[tokio::test]
async fn what_strangers_were_refused_is_one_row_for_each() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let address = Some(IpAddr::from([192, 0, 2, 7]));
    let by = Culprit::Address(address);
    let failure = Failure { action: "auth.token_invalid", reason: "unknown", by };
    for _ in 0..500 {
        control.failures.note(failure, address, fixture.clock.now());
    }
    let write = || write_failures(&control.failures, &*control.store, &*control.clock, &*control.entropy);
    write().await.unwrap();
    write().await.unwrap();
    let rows = fixture.audit().await;
    assert_eq!(rows.len(), 1);
    let event = &rows[0].event;
    assert_eq!((event.actor.kind.as_str(), event.came.address), ("anonymous", address));
    assert_eq!((event.details["count"].as_str(), event.details["reason"].as_str()), ("500", "unknown"));
    let filter = EventFilter { severity: Some(Severity::Warn), ..EventFilter::default() };
    let page =
        list(control, ADMIN, &filter, SortDirection::Descending, PageRequest::default()).await.unwrap();
    assert_eq!(page.total, 1);
}

/// A store whose next few transactions can be opened, and none behind them.
struct Short {
    store: Arc<dyn Store>,
    left: AtomicI32,
}

#[async_trait]
impl Store for Short {
    async fn begin(&self, access: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(RepositoryError::Unavailable { source: "away".into() });
        }
        self.store.begin(access).await
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        self.store.ping().await
    }
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later_and_nothing_else() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    for network in 0..90 {
        let address = Some(format!("2001:db8:0:{network:x}::7").parse::<IpAddr>().unwrap());
        let by = Culprit::Address(address);
        let failure = Failure { action: "auth.token_invalid", reason: "unknown", by };
        control.failures.note(failure, address, fixture.clock.now());
    }
    let write = async |store: &dyn Store| {
        write_failures(&control.failures, store, &*control.clock, &*control.entropy).await
    };
    let short = Short { store: control.store.clone(), left: 1.into() };
    write(&short).await.unwrap_err();
    assert_eq!(fixture.audit().await.len(), 50, "one transaction is short");
    write(&*control.store).await.unwrap();
    write(&*control.store).await.unwrap();
    let rows = fixture.audit().await;
    let networks: BTreeSet<_> = rows.iter().map(|row| row.event.details["network"].clone()).collect();
    assert_eq!((rows.len(), networks.len()), (90, 90));
    assert!(rows.iter().all(|row| row.event.details["count"] == "1"));
    assert!(networks.contains("2001:db8:0:1::/64"), "{networks:?}");
}

/// Every action that a use case names has a row in the table of severities.
#[test]
fn every_action_of_the_code_has_a_severity() {
    let mut actions = Vec::new();
    read(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut actions);
    assert!(actions.len() > 80, "{}", actions.len());
    for (file, action) in actions {
        assert!(
            Severity::of(&action).is_some(),
            "{file}: {action} has no row in crates/audit/src/severity.rs"
        );
    }
}

/// The texts in a directory that look like actions and are no name of a span.
fn read(directory: &std::path::Path, actions: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, actions);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let texts = line.split('"').skip(1).step_by(2);
            for text in texts.filter(|text| is_action(text)) {
                actions.push((path.display().to_string(), text.to_owned()));
            }
        }
    }
}

fn is_action(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_word =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    parts.len() > 1 && parts.iter().all(is_word) && parts[0] != "control"
}
