//! Waiting for what was changed to be served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use promptgate_control::Control;
use promptgate_control::replicas::{Replica, wait};
use promptgate_kernel::{Clock, ReplicaId, Revision, Timestamp};
use promptgate_projects::ProjectType;
use promptgate_store::Access;
use tokio::task::JoinSet;

use crate::fixture::Fixture;

/// How many may look again and again at once.
const TURNS: usize = 16;
/// Longer than a process that says nothing is taken to run.
const SILENT: i64 = 11_000_000;

/// A clock that shows one instant at the first look, and another one from then on.
#[derive(Debug)]
struct Looked {
    first: Timestamp,
    then: Timestamp,
    looks: AtomicUsize,
}

impl Looked {
    fn new(first: Timestamp, then: Timestamp) -> Arc<Self> {
        Arc::new(Self { first, then, looks: AtomicUsize::new(0) })
    }
}

impl Clock for Looked {
    fn now(&self) -> Timestamp {
        if self.looks.fetch_add(1, Ordering::SeqCst) == 0 { self.first } else { self.then }
    }
}

/// Says that a proxy runs that serves nothing yet.
async fn beat(control: &Control, seen_at: Timestamp) -> ReplicaId {
    let id = ReplicaId::mint(&*control.clock, &*control.entropy);
    let replica = Replica {
        id,
        kind: "proxy".into(),
        version: "1.0.0".into(),
        host: "here".into(),
        address: "127.0.0.1:8081".into(),
        process: 7,
        answers_calls: true,
        started_at: seen_at,
        seen_at,
        revision: Some(Revision::from_number(0)),
    };
    let mut work = control.store.begin(Access::Write).await.unwrap();
    work.replicas().beat(&replica).await.unwrap();
    work.commit().await.unwrap();
    id
}

#[tokio::test]
async fn who_fell_silent_is_told_to_those_too_whose_turn_to_look_never_came() {
    let fixture = Fixture::new().await;
    fixture.project(ProjectType::AiWrapper).await;
    let now = fixture.control.clock.now();
    let later = Timestamp::from_micros(now.as_micros() + SILENT);
    let (frozen, slow) = (beat(&fixture.control, now).await, beat(&fixture.control, later).await);
    // Each has its turn from its second look on, and keeps it: one proxy stays behind.
    let clocks: Vec<_> = (0..TURNS).map(|_| Looked::new(now, now)).collect();
    let mut waiting = JoinSet::new();
    for clock in &clocks {
        let control = Control { clock: clock.clone(), ..fixture.control.clone() };
        waiting.spawn(async move { wait(&control, Duration::from_mins(1)).await });
    }
    while clocks.iter().any(|clock| clock.looks.load(Ordering::SeqCst) < 2) {
        tokio::task::yield_now().await;
    }
    let control = Control { clock: Looked::new(now, later), ..fixture.control.clone() };
    let served = wait(&control, Duration::ZERO).await.unwrap();
    let behind: Vec<_> = served.behind.iter().map(|replica| replica.id).collect();
    assert_eq!((served.replicas, behind), (2, vec![slow, frozen]));
}
