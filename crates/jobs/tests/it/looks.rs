//! How many monitored services are looked at at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

/// So many, whatever the number of those whose turn it is.
const AT_ONCE: usize = 8;

/// Answers when it is let.
struct Slow {
    looking: AtomicUsize,
    most: AtomicUsize,
    answers: Semaphore,
}

#[async_trait::async_trait]
impl ServiceChecker for Slow {
    async fn look(&self, _: &str) -> Seen {
        let looking = self.looking.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(looking, Ordering::SeqCst);
        self.answers.acquire().await.expect(WORKS).forget();
        self.looking.fetch_sub(1, Ordering::SeqCst);
        Seen { status_code: Some(503), error: String::new(), latency_ms: 1 }
    }
}

#[tokio::test]
async fn slow_services_are_looked_at_side_by_side_but_not_all_at_once() {
    let (store, _directory) = store().await;
    let clock = clock();
    insert_services(&*store, &*clock, 20).await;
    let checker = Arc::new(Slow {
        looking: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        answers: Semaphore::new(0),
    });
    let checks = DueChecks { store, clock, checker: checker.clone() };
    let reaches = async |looking: usize| {
        while checker.looking.load(Ordering::SeqCst) < looking {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let meanwhile = async {
        timeout(PATIENCE, reaches(AT_ONCE)).await.expect("they do not wait for each other");
        let more = timeout(Duration::from_millis(200), reaches(AT_ONCE + 1)).await;
        assert!(more.is_err(), "more than {AT_ONCE} at once");
        // Where one has ended, the next one begins.
        checker.answers.add_permits(1);
        timeout(PATIENCE, reaches(AT_ONCE)).await.expect("the next one begins");
        checker.answers.add_permits(20);
    };
    let (tally, ()) = tokio::join!(checks.run(), meanwhile);
    let tally = tally.expect(WORKS);
    assert_eq!((tally.checked, tally.degraded), (20, 20));
    assert_eq!(checker.most.load(Ordering::SeqCst), AT_ONCE);
}

#[tokio::test]
async fn services_are_looked_at_as_soon_as_the_scheduler_runs() {
    let (store, _directory) = store().await;
    let clock = clock();
    insert_services(&*store, &*clock, 3).await;
    let checker = Arc::new(Counting::default());
    let checks = DueChecks { store: Arc::clone(&store), clock: clock.clone(), checker: checker.clone() };
    let options = SchedulerOptions { check_interval: DAY, ..options() };
    let scheduler = Scheduler::new(store, clock, entropy(), options).checking(checks);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(scheduler.run(stop.clone()));
    until(3, async || checker.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len()).await;
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("it stops");
}
