//! Behaviour of a repository of jobs.

use std::time::Duration;

use futures_util::future::join_all;
use promptgate_kernel::{JobRunId, PageRequest, Timestamp};
use promptgate_schedule::{JobState, Origin, Retry, Run, RunFilter, RunState};
use uuid::Uuid;

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

const HERE: Uuid = Uuid::from_u128(1);
const THERE: Uuid = Uuid::from_u128(2);
const RETRY: Retry =
    Retry { attempts: 2, first: Duration::from_micros(10), longest: Duration::from_micros(10) };

fn run(job: &str, due: i64) -> Run {
    Run::new(JobRunId::mint(clock(), entropy()), job, Origin::Schedule, at(due), at(due))
}

async fn announce(store: &dyn Store, job: &str) {
    let mut work = write(store).await;
    work.jobs().announce(job, "every 1h", at(100), at(1)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn tick(store: &dyn Store, run: &Run) -> bool {
    let mut work = write(store).await;
    let taken = work.jobs().take_tick(run.due_at, at(1_000), run).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    taken
}

async fn insert(store: &dyn Store, run: &Run) -> bool {
    let mut work = write(store).await;
    let inserted = work.jobs().insert(run).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    inserted
}

async fn claim(store: &dyn Store, jobs: &[&str], holder: Uuid, micros: i64) -> Option<Run> {
    let mut work = write(store).await;
    let claimed = work.jobs().claim(jobs, holder, at(micros), at(micros + 50)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    claimed
}

async fn save(store: &dyn Store, run: &Run) -> bool {
    let mut work = write(store).await;
    let saved = work.jobs().save(run).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, run: &Run) -> Option<Run> {
    read(store).await.jobs().find(run.id).await.expect(WORKS)
}

async fn list(store: &dyn Store) -> Vec<JobState> {
    read(store).await.jobs().list().await.expect(WORKS)
}

/// Of many that take one tick one gets it; an earlier one is never taken after it; an open run stands for
/// the tick that comes while it is open.
pub async fn a_tick_is_taken_once_and_one_run_is_open(store: &dyn Store) {
    announce(store, "tidy").await;
    let runs: Vec<Run> = (0..8).map(|_| run("tidy", 10)).collect();
    let taken = join_all(runs.iter().map(|run| tick(store, run))).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert!(!tick(store, &run("tidy", 9)).await);
    assert!(!tick(store, &run("unknown", 10)).await);
    let open = read(store).await.jobs().open("tidy").await.expect(WORKS).expect("it was put down");
    assert!(runs.contains(&open));
    assert!(tick(store, &run("tidy", 11)).await);
    assert!(!insert(store, &run("tidy", 12)).await);
    let all =
        read(store).await.jobs().runs(&RunFilter::default(), PageRequest::default()).await.expect(WORKS);
    assert_eq!(all.items, [open]);
}

/// A paused job's tick is taken like any other, and put down as skipped, beside an open run too; it is no
/// last run, and of many the newest stay. What is announced anew stays paused.
pub async fn a_paused_job_is_left_out(store: &dyn Store) {
    announce(store, "tidy").await;
    let pause = |job: &'static str, at| async move {
        let mut work = write(store).await;
        let changed = work.jobs().set_paused(job, at).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        changed
    };
    assert!(!pause("tidy", None).await);
    assert!(pause("tidy", Some(at(5))).await);
    assert!(!pause("tidy", Some(at(6))).await, "it is paused");
    assert!(!pause("unknown", Some(at(6))).await);
    announce(store, "tidy").await;
    assert_eq!(list(store).await[0].paused_at, Some(at(5)));
    let due = run("tidy", 10);
    assert!(tick(store, &due).await);
    assert!(!tick(store, &due).await);
    let skipped = due.clone().skipped(due.created_at);
    assert_eq!(find(store, &due).await.as_ref(), Some(&skipped));
    let asked = run("tidy", 11);
    assert!(insert(store, &asked).await, "one that is asked for is no other's open run");
    assert!(tick(store, &run("tidy", 12)).await);
    let job = list(store).await.remove(0);
    assert_eq!((job.open.as_ref(), &job.last), (Some(&asked), &None));
    let done = claim(store, &["tidy"], HERE, 13).await.expect("it waits").finished(at(14), 1);
    assert!(save(store, &done).await);
    let mut work = write(store).await;
    assert_eq!(work.jobs().trim("tidy", 1, 10).await.expect(WORKS), 1);
    work.commit().await.expect(WORKS);
    assert_eq!((find(store, &due).await, find(store, &done).await), (None, Some(done.clone())));
    assert!(pause("tidy", None).await);
    let job = list(store).await.remove(0);
    assert_eq!((job.paused_at, job.last), (None, Some(done)));
    let due = run("tidy", 20);
    assert!(tick(store, &due).await);
    assert_eq!(find(store, &due).await.map(|run| run.state), Some(RunState::Waiting));
}

/// What is due is claimed by one, the longest waiting first, and only of the jobs asked for; what another
/// change came before is not written.
pub async fn a_run_is_claimed_once_and_closed_by_whoever_holds_it(store: &dyn Store) {
    let (late, early, other) = (run("late", 20), run("early", 10), run("other", 1));
    for run in [&late, &early, &other] {
        assert!(insert(store, run).await);
    }
    let jobs = ["late", "early"];
    assert_eq!(claim(store, &jobs, HERE, 9).await, None);
    assert_eq!(claim(store, &[], HERE, 90).await, None);
    let since =
        |micros| async move { read(store).await.jobs().waiting_since(&jobs, at(micros)).await.expect(WORKS) };
    assert_eq!((since(9).await, since(30).await), (None, Some(at(10))));
    let claims = join_all((0..6).map(|_| claim(store, &jobs, HERE, 30))).await;
    let mut claimed: Vec<Run> = claims.into_iter().flatten().collect();
    claimed.sort_by_key(|run| run.due_at);
    let names: Vec<&str> = claimed.iter().map(|run| run.job.as_str()).collect();
    assert_eq!(names, ["early", "late"]);
    let mine = claimed.swap_remove(0);
    assert_eq!((mine.state, mine.attempts, mine.holder), (RunState::Running, 1, Some(HERE)));
    assert_eq!((mine.started_at, mine.held_until), (Some(at(30)), Some(at(80))));
    let done = mine.clone().finished(at(40), 7);
    assert!(save(store, &done).await);
    assert_eq!(find(store, &mine).await, Some(done));
    assert!(!save(store, &mine.failed(at(41), "late", RETRY)).await);
}

/// A run whose holder says nothing for too long is found; one whose holder speaks is not.
pub async fn what_nobody_answers_for_lapses(store: &dyn Store) {
    for job in ["a", "b"] {
        assert!(insert(store, &run(job, 1)).await);
    }
    let kept = claim(store, &["a"], HERE, 10).await.expect("it is due");
    let lost = claim(store, &["b"], THERE, 10).await.expect("it is due");
    let mut work = write(store).await;
    assert_eq!(work.jobs().extend(&[kept.id, lost.id], HERE, at(200)).await.expect(WORKS), 1);
    assert_eq!(work.jobs().lapsed(at(60), 10).await.expect(WORKS), []);
    assert_eq!(work.jobs().lapsed(at(100), 10).await.expect(WORKS), std::slice::from_ref(&lost));
    assert!(work.jobs().save(&lost.clone().failed(at(100), "gone", RETRY)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let again = claim(store, &["b"], HERE, 200).await.expect("it is tried again");
    assert_eq!((again.id, again.attempts, again.error.as_deref()), (lost.id, 2, Some("gone")));
    assert!(!save(store, &lost.finished(at(201), 1)).await, "its first holder comes back too late");
    assert_eq!(find(store, &kept).await.and_then(|run| run.held_until), Some(at(200)));
}

async fn closed(store: &dyn Store, job: &str, micros: i64, retry: Retry, is_fine: bool) -> Run {
    assert!(insert(store, &run(job, micros)).await);
    let claimed = claim(store, &[job], HERE, micros).await.expect("it is due");
    let end = at(micros + 1);
    let run = if is_fine { claimed.finished(end, 1) } else { claimed.failed(end, "broken", retry) };
    assert!(save(store, &run).await);
    run
}

/// Runs are listed by job and state, the newest first; of each job the newest stay, dead letters apart;
/// a dead letter is revived unless a run is open.
pub async fn runs_are_listed_and_trimmed(store: &dyn Store) {
    let once = Retry { attempts: 1, ..RETRY };
    let mut fine = Vec::new();
    for micros in [10, 20, 30] {
        fine.push(closed(store, "a", micros, once, true).await);
    }
    let dead = closed(store, "a", 40, once, false).await;
    let other = closed(store, "b", 50, once, true).await;
    let runs = |job: Option<&str>, state| {
        let filter = RunFilter { job: job.map(str::to_owned), state };
        async move {
            let page = PageRequest::clamped(1, 2);
            let page = read(store).await.jobs().runs(&filter, page).await.expect(WORKS);
            (page.total, page.items.into_iter().map(|run| run.id).collect::<Vec<_>>())
        }
    };
    let mut newest = [dead.id, other.id];
    newest.sort_unstable_by(|one, two| two.cmp(one));
    assert_eq!(runs(Some("a"), Some(RunState::Dead)).await, (1, vec![dead.id]));
    assert_eq!(runs(None, None).await.0, 5);
    assert_eq!(runs(Some("b"), None).await, (1, vec![other.id]));
    let trim = |keep, limit| async move {
        let mut work = write(store).await;
        let removed = work.jobs().trim("a", keep, limit).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        removed
    };
    assert_eq!((trim(3, 10).await, trim(1, 1).await, trim(1, 10).await), (0, 1, 1));
    assert_eq!(find(store, &fine[2]).await.as_ref(), Some(&fine[2]));
    assert_eq!((find(store, &fine[0]).await, find(store, &fine[1]).await), (None, None));
    assert_eq!(find(store, &dead).await, Some(dead.clone()));

    let open = run("a", 60);
    assert!(insert(store, &open).await);
    let revived = dead.revived(at(61)).expect("it is dead");
    let mut work = write(store).await;
    let refused = work.jobs().save(&revived).await.expect_err("one is open");
    assert!(refused.is_conflict("job_runs_job_key"), "{refused}");
    drop(work);
    let closed = claim(store, &["a"], HERE, 62).await.expect("it is due").finished(at(63), 0);
    assert!(save(store, &closed).await && save(store, &revived).await);
}

/// Jobs are listed with their open run, their last one and their dead letters; those that nobody carries
/// out any more are forgotten.
pub async fn jobs_are_listed_with_how_they_go(store: &dyn Store) {
    announce(store, "b").await;
    announce(store, "a").await;
    let once = Retry { attempts: 1, ..RETRY };
    closed(store, "a", 10, once, false).await;
    let last = closed(store, "a", 20, once, true).await;
    let open = run("a", 30);
    assert!(insert(store, &open).await);
    let jobs = list(store).await;
    assert_eq!(jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((&jobs[0].last, &jobs[0].open, jobs[0].dead), (&Some(last), &Some(open), 1));
    assert_eq!((&jobs[1].last, &jobs[1].open, jobs[1].dead), (&None, &None, 0));
    assert_eq!((jobs[0].next_at, jobs[0].seen_at, jobs[0].schedule.as_str()), (at(100), at(1), "every 1h"));
    let mut work = write(store).await;
    assert!(work.jobs().is_known("a").await.expect(WORKS));
    assert!(!work.jobs().is_known("c").await.expect(WORKS));
    work.jobs().announce("b", "every 2h", at(200), at(2)).await.expect(WORKS);
    assert_eq!(work.jobs().forget(at(2)).await.expect(WORKS), 4);
    work.commit().await.expect(WORKS);
    let left: Vec<(String, Timestamp)> =
        list(store).await.into_iter().map(|job| (job.schedule, job.next_at)).collect();
    assert_eq!(left, [("every 2h".to_owned(), at(200))]);
}
